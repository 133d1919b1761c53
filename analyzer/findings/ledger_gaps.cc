#include <fmt/format.h>

#include <cstdlib>

#include "analyzer/findings/rules.h"
#include "analyzer/report/numbers.h"

namespace openclaw {

std::vector<Finding> findLedgerGaps(const RuleInput& input) {
  const Ledger& ledger = input.ledger;
  std::vector<Finding> findings;
  if (!ledger.known) return findings;
  const bool whole = input.snapshot.report().complete();
  if (ledger.unexplained != 0) {
    Finding f;
    f.id = "ledger.does-not-add-up";
    f.severity = Severity::kWarning;
    const auto missing = static_cast<std::uint64_t>(std::llabs(ledger.unexplained));
    f.verdict = fmt::format("{} of {} committed ({}) {}.", toText(Bytes(missing)), toText(ledger.committed),
                            percentText(missing, ledger.committed.value),
                            ledger.unexplained > 0 ? "are explained by no line of the ledger"
                                                   : "are counted twice by the lines of the ledger");
    f.numbers = {{"unexplained", static_cast<double>(ledger.unexplained), "bytes", Certainty::kExact},
                 {"committed", static_cast<double>(ledger.committed.value), "bytes", Certainty::kExact}};
    f.confidence = whole ? 1 : 0.5;
    f.because = whole ? "every line is summed from its own table of the dump"
                      : "every line is summed from its own table, but the dump is not complete";
    f.next = whole ? "heap-analyzer validate DUMP names the tables that disagree" : "take the dump again";
    findings.push_back(std::move(f));
  }
  if (!ledger.disagreements.empty()) {
    Finding f;
    f.id = "ledger.counters-disagree";
    f.severity = Severity::kWarning;
    f.verdict = fmt::format("{} of the process disagree with the dump's own tables: {}.",
                            counted(ledger.disagreements.size(), "counter", "counters"),
                            fmt::join(ledger.disagreements, "; "));
    f.numbers = {
        {"counters", static_cast<double>(ledger.disagreements.size()), "counters", Certainty::kExact}};
    f.confidence = whole ? 1 : 0.5;
    f.because =
        whole ? "both were taken at the same safepoint" : "the dump is not complete, which may explain it";
    f.next = whole
                 ? "heap-analyzer validate DUMP; the process can check itself: occtl gc set stress-verify on"
                 : "take the dump again";
    findings.push_back(std::move(f));
  }
  return findings;
}

}  // namespace openclaw
