// The table behind Root<T>: slots that never move, which the collector reads without a lock while threads outside the
// heap go on making and dropping handles.
//
// Why that is safe. A handle's old value is never overwritten while roots are being scanned: a store or reset that
// sees scanning() leaves the old slot as it is (released at the end of the collection) and takes a fresh one. A thread
// that does not see it made its store before the scan began, in the total order of the sequentially consistent
// operations, so the scan sees what that store left.
#pragma once

#include <atomic>
#include <cstdint>

namespace openclaw::gc {

// Threads: all members from any thread, registered or not; lock-free.
class RootTable {
 public:
  static constexpr std::uint32_t kNone = 0xffff'ffffu;
  struct Slot {
    std::atomic<std::uintptr_t> target;   // payload address, 0 = none
    std::atomic<std::uint32_t> next;      // free list
    std::uint32_t site;                   // where the handle was made (raw site, see sites.h)
  };

  explicit RootTable(std::uint32_t capacity);     // throws std::bad_alloc without address space
  ~RootTable();
  RootTable(const RootTable&) = delete;

  // A slot with this target. Throws std::bad_alloc when all slots are taken.
  std::uint32_t acquire(std::uintptr_t target, std::uint32_t site);
  void release(std::uint32_t index) noexcept;
  // Gives the handle in `index` a new target; returns its slot, another one while roots are scanned.
  std::uint32_t store(std::uint32_t index, std::uintptr_t target);
  std::uintptr_t load(std::uint32_t index) const noexcept { return slots_[index].target.load(std::memory_order_acquire); }

  // The collector's.
  void beginScan() noexcept { scanning_.store(1, std::memory_order_seq_cst); }
  void endScan() noexcept;
  std::uint32_t high() const noexcept { return high_.load(std::memory_order_seq_cst); }
  const Slot& slot(std::uint32_t index) const noexcept { return slots_[index]; }
  std::uint64_t countSet() const noexcept;        // O(high)

 private:
  void push(std::atomic<std::uint64_t>& list, std::uint32_t index) noexcept;
  std::uint32_t pop(std::atomic<std::uint64_t>& list) noexcept;

  Slot* slots_;
  std::uint32_t capacity_;
  std::atomic<std::uint32_t> high_{0};            // slots used so far
  std::atomic<std::uint32_t> scanning_{0};
  // Treiber stacks: index in the low half, a tag against reuse in the high half.
  std::atomic<std::uint64_t> free_{kNone}, deferred_{kNone};
};

}  // namespace openclaw::gc
