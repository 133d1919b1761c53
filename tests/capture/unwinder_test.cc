// The unwinder against glibc's backtrace(), the recorder's table, the module list; and that programs which link us keep
// their exceptions and pthread_exit.
#include <dlfcn.h>
#include <execinfo.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <link.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <latch>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include "capture/stacks/module_list.h"
#include "capture/stacks/recorder.h"

namespace openclaw::test {
namespace {

struct Pair {
  std::vector<std::uint64_t> ours, theirs;
};

// Both unwinders from one frame. The first pc differs by where in this function each was called.
[[gnu::noinline]] Pair unwindBoth() {
  std::array<std::uint64_t, 256> pcs;
  std::array<void*, 256> addresses;
  const std::size_t count = unwindHere(pcs, 0);
  const int reference = ::backtrace(addresses.data(), static_cast<int>(addresses.size()));
  Pair pair;
  pair.ours.assign(pcs.begin() + 1, pcs.begin() + static_cast<std::ptrdiff_t>(count));
  for (int i = 1; i < reference; ++i) pair.theirs.push_back(reinterpret_cast<std::uint64_t>(addresses[static_cast<std::size_t>(i)]));
  return pair;
}

// Frames of many shapes: big and small locals, alloca, callee-saved registers under pressure, destructors, tail work.
using Step = void (*)(std::mt19937&, int, const std::function<void()>&);
void descend(std::mt19937& random, int depth, const std::function<void()>& bottom);

[[gnu::noinline]] void plain(std::mt19937& random, int depth, const std::function<void()>& bottom) {
  descend(random, depth, bottom);
  asm volatile("" ::: "memory");
}
[[gnu::noinline]] void largeFrame(std::mt19937& random, int depth, const std::function<void()>& bottom) {
  volatile char buffer[5000];
  buffer[depth] = 1;
  descend(random, depth, bottom);
  buffer[depth] = static_cast<char>(buffer[depth] + 1);
}
[[gnu::noinline]] void withAlloca(std::mt19937& random, int depth, const std::function<void()>& bottom) {
  auto* memory = static_cast<volatile char*>(__builtin_alloca(16 + random() % 500));
  memory[0] = 1;
  descend(random, depth, bottom);
  memory[0] = 2;
}
[[gnu::noinline]] void manyRegisters(std::mt19937& random, int depth, const std::function<void()>& bottom) {
  std::uint64_t a = random(), b = random(), c = random(), d = random(), e = random(), f = random();
  asm volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));
  descend(random, depth, bottom);
  asm volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));
}
[[gnu::noinline]] void withDestructor(std::mt19937& random, int depth, const std::function<void()>& bottom) {
  struct Guard {
    std::mt19937& random;
    ~Guard() { random.discard(1); }
  } guard{random};
  descend(random, depth, bottom);
}
[[gnu::noinline]] void throughQsort(std::mt19937& random, int depth, const std::function<void()>& bottom) {
  // A frame of libc in between.
  struct Context { std::mt19937& random; int depth; const std::function<void()>& bottom; bool done; } context{random, depth, bottom, false};
  int values[2] = {2, 1};
  ::qsort_r(values, 2, sizeof(int), [](const void* a, const void* b, void* data) {
    auto& c = *static_cast<Context*>(data);
    if (!std::exchange(c.done, true)) descend(c.random, c.depth, c.bottom);
    return *static_cast<const int*>(a) - *static_cast<const int*>(b);
  }, &context);
}

[[gnu::noinline]] void descend(std::mt19937& random, int depth, const std::function<void()>& bottom) {
  constexpr Step kSteps[] = {plain, largeFrame, withAlloca, manyRegisters, withDestructor, throughQsort};
  if (depth == 0) bottom();
  else kSteps[random() % std::size(kSteps)](random, depth - 1, bottom);
  asm volatile("" ::: "memory");
}

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr std::size_t kInterceptorFrames = 1;  // sanitizers stand between backtrace() and its caller
#else
constexpr std::size_t kInterceptorFrames = 0;
#endif

void expectSame(const Pair& pair) {
  ASSERT_FALSE(pair.ours.empty());
  std::vector<std::uint64_t> theirs = pair.theirs;
  for (std::size_t i = 0; i < kInterceptorFrames && !theirs.empty() && theirs[0] != pair.ours[0]; ++i) theirs.erase(theirs.begin());
  ASSERT_EQ(pair.ours, theirs);
}

TEST(Unwinder, AgreesWithBacktraceOnVariedStacks) {
  for (unsigned seed = 1; seed <= 500; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    descend(random, static_cast<int>(seed % 40), [] { expectSame(unwindBoth()); });
    if (HasFatalFailure()) return;
  }
}

