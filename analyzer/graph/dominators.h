// Immediate dominators: the one object without which the roots would not reach another. What an object
// dominates is what freeing it would free.
//
//   Dominators d = computeDominators(edges, roots, work);
//   d.dominator[object];   // an object, or kRootsOnly, or kUnreachable
//
// Algorithm: semi-NCA (Georgiadis, "Linear-Time Algorithms for Dominators and Related Problems", 2005,
// section 2.2) on depth-first numbers, under a virtual root over all roots.
#pragma once

#include <cstdint>
#include <span>

#include "analyzer/graph/edge_table.h"
#include "analyzer/graph/work.h"

namespace openclaw {

inline constexpr std::uint32_t kUnreachable = 0xffff'ffffu;
inline constexpr std::uint32_t kRootsOnly = 0xffff'fffeu;  // only the virtual root dominates it

struct Dominators {
  Buffer<std::uint32_t> dominator;  // by object
  Buffer<std::uint32_t> order;      // the reached objects in depth-first order, row 0 unused: an object's
                                // dominator comes before it, so a walk from the end adds up a tree bottom-up
  std::uint32_t reached = 0;
  std::uint64_t steps = 0;  // edges read and links followed: what the work is bounded by
};

// Throws Cancelled, std::bad_alloc. Cost: O((objects + slots) log objects) at worst, near linear in practice.
// Memory while it runs, bytes an object, in the order of time:
//   numbering     number 4, object 4, parent 4; for each on the longest path 4 more (8 where slots have different strengths)
//   incoming      number 4, parent 4 (then in 2 bits), object 4, which goes back as edges from later to earlier numbers come
//   semi          object 4; parent 4, which goes back as ancestor and label 8 come; semi-dominators that are not the parent 4
//                 each; incoming edges go back as they are read
//   intersect     object 4, those semi-dominators, dominators 4, then the result 4
Dominators computeDominators(const EdgeTable& edges, std::span<const std::uint32_t> roots, const Work& work);

}  // namespace openclaw
