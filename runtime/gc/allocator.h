// Who gets memory: the slow paths behind make<T>. A thread fills its buffer (a hole or an empty block); when it is full
// it comes here for the next one, which may sweep a block, commit a chunk, or collect.
//
// Order of search for a buffer: swept blocks with holes - unswept blocks - empty blocks - spare chunks - (past the
// arena's soft size: collect first) - new chunks up to the limit - (collect) - std::bad_alloc.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "runtime/gc/thread_context.h"
#include "runtime/pool/chunk.h"

namespace openclaw::gc {

class HeapImpl;

// Threads: the allocating ones; state under the pool lock.
class Allocator {
 public:
  explicit Allocator(HeapImpl& heap) : heap_(heap) {}

  // A zeroed cell with `header` (type, flags, site; the size is filled in) for `payload` bytes. Returns the payload.
  // Throws std::bad_alloc. A stop may happen inside.
  void* allocateSlow(ThreadContext& thread, std::uint64_t header, std::size_t payload);

  // Ends the buffers of a thread: counts its objects, closes request segments. By the thread inside its critical
  // section, or in a stopped world.
  void retire(ThreadContext& thread) noexcept;
  // Objects in a thread's buffers now: [start, cursor) of both; for counters.
  static void countBuffer(const Tlab& tlab, std::uint64_t& objects, std::uint64_t& bytes) noexcept;
  void setRequest(ThreadContext& thread, std::uint64_t request) noexcept;
  // New sampling point and limits after a setting changed; by the thread itself at its next slow path.
  void settingsChanged() noexcept { settingsVersion_.fetch_add(1, std::memory_order_release); }

  // After a mark, world stopped: all blocks with objects are unswept, search begins at the front.
  void restartSearch() noexcept;
  // Blocks-chunks without an object become spare, spare ones beyond memory.spare-chunks go back to the system.
  void releaseEmptyChunks() noexcept;

 private:
  friend class Sweeper;
  void* allocateLarge(ThreadContext& thread, std::uint64_t header, std::size_t payload);
  void* tryBuffers(ThreadContext& thread, std::uint64_t header, std::size_t cell);
  void* place(ThreadContext& thread, Tlab& tlab, std::uint64_t header, std::size_t cell) noexcept;
  bool refill(ThreadContext& thread, Tlab& tlab, std::size_t cell);
  bool takeHole(ThreadContext& thread, Tlab& tlab, pool::Address block, std::size_t minimum) noexcept;
  pool::Address acquireBlock(ThreadContext& thread, bool emptyOnly, bool mayCommit);
  void retireTlab(ThreadContext& thread, Tlab& tlab, bool final) noexcept;
  void abandonBlock(pool::Address block) noexcept;
  void setLimit(ThreadContext& thread) noexcept;
  void maybeCollect(ThreadContext& thread, std::size_t bytes);
  pool::Address takeRun(std::size_t pages) noexcept;
  std::uint32_t sampleSite(ThreadContext& thread, std::uint32_t site, std::size_t cell) noexcept;

  HeapImpl& heap_;
  std::atomic<std::uint32_t> settingsVersion_{0};
  // Guarded by the pool lock: chunk indexes where a search goes on.
  std::uint32_t recyclableCursor_ = 0, unsweptCursor_ = 0, emptyCursor_ = 0, largeCursor_ = 0;
};

}  // namespace openclaw::gc
