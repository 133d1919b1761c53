// Column<T>: one value per row, read-only. Owned today; later also mapped from an index file, which is why
// nobody outside sees how it is held. Cheap to move; reading is an array access.
//
//   Column<std::uint32_t> sizes = Column<std::uint32_t>::owning(std::move(buffer));
//   sizes[i];  sizes.size();  sizes.bytes();   // memory it holds
//
// NarrowColumn: 32-bit values kept in 8 or 16 bits when all of them fit. PagedOffsets: where each row's entries
// begin in a long list, 4 bytes a row without a limit at 2^32 entries.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "analyzer/buffer.h"

namespace openclaw {

template <class T>
class Column {
 public:
  Column() = default;
  static Column owning(std::vector<T> values) {
    auto held = std::make_shared<std::vector<T>>(std::move(values));
    Column c = borrowing(*held, held);
    c.bytes_ = held->capacity() * sizeof(T);
    return c;
  }
  static Column owning(Buffer<T> values) {
    auto held = std::make_shared<Buffer<T>>(std::move(values));
    Column c = borrowing(std::as_const(*held).span(), held);
    c.bytes_ = held->bytes();
    return c;
  }
  // `owner` keeps `values` alive (a mapping).
  static Column borrowing(std::span<const T> values, std::shared_ptr<const void> owner) {
    Column c;
    c.values_ = values;
    c.owner_ = std::move(owner);
    return c;
  }
  T operator[](std::size_t row) const { return values_[row]; }
  const T* data() const { return values_.data(); }
  std::size_t size() const { return values_.size(); }
  bool empty() const { return values_.empty(); }
  std::size_t bytes() const { return bytes_; }  // heap memory, 0 when mapped

 private:
  std::span<const T> values_;
  std::size_t bytes_ = 0;
  std::shared_ptr<const void> owner_;
};

class NarrowColumn {
 public:
  NarrowColumn() = default;
  explicit NarrowColumn(Column<std::uint8_t> values) : bytes_(std::move(values)) {}
  explicit NarrowColumn(Column<std::uint16_t> values) : narrow_(std::move(values)) {}
  explicit NarrowColumn(Column<std::uint32_t> values) : wide_(std::move(values)) {}
  // Values from kInSide on stand in `side`, by ascending rows, and as kInSide in `values`.
  static constexpr std::uint8_t kInSide = 0xff;
  NarrowColumn(Column<std::uint8_t> values, std::vector<std::pair<std::uint32_t, std::uint32_t>> side)
      : bytes_(std::move(values)), side_(std::move(side)) {}
  std::uint32_t operator[](std::size_t row) const {
    if (!narrow_.empty()) return narrow_[row];
    if (bytes_.empty()) return wide_[row];
    const std::uint8_t value = bytes_[row];
    return value != kInSide || side_.empty() ? value : fromSide(row);
  }
  std::size_t size() const { return bytes_.size() + narrow_.size() + wide_.size(); }
  std::size_t bytes() const { return bytes_.bytes() + narrow_.bytes() + wide_.bytes() + side_.capacity() * sizeof(side_[0]); }
  bool isNarrow() const { return wide_.empty(); }
  template <class A, class Self>
  static void archive(A& a, Self& self) {
    a(self.bytes_, self.narrow_, self.wide_, self.side_);
  }

 private:
  std::uint32_t fromSide(std::size_t row) const {
    const auto at = std::lower_bound(side_.begin(), side_.end(), row, [](const auto& entry, std::size_t wanted) { return entry.first < wanted; });
    return at != side_.end() && at->first == row ? at->second : kInSide;
  }

