#include <algorithm>

#include "analyzer/findings/rules.h"

namespace openclaw {
namespace {

// What a rule needs of a dump.
bool always(const Snapshot&) { return true; }
// Counters, regions and settings of our pool; imports have none.
bool hasPool(const Snapshot& s) { return s.kind() == DumpKind::kOpenclaw; }
// Ages and pauses, and all that is held by whom.
bool tellsGrowth(const Snapshot& s) { return hasPool(s) && s.report().referencesMissing == 0 && s.report().objectsMissing == 0; }

struct Rule {
  std::vector<Finding> (*find)(const RuleInput&);
  bool (*applies)(const Snapshot&);
  std::vector<const char*> ids;
};
const Rule kRules[] = {
    {findLosses, always, {"loss.incomplete-file", "loss.records"}},
    {findLedgerGaps, hasPool, {"ledger.does-not-add-up", "ledger.counters-disagree"}},
    {findLeaks, tellsGrowth, {"leak.accumulation", "leak.may-accumulate"}},
    {findPinnedHoles, hasPool, {"fragmentation.pinned-holes"}},
    {findUncollectedGarbage, hasPool, {"garbage.uncollected"}},
    {findPastBounds, tellsGrowth, {"owner.past-bound"}},
    {findLargeOwner, always, {"owner.large"}},
};

double bytesOf(const Finding& finding) {
  for (const EvidenceNumber& number : finding.numbers)
    if (number.unit == "bytes") return number.value;
  return 0;
}

}  // namespace

const char* toText(Severity severity) {
  switch (severity) {
    case Severity::kNote:
      return "note";
    case Severity::kWarning:
      return "warning";
    case Severity::kCritical:
      return "critical";
  }
  return "note";
}

Findings computeFindings(const Snapshot& snapshot) {
  const Ledger ledger = computeLedger(snapshot);
  const RuleInput input{snapshot, ledger};
  Findings result;
  for (const Rule& rule : kRules) {
    if (!rule.applies(snapshot)) {
      result.notChecked.insert(result.notChecked.end(), rule.ids.begin(), rule.ids.end());
      continue;
    }
    std::vector<Finding> found = rule.find(input);
    for (const char* id : rule.ids)
      if (std::none_of(found.begin(), found.end(), [&](const Finding& f) { return f.id == id; }))
        result.checkedAndFine.emplace_back(id);
    std::move(found.begin(), found.end(), std::back_inserter(result.findings));
  }
  std::stable_sort(result.findings.begin(), result.findings.end(), [](const Finding& a, const Finding& b) {
    return a.severity != b.severity ? a.severity > b.severity : bytesOf(a) > bytesOf(b);
  });
  return result;
}

}  // namespace openclaw
