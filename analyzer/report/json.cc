// Shapes: JSON.md.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "analyzer/report/json_parts.h"
#include "analyzer/report/numbers.h"
#include "analyzer/report/reports.h"

namespace openclaw {
namespace {

using namespace json_parts;

Json processOf(const Snapshot& s) {
  const ProcessInfo& p = s.process();
  return {{"pid", p.pid},
          {"executable", p.executable},
          {"commandLine", p.commandLine},
          {"host", p.host},
          {"kernel", p.kernel},
          {"source", p.source},
          {"generator", p.generator},
          {"requestedBy", p.requested},
          {"startedUnixNs", p.startedUnix},
          {"dumpedUnixNs", p.dumpedUnix},
          {"dumpNumber", p.dumpNumber},
          {"dumpId", p.dumpId},
          {"previousDumpId", p.previousDumpId},
          {"consistency", toText(p.consistency)},
          {"pausedNs", s.stopNanoseconds()}};
}

Json findingsOf(const Snapshot& s, const Findings& findings) {
  Json list = Json::array();
  for (const Finding& f : findings.findings) list.push_back(findingOf(s, f));
  return {{"found", std::move(list)}, {"checkedAndFine", findings.checkedAndFine}, {"notChecked", findings.notChecked}};
}

Json ledgerOf(const Ledger& ledger) {
  Json lines = Json::array();
  for (const LedgerLine& line : ledger.lines)
    lines.push_back({{"name", line.name},
                     {"bytes", line.bytes.value},
                     {"source", line.source},
                     {"certainty", certaintyName(line.certainty)}});
  return {{"known", ledger.known},
          {"lines", std::move(lines)},
          {"committedBytes", ledger.committed.value},
          {"unexplainedBytes", ledger.unexplained},
          {"externalBytes", ledger.external.value},
          {"disagreements", ledger.disagreements}};
}

Json histogramRows(const Snapshot& s, std::span<const HistogramRow> rows) {
  Json list = Json::array();
  for (const HistogramRow& row : rows) {
    Json json{{"type", typeText(s, row.type)},
              {"typeIndex", row.type.value},
              {"objects", row.objects},
              {"shallowBytes", row.shallow.value}};
    if (s.knowsRetained()) {
      json["retainedBytes"] = row.retained.value;
      json["retainedCertainty"] = certaintyName(row.retainedCertainty);
      json["unreachableObjects"] = row.unreachableObjects;
    }
    json["medianAge"] = row.medianAge;
    list.push_back(std::move(json));
  }
  return list;
}

Json dominatorRows(const Snapshot& s, const DominatorView& view) {
  Json list = Json::array();
  for (const DominatorViewRow& row : view.rows) {
    Json json{{"depth", row.depth},
              {"kind", !row.type    ? "rest"
                       : row.object ? "object"
                                    : "type"},
              {"objects", row.objects}};
    if (row.object) json["address"] = address(s.address(*row.object));
    if (row.object) json["index"] = row.object->value;
    if (row.type) json["type"] = typeText(s, *row.type);
    json["shallowBytes"] = row.shallow.value;
    json["retainedBytes"] = row.retained.value;
    json["share"] = row.share;
    if (row.type) json["dominates"] = row.dominated;
    list.push_back(std::move(json));
  }
  return list;
}

Json pausesOf(const Snapshot& s, const PauseView& view) {
  Json kinds = Json::array(), longest = Json::array();
  for (const PauseKindRow& row : view.kinds)
    kinds.push_back({{"kind", row.kind},
                     {"count", row.count},
                     {"totalNs", row.total.count()},
                     {"medianNs", row.median.count()},
                     {"longestNs", row.longest.count()}});
  for (const std::size_t index : view.longest) {
    const PauseInfo& pause = s.pauses()[index];
    Json phases = Json::array();
    for (const auto& [name, duration] : pause.ownedPhases)
      phases.push_back({{"name", name}, {"ns", duration}});
    longest.push_back({{"number", pause.number},
                       {"kind", pause.ownedKind},
                       {"cause", pause.ownedCause},
                       {"startMonotonicNs", pause.startMonotonic},
                       {"durationNs", pause.duration},
                       {"phases", std::move(phases)},
                       {"runDelayNs", pause.runDelay},
                       {"throttledNs", pause.throttled},
                       {"minorFaults", pause.minorFaults},
                       {"majorFaults", pause.majorFaults},
                       {"explanation", explainPause(pause)}});
  }
  return {{"happened", view.happened},
          {"recorded", view.recorded},
          {"kinds", std::move(kinds)},
          {"longest", std::move(longest)}};
}

}  // namespace

std::string jsonOf(const Snapshot& s, const Summary& summary) {
  Json json = envelope(s, "summary");
  json["process"] = processOf(s);
  Json memory = Json::object();
  for (const auto& [part, bytes] : s.memoryByPart()) memory[part] = bytes;
  std::uint64_t reachable = 0;
  for (const AgeRow& row : summary.ages) reachable += row.objects;
  json["heap"] = {{"objects", s.objectCount()},
                  {"reachableObjects", reachable},
                  {"references", s.edgeCount()},
                  {"roots", s.roots().size()},
                  {"reachableBytes", summary.dominators.total.value},
                  {"snapshotMemoryBytes", std::move(memory)}};
  json["findings"] = findingsOf(s, summary.findings);
  json["ledger"] = ledgerOf(summary.ledger);
  Json counters = Json::object();
  for (const auto& [name, value] : s.counters()) counters[name] = value;
  json["counters"] = std::move(counters);
  json["dominators"] = dominatorRows(s, summary.dominators);
  json["types"] = histogramRows(s, summary.types);
  Json sites = Json::array();
  for (const SiteRow& row : summary.sites)
    sites.push_back({{"site", siteOf(s, row.site)},
                     {"objects", row.objects},
                     {"shallowBytes", row.shallow.value},
                     {"unreachableObjects", row.unreachableObjects},
                     {"mostBytesType", row.mostBytesType ? Json(typeText(s, row.mostBytesType)) : Json()}});
  json["sites"] = std::move(sites);
  Json ages = Json::array();
  for (std::size_t age = 0; age < summary.ages.size(); ++age)
    ages.push_back({{"age", age},
                    {"objects", summary.ages[age].objects},
                    {"shallowBytes", summary.ages[age].shallow.value}});
  json["ages"] = std::move(ages);
  json["pauses"] = pausesOf(s, summary.pauses);
  return dump(json);
}

std::string jsonOf(const Snapshot& s, const Histogram& histogram) {
  Json json = envelope(s, "histogram", histogram.scope);
  json["types"] = histogram.rows.size();
  const std::size_t shown =
      histogram.top == 0 ? histogram.rows.size() : std::min(histogram.top, histogram.rows.size());
  json["rows"] = histogramRows(s, std::span(histogram.rows).first(shown));
  return dump(json);
}

std::string jsonOf(const Snapshot& s, const DominatorView& view, const DominatorViewOptions& options) {
  Json json = envelope(s, "dominators", view.scope);
  json["depth"] = options.depth;
  json["top"] = options.top;
  json["minimumShare"] = options.minimumShare;
  json["groupedByType"] = options.byType;
  json["reachableBytes"] = view.total.value;
  json["rows"] = dominatorRows(s, view);
  return dump(json);
}

std::string jsonOf(const Snapshot& s, const Inspection& in) {
  Json json = envelope(s, "inspect");
  const ObjectIndex object = in.object;
  Json own = objectOf(s, object);
  own["typeIndex"] = s.type(object).value;
  own["offset"] = in.offset;
  own["externalBytes"] = s.external(object).value;
  if (std::string what = s.description(object); !what.empty()) own["description"] = std::move(what);
  own["age"] = s.age(object);
  own["flags"] = s.flags(object);
  own["reachable"] = s.reachable(object);
  own["site"] = siteOf(s, s.site(object));
  if (const auto stack = s.stack(object)) own["stack"] = stackOf(s, *stack);
  if (in.region)
    own["region"] = {{"base", address(Address(s.regions()[*in.region].base))},
                     {"bytes", s.regions()[*in.region].bytes},
                     {"arena", s.regions()[*in.region].arena}};
  json["object"] = std::move(own);
  Json slots = Json::array(), referrers = Json::array(), roots = Json::array(), path = Json::array(),
       dominators = Json::array();
  for (const SlotRow& row : in.slots)
    slots.push_back({{"slot", row.slot},
                     {"label", row.label},
                     {"strength", toText(row.strength)},
                     {"target", row.target ? objectOf(s, *row.target) : Json()}});
  for (const ReferrerRow& row : in.referrers)
    referrers.push_back({{"object", objectOf(s, row.object)},
                         {"slot", row.slot},
                         {"label", row.label},
                         {"strength", toText(row.strength)}});
  for (const RootInfo& root : in.roots) roots.push_back(rootOf(s, root));
  for (std::size_t i = 0; i < in.path.size(); ++i) {
    Json step{{"object", objectOf(s, in.path[i].object)}};
    if (i > 0) step["label"] = s.labelOf(in.path[i - 1].object, in.path[i].slot);
    path.push_back(std::move(step));
  }
  for (const ObjectIndex above : in.dominators) dominators.push_back(objectOf(s, above));
  json["slotsTotal"] = in.slotsTotal;
  json["slots"] = std::move(slots);
  json["roots"] = std::move(roots);
  json["referrersTotal"] = in.referrersTotal;
  json["referrers"] = std::move(referrers);
  json["pathFromRoot"] = std::move(path);
  json["dominatorsTotal"] = in.dominatorsTotal;
  json["dominators"] = std::move(dominators);
  return dump(json);
}

std::string jsonOf(const Snapshot& s, const Validation& validation) {
  Json json = envelope(s, "validate");
  json["fine"] = validation.fine();
  const auto rowsOf = [](const std::vector<BrokenInvariant>& all) {
    Json rows = Json::array();
    for (const BrokenInvariant& b : all) {
      Json row{{"name", b.name}, {"times", b.times}, {"detail", b.detail}};
      if (b.frame) row["frame"] = *b.frame;
      if (b.offset) row["offset"] = *b.offset;
      if (b.object) row["object"] = *b.object;
      rows.push_back(std::move(row));
    }
    return rows;
  };
  json["lostByInvariant"] = rowsOf(validation.lost);
  json["fileProblems"] = validation.missing;
  json["brokenInvariants"] = rowsOf(validation.broken);
  json["notes"] = validation.notes;
  json["notChecked"] = validation.notChecked;
  Json checked = Json::array();
  for (const Invariant& invariant : allInvariants())
    if (std::find(validation.notChecked.begin(), validation.notChecked.end(), invariant.name) == validation.notChecked.end())
      checked.push_back(invariant.name);
  json["checkedInvariants"] = std::move(checked);
  json["ledger"] = ledgerOf(validation.ledger);
  return dump(json);
}

std::string invariantListJson() {
  Json rows = Json::array();
  for (const Invariant& invariant : allInvariants())
    rows.push_back({{"name", invariant.name}, {"level", invariant.level}, {"loss", invariant.loss}, {"sentence", invariant.sentence}});
  return dump({{"report", "invariants"}, {"version", 1}, {"invariants", std::move(rows)}});
}

}  // namespace openclaw
