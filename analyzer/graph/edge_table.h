// The references of all objects, and the one place that says which of them keep their target alive. Reachability,
// dominators, retained sizes and paths all ask keepsAlive(), forwards only, so that no two algorithms can disagree about
// what an edge is.
//
//   for (SlotReader slots = edges.slots(source); slots.next();)
//     if (slots.entry() != 0 && edges.keepsAlive(source, slots)) use(slots.entry() - 1);     // entry 0 = null
//
// Null slots stay in the lists because the number of a slot names its field. Policy `strict`: strong and conservative edges
// keep alive; weak, ephemeron and cache edges do not. EdgeTableBuilder fills the lists.
#pragma once

#include <cstdint>
#include <vector>

#include "analyzer/column.h"
#include "analyzer/graph/compressed_lists.h"
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
  static constexpr std::uint8_t kAsDeclared = kStrengthAsDeclared;

  CompressedLists lists;
  Buffer<std::uint64_t> ownRows;  // a bit a source: some of its slots have a strength of their own. Empty: none in the table
  // Number of the first slot of each block of rows, from its page's; empty where nobody asks for firstSlot().
  Buffer<std::uint32_t> blockSlots;
  std::vector<std::uint64_t> pageSlots;
  NarrowColumn types;                       // of the sources
  std::vector<DeclaredStrengths> declared;  // by type
  std::vector<std::uint8_t> mixed;          // by type: 1 = some declared slot does not keep alive
  bool anyMixed = false;

  std::uint32_t objectCount() const { return static_cast<std::uint32_t>(lists.rows()); }
  void declare(std::vector<DeclaredStrengths> byType);

  SlotReader slots(std::uint32_t source) const { return lists.slots(source, hasOwnStrengths(source)); }
  bool hasOwnStrengths(std::uint32_t source) const {
    return !ownRows.empty() && (ownRows[source / 64] >> (source % 64) & 1) != 0;
  }
  // Cost: O(bytes of the list / 8), O(1) for long ones.
  std::uint32_t slotCount(std::uint32_t source) const { return static_cast<std::uint32_t>(lists.count(source)); }
  // Where an object's labels begin: slots are numbered through all objects. Numbers may be left out between two objects. Only
  // where the builder was asked to number slots.
  std::uint64_t firstSlot(std::uint32_t source) const;

  // True: every slot of `source` keeps its target alive, no need to ask for each. O(1).
  bool allKeepAlive(std::uint32_t source) const {
    return !hasOwnStrengths(source) && (!anyMixed || mixed[types[source]] == 0);
  }
  // Of the slot that `slots` read last.
  Strength strengthOf(std::uint32_t source, const SlotReader& slots) const {
    const std::uint8_t own = slots.strength();
    return own != kAsDeclared ? static_cast<Strength>(own) : declared[types[source]].of(slots.slot());
  }
  bool keepsAlive(std::uint32_t source, const SlotReader& slots) const {
    return openclaw::keepsAlive(strengthOf(source, slots));
  }
  // Cost: O(slot) where slots of `source` have strengths of their own.
  Strength strengthOf(std::uint32_t source, std::uint32_t slot) const;
  std::size_t bytes() const { return lists.bytes() + ownRows.bytes() + blockSlots.bytes() + pageSlots.size() * sizeof(pageSlots[0]); }
};

// Who points to each object: sources in ascending order, one entry a slot, all strengths.
struct BackwardEdges {
  CompressedLists lists;
};

}  // namespace openclaw
