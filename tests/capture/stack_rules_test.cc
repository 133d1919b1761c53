// Stacks unwound by remembered rules are the stacks that libunwind's own steps give: on varied frames, in signal handlers,
// at any instruction, through libraries that come and go; and nobody waits for the loader.
#include <dlfcn.h>
#include <execinfo.h>
#include <gnu/libc-version.h>
#include <gtest/gtest.h>
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <future>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "capture/stacks/frame_rule.h"
#include "capture/stacks/libunwind_bridge.h"
#include "capture/stacks/recorder.h"
#include "capture/stacks/rule_cache.h"
#include "tests/capture/stack_shapes.h"
#include "tests/support/seed.h"

extern "C" void openclawWithoutTables(void (*function)(void*), void* data);
// Its frame hangs on rbx, which no rule can say; a hand-written function may do that.
extern "C" void openclawOnRbx(void (*function)(void*), void* data);
asm(R"(
.text
.type openclawOnRbx, @function
openclawOnRbx:
  .cfi_startproc
  pushq %rbx
  .cfi_def_cfa_offset 16
  .cfi_offset 3, -16
  movq %rsp, %rbx
  .cfi_def_cfa_register 3
  subq $0x150, %rsp
  andq $-64, %rsp
  movq %rdi, %rax
  movq %rsi, %rdi
  call *%rax
  movq %rbx, %rsp
  .cfi_def_cfa_register 7
  popq %rbx
  .cfi_def_cfa_offset 8
  ret
  .cfi_endproc
.size openclawOnRbx, .-openclawOnRbx
)");

namespace openclaw::test {
namespace {

using internal::FrameRule;
using internal::RuleCache;

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
#if defined(__SANITIZE_THREAD__)
constexpr bool kThreadSanitized = true;
#else
constexpr bool kThreadSanitized = false;
#endif

struct Comparison {
  RuleCache* rules = nullptr;
  std::uint64_t stacks = 0, frames = 0, signals = 0, deepest = 0, differ = 0;
  std::array<std::uint64_t, 2048> ours{}, theirs{};
  std::size_t ourCount = 0, theirCount = 0;   // of the last, or of the first that differs
};

// Both from one frame; the first address differs by where in this function each was called. Also in signal handlers.
[[gnu::noinline]] void compareHere(void* data) {
  auto& c = *static_cast<Comparison*>(data);
  if (c.differ != 0) return;
  c.ourCount = c.rules->unwind(c.ours, 0);
  c.theirCount = unwindHere(c.theirs, 0);
  ++c.stacks;
  c.frames += c.theirCount;
  c.deepest = std::max<std::uint64_t>(c.deepest, c.theirCount);
  if (c.ourCount == 0 || c.ourCount != c.theirCount || !std::equal(c.ours.begin() + 1, c.ours.begin() + static_cast<std::ptrdiff_t>(c.ourCount), c.theirs.begin() + 1))
    ++c.differ;
}

::testing::AssertionResult agreed(const Comparison& c) {
  if (c.differ == 0) return ::testing::AssertionSuccess();
  auto result = ::testing::AssertionFailure();
  result << "ours " << c.ourCount << " frames, unw_step " << c.theirCount << std::hex;
  for (std::size_t i = 1; i < std::max(c.ourCount, c.theirCount); ++i) {
    const std::uint64_t ours = i < c.ourCount ? c.ours[i] : 0, theirs = i < c.theirCount ? c.theirs[i] : 0;
    if (ours == theirs) continue;
    result << "; frame " << std::dec << i << std::hex;
    for (const std::uint64_t pc : {c.theirs[i - 1], ours, theirs}) {
      Dl_info info{};
      ::dladdr(reinterpret_cast<void*>(pc), &info);
      result << ", " << pc << " = " << (info.dli_fname != nullptr ? info.dli_fname : "?") << "+" << pc - reinterpret_cast<std::uint64_t>(info.dli_fbase)
             << " " << (info.dli_sname != nullptr ? info.dli_sname : "?");
    }
    return result << " (the frame before, ours, theirs)";
  }
  return result;
}

// ---- varied stacks

thread_local Path* signalPath = nullptr;
std::atomic<std::uint64_t> handledSignals{0};

void goOnInHandler(int) {
  handledSignals.fetch_add(1, std::memory_order_relaxed);
  Path* path = signalPath;
  goOn(*path);
  signalPath = path;
}

// Handlers that may nest, for the process; one of them wants the thread's signal stack.
class SignalHandlers {
 public:
  SignalHandlers() {
    struct sigaction action {};
    action.sa_handler = goOnInHandler;
    action.sa_flags = SA_NODEFER;
    ::sigaction(SIGUSR1, &action, &old_[0]);
    action.sa_flags = SA_NODEFER | SA_ONSTACK;
    ::sigaction(SIGUSR2, &action, &old_[1]);
  }
  ~SignalHandlers() {
    ::sigaction(SIGUSR1, &old_[0], nullptr);
    ::sigaction(SIGUSR2, &old_[1], nullptr);
  }
  SignalHandlers(const SignalHandlers&) = delete;

