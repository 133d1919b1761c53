// Turns dead cells into holes. Lazy: a block is swept when a thread acquires it, when the control thread has time, or at
// the latest in the pause of the next collection. Dead objects with a destructor become kDoomed and wait for it; their
// cells are freed by the sweep after the destructor has run.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/gc/heap_lock.h"
#include "runtime/pool/chunk.h"

namespace openclaw::gc {

class HeapImpl;

// Threads: a block is swept by whoever cleared its bit in unsweptMask under the pool lock.
class Sweeper {
 public:
  explicit Sweeper(HeapImpl& heap) : heap_(heap) {}

  // The mark bytes, summary and counters of one block. Its unswept bit is already clear. Does not touch chunk masks.
  void sweepBlock(pool::Address block) noexcept;
  // All large objects of a chunk; pool lock held. A huge chunk may go back to the pool.
  void sweepLargeChunk(std::uint32_t chunkIndex) noexcept;
  // After sweepBlock: puts the block's bits into the chunk's masks (empty, recyclable) or marks it full. Pool lock held.
  void publishBlock(pool::Address block) noexcept;

  // Background: one block or large chunk. False: nothing left. On an unregistered thread.
  bool step() noexcept;
  // The rest, in a stopped world before a mark. How many blocks and chunks.
  std::uint64_t finish() noexcept;
  bool anyLeft() const noexcept { return left_.load(std::memory_order_relaxed) != 0; }
  // World stopped: so many blocks and large chunks wait to be swept.
  void setLeft(std::uint64_t count) noexcept { left_.store(count, std::memory_order_relaxed); }
  void taken() noexcept { left_.fetch_sub(1, std::memory_order_relaxed); }

  // Held by the control thread during a step, and by whoever stopped the world.
  HeapLock lock;

 private:
  bool sweepDeadBlock(pool::Address block) noexcept;

  HeapImpl& heap_;
  std::atomic<std::uint64_t> left_{0};
  std::uint32_t cursor_ = 0;
};

}  // namespace openclaw::gc
