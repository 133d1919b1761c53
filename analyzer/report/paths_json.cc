#include <nlohmann/json.hpp>

#include "analyzer/report/json_parts.h"
#include "analyzer/report/numbers.h"
#include "analyzer/report/paths_report.h"

namespace openclaw {

using namespace json_parts;

namespace {
// Of each end of a path: a list of a million nodes shall not become a gigabyte of JSON.
constexpr std::size_t kMostSteps = 1000;

// What a scope names of one kind, as reports print it.
std::string namedIn(const Snapshot& s, const Scope& scope, ScopeKind kind) {
  std::string names;
  for (const ScopePart& part : scope.parts)
    if (part.kind == kind) names += (names.empty() ? "" : " or ") + (kind == ScopeKind::kType ? typeText(s, TypeIndex(part.value)) : siteText(s, SiteIndex(part.value)));
  return names;
}

}  // namespace

std::string jsonOf(const Snapshot& s, const ObjectPaths& report) {
  Json json = envelope(s, "paths");
  json["object"] = objectOf(s, report.object);
  Json paths = Json::array();
  for (const DifferentPath& path : report.paths.paths) {
    Json steps = Json::array(), roots = Json::array();
    for (std::size_t i = 0; i < path.steps.size(); ++i) {
      if (path.steps.size() > 2 * kMostSteps && i == kMostSteps) i = path.steps.size() - kMostSteps;
      Json step{{"position", i}, {"object", objectOf(s, path.steps[i].object)}};
      if (i > 0) step["label"] = s.labelOf(path.steps[i - 1].object, path.steps[i].slot);
      steps.push_back(std::move(step));
    }
    for (const RootInfo& root : s.roots())
      if (root.object == path.steps.front().object) {
        roots.push_back(rootOf(s, root));
        break;
      }
    paths.push_back({{"length", path.steps.size()}, {"sharedInnerObjects", path.sharedInner}, {"root", roots.front()}, {"steps", std::move(steps)}});
  }
  json["paths"] = std::move(paths);
  json["gaveUp"] = report.paths.gaveUp;
  json["weakReferences"] = report.weakReferences;
  return dump(json);
}

std::string jsonOf(const Snapshot& s, const MembersPaths& report) {
  const MergedPaths& merged = report.merged;
  Json json = envelope(s, "mergedPaths", report.scope);
  json["type"] = namedIn(s, report.scope->scope, ScopeKind::kType);
  json["site"] = namedIn(s, report.scope->scope, ScopeKind::kSite);
  json["depth"] = report.options.depth;
  json["top"] = report.options.top;
  json["minimumShare"] = report.options.minimumShare;
  json["members"] = merged.members;
  json["memberBytes"] = merged.memberBytes.value;
  json["unreachableMembers"] = merged.unreachable;
  Json rows = Json::array();
  for (const MergedPathRow& row : merged.rows) {
    Json out{{"depth", row.depth},
             {"kind", row.type ? "objects" : "rest"},
             {"objects", row.objects},
             {"members", row.members},
             {"memberBytes", row.memberBytes.value}};
    if (row.type) {
      out["label"] = row.label;
      out["type"] = typeText(s, row.type);
      out["levels"] = row.levels;
      out["membersHere"] = row.membersHere;
    }
    if (row.single) out["object"] = objectOf(s, *row.single);
    rows.push_back(std::move(out));
  }
  json["rows"] = std::move(rows);
  return dump(json);
}

}  // namespace openclaw
