// All objects of a dump in the order of the file, in 8 bytes each (12 for arrays): which index does each get, and which one
// has a given id?
//
// Indexes ascend with ids. Dumpers walk the heap region by region, so ids come in long ascending runs: runs are sorted as
// wholes, and single objects only where runs overlap.
//
//   ObjectList list;   list.add(id, key, count) …;   list.finish();
//   list.forEachAscending([&](const ListedObject& o) { … });     // each id once, the first record of it
//
//   IdIndex index(addresses, objects);   index.indexOf(id);       // O(1) as long as objects lie evenly
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <vector>

#include "analyzer/column.h"
#include "analyzer/snapshot_state.h"

namespace openclaw::hprof {

enum class Shape : std::uint8_t { kInstance, kObjectArray, kPrimitiveArray, kClass };

// What an object is: the number of its class (of a primitive array: its element type), and its shape.
struct Key {
  std::uint32_t word = 0;
  static constexpr std::uint32_t kMostClasses = 1u << 30;
  static constexpr Key of(Shape shape, std::uint32_t number) { return {number << 2 | static_cast<std::uint32_t>(shape)}; }
  constexpr Shape shape() const { return static_cast<Shape>(word & 3u); }
  constexpr std::uint32_t number() const { return word >> 2; }
  constexpr bool isArray() const { return shape() == Shape::kObjectArray || shape() == Shape::kPrimitiveArray; }
};

struct ListedObject {
  std::uint64_t id = 0;
  std::uint64_t ordinal = 0;  // place in the file, counted in objects
  Key key;
  std::uint32_t count = 0;  // elements of an array
};

// Threads: one. Throws std::bad_alloc.
class ObjectList {
 public:
  void add(std::uint64_t id, Key key, std::uint32_t count) {
    ids_.push_back(id);
    keys_.push_back(key.word);
    if (key.isArray()) counts_.push_back(count);
    if (ids_.size() == kBlockRows) closeBlock();
  }
  void clear();
  std::uint64_t size() const { return blocks_.empty() ? ids_.size() : (blocks_.size() - 1) * kBlockRows + blocks_.back().rows() + ids_.size(); }
  // After the last add. Finds runs, order and records that give an id again.
  void finish();
  // Ordinals of records that gave an id again, ascending; forEachAscending leaves them out.
  const std::vector<std::uint64_t>& repeated() const { return repeated_; }
  // Calls visit(const ListedObject&) in the order of ids. After finish().
  template <class Visit>
  void forEachAscending(Visit visit) const {
    for (std::size_t first = 0; first < runs_.size();) {
      const std::size_t end = groupEnd(first);
      if (end - first == 1) {
        forEachOf(runs_[first], visit);
      } else {
        const ListedObject* last = nullptr;
        const std::vector<ListedObject> group = sortedGroup(first, end);
        for (const ListedObject& object : group) {
          if (last == nullptr || last->id != object.id) visit(object);
          last = &object;
        }
      }
      first = end;
    }
  }

 private:
  static constexpr std::size_t kBlockRows = std::size_t{1} << 18;
  struct Block {
    std::uint64_t base = 0;
    unsigned shift = 0;
    Buffer<std::uint32_t> units{};  // (id - base) >> shift; or, where that needs more bits, ids as they are
    Buffer<std::uint64_t> wide{};
    Buffer<std::uint32_t> keys{}, counts{};
    std::size_t rows() const { return keys.size(); }
    std::uint64_t id(std::size_t row) const {
      return wide.empty() ? base + (std::uint64_t{units[row]} << shift) : wide[row];
    }
  };
  struct Run {  // strictly ascending ids
    std::uint64_t first = 0, last = 0;
    std::uint64_t ordinal = 0, rows = 0;
    std::uint32_t countAt = 0;  // of the first row, in its block
  };
  void closeBlock();
  std::size_t groupEnd(std::size_t first) const;
  // By id, then by ordinal; with repeated ids.
  std::vector<ListedObject> sortedGroup(std::size_t first, std::size_t end) const;
  template <class Visit>
  void forEachOf(const Run& run, Visit& visit) const {
    std::size_t countAt = run.countAt;
    ListedObject object;
    for (std::uint64_t ordinal = run.ordinal, end = run.ordinal + run.rows; ordinal < end;) {
      const Block& block = blocks_[ordinal / kBlockRows];
      const std::size_t from = ordinal % kBlockRows;
      const std::size_t to = std::min<std::uint64_t>(block.rows(), from + (end - ordinal));
      for (std::size_t row = from; row < to; ++row, ++ordinal) {
        object.id = block.id(row);
        object.ordinal = ordinal;
        object.key.word = block.keys[row];
        object.count = object.key.isArray() ? block.counts[countAt++] : 0;
        visit(static_cast<const ListedObject&>(object));
      }
      countAt = 0;
    }
  }