  Column<std::uint8_t> bytes_;
  Column<std::uint16_t> narrow_;
  Column<std::uint32_t> wide_;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> side_;
};

// Fills a NarrowColumn that is as wide as its largest value needs.
//
//   NarrowColumnFiller filler(rows, largest);
//   filler.set(row, value);                      // <= largest; different rows from any number of threads
//   column = filler.finish();
class NarrowColumnFiller {
 public:
  NarrowColumnFiller(std::size_t rows, std::uint32_t largest)
      : width_(largest <= 0xff ? 1 : largest <= 0xffff ? 2 : 4),
        bytes_(width_ == 1 ? rows : 0),
        narrow_(width_ == 2 ? rows : 0),
        wide_(width_ == 4 ? rows : 0) {}
  void set(std::size_t row, std::uint32_t value) {
    if (width_ == 1)
      bytes_[row] = static_cast<std::uint8_t>(value);
    else if (width_ == 2)
      narrow_[row] = static_cast<std::uint16_t>(value);
    else
      wide_[row] = value;
  }
  // Of a filler for values up to 0xff.
  NarrowColumn finishWith(std::vector<std::pair<std::uint32_t, std::uint32_t>> side) {
    return NarrowColumn(Column<std::uint8_t>::owning(std::move(bytes_)), std::move(side));
  }
  NarrowColumn finish() {
    return width_ == 1   ? NarrowColumn(Column<std::uint8_t>::owning(std::move(bytes_)))
           : width_ == 2 ? NarrowColumn(Column<std::uint16_t>::owning(std::move(narrow_)))
                         : NarrowColumn(Column<std::uint32_t>::owning(std::move(wide_)));
  }

 private:
  unsigned width_;
  Buffer<std::uint8_t> bytes_;
  Buffer<std::uint16_t> narrow_;
  Buffer<std::uint32_t> wide_;
};

// Row i's entries are [begin(i), begin(i + 1)). Built from counts; afterwards constant.
// Invariant: the entries of 65,536 neighbouring rows are fewer than 2^32 (tryFinish answers false otherwise).
class PagedOffsets {
 public:
  static constexpr unsigned kPageShift = 16;

  PagedOffsets() = default;
  explicit PagedOffsets(std::size_t rows) : low_(rows + 1) {}
  std::size_t rows() const { return low_.empty() ? 0 : low_.size() - 1; }
  std::uint64_t begin(std::size_t row) const { return base_[row >> kPageShift] + low_[row]; }
  std::uint64_t end(std::size_t row) const { return begin(row + 1); }
  std::uint32_t count(std::size_t row) const { return static_cast<std::uint32_t>(end(row) - begin(row)); }
  std::uint64_t total() const { return low_.empty() ? 0 : begin(low_.size() - 1); }
  std::size_t bytes() const { return low_.bytes() + base_.size() * sizeof(std::uint64_t); }

  // Building: add to the counts of rows in any order, then tryFinish() once.
  std::uint32_t& countWhileBuilding(std::size_t row) { return low_[row]; }
  [[nodiscard]] bool tryFinish() {
    base_.clear();
    std::uint64_t sum = 0;
    for (std::size_t row = 0; row < low_.size(); ++row) {
      if ((row & ((std::size_t{1} << kPageShift) - 1)) == 0) base_.push_back(sum);
      const std::uint64_t offset = sum - base_.back();
      if (offset > UINT32_MAX) return false;
      sum += low_[row];
      low_[row] = static_cast<std::uint32_t>(offset);
    }
    return true;
  }
  // Filling a list back to front: each row starts at its end and claims the place before. begin() and end()
  // hold again once every row has claimed all its entries. Needs finishAtEnds() in place of tryFinish().
  [[nodiscard]] bool finishAtEnds() {
    base_.clear();
    std::uint64_t sum = 0;
    for (std::size_t row = 0; row < low_.size(); ++row) {
      if ((row & ((std::size_t{1} << kPageShift) - 1)) == 0) base_.push_back(sum);
      sum += low_[row];
      const std::uint64_t offset = sum - base_.back();
      if (offset > UINT32_MAX) return false;
      low_[row] = static_cast<std::uint32_t>(offset);
    }
    return true;
  }
  std::uint64_t claim(std::size_t row) { return base_[row >> kPageShift] + --low_[row]; }

 private:
  Buffer<std::uint32_t> low_;
  std::vector<std::uint64_t> base_;
};

}  // namespace openclaw
