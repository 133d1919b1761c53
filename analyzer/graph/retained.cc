#include "analyzer/graph/retained.h"

#include <algorithm>

#include "analyzer/graph/list_transpose.h"
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
  std::size_t large = 0;
  for (std::size_t row = 0; row < units_.size(); ++row) {
    large += units_[row] >= kNarrowHuge;
    if ((row & 0xf'ffff) == 0) holdMemoryLimit();
  }
  if (large > 16 + units_.size() / 128) return;
  Buffer<std::uint16_t> narrow(units_.size());
  for (std::size_t row = 0; row < units_.size(); ++row) {
    const std::uint32_t units = units_[row];
    narrow[row] = static_cast<std::uint16_t>(std::min<std::uint32_t>(units, kNarrowHuge));
    if (units >= kNarrowHuge && units != kHuge) huge_[static_cast<std::uint32_t>(row)] = units;
    if ((row & 0xf'ffff) != 0xf'ffff) continue;
    units_.release(row - 0xf'ffff, 0x10'0000);  // both widths never stand whole
    holdMemoryLimit();
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

Buffer<std::uint32_t> computeDominated(const Dominators& dominators, const SizeSums& retained, const Work& work) {
  // Lists of who is dominated by whom, the virtual root's last.
  const std::size_t objects = dominators.dominator.size();
  const unsigned threads = std::max(1u, work.threads);
  ListTranspose transpose(objects + 1, threads);
  Work part = work;
  part.progress = nullptr;
  forEachItem(part, threads, [&](unsigned worker, std::size_t item) {
    const auto first = static_cast<std::uint32_t>(objects * item / threads), last = static_cast<std::uint32_t>(objects * (item + 1) / threads);
    for (std::uint32_t object = first; object < last; ++object) {
      if ((object & (kStepsBetweenChecks - 1)) == 0) {
        work.throwIfStopped();
        if (worker == 0) work.report(0.25 * (object - first) / (last - first));
      }
      const std::uint32_t parent = dominators.dominator[object];
      if (parent == kUnreachable) continue;
      transpose.add(static_cast<unsigned>(item), parent == kRootsOnly ? static_cast<std::uint32_t>(objects) : parent, object);
    }
  });
  part.progress = [&](double f) { work.report(0.25 + 0.25 * f); };
  CompressedLists lists = transpose.finish(part, PageSize::kSmall);

  const std::size_t pages = (lists.rows() + CompressedLists::kPageRows - 1) >> CompressedLists::kPageShift;
  const auto rowsOf = [&](std::size_t page) {
    const std::size_t first = page << CompressedLists::kPageShift;
    return std::pair(first, std::min(lists.rows(), first + CompressedLists::kPageRows));
  };
  std::vector<std::uint32_t> begins(pages + 1);  // where each page's groups begin
  part.progress = nullptr;
  forEachItem(part, pages, [&](unsigned, std::size_t page) {
    const auto [first, last] = rowsOf(page);
    std::uint64_t count = 0;
    for (std::size_t row = first; row < last; ++row) count += lists.count(row);
    begins[page + 1] = static_cast<std::uint32_t>(count);
  });
  for (std::size_t page = 0; page < pages; ++page) begins[page + 1] += begins[page];

  Buffer<std::uint32_t> dominated(dominators.reached);
  part.progress = [&](double f) { work.report(0.5 + f / 2); };
  forEachItem(part, pages, [&](unsigned, std::size_t page) {
    std::uint32_t comparisons = 0;
    const auto before = [&](std::uint64_t ra, std::uint32_t a, std::uint64_t rb, std::uint32_t b) {
      if ((++comparisons & (kStepsBetweenChecks - 1)) == 0) work.throwIfStopped();  // one group may hold millions
      return ra != rb ? ra > rb : a < b;
    };
    // Sorting by keys gathered once touches each object's retained size once, not log(group) times. Groups
    // with more keys than a megabyte, or a byte an object, go without, for the memory.
    const std::size_t mostKeys = std::max<std::size_t>(1u << 16, objects / 16);
    std::vector<std::pair<std::uint64_t, std::uint32_t>> keys;
    std::uint32_t* at = dominated.data() + begins[page];
    const auto [first, last] = rowsOf(page);
    for (std::size_t row = first; row < last; ++row) {
      std::uint32_t* const begin = at;
      for (SlotReader members = lists.slots(static_cast<std::uint32_t>(row)); members.next();) *at++ = members.entry() - 1;
      if (at - begin <= 1) continue;
      if (static_cast<std::size_t>(at - begin) > mostKeys) {
        std::sort(begin, at, [&](std::uint32_t a, std::uint32_t b) { return before(retained[a], a, retained[b], b); });
        continue;
      }
      keys.clear();
      for (const std::uint32_t* object = begin; object != at; ++object) keys.emplace_back(retained[*object], *object);
      std::sort(keys.begin(), keys.end(), [&](const auto& a, const auto& b) { return before(a.first, a.second, b.first, b.second); });
      for (std::size_t i = 0; i < keys.size(); ++i) begin[i] = keys[i].second;
    }
    lists.releasePage(page);
  });
  return dominated;
}

}  // namespace openclaw
