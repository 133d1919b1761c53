// Sites, stacks and flame graphs: who allocated, split over sampled stacks, adding up.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <sstream>

#include "analyzer/report/view_reports.h"
#include "analyzer/views/flame.h"
#include "analyzer/views/sites.h"
#include "tests/analyzer/block_heap.h"
#include "tests/analyzer/small_heap.h"
#include "tests/support/dump_model.h"
#include "tests/support/seed.h"

namespace openclaw {
namespace {

using test::BlockHeap;

constexpr FlameWeight kWeights[] = {FlameWeight::kLiveBytes, FlameWeight::kAllocatedBytes, FlameWeight::kFreedBytes, FlameWeight::kRetainedBytes};

std::shared_ptr<const Snapshot> loaded(std::span<const std::byte> bytes) {
  auto snapshot = loadSnapshot(bytes, "folder/churn.bin", {.threads = 1, .dominators = true});
  EXPECT_TRUE(snapshot.has_value());
  return *snapshot;
}

template <class Check>
void onRandomHeaps(Check check) {
  const std::uint64_t first = test::seedFromEnvironment();
  for (std::uint64_t seed = first; seed < first + 5; ++seed) {
    SCOPED_TRACE("OPENCLAW_SEED=" + std::to_string(seed));
    const BlockHeap heap(seed, 10);
    check(*loaded(heap.encode()));
    if (testing::Test::HasFailure()) return;
  }
}

TEST(SplitInProportion, PartsSumToTheWholeAndFollowTheWeights) {
  const std::uint64_t seed = test::seedFromEnvironment();
  SCOPED_TRACE("OPENCLAW_SEED=" + std::to_string(seed));
  test::Random random(seed);
  for (int round = 0; round < 500; ++round) {
    std::vector<double> weights;
    for (std::uint64_t i = random.below(9); i > 0; --i) weights.push_back(random.oneIn(4) ? 0 : static_cast<double>(random.below(1 << 20)) + 0.5);
    const std::uint64_t whole = random.next() >> random.below(60);
    const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
    const auto parts = splitInProportion(whole, weights);
    ASSERT_EQ(parts.size(), weights.size());
    EXPECT_EQ(std::accumulate(parts.begin(), parts.end(), std::uint64_t{0}), total > 0 ? whole : 0);
    for (std::size_t i = 0; i < parts.size(); ++i)
      if (total > 0) {
        EXPECT_NEAR(static_cast<double>(parts[i]), static_cast<double>(whole) * (weights[i] / total), 2 + 1e-9 * static_cast<double>(whole));
        if (weights[i] == 0) {
          EXPECT_EQ(parts[i], 0u);
        }
      }
  }
}

TEST(Sites, AllocatedIsAlwaysLivePlusFreed) {
  onRandomHeaps([](const Snapshot& s) {
    bool counted = false, sampled = false;
    for (const SiteRow& row : computeSites(s, {}, true)) {
      EXPECT_EQ(row.churn.allocatedBytes, row.shallow + row.churn.freedBytes);
      EXPECT_EQ(row.churn.allocatedObjects, row.objects + row.churn.freedObjects);
      EXPECT_EQ(std::accumulate(row.objectsByAge.begin(), row.objectsByAge.end(), std::uint64_t{0}), row.objects);
      if (row.site == SiteIndex(2)) {  // the process counted this one
        EXPECT_EQ(row.churn.allocatedBytes, Bytes(1'000'000'000));
        EXPECT_EQ(row.churn.allocatedCertainty, Certainty::kExact);
        counted = true;
      } else {
        EXPECT_NE(row.churn.allocatedCertainty, Certainty::kExact);
      }
      sampled |= row.churn.allocatedCertainty == Certainty::kSampled;
    }
    EXPECT_TRUE(counted);
    EXPECT_TRUE(sampled);
  });
}

TEST(Sites, ACountBelowWhatIsThereIsALowerBound) {
  // The small heap's start site says 2 objects were ever made there; make its certainty wrong by adding a third.
  test::SmallHeap heap;
  heap.objects[test::SmallHeap::kSessionC].site = 1;
  const auto s = loaded(heap.encode());
  for (const SiteRow& row : computeSites(*s)) {
    if (row.site != SiteIndex(1)) continue;
    EXPECT_EQ(row.objects, 3u);
    EXPECT_EQ(row.churn.allocatedObjects, 3u);
    EXPECT_EQ(row.churn.allocatedCertainty, Certainty::kLowerBound);
    EXPECT_EQ(row.survival(), std::nullopt);
  }
}

TEST(Stacks, OfASiteShareItsExactLiveBytes) {
  onRandomHeaps([](const Snapshot& s) {
    std::map<std::uint32_t, Bytes> live;
    std::map<std::uint32_t, std::uint64_t> objects, sampledObjects;
    for (const StackRow& row : computeStacks(s)) {
      live[row.site.value] += row.liveBytes;
      objects[row.site.value] += row.liveObjects;
      sampledObjects[row.site.value] += row.sampledObjects;
      EXPECT_EQ(row.sampledObjects == 0, row.liveBytes.value == 0);
    }
    for (const SiteRow& row : computeSites(s)) {
      if (sampledObjects[row.site.value] == 0) continue;
      EXPECT_EQ(live[row.site.value], row.shallow);
      EXPECT_EQ(objects[row.site.value], row.objects);
    }
  });
}

TEST(SampleWeight, StandsForTheMeanIntervalWhenSmallAndForItselfWhenLarge) {
  EXPECT_NEAR(sampleWeight(64, 512 << 10) * 64, 512 << 10, 64);
  EXPECT_NEAR(sampleWeight(64 << 20, 512 << 10), 1, 1e-9);
  EXPECT_EQ(sampleWeight(100, 0), 1);
}

TEST(Flame, TotalsAreTheSumsOfSites) {
  onRandomHeaps([](const Snapshot& s) {
    std::uint64_t live = 0, allocated = 0, freed = 0, withoutSamples = 0;
    std::map<std::uint32_t, std::uint64_t> sampledBytes;
    for (const StackRow& row : computeStacks(s)) sampledBytes[row.site.value] += row.sampledBytes.value;
    for (const SiteRow& row : computeSites(s, {}, true)) {
      live += row.shallow.value;
      allocated += row.churn.allocatedBytes.value;
      freed += row.churn.freedBytes.value;
      if (sampledBytes[row.site.value] == 0) withoutSamples += row.shallow.value;
    }
    const FlameGraph flame = computeFlameGraph(s, FlameWeight::kLiveBytes);
    EXPECT_EQ(flame.nodes.front().total, live);
    EXPECT_EQ(flame.totalCertainty, Certainty::kExact);
    EXPECT_EQ(flame.withoutStack, withoutSamples);
    EXPECT_EQ(computeFlameGraph(s, FlameWeight::kAllocatedBytes).nodes.front().total, allocated);
    EXPECT_EQ(computeFlameGraph(s, FlameWeight::kFreedBytes).nodes.front().total, freed);
  });
}

TEST(Flame, RetainedCountsWhatNoOtherObjectOfTheSiteDominates) {
  onRandomHeaps([](const Snapshot& s) {
    std::uint64_t naive = 0;
    for (std::uint32_t i = 0; i < s.objectCount(); ++i) {
      const ObjectIndex object(i);
      bool top = s.reachable(object);
      for (auto above = s.dominator(object); above && top; above = s.dominator(*above)) top = s.site(*above) != s.site(object);
      if (top) naive += s.retained(object).value;
    }
    const FlameGraph flame = computeFlameGraph(s, FlameWeight::kRetainedBytes);
    EXPECT_EQ(flame.nodes.front().total, naive);
    EXPECT_EQ(flame.totalCertainty, Certainty::kLowerBound);
  });
}

TEST(Flame, EveryNodeIsItselfAndItsChildren) {
  onRandomHeaps([](const Snapshot& s) {
    for (const FlameWeight weight : kWeights) {
      const FlameGraph flame = computeFlameGraph(s, weight);
      std::uint32_t deepest = 0;
      for (std::uint32_t i = 0; i < flame.nodes.size(); ++i) {
        const FlameNode& node = flame.nodes[i];
        std::uint64_t sum = node.self, before = ~std::uint64_t{0};
        for (const std::uint32_t child : flame.children(i)) {
          EXPECT_EQ(flame.nodes[child].parent, i);
          EXPECT_EQ(flame.nodes[child].depth, node.depth + 1);
          EXPECT_GT(child, i);
          EXPECT_LE(flame.nodes[child].total, before);
          before = flame.nodes[child].total;
          sum += before;
        }
        EXPECT_EQ(node.total, sum);
        EXPECT_NE(node.total, 0u);
        deepest = std::max(deepest, node.depth);
      }
      EXPECT_EQ(flame.deepest, deepest);
      EXPECT_EQ(flame.names.size(), flame.places.size());
    }
  });
}

// Reads folded text as flame graph tools do: frames parted by ';', the weight behind the last space.
TEST(Flame, FoldedTextReadsBackToTheSameTree) {
  onRandomHeaps([](const Snapshot& s) {
    for (const FlameWeight weight : kWeights) {
      const FlameGraph flame = computeFlameGraph(s, weight);
      std::map<std::string, std::uint64_t> totals, expected;
      std::uint64_t all = 0;
      std::istringstream text(foldedText(flame));
      for (std::string line; std::getline(text, line);) {
        const std::size_t space = line.rfind(' ');
        ASSERT_NE(space, std::string::npos) << line;
        const std::uint64_t bytes = std::stoull(line.substr(space + 1));
        all += bytes;
        std::string prefix;
        std::istringstream frames(line.substr(0, space));
        for (std::string frame; std::getline(frames, frame, ';');) {
          prefix += ";" + frame;
          totals[prefix] += bytes;
        }
      }
      EXPECT_EQ(all, flame.nodes.front().total);
      std::vector<std::string> path(flame.nodes.size());
      for (std::uint32_t i = 1; i < flame.nodes.size(); ++i) {
        std::string name = flame.name(i);
        std::ranges::replace(name, ';', ':');
        path[i] = path[flame.nodes[i].parent] + ";" + name;
        expected[path[i]] += flame.nodes[i].total;
      }
      EXPECT_EQ(totals, expected);
    }
  });
}

TEST(Flame, InlinedFramesStandBelowTheirCallers) {
  const auto s = loaded(test::SmallHeap().encode());
  const FlameGraph flame = computeFlameGraph(*s, FlameWeight::kLiveBytes);
  for (std::uint32_t i = 1; i < flame.nodes.size(); ++i)
    if (flame.name(i) == "makeSession") {
      EXPECT_TRUE(flame.nodes[i].inlined);
      EXPECT_EQ(flame.name(flame.nodes[i].parent), "openSession");
      EXPECT_EQ(flame.place(i), "src/session.h:9");
      EXPECT_EQ(flame.nodes[i].self, 3u * 96);  // all of the site: its only sampled stack stands for it
      return;
    }
  FAIL() << "no frame makeSession";
}

TEST(Flame, SvgHasAFrameForEveryNodeOrCountsIt) {
  onRandomHeaps([](const Snapshot& s) {
    const FlameGraph flame = computeFlameGraph(s, FlameWeight::kAllocatedBytes);
    const std::string svg = flameSvg(s, flame);
    std::size_t titles = 0;
    for (std::size_t at = svg.find("<title>"); at != std::string::npos; at = svg.find("<title>", at + 1)) ++titles;
    std::uint64_t narrow = 0;
    for (const FlameNode& node : flame.nodes) narrow += 1180.0 * static_cast<double>(node.total) / static_cast<double>(flame.nodes.front().total) < 1.0 / 3;
    EXPECT_EQ(titles + narrow, flame.nodes.size());
    EXPECT_EQ(svg.find("<script"), std::string::npos);
    EXPECT_EQ(svg.find("<name>"), std::string::npos) << "a function's name was written as markup";
  });
}

TEST(Flame, NamesThatDoNotFitBeginAsTheyDoAndEndInDots) {
  const auto s = loaded(test::dumpOf("root->a", {.metadata = false}));
  FlameGraph flame;
  const std::string latin(400, 'a'), greek = [] {
    std::string text;
    for (int i = 0; i < 400; ++i) text += "λ";
    return text;
  }();
  flame.names = {"all", latin, greek};
  flame.places = {"", "", ""};
  flame.nodes = {{.name = 0, .firstChild = 1, .childCount = 2, .total = 100},
                 {.name = 1, .depth = 1, .self = 50, .total = 50},
                 {.name = 2, .depth = 1, .self = 50, .total = 50}};
  flame.deepest = 1;
  const std::string svg = flameSvg(*s, flame);
  for (const std::string& name : {latin, greek}) {
    std::string label;
    for (std::size_t at = svg.find("<text"); at != std::string::npos; at = svg.find("<text", at + 1)) {
      const std::size_t from = svg.find('>', at) + 1;
      const std::string text = svg.substr(from, svg.find('<', from) - from);
      if (text.starts_with(name.substr(0, 20))) label = text;
    }
    ASSERT_GT(label.size(), 40u);
    EXPECT_TRUE(label.ends_with("..")) << label;
    EXPECT_TRUE(name.starts_with(label.substr(0, label.size() - 2))) << label;
  }
}

TEST(Flame, HtmlStandsAlone) {
  const auto s = loaded(BlockHeap(7, 10).encode());
  std::vector<FlameGraph> flames;
  for (const FlameWeight weight : kWeights) flames.push_back(computeFlameGraph(*s, weight));
  const std::string html = flameHtml(*s, flames);
  for (const char* outside : {"http://", "https://", "src=", "href=", "@import", "url("}) EXPECT_EQ(html.find(outside), std::string::npos) << outside;
  // A function called "</script><b>" must not end the data.
  std::size_t scripts = 0, ends = 0;
  for (std::size_t at = html.find("<script"); at != std::string::npos; at = html.find("<script", at + 1)) ++scripts;
  for (std::size_t at = html.find("</script>"); at != std::string::npos; at = html.find("</script>", at + 1)) ++ends;
  EXPECT_EQ(scripts, 2u);
  EXPECT_EQ(ends, 2u);
  EXPECT_NE(html.find("\\u003c/script>"), std::string::npos);
  for (const FlameWeight weight : kWeights) EXPECT_NE(html.find(toText(weight)), std::string::npos);
}

TEST(Flame, OfADumpWithoutObjectsIsItsRootOnly) {
  const auto s = loaded(test::dumpOf("", {.metadata = false}));
  for (const FlameWeight weight : kWeights) {
    const FlameGraph flame = computeFlameGraph(*s, weight);
    EXPECT_TRUE(flame.empty());
    EXPECT_EQ(flame.nodes.size(), 1u);
    EXPECT_EQ(foldedText(flame), "");
    EXPECT_NE(flameSvg(*s, flame).find("nothing to show"), std::string::npos);
  }
}

}  // namespace
}  // namespace openclaw
