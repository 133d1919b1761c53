// The handler of the stop signal. Compiled without sanitizers (CMakeLists.txt): it may interrupt their own code. It uses
// raw system calls, no libc, and touches nothing but the thread's context.
//
// Where the pointers of an interrupted thread are: the kernel leaves the 128-byte red zone below its stack pointer alone,
// then pushes general registers and the XSAVE area (all vector registers) and calls us. So scanning from our own stack
// pointer upwards sees all of them.
#include <link.h>
#include <ucontext.h>
#include <signal.h>
#include <sys/syscall.h>

#include <cstddef>

#include "runtime/arch/arch.h"
#include "runtime/gc/thread_context.h"

// Thread sanitizer's announcements; null without it.
extern "C" __attribute__((weak)) void __tsan_acquire(void*);
extern "C" __attribute__((weak)) void __tsan_release(void*);

asm(R"(
.text
.globl openclawSignalReturn
.hidden openclawSignalReturn
.type openclawSignalReturn, @function
openclawSignalReturn:
  movq $15, %rax
  syscall
.size openclawSignalReturn, .-openclawSignalReturn
)");
extern "C" void openclawSignalReturn();

namespace openclaw::arch {
namespace {

inline long systemCall(long number, long a, long b, long c, long d) noexcept {
  long result;
  register long r10 asm("r10") = d;
  asm volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
  return result;
}

constexpr long kFutexWaitPrivate = 128, kFutexWakePrivate = 129;

std::uint64_t nowNanoseconds() noexcept {
  long time[2] = {0, 0};
  systemCall(SYS_clock_gettime, 1, reinterpret_cast<long>(time), 0, 0);
  return static_cast<std::uint64_t>(time[0]) * 1'000'000'000u + static_cast<std::uint64_t>(time[1]);
}

template <class Word>
std::uint32_t* plain(Word& word) noexcept { return reinterpret_cast<std::uint32_t*>(&word); }

// Where ThreadSanitizer's runtime lies in memory; empty in other builds. A thread stopped inside it may hold one of its
// spin locks, and every instrumented thread, the collector too, would spin on it for ever.
std::uintptr_t sanitizerLow = 0, sanitizerHigh = 0;

int findSanitizer(dl_phdr_info* module, std::size_t, void* wanted) noexcept {
  std::uintptr_t low = ~std::uintptr_t{0}, high = 0;
  for (int i = 0; i < module->dlpi_phnum; ++i) {
    if (module->dlpi_phdr[i].p_type != PT_LOAD) continue;
    const std::uintptr_t begin = module->dlpi_addr + module->dlpi_phdr[i].p_vaddr;
    if (begin < low) low = begin;
    if (begin + module->dlpi_phdr[i].p_memsz > high) high = begin + module->dlpi_phdr[i].p_memsz;
  }
  const std::uintptr_t address = reinterpret_cast<std::uintptr_t>(wanted);
  if (address < low || address >= high) return 0;
  sanitizerLow = low;
  sanitizerHigh = high;
  return 1;
}

extern "C" __attribute__((noinline)) void openclawStopHandler(int, void*, void* context) {
  const auto pc = static_cast<std::uintptr_t>(static_cast<const ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP]);
  if (pc - sanitizerLow < sanitizerHigh - sanitizerLow) return;  // the stop asks again
  gc::ThreadContext* thread = gc::currentThread;
  if (thread == nullptr || __atomic_load_n(plain(thread->stopWanted), __ATOMIC_SEQ_CST) == 0) return;
  if (__atomic_load_n(&thread->inCritical, __ATOMIC_RELAXED) != 0) return;  // polls when it leaves
  if (__atomic_load_n(plain(thread->state), __ATOMIC_SEQ_CST) != static_cast<std::uint32_t>(gc::ThreadState::kRunning)) return;

