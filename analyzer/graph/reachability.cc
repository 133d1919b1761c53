#include "analyzer/graph/reachability.h"

#include "analyzer/graph/depth_first.h"

namespace openclaw {

Buffer<std::uint8_t> computeReachability(const EdgeTable& edges, std::span<const std::uint32_t> roots,
                                         const Work& work) {
  const std::size_t objects = edges.objectCount();
  DepthFirstOrder order{.number = Buffer<std::uint32_t>(objects),
                        .object = Buffer<std::uint32_t>(objects + 1),
                        .parent = Buffer<std::uint32_t>(objects + 1)};
  Buffer<std::uint32_t> resume(objects + 1);
  numberDepthFirst(edges, roots, work, order, resume, [](std::uint32_t, std::uint32_t) {});
  Buffer<std::uint8_t> reachable(objects);
  for (std::size_t object = 0; object < objects; ++object) reachable[object] = order.number[object] != 0;
  return reachable;
}

}  // namespace openclaw
