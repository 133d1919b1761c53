// From the ids of a file's references to the objects of the edge table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "analyzer/address_set.h"
#include "analyzer/graph/edge_builder.h"

namespace openclaw::hprof {

// Takes references of objects as ids and writes them as objects, a few hundred at a time, so that the waits for memory overlap.
class ReferenceBatch {
 public:
  ReferenceBatch(const AddressSet& ids, EdgeTableBuilder::Writer& writer) : set_(ids), writer_(writer) {}
  // The slots of `object` from number `firstSlot` on follow.
  void begin(std::uint32_t object, std::uint64_t firstSlot = 0) {
    if (ids_.size() >= kAtOnce) flush();
    pieces_.push_back({object, firstSlot, ids_.size()});
  }
  void add(std::uint64_t id) { ids_.push_back(id); }
  void flush() {
    for (const std::uint64_t id : ids_)
      if (id != 0) set_.prefetch(id);
    std::size_t at = 0;
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      const std::size_t end = i + 1 < pieces_.size() ? pieces_[i + 1].at : ids_.size();
      writer_.begin(pieces_[i].object, static_cast<std::uint32_t>(pieces_[i].firstSlot));
      for (; at < end; ++at) {
        const std::uint32_t target = ids_[at] == 0 ? AddressSet::kMissing : set_.indexOf(ids_[at]);
        if (target != AddressSet::kMissing) {
          writer_.slot(target);
          continue;
        }
        missing_ += ids_[at] != 0;
        writer_.null();
      }
      writer_.end();
    }
    pieces_.clear();
    ids_.clear();
  }
  std::uint64_t missing() const { return missing_; }

 private:
  static constexpr std::size_t kAtOnce = 128;
  struct Piece {
    std::uint32_t object;
    std::uint64_t firstSlot;
    std::size_t at;
  };
  const AddressSet& set_;
  EdgeTableBuilder::Writer& writer_;
  std::vector<Piece> pieces_;
  std::vector<std::uint64_t> ids_;
  std::uint64_t missing_ = 0;
};

}  // namespace openclaw::hprof
