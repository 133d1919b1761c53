#include <algorithm>

#include "analyzer/findings/rules.h"

namespace openclaw {
namespace {

struct Rule {
  std::vector<Finding> (*find)(const RuleInput&);
  std::vector<const char*> ids;
};
const Rule kRules[] = {
    {findLosses, {"loss.incomplete-file", "loss.records"}},
    {findLedgerGaps, {"ledger.does-not-add-up", "ledger.counters-disagree"}},
    {findLeaks, {"leak.accumulation", "leak.may-accumulate"}},
    {findPinnedHoles, {"fragmentation.pinned-holes"}},
    {findUncollectedGarbage, {"garbage.uncollected"}},
    {findPastBounds, {"owner.past-bound"}},
    {findLargeOwner, {"owner.large"}},
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
