// Common targets: found from a sample whatever order slots come in, and worth their code.
#include "analyzer/graph/common_targets.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "analyzer/graph/edge_builder.h"
#include "tests/analyzer/edge_lists.h"
#include "tests/support/dump_model.h"
#include "tests/support/seed.h"

namespace openclaw {
namespace {

std::vector<std::uint32_t> entriesOf(const CommonTargets& common) {
  return {common.entries.begin(), common.entries.begin() + common.count};
}

TEST(CommonTargets, AreFoundFromASampleOfManySlots) {
  // Objects of four slots after each other: the third always leads to 7, one in fifty of the fourth to 9, the others anywhere.
  const std::uint64_t seed = test::seedFromEnvironment();
  SCOPED_TRACE("OPENCLAW_SEED=" + std::to_string(seed));
  test::Random random(seed);
  TargetSample first, second;
  for (int i = 0; i < 1'500'000; ++i) {
    TargetSample& sample = i < 1'000'000 ? first : second;
    sample.see(static_cast<std::uint32_t>(100 + random.below(4'000'000'000)));
    sample.see(static_cast<std::uint32_t>(100 + random.below(4'000'000'000)));
    sample.see(7);
    sample.see(random.oneIn(50) ? 9 : static_cast<std::uint32_t>(100 + random.below(4'000'000'000)));
  }
  const TargetSample* const samples[] = {&first, &second};
  EXPECT_EQ(entriesOf(commonTargets(samples)), (std::vector<std::uint32_t>{7, 9}));
}

TEST(CommonTargets, FewSlotsSayLittle) {
  TargetSample sample;
  for (int i = 0; i < 15; ++i) sample.see(3);
  const TargetSample* const samples[] = {&sample};
  EXPECT_EQ(commonTargets(samples).count, 0u);
  sample.see(3);
  EXPECT_EQ(entriesOf(commonTargets(samples)), (std::vector<std::uint32_t>{3}));
  EXPECT_EQ(commonTargets({}).count, 0u);
}

TEST(CommonTargets, AreTheMostCommonOfManyAndHaveACodeEach) {
  TargetSample sample;
  for (std::uint32_t target = 1; target <= 100; ++target)
    for (std::uint32_t i = 0; i < 100 + target; ++i) sample.see(target << 24 | 5);
  const TargetSample* const samples[] = {&sample};
  const CommonTargets common = commonTargets(samples);
  ASSERT_EQ(common.count, CommonTargets::kMost);
  const CommonCodes codes(common);
  for (std::uint32_t target = 1; target <= 100; ++target) {
    const std::uint32_t rank = 101 - target, code = codes.of(target << 24 | 5);
    EXPECT_EQ(code, rank <= CommonTargets::kMost ? rank : 0u) << target;
    EXPECT_EQ(codes.of(target << 24 | 6), 0u);
  }
}

// A byte for a slot that everybody has, near and far, and none more for the others.
TEST(CommonTargets, TakeAByteASlot) {
  constexpr std::uint32_t kObjects = 200'000;
  test::EdgeLists lists;
  lists.targets.resize(kObjects);
  for (std::uint32_t i = 0; i < kObjects; ++i) lists.targets[i] = {3, std::min(i + 1, kObjects - 1), 100'000, i / 2 * 2};
  lists.roots = {0};
  const EdgeTable table = test::tableOf(lists);
  for (std::uint32_t i = 0; i < kObjects; ++i) {
    EXPECT_EQ(table.lists.list(i).bytes(), 4u) << i;
    std::vector<std::uint32_t> read;
    for (SlotReader slots = table.slots(i); slots.next();) read.push_back(slots.entry() - 1);
    ASSERT_EQ(read, lists.targets[i]);
  }
}

}  // namespace
}  // namespace openclaw
