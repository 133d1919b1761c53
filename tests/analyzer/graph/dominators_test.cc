#include "analyzer/graph/dominators.h"

#include <gtest/gtest.h>

#include "analyzer/graph/bgl_adapter.h"
#include "analyzer/graph/reachability.h"
#include "tests/analyzer/edge_lists.h"
#include "tests/support/seed.h"

namespace openclaw {
namespace {

using test::EdgeLists;
using test::kNullSlot;

std::vector<std::uint32_t> dominatorsOf(const EdgeLists& lists) {
  const EdgeTable table = test::tableOf(lists);
  const Dominators d = computeDominators(table, lists.roots, test::plainWork());
  return {d.dominator.span().begin(), d.dominator.span().end()};
}
using Row = std::vector<std::uint32_t>;

TEST(Dominators, JoinOfADiamondIsDominatedByItsTop) {
  EXPECT_EQ(dominatorsOf({.targets = {{1, 2}, {3}, {3}, {}}, .weak = {}, .roots = {0}}),
            (Row{kRootsOnly, 0, 0, 0}));
}

TEST(Dominators, ObjectUnderTwoRootsIsDominatedByTheRootsOnly) {
  EXPECT_EQ(dominatorsOf({.targets = {{2}, {2}, {}}, .weak = {}, .roots = {0, 1}}),
            (Row{kRootsOnly, kRootsOnly, kRootsOnly}));
}

TEST(Dominators, RootBelowAnotherRootKeepsTheVirtualRoot) {
  EXPECT_EQ(dominatorsOf({.targets = {{1}, {2}, {}}, .weak = {}, .roots = {0, 1}}),
            (Row{kRootsOnly, kRootsOnly, 1}));
}

TEST(Dominators, WeakEdgesDoNotCount) {
  EXPECT_EQ(dominatorsOf({.targets = {{1, 2}, {2}, {}}, .weak = {{0, 1}, {0}, {}}, .roots = {0}}),
            (Row{kRootsOnly, 0, 1}));
  EXPECT_EQ(dominatorsOf({.targets = {{1}, {}}, .weak = {{1}, {}}, .roots = {0}}),
            (Row{kRootsOnly, kUnreachable}));
}

TEST(Dominators, UnreachableCycleHasNone) {
  EXPECT_EQ(dominatorsOf({.targets = {{}, {2}, {1, 0}}, .weak = {}, .roots = {0}}),
            (Row{kRootsOnly, kUnreachable, kUnreachable}));
}

TEST(Dominators, SelfLoopsNullsAndRepeatedEdgesChangeNothing) {
  EXPECT_EQ(dominatorsOf({.targets = {{0, kNullSlot, 1, 1}, {1, 0}}, .weak = {}, .roots = {0, 0}}),
            (Row{kRootsOnly, 0}));
}

TEST(Dominators, NoObjectsAndNoRootsAreFine) {
  EXPECT_TRUE(dominatorsOf({}).empty());
  EXPECT_EQ(dominatorsOf({.targets = {{}, {}}, .weak = {}, .roots = {}}), (Row{kUnreachable, kUnreachable}));
}

TEST(Dominators, AgreeWithRemovalAndWithBoostOnRandomGraphs) {
  const std::uint64_t seed = test::seedFromEnvironment();
  SCOPED_TRACE("OPENCLAW_SEED=" + std::to_string(seed));
  test::Random random(seed);
  for (int round = 0; round < 400; ++round) {
    const auto objects = static_cast<std::uint32_t>(1 + random.below(40));
    const auto edges = static_cast<std::uint32_t>(random.below(3 * objects + 1));
    const EdgeLists lists = test::randomLists(random, objects, edges, random.oneIn(2));
    const EdgeTable table = test::tableOf(lists);
    const std::vector<std::uint32_t> ours = dominatorsOf(lists);
    ASSERT_EQ(ours, test::dominatorsByRemoval(lists)) << "round " << round;
    ASSERT_EQ(ours, computeDominatorsWithBoost(table, lists.roots)) << "round " << round;
  }
}

TEST(Dominators, AgreeWithBoostOnLargerRandomGraphs) {
  const std::uint64_t seed = test::seedFromEnvironment();
  SCOPED_TRACE("OPENCLAW_SEED=" + std::to_string(seed));
  test::Random random(seed);
  for (const std::uint32_t objects : {1'000u, 20'000u}) {
    for (const std::uint32_t degree : {1u, 2u, 4u}) {
      const EdgeLists lists = test::randomLists(random, objects, objects * degree, true);
      ASSERT_EQ(dominatorsOf(lists), computeDominatorsWithBoost(test::tableOf(lists), lists.roots))
          << objects << " x " << degree;
    }
  }
}

TEST(Dominators, ListOfAMillionIsAChain) {
  EdgeLists lists;
  constexpr std::uint32_t kLength = 1'000'000;
  lists.targets.resize(kLength);
  // Each also points back to the first and to its predecessor, as doubly linked lists do.
  for (std::uint32_t i = 0; i < kLength; ++i)
    lists.targets[i] = {i + 1 < kLength ? i + 1 : kNullSlot, 0, i == 0 ? kNullSlot : i - 1};
  lists.roots = {0};
  const std::vector<std::uint32_t> d = dominatorsOf(lists);
  for (std::uint32_t i = 1; i < kLength; ++i) ASSERT_EQ(d[i], i - 1);
}

TEST(Dominators, ArrayOfAMillionDominatesItsElements) {
  EdgeLists lists;
  constexpr std::uint32_t kLength = 1'000'000;
  lists.targets.resize(kLength + 1);
  for (std::uint32_t i = 1; i <= kLength; ++i) lists.targets[0].push_back(i);
  lists.roots = {0};
  const std::vector<std::uint32_t> d = dominatorsOf(lists);
  for (std::uint32_t i = 1; i <= kLength; ++i) ASSERT_EQ(d[i], 0u);
}

TEST(Dominators, CompleteBipartiteGraphStaysFast) {
  // 1,000 x 1,000: a million edges between two sides; every right object is reached through all left ones.
  EdgeLists lists;
  lists.targets.resize(2001);
  for (std::uint32_t left = 1; left <= 1000; ++left) {
    lists.targets[0].push_back(left);
    for (std::uint32_t right = 1001; right <= 2000; ++right) lists.targets[left].push_back(right);
  }
  for (std::uint32_t right = 1001; right <= 2000; ++right)
    for (std::uint32_t left = 1; left <= 1000; ++left) lists.targets[right].push_back(left);
  lists.roots = {0};
  const std::vector<std::uint32_t> d = dominatorsOf(lists);
  for (std::uint32_t i = 1; i <= 2000; ++i) ASSERT_EQ(d[i], 0u);
}

TEST(Dominators, DominatorsComeBeforeTheirObjectsInTheOrder) {
  test::Random random(7);
  const EdgeLists lists = test::randomLists(random, 3000, 9000, false);
  const EdgeTable table = test::tableOf(lists);
  const Dominators d = computeDominators(table, lists.roots, test::plainWork());
  std::vector<std::uint32_t> place(3000);
  for (std::uint32_t w = 1; w <= d.reached; ++w) place[d.order[w]] = w;
  for (std::uint32_t w = 1; w <= d.reached; ++w) {
    const std::uint32_t above = d.dominator[d.order[w]];
    if (above != kRootsOnly) {
      EXPECT_LT(place[above], w);
    }
  }
}

TEST(Dominators, CancelEndsTheWork) {
  EdgeLists lists;
  lists.targets.resize(200'000);
  for (std::uint32_t i = 0; i + 1 < 200'000; ++i) lists.targets[i] = {i + 1};
  lists.roots = {0};
  std::stop_source stop;
  Work work = test::plainWork();
  work.stop = stop.get_token();
  // Cancelled from the first report of progress: wherever the work is then, it ends.
  work.progress = [&](double) { stop.request_stop(); };
  const EdgeTable table = test::tableOf(lists);
  EXPECT_THROW((void)computeDominators(table, lists.roots, work), Cancelled);
}

TEST(Reachability, AgreesWithDominatorsOnRandomGraphs) {
  const std::uint64_t seed = test::seedFromEnvironment();
  SCOPED_TRACE("OPENCLAW_SEED=" + std::to_string(seed));
  test::Random random(seed);
  for (int round = 0; round < 50; ++round) {
    const EdgeLists lists = test::randomLists(random, 60, 90, true);
    const Buffer<std::uint8_t> reachable =
        computeReachability(test::tableOf(lists), lists.roots, test::plainWork());
    ASSERT_EQ((std::vector<std::uint8_t>(reachable.span().begin(), reachable.span().end())),
              test::reachableWithout(lists, kNullSlot));
  }
}

}  // namespace
}  // namespace openclaw
