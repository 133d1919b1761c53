#include "analyzer/report/reports.h"

#include <fmt/format.h>

#include <algorithm>

#include "analyzer/report/numbers.h"

namespace openclaw {

Summary computeSummary(const Snapshot& snapshot, std::size_t top, std::stop_token stop) {
  Summary summary;
  summary.top = top;
  summary.findings = computeFindings(snapshot);
  summary.ledger = computeLedger(snapshot);
  summary.types = computeHistogram(snapshot, stop);
  summary.sites = computeSites(snapshot, stop);
  DominatorViewOptions options;
  options.depth = 1;
  options.top = top;
  summary.dominators = computeDominatorView(snapshot, options, stop);
  summary.ages = computeAges(snapshot);
  summary.pauses = computePauses(snapshot);
  return summary;
}

Histogram computeSortedHistogram(const Snapshot& snapshot, HistogramOrder order, std::size_t top,
                                 std::stop_token stop, const ScopeSelection* scope) {
  Histogram histogram{computeHistogram(snapshot, std::move(stop), scope), top, scope};
  // The rows come by shallow size and name; a stable sort keeps that among equals.
  const auto by = [&](auto key) {
    std::stable_sort(histogram.rows.begin(), histogram.rows.end(),
                     [&](const HistogramRow& a, const HistogramRow& b) { return key(a) > key(b); });
  };
  switch (order) {
    case HistogramOrder::kShallow:
      break;
    case HistogramOrder::kRetained:
      by([](const HistogramRow& row) { return row.retained; });
      break;
    case HistogramOrder::kObjects:
      by([](const HistogramRow& row) { return row.objects; });
      break;
    case HistogramOrder::kName:
      std::stable_sort(histogram.rows.begin(), histogram.rows.end(),
                       [&](const HistogramRow& a, const HistogramRow& b) {
                         return typeText(snapshot, a.type) < typeText(snapshot, b.type);
                       });
      break;
  }
  return histogram;
}

Validation computeValidation(const Snapshot& snapshot, std::stop_token stop) {
  Validation validation;
  validation.broken = verify(snapshot, stop);
  validation.ledger = computeLedger(snapshot);
  const LoadReport& report = snapshot.report();
  const ReadReport& file = report.file;
  const auto problem = [&](bool there, std::string sentence) {
    if (there) validation.fileProblems.push_back(std::move(sentence));
  };
  problem(file.headerDamaged, "file.header: its checksum is wrong");
  problem(!file.endSeen, "file.end: there is no end frame; the dump was not finished or the file was cut");
  problem(file.bytesRead < file.fileBytes,
          fmt::format("file.bytes: {} of {} bytes belong to nothing readable",
                      withSeparators(file.fileBytes - std::min(file.bytesRead, file.fileBytes)),
                      withSeparators(file.fileBytes)));
  const auto frames = [&](std::uint64_t count, const char* id, const char* what) {
    problem(count != 0, fmt::format("{}: {} {}", id, counted(count, "frame", "frames"), what));
  };
  frames(file.damagedFrames, "file.damaged-frames", "did not pass their checksum or could not be decoded");
  frames(file.missingFrames, "file.missing-frames", "missing from the sequence");
  frames(file.duplicateFrames, "file.duplicate-frames", "with a sequence number seen before");
  frames(file.unknownFrames, "file.unknown-frames", "of kinds that this version does not know");
  problem(report.objectsMissing != 0, fmt::format("dump.objects: {} announced and not read",
                                                  counted(report.objectsMissing, "object", "objects")));
  problem(report.referencesMissing != 0, fmt::format("dump.references: {} without references",
                                                     counted(report.referencesMissing, "object", "objects")));
  problem(report.lossesWhileLoading != 0,
          fmt::format("dump.rows: {} that lead nowhere, or were announced and are not there",
                      counted(report.lossesWhileLoading, "row", "rows")));
  return validation;
}

}  // namespace openclaw
