// The walk: numbers the objects of a HeapSource and writes all of it as frames. Runs in the dump child, in a stopped
// world (fallback) or in tests; never allocates, never locks.
//
//   DumpWorkspace workspace = *DumpWorkspace::create(source);   // before the stop, in the parent
//   WalkResult result = writeDump(source, workspace, sink, progress);
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "capture/heap_source.h"
#include "format/frame_encoder.h"
#include "format/result.h"

namespace openclaw {

// All memory a walk needs, mapped before the stop: the encoder's workspace, the numbering's bitmap and ranks over
// [low, high) (16 bytes a KiB of address space, reserved without swap and touched only where objects are), batches of
// regions and roots. Owns: one anonymous mapping. Threads: one walk at a time.
class DumpWorkspace {
 public:
  static Result<DumpWorkspace> create(std::uint64_t lowAddress, std::uint64_t highAddress, std::uint32_t granule);
  DumpWorkspace(DumpWorkspace&&) noexcept;
  DumpWorkspace& operator=(DumpWorkspace&&) noexcept;
  ~DumpWorkspace();
  std::span<std::byte> memory() const { return memory_; }
  // Gives the touched pages back (madvise), after a walk in this process.
  void release() noexcept;

 private:
  explicit DumpWorkspace(std::span<std::byte> memory) : memory_(memory) {}
  std::span<std::byte> memory_;
};

// Shared between a child and its parent (MAP_SHARED); plain atomics, written by the walk every few thousand objects.
struct WalkProgress {
  std::atomic<std::uint32_t> phase{0};          // WalkPhase
  std::atomic<std::uint64_t> objectsTotal{0}, objectsDone{0}, bytesWritten{0};
  std::atomic<std::uint32_t> finished{0};       // 1 after the result below is valid
  std::atomic<std::uint32_t> status{0};         // EncodeStatus
  std::atomic<std::int32_t> sinkError{0};       // errno
  std::atomic<std::uint64_t> references{0}, roots{0}, regions{0}, danglingReferences{0}, walkNanoseconds{0};
  std::atomic<std::uint32_t> frames{0};
  // What the end frame says was lost, for whoever reports the dump; valid once finished.
  struct NamedLoss { char name[56]; std::uint64_t count; };
  static constexpr std::size_t kMaxLosses = 64;
  std::atomic<std::uint32_t> lossCount{0};
  NamedLoss losses[kMaxLosses] = {};
};
enum class WalkPhase : std::uint32_t { kNumbering, kTables, kObjects, kRegions, kRoots, kFinished };
const char* toText(WalkPhase phase);

// `header` and `stopNanoseconds` go into the file as they are (for a child the stop is not over yet when it starts:
// pass 0, the parent reports it). Returns the encoder's status; details in `progress`.
// Cost: 101 to 115 ns an object of 64 B with three slots on one core, compression included (tests/bench/RESULTS.md).
EncodeStatus writeDump(HeapSource& source, DumpWorkspace& workspace, const FileHeader& header, ByteSink& sink,
                       WalkProgress& progress, std::uint64_t stopNanoseconds) noexcept;

}  // namespace openclaw
