// No shape of graph is slow: the work of each, counted in steps (edges read and links followed), stays near linear, and the
// answers are Boost's. A bound of 6 edges' worth a slot and object is twice what the worst of them needs.
#include <gtest/gtest.h>

#include <functional>

#include "analyzer/graph/bgl_adapter.h"
#include "analyzer/graph/dominators.h"
#include "tests/analyzer/edge_lists.h"
#include "tests/support/seed.h"

namespace openclaw {
namespace {

using test::EdgeLists;

EdgeLists emptyLists(std::uint32_t objects) {
  EdgeLists lists;
  lists.targets.resize(objects);
  lists.roots = {0};
  return lists;
}

void expectNearLinear(const EdgeLists& lists, bool compare) {
  const EdgeTable table = test::tableOf(lists);
  std::uint64_t slots = 0;
  for (const auto& targets : lists.targets) slots += targets.size();
  const Dominators d = computeDominators(table, lists.roots, test::plainWork());
  EXPECT_LE(d.steps, 6 * (slots + lists.targets.size())) << slots << " slots";
  if (compare) {
    EXPECT_EQ((std::vector<std::uint32_t>(d.dominator.span().begin(), d.dominator.span().end())),
              computeDominatorsWithBoost(table, lists.roots));
  }
}

TEST(Shapes, AListAMillionDeepWithLinksBothWays) {
  constexpr std::uint32_t kLength = 1'000'000;
  EdgeLists lists = emptyLists(kLength);
  for (std::uint32_t i = 0; i < kLength; ++i) {
    if (i + 1 < kLength) lists.targets[i].push_back(i + 1);
    if (i > 0) lists.targets[i].push_back(i - 1);
    lists.targets[i].push_back(0);
  }
  expectNearLinear(lists, false);
}

TEST(Shapes, AListAMillionDeepWhoseEndIsHeldByEveryNode) {
  constexpr std::uint32_t kLength = 1'000'000;
  EdgeLists lists = emptyLists(kLength);
  for (std::uint32_t i = 0; i + 1 < kLength; ++i) lists.targets[i] = {i + 1, kLength - 1};
  for (std::uint32_t i = 2; i < kLength; i += 2) lists.targets[i].push_back(i / 2);
  expectNearLinear(lists, false);
}

TEST(Shapes, AnArrayAMillionWideWhoseElementsPointBack) {
  constexpr std::uint32_t kWidth = 1'000'000;
  EdgeLists lists = emptyLists(kWidth + 1);
  for (std::uint32_t i = 1; i <= kWidth; ++i) {
    lists.targets[0].push_back(i);
    lists.targets[i] = {0, i == 1 ? kWidth : i - 1};
  }
  expectNearLinear(lists, false);
}

// Slots of different strengths are told by their number: going on in the middle of a wide list must not count from its begin.
TEST(Shapes, AnArrayAMillionWideWithWeakElements) {
  constexpr std::uint32_t kWidth = 1'000'000;
  EdgeLists lists = emptyLists(kWidth + 1);
  lists.weak.resize(kWidth + 1);
  for (std::uint32_t i = 1; i <= kWidth; ++i) {
    lists.targets[0].push_back(i);
    lists.weak[0].push_back(i % 3 == 0);
  }
  const EdgeTable table = test::tableOf(lists);
  const Dominators d = computeDominators(table, lists.roots, test::plainWork());
  for (std::uint32_t i = 1; i <= kWidth; ++i) ASSERT_EQ(d.dominator[i], i % 3 == 0 ? kUnreachable : 0u) << i;
}

TEST(Shapes, ACompleteBipartiteGraph) {
  constexpr std::uint32_t kSide = 1000;
  EdgeLists lists = emptyLists(2 * kSide + 1);
  for (std::uint32_t left = 1; left <= kSide; ++left) {
    lists.targets[0].push_back(left);
    for (std::uint32_t right = kSide + 1; right <= 2 * kSide; ++right) {
      lists.targets[left].push_back(right);
      lists.targets[right].push_back(left);
    }
  }
  expectNearLinear(lists, true);
}

TEST(Shapes, ALadderWhoseEveryStepIsReachedFromBelow) {
  constexpr std::uint32_t kLength = 200'000;
  EdgeLists lists = emptyLists(kLength);
  for (std::uint32_t i = 0; i < kLength; ++i) {
    if (i + 1 < kLength) lists.targets[i].push_back(i + 1);
    if (i >= 2) lists.targets[i].push_back(i - 2);
    if (i >= 1000) lists.targets[i].push_back(i - 1000);
  }
  expectNearLinear(lists, true);
}

TEST(Shapes, AMillionTypesAsClassesOfOneObjectEach) {
  constexpr std::uint32_t kTypes = 1'000'000;
  EdgeLists lists = emptyLists(2 * kTypes + 1);
  for (std::uint32_t i = 0; i < kTypes; ++i) {
    lists.targets[0].push_back(1 + i);                       // the loader holds every class
    lists.targets[0].push_back(1 + kTypes + i);              // and somebody its one object,
    lists.targets[1 + kTypes + i] = {1 + i};                 // which points to its class
    lists.targets[1 + i] = {i == 0 ? 0 : i, 0};              // which points to the one above and to the loader
  }
  expectNearLinear(lists, false);
}

TEST(Shapes, RandomGraphsOfManyDegrees) {
  const std::uint64_t seed = test::seedFromEnvironment();
  SCOPED_TRACE("OPENCLAW_SEED=" + std::to_string(seed));
  test::Random random(seed);
  for (const std::uint32_t degree : {1u, 3u, 10u})
    expectNearLinear(test::randomLists(random, 100'000, 100'000 * degree, false), true);
}

}  // namespace
}  // namespace openclaw