TEST(Unwinder, AgreesWithBacktraceOnOtherThreads) {
  for (unsigned seed = 1; seed <= 20; ++seed)
    std::thread([seed] {
      std::mt19937 random(seed);
      descend(random, static_cast<int>(seed), [] { expectSame(unwindBoth()); });
    }).join();
}

TEST(Unwinder, AgreesWithBacktraceThroughAnotherLibrary) {
  void* handle = ::dlopen("libgcc_s.so.1", RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(handle, nullptr);
  using Callback = int (*)(void*, void*);
  using Backtrace = int (*)(Callback, void*);
  const auto walk = reinterpret_cast<Backtrace>(::dlsym(handle, "_Unwind_Backtrace"));
  ASSERT_NE(walk, nullptr);
  static bool compared;
  compared = false;
  walk([](void*, void*) {
    if (!std::exchange(compared, true)) expectSame(unwindBoth());
    return 0;
  }, nullptr);
  EXPECT_TRUE(compared);
  ::dlclose(handle);
}

TEST(Unwinder, SkipLeavesOutCallersAndAFullBufferEndsTheWalk) {
  std::array<std::uint64_t, 64> all, skipped;
  std::size_t counts[2] = {};
  const auto twice = [&]() __attribute__((noinline)) {
    counts[0] = unwindHere(all, 0);
    counts[1] = unwindHere(skipped, 2);
  };
  twice();
  ASSERT_GT(counts[0], 3u);
  ASSERT_EQ(counts[1], counts[0] - 2);
  EXPECT_EQ(skipped[0] + 1, all[2]);  // the first one stands inside its call
  EXPECT_TRUE(std::equal(all.begin() + 3, all.begin() + static_cast<std::ptrdiff_t>(counts[0]), skipped.begin() + 1));
  std::array<std::uint64_t, 2> two;
  EXPECT_EQ(unwindHere(two, 0), 2u);
  EXPECT_EQ(unwindHere(two, 1000), 0u);
}

// A thread inside dlopen holds the loader's lock; an unwinder that wants it would wait here for ever.
TEST(Unwinder, DoesNotWaitForTheLoadersLock) {
  std::latch locked{1}, unwound{1};
  struct Latches { std::latch &locked, &unwound; } latches{locked, unwound};
  std::thread holder([&] {
    struct Once { Latches& latches; bool done; } once{latches, false};
    ::dl_iterate_phdr([](dl_phdr_info*, std::size_t, void* data) {
      auto& o = *static_cast<Once*>(data);
      if (!std::exchange(o.done, true)) {
        o.latches.locked.count_down();
        o.latches.unwound.wait();
      }
      return 0;
    }, &once);
  });
  locked.wait();
  std::array<std::uint64_t, 64> pcs;
  EXPECT_GT(unwindHere(pcs, 0), 3u);
  unwound.count_down();
  holder.join();
}

TEST(StackRecorder, EqualStacksAreOneRowAndCountsAddUp) {
  StackRecorder recorder(1000);
  std::uint32_t numbers[5];
  for (std::uint32_t& number : numbers) number = recorder.record(7, 2, 100, 0);
  for (const std::uint32_t number : numbers) EXPECT_EQ(number, 0u);
  const std::uint32_t elsewhere = recorder.record(7, 1, 1, 0), otherSite = recorder.record(8, 1, 1, 0);
  EXPECT_EQ(elsewhere, 1u);
  EXPECT_EQ(otherSite, 2u);
  recorder.addFreed(0, 1, 50);
  recorder.addFreed(StackRecorder::kLost, 1, 50);
  const StackRecord row = recorder.row(0);
  EXPECT_EQ(row.allocatedObjects, 10u);
  EXPECT_EQ(row.allocatedBytes, 500u);
  EXPECT_EQ(row.freedObjects, 1u);
  EXPECT_EQ(row.freedBytes, 50u);
  EXPECT_EQ(row.samples, 5u);
  EXPECT_EQ(row.site, 7u);
  EXPECT_FALSE(row.truncated);
  EXPECT_GT(row.pcs.size(), 3u);
  EXPECT_EQ(recorder.size(), 3u);
  EXPECT_EQ(recorder.samples(), 7u);
  EXPECT_EQ(recorder.lost(), 0u);
  EXPECT_TRUE(recorder.row(3).pcs.empty());
}

TEST(StackRecorder, DeepStacksAreMarkedTruncated) {
  StackRecorder recorder(100);
  std::mt19937 random(1);
  std::uint32_t stack = 0;
  descend(random, 200, [&] { stack = recorder.record(0, 1, 1, 0); });
  EXPECT_TRUE(recorder.row(stack).truncated);
  EXPECT_EQ(recorder.row(stack).pcs.size(), StackRecorder::kMaxDepth);
}

TEST(StackRecorder, AFullTableCountsWhatItLoses) {
  StackRecorder recorder(16);
  for (std::uint32_t site = 0; site < 20; ++site) {
    const std::uint32_t stack = recorder.record(site, 1, 1, 0);
    EXPECT_EQ(stack, site < 16 ? site : StackRecorder::kLost);
  }
  EXPECT_EQ(recorder.size(), 16u);
  EXPECT_EQ(recorder.lost(), 4u);
  EXPECT_EQ(recorder.record(3, 1, 1, 0), StackRecorder::kLost);  // another line of this function, so another stack
}

TEST(StackRecorder, ThreadsAgreeOnNumbersAndNothingIsCountedTwice) {
  StackRecorder recorder(4096);
  constexpr int kThreads = 8, kRounds = 2000;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < kRounds; ++i) recorder.record(static_cast<std::uint32_t>(i % 97), 1, 10, 0);
    });
  for (std::thread& thread : threads) thread.join();
  std::uint64_t samples = 0, bytes = 0;
  for (std::uint32_t i = 0; i < recorder.size(); ++i) {
    samples += recorder.row(i).samples;
    bytes += recorder.row(i).allocatedBytes;
  }
  EXPECT_EQ(recorder.size(), 97u);
  EXPECT_EQ(recorder.samples(), std::uint64_t{kThreads} * kRounds);
  EXPECT_EQ(samples + recorder.lost(), recorder.samples());
  EXPECT_EQ(bytes, samples * 10);
}

