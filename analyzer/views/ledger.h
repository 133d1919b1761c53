// Where the memory went, adding up: live + floating garbage + holes + slack + metadata = committed bytes.
// Each line is computed from its own source (objects from the object columns, holes from the regions, …),
// never as the difference.
#pragma once

#include <string>
#include <vector>

#include "analyzer/snapshot.h"

namespace openclaw {

struct LedgerLine {
  std::string name;  // "live objects", "unreachable objects", "dead, not swept", "holes", "TLAB tails",
                     // "empty blocks", "large-object rounding", "metadata"
  Bytes bytes;
  std::string source;  // "object columns", "region table", "counters"
  Certainty certainty = Certainty::kExact;
};
struct Ledger {
  std::vector<LedgerLine> lines;
  Bytes committed;               // as the process counted
  std::int64_t unexplained = 0;  // committed - sum of lines; 0 when all adds up
  Bytes external;                // malloc memory that objects own, outside the heap
  // Counters of the process that disagree with what the dump's own tables give: "object_bytes: process 1234,
  // dump 1230".
  std::vector<std::string> disagreements;
  bool known = false;  // false: the dump's source has no pool (imports)
};
// Cost: O(objects).
Ledger computeLedger(const Snapshot& snapshot);

// From the heap's committed bytes to the process's resident set. The process read the kernel's books just before the
// dump, outside the stop, so they differ from the heap's by what the program did in between.
struct ResidentLedger {
  bool known = false;             // false: the dump does not carry the resident set; `why` says so
  std::string why;
  std::vector<LedgerLine> lines;  // "heap", "programs and libraries", …; each from its own source
  Bytes untouched;                // committed to the heap and not in memory: no page of it was ever written
  Bytes mallocUsed, mallocFree;   // as glibc's malloc counts, touched or not; 0: another malloc
  Bytes resident;                 // as the kernel counted
  std::int64_t unexplained = 0;   // resident - sum of lines: what changed between the two reads
};
// Cost: O(1).
ResidentLedger computeResidentLedger(const Snapshot& snapshot, const Ledger& ledger);

}  // namespace openclaw
