#include "analyzer/report/json_parts.h"

#include <nlohmann/json.hpp>

#include "analyzer/report/numbers.h"

namespace openclaw::json_parts {

std::string dump(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n'; }

Json address(Address a) { return toText(a); }

Json siteOf(const Snapshot& s, SiteIndex site) {
  const SiteInfo& info = s.sites()[site];
  return {{"index", site.value}, {"file", info.file}, {"line", info.line}, {"function", info.function}};
}

Json objectOf(const Snapshot& s, ObjectIndex object) {
  return {{"index", object.value},
          {"address", address(s.address(object))},
          {"type", typeText(s, s.type(object))},
          {"shallowBytes", s.size(object).value},
          {"retainedBytes", s.retained(object).value}};
}

Json stackOf(const Snapshot& s, StackIndex index) {
  const StackInfo& stack = s.stacks()[index];
  Json frames = Json::array();
  for (const std::uint64_t pc : stack.pcs) {
    Json code = Json::array();
    for (const CodeFrame& frame : s.symbol(pc))
      code.push_back({{"function", frame.function},
                      {"file", frame.file},
                      {"line", frame.line},
                      {"inlined", frame.inlined}});
    frames.push_back({{"pc", address(Address(pc))}, {"text", codeText(s, pc)}, {"code", std::move(code)}});
  }
  return {{"index", index.value}, {"truncated", stack.truncated}, {"frames", std::move(frames)}};
}

Json rootOf(const Snapshot& s, const RootInfo& root) {
  Json json{{"kind", toText(root.kind)}, {"text", rootText(s, root)}, {"conservative", root.conservative}};
  if (root.slot.value != 0) json["slot"] = address(root.slot);
  if (!root.label.empty()) json["label"] = root.label;
  return json;
}

namespace {

Json scopeOf(const Snapshot& s, const ScopeSelection& scope) {
  Json parts = Json::array();
  for (const ScopePart& part : scope.scope.parts) {
    Json json{{"kind", toText(part.kind)}, {"label", labelOf(s, part)}};
    switch (part.kind) {
      case ScopeKind::kType:
        json["type"] = typeText(s, TypeIndex(part.value));
        json["typeIndex"] = part.value;
        break;
      case ScopeKind::kSite:
        json["site"] = siteOf(s, SiteIndex(part.value));
        break;
      case ScopeKind::kArena:
        json["arena"] = part.value;
        break;
      case ScopeKind::kAge:
        json["from"] = part.value;
        json["to"] = part.highest;
        break;
      case ScopeKind::kRetainedBy:
        json["object"] = objectOf(s, ObjectIndex(part.value));
        break;
    }
    parts.push_back(std::move(json));
  }
  return {{"parts", std::move(parts)},
          {"objects", scope.objects},
          {"bytes", scope.bytes.value},
          {"reachableObjects", scope.reachableObjects},
          {"reachableBytes", scope.reachableBytes.value},
          {"dumpObjects", scope.allObjects},
          {"dumpBytes", scope.allBytes.value},
          {"retainedBytes", scope.retained.value},
          {"retainedCertainty", certaintyName(scope.retainedCertainty)},
          {"churnKnown", scope.churnKnown}};
}

}  // namespace

Json envelope(const Snapshot& s, const char* report, const ScopeSelection* scope) {
  const LoadReport& load = s.report();
  Json losses = Json::object();
  for (const auto& [name, count] : load.losses) losses[name] = count;
  Json json{{"report", report},
          {"version", 1},
          {"dump",
           {{"path", s.path()},
            {"fileBytes", load.file.fileBytes},
            {"complete", load.complete()},
            {"sentence", load.sentence()},
            {"fractionRead", load.file.fractionRead()},
            {"endSeen", load.file.endSeen},
            {"indexUsed", load.file.indexUsed},
            {"headerDamaged", load.file.headerDamaged},
            {"damagedFrames", load.file.damagedFrames},
            {"missingFrames", load.file.missingFrames},
            {"duplicateFrames", load.file.duplicateFrames},
            {"conflictingFrames", load.file.conflictingFrames},
            {"minorVersion", load.file.minorVersion},
            {"unknownFrames", load.file.unknownFrames},
            {"objectsMissing", load.objectsMissing},
            {"referencesMissing", load.referencesMissing},
            {"losses", std::move(losses)}}}};
  if (load.dumpsInFile > 1) {
    json["dump"]["dumpNumber"] = load.dumpNumber;
    json["dump"]["dumpsInFile"] = load.dumpsInFile;
  }
  if (scope != nullptr) json["scope"] = scopeOf(s, *scope);
  return json;
}

Json findingOf(const Snapshot& s, const Finding& f) {
  Json numbers = Json::array(), objects = Json::array(), stacks = Json::array(), sites = Json::array(),
       path = Json::array();
  for (const EvidenceNumber& n : f.numbers)
    numbers.push_back({{"name", n.name},
                       {"value", n.value},
                       {"unit", n.unit},
                       {"certainty", certaintyName(n.certainty)}});
  for (const EvidenceObject& o : f.objects)
    objects.push_back({{"role", o.role}, {"object", objectOf(s, o.object)}});
  for (const StackIndex stack : f.stacks) stacks.push_back(stackOf(s, stack));
  for (const SiteIndex site : f.sites) sites.push_back(siteOf(s, site));
  for (const OwnerStep& step : f.ownerPath) {
    Json json{{"label", step.label}};
    if (step.object) json["object"] = objectOf(s, step.object);
    path.push_back(std::move(json));
  }
  return {{"id", f.id},
          {"severity", toText(f.severity)},
          {"verdict", f.verdict},
          {"numbers", std::move(numbers)},
          {"objects", std::move(objects)},
          {"stacks", std::move(stacks)},
          {"sites", std::move(sites)},
          {"ownerPath", std::move(path)},
          {"confidence", f.confidence},
          {"because", f.because},
          {"next", f.next}};
}

}  // namespace openclaw::json_parts
