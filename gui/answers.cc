#include "gui/answers.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace openclaw::gui {
namespace {

// Looked at between two checks of the stop token: well under a millisecond.
constexpr std::uint32_t kObjectsPerCheck = 64 * 1024;
constexpr std::size_t kLongestPauses = 10;

std::optional<std::uint64_t> pauseTargetOf(const Snapshot& snapshot) {
  for (const SettingInfoRow& setting : snapshot.settings())
    if (setting.name.ends_with("pause-target")) {
      if (const auto target = parseDuration(setting.value)) return static_cast<std::uint64_t>(target->count());
      return std::nullopt;
    }
  return std::nullopt;
}

bool addUp(const Snapshot& snapshot, const std::stop_token& stop, Totals& totals) {
  for (std::uint32_t i = 0; i < snapshot.objectCount(); ++i) {
    if (i % kObjectsPerCheck == 0 && stop.stop_requested()) return false;
    const ObjectIndex object(i);
    const Bytes size = snapshot.size(object);
    ++totals.objects;
    totals.bytes += size;
    if (!snapshot.reachable(object)) continue;
    ++totals.reachableObjects;
    totals.reachableBytes += size;
  }
  return true;
}

// "main.cc:41"; empty for the unknown site.
std::string fileAndLine(const Snapshot& snapshot, SiteIndex site) {
  if (site.value == 0 || site.value >= snapshot.sites().size()) return {};
  const SiteInfo& info = snapshot.sites()[site];
  return fmt::format("{}:{}", std::string_view(info.file).substr(info.file.rfind('/') + 1), info.line);
}

}  // namespace

std::shared_ptr<const Answers> computeAnswers(std::shared_ptr<const Snapshot> snapshot, const std::stop_token& stop,
                                              const StageSink& stage) {
  auto answers = std::make_shared<Answers>();
  answers->snapshot = std::move(snapshot);
  const Snapshot& s = *answers->snapshot;
  stage("sums", 0.0);
  if (!addUp(s, stop, answers->totals)) return nullptr;
  answers->scopeTotals = answers->totals;
  stage("ages", 0.1);
  answers->ages = computeAges(s);
  answers->agesKnown = answers->ages[0].objects != answers->totals.reachableObjects || s.counter("collections_total").value_or(0) > 0;
  stage("sites", 0.2);
  answers->sites = computeSites(s, stop);
  if (stop.stop_requested()) return nullptr;
  stage("types", 0.4);
  answers->histogram = computeHistogram(s, stop);
  if (stop.stop_requested()) return nullptr;
  stage("ledger", 0.7);
  answers->ledger = computeLedger(s);
  if (stop.stop_requested()) return nullptr;
  stage("holes", 0.75);
  answers->fragmentation = computeFragmentation(s, {}, stop);
  if (stop.stop_requested()) return nullptr;
  stage("stacks", 0.78);
  for (std::size_t weight = 0; weight < answers->flames.size(); ++weight) {
    answers->flames[weight] = computeFlameGraph(s, static_cast<FlameWeight>(weight), stop);
    if (stop.stop_requested()) return nullptr;
  }
  stage("generations", 0.82);
  answers->generations = computeGenerations(s, stop);
  answers->pauses = computePauses(s, kLongestPauses);
  answers->pauseTarget = pauseTargetOf(s);
  if (stop.stop_requested()) return nullptr;
  stage("findings", 0.85);
  answers->findings = computeFindings(s);
  if (stop.stop_requested()) return nullptr;
  stage("findings", 1.0);
  return answers;
}

std::shared_ptr<const Answers> computeScopedAnswers(std::shared_ptr<const Answers> whole, const Scope& scope, const std::stop_token& stop,
                                                    const StageSink& stage) {
  if (scope.empty()) return whole;
  const Snapshot& s = *whole->snapshot;
  stage("selecting", 0.0);
  auto selection = std::make_shared<const ScopeSelection>(computeScope(s, scope, stop));
  if (stop.stop_requested()) return nullptr;
  auto answers = std::make_shared<Answers>(*whole);
  answers->scope = selection;
  answers->scopeTotals = {selection->objects, selection->reachableObjects, selection->bytes, selection->reachableBytes};
  stage("ages", 0.4);
  answers->ages = computeAges(s, selection.get());
  answers->generations = computeGenerations(s, stop, selection.get());
  if (stop.stop_requested()) return nullptr;
  stage("sites", 0.5);
  answers->sites = computeSites(s, stop, false, selection.get());
  if (stop.stop_requested()) return nullptr;
  stage("types", 0.6);
  answers->histogram = computeHistogram(s, stop, selection.get());
  if (stop.stop_requested()) return nullptr;
  stage("blocks", 0.8);
  answers->inRegions = computeScopeInRegions(s, answers->fragmentation, *selection, stop);
  if (stop.stop_requested()) return nullptr;
  for (std::size_t weight = 0; weight < answers->flames.size(); ++weight) {
    stage("stacks", 0.85 + 0.03 * static_cast<double>(weight));
    answers->flames[weight] = computeFlameGraph(s, static_cast<FlameWeight>(weight), stop, selection.get());
    if (stop.stop_requested()) return nullptr;
  }
  stage("stacks", 1.0);
  return answers;
}

