#include <fmt/format.h>

#include <algorithm>

#include "analyzer/findings/rules.h"
#include "analyzer/report/leaks_report.h"
#include "analyzer/report/numbers.h"
#include "analyzer/report/reports.h"
#include "analyzer/report/text_parts.h"
#include "analyzer/report/text_table.h"

namespace openclaw {
namespace {

const char* wordsOf(LeakVerdict verdict) {
  switch (verdict) {
    case LeakVerdict::kLeak:
      return "LEAK";
    case LeakVerdict::kSuspected:
      return "grows";
    case LeakVerdict::kTurnsOver:
      return "turns over";
    case LeakVerdict::kStands:
      return "stands";
    case LeakVerdict::kBounded:
      return "bounded";
    case LeakVerdict::kUnknown:
      return "unknown";
    case LeakVerdict::kPartOf:
      return "part";
  }
  return "unknown";
}

}  // namespace

LeaksReport computeLeaks(const Snapshot& snapshot, const GroupOptions& options, std::size_t top,
                         std::stop_token stop) {
  LeaksReport report;
  report.options = options;
  report.top = top;
  if (snapshot.report().referencesMissing != 0 || snapshot.report().objectsMissing != 0) {
    report.judged = false;
    return report;
  }
  report.table = computeGroups(snapshot, options, stop);
  report.candidates = judgeGroups(snapshot, report.table, stop);
  report.findings = leakFindings(snapshot, report.table, report.candidates);
  return report;
}

std::string textOf(const Snapshot& s, const LeaksReport& report) {
  std::string out = lossText(s);
  if (!report.judged) return out + "not judged: parts of the dump are missing, so who holds what is not known\n";
  if (report.findings.empty()) out += "No group of objects grows without letting go.\n";
  for (const Finding& f : report.findings) out += findingText(s, f);
  out += fmt::format("\nGroups of at least {} of {} live bytes\n", percentText(report.options.leastShare),
                     toText(report.table.live));
  TextTable table({{"verdict"},
                   {"share", TextTable::Align::kRight},
                   {"retained", TextTable::Align::kRight},
                   {"members", TextTable::Align::kRight},
                   {"a collection", TextTable::Align::kRight},
                   {"came", TextTable::Align::kRight},
                   {"went", TextTable::Align::kRight},
                   {"type, where it was made, who holds it"}});
  std::size_t shown = 0;
  for (const LeakCandidate& candidate : report.candidates) {
    if (shown++ == report.top) break;
    const ObjectGroup& group = report.table.groups[candidate.group];
    const LeakEvidence& e = candidate.evidence;
    const std::string owner = candidate.holder ? typeText(s, s.type(ownerOf(s, *candidate.holder))) : "the roots";
    table.add({wordsOf(candidate.verdict), percentText(group.retained.value, report.table.live.value),
               toText(group.retained), withSeparators(group.members),
               e.perCollection > 0 ? fmt::format("+{}", withSeparators(static_cast<std::uint64_t>(e.perCollection))) : "0",
               e.flowKnown ? withSeparators(e.came) : "–", e.flowKnown ? withSeparators(e.went) : "–",
               fmt::format("{}  {}  {} {}", typeText(s, group.type), siteText(s, group.site),
                           group.spread ? "all, mostly below" : "below", owner)});
  }
  if (report.candidates.empty()) return out + "  none\n";
  out += table.text();
  if (report.candidates.size() > report.top)
    out += fmt::format("  … {} more\n", withSeparators(report.candidates.size() - report.top));
  return out;
}

}  // namespace openclaw