  std::vector<Block> blocks_;  // all but the last full
  std::vector<std::uint64_t> ids_;
  std::vector<std::uint32_t> keys_, counts_;
  std::vector<Run> runs_;  // after finish(): by first id
  std::vector<std::uint64_t> repeated_;
};

// Finds the row of an id in ascending addresses: a table says which rows lie in which stretch of addresses, and about two do.
// Threads: const from any number. Owns: about 2 bytes an object.
class IdIndex {
 public:
  static constexpr std::uint32_t kMissing = 0xffff'ffffu;

  IdIndex() = default;
  // `addresses` outlive the index.
  IdIndex(const AddressColumn& addresses, std::uint32_t objects);
  std::uint32_t indexOf(std::uint64_t id) const {
    const Place place = placeOf(id);
    if (place.segment == nullptr) return kMissing;
    std::uint32_t low = rows_[place.bucket], high = rows_[place.bucket + 1];
    while (high - low > 8) {
      const std::uint32_t middle = low + (high - low) / 2;
      if (units_[middle] <= place.unit) low = middle;
      else high = middle;
    }
    for (; low < high; ++low)
      if (units_[low] == place.unit) return low;
    return kMissing;
  }
  // For many ids at once: all of prefetchRows first, then all of prefetchUnits, then indexOf.
  void prefetchRows(std::uint64_t id) const {
    const Place place = placeOf(id);
    if (place.segment != nullptr) __builtin_prefetch(rows_.data() + place.bucket);
  }
  void prefetchUnits(std::uint64_t id) const {
    const Place place = placeOf(id);
    if (place.segment != nullptr) __builtin_prefetch(units_ + rows_[place.bucket]);
  }
  std::size_t bytes() const { return rows_.bytes(); }
  template <class A, class Self>
  static void archive(A& a, Self& self) {
    a(self.unitShift_, self.segments_, self.rows_);
  }
  // After an archive gave it back: the addresses that it was made of.
  void pointAt(const AddressColumn& addresses) { units_ = addresses.units.data(); }

 private:
  struct Segment {
    std::uint64_t base = 0, lastUnit = 0;
    std::size_t firstBucket = 0;
    unsigned bucketShift = 0;
    template <class A, class Self>
    static void archive(A& a, Self& self) {
      a(self.base, self.lastUnit, self.firstBucket, self.bucketShift);
    }
  };
  struct Place {
    const Segment* segment = nullptr;  // null: no object has this id
    std::size_t bucket = 0;
    std::uint32_t unit = 0;
  };
  Place placeOf(std::uint64_t id) const {
    const Segment* segment = segmentOf(id);
    if (segment == nullptr) return {};
    const std::uint64_t distance = id - segment->base, unit = distance >> unitShift_;
    if (unit > segment->lastUnit || (unit << unitShift_) != distance) return {};
    return {segment, segment->firstBucket + (unit >> segment->bucketShift), static_cast<std::uint32_t>(unit)};
  }
  const Segment* segmentOf(std::uint64_t id) const {
    if (segments_.empty() || id < segments_.front().base) return nullptr;
    if (segments_.size() == 1) return &segments_.front();
    return &*std::prev(std::upper_bound(segments_.begin(), segments_.end(), id,
                                        [](std::uint64_t wanted, const Segment& s) { return wanted < s.base; }));
  }

  const std::uint32_t* units_ = nullptr;
  unsigned unitShift_ = 0;
  std::vector<Segment> segments_;
  Buffer<std::uint32_t> rows_;  // by bucket: the first row in it; one more at the end of each segment
};

}  // namespace openclaw::hprof
