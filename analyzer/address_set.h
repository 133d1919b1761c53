// Which object has an address, and which address has an object? All addresses of a heap as a map of bits, about a byte an object,
// answering both in constant time; addresses may be given in any order, twice too, and are never sorted.
//
//   AddressSetBuilder builder;
//   builder.add(address);                      // false: it is there
//   const AddressSet set = builder.finish();
//   set.indexOf(address);  set[index];         // indexes ascend with addresses
//
//   segment = line*                stretches of memory in which objects lie close; between two of them nothing is kept
//   line    = 96 units of 2^unitShift bytes: number of addresses before it (4 bytes), a bit a unit (12)
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "analyzer/buffer.h"

namespace openclaw {

// Threads: const from any number. Memory: 1.33 bits a unit between neighbours, at most 48 bytes an address.
class AddressSet {
 public:
  static constexpr std::uint32_t kMissing = 0xffff'ffffu;

  AddressSet() = default;
  std::uint32_t size() const { return size_; }
  // kMissing: not in the set.
  std::uint32_t indexOf(std::uint64_t address) const {
    const Place place = placeOf(address);
    if (place.line == nullptr) return kMissing;
    const std::uint64_t low = place.line->low();
    if (place.bit < 64) {
      const std::uint64_t mask = std::uint64_t{1} << place.bit;
      return (low & mask) == 0 ? kMissing : place.line->before + ones(low & (mask - 1));
    }
    const std::uint32_t mask = 1u << (place.bit - 64);
    return (place.line->bits[2] & mask) == 0 ? kMissing : place.line->before + ones(low) + ones(place.line->bits[2] & (mask - 1));
  }
  // For many addresses at once: has what indexOf needs under way.
  void prefetch(std::uint64_t address) const {
    if (const Place place = placeOf(address); place.line != nullptr) __builtin_prefetch(place.line);
  }
  // Addresses up to and with `address`.
  std::uint32_t countUpTo(std::uint64_t address) const;
  // `index` < size().
  std::uint64_t operator[](std::uint32_t index) const;
  // visit(index, address) for the indexes [first, last), ascending.
  template <class Visit>
  void forEach(std::uint32_t first, std::uint32_t last, Visit visit) const {
    if (first >= last) return;
    std::size_t line = lineOf(first);
    std::size_t segment = segmentOfLine(line);
    for (std::uint32_t index = lines_[line].before; index < last; ++line) {
      while (segment + 1 < segments_.size() && segments_[segment + 1].firstLine <= line) ++segment;
      const std::uint64_t base = segments_[segment].base + ((line - segments_[segment].firstLine) * kLineUnits << unitShift_);
      for (unsigned word = 0; word < 3; ++word)
        for (std::uint32_t bits = lines_[line].bits[word]; bits != 0 && index < last; bits &= bits - 1, ++index)
          if (index >= first)
            visit(index, base + (std::uint64_t{word * 32 + static_cast<unsigned>(std::countr_zero(bits))} << unitShift_));
    }
  }
  std::size_t bytes() const {
    return lines_.bytes() + segments_.size() * sizeof(Segment) + samples_.size() * sizeof(samples_[0]);
  }
  template <class A, class Self>
  static void archive(A& a, Self& self) {
    a(self.size_, self.unitShift_, self.segments_, self.lines_, self.samples_);
  }

 private:
  friend class AddressSetBuilder;
  static constexpr std::uint64_t kLineUnits = 96;
  static constexpr unsigned kSampleShift = 10;
  struct Line {
    std::uint32_t before;
    std::uint32_t bits[3];
    std::uint64_t low() const { return bits[0] | std::uint64_t{bits[1]} << 32; }
  };
  static_assert(sizeof(Line) == 16);
  struct Segment {
    std::uint64_t base = 0;   // address of its first unit
    std::uint64_t units = 0;  // behind them nothing is in it
    std::size_t firstLine = 0;
    template <class A, class Self>
    static void archive(A& a, Self& self) {
      a(self.base, self.units, self.firstLine);
    }
  };
  struct Place {
    const Line* line = nullptr;  // null: nothing there
    unsigned bit = 0;
  };
  // The processor's own instruction is not among those every x86-64 has.
  static std::uint32_t ones(std::uint64_t bits) {
    bits -= bits >> 1 & 0x5555'5555'5555'5555u;
    bits = (bits & 0x3333'3333'3333'3333u) + (bits >> 2 & 0x3333'3333'3333'3333u);
    bits = (bits + (bits >> 4)) & 0x0f0f'0f0f'0f0f'0f0fu;
    return static_cast<std::uint32_t>(bits * 0x0101'0101'0101'0101u >> 56);
  }
  Place placeOf(std::uint64_t address) const {
    const Segment* segment = segmentOf(address);
    if (segment == nullptr) return {};
    const std::uint64_t distance = address - segment->base, unit = distance >> unitShift_;
    if (unit >= segment->units || unit << unitShift_ != distance) return {};
    return {&lines_[segment->firstLine + unit / kLineUnits], static_cast<unsigned>(unit % kLineUnits)};
  }
  // The last segment that begins at or below the address.
  const Segment* segmentOf(std::uint64_t address) const {
    if (segments_.empty() || address < segments_.front().base) return nullptr;
    std::size_t low = 0;
    for (std::size_t count = segments_.size(); count > 1;) {
      const std::size_t half = count / 2;
      low = segments_[low + half].base <= address ? low + half : low;
      count -= half;
    }
    return &segments_[low];
  }
  std::size_t lineOf(std::uint32_t index) const;
  std::size_t segmentOfLine(std::size_t line) const;

  std::uint32_t size_ = 0;
  unsigned unitShift_ = 0;
  std::vector<Segment> segments_;        // ascending
  Buffer<Line> lines_;
  std::vector<std::uint64_t> samples_;   // the line of every 1,024th index
};

// Threads: one. Memory: 72 bytes for every 512 units (4 KiB of a heap of 8-byte units) in which an address lies, and 8 to find them.
class AddressSetBuilder {
 public:
  AddressSetBuilder();
  // False: it was added before.
  bool add(std::uint64_t address) {
    if ((address & ((std::uint64_t{1} << unitShift_) - 1)) != 0) [[unlikely]] refine(address);
    const std::uint64_t unit = address >> unitShift_;
    if (unit >> kPageShift != current_->number || size_ == 0) [[unlikely]] openPage(unit >> kPageShift);
    std::uint64_t& word = current_->words[unit >> 6 & (kPageWords - 1)];
    const std::uint64_t bit = std::uint64_t{1} << (unit & 63);
    if ((word & bit) != 0) return false;
    word |= bit;
    ++size_;
    return true;
  }
  std::uint64_t size() const { return size_; }
  // Throws std::length_error past 2^32 - 3 addresses. The builder is empty afterwards.
  AddressSet finish();

 private:
  static constexpr unsigned kPageShift = 9, kFirstUnitShift = 3;
  static constexpr std::size_t kPageWords = 8, kPagesABlock = 4096;
  struct Page {
    std::uint64_t number;
    std::uint64_t words[kPageWords];
  };
  Page& page(std::size_t index) { return blocks_[index / kPagesABlock][index % kPagesABlock]; }
  void openPage(std::uint64_t number);
  void refine(std::uint64_t address);
  void grow();

  unsigned unitShift_ = kFirstUnitShift;
  std::uint64_t size_ = 0;
  std::vector<Buffer<Page>> blocks_;
  std::size_t pages_ = 0;
  std::vector<std::uint32_t> table_;  // open addressing: page + 1, 0 = free
  Page* current_ = nullptr;
};

}  // namespace openclaw
