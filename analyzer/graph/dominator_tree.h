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

// Threads: const from any number. Borrows the snapshot. Memory: 4 bytes an object, and 8 a level while it
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
    const auto push = [&](std::uint32_t group) { open.emplace_back(begin(group), end(group)); };
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
    return dominated_.subspan(begin(g), end(g) - begin(g));
  }
  std::uint32_t begin(std::uint32_t g) const { return g == 0 ? 0 : ends_[g - 1]; }
  std::uint32_t end(std::uint32_t g) const { return ends_[g]; }

  std::uint32_t objects_;
  std::span<const std::uint32_t> dominated_;
  Buffer<std::uint32_t> ends_;  // by group; group `objects_` is the virtual root's
};

}  // namespace openclaw
