// Who points to whom: the forward slots turned around by a counting sort.
#pragma once

#include "analyzer/graph/edge_table.h"
#include "analyzer/graph/work.h"

namespace openclaw {

// Every edge, whatever its strength; an object's referrers come in ascending order, once a slot. Throws
// Cancelled, std::length_error. Cost: two passes over the slots by each thread; 4 bytes an object and an
// edge, no scratch.
BackwardEdges computeBackwardEdges(const EdgeTable& edges, const Work& work);

}  // namespace openclaw
