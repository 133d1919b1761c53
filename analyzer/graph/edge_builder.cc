#include "analyzer/graph/edge_builder.h"

#include <algorithm>
#include <stdexcept>

namespace openclaw {
namespace {

constexpr std::uint32_t kHasStrengths = 1, kHasLabels = 2;

// A record of a Writer.
struct Piece {
  std::uint32_t object, firstSlot, count;
  const std::uint32_t* slots;
  const std::uint32_t* strengths;  // or nullptr
  const std::uint32_t* labels;     // or nullptr
};

}  // namespace

EdgeTableBuilder::EdgeTableBuilder(std::uint64_t objects) : objects_(objects) {
  if (objects > kMostObjects) throw std::length_error("more than 2^32 - 3 objects");
}
EdgeTableBuilder::~EdgeTableBuilder() = default;

EdgeTableBuilder::Writer& EdgeTableBuilder::writer() {
  const std::lock_guard lock(mutex_);
  return *writers_.emplace_back(std::make_unique<Writer>());
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
  records_.insert(records_.end(), {object_, firstSlot_, static_cast<std::uint32_t>(slots_.size()),
                                   (strengths_.empty() ? 0 : kHasStrengths) | (labels_.empty() ? 0 : kHasLabels)});
  records_.insert(records_.end(), slots_.begin(), slots_.end());
  records_.insert(records_.end(), strengths_.begin(), strengths_.end());
  records_.insert(records_.end(), labels_.begin(), labels_.end());
}

EdgeTableBuilder::Totals EdgeTableBuilder::finish(EdgeTable& edges, const Work& work, Buffer<std::uint32_t>* labels) {
  std::vector<Piece> pieces;
  bool anyStrengths = false, anyLabels = false;
  for (const auto& writer : writers_) {
    const std::uint32_t* at = writer->records_.data();
    const std::uint32_t* const end = at + writer->records_.size();
    while (at != end) {
      Piece piece{at[0], at[1], at[2], at + 4, nullptr, nullptr};
      const std::uint32_t follows = at[3];
      at += 4 + piece.count;
      if ((follows & kHasStrengths) != 0) piece.strengths = std::exchange(at, at + piece.count);
      if ((follows & kHasLabels) != 0) piece.labels = std::exchange(at, at + piece.count);
      anyStrengths |= piece.strengths != nullptr;
      anyLabels |= piece.labels != nullptr;
      pieces.push_back(piece);
    }
  }
  work.throwIfStopped();
  std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) {
    return a.object != b.object ? a.object < b.object : a.firstSlot < b.firstSlot;
  });
  Totals totals;
  edges.first = PagedOffsets(objects_);
  std::erase_if(pieces, [&](const Piece& piece) {
    std::uint32_t& count = edges.first.countWhileBuilding(piece.object);
    if (piece.firstSlot != count) {
      totals.droppedSlots += piece.count;
      return true;
    }
    count += piece.count;
    return false;
  });
  if (!edges.first.tryFinish()) throw std::length_error("more than 2^32 references in 65,536 neighbouring objects");
  totals.slots = edges.first.total();
  edges.slots = Buffer<std::uint32_t>(totals.slots);
  if (anyStrengths) {
    edges.strengths = Buffer<std::uint8_t>(totals.slots);
    std::fill_n(edges.strengths.data(), totals.slots, EdgeTable::kAsDeclared);
  }
  if (labels != nullptr) *labels = Buffer<std::uint32_t>(anyLabels ? totals.slots : 0);
  for (const Piece& piece : pieces) {
    const std::uint64_t begin = edges.first.begin(piece.object) + piece.firstSlot;
    for (std::uint32_t i = 0; i < piece.count; ++i) {
      edges.slots[begin + i] = piece.slots[i];
      totals.edges += piece.slots[i] != 0;
      if (piece.strengths != nullptr) edges.strengths[begin + i] = static_cast<std::uint8_t>(piece.strengths[i]);
      if (piece.labels != nullptr && labels != nullptr) (*labels)[begin + i] = piece.labels[i];
    }
  }
  writers_.clear();
  return totals;
}

}  // namespace openclaw
