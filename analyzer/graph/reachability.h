// Which objects the roots keep alive, without dominators: enough for a histogram.
#pragma once

#include <cstdint>
#include <span>

#include "analyzer/graph/edge_table.h"
#include "analyzer/graph/work.h"

namespace openclaw {

// One byte an object, 1 = reachable. Throws Cancelled. Cost: O(objects + slots); 17 bytes an object while it
// runs.
Buffer<std::uint8_t> computeReachability(const EdgeTable& edges, std::span<const std::uint32_t> roots,
                                         const Work& work);

}  // namespace openclaw
