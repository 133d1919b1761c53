// How plain structs become bytes and structs again, each described once for both directions:
//
//   template <class A, class T> void archive(A& a, T& pause) { a(pause.number, pause.ownedKind, pause.ownedPhases); }
//
// with T const while writing. Structs with private members have a static member `archive(a, self)` instead. Large columns do
// not go among the small values: the sink gets them as they are, the source gives them back mapped. What is read was
// sealed by the same program (index_file.h), so only its length is checked here.
#pragma once

#include <concepts>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analyzer/buffer.h"
#include "analyzer/column.h"
#include "format/ids.h"
#include "format/units.h"

namespace openclaw {

// Thrown when an archive ends early or leads nowhere: it was not written by this version.
struct BrokenArchive {};

namespace internal {
template <class T>
inline constexpr bool kIsIndex = false;
template <class Tag, class Rep>
inline constexpr bool kIsIndex<Index<Tag, Rep>> = true;
}  // namespace internal

// Values that are their bytes. Specialised for small structs without pointers, texts or padding that matters.
template <class T>
inline constexpr bool kArchivedAsBytes =
    std::is_arithmetic_v<T> || std::is_enum_v<T> || internal::kIsIndex<T> || std::is_same_v<T, Address> || std::is_same_v<T, Bytes>;
template <class A, class B>
inline constexpr bool kArchivedAsBytes<std::pair<A, B>> = kArchivedAsBytes<A> && kArchivedAsBytes<B>;

// Where columns go while writing. Threads: one.
class ColumnSink {
 public:
  virtual ~ColumnSink() = default;
  virtual void column(std::span<const std::byte> bytes) = 0;  // throws what the file throws
};
// Where they come from, in the same order. `bytes`: as many as were written, or BrokenArchive.
class ColumnSource {
 public:
  virtual ~ColumnSource() = default;
  // The next one: its place in the file, and its length.
  struct Place {
    int descriptor;
    std::uint64_t offset, bytes;
  };
  virtual Place next() = 0;
};

class ArchiveWriter {
 public:
  static constexpr bool kReads = false;
  explicit ArchiveWriter(ColumnSink& columns) : columns_(columns) {}
  template <class... T>
  void operator()(const T&... items) {
    (put(items), ...);
  }
  const std::vector<std::byte>& bytes() const { return bytes_; }

 private:
  void raw(const void* data, std::size_t size) {
    const auto* const first = static_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), first, first + size);
  }
  void count(std::size_t n) { put(static_cast<std::uint64_t>(n)); }

  template <class T>
  void put(const T& value) {
    if constexpr (kArchivedAsBytes<T>) raw(&value, sizeof(T));
    else if constexpr (requires { T::archive(*this, value); }) T::archive(*this, value);
    else archive(*this, value);
  }
  void put(const std::string& text) {
    count(text.size());
    raw(text.data(), text.size());
  }
  template <class T>
  void put(const std::optional<T>& value) {
    put(value.has_value());
    if (value) put(*value);
  }
  template <class A, class B>
    requires(!kArchivedAsBytes<std::pair<A, B>>)
  void put(const std::pair<A, B>& pair) {
    put(pair.first);
    put(pair.second);
  }
  template <class T>
  void put(const std::vector<T>& rows) {
    count(rows.size());
    if constexpr (kArchivedAsBytes<T> && !std::is_same_v<T, bool>) raw(rows.data(), rows.size() * sizeof(T));
    else
      for (const T& row : rows) put(row);
  }
  template <class I, class T>
  void put(const IndexedVector<I, T>& rows) {
    put(static_cast<const std::vector<T>&>(rows));
  }
  template <class K, class V>
  void put(const std::unordered_map<K, V>& map) {
    count(map.size());
    for (const auto& [key, value] : map) (put(key), put(value));
  }
  template <class T>
  void put(const Buffer<T>& rows) {
    columns_.column(std::as_bytes(rows.span()));
  }
  template <class T>
  void put(const Column<T>& rows) {
    columns_.column(std::as_bytes(std::span(rows.data(), rows.size())));
  }

  ColumnSink& columns_;
  std::vector<std::byte> bytes_;
};

class ArchiveReader {
 public:
  static constexpr bool kReads = true;
  // `bytes` and `columns` outlive the reader.
  ArchiveReader(std::span<const std::byte> bytes, ColumnSource& columns) : rest_(bytes), columns_(columns) {}
  template <class... T>
  void operator()(T&... items) {
    (take(items), ...);
  }
  bool atEnd() const { return rest_.empty(); }

 private:
  void raw(void* data, std::size_t size) {
    if (size > rest_.size()) throw BrokenArchive{};
    if (size != 0) std::memcpy(data, rest_.data(), size);
    rest_ = rest_.subspan(size);
  }
  // `least`: bytes that each of them takes.
  std::size_t count(std::size_t least) {
    std::uint64_t n = 0;
    raw(&n, sizeof(n));
    if (n > rest_.size() / least) throw BrokenArchive{};
    return static_cast<std::size_t>(n);
  }

  template <class T>
  void take(T& value) {
    if constexpr (kArchivedAsBytes<T>) raw(&value, sizeof(T));
    else if constexpr (requires { T::archive(*this, value); }) T::archive(*this, value);
    else archive(*this, value);
  }
  void take(std::string& text) {
    text.resize(count(1));
    raw(text.data(), text.size());
  }
  template <class T>
  void take(std::optional<T>& value) {
    bool has = false;
    take(has);
    value.reset();
    if (has) take(value.emplace());
  }
  template <class A, class B>
    requires(!kArchivedAsBytes<std::pair<A, B>>)
  void take(std::pair<A, B>& pair) {
    take(pair.first);
    take(pair.second);
  }
  template <class T>
  void take(std::vector<T>& rows) {
    if constexpr (kArchivedAsBytes<T> && !std::is_same_v<T, bool>) {
      rows.resize(count(sizeof(T)));
      raw(rows.data(), rows.size() * sizeof(T));
    } else {
      rows.resize(count(1));
      for (T& row : rows) take(row);
    }
  }
  template <class I, class T>
  void take(IndexedVector<I, T>& rows) {
    take(static_cast<std::vector<T>&>(rows));
  }
  template <class K, class V>
  void take(std::unordered_map<K, V>& map) {
    const std::size_t rows = count(1);
    map.clear();
    map.reserve(rows);
    for (std::size_t i = 0; i < rows; ++i) {
      std::pair<K, V> row;
      take(row.first);
      take(row.second);
      map.insert(std::move(row));
    }
  }
  template <class T>
  void take(Buffer<T>& rows) {
    const ColumnSource::Place place = columns_.next();
    if (place.bytes % sizeof(T) != 0) throw BrokenArchive{};
    rows = Buffer<T>::mapped(place.descriptor, place.offset, place.bytes / sizeof(T));
  }
  template <class T>
  void take(Column<T>& rows) {
    Buffer<T> mapped;
    take(mapped);
    rows = Column<T>::owning(std::move(mapped));
  }

  std::span<const std::byte> rest_;
  ColumnSource& columns_;
};

}  // namespace openclaw
