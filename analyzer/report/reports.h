// What heap-analyzer says about a dump: each report once as data, written as text for people and as JSON for
// programs. The same dump gives the same bytes. JSON.md documents the shapes. A report that has a `scope` is of that part
// of the heap and says so first; it borrows the selection.
//
//   const Summary summary = computeSummary(snapshot, {.top = 10});
//   fputs(textOf(snapshot, summary).c_str(), stdout);
#pragma once

#include <array>
#include <stop_token>
#include <string>
#include <vector>

#include "analyzer/findings/finding.h"
#include "analyzer/validation.h"
#include "analyzer/views/ages.h"
#include "analyzer/views/dominator_view.h"
#include "analyzer/views/histogram.h"
#include "analyzer/views/inspection.h"
#include "analyzer/views/ledger.h"
#include "analyzer/views/pauses.h"
#include "analyzer/views/sites.h"

namespace openclaw {

struct Summary {
  std::size_t top = 10;  // rows of each table
  Findings findings;
  Ledger ledger;
  std::vector<HistogramRow> types;  // all, by shallow size
  std::vector<SiteRow> sites;       // all
  DominatorView dominators;         // one level
  std::array<AgeRow, 8> ages{};
  PauseView pauses;
};
Summary computeSummary(const Snapshot& snapshot, std::size_t top, std::stop_token stop = {});

enum class HistogramOrder { kShallow, kRetained, kObjects, kName };
struct Histogram {
  std::vector<HistogramRow> rows;
  std::size_t top = 0;  // rows shown, 0 = all
  const ScopeSelection* scope = nullptr;
};
Histogram computeSortedHistogram(const Snapshot& snapshot, HistogramOrder order, std::size_t top,
                                 std::stop_token stop = {}, const ScopeSelection* scope = nullptr);

std::string textOf(const Snapshot& snapshot, const Summary& summary);
std::string textOf(const Snapshot& snapshot, const Histogram& histogram);
std::string textOf(const Snapshot& snapshot, const DominatorView& view, const DominatorViewOptions& options);
std::string textOf(const Snapshot& snapshot, const Inspection& inspection);
std::string textOf(const Snapshot& snapshot, const Validation& validation);
std::string invariantListText();
std::string invariantListJson();
// One line for reports other than the summary when something was lost, or the file holds other dumps, too; else empty.
std::string lossText(const Snapshot& snapshot);

std::string jsonOf(const Snapshot& snapshot, const Summary& summary);
std::string jsonOf(const Snapshot& snapshot, const Histogram& histogram);
std::string jsonOf(const Snapshot& snapshot, const DominatorView& view, const DominatorViewOptions& options);
std::string jsonOf(const Snapshot& snapshot, const Inspection& inspection);
std::string jsonOf(const Snapshot& snapshot, const Validation& validation);

}  // namespace openclaw
