#include <fmt/format.h>

#include "analyzer/findings/rules.h"
#include "analyzer/report/numbers.h"

namespace openclaw {
namespace {
constexpr std::string_view kDanglingReferences = "references to objects that are not in the dump";
constexpr std::uint64_t kUsualDangling = 50;   // one in so many
}  // namespace

std::vector<Finding> findLosses(const RuleInput& input) {
  const LoadReport& report = input.snapshot.report();
  std::vector<Finding> findings;
  if (!report.file.complete() || report.objectsMissing != 0 || report.referencesMissing != 0) {
    Finding f;
    f.id = "loss.incomplete-file";
    const bool graph = report.objectsMissing != 0 || report.referencesMissing != 0 || !report.file.endSeen;
    f.severity = graph ? Severity::kCritical : Severity::kWarning;
    f.verdict = fmt::format("The file is not whole: {}.", report.sentence());
    f.numbers = {{"share of the file read", report.file.fractionRead(), "ratio", Certainty::kExact},
                 {"objects missing", static_cast<double>(report.objectsMissing), "objects",
                  report.file.endSeen ? Certainty::kExact : Certainty::kLowerBound},
                 {"objects without their references", static_cast<double>(report.referencesMissing),
                  "objects", Certainty::kExact}};
    f.confidence = 1;
    f.because =
        "counted while reading: frames without a valid checksum, holes in the numbering, no end frame";
    f.next =
        "take the dump again (occtl memory dump --output FILE); if it stays short, look for a full disk or a "
        "killed dump process in its host's log";
    findings.push_back(std::move(f));
  }
  if (!report.losses.empty()) {
    Finding f;
    f.id = "loss.records";
    f.severity = Severity::kWarning;
    std::vector<std::string> parts;
    for (const auto& [name, count] : report.losses) {
      parts.push_back(fmt::format("{}: {}", name, withSeparators(count)));
      f.numbers.push_back({name, static_cast<double>(count), "records", Certainty::kExact});
    }
    f.verdict = fmt::format("Records were lost before this report: {}.", fmt::join(parts, ", "));
    f.confidence = 1;
    f.because = "counted by the dumped process and by the load";
    f.next =
        "figures that rest on these records are lower bounds; heap-analyzer validate DUMP lists all losses";
    // HotSpot writes no record of some classes and archived objects, and refers to them all the same.
    if (input.snapshot.kind() == DumpKind::kHprof && report.losses.size() == 1 && report.losses.front().first == kDanglingReferences &&
        report.losses.front().second < input.snapshot.edgeCount() / kUsualDangling) {
      f.severity = Severity::kNote;
      f.verdict = fmt::format("{} of {} references lead to objects that the file has no record of, as in most dumps of HotSpot.",
                              withSeparators(report.losses.front().second),
                              withSeparators(input.snapshot.edgeCount() + report.losses.front().second));
      f.next = "nothing, unless what you look for is not there";
    }
    findings.push_back(std::move(f));
  }
  return findings;
}

}  // namespace openclaw
