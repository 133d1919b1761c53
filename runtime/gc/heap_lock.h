// The lock of the heap's own structures, on a futex. A registered thread takes it only inside its critical section
// (CriticalScope in thread_context.h), so that no thread is ever stopped while it holds one; collector and control
// thread take it plainly. Never held across a system call that can wait, a callback or an allocation.
#pragma once

#include <atomic>
#include <cstdint>

namespace openclaw::gc {

// Waits until *word != expected, or the time is over (0 = for ever). Spurious returns are possible. No allocation.
void futexWait(std::atomic<std::uint32_t>& word, std::uint32_t expected, std::uint64_t timeoutNanoseconds = 0) noexcept;
void futexWakeAll(std::atomic<std::uint32_t>& word) noexcept;
void futexWakeOne(std::atomic<std::uint32_t>& word) noexcept;

class HeapLock {
 public:
  void lock() noexcept {
    std::uint32_t expected = 0;
    if (!state_.compare_exchange_strong(expected, 1, std::memory_order_acquire)) lockSlow();
  }
  bool try_lock() noexcept {
    std::uint32_t expected = 0;
    return state_.compare_exchange_strong(expected, 1, std::memory_order_acquire);
  }
  void unlock() noexcept {
    if (state_.exchange(0, std::memory_order_release) == 2) futexWakeOne(state_);
  }

 private:
  void lockSlow() noexcept;
  std::atomic<std::uint32_t> state_{0};  // 0 free, 1 held, 2 held and waited for
};

}  // namespace openclaw::gc
