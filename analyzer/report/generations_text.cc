#include <fmt/format.h>

#include <algorithm>

#include "analyzer/report/numbers.h"
#include "analyzer/report/reports.h"
#include "analyzer/report/text_parts.h"
#include "analyzer/report/text_table.h"
#include "analyzer/report/view_reports.h"

namespace openclaw {
namespace {

using Align = TextTable::Align;

// Of a share whose denominator is as sure as `certainty`: too large a denominator makes the share too small.
std::string shareText(double share, Certainty certainty) {
  const char* prefix = certainty == Certainty::kConservative ? "≥ "
                       : certainty == Certainty::kLowerBound ? "≤ "
                       : certainty == Certainty::kExact      ? ""
                                                             : "≈ ";
  return fmt::format("{}{}", prefix, percentText(share));
}

std::string agesText(const Snapshot& s, const GenerationsView& view, const ScopeSelection* scope) {
  std::string out = "\nBy age, in collections survived\n";
  const bool cohorts = std::ranges::any_of(view.ages, [](const GenerationRow& row) { return row.allocated.has_value(); });
  std::vector<TextTable::ColumnSpec> columns{{"age", Align::kRight}, {"objects", Align::kRight}, {"bytes", Align::kRight}, {"share", Align::kRight}, {""},
                                             {"not found garbage", Align::kRight}};
  if (cohorts) columns.insert(columns.end(), {{"allocated then", Align::kRight}, {"still there", Align::kRight}, {"against the age before", Align::kRight}});
  TextTable table(columns);
  for (std::size_t age = 0; age < view.ages.size(); ++age) {
    const GenerationRow& row = view.ages[age];
    const double share = view.reachable.value == 0 ? 0 : static_cast<double>(row.bytes.value) / static_cast<double>(view.reachable.value);
    std::string bar;
    for (int i = 0; i < static_cast<int>(share * 20 + 0.5); ++i) bar += "█";
    std::vector<std::string> cells{age == 7 ? "≥ 7" : std::to_string(age), withSeparators(row.objects),
                                   bytesText(s, row.bytes, Certainty::kExact), percentText(row.bytes.value, view.reachable.value), std::move(bar),
                                   row.unreachableBytes.value == 0 ? "" : toText(row.unreachableBytes)};
    if (cohorts) {
      cells.push_back(row.allocated ? fmt::format("{}{}", certaintyPrefix(row.certainty), toText(*row.allocated)) : "not recorded");
      cells.push_back(row.survival ? shareText(*row.survival, row.certainty) : "");
      cells.push_back(row.step ? fmt::format("≈ × {:.2f}", *row.step) : "");
    }
    table.add(std::move(cells));
  }
  out += table.text();
  if (cohorts)
    out += "  \"allocated then\": between two collections, from the pause records; \"still there\": of that, what is alive now\n";
  else if (scope != nullptr)
    out += "  survival is not shown: what was allocated between two collections is counted for the whole process only\n";
  else
    out += "  survival is not shown: no collection is on record\n";
  return out;
}

}  // namespace

std::string textOf(const Snapshot& s, const GenerationsReport& report) {
  const GenerationsView& view = report.view;
  std::string out = lossText(s) + scopeText(s, report.scope);
  if (!view.known)
    return out + "This dump has no ages: its source does not count collections. Nothing to show.\n";
  out += fmt::format("{} reachable, after {}\n", toText(view.reachable), counted(view.collections, "collection", "collections"));
  const Bytes young = view.ages[0].bytes + view.ages[1].bytes, old = view.ages[7].bytes;
  out += fmt::format("{} is younger than two collections, {} has survived seven or more.\n",
                     percentText(young.value, view.reachable.value), percentText(old.value, view.reachable.value));
  if (view.allocatedTotal && view.allocatedTotal->value != 0) {
    out += fmt::format("Of {} allocated since the process began, {} are reachable now ({}); {}", toText(*view.allocatedTotal),
                       toText(view.reachable), percentText(view.reachable.value, view.allocatedTotal->value),
                       view.freedTotal ? fmt::format("{} were freed.\n", toText(*view.freedTotal)) : "\n");
  }
  out += agesText(s, view, report.scope);

  out += fmt::format("\nWhat has died and is still there: {} that no collection has found yet, {} found and not swept\n",
                     bytesText(s, view.unreachable, Certainty::kExact), view.deadKnown ? toText(view.dead) : "an unknown part of what was");
  if (!view.deadKnown) out += "  objects found dead and not swept are counted by type alone: only a scope of types knows its part\n";
  if (!view.dying.empty()) {
    TextTable table({{"not found", Align::kRight}, {"objects", Align::kRight}, {"died young", Align::kRight}, {"not swept", Align::kRight}, {"type"}});
    const std::size_t shown = std::min(report.top, view.dying.size());
    for (const DeadTypeRow& row : std::span(view.dying).first(shown))
      table.add({toText(row.unreachableBytes), withSeparators(row.unreachableObjects),
                 row.unreachableObjects == 0 ? "–" : percentText(row.youngObjects, row.unreachableObjects), toText(row.deadBytes),
                 typeText(s, row.type)});
    out += table.text();
    if (shown < view.dying.size()) out += fmt::format("  … {} more\n", counted(view.dying.size() - shown, "type", "types"));
    out += "  \"died young\": of the objects not found, those that no collection had traced\n";
  }

  out += "\nWhat is gone, by stack (from samples, ≈)\n";
  if (view.churn.empty() && report.scope != nullptr && !report.scope->churnKnown)
    return out + "  not known of this scope: frees are counted by stack, so only a scope of sites has them\n";
  if (view.churn.empty()) return out + (report.scope == nullptr ? "  no freed sample is in the dump\n" : "  no freed sample of these sites is in the dump\n");
  TextTable table({{"freed", Align::kRight}, {"of", Align::kRight}, {"gone", Align::kRight}, {"made at"}});
  const std::size_t shown = std::min(report.top, view.churn.size());
  for (const ChurnRow& row : std::span(view.churn).first(shown))
    table.add({fmt::format("≈ {}", toText(row.freed)), fmt::format("≈ {}", toText(row.allocated)), percentText(row.freed.value, row.allocated.value),
               fmt::format("{}  (stack {})", siteText(s, s.stacks()[row.stack].site), row.stack.value)});
  out += table.text();
  if (shown < view.churn.size()) out += fmt::format("  … {} more\n", counted(view.churn.size() - shown, "stack", "stacks"));
  return out;
}

}  // namespace openclaw
