// Pointers in the places where only a careful collector looks. A worker hides the one pointer to an object in one
// register or word and spins in assembly; the main thread collects and sweeps with poison; the worker takes it out again.
// "Hidden" is the control: there the object must die, or the other tests prove nothing.
#include <gtest/gtest.h>
#include <signal.h>
#include <ucontext.h>

#include <atomic>
#include <functional>
#include <thread>

#include "tests/runtime/gc/test_heap.h"

namespace openclaw::testing {
namespace {

constexpr std::uint64_t kMagic = 0x600d'600d'600d'600d;
constexpr std::uint64_t kMask = 0xffff'0000'0000'ffff;   // a masked address is none of the heap

struct Target {
  std::uint64_t magic = kMagic;
  std::uint64_t rest[2] = {1, 2};                          // 24 bytes: the cell ends where the payload ends
  OPENCLAW_TYPE(Target)
};

std::atomic<std::uint32_t> gReady, gGo;

[[gnu::noinline]] std::uint64_t makeMasked(Heap& heap, std::uint64_t offset) {
  return (reinterpret_cast<std::uint64_t>(make<Target>(heap)) + offset) ^ kMask;
}

// Each takes a masked pointer, unmasks it into its hiding place, says that it is ready, spins until told to go on, and
// returns it masked. rax, rcx, rdx and rsi hold no pointer while spinning.
#define SPIN                  \
  "movl $1, (%%rcx)\n"        \
  "1: pause\n"                \
  "cmpl $0, (%%rdx)\n"        \
  "je 1b\n"

// What other code left in registers that nobody uses here.
#define CLEAR_REGISTERS                                                                          \
  "xorl %%edi, %%edi\n xorl %%r8d, %%r8d\n xorl %%r9d, %%r9d\n xorl %%r10d, %%r10d\n"             \
  "xorl %%r11d, %%r11d\n xorl %%r12d, %%r12d\n xorl %%r13d, %%r13d\n xorl %%r14d, %%r14d\n"        \
  "pxor %%xmm0, %%xmm0\n pxor %%xmm1, %%xmm1\n pxor %%xmm2, %%xmm2\n pxor %%xmm3, %%xmm3\n"        \
  "pxor %%xmm4, %%xmm4\n pxor %%xmm5, %%xmm5\n pxor %%xmm6, %%xmm6\n pxor %%xmm7, %%xmm7\n"        \
  "pxor %%xmm8, %%xmm8\n pxor %%xmm9, %%xmm9\n pxor %%xmm10, %%xmm10\n pxor %%xmm11, %%xmm11\n"    \
  "pxor %%xmm12, %%xmm12\n pxor %%xmm13, %%xmm13\n pxor %%xmm14, %%xmm14\n pxor %%xmm15, %%xmm15\n"

#define HIDING_PLACE(name, hide, find)                                                             \
  [[gnu::noinline]] std::uint64_t name(std::uint64_t masked) {                                     \
    std::uint64_t result = masked;                                                                 \
    asm volatile("leaq -512(%%rsp), %%rsp\n" CLEAR_REGISTERS hide SPIN find "leaq 512(%%rsp), %%rsp\n"             \
                 : "+a"(result)                                                                    \
                 : "c"(&gReady), "d"(&gGo), "S"(kMask)                                             \
                 : "memory", "cc", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", \
                   "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");                                        \
    return result;                                                                                 \
  }

HIDING_PLACE(nowhere, "", "")
HIDING_PLACE(inXmm0, "xorq %%rsi, %%rax\n movq %%rax, %%xmm0\n xorl %%eax, %%eax\n", "movq %%xmm0, %%rax\n xorq %%rsi, %%rax\n")
HIDING_PLACE(inHighXmm11, "xorq %%rsi, %%rax\n movq %%rax, %%xmm11\n pslldq $8, %%xmm11\n xorl %%eax, %%eax\n",
             "psrldq $8, %%xmm11\n movq %%xmm11, %%rax\n xorq %%rsi, %%rax\n")
HIDING_PLACE(inR12, "xorq %%rsi, %%rax\n movq %%rax, %%r12\n xorl %%eax, %%eax\n", "movq %%r12, %%rax\n xorq %%rsi, %%rax\n")
HIDING_PLACE(inRbp, "xorq %%rsi, %%rax\n pushq %%rbp\n movq %%rax, %%rbp\n xorl %%eax, %%eax\n",
             "movq %%rbp, %%rax\n popq %%rbp\n xorq %%rsi, %%rax\n")
HIDING_PLACE(inRedZone, "xorq %%rsi, %%rax\n movq %%rax, -128(%%rsp)\n xorl %%eax, %%eax\n", "movq -128(%%rsp), %%rax\n xorq %%rsi, %%rax\n")
HIDING_PLACE(onStack, "xorq %%rsi, %%rax\n movq %%rax, 64(%%rsp)\n xorl %%eax, %%eax\n", "movq 64(%%rsp), %%rax\n xorq %%rsi, %%rax\n")

void waitReady() {
  while (gReady.load() == 0) std::this_thread::yield();
}

// Hides a pointer `offset` bytes into the target; whether the target lived through two collections.
bool survives(std::uint64_t (*hide)(std::uint64_t), std::uint64_t offset, const std::function<void(std::thread&)>& whileSpinning = {}) {
  auto heap = makeHeap({{SettingId::stressPoison, 1}});
  gReady = gGo = 0;
  bool alive = false;
  std::thread worker([&] {
    ThreadScope thread(*heap, "worker");
    const std::uint64_t masked = makeMasked(*heap, offset);
    wipeStack();
    const std::uint64_t found = hide(masked);
    alive = reinterpret_cast<Target*>((found ^ kMask) - offset)->magic == kMagic;
  });
  waitReady();
  if (whileSpinning) whileSpinning(worker);
  for (int i = 0; i < 2; ++i) {
    const auto pause = heap->collect("test");
    EXPECT_EQ(pause.threads, 1u);
    EXPECT_EQ(pause.signalled, 1u);
    sweepAll(*heap);
    EXPECT_SOUND(*heap);
  }
  gGo = 1;
  worker.join();
  return alive;
}

TEST(StackScan, AnObjectNobodyPointsToDies) { EXPECT_FALSE(survives(nowhere, 0)); }
TEST(StackScan, FindsAPointerOnlyInXmm0) { EXPECT_TRUE(survives(inXmm0, 0)); }
TEST(StackScan, FindsAPointerOnlyInTheUpperHalfOfXmm11) { EXPECT_TRUE(survives(inHighXmm11, 0)); }
TEST(StackScan, FindsAPointerOnlyInACalleeSavedRegister) { EXPECT_TRUE(survives(inR12, 0)); }
TEST(StackScan, FindsAPointerOnlyInRbp) { EXPECT_TRUE(survives(inRbp, 0)); }
TEST(StackScan, FindsAPointerOnlyInTheRedZone) { EXPECT_TRUE(survives(inRedZone, 0)); }
TEST(StackScan, FindsAPointerIntoAnObject) { EXPECT_TRUE(survives(onStack, 17)); }
TEST(StackScan, FindsAPointerOnePastTheEnd) { EXPECT_TRUE(survives(onStack, sizeof(Target))); }

// ---- alternate stacks

#if !defined(__SANITIZE_THREAD__)   // it delivers signals at the worker's next call into libc, of which it makes none
std::atomic<bool> gInHandler, gLeaveHandler;
void spinOnSignalStack(int) {
  gInHandler = true;
  while (!gLeaveHandler.load()) {
  }
}

// The worker is interrupted while it hides the pointer, and spins in a handler on a signal stack during the collections.
std::uint64_t (*gInner)(std::uint64_t) = nullptr;
std::uint64_t withSignalStack(std::uint64_t masked) {
  static unsigned char memory[65536];
  stack_t stack{};
  stack.ss_sp = memory;
  stack.ss_size = sizeof memory;
  sigaltstack(&stack, nullptr);
  struct sigaction action {};
  action.sa_handler = spinOnSignalStack;
  action.sa_flags = SA_ONSTACK;
  sigaction(SIGUSR1, &action, nullptr);
  const std::uint64_t result = gInner(masked);
  stack.ss_flags = SS_DISABLE;
  sigaltstack(&stack, nullptr);
  return result;
}

bool survivesOnSignalStack(std::uint64_t (*hide)(std::uint64_t)) {
  gInHandler = gLeaveHandler = false;
  gInner = hide;
  auto heap = makeHeap({{SettingId::stressPoison, 1}});
  gReady = gGo = 0;
  bool alive = false;
  std::thread worker([&] {
    ThreadScope thread(*heap, "worker");
    const std::uint64_t masked = makeMasked(*heap, 0);
    wipeStack();
    alive = reinterpret_cast<Target*>(withSignalStack(masked) ^ kMask)->magic == kMagic;
  });
  waitReady();
  pthread_kill(worker.native_handle(), SIGUSR1);
  while (!gInHandler.load()) std::this_thread::yield();
  for (int i = 0; i < 2; ++i) {
    heap->collect("test");
    sweepAll(*heap);
  }
  gLeaveHandler = true;
  gGo = 1;
  worker.join();
  return alive;
}

TEST(StackScan, FindsRegistersOfCodeInterruptedByAHandlerOnASignalStack) { EXPECT_TRUE(survivesOnSignalStack(inXmm0)); }
TEST(StackScan, FindsTheOwnStackOfAThreadOnASignalStack) { EXPECT_TRUE(survivesOnSignalStack(onStack)); }
TEST(StackScan, FindsTheRedZoneOfAThreadOnASignalStack) { EXPECT_TRUE(survivesOnSignalStack(inRedZone)); }
TEST(StackScan, AnObjectNobodyPointsToDiesWhileTheThreadIsOnASignalStack) { EXPECT_FALSE(survivesOnSignalStack(nowhere)); }
#endif

#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)   // swapcontext without their annotations confuses both
ucontext_t gMainContext, gCoroutine;
Heap* gHeap = nullptr;
bool gCoroutineAlive = false;
void coroutineBody() {
  Target* target = make<Target>(*gHeap);
  // On the coroutine's stack now, in slots of this frame only.
  asm volatile("" : "+m"(target));
  for (int i = 0; i < 2; ++i) {
    gHeap->collect("test");
    sweepAll(*gHeap);
  }
  gCoroutineAlive = target->magic == kMagic;
}

TEST(StackScan, FindsBothStacksOfAThreadInACoroutine) {
  auto heap = makeHeap({{SettingId::stressPoison, 1}});
  ThreadScope thread(*heap, "test");
  gHeap = heap.get();
  std::vector<unsigned char> memory(256 << 10);
  Target* own = make<Target>(*heap);
  asm volatile("" : "+m"(own));
  getcontext(&gCoroutine);
  gCoroutine.uc_stack.ss_sp = memory.data();
  gCoroutine.uc_stack.ss_size = memory.size();
  gCoroutine.uc_link = &gMainContext;
  makecontext(&gCoroutine, coroutineBody, 0);
  swapcontext(&gMainContext, &gCoroutine);
  EXPECT_TRUE(gCoroutineAlive);
  EXPECT_EQ(own->magic, kMagic);
}
#endif

// ---- blocked threads

TEST(StackScan, ABlockedThreadKeepsWhatItsFrameHeldWhenItBlocked) {
  auto heap = makeHeap({{SettingId::stressPoison, 1}});
  std::atomic<bool> blocked{false}, leave{false};
  bool alive = false;
  std::thread worker([&] {
    ThreadScope thread(*heap, "worker");
    Target* target = make<Target>(*heap);
    {
      BlockingScope scope(*heap);
      blocked = true;
      while (!leave.load()) std::this_thread::yield();
    }
    alive = target->magic == kMagic;
  });
  while (!blocked.load()) std::this_thread::yield();
  for (int i = 0; i < 2; ++i) {
    const auto pause = heap->collect("test");
    EXPECT_EQ(pause.threads, 1u);
    EXPECT_EQ(pause.signalled, 0u);   // nobody has to interrupt it
    sweepAll(*heap);
  }
  leave = true;
  worker.join();
  EXPECT_TRUE(alive);
}

TEST(StackScan, ABlockedFrameMayMoveItsPointerAround) {
  auto heap = makeHeap({{SettingId::stressPoison, 1}});
  std::atomic<bool> leave{false};
  gReady = 0;
  bool alive = false;
  std::thread worker([&] {
    ThreadScope thread(*heap, "worker");
    volatile std::uint64_t masked = makeMasked(*heap, 0);
    wipeStack();
    [[maybe_unused]] Target* volatile target = reinterpret_cast<Target*>(masked ^ kMask);
    {
      BlockingScope scope(*heap);
      // The only plain copy goes while the scope lasts, as when the compiler moves it to a register.
      target = nullptr;
      gReady = 1;
      while (!leave.load()) std::this_thread::yield();
    }
    alive = reinterpret_cast<Target*>(masked ^ kMask)->magic == kMagic;
  });
  waitReady();
  heap->collect("test");
  sweepAll(*heap);
  leave = true;
  worker.join();
  EXPECT_TRUE(alive);
}

}  // namespace
}  // namespace openclaw::testing
