// What the analyzer answers about a dump, gathered once off the GUI thread: the snapshot with its histogram, ledger,
// sites, ages and findings, and how much there is in all. Immutable; views share it.
//
//   auto answers = computeAnswers(snapshot, job);      // null: cancelled
//   answers->totals.reachableBytes;
//   auto part = computeScopedAnswers(*answers, scope, stop, stage);   // the same for a part of the heap
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/findings/finding.h"
#include "analyzer/snapshot.h"
#include "analyzer/views/ages.h"
#include "analyzer/views/flame.h"
#include "analyzer/views/fragmentation.h"
#include "analyzer/views/generations.h"
#include "analyzer/views/histogram.h"
#include "analyzer/views/ledger.h"
#include "analyzer/views/pauses.h"
#include "analyzer/views/scope.h"
#include "analyzer/views/sites.h"

namespace openclaw::gui {

struct Totals {
  std::uint64_t objects = 0, reachableObjects = 0;
  Bytes bytes, reachableBytes;
};

struct Answers {
  std::shared_ptr<const Snapshot> snapshot;
  // Null: of the whole dump. Else histogram, sites, ages, flames and generations are of its objects; totals, ledger,
  // findings, fragmentation and pauses are of the whole as ever.
  std::shared_ptr<const ScopeSelection> scope;
  Totals totals;
  Totals scopeTotals;        // of the objects the answers are of; without a scope the same as `totals`
  ScopeInRegions inRegions;  // of a scope: its part of each region
  std::vector<HistogramRow> histogram;
  Ledger ledger;
  Findings findings;
  std::vector<SiteRow> sites;
  std::array<AgeRow, 8> ages{};
  FragmentationView fragmentation;
  std::array<FlameGraph, 4> flames;  // by FlameWeight
  GenerationsView generations;
  PauseView pauses;
  std::optional<std::uint64_t> pauseTarget;  // ns, as the process was set
  bool agesKnown = false;  // some object survived a collection, or the process counted one

  const ScopeSelection* selection() const { return scope.get(); }
  bool inScope(ObjectIndex object) const { return openclaw::inScope(scope.get(), object); }
  // Objects of the first level of owners, by retained size descending.
  std::span<const std::uint32_t> topOwners() const { return scope ? std::span<const std::uint32_t>(scope->tops) : snapshot->dominatedBy(std::nullopt); }
  // Nothing lost, neither by the dumped process nor in the file.
  bool exact() const { return snapshot->report().complete(); }
  // The file gave everything it was meant to hold: what is absent here was absent there.
  bool readWhole() const {
    const LoadReport& report = snapshot->report();
    return report.file.complete() && report.objectsMissing == 0 && report.referencesMissing == 0;
  }
};

using StageSink = std::function<void(std::string_view stage, double fraction)>;  // fraction of this work, 0 to 1

// Null when `stop` was requested. Cost: a few passes over the objects.
std::shared_ptr<const Answers> computeAnswers(std::shared_ptr<const Snapshot> snapshot, const std::stop_token& stop,
                                              const StageSink& stage);

// What `whole` says, for the objects of a scope; of an empty scope `whole` itself. Null when `stop` was requested.
// Cost: as computeScope and the views that it narrows.
std::shared_ptr<const Answers> computeScopedAnswers(std::shared_ptr<const Answers> whole, const Scope& scope, const std::stop_token& stop,
                                                    const StageSink& stage);

// The path by which `object` is held: the label of the root, or of the slot of its dominator that points to it;
// nullopt when several owners lead to it and none of them alone. Looks at most at `maximumSlots` slots.
std::optional<std::string> tryHolderLabel(const Snapshot& snapshot, ObjectIndex object, std::uint32_t maximumSlots);
// The root records of an object, empty for others. Cost: O(log roots).
std::span<const RootInfo> rootsOf(const Snapshot& snapshot, ObjectIndex object);
std::string_view words(RootKind kind);
std::string rootText(const Snapshot& snapshot, const RootInfo& root);  // "global sessions_", "stack of thread 12", "handle at main.cc:41"
// "Store::add" of "void service::Store::add(Heap&, std::span<const Term>)": what a person calls the function. The whole
// text when it is none that this can read.
std::string shortFunction(std::string_view function);
// "service.cc:41 Store::add"; empty for the unknown site.
std::string siteText(const Snapshot& snapshot, SiteIndex site);

}  // namespace openclaw::gui
