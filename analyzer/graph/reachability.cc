#include "analyzer/graph/reachability.h"

#include "analyzer/graph/depth_first.h"

namespace openclaw {

Buffer<std::uint8_t> computeReachability(const EdgeTable& edges, std::span<const std::uint32_t> roots,
                                         const Work& work) {
  const std::size_t objects = edges.objectCount();
  const DepthFirstOrder order = numberDepthFirst(edges, roots, work);
  Buffer<std::uint8_t> reachable(objects);
  for (std::size_t object = 0; object < objects; ++object) reachable[object] = order.number[object] != 0;
  return reachable;
}

}  // namespace openclaw
