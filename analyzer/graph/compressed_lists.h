// Lists of indexes, one a row, in a few bytes each and found in constant time: who points to what, both ways.
//
//   page of 65,536 rows = block of 16 rows, again and again; then its long lists
//   block               = 16 length bytes, then the 16 lists one after the other (list_coding.h)
//   length byte         = bytes of the list, up to 127; bit 7: 8 bytes stand in its place, the offset from the page's begin
//                         to a long list = bytes (8), slots (8), the list
//
// A row costs its slots' bytes (about 1.3 each in real heaps), a length byte and a quarter for the offset of its block; finding
// a list adds up the length bytes before it.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <vector>

#include "analyzer/buffer.h"
#include "analyzer/graph/list_coding.h"

namespace openclaw {

// Threads: const from any number.
class CompressedLists {
 public:
  static constexpr unsigned kBlockShift = 4, kPageShift = 16;
  static constexpr std::size_t kBlockRows = std::size_t{1} << kBlockShift, kPageRows = std::size_t{1} << kPageShift;
  static constexpr std::uint8_t kLong = 0x80;

  struct List {
    const std::uint8_t* begin;
    const std::uint8_t* end;
    std::size_t bytes() const { return static_cast<std::size_t>(end - begin); }
  };

  CompressedLists() = default;
  std::size_t rows() const { return rows_; }
  List list(std::size_t row) const {
    const std::uint8_t* const block = blockOf(row);
    const std::size_t inBlock = row & (kBlockRows - 1);
    const std::uint8_t* const begin = block + kBlockRows + sumBefore(block, inBlock);
    const std::uint8_t length = block[inBlock];
    if (length < kLong) [[likely]] return {begin, begin + length};
    return longList(row, begin);
  }
  SlotReader slots(std::uint32_t row, bool ownStrengths = false) const {
    const List found = list(row);
    return {found.begin, found.end, row + 1, ownStrengths, common_};
  }
  // Null ones too. Cost: O(bytes of the list / 8), O(1) for long lists.
  std::uint64_t count(std::size_t row) const;
  // Slots of the rows of its block before it.
  std::uint64_t countBeforeInBlock(std::size_t row) const;
  // Has the list of `row` under way before it is asked for.
  void prefetch(std::size_t row) const { __builtin_prefetch(blockOf(row)); }
  std::size_t bytes() const { return bytes_.bytes() + blocks_.bytes() + pages_.size() * sizeof(Page); }
  // The lists of a page are not needed any more: their memory goes back to the system (small pages only).
  void releasePage(std::size_t page) { bytes_.release(pages_[page].begin, pages_[page].bytes); }
  template <class A, class Self>
  static void archive(A& a, Self& self) {
    a(self.rows_, self.common_, self.bytes_, self.blocks_, self.pages_);
  }

 private:
  friend class CompressedListsBuilder;
  struct Page {
    std::uint64_t begin, bytes;
    template <class A, class Self>
    static void archive(A& a, Self& self) {
      a(self.begin, self.bytes);
    }
  };
  const std::uint8_t* blockOf(std::size_t row) const {
    return bytes_.data() + pages_[row >> kPageShift].begin + blocks_[row >> kBlockShift];
  }
  // Sum of the lower seven bits of the first `count` bytes, count < 16.
  static std::size_t sumBefore(const std::uint8_t* bytes, std::size_t count) {
    std::uint64_t low, high;
    std::memcpy(&low, bytes, 8);
    std::memcpy(&high, bytes + 8, 8);
    static_assert(std::endian::native == std::endian::little);
    const auto keep = [](std::size_t n) { return n >= 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * n)) - 1; };
    low &= keep(count) & 0x7f7f'7f7f'7f7f'7f7fu;
    high &= (count <= 8 ? 0 : keep(count - 8)) & 0x7f7f'7f7f'7f7f'7f7fu;
    constexpr std::uint64_t kEven = 0x00ff'00ff'00ff'00ffu;
    const std::uint64_t pairs = (low & kEven) + (low >> 8 & kEven) + (high & kEven) + (high >> 8 & kEven);  // four of at most 508
    return pairs * 0x0001'0001'0001'0001u >> 48;
  }
  List longList(std::size_t row, const std::uint8_t* place) const;

  std::size_t rows_ = 0;
  CommonTargets common_;
  Buffer<std::uint8_t> bytes_;
  Buffer<std::uint32_t> blocks_;  // from the page's begin
  std::vector<Page> pages_;
};

// Fills lists page by page, in any order, from any number of threads: lay a page out from the lengths of its lists, write
// each list where it begins, seal.
class CompressedListsBuilder {
 public:
  // `mostBytes`: a bound on the bytes of all lists; only what is used costs memory.
  CompressedListsBuilder(std::size_t rows, std::uint64_t mostBytes, PageSize pageSize = PageSize::kHuge);

  struct Page {
    std::vector<std::uint64_t> lengths;         // in: bytes of each list of the page; may be fewer than 65,536, the last page's
    std::vector<std::uint8_t*> begins;          // out
    std::vector<std::uint8_t*> longHeaders;     // of sealPage
  };
  void layOutPage(std::size_t page, Page& layout);
  static void sealPage(const Page& layout);
  // That the lists were written with, if any.
  void setCommonTargets(const CommonTargets& common) { lists_.common_ = common; }
  std::size_t rowsOfPage(std::size_t page) const;
  std::size_t pages() const { return lists_.pages_.size(); }
  CompressedLists finish();

 private:
  CompressedLists lists_;
  std::atomic<std::uint64_t> used_{0};
};

}  // namespace openclaw
