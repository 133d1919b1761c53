// Each invariant is broken on purpose, to see that the check of that name speaks.
#include "analyzer/verify.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>

#include "analyzer/load/heapbin.h"
#include "analyzer/snapshot_state.h"
#include "tests/analyzer/changed_lists.h"
#include "tests/analyzer/small_heap.h"

namespace openclaw {
namespace {

using test::SmallHeap;

std::set<std::string> brokenAfter(const std::function<void(SnapshotState&)>& damage) {
  const auto bytes = SmallHeap().encode();
  const auto reader = DumpReader::fromMemory(bytes, "test.bin");
  EXPECT_TRUE(reader.has_value());
  SnapshotBuilder builder;
  loadHeapbin(*reader, {.threads = 1, .dominators = true}, {}, {}, builder.state());
  damage(builder.state());
  std::set<std::string> names;
  for (const BrokenInvariant& broken : verify(*builder.build())) {
    EXPECT_FALSE(broken.detail.empty());
    names.insert(broken.name);
  }
  return names;
}

template <class T>
Column<T> changed(const Column<T>& column, std::size_t row, T value) {
  std::vector<T> values;
  for (std::size_t i = 0; i < column.size(); ++i) values.push_back(i == row ? value : column[i]);
  return Column<T>::owning(std::move(values));
}

// The list of dominated objects as it must be for the dominators as they are now: what follows from a wrong one is not
// named again, so each damage must be alone.
void sortDominated(SnapshotState& s) {
  std::sort(s.dominated.data(), s.dominated.data() + s.dominated.size(), [&](std::uint32_t a, std::uint32_t b) {
    if (s.dominator[a] != s.dominator[b]) return s.dominator[a] < s.dominator[b];
    return s.retained[a] != s.retained[b] ? s.retained[a] > s.retained[b] : a < b;
  });
}

TEST(Verify, ASoundSnapshotHasNothingToSay) {
  EXPECT_TRUE(brokenAfter([](SnapshotState&) {}).empty());
}

TEST(Verify, EachInvariantSpeaksWhenItIsBroken) {
  const std::map<std::string, std::function<void(SnapshotState&)>> damages{
      {"columns-have-a-row-per-object",
       [](SnapshotState& s) { s.ageAndFlags = Column<std::uint8_t>::owning(std::vector<std::uint8_t>(3)); }},
      {"table-indexes-in-range", [](SnapshotState& s) { s.types.pop_back(); }},
      {"references-in-range",
       [](SnapshotState& s) { s.edges.lists = test::withFirstEntry(s.edges.lists, [](std::uint32_t) { return 99u; }); }},
      {"roots-in-range-and-ascending", [](SnapshotState& s) { std::swap(s.roots[0], s.roots[1]); }},
      {"addresses-ascend-without-overlap",
       [](SnapshotState& s) { s.addresses.units = changed(s.addresses.units, 2, 0u); }},
      {"edges-the-same-both-ways",
       [](SnapshotState& s) { s.back.lists = test::withFirstEntry(s.back.lists, [](std::uint32_t e) { return 2 + e % 3; }); }},
      {"reachable-is-closed", [](SnapshotState& s) { s.dominator[SmallHeap::kBig] = kUnreachable; }},
      {"dominated-lists-each-reachable-object-once",
       [](SnapshotState& s) { s.dominated[0] = s.dominated[1]; }},
      {"dominators-form-a-tree",
       [](SnapshotState& s) {
         s.dominator[SmallHeap::kSessionB] = SmallHeap::kBig;  // b and the big string hold each other up
         sortDominated(s);
       }},
      {"dominators-explain-every-edge",
       [](SnapshotState& s) {
         s.dominator[SmallHeap::kAnn] = SmallHeap::kSessionA;
         sortDominated(s);
       }},
      {"retained-sizes-add-up", [](SnapshotState& s) { s.retained.add(SmallHeap::kArray, 16); }},
      {"regions-ascend-and-add-up", [](SnapshotState& s) { s.regions[RegionIndex(0)].holeBytes += 16; }},
      {"regions-hold-their-objects", [](SnapshotState& s) { s.regions[RegionIndex(0)].objectCount -= 1; }},
  };
  for (const std::string_view name : verifiedInvariants()) {
    const auto damage = damages.find(std::string(name));
    ASSERT_NE(damage, damages.end()) << name << " has no damage to prove it";
    EXPECT_TRUE(brokenAfter(damage->second).contains(std::string(name))) << name;
  }
}

}  // namespace
}  // namespace openclaw
