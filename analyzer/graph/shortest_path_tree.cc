#include "analyzer/graph/shortest_path_tree.h"

#include "analyzer/graph/edge_table.h"
#include "analyzer/snapshot_state.h"

namespace openclaw {

ShortestPathTree::ShortestPathTree(const Snapshot& snapshot, const std::stop_token& stop)
    : objects_(snapshot.objectCount()), parents_(snapshot.objectCount()), firstChildren_(snapshot.objectCount()) {
  const EdgeTable& edges = SnapshotBuilder::stateOf(snapshot).edges;
  Buffer<std::uint8_t> seen(snapshot.objectCount());
  for (const RootInfo& root : snapshot.roots()) {
    if (seen[root.object.value]) continue;
    seen[root.object.value] = 1;
    objects_[size_++] = root.object.value;
  }
  rootHeld_ = size_;
  for (std::uint32_t place = 0; place < size_; ++place) {
    if ((place & 0xffff) == 0 && stop.stop_requested()) {
      size_ = rootHeld_ = 0;
      return;
    }
    firstChildren_[place] = size_;
    const std::uint32_t object = objects_[place];
    const bool all = edges.allKeepAlive(object);
    for (EdgeCursor edge = snapshot.edgesFrom(ObjectIndex(object)); edge; edge.next()) {
      const std::uint32_t target = edge.target().value;
      if (seen[target]) continue;
      if (!all && !keepsAlive(snapshot.strengthOf(ObjectIndex(object), edge))) continue;
      seen[target] = 1;
      parents_[size_] = place + 1;
      objects_[size_++] = target;
    }
  }
}

}  // namespace openclaw
