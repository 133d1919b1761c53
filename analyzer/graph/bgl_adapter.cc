#include "analyzer/graph/bgl_adapter.h"

#include <boost/graph/compressed_sparse_row_graph.hpp>
#include <utility>

#include "analyzer/graph/dominators.h"
#include "analyzer/graph/reachability.h"

namespace openclaw {
namespace {
using Graph =
    boost::compressed_sparse_row_graph<boost::bidirectionalS, boost::no_property, boost::no_property,
                                       boost::no_property, std::uint32_t, std::uint64_t>;
}  // namespace
}  // namespace openclaw

namespace boost {
// dominator_tree.hpp asks for degree(), which Boost 1.81 does not define for this graph; it must be seen
// before.
inline openclaw::Graph::edges_size_type degree(openclaw::Graph::vertex_descriptor v,
                                               const openclaw::Graph& graph) {
  return in_degree(v, graph) + out_degree(v, graph);
}
}  // namespace boost

#include <boost/graph/dominator_tree.hpp>

namespace openclaw {

std::vector<std::uint32_t> computeDominatorsWithBoost(const EdgeTable& edges,
                                                      std::span<const std::uint32_t> roots) {
  // Vertex 0 is the virtual root, vertex i + 1 is object i.
  const std::uint32_t objects = edges.objectCount();
  std::vector<std::pair<std::uint32_t, std::uint32_t>> list;
  for (const std::uint32_t root : roots) list.emplace_back(0, root + 1);
  // Boost takes a predecessor that the entry does not reach for one numbered 0, the entry itself, and answers
  // wrongly: edges of unreachable objects stay out.
  const Buffer<std::uint8_t> reachable =
      computeReachability(edges, roots, Work{.threads = 1, .stop = {}, .progress = {}});
  for (std::uint32_t source = 0; source < objects; ++source)
    if (reachable[source] != 0)
      for (SlotReader slots = edges.slots(source); slots.next();)
        if (slots.entry() != 0 && edges.keepsAlive(source, slots)) list.emplace_back(source + 1, slots.entry());
  const Graph graph(boost::edges_are_unsorted_multi_pass, list.begin(), list.end(), objects + 1);
  std::vector<std::pair<std::uint32_t, std::uint32_t>>().swap(list);

  const std::uint32_t kNone = boost::graph_traits<Graph>::null_vertex();
  std::vector<std::uint32_t> parent(objects + 1, kNone);
  const auto index = boost::get(boost::vertex_index, graph);
  boost::lengauer_tarjan_dominator_tree(graph, 0u, boost::make_iterator_property_map(parent.begin(), index));
  std::vector<std::uint32_t> dominators(objects);
  for (std::uint32_t object = 0; object < objects; ++object) {
    const std::uint32_t above = parent[object + 1];
    dominators[object] = above == kNone ? kUnreachable : above == 0 ? kRootsOnly : above - 1;
  }
  return dominators;
}

}  // namespace openclaw
