#include <gtest/gtest.h>

#include <limits>

#include "analyzer/graph/paths.h"
#include "analyzer/views/ages.h"
#include "analyzer/views/dominator_view.h"
#include "analyzer/views/histogram.h"
#include "analyzer/views/inspection.h"
#include "analyzer/views/ledger.h"
#include "analyzer/views/pauses.h"
#include "analyzer/views/sites.h"
#include "tests/analyzer/small_heap.h"
#include "tests/support/dump_model.h"
#include "tests/support/frame_surgery.h"
#include "tests/support/seed.h"

namespace openclaw {
namespace {

using test::SmallHeap;

std::shared_ptr<const Snapshot> loaded(std::span<const std::byte> bytes) {
  auto snapshot = loadSnapshot(bytes, "small.bin", {.threads = 1, .dominators = true});
  EXPECT_TRUE(snapshot.has_value());
  return *snapshot;
}
const HistogramRow* rowOf(const Snapshot& s, const std::vector<HistogramRow>& rows, std::string_view type) {
  for (const HistogramRow& row : rows)
    if (s.types()[row.type].name == type) return &row;
  return nullptr;
}
std::uint64_t lineOf(const Ledger& ledger, std::string_view name) {
  for (const LedgerLine& line : ledger.lines)
    if (line.name == name) return line.bytes.value;
  ADD_FAILURE() << "no line " << name;
  return 0;
}

TEST(Histogram, CountsObjectsBytesAndAgesByType) {
  const auto s = loaded(SmallHeap().encode());
  const auto rows = computeHistogram(*s);
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(s->types()[rows[0].type].name, "String");
  EXPECT_EQ(s->types()[rows[1].type].name, "Session");
  const HistogramRow* session = rowOf(*s, rows, "Session");
  ASSERT_TRUE(session);
  EXPECT_EQ(session->objects, 3u);
  EXPECT_EQ(session->shallow.value, 3u * 96);
  EXPECT_EQ(session->retained.value, 3u * 96 + (2u << 20) - 96);  // b holds the big string
  EXPECT_EQ(session->retainedCertainty, Certainty::kLowerBound);
  EXPECT_EQ(session->medianAge, 2);
  const HistogramRow* text = rowOf(*s, rows, "String");
  ASSERT_TRUE(text);
  EXPECT_EQ(text->unreachableObjects, 1u);
  const HistogramRow* server = rowOf(*s, rows, "Server");
  ASSERT_TRUE(server);
  EXPECT_EQ(server->retainedCertainty, Certainty::kExact);
  EXPECT_EQ(server->retained, s->retained(ObjectIndex(0)));
}

TEST(Histogram, ATypeInsideItselfIsCountedOnceInRetained) {
  const auto s = loaded(test::dumpOf("root->a; a:List*32->b; b:List*64->c; c:List*128"));
  const auto rows = computeHistogram(*s);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].retained.value, 32u + 64 + 128);
}

TEST(Histogram, MedianOfAnEvenNumberLiesBetween) {
  test::DumpModel model = test::modelOf("root->a b; a; b");
  model.objects[0].age = 2;
  model.objects[1].age = 5;
  EXPECT_EQ(computeHistogram(*loaded(test::encodeDump(model))).at(0).medianAge, 3.5);
}

TEST(Histogram, AgreesWithANaiveSumOnRandomHeaps) {
  const std::uint64_t seed = test::seedFromEnvironment();
  SCOPED_TRACE("OPENCLAW_SEED=" + std::to_string(seed));
  const test::DumpModel model = test::randomModel(seed, 2000);
  const auto s = loaded(test::encodeDump(model));
  std::vector<std::uint64_t> retained(s->types().size());
  for (std::uint32_t i = 0; i < s->objectCount(); ++i) {
    bool top = s->reachable(ObjectIndex(i));
    for (auto above = s->dominator(ObjectIndex(i)); above && top; above = s->dominator(*above))
      top = s->type(*above) != s->type(ObjectIndex(i));
    if (top) retained[s->type(ObjectIndex(i)).value] += s->retained(ObjectIndex(i)).value;
  }
  for (const HistogramRow& row : computeHistogram(*s))
    EXPECT_EQ(row.retained.value, retained[row.type.value]);
}

