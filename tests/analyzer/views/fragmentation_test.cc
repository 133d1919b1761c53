#include "analyzer/views/fragmentation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <set>

#include "analyzer/report/view_reports.h"
#include "tests/analyzer/block_heap.h"
#include "tests/analyzer/small_heap.h"
#include "tests/support/dump_model.h"
#include "tests/support/seed.h"

namespace openclaw {
namespace {

using test::BlockHeap;

std::shared_ptr<const Snapshot> loaded(std::span<const std::byte> bytes) {
  auto snapshot = loadSnapshot(bytes, "blocks.bin", {.threads = 1, .dominators = true});
  EXPECT_TRUE(snapshot.has_value());
  return *snapshot;
}

// Runs `check` on a few random heaps; a failure names the seed.
template <class Check>
void onRandomHeaps(Check check) {
  const std::uint64_t first = test::seedFromEnvironment();
  for (std::uint64_t seed = first; seed < first + 6; ++seed) {
    SCOPED_TRACE("OPENCLAW_SEED=" + std::to_string(seed));
    const BlockHeap heap(seed, 24);
    check(heap, *loaded(heap.encode()));
    if (testing::Test::HasFailure()) return;
  }
}

TEST(Fragmentation, LinesHoldTheBytesOfTheirGranules) {
  onRandomHeaps([](const BlockHeap& heap, const Snapshot& s) {
    std::size_t blocks = 0;
    for (std::uint32_t r = 0; r < s.regions().size(); ++r) {
      const RegionRecord& region = s.regions()[RegionIndex(r)];
      const auto lines = computeLineBytes(s, RegionIndex(r));
      if (region.kind != RegionKind::kBlock) {
        EXPECT_TRUE(std::ranges::all_of(lines, [](auto bytes) { return bytes == 0; }));
        continue;
      }
      const BlockHeap::Block& block = heap.blocks[blocks++];
      ASSERT_EQ(block.base, region.base);
      for (std::size_t line = 0; line < kLinesOfBlock; ++line) {
        std::uint64_t bytes = 0;
        for (std::size_t g = line * 16; g < line * 16 + 16; ++g) bytes += block.granules[g] >= 0 ? 16 : 0;
        EXPECT_EQ(lines[line], bytes) << "line " << line << " of block " << blocks - 1;
        EXPECT_EQ(lineHeld(region, line), bytes != 0);
      }
    }
    EXPECT_EQ(blocks, heap.blocks.size());
  });
}

TEST(Fragmentation, PartsOfEveryRegionAndOfAllAddUpToCommitted) {
  onRandomHeaps([](const BlockHeap& heap, const Snapshot& s) {
    const FragmentationView view = computeFragmentation(s);
    ASSERT_TRUE(view.known);
    ASSERT_EQ(view.regions.size(), heap.regions.size());
    for (const RegionRow& row : view.regions)
      EXPECT_EQ(row.objectBytes + row.deadBytes + row.holeBytes + row.tailBytes + row.slackBytes, row.bytes);
    const ArenaFragmentation& a = view.total;
    EXPECT_EQ(a.objectBytes + a.deadBytes + a.holeBytes + a.tailBytes + a.emptyBytes + a.roundingBytes + a.metadataBytes, Bytes(heap.committed));
    EXPECT_EQ(a.committed, Bytes(heap.committed));
    EXPECT_NEAR(a.fragmentation, static_cast<double>(a.unusableBytes.value) / static_cast<double>(heap.committed), 1e-12);
    EXPECT_NEAR(a.locked, static_cast<double>(a.lockedBytes.value) / static_cast<double>(heap.committed), 1e-12);
  });
}

TEST(Fragmentation, HolesBySizeAreTheRunsWithoutObjects) {
  onRandomHeaps([](const BlockHeap& heap, const Snapshot& s) {
    // Naive: runs of 16 bytes that no object owns, in blocks that hold anything, and the runs of free pages.
    std::map<int, std::pair<std::uint64_t, std::uint64_t>> holes, mixed;  // by power of two: count, bytes
    std::size_t blocks = 0;
    for (const RegionRecord& region : heap.regions) {
      if (region.kind == RegionKind::kFreePages) {
        auto& [count, bytes] = holes[static_cast<int>(std::bit_width(region.bytes)) - 1];
        ++count;
        bytes += region.bytes;
      }
      if (region.kind != RegionKind::kBlock) continue;
      const BlockHeap::Block& block = heap.blocks[blocks++];
      if (region.objectCount == 0 && region.floatingCount == 0) continue;
      auto& rows = region.floatingBytes + region.tlabTailBytes != 0 ? mixed : holes;
      std::uint64_t run = 0;
      const auto close = [&] {
        if (run == 0) return;
        auto& [count, bytes] = rows[static_cast<int>(std::bit_width(run)) - 1];
        ++count;
        bytes += run;
        run = 0;
      };
      for (const std::int32_t owner : block.granules) {
        if (owner >= 0) close();
        else run += 16;
      }
      close();
    }
    std::size_t rows = 0;
    for (const HoleSizeRow& row : computeFragmentation(s).holes) {
      const int power = static_cast<int>(std::bit_width(row.from.value)) - 1;
      const auto exact = holes.contains(power) ? holes[power] : std::pair<std::uint64_t, std::uint64_t>();
      const auto unsure = mixed.contains(power) ? mixed[power] : std::pair<std::uint64_t, std::uint64_t>();
      EXPECT_EQ(row.holes, exact.first) << row.from.value;
      EXPECT_EQ(row.bytes.value, exact.second) << row.from.value;
      EXPECT_EQ(row.mixedHoles, unsure.first) << row.from.value;
      EXPECT_EQ(row.mixedBytes.value, unsure.second) << row.from.value;
      EXPECT_EQ(row.upTo.value, 2 * row.from.value);
      rows += row.holes + row.mixedHoles != 0;
    }
    std::set<int> powers;
    for (const auto& [power, row] : holes) powers.insert(power);
    for (const auto& [power, row] : mixed) powers.insert(power);
    EXPECT_EQ(rows, powers.size());
  });
}

TEST(Fragmentation, HolesCountForTheObjectsBesideThem) {
  onRandomHeaps([](const BlockHeap& heap, const Snapshot& s) {
    const FragmentationView view = computeFragmentation(s, {.mostlyEmpty = 0.25, .pinGroups = 3});
    struct Naive {
      double locked = 0, narrow = 0, sparse = 0, waste = 0;
      std::uint64_t objects = 0, alone = 0;
      std::set<std::uint32_t> blocks, sparseBlocks;
    };
    std::map<std::pair<std::uint32_t, std::uint32_t>, Naive> naive;
    std::uint64_t holes = 0, sparseHoles = 0, sparseBlocks = 0;
    std::size_t blocks = 0;
    for (const RegionRow& row : view.regions) {
      const RegionRecord& region = heap.regions[row.region.value];
      const bool expected = region.kind == RegionKind::kBlock && region.objectCount + region.floatingCount != 0 &&
                            region.state != RegionState::kAllocating && region.tlabTailBytes == 0 &&
                            4 * (region.objectBytes + region.floatingBytes) <= region.bytes;
      EXPECT_EQ(row.mostlyEmpty, expected);
      sparseBlocks += expected;
      if (region.kind != RegionKind::kBlock) continue;
      const std::vector<std::int32_t>& owners = heap.blocks[blocks++].granules;
      if (region.objectCount == 0) continue;
      holes += region.holeBytes;
      if (expected) sparseHoles += region.holeBytes;
      const auto of = [&](std::int32_t owner) -> Naive& {
        const ObjectIndex object(static_cast<std::uint32_t>(owner));
        return naive[{s.type(object).value, s.site(object).value}];
      };
      // Runs without an object, each half to either neighbour; of mixed blocks the part that is holes.
      double gaps = 0;
      for (const std::int32_t owner : owners) gaps += owner < 0 ? 16 : 0;
      std::set<std::pair<std::uint32_t, std::uint32_t>> kinds;
      for (std::size_t g = 0; g < owners.size();) {
        std::size_t end = g;
        while (end < owners.size() && (owners[end] < 0) == (owners[g] < 0) && (owners[g] < 0 || owners[end] == owners[g])) ++end;
        if (owners[g] >= 0) {
          const ObjectIndex object(static_cast<std::uint32_t>(owners[g]));
          kinds.insert({s.type(object).value, s.site(object).value});
          Naive& own = of(owners[g]);
          ++own.objects;
          own.blocks.insert(row.region.value);
          if (expected) own.sparseBlocks.insert(row.region.value);
        } else {
          const double bytes = 16.0 * static_cast<double>(end - g) * static_cast<double>(region.holeBytes) / gaps;
          const bool left = g > 0, right = end < owners.size();
          for (const std::int32_t side : {left ? owners[g - 1] : -1, right ? owners[end] : -1}) {
            if (side < 0) continue;
            const double part = left && right ? bytes / 2 : bytes;
            Naive& own = of(side);
            own.locked += part;
            const bool narrow = 16 * (end - g) < kLineBytes;
            if (narrow) own.narrow += part;
            if (expected) own.sparse += part;
            if (narrow || expected) own.waste += part;
          }
        }
        g = end;
      }
      if (expected && kinds.size() == 1) ++naive[*kinds.begin()].alone;
    }
    EXPECT_EQ(view.total.mostlyEmptyBlocks, sparseBlocks);
    Bytes locked = view.pinsLeftOut.lockedBytes, sparse = view.pinsLeftOut.mostlyEmptyBytes;
    const double slack = 8.0 * static_cast<double>(view.regions.size());  // rounding: under a byte a group and block
    for (const PinGroup& pin : view.pins) {
      locked += pin.lockedBytes;
      sparse += pin.mostlyEmptyBytes;
      const Naive& own = naive[{pin.type.value, pin.site.value}];
      EXPECT_EQ(pin.objects, own.objects);
      EXPECT_EQ(pin.blocks, own.blocks.size());
      EXPECT_EQ(pin.mostlyEmptyBlocks, own.sparseBlocks.size());
      EXPECT_EQ(pin.blocksAlone, own.alone);
      EXPECT_NEAR(static_cast<double>(pin.lockedBytes.value), own.locked, slack);
      EXPECT_NEAR(static_cast<double>(pin.narrowBytes.value), own.narrow, slack);
      EXPECT_NEAR(static_cast<double>(pin.mostlyEmptyBytes.value), own.sparse, slack);
      EXPECT_NEAR(static_cast<double>(pin.wasteBytes.value), own.waste, slack);
    }
    EXPECT_EQ(locked, Bytes(holes));
    EXPECT_EQ(sparse, Bytes(sparseHoles));
    EXPECT_EQ(view.pins.size(), std::min<std::size_t>(3, naive.size()));
    EXPECT_TRUE(std::ranges::is_sorted(view.pins, std::greater(), &PinGroup::wasteBytes));
  });
}

TEST(Fragmentation, OwnerIsTheDeepestThatDominatesMostOfAGroup) {
  std::uint64_t owners = 0;
  onRandomHeaps([&](const BlockHeap&, const Snapshot& s) {
    const FragmentationView view = computeFragmentation(s, {.mostlyEmpty = 0.25, .pinGroups = 100});
    for (const PinGroup& pin : view.pins) {
      std::vector<std::uint32_t> members;
      for (const RegionRow& row : view.regions) {
        if (row.kind != RegionKind::kBlock) continue;
        const RegionRecord& region = s.regions()[row.region];
        for (std::uint64_t i = region.firstObject; i < region.firstObject + region.objectCount; ++i) {
          const ObjectIndex object(static_cast<std::uint32_t>(i));
          if (s.type(object) == pin.type && s.site(object) == pin.site && s.reachable(object)) members.push_back(object.value);
        }
      }
      // Naive: everybody above a member counts it; the deepest with enough of them.
      std::map<std::uint32_t, std::pair<std::uint64_t, std::uint64_t>> above;  // object -> members, depth
      for (const std::uint32_t member : members) {
        std::vector<std::uint32_t> chain;
        for (std::optional<ObjectIndex> at(ObjectIndex{member}); at; at = s.dominator(*at)) chain.push_back(at->value);
        for (std::size_t i = 0; i < chain.size(); ++i) {
          ++above[chain[i]].first;
          above[chain[i]].second = chain.size() - i;
        }
      }
      const auto wanted = static_cast<std::uint64_t>(std::ceil(0.8 * static_cast<double>(members.size())));
      std::optional<ObjectIndex> expected;
      std::uint64_t depth = 0, count = 0;
      for (const auto& [object, found] : above)
        if (!members.empty() && found.first >= wanted && found.second > depth) expected = ObjectIndex(object), depth = found.second, count = found.first;
      // Of several just as deep (a group of one member each) any will do; both rules then leave the group upwards.
      const auto leave = [&](std::optional<ObjectIndex> at) {
        while (at && s.type(*at) == pin.type && s.site(*at) == pin.site) at = s.dominator(*at);
        return at;
      };
      expected = leave(expected);
      if (wanted > 1 || members.size() <= 1) {
        EXPECT_EQ(pin.owner, expected);
        if (expected) {
          EXPECT_EQ(pin.ownerObjects, count);
        }
      }
      owners += pin.owner.has_value();
    }
  });
  EXPECT_GT(owners, 0u);
}

TEST(Fragmentation, PinnedObjectsAndConservativeRootsKeepTheirBlocks) {
  onRandomHeaps([](const BlockHeap& heap, const Snapshot& s) {
    const FragmentationView view = computeFragmentation(s);
    const DefragmentationEstimate& d = view.defragmentation;
    std::uint64_t candidates = 0, pinned = 0, moved = 0, largest = 0;
    for (const RegionRow& row : view.regions) {
      const RegionRecord& region = heap.regions[row.region.value];
      bool held = false;
      std::uint64_t biggest = 0;
      for (std::uint64_t i = region.firstObject; i < region.firstObject + region.objectCount; ++i) {
        held |= (heap.objects[i].flags & kObjectPinned) != 0;
        for (const RootRecord& root : heap.roots) held |= root.conservative && root.object == i;
        biggest = std::max(biggest, heap.objects[i].size);
      }
      EXPECT_EQ(row.pinned, held);
      if (!row.mostlyEmpty) continue;
      (held ? pinned : candidates) += 1;
      if (!held) moved += row.objectBytes.value, largest = std::max(largest, biggest);
    }
    EXPECT_EQ(d.candidateBlocks, candidates);
    EXPECT_EQ(d.pinnedBlocks, pinned);
    EXPECT_EQ(d.movedBytes.value, moved);
    EXPECT_LE(d.low, d.high);
    // A real packing, in address order, into new blocks: it must lie between the two.
    std::uint64_t used = 0, filled = BlockHeap::kBlock;
    for (const RegionRow& row : view.regions) {
      if (!row.mostlyEmpty || row.pinned) continue;
      const RegionRecord& region = heap.regions[row.region.value];
      for (std::uint64_t i = region.firstObject; i < region.firstObject + region.objectCount; ++i) {
        if (filled + heap.objects[i].size > BlockHeap::kBlock) ++used, filled = 0;
        filled += heap.objects[i].size;
      }
    }
    const std::uint64_t emptied = candidates * BlockHeap::kBlock, gained = emptied - std::min(emptied, used * BlockHeap::kBlock);
    EXPECT_GE(gained, d.low.value);
    EXPECT_LE(gained, d.high.value);
  });
}

TEST(Fragmentation, ObjectsInARangeAreThoseThatTouchIt) {
  onRandomHeaps([](const BlockHeap& heap, const Snapshot& s) {
    test::Random random(heap.objects.size());
    for (int round = 0; round < 200; ++round) {
      const RegionRecord& region = heap.regions[random.below(heap.regions.size())];
      const std::uint64_t low = region.base + random.below(region.bytes), high = low + 1 + random.below(5000);
      std::vector<std::uint32_t> expected, found;
      for (std::size_t i = 0; i < heap.objects.size(); ++i) {
        const std::uint64_t header = (heap.objects[i].flags & kObjectLarge) != 0 ? 24 : 8, cell = heap.objects[i].address - header;
        if (cell < high && cell + heap.objects[i].size > low) expected.push_back(static_cast<std::uint32_t>(i));
      }
      forEachObjectIn(s, Address(low), Address(high), [&](ObjectIndex object) { found.push_back(object.value); return true; });
      ASSERT_EQ(found, expected) << std::hex << low << " to " << high;
    }
  });
}

// Whatever a file says about its regions: an answer in bounded time and memory, never a crash.
TEST(Fragmentation, SurvivesRegionsThatLie) {
  const std::uint64_t first = test::seedFromEnvironment();
  for (std::uint64_t seed = first; seed < first + 25; ++seed) {
    SCOPED_TRACE("OPENCLAW_SEED=" + std::to_string(seed));
    test::Random random(seed);
    BlockHeap heap(seed, 6);
    for (RegionRecord& region : heap.regions) {
      const auto lie = [&](auto& value) {
        if (random.oneIn(3)) value = static_cast<std::remove_reference_t<decltype(value)>>(random.next() >> random.below(64));
      };
      lie(region.base);
      lie(region.bytes);
      lie(region.firstObject);
      lie(region.objectCount);
      lie(region.objectBytes);
      lie(region.holeBytes);
      lie(region.slackBytes);
      lie(region.tlabTailBytes);
      lie(region.arena);
      if (random.oneIn(4)) region.kind = static_cast<RegionKind>(random.below(5));
    }
    std::ranges::sort(heap.regions, {}, &RegionRecord::base);
    const auto snapshot = loadSnapshot(heap.encode(), "lies.bin", {.threads = 1, .dominators = true});
    if (!snapshot) continue;  // refused, which is an answer too
    const Snapshot& s = **snapshot;
    FragmentationReport report{computeFragmentation(s)};
    EXPECT_FALSE(textOf(s, report).empty());
    report.lineBytes = report.wholeMap = true;
    EXPECT_FALSE(textOf(s, report).empty());
    EXPECT_FALSE(jsonOf(s, report).empty());
    for (std::uint32_t r = 0; r < report.view.regions.size(); ++r) {
      report.block = RegionIndex(r);
      report.top = 3;
      EXPECT_FALSE(textOf(s, report).empty());
    }
  }
}

TEST(Fragmentation, OfADumpWithoutRegionsIsNotKnown) {
  const auto s = loaded(test::dumpOf("root->a; a->b", {.metadata = false}));
  const FragmentationView view = computeFragmentation(*s);
  EXPECT_FALSE(view.known);
  EXPECT_TRUE(view.regions.empty());
}

TEST(Fragmentation, StopGivesNothingRatherThanAPart) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(computeFragmentation(*loaded(BlockHeap(1, 4).encode()), {}, stop.get_token()).known);
}

TEST(Fragmentation, SmallHeapHasItsOneBlockMostlyEmptyUnlessAThreadAllocatesInIt) {
  test::SmallHeap heap;
  EXPECT_EQ(computeFragmentation(*loaded(heap.encode())).total.mostlyEmptyBlocks, 0u);
  heap.regions[0].state = RegionState::kSwept;
  heap.regions[0].holeBytes += heap.regions[0].tlabTailBytes;
  heap.regions[0].tlabTailBytes = 0;
  const auto s = loaded(heap.encode());
  const FragmentationView view = computeFragmentation(*s);
  EXPECT_EQ(view.total.mostlyEmptyBlocks, 1u);
  EXPECT_EQ(view.defragmentation.pinnedBlocks, 1u);  // a thread's stack may point to session c
  ASSERT_FALSE(view.pins.empty());
}

}  // namespace
}  // namespace openclaw
