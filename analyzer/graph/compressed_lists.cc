#include "analyzer/graph/compressed_lists.h"

#include <algorithm>
#include <utility>

#include "format/check.h"

namespace openclaw {
namespace {

constexpr std::size_t kReferenceBytes = 8, kLongHeaderBytes = 16;

std::uint64_t word(const std::uint8_t* at) {
  std::uint64_t value;
  std::memcpy(&value, at, 8);
  return value;
}
void putWord(std::uint8_t* at, std::uint64_t value) { std::memcpy(at, &value, 8); }

std::size_t blocksOf(std::size_t rows) { return (rows + CompressedLists::kBlockRows - 1) >> CompressedLists::kBlockShift; }

}  // namespace

CompressedLists::List CompressedLists::longList(std::size_t row, const std::uint8_t* place) const {
  const std::uint8_t* const header = bytes_.data() + pages_[row >> kPageShift].begin + word(place);
  return {header + kLongHeaderBytes, header + kLongHeaderBytes + word(header)};
}

std::uint64_t CompressedLists::count(std::size_t row) const {
  const List found = list(row);
  return found.bytes() < kLong ? countSlots(found.begin, found.end) : word(found.begin - 8);
}

std::uint64_t CompressedLists::countBeforeInBlock(std::size_t row) const {
  std::uint64_t sum = 0;
  for (std::size_t before = row & ~(kBlockRows - 1); before < row; ++before) sum += count(before);
  return sum;
}

CompressedListsBuilder::CompressedListsBuilder(std::size_t rows, std::uint64_t mostBytes, PageSize pageSize) {
  lists_.rows_ = rows;
  const std::size_t pages = (rows + CompressedLists::kPageRows - 1) >> CompressedLists::kPageShift;
  // Beside its bytes a long list has a header and a reference, fewer bytes than the list.
  lists_.bytes_ = Buffer<std::uint8_t>(blocksOf(rows) * CompressedLists::kBlockRows + mostBytes + mostBytes / 4, pageSize, Extent::kBound);
  lists_.blocks_ = Buffer<std::uint32_t>(blocksOf(rows));
  lists_.pages_.resize(pages);
}

std::size_t CompressedListsBuilder::rowsOfPage(std::size_t page) const {
  return std::min(CompressedLists::kPageRows, lists_.rows_ - (page << CompressedLists::kPageShift));
}

void CompressedListsBuilder::layOutPage(std::size_t page, Page& layout) {
  const std::size_t rows = rowsOfPage(page);
  OPENCLAW_CHECK(layout.lengths.size() == rows, layout.lengths.size());
  layout.begins.resize(rows);
  layout.longHeaders.clear();
  std::uint64_t inBlocks = blocksOf(rows) * CompressedLists::kBlockRows, inLong = 0;
  for (const std::uint64_t length : layout.lengths) {
    if (length < CompressedLists::kLong)
      inBlocks += length;
    else
      inBlocks += kReferenceBytes, inLong += kLongHeaderBytes + length;
  }
  const std::uint64_t begin = used_.fetch_add(inBlocks + inLong);
  OPENCLAW_CHECK(begin + inBlocks + inLong <= lists_.bytes_.size(), begin);
  lists_.bytes_.prepare(begin + inBlocks + inLong);
  lists_.pages_[page] = {begin, inBlocks + inLong};
  std::uint8_t* const base = lists_.bytes_.data() + begin;
  std::uint8_t* at = base;
  std::uint8_t* longAt = base + inBlocks;
  std::size_t block = (page << CompressedLists::kPageShift) >> CompressedLists::kBlockShift;
  for (std::size_t row = 0; row < rows; row += CompressedLists::kBlockRows, ++block) {
    lists_.blocks_[block] = static_cast<std::uint32_t>(at - base);
    std::uint8_t* const lengths = at;
    at += CompressedLists::kBlockRows;
    for (std::size_t i = 0; i < CompressedLists::kBlockRows && row + i < rows; ++i) {
      const std::uint64_t length = layout.lengths[row + i];
      if (length < CompressedLists::kLong) {
        lengths[i] = static_cast<std::uint8_t>(length);
        layout.begins[row + i] = at;
        at += length;
        continue;
      }
      lengths[i] = CompressedLists::kLong | kReferenceBytes;
      putWord(at, static_cast<std::uint64_t>(longAt - base));
      at += kReferenceBytes;
      putWord(longAt, length);
      layout.longHeaders.push_back(longAt);
      layout.begins[row + i] = longAt + kLongHeaderBytes;
      longAt += kLongHeaderBytes + length;
    }
  }
}

void CompressedListsBuilder::sealPage(const Page& layout) {
  for (std::uint8_t* const header : layout.longHeaders)
    putWord(header + 8, countSlots(header + kLongHeaderBytes, header + kLongHeaderBytes + word(header)));
}

CompressedLists CompressedListsBuilder::finish() {
  lists_.bytes_.shrink(used_.load());
  return std::move(lists_);
}

}  // namespace openclaw
