#include "runtime/gc/requests.h"

#include <sys/mman.h>

#include <new>

#include "runtime/gc/pauses.h"

namespace openclaw::gc {

RequestLog::RequestLog() {
  void* memory = ::mmap(nullptr, kCapacity * sizeof(RequestRecord), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  records_ = static_cast<RequestRecord*>(memory);
}

RequestLog::~RequestLog() { ::munmap(records_, kCapacity * sizeof(RequestRecord)); }

void RequestLog::add(std::uint64_t low, std::uint64_t high, std::uint64_t request) noexcept {
  // A slot is written twice at once only if a whole turn of the ring passes meanwhile; such a record is one of the lost.
  RequestRecord& record = records_[next_.fetch_add(1, std::memory_order_relaxed) % kCapacity];
  __atomic_store_n(&record.low, low, __ATOMIC_RELAXED);
  __atomic_store_n(&record.high, high, __ATOMIC_RELAXED);
  __atomic_store_n(&record.request, request, __ATOMIC_RELAXED);
  __atomic_store_n(&record.monotonic, monotonicNow(), __ATOMIC_RELAXED);
}

void RequestLog::clear() noexcept {
  lostBefore_ = lost();
  next_.store(0, std::memory_order_relaxed);
}

std::uint64_t RequestLog::size() const noexcept {
  const std::uint64_t added = next_.load(std::memory_order_relaxed);
  return added < kCapacity ? added : kCapacity;
}

const RequestRecord& RequestLog::at(std::uint64_t index) const noexcept {
  const std::uint64_t added = next_.load(std::memory_order_relaxed);
  return records_[(added <= kCapacity ? index : added + index) % kCapacity];
}

std::uint64_t RequestLog::lost() const noexcept {
  const std::uint64_t added = next_.load(std::memory_order_relaxed);
  return lostBefore_ + (added > kCapacity ? added - kCapacity : 0);
}

}  // namespace openclaw::gc
