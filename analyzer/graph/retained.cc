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
  if (units < (narrow_.empty() ? kHuge : kNarrowHuge)) {
    narrow_.empty() ? void(units_[row] = static_cast<std::uint32_t>(units)) : void(narrow_[row] = static_cast<std::uint16_t>(units));
    return;
  }
  narrow_.empty() ? void(units_[row] = kHuge) : void(narrow_[row] = kNarrowHuge);
  huge_[row] = units;
}

void SizeSums::narrow() {
  if (units_.empty()) return;
  // Nodes of the side table cost twenty times what narrowing saves a row.
  const auto large = static_cast<std::size_t>(
      std::count_if(units_.span().begin(), units_.span().end(), [](std::uint32_t units) { return units >= kNarrowHuge; }));
  if (large > 16 + units_.size() / 128) return;
  Buffer<std::uint16_t> narrow(units_.size());
  for (std::size_t row = 0; row < units_.size(); ++row) {
    const std::uint32_t units = units_[row];
    narrow[row] = static_cast<std::uint16_t>(std::min<std::uint32_t>(units, kNarrowHuge));
    if (units >= kNarrowHuge && units != kHuge) huge_[static_cast<std::uint32_t>(row)] = units;
    if ((row & 0xf'ffff) == 0xf'ffff) units_.release(row - 0xf'ffff, 0x10'0000);  // both widths never stand whole
  }
  units_.reset();
  narrow_ = std::move(narrow);
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
    const auto before = [&](std::uint64_t ra, std::uint32_t a, std::uint64_t rb, std::uint32_t b) {
      if ((++comparisons & (kStepsBetweenChecks - 1)) == 0)
        work.throwIfStopped();  // one group may hold millions
      return ra != rb ? ra > rb : a < b;
    };
    // Sorting by keys gathered once touches each object's retained size once, not log(group) times. Groups
    // with more keys than a megabyte, or a byte an object, go without, for the memory.
    const auto mostKeys = static_cast<std::uint32_t>(std::max<std::size_t>(1u << 16, objects / 16));
    std::vector<std::pair<std::uint64_t, std::uint32_t>> keys;
    for (std::size_t group = first; group < last; ++group) {
      const std::uint32_t begin = group == 0 ? 0 : position[group - 1], end = position[group];
      if (end - begin <= 1) continue;
      if (end - begin > mostKeys) {
        std::sort(dominated.data() + begin, dominated.data() + end,
                  [&](std::uint32_t a, std::uint32_t b) { return before(retained[a], a, retained[b], b); });
        continue;
      }
      keys.clear();
      for (std::uint32_t i = begin; i < end; ++i) keys.emplace_back(retained[dominated[i]], dominated[i]);
      std::sort(keys.begin(), keys.end(),
                [&](const auto& a, const auto& b) { return before(a.first, a.second, b.first, b.second); });
      for (std::uint32_t i = begin; i < end; ++i) dominated[i] = keys[i - begin].second;
    }
  });
  return dominated;
}

}  // namespace openclaw
