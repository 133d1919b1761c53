#include "tests/analyzer/edge_lists.h"

#include <algorithm>

#include "analyzer/graph/dominators.h"
#include "analyzer/graph/edge_builder.h"

namespace openclaw::test {

EdgeTable tableOf(const EdgeLists& lists) {
  EdgeTable table;
  const std::size_t objects = lists.targets.size();
  EdgeTableBuilder builder(objects);
  EdgeTableBuilder::Writer& writer = builder.writer();
  for (std::uint32_t i = 0; i < objects; ++i) {
    writer.begin(i);
    for (std::size_t slot = 0; slot < lists.targets[i].size(); ++slot) {
      if (lists.targets[i][slot] == kNullSlot)
        writer.null();
      else
        writer.slot(lists.targets[i][slot]);
      if (!lists.weak.empty())
        writer.strength(static_cast<std::uint8_t>(lists.weak[i][slot] ? Strength::kWeak : Strength::kStrong));
    }
    writer.end();
  }
  builder.finish(table, plainWork());
  table.types = NarrowColumn(Column<std::uint16_t>::owning(std::vector<std::uint16_t>(objects)));
  table.declare({DeclaredStrengths{}});
  return table;
}

EdgeLists randomLists(Random& random, std::uint32_t objects, std::uint32_t edges, bool withWeak) {
  EdgeLists lists;
  lists.targets.resize(objects);
  if (withWeak) lists.weak.resize(objects);
  const std::uint64_t hubs = random.below(2) * (1 + random.below(3)), toHubs = 1 + random.below(4);
  for (std::uint32_t i = 0; i < edges; ++i) {
    const auto source = static_cast<std::uint32_t>(random.below(objects));
    auto target = static_cast<std::uint32_t>(random.below(objects));
    if (hubs != 0 && random.oneIn(toHubs)) target = static_cast<std::uint32_t>(random.below(std::min<std::uint64_t>(hubs, objects)));
    if (random.oneIn(8)) target = kNullSlot;
    if (random.oneIn(20)) target = source;
    lists.targets[source].push_back(target);
    if (withWeak) lists.weak[source].push_back(random.oneIn(5));
  }
  for (std::uint64_t count = 1 + random.below(3); count > 0; --count)
    lists.roots.push_back(static_cast<std::uint32_t>(random.below(objects)));
  return lists;
}

std::vector<std::uint8_t> reachableWithout(const EdgeLists& lists, std::uint32_t without) {
  std::vector<std::uint8_t> seen(lists.targets.size());
  std::vector<std::uint32_t> stack;
  const auto visit = [&](std::uint32_t object) {
    if (object == without || seen[object]) return;
    seen[object] = 1;
    stack.push_back(object);
  };
  for (const std::uint32_t root : lists.roots) visit(root);
  while (!stack.empty()) {
    const std::uint32_t source = stack.back();
    stack.pop_back();
    for (std::size_t slot = 0; slot < lists.targets[source].size(); ++slot)
      if (lists.targets[source][slot] != kNullSlot && (lists.weak.empty() || !lists.weak[source][slot]))
        visit(lists.targets[source][slot]);
  }
  return seen;
}

std::vector<std::uint32_t> dominatorsByRemoval(const EdgeLists& lists) {
  const auto objects = static_cast<std::uint32_t>(lists.targets.size());
  const std::vector<std::uint8_t> all = reachableWithout(lists, kNullSlot);
  std::vector<std::uint32_t> dominator(objects, kUnreachable);
  std::vector<std::uint32_t> lostWithDominator(objects, objects + 1);
  for (std::uint32_t v = 0; v < objects; ++v)
    if (all[v]) dominator[v] = kRootsOnly;
  for (std::uint32_t d = 0; d < objects; ++d) {
    if (!all[d]) continue;
    const std::vector<std::uint8_t> rest = reachableWithout(lists, d);
    std::uint32_t lost = 0;
    for (std::uint32_t v = 0; v < objects; ++v) lost += all[v] && !rest[v];
    for (std::uint32_t v = 0; v < objects; ++v)
      if (v != d && all[v] && !rest[v] && lost < lostWithDominator[v]) {
        dominator[v] = d;
        lostWithDominator[v] = lost;
      }
  }
  return dominator;
}

Work plainWork() { return Work{.threads = 2, .stop = {}, .progress = {}}; }

}  // namespace openclaw::test
