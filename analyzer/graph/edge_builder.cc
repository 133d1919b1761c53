#include "analyzer/graph/edge_builder.h"

#include <algorithm>
#include <mutex>
#include <stdexcept>
#include <tuple>

#include "format/check.h"

namespace openclaw {
namespace {

// A record in a page's stream: object in its page (2), then for a whole list of up to 63 bytes its length (1, with kHasStrengths
// where slots have their own) and the list; for anything else kOther and what follows (1), varints of the list's bytes, its slots
// and its first slot, the list, and 4 bytes a slot of labels.
constexpr std::uint8_t kOther = 0x80, kHasStrengths = 0x40, kHasLabels = 1;
constexpr std::size_t kMostShort = 0x3f;

struct Piece {
  std::uint32_t row = 0;  // in its page
  std::uint32_t firstSlot = 0;
  std::uint64_t slots = 0;  // 0: not counted
  const std::uint8_t* begin = nullptr;
  const std::uint8_t* end = nullptr;
  const std::uint8_t* labels = nullptr;
  bool strengths = false;

  std::uint32_t label(std::uint64_t slot) const {
    std::uint32_t value;
    std::memcpy(&value, labels + slot * sizeof(value), sizeof(value));
    return value;
  }
};

Piece takePiece(const std::uint8_t*& at) {
  Piece piece;
  piece.row = at[0] | std::uint32_t{at[1]} << 8;
  const std::uint8_t kind = at[2];
  piece.strengths = (kind & kHasStrengths) != 0;
  at += 3;
  std::uint64_t bytes = kind & kMostShort;
  if ((kind & kOther) != 0) {
    bytes = takeVarint(at);
    piece.slots = takeVarint(at);
    piece.firstSlot = static_cast<std::uint32_t>(takeVarint(at));
  }
  piece.begin = at;
  piece.end = at += bytes;
  if ((kind & kHasLabels) != 0 && (kind & kOther) != 0) {
    piece.labels = at;
    at += piece.slots * sizeof(std::uint32_t);
  }
  return piece;
}

std::uint8_t* putCode(std::uint8_t* at, std::uint64_t code, bool ownStrengths, std::uint8_t strength) {
  return putVarint(at, ownStrengths ? withOwnStrength(code, strength) : code);
}
std::uint8_t* putSlot(std::uint8_t* at, std::uint32_t entry, std::uint32_t& before, bool ownStrengths, std::uint8_t strength) {
  std::uint64_t code = 0;
  if (entry != 0) {
    code = slotCode(entry, before);
    before = entry;
  }
  return putCode(at, code, ownStrengths, strength);
}
// In a table of which some targets are common. `home`: the list's own row + 1.
std::uint8_t* putSlot(std::uint8_t* at, std::uint32_t entry, std::uint32_t& before, std::uint32_t home, const CommonCodes& common,
                      bool ownStrengths, std::uint8_t strength) {
  std::uint64_t code = 0;
  if (entry != 0) {
    code = common.of(entry);
    if (code == 0) code = slotCode(entry, before) + common.count(), before = entry;
    else before = home;
  }
  return putCode(at, code, ownStrengths, strength);
}

}  // namespace

EdgeTableBuilder::EdgeTableBuilder(std::uint64_t objects) : objects_(objects) {
  if (objects > kMostObjects) throw std::length_error("more than 2^32 - 3 objects");
}
EdgeTableBuilder::~EdgeTableBuilder() = default;

EdgeTableBuilder::Writer& EdgeTableBuilder::writer() {
  const std::size_t pages = (objects_ + CompressedLists::kPageRows - 1) >> CompressedLists::kPageShift;
  const std::lock_guard lock(mutex_);
  return *writers_.emplace_back(std::make_unique<Writer>(pages));
}

void EdgeTableBuilder::Writer::begin(std::uint32_t object, std::uint32_t firstSlot) {
  object_ = object;
  firstSlot_ = firstSlot;
  slots_.clear();
  labels_.clear();
  strengths_.clear();
}

void EdgeTableBuilder::Writer::add(std::uint32_t entry, std::uint8_t strength) {
  slots_.push_back(entry);
  if (!labels_.empty()) labels_.push_back(0);
  if (!strengths_.empty())
    strengths_.push_back(strength);
  else if (strength != EdgeTable::kAsDeclared)
    this->strength(strength);
}

void EdgeTableBuilder::Writer::strength(std::uint8_t strength) {
  strengths_.resize(slots_.size(), EdgeTable::kAsDeclared);
  strengths_.back() = strength;
}

void EdgeTableBuilder::Writer::label(std::uint32_t label) {
  labels_.resize(slots_.size());
  labels_.back() = label;
}

void EdgeTableBuilder::Writer::end() {
  if (slots_.empty()) return;
  constexpr std::size_t kHead = 3 + 3 * 10;  // the longest
  const bool strengths = !strengths_.empty(), labelled = !labels_.empty();
  record_.resize(kHead + slots_.size() * kMostVarintBytes);
  std::uint8_t* const list = record_.data() + kHead;
  std::uint8_t* at = list;
  std::uint32_t before = object_ + 1;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i] != 0) ++edges_, sample_.see(slots_[i]);
    at = putSlot(at, slots_[i], before, strengths, strengths ? strengths_[i] : EdgeTable::kAsDeclared);
  }
  const auto bytes = static_cast<std::size_t>(at - list);
  std::uint8_t head[kHead] = {static_cast<std::uint8_t>(object_), static_cast<std::uint8_t>(object_ >> 8),
                              static_cast<std::uint8_t>(bytes | (strengths ? kHasStrengths : 0))};
  std::size_t headBytes = 3;
  if (bytes > kMostShort || labelled || firstSlot_ != 0) {
    head[2] = static_cast<std::uint8_t>(kOther | (labelled ? kHasLabels : 0) | (strengths ? kHasStrengths : 0));
    headBytes = static_cast<std::size_t>(putVarint(putVarint(putVarint(head + 3, bytes), slots_.size()), firstSlot_) - head);
  }
  std::memcpy(list - headBytes, head, headBytes);
  const std::size_t page = object_ >> CompressedLists::kPageShift;
  records_.append(page, list - headBytes, headBytes + bytes);
  if (labelled)
    records_.append(page, reinterpret_cast<const std::uint8_t*>(labels_.data()), labels_.size() * sizeof(std::uint32_t));
  slotsOfPages_[page] += slots_.size();
  anyStrengths_ |= strengths;
  anyLabels_ |= labelled;
}

