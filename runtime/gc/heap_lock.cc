#include "runtime/gc/heap_lock.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <climits>

namespace openclaw::gc {

void futexWait(std::atomic<std::uint32_t>& word, std::uint32_t expected, std::uint64_t timeoutNanoseconds) noexcept {
  timespec timeout{static_cast<time_t>(timeoutNanoseconds / 1'000'000'000u), static_cast<long>(timeoutNanoseconds % 1'000'000'000u)};
  ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, expected, timeoutNanoseconds == 0 ? nullptr : &timeout, nullptr, 0);
}

void futexWakeAll(std::atomic<std::uint32_t>& word) noexcept {
  ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

void futexWakeOne(std::atomic<std::uint32_t>& word) noexcept {
  ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

void HeapLock::lockSlow() noexcept {
  while (state_.exchange(2, std::memory_order_acquire) != 0) futexWait(state_, 2);
}

}  // namespace openclaw::gc
