// The rules behind computeFindings. Each looks at one question and answers with findings, or with none and
// its id goes to the list of what was checked and is fine. To add one: write it in a file of its own and list
// it in findings.cc.
#pragma once

#include <vector>

#include "analyzer/findings/finding.h"
#include "analyzer/findings/leak_evidence.h"
#include "analyzer/views/ledger.h"

namespace openclaw {

// What rules share, computed once.
struct RuleInput {
  const Snapshot& snapshot;
  const Ledger& ledger;
};

// "loss.incomplete-file": parts of the dump file are missing or damaged.
// "loss.records": the dumped process or the load counted losses.
std::vector<Finding> findLosses(const RuleInput& input);
// "ledger.does-not-add-up", "ledger.counters-disagree".
std::vector<Finding> findLedgerGaps(const RuleInput& input);
// "garbage.uncollected": memory that no root reaches is a large part of the heap.
std::vector<Finding> findUncollectedGarbage(const RuleInput& input);
// "leak.accumulation", "leak.may-accumulate": groups of like objects that grow and let nothing go.
std::vector<Finding> findLeaks(const RuleInput& input);
// The same for groups that are judged already (`heap-analyzer leaks`).
std::vector<Finding> leakFindings(const Snapshot& snapshot, const GroupTable& table,
                                  const std::vector<LeakCandidate>& candidates);
// "fragmentation.pinned-holes": what stands between holes that nobody can use.
std::vector<Finding> findPinnedHoles(const RuleInput& input);
// "owner.past-bound": an object keeps more than the bound that it declares.
std::vector<Finding> findPastBounds(const RuleInput& input);
// "owner.large": one object keeps a large part of the live bytes; a note, it may well be meant so.
std::vector<Finding> findLargeOwner(const RuleInput& input);

}  // namespace openclaw
