#include "analyzer/views/histogram.h"

#include <algorithm>
#include <array>

#include "analyzer/graph/dominator_tree.h"

namespace openclaw {
namespace {

using AgeCounts = std::array<std::uint64_t, 8>;

double medianOf(const AgeCounts& counts, std::uint64_t total) {
  const auto at = [&](std::uint64_t rank) {
    std::uint64_t below = 0;
    for (unsigned age = 0; age < counts.size(); ++age)
      if ((below += counts[age]) > rank) return static_cast<double>(age);
    return 0.0;
  };
  return total == 0 ? 0 : (at((total - 1) / 2) + at(total / 2)) / 2;
}

}  // namespace

std::vector<HistogramRow> computeHistogram(const Snapshot& snapshot, std::stop_token stop, const ScopeSelection* scope) {
  const std::size_t types = snapshot.types().size();
  std::vector<HistogramRow> rows(types);
  std::vector<AgeCounts> ages(types);
  for (std::uint32_t i = 0; i < snapshot.objectCount(); ++i) {
    if ((i & 0xffff) == 0 && stop.stop_requested()) return {};
    const ObjectIndex object(i);
    if (!inScope(scope, object)) continue;
    const TypeIndex type = snapshot.type(object);
    HistogramRow& row = rows[type.value];
    ++row.objects;
    row.shallow += snapshot.size(object);
    row.unreachableObjects += !snapshot.reachable(object);
    ++ages[type.value][snapshot.age(object)];
  }
  // An object counts for its type's retained size when no object of the same type lies above it.
  std::vector<std::uint32_t> above(types);
  std::vector<std::uint64_t> tops(types);
  std::uint32_t steps = 0;
  bool stopped = false;
  if (snapshot.knowsRetained()) DominatorTree(snapshot).walk(
      [&](std::uint32_t object, unsigned) {
        if (inScope(scope, ObjectIndex(object))) {
          const std::uint32_t type = snapshot.type(ObjectIndex(object)).value;
          if (above[type]++ == 0) {
            rows[type].retained += snapshot.retained(ObjectIndex(object));
            ++tops[type];
          }
        }
        if ((++steps & 0xffff) == 0) stopped = stop.stop_requested();
        return !stopped;
      },
      [&](std::uint32_t object) {
        if (inScope(scope, ObjectIndex(object))) --above[snapshot.type(ObjectIndex(object)).value];
      });
  if (stopped) return {};
  for (std::size_t type = 0; type < types; ++type) {
    rows[type].type = TypeIndex(static_cast<std::uint32_t>(type));
    rows[type].medianAge = medianOf(ages[type], rows[type].objects);
    // One object's retained size is exact; of several it leaves out what only all of them together keep
    // alive.
    if (tops[type] <= 1 && snapshot.report().complete()) rows[type].retainedCertainty = Certainty::kExact;
  }
  std::erase_if(rows, [](const HistogramRow& row) { return row.objects == 0; });
  std::sort(rows.begin(), rows.end(), [&](const HistogramRow& a, const HistogramRow& b) {
    if (a.shallow != b.shallow) return a.shallow > b.shallow;
    const std::string &an = snapshot.types()[a.type].name, &bn = snapshot.types()[b.type].name;
    return an != bn ? an < bn : a.type < b.type;
  });
  return rows;
}

}  // namespace openclaw
