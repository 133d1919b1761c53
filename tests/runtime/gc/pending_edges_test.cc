// PendingEdges beside a multiset: whatever is put in comes out as often, null and strangers excepted, at any size of heap.
#include "runtime/gc/pending_edges.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "tests/support/seed.h"

namespace openclaw::gc {
namespace {

using pool::Address;

constexpr Address kLow = Address{0x5000'0000'0000};   // targets are never read

Address targetAt(std::uint64_t granule) { return kLow + granule * pool::kGranule + pool::kHeaderBytes; }

struct Heap {
  std::uint64_t used, reserved;
};

class AnyHeap : public testing::TestWithParam<Heap> {};

TEST_P(AnyHeap, GivesBackWhatWasPutIn) {
  std::mt19937_64 random(test::seedFromEnvironment() + GetParam().used);
  PendingEdges edges(kLow, GetParam().reserved);
  const std::uint64_t granules = GetParam().used / pool::kGranule;
  // Three collections on one, as the collector has it: all around, most into one corner, and few at a time.
  for (int collection = 0; collection < 3; ++collection) {
    SCOPED_TRACE("collection " + std::to_string(collection));
    edges.begin(GetParam().used);
    EXPECT_LE(edges.regions(), 256u);
    EXPECT_TRUE(edges.empty());
    std::map<Address, int> waiting;
    std::uint64_t count = 0, most = 0;
    std::vector<Address> out(64);
    const auto takeSome = [&](std::size_t room) {
      PendingEdges::Access access(edges);
      const std::size_t taken = access.take(out.data(), room);
      ASSERT_EQ(taken, std::min<std::uint64_t>(room, count)) << "as many as there are";
      for (std::size_t i = 0; i < taken; ++i) {
        const auto found = waiting.find(out[i]);
        ASSERT_NE(found, waiting.end()) << "never put in, or given twice: " << out[i] - kLow;
        if (--found->second == 0) waiting.erase(found);
      }
      count -= taken;
    };
    for (int round = 0; round < 300; ++round) {
      const std::uint64_t puts = random() % (collection == 2 ? 3 : 2000);
      for (std::uint64_t i = 0; i < puts; ++i) {
        PendingEdges::Access access(edges);
        const std::uint64_t range = collection == 1 && i % 8 != 0 ? std::min<std::uint64_t>(granules, 5000) : granules;
        const Address target = targetAt(granules - 1 - random() % range);
        access.putUnlessNull(target);
        ++waiting[target];
        ++count;
        if (i % 3 == 0) access.putUnlessNull(0);
        if (i % 100 == 0) access.putUnlessNull(kLow + GetParam().used + pool::kChunkBytes * 600);   // behind the last chunk
        if (i % 100 == 1) access.putUnlessNull(kLow - 8);
      }
      most = std::max(most, count);
      for (std::uint64_t rounds = random() % (collection == 2 ? 2 : 40); rounds > 0; --rounds) takeSome(1 + random() % out.size());
      ASSERT_EQ(edges.empty(), count == 0);
    }
    while (count > 0) takeSome(out.size());
    EXPECT_TRUE(edges.empty());
    EXPECT_EQ(PendingEdges::Access(edges).take(out.data(), out.size()), 0u);
    EXPECT_LE(edges.highBytes(), most * 4 * 2 + 2 * edges.regions() * 4096) << "segments are used again";
    edges.end();
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, AnyHeap,
                         testing::Values(Heap{pool::kChunkBytes, 64u << 20}, Heap{3 * pool::kChunkBytes, 64u << 20}, Heap{255 * pool::kChunkBytes, 2ull << 30},
                                         Heap{256 * pool::kChunkBytes, 2ull << 30}, Heap{257 * pool::kChunkBytes, 2ull << 30},
                                         Heap{64ull << 30, 64ull << 30}, Heap{128ull << 30, 128ull << 30}));

TEST(PendingEdges, FollowedTogetherLieTogether) {
  // Of references that lead anywhere, a take brings those of a region or two: that is what they are sorted for.
  std::mt19937_64 random(test::seedFromEnvironment());
  constexpr std::uint64_t kUsed = 1ull << 30;
  PendingEdges edges(kLow, kUsed);
  edges.begin(kUsed);
  PendingEdges::Access access(edges);
  for (int i = 0; i < 1'000'000; ++i) access.putUnlessNull(targetAt(random() % (kUsed / pool::kGranule)));
  std::vector<Address> out(64);
  for (int takes = 0; takes < 1000; ++takes) {
    ASSERT_EQ(access.take(out.data(), out.size()), out.size());
    const auto [low, high] = std::ranges::minmax_element(out);
    ASSERT_LE(*high - *low, 2 * kUsed / edges.regions());
  }
}

}  // namespace
}  // namespace openclaw::gc
