// Pairs (row, value) turned into a list of values by row: who points here, from who points where. A sort into pigeonholes of
// 65,536 rows, and then within one, so that all random access stays in the processor's caches.
//
//   ListTranspose transpose(rows, threads);
//   transpose.add(thread, target, source);      // values ascend within a thread, and from one thread to the next
//   CompressedLists referrers = transpose.finish(work);
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "analyzer/graph/byte_streams.h"
#include "analyzer/graph/compressed_lists.h"
#include "analyzer/graph/work.h"

namespace openclaw {

// Threads: add() from one a part; finish() when all are done. Memory: about 3 bytes a pair, given back while the lists grow.
class ListTranspose {
 public:
  ListTranspose(std::size_t rows, unsigned parts);

  // Equal pairs are kept, each.
  void add(unsigned part, std::uint32_t row, std::uint32_t value) {
    Part& p = *parts_[part];
    std::uint32_t& last = p.last[row >> CompressedLists::kPageShift];
    std::uint8_t record[2 + kMostVarintBytes];
    record[0] = static_cast<std::uint8_t>(row);
    record[1] = static_cast<std::uint8_t>(row >> 8);
    const std::uint8_t* const end = putVarint(record + 2, value - last);
    last = value;
    ++p.pairs;
    p.streams.append(row >> CompressedLists::kPageShift, record, static_cast<std::size_t>(end - record));
  }
  // Lists of values in ascending order. Throws Cancelled, std::bad_alloc. Cost: O(pairs + rows).
  CompressedLists finish(const Work& work, PageSize pageSize = PageSize::kHuge);
  // The same into lists that have room, for the pages whose rows were added; the pigeonholes are empty again. For sorting in
  // several rounds, of some pages each.
  void finishPages(const Work& work, CompressedListsBuilder& lists, std::size_t firstPage, std::size_t lastPage);
  std::uint64_t pairs() const;

 private:
  struct Part {
    explicit Part(std::size_t pages) : streams(pages), last(pages) {}
    ByteStreams streams;
    std::vector<std::uint32_t> last;  // value added last, by page
    std::uint64_t pairs = 0;
  };
  const std::size_t rows_;
  std::vector<std::unique_ptr<Part>> parts_;
};

}  // namespace openclaw