 private:
  struct sigaction old_[2];
};

// A signal stack for the calling thread.
class SignalStack {
 public:
  static constexpr std::size_t kBytes = std::size_t{16} << 20;
  SignalStack() : memory_(::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {
    stack_t stack{};
    stack.ss_sp = memory_;
    stack.ss_size = kBytes;
    ::sigaltstack(&stack, &old_);
  }
  ~SignalStack() {
    ::sigaltstack(&old_, nullptr);
    ::munmap(memory_, kBytes);
  }
  SignalStack(const SignalStack&) = delete;

 private:
  void* memory_;
  stack_t old_{};
};

// Thread sanitizer runs handlers in its own time, and minds what these do in them: without signals there.
[[gnu::noinline]] void throughSignal(Path& path) {
  if (kThreadSanitized) return goOn(path);
  signalPath = &path;
  ::raise(path.random() % 2 == 0 ? SIGUSR1 : SIGUSR2);
  asm volatile("" ::: "memory");
}

[[gnu::noinline]] void throughRbx(Path& path) {
  openclawOnRbx([](void* data) { goOn(*static_cast<Path*>(data)); }, &path);
  asm volatile("" ::: "memory");
}

}  // namespace

[[gnu::noinline]] void goOn(Path& path) {
  if (path.depth == 0) {
    path.bottom(path.data);
  } else {
    --path.depth;
    switch (path.random() % 16) {
      case 0: throughSignal(path); break;
      case 1: path.random() % 4 == 0 ? throughRbx(path) : goOn(path); break;
      case 2: case 3: case 4: unoptimized::enter(path); break;
      case 5: case 6: case 7: withFramePointer::enter(path); break;
      case 8: case 9: case 10: withoutFramePointer::enter(path); break;
      case 11: case 12: case 13: inlining::enter(path); break;
      default: forSize::enter(path); break;
    }
  }
  asm volatile("" ::: "memory");
}

namespace {

void descend(unsigned seed, int depth, void (*bottom)(void*), void* data) {
  std::mt19937 random(seed);
  Path path{random, depth, bottom, data};
  goOn(path);
}

TEST(RuleCache, AgreesWithUnwStepOnTenThousandVariedStacks) {
  const unsigned first = static_cast<unsigned>(test::seedFromEnvironment() % 1'000'000'000);
  SignalHandlers handlers;
  SignalStack signalStack;
  handledSignals = 0;
  Comparison c;
  std::unique_ptr<RuleCache> rules;
  for (unsigned seed = first; seed < first + 10'000; ++seed) {
    // New caches find rules that are made on deep stacks, too.
    if ((seed - first) % 500 == 0) rules = std::make_unique<RuleCache>();
    c.rules = rules.get();
    descend(seed, static_cast<int>(seed % 33), compareHere, &c);
    ASSERT_TRUE(agreed(c)) << "OPENCLAW_SEED=" << seed;
  }
  EXPECT_EQ(c.stacks, 10'000u);
  EXPECT_GT(c.frames / c.stacks, 20u);
  EXPECT_GT(c.deepest, 60u);
  EXPECT_GE(handledSignals.load(), kThreadSanitized ? 0u : 1'000u);
  EXPECT_GT(rules->counts().stepsThroughLibunwind, 100u);   // those on rbx
  RecordProperty("frames", static_cast<int>(c.frames));
}

// libunwind 14 goes wrong where a row of a table begins at the interrupted instruction; backtrace() does not.
[[gnu::noinline]] void compareWithBacktrace(Comparison& c) {
  if (c.differ != 0) return;
  std::array<void*, 1024> addresses;
  c.ourCount = c.rules->unwind(c.ours, 0);
  const int count = ::backtrace(addresses.data(), static_cast<int>(addresses.size()));
  // Sanitizers put a frame of theirs before the first that both have.
  std::size_t first = 1;
  while (kSanitized && first < 4 && c.ourCount > 1 && reinterpret_cast<std::uint64_t>(addresses[first]) != c.ours[1]) ++first;
  c.theirCount = 1;
  for (std::size_t i = first; i < static_cast<std::size_t>(count); ++i) c.theirs[c.theirCount++] = reinterpret_cast<std::uint64_t>(addresses[i]);
  // Its last address may lie nowhere: in the few instructions in which libgcc installs a handler's context, tables are
  // wrong for everybody, and it tells of the address that it could not go on from.
  dl_find_object nowhere{};
  if (c.theirCount > 1 && ::_dl_find_object(reinterpret_cast<void*>(c.theirs[c.theirCount - 1]), &nowhere) != 0) --c.theirCount;
  ++c.stacks;
  if (c.ourCount != c.theirCount || !std::equal(c.ours.begin() + 1, c.ours.begin() + static_cast<std::ptrdiff_t>(c.ourCount), c.theirs.begin() + 1))
    ++c.differ;
}

TEST(RuleCache, AgreesWithBacktraceWhereverAThreadIsInterrupted) {
  if (kThreadSanitized) GTEST_SKIP() << "thread sanitizer runs handlers in its own time";
  void* warm[4];
  ::backtrace(warm, 4);   // loads libgcc, which no handler may do
  static Comparison c;
  static RuleCache* rules;
  static std::atomic<std::uint64_t> handled;
  static std::atomic<bool> done;
  RuleCache mine;
  rules = &mine;
  c = Comparison{};
  c.rules = rules;
  handled = 0;
  done = false;
  struct sigaction action {}, old {};
  action.sa_handler = [](int) {
    compareWithBacktrace(c);
    handled.fetch_add(1);
  };
  ::sigaction(SIGPROF, &action, &old);
  SignalHandlers handlers;
  std::thread worker([] {
    SignalStack signalStack;
    std::vector<std::string> texts(64);
    std::vector<int> numbers(200);
    for (unsigned seed = 1; !done; ++seed) {
      std::mt19937 random(seed);
      for (std::string& text : texts) text.assign(random() % 300, 'x');
      std::ranges::sort(texts, {}, [](const std::string& s) { return s.size(); });
      for (int& number : numbers) number = static_cast<int>(random());
      ::qsort(numbers.data(), numbers.size(), sizeof(int), [](const void* a, const void* b) { return *static_cast<const int*>(a) < *static_cast<const int*>(b) ? -1 : 1; });
      Path path{random, 12, [](void*) {}, nullptr};
      inlining::enter(path);
      if (seed % 16 == 0) std::thread([] {}).join();
    }
  });
  const std::uint64_t wanted = kSanitized ? 300 : 20'000;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(kSanitized ? 5 : 60);
  while (handled < wanted && c.differ == 0 && std::chrono::steady_clock::now() < end) {
    const std::uint64_t before = handled;
    ASSERT_EQ(::pthread_kill(worker.native_handle(), SIGPROF), 0);
    while (handled == before && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  }
  done = true;
  worker.join();
  ::sigaction(SIGPROF, &old, nullptr);
  EXPECT_TRUE(agreed(c));
  EXPECT_GT(c.stacks, wanted / 2);
}

TEST(RuleCache, CodeWithoutTablesEndsTheWalkWhereUnwStepEndsIt) {
  RuleCache rules;
  Comparison c;
  c.rules = &rules;
  for (int i = 0; i < 3; ++i) openclawWithoutTables(compareHere, &c);
  EXPECT_TRUE(agreed(c));
  EXPECT_LE(c.ourCount, 2u);
}

TEST(RuleCache, AFullTableMakesRoomAndAgrees) {
  RuleCache rules(8);
  Comparison c;
  c.rules = &rules;
  SignalHandlers handlers;
  SignalStack signalStack;
  for (unsigned seed = 1; seed <= 300; ++seed) descend(seed, static_cast<int>(seed % 30), compareHere, &c);
  EXPECT_TRUE(agreed(c));
  EXPECT_GT(rules.counts().rulesDisplaced, 100u);
}

TEST(RuleCache, SkipLeavesOutCallersAndAFullBufferEndsTheWalk) {
  RuleCache rules;
  std::array<std::uint64_t, 64> all, skipped;
  std::size_t counts[2] = {};
  const auto twice = [&]() __attribute__((noinline)) {
    counts[0] = rules.unwind(all, 0);
    counts[1] = rules.unwind(skipped, 2);
  };
  twice();
  ASSERT_GT(counts[0], 3u);
  ASSERT_EQ(counts[1], counts[0] - 2);
  EXPECT_TRUE(std::equal(all.begin() + 2, all.begin() + static_cast<std::ptrdiff_t>(counts[0]), skipped.begin()));
  std::array<std::uint64_t, 2> two;
  EXPECT_EQ(rules.unwind(two, 0), 2u);
  EXPECT_EQ(rules.unwind(two, 1000), 0u);
  EXPECT_EQ(rules.unwind({}, 0), 0u);
}

// A known stack costs no table: the second walk from the same place makes no rule.
TEST(RuleCache, KnownRulesAreNotMadeAgain) {
  RuleCache rules;
  std::array<std::uint64_t, 256> pcs;
  std::uint64_t made[3];
  for (std::uint64_t& count : made) {
    rules.unwind(pcs, 0);
    count = rules.counts().rulesMade;
  }
  EXPECT_GT(made[0], 3u);
  EXPECT_LE(made[1], made[0] + 1);
  EXPECT_EQ(made[2], made[1]);
}

TEST(RuleCache, AColdWalkAllocatesNothing) {
  if (kSanitized) GTEST_SKIP() << "mallinfo2 is not the sanitizers'";
  RuleCache rules;
  SignalHandlers handlers;
  SignalStack signalStack;
  struct Seen { RuleCache* rules; std::size_t before, after; } seen{&rules, 0, 0};
  descend(7, 30, [](void* data) {
    auto& s = *static_cast<Seen*>(data);
    std::array<std::uint64_t, 512> pcs;
    s.before = ::mallinfo2().uordblks + ::mallinfo2().hblkhd;
    s.rules->unwind(pcs, 0);
    s.after = ::mallinfo2().uordblks + ::mallinfo2().hblkhd;
  }, &seen);
  EXPECT_GT(rules.counts().rulesMade, 20u);
  EXPECT_EQ(seen.before, seen.after);
}

// ---- libraries that come and go

using Plugin = void (*)(void (*)(void*), void*);
struct Library {
  explicit Library(const char* path) : handle(::dlopen(path, RTLD_NOW | RTLD_LOCAL)), enter(nullptr) {
    if (handle != nullptr) enter = reinterpret_cast<Plugin>(::dlsym(handle, "openclawPlugin"));
  }
  ~Library() {
    if (handle != nullptr) ::dlclose(handle);
  }
  Library(const Library&) = delete;
  void* handle;
  Plugin enter;
};

void alternate(const char* first, const char* second, bool remembered) {
  RuleCache rules;
  Comparison c;
  c.rules = &rules;
  std::set<std::uintptr_t> places;
  for (int round = 0; round < 20; ++round) {
    const Library library(round % 2 == 0 ? first : second);
    ASSERT_NE(library.enter, nullptr) << ::dlerror();
    places.insert(reinterpret_cast<std::uintptr_t>(library.enter));
    for (int i = 0; i < 3; ++i) library.enter(compareHere, &c);
    ASSERT_TRUE(agreed(c)) << "round " << round;
  }
  if (kSanitized) return;   // their runtimes keep libraries, or map beside them
  EXPECT_LT(places.size(), 20u) << "never two in one place: this test has shown nothing";
  if (remembered) {
    EXPECT_GE(rules.counts().modulesSeen, 20u);
  }
}

TEST(RuleCache, ALibraryInThePlaceOfAClosedOneHasRulesOfItsOwn) { alternate(STACK_PLUGIN_A, STACK_PLUGIN_B, true); }
TEST(RuleCache, LibrariesWithoutBuildIdAreFollowedToo) { alternate(STACK_PLUGIN_A_NO_ID, STACK_PLUGIN_B_NO_ID, false); }

TEST(RuleCache, ThreadsShareRulesWhileLibrariesComeAndGo) {
  RuleCache rules(256);
  std::atomic<bool> done{false};
  SignalHandlers handlers;
  std::vector<std::thread> threads;
  std::vector<Comparison> comparisons(3);
  for (std::size_t t = 0; t < comparisons.size(); ++t)
    threads.emplace_back([&, t] {
      comparisons[t].rules = &rules;
      SignalStack signalStack;
      for (unsigned seed = 1; !done || seed < 50; ++seed) {
        std::mt19937 random(seed + static_cast<unsigned>(t) * 100'000);
        Path path{random, static_cast<int>(seed % 25), compareHere, &comparisons[t]};
        inlining::enter(path);
      }
    });
  Comparison mine;
  mine.rules = &rules;
  for (int round = 0; round < (kSanitized ? 30 : 300); ++round) {
    const Library library(round % 3 == 0 ? STACK_PLUGIN_A : STACK_PLUGIN_B);
    if (library.enter != nullptr) library.enter(compareHere, &mine);
  }
  done = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(agreed(mine));
  for (const Comparison& c : comparisons) {
    EXPECT_TRUE(agreed(c));
    EXPECT_GT(c.stacks, 40u);
  }
}

TEST(StackRecorder, RecordsWhileAnotherThreadStandsInsideDlopen) {
  int toUs[2], toThem[2];
  ASSERT_EQ(::pipe(toUs), 0);
  ASSERT_EQ(::pipe(toThem), 0);
  ::setenv("OPENCLAW_TEST_PARKED", (std::to_string(toUs[1]) + " " + std::to_string(toThem[0])).c_str(), 1);
  std::thread loader([] {
    void* handle = ::dlopen(STACK_PARKED, RTLD_NOW | RTLD_LOCAL);
    if (handle != nullptr) ::dlclose(handle);
  });
  char byte = 0;
  ASSERT_EQ(::read(toUs[0], &byte, 1), 1);   // it stands there now
  StackRecorder recorder;
  SignalHandlers handlers;
  auto sampled = std::async(std::launch::async, [&recorder] {
    SignalStack signalStack;
    // Cold rules, known rules, and frames that libunwind steps over.
    for (unsigned seed = 1; seed <= 200; ++seed)
      descend(seed % 100, static_cast<int>(seed % 30), [](void* data) { static_cast<StackRecorder*>(data)->record(1, 1, 1, 0); }, &recorder);
    return recorder.samples();
  });
  const bool inTime = sampled.wait_for(std::chrono::seconds(30)) == std::future_status::ready;
  ASSERT_EQ(::write(toThem[1], &byte, 1), 1);
  loader.join();
  EXPECT_TRUE(inTime);
  EXPECT_EQ(sampled.get(), 200u);
  EXPECT_EQ(recorder.lost(), 0u);
  EXPECT_GT(recorder.ruleCounts().rulesMade, 50u);
  for (const int descriptor : {toUs[0], toUs[1], toThem[0], toThem[1]}) ::close(descriptor);
  ::unsetenv("OPENCLAW_TEST_PARKED");
}

// ---- rules against libunwind, function by function

// A made-up stack: every word points into it, so that whatever a table dereferences can be read.
class MadeUpStack {
 public:
  static constexpr std::size_t kBytes = std::size_t{8} << 20;
  explicit MadeUpStack(std::mt19937_64& random) : words_(kBytes / 8) {
    for (std::uint64_t& word : words_) word = low() + kBytes / 4 + random() % (kBytes / 2) / 8 * 8;
  }
  std::uint64_t low() const { return reinterpret_cast<std::uint64_t>(words_.data()); }
  std::uint64_t word(std::uint64_t address) const { return words_.at((address - low()) / 8); }

 private:
  std::vector<std::uint64_t> words_;
};

struct Registers {
  std::uint64_t pc, sp, rbp;
  bool operator==(const Registers&) const = default;
};

Registers apply(FrameRule rule, const MadeUpStack& stack, Registers r) {
  using Shape = FrameRule::Shape;
  const auto at = [](std::uint64_t base, std::int64_t offset) { return base + static_cast<std::uint64_t>(offset); };
  if (rule.shape() == Shape::kSignal)
    return {stack.word(at(r.sp, internal::kSignalRip)), stack.word(at(r.sp, internal::kSignalRsp)), stack.word(at(r.sp, internal::kSignalRbp))};
  std::uint64_t cfa = 0, rbp = r.rbp;
  if (rule.shape() == Shape::kRealigned) {
    cfa = stack.word(at(r.rbp, rule.cfaOffset()));
    rbp = stack.word(at(r.rbp, rule.rbpOffset()));
  } else {
    cfa = at(rule.shape() == Shape::kStackPointer ? r.sp : r.rbp, rule.cfaOffset());
    if (rule.rbpOffset() != 0) rbp = stack.word(at(cfa, rule.rbpOffset()));
  }
  return {stack.word(cfa - 8), cfa, rbp};
}

// Where functions begin, from the search table of .eh_frame_hdr.
std::vector<std::uint64_t> functionsOf(void* inside) {
  dl_find_object found{};
  if (::_dl_find_object(inside, &found) != 0) return {};
  const auto* header = static_cast<const std::uint8_t*>(found.dlfo_eh_frame);
  if (header[0] != 1 || header[1] != 0x1b || header[2] != 0x03 || header[3] != 0x3b) return {};
  std::uint32_t count;
  std::memcpy(&count, header + 8, 4);
  std::vector<std::uint64_t> starts(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    std::int32_t offset;
    std::memcpy(&offset, header + 12 + std::size_t{i} * 8, 4);
    starts[i] = reinterpret_cast<std::uint64_t>(header) + static_cast<std::uint64_t>(static_cast<std::int64_t>(offset));
  }
  return starts;
}

TEST(FrameRule, SaysWhatLibunwindDoesInEveryFunctionOfLibcAndLibstdcxxAndThisProgram) {
  const unsigned seed = static_cast<unsigned>(test::seedFromEnvironment() % 1'000'000'000);
  std::mt19937_64 random(seed);
  const MadeUpStack stack(random);
  std::uint64_t compared = 0, steps = 0, signals = 0, realigned = 0;
  const void* modules[] = {reinterpret_cast<const void*>(&::gnu_get_libc_version), ::dlsym(RTLD_DEFAULT, "_ZSt9terminatev"), reinterpret_cast<const void*>(&descend),
                           ::dlsym(RTLD_DEFAULT, "_Unwind_RaiseException"), ::dlsym(RTLD_DEFAULT, "__tls_get_addr")};
  for (const void* inside : modules) {
    ASSERT_NE(inside, nullptr);
    std::vector<std::uint64_t> starts = functionsOf(const_cast<void*>(inside));
    ASSERT_GT(starts.size(), 10u);
    starts.push_back(starts.back() + 1);
    for (std::size_t f = 0; f + 1 < starts.size(); ++f) {
      const internal::FrameTable table = internal::findFrameTable(starts[f]);
      ASSERT_NE(table.fde, nullptr);
      ASSERT_EQ(table.functionStart, starts[f]);
      const std::uint64_t length = std::min<std::uint64_t>(starts[f + 1] - starts[f], 4096);
      for (int i = 0; i < 4; ++i) {
        // The first instructions of a function are where rows change.
        const std::uint64_t address = starts[f] + random() % (i < 2 ? std::min<std::uint64_t>(length, 24) : length);
        if (internal::findFrameTable(address + 1).fde != table.fde) continue;   // libunwind looks there
        const FrameRule rule = internal::frameRule(table.fde, table.functionStart, address);
        if (rule.shape() == FrameRule::Shape::kEnd) continue;
        if (rule.shape() == FrameRule::Shape::kStep || std::abs(rule.cfaOffset()) > (1 << 20)) {
          ++steps;
          continue;
        }
        const std::uint64_t middle = stack.low() + MadeUpStack::kBytes / 2;
        const Registers before{address + 1, middle + random() % 4096 * 8, middle + random() % 4096 * 8};
        internal::LibunwindCursor cursor;
        ASSERT_TRUE(cursor.startAt(before.pc, before.sp, before.rbp));
        cursor.step();   // the caller has no tables, but the registers are there
        const Registers theirs{cursor.pc(), cursor.sp(), cursor.rbp()};
        ASSERT_EQ(apply(rule, stack, before), theirs) << "OPENCLAW_SEED=" << seed << std::hex << " at " << address << " of function " << starts[f];
        ++compared;
        signals += rule.shape() == FrameRule::Shape::kSignal ? 1 : 0;
        realigned += rule.shape() == FrameRule::Shape::kRealigned ? 1 : 0;
      }
    }
  }
  EXPECT_GT(compared, 20'000u);
  EXPECT_GT(signals, 0u);
  EXPECT_GT(realigned, 0u);
  EXPECT_LT(steps * 50, compared);   // few functions need libunwind's own step
  std::printf("  %llu places compared, %llu left to libunwind\n", static_cast<unsigned long long>(compared), static_cast<unsigned long long>(steps));
}

void PrintTo(const Registers& r, std::ostream* out) { *out << std::hex << "pc " << r.pc << " sp " << r.sp << " rbp " << r.rbp << std::dec; }

TEST(FrameRule, KeepsOffsetsThatFitAndLeavesOthersToLibunwind) {
  std::mt19937_64 random(test::seedFromEnvironment());
  using Shape = FrameRule::Shape;
  for (int i = 0; i < 10'000; ++i) {
    const auto within = [&](int bits) { return (static_cast<std::int64_t>(random() % (1ull << bits)) - (1ll << (bits - 1))) * 8; };
    const std::int64_t cfa = within(20), rbp = within(8);
    const auto module = static_cast<std::uint32_t>(random() % RuleCache::kModules), generation = static_cast<std::uint32_t>(random() & 0xffff);
    const FrameRule rule = FrameRule::make(Shape::kRealigned, cfa, rbp).in(module, generation);
    ASSERT_EQ(rule.shape(), Shape::kRealigned);
    ASSERT_EQ(rule.cfaOffset(), cfa);
    ASSERT_EQ(rule.rbpOffset(), rbp);
    ASSERT_EQ(rule.module(), module);
    ASSERT_EQ(rule.generation(), generation);
  }
  for (const std::int64_t cfa : {std::int64_t{1} << 22, -(std::int64_t{1} << 22) - 8, std::int64_t{12}})
    EXPECT_EQ(FrameRule::make(Shape::kStackPointer, cfa).shape(), Shape::kStep) << cfa;
  EXPECT_EQ(FrameRule::make(Shape::kStackPointer, 16, -1032).shape(), Shape::kStep);
}

}  // namespace
}  // namespace openclaw::test
