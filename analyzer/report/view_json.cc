#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "analyzer/report/json_parts.h"
#include "analyzer/report/numbers.h"
#include "analyzer/report/view_reports.h"

namespace openclaw {
namespace {

using namespace json_parts;

const char* nameOf(RegionKind kind) {
  switch (kind) {
    case RegionKind::kBlock:
      return "block";
    case RegionKind::kLargePages:
      return "largePages";
    case RegionKind::kHugeObject:
      return "hugeObject";
    case RegionKind::kFreePages:
      return "freePages";
    case RegionKind::kOther:
      return "other";
  }
  return "other";
}
const char* nameOf(RegionState state) {
  switch (state) {
    case RegionState::kEmpty:
      return "empty";
    case RegionState::kSwept:
      return "swept";
    case RegionState::kUnswept:
      return "unswept";
    case RegionState::kAllocating:
      return "allocating";
    case RegionState::kFull:
      return "full";
    case RegionState::kWithheld:
      return "withheld";
  }
  return "empty";
}

Json regionOf(const Snapshot& s, const RegionRow& row, bool lineBytes) {
  Json json{{"base", address(row.base)},
            {"bytes", row.bytes.value},
            {"arena", row.arena},
            {"kind", nameOf(row.kind)},
            {"state", nameOf(row.state)},
            {"objects", row.objects},
            {"objectBytes", row.objectBytes.value},
            {"deadBytes", row.deadBytes.value},
            {"holeBytes", row.holeBytes.value},
            {"unusableBytes", row.unusableBytes.value},
            {"tailBytes", row.tailBytes.value},
            {"slackBytes", row.slackBytes.value}};
  if (row.objects == 0) return json;
  json["meanAge"] = row.meanAge();
  if (row.mostBytesType) json["mostBytesType"] = row.mostBytesType.value;
  if (row.mostBytesSite) json["mostBytesSite"] = row.mostBytesSite.value;
  json["pinned"] = row.pinned;
  json["mostlyEmpty"] = row.mostlyEmpty;
  if (row.kind != RegionKind::kBlock) return json;
  const RegionRecord& record = s.regions()[row.region];
  std::string lines;
  for (std::size_t line = 0; line < kLinesOfBlock; line += 4) {
    unsigned digit = 0;
    for (std::size_t i = 0; i < 4; ++i) digit |= (lineHeld(record, line + i) ? 8u : 0u) >> i;
    lines += "0123456789abcdef"[digit];
  }
  json["lines"] = std::move(lines);
  if (lineBytes) json["lineBytes"] = computeLineBytes(s, row.region);
  return json;
}

Json arenaOf(const ArenaFragmentation& a) {
  return {{"name", a.name},
          {"fragmentation", a.fragmentation},
          {"locked", a.locked},
          {"committedBytes", a.committed.value},
          {"objectBytes", a.objectBytes.value},
          {"deadBytes", a.deadBytes.value},
          {"holeBytes", a.holeBytes.value},
          {"unusableBytes", a.unusableBytes.value},
          {"tailBytes", a.tailBytes.value},
          {"emptyBytes", a.emptyBytes.value},
          {"roundingBytes", a.roundingBytes.value},
          {"metadataBytes", a.metadataBytes.value},
          {"lockedBytes", a.lockedBytes.value},
          {"freePagesBytes", a.freePagesBytes.value},
          {"largestFreePagesBytes", a.largestFreePages.value},
          {"blocks", a.blocks},
          {"emptyBlocks", a.emptyBlocks},
          {"mostlyEmptyBlocks", a.mostlyEmptyBlocks},
          {"largeRegions", a.largeRegions}};
}

template <class T>
Json orNull(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}
Json orNull(const std::optional<Bytes>& value) { return value ? Json(value->value) : Json(); }

Json churnOf(const ChurnFigures& churn) {
  return {{"allocatedObjects", churn.allocatedObjects},
          {"allocatedBytes", churn.allocatedBytes.value},
          {"allocatedCertainty", certaintyName(churn.allocatedCertainty)},
          {"freedObjects", churn.freedObjects},
          {"freedBytes", churn.freedBytes.value},
          {"freedCertainty", certaintyName(churn.freedCertainty)}};
}

Json linesOf(const std::vector<LedgerLine>& lines) {
  Json list = Json::array();
  for (const LedgerLine& line : lines)
    list.push_back({{"name", line.name}, {"bytes", line.bytes.value}, {"source", line.source}, {"certainty", certaintyName(line.certainty)}});
  return list;
}

}  // namespace

std::string jsonOf(const Snapshot& s, const FragmentationReport& report) {
  const FragmentationView& view = report.view;
  Json json = envelope(s, "fragmentation", report.scope);
  json["known"] = view.known;
  json["total"] = arenaOf(view.total);
  Json arenas = Json::array(), holes = Json::array(), pins = Json::array(), regions = Json::array();
  for (const ArenaFragmentation& a : view.arenas) arenas.push_back(arenaOf(a));
  for (const HoleSizeRow& row : view.holes)
    holes.push_back({{"from", row.from.value},
                     {"upTo", row.upTo.value},
                     {"holes", row.holes},
                     {"bytes", row.bytes.value},
                     {"mixedHoles", row.mixedHoles},
                     {"mixedBytes", row.mixedBytes.value}});
  for (const PinGroup& pin : std::span(view.pins).first(std::min(report.top, view.pins.size()))) {
    Json row{{"type", typeText(s, pin.type)},
             {"site", siteOf(s, pin.site)},
             {"objects", pin.objects},
             {"bytes", pin.bytes.value},
             {"blocks", pin.blocks},
             {"lockedBytes", pin.lockedBytes.value},
             {"narrowBytes", pin.narrowBytes.value},
             {"mostlyEmptyBytes", pin.mostlyEmptyBytes.value},
             {"wasteBytes", pin.wasteBytes.value},
             {"mostlyEmptyBlocks", pin.mostlyEmptyBlocks},
             {"blocksAlone", pin.blocksAlone},
             {"unreachableObjects", pin.unreachableObjects},
             {"owner", Json()}};
    if (pin.owner) {
      row["owner"] = objectOf(s, *pin.owner);
      row["ownerObjects"] = pin.ownerObjects;
    }
    pins.push_back(std::move(row));
  }
  json["arenas"] = std::move(arenas);
  json["holes"] = std::move(holes);
  json["pins"] = std::move(pins);
  const DefragmentationEstimate& d = view.defragmentation;
  json["defragmentation"] = {{"candidateBlocks", d.candidateBlocks},
                             {"pinnedBlocks", d.pinnedBlocks},
                             {"movedBytes", d.movedBytes.value},
                             {"lowBytes", d.low.value},
                             {"highBytes", d.high.value},
                             {"certainty", certaintyName(d.certainty)},
                             {"because", d.because}};
  if (report.block) {
    json["regions"] = Json::array({regionOf(s, view.regions[report.block->value], true)});
    return dump(json);
  }
  if (report.scope != nullptr)
    json["inScope"] = {{"blocks", report.scoped.blocks},
                       {"blocksAlone", report.scoped.blocksAlone},
                       {"holesAloneBytes", report.scoped.holesAlone.value},
                       {"mostlyEmptyBlocks", report.scoped.mostlyEmptyBlocks},
                       {"holesInMostlyEmptyBytes", report.scoped.holesInMostlyEmpty.value}};
  for (std::size_t r = 0; r < view.regions.size(); ++r) {
    Json region = regionOf(s, view.regions[r], report.lineBytes);
    if (report.scope != nullptr) {
      region["scopeObjects"] = report.scoped.regions[r].objects;
      region["scopeBytes"] = report.scoped.regions[r].bytes.value;
    }
    regions.push_back(std::move(region));
  }
  json["regions"] = std::move(regions);
  return dump(json);
}

std::string jsonOf(const Snapshot& s, const GenerationsReport& report) {
  const GenerationsView& view = report.view;
  Json json = envelope(s, "generations", report.scope);
  json["known"] = view.known;
  json["collections"] = view.collections;
  json["reachableBytes"] = view.reachable.value;
  json["unreachableBytes"] = view.unreachable.value;
  json["deadBytes"] = view.deadKnown ? Json(view.dead.value) : Json();
  json["allocatedTotalBytes"] = orNull(view.allocatedTotal);
  json["freedTotalBytes"] = orNull(view.freedTotal);
  Json ages = Json::array(), dying = Json::array(), churn = Json::array();
  for (std::size_t age = 0; age < view.ages.size(); ++age) {
    const GenerationRow& row = view.ages[age];
    ages.push_back({{"age", age},
                    {"objects", row.objects},
                    {"bytes", row.bytes.value},
                    {"unreachableObjects", row.unreachableObjects},
                    {"unreachableBytes", row.unreachableBytes.value},
                    {"allocatedBytes", orNull(row.allocated)},
                    {"allocatedCertainty", certaintyName(row.certainty)},
                    {"survival", orNull(row.survival)},
                    {"step", orNull(row.step)}});
  }
  for (const DeadTypeRow& row : view.dying)
    dying.push_back({{"type", typeText(s, row.type)},
                     {"unreachableObjects", row.unreachableObjects},
                     {"unreachableBytes", row.unreachableBytes.value},
                     {"youngObjects", row.youngObjects},
                     {"deadObjects", row.deadObjects},
                     {"deadBytes", row.deadBytes.value}});
  for (const ChurnRow& row : view.churn)
    churn.push_back({{"stack", row.stack.value},
                     {"site", siteOf(s, s.stacks()[row.stack].site)},
                     {"allocatedBytes", row.allocated.value},
                     {"freedBytes", row.freed.value},
                     {"certainty", certaintyName(Certainty::kSampled)}});
  json["ages"] = std::move(ages);
  json["dying"] = std::move(dying);
  json["churn"] = std::move(churn);
  return dump(json);
}

std::string jsonOf(const Snapshot& s, const SitesReport& report) {
  Json json = envelope(s, "sites", report.scope);
  json["byStack"] = report.byStack;
  json["sites"] = report.sites.size();
  json["stacks"] = report.stacks.size();
  json["meanIntervalBytes"] = s.stackMeanInterval();
  Json rows = Json::array();
  if (report.byStack) {
    for (const StackRow& row : std::span(report.stacks).first(std::min(report.top, report.stacks.size())))
      rows.push_back({{"stack", stackOf(s, row.stack)},
                      {"site", siteOf(s, row.site)},
                      {"liveBytes", row.liveBytes.value},
                      {"liveObjects", row.liveObjects},
                      {"liveCertainty", certaintyName(row.liveCertainty)},
                      {"sampledObjects", row.sampledObjects},
                      {"sampledBytes", row.sampledBytes.value},
                      {"sampledByAge", row.sampledByAge},
                      {"samples", row.samples},
                      {"churn", churnOf(row.churn)}});
  } else {
    for (const SiteRow& row : std::span(report.sites).first(std::min(report.top, report.sites.size())))
      rows.push_back({{"site", siteOf(s, row.site)},
                      {"liveBytes", row.shallow.value},
                      {"liveObjects", row.objects},
                      {"unreachableObjects", row.unreachableObjects},
                      {"mostBytesType", row.mostBytesType ? Json(typeText(s, row.mostBytesType)) : Json()},
                      {"objectsByAge", row.objectsByAge},
                      {"stacks", row.stacks},
                      {"survival", orNull(row.survival())},
                      {"churn", churnOf(row.churn)}});
  }
  json["rows"] = std::move(rows);
  return dump(json);
}

std::string jsonOf(const Snapshot& s, const PausesReport& report) {
  const PauseView& view = report.view;
  Json json = envelope(s, "pauses");
  json["happened"] = view.happened;
  json["recorded"] = view.recorded;
  json["totalNs"] = view.total.count();
  json["p95Ns"] = view.p95.count();
  json["predicted"] = view.predicted;
  json["verdict"] = view.verdict;
  json["explanation"] = view.explanation;
  Json kinds = Json::array(), phases = Json::array(), changes = Json::array(), pauses = Json::array();
  for (const PauseKindRow& row : view.kinds)
    kinds.push_back({{"kind", row.kind}, {"count", row.count}, {"totalNs", row.total.count()}, {"medianNs", row.median.count()}, {"longestNs", row.longest.count()}});
  for (const PausePhaseRow& row : view.phases)
    phases.push_back({{"name", row.phase}, {"pauses", row.count}, {"totalNs", row.total.count()}, {"longestNs", row.longest.count()}});
  for (const std::size_t i : view.changesBefore) {
    const SettingChangeInfo& change = s.settingChanges()[i];
    changes.push_back({{"unixNs", change.unixTime}, {"name", change.name}, {"before", change.before}, {"after", change.after}, {"by", change.by}});
  }
  for (const std::size_t i : view.longest) {
    const PauseInfo& p = s.pauses()[i];
    Json own = Json::array();
    for (const auto& [name, duration] : p.ownedPhases) own.push_back({{"name", name}, {"ns", duration}});
    const auto before = beforeDump(s, p);
    pauses.push_back({{"number", p.number},
                      {"kind", p.ownedKind},
                      {"cause", p.ownedCause},
                      {"durationNs", p.duration},
                      {"predictedNs", p.predicted == 0 ? Json() : Json(p.predicted)},
                      {"beforeDumpNs", before ? Json(before->count()) : Json()},
                      {"phases", std::move(own)},
                      {"threads", p.threads},
                      {"signalled", p.signalled},
                      {"slowestThread", p.slowestThread},
                      {"objectsMarked", p.objectsMarked},
                      {"bytesMarked", p.bytesMarked},
                      {"rootsScanned", p.rootsScanned},
                      {"committedBeforeBytes", p.committedBefore},
                      {"allocatedSinceLastBytes", p.allocatedSinceLast},
                      {"runDelayNs", p.runDelay},
                      {"throttledNs", p.throttled},
                      {"preemptions", p.preemptions},
                      {"minorFaults", p.minorFaults},
                      {"majorFaults", p.majorFaults},
                      {"verdict", verdictOfPause(p)},
                      {"explanation", explainPause(p)}});
  }
  json["kinds"] = std::move(kinds);
  json["phases"] = std::move(phases);
  json["changesBeforeLongest"] = std::move(changes);
  json["longest"] = std::move(pauses);
  return dump(json);
}

std::string jsonOf(const Snapshot& s, const LedgerReport& report) {
  Json json = envelope(s, "ledger");
  json["heap"] = {{"known", report.heap.known},
                  {"lines", linesOf(report.heap.lines)},
                  {"committedBytes", report.heap.committed.value},
                  {"unexplainedBytes", report.heap.unexplained},
                  {"externalBytes", report.heap.external.value},
                  {"disagreements", report.heap.disagreements}};
  const ResidentLedger& r = report.resident;
  json["resident"] = {{"known", r.known},
                      {"why", r.why},
                      {"lines", linesOf(r.lines)},
                      {"residentBytes", r.resident.value},
                      {"unexplainedBytes", r.unexplained},
                      {"untouchedBytes", r.untouched.value},
                      {"mallocUsedBytes", r.mallocUsed.value},
                      {"mallocFreeBytes", r.mallocFree.value}};
  return dump(json);
}

}  // namespace openclaw
