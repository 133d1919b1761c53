// Paths to the roots against every simple path of small random graphs.
#include "analyzer/graph/paths.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "analyzer/graph/edge_table.h"
#include "analyzer/graph/merged_paths.h"
#include "analyzer/graph/shortest_path_tree.h"
#include "tests/support/dump_model.h"
#include "tests/support/seed.h"

namespace openclaw {
namespace {

using Path = std::vector<std::uint32_t>;

std::shared_ptr<const Snapshot> loaded(const test::DumpModel& model) {
  auto snapshot = loadSnapshot(test::encodeDump(model, {.metadata = false}), "graph.bin", {.threads = 1, .dominators = true});
  EXPECT_TRUE(snapshot.has_value());
  return snapshot ? *snapshot : nullptr;
}
std::shared_ptr<const Snapshot> graph(std::string_view text) { return loaded(test::modelOf(text)); }

Path objectsOf(const std::vector<PathStep>& steps) {
  Path path;
  for (const PathStep& step : steps) path.push_back(step.object.value);
  return path;
}

// Each step names a slot that keeps the next object alive, the first is held by a root.
void expectSound(const Snapshot& s, const std::vector<PathStep>& steps, ObjectIndex target) {
  ASSERT_FALSE(steps.empty());
  EXPECT_TRUE(s.isRoot(steps.front().object));
  EXPECT_EQ(steps.back().object, target);
  for (std::size_t i = 1; i < steps.size(); ++i) {
    EXPECT_TRUE(keepsAlive(s.strengthOf(steps[i - 1].object, steps[i].slot)));
    bool leads = false;
    for (EdgeCursor edge = s.edgesFrom(steps[i - 1].object); edge; edge.next())
      leads |= edge.slot() == steps[i].slot && edge.target() == steps[i].object;
    EXPECT_TRUE(leads);
  }
}

// `wide`: with hundreds of weak references in every object besides.
test::DumpModel randomGraph(test::Random& random, std::uint32_t objects, std::uint32_t edges, bool wide = false) {
  test::DumpModel model = test::modelOf("");
  for (std::uint32_t i = 0; i < objects; ++i) {
    test::ModelObject object;
    object.address = 0x10008 + std::uint64_t{i} * 32;
    object.size = 32;
    model.objects.push_back(object);
  }
  for (std::uint32_t i = 0; wide && i < 400 * objects; ++i) {
    test::ModelSlot slot;
    slot.target = random.below(objects);
    slot.strength = Strength::kWeak;
    model.objects[random.below(objects)].slots.push_back(slot);
  }
  for (std::uint32_t i = 0; i < edges; ++i) {
    test::ModelSlot slot;
    if (!random.oneIn(10)) slot.target = random.below(objects);
    constexpr Strength kStrengths[] = {Strength::kWeak, Strength::kCache, Strength::kEphemeron, Strength::kConservative};
    if (random.oneIn(5)) slot.strength = kStrengths[random.below(4)];
    model.objects[random.below(objects)].slots.push_back(slot);
  }
  for (std::uint64_t roots = 1 + random.below(3); roots > 0; --roots)
    model.roots.push_back({random.below(objects), RootKind::kHandle, false, 0, "root"});
  return model;
}

// Every path from a root-held object to the target that no other root-held object lies on.
void collect(const Snapshot& s, Path& path, std::vector<Path>& all) {
  const ObjectIndex end(path.back());
  if (s.isRoot(end)) all.emplace_back(path.rbegin(), path.rend());
  if (s.isRoot(end) && path.size() > 1) return;
  std::set<std::uint32_t> sources;
  for (EdgeCursor edge = s.edgesTo(end); edge; edge.next())
    if (slotThatKeeps(s, edge.target(), end)) sources.insert(edge.target().value);
  for (const std::uint32_t source : sources) {
    if (std::find(path.begin(), path.end(), source) != path.end()) continue;
    path.push_back(source);
    collect(s, path, all);
    path.pop_back();
  }
}

std::tuple<std::size_t, bool, std::size_t> costOf(const Path& path, const std::vector<Path>& before) {
  std::set<std::uint32_t> inner, roots;
  for (const Path& p : before) {
    if (p.size() > 1) roots.insert(p.front());
    for (std::size_t i = 1; i + 1 < p.size(); ++i) inner.insert(p[i]);
  }
  std::size_t shared = 0;
  for (std::size_t i = 1; i + 1 < path.size(); ++i) shared += inner.contains(path[i]);
  return {shared, roots.contains(path.front()), path.size()};
}

TEST(Paths, OnRandomGraphsEachIsTheBestOfAllThatAreLeft) {
  const std::uint64_t seed = test::seedFromEnvironment();
  SCOPED_TRACE(seed);
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  test::Random random(seed);
  std::size_t compared = 0;
  for (int round = 0; round < 400; ++round) {
    const auto objects = static_cast<std::uint32_t>(2 + random.below(9));
    const auto s = loaded(randomGraph(random, objects, static_cast<std::uint32_t>(random.below(3 * objects)), round % 16 == 0));
    ASSERT_TRUE(s);
    for (std::uint32_t i = 0; i < objects; ++i) {
      const ObjectIndex target(i);
      std::vector<Path> all;
      Path begin{i};
      collect(*s, begin, all);
      const DifferentPaths found = findDifferentPaths(*s, target, 5);
      EXPECT_FALSE(found.gaveUp);
      ASSERT_EQ(found.paths.size(), std::min<std::size_t>(5, all.size())) << "round " << round << " object " << i;
      EXPECT_EQ(all.empty(), findPathToRoot(*s, target).empty());
      EXPECT_EQ(all.empty(), !s->reachable(target));
      std::vector<Path> before;
      for (const DifferentPath& path : found.paths) {
        expectSound(*s, path.steps, target);
        const Path objectsOnIt = objectsOf(path.steps);
        auto best = costOf(all.front(), before);
        for (const Path& other : all) best = std::min(best, costOf(other, before));
        EXPECT_EQ(costOf(objectsOnIt, before), best) << "round " << round << " object " << i;
        EXPECT_EQ(path.sharedInner, std::get<0>(best));
        ASSERT_EQ(std::erase(all, objectsOnIt), 1u) << "not simple, or found before";
        before.push_back(objectsOnIt);
        ++compared;
      }
    }
  }
  EXPECT_GT(compared, 1000u);
}

TEST(Paths, AWeakOrCacheEdgeNeverHidesAStrongOne) {
  test::DumpModel model = test::modelOf("root->a; a->~t b ~t; b->t; root->c; c->t");
  model.objects[model.indexOf("c")].slots[0].strength = Strength::kCache;
  const auto s = loaded(model);
  const auto target = ObjectIndex(static_cast<std::uint32_t>(model.indexOf("t")));
  const DifferentPaths found = findDifferentPaths(*s, target, 3);
  ASSERT_EQ(found.paths.size(), 1u);
  EXPECT_EQ(objectsOf(found.paths[0].steps), (Path{0, 2, 1}));
  // A strong slot behind weak ones of the same object is the one that is named.
  const auto twice = graph("root->a; a->~t ~t t");
  EXPECT_EQ(findPathToRoot(*twice, ObjectIndex(1)).back().slot, 2u);
}

TEST(Paths, AnObjectThatARootHoldsAlsoShowsWhoElseHoldsIt) {
  const auto s = graph("root->t a; a->b; b->t");
  const DifferentPaths found = findDifferentPaths(*s, ObjectIndex(0), 3);
  ASSERT_EQ(found.paths.size(), 2u);
  EXPECT_EQ(objectsOf(found.paths[0].steps), (Path{0}));
  EXPECT_EQ(objectsOf(found.paths[1].steps), (Path{1, 2, 0}));
}

TEST(Paths, AListOfAHundredThousandIsOnePath) {
  test::DumpModel model = test::modelOf("root->head");
  for (std::uint64_t i = 1; i < 100'000; ++i) {
    test::ModelObject node;
    node.address = model.objects.back().address + 32;
    node.size = 32;
    model.objects.back().slots.push_back({i, Strength::kStrong});
    model.objects.push_back(node);
  }
  const auto s = loaded(model);
  const DifferentPaths found = findDifferentPaths(*s, ObjectIndex(99'999), 3);
  ASSERT_EQ(found.paths.size(), 1u);
  EXPECT_EQ(found.paths[0].steps.size(), 100'000u);
  EXPECT_FALSE(found.gaveUp);
  const MergedPaths merged = computeMergedPaths(*s, [](ObjectIndex) { return true; }, {});
  ASSERT_EQ(merged.rows.size(), 1u);
  EXPECT_EQ(merged.rows[0].levels, 100'000u);
  EXPECT_EQ(merged.rows[0].objects, 100'000u);
}

// Who asks each of a million elements whether their array keeps them must not read the array each time.
TEST(Paths, ElementsOfAWideArrayWithAWeakSlotAreFoundAtOnce) {
  constexpr std::uint64_t kElements = 100'000, kTarget = kElements + 1;
  test::DumpModel model = test::modelOf("root->array");
  model.objects[0].size = 16 + 8 * (kElements + 1);
  std::uint64_t address = model.objects[0].address + model.objects[0].size + 16;
  model.objects[0].slots.push_back({1, Strength::kWeak});
  for (std::uint64_t i = 1; i <= kTarget + kElements; ++i, address += 32) {
    test::ModelObject object;
    object.address = address;
    object.size = 32;
    if (i <= kElements) {
      object.slots.push_back({kTarget, Strength::kStrong});
      if (i != 7) model.objects[0].slots.push_back({i, Strength::kStrong});
    } else if (i > kTarget) {
      model.roots.push_back({i, RootKind::kHandle, false, 0, "another"});   // so many that the search begins at the target
    }
    model.objects.push_back(object);
  }
  const auto s = loaded(model);
  ASSERT_TRUE(s);
  const DifferentPaths found = findDifferentPaths(*s, ObjectIndex(kTarget), 3);
  ASSERT_EQ(found.paths.size(), 3u);
  for (const DifferentPath& path : found.paths) {
    EXPECT_EQ(path.steps.size(), 3u);
    EXPECT_EQ(path.steps.back().slot, 0u);
    EXPECT_GT(path.steps[1].slot, 0u);
  }
  EXPECT_FALSE(findPathToRoot(*s, ObjectIndex(1)).empty());
  EXPECT_TRUE(findPathToRoot(*s, ObjectIndex(7)).empty());
}

TEST(ShortestPathTree, DistancesAreThoseOfTheShortestPaths) {
  const std::uint64_t seed = test::seedFromEnvironment();
  SCOPED_TRACE(seed);
  test::Random random(seed);
  for (int round = 0; round < 50; ++round) {
    const auto s = loaded(randomGraph(random, 60, 120));
    ASSERT_TRUE(s);
    const ShortestPathTree tree(*s, {});
    std::vector<std::size_t> distance(s->objectCount());
    for (std::uint32_t place = 0; place < tree.size(); ++place) {
      const std::uint32_t parent = tree.parent(place);
      const std::uint32_t object = tree.object(place).value;
      if (parent == ShortestPathTree::kNoPlace) {
        EXPECT_LT(place, tree.rootHeld());
        distance[object] = 1;
      } else {
        EXPECT_LT(parent, place);
        EXPECT_LE(tree.firstChild(parent), place);
        EXPECT_LT(place, tree.lastChild(parent));
        distance[object] = distance[tree.object(parent).value] + 1;
      }
    }
    for (std::uint32_t i = 0; i < s->objectCount(); ++i)
      EXPECT_EQ(distance[i], findPathToRoot(*s, ObjectIndex(i)).size());
  }
}

TEST(MergedPaths, EqualChainsReadAsOneAndAddUp) {
  const auto s = graph(
      "root->server:Server; server->list:Array other:Other; list->e1:Entry e2:Entry e3:Entry ~e4:Entry;"
      "e1->t1:Text; e2->t2:Text; e3->t3:Text; other->t4:Text e4; lost:Text");
  const TypeIndex text = s->type(ObjectIndex(8));
  ASSERT_EQ(s->types()[text].name, "Text");
  const MergedPaths merged = computeMergedPaths(*s, [&](ObjectIndex o) { return s->type(o) == text; }, {});
  EXPECT_EQ(merged.members, 4u);
  EXPECT_EQ(merged.unreachable, 1u);
  const auto typeOf = [&](const MergedPathRow& row) { return s->types()[row.type].name; };
  // Server → Array → Entry → Text, and Server → Other → Text.
  const std::pair<const char*, std::uint64_t> expected[] = {{"Server", 4}, {"Array", 3}, {"Entry", 3},
                                                            {"Text", 3},   {"Other", 1}, {"Text", 1}};
  ASSERT_EQ(merged.rows.size(), std::size(expected));
  for (std::size_t i = 0; i < std::size(expected); ++i) {
    EXPECT_EQ(typeOf(merged.rows[i]), expected[i].first);
    EXPECT_EQ(merged.rows[i].members, expected[i].second);
    EXPECT_EQ(merged.rows[i].membersHere, typeOf(merged.rows[i]) == "Text" ? merged.rows[i].members : 0);
  }
  EXPECT_EQ(merged.rows[3].objects, 3u);
  EXPECT_FALSE(merged.rows[3].single);
  EXPECT_TRUE(merged.rows[5].single);
}

TEST(MergedPaths, WhatIsLeftOutIsCounted) {
  const auto s = graph("root->a:A; a->b:B c:C d:D; b->t1:T t2:T; c->t3:T; d->t4:T");
  MergedPathsOptions options;
  options.top = 1;
  const MergedPaths merged =
      computeMergedPaths(*s, [&](ObjectIndex o) { return s->types()[s->type(o)].name == "T"; }, options);
  ASSERT_EQ(merged.rows.size(), 4u);
  EXPECT_EQ(merged.rows[1].members, 2u);
  EXPECT_FALSE(merged.rows[3].type);
  EXPECT_EQ(merged.rows[3].depth, 1u);
  EXPECT_EQ(merged.rows[3].objects, 2u);
  EXPECT_EQ(merged.rows[3].members, 2u);
}

}  // namespace
}  // namespace openclaw
