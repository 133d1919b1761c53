#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "analyzer/report/numbers.h"
#include "analyzer/report/reports.h"
#include "analyzer/report/text_parts.h"
#include "analyzer/report/text_table.h"
#include "analyzer/report/view_reports.h"

namespace openclaw {
namespace {

using Align = TextTable::Align;

std::string sure(Bytes bytes, Certainty certainty) { return fmt::format("{}{}", certaintyPrefix(certainty), toText(bytes)); }
std::string freedText(const ChurnFigures& churn) {
  if (churn.freedBytes.value == 0 && churn.freedCertainty != Certainty::kExact) return churn.freedCertainty == Certainty::kLowerBound ? "?" : "≈ 0 B";
  return sure(churn.freedBytes, churn.freedCertainty);
}

// Eight characters, one an age: how the living are spread over the ages.
template <class Counts>
std::string agesText(const Counts& ages) {
  const auto most = *std::max_element(ages.begin(), ages.end());
  std::string text;
  for (const auto count : ages) text += most == 0 ? "·" : fillText(static_cast<double>(count) / static_cast<double>(most));
  return text;
}

std::string bySite(const Snapshot& s, const SitesReport& report) {
  std::string out;
  Bytes live, allocated, freed;
  Certainty certainty = Certainty::kExact;
  for (const SiteRow& row : report.sites) {
    live += row.shallow;
    allocated += row.churn.allocatedBytes;
    freed += row.churn.freedBytes;
    certainty = std::max(certainty, row.churn.allocatedCertainty);
  }
  if (report.scope != nullptr && !report.scope->churnKnown)
    out += fmt::format("{}: {} live; what was allocated and freed is counted by site, so it is not known of this scope\n",
                       counted(report.sites.size(), "site", "sites"), bytesText(s, live, Certainty::kExact));
  else
    out += fmt::format("{}: {} live, {} allocated in all, {} gone again\n", counted(report.sites.size(), "site", "sites"),
                       bytesText(s, live, Certainty::kExact), sure(allocated, certainty), sure(freed, certainty));
  TextTable table({{"live", Align::kRight},
                   {"objects", Align::kRight},
                   {"allocated", Align::kRight},
                   {"freed", Align::kRight},
                   {"survives", Align::kRight},
                   {"ages 0–7"},
                   {"stacks", Align::kRight},
                   {"site, and the type that has most of it"}});
  const std::size_t shown = std::min(report.top, report.sites.size());
  for (const SiteRow& row : std::span(report.sites).first(shown)) {
    const auto survival = row.survival();
    table.add({bytesText(s, row.shallow, Certainty::kExact), withSeparators(row.objects),
               sure(row.churn.allocatedBytes, row.churn.allocatedCertainty), freedText(row.churn),
               survival ? fmt::format("{}{}", row.churn.allocatedCertainty == Certainty::kSampled ? "≈ " : "", percentText(*survival)) : "?",
               agesText(row.objectsByAge), withSeparators(row.stacks),
               fmt::format("{}{}", siteText(s, row.site), row.mostBytesType ? fmt::format("  → {}", typeText(s, row.mostBytesType)) : "")});
  }
  out += table.text();
  if (shown < report.sites.size()) out += fmt::format("  … {} more\n", counted(report.sites.size() - shown, "site", "sites"));
  if (report.scope != nullptr && !report.scope->churnKnown)
    out += "  allocated ≥: what is there; freed ?: not known of a scope of anything but sites\n";
  else if (certainty == Certainty::kLowerBound)
    out += "  allocated ≥: the process did not count, so only what is there is known; freed ?: not known\n";
  else if (certainty == Certainty::kSampled)
    out += "  ≈ from sampled stacks; ? where no sample tells\n";
  return out;
}

std::string byStack(const Snapshot& s, const SitesReport& report) {
  std::string out;
  Bytes live, all;
  for (const StackRow& row : report.stacks) live += row.liveBytes;
  for (const SiteRow& row : report.sites) all += row.shallow;
  out += fmt::format("{}, which stand for ≈ {} of {} live bytes; the rest has a site and no sampled stack\n",
                     counted(report.stacks.size(), "stack", "stacks"), toText(live), toText(all));
  const std::size_t shown = std::min(report.top, report.stacks.size());
  for (const StackRow& row : std::span(report.stacks).first(shown)) {
    out += fmt::format("\n≈ {} live in ≈ {}; {} allocated, {} freed; ages 0–7 {}  (stack {}, {}, {} in the dump)\n", toText(row.liveBytes),
                       counted(row.liveObjects, "object", "objects"), sure(row.churn.allocatedBytes, row.churn.allocatedCertainty),
                       freedText(row.churn), agesText(row.sampledByAge), row.stack.value, counted(row.samples, "sample", "samples"),
                       counted(row.sampledObjects, "object", "objects"));
    out += fmt::format("  made at {}\n", siteText(s, row.site));
    const StackInfo& info = s.stacks()[row.stack];
    for (const std::uint64_t pc : info.pcs)
      for (const std::string& line : codeText(s, pc)) out += fmt::format("    {}\n", line);
    if (info.truncated) out += "    … deeper frames were not recorded\n";
  }
  if (shown < report.stacks.size()) out += fmt::format("\n… {} more\n", counted(report.stacks.size() - shown, "stack", "stacks"));
  return out;
}

}  // namespace

SitesReport computeSitesReport(const Snapshot& snapshot, bool byStack, SitesOrder order, std::size_t top, std::stop_token stop,
                               const ScopeSelection* scope) {
  SitesReport report;
  report.byStack = byStack;
  report.order = order;
  report.top = top;
  report.scope = scope;
  report.sites = computeSites(snapshot, stop, true, scope);
  if (byStack) report.stacks = computeStacks(snapshot, stop, scope);
  // Both come by live bytes; a stable sort keeps that among equals.
  const auto sort = [](auto& rows, auto key) {
    std::stable_sort(rows.begin(), rows.end(), [&](const auto& a, const auto& b) { return key(a) > key(b); });
  };
  switch (order) {
    case SitesOrder::kLive:
      break;
    case SitesOrder::kObjects:
      sort(report.sites, [](const SiteRow& row) { return row.objects; });
      sort(report.stacks, [](const StackRow& row) { return row.liveObjects; });
      break;
    case SitesOrder::kAllocated:
      sort(report.sites, [](const SiteRow& row) { return row.churn.allocatedBytes; });
      sort(report.stacks, [](const StackRow& row) { return row.churn.allocatedBytes; });
      break;
    case SitesOrder::kFreed:
      sort(report.sites, [](const SiteRow& row) { return row.churn.freedBytes; });
      sort(report.stacks, [](const StackRow& row) { return row.churn.freedBytes; });
      break;
  }
  return report;
}

std::string textOf(const Snapshot& s, const SitesReport& report) {
  std::string out = lossText(s) + scopeText(s, report.scope);
  if (report.byStack && report.stacks.empty() && report.scope != nullptr && !s.stacks().empty())
    return out + "No object of the scope carries a sampled stack; heap-analyzer sites shows its sites.\n";
  if (report.byStack && report.stacks.empty())
    return out + "No stack is in this dump: sampling was off, or its source records none. heap-analyzer sites shows the sites.\n";
  if (s.sites().size() <= 1 && report.sites.size() <= 1 && !report.byStack)
    return out + "This dump has no allocation sites: its source does not record who allocated. Nothing to show.\n";
  return out + (report.byStack ? byStack(s, report) : bySite(s, report));
}

}  // namespace openclaw
