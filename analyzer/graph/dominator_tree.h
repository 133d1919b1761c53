// The dominator tree of a snapshot, walked from the roots down: for views that need every object together
// with what is above it. Snapshot::dominatedBy answers for one object; this is for all of them.
//
//   DominatorTree tree(snapshot);
//   tree.walk([&](std::uint32_t object, unsigned depth) { ... }, [&](std::uint32_t object) { /* left */ });
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "analyzer/graph/dominators.h"
#include "analyzer/snapshot_state.h"

namespace openclaw {

// Threads: const from any number. Borrows the snapshot. Memory: 1.25 bytes an object, and 8 a level while it
// walks.
class DominatorTree {
 public:
  // Cost: one pass over the reached objects.
  explicit DominatorTree(const Snapshot& snapshot);

  // Children of an object, by retained size descending.
  std::span<const std::uint32_t> children(std::uint32_t object) const { return group(object); }
  std::span<const std::uint32_t> top() const { return group(objects_); }

  // enter(object, depth) before everything below it, 0 = under the roots; it answers whether to go below.
  // leave(object) after. Cost: O(objects visited).
  template <class Enter, class Leave>
  void walk(Enter enter, Leave leave) const {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> open;  // positions: next, end
    const auto push = [&](std::uint32_t group) {
      const std::uint32_t first = begin(group);
      open.emplace_back(first, first + count(group));
    };
    push(objects_);
    std::vector<std::uint32_t> path;
    for (;;) {
      auto& [next, last] = open.back();
      if (next == last) {
        open.pop_back();
        if (path.empty()) return;
        leave(path.back());
        path.pop_back();
        continue;
      }
      const std::uint32_t object = dominated_[next++];
      if (!enter(object, static_cast<unsigned>(path.size()))) {
        leave(object);
        continue;
      }
      path.push_back(object);
      push(object);
    }
  }

 private:
  std::span<const std::uint32_t> group(std::uint32_t g) const {
    return dominated_.subspan(begin(g), count(g));
  }
  // As many children as fit a byte, or kMany: then the number stands in many_.
  static constexpr std::uint8_t kMany = 0xff;
  static constexpr unsigned kBlockShift = 4;
  std::uint32_t count(std::uint32_t g) const { return counts_[g] != kMany ? counts_[g] : countOfMany(g); }
  std::uint32_t countOfMany(std::uint32_t g) const;
  std::uint32_t begin(std::uint32_t g) const {
    std::uint32_t at = blocks_[g >> kBlockShift];
    for (std::uint32_t before = g & ~((1u << kBlockShift) - 1); before < g; ++before) at += count(before);
    return at;
  }

  std::uint32_t objects_;
  std::span<const std::uint32_t> dominated_;
  Buffer<std::uint8_t> counts_;   // by group; group `objects_` is the virtual root's
  Buffer<std::uint32_t> blocks_;  // where every sixteenth group begins
  std::vector<std::pair<std::uint32_t, std::uint32_t>> many_;  // group, children; ascending
};

}  // namespace openclaw
