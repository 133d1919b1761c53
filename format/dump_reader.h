// Opens a heap.bin, complete or damaged, and decodes its frames. A file without an index, cut anywhere, with unknown
// frames, or with damaged ones gives what can be had; what could not is counted. Memory is bounded by the frames'
// declared and checked sizes, never by what a hostile file asks for.
//
//   OPENCLAW_TRY(auto reader, DumpReader::open("heap.bin"));
//   for (const FrameInfo& frame : reader.frames())
//     if (frame.kind == FrameKind::kTypes) {
//       OPENCLAW_TRY(auto decoded, reader.decode(frame));     // safe from several threads at once
//       decoded.forEachType([&](TypeIndex index, const TypeRecord& type) { ... });
//     }
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "format/frame.h"
#include "format/ids.h"
#include "format/records.h"
#include "format/result.h"

namespace openclaw {

struct FrameInfo {
  FrameKind kind{};
  std::uint32_t sequence = 0;
  std::uint64_t offset = 0;       // of the frame header
  std::uint32_t storedSize = 0, rawSize = 0;
  bool known = true;              // false: a kind of a newer version
};

// One kind of fault of a file: where it first shows, and how often in all. `name` is one of fileInvariants().
struct FileFault {
  std::string_view name;
  std::string detail;             // of the first place, for people
  std::uint64_t offset = 0;       // of the first place
  std::optional<std::uint32_t> sequence{};  // of the frame there, when it has one
  std::uint64_t times = 0;
  std::optional<std::uint64_t> object{};    // number of the object there
};

// What a file must be, by name: what `heap-analyzer validate` names. `loss`: where it is broken, something is missing.
struct FileInvariant {
  std::string_view name, sentence;
  bool loss;
};
std::span<const FileInvariant> fileInvariants();

// What a file lost, or had that this reader does not know. All zero for a complete file of this version.
struct ReadReport {
  bool indexUsed = false;         // false: the file was scanned for frames
  bool endSeen = false;           // false: the dumped process did not finish writing
  bool headerDamaged = false;     // the file header's checksum is wrong; frames follow all the same
  std::uint32_t minorVersion = 0; // above kFormatMinor: the file may say more than this reader knows
  std::uint64_t fileBytes = 0;
  std::uint64_t bytesRead = 0;    // header, whole frames, trailer; fileBytes - bytesRead bytes belong to nothing readable
  std::uint64_t unknownFrames = 0;
  std::uint64_t damagedFrames = 0;   // checksum or decoding failed
  std::uint64_t duplicateFrames = 0; // exact copies of other frames; nothing is lost by ignoring them
  std::uint64_t conflictingFrames = 0;  // a sequence number seen before with other bytes; the first sound one counts
  std::uint64_t missingFrames = 0;   // gaps in the sequence
  std::vector<FileFault> faults{};   // one row a name
  // Nothing was lost. Unknown frames and exact copies are no loss, nor is a newer minor version.
  bool complete() const;
  double fractionRead() const;    // bytesRead / fileBytes
  // Another place where `name` is broken.
  void fault(std::string_view name, std::uint64_t offset, std::optional<std::uint32_t> sequence, std::string detail);
};

// The columns of one objects frame, decoded. Owned vectors, 64 Ki rows at most.
struct ObjectColumns {
  std::uint64_t firstIndex = 0;
  std::vector<std::uint64_t> address, size;
  std::vector<std::uint32_t> type, site, referenceCount;
  std::vector<std::uint8_t> age, flags;                         // always full length
  std::vector<std::pair<std::uint32_t, std::uint64_t>> external;  // (row, bytes), ascending rows
  std::vector<std::pair<std::uint32_t, std::uint64_t>> bounds;    // (row, ObjectRecord::bound), ascending rows
};
// The slots of one references frame, in order. A slot's source follows from the objects' reference counts.
struct ReferenceColumns {
  std::uint64_t firstObject = 0, skippedSlots = 0;
  // Zigzag deltas already undone up to the source: target = source + delta; isNull says which slots are null.
  std::vector<std::int64_t> delta;
  static constexpr std::int64_t kNull = INT64_MIN;
  std::vector<std::uint32_t> label;      // empty, or one a slot
  std::vector<std::uint8_t> strength;    // empty, or one a slot
};

// One frame, decompressed and checked. Records given to visitors borrow from it. Threads: one at a time.
// A forEach on a frame of another kind is a bug. Visitors see rows in order with their number over the whole dump.
class DecodedFrame {
 public:
  DecodedFrame(DecodedFrame&&) noexcept;
  DecodedFrame& operator=(DecodedFrame&&) noexcept;
  ~DecodedFrame();
  const FrameInfo& info() const;

