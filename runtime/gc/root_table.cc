#include "runtime/gc/root_table.h"

#include <sys/mman.h>

#include <new>

namespace openclaw::gc {

RootTable::RootTable(std::uint32_t capacity) : capacity_(capacity) {
  void* memory = ::mmap(nullptr, sizeof(Slot) * capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  slots_ = static_cast<Slot*>(memory);   // all zero: atomics of this kind are plain words
}

RootTable::~RootTable() { ::munmap(slots_, sizeof(Slot) * capacity_); }

void RootTable::push(std::atomic<std::uint64_t>& list, std::uint32_t index) noexcept {
  std::uint64_t head = list.load(std::memory_order_relaxed);
  std::uint64_t next;
  do {
    slots_[index].next.store(static_cast<std::uint32_t>(head), std::memory_order_relaxed);
    next = (((head >> 32) + 1) << 32) | index;
  } while (!list.compare_exchange_weak(head, next, std::memory_order_seq_cst, std::memory_order_relaxed));
}

std::uint32_t RootTable::pop(std::atomic<std::uint64_t>& list) noexcept {
  std::uint64_t head = list.load(std::memory_order_acquire);
  for (;;) {
    const std::uint32_t index = static_cast<std::uint32_t>(head);
    if (index == kNone) return kNone;
    const std::uint64_t next = (((head >> 32) + 1) << 32) | slots_[index].next.load(std::memory_order_relaxed);
    if (list.compare_exchange_weak(head, next, std::memory_order_seq_cst, std::memory_order_acquire)) return index;
  }
}

std::uint32_t RootTable::acquire(std::uintptr_t target, std::uint32_t site) {
  std::uint32_t index = pop(free_);
  if (index == kNone) {
    index = high_.load(std::memory_order_relaxed);
    do {
      if (index >= capacity_) throw std::bad_alloc();
    } while (!high_.compare_exchange_weak(index, index + 1, std::memory_order_seq_cst));
  }
  __atomic_store_n(&slots_[index].site, site, __ATOMIC_RELAXED);
  slots_[index].target.store(target, std::memory_order_seq_cst);
  return index;
}

void RootTable::release(std::uint32_t index) noexcept {
  if (scanning_.load(std::memory_order_seq_cst) != 0) {
    push(deferred_, index);
    return;
  }
  slots_[index].target.store(0, std::memory_order_seq_cst);
  push(free_, index);
}

std::uint32_t RootTable::store(std::uint32_t index, std::uintptr_t target) {
  if (scanning_.load(std::memory_order_seq_cst) == 0) {
    slots_[index].target.store(target, std::memory_order_seq_cst);
    return index;
  }
  const std::uint32_t fresh = acquire(target, slots_[index].site);
  push(deferred_, index);
  return fresh;
}

void RootTable::endScan() noexcept {
  scanning_.store(0, std::memory_order_seq_cst);
  for (std::uint32_t index = pop(deferred_); index != kNone; index = pop(deferred_)) {
    slots_[index].target.store(0, std::memory_order_seq_cst);
    push(free_, index);
  }
}

std::uint64_t RootTable::countSet() const noexcept {
  std::uint64_t count = 0;
  const std::uint32_t end = high();
  for (std::uint32_t i = 0; i < end; ++i) count += slots_[i].target.load(std::memory_order_relaxed) != 0 ? 1 : 0;
  return count;
}

}  // namespace openclaw::gc
