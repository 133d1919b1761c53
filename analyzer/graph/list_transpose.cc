#include "analyzer/graph/list_transpose.h"

#include <algorithm>

namespace openclaw {
namespace {

// Of a page with rows that very many point to no memory is kept for the next.
constexpr std::size_t kMostKept = 4 << 20;

// What one page needs while it is sorted.
struct Bench {
  std::vector<std::uint8_t> records;
  std::vector<std::size_t> partEnds;
  std::vector<std::uint32_t> before;  // entry before, by row; 0 = none yet
  CompressedListsBuilder::Page page;

  template <class See>
  void forEach(std::uint32_t firstRow, See see) {
    std::fill(before.begin(), before.end(), 0);
    const std::uint8_t* at = records.data();
    for (const std::size_t partEnd : partEnds) {
      std::uint32_t value = 0;
      for (const std::uint8_t* const end = records.data() + partEnd; at != end;) {
        const std::uint32_t row = at[0] | std::uint32_t{at[1]} << 8;
        at += 2;
        value += static_cast<std::uint32_t>(takeVarint(at));
        const std::uint32_t entry = value + 1;
        see(row, slotCode(entry, before[row] != 0 ? before[row] : firstRow + row + 1));
        before[row] = entry;
      }
    }
  }
};

}  // namespace

ListTranspose::ListTranspose(std::size_t rows, unsigned parts) : rows_(rows) {
  const std::size_t pages = (rows + CompressedLists::kPageRows - 1) >> CompressedLists::kPageShift;
  for (unsigned part = 0; part < std::max(1u, parts); ++part) parts_.push_back(std::make_unique<Part>(pages));
}

std::uint64_t ListTranspose::pairs() const {
  std::uint64_t sum = 0;
  for (const auto& part : parts_) sum += part->pairs;
  return sum;
}

CompressedLists ListTranspose::finish(const Work& work, PageSize pageSize) {
  CompressedListsBuilder lists(rows_, pairs() * kMostVarintBytes, pageSize);
  finishPages(work, lists, 0, lists.pages());
  return lists.finish();
}

void ListTranspose::finishPages(const Work& work, CompressedListsBuilder& lists, std::size_t firstPage, std::size_t lastPage) {
  std::vector<Bench> benches(std::max(1u, work.threads));
  forEachItem(work, lastPage - firstPage, [&](unsigned worker, std::size_t item) {
    const std::size_t page = firstPage + item;
    Bench& bench = benches[worker];
    const std::size_t rows = lists.rowsOfPage(page);
    bench.records.clear();
    bench.partEnds.clear();
    for (const auto& part : parts_) {
      part->streams.take(page, bench.records);
      part->last[page] = 0;
      bench.partEnds.push_back(bench.records.size());
    }
    bench.before.assign(rows, 0);
    bench.page.lengths.assign(rows, 0);
    const auto firstRow = static_cast<std::uint32_t>(page << CompressedLists::kPageShift);
    bench.forEach(firstRow, [&](std::uint32_t row, std::uint64_t code) { bench.page.lengths[row] += varintBytes(code); });
    lists.layOutPage(page, bench.page);
    bench.forEach(firstRow, [&](std::uint32_t row, std::uint64_t code) {
      bench.page.begins[row] = putVarint(bench.page.begins[row], code);
    });
    CompressedListsBuilder::sealPage(bench.page);
    if (bench.records.size() > kMostKept) bench.records = {};
  });
}

}  // namespace openclaw
