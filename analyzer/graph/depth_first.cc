#include "analyzer/graph/depth_first.h"

#include <stdexcept>

namespace openclaw {
namespace {

// What will be asked for next, under way before it is asked for: whether the targets are known, and the lists of the first.
void prefetchTargets(const EdgeTable& edges, const Buffer<std::uint32_t>& number, SlotReader slots) {
  constexpr unsigned kNumbers = 16, kLists = 3;
  for (unsigned ahead = 0; ahead < kNumbers && slots.next(); ++ahead) {
    if (slots.entry() == 0) continue;
    __builtin_prefetch(&number[slots.entry() - 1], 1);
    if (ahead < kLists) edges.lists.prefetch(slots.entry() - 1);
  }
}

}  // namespace

DepthFirstOrder numberDepthFirst(const EdgeTable& edges, std::span<const std::uint32_t> roots, const Work& work) {
  const std::size_t objects = edges.objectCount();
  DepthFirstOrder order{.number = Buffer<std::uint32_t>(objects),
                        .object = Buffer<std::uint32_t>(objects + 1, PageSize::kHugeInOrder),
                        .parent = Buffer<std::uint32_t>(objects + 1, PageSize::kHugeInOrder)};
  Buffer<std::uint32_t>& number = order.number;
  // Where to go on in the lists of the current path, the last on top: twice the bytes up to behind the slot that led to the child,
  // and a bit. The child is also the entry before or, where the bit is set (it is a common target), the list's own row is. For
  // lists of which not all slots count, the slot's number stands on a stack of its own. Only as much of the stacks costs memory as
  // the longest path needs.
  Buffer<std::uint32_t> resume(objects + 1, PageSize::kHugeInOrder), slotsRead(objects + 1, PageSize::kHugeInOrder);
  std::size_t depth = 0, openSlots = 0;
  std::uint32_t last = 0, steps = 0;
  const auto found = [&](std::uint32_t object, std::uint32_t parent) {
    number[object] = ++last;
    order.object[last] = object;
    order.parent[last] = parent;
    return last;
  };
  for (const std::uint32_t root : roots) {
    if (number[root] != 0) continue;
    std::uint32_t current = found(root, 0);
    std::uint32_t from = 0;  // the child that was left, + 1; 0 = just found
    while (current != 0) {
      const std::uint32_t source = order.object[current];
      const bool all = edges.allKeepAlive(source);
      const CompressedLists::List list = edges.lists.list(source);
      SlotReader slots = edges.slots(source);
      if (from == 0) {
        prefetchTargets(edges, number, slots);
      } else {
        const std::uint32_t place = resume[--depth];
        slots.resume(list.begin + (place >> 1), (place & 1) != 0 ? source + 1 : from, all ? 0 : slotsRead[--openSlots]);
      }
      std::uint32_t child = 0;
      while (slots.next()) {
        if ((++steps & (kStepsBetweenChecks - 1)) == 0) {
          work.throwIfStopped();
          work.report(last / static_cast<double>(objects));
        }
        const std::uint32_t entry = slots.entry();
        if (entry == 0 || number[entry - 1] != 0) continue;
        if (!all && !edges.keepsAlive(source, slots)) continue;
        child = found(entry - 1, current);
        break;
      }
      if (child == 0) {
        from = source + 1;
        current = order.parent[current];
        continue;
      }
      const auto read = static_cast<std::uint64_t>(slots.position() - list.begin);
      if (read > UINT32_MAX / 2) throw std::length_error("an object with 2 GiB of references");
      resume[depth++] = static_cast<std::uint32_t>(read) << 1 | (slots.before() != slots.entry() ? 1u : 0u);
      if (!all) slotsRead[openSlots++] = slots.slot() + 1;
      current = child;
      from = 0;
    }
  }
  order.reached = last;
  return order;
}

}  // namespace openclaw
