#include "analyzer/graph/edge_table.h"

#include <algorithm>

#include "format/check.h"

namespace openclaw {

bool DeclaredStrengths::allKeepAlive() const {
  constexpr auto keeps = [](Strength s) { return openclaw::keepsAlive(s); };
  return std::all_of(fixed.begin(), fixed.end(), keeps) && std::all_of(element.begin(), element.end(), keeps);
}

Strength DeclaredStrengths::of(std::uint32_t slot) const {
  if (slot < fixed.size()) return fixed[slot];
  if (element.empty()) return Strength::kStrong;
  return element[(slot - fixed.size()) % element.size()];
}

void EdgeTable::declare(std::vector<DeclaredStrengths> byType) {
  declared = std::move(byType);
  mixed.clear();
  for (const DeclaredStrengths& type : declared) mixed.push_back(type.allKeepAlive() ? 0 : 1);
  anyMixed = std::find(mixed.begin(), mixed.end(), 1) != mixed.end();
}

std::uint64_t EdgeTable::firstSlot(std::uint32_t source) const {
  OPENCLAW_CHECK(!blockSlots.empty(), source);
  return pageSlots[source >> CompressedLists::kPageShift] + blockSlots[source >> CompressedLists::kBlockShift] +
         lists.countBeforeInBlock(source);
}

Strength EdgeTable::strengthOf(std::uint32_t source, std::uint32_t slot) const {
  if (hasOwnStrengths(source))
    for (SlotReader reader = slots(source); reader.next();)
      if (reader.slot() == slot) return strengthOf(source, reader);
  return declared[types[source]].of(slot);
}

}  // namespace openclaw
