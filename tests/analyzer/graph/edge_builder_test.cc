// Lists as they were written come back, whatever their lengths, their order and the threads; and turned around they are the same
// edges.
#include "analyzer/graph/edge_builder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "analyzer/graph/list_transpose.h"
#include "tests/analyzer/edge_lists.h"
#include "tests/support/seed.h"

namespace openclaw {
namespace {

using test::plainWork;

struct Slot {
  std::uint32_t entry = 0;  // target + 1, 0 = null
  std::uint8_t strength = EdgeTable::kAsDeclared;
  std::uint32_t label = 0;
  auto operator<=>(const Slot&) const = default;
};
using Lists = std::vector<std::vector<Slot>>;

void write(EdgeTableBuilder::Writer& writer, std::uint32_t object, const std::vector<Slot>& slots, std::size_t first = 0,
           std::size_t last = SIZE_MAX) {
  writer.begin(object, static_cast<std::uint32_t>(first));
  for (std::size_t i = first; i < std::min(last, slots.size()); ++i) {
    slots[i].entry == 0 ? writer.null() : writer.slot(slots[i].entry - 1);
    if (slots[i].strength != EdgeTable::kAsDeclared) writer.strength(slots[i].strength);
    if (slots[i].label != 0) writer.label(slots[i].label);
  }
  writer.end();
}

Lists written(const EdgeTable& edges, const Buffer<std::uint32_t>& labels) {
  Lists lists(edges.objectCount());
  for (std::uint32_t i = 0; i < lists.size(); ++i) {
    for (SlotReader slots = edges.slots(i); slots.next();) {
      EXPECT_EQ(slots.slot(), lists[i].size());
      lists[i].push_back({slots.entry(), slots.strength(), labels.empty() ? 0 : labels[edges.firstSlot(i) + slots.slot()]});
    }
    EXPECT_EQ(edges.slotCount(i), lists[i].size());
  }
  return lists;
}

// Most lists short and local, some long, some empty; targets up to the largest index.
Lists randomSlots(test::Random& random, std::uint32_t objects, bool strengths, bool labels) {
  Lists lists(objects);
  for (std::uint32_t i = 0; i < objects; ++i) {
    std::uint64_t count = random.below(5);
    if (random.oneIn(50)) count = random.below(300);
    if (random.oneIn(20'000)) count = 20'000;
    for (; count > 0; --count) {
      Slot slot;
      if (!random.oneIn(6))
        slot.entry = random.oneIn(10)   ? static_cast<std::uint32_t>(1 + random.below(0xffff'fffe))
                     : random.oneIn(30) ? 0xffff'fffeu
                                        : static_cast<std::uint32_t>(1 + (i + random.below(40)) % objects);
      if (strengths && random.oneIn(5)) slot.strength = static_cast<std::uint8_t>(random.below(5));
      if (labels && random.oneIn(2)) slot.label = static_cast<std::uint32_t>(random.below(1u << 31));
      lists[i].push_back(slot);
    }
  }
  return lists;
}

std::uint64_t edgesOf(const Lists& lists) {
  std::uint64_t edges = 0;
  for (const auto& list : lists)
    edges += static_cast<std::uint64_t>(std::count_if(list.begin(), list.end(), [](const Slot& s) { return s.entry != 0; }));
  return edges;
}

TEST(EdgeTableBuilder, GivesBackWhatWasWrittenInAnyOrderFromManyWriters) {
  const std::uint64_t seed = test::seedFromEnvironment();
  SCOPED_TRACE("OPENCLAW_SEED=" + std::to_string(seed));
  test::Random random(seed);
  // Around the borders of blocks and pages, and with all that may stand beside a slot.
  for (const std::uint32_t objects : {1u, 15u, 16u, 17u, 1000u, 65'536u, 65'537u, 140'000u}) {
    for (const unsigned extras : {0u, 1u, 2u, 3u}) {
      const Lists lists = randomSlots(random, objects, (extras & 1) != 0, (extras & 2) != 0);
      EdgeTableBuilder builder(objects);
      std::vector<EdgeTableBuilder::Writer*> writers{&builder.writer(), &builder.writer(), &builder.writer()};
      std::vector<std::uint32_t> order(objects);
      for (std::uint32_t i = 0; i < objects; ++i) order[i] = i;
      if (random.oneIn(2))
        for (std::uint32_t i = objects; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
      for (const std::uint32_t object : order) {
        // Some objects in pieces, which also come in any order.
        std::vector<std::size_t> cuts{0, lists[object].size()};
        while (lists[object].size() > 2 && random.oneIn(4)) cuts.push_back(random.below(lists[object].size()));
        std::sort(cuts.begin(), cuts.end());
        cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
        std::vector<std::size_t> pieces;
        for (std::size_t i = 0; i + 1 < cuts.size(); ++i) pieces.push_back(i);
        if (random.oneIn(2)) std::reverse(pieces.begin(), pieces.end());
        for (const std::size_t i : pieces) write(*writers[random.below(3)], object, lists[object], cuts[i], cuts[i + 1]);
      }
      EdgeTable edges;
      Buffer<std::uint32_t> labels;
      const EdgeTableBuilder::Totals totals = builder.finish(edges, plainWork(), &labels);
      ASSERT_EQ(written(edges, labels), lists) << objects << " objects, extras " << extras;
      std::uint64_t slots = 0;
      for (const auto& list : lists) slots += list.size();
      EXPECT_EQ(totals.slots, slots);
      EXPECT_EQ(totals.edges, edgesOf(lists));
      EXPECT_EQ(totals.droppedSlots, 0u);
    }
  }
}

TEST(EdgeTableBuilder, TakesPlainRowsToo) {
  const std::uint64_t seed = test::seedFromEnvironment();
  SCOPED_TRACE("OPENCLAW_SEED=" + std::to_string(seed));
  test::Random random(seed);
  for (const bool strengths : {false, true}) {
    Lists lists = randomSlots(random, 70'000, strengths, false);
    PagedOffsets first(lists.size());
    for (std::size_t i = 0; i < lists.size(); ++i) first.countWhileBuilding(i) = static_cast<std::uint32_t>(lists[i].size());
    ASSERT_TRUE(first.tryFinish());
    Buffer<std::uint32_t> slots(first.total());
    Buffer<std::uint8_t> own(strengths ? first.total() : 0);
    for (std::size_t i = 0; i < lists.size(); ++i)
      for (std::size_t k = 0; k < lists[i].size(); ++k) {
        slots[first.begin(i) + k] = lists[i][k].entry;
        if (lists[i][k].strength == static_cast<std::uint8_t>(Strength::kStrong)) lists[i][k].strength = EdgeTable::kAsDeclared;
        if (strengths)
          own[first.begin(i) + k] = lists[i][k].strength == EdgeTable::kAsDeclared ? static_cast<std::uint8_t>(Strength::kStrong)
                                                                                   : lists[i][k].strength;
      }
    EdgeTable edges;
    const EdgeTableBuilder::Totals totals = fillFromRows(edges, first, std::move(slots), std::move(own), plainWork());
    EXPECT_EQ(written(edges, {}), lists);
    EXPECT_EQ(totals.edges, edgesOf(lists));
    for (std::uint32_t i = 0; i < lists.size(); i += 997) ASSERT_EQ(edges.firstSlot(i), first.begin(i));
  }
}

TEST(EdgeTableBuilder, APieceBehindAHoleAndOneWrittenTwiceAreDroppedAndCounted) {
  EdgeTableBuilder builder(3);
  EdgeTableBuilder::Writer& writer = builder.writer();
  const std::vector<Slot> slots{{1}, {2}, {0}, {3}, {1}, {2}};
  write(writer, 1, slots, 0, 2);
  write(writer, 1, slots, 3, 6);  // slot 2 is missing
  write(writer, 2, slots, 0, 3);
  write(writer, 2, slots, 0, 3);
  EdgeTable edges;
  const EdgeTableBuilder::Totals totals = builder.finish(edges, plainWork());
  EXPECT_EQ(written(edges, {}), (Lists{{}, {{1}, {2}}, {{1}, {2}, {0}}}));
  EXPECT_EQ(totals.slots, 5u);
  EXPECT_EQ(totals.edges, 4u);
  EXPECT_EQ(totals.droppedSlots, 6u);
}

TEST(EdgeTableBuilder, RefusesMoreObjectsThanIndexesReach) {
  EXPECT_NO_THROW(EdgeTableBuilder{kMostObjects});
  EXPECT_THROW(EdgeTableBuilder{kMostObjects + 1}, std::length_error);
}

TEST(EdgeTable, StrengthsOfSlotsStandBeforeDeclaredOnes) {
  EdgeTableBuilder builder(2);
  EdgeTableBuilder::Writer& writer = builder.writer();
  write(writer, 0, {{2}, {2, static_cast<std::uint8_t>(Strength::kCache)}, {2}});
  write(writer, 1, {{1}, {1}});
  EdgeTable edges;
  builder.finish(edges, plainWork());
  edges.types = NarrowColumn(Column<std::uint16_t>::owning(std::vector<std::uint16_t>(2)));
  edges.declare({DeclaredStrengths{.fixed = {Strength::kWeak, Strength::kWeak}, .element = {}}});
  EXPECT_EQ(edges.strengthOf(0, 0), Strength::kWeak);
  EXPECT_EQ(edges.strengthOf(0, 1), Strength::kCache);
  EXPECT_EQ(edges.strengthOf(0, 2), Strength::kStrong);
  EXPECT_EQ(edges.strengthOf(1, 1), Strength::kWeak);
  EXPECT_FALSE(edges.allKeepAlive(1));
}

TEST(ListTranspose, GivesEachRowItsValuesInOrder) {
  const std::uint64_t seed = test::seedFromEnvironment();
  SCOPED_TRACE("OPENCLAW_SEED=" + std::to_string(seed));
  test::Random random(seed);
  for (const std::uint32_t rows : {1u, 17u, 65'536u, 150'000u}) {
    ListTranspose transpose(rows, 3);
    std::map<std::uint32_t, std::vector<std::uint32_t>> expected;
    const std::uint32_t popular = static_cast<std::uint32_t>(random.below(rows));
    std::uint32_t value = 0;
    for (unsigned part = 0; part < 3; ++part)
      for (int i = 0; i < 30'000; ++i) {
        value += static_cast<std::uint32_t>(random.below(random.oneIn(1000) ? 40'000'000 : 3));
        if (value > 0xffff'fff0u) break;
        const std::uint32_t row = random.oneIn(10) ? popular : static_cast<std::uint32_t>(random.below(rows));
        transpose.add(part, row, value);
        expected[row].push_back(value);
      }
    const CompressedLists lists = transpose.finish(plainWork());
    for (std::uint32_t row = 0; row < rows; ++row) {
      std::vector<std::uint32_t> found;
      for (SlotReader slots = lists.slots(row); slots.next();) found.push_back(slots.entry() - 1);
      const auto at = expected.find(row);
      ASSERT_EQ(found, at == expected.end() ? std::vector<std::uint32_t>{} : at->second) << row << " of " << rows;
      ASSERT_EQ(lists.count(row), found.size());
    }
  }
}

TEST(CompressedLists, PagesThatWereReleasedLeaveTheOthersAlone) {
  constexpr std::uint32_t kRows = 3 * 65'536;
  ListTranspose transpose(kRows, 1);
  for (std::uint32_t value = 0; value < kRows; ++value) transpose.add(0, value * 7919u % kRows, value);
  CompressedLists lists = transpose.finish(plainWork(), PageSize::kSmall);
  lists.releasePage(1);
  for (std::uint32_t value = 0; value < kRows; ++value) {
    const std::uint32_t row = value * 7919u % kRows;
    if (row >> CompressedLists::kPageShift == 1) continue;
    SlotReader slots = lists.slots(row);
    ASSERT_TRUE(slots.next());
    ASSERT_EQ(slots.entry(), value + 1);
    ASSERT_FALSE(slots.next());
  }
}

}  // namespace
}  // namespace openclaw
