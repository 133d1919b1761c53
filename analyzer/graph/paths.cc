#include "analyzer/graph/paths.h"

#include "analyzer/buffer.h"
#include "analyzer/graph/edge_table.h"

namespace openclaw {
namespace {

// The first slot of `source` that keeps `target` alive.
std::optional<std::uint32_t> slotThatKeeps(const Snapshot& snapshot, ObjectIndex source, ObjectIndex target) {
  for (EdgeCursor edge = snapshot.edgesFrom(source); edge; edge.next())
    if (edge.target() == target && keepsAlive(snapshot.strengthOf(source, edge.slot()))) return edge.slot();
  return std::nullopt;
}

}  // namespace

std::vector<PathStep> findPathToRoot(const Snapshot& snapshot, ObjectIndex object, std::stop_token stop) {
  if (!snapshot.reachable(object)) return {};
  Buffer<std::uint32_t> towards(
      snapshot.objectCount());  // the next object on the way to `object`, + 1; 0 = not seen
  std::vector<std::uint32_t> wave{object.value}, next;
  towards[object.value] = object.value + 1;
  while (!wave.empty()) {
    for (const std::uint32_t reached : wave) {
      if (stop.stop_requested()) return {};
      if (snapshot.isRoot(ObjectIndex(reached))) {
        std::vector<PathStep> path{{ObjectIndex(reached), 0}};
        for (std::uint32_t at = reached; at != object.value;) {
          const ObjectIndex source(at);
          at = towards[at] - 1;
          path.push_back({ObjectIndex(at), slotThatKeeps(snapshot, source, ObjectIndex(at)).value_or(0)});
        }
        return path;
      }
      std::uint32_t last = 0xffff'ffffu;
      for (EdgeCursor edge = snapshot.edgesTo(ObjectIndex(reached)); edge; edge.next()) {
        const std::uint32_t source = edge.target().value;
        if (source == last || towards[source] != 0 || !snapshot.reachable(edge.target())) continue;
        last = source;
        if (!slotThatKeeps(snapshot, edge.target(), ObjectIndex(reached))) continue;
        towards[source] = reached + 1;
        next.push_back(source);
      }
    }
    wave.swap(next);
    next.clear();
  }
  return {};
}

}  // namespace openclaw
