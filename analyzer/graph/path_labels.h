// What a search for the best path knows of the objects it has come to, and what these ways cost. Inner part of paths.cc.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

namespace openclaw {

// A way's cost, least first: objects that other paths have too, then whether it begins at a root that one of them began at, then
// its length in objects. Sums of a way's parts add up in one number, of which one part at most has a root.
class PathCost {
 public:
  constexpr PathCost() = default;
  constexpr PathCost(std::uint64_t shared, bool usedRoot, std::uint64_t length)
      : value_(shared << 33 | std::uint64_t{usedRoot} << 32 | length) {}
  static constexpr PathCost most() {
    PathCost cost;
    cost.value_ = kMost;
    return cost;
  }
  friend constexpr PathCost operator+(PathCost a, PathCost b) {
    a.value_ += b.value_;
    return a;
  }
  auto operator<=>(const PathCost&) const = default;

 private:
  friend class PathLabels;
  static constexpr std::uint64_t kMost = (std::uint64_t{1} << 63) - 1;
  std::uint64_t value_ = 0;   // below 2^63: 30 bits, 1, 32. A search follows far fewer references than 2^30
};

// The labels of one side of a search, and which of them it has yet to go on from. Cost: 16 bytes an object it has come to, at most
// twice as much with its table's gaps, and 16 bytes whenever an object's cost was bettered.
class PathLabels {
 public:
  struct Found {
    PathCost cost;
    std::uint32_t via;   // the object before, seen from where the side begins; itself: a root
  };

  PathLabels() : slots_(kLeast) {}

  // True when that is the first way to `object`, or better than those before; not once it is settled.
  bool offer(std::uint32_t object, PathCost cost, std::uint32_t via) {
    if (2 * (count_ + 1) > slots_.size()) grow();
    Slot& slot = slots_[placeOf(object)];
    if (slot.key == 0) {
      ++count_;
      slot.key = object + 1;
    } else if (slot.cost & kSettled || cost.value_ >= slot.cost) {
      return false;
    }
    slot.cost = cost.value_;
    slot.via = via;
    open_.push({cost, object});
    return true;
  }
  // False: not come to.
  bool find(std::uint32_t object, Found& found) const {
    const Slot& slot = slots_[placeOf(object)];
    if (slot.key == 0) return false;
    found.cost.value_ = slot.cost & ~kSettled;
    found.via = slot.via;
    return true;
  }
  std::uint32_t via(std::uint32_t object) const { return slots_[placeOf(object)].via; }   // of one that was come to

  // Objects that are not settled, and ways that were bettered since.
  bool done() const { return open_.empty(); }
  std::size_t open() const { return open_.size(); }
  PathCost least() const { return open_.top().first; }
  // Takes ways to objects that are settled from the front. To be called before done(), least() and settle().
  void dropSettled() {
    while (!open_.empty() && (slots_[placeOf(open_.top().second)].cost & kSettled) != 0) open_.pop();
  }
  std::pair<PathCost, std::uint32_t> settle() {
    const auto top = open_.top();
    open_.pop();
    slots_[placeOf(top.second)].cost |= kSettled;
    return top;
  }

 private:
  static constexpr std::size_t kLeast = 1024;
  static constexpr std::uint64_t kSettled = std::uint64_t{1} << 63;
  struct Slot {
    std::uint32_t key = 0;   // object + 1; 0: free
    std::uint32_t via = 0;
    std::uint64_t cost = 0;
  };
  // Where `object` is, or would be. (Fibonacci hashing, Knuth 6.4; probed in order.)
  std::size_t placeOf(std::uint32_t object) const {
    std::size_t at = static_cast<std::size_t>((object * 0x9e37'79b9'7f4a'7c15ull) >> shift_);
    while (slots_[at].key != 0 && slots_[at].key != object + 1) at = (at + 1) & (slots_.size() - 1);
    return at;
  }
  void grow() {
    std::vector<Slot> before(2 * slots_.size());
    before.swap(slots_);
    --shift_;
    for (const Slot& slot : before)
      if (slot.key != 0) slots_[placeOf(slot.key - 1)] = slot;
  }

  std::vector<Slot> slots_;
  unsigned shift_ = 64 - 10;
  std::size_t count_ = 0;
  using Open = std::pair<PathCost, std::uint32_t>;
  std::priority_queue<Open, std::vector<Open>, std::greater<>> open_;
};

}  // namespace openclaw
