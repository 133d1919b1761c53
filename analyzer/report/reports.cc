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

}  // namespace openclaw
