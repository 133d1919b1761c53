// How the world stops. A thread stops at a poll (allocation, BlockingScope exit, Heap::poll); one that does not within
// gc.signal-after gets a real-time signal and stops in its handler, at any instruction outside a critical section.
//
//   {
//     StoppedWorld world(heap, StopKind::kVerify, "heap.verify");   // all other threads are stopped now
//     world.pause().phase("verify");
//     ...                                                           // no allocation, no locks, no stdio
//   }                                                               // restarted, pause record written
//
// Where the stop must span calls (a dump's host): Safepoint::stop and Safepoint::resume.
// Unregistered threads are not stopped: they hold Roots only.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <string_view>

#include "runtime/gc/heap_lock.h"
#include "runtime/gc/pauses.h"
#include "runtime/gc/thread_context.h"

namespace openclaw::gc {

class HeapImpl;

// Threads: any may stop the world, registered or not; stops are serialized. Owns: nothing; contexts are the callers'.
class Safepoint {
 public:
  explicit Safepoint(HeapImpl& heap);

  // Waits for its turn (as a blocked thread when the caller is registered), then stops all other registered threads.
  // On return the heap holds still: also background sweeping. Not from inside a critical section. The caller's own
  // stack is published like a stopped thread's.
  PauseBuilder& stop(StopKind kind, std::string_view cause);
  // The same, but null and nothing stopped when `counter` is no longer `expected` once it is our turn.
  PauseBuilder* stopUnless(const std::atomic<std::uint64_t>& counter, std::uint64_t expected, StopKind kind, std::string_view cause);
  // By the thread that stopped. Returns the finished record.
  PauseEntry resume();
  bool stopped() const { return stopped_.load(std::memory_order_acquire); }

  // Registration waits while the world is stopped.
  void attach(ThreadContext& thread);
  void detach(ThreadContext& thread);
  // Contexts; in a stopped world, or under the thread lock.
  template <class F>
  void forEachThread(F&& visit) {
    for (ThreadContext* thread = threads_; thread != nullptr; thread = thread->next) visit(*thread);
  }
  // Stacks of registered threads, as many as fit; in a running world, by a thread that is not registered. Returns how
  // many.
  struct StackRange {
    pool::Address low = 0, high = 0;
  };
  std::size_t copyStackRanges(std::span<StackRange> to) noexcept;
  std::uint32_t threadCount() const { return count_.load(std::memory_order_relaxed); }

  void block(ThreadContext& thread) noexcept;      // BlockingScope; nests
  void unblock(ThreadContext& thread) noexcept;
  void poll(ThreadContext& thread) noexcept;       // parks while a stop is wanted
  void blockAt(ThreadContext& thread, pool::Address stackPointer) noexcept;  // the two with registers pushed
  void parkAt(ThreadContext& thread, pool::Address stackPointer) noexcept;
  std::atomic<std::uint32_t>& arrivals() { return arrivals_; }
  std::atomic<std::uint32_t>& resumes() { return resumes_; }

  // The signal this process uses, and how many threads it stopped in all.
  static int signalNumber();
  std::uint64_t signalsSent() const { return signals_.load(std::memory_order_relaxed); }

 private:
  void waitForThreads(PauseBuilder& pause);
  PauseBuilder* stopNow(StopKind kind, std::string_view cause, const std::atomic<std::uint64_t>* counter, std::uint64_t expected);
  void arrived() noexcept;

  HeapImpl& heap_;
  HeapLock world_;                                 // held for the whole stop
  HeapLock threadsLock_;                           // guards the list; held for the whole stop
  ThreadContext* threads_ = nullptr;
  std::uint32_t nextNumber_ = 0;
  std::atomic<std::uint32_t> count_{0};
  std::atomic<std::uint32_t> arrivals_{0};         // futex: a thread stopped or blocked
  std::atomic<std::uint32_t> resumes_{0};          // futex: the world was restarted; also the stop's number
  std::atomic<bool> stopped_{false};
  std::atomic<std::uint64_t> signals_{0};
  PauseBuilder pause_;
  MachineSampler machine_;
  ThreadContext* stopper_ = nullptr;
};

class StoppedWorld {
 public:
  StoppedWorld(HeapImpl& heap, StopKind kind, std::string_view cause);
  ~StoppedWorld();
  StoppedWorld(const StoppedWorld&) = delete;
  PauseBuilder& pause() { return pause_; }

 private:
  HeapImpl& heap_;
  PauseBuilder& pause_;
};

}  // namespace openclaw::gc