TEST(Histogram, StopGivesNothingRatherThanAPart) {
  std::stop_source stop;
  stop.request_stop();
  const auto s = loaded(SmallHeap().encode());
  EXPECT_TRUE(computeHistogram(*s, stop.get_token()).empty());
  EXPECT_TRUE(computeSites(*s, stop.get_token()).empty());
  EXPECT_TRUE(computeDominatorView(*s, {}, stop.get_token()).rows.empty());
}

TEST(Ledger, AddsUpToTheByte) {
  const Ledger ledger = computeLedger(*loaded(SmallHeap().encode()));
  EXPECT_TRUE(ledger.known);
  EXPECT_EQ(ledger.unexplained, 0);
  EXPECT_TRUE(ledger.disagreements.empty()) << ledger.disagreements.front();
  EXPECT_EQ(lineOf(ledger, "live objects"), 64u + 128 + 3 * 96 + 48 + (2u << 20) - 96);
  EXPECT_EQ(lineOf(ledger, "unreachable objects"), 64u);
  EXPECT_EQ(lineOf(ledger, "dead, not swept"), 208u);
  EXPECT_EQ(lineOf(ledger, "TLAB tails"), 1024u);
  EXPECT_EQ(lineOf(ledger, "empty blocks"), 65536u);
  EXPECT_EQ(lineOf(ledger, "large-object rounding"), 4096u + 96);
  EXPECT_EQ(lineOf(ledger, "metadata"), 4096u);
  EXPECT_EQ(ledger.external.value, 4096u);
}

TEST(Ledger, ShowsWhatIsMissingAndWhoDisagrees) {
  SmallHeap heap;
  heap.counter("committed_bytes") += 100;
  heap.counter("object_count") = 9;
  const Ledger ledger = computeLedger(*loaded(heap.encode()));
  EXPECT_EQ(ledger.unexplained, 100);
  ASSERT_EQ(ledger.disagreements.size(), 2u);
  EXPECT_EQ(ledger.disagreements[0], "object_count: process 9, dump 8");
  EXPECT_EQ(ledger.disagreements[1].substr(0, 16), "committed_bytes:");
}

// As fuzzing found: a damaged counter of 2^63 and more.
TEST(Ledger, OfNumbersPastAllMemoryStaysInRange) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  SmallHeap heap;
  heap.counter("committed_bytes") = ~std::uint64_t{0};
  heap.counters.insert(heap.counters.end(), {{"resident_bytes", 1}, {"resident_heap_bytes", ~std::uint64_t{0}}, {"resident_other_bytes", ~std::uint64_t{0}}});
  const auto s = loaded(heap.encode());
  const Ledger ledger = computeLedger(*s);
  EXPECT_EQ(ledger.unexplained, kMost);
  EXPECT_EQ(computeResidentLedger(*s, ledger).unexplained, -kMost);
}

TEST(Ledger, OfADumpWithoutPoolHasObjectsOnly) {
  const Ledger ledger = computeLedger(*loaded(test::dumpOf("root->a; a; b*64", {.metadata = false})));
  EXPECT_FALSE(ledger.known);
  ASSERT_EQ(ledger.lines.size(), 2u);
  EXPECT_EQ(lineOf(ledger, "unreachable objects"), 64u);
}

TEST(Sites, SumObjectsMadeThereAlsoThroughStacks) {
  const auto s = loaded(SmallHeap().encode());
  const auto rows = computeSites(*s);
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].site, SiteIndex(3));
  EXPECT_EQ(rows[0].unreachableObjects, 1u);
  EXPECT_EQ(rows[1].site, SiteIndex(2));
  EXPECT_EQ(rows[1].objects, 3u);  // one of them by its stack
  EXPECT_EQ(s->types()[rows[1].mostBytesType].name, "Session");
}

