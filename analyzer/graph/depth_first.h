// Depth-first numbering of everything the roots keep alive: the order in which dominators and retained sizes
// walk, and by itself the answer to "is it reachable?". Iterative; a list of a million objects costs no
// stack.
//
//   number 0 = the virtual root over all roots (and, in `number`, "not reached"); reached objects are 1 ..
//   reached. Invariant: parent[w] < w, and an edge v -> w with v < w starts at an ancestor of w.
#pragma once

#include <cstdint>
#include <span>

#include "analyzer/graph/edge_table.h"
#include "analyzer/graph/work.h"

namespace openclaw {

struct DepthFirstOrder {
  Buffer<std::uint32_t> number;  // object -> number
  Buffer<std::uint32_t> object;  // number -> object; row 0 unused
  Buffer<std::uint32_t> parent;  // number -> number of the parent in the depth-first tree
  std::uint32_t reached = 0;
};

// Numbers everything reachable from `roots` (object indexes, any order, repeats allowed) over edges that keep
// alive. Throws Cancelled, std::bad_alloc; std::length_error for an object with 4 GiB of written references. Cost: O(objects +
// slots), one random access an edge. Memory while it runs: 12 bytes an object, up to 8 more on the longest path.
DepthFirstOrder numberDepthFirst(const EdgeTable& edges, std::span<const std::uint32_t> roots, const Work& work);

}  // namespace openclaw