std::optional<std::string> tryHolderLabel(const Snapshot& snapshot, ObjectIndex object, std::uint32_t maximumSlots) {
  const std::optional<ObjectIndex> holder = snapshot.dominator(object);
  if (!holder) {
    const auto roots = rootsOf(snapshot, object);
    if (roots.empty()) return std::nullopt;
    const std::string first = rootText(snapshot, roots.front());
    return roots.size() == 1 ? first : fmt::format("{} and {} more roots", first, roots.size() - 1);
  }
  std::uint32_t looked = 0;
  for (EdgeCursor e = snapshot.edgesFrom(*holder); e && looked < maximumSlots; e.next(), ++looked)
    if (e.target() == object) return snapshot.labelOf(*holder, e.slot());
  return std::nullopt;
}

std::span<const RootInfo> rootsOf(const Snapshot& snapshot, ObjectIndex object) {
  const auto range = std::ranges::equal_range(snapshot.roots(), object, {}, &RootInfo::object);
  return {range.begin(), range.end()};
}

std::string_view words(RootKind kind) {
  switch (kind) {
    case RootKind::kStack: return "stack";
    case RootKind::kRegister: return "register";
    case RootKind::kHandle: return "handle";
    case RootKind::kGlobal: return "global";
    case RootKind::kThreadLocal: return "thread-local";
    case RootKind::kFinalizer: return "finalizer";
    case RootKind::kRuntime: return "runtime";
    case RootKind::kOther: return "root";
  }
  return "root";
}

std::string rootText(const Snapshot& snapshot, const RootInfo& root) {
  std::string text(words(root.kind));
  if (!root.label.empty()) text += fmt::format(" {}", root.label);
  else if (const std::string site = fileAndLine(snapshot, root.site); !site.empty()) text += " at " + site;
  if (root.thread != kNoThread) text += fmt::format(" of thread {}", root.thread);
  if (root.conservative) text += " (may be a false pointer)";
  return text;
}

std::string shortFunction(std::string_view function) {
  if (function.find("operator") != std::string_view::npos || function.starts_with('[')) return std::string(function);
  // The name ends at the first parenthesis and begins after the last blank or the last namespace but one, all outside
  // template arguments.
  int depth = 0;
  std::size_t end = function.size(), begin = 0;
  std::vector<std::size_t> parts;  // where the name and its qualifiers begin
  for (std::size_t i = 0; i < function.size() && end == function.size(); ++i) {
    const char c = function[i];
    // Not where the arguments begin.
    if (constexpr std::string_view kAnonymous = "(anonymous namespace)"; function.substr(i).starts_with(kAnonymous)) {
      i += kAnonymous.size() - 1;
      continue;
    }
    if (c == '<') ++depth;
    if (c == '>') --depth;
    if (depth != 0) continue;
    if (c == '(') end = i;
    if (c == ' ' || c == '*' || c == '&') {
      begin = i + 1;
      parts.clear();
    }
    if (c == ':' && i + 1 < function.size() && function[i + 1] == ':') parts.push_back(i + 2);
  }
  if (begin >= end) return std::string(function);
  if (parts.size() >= 2) begin = parts[parts.size() - 2];
  std::string_view name = function.substr(begin, end - begin);
  // A namespace without a name tells nobody anything.
  if (constexpr std::string_view kNameless = "(anonymous namespace)::"; name.starts_with(kNameless)) name.remove_prefix(kNameless.size());
  return std::string(name);
}

std::string siteText(const Snapshot& snapshot, SiteIndex site) {
  const std::string place = fileAndLine(snapshot, site);
  return place.empty() ? place : fmt::format("{} {}", place, shortFunction(snapshot.sites()[site].function));
}

}  // namespace openclaw::gui
