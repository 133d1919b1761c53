#include "analyzer/views/generations.h"

#include <algorithm>

namespace openclaw {
namespace {

// What was allocated in the interval that each age stands for. Age a lies between the a-th newest collection and the one
// before it; a collection's record says what was allocated since the one before.
void cohorts(const Snapshot& s, GenerationsView& view) {
  std::vector<const PauseInfo*> collections;  // newest first
  for (const PauseInfo& pause : s.pauses())
    if (pause.ownedKind == "collect") collections.push_back(&pause);
  std::sort(collections.begin(), collections.end(),
            [](const PauseInfo* a, const PauseInfo* b) { return a->number > b->number; });
  view.collections = s.counter("collections_total").value_or(collections.size());
  // A record lost in between would shift all older cohorts; the log drops only the oldest.
  std::uint64_t recorded = 0;
  for (std::size_t i = 0; i < collections.size() && i < 6; ++i) {
    view.ages[i + 1].allocated = Bytes(collections[i]->allocatedSinceLast);
    view.ages[i + 1].certainty = Certainty::kConservative;  // handed to threads: their unused tails are in it
    recorded += collections[i]->allocatedSinceLast;
  }
  if (view.allocatedTotal && view.collections == collections.size()) {
    // Every collection is on record, so the total leaves age 0: at least that, the records being upper bounds.
    std::uint64_t before = 0;
    for (const PauseInfo* pause : collections) before += pause->allocatedSinceLast;
    view.ages[0].allocated = Bytes(view.allocatedTotal->value - std::min(before, view.allocatedTotal->value));
    view.ages[0].certainty = Certainty::kLowerBound;
  }
  // What the total leaves after the six newest cohorts and what is younger than all of them.
  if (view.allocatedTotal && collections.size() >= 6) {
    const std::uint64_t younger = recorded + view.ages[0].allocated.value_or(view.ages[0].bytes + view.ages[0].unreachableBytes).value;
    view.ages[7].allocated = Bytes(view.allocatedTotal->value - std::min(younger, view.allocatedTotal->value));
    view.ages[7].certainty = Certainty::kInterval;
  }
  std::optional<double> before;
  for (GenerationRow& row : view.ages) {
    const std::uint64_t there = row.bytes.value + row.unreachableBytes.value;
    if (row.allocated && row.allocated->value < there) {
      // Buffers are counted when they are given back: a small cohort may be counted short.
      row.allocated = Bytes(there);
      row.certainty = Certainty::kLowerBound;
    }
    if (row.allocated && row.allocated->value != 0)
      row.survival = static_cast<double>(row.bytes.value) / static_cast<double>(row.allocated->value);
    if (row.survival && before && *before > 0) row.step = *row.survival / *before;
    before = row.survival;
  }
}

}  // namespace

GenerationsView computeGenerations(const Snapshot& snapshot, std::stop_token stop, const ScopeSelection* scope) {
  GenerationsView view;
  const bool churnKnown = scope == nullptr || scope->churnKnown;
  view.deadKnown = scope == nullptr || scope->deadKnown;
  // Neither sites nor anything else is left out.
  const bool whole = churnKnown && view.deadKnown;
  std::vector<DeadTypeRow> types(snapshot.types().size());
  for (std::uint32_t i = 0; i < snapshot.objectCount(); ++i) {
    if ((i & 0xffff) == 0 && stop.stop_requested()) return {};
    const ObjectIndex object(i);
    const std::uint8_t age = snapshot.age(object);
    GenerationRow& row = view.ages[age];
    const Bytes size = snapshot.size(object);
    view.known |= age != 0;
    if (!inScope(scope, object)) continue;
    if (snapshot.reachable(object)) {
      ++row.objects;
      row.bytes += size;
      view.reachable += size;
      continue;
    }
    ++row.unreachableObjects;
    row.unreachableBytes += size;
    view.unreachable += size;
    DeadTypeRow& type = types[snapshot.type(object).value];
    ++type.unreachableObjects;
    type.unreachableBytes += size;
    type.youngObjects += age == 0;
  }
  // A heap that has not collected yet has ages too, all 0.
  view.known |= snapshot.counter("collections_total").has_value();
  for (const FloatingInfo& dead : snapshot.floating()) {
    if (!view.deadKnown || (scope != nullptr && !scope->hasType(dead.type))) continue;
    view.dead += Bytes(dead.bytes);
    if (dead.type.value >= types.size()) continue;
    types[dead.type.value].deadObjects += dead.objects;
    types[dead.type.value].deadBytes += Bytes(dead.bytes);
  }
  for (std::size_t type = 0; type < types.size(); ++type) types[type].type = TypeIndex(static_cast<std::uint32_t>(type));
  std::erase_if(types, [](const DeadTypeRow& row) { return row.unreachableObjects + row.deadObjects == 0; });
  std::sort(types.begin(), types.end(), [](const DeadTypeRow& a, const DeadTypeRow& b) {
    const Bytes all = a.unreachableBytes + a.deadBytes, others = b.unreachableBytes + b.deadBytes;
    return all != others ? all > others : a.type < b.type;
  });
  view.dying = std::move(types);
  for (std::uint32_t i = 0; i < snapshot.stacks().size(); ++i) {
    const StackInfo& stack = snapshot.stacks()[StackIndex(i)];
    if (!churnKnown || (scope != nullptr && !scope->hasSite(stack.site))) continue;
    if (stack.freedBytes != 0) view.churn.push_back({StackIndex(i), Bytes(stack.allocatedBytes), Bytes(stack.freedBytes)});
  }
  std::sort(view.churn.begin(), view.churn.end(),
            [](const ChurnRow& a, const ChurnRow& b) { return a.freed != b.freed ? a.freed > b.freed : a.stack < b.stack; });
  if (!whole) {
    const auto recorded = std::ranges::count(snapshot.pauses(), "collect", &PauseInfo::ownedKind);
    view.collections = snapshot.counter("collections_total").value_or(static_cast<std::uint64_t>(recorded));
    return view;
  }
  if (const auto total = snapshot.counter("allocated_bytes_total")) view.allocatedTotal = Bytes(*total);
  if (const auto total = snapshot.counter("freed_bytes_total")) view.freedTotal = Bytes(*total);
  if (view.known) cohorts(snapshot, view);
  return view;
}

}  // namespace openclaw
