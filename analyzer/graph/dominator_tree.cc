#include "analyzer/graph/dominator_tree.h"

#include <algorithm>

namespace openclaw {

DominatorTree::DominatorTree(const Snapshot& snapshot)
    : objects_(snapshot.objectCount()),
      dominated_(SnapshotBuilder::stateOf(snapshot).dominated.span()),
      counts_(std::size_t{objects_} + 1),
      blocks_((std::size_t{objects_} >> kBlockShift) + 1) {
  const Buffer<std::uint32_t>& dominator = SnapshotBuilder::stateOf(snapshot).dominator;
  const auto groupAt = [&](std::size_t position) {
    return std::min(dominator[dominated_[position]], objects_);  // the virtual root's group is the last
  };
  std::size_t block = 0;
  for (std::size_t begin = 0, end; begin < dominated_.size(); begin = end) {
    const std::uint32_t group = groupAt(begin);
    for (end = begin + 1; end < dominated_.size() && groupAt(end) == group;) ++end;
    while (block <= group >> kBlockShift) blocks_[block++] = static_cast<std::uint32_t>(begin);
    const std::size_t count = end - begin;
    counts_[group] = static_cast<std::uint8_t>(std::min<std::size_t>(count, kMany));
    if (count >= kMany) many_.emplace_back(group, static_cast<std::uint32_t>(count));
  }
  while (block < blocks_.size()) blocks_[block++] = static_cast<std::uint32_t>(dominated_.size());
}

std::uint32_t DominatorTree::countOfMany(std::uint32_t g) const {
  const auto at = std::lower_bound(many_.begin(), many_.end(), g, [](const auto& row, std::uint32_t wanted) { return row.first < wanted; });
  return at->second;
}

}  // namespace openclaw
