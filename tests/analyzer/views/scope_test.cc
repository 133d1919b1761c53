// Scopes: what is selected, what the selection retains, and every view of it, each against a plain count over the objects
// of random heaps. A scope of everything is no scope, and a scope and its complement are the whole.
#include "analyzer/views/scope.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <set>

#include "analyzer/report/reports.h"
#include "analyzer/report/view_reports.h"
#include "analyzer/views/flame.h"
#include "analyzer/views/fragmentation.h"
#include "analyzer/views/generations.h"
#include "analyzer/views/histogram.h"
#include "analyzer/views/sites.h"
#include "tests/analyzer/block_heap.h"
#include "tests/analyzer/small_heap.h"
#include "tests/support/dump_model.h"
#include "tests/support/seed.h"

namespace openclaw {
namespace {

using test::BlockHeap;
using test::Random;
using test::SmallHeap;

std::shared_ptr<const Snapshot> loaded(std::span<const std::byte> bytes) {
  auto snapshot = loadSnapshot(bytes, "folder/scope.bin", {.threads = 1, .dominators = true});
  EXPECT_TRUE(snapshot.has_value());
  return *snapshot;
}

template <class Visit>
void forEachObject(const Snapshot& s, Visit visit) {
  for (std::uint32_t i = 0; i < s.objectCount(); ++i) visit(ObjectIndex(i));
}

// What the roots reach when the objects for which `gone` answers true are not there.
std::set<std::uint32_t> reachedWithout(const Snapshot& s, const std::function<bool(ObjectIndex)>& gone) {
  std::set<std::uint32_t> met;
  std::vector<ObjectIndex> open;
  const auto meet = [&](ObjectIndex object) {
    if (!gone(object) && met.insert(object.value).second) open.push_back(object);
  };
  for (const RootInfo& root : s.roots()) meet(root.object);
  while (!open.empty()) {
    const ObjectIndex at = open.back();
    open.pop_back();
    for (EdgeCursor e = s.edgesFrom(at); e; e.next()) {
      const Strength strength = s.strengthOf(at, e.slot());
      if (strength == Strength::kStrong || strength == Strength::kConservative) meet(e.target());
    }
  }
  return met;
}

// The definition, an object at a time.
std::vector<bool> selectedByHand(const Snapshot& s, const Scope& scope) {
  std::vector<bool> selected(s.objectCount(), true);
  std::map<ScopeKind, std::vector<ScopePart>> kinds;
  for (const ScopePart& part : scope.parts) kinds[part.kind].push_back(part);
  for (const auto& [kind, parts] : kinds) {
    std::set<std::uint32_t> keptWithout;
    if (kind == ScopeKind::kRetainedBy) keptWithout = reachedWithout(s, [&](ObjectIndex o) { return o.value == parts[0].value; });
    forEachObject(s, [&](ObjectIndex o) {
      const bool any = std::ranges::any_of(parts, [&](const ScopePart& part) {
        switch (kind) {
          case ScopeKind::kType:
            return s.type(o).value == part.value;
          case ScopeKind::kSite:
            return s.site(o).value == part.value;
          case ScopeKind::kArena:
            for (const RegionRecord& r : s.regions())
              if (r.base <= s.address(o).value && s.address(o).value < r.base + r.bytes) return r.arena == part.value;
            return false;
          case ScopeKind::kAge:
            return part.value <= s.age(o) && s.age(o) <= part.highest;
          case ScopeKind::kRetainedBy:
            return s.reachable(o) && !keptWithout.contains(o.value);
        }
        return false;
      });
      if (!any) selected[o.value] = false;
    });
  }
  return selected;
}

Scope randomScope(const Snapshot& s, Random& random) {
  Scope scope;
  const auto add = [&](std::uint64_t rows, const std::function<ScopePart(std::uint32_t)>& part) {
    if (!random.oneIn(3)) return;
    for (std::uint64_t i = 1 + random.below(3); i > 0; --i) scope = scope.with(part(static_cast<std::uint32_t>(random.below(rows))));
  };
  add(s.types().size(), [](std::uint32_t i) { return ScopePart::type(TypeIndex(i)); });
  add(s.sites().size(), [](std::uint32_t i) { return ScopePart::site(SiteIndex(i)); });
  add(s.arenas().size(), [](std::uint32_t i) { return ScopePart::arena(i); });
  add(8, [&](std::uint32_t i) { return ScopePart::ages(i, i + static_cast<std::uint32_t>(random.below(8 - i))); });
  if (random.oneIn(3)) {
    // Near the roots as a rule, where subtrees are large.
    ObjectIndex owner(static_cast<std::uint32_t>(random.below(random.oneIn(2) ? std::min<std::uint64_t>(40, s.objectCount()) : s.objectCount())));
    if (s.reachable(owner)) scope = scope.with(ScopePart::retainedBy(owner));
  }
  return scope;
}

// Random heaps, each with random scopes: check(snapshot, selection, the same by hand).
template <class Check>
void onRandomScopes(Check check) {
  const std::uint64_t first = test::seedFromEnvironment();
  for (std::uint64_t seed = first; seed < first + 4; ++seed) {
    SCOPED_TRACE("OPENCLAW_SEED=" + std::to_string(seed));
    BlockHeap heap(seed, 6);
    heap.arenas = {"main", "sessions", "buffers"};
    Random random(seed + 1000);
    for (RegionRecord& region : heap.regions) region.arena = static_cast<std::uint16_t>(random.below(3));
    const auto snapshot = loaded(heap.encode());
    if (snapshot->objectCount() == 0) continue;
    for (int round = 0; round < 12; ++round) {
      const Scope scope = randomScope(*snapshot, random);
      SCOPED_TRACE(labelOf(*snapshot, scope));
      check(*snapshot, computeScope(*snapshot, scope), selectedByHand(*snapshot, scope));
      if (testing::Test::HasFailure()) return;
    }
  }
}

TEST(Scope, SelectsTheObjectsThatMeetEveryCondition) {
  std::uint64_t selectedInAll = 0, leftOut = 0;
  onRandomScopes([&](const Snapshot& s, const ScopeSelection& selection, const std::vector<bool>& expected) {
    std::uint64_t objects = 0, reachable = 0, all = 0;
    Bytes bytes, reachableBytes;
    forEachObject(s, [&](ObjectIndex o) {
      ASSERT_EQ(selection.contains(o), expected[o.value]) << "object " << o.value;
      ++all;
      if (!expected[o.value]) return;
      ++objects;
      bytes += s.size(o);
      if (!s.reachable(o)) return;
      ++reachable;
      reachableBytes += s.size(o);
    });
    EXPECT_EQ(selection.objects, objects);
    EXPECT_EQ(selection.bytes, bytes);
    EXPECT_EQ(selection.reachableObjects, reachable);
    EXPECT_EQ(selection.reachableBytes, reachableBytes);
    EXPECT_EQ(selection.allObjects, all);
    selectedInAll += objects;
    leftOut += all - objects;
  });
  EXPECT_GT(selectedInAll, 1000u);
  EXPECT_GT(leftOut, 1000u);
}

TEST(Scope, RetainsWhatTheRootsDoNotReachAroundIt) {
  onRandomScopes([](const Snapshot& s, const ScopeSelection& selection, const std::vector<bool>& expected) {
    const std::set<std::uint32_t> kept = reachedWithout(s, [&](ObjectIndex o) { return expected[o.value]; });
    Bytes retained, ofTops;
    forEachObject(s, [&](ObjectIndex o) {
      if (s.reachable(o) && !kept.contains(o.value)) retained += s.size(o);
    });
    EXPECT_EQ(selection.retained, retained);
    for (const std::uint32_t top : selection.tops) ofTops += s.retained(ObjectIndex(top));
    EXPECT_GE(selection.retained, ofTops);
  });
}

TEST(Scope, TopsAreItsObjectsThatNoOtherOfItDominates) {
  onRandomScopes([](const Snapshot& s, const ScopeSelection& selection, const std::vector<bool>& expected) {
    std::vector<std::uint32_t> tops;
    forEachObject(s, [&](ObjectIndex o) {
      if (!expected[o.value] || !s.reachable(o)) return;
      for (auto up = s.dominator(o); up; up = s.dominator(*up))
        if (expected[up->value]) return;
      tops.push_back(o.value);
    });
    std::ranges::sort(tops, [&](std::uint32_t a, std::uint32_t b) {
      const Bytes x = s.retained(ObjectIndex(a)), y = s.retained(ObjectIndex(b));
      return x != y ? x > y : a < b;
    });
    EXPECT_EQ(selection.tops, tops);
  });
}

TEST(Scope, ViewsCountItsObjectsAlone) {
  onRandomScopes([](const Snapshot& s, const ScopeSelection& selection, const std::vector<bool>& expected) {
    struct Sums {
      std::uint64_t objects = 0, unreachable = 0;
      Bytes bytes, retained;
    };
    std::map<std::uint32_t, Sums> types, sites, regions;
    std::array<Sums, 8> ages{};
    std::uint64_t reachableObjects = 0;
    forEachObject(s, [&](ObjectIndex o) {
      if (!expected[o.value]) return;
      const auto region = regionAt(s, s.address(o));
      for (Sums* sums : {&types[s.type(o).value], &sites[s.site(o).value], &regions[region->value]}) {
        ++sums->objects;
        sums->bytes += s.size(o);
        sums->unreachable += !s.reachable(o);
      }
      Sums& age = ages[s.age(o)];
      if (s.reachable(o)) ++age.objects, age.bytes += s.size(o), ++reachableObjects;
      else ++age.unreachable;
      if (!s.reachable(o)) return;
      bool sameAbove = false;
      for (auto up = s.dominator(o); up; up = s.dominator(*up)) sameAbove |= expected[up->value] && s.type(*up) == s.type(o);
      if (!sameAbove) types[s.type(o).value].retained += s.retained(o);
    });

    std::uint64_t rows = 0;
    for (const HistogramRow& row : computeHistogram(s, {}, &selection)) {
      const Sums& sums = types[row.type.value];
      EXPECT_EQ(row.objects, sums.objects);
      EXPECT_EQ(row.shallow, sums.bytes);
      EXPECT_EQ(row.unreachableObjects, sums.unreachable);
      EXPECT_EQ(row.retained, sums.retained);
      ++rows;
    }
    EXPECT_EQ(rows, types.size());

    rows = 0;
    std::map<std::uint32_t, Bytes> bySite;
    for (const SiteRow& row : computeSites(s, {}, false, &selection)) {
      const Sums& sums = sites[row.site.value];
      EXPECT_EQ(row.objects, sums.objects);
      EXPECT_EQ(row.shallow, sums.bytes);
      EXPECT_EQ(row.unreachableObjects, sums.unreachable);
      EXPECT_EQ(row.churn.allocatedBytes, row.shallow + row.churn.freedBytes);
      if (!selection.churnKnown) {
        EXPECT_EQ(row.churn.freedBytes, Bytes(0));
        EXPECT_EQ(row.churn.allocatedCertainty, Certainty::kLowerBound);
        EXPECT_FALSE(row.survival().has_value());
      }
      ++rows;
    }
    EXPECT_EQ(rows, sites.size());

    std::map<std::uint32_t, std::uint64_t> sampled;
    forEachObject(s, [&](ObjectIndex o) {
      if (expected[o.value])
        if (const auto stack = s.stack(o)) ++sampled[stack->value];
    });
    for (const StackRow& row : computeStacks(s, {}, &selection)) {
      EXPECT_EQ(row.sampledObjects, sampled[row.stack.value]);
      bySite[row.site.value] += row.liveBytes;
      sampled.erase(row.stack.value);
    }
    for (const auto& [stack, count] : sampled) EXPECT_EQ(count, 0u) << "stack " << stack << " is missing";
    for (const auto& [site, bytes] : bySite)
      if (bytes.value != 0) {
        EXPECT_EQ(bytes, sites[site].bytes) << "site " << site;
      }

    EXPECT_EQ(computeFlameGraph(s, FlameWeight::kLiveBytes, {}, &selection).nodes.front().total, selection.bytes.value);

    const GenerationsView generations = computeGenerations(s, {}, &selection);
    const auto agesView = computeAges(s, &selection);
    std::uint64_t inAges = 0;
    for (std::size_t age = 0; age < 8; ++age) {
      EXPECT_EQ(generations.ages[age].objects, ages[age].objects);
      EXPECT_EQ(generations.ages[age].bytes, ages[age].bytes);
      EXPECT_EQ(generations.ages[age].unreachableObjects, ages[age].unreachable);
      EXPECT_EQ(agesView[age].objects, ages[age].objects);
      EXPECT_EQ(agesView[age].shallow, ages[age].bytes);
      inAges += generations.ages[age].objects;
    }
    EXPECT_TRUE(generations.known);
    EXPECT_EQ(inAges, reachableObjects);

    const FragmentationView fragmentation = computeFragmentation(s);
    const ScopeInRegions in = computeScopeInRegions(s, fragmentation, selection);
    ASSERT_EQ(in.regions.size(), fragmentation.regions.size());
    std::uint64_t blocks = 0, alone = 0;
    for (std::size_t r = 0; r < in.regions.size(); ++r) {
      const Sums& sums = regions[static_cast<std::uint32_t>(r)];
      EXPECT_EQ(in.regions[r].objects, sums.objects);
      EXPECT_EQ(in.regions[r].bytes, sums.bytes);
      const RegionRow& row = fragmentation.regions[r];
      if (sums.objects == 0 || row.kind != RegionKind::kBlock) continue;
      ++blocks;
      alone += sums.bytes == row.objectBytes && row.deadBytes.value == 0;
    }
    EXPECT_EQ(in.blocks, blocks);
    EXPECT_EQ(in.blocksAlone, alone);

    DominatorViewOptions options;
    options.depth = 2;
    options.top = 1'000'000;
    const DominatorView dominators = computeDominatorView(s, options, {}, &selection);
    std::vector<std::uint32_t> tops;
    Bytes total;
    for (const DominatorViewRow& row : dominators.rows) {
      if (row.depth != 0) continue;
      tops.push_back(row.object->value);
      total += row.retained;
    }
    EXPECT_EQ(tops, selection.tops);
    EXPECT_EQ(dominators.total, total);
  });
}

// All that the views say, without the scope itself.
std::string everything(const Snapshot& s, const ScopeSelection* scope) {
  std::string out;
  for (const FlameWeight weight : {FlameWeight::kLiveBytes, FlameWeight::kAllocatedBytes, FlameWeight::kFreedBytes, FlameWeight::kRetainedBytes})
    out += jsonOf(s, computeFlameGraph(s, weight, {}, scope));
  out += jsonOf(s, Histogram{computeHistogram(s, {}, scope), 0});
  for (const bool byType : {false, true}) {
    DominatorViewOptions options;
    options.byType = byType;
    options.top = 50;
    DominatorView dominators = computeDominatorView(s, options, {}, scope);
    dominators.scope = nullptr;
    out += jsonOf(s, dominators, options);
  }
  SitesReport sites;
  sites.sites = computeSites(s, {}, true, scope);
  sites.top = 1'000'000;
  out += jsonOf(s, sites);
  sites.stacks = computeStacks(s, {}, scope);
  sites.byStack = true;
  out += jsonOf(s, sites);
  out += jsonOf(s, GenerationsReport{computeGenerations(s, {}, scope), 1'000'000});
  for (const AgeRow& row : computeAges(s, scope)) out += std::to_string(row.objects) + ' ' + std::to_string(row.shallow.value) + '\n';
  return out;
}

// Every value of every kind that has a table: no condition leaves anything out.
Scope scopeOfAll(const Snapshot& s) {
  Scope scope;
  for (std::uint32_t i = 0; i < s.types().size(); ++i) scope = scope.with(ScopePart::type(TypeIndex(i)));
  for (std::uint32_t i = 0; i < s.sites().size(); ++i) scope = scope.with(ScopePart::site(SiteIndex(i)));
  for (std::uint32_t i = 0; i < s.arenas().size(); ++i) scope = scope.with(ScopePart::arena(i));
  return scope.with(ScopePart::ages(0, 3)).with(ScopePart::ages(4, 7));
}

TEST(Scope, OfEverythingIsNoScope) {
  const std::uint64_t first = test::seedFromEnvironment();
  for (std::uint64_t seed = first; seed < first + 5; ++seed) {
    SCOPED_TRACE("OPENCLAW_SEED=" + std::to_string(seed));
    const auto s = loaded(BlockHeap(seed, 8).encode());
    const ScopeSelection all = computeScope(*s, scopeOfAll(*s));
    EXPECT_EQ(all.objects, s->objectCount());
    EXPECT_TRUE(all.churnKnown && all.deadKnown);
    EXPECT_EQ(everything(*s, &all), everything(*s, nullptr));
    const ScopeSelection none = computeScope(*s, {});
    EXPECT_EQ(none.objects, s->objectCount());
    EXPECT_EQ(everything(*s, &none), everything(*s, nullptr));
  }
  // A heap with pauses, counters and dead objects.
  const auto small = loaded(SmallHeap().encode());
  const ScopeSelection all = computeScope(*small, scopeOfAll(*small));
  EXPECT_EQ(everything(*small, &all), everything(*small, nullptr));
  EXPECT_EQ(all.retained, computeDominatorView(*small, {}).total);
}

TEST(Scope, AndItsComplementAreTheWhole) {
  const std::uint64_t seed = test::seedFromEnvironment();
  SCOPED_TRACE("OPENCLAW_SEED=" + std::to_string(seed));
  const auto s = loaded(BlockHeap(seed, 8).encode());
  const auto complement = [&](ScopeKind kind, std::uint32_t rows, const Scope& scope) {
    Scope rest;
    for (std::uint32_t i = 0; i < rows; ++i) {
      const ScopePart part{kind, i, kind == ScopeKind::kAge ? i : 0};
      if (std::ranges::find(scope.parts, part) == scope.parts.end()) rest = rest.with(part);
    }
    return rest;
  };
  const struct {
    ScopeKind kind;
    std::uint32_t rows;
    Scope scope;
  } cases[] = {{ScopeKind::kType, static_cast<std::uint32_t>(s->types().size()), Scope{{ScopePart::type(TypeIndex(1)), ScopePart::type(TypeIndex(3))}}},
               {ScopeKind::kSite, static_cast<std::uint32_t>(s->sites().size()), Scope{{ScopePart::site(SiteIndex(0)), ScopePart::site(SiteIndex(2))}}},
               {ScopeKind::kAge, 8, Scope{{ScopePart::ages(0, 0), ScopePart::ages(5, 5)}}}};
  for (const auto& one : cases) {
    SCOPED_TRACE(toText(one.kind));
    const ScopeSelection a = computeScope(*s, one.scope), b = computeScope(*s, complement(one.kind, one.rows, one.scope));
    EXPECT_GT(a.objects, 0u);
    EXPECT_GT(b.objects, 0u);
    EXPECT_EQ(a.objects + b.objects, s->objectCount());
    EXPECT_EQ(a.bytes + b.bytes, a.allBytes);
    const auto sums = [&](const ScopeSelection* scope) {
      std::map<std::string, std::uint64_t> out;
      for (const HistogramRow& row : computeHistogram(*s, {}, scope)) {
        out["objects of type " + std::to_string(row.type.value)] += row.objects;
        out["bytes of type " + std::to_string(row.type.value)] += row.shallow.value;
      }
      for (const SiteRow& row : computeSites(*s, {}, false, scope)) out["bytes of site " + std::to_string(row.site.value)] += row.shallow.value;
      out["live of the flame graph"] += computeFlameGraph(*s, FlameWeight::kLiveBytes, {}, scope).nodes.front().total;
      const GenerationsView generations = computeGenerations(*s, {}, scope);
      for (std::size_t age = 0; age < 8; ++age) out["bytes of age " + std::to_string(age)] += generations.ages[age].bytes.value;
      return out;
    };
    std::map<std::string, std::uint64_t> together = sums(&a), rest = sums(&b), whole = sums(nullptr);
    for (const auto& [name, value] : rest) together[name] += value;
    EXPECT_EQ(together, whole);
  }
}

TEST(Scope, OfSitesKnowsWhatTheyAllocatedAndAnyOtherDoesNot) {
  const auto s = loaded(BlockHeap(test::seedFromEnvironment(), 8).encode());
  const ScopeSelection site = computeScope(*s, Scope{{ScopePart::site(SiteIndex(2))}});
  const auto rows = computeSites(*s, {}, true, &site), all = computeSites(*s, {}, true);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].churn.allocatedBytes, Bytes(1'000'000'000));  // as the process counted
  const auto same = std::ranges::find(all, SiteIndex(2), &SiteRow::site);
  EXPECT_EQ(rows[0].churn.freedBytes, same->churn.freedBytes);
  EXPECT_FALSE(computeFlameGraph(*s, FlameWeight::kFreedBytes, {}, &site).empty());

  const ScopeSelection type = computeScope(*s, Scope{{ScopePart::type(TypeIndex(1))}});
  for (const SiteRow& row : computeSites(*s, {}, true, &type)) EXPECT_EQ(row.churn.allocatedBytes, row.shallow);
  const FlameGraph freed = computeFlameGraph(*s, FlameWeight::kFreedBytes, {}, &type);
  EXPECT_TRUE(freed.empty());
  EXPECT_NE(freed.note.find("not known"), std::string::npos);
  EXPECT_FALSE(computeFlameGraph(*s, FlameWeight::kRetainedBytes, {}, &type).empty());
}

TEST(Scope, GenerationsOfAScopeShowNoCohortsOfTheProcess) {
  const auto s = loaded(SmallHeap().encode());
  const GenerationsView whole = computeGenerations(*s);
  ASSERT_TRUE(std::ranges::any_of(whole.ages, [](const GenerationRow& row) { return row.survival.has_value(); }));
  const ScopeSelection selection = computeScope(*s, Scope{{ScopePart::type(s->type(ObjectIndex(SmallHeap::kSessionA)))}});
  const GenerationsView view = computeGenerations(*s, {}, &selection);
  for (const GenerationRow& row : view.ages) EXPECT_FALSE(row.allocated || row.survival || row.step);
  EXPECT_FALSE(view.allocatedTotal || view.freedTotal);
  EXPECT_EQ(view.collections, whole.collections);
  // Dead objects are counted by type: of another type, none.
  EXPECT_TRUE(view.deadKnown);
  EXPECT_LT(view.dead, whole.dead);
}

TEST(Scope, PartsAreAddedReplacedAndTakenAway) {
  const ScopePart a = ScopePart::type(TypeIndex(1)), b = ScopePart::type(TypeIndex(2)), age = ScopePart::ages(2, 7);
  const ScopePart first = ScopePart::retainedBy(ObjectIndex(5)), second = ScopePart::retainedBy(ObjectIndex(6));
  EXPECT_EQ(Scope{}.with(a).with(age).with(a), (Scope{{a, age}}));
  EXPECT_EQ(Scope{}.with(a).with(age).only(b), (Scope{{age, b}}));
  EXPECT_EQ(Scope{}.with(first).with(second), Scope{{second}});
  EXPECT_EQ(Scope{}.with(a).with(b).without(a), Scope{{b}});
  EXPECT_TRUE(Scope{}.with(a).without(a).empty());
  EXPECT_TRUE(Scope{}.with(age).has(ScopeKind::kAge));
  EXPECT_FALSE(Scope{}.with(age).has(ScopeKind::kType));
}

TEST(ScopeWords, MeanWhatReportsPrint) {
  const auto s = loaded(SmallHeap().encode());
  const std::string type = s->types()[s->type(ObjectIndex(SmallHeap::kSessionA))].name;
  const std::string arena = s->arenas().front().ownedName;
  ScopeWords words;
  for (const std::string& word : {"type=" + type, "arena=" + arena, std::string("age=2-5"), std::string("age=7"), std::string("retained-by=0x7f31c2000008")})
    ASSERT_TRUE(addScopeWord(words, word).has_value()) << word;
  const Result<Scope> scope = resolveScope(*s, words);
  ASSERT_TRUE(scope.has_value()) << scope.error().what;
  EXPECT_EQ(*scope, (Scope{{ScopePart::type(s->type(ObjectIndex(SmallHeap::kSessionA))), ScopePart::arena(0), ScopePart::ages(2, 5), ScopePart::ages(7, 7),
                            ScopePart::retainedBy(ObjectIndex(SmallHeap::kServer))}}));
  EXPECT_EQ(labelOf(*s, *scope), "type " + type + ", arena " + arena + ", age 2 to 5 or age ≥ 7, retained by Server 0x7f31c2000008");
  EXPECT_EQ(labelOf(*s, Scope{}), "the whole dump");
}

TEST(ScopeWords, ThatMeanNothingNameWhatIsNear) {
  const auto s = loaded(SmallHeap().encode());
  const auto problem = [&](const std::string& word) -> std::string {
    ScopeWords words;
    if (const auto added = addScopeWord(words, word); !added) return added.error().what;
    const Result<Scope> scope = resolveScope(*s, words);
    return scope ? "" : scope.error().what;
  };
  EXPECT_NE(problem("type=session").find("near: Session"), std::string::npos) << problem("type=session");
  EXPECT_NE(problem("type=Sesion").find("near: Session"), std::string::npos) << problem("type=Sesion");
  EXPECT_NE(problem("type=zzzzzzzzzzzzzz").find("histogram lists them"), std::string::npos);
  EXPECT_EQ(problem("type=zzzzzzzzzzzzzz").find("near"), std::string::npos);
  EXPECT_NE(problem("site=nowhere.cc:1").find("no site"), std::string::npos);
  EXPECT_NE(problem("arena=nowhere").find("there are"), std::string::npos);
  for (const char* age : {"age=8", "age=5-2", "age=x", "age=1-", "age=-1"}) EXPECT_NE(problem(age).find("is no age"), std::string::npos) << age;
  EXPECT_NE(problem("retained-by=17").find("no object at"), std::string::npos);
  EXPECT_NE(problem("retained-by=server").find("is no address"), std::string::npos);
  const std::string garbage = toText(s->address(ObjectIndex(SmallHeap::kGarbage)));
  EXPECT_NE(problem("retained-by=" + garbage).find("retains nothing"), std::string::npos);
  for (const char* word : {"colour=red", "type", "type="}) EXPECT_NE(problem(word).find("is no scope"), std::string::npos) << word;
}

TEST(Scope, OfAStoppedComputationSelectsNothing) {
  const auto s = loaded(SmallHeap().encode());
  std::stop_source stop;
  stop.request_stop();
  const ScopeSelection selection = computeScope(*s, Scope{{ScopePart::ages(0, 7)}}, stop.get_token());
  EXPECT_EQ(selection.objects, 0u);
  forEachObject(*s, [&](ObjectIndex o) { EXPECT_FALSE(selection.contains(o)); });
}

TEST(Scope, OfALongChainIsFoundWithoutRecursion) {
  // A list of a hundred thousand nodes, every second one of another type.
  std::string text = "root->n0";
  constexpr int kNodes = 100'000;
  for (int i = 0; i < kNodes; ++i) text += "; n" + std::to_string(i) + (i % 2 == 0 ? ":Even" : ":Odd") + (i + 1 < kNodes ? "->n" + std::to_string(i + 1) : "");
  const auto s = loaded(test::dumpOf(text));
  const auto type = s->type(ObjectIndex(1));
  const ScopeSelection selection = computeScope(*s, Scope{{ScopePart::type(type), ScopePart::retainedBy(ObjectIndex(50'000))}});
  EXPECT_EQ(selection.objects, 25'000u);
  EXPECT_EQ(selection.tops, std::vector<std::uint32_t>{50'001});
  EXPECT_EQ(selection.retained, s->retained(ObjectIndex(50'001)));
}

}  // namespace
}  // namespace openclaw
