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
// alive. nonTreeEdge(from, to) is called, in numbers, for each further edge to a target numbered before, self
// loops and second edges from a parent to its child included; edges of the virtual root are not. `resume` is
// scratch of objectCount + 1 rows. Cost: O(objects + slots), one random access an edge.
template <class NonTreeEdge>
void numberDepthFirst(const EdgeTable& edges, std::span<const std::uint32_t> roots, const Work& work,
                      DepthFirstOrder& order, Buffer<std::uint32_t>& resume, NonTreeEdge nonTreeEdge) {
  const std::uint32_t* const slots = edges.slots.data();
  Buffer<std::uint32_t>& number = order.number;
  std::uint32_t last = 0;
  std::uint32_t steps = 0;
  const double total = edges.objectCount();
  for (const std::uint32_t root : roots) {
    if (number[root] != 0) continue;
    number[root] = ++last;
    order.object[last] = root;
    order.parent[last] = 0;
    resume[last] = 0;
    std::uint32_t current = last;
    while (current != 0) {
      const std::uint32_t source = order.object[current];
      const std::uint64_t begin = edges.first.begin(source);
      const std::uint32_t count = edges.first.count(source);
      const bool all = edges.allKeepAlive(source);
      std::uint32_t slot = resume[current];
      if (slot == 0)  // first visit: have the numbers of all targets under way before the first is asked for
        for (std::uint32_t ahead = 0; ahead < count && ahead < 16; ++ahead)
          if (const std::uint32_t t = slots[begin + ahead]; t != 0) __builtin_prefetch(&number[t - 1], 1);
      std::uint32_t child = 0;
      while (slot < count) {
        if ((++steps & (kStepsBetweenChecks - 1)) == 0) {
          work.throwIfStopped();
          work.report(last / total);
        }
        const std::uint32_t target = slots[begin + slot++];
        if (target == 0) continue;
        if (!all && !edges.keepsAlive(source, slot - 1)) continue;
        const std::uint32_t known = number[target - 1];
        if (known != 0) {
          nonTreeEdge(current, known);
          continue;
        }
        child = ++last;
        number[target - 1] = child;
        order.object[child] = target - 1;
        order.parent[child] = current;
        resume[child] = 0;
        break;
      }
      if (child != 0) {
        resume[current] = slot;
        current = child;
      } else {
        current = order.parent[current];
      }
    }
  }
  order.reached = last;
}

}  // namespace openclaw
