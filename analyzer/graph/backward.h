// Who points to whom: the forward slots turned around.
#pragma once

#include "analyzer/graph/edge_table.h"
#include "analyzer/graph/work.h"

namespace openclaw {

// Every edge, whatever its strength; an object's referrers come in ascending order, once a slot. `edgeCount`: slots that are
// not null, at least. Throws Cancelled, std::bad_alloc. Cost: two passes over the slots; about 2 bytes an edge beside the
// result.
BackwardEdges computeBackwardEdges(const EdgeTable& edges, std::uint64_t edgeCount, const Work& work);

}  // namespace openclaw
