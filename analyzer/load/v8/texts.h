// The strings of a V8 snapshot and what they name: objects and references, found when asked. Four bytes and a length a string,
// four bytes an object, four a reference; nothing is a std::string until it is shown.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analyzer/load/v8/layout.h"
#include "analyzer/snapshot_state.h"

namespace openclaw::v8 {

// Numbers that arrive one by one, in a Buffer that grows by halves. Threads: as a vector.
template <class T>
class Growing {
 public:
  Growing() = default;
  explicit Growing(std::size_t expected) : rows_(expected) {}
  Growing(Growing&& o) noexcept : rows_(std::move(o.rows_)), size_(std::exchange(o.size_, 0)) {}
  Growing& operator=(Growing&& o) noexcept {
    std::swap(rows_, o.rows_);
    std::swap(size_, o.size_);
    return *this;
  }
  std::size_t size() const { return size_; }
  T& operator[](std::size_t row) { return rows_[row]; }
  const T& operator[](std::size_t row) const { return rows_[row]; }
  void push(T value) {
    if (size_ == rows_.size()) moveTo(size_ + size_ / 2 + 1024);
    rows_[size_++] = value;
  }
  // The first `size` rows of those that were expected, written by their numbers.
  T* rows(std::size_t size) {
    size_ = size;
    return rows_.data();
  }
  // The rows, no more than there are.
  Buffer<T> take() {
    if (rows_.size() != size_) moveTo(size_);
    size_ = 0;
    return std::move(rows_);
  }
  std::size_t bytes() const { return rows_.bytes(); }
  template <class A, class Self>
  static void archive(A& a, Self& self) {
    a(self.rows_, self.size_);
  }

 private:
  void moveTo(std::size_t capacity) {
    Buffer<T> moved(capacity);
    for (std::size_t row = 0; row < size_; ++row) moved[row] = rows_[row];
    rows_ = std::move(moved);
  }
  Buffer<T> rows_;
  std::size_t size_ = 0;
};

// Texts by number. Views live as long as the table. A text is at most JsonReader::kLongestText long.
class StringTable {
 public:
  void add(std::string_view text);
  std::uint32_t size() const { return static_cast<std::uint32_t>(low_.size()); }
  std::string_view operator[](std::uint64_t number) const;   // "" for a number that is not there
  std::size_t bytes() const;
  template <class A, class Self>
  static void archive(A& a, Self& self) {
    a(self.chunks_, self.low_, self.base_, self.end_);
  }

 private:
  // A text stands in one chunk, its length before it (7 bits a byte). Its place is base_[number >> kPageShift] + low_[number]:
  // 2,048 texts of a mebibyte, and what does not fit the end of a chunk, are less than 2^32 bytes.
  static constexpr unsigned kPageShift = 11, kChunkShift = 22;
  std::vector<Buffer<char>> chunks_;
  Growing<std::uint32_t> low_;
  std::vector<std::uint64_t> base_;
  std::uint64_t end_ = 0;
};

// What one reference is called: its kind in three bits and a string's number or an index in the others; what does not fit there
// stands in a side table.
class EdgeLabels {
 public:
  struct Label {
    EdgeKind kind;
    std::uint64_t nameOrIndex;
  };
  EdgeLabels() = default;
  explicit EdgeLabels(std::size_t edges) : words_(edges) {}
  using Side = std::vector<std::pair<std::uint64_t, std::uint64_t>>;   // edge, value
  void set(std::uint64_t edge, EdgeKind kind, std::uint64_t nameOrIndex) { set(edge, kind, nameOrIndex, side_); }
  // For several threads, each with edges and a table of its own; takeSide() puts these together.
  void set(std::uint64_t edge, EdgeKind kind, std::uint64_t nameOrIndex, Side& side) {
    if (nameOrIndex >= kInSide) {
      side.emplace_back(edge, nameOrIndex);
      nameOrIndex = kInSide;
    }
    words_[edge] = static_cast<std::uint32_t>(kind) << 29 | static_cast<std::uint32_t>(nameOrIndex);
  }
  void takeSide(const Side& side) { side_.insert(side_.end(), side.begin(), side.end()); }
  void finish();                                     // before the first at()
  EdgeKind kind(std::uint64_t edge) const { return static_cast<EdgeKind>(words_[edge] >> 29); }
  Label at(std::uint64_t edge) const;
  // Makes room for `count` edges called that in front of edge `before`.
  void insert(std::uint64_t before, std::uint64_t count, EdgeKind kind, std::uint32_t nameOrIndex);
  std::size_t size() const { return words_.size(); }
  std::size_t bytes() const { return words_.bytes() + side_.size() * sizeof(side_[0]); }
  template <class A, class Self>
  static void archive(A& a, Self& self) {
    a(self.words_, self.side_);
  }

 private:
  static constexpr std::uint32_t kInSide = 0x1fff'ffffu;
  Buffer<std::uint32_t> words_;
  Side side_;
};

// Where a function stands in its script, counted from 0.
struct ScriptPlace {
  std::uint32_t function;                            // the object
  std::uint32_t script;                              // index + 1 of the node of the script; 0: its references tell
  std::uint32_t line, column;
};

// Shared by the two text sources of a snapshot.
struct Names {
  StringTable strings;
  Buffer<std::uint32_t> ofNodes;                     // numbers of strings
  std::vector<NodeKind> kindOfType;
  std::vector<ScriptPlace> places;                   // ascending functions
  EdgeLabels labels;
  template <class A, class Self>
  static void archive(A& a, Self& self) {
    a(self.strings, self.ofNodes, self.kindOfType, self.places, self.labels);
  }
};

std::unique_ptr<ObjectTexts> objectTexts(std::shared_ptr<const Names> names, const SnapshotState& state);
std::unique_ptr<SlotTexts> slotTexts(std::shared_ptr<const Names> names, const SnapshotState& state);
// Both again, from what ObjectTexts::save() wrote; `state` has all else. Throws BrokenArchive, std::bad_alloc.
void restoreTexts(ArchiveReader& archive, SnapshotState& state);

}  // namespace openclaw::v8