  std::uintptr_t stackPointer;
  asm volatile("movq %%rsp, %0" : "=r"(stackPointer));
  thread->scanLow = stackPointer;
  thread->foreignHigh = 0;
  if (stackPointer < thread->stackLow || stackPointer >= thread->stackHigh) {
    const std::uintptr_t end = signalStackEnd(stackPointer);
    thread->foreignHigh = end == 0 ? ~std::uintptr_t{0} : end;
  }
  // All vector registers are in the frame the kernel pushed, above stackPointer.
  __atomic_store_n(reinterpret_cast<std::uint64_t*>(&thread->stoppedAt), nowNanoseconds(), __ATOMIC_RELAXED);
  if (__tsan_release != nullptr) __tsan_release(thread);
  __atomic_store_n(plain(thread->state), static_cast<std::uint32_t>(gc::ThreadState::kStoppedBySignal), __ATOMIC_SEQ_CST);
  __atomic_fetch_add(thread->arrivalsWord, 1u, __ATOMIC_SEQ_CST);
  systemCall(SYS_futex, reinterpret_cast<long>(thread->arrivalsWord), kFutexWakePrivate, 0x7fffffff, 0);
  for (;;) {
    for (;;) {
      const std::uint32_t seen = __atomic_load_n(thread->resumesWord, __ATOMIC_SEQ_CST);
      if (__atomic_load_n(plain(thread->stopWanted), __ATOMIC_SEQ_CST) == 0) break;
      systemCall(SYS_futex, reinterpret_cast<long>(thread->resumesWord), kFutexWaitPrivate, static_cast<long>(seen), 0);
    }
    __atomic_store_n(plain(thread->state), static_cast<std::uint32_t>(gc::ThreadState::kRunning), __ATOMIC_SEQ_CST);
    if (__atomic_load_n(plain(thread->stopWanted), __ATOMIC_SEQ_CST) == 0) break;
    // The next stop has begun before we got away.
    __atomic_store_n(plain(thread->state), static_cast<std::uint32_t>(gc::ThreadState::kStoppedBySignal), __ATOMIC_SEQ_CST);
    __atomic_fetch_add(thread->arrivalsWord, 1u, __ATOMIC_SEQ_CST);
    systemCall(SYS_futex, reinterpret_cast<long>(thread->arrivalsWord), kFutexWakePrivate, 0x7fffffff, 0);
  }
  if (__tsan_acquire != nullptr) __tsan_acquire(thread);
}

struct KernelSigaction {
  void (*handler)(int, void*, void*);
  unsigned long flags;
  void (*restorer)();
  std::uint64_t mask;
};

}  // namespace

std::uintptr_t signalStackEnd(std::uintptr_t stackPointer) noexcept {
  stack_t stack{};
  if (systemCall(SYS_sigaltstack, 0, reinterpret_cast<long>(&stack), 0, 0) != 0) return 0;
  const std::uintptr_t low = reinterpret_cast<std::uintptr_t>(stack.ss_sp);
  return stackPointer - low < stack.ss_size ? low + stack.ss_size : 0;
}

void installStopSignal(int number) noexcept {
  if (__tsan_release != nullptr) ::dl_iterate_phdr(findSanitizer, reinterpret_cast<void*>(&__tsan_release));
  constexpr unsigned long kSiginfo = 4, kRestart = 0x1000'0000, kRestorer = 0x0400'0000;
  KernelSigaction action{openclawStopHandler, kSiginfo | kRestart | kRestorer, openclawSignalReturn, ~std::uint64_t{0}};
  systemCall(SYS_rt_sigaction, number, reinterpret_cast<long>(&action), 0, sizeof(std::uint64_t));
}

void unblockStopSignal(int number) noexcept {
  std::uint64_t mask = std::uint64_t{1} << (number - 1);
  systemCall(SYS_rt_sigprocmask, SIG_UNBLOCK, reinterpret_cast<long>(&mask), 0, sizeof(mask));
}

}  // namespace openclaw::arch
