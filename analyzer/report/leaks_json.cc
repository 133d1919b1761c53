#include <nlohmann/json.hpp>

#include "analyzer/report/json_parts.h"
#include "analyzer/report/leaks_report.h"
#include "analyzer/report/numbers.h"

namespace openclaw {

using namespace json_parts;

std::string jsonOf(const Snapshot& s, const LeaksReport& report) {
  Json json = envelope(s, "leaks");
  json["judged"] = report.judged;
  json["leastShare"] = report.options.leastShare;
  json["liveBytes"] = report.table.live.value;
  Json findings = Json::array(), candidates = Json::array();
  for (const Finding& f : report.findings) findings.push_back(findingOf(s, f));
  for (std::size_t i = 0; i < report.candidates.size() && i < report.top; ++i) {
    const LeakCandidate& c = report.candidates[i];
    const ObjectGroup& group = report.table.groups[c.group];
    const LeakEvidence& e = c.evidence;
    Json evidence{{"recentMembers", e.recent},
                  {"intervals", e.intervals},
                  {"intervalsWithMembers", e.intervalsWithMembers},
                  {"membersPerCollection", e.perCollection},
                  {"bytesPerCollection", e.bytesPerCollection.value},
                  {"keptOfSteadyRate", e.keptOfSteadyRate ? Json(*e.keptOfSteadyRate) : Json()},
                  {"came", e.flowKnown ? Json(e.came) : Json()},
                  {"went", e.flowKnown ? Json(e.went) : Json()},
                  {"survivalSampled", e.survival() ? Json(*e.survival()) : Json()},
                  {"someGo", e.someGo},
                  {"slowing", e.slowing},
                  {"ordered", e.ordered},
                  {"declaredBound", e.declared ? Json{{"most", e.declared->bound.most},
                                                      {"unit", e.declared->bound.inObjects ? "objects" : "bytes"},
                                                      {"used", e.declared->used},
                                                      {"past", e.declared->past()}}
                                               : Json()},
                  {"fixedPlaces", e.boundSlots ? Json(*e.boundSlots) : Json()}};
    candidates.push_back({{"verdict", toText(c.verdict)},
                          {"type", typeText(s, group.type)},
                          {"site", siteOf(s, group.site)},
                          {"spread", group.spread},
                          {"holder", c.holder ? objectOf(s, *c.holder) : Json()},
                          {"owner", c.holder ? objectOf(s, ownerOf(s, *c.holder)) : Json()},
                          {"members", group.members},
                          {"membersByAge", group.byAge},
                          {"shallowBytes", group.shallow.value},
                          {"retainedBytes", group.retained.value},
                          {"confidence", c.confidence},
                          {"partOf", c.partOf ? Json(*c.partOf) : Json()},
                          {"evidence", std::move(evidence)}});
  }
  json["findings"] = std::move(findings);
  json["candidatesTotal"] = report.candidates.size();
  json["candidates"] = std::move(candidates);
  return dump(json);
}

}  // namespace openclaw
