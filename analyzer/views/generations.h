// How old is the heap, what survives from collection to collection, and what died young? Ages count the collections
// that traced an object; 7 stands for seven or more.
//
//   const GenerationsView view = computeGenerations(snapshot);
//   view.ages[1].survival;   // of what was allocated before the last collection: this share still lives
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <vector>

#include "analyzer/snapshot.h"
#include "analyzer/views/scope.h"

namespace openclaw {

// The objects of one age: those allocated between two collections (age 0: since the last one).
struct GenerationRow {
  std::uint64_t objects = 0, unreachableObjects = 0;
  Bytes bytes, unreachableBytes;  // reachable; unreachable: garbage that no collection has found yet
  // What was allocated in that interval, from the pause records and counters; none where records are gone. The last
  // row's is everything allocated before.
  std::optional<Bytes> allocated;
  // bytes / allocated: of a cohort, what is alive today.
  std::optional<double> survival;
  // survival of this age over that of the age before: what a collection at this age keeps. An estimate (≈): the two are
  // different cohorts. Over 1 where they were of different kinds.
  std::optional<double> step;
  // Of allocated; survival is unsure the other way round (allocated at most: survival at least). step is an estimate.
  Certainty certainty = Certainty::kExact;
};

// What was freed, or waits to be, by type.
struct DeadTypeRow {
  TypeIndex type;
  std::uint64_t unreachableObjects = 0, deadObjects = 0;  // not found yet; found and not swept
  Bytes unreachableBytes, deadBytes;
  std::uint64_t youngObjects = 0;  // of the unreachable ones: younger than one collection
};
// Allocations by a stack that are gone already, from its samples (≈).
struct ChurnRow {
  StackIndex stack;
  Bytes allocated, freed;
};

struct GenerationsView {
  bool known = false;  // false: the dump has no ages (imports)
  std::array<GenerationRow, 8> ages;
  Bytes reachable, unreachable, dead;
  bool deadKnown = true;  // false: of a scope of anything but types; dead, unswept objects are counted by type alone
  std::vector<DeadTypeRow> dying;  // by unreachable + dead bytes descending
  std::vector<ChurnRow> churn;     // by freed bytes descending; empty without samples
  std::uint64_t collections = 0;   // of the process, 0 = not known
  // Allocated and freed by the process in all, where it counted.
  std::optional<Bytes> allocatedTotal, freedTotal;
};
// Cost: O(objects). Not known when stopped. Of a scope: its objects by age; cohorts and totals (allocated, survival, step,
// allocatedTotal, freedTotal) are the process's and stand empty, unless the scope leaves nothing out; churn is of the
// scope's sites when only sites are its conditions, else empty.
GenerationsView computeGenerations(const Snapshot& snapshot, std::stop_token stop = {}, const ScopeSelection* scope = nullptr);

}  // namespace openclaw
