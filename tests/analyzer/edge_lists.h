// Graphs for tests of the algorithms: adjacency lists as an EdgeTable, random ones, and the naive answers.
#pragma once

#include <cstdint>
#include <vector>

#include "analyzer/graph/edge_table.h"
#include "analyzer/graph/work.h"
#include "tests/support/dump_model.h"

namespace openclaw::test {

inline constexpr std::uint32_t kNullSlot = 0xffff'ffffu;

struct EdgeLists {
  std::vector<std::vector<std::uint32_t>> targets;  // by object; kNullSlot = null
  std::vector<std::vector<std::uint8_t>> weak;      // empty, or 1 for slots that do not keep alive
  std::vector<std::uint32_t> roots;
};

// Type 0, whose slots are all strong; weak slots stand in the strengths of the slots.
EdgeTable tableOf(const EdgeLists& lists);
// `edges` edges between `objects` objects, a few roots, null slots, self loops, repeated and weak edges; in half of the graphs the
// first objects are hubs that up to all edges lead to.
EdgeLists randomLists(Random& random, std::uint32_t objects, std::uint32_t edges, bool withWeak);
// Everything reachable when `without` (kNullSlot: nothing) is taken away.
std::vector<std::uint8_t> reachableWithout(const EdgeLists& lists, std::uint32_t without);
// By removing each object in turn: d dominates v when v is lost with d; the immediate one loses the least.
std::vector<std::uint32_t> dominatorsByRemoval(const EdgeLists& lists);
Work plainWork();

}  // namespace openclaw::test
