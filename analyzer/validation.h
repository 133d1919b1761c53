// Is a dump what it says it is? Every invariant of the file, of what the dump says of itself, of the snapshot made of it and
// of its books, by name: `heap-analyzer validate`.
//
//   const Validation validation = computeValidation(snapshot);
//   for (const BrokenInvariant& broken : validation.broken) print(broken.name, broken.detail);
//   for (const Invariant& invariant : allInvariants()) print(invariant.name, invariant.sentence);
#pragma once

#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/snapshot.h"
#include "analyzer/verify.h"
#include "analyzer/views/ledger.h"

namespace openclaw {

// Names are for ever: scripts look for them.
struct Invariant {
  std::string_view name, sentence;
  std::string_view level;  // "file", "dump" (what its frames say of each other), "snapshot", "books"
  bool loss = false;       // where it is broken, something of the dump is missing
};
// In the order in which they are checked and named. Cost: O(1).
std::vector<Invariant> allInvariants();

struct Validation {
  std::vector<BrokenInvariant> lost;      // broken, and something is missing for it
  std::vector<std::string> missing;       // what is missing, one sentence each
  std::vector<BrokenInvariant> broken;    // nothing is missing, but the dump contradicts itself
  std::vector<std::string> notes;         // no fault of the dump: unknown kinds, a newer version
  std::vector<std::string_view> notChecked;  // what cannot hold where something is missing
  Ledger ledger;
  bool fine() const { return lost.empty() && missing.empty() && broken.empty(); }
};
// Records that the dumped process lost before the dump are no fault of the file; reports list them beside it.
// Cost: that of verify().
Validation computeValidation(const Snapshot& snapshot, std::stop_token stop = {});

}  // namespace openclaw
