// Retained sizes and the dominator tree's children: how much each object would free, and through whom.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analyzer/column.h"
#include "analyzer/graph/dominators.h"
#include "analyzer/graph/work.h"

namespace openclaw {

// Byte sums, one an object, in 4 bytes while they are added up and then in 2: counted in units of the sizes' common alignment,
// and in a side table where they do not fit (from 64 GiB, then from 1 MiB on at 16 bytes).
class SizeSums {
 public:
  SizeSums() = default;
  SizeSums(std::size_t rows, unsigned unitShift) : units_(rows), unitShift_(unitShift) {}
  std::uint64_t operator[](std::size_t row) const { return unitsOf(row) << unitShift_; }
  // `bytes` is a multiple of the unit.
  void add(std::uint32_t row, std::uint64_t bytes);
  // Halves the memory where few enough sums are large. Cost: two passes.
  void narrow();
  bool empty() const { return units_.empty() && narrow_.empty(); }
  std::size_t bytes() const { return units_.bytes() + narrow_.bytes() + huge_.size() * kHugeRowBytes; }
  template <class A, class Self>
  static void archive(A& a, Self& self) {
    a(self.units_, self.narrow_, self.unitShift_, self.huge_);
  }

 private:
  static constexpr std::uint32_t kHuge = 0xffff'ffffu;
  static constexpr std::uint16_t kNarrowHuge = 0xffffu;
  static constexpr std::size_t kHugeRowBytes = 40;  // of a node of the hash table, about
  std::uint64_t unitsOf(std::size_t row) const {
    if (narrow_.empty()) return units_[row] == kHuge ? huge_.at(static_cast<std::uint32_t>(row)) : units_[row];
    return narrow_[row] == kNarrowHuge ? huge_.at(static_cast<std::uint32_t>(row)) : narrow_[row];
  }
  Buffer<std::uint32_t> units_;    // empty once narrow
  Buffer<std::uint16_t> narrow_;
  unsigned unitShift_ = 0;
  std::unordered_map<std::uint32_t, std::uint64_t> huge_;  // units
};

// Shallow sizes, each a multiple of 2^unitShift bytes.
struct ShallowSizes {
  NarrowColumn units;
  unsigned unitShift = 0;
  std::uint32_t sideMark = 0xffff'ffffu;                      // this many units: the size stands in `side`
  std::vector<std::pair<std::uint32_t, std::uint64_t>> side;  // ascending rows
  std::uint64_t operator[](std::size_t row) const {
    const std::uint32_t u = units[row];
    return u == sideMark ? fromSide(row) : std::uint64_t{u} << unitShift;
  }
  std::uint64_t fromSide(std::size_t row) const;
  std::size_t bytes() const { return units.bytes() + side.size() * sizeof(side[0]); }
};

// Shallow size of everything an object dominates, itself included; 0 when unreachable. Cost: O(objects).
SizeSums computeRetained(const Dominators& dominators, const ShallowSizes& shallow, const Work& work);

// The reached objects grouped by their dominator (ascending, the virtual root's group last); inside a group
// by retained size descending, then by index. A group is found by binary search, so no offsets are kept.
// Cost: O(objects log(largest group)); about 4 bytes an object of scratch. dominators.order may be gone.
Buffer<std::uint32_t> computeDominated(const Dominators& dominators, const SizeSums& retained,
                                       const Work& work);

}  // namespace openclaw
