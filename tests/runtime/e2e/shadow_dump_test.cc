// Dumps of real heaps against what the program did: a shadow model object by object, invariants that hold at every
// instruction, and the sums that must agree.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <atomic>
#include <thread>

#include "tests/runtime/e2e/dump_helpers.h"
#include "tests/runtime/e2e/shadow_heap.h"
#include "tests/support/seed.h"

namespace openclaw::test {
namespace {

// Small, so that every round collects many times.
const std::vector<std::pair<SettingId, std::uint64_t>> kBusy = {{SettingId::gcMinimum, 1u << 20},
                                                                {SettingId::gcGrowth, 100000},
                                                                {SettingId::arenaSize, 8u << 20},
                                                                {SettingId::sampleInterval, 16u << 10}};

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr std::size_t kOperations = 2500;
#else
constexpr std::size_t kOperations = 12000;
#endif

TEST(ShadowDump, EveryDumpShowsExactlyTheHeapThatTheThreadsMade) {
  const std::uint64_t seed = seedFromEnvironment();
  auto heap = makeHeap(kBusy);
  ShadowHeap shadow(*heap, 4, seed);
  for (int round = 0; round < 6; ++round) {
    SCOPED_TRACE(fmt::format("seed {}, round {}", seed, round));
    shadow.run(kOperations);
    const bool collected = round % 3 == 2;
    TakenDump dump = takeDump(*heap, round % 2 == 0 ? "clone" : "stop-the-world", collected);
    expectDumpAddsUp(dump.view);
    shadow.expectSameAs(dump.view, collected);
    if (HasFailure()) return;
    EXPECT_GE(dump.view.objects.size(), shadow.reachable());
    EXPECT_EQ(dump.view.process.consistency, round % 2 == 0 ? Consistency::kClone : Consistency::kStopTheWorld);
  }
  EXPECT_GT(heap->counters().collections, 6u);
}

TEST(ShadowDump, HoldsUnderStressCollectPoisonAndVerify) {
  const std::uint64_t seed = seedFromEnvironment() + 1;
  auto settings = kBusy;
  settings.insert(settings.end(), {{SettingId::stressCollect, 97}, {SettingId::stressPoison, 1}, {SettingId::stressVerify, 1}});
  auto heap = makeHeap(settings);
  ShadowHeap shadow(*heap, 3, seed);
  for (int round = 0; round < 2; ++round) {
    SCOPED_TRACE(fmt::format("seed {}, round {}", seed, round));
    shadow.run(kOperations / 12);
    TakenDump dump = takeDump(*heap, round == 0 ? "stop-the-world" : "clone", true);
    expectDumpAddsUp(dump.view);
    shadow.expectSameAs(dump.view, true);
  }
}

TEST(ShadowDump, SixtyFourThreadsAreAllInTheDump) {
  auto heap = makeHeap(kBusy);
  ShadowHeap shadow(*heap, 64, seedFromEnvironment() + 2);
  shadow.run(kOperations / 60);
  TakenDump dump = takeDump(*heap, "clone");
  expectDumpAddsUp(dump.view);
  shadow.expectSameAs(dump.view, false);
  ASSERT_EQ(dump.view.threads.size(), 64u);
  std::set<std::string> names;
  for (const auto& thread : dump.view.threads) {
    names.insert(thread.name);
    EXPECT_EQ(thread.state, "blocked");
    EXPECT_GT(thread.tid, 0u);
    EXPECT_LT(thread.low, thread.high);
  }
  EXPECT_EQ(names.size(), 64u);
  EXPECT_TRUE(names.contains("shadow 63"));
}

// A ring of links whose weights' sizes have a constant sum. One store replaces a link by a fresh one with the same
// weight, so at every instruction the ring is whole: a snapshot that tears shows a gap or another sum.
struct Link {
  Member<Link> next;
  Member<Array<std::uint64_t>> weight;
  OPENCLAW_TYPE(Link, next, weight)
};
struct Ring {
  Member<Link> at;
  OPENCLAW_TYPE(Ring, at)
};
constexpr std::size_t kLinks = 300;
std::size_t weightOf(std::size_t i) { return 1 + i % 23; }

Ring* makeRing(Heap& heap) {
  Ring* ring = make<Ring>(heap);
  Link* first = make<Link>(heap);
  Link* last = first;
  for (std::size_t i = 0; i < kLinks; ++i) {
    Link* link = i == 0 ? first : make<Link>(heap);
    link->weight = Array<std::uint64_t>::make(heap, weightOf(i));
    if (i != 0) last->next = link;
    last = link;
  }
  last->next = first;
  ring->at = first;
  return ring;
}

void churn(Heap& heap, Ring* ring, const std::atomic<bool>& stop, std::atomic<std::uint64_t>& steps) {
  while (!stop.load(std::memory_order_relaxed)) {
    Link* old = ring->at->next;
    Link* fresh = make<Link>(heap);
    fresh->weight = old->weight;
    fresh->next = old->next;
    ring->at->next = fresh;     // the one store that changes the ring
    old->next = nullptr;        // else one stale stack word keeps all generations after it
    ring->at = fresh;
    steps.fetch_add(1, std::memory_order_relaxed);
  }
}

void expectWholeRing(const DumpView& dump, const DumpView::Object& ring) {
  const std::uint64_t start = dump.targets(ring)[0];
  std::uint64_t sum = 0, at = start;
  for (std::size_t i = 0; i < kLinks; ++i) {
    const DumpView::Object* link = dump.at(at);
    ASSERT_NE(link, nullptr) << "a gap after " << i << " links";
    const auto targets = dump.targets(*link);
    ASSERT_EQ(targets.size(), 2u);
    const DumpView::Object* weight = dump.at(targets[1]);
    ASSERT_NE(weight, nullptr);
    sum += weight->size;
    at = targets[0];
    if (i + 1 < kLinks) {
      ASSERT_NE(at, start) << "closed after " << i + 1 << " links";
    }
  }
  EXPECT_EQ(at, start);
  std::uint64_t expected = 0;
  for (std::size_t i = 0; i < kLinks; ++i) expected += pool::smallCellBytes(8 + weightOf(i) * 8);
  EXPECT_EQ(sum, expected);
}

TEST(ShadowDump, DumpsOneToTwentyUnderMutationHoldARingsInvariant) {
  auto heap = makeHeap(kBusy);
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> steps{0};
  std::vector<Root<Ring>> rings;
  for (int i = 0; i < 4; ++i) rings.emplace_back(*heap);
  std::atomic<int> ready{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      ThreadScope scope(*heap, "churn");
      Ring* ring = makeRing(*heap);
      rings[static_cast<std::size_t>(i)] = ring;
      ready.fetch_add(1);
      ready.notify_one();
      churn(*heap, ring, stop, steps);
    });
  for (int seen = ready; seen < 4; seen = ready) ready.wait(seen);
  std::vector<std::uint8_t> previousId;
  for (std::uint32_t number = 1; number <= 20; ++number) {
    SCOPED_TRACE(fmt::format("dump {}", number));
    const std::uint64_t before = steps.load();
    TakenDump dump = takeDump(*heap, number % 5 == 0 ? "stop-the-world" : "clone", number % 4 == 0);
    expectDumpAddsUp(dump.view);
    int rootsSeen = 0;
    for (const DumpView::Root& root : dump.view.roots) {
      if (root.row.kind != RootKind::kHandle) continue;
      ++rootsSeen;
      expectWholeRing(dump.view, *dump.view.at(root.target));
    }
    EXPECT_EQ(rootsSeen, 4);
    EXPECT_EQ(dump.view.process.dumpNumber, number);
    EXPECT_EQ(dump.view.process.previousDumpId, previousId);
    previousId = dump.view.process.dumpId;
    EXPECT_EQ(previousId.size(), 16u);
    if (HasFailure()) break;
    while (steps.load() == before) std::this_thread::yield();
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(heap->counters().dumps, 20u);
  EXPECT_EQ(heap->verify(), std::vector<std::string>{});
}

}  // namespace
}  // namespace openclaw::test