TEST(ModuleList, HoldsThisProgramWithItsBuildIdAndThisFunction) {
  const ModuleList list = ModuleList::current();
  const auto here = reinterpret_cast<std::uint64_t>(&expectSame);
  const ModuleRecord* found = nullptr;
  std::uint64_t last = 0;
  for (const ModuleRecord& module : list.records()) {
    EXPECT_GE(module.low, last);
    last = module.high;
    if (here >= module.low && here < module.high) found = &module;
  }
  ASSERT_NE(found, nullptr);
  EXPECT_THAT(std::string(found->path), ::testing::HasSubstr("capture_test"));
  EXPECT_GE(list.records().size(), 3u);
  const bool libc = std::ranges::any_of(list.records(), [](const ModuleRecord& m) {
    return m.path.find("libc.so") != std::string_view::npos && m.buildId.size() == 20;
  });
  EXPECT_TRUE(libc);
}

// --- what broke other programs that linked LLVM libunwind ---

[[gnu::noinline]] void throwDeep(std::mt19937& random) {
  descend(random, 20, [] { throw std::runtime_error("deep"); });
}

TEST(ProgramsThatLinkUs, KeepTheirExceptions) {
  for (int i = 0; i < 50; ++i) {
    std::array<std::uint64_t, 16> pcs;
    unwindHere(pcs, 0);
    std::mt19937 random(static_cast<unsigned>(i));
    EXPECT_THROW(throwDeep(random), std::runtime_error);
  }
}

TEST(ProgramsThatLinkUs, KeepPthreadExitAndCancel) {
  static bool unwound;
  unwound = false;
  pthread_t thread;
  ASSERT_EQ(::pthread_create(&thread, nullptr, [](void*) -> void* {
    struct Guard { ~Guard() { unwound = true; } } guard;
    std::array<std::uint64_t, 16> pcs;
    unwindHere(pcs, 0);
    ::pthread_exit(nullptr);
  }, nullptr), 0);
  ASSERT_EQ(::pthread_join(thread, nullptr), 0);
  EXPECT_TRUE(unwound);
  ASSERT_EQ(::pthread_create(&thread, nullptr, [](void*) -> void* { for (;;) ::pause(); }, nullptr), 0);
  ASSERT_EQ(::pthread_cancel(thread), 0);
  void* result = nullptr;
  ASSERT_EQ(::pthread_join(thread, &result), 0);
  EXPECT_EQ(result, PTHREAD_CANCELED);
}

TEST(ProgramsThatLinkUs, SeeNoUnwinderOfOurs) {
  // Nothing of LLVM libunwind may answer for the system's unwinder.
  Dl_info info{};
  void* raise = ::dlsym(RTLD_DEFAULT, "_Unwind_RaiseException");
  ASSERT_NE(raise, nullptr);
  ASSERT_NE(::dladdr(raise, &info), 0);
  // A sanitizer's runtime brings its own.
  if (kInterceptorFrames == 0) {
    EXPECT_THAT(std::string(info.dli_fname), ::testing::HasSubstr("libgcc_s"));
  }
  EXPECT_EQ(::dlsym(RTLD_DEFAULT, "unw_step"), nullptr);
}

}  // namespace
}  // namespace openclaw::test
