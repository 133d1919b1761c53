// Boost.Graph over the reference graph: the only place that knows Boost. Used where its algorithms are the
// right tool or the second opinion; the hot paths are ours.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "analyzer/graph/edge_table.h"

namespace openclaw {

// Immediate dominators by Boost's Lengauer-Tarjan, coded as in dominators.h (kRootsOnly, kUnreachable): the
// oracle of the semi-NCA here. Cost: about 2 to 5 µs and 770 bytes an object at 3 references.
std::vector<std::uint32_t> computeDominatorsWithBoost(const EdgeTable& edges,
                                                      std::span<const std::uint32_t> roots);

}  // namespace openclaw
