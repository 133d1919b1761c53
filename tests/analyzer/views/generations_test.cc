#include "analyzer/views/generations.h"

#include <gtest/gtest.h>

#include "analyzer/views/ledger.h"
#include "analyzer/views/pauses.h"
#include "tests/analyzer/block_heap.h"
#include "tests/analyzer/small_heap.h"
#include "tests/support/dump_model.h"
#include "tests/support/seed.h"

namespace openclaw {
namespace {

std::shared_ptr<const Snapshot> loaded(std::span<const std::byte> bytes) {
  auto snapshot = loadSnapshot(bytes, "generations.bin", {.threads = 1, .dominators = true});
  EXPECT_TRUE(snapshot.has_value());
  return *snapshot;
}

TEST(Generations, AgesSumToAllObjects) {
  const std::uint64_t seed = test::seedFromEnvironment();
  SCOPED_TRACE("OPENCLAW_SEED=" + std::to_string(seed));
  const test::BlockHeap heap(seed, 16);
  const auto s = loaded(heap.encode());
  const GenerationsView view = computeGenerations(*s);
  ASSERT_TRUE(view.known);
  Bytes all, unreachable;
  std::uint64_t objects = 0;
  for (std::size_t age = 0; age < 8; ++age) {
    std::uint64_t naive = 0;
    for (std::uint32_t i = 0; i < s->objectCount(); ++i) naive += s->age(ObjectIndex(i)) == age && s->reachable(ObjectIndex(i));
    EXPECT_EQ(view.ages[age].objects, naive);
    all += view.ages[age].bytes + view.ages[age].unreachableBytes;
    unreachable += view.ages[age].unreachableBytes;
    objects += view.ages[age].objects + view.ages[age].unreachableObjects;
  }
  EXPECT_EQ(objects, s->objectCount());
  EXPECT_EQ(all, view.reachable + view.unreachable);
  EXPECT_EQ(unreachable, view.unreachable);
  Bytes dying;
  for (const DeadTypeRow& row : view.dying) dying += row.unreachableBytes + row.deadBytes;
  EXPECT_EQ(dying, view.unreachable + view.dead);
}

TEST(Generations, DeadOnesAreNamedByType) {
  const auto s = loaded(test::SmallHeap().encode());
  const GenerationsView view = computeGenerations(*s);
  EXPECT_EQ(view.unreachable, Bytes(64));
  EXPECT_EQ(view.dead, Bytes(208));
  ASSERT_EQ(view.dying.size(), 2u);
  EXPECT_EQ(s->types()[view.dying[0].type].name, "Session");
  EXPECT_EQ(view.dying[0].deadObjects, 2u);
  EXPECT_EQ(s->types()[view.dying[1].type].name, "String");
  EXPECT_EQ(view.dying[1].unreachableObjects, 1u);
  EXPECT_EQ(view.dying[1].youngObjects, 1u);
}

// Objects allocated before the newest collection have age 1: the newest record's allocation is their cohort.
TEST(Generations, CohortsComeFromThePauseRecords) {
  test::SmallHeap heap;
  heap.pauseAllocated = {1000, 400};
  heap.counters.push_back({"allocated_bytes_total", 1900});
  heap.counters.push_back({"collections_total", 2});
  const auto s = loaded(heap.encode());
  const GenerationsView view = computeGenerations(*s);
  EXPECT_EQ(view.ages[2].allocated, Bytes(1000));  // record 1, the older
  EXPECT_EQ(view.ages[2].certainty, Certainty::kConservative);
  ASSERT_TRUE(view.ages[2].survival);
  EXPECT_DOUBLE_EQ(*view.ages[2].survival, 96.0 / 1000);
  // Age 1 holds the 2 MiB string, more than the record says: then what is there was allocated at least.
  EXPECT_EQ(view.ages[1].allocated, view.ages[1].bytes + view.ages[1].unreachableBytes);
  EXPECT_EQ(view.ages[1].certainty, Certainty::kLowerBound);
  EXPECT_EQ(view.ages[0].allocated, Bytes(500));
  EXPECT_EQ(view.ages[0].certainty, Certainty::kLowerBound);
  EXPECT_EQ(view.ages[3].allocated, std::nullopt);
  EXPECT_EQ(view.ages[7].allocated, std::nullopt);
}

TEST(Generations, OfADumpWithoutCollectionsAreNotKnown) {
  EXPECT_FALSE(computeGenerations(*loaded(test::dumpOf("root->a; a->b", {.metadata = false}))).known);
}

TEST(Generations, StopGivesNothingRatherThanAPart) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(computeGenerations(*loaded(test::SmallHeap().encode()), stop.get_token()).known);
}

PauseInfo pauseOf(std::uint64_t duration, std::vector<std::pair<std::string, std::uint64_t>> phases) {
  PauseInfo pause;
  pause.duration = duration;
  pause.ownedPhases = std::move(phases);
  return pause;
}

TEST(PauseVerdict, NamesTheLargestPhase) {
  PauseInfo pause = pauseOf(100, {{"stopping", 5}, {"marking", 90}, {"restart", 5}});
  EXPECT_EQ(verdictOfPause(pause), "Phase marking took 90.0 % of it.");
  pause.objectsMarked = 1000;
  pause.bytesMarked = 4096;
  EXPECT_EQ(verdictOfPause(pause), "Phase marking took 90.0 % of it (1,000 objects marked, 4.00 KiB).");
}

TEST(PauseVerdict, BlamesTheMachineWhenItTookMoreThanHalf) {
  PauseInfo pause = pauseOf(100, {{"marking", 100}});
  pause.runDelay = 49;
  EXPECT_EQ(verdictOfPause(pause), "Phase marking took 100.0 % of it (its thread waited for a processor for 49.0 % of the pause).");
  pause.runDelay = 51;
  EXPECT_EQ(verdictOfPause(pause), "The collecting thread waited for a processor for 51.0 % of it: the machine was busy, not the collector.");
  pause.throttled = 60;
  EXPECT_EQ(verdictOfPause(pause), "The cgroup's processor limit held the collecting thread for 60.0 % of it.");
}

TEST(PauseVerdict, WithoutPhasesSaysSo) { EXPECT_EQ(verdictOfPause(pauseOf(100, {})), "No phases are recorded."); }

TEST(Pauses, PhasesOfAllSumToTheirTime) {
  const PauseView view = computePauses(*loaded(test::SmallHeap().encode()));
  std::chrono::nanoseconds sum{};
  for (const PausePhaseRow& row : view.phases) sum += row.total;
  EXPECT_EQ(sum, view.total);
  ASSERT_EQ(view.phases.size(), 2u);
  EXPECT_EQ(view.phases[0].phase, "mark");
  EXPECT_EQ(view.phases[0].longest.count(), 10'800'000);
  EXPECT_EQ(view.p95.count(), 12'000'000);
}

TEST(ResidentLedger, LinesAndTheRestAreTheResidentSet) {
  test::SmallHeap heap;
  heap.counters.insert(heap.counters.end(), {{"resident_bytes", 10'000'000}, {"resident_heap_bytes", 2'000'000}, {"resident_table_bytes", 1'000'000},
                                            {"resident_stack_bytes", 500'000}, {"resident_file_bytes", 3'000'000}, {"resident_other_bytes", 3'400'000},
                                            {"malloc_used_bytes", 3'000'000}});
  const auto s = loaded(heap.encode());
  const Ledger ledger = computeLedger(*s);
  const ResidentLedger resident = computeResidentLedger(*s, ledger);
  ASSERT_TRUE(resident.known);
  std::int64_t sum = resident.unexplained;
  for (const LedgerLine& line : resident.lines) sum += static_cast<std::int64_t>(line.bytes.value);
  EXPECT_EQ(sum, 10'000'000);
  EXPECT_EQ(resident.unexplained, 100'000);
  EXPECT_EQ(resident.untouched.value, ledger.committed.value - 2'000'000);
  EXPECT_EQ(resident.mallocUsed, Bytes(3'000'000));
}

TEST(ResidentLedger, SaysWhyItIsNotKnown) {
  const auto s = loaded(test::SmallHeap().encode());
  const ResidentLedger resident = computeResidentLedger(*s, computeLedger(*s));
  EXPECT_FALSE(resident.known);
  EXPECT_FALSE(resident.why.empty());
}

}  // namespace
}  // namespace openclaw
