// The rows of a large flat array, read by several threads: possible when the array is as V8 writes it, plain numbers, a row a line
// or all on one (Chromium since 2026), and nothing is wrong. Whatever else stands there ends it, and the caller reads the array row
// by row with NumberRows, which knows about white space and damage.
//
//   const auto read = readRowBlocks(bytes, begin, 3, work, [&](unsigned worker, std::uint64_t row, const std::uint64_t* values) {
//     targets[row] = values[2];
//     return true;
//   });
//   if (!read) …row by row from `begin`
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "analyzer/graph/work.h"
#include "analyzer/load/source_bytes.h"
#include "analyzer/load/v8/digits.h"
#include "analyzer/load/v8/json_reader.h"

namespace openclaw::v8 {

// Hands out the array's text in pieces of whole rows, in their order. Threads: take() from any.
class RowBlocks {
 public:
  static constexpr std::size_t kBytes = 1u << 20, kLongestRow = 1024;
  struct Block {
    std::unique_ptr<char[]> text;   // zeros behind `end`
    const char* end = nullptr;      // of the last row; without its line's end
    std::uint64_t firstRow = 0, rows = 0;
    bool lines = false;             // a line's end stands between a row and the comma behind it
  };
  // `begin`: behind the bracket that opens the array.
  RowBlocks(const SourceBytes& bytes, std::uint64_t begin, unsigned stride) : bytes_(bytes), stride_(stride), position_(begin) {}

  bool take(Block& block);          // false: no more, or not of this kind
  // At most so many take() calls give a block.
  std::size_t most() const { return static_cast<std::size_t>((bytes_.size() - position_) / (kBytes - kLongestRow)) + 2; }
  // After all blocks were taken: the position behind the closing bracket, if it was found.
  std::optional<std::uint64_t> end() const { return ended_ ? std::optional(position_) : std::nullopt; }
  std::uint64_t rows() const { return rows_; }

 private:
  const SourceBytes& bytes_;
  const unsigned stride_;
  std::mutex mutex_;
  // Guarded by mutex_ while threads take.
  std::uint64_t position_, rows_ = 0;
  bool over_ = false, ended_ = false, lines_ = false;
};

// How many rows there are, and the position behind the closing bracket.
struct RowsRead {
  std::uint64_t rows, end;
};
// Some rows of the array, [first, first + count).
struct RowRange {
  std::uint64_t first, count;
};
// Moves behind the count-th comma from `at`; false: there are fewer before `end`. Eight bytes at a time.
bool skipCommas(const char*& at, const char* end, std::uint64_t count);

namespace internal {
// One row, from its first digit to behind its last.
inline bool takeRow(const char*& at, unsigned stride, std::uint64_t* values) {
  for (unsigned field = 0; field < stride; ++field)
    if (!takeDigits(at, values[field]) || (field + 1 < stride && *at++ != ',')) return false;
  return true;
}
inline bool takeEndOfRow(const char*& at, bool lines) { return (!lines || *at++ == '\n') && *at++ == ','; }

// read(worker, block) for each block, from work.threads threads, until one answers false: then nothing is returned.
template <class Read>
std::optional<RowsRead> readBlocks(const SourceBytes& bytes, std::uint64_t begin, unsigned stride, const Work& work, Read read) {
  RowBlocks blocks(bytes, begin, stride);
  std::atomic<bool> good{true};
  std::vector<RowBlocks::Block> blockOf(std::max(1u, work.threads));
  forEachItem(work, blocks.most(), [&](unsigned worker, std::size_t) {
    RowBlocks::Block& block = blockOf[worker];
    if (!good.load(std::memory_order_relaxed) || !blocks.take(block)) return;
    if (!read(worker, std::as_const(block))) good.store(false);
  });
  const auto end = blocks.end();
  if (!good || !end) return std::nullopt;
  return RowsRead{blocks.rows(), *end};
}
}  // namespace internal

// Calls place(worker, row, values) for every row, from work.threads threads, rows of a thread in order. Gives nothing as soon as a
// row is not `stride` plain numbers or place() answers false: then any rows may have been placed.
template <class Place>
std::optional<RowsRead> readRowBlocks(const SourceBytes& bytes, std::uint64_t begin, unsigned stride, const Work& work, Place place) {
  return internal::readBlocks(bytes, begin, stride, work, [&](unsigned worker, const RowBlocks::Block& block) {
    std::uint64_t values[NumberRows::kMostFields];
    const char* at = block.text.get();
    for (std::uint64_t row = 0; row < block.rows; ++row) {
      if (row != 0 && !internal::takeEndOfRow(at, block.lines)) return false;
      if (!internal::takeRow(at, stride, values) || !place(worker, block.firstRow + row, values)) return false;
    }
    return at == block.end;
  });
}

// The same for the rows of `chosen` alone (ascending, apart): of the others only commas are counted. Calls place(worker, range, row
// in the range, values).
template <class Place>
std::optional<RowsRead> readChosenRows(const SourceBytes& bytes, std::uint64_t begin, unsigned stride, std::span<const RowRange> chosen,
                                       const Work& work, Place place) {
  return internal::readBlocks(bytes, begin, stride, work, [&](unsigned worker, const RowBlocks::Block& block) {
    std::uint64_t values[NumberRows::kMostFields];
    const char* at = block.text.get();
    std::uint64_t row = block.firstRow;   // that `at` stands before
    const std::uint64_t last = block.firstRow + block.rows;
    auto range = std::partition_point(chosen.begin(), chosen.end(), [&](const RowRange& r) { return r.first + r.count <= row; });
    for (; range != chosen.end() && range->first < last; ++range) {
      const std::uint64_t from = std::max(range->first, block.firstRow), to = std::min(range->first + range->count, last);
      if (from > row && !skipCommas(at, block.end, (from - row) * stride)) return false;
      for (row = from; row < to; ++row) {
        if (!internal::takeRow(at, stride, values)) return false;
        if (!place(worker, static_cast<std::size_t>(range - chosen.begin()), row - range->first, values)) return false;
        if (row + 1 < last && !internal::takeEndOfRow(at, block.lines)) return false;   // nothing stands behind the last one
      }
    }
    return true;
  });
}

}  // namespace openclaw::v8
