#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "analyzer/report/numbers.h"
#include "analyzer/report/reports.h"
#include "analyzer/report/text_table.h"
#include "analyzer/report/view_reports.h"

namespace openclaw {
namespace {

using Align = TextTable::Align;
using std::chrono::nanoseconds;

std::string whenText(const Snapshot& s, const PauseInfo& pause) {
  const auto before = beforeDump(s, pause);
  if (!before) return "?";
  return *before < std::chrono::minutes(1) ? fmt::format("{} before", toText(*before)) : fmt::format("{} before", ageText(static_cast<std::uint64_t>(before->count())));
}

// What the machine did to it, short.
std::string machineText(const PauseInfo& p) {
  std::vector<std::string> parts;
  if (p.runDelay != 0) parts.push_back(fmt::format("waited {}", toText(nanoseconds(p.runDelay))));
  if (p.throttled != 0) parts.push_back(fmt::format("throttled {}", toText(nanoseconds(p.throttled))));
  if (p.preemptions != 0) parts.push_back(fmt::format("{} preempted", counted(p.preemptions, "time", "times")));
  if (p.majorFaults != 0) parts.push_back(counted(p.majorFaults, "fault from disk", "faults from disk"));
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace

std::string textOf(const Snapshot& s, const PausesReport& report) {
  const PauseView& view = report.view;
  std::string out = lossText(s);
  if (view.recorded == 0)
    return out + (view.happened == 0 ? "No pauses: this dump's source records none. Nothing to show.\n"
                                     : fmt::format("{} happened; no record of them is in the dump.\n", counted(view.happened, "pause", "pauses")));
  const PauseInfo& worst = s.pauses()[view.longest.front()];
  out += fmt::format("Longest pause: {}, number {}, {} for {}, {} the dump\n", toText(nanoseconds(worst.duration)), worst.number,
                     worst.ownedKind, worst.ownedCause.empty() ? "an unknown cause" : worst.ownedCause, whenText(s, worst));
  out += fmt::format("  {}\n  {}\n", view.verdict, view.explanation);
  if (worst.predicted != 0)
    out += fmt::format("  predicted {}, {:.2f} times that came\n", toText(nanoseconds(worst.predicted)),
                       static_cast<double>(worst.duration) / static_cast<double>(worst.predicted));
  for (const std::size_t change : view.changesBefore) {
    const SettingChangeInfo& c = s.settingChanges()[change];
    out += fmt::format("  in the minute before, {} was changed from {} to {} by {}\n", c.name, c.before, c.after, c.by);
  }
  out += fmt::format("\n{} in all{}: {} stopped, 95 % of them up to {}\n", counted(view.happened, "pause", "pauses"),
                     view.happened > view.recorded ? fmt::format(", the newest {} on record", withSeparators(view.recorded)) : "",
                     toText(view.total), toText(view.p95));
  TextTable kinds({{"kind"}, {"count", Align::kRight}, {"total", Align::kRight}, {"median", Align::kRight}, {"longest", Align::kRight}});
  for (const PauseKindRow& row : view.kinds)
    kinds.add({row.kind, withSeparators(row.count), toText(row.total), toText(row.median), toText(row.longest)});
  out += kinds.text();

  out += "\nPhases of all pauses\n";
  TextTable phases({{"total", Align::kRight}, {"share", Align::kRight}, {"longest", Align::kRight}, {"pauses", Align::kRight}, {"phase"}});
  for (const PausePhaseRow& row : view.phases)
    phases.add({toText(row.total), percentText(static_cast<std::uint64_t>(row.total.count()), static_cast<std::uint64_t>(view.total.count())),
                toText(row.longest), withSeparators(row.count), row.phase});
  out += phases.text();

  out += fmt::format("\nThe {} longest\n", withSeparators(view.longest.size()));
  std::vector<TextTable::ColumnSpec> columns{{"number", Align::kRight}, {"pause", Align::kRight}};
  if (view.predicted != 0) columns.push_back({"predicted", Align::kRight});
  columns.insert(columns.end(), {{"marked", Align::kRight}, {"kind"}, {"cause"}, {"when"}, {"largest phase"}, {"the machine meanwhile"}});
  TextTable list(columns);
  for (const std::size_t index : view.longest) {
    const PauseInfo& p = s.pauses()[index];
    const auto largest = std::max_element(p.ownedPhases.begin(), p.ownedPhases.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    std::vector<std::string> cells{withSeparators(p.number), toText(nanoseconds(p.duration))};
    if (view.predicted != 0) cells.push_back(p.predicted == 0 ? "–" : toText(nanoseconds(p.predicted)));
    cells.insert(cells.end(), {p.objectsMarked == 0 ? "–" : counted(p.objectsMarked, "object", "objects"), p.ownedKind, p.ownedCause, whenText(s, p),
                               largest == p.ownedPhases.end() ? "–" : fmt::format("{} {}", largest->first, percentText(largest->second, p.duration)),
                               machineText(p)});
    list.add(std::move(cells));
  }
  out += list.text();
  if (view.predicted == 0) out += "  no pause has a prediction on record\n";
  return out;
}

}  // namespace openclaw