  template <class T> using Visitor = std::function<void(const T&)>;
  template <class I, class T> using IndexedVisitor = std::function<void(I, const T&)>;
  void process(const Visitor<ProcessRecord>&) const;
  void forEachModule(const Visitor<ModuleRecord>&) const;
  void forEachType(const IndexedVisitor<TypeIndex, TypeRecord>&) const;
  void forEachSite(const IndexedVisitor<SiteIndex, SiteRecord>&) const;
  void forEachArena(const Visitor<ArenaRecord>&) const;
  void forEachRegion(const IndexedVisitor<RegionIndex, RegionRecord>&) const;
  void forEachFloating(const Visitor<FloatingRecord>&) const;
  void forEachRoot(const Visitor<RootRecord>&) const;
  void forEachThread(const Visitor<ThreadRecord>&) const;
  std::uint64_t stackMeanInterval() const;
  void forEachStack(const IndexedVisitor<StackIndex, StackRecord>&) const;
  std::uint64_t pausesTotal() const;
  void forEachPause(const Visitor<PauseRecord>&) const;
  void forEachSetting(const Visitor<SettingRecord>&) const;
  void forEachSettingChange(const Visitor<SettingChangeRecord>&) const;
  void forEachCounter(const Visitor<CounterRecord>&) const;
  std::uint64_t requestsLost() const;
  void forEachRequest(const Visitor<RequestRecord>&) const;
  void forEachLabel(const std::function<void(std::uint32_t, std::string_view)>&) const;
  // Object, its id or nullopt, its text. Rows that neither column has are left out.
  void forEachName(const std::function<void(std::uint64_t, std::optional<std::uint64_t>, std::string_view)>&) const;
  void forEachSymbol(const Visitor<SymbolRecord>&) const;
  void end(const Visitor<EndRecord>&) const;
  void taken(const Visitor<TakenRecord>&) const;
  // kDamaged when columns disagree in length or a value is out of range.
  Result<ObjectColumns> objects() const;
  Result<ReferenceColumns> references() const;

 private:
  friend class DumpReader;
  DecodedFrame();
  struct State;
  std::unique_ptr<State> state_;
};

// Threads: const members from any number. Owns: the open file, which it reads with pread(2): a file that
// shrinks under a mapping would end the program.
class DumpReader {
 public:
  // kDamaged: no heap.bin at all (the message says what it looks like instead: HPROF, heapsnapshot, ELF, empty);
  // kUnsupported: a newer format version; kIo: cannot be read.
  static Result<DumpReader> open(const std::string& path);
  // The same over bytes in memory, borrowed; `name` stands in errors.
  static Result<DumpReader> fromMemory(std::span<const std::byte> bytes, std::string name);
  DumpReader(DumpReader&&) noexcept;
  DumpReader& operator=(DumpReader&&) noexcept;
  ~DumpReader();

  const FileHeader& header() const;
  // Whole frames by sequence, however they stand in the file; copies dropped; damaged headers skipped. Cost: one pass over
  // headers, and over the bytes of frames that come twice.
  std::span<const FrameInfo> frames() const;
  // Counters known after open(); decode() failures are the caller's to add.
  const ReadReport& report() const;
  Result<DecodedFrame> decode(const FrameInfo& frame) const;
  // Of a frame that cannot be decoded: the file invariant that it breaks. Cost: reads its bytes again.
  std::string_view invariantBrokenBy(const FrameInfo& frame) const;

 private:
  DumpReader();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace openclaw
