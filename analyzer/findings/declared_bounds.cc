// "owner.past-bound": an object keeps more than it promised.
#include "analyzer/findings/declared_bounds.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "analyzer/findings/evidence.h"
#include "analyzer/findings/groups.h"
#include "analyzer/findings/rules.h"
#include "analyzer/report/numbers.h"

namespace openclaw {
namespace {

constexpr double kBytesSlack = 1.5, kObjectsSlack = 1.1;
// Below this share of the live bytes a broken promise is worth a note only.
constexpr double kShareWorthAWarning = 0.02;
constexpr std::uint32_t kStepsBetweenLooks = 1u << 16;

using Kind = std::pair<std::uint32_t, std::uint32_t>;   // type, site

std::uint64_t mostLikeObjects(const Snapshot& s, ObjectIndex owner, const std::stop_token& stop) {
  std::map<Kind, std::uint64_t> counts;
  std::vector<std::pair<ObjectIndex, std::optional<Kind>>> open{{owner, std::nullopt}};   // with the kind that leads there
  std::uint32_t steps = 0;
  while (!open.empty()) {
    const auto [parent, kind] = open.back();
    open.pop_back();
    for (const std::uint32_t number : s.dominatedBy(parent)) {
      if ((++steps & (kStepsBetweenLooks - 1)) == 0 && stop.stop_requested()) return 0;
      const ObjectIndex child(number);
      if (!kind && isBareArray(s.types()[s.type(child)])) {
        open.emplace_back(child, std::nullopt);
        continue;
      }
      const Kind own{s.type(child).value, s.site(child).value};
      if (kind && *kind != own) continue;
      ++counts[own];
      open.emplace_back(child, own);
    }
  }
  std::uint64_t most = 0;
  for (const auto& [kind, count] : counts) most = std::max(most, count);
  return most;
}

}  // namespace

bool BoundUse::past() const {
  return static_cast<double>(used) > (bound.inObjects ? kObjectsSlack : kBytesSlack) * static_cast<double>(bound.most);
}

std::string BoundUse::text() const {
  return bound.inObjects ? fmt::format("{} of {} objects", withSeparators(used), withSeparators(bound.most))
                         : fmt::format("{} of {}", toText(Bytes(used)), toText(Bytes(bound.most)));
}

BoundUse useOf(const Snapshot& snapshot, ObjectIndex object, DeclaredBoundInfo bound, const std::stop_token& stop) {
  return {object, bound, bound.inObjects ? mostLikeObjects(snapshot, object, stop) : snapshot.retained(object).value};
}

std::optional<BoundUse> boundAbove(const Snapshot& snapshot, ObjectIndex object, const std::stop_token& stop) {
  if (!snapshot.hasDeclaredBounds()) return std::nullopt;
  std::uint32_t steps = 0;
  for (std::optional<ObjectIndex> at = object; at; at = snapshot.dominator(*at)) {
    if (const auto bound = snapshot.declaredBound(*at)) return useOf(snapshot, *at, *bound, stop);
    if ((++steps & (kStepsBetweenLooks - 1)) == 0 && stop.stop_requested()) break;
  }
  return std::nullopt;
}

std::vector<Finding> findPastBounds(const RuleInput& input) {
  const Snapshot& s = input.snapshot;
  if (!s.hasDeclaredBounds() || s.report().objectsMissing != 0 || s.report().referencesMissing != 0) return {};
  std::uint64_t live = 0;
  for (const std::uint32_t object : s.dominatedBy(std::nullopt)) live += s.retained(ObjectIndex(object)).value;
  std::vector<Finding> findings;
  for (const auto& [object, bound] : s.declaredBounds()) {
    if (!s.reachable(object)) continue;
    const BoundUse use = useOf(s, object, bound);
    if (!use.past()) continue;
    const Bytes held = s.retained(object);
    Finding f;
    f.id = "owner.past-bound";
    f.severity = static_cast<double>(held.value) >= kShareWorthAWarning * static_cast<double>(live) ? Severity::kWarning : Severity::kNote;
    f.verdict = fmt::format("{} {}, made at {}, is past the bound that it declares: {}, {:.1f} times as {}; it keeps {} ({} of all live bytes).",
                            typeText(s, s.type(object)), idText(s, object), placeText(s, s.site(object)), use.text(),
                            static_cast<double>(use.used) / static_cast<double>(use.bound.most), use.bound.inObjects ? "many" : "much",
                            toText(held), percentText(held.value, live));
    f.numbers = {{"retained size", static_cast<double>(held.value), "bytes", Certainty::kExact},
                 {"declared bound", static_cast<double>(use.bound.most), use.bound.inObjects ? "objects" : "bytes", Certainty::kExact},
                 {"share of live bytes", static_cast<double>(held.value) / static_cast<double>(live), "ratio", Certainty::kExact}};
    if (use.bound.inObjects) f.numbers.push_back({"like objects below it", static_cast<double>(use.used), "objects", Certainty::kLowerBound});
    f.objects.push_back({object, "owner"});
    f.sites.push_back(s.site(object));
    if (const auto stack = s.stack(object)) f.stacks.push_back(*stack);
    f.ownerPath = ownerPathTo(s, object);
    f.confidence = 0.9;
    f.because = "the program itself said how much it may keep";
    f.next = analyzerCommand(s, fmt::format("dominators --retained-by {}", idText(s, object)));
    findings.push_back(std::move(f));
  }
  return findings;
}

}  // namespace openclaw
