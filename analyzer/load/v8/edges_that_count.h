// Which references of a V8 snapshot keep their target alive, where the roots are and whose bytes are whose, under each policy.
// The rules, with reasons: POLICIES.md.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "analyzer/graph/work.h"
#include "analyzer/load/v8/texts.h"
#include "analyzer/policy.h"

namespace openclaw::v8 {

// Shallow sizes while they still change.
class SizeColumn {
 public:
  SizeColumn() = default;
  explicit SizeColumn(std::size_t expected) : low_(expected) {}
  void push(std::uint64_t size);
  // The first `objects` sizes of those that were expected, written by their numbers, each < kBig.
  std::uint32_t* rows(std::size_t objects) { return low_.rows(objects); }
  static constexpr std::uint32_t kBig = 0xffff'ffffu;
  std::uint64_t operator[](std::uint32_t object) const { return low_[object] == kBig ? big_.at(object) : low_[object]; }
  void set(std::uint32_t object, std::uint64_t size);
  ShallowSizes take();               // empties it

 private:
  Growing<std::uint32_t> low_;
  std::unordered_map<std::uint32_t, std::uint64_t> big_;
};

// The snapshot as it stands in the file. Edge e of object i: first.begin(i) <= e < first.end(i), target slots[e] - 1 (0: lost).
struct Graph {
  std::uint32_t objects = 0, root = 0;
  PagedOffsets first;
  Buffer<std::uint32_t> slots;
  Buffer<std::uint8_t> strengths;    // kStrong, or kWeak as the file says; the functions below write the rest
  AddressColumn ids;
  SizeColumn sizes;
  Buffer<std::uint32_t> types;       // into names.kindOfType
  Names names;

  NodeKind kind(std::uint32_t object) const { return names.kindOfType[types[object]]; }
  std::string_view name(std::uint32_t object) const { return names.strings[names.ofNodes[object]]; }
};

// Makes `strengths` say what counts under `policy`. Under v8-devtools and memlab also moves sizes to owners (the first only)
// and hangs what the root does not reach under it, as these tools do: with references that the file does not have. Returns how
// many those are.
std::uint64_t applyPolicy(Graph& graph, Policy policy, const Work& work);

// Objects that are alive whoever else holds them.
struct GraphRoot {
  std::uint32_t object;
  std::uint32_t category;            // a synthetic node: "(Global handles)"
};
// After applyPolicy. `strict`: V8's categories of roots, and what they hold; the other policies: the root node. Ascending; at
// least one when there are objects.
std::vector<GraphRoot> rootsOf(const Graph& graph, Policy policy);

}  // namespace openclaw::v8