TEST(Ages, CountReachableObjectsOnly) {
  const auto ages = computeAges(*loaded(SmallHeap().encode()));
  EXPECT_EQ(ages[0].objects, 1u);  // session c; the garbage string of age 0 is not counted
  EXPECT_EQ(ages[7].objects, 1u);
  EXPECT_EQ(ages[3].shallow.value, 96u + 48);
}

TEST(DominatorView, ShowsChildrenUnderParentsAndTheRest) {
  const auto s = loaded(SmallHeap().encode());
  const DominatorView view =
      computeDominatorView(*s, {.depth = 2, .top = 1, .minimumShare = 0, .byType = false});
  ASSERT_EQ(view.rows.size(), 3u);
  EXPECT_EQ(view.rows[0].object, ObjectIndex(SmallHeap::kServer));
  EXPECT_EQ(view.rows[1].depth, 1u);
  EXPECT_EQ(view.rows[1].object, ObjectIndex(SmallHeap::kArray));
  EXPECT_FALSE(view.rows[2].type);
  EXPECT_EQ(view.rows[2].objects, 2u);
  Bytes top;
  for (const DominatorViewRow& row : view.rows)
    if (row.depth == 0) top += row.retained;
  EXPECT_EQ(top, view.total);
}

TEST(DominatorView, MinimumShareCutsIntoTheRest) {
  const auto s = loaded(SmallHeap().encode());
  const DominatorView view =
      computeDominatorView(*s, {.depth = 1, .top = 100, .minimumShare = 0.5, .byType = false});
  ASSERT_EQ(view.rows.size(), 2u);
  EXPECT_EQ(view.rows[1].objects, 2u);
}

TEST(DominatorView, GroupsByTypeAddUpTheSame) {
  const auto s = loaded(test::dumpOf("root->a b c; a:X*64->d; b:X*64->e; c:Y*32; d:Z*16; e:Z*16"));
  const DominatorView view =
      computeDominatorView(*s, {.depth = 2, .top = 10, .minimumShare = 0, .byType = true});
  ASSERT_EQ(view.rows.size(), 3u);
  EXPECT_EQ(s->types()[*view.rows[0].type].name, "X");
  EXPECT_EQ(view.rows[0].objects, 2u);
  EXPECT_EQ(view.rows[0].retained.value, 160u);
  EXPECT_EQ(view.rows[1].depth, 1u);
  EXPECT_EQ(s->types()[*view.rows[1].type].name, "Z");
  EXPECT_EQ(s->types()[*view.rows[2].type].name, "Y");
}

TEST(Pauses, LongestIsExplainedByItsPhases) {
  const auto s = loaded(SmallHeap().encode());
  const PauseView view = computePauses(*s);
  EXPECT_EQ(view.happened, 2u);
  ASSERT_EQ(view.longest.size(), 2u);
  EXPECT_EQ(view.longest[0], 1u);
  EXPECT_EQ(view.explanation,
            "mark 10.8 ms (90.0 %), stop 1.20 ms (10.0 %); waited 4.00 ms for a processor, 2 page faults "
            "from disk, "
            "1 of 4 threads stopped by signal");
  ASSERT_EQ(view.kinds.size(), 1u);
  EXPECT_EQ(view.kinds[0].total.count(), 12'400'000);
}

