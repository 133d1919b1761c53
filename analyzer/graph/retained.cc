#include "analyzer/graph/retained.h"

#include <algorithm>

#include "format/check.h"

namespace openclaw {

std::uint64_t ShallowSizes::fromSide(std::size_t row) const {
  const auto at = std::lower_bound(side.begin(), side.end(), row, [](const auto& entry, std::size_t wanted) {
    return entry.first < wanted;
  });
  OPENCLAW_CHECK(at != side.end() && at->first == row, row);
  return at->second;
}

void SizeSums::add(std::uint32_t row, std::uint64_t bytes) {
  const std::uint64_t units = unitsOf(row) + (bytes >> unitShift_);
  if (units < kHuge) {
    units_[row] = static_cast<std::uint32_t>(units);
  } else {
    units_[row] = kHuge;
    huge_[row] = units;
  }
}

SizeSums computeRetained(const Dominators& dominators, const ShallowSizes& shallow, const Work& work) {
  SizeSums sums(dominators.dominator.size(), shallow.unitShift);
  for (std::uint32_t w = dominators.reached; w >= 1; --w) {
    if ((w & (kStepsBetweenChecks - 1)) == 0) {
      work.throwIfStopped();
      work.report(1 - static_cast<double>(w) / dominators.reached);
    }
    const std::uint32_t object = dominators.order[w];
    sums.add(object, shallow[object]);  // all that it dominates was added before: it has higher numbers
    if (const std::uint32_t parent = dominators.dominator[object]; parent != kRootsOnly)
      sums.add(parent, sums[object]);
  }
  return sums;
}

Buffer<std::uint32_t> computeDominated(const Dominators& dominators, const SizeSums& retained,
                                       const Work& work) {
  const std::size_t objects = dominators.dominator.size();
  const auto groupOf = [&](std::uint32_t object) {
    const std::uint32_t parent = dominators.dominator[object];
    return parent == kRootsOnly ? objects : std::size_t{parent};
  };
  Buffer<std::uint32_t> position(objects +
                                 2);  // row g + 1 counts group g, then becomes where its next member goes
  for (std::uint32_t w = 1; w <= dominators.reached; ++w) ++position[groupOf(dominators.order[w]) + 1];
  work.throwIfStopped();
  for (std::size_t group = 1; group < position.size(); ++group) position[group] += position[group - 1];
  work.report(0.2);
  work.throwIfStopped();
  Buffer<std::uint32_t> dominated(dominators.reached);
  for (std::uint32_t object = 0; object < objects; ++object)
    if (dominators.dominator[object] != kUnreachable) dominated[position[groupOf(object)]++] = object;
  work.report(0.5);
  work.throwIfStopped();

  // position[g] is now the end of group g. Groups are sorted in slices of equal numbers of objects.
  const std::size_t groups = objects + 1, slices = std::max<std::size_t>(1, groups / kStepsBetweenChecks);
  Work sorting = work;
  sorting.progress = [&](double f) { work.report(0.5 + f / 2); };
  forEachItem(sorting, slices, [&](unsigned, std::size_t slice) {
    const std::size_t first = groups * slice / slices, last = groups * (slice + 1) / slices;
    std::uint32_t comparisons = 0;
    const auto byRetained = [&](std::uint32_t a, std::uint32_t b) {
      if ((++comparisons & (kStepsBetweenChecks - 1)) == 0)
        work.throwIfStopped();  // one group may hold millions
      const std::uint64_t ra = retained[a], rb = retained[b];
      return ra != rb ? ra > rb : a < b;
    };
    for (std::size_t group = first; group < last; ++group) {
      const std::uint32_t begin = group == 0 ? 0 : position[group - 1], end = position[group];
      if (end - begin > 1) std::sort(dominated.data() + begin, dominated.data() + end, byRetained);
    }
  });
  return dominated;
}

}  // namespace openclaw
