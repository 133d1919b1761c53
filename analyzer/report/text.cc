#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "analyzer/report/numbers.h"
#include "analyzer/report/reports.h"
#include "analyzer/report/text_parts.h"
#include "analyzer/report/text_table.h"

namespace openclaw {
namespace {

using std::chrono::nanoseconds;
using Align = TextTable::Align;

std::string objectText(const Snapshot& s, ObjectIndex object) {
  return fmt::format("{} {}", typeText(s, s.type(object)), idText(s, object));
}

std::string fileName(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

std::string heading(const Snapshot& s) {
  const ProcessInfo& p = s.process();
  std::string out;
  if (s.kind() != DumpKind::kOpenclaw) {
    out += fmt::format("{}, read with policy {}\n", p.source.empty() ? toText(s.kind()) : std::string_view(p.source), toText(s.policy()));
    if (p.dumpedUnix != 0) out += fmt::format("  dump      {}\n", unixText(p.dumpedUnix));
    if (!p.generator.empty()) out += fmt::format("  format    {}\n", p.generator);
    out += fmt::format("  file      {}, {}: {}\n", s.path(), toText(Bytes(s.report().file.fileBytes)), s.report().sentence());
    return out;
  }
  const std::string name = p.executable.empty() ? "unknown process" : fileName(p.executable);
  out += fmt::format("{}{}{}{}\n", name, p.pid == 0 ? "" : fmt::format("  pid {}", p.pid),
                     p.host.empty() ? "" : fmt::format(" on {}", p.host),
                     p.kernel.empty() ? "" : fmt::format("  ({})", p.kernel));
  if (!p.commandLine.empty()) out += fmt::format("  command   {}\n", fmt::join(p.commandLine, " "));
  out += fmt::format(
      "  dump      {}, {}",
      p.dumpNumber == 0 ? "number unknown" : fmt::format("number {} of this process", p.dumpNumber),
      unixText(p.dumpedUnix));
  if (p.startedUnix != 0 && p.dumpedUnix > p.startedUnix)
    out += fmt::format(", {} after its start", ageText(p.dumpedUnix - p.startedUnix));
  out += '\n';
  const char* how = "";
  switch (p.consistency) {
    case Consistency::kClone:
      how = "from a clone of the process";
      break;
    case Consistency::kStopTheWorld:
      how = "while the process stood still";
      break;
    case Consistency::kBarrier:
      how = "beside the running process";
      break;
    case Consistency::kOffline:
      how = "from a stored image";
      break;
  }
  out += fmt::format("  taken     {}{}; paused {}\n", how,
                     p.requested.empty() ? "" : fmt::format(", asked for by {}", p.requested),
                     s.stopNanoseconds() == 0 ? "not recorded" : toText(nanoseconds(s.stopNanoseconds())));
  out += fmt::format("  file      {}, {}: {}\n", s.path(), toText(Bytes(s.report().file.fileBytes)),
                     s.report().sentence());
  return out;
}

std::string findingsText(const Snapshot& s, const Findings& findings) {
  std::string out = "\nFindings\n";
  for (const Finding& f : findings.findings) out += findingText(s, f);
  if (findings.findings.empty()) out += "  none\n";
  if (!findings.checkedAndFine.empty())
    out += fmt::format("  checked and fine: {}\n", fmt::join(findings.checkedAndFine, ", "));
  if (!findings.notChecked.empty())
    out += fmt::format("  not to be had from this dump: {}\n", fmt::join(findings.notChecked, ", "));
  return out;
}

// Names come last: those of templates are as wide as a terminal, and numbers should not move.
TextTable histogramTable(const Snapshot& s, std::span<const HistogramRow> rows) {
  const bool all = s.knowsRetained();
  std::vector<TextTable::ColumnSpec> columns{{"objects", Align::kRight}, {"shallow", Align::kRight}};
  if (all) columns.insert(columns.end(), {{"retained", Align::kRight}, {"unreachable", Align::kRight}});
  columns.insert(columns.end(), {{"median age", Align::kRight}, {"type"}});
  TextTable table(std::move(columns));
  for (const HistogramRow& row : rows) {
    std::vector<std::string> cells{withSeparators(row.objects), bytesText(s, row.shallow, Certainty::kExact)};
    if (all) {
      cells.push_back(bytesText(s, row.retained, row.retainedCertainty));
      cells.push_back(withSeparators(row.unreachableObjects));
    }
    cells.push_back(row.medianAge >= 7 ? "≥ 7" : fmt::format("{:g}", row.medianAge));
    cells.push_back(typeText(s, row.type));
    table.add(std::move(cells));
  }
  return table;
}

std::string typesText(const Snapshot& s, const Summary& summary) {
  std::string out;
  std::vector<HistogramRow> rows = summary.types;
  const auto cut = [&] { return std::span(rows).first(std::min(rows.size(), summary.top)); };
  out += fmt::format("\nTypes by shallow size ({})\n", counted(rows.size(), "type", "types"));
  out += histogramTable(s, cut()).text();
  std::stable_sort(rows.begin(), rows.end(),
                   [](const HistogramRow& a, const HistogramRow& b) { return a.retained > b.retained; });
  out += "\nTypes by retained size\n";
  out += histogramTable(s, cut()).text();
  return out;
}

std::string sitesText(const Snapshot& s, const Summary& summary) {
  std::string out =
      fmt::format("\nAllocation sites by size ({})\n", counted(summary.sites.size(), "site", "sites"));
  TextTable table(
      {{"objects", Align::kRight}, {"shallow", Align::kRight}, {"site, and the type that has most of it"}});
  for (const SiteRow& row : std::span(summary.sites).first(std::min(summary.sites.size(), summary.top)))
    table.add({withSeparators(row.objects), bytesText(s, row.shallow, Certainty::kExact),
               fmt::format("{}{}", siteText(s, row.site),
                           row.mostBytesType ? fmt::format("  → {}", typeText(s, row.mostBytesType)) : "")});
  return out + table.text();
}

std::string dominatorTable(const Snapshot& s, const DominatorView& view, bool grouped) {
  TextTable table({{"retained", Align::kRight},
                   {"share", Align::kRight},
                   {"shallow", Align::kRight},
                   {"dominates", Align::kRight},
                   {grouped ? "objects and type" : "object"}});
  for (const DominatorViewRow& row : view.rows) {
    std::string name(2 * std::size_t{row.depth}, ' ');
    if (!row.type)
      name += fmt::format("… {} more", withSeparators(row.objects));
    else if (row.object)
      name += objectText(s, *row.object);
    else
      name += fmt::format("{} × {}", withSeparators(row.objects), typeText(s, *row.type));
    table.add({bytesText(s, row.retained, Certainty::kExact), percentText(row.share), toText(row.shallow),
               row.type ? withSeparators(row.dominated) : "", std::move(name)});
  }
  return table.text();
}

std::string agesText(const Summary& summary) {
  std::uint64_t total = 0;
  for (const AgeRow& row : summary.ages) total += row.shallow.value;
  std::string out = "\nAges of reachable objects, in collections survived\n";
  TextTable table({{"age", Align::kRight},
                   {"objects", Align::kRight},
                   {"bytes", Align::kRight},
                   {"share", Align::kRight}});
  for (std::size_t age = 0; age < summary.ages.size(); ++age) {
    const AgeRow& row = summary.ages[age];
    table.add({age == 7 ? "≥ 7" : std::to_string(age), withSeparators(row.objects), toText(row.shallow),
               percentText(row.shallow.value, total)});
  }
  return out + table.text();
}

std::string pausesText(const Snapshot& s, const PauseView& view) {
  std::string out = "\nPauses\n";
  if (view.recorded == 0)
    return out + (view.happened == 0 ? "  none recorded\n"
                                     : fmt::format("  {} happened, no record is in the dump\n",
                                                   withSeparators(view.happened)));
  out += fmt::format("  {}", counted(view.happened, "pause", "pauses"));
  if (view.happened > view.recorded)
    out += fmt::format(", the newest {} are recorded", withSeparators(view.recorded));
  out += '\n';
  TextTable kinds({{"kind"},
                   {"count", Align::kRight},
                   {"total", Align::kRight},
                   {"median", Align::kRight},
                   {"longest", Align::kRight}});
  for (const PauseKindRow& row : view.kinds)
    kinds.add(
        {row.kind, withSeparators(row.count), toText(row.total), toText(row.median), toText(row.longest)});
  out += kinds.text();
  const PauseInfo& worst = s.pauses()[view.longest.front()];
  out += fmt::format("  longest: number {}, {} for {}, {}\n    {}\n", worst.number, worst.ownedKind,
                     worst.ownedCause.empty() ? "an unknown cause" : worst.ownedCause,
                     toText(nanoseconds(worst.duration)), view.explanation);
  return out;
}

}  // namespace

std::string bytesText(const Snapshot& snapshot, Bytes bytes, Certainty certainty) {
  // What was not read can only add to a sum.
  const LoadReport& report = snapshot.report();
  if (certainty == Certainty::kExact && (report.objectsMissing != 0 || report.referencesMissing != 0))
    certainty = Certainty::kLowerBound;
  return fmt::format("{}{}", certaintyPrefix(certainty), toText(bytes));
}

std::string ledgerText(const Snapshot& s, const Ledger& ledger) {
  std::string out = "\nWhere the memory is\n";
  std::uint64_t sum = 0;
  for (const LedgerLine& line : ledger.lines) sum += line.bytes.value;
  const std::uint64_t whole = ledger.known ? ledger.committed.value : sum;
  TextTable table({{""}, {"", Align::kRight}, {"", Align::kRight}, {"", Align::kRight}, {""}});
  const auto row = [&](std::string name, std::uint64_t bytes, Certainty certainty, std::string source) {
    table.add({std::move(name), fmt::format("{}{}", certaintyPrefix(certainty), toText(Bytes(bytes))),
               fmt::format("{} B", withSeparators(bytes)), percentText(bytes, whole), std::move(source)});
  };
  for (const LedgerLine& line : ledger.lines) row(line.name, line.bytes.value, line.certainty, line.source);
  if (ledger.known) {
    if (ledger.unexplained != 0) {
      const auto missing = static_cast<std::uint64_t>(std::abs(ledger.unexplained));
      row(ledger.unexplained > 0 ? "unexplained" : "counted twice", missing, Certainty::kExact, "difference");
    }
    row("= committed", ledger.committed.value, Certainty::kExact,
        s.counter("committed_bytes") ? "counters" : "arena table");
  } else {
    row("= objects", sum, Certainty::kExact, "the dump's source has no pool");
  }
  out += table.text();
  if (ledger.external.value != 0)
    out += fmt::format("  outside the heap: {} of malloc memory that objects say they own\n",
                       toText(ledger.external));
  if (!ledger.known) return out;
  if (ledger.unexplained == 0) out += "  The lines add up to the byte.\n";
  if (s.counters().empty())
    out += "  The dump carries no counters to compare with.\n";
  else if (ledger.disagreements.empty())
    out += "  The process's counters agree with the dump's own tables.\n";
  else
    for (const std::string& line : ledger.disagreements) out += fmt::format("  DISAGREES  {}\n", line);
  return out;
}

std::string lossText(const Snapshot& snapshot) {
  const LoadReport& report = snapshot.report();
  if (report.dumpsInFile > 1)
    return fmt::format("{}: dump {} of the {} in the file; {}\n", snapshot.path(), report.dumpNumber, report.dumpsInFile, report.sentence());
  if (report.complete()) return {};
  return fmt::format("{}: {}\n", snapshot.path(), report.sentence());
}

std::string textOf(const Snapshot& s, const Summary& summary) {
  std::string out = heading(s);
  std::uint64_t reachable = 0;
  for (const AgeRow& row : summary.ages) reachable += row.objects;
  out += fmt::format("  heap      {}, {} reachable; {}; {}\n", counted(s.objectCount(), "object", "objects"),
                     withSeparators(reachable), counted(s.edgeCount(), "reference", "references"),
                     counted(s.roots().size(), "root", "roots"));
  out += findingsText(s, summary.findings);
  out += ledgerText(s, summary.ledger);
  out += fmt::format("\nWho keeps it alive (top dominators; {} in all)\n", toText(summary.dominators.total));
  out += dominatorTable(s, summary.dominators, false);
  out += typesText(s, summary);
  // What another program's dump does not know is left out, not shown as zeros.
  const bool ours = s.kind() == DumpKind::kOpenclaw;
  if (ours || s.sites().size() > 1) out += sitesText(s, summary);
  if (ours) out += agesText(summary) + pausesText(s, summary.pauses);
  return out;
}

std::string textOf(const Snapshot& s, const Histogram& histogram) {
  const std::size_t shown =
      histogram.top == 0 ? histogram.rows.size() : std::min(histogram.top, histogram.rows.size());
  std::uint64_t objects = 0;
  Bytes shallow;
  for (const HistogramRow& row : histogram.rows) {
    objects += row.objects;
    shallow += row.shallow;
  }
  std::string out = lossText(s) + scopeText(s, histogram.scope);
  out += histogramTable(s, std::span(histogram.rows).first(shown)).text(0);
  if (shown < histogram.rows.size())
    out += fmt::format("… {} more\n", counted(histogram.rows.size() - shown, "type", "types"));
  out += fmt::format("{}, {} in {}\n", counted(histogram.rows.size(), "type", "types"), toText(shallow),
                     counted(objects, "object", "objects"));
  return out;
}

std::string textOf(const Snapshot& s, const DominatorView& view, const DominatorViewOptions& options) {
  std::string out = lossText(s) + scopeText(s, view.scope);
  if (view.scope == nullptr)
    out += fmt::format("{} reachable; share is of that\n", toText(view.total));
  else
    out += fmt::format("{} retained by {} of the scope that no other of it dominates; share is of that\n", toText(view.total),
                       counted(view.scope->tops.size(), "object", "objects"));
  if (view.rows.empty()) return out + (view.scope == nullptr ? "no root reaches any object\n" : "no root reaches any object of the scope\n");
  return out + dominatorTable(s, view, options.byType);
}

std::string textOf(const Snapshot& s, const Inspection& in) {
  const ObjectIndex object = in.object;
  std::string out = lossText(s);
  out += fmt::format("{} at {}{}\n", typeText(s, s.type(object)), idText(s, object),
                     in.offset == 0 ? "" : fmt::format("  (the address lies {} bytes inside)", in.offset));
  const auto line = [&](const char* name, const std::string& value) {
    out += fmt::format("  {:<11} {}\n", name, value);
  };
  if (const std::string what = s.description(object); !what.empty()) line("is", what);
  line("size",
       fmt::format("{} shallow, {} retained{}", toText(s.size(object)),
                   bytesText(s, s.retained(object), Certainty::kExact),
                   s.external(object).value == 0
                       ? ""
                       : fmt::format(", {} of malloc memory outside the heap", toText(s.external(object)))));
  if (s.kind() == DumpKind::kOpenclaw)
    line("age", s.age(object) >= 7 ? "seven collections or more" : counted(s.age(object), "collection", "collections"));
  std::vector<std::string> flags;
  const std::uint8_t bits = s.flags(object);
  if (bits & kObjectPinned) flags.emplace_back("pinned");
  if (bits & kObjectLarge) flags.emplace_back("large");
  if (bits & kObjectHasDestructor) flags.emplace_back("has a destructor");
  if (bits & kObjectUnderConstruction) flags.emplace_back("under construction");
  if (bits & kObjectMovable) flags.emplace_back("movable");
  if (!flags.empty()) line("flags", fmt::format("{}", fmt::join(flags, ", ")));
  line("state", s.reachable(object)                  ? "reachable"
                : s.kind() == DumpKind::kOpenclaw ? "unreachable: garbage that no collection has found yet"
                                                  : "unreachable: no strong references from a root lead to it");
  if (in.region) {
    const RegionRecord& region = s.regions()[*in.region];
    const std::string arena =
        region.arena < s.arenas().size() ? s.arenas()[region.arena].ownedName : std::to_string(region.arena);
    line("region",
         fmt::format("{} of arena {}, {}", toText(Address(region.base)), arena, toText(Bytes(region.bytes))));
  }
  line("made at", siteText(s, s.site(object)));
  if (const auto stack = s.stack(object)) {
    out += "\nStack of its allocation\n";
    for (const std::uint64_t pc : s.stacks()[*stack].pcs)
      for (const std::string& code : codeText(s, pc)) out += fmt::format("  {}\n", code);
    if (s.stacks()[*stack].truncated) out += "  … deeper frames were not recorded\n";
  }

  out += fmt::format("\nPoints to ({})\n", counted(in.slotsTotal, "slot", "slots"));
  TextTable slots({{""}, {""}, {""}});
  for (const SlotRow& row : in.slots)
    slots.add({row.label, row.target ? objectText(s, *row.target) : "null",
               row.strength == Strength::kStrong ? "" : toText(row.strength)});
  out += slots.text();
  if (in.slotsTotal > in.slots.size())
    out += fmt::format("  … {} more\n", withSeparators(in.slotsTotal - in.slots.size()));

  out += fmt::format("\nPointed to by ({})\n",
                     counted(in.referrersTotal + in.roots.size(), "reference", "references"));
  for (const RootInfo& root : in.roots) out += fmt::format("  {}\n", rootText(s, root));
  TextTable referrers({{""}, {""}, {""}});
  for (const ReferrerRow& row : in.referrers)
    referrers.add({objectText(s, row.object), accessText(row.label),
                   row.strength == Strength::kStrong ? "" : toText(row.strength)});
  out += referrers.text();
  if (in.referrersTotal > in.referrers.size())
    out += fmt::format("  … {} more\n", withSeparators(in.referrersTotal - in.referrers.size()));

  out += "\nKept alive through\n";
  if (in.path.empty()) out += "  nothing: no root reaches it\n";
  for (std::size_t i = 0; i < in.path.size(); ++i) {
    if (i == 0)
      for (const RootInfo& root : s.roots())
        if (root.object == in.path[0].object) {
          out += fmt::format("  {}\n", rootText(s, root));
          break;
        }
    const std::string label =
        i == 0 ? "" : accessText(s.labelOf(in.path[i - 1].object, in.path[i].slot)) + " ";
    out += fmt::format("  {}→ {}\n", label, objectText(s, in.path[i].object));
  }
  out += "\nDominated by\n";
  if (in.dominators.empty())
    out += s.reachable(object) ? "  the roots only\n" : "  nothing: no root reaches it\n";
  for (const ObjectIndex above : in.dominators)
    out += fmt::format("  {}, retains {}\n", objectText(s, above),
                       bytesText(s, s.retained(above), Certainty::kExact));
  if (in.dominatorsTotal > in.dominators.size())
    out += fmt::format("  … {} more up to the roots\n",
                       withSeparators(in.dominatorsTotal - in.dominators.size()));
  return out;
}

std::string textOf(const Snapshot& s, const Validation& validation) {
  std::string out = lossText(s);
  out += fmt::format("{}: {}, {}\n", s.path(), counted(s.objectCount(), "object", "objects"),
                     counted(s.edgeCount(), "reference", "references"));
  for (const BrokenInvariant& broken : validation.lost) out += fmt::format("  LOST    {}: {}\n", broken.name, broken.detail);
  for (const std::string& missing : validation.missing) out += fmt::format("  LOST    {}\n", missing);
  for (const auto& [name, count] : s.report().losses)
    out += fmt::format("  LOST    dump.losses: {}: {}\n", name, withSeparators(count));
  for (const BrokenInvariant& broken : validation.broken) out += fmt::format("  BROKEN  {}: {}\n", broken.name, broken.detail);
  for (const std::string& note : validation.notes) out += fmt::format("  NOTE    {}\n", note);
  if (!validation.notChecked.empty())
    out += fmt::format("  NOTE    not checked, because something is missing: {}\n", fmt::join(validation.notChecked, ", "));
  if (validation.fine())
    out += fmt::format("  fine: file whole, {} hold, counters agree, ledger adds up\n",
                       counted(allInvariants().size(), "invariant", "invariants"));
  return out;
}

std::string invariantListText() {
  std::string out;
  for (const Invariant& invariant : allInvariants())
    out += fmt::format("{:<44} {:<8}  {}\n", invariant.name, invariant.level, invariant.sentence);
  return out;
}

}  // namespace openclaw
