#include "analyzer/address_set.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "analyzer/graph/edge_table.h"

namespace openclaw {
namespace {

// Empty lines inside a segment, for fewer segments: two always, longer gaps as long as in all they are a quarter of the others.
constexpr std::uint64_t kNear = 2, kFreeLines = 256;

std::size_t slotOf(std::uint64_t number, std::size_t slots) {
  return static_cast<std::size_t>(number * 0x9e37'79b9'7f4a'7c15u >> 20) & (slots - 1);
}

}  // namespace

// ---- asking --------------------------------------------------------------------------------------------------

std::size_t AddressSet::lineOf(std::uint32_t index) const {
  const std::size_t sample = index >> kSampleShift;
  std::size_t low = samples_[sample], high = sample + 1 < samples_.size() ? samples_[sample + 1] + 1 : lines_.size();
  while (high - low > 1) {
    const std::size_t middle = low + (high - low) / 2;
    if (lines_[middle].before <= index) low = middle;
    else high = middle;
  }
  return low;
}

std::size_t AddressSet::segmentOfLine(std::size_t line) const {
  return static_cast<std::size_t>(
      std::upper_bound(segments_.begin(), segments_.end(), line, [](std::size_t l, const Segment& s) { return l < s.firstLine; }) -
      segments_.begin() - 1);
}

std::uint64_t AddressSet::operator[](std::uint32_t index) const {
  const std::size_t line = lineOf(index);
  std::uint32_t left = index - lines_[line].before;
  unsigned word = 0;
  std::uint32_t bits = lines_[line].bits[0];
  for (std::uint32_t count; left >= (count = ones(bits)); left -= count) bits = lines_[line].bits[++word];
  for (; left != 0; --left) bits &= bits - 1;
  const Segment& segment = segments_[segmentOfLine(line)];
  const std::uint64_t unit = (line - segment.firstLine) * kLineUnits + word * 32 + static_cast<unsigned>(std::countr_zero(bits));
  return segment.base + (unit << unitShift_);
}

std::uint32_t AddressSet::countUpTo(std::uint64_t address) const {
  const Segment* segment = segmentOf(address);
  if (segment == nullptr) return 0;
  const std::uint64_t unit = std::min((address - segment->base) >> unitShift_, segment->units - 1);
  const Line& line = lines_[segment->firstLine + unit / kLineUnits];
  const auto upTo = [](unsigned bit) { return bit >= 63 ? ~std::uint64_t{0} : (std::uint64_t{2} << bit) - 1; };
  const auto bit = static_cast<unsigned>(unit % kLineUnits);
  return line.before + ones(line.low() & upTo(bit)) + (bit < 64 ? 0 : ones(line.bits[2] & upTo(bit - 64)));
}

// ---- building ------------------------------------------------------------------------------------------------

AddressSetBuilder::AddressSetBuilder() {
  static Page none{};  // never written to: size_ is 0 as long as it is the current one
  current_ = &none;
}

void AddressSetBuilder::grow() {
  std::vector<std::uint32_t> table(std::max<std::size_t>(64, table_.size() * 2));
  for (const std::uint32_t entry : table_) {
    if (entry == 0) continue;
    std::size_t at = slotOf(page(entry - 1).number, table.size());
    while (table[at] != 0) at = (at + 1) & (table.size() - 1);
    table[at] = entry;
  }
  table_ = std::move(table);
}

void AddressSetBuilder::openPage(std::uint64_t number) {
  if (pages_ >= table_.size() / 2) grow();
  std::size_t at = slotOf(number, table_.size());
  for (; table_[at] != 0; at = (at + 1) & (table_.size() - 1))
    if (page(table_[at] - 1).number == number) {
      current_ = &page(table_[at] - 1);
      return;
    }
  if (pages_ >= UINT32_MAX - 1) throw std::length_error("addresses in more than 2^32 places");
  if (pages_ % kPagesABlock == 0) blocks_.emplace_back(kPagesABlock, PageSize::kSmall);
  table_[at] = static_cast<std::uint32_t>(++pages_);
  current_ = &page(pages_ - 1);
  current_->number = number;
}

// An address that is no multiple of the unit: from now on units are smaller.
void AddressSetBuilder::refine(std::uint64_t address) {
  AddressSetBuilder finer;
  finer.unitShift_ = static_cast<unsigned>(std::countr_zero(address));
  for (std::size_t i = 0; i < pages_; ++i) {
    const Page& from = page(i);
    for (std::size_t word = 0; word < kPageWords; ++word)
      for (std::uint64_t bits = from.words[word]; bits != 0; bits &= bits - 1)
        finer.add(((from.number << kPageShift) + word * 64 + static_cast<unsigned>(std::countr_zero(bits))) << unitShift_);
  }
  *this = std::move(finer);
}

AddressSet AddressSetBuilder::finish() {
  if (size_ > kMostObjects) throw std::length_error("more than 2^32 - 3 objects");
  AddressSet set;
  set.size_ = static_cast<std::uint32_t>(size_);
  set.unitShift_ = unitShift_;
  table_ = {};
  std::vector<std::uint32_t> order(pages_);
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return page(a).number < page(b).number; });

  // Words of 32 units that hold an address, ascending.
  const auto forEachWord = [&](auto visit) {
    for (const std::uint32_t index : order) {
      const Page& from = page(index);
      for (std::size_t half = 0; half < 2 * kPageWords; ++half)
        if (const auto bits = static_cast<std::uint32_t>(from.words[half / 2] >> (half % 2 * 32)); bits != 0)
          visit((from.number << (kPageShift - 5)) + half, bits);
    }
  };
  constexpr std::uint64_t kLineWords = AddressSet::kLineUnits / 32;
  std::uint64_t lines = 0, empty = 0, first = 0, last = 0;  // lines: of segments that are closed
  const auto close = [&] {
    if (set.segments_.empty()) return;
    set.segments_.back().units = (last - first + 1) * 32;
    lines += (last - first) / kLineWords + 1;
  };
  forEachWord([&](std::uint64_t word, std::uint32_t) {
    const std::uint64_t gap = set.segments_.empty() ? 0 : (word - last) / kLineWords;
    const bool far = gap > kNear && empty + gap > kFreeLines + (lines + (last - first) / kLineWords) / 4;
    if (set.segments_.empty() || far) {
      close();
      set.segments_.push_back({.base = word << (5 + unitShift_), .units = 0, .firstLine = static_cast<std::size_t>(lines)});
      first = word;
    } else if (gap > kNear) {
      empty += gap;
    }
    last = word;
  });
  close();

  set.lines_ = Buffer<AddressSet::Line>(static_cast<std::size_t>(lines));
  std::size_t segment = 0;
  forEachWord([&](std::uint64_t word, std::uint32_t bits) {
    const std::uint64_t address = word << (5 + unitShift_);
    while (segment + 1 < set.segments_.size() && set.segments_[segment + 1].base <= address) ++segment;
    const std::uint64_t at = (address - set.segments_[segment].base) >> (5 + unitShift_);
    set.lines_[set.segments_[segment].firstLine + at / kLineWords].bits[at % kLineWords] = bits;
  });
  *this = AddressSetBuilder();

  std::uint32_t before = 0;
  for (std::size_t i = 0; i < set.lines_.size(); ++i) {
    AddressSet::Line& line = set.lines_[i];
    line.before = before;
    before += AddressSet::ones(line.low()) + AddressSet::ones(line.bits[2]);
    while ((std::uint64_t{set.samples_.size()} << AddressSet::kSampleShift) < before) set.samples_.push_back(i);
  }
  return set;
}

}  // namespace openclaw
