#include "gui/answers.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace openclaw::gui {
namespace {

// Looked at between two checks of the stop token: well under a millisecond.
constexpr std::uint32_t kObjectsPerCheck = 64 * 1024;

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

}  // namespace

std::shared_ptr<const Answers> computeAnswers(std::shared_ptr<const Snapshot> snapshot, const std::stop_token& stop,
                                              const StageSink& stage) {
  auto answers = std::make_shared<Answers>();
  answers->snapshot = std::move(snapshot);
  const Snapshot& s = *answers->snapshot;
  stage("sums", 0.0);
  if (!addUp(s, stop, answers->totals)) return nullptr;
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
  stage("findings", 0.85);
  answers->findings = computeFindings(s);
  if (stop.stop_requested()) return nullptr;
  stage("findings", 1.0);
  return answers;
}

std::optional<std::string> tryHolderLabel(const Snapshot& snapshot, ObjectIndex object, std::uint32_t maximumSlots) {
  const std::optional<ObjectIndex> holder = snapshot.dominator(object);
  if (!holder) {
    const auto roots = rootsOf(snapshot, object);
    if (roots.empty()) return std::nullopt;
    return roots.size() == 1 ? rootText(roots.front())
                             : fmt::format("{} and {} more roots", rootText(roots.front()), roots.size() - 1);
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

std::string rootText(const RootInfo& root) {
  std::string text(words(root.kind));
  if (!root.label.empty()) text += fmt::format(" {}", root.label);
  if (root.thread != kNoThread) text += fmt::format(" of thread {}", root.thread);
  if (root.conservative) text += " (may be a false pointer)";
  return text;
}

std::string siteText(const Snapshot& snapshot, SiteIndex site) {
  if (site.value == 0 || site.value >= snapshot.sites().size()) return {};
  const SiteInfo& info = snapshot.sites()[site];
  const std::size_t slash = info.file.rfind('/');
  const std::string_view file = slash == std::string::npos ? std::string_view(info.file)
                                                           : std::string_view(info.file).substr(slash + 1);
  return fmt::format("{}:{} {}", file, info.line, info.function);
}

}  // namespace openclaw::gui
