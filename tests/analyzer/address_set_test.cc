// Sets of addresses against std::set, on addresses of every kind: dense heaps, far stretches, odd ones, in any order.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "analyzer/address_set.h"
#include "tests/support/seed.h"

namespace openclaw {
namespace {

void expectSame(const AddressSet& set, const std::set<std::uint64_t>& expected, std::mt19937_64& random) {
  ASSERT_EQ(set.size(), expected.size());
  std::uint32_t row = 0;
  for (const std::uint64_t address : expected) {
    ASSERT_EQ(set.indexOf(address), row);
    ASSERT_EQ(set[row], address);
    ASSERT_EQ(set.countUpTo(address), row + 1);
    for (const std::uint64_t near : {address + 1, address - 1, address + 8, address + (std::uint64_t{1} << 33), address ^ std::uint64_t{1} << 63}) {
      const auto after = expected.upper_bound(near);
      ASSERT_EQ(set.countUpTo(near), std::distance(expected.begin(), after)) << near;
      if (!expected.contains(near)) {
        ASSERT_EQ(set.indexOf(near), AddressSet::kMissing) << near;
      }
      if (row > 50) break;  // std::distance is long
    }
    ++row;
  }
  const auto first = static_cast<std::uint32_t>(random() % (expected.size() + 1));
  const auto last = static_cast<std::uint32_t>(first + random() % (expected.size() - first + 1));
  std::uint32_t next = first;
  set.forEach(first, last, [&](std::uint32_t index, std::uint64_t address) {
    ASSERT_EQ(index, next++);
    ASSERT_EQ(address, set[index]);
  });
  EXPECT_EQ(next, last);
}

TEST(AddressSet, AgreesWithASortedSetOfAddressesInAnyOrder) {
  const std::uint64_t seed = test::seedFromEnvironment();
  SCOPED_TRACE("OPENCLAW_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 120; ++round) {
    AddressSetBuilder builder;
    std::set<std::uint64_t> expected;
    const std::uint64_t unit = std::uint64_t{1} << random() % 5;  // 1 to 16
    const std::uint64_t farEvery = 1 + random() % 200, far = std::uint64_t{1} << (10 + random() % 50);
    const std::size_t count = random() % 3000;
    std::uint64_t at = random() % 4 == 0 ? 0 : random() % far / unit * unit;
    for (std::size_t i = 0; i < count; ++i) {
      if (random() % farEvery == 0) at = random() % far / unit * unit;
      else at += unit * (random() % 12);
      const bool odd = unit == 8 && random() % 1000 == 0;  // among multiples of 8
      ASSERT_EQ(builder.add(at + odd), expected.insert(at + odd).second) << at;
      ASSERT_EQ(builder.size(), expected.size());
    }
    const AddressSet set = builder.finish();
    ASSERT_NO_FATAL_FAILURE(expectSame(set, expected, random)) << "round " << round;
  }
}

TEST(AddressSet, EmptyOneHoldsNothing) {
  const AddressSet set = AddressSetBuilder().finish();
  EXPECT_EQ(set.size(), 0u);
  EXPECT_EQ(set.indexOf(0), AddressSet::kMissing);
  EXPECT_EQ(set.countUpTo(UINT64_MAX), 0u);
  EXPECT_EQ(AddressSet().indexOf(8), AddressSet::kMissing);
}

TEST(AddressSet, TheEndsOfTheAddressSpaceAreAddresses) {
  AddressSetBuilder builder;
  for (const std::uint64_t address : {std::uint64_t{0}, UINT64_MAX - 7, std::uint64_t{1} << 63, std::uint64_t{8}}) EXPECT_TRUE(builder.add(address));
  EXPECT_FALSE(builder.add(0));
  const AddressSet set = builder.finish();
  EXPECT_EQ(set[0], 0u);
  EXPECT_EQ(set[3], UINT64_MAX - 7);
  EXPECT_EQ(set.indexOf(std::uint64_t{1} << 63), 2u);
}

TEST(AddressSet, MemoryIsAboutAByteOfADenseHeapAndBoundedOfAnyOther) {
  std::mt19937_64 random(1);
  AddressSetBuilder dense, sparse, spread;
  for (std::uint64_t i = 0, at = 0x7f00'0000'0000; i < 100'000; ++i, at += 8 * (2 + random() % 8)) dense.add(at);
  for (int i = 0; i < 100'000; ++i) sparse.add(random());
  for (std::uint64_t i = 0; i < 100'000; ++i) spread.add(i * 3000);
  const auto each = [](AddressSetBuilder& builder) {
    const AddressSet set = builder.finish();
    return static_cast<double>(set.bytes()) / set.size();
  };
  EXPECT_LT(each(dense), 1.1);
  EXPECT_LT(each(sparse), 90.0);  // vectors grow by doubling, and 4 KiB at the beginning
  EXPECT_LT(each(spread), 90.0);
}

}  // namespace
}  // namespace openclaw
