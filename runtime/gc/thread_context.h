// What the heap knows about one registered thread: its allocation buffers, its part in safepoints, its stack.
// The thread itself writes the buffers; the collector reads them while the thread is stopped or blocked.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "runtime/pool/layout.h"

namespace openclaw::gc {

class HeapImpl;

// A range of one block (or of an empty one: all of it) that a thread fills from low to high. Zeroed when taken.
//   start .. cursor   objects        cursor .. end   free ("TLAB tail")
// limit <= end: lowered so that the next allocation past a sampling point takes the slow path.
struct Tlab {
  pool::Address cursor = 0, limit = 0, end = 0;
  pool::Address start = 0;
  pool::Address segmentStart = 0;  // objects from here on belong to the thread's current request
  pool::Address block = 0;         // owned by the thread, also when no range of it is taken
};

enum class ThreadState : std::uint32_t {
  kRunning,          // touches heap memory
  kBlocked,          // in a BlockingScope: does not
  kParked,           // stopped at a poll
  kStoppedBySignal,  // stopped in the signal handler
};

struct alignas(64) ThreadContext {
  // Read by every allocation.
  std::uint32_t inCritical = 0;                    // > 0: may not be stopped here; written by this thread only
  std::atomic<std::uint32_t> stopWanted{0};        // poll word, set while a stop is pending or lasts
  Tlab tlab;
  HeapImpl* heap = nullptr;

  // The thread's own.
  Tlab overflow;                                   // cells over 256 B that did not fit the hole
  std::uint64_t request = 0;
  std::uint32_t blockingDepth = 0;
  std::int64_t sampleRemaining = 0;                // bytes until the next stack sample, counted from sampleBase
  pool::Address sampleBase = 0;                    // a cursor of `tlab`
  std::uint64_t sampleMean = 0;                    // 0 = off
  std::uint32_t settingsVersion = 0;
  std::uint64_t random = 0;                        // xorshift state
  std::uint64_t stressAllocations = 0;             // since the last stress collection
  std::atomic<std::uint64_t> allocatedBytes{0}, allocatedObjects{0};  // without what is in the buffers

  // Safepoints.
  std::atomic<std::uint32_t> state{0};             // ThreadState
  std::atomic<std::uint64_t> stoppedAt{0};         // monotonic ns when it reached this stop
  std::atomic<std::uint32_t> signalled{0};         // number of the stop it was last signalled for
  pool::Address stackLow = 0, stackHigh = 0;       // bounds of the thread's own stack, constant
  // Valid while not running: scan [scanLow, stackHigh); registers were pushed above scanLow. When scanLow is outside
  // the own stack (signal stack, coroutine): scan [scanLow, foreignHigh) and what it says of the own stack.
  pool::Address scanLow = 0, foreignHigh = 0;
  // kBlocked: pointers that stood in registers and in the first 4 KiB above scanLow when the scope was entered. The
  // frame that declares the scope runs on and may move a pointer from one place to another, so it is copied.
  static constexpr std::size_t kBlockedWords = 512;
  std::uint32_t blockedCount = 0;
  pool::Address blockedWords[kBlockedWords] = {};

  std::uint32_t* arrivalsWord = nullptr;           // futex words of the heap's Safepoint, constant
  std::uint32_t* resumesWord = nullptr;

  // Constant after registration, or guarded by the heap's thread lock.
  std::uint32_t tid = 0;
  std::uint32_t number = 0;                        // never reused in one heap
  char name[32] = {};
  ThreadContext* next = nullptr;

  ThreadState currentState() const { return static_cast<ThreadState>(state.load(std::memory_order_seq_cst)); }
};

// The context of the calling thread, or null. Initial-exec: read in a signal handler.
extern thread_local constinit ThreadContext* currentThread __attribute__((tls_model("initial-exec")));

// Lets a pending stop happen now. Not inside a critical section.
void pollSlow(ThreadContext& thread) noexcept;

inline void enterCritical(ThreadContext& thread) noexcept {
  __atomic_store_n(&thread.inCritical, thread.inCritical + 1, __ATOMIC_RELAXED);
  std::atomic_signal_fence(std::memory_order_seq_cst);
}
inline void leaveCritical(ThreadContext& thread) noexcept {
  std::atomic_signal_fence(std::memory_order_seq_cst);
  __atomic_store_n(&thread.inCritical, thread.inCritical - 1, __ATOMIC_RELAXED);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  if (thread.inCritical == 0 && thread.stopWanted.load(std::memory_order_relaxed) != 0) [[unlikely]] pollSlow(thread);
}
// Also on unregistered threads, where it does nothing.
class CriticalScope {
 public:
  CriticalScope() noexcept : thread_(currentThread) {
    if (thread_ != nullptr) enterCritical(*thread_);
  }
  ~CriticalScope() {
    if (thread_ != nullptr) leaveCritical(*thread_);
  }
  CriticalScope(const CriticalScope&) = delete;

 private:
  ThreadContext* thread_;
};

}  // namespace openclaw::gc
