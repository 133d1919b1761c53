// Turns rows into frames without malloc, locks or exceptions: the only way a dump child may write. It works inside
// one caller-given workspace, computes the size of every message before it builds it, splits tables over as many
// frames as they need, and hands finished bytes to a sink.
//
//   FrameEncoder encoder(workspace, sink);
//   encoder.begin(fileHeader);
//   encoder.types(types);                             // metadata tables: one call each, any number of rows
//   for (object : objectsByAddress) {                 // objects: rows, then their slots, in address order
//     encoder.object(record);
//     for (slot : slots) encoder.reference(targetIndexOrNull);
//   }
//   encoder.end(endRecord);                           // flushes, writes the end frame
//   if (encoder.status() != EncodeStatus::kOk) ...    // sticky: after a failure every call does nothing
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "format/frame.h"
#include "format/records.h"

namespace openclaw {

enum class EncodeStatus : std::uint8_t {
  kOk,
  kSinkFailed,       // the sink refused bytes (disk full, broken pipe); errno stands in sinkError()
  kRowTooLarge,      // one row does not fit a frame (a text of many megabytes)
  kOutOfOrder,       // object addresses not ascending, or more references than announced
  kCompressorFailed,
  kMiscounted,       // a bug: a message did not take the room that was computed for it
};
const char* toText(EncodeStatus status);  // static text

// Where finished bytes go, in order. Returns 0 or an errno. In a dump child: write(2) in a loop.
class ByteSink {
 public:
  virtual int write(const std::byte* data, std::size_t size) noexcept = 0;
 protected:
  ~ByteSink() = default;
};

// Threads: one at a time. Owns: nothing; workspace and sink are borrowed for its life.
class FrameEncoder {
 public:
  static constexpr std::uint32_t kObjectsPerFrame = 64 * 1024;
  // Bytes of workspace to hand in (a few MiB: columns of one frame, a message, zstd's static context). Constant.
  static std::size_t workspaceBytes() noexcept;

  // `workspace` holds workspaceBytes() at least, at any alignment; its contents do not matter.
  FrameEncoder(std::span<std::byte> workspace, ByteSink& sink) noexcept;
  FrameEncoder(const FrameEncoder&) = delete;

  void begin(const FileHeader& header) noexcept;
  // References are stored in 64 bits when a dump holds `objects` >= 2^31 - 1. Call before the first object.
  void expectObjects(std::uint64_t objects) noexcept;

  // Metadata tables. Splits over frames; row numbers continue over calls for types, sites, regions and stacks.
  void process(const ProcessRecord& row) noexcept;
  void modules(std::span<const ModuleRecord> rows) noexcept;
  void types(std::span<const TypeRecord> rows) noexcept;
  void sites(std::span<const SiteRecord> rows) noexcept;
  void arenas(std::span<const ArenaRecord> rows) noexcept;
  void regions(std::span<const RegionRecord> rows) noexcept;
  void floating(std::span<const FloatingRecord> rows) noexcept;
  void roots(std::span<const RootRecord> rows) noexcept;
  void threads(std::span<const ThreadRecord> rows) noexcept;
  void stacks(std::uint64_t meanInterval, std::span<const StackRecord> rows) noexcept;
  void pauses(std::uint64_t total, std::span<const PauseRecord> rows) noexcept;
  void settings(std::span<const SettingRecord> rows, std::span<const SettingChangeRecord> changes) noexcept;
  void counters(std::span<const CounterRecord> rows) noexcept;
  void requests(std::span<const RequestRecord> rows, std::uint64_t lost) noexcept;
  void labels(std::span<const std::string_view> rows) noexcept;
  // Of the objects from 0 on, over as many calls as it takes. `ids`: whether rows have one; the same in all calls.
  void names(std::span<const NameRecord> rows, bool ids) noexcept;
  void symbols(std::span<const SymbolRecord> rows, std::string_view symbolizer) noexcept;

  // Objects in ascending address order; each is followed by exactly record.referenceCount reference() calls.
  // The hot pair: 63 to 66 ns an object at 2.57 slots, compression included (tests/bench/RESULTS.md).
  void object(const ObjectRecord& record) noexcept;
  // `target` is an object index, or kNullReference. `label` and `strength` only where the source has no declared
  // fields (imports); a dump uses the two-argument form for all slots of an object or none.
  void reference(std::uint64_t target) noexcept;
  void reference(std::uint64_t target, std::uint32_t label, Strength strength) noexcept;
  // Flushes open objects and references. Called by every metadata table and by end().
  void flush() noexcept;
  // Writes the end frame; record.frames is filled in here, as are objects and references when 0.
  void end(EndRecord record) noexcept;

  // What the dump cost, after end(): in a file continued with continueAt(), by whoever waited for the walk.
  void taken(const TakenRecord& row) noexcept;

  // For appending to an existing file: the next frame's sequence number.
  void continueAt(std::uint32_t sequence) noexcept;

  EncodeStatus status() const noexcept;
  int sinkError() const noexcept;
  std::uint64_t bytesWritten() const noexcept;
  std::uint64_t objectsWritten() const noexcept;

 private:
  struct State;   // lives at the start of the workspace
  State* state_;
};

}  // namespace openclaw