TEST(Paths, LeadFromARootOverStrongEdges) {
  const auto s = loaded(SmallHeap().encode());
  const auto path = findPathToRoot(*s, ObjectIndex(SmallHeap::kBig));
  ASSERT_EQ(path.size(), 4u);
  EXPECT_EQ(path[0].object, ObjectIndex(SmallHeap::kServer));
  EXPECT_EQ(path[1].object, ObjectIndex(SmallHeap::kArray));
  EXPECT_EQ(path[2].object, ObjectIndex(SmallHeap::kSessionB));
  EXPECT_EQ(path[2].slot, 1u);
  EXPECT_TRUE(findPathToRoot(*s, ObjectIndex(SmallHeap::kGarbage)).empty());
  EXPECT_EQ(findPathToRoot(*s, ObjectIndex(SmallHeap::kServer)).size(), 1u);
}

TEST(Inspection, FindsObjectsByInteriorAddress) {
  const auto s = loaded(SmallHeap().encode());
  const auto in = inspectObject(*s, s->address(ObjectIndex(SmallHeap::kSessionB)) + Bytes(17), 10);
  ASSERT_TRUE(in.has_value());
  EXPECT_EQ(in->object, ObjectIndex(SmallHeap::kSessionB));
  EXPECT_EQ(in->offset, 17u);
  ASSERT_EQ(in->slots.size(), 2u);
  EXPECT_EQ(in->slots[0].label, "user_");
  EXPECT_EQ(in->slots[0].target, ObjectIndex(SmallHeap::kBig));
  EXPECT_EQ(in->slots[1].target, std::nullopt);
  EXPECT_EQ(in->referrersTotal, 3u);
  EXPECT_EQ(in->referrers[0].strength, Strength::kWeak);
  EXPECT_EQ(in->dominatorsTotal, 2u);
  EXPECT_EQ(in->region, RegionIndex(0));
}

TEST(Inspection, NamesTheNeighboursOfAHole) {
  const auto s = loaded(SmallHeap().encode());
  const auto hole = inspectObject(*s, Address(SmallHeap::kBase + 0x8000), 10);
  ASSERT_FALSE(hole.has_value());
  EXPECT_EQ(hole.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(hole.error().what.find("hole"), std::string::npos);
  EXPECT_NE(hole.error().what.find("nearest below"), std::string::npos);
  const auto outside = inspectObject(*s, Address(16), 10);
  ASSERT_FALSE(outside.has_value());
  EXPECT_NE(outside.error().what.find("outside the heap"), std::string::npos);
}

// Found by fuzz_snapshot: durations whose sum no clock can hold.
TEST(Pauses, SumsOfAbsurdTimesStopAtTheLongestTime) {
  const std::uint64_t absurd = (std::uint64_t{1} << 62) + 5;
  test::LooseDump dump = test::takeApart(SmallHeap().encode()).withoutIndex();
  test::LooseFrame& pauses = dump.frames[dump.find(FrameKind::kPauses)];
  const std::uint32_t sequence = pauses.header.sequence;
  pauses = test::frameOf([&](FrameEncoder& encoder) {
    const PhaseRecord phases[] = {{"mark", absurd}, {"mark", ~std::uint64_t{0}}};
    PauseRecord pause;
    pause.kind = "collect";
    pause.duration = absurd;
    pause.phases = phases;
    const PauseRecord all[] = {pause, pause, pause};
    encoder.pauses(3, all);
  });
  pauses.header.sequence = sequence;
  const PauseView view = computePauses(*loaded(test::putTogether(dump)));
  ASSERT_EQ(view.recorded, 3u);
  EXPECT_EQ(view.total, std::chrono::nanoseconds::max());
  EXPECT_EQ(view.p95.count(), static_cast<std::int64_t>(absurd));
  ASSERT_EQ(view.kinds.size(), 1u);
  EXPECT_EQ(view.kinds[0].total, std::chrono::nanoseconds::max());
  ASSERT_EQ(view.phases.size(), 1u);
  EXPECT_EQ(view.phases[0].total, std::chrono::nanoseconds::max());
  EXPECT_EQ(view.phases[0].longest, std::chrono::nanoseconds::max());
}

}  // namespace
}  // namespace openclaw
