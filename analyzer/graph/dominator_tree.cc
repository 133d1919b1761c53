#include "analyzer/graph/dominator_tree.h"

#include <algorithm>

namespace openclaw {

DominatorTree::DominatorTree(const Snapshot& snapshot)
    : objects_(snapshot.objectCount()),
      dominated_(SnapshotBuilder::stateOf(snapshot).dominated.span()),
      ends_(std::size_t{objects_} + 1) {
  const Buffer<std::uint32_t>& dominator = SnapshotBuilder::stateOf(snapshot).dominator;
  std::uint32_t group = 0, position = 0;
  for (const std::uint32_t object : dominated_) {
    const std::uint32_t own = std::min(dominator[object], objects_);  // the virtual root's group is the last
    while (group < own) ends_[group++] = position;
    ++position;
  }
  while (group <= objects_) ends_[group++] = position;
}

}  // namespace openclaw
