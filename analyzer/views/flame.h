// The allocation stacks as one tree, callers above callees, for flame graphs: folded text, SVG, HTML and the window.
//
//   const FlameGraph flame = computeFlameGraph(snapshot, FlameWeight::kLiveBytes);
//   for (std::uint32_t child : flame.children(FlameGraph::kRoot)) draw(flame.name(child), flame.nodes[child].total);
//
// Sampled stacks stand for all allocations of their site: a site's exact weight is split over its stacks in proportion
// to their samples; what has no stack hangs as "[no stack sampled]" → its site. So `total` of the root is exact for live
// bytes, and every split below is an estimate (≈).
#pragma once

#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "analyzer/snapshot.h"
#include "analyzer/views/scope.h"

namespace openclaw {

enum class FlameWeight : std::uint8_t {
  kLiveBytes,
  kAllocatedBytes,  // since the process began
  kFreedBytes,
  kRetainedBytes,   // what the site's objects keep alive; memory kept by several sites together counts nowhere, memory
                    // kept by one through another counts at both, so the whole can exceed the heap
};
const char* toText(FlameWeight weight);  // "live bytes", …

struct FlameNode {
  std::uint32_t name = 0;       // FlameGraph::names
  std::uint32_t parent = 0;
  std::uint32_t firstChild = 0, childCount = 0;  // contiguous in FlameGraph::nodes, by total descending, then name
  std::uint32_t depth = 0;      // root: 0
  std::uint64_t self = 0, total = 0;  // bytes; total = self + totals of the children
  std::uint64_t objects = 0;    // sampled objects or samples below; 0 where only a site is known
  SiteIndex site = SiteIndex::none();      // leaves: the site
  bool inlined = false;
};

// Threads: const from any number. Owns its texts.
struct FlameGraph {
  static constexpr std::uint32_t kRoot = 0;
  FlameWeight weight = FlameWeight::kLiveBytes;
  std::vector<FlameNode> nodes;  // [0] is the root, "all"; parents before children. Never empty
  std::vector<std::string> names;      // functions, "module+0x1234", sites
  std::vector<std::string> places;     // as names: "file.cc:41", or empty
  std::uint32_t deepest = 0;
  std::uint64_t withoutStack = 0;  // of the root's total: no stack was sampled, only the site is known
  Certainty totalCertainty = Certainty::kExact, splitCertainty = Certainty::kSampled;
  std::string note;                // how the weights came about, one sentence
  std::string scope;               // the labels of its scope, empty without
  bool empty() const { return nodes.front().total == 0; }
  const std::string& name(std::uint32_t node) const { return names[nodes[node].name]; }
  const std::string& place(std::uint32_t node) const { return places[nodes[node].name]; }
  // First of `childCount` consecutive indexes.
  struct Range {
    std::uint32_t first, last;
    struct Iterator {
      std::uint32_t at;
      std::uint32_t operator*() const { return at; }
      Iterator& operator++() { ++at; return *this; }
      bool operator!=(Iterator o) const { return at != o.at; }
    };
    Iterator begin() const { return {first}; }
    Iterator end() const { return {last}; }
  };
  Range children(std::uint32_t node) const { return {nodes[node].firstChild, nodes[node].firstChild + nodes[node].childCount}; }
};
// Cost: O(objects + frames of all stacks). The nodes number at most the distinct stack prefixes. Only the root when
// stopped or when nothing is known: what was allocated and freed is counted by site and stack, so for a scope of anything
// but sites it is not known, and the note says so.
FlameGraph computeFlameGraph(const Snapshot& snapshot, FlameWeight weight, std::stop_token stop = {}, const ScopeSelection* scope = nullptr);
// Whether a weight can be had of a scope.
bool knownOf(const ScopeSelection* scope, FlameWeight weight);

}  // namespace openclaw
