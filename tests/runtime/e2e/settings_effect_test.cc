// Every setting that `show` does not mark "no effect yet" changes behaviour that a test here observes. The table is
// settings.def itself: a row without an observer fails.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <thread>

#include "capture/memory_headroom.h"
#include "tests/runtime/e2e/dump_helpers.h"

namespace openclaw::test {
namespace {

using std::chrono::steady_clock;

struct Cell {
  Member<Cell> next;
  std::uint64_t number = 0;
  OPENCLAW_TYPE(Cell, next)
};
using Words = Array<std::uint64_t>;

constexpr std::uint64_t kMebibyte = 1u << 20;

// No collection but the asked-for ones.
const std::pair<SettingId, std::uint64_t> kQuiet{SettingId::gcMinimum, 8ull << 30};

void makeGarbage(Heap& heap, std::uint64_t bytes) {
  for (std::uint64_t made = 0; made < bytes; made += sizeof(Cell) + 8) make<Cell>(heap);
}

bool comesTrue(const std::function<bool()>& condition) {
  const auto until = steady_clock::now() + std::chrono::seconds(30);
  while (!condition())
    if (steady_clock::now() > until) return false;
    else std::this_thread::yield();
  return true;
}

std::uint64_t overflowAt(std::uint64_t arenaSize) {
  auto heap = makeHeap({kQuiet, {SettingId::arenaSize, arenaSize}});
  ThreadScope thread(*heap);
  Root<Words> live(*heap, Words::make(*heap, 3 * kMebibyte));
  return heap->counters().overflowBytes;
}
void arenaSize() {
  EXPECT_EQ(overflowAt(64 * kMebibyte), 0u);
  EXPECT_GE(overflowAt(4 * kMebibyte), 20 * kMebibyte);
}

void heapLimit() {
  auto heap = makeHeap({kQuiet, {SettingId::heapLimit, 16 * kMebibyte}});
  ThreadScope thread(*heap);
  EXPECT_THROW(Words::make(*heap, 4 * kMebibyte), std::bad_alloc);
  ASSERT_TRUE(heap->set(SettingId::heapLimit, 256 * kMebibyte, "test", "test"));
  EXPECT_NE(Words::make(*heap, 4 * kMebibyte), nullptr);
}

void tlabSize() {
  auto tail = [](std::uint64_t size) {
    auto heap = makeHeap({kQuiet, {SettingId::tlabSize, size}});
    ThreadScope thread(*heap);
    make<Cell>(*heap);
    return heap->counters().tlabTailBytes;
  };
  EXPECT_LE(tail(1024), 1024u);
  EXPECT_GT(tail(1024), 0u);
  EXPECT_GT(tail(32 << 10), 16u << 10);
  EXPECT_LE(tail(32 << 10), 32u << 10);
}

void sampleInterval() {
  auto heap = makeHeap({kQuiet, {SettingId::sampleInterval, 0}});
  ThreadScope thread(*heap);
  makeGarbage(*heap, 8 * kMebibyte);
  EXPECT_EQ(heap->counters().stackSamples, 0u);
  ASSERT_TRUE(heap->set(SettingId::sampleInterval, 16 << 10, "test", "test"));
  makeGarbage(*heap, 8 * kMebibyte);
  const std::uint64_t samples = heap->counters().stackSamples;
  EXPECT_GT(samples, 200u);
  EXPECT_LT(samples, 1200u);
}

// The flags of the mapping that holds an address: "hg" = asked for huge pages.
std::string mappingFlags(std::uint64_t address) {
  std::ifstream smaps("/proc/self/smaps");
  std::string line;
  bool inside = false;
  while (std::getline(smaps, line)) {
    unsigned long long low = 0, high = 0;
    if (std::sscanf(line.c_str(), "%llx-%llx ", &low, &high) == 2) inside = low <= address && address < high;
    if (inside && line.starts_with("VmFlags:")) return line;
  }
  return "";
}
void hugePages() {
  for (const bool on : {true, false}) {
    auto heap = makeHeap({kQuiet, {SettingId::hugePages, on}});
    ThreadScope thread(*heap);
    const std::string flags = mappingFlags(reinterpret_cast<std::uint64_t>(make<Cell>(*heap)));
    EXPECT_EQ(flags.find(" hg") != std::string::npos, on) << flags;
  }
}

std::uint64_t committedAfterGarbage(std::uint64_t spareChunks) {
  auto heap = makeHeap({kQuiet, {SettingId::spareChunks, spareChunks}, {SettingId::arenaSize, 256 * kMebibyte}});
  ThreadScope thread(*heap);
  makeGarbage(*heap, 60 * kMebibyte);
  // The second one sweeps all that the first found dead, and gives back.
  heap->collect("test");
  heap->collect("test");
  return heap->counters().committedBytes;
}
void spareChunks() {
  EXPECT_LT(committedAfterGarbage(0), 30 * kMebibyte);
  EXPECT_GE(committedAfterGarbage(1024), 60 * kMebibyte);
}

int collectionsWith(std::vector<std::pair<SettingId, std::uint64_t>> settings) {
  settings.emplace_back(SettingId::arenaSize, 1ull << 30);
  auto heap = makeHeap(std::move(settings));
  ThreadScope thread(*heap);
  Root<Words> live(*heap, Words::make(*heap, kMebibyte));   // 8 MiB
  heap->collect("test");
  const std::uint64_t before = heap->counters().collections;
  makeGarbage(*heap, 24 * kMebibyte);
  return static_cast<int>(heap->counters().collections - before);
}
void gcGrowth() {
  EXPECT_GE(collectionsWith({{SettingId::gcMinimum, kMebibyte}, {SettingId::gcGrowth, 250'000}}), 6);
  EXPECT_EQ(collectionsWith({{SettingId::gcMinimum, kMebibyte}, {SettingId::gcGrowth, 10'000'000}}), 0);
}
void gcMinimum() {
  EXPECT_GE(collectionsWith({{SettingId::gcMinimum, kMebibyte}, {SettingId::gcGrowth, 100'000}}), 12);
  EXPECT_EQ(collectionsWith({{SettingId::gcMinimum, 100 * kMebibyte}, {SettingId::gcGrowth, 100'000}}), 0);
}

// A thread that never polls: the stop lasts until the signal.
control::PauseRow stopOfABusyThread(std::uint64_t signalAfter) {
  auto heap = makeHeap({kQuiet, {SettingId::signalAfter, signalAfter}});
  std::atomic<int> phase{0};
  std::thread busy([&] {
    ThreadScope thread(*heap);
    phase = 1;
    while (phase.load(std::memory_order_relaxed) == 1) asm volatile("" ::: "memory");
  });
  while (phase.load() == 0) std::this_thread::yield();
  control::PauseRow row = heap->collect("test");
  phase = 2;
  busy.join();
  return row;
}
void signalAfter() {
  const control::PauseRow late = stopOfABusyThread(300'000'000), soon = stopOfABusyThread(0);
  EXPECT_EQ(late.signalled, 1u);
  EXPECT_GE(late.duration, 300'000'000u);
  EXPECT_EQ(soon.signalled, 1u);
  EXPECT_LT(soon.duration, 300'000'000u);
}

void backgroundSweep() {
  auto heap = makeHeap({kQuiet, {SettingId::backgroundSweep, 0}});
  ThreadScope thread(*heap);
  makeGarbage(*heap, 16 * kMebibyte);
  heap->collect("test");
  const std::uint64_t floating = heap->counters().floatingBytes;
  EXPECT_GT(floating, 15 * kMebibyte);
  BlockingScope blocked(*heap);
  takeDump(*heap);   // the control thread is awake, and does not sweep
  EXPECT_EQ(heap->counters().floatingBytes, floating);
  ASSERT_TRUE(heap->set(SettingId::backgroundSweep, 1, "test", "test"));
  EXPECT_TRUE(comesTrue([&] { return !heap->impl().sweeper.anyLeft(); }));
  EXPECT_EQ(heap->counters().floatingBytes, 0u);
}

void pauseLog() {
  auto heap = makeHeap({{SettingId::pauseLog, 16}});
  for (int i = 0; i < 40; ++i) heap->collect("test");
  EXPECT_EQ(heap->pauses().rows.size(), 16u);
  EXPECT_EQ(heap->pauses().rows.back().number, 40u);
  EXPECT_GE(heap->counters().pausesLost, 24u);
  ASSERT_TRUE(heap->set(SettingId::pauseLog, 64, "test", "test"));
  for (int i = 0; i < 40; ++i) heap->collect("test");
  EXPECT_GT(heap->pauses().rows.size(), 40u);
}

void stressCollect() {
  auto heap = makeHeap({kQuiet, {SettingId::stressCollect, 10}});
  ThreadScope thread(*heap);
  for (int i = 0; i < 100; ++i) make<Cell>(*heap);
  EXPECT_GE(heap->counters().collections, 9u);
  EXPECT_LE(heap->counters().collections, 11u);
}

// Addresses that no scan takes for pointers.
[[gnu::noinline]] std::vector<std::uint64_t> hiddenGarbage(Heap& heap) {
  std::vector<std::uint64_t> hidden;
  for (int i = 0; i < 200; ++i) {
    Cell* cell = make<Cell>(heap);
    cell->number = 0x1234'5678'9abc'def0;
    hidden.push_back(~reinterpret_cast<std::uint64_t>(&cell->number));
  }
  return hidden;
}
#if defined(__SANITIZE_ADDRESS__)
[[gnu::no_sanitize_address]]
#endif
std::uint64_t wordAt(std::uint64_t hidden) { return __atomic_load_n(reinterpret_cast<std::uint64_t*>(~hidden), __ATOMIC_RELAXED); }
void stressPoison() {
  for (const bool on : {false, true}) {
    auto heap = makeHeap({kQuiet, {SettingId::stressPoison, on}, {SettingId::spareChunks, 1024}});
    ThreadScope thread(*heap);
    Root<Cell> neighbour(*heap, make<Cell>(*heap));   // keeps the block from being dropped as a whole
    const auto hidden = hiddenGarbage(*heap);
    heap->collect("test");
    heap->collect("test");   // sweeps
    std::size_t poisoned = 0;
    for (std::uint64_t address : hidden) poisoned += wordAt(address) == 0xdbdb'dbdb'dbdb'dbdb;
    if (on) EXPECT_GT(poisoned, 150u);
    else EXPECT_EQ(poisoned, 0u);
  }
}

void stressVerify() {
  auto verified = [](bool on) {
    auto heap = makeHeap({{SettingId::stressVerify, on}});
    ThreadScope thread(*heap);
    make<Cell>(*heap);
    bool any = false;
    heap->collect("test");
    for (const control::PauseRow& row : heap->pauses().rows) {
      any |= row.ownedKind == "verify";
      for (const control::Phase& phase : row.ownedPhases) any |= phase.name.find("verify") != std::string::npos;
    }
    return any;
  };
  EXPECT_TRUE(verified(true));
  EXPECT_FALSE(verified(false));
}

void stressDump() {
  auto heap = makeHeap({{SettingId::stressDump, 5}});
  for (int i = 0; i < 4; ++i) heap->collect("test");
  EXPECT_EQ(heap->impl().dumps.dumps.load(), 0u);
  heap->collect("test");
  EXPECT_TRUE(comesTrue([&] { return heap->impl().dumps.dumps.load() == 1; }));
  EXPECT_EQ(heap->impl().dumps.dumpsFailed.load(), 0u);
}

// A machine that never has 90 % free: a folder that says so instead of /proc.
void dumpHeadroom() {
  std::string folder = ::testing::TempDir() + "openclaw-headroom-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  ASSERT_EQ(::mkdir((folder + "/proc").c_str(), 0700), 0);
  std::ofstream(folder + "/proc/meminfo") << "MemTotal: 1000000 kB\nMemFree: 500000 kB\nMemAvailable: 500000 kB\n";
  auto heap = makeHeap({{SettingId::dumpHeadroom, 400'000}});
  heap->impl().control->readMemoryFrom(folder);
  takeDump(*heap, "clone");   // half is free, 40 % are asked for
  ASSERT_TRUE(heap->set(SettingId::dumpHeadroom, 600'000, "test", "test"));
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  auto done = heap->dump(nowhere, {}, "test", {}, {});
  ::close(nowhere);
  ASSERT_TRUE(done) << toText(done.error());
  EXPECT_EQ(done->consistency, "stop-the-world");
  EXPECT_NE(done->note.find("dump-headroom"), std::string::npos) << done->note;
  std::ignore = std::system(("rm -r " + folder).c_str());
}

const std::map<SettingId, void (*)()>& observers() {
  static const std::map<SettingId, void (*)()> kObservers = {
      {SettingId::arenaSize, arenaSize},         {SettingId::heapLimit, heapLimit},
      {SettingId::tlabSize, tlabSize},           {SettingId::sampleInterval, sampleInterval},
      {SettingId::hugePages, hugePages},         {SettingId::spareChunks, spareChunks},
      {SettingId::dumpHeadroom, dumpHeadroom},   {SettingId::gcGrowth, gcGrowth},
      {SettingId::gcMinimum, gcMinimum},         {SettingId::signalAfter, signalAfter},
      {SettingId::backgroundSweep, backgroundSweep}, {SettingId::pauseLog, pauseLog},
      {SettingId::stressCollect, stressCollect}, {SettingId::stressPoison, stressPoison},
      {SettingId::stressVerify, stressVerify},   {SettingId::stressDump, stressDump}};
  return kObservers;
}

class SettingEffects : public ::testing::TestWithParam<SettingInfo> {};

TEST_P(SettingEffects, IsObservedOrMarkedAsNone) {
  const auto observer = observers().find(GetParam().id);
  if (GetParam().effect == SettingEffect::kNoneYet) {
    EXPECT_EQ(observer, observers().end()) << "it has an effect now: settings.def says it has none";
    return;
  }
  ASSERT_NE(observer, observers().end()) << "nothing observes what this setting does";
  observer->second();
}

INSTANTIATE_TEST_SUITE_P(All, SettingEffects, ::testing::ValuesIn(allSettings().begin(), allSettings().end()),
                         [](const auto& row) { return std::string(row.param.identifier); });

}  // namespace
}  // namespace openclaw::test
