// Who gets memory: the slow paths behind make<T>. A thread fills its buffer (a hole or an empty block); when it is full
// it comes here for the next one, which may sweep a block, commit a chunk, or collect.
//
// Order of search for a block: swept ones with holes - unswept ones - empty ones - spare or new chunks within the arena's
// soft size. Then, step by step: collect, chunks past the soft size (overflow), collect at the heap limit, wait for
// destructors and collect once more, std::bad_alloc.
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

  // Ends the buffers of a thread: counts its objects, closes request segments, gives up its blocks. Pool lock held, or
  // world stopped.
  void retire(ThreadContext& thread) noexcept;
  // Objects in [start, cursor) of a buffer.
  static void countBuffer(const Tlab& tlab, std::uint64_t& objects, std::uint64_t& bytes) noexcept;
  // The thread's own, from outside a critical section.
  void setRequest(ThreadContext& thread, std::uint64_t request) noexcept;
  // Threads take up new sampling and buffer settings at their next slow path; until then limits are as they were.
  void settingsChanged() noexcept { settingsVersion_.fetch_add(1, std::memory_order_release); }

  // After a mark, world stopped: everything that holds objects is unswept, the search begins at the front. How many
  // blocks and large chunks.
  std::uint64_t restartSearch() noexcept;
  // Block chunks without an object become spare, spare ones beyond memory.spare-chunks go back to the system. Pool lock held.
  void releaseEmptyChunks() noexcept;

 private:
  // How far a search may go.
  struct Reach {
    std::uint64_t limitBytes;   // of committed memory
    bool sweepForEmpty;         // sweep everything to find an empty block
    bool holesForOverflow;      // also holes, for cells that would rather have an empty block
  };

  // Calls tryOnce(reach) with ever longer reach until it returns true. Throws std::bad_alloc when nothing helps.
  template <class F>
  void withMoreReach(ThreadContext& thread, F&& tryOnce);
  void* allocateLarge(ThreadContext& thread, std::uint64_t header, std::size_t payload);
  void* tryBuffers(ThreadContext& thread, std::uint64_t header, std::size_t cell) noexcept;
  void* place(Tlab& tlab, std::uint64_t header, std::size_t cell) noexcept;
  bool refillOnce(ThreadContext& thread, Tlab& tlab, std::size_t cell, const Reach& reach) noexcept;
  bool takeHole(ThreadContext& thread, Tlab& tlab, std::size_t minimum) noexcept;
  pool::Address acquireBlock(const ThreadContext& thread, bool wantEmpty, const Reach& reach) noexcept;
  pool::Address takeEmptyBlock(std::uint64_t limitBytes) noexcept;
  pool::Address sweepNext() noexcept;
  void retireTlab(ThreadContext& thread, Tlab& tlab) noexcept;
  void abandonBlock(Tlab& tlab) noexcept;
  void closeSegment(ThreadContext& thread, Tlab& tlab) noexcept;
  void takeUpSettings(ThreadContext& thread) noexcept;
  void setLimit(ThreadContext& thread) noexcept;
  bool sampleNow(ThreadContext& thread, std::size_t cell) noexcept;
  void collectIfDue(ThreadContext& thread);
  bool softCollectionIsDue() const noexcept;
  pool::Address takePages(std::size_t pages, std::uint64_t limitBytes) noexcept;
  void sweepLargeChunks() noexcept;
  void spareEmptyChunks() noexcept;

  HeapImpl& heap_;
  std::atomic<std::uint32_t> settingsVersion_{1};
  // Guarded by the pool lock: chunk indexes where a search goes on.
  std::uint32_t recyclableCursor_ = 0, unsweptCursor_ = 0, emptyCursor_ = 0, largeCursor_ = 0;
};

}  // namespace openclaw::gc
