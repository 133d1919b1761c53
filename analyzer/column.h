// Column<T>: one value per row, read-only. Owned today; later also mapped from an index file, which is why nobody
// outside sees a vector. Cheap to move; reading is an array access.
//
//   Column<std::uint32_t> sizes = Column<std::uint32_t>::owning(std::move(vector));
//   sizes[i];  sizes.size();  sizes.bytes();   // memory it holds
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace openclaw {

template <class T>
class Column {
 public:
  Column() = default;
  static Column owning(std::vector<T> values) {
    auto held = std::make_shared<std::vector<T>>(std::move(values));
    Column c;
    c.values_ = *held;
    c.bytes_ = held->capacity() * sizeof(T);
    c.owner_ = std::move(held);
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
  std::size_t size() const { return values_.size(); }
  bool empty() const { return values_.empty(); }
  std::size_t bytes() const { return bytes_; }  // heap memory, 0 when mapped

 private:
  std::span<const T> values_;
  std::size_t bytes_ = 0;
  std::shared_ptr<const void> owner_;
};

}  // namespace openclaw
