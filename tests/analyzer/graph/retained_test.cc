#include "analyzer/graph/retained.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "analyzer/graph/backward.h"
#include "tests/analyzer/edge_lists.h"
#include "tests/support/seed.h"

namespace openclaw {
namespace {

using test::EdgeLists;
using test::kNullSlot;

ShallowSizes sizesOf(const std::vector<std::uint32_t>& units, unsigned shift) {
  ShallowSizes sizes;
  sizes.units = NarrowColumn(Column<std::uint32_t>::owning(units));
  sizes.unitShift = shift;
  return sizes;
}

TEST(Retained, EqualsWhatRemovalWouldFree) {
  const std::uint64_t seed = test::seedFromEnvironment();
  SCOPED_TRACE("OPENCLAW_SEED=" + std::to_string(seed));
  test::Random random(seed);
  for (int round = 0; round < 200; ++round) {
    const auto objects = static_cast<std::uint32_t>(1 + random.below(40));
    const EdgeLists lists =
        test::randomLists(random, objects, static_cast<std::uint32_t>(random.below(3 * objects)), true);
    std::vector<std::uint32_t> units(objects);
    for (std::uint32_t& u : units) u = static_cast<std::uint32_t>(random.below(1000));
    const EdgeTable table = test::tableOf(lists);
    const Dominators dominators = computeDominators(table, lists.roots, test::plainWork());
    const SizeSums retained = computeRetained(dominators, sizesOf(units, 4), test::plainWork());
    const std::vector<std::uint8_t> all = test::reachableWithout(lists, kNullSlot);
    for (std::uint32_t object = 0; object < objects; ++object) {
      std::uint64_t freed = 0;
      const std::vector<std::uint8_t> rest = test::reachableWithout(lists, object);
      for (std::uint32_t v = 0; v < objects; ++v) freed += all[v] && !rest[v] ? units[v] * 16ull : 0;
      ASSERT_EQ(retained[object], freed) << "round " << round << " object " << object;
    }
  }
}

TEST(Retained, SumsPast32BitsOfUnitsAreExact) {
  EdgeLists lists{.targets = {{1}, {2}, {3}, {}}, .weak = {}, .roots = {0}};
  const EdgeTable table = test::tableOf(lists);
  const Dominators dominators = computeDominators(table, lists.roots, test::plainWork());
  const std::uint32_t big = 0xffff'fff0u;
  const SizeSums retained = computeRetained(dominators, sizesOf({1, big, big, big}, 3), test::plainWork());
  EXPECT_EQ(retained[3], std::uint64_t{big} * 8);
  EXPECT_EQ(retained[2], std::uint64_t{big} * 16);
  EXPECT_EQ(retained[1], std::uint64_t{big} * 24);
  EXPECT_EQ(retained[0], std::uint64_t{big} * 24 + 8);
}

TEST(Retained, SizesInTheSideTableCount) {
  ShallowSizes sizes;
  sizes.units = NarrowColumn(Column<std::uint16_t>::owning(std::vector<std::uint16_t>{2, 0xffff}));
  sizes.sideMark = 0xffff;
  sizes.side = {{1, 1ull << 40}};
  EdgeLists lists{.targets = {{1}, {}}, .weak = {}, .roots = {0}};
  const EdgeTable table = test::tableOf(lists);
  const Dominators dominators = computeDominators(table, lists.roots, test::plainWork());
  EXPECT_EQ(computeRetained(dominators, sizes, test::plainWork())[0], (1ull << 40) + 2);
}

TEST(Retained, NarrowSumsAreTheSameSums) {
  const std::uint64_t seed = test::seedFromEnvironment();
  SCOPED_TRACE("OPENCLAW_SEED=" + std::to_string(seed));
  test::Random random(seed);
  for (const unsigned oneLargeIn : {5'000u, 3u}) {  // with few large sums they take half the memory, with many they stay
    constexpr std::uint32_t kRows = 200'000;
    SizeSums sums(kRows, 4);
    std::vector<std::uint64_t> expected(kRows);
    for (std::uint32_t row = 0; row < kRows; ++row) {
      std::uint64_t units = random.below(70'000 / 2);
      if (random.oneIn(oneLargeIn)) units = random.oneIn(2) ? 0xfffe + random.below(3) : random.below(1ull << 34);
      expected[row] = units * 16;
      sums.add(row, units * 16);
    }
    const std::size_t before = sums.bytes();
    sums.narrow();
    EXPECT_EQ(sums.bytes() < before * 6 / 10, oneLargeIn == 5'000u);
    for (std::uint32_t row = 0; row < kRows; ++row) ASSERT_EQ(sums[row], expected[row]) << row;
    for (std::uint32_t row = 0; row < kRows; row += 7) sums.add(row, expected[row] + 16);
    for (std::uint32_t row = 0; row < kRows; ++row) ASSERT_EQ(sums[row], row % 7 == 0 ? 2 * expected[row] + 16 : expected[row]) << row;
    EXPECT_FALSE(sums.empty());
  }
}

TEST(Columns, AreAsWideAsTheirLargestValueNeeds) {
  for (const std::uint32_t largest : {0u, 0xffu, 0x100u, 0xffffu, 0x1'0000u, 0xffff'ffffu}) {
    NarrowColumnFiller filler(1000, largest);
    for (std::uint32_t row = 0; row < 1000; ++row) filler.set(row, row % 3 == 0 ? largest : std::min(row, largest));
    const NarrowColumn column = filler.finish();
    ASSERT_EQ(column.size(), 1000u);
    EXPECT_EQ(column.bytes(), 1000u * (largest <= 0xff ? 1 : largest <= 0xffff ? 2 : 4));
    for (std::uint32_t row = 0; row < 1000; ++row) ASSERT_EQ(column[row], row % 3 == 0 ? largest : std::min(row, largest));
  }
}

TEST(Dominated, GroupsComeByDominatorThenRetainedThenIndex) {
  // 0 -> 1 2 3, 3 -> 4; 5 is a root of its own.
  EdgeLists lists{.targets = {{1, 2, 3}, {}, {}, {4}, {}, {}}, .weak = {}, .roots = {0, 5}};
  const EdgeTable table = test::tableOf(lists);
  const Dominators dominators = computeDominators(table, lists.roots, test::plainWork());
  const SizeSums retained = computeRetained(dominators, sizesOf({1, 2, 2, 1, 9, 100}, 0), test::plainWork());
  const Buffer<std::uint32_t> dominated = computeDominated(dominators, retained, test::plainWork());
  EXPECT_EQ((std::vector<std::uint32_t>(dominated.span().begin(), dominated.span().end())),
            (std::vector<std::uint32_t>{3, 1, 2, 4, 5, 0}));
}

TEST(Dominated, AGroupOfMoreThan65536ComesInOrderToo) {
  constexpr std::uint32_t kChildren = 70'000;
  EdgeLists lists;
  lists.targets.resize(kChildren + 1);
  std::vector<std::uint32_t> units(kChildren + 1, 1);
  for (std::uint32_t i = 1; i <= kChildren; ++i) {
    lists.targets[0].push_back(i);
    units[i] = 1 + i * 7919 % 1000;
  }
  lists.roots = {0};
  const EdgeTable table = test::tableOf(lists);
  const Dominators dominators = computeDominators(table, lists.roots, test::plainWork());
  const SizeSums retained = computeRetained(dominators, sizesOf(units, 0), test::plainWork());
  const Buffer<std::uint32_t> dominated = computeDominated(dominators, retained, test::plainWork());
  ASSERT_EQ(dominated.size(), kChildren + 1);
  for (std::uint32_t i = 1; i < kChildren; ++i) {
    const std::uint32_t a = dominated[i - 1], b = dominated[i];
    ASSERT_TRUE(units[a] > units[b] || (units[a] == units[b] && a < b)) << i;
  }
}

TEST(BackwardEdges, AreTheForwardOnesTurnedAroundWhateverTheThreads) {
  const std::uint64_t seed = test::seedFromEnvironment();
  SCOPED_TRACE("OPENCLAW_SEED=" + std::to_string(seed));
  test::Random random(seed);
  const EdgeLists lists = test::randomLists(random, 500, 4000, true);
  std::vector<std::vector<std::uint32_t>> expected(500);
  for (std::uint32_t source = 0; source < 500; ++source)
    for (const std::uint32_t target : lists.targets[source])
      if (target != kNullSlot) expected[target].push_back(source);
  const EdgeTable table = test::tableOf(lists);
  for (const unsigned threads : {1u, 2u, 5u}) {
    Work work = test::plainWork();
    work.threads = threads;
    const BackwardEdges back = computeBackwardEdges(table, 4000, work);
    for (std::uint32_t object = 0; object < 500; ++object) {
      std::vector<std::uint32_t> sources;
      for (SlotReader slots = back.lists.slots(object); slots.next();) sources.push_back(slots.entry() - 1);
      ASSERT_EQ(sources, expected[object]) << object;
    }
  }
}

TEST(PagedOffsets, SpanPagesOf65536Rows) {
  constexpr std::size_t kRows = 3 * 65536 + 1;
  PagedOffsets offsets(kRows);
  for (std::size_t row = 0; row < kRows; ++row) offsets.countWhileBuilding(row) = row % 3 == 0 ? 70'000 : 0;
  ASSERT_TRUE(offsets.tryFinish());
  std::uint64_t sum = 0;
  for (std::size_t row = 0; row < kRows; ++row) {
    ASSERT_EQ(offsets.begin(row), sum);
    sum += row % 3 == 0 ? 70'000 : 0;
    ASSERT_EQ(offsets.end(row), sum);
  }
  EXPECT_EQ(offsets.total(), sum);
  EXPECT_GT(sum, std::uint64_t{1} << 32);
}

TEST(PagedOffsets, RefuseMoreThan32BitsInOnePage) {
  PagedOffsets offsets(3);
  for (std::size_t row = 0; row < 3; ++row) offsets.countWhileBuilding(row) = 0xffff'ffffu;
  EXPECT_FALSE(offsets.tryFinish());
}

}  // namespace
}  // namespace openclaw
