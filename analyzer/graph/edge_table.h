// The references of all objects as one list of slots, and the one place that says which of them keep their
// target alive. Reachability, dominators, retained sizes and paths all ask keepsAlive(), forwards only, so
// that no two algorithms can disagree about what an edge is.
//
//   slots of object i = slots[first.begin(i) .. first.begin(i + 1)),  value 0 = null, else target index + 1
//
// Null slots stay in the list because the number of a slot names its field; as zeros in fresh pages they are
// free. Policy `strict`: strong and conservative edges keep alive; weak, ephemeron and cache edges do not.
#pragma once

#include <cstdint>
#include <vector>

#include "analyzer/column.h"
#include "format/records.h"

namespace openclaw {

// An object index is 32 bits wide everywhere; the values above mean "only the roots dominate it", "unreachable" and "none"
// (graph/dominators.h, object_numbers.h). Loaders refuse larger dumps with a message.
inline constexpr std::uint64_t kMostObjects = 0xffff'fffdu;

constexpr bool keepsAlive(Strength strength) {
  return strength == Strength::kStrong || strength == Strength::kConservative;
}

// The strengths of a type's slots as its fields declare them.
struct DeclaredStrengths {
  std::vector<Strength> fixed, element;
  bool allKeepAlive() const;
  // Slots past the declared ones (a type whose fields were lost, an import) count as strong.
  Strength of(std::uint32_t slot) const;
};

// Threads: const from any number once filled.
struct EdgeTable {
  static constexpr std::uint8_t kAsDeclared = 0xff;

  PagedOffsets first;
  Buffer<std::uint32_t> slots;
  Buffer<std::uint8_t> strengths;           // empty, or one a slot: a Strength, or kAsDeclared
  NarrowColumn types;                       // of the sources
  std::vector<DeclaredStrengths> declared;  // by type
  std::vector<std::uint8_t> mixed;          // by type: 1 = some declared slot does not keep alive

  std::uint32_t slotCount(std::uint32_t source) const { return first.count(source); }
  // The number of an object's first slot among the slots of all objects: where its row of labels begins.
  std::uint64_t firstSlot(std::uint32_t source) const { return first.begin(source); }
  std::uint32_t objectCount() const { return static_cast<std::uint32_t>(first.rows()); }
  void declare(std::vector<DeclaredStrengths> byType);

  // True: every slot of `source` keeps its target alive, no need to ask for each. O(1).
  bool allKeepAlive(std::uint32_t source) const { return strengths.empty() && mixed[types[source]] == 0; }
  Strength strengthOf(std::uint32_t source, std::uint32_t slot) const {
    if (!strengths.empty()) {
      const std::uint8_t own = strengths[first.begin(source) + slot];
      if (own != kAsDeclared) return static_cast<Strength>(own);
    }
    return declared[types[source]].of(slot);
  }
  bool keepsAlive(std::uint32_t source, std::uint32_t slot) const {
    return openclaw::keepsAlive(strengthOf(source, slot));
  }
  std::size_t bytes() const { return first.bytes() + slots.bytes() + strengths.bytes(); }
};

// Who points to each object: sources + 1 in ascending order, one entry a slot, all strengths.
struct BackwardEdges {
  PagedOffsets first;
  Buffer<std::uint32_t> sources;
};

}  // namespace openclaw
