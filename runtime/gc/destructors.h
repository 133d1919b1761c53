// Runs the destructors of dead objects, off-pause, on one thread: the one that calls HeapImpl::idleStep (the control
// thread), and in ~Heap for all objects. A destructor must not touch other heap objects; if it allocates it is refused
// with std::bad_alloc. Objects wait in place (state kDoomed): no queue to overflow. Only this class takes an object out
// of that state, into kDestroyed, so whoever sees kDoomed in the course of one round may touch the object. The header's
// flag alone would not do: a sweep could free the cell between the look at its mark and the look at its header.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/gc/heap_lock.h"
#include "runtime/pool/layout.h"

namespace openclaw::gc {

class HeapImpl;

class Destructors {
 public:
  explicit Destructors(HeapImpl& heap) : heap_(heap) {}
  // By the sweeper: `count` more wait in the block or large chunk at this address.
  void add(std::uint64_t count) noexcept { pending_.fetch_add(count, std::memory_order_relaxed); }
  // Up to `most` destructors. Returns how many ran. One thread at a time.
  std::uint64_t run(std::uint64_t most);
  // Destructors of everything that has one, dead or alive; no other thread uses the heap.
  void runAll();
  std::uint64_t pending() const { return pending_.load(std::memory_order_relaxed); }
  std::uint64_t executed() const { return executed_.load(std::memory_order_relaxed); }
  // True inside a destructor that this class runs, on this thread.
  static bool running() noexcept;
  // Waits until nothing is pending or `nanoseconds` have passed; the caller is a blocked thread.
  bool waitUntilIdle(std::uint64_t nanoseconds) noexcept;

 private:
  bool runOne(pool::ObjectHeader* header);

  HeapImpl& heap_;
  std::atomic<std::uint64_t> pending_{0}, executed_{0};
  std::atomic<std::uint32_t> drained_{0};          // futex
  std::uint32_t cursor_ = 0;                       // chunk where the search goes on
};

}  // namespace openclaw::gc
