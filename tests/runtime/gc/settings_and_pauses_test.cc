// Settings that take effect now are seen by the next operation; every stop leaves a record that explains it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <numeric>
#include <thread>

#include "runtime/gc/counters.h"
#include "runtime/pool/walk.h"
#include "tests/runtime/gc/test_heap.h"

namespace openclaw::testing {
namespace {

void set(Heap& heap, SettingId id, std::uint64_t value) {
  const auto result = heap.set(id, value, "control", "test");
  ASSERT_TRUE(result.has_value()) << toText(result.error());
}

void makeRubbish(Heap& heap, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes / 48; ++i) make<Node>(heap);
}

// A list of `bytes` that stays.
Root<Node> makeList(Heap& heap, std::size_t bytes) {
  Root<Node> head(heap);
  for (std::size_t i = 0; i < bytes / 48; ++i) {
    Node* node = make<Node>(heap);
    node->next = head.get();
    head = node;
  }
  return head;
}

TEST(Settings, MinimumAllocationAndGrowthDecideWhenToCollect) {
  auto heap = makeHeap({{SettingId::gcMinimum, 64u << 20}, {SettingId::arenaSize, 512u << 20}});
  ThreadScope thread(*heap, "test");
  makeRubbish(*heap, 48u << 20);
  EXPECT_EQ(heap->counters().collections, 0u);
  set(*heap, SettingId::gcMinimum, 4u << 20);
  makeRubbish(*heap, 48u << 20);
  const std::uint64_t often = heap->counters().collections;
  EXPECT_GE(often, 9u);
  Root<Node> live = makeList(*heap, 40u << 20);
  heap->collect("test");
  set(*heap, SettingId::gcGrowth, 10'000'000);   // ten times the live bytes
  const std::uint64_t before = heap->counters().collections;
  makeRubbish(*heap, 80u << 20);
  EXPECT_EQ(heap->counters().collections, before);
  set(*heap, SettingId::gcGrowth, 100'000);
  makeRubbish(*heap, 40u << 20);
  EXPECT_GE(heap->counters().collections, before + 5);
}

TEST(Settings, ArenaSizeIsSoftAndOverflowIsCounted) {
  auto heap = makeHeap({{SettingId::arenaSize, 8u << 20}, {SettingId::gcMinimum, 1u << 20}});
  ThreadScope thread(*heap, "test");
  makeRubbish(*heap, 100u << 20);
  EXPECT_EQ(heap->counters().overflowBytes, 0u);       // rubbish fits by collecting
  const auto causes = heap->pauses();
  Root<Node> live = makeList(*heap, 20u << 20);        // live objects do not: overflow, no failure
  const HeapCounters counters = heap->counters();
  EXPECT_GE(counters.overflowBytes, 12u << 20);
  EXPECT_EQ(counters.overflowBytes, counters.committedBytes - (8u << 20));
  set(*heap, SettingId::arenaSize, 256u << 20);
  EXPECT_EQ(heap->counters().overflowBytes, 0u);
  EXPECT_SOUND(*heap);
}

TEST(Settings, HeapLimitMovesLiveAndRefusesWhatIsInUse) {
  auto heap = makeHeap({{SettingId::heapLimit, 32u << 20}});
  ThreadScope thread(*heap, "test");
  Root<Node> live = makeList(*heap, 24u << 20);
  EXPECT_THROW(makeBlob(*heap, 16u << 20), std::bad_alloc);
  set(*heap, SettingId::heapLimit, 128u << 20);
  inOwnFrame([&] { EXPECT_NE(makeBlob(*heap, 16u << 20), nullptr); });
  wipeStack();
  const auto refused = heap->set(SettingId::heapLimit, 16u << 20, "control", "test");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(heap->setting(SettingId::heapLimit), 128u << 20);
  set(*heap, SettingId::heapLimit, 48u << 20);         // gives back the dead 16 MiB
  EXPECT_LE(heap->counters().committedBytes, 48u << 20);
  EXPECT_SOUND(*heap);
}

TEST(Settings, TlabSizeBoundsWhatAThreadTakesAtOnce) {
  auto heap = makeHeap();
  ThreadScope thread(*heap, "test");
  make<Node>(*heap);
  EXPECT_GT(heap->counters().tlabTailBytes, 60u << 10);
  set(*heap, SettingId::tlabSize, 1024);
  makeRubbish(*heap, 128u << 10);
  EXPECT_LE(heap->counters().tlabTailBytes, 1024u);
  EXPECT_SOUND(*heap);
}

TEST(Settings, SpareChunksAreKeptAndGivenBack) {
  auto heap = makeHeap({{SettingId::spareChunks, 5}, {SettingId::gcMinimum, 1u << 30}, {SettingId::arenaSize, 512u << 20}});
  ThreadScope thread(*heap, "test");
  makeRubbish(*heap, 60u << 20);
  wipeStack();
  heap->collect("test");
  sweepAll(*heap);
  heap->impl().idleStep();
  EXPECT_EQ(heap->impl().pool.spareChunks(), 5u);
  set(*heap, SettingId::spareChunks, 1);
  EXPECT_EQ(heap->impl().pool.spareChunks(), 1u);
  EXPECT_SOUND(*heap);
}

TEST(Settings, HugePagesAreAskedForOnlyWhenOn) {
  auto heap = makeHeap({{SettingId::hugePages, 0}, {SettingId::gcMinimum, 1u << 30}, {SettingId::arenaSize, 512u << 20}});
  ThreadScope thread(*heap, "test");
  makeRubbish(*heap, 32u << 20);
  const gc::HugePageShare off = heap->impl().dumps.hugePageShare();
  EXPECT_GE(off.residentBytes, 32u << 20);
  EXPECT_EQ(off.hugeBytes, 0u);
  set(*heap, SettingId::hugePages, 1);
  makeRubbish(*heap, 32u << 20);
  const gc::HugePageShare on = heap->impl().dumps.hugePageShare();
  if (on.hugeBytes == 0) GTEST_SKIP() << "this system gives no huge pages";
  EXPECT_GE(on.hugeBytes, 8u << 20);
}

TEST(Settings, BackgroundSweepOnlyWhenOn) {
  auto heap = makeHeap();
  ThreadScope thread(*heap, "test");
  makeRubbish(*heap, 8u << 20);
  wipeStack();
  heap->collect("test");
  while (heap->impl().idleStep()) {
  }
  EXPECT_TRUE(heap->impl().sweeper.anyLeft());
  set(*heap, SettingId::backgroundSweep, 1);
  while (heap->impl().idleStep()) {
  }
  // The control thread may hold the last block.
  for (int i = 0; i < 1000 && heap->impl().sweeper.anyLeft(); ++i) heap->impl().idleStep();
  EXPECT_FALSE(heap->impl().sweeper.anyLeft());
}

TEST(Settings, StressCollectCountsAllocationsOfAThread) {
  auto heap = makeHeap();
  ThreadScope thread(*heap, "test");
  make<Node>(*heap);
  set(*heap, SettingId::stressCollect, 10);
  for (int i = 0; i < 100; ++i) make<Node>(*heap);
  EXPECT_EQ(heap->counters().collections, 10u);
  set(*heap, SettingId::stressCollect, 0);
  for (int i = 0; i < 100; ++i) make<Node>(*heap);
  EXPECT_EQ(heap->counters().collections, 10u);
}

TEST(Settings, StressPoisonOverwritesWhatIsFreed) {
  auto heap = makeHeap();
  ThreadScope thread(*heap, "test");
  auto poisonedWords = [&] {
    inOwnFrame([&] { for (int i = 0; i < 1000; ++i) make<Node>(*heap, 42); });
    wipeStack();
    heap->collect("test");
    sweepAll(*heap);
    std::size_t poisoned = 0;
    pool::forEachRegion(heap->impl().pool, [&](const pool::Region& region) {
      if (region.kind != pool::Region::Kind::kBlock) return;
      for (pool::Address at = region.base; at < region.base + region.bytes; at += 8)
        poisoned += *reinterpret_cast<std::uint64_t*>(at) == 0xdbdb'dbdb'dbdb'dbdb ? 1 : 0;
    });
    return poisoned;
  };
  EXPECT_EQ(poisonedWords(), 0u);
  set(*heap, SettingId::stressPoison, 1);
  EXPECT_GE(poisonedWords(), 990u * 6);
}

TEST(Settings, StressVerifyAddsAPhase) {
  auto heap = makeHeap();
  auto hasPhase = [&] {
    for (const auto& phase : heap->collect("test").ownedPhases)
      if (phase.name == "verify") return true;
    return false;
  };
  EXPECT_FALSE(hasPhase());
  set(*heap, SettingId::stressVerify, 1);
  EXPECT_TRUE(hasPhase());
}

TEST(Settings, PauseLogKeepsTheNewestAndCountsTheRest) {
  auto heap = makeHeap({{SettingId::pauseLog, 16}});
  for (int i = 0; i < 40; ++i) heap->collect("test");
  auto reply = heap->pauses();
  EXPECT_EQ(reply.rows.size(), 16u);
  EXPECT_EQ(reply.rows.back().number, 40u);
  EXPECT_EQ(heap->counters().pausesLost, 24u + 0u);
  set(*heap, SettingId::pauseLog, 100);
  for (int i = 0; i < 20; ++i) heap->collect("test");
  EXPECT_EQ(heap->pauses().rows.size(), 16u + 20u);    // the counters' own stop pushed one out and is one itself
  EXPECT_EQ(heap->pauses(3).rows.size(), 3u);
  set(*heap, SettingId::pauseLog, 16);
  reply = heap->pauses();
  EXPECT_EQ(reply.rows.size(), 16u);
  EXPECT_EQ(reply.rows.back().number, reply.total);
}

TEST(Settings, SignalAfterDecidesBetweenCooperationAndTheSignal) {
  auto heap = makeHeap({{SettingId::signalAfter, 1'000'000'000}});
  std::atomic<bool> stop{false}, ready{false}, polls{true};
  std::thread worker([&] {
    ThreadScope thread(*heap, "worker");
    ready = true;
    while (!stop.load(std::memory_order_relaxed))
      if (polls.load(std::memory_order_relaxed)) heap->poll();
  });
  while (!ready) std::this_thread::yield();
  EXPECT_EQ(heap->collect("test").signalled, 0u);
  set(*heap, SettingId::signalAfter, 2'000'000);
  polls = false;
  // The worker may still be asleep in its last poll, which needs no signal; it wakes up in the end.
  std::uint32_t signalled = 0;
  while (signalled == 0) signalled += heap->collect("test").signalled;
  stop = true;
  worker.join();
}

// ---- pauses

TEST(Pauses, PhasesAddUpToTheDurationAndTotalsToTheCounters) {
  auto heap = makeHeap();
  ThreadScope thread(*heap, "test");
  Root<Node> live = makeList(*heap, 4u << 20);
  std::uint64_t sum = 0, longest = 0;
  for (int i = 0; i < 5; ++i) heap->collect("because");
  (void)heap->verify();
  for (const auto& row : heap->pauses().rows) {
    std::uint64_t phases = 0;
    for (const auto& phase : row.ownedPhases) phases += phase.duration;
    EXPECT_EQ(phases, row.duration);
    EXPECT_GT(row.duration, 0u);
    sum += row.duration;
    longest = std::max(longest, row.duration);
  }
  const auto rows = heap->pauses().rows;
  EXPECT_EQ(rows.front().ownedCause, "because");
  EXPECT_EQ(rows.front().ownedKind, "collect");
  EXPECT_EQ(rows.back().ownedKind, "verify");
  EXPECT_GE(rows.front().objectsMarked, (4u << 20) / 48);
  EXPECT_GE(rows.front().bytesMarked, (4u << 20) - 48u);
  EXPECT_EQ(rows.front().rootsScanned, 1u);
  EXPECT_GT(rows.front().stackWords, 10u);
  EXPECT_GE(rows.front().committedBefore, 8u << 20);
  EXPECT_GE(rows.front().allocatedSinceLast, 4u << 20);
  const HeapCounters counters = heap->counters();
  EXPECT_EQ(counters.pauses, 6u);
  EXPECT_EQ(counters.pauseNanoseconds, sum);
  EXPECT_EQ(counters.longestPauseNanoseconds, longest);
}

TEST(Pauses, NameTheThreadThatWasSlowToStop) {
  auto heap = makeHeap({{SettingId::signalAfter, 20'000'000}});
  std::atomic<bool> stop{false};
  std::atomic<std::uint32_t> tid{0};
  std::thread spinning([&] {
    ThreadScope thread(*heap, "spinning");
    tid = gc::currentThread->tid;
    while (!stop.load(std::memory_order_relaxed)) {
    }
  });
  while (tid == 0) std::this_thread::yield();
  const auto row = heap->collect("test");
  EXPECT_EQ(row.signalled, 1u);
  EXPECT_EQ(row.slowestThread, tid.load());
  EXPECT_GE(row.duration, 20'000'000u);
  EXPECT_EQ(row.ownedPhases.front().name, "stopping");
  EXPECT_GE(row.ownedPhases.front().duration, 20'000'000u);
  stop = true;
  spinning.join();
}

TEST(Pauses, SystemCallsSurviveTheSignal) {
  auto heap = makeHeap({{SettingId::signalAfter, 0}});
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  std::atomic<bool> reading{false};
  ssize_t got = 0;
  std::thread reader([&] {
    ThreadScope thread(*heap, "reader");
    char byte = 0;
    reading = true;
    got = ::read(pipe[0], &byte, 1);   // without a BlockingScope: SA_RESTART carries it
  });
  while (!reading) std::this_thread::yield();
  for (int i = 0; i < 50; ++i) heap->collect("test");
  ASSERT_EQ(::write(pipe[1], "x", 1), 1);
  reader.join();
  EXPECT_EQ(got, 1);
  ::close(pipe[0]);
  ::close(pipe[1]);
}

TEST(Pauses, ManyThreadsMayStopTheWorldAtOnce) {
  auto heap = makeHeap();
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t)
    threads.emplace_back([&, t] {
      std::optional<ThreadScope> scope;
      if (t % 2 == 0) scope.emplace(*heap, "worker");
      for (int i = 0; i < 50; ++i) {
        if (t % 2 == 0) make<Node>(*heap);
        if (i % 3 == 0) heap->collect("test");
        else if (i % 3 == 1) (void)heap->counters();
        else EXPECT_TRUE(heap->verify().empty());
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(heap->counters().pauses, 300u);
}

TEST(Pauses, ThreadsComeAndGoWhileTheWorldStops) {
  auto heap = makeHeap();
  std::atomic<bool> stop{false};
  std::thread collecting([&] {
    while (!stop.load()) heap->collect("test");
  });
  for (int i = 0; i < 200; ++i)
    std::thread([&] {
      ThreadScope thread(*heap, "short");
      make<Node>(*heap);
    }).join();
  stop = true;
  collecting.join();
  EXPECT_EQ(heap->counters().threadCount, 0u);
  EXPECT_EQ(heap->counters().allocatedObjects, 200u);
  EXPECT_SOUND(*heap);
}

TEST(Counters, AllocatedMinusFreedIsWhatIsThere) {
  auto heap = makeHeap();
  ThreadScope thread(*heap, "test");
  Root<Node> live = makeList(*heap, 1u << 20);
  makeRubbish(*heap, 3u << 20);
  for (int i = 0; i < 30; ++i) makeBlob(*heap, 20000);
  makeBlob(*heap, 5u << 20);
  for (int round = 0; round < 3; ++round) {
    const HeapCounters c = heap->counters();
    EXPECT_EQ(c.allocatedObjects - c.freedObjects, c.objectCount + c.floatingCount);
    EXPECT_EQ(c.allocatedBytes - c.freedBytes, c.objectBytes + c.floatingBytes);
    EXPECT_EQ(c.objectBytes + c.floatingBytes + c.holeBytes + c.emptyBlockBytes + c.tlabTailBytes + c.largeSlackBytes + c.metadataBytes, c.committedBytes);
    heap->collect("test");
    if (round == 1) sweepAll(*heap);
  }
}

TEST(Counters, FragmentationIsWhatHolesCannotServe) {
  auto heap = makeHeap({{SettingId::gcMinimum, 1u << 30}});
  ThreadScope thread(*heap, "test");
  std::vector<Root<Node>> kept;
  for (int i = 0; i < 80000; ++i) {
    Node* node = make<Node>(*heap);
    if (i % 4 == 0) kept.emplace_back(*heap, node);   // 144-byte holes: all unusable
  }
  heap->collect("test");
  sweepAll(*heap);
  const HeapCounters c = heap->counters();
  EXPECT_GE(c.unusableHoleBytes, 80000u / 4 * 3 * 48 * 9 / 10);
  EXPECT_EQ(c.fragmentationPpm, c.unusableHoleBytes * 1'000'000 / c.committedBytes);
  EXPECT_GE(c.lockedPpm, c.fragmentationPpm);
}

// ---- what a dump needs

TEST(DumpHooks, WithheldChunksServeAllocationWhileAChildLives) {
  auto heap = makeHeap({{SettingId::gcMinimum, 1u << 30}, {SettingId::arenaSize, 256u << 20}, {SettingId::backgroundSweep, 1}});
  ThreadScope thread(*heap, "test");
  Root<Node> live = makeList(*heap, 8u << 20);
  gc::HeapImpl& impl = heap->impl();
  const std::uint32_t withheld = impl.dumps.prepare();
  EXPECT_GE(withheld, 4u);
  EXPECT_EQ(impl.pool.withheldChunks(), withheld);
  EXPECT_SOUND(*heap);
  makeRubbish(*heap, 1u << 20);
  auto inUnshared = [&](const void* object) {
    return impl.pool.entry(impl.pool.chunkIndex(reinterpret_cast<pool::Address>(object))).doNotFork != 0;
  };
  // At the clone no object lies in a chunk that the child will not have.
  EXPECT_FALSE(inUnshared(make<Node>(*heap)));
  impl.safepoint.stop(gc::StopKind::kDump, "test");
  impl.dumps.cloned(true);
  impl.safepoint.resume();
  makeRubbish(*heap, 200u << 10);   // past the buffer of before
  EXPECT_TRUE(inUnshared(make<Node>(*heap)));
  EXPECT_SOUND(*heap);
  heap->collect("test");
  EXPECT_EQ(impl.dumps.collectionsWithChild.load(), 1u);
  const bool left = impl.sweeper.anyLeft();
  EXPECT_TRUE(left);
  impl.idleStep();
  EXPECT_TRUE(impl.sweeper.anyLeft());   // rests
  impl.dumps.childGone();
  EXPECT_FALSE(inUnshared(make<Node>(*heap)));
  EXPECT_EQ(impl.pool.unsharedSpareChunks(), 0u);
  EXPECT_SOUND(*heap);
}

TEST(DumpHooks, RangesTheProgramWritesAreCopiedInOneGoAndQuietOnesStayShared) {
  auto heap = makeHeap({{SettingId::gcMinimum, 1u << 30}, {SettingId::arenaSize, 256u << 20}});
  ThreadScope thread(*heap, "test");
  Root<Node> live = makeList(*heap, 32u << 20);
  constexpr std::uint64_t kLong = 60'000'000'000;
  gc::DumpHooks& dumps = heap->impl().dumps;
  if (!dumps.restoreHugePages().supported) GTEST_SKIP() << "no MADV_COLLAPSE before Linux 6.1";
  if (dumps.hugePageShare().share() < 0.9) GTEST_SKIP() << "no huge pages to split on this machine";
  EXPECT_EQ(dumps.unshareBusy(kLong), 0u);   // nothing is shared with anybody
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  EXPECT_EQ(dumps.unshareBusy(kLong), 0u);   // all is shared, nothing was written
  // 64 pages of a range of 2 MiB, in the middle of the list.
  const auto write = [&](std::uint32_t chunk) {
    const pool::Address range = heap->impl().pool.chunkAddress(chunk) + (2u << 20);
    for (std::size_t page = 0; page < 64; ++page) reinterpret_cast<std::atomic<std::uint8_t>*>(range + page * pool::kPageBytes)->fetch_or(0);
  };
  write(2);
  EXPECT_EQ(dumps.unshareBusy(kLong), 1u);
  EXPECT_FALSE(dumps.unshareUnfinished());
  EXPECT_EQ(dumps.unshareBusy(kLong), 0u);
  // Without time a call ends behind the range that it has copied, and the next one goes on.
  write(3);
  write(4);
  EXPECT_EQ(dumps.unshareBusy(0), 1u);
  EXPECT_TRUE(dumps.unshareUnfinished());
  EXPECT_EQ(dumps.unshareBusy(kLong), 1u);
  EXPECT_FALSE(dumps.unshareUnfinished());
  EXPECT_SOUND(*heap);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

TEST(DumpHooks, RestoringHugePagesReportsEveryChunk) {
  auto heap = makeHeap({{SettingId::gcMinimum, 1u << 30}, {SettingId::arenaSize, 256u << 20}});
  ThreadScope thread(*heap, "test");
  Root<Node> live = makeList(*heap, 16u << 20);
  const gc::HugePageReport report = heap->impl().dumps.restoreHugePages();
  if (!report.supported) GTEST_SKIP() << "no MADV_COLLAPSE before Linux 6.1";
  EXPECT_GE(report.chunks, 4u);
  EXPECT_EQ(report.chunks, report.collapsed + report.failed);
  EXPECT_GE(report.totalNanoseconds, report.longestNanoseconds);
  if (report.failed == 0) {
    EXPECT_GE(heap->impl().dumps.hugePageShare().share(), 0.9);
  }
}

}  // namespace
}  // namespace openclaw::testing