// What one page needs while it is put together.
struct EdgeTableBuilder::PageBench {
  static constexpr std::uint8_t kRewrite = 1;  // in several pieces
  static constexpr std::uint8_t kListed = 2;   // its first piece stands in `others` for its labels
  static constexpr std::uint8_t kOwn = 4;      // slots of the piece in `lists` have strengths of their own
  std::vector<std::uint8_t> records, rewritten, recoded;
  std::vector<const std::uint8_t*> lists;  // by row
  std::vector<Piece> others;               // of rows that are not one piece as the table will have it, and all with labels
  std::vector<std::uint8_t> marks;         // by row: the above
  CompressedListsBuilder::Page page;
  // Of a page with very long lists no memory is kept for the next.
  void forget() {
    for (std::vector<std::uint8_t>* const bytes : {&records, &rewritten, &recoded})
      if (bytes->capacity() > kMostKept) *bytes = {};
  }
  static constexpr std::size_t kMostKept = 4 << 20;

  // Lists as the table will have them, now that it is known which targets are common.
  void recode(std::uint32_t firstRow, const CommonCodes& common) {
    std::uint64_t bytes = 0;
    for (const std::uint64_t length : page.lengths) bytes += length;
    std::vector<std::uint64_t> begins(page.lengths.size());
    recoded.resize(bytes + kMostVarintBytes);   // mostly they get shorter
    std::uint64_t used = 0;
    for (std::size_t row = 0; row < page.lengths.size(); ++row) {
      begins[row] = used;
      const std::uint32_t home = firstRow + static_cast<std::uint32_t>(row) + 1;
      const bool own = (marks[row] & kOwn) != 0;
      std::uint32_t before = home;
      for (SlotReader slots(lists[row], lists[row] + page.lengths[row], home, own); slots.next();) {
        if (recoded.size() - used < kMostVarintBytes) recoded.resize(recoded.size() + recoded.size() / 4 + kMostVarintBytes);
        std::uint8_t* const at = recoded.data() + used;
        used += static_cast<std::uint64_t>(putSlot(at, slots.entry(), before, home, common, own, slots.strength()) - at);
      }
      page.lengths[row] = used - begins[row];
    }
    for (std::size_t row = 0; row < page.lengths.size(); ++row) lists[row] = recoded.data() + begins[row];
  }
};

