// What `sites`, `flamegraph`, `fragmentation`, `generations`, `pauses` and `ledger` say: a view with the options of its
// report, written as text for people and as JSON for programs. Each text begins with what matters most.
//
//   FragmentationReport report{computeFragmentation(snapshot)};
//   fputs(textOf(snapshot, report).c_str(), stdout);
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "analyzer/snapshot.h"
#include "analyzer/views/flame.h"
#include "analyzer/views/fragmentation.h"
#include "analyzer/views/generations.h"
#include "analyzer/views/ledger.h"
#include "analyzer/views/pauses.h"
#include "analyzer/views/sites.h"

namespace openclaw {

struct FragmentationReport {
  FragmentationView view;
  std::size_t top = 10;              // groups of pinning objects, or objects of the block
  bool wholeMap = false;             // a character for every block; else the map is scaled to a screen
  bool lineBytes = false;            // JSON: bytes of every line of every block
  std::optional<RegionIndex> block = {};  // only this region, line by line
  const ScopeSelection* scope = nullptr;  // the map shows its objects; who keeps holes open stays a question to all
  ScopeInRegions scoped = {};             // with a scope
};
std::string textOf(const Snapshot& snapshot, const FragmentationReport& report);
std::string jsonOf(const Snapshot& snapshot, const FragmentationReport& report);

struct GenerationsReport {
  GenerationsView view;
  std::size_t top = 10;
  const ScopeSelection* scope = nullptr;
};
std::string textOf(const Snapshot& snapshot, const GenerationsReport& report);
std::string jsonOf(const Snapshot& snapshot, const GenerationsReport& report);

enum class SitesOrder { kLive, kObjects, kAllocated, kFreed };
struct SitesReport {
  std::vector<SiteRow> sites;
  std::vector<StackRow> stacks;  // only byStack
  bool byStack = false;
  SitesOrder order = SitesOrder::kLive;
  std::size_t top = 20;
  const ScopeSelection* scope = nullptr;
};
SitesReport computeSitesReport(const Snapshot& snapshot, bool byStack, SitesOrder order, std::size_t top,
                               std::stop_token stop = {}, const ScopeSelection* scope = nullptr);
std::string textOf(const Snapshot& snapshot, const SitesReport& report);
std::string jsonOf(const Snapshot& snapshot, const SitesReport& report);

struct PausesReport {
  PauseView view;  // with as many of the longest as are shown
};
std::string textOf(const Snapshot& snapshot, const PausesReport& report);
std::string jsonOf(const Snapshot& snapshot, const PausesReport& report);

struct LedgerReport {
  Ledger heap;
  ResidentLedger resident;
};
std::string textOf(const Snapshot& snapshot, const LedgerReport& report);
std::string jsonOf(const Snapshot& snapshot, const LedgerReport& report);

// One line a stack, "main;serve;make 4096", outermost first, ascending by text: what flame graph tools read. Functions
// are written without ';' (a ':' instead) and without line breaks. The weights sum to the root's total.
std::string foldedText(const FlameGraph& flame);
// A picture that stands alone: no script, no other file. Frames narrower than a third of a pixel are left out and counted.
// A flame graph of a scope says so in its title (FlameGraph::scope).
std::string flameSvg(const Snapshot& snapshot, const FlameGraph& flame);
// One file with all weights: zoom by click, search, numbers under the mouse. Loads nothing from anywhere.
std::string flameHtml(const Snapshot& snapshot, const std::vector<FlameGraph>& flames);
std::string jsonOf(const Snapshot& snapshot, const FlameGraph& flame, const ScopeSelection* scope = nullptr);

}  // namespace openclaw
