#include "runtime/gc/safepoint.h"

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>

#include "format/check.h"
#include "runtime/arch/arch.h"
#include "runtime/gc/heap_impl.h"
#include "runtime/gc/stack_scan.h"

extern "C" __attribute__((weak)) void __tsan_acquire(void*);
extern "C" __attribute__((weak)) void __tsan_release(void*);

namespace openclaw::gc {

thread_local constinit ThreadContext* currentThread __attribute__((tls_model("initial-exec"))) = nullptr;

namespace {

constexpr std::uint64_t kResendNanoseconds = 10'000'000;

void setState(ThreadContext& thread, ThreadState state) noexcept {
  thread.state.store(static_cast<std::uint32_t>(state), std::memory_order_seq_cst);
}

// A critical section around the thread's own state changes: the handler leaves it alone. Ends without a poll.
void enterQuietly(ThreadContext& thread) noexcept { enterCritical(thread); }
void leaveQuietly(ThreadContext& thread) noexcept {
  std::atomic_signal_fence(std::memory_order_seq_cst);
  __atomic_store_n(&thread.inCritical, thread.inCritical - 1, __ATOMIC_RELAXED);
}

void publishStack(ThreadContext& thread, pool::Address stackPointer) noexcept {
  thread.scanLow = stackPointer;
  thread.foreignHigh = 0;
  if (stackPointer < thread.stackLow || stackPointer >= thread.stackHigh) {
    const pool::Address end = arch::signalStackEnd(stackPointer);
    thread.foreignHigh = end == 0 ? ~pool::Address{0} : end;
  }
}

}  // namespace

int Safepoint::signalNumber() { return SIGRTMAX - 7; }

Safepoint::Safepoint(HeapImpl& heap) : heap_(heap) {
  static std::once_flag once;
  std::call_once(once, [] { arch::installStopSignal(signalNumber()); });
}

void Safepoint::attach(ThreadContext& thread) {
  thread.arrivalsWord = reinterpret_cast<std::uint32_t*>(&arrivals_);
  thread.resumesWord = reinterpret_cast<std::uint32_t*>(&resumes_);
  pthread_attr_t attributes;
  OPENCLAW_CHECK(::pthread_getattr_np(::pthread_self(), &attributes) == 0);
  void* low = nullptr;
  std::size_t size = 0;
  ::pthread_attr_getstack(&attributes, &low, &size);
  ::pthread_attr_destroy(&attributes);
  thread.stackLow = reinterpret_cast<pool::Address>(low);
  thread.stackHigh = thread.stackLow + size;
  thread.tid = static_cast<std::uint32_t>(::syscall(SYS_gettid));
  arch::unblockStopSignal(signalNumber());
  setState(thread, ThreadState::kRunning);
  threadsLock_.lock();
  thread.number = nextNumber_++;
  thread.next = threads_;
  threads_ = &thread;
  count_.fetch_add(1, std::memory_order_relaxed);
  threadsLock_.unlock();
  currentThread = &thread;
}

std::size_t Safepoint::copyStackRanges(std::span<StackRange> to) noexcept {
  // A stopper holds the lock until the world runs again, and would wait for a registered caller meanwhile.
  OPENCLAW_CHECK(currentThread == nullptr || currentThread->heap != &heap_);
  threadsLock_.lock();
  std::size_t count = 0;
  forEachThread([&](const ThreadContext& thread) {
    if (count < to.size()) to[count++] = {thread.stackLow, thread.stackHigh};
  });
  threadsLock_.unlock();
  return count;
}

void Safepoint::detach(ThreadContext& thread) {
  // As a blocked thread, so that a stop under way need not wait for us.
  block(thread);
  threadsLock_.lock();
  for (ThreadContext** link = &threads_; *link != nullptr; link = &(*link)->next)
    if (*link == &thread) {
      *link = thread.next;
      break;
    }
  count_.fetch_sub(1, std::memory_order_relaxed);
  currentThread = nullptr;
  threadsLock_.unlock();
}

void Safepoint::arrived() noexcept {
  arrivals_.fetch_add(1, std::memory_order_seq_cst);
  futexWakeAll(arrivals_);
}

void Safepoint::blockAt(ThreadContext& thread, pool::Address stackPointer) noexcept {
  enterQuietly(thread);
  publishStack(thread, stackPointer);
  thread.blockedCount = copyFrameWords(thread, heap_.pool);
  setState(thread, ThreadState::kBlocked);
  if (thread.stopWanted.load(std::memory_order_seq_cst) != 0) arrived();
  leaveQuietly(thread);
}

void Safepoint::block(ThreadContext& thread) noexcept {
  if (thread.blockingDepth++ != 0) return;
  arch::openclawCallWithRegisters(
      [](void* argument, std::uintptr_t stackPointer) {
        auto& self = *static_cast<ThreadContext*>(argument);
        self.heap->safepoint.blockAt(self, stackPointer);
      },
      &thread);
}

void Safepoint::unblock(ThreadContext& thread) noexcept {
  if (--thread.blockingDepth != 0) return;
  enterQuietly(thread);
  for (;;) {
    for (;;) {
      const std::uint32_t seen = resumes_.load(std::memory_order_seq_cst);
      if (thread.stopWanted.load(std::memory_order_seq_cst) == 0) break;
      futexWait(resumes_, seen);
    }
    setState(thread, ThreadState::kRunning);
    if (thread.stopWanted.load(std::memory_order_seq_cst) == 0) break;
    setState(thread, ThreadState::kBlocked);
    arrived();
  }
  thread.blockedCount = 0;
  leaveQuietly(thread);
}

void Safepoint::parkAt(ThreadContext& thread, pool::Address stackPointer) noexcept {
  enterQuietly(thread);
  while (thread.stopWanted.load(std::memory_order_seq_cst) != 0) {
    publishStack(thread, stackPointer);
    thread.stoppedAt.store(monotonicNow(), std::memory_order_relaxed);
    setState(thread, ThreadState::kParked);
    arrived();
    for (;;) {
      const std::uint32_t seen = resumes_.load(std::memory_order_seq_cst);
      if (thread.stopWanted.load(std::memory_order_seq_cst) == 0) break;
      futexWait(resumes_, seen);
    }
    setState(thread, ThreadState::kRunning);
  }
  leaveQuietly(thread);
}

void Safepoint::poll(ThreadContext& thread) noexcept {
  while (thread.stopWanted.load(std::memory_order_relaxed) != 0)
    arch::openclawCallWithRegisters(
        [](void* argument, std::uintptr_t stackPointer) {
          auto& self = *static_cast<ThreadContext*>(argument);
          self.heap->safepoint.parkAt(self, stackPointer);
        },
        &thread);
}

void pollSlow(ThreadContext& thread) noexcept {
  // Blocked threads pass through here when they take a heap lock (a destructor of a Root): they wait in unblock().
  if (thread.currentState() == ThreadState::kRunning) thread.heap->safepoint.poll(thread);
}

PauseBuilder& Safepoint::stop(StopKind kind, std::string_view cause) { return *stopNow(kind, cause, nullptr, 0); }

PauseBuilder* Safepoint::stopUnless(const std::atomic<std::uint64_t>& counter, std::uint64_t expected, StopKind kind,
                                    std::string_view cause) {
  return stopNow(kind, cause, &counter, expected);
}

PauseBuilder* Safepoint::stopNow(StopKind kind, std::string_view cause, const std::atomic<std::uint64_t>* counter,
                                 std::uint64_t expected) {
  ThreadContext* self = currentThread != nullptr && currentThread->heap == &heap_ ? currentThread : nullptr;
  if (self != nullptr) {
    OPENCLAW_CHECK(self->inCritical == 0, self->inCritical);
    block(*self);
  }
  world_.lock();
  if (counter != nullptr && counter->load(std::memory_order_relaxed) != expected) {
    world_.unlock();
    if (self != nullptr) unblock(*self);
    return nullptr;
  }
  stopper_ = self;
  machine_.open();
  threadsLock_.lock();
  machine_.begin();
  pause_.begin(kind, cause);
  stopped_.store(true, std::memory_order_release);
  for (ThreadContext* thread = threads_; thread != nullptr; thread = thread->next) {
    if (thread == self) continue;
    thread->stoppedAt.store(0, std::memory_order_relaxed);
    thread->stopWanted.store(1, std::memory_order_seq_cst);
  }
  waitForThreads(pause_);
  // A step of background sweeping, or a look at the pool, ends before the heap counts as still.
  heap_.sweeper.lock.lock();
  heap_.poolLock.lock();
  pause_.entry.committedBefore = heap_.pool.committedBytes();
  pause_.entry.allocatedSinceLast = heap_.allocatedSinceCollection.load(std::memory_order_relaxed);
  return &pause_;
}

void Safepoint::waitForThreads(PauseBuilder& pause) {
  const std::uint64_t begin = pause.entry.startMonotonic;
  std::uint64_t nextSignal = begin + heap_.setting(SettingId::signalAfter);
  for (;;) {
    const std::uint32_t seen = arrivals_.load(std::memory_order_seq_cst);
    std::uint32_t running = 0;
    for (ThreadContext* thread = threads_; thread != nullptr; thread = thread->next)
      if (thread != stopper_ && thread->currentState() == ThreadState::kRunning) ++running;
    if (running == 0) break;
    const std::uint64_t now = monotonicNow();
    if (now >= nextSignal) {
      for (ThreadContext* thread = threads_; thread != nullptr; thread = thread->next) {
        if (thread == stopper_ || thread->currentState() != ThreadState::kRunning) continue;
        ::syscall(SYS_tgkill, ::getpid(), thread->tid, signalNumber());
        signals_.fetch_add(1, std::memory_order_relaxed);
      }
      // Again for a thread that was in a critical section and is now in a long computation without a poll.
      nextSignal = now + kResendNanoseconds;
      continue;
    }
    futexWait(arrivals_, seen, nextSignal - now);
  }
  for (ThreadContext* thread = threads_; thread != nullptr; thread = thread->next) {
    if (thread == stopper_) continue;
    ++pause.entry.threads;
    const ThreadState state = thread->currentState();
    if (state == ThreadState::kStoppedBySignal) {
      ++pause.entry.signalled;
      if (__tsan_acquire != nullptr) __tsan_acquire(thread);
    }
    const std::uint64_t at = thread->stoppedAt.load(std::memory_order_relaxed);
    if (at > begin && at - begin > pause.entry.timeToSafepoint) {
      pause.entry.timeToSafepoint = at - begin;
      pause.entry.slowestThread = thread->tid;
    }
  }
}

PauseEntry Safepoint::resume() {
  pause_.phase("restart");
  heap_.poolLock.unlock();
  heap_.sweeper.lock.unlock();
  ThreadContext* self = stopper_;
  stopper_ = nullptr;
  stopped_.store(false, std::memory_order_release);
  for (ThreadContext* thread = threads_; thread != nullptr; thread = thread->next) {
    if (__tsan_release != nullptr && thread->currentState() == ThreadState::kStoppedBySignal) __tsan_release(thread);
    thread->stopWanted.store(0, std::memory_order_seq_cst);
  }
  // The stop ends when every thread can run again, which is this call. A thread that runs already may have taken this
  // one's processor before it gets to read the clock: so the call counts with its processor time.
  const std::uint64_t released = monotonicNow(), processor = threadProcessorTime();
  resumes_.fetch_add(1, std::memory_order_seq_cst);
  futexWakeAll(resumes_);
  pause_.end(released + (threadProcessorTime() - processor));
  machine_.end(pause_.entry);
  heap_.pauses.add(pause_.entry);
  const PauseEntry entry = pause_.entry;
  threadsLock_.unlock();
  world_.unlock();
  if (self != nullptr) unblock(*self);
  return entry;
}

StoppedWorld::StoppedWorld(HeapImpl& heap, StopKind kind, std::string_view cause)
    : heap_(heap), pause_(heap.safepoint.stop(kind, cause)) {}
StoppedWorld::~StoppedWorld() { heap_.safepoint.resume(); }

}  // namespace openclaw::gc