void EdgeTableBuilder::finishPage(std::size_t page, PageBench& bench, CompressedListsBuilder& lists, const CommonCodes& common,
                                  EdgeTable& edges, Buffer<std::uint32_t>* labels, Totals& totals) {
  const std::size_t rows = lists.rowsOfPage(page);
  bench.records.clear();
  for (const auto& writer : writers_) writer->records_.take(page, bench.records);
  bench.lists.assign(rows, nullptr);
  bench.page.lengths.assign(rows, 0);
  bench.marks.assign(rows, 0);
  bench.others.clear();
  bool anyRewrite = false;
  const std::uint8_t* const recordsEnd = bench.records.data() + bench.records.size();
  for (const std::uint8_t* at = bench.records.data(); at != recordsEnd;) {
    const Piece piece = takePiece(at);
    OPENCLAW_CHECK(piece.row < rows, piece.row);
    std::uint8_t& marks = bench.marks[piece.row];
    if (piece.firstSlot != 0 || bench.lists[piece.row] != nullptr || marks != 0) {
      marks |= PageBench::kRewrite;
      anyRewrite = true;
      bench.others.push_back(piece);
      continue;
    }
    if (piece.labels != nullptr) {
      marks |= PageBench::kListed;
      bench.others.push_back(piece);
    }
    if (piece.strengths) marks |= PageBench::kOwn;
    bench.lists[piece.row] = piece.begin;
    bench.page.lengths[piece.row] = static_cast<std::uint64_t>(piece.end - piece.begin);
  }
  std::vector<std::pair<std::uint32_t, std::size_t>> rewritten;  // row, offset in bench.rewritten
  bench.rewritten.clear();
  if (anyRewrite) {
    for (std::uint32_t row = 0; row < rows; ++row)
      if ((bench.marks[row] & (PageBench::kRewrite | PageBench::kListed)) == PageBench::kRewrite && bench.lists[row] != nullptr)
        bench.others.push_back({row, 0, 0, bench.lists[row], bench.lists[row] + bench.page.lengths[row], nullptr,
                                (bench.marks[row] & PageBench::kOwn) != 0});
    std::stable_sort(bench.others.begin(), bench.others.end(), [](const Piece& a, const Piece& b) {
      return std::tie(a.row, a.firstSlot) < std::tie(b.row, b.firstSlot);
    });
    const std::uint32_t firstRow = static_cast<std::uint32_t>(page << CompressedLists::kPageShift);
    for (std::size_t i = 0; i < bench.others.size();) {
      const std::uint32_t row = bench.others[i].row;
      if ((bench.marks[row] & PageBench::kRewrite) == 0) {
        ++i;
        continue;
      }
      rewritten.emplace_back(row, bench.rewritten.size());
      std::uint32_t before = firstRow + row + 1;
      std::uint64_t slots = 0;
      bool own = false;
      for (std::size_t j = i; j < bench.others.size() && bench.others[j].row == row; ++j) own |= bench.others[j].strengths;
      if (own) bench.marks[row] |= PageBench::kOwn;
      for (; i < bench.others.size() && bench.others[i].row == row; ++i) {
        Piece& piece = bench.others[i];
        const std::uint64_t count = countSlots(piece.begin, piece.end);
        SlotReader reader(piece.begin, piece.end, firstRow + row + 1, piece.strengths);
        if (piece.firstSlot != slots) {
          totals.droppedSlots += count;
          totals.slots -= count;
          while (reader.next()) totals.edges -= reader.entry() != 0;
          piece.labels = nullptr;
          continue;
        }
        slots += count;
        const std::size_t begin = bench.rewritten.size();
        bench.rewritten.resize(begin + count * kMostVarintBytes);
        std::uint8_t* at = bench.rewritten.data() + begin;
        while (reader.next()) at = putSlot(at, reader.entry(), before, own, reader.strength());
        bench.rewritten.resize(static_cast<std::size_t>(at - bench.rewritten.data()));
      }
      bench.page.lengths[row] = bench.rewritten.size() - rewritten.back().second;
    }
    for (const auto& [row, offset] : rewritten) bench.lists[row] = bench.rewritten.data() + offset;
  }
  if (common.count() != 0) bench.recode(static_cast<std::uint32_t>(page << CompressedLists::kPageShift), common);
  lists.layOutPage(page, bench.page);
  for (std::size_t row = 0; row < rows; ++row)
    if (bench.page.lengths[row] != 0) std::memcpy(bench.page.begins[row], bench.lists[row], bench.page.lengths[row]);
  CompressedListsBuilder::sealPage(bench.page);
  if (!edges.ownRows.empty())   // a page is whole words
    for (std::size_t row = 0; row < rows; ++row)
      if ((bench.marks[row] & PageBench::kOwn) != 0)
        edges.ownRows[(page << CompressedLists::kPageShift | row) / 64] |= std::uint64_t{1} << (row % 64);

  if (edges.blockSlots.empty()) return;
  std::uint64_t slots = 0;
  std::size_t other = 0;
  const bool placeLabels = labels != nullptr && !labels->empty();
  if (placeLabels)
    std::stable_sort(bench.others.begin(), bench.others.end(), [](const Piece& a, const Piece& b) { return a.row < b.row; });
  for (std::size_t row = 0; row < rows; ++row) {
    if (row % CompressedLists::kBlockRows == 0) {
      if (slots > UINT32_MAX) throw std::length_error("more than 2^32 references in 65,536 neighbouring objects");
      edges.blockSlots[(page << (CompressedLists::kPageShift - CompressedLists::kBlockShift)) + row / CompressedLists::kBlockRows] =
          static_cast<std::uint32_t>(slots);
    }
    for (; placeLabels && other < bench.others.size() && bench.others[other].row == row; ++other) {
      const Piece& piece = bench.others[other];
      for (std::uint64_t i = 0; piece.labels != nullptr && i < piece.slots; ++i)
        (*labels)[edges.pageSlots[page] + slots + piece.firstSlot + i] = piece.label(i);
    }
    if (bench.page.lengths[row] != 0)
      slots += countSlots(bench.lists[row], bench.lists[row] + bench.page.lengths[row]);
  }
}

