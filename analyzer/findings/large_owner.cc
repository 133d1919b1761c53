#include <fmt/format.h>

#include "analyzer/findings/evidence.h"
#include "analyzer/findings/rules.h"
#include "analyzer/report/numbers.h"

namespace openclaw {
namespace {
constexpr double kShareWorthANote = 0.3;
constexpr std::uint64_t kWorthMentioning = 1u << 20;
// While one child holds this share of what its parent retains, the parent is only on the way to it.
constexpr double kPassOn = 0.7;
constexpr unsigned kDeepest = 100'000;
}  // namespace

std::vector<Finding> findLargeOwner(const RuleInput& input) {
  const Snapshot& s = input.snapshot;
  const auto top = s.dominatedBy(std::nullopt);
  if (top.empty()) return {};
  std::uint64_t live = 0;
  for (const std::uint32_t object : top) live += s.retained(ObjectIndex(object)).value;
  ObjectIndex owner(top.front());
  const std::uint64_t retained = s.retained(owner).value;
  if (retained < kWorthMentioning ||
      static_cast<double>(retained) < kShareWorthANote * static_cast<double>(live))
    return {};
  ObjectIndex point = owner;
  for (unsigned depth = 0; depth < kDeepest; ++depth) {
    const auto children = s.dominatedBy(point);
    if (children.empty()) break;
    const ObjectIndex child(children.front());
    if (static_cast<double>(s.retained(child).value) < kPassOn * static_cast<double>(s.retained(point).value))
      break;
    point = child;
  }
  const Bytes held = s.retained(point);
  Finding f;
  f.id = "owner.large";
  f.severity = Severity::kNote;
  const std::size_t below = s.dominatedBy(point).size();
  f.verdict =
      fmt::format("One {} at {} keeps {} alive ({} of all live bytes), {}.", typeText(s, s.type(point)),
                  idText(s, point), toText(held), percentText(held.value, live),
                  below == 0 ? "by its own size"
                             : fmt::format("in {} directly below it", counted(below, "object", "objects")));
  const Certainty certainty = s.report().complete() ? Certainty::kExact : Certainty::kLowerBound;
  f.numbers = {{"retained size", static_cast<double>(held.value), "bytes", certainty},
               {"share of live bytes", static_cast<double>(held.value) / static_cast<double>(live), "ratio",
                certainty}};
  f.objects.push_back({point, "accumulation point"});
  if (point != owner) f.objects.push_back({owner, "owner"});
  f.sites.push_back(s.site(point));
  if (const auto stack = s.stack(point)) f.stacks.push_back(*stack);
  f.ownerPath = ownerPathTo(s, point);
  f.confidence = 0.5;
  f.because = "its share is exact; whether it is meant to hold so much, the dump cannot say";
  f.next = analyzerCommand(s, fmt::format("inspect {}", idText(s, point)));
  return {std::move(f)};
}

}  // namespace openclaw
