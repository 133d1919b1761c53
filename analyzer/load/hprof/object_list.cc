#include "analyzer/load/hprof/object_list.h"

#include <bit>
#include <utility>

namespace openclaw::hprof {

void ObjectList::clear() { *this = ObjectList(); }

void ObjectList::closeBlock() {
  const std::size_t rows = ids_.size();
  if (rows == 0) return;
  Block block{.keys = Buffer<std::uint32_t>(rows, PageSize::kHugeInOrder), .counts = Buffer<std::uint32_t>(counts_.size(), PageSize::kHugeInOrder)};
  std::copy(keys_.begin(), keys_.end(), block.keys.data());
  std::copy(counts_.begin(), counts_.end(), block.counts.data());
  const auto [low, high] = std::minmax_element(ids_.begin(), ids_.end());
  block.base = *low;
  std::uint64_t bits = 0;
  for (const std::uint64_t id : ids_) bits |= id - block.base;
  block.shift = bits == 0 ? 0 : static_cast<unsigned>(std::countr_zero(bits));
  if ((*high - block.base) >> block.shift <= UINT32_MAX) {
    block.units = Buffer<std::uint32_t>(rows, PageSize::kHugeInOrder);
    for (std::size_t i = 0; i < rows; ++i) block.units[i] = static_cast<std::uint32_t>((ids_[i] - block.base) >> block.shift);
  } else {
    block.wide = Buffer<std::uint64_t>(rows, PageSize::kHugeInOrder);
    std::copy(ids_.begin(), ids_.end(), block.wide.data());
  }
  blocks_.push_back(std::move(block));
  ids_.clear();
  keys_.clear();
  counts_.clear();
}

void ObjectList::finish() {
  closeBlock();
  ids_ = {};
  keys_ = {};
  counts_ = {};
  std::uint64_t ordinal = 0;
  for (const Block& block : blocks_) {
    std::uint32_t countAt = 0;
    for (std::size_t row = 0; row < block.rows(); ++row, ++ordinal) {
      const std::uint64_t id = block.id(row);
      if (runs_.empty() || id <= runs_.back().last)
        runs_.push_back({.first = id, .last = id, .ordinal = ordinal, .rows = 1, .countAt = countAt});
      else
        runs_.back().last = id, ++runs_.back().rows;
      countAt += Key{block.keys[row]}.isArray();
    }
  }
  std::sort(runs_.begin(), runs_.end(), [](const Run& a, const Run& b) {
    return a.first != b.first ? a.first < b.first : a.ordinal < b.ordinal;
  });
  for (std::size_t first = 0; first < runs_.size();) {
    const std::size_t end = groupEnd(first);
    if (end - first > 1) {
      const std::vector<ListedObject> group = sortedGroup(first, end);
      for (std::size_t i = 1; i < group.size(); ++i)
        if (group[i].id == group[i - 1].id) repeated_.push_back(group[i].ordinal);
    }
    first = end;
  }
  std::sort(repeated_.begin(), repeated_.end());
}

std::size_t ObjectList::groupEnd(std::size_t first) const {
  std::uint64_t last = runs_[first].last;
  std::size_t end = first + 1;
  for (; end < runs_.size() && runs_[end].first <= last; ++end) last = std::max(last, runs_[end].last);
  return end;
}

std::vector<ListedObject> ObjectList::sortedGroup(std::size_t first, std::size_t end) const {
  std::vector<ListedObject> group;
  std::uint64_t rows = 0;
  for (std::size_t i = first; i < end; ++i) rows += runs_[i].rows;
  group.reserve(rows);
  for (std::size_t i = first; i < end; ++i) {
    auto take = [&](const ListedObject& object) { group.push_back(object); };
    forEachOf(runs_[i], take);
  }
  std::sort(group.begin(), group.end(), [](const ListedObject& a, const ListedObject& b) {
    return a.id != b.id ? a.id < b.id : a.ordinal < b.ordinal;
  });
  return group;
}

IdIndex::IdIndex(const AddressColumn& addresses, std::uint32_t objects)
    : units_(addresses.units.data()), unitShift_(addresses.unitShift) {
  constexpr std::uint32_t kRowsABucket = 2;
  const auto endOf = [&](std::size_t segment) {
    return segment + 1 < addresses.segments.size() ? addresses.segments[segment + 1].firstRow : objects;
  };
  std::size_t buckets = 0;
  for (std::size_t i = 0; i < addresses.segments.size(); ++i) {
    const std::uint32_t rows = endOf(i) - addresses.segments[i].firstRow;
    Segment segment{.base = addresses.segments[i].base, .lastUnit = units_[endOf(i) - 1], .firstBucket = buckets};
    while ((segment.lastUnit >> segment.bucketShift) > rows / kRowsABucket) ++segment.bucketShift;
    buckets += (segment.lastUnit >> segment.bucketShift) + 2;
    segments_.push_back(segment);
  }
  rows_ = Buffer<std::uint32_t>(buckets);
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    const Segment& segment = segments_[i];
    std::uint32_t row = addresses.segments[i].firstRow;
    const std::size_t count = (segment.lastUnit >> segment.bucketShift) + 1;
    for (std::size_t bucket = 0; bucket < count; ++bucket) {
      while (row < endOf(i) && (units_[row] >> segment.bucketShift) < bucket) ++row;
      rows_[segment.firstBucket + bucket] = row;
    }
    rows_[segment.firstBucket + count] = endOf(i);
  }
}

}  // namespace openclaw::hprof