EdgeTableBuilder::Totals EdgeTableBuilder::finish(EdgeTable& edges, const Work& work, Buffer<std::uint32_t>* labels) {
  Totals totals;
  bool anyLabels = false;
  std::uint64_t bytes = 0;
  bool anyStrengths = false;
  for (const auto& writer : writers_) {
    anyStrengths |= writer->anyStrengths_;
    anyLabels |= writer->anyLabels_;
    bytes += writer->records_.totalSize();
    totals.edges += writer->edges_;
    for (const std::uint64_t slots : writer->slotsOfPages_) totals.slots += slots;
  }
  std::vector<const TargetSample*> samples;
  for (const auto& writer : writers_) samples.push_back(&writer->sample_);
  const CommonTargets common = commonTargets(samples);
  const CommonCodes codes(common);
  // A slot behind a common target may lead further than from the one before it.
  const std::uint64_t longer = (anyStrengths ? 1 : 0) + (common.count != 0 ? kMostVarintBytes - 1 : 0);
  CompressedListsBuilder lists(objects_, bytes + longer * totals.slots, PageSize::kHugeInOrder);
  lists.setCommonTargets(common);
  edges.ownRows = Buffer<std::uint64_t>(anyStrengths ? (objects_ + 63) / 64 : 0);
  edges.blockSlots.reset();
  edges.pageSlots.clear();
  if (labels != nullptr) *labels = Buffer<std::uint32_t>(anyLabels ? totals.slots : 0, PageSize::kHugeInOrder);
  if (numberSlots_ || anyLabels) {
    edges.blockSlots = Buffer<std::uint32_t>(objects_ / CompressedLists::kBlockRows + 1);
    std::uint64_t before = 0;
    for (std::size_t page = 0; page < lists.pages(); ++page) {
      edges.pageSlots.push_back(before);
      for (const auto& writer : writers_) before += writer->slotsOfPages_[page];
    }
  }
  std::vector<PageBench> benches(std::max(1u, work.threads));
  std::vector<Totals> changes(benches.size());
  forEachItem(work, lists.pages(), [&](unsigned worker, std::size_t page) {
    finishPage(page, benches[worker], lists, codes, edges, labels, changes[worker]);
    benches[worker].forget();
  });
  for (const Totals& change : changes) {  // what was dropped, as differences modulo 2^64
    totals.slots += change.slots;
    totals.edges += change.edges;
    totals.droppedSlots += change.droppedSlots;
  }
  writers_.clear();
  edges.lists = lists.finish();
  return totals;
}

EdgeTableBuilder::Totals fillFromRows(EdgeTable& edges, const PagedOffsets& first, Buffer<std::uint32_t> slots,
                                      Buffer<std::uint8_t> strengths, const Work& work) {
  EdgeTableBuilder builder(first.rows());
  std::vector<EdgeTableBuilder::Writer*> writers;
  for (unsigned worker = 0; worker < std::max(1u, work.threads); ++worker) writers.push_back(&builder.writer());
  const std::size_t pages = (first.rows() + CompressedLists::kPageRows - 1) >> CompressedLists::kPageShift;
  forEachItem(work, pages, [&](unsigned worker, std::size_t page) {
    EdgeTableBuilder::Writer& writer = *writers[worker];
    const std::size_t begin = page << CompressedLists::kPageShift, end = std::min(first.rows(), begin + CompressedLists::kPageRows);
    for (std::size_t row = begin; row < end; ++row) {
      writer.begin(static_cast<std::uint32_t>(row));
      for (std::uint64_t i = first.begin(row); i < first.end(row); ++i) {
        slots[i] == 0 ? writer.null() : writer.slot(slots[i] - 1);
        if (!strengths.empty() && strengths[i] != static_cast<std::uint8_t>(Strength::kStrong)) writer.strength(strengths[i]);
      }
      writer.end();
    }
    slots.release(first.begin(begin), first.begin(end) - first.begin(begin));
    if (!strengths.empty()) strengths.release(first.begin(begin), first.begin(end) - first.begin(begin));
  });
  slots.reset();
  strengths.reset();
  return builder.finish(edges, work);
}

}  // namespace openclaw
