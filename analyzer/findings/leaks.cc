// "leak.accumulation": a group of like objects that grows and lets nothing go. "leak.may-accumulate": the same, but
// with something that speaks against a leak; a note.
#include <fmt/format.h>

#include <algorithm>

#include "analyzer/findings/evidence.h"
#include "analyzer/findings/groups.h"
#include "analyzer/findings/leak_evidence.h"
#include "analyzer/findings/rules.h"
#include "analyzer/report/numbers.h"

namespace openclaw {
namespace {

// Below this share of the live bytes it is worth a note only.
constexpr double kShareWorthAWarning = 0.02;
constexpr double kShareThatIsCritical = 0.2;
constexpr double kSureEnough = 0.6;

Certainty exactIn(const Snapshot& s) { return s.report().complete() ? Certainty::kExact : Certainty::kLowerBound; }

std::string becauseOf(const Snapshot& s, const LeakCandidate& candidate) {
  const LeakEvidence& e = candidate.evidence;
  std::vector<std::string> reasons;
  reasons.push_back(fmt::format("members from {} of the {} newest intervals between collections are there, {} each on average",
                                e.intervalsWithMembers, e.intervals,
                                withSeparators(static_cast<std::uint64_t>(e.perCollection))));
  if (e.flowKnown)
    reasons.push_back(fmt::format("while {} came, {} went", withSeparators(e.came), withSeparators(e.went)));
  if (e.freedKnown)
    reasons.push_back(e.freedBytes.value == 0 ? "no sampled allocation of its sites was ever freed"
                                              : fmt::format("≈ {} of its sites were freed", toText(e.freedBytes)));
  if (e.keptOfSteadyRate)
    reasons.push_back(fmt::format("at the newest rate since the start there would be {:.2f} times as many",
                                  1 / std::max(*e.keptOfSteadyRate, 0.01)));
  if (e.someGo) reasons.push_back("but some are let go");
  if (e.slowing) reasons.push_back("but its growth slows down, as where something fills up");
  if (e.ordered) reasons.push_back("but its members are also chained in an order, as in a cache that can evict");
  if (e.declared && e.declared->past())
    reasons.push_back(fmt::format("{} promised less: {}", typeText(s, s.type(e.declared->object)), e.declared->text()));
  if (e.boundSlots)
    reasons.push_back(fmt::format("but they fill a table of {} fixed places", withSeparators(*e.boundSlots)));
  return fmt::format("{}", fmt::join(reasons, "; "));
}

Finding findingOf(const Snapshot& s, const GroupTable& table, const LeakCandidate& candidate) {
  const ObjectGroup& group = table.groups[candidate.group];
  const LeakEvidence& e = candidate.evidence;
  Finding f;
  const bool suspected = candidate.verdict == LeakVerdict::kSuspected;
  f.id = suspected ? "leak.may-accumulate" : "leak.accumulation";

  const std::uint64_t together = candidate.keeps.value;
  const double share = static_cast<double>(together) / static_cast<double>(table.live.value);
  f.confidence = candidate.confidence;
  if (suspected || share < kShareWorthAWarning || f.confidence < kSureEnough)
    f.severity = Severity::kNote;
  else
    f.severity = share >= kShareThatIsCritical ? Severity::kCritical : Severity::kWarning;

  const ObjectIndex holder = candidate.holder.value_or(ObjectIndex::none());
  const ObjectIndex owner = holder ? ownerOf(s, holder) : holder;
  const std::string below = owner ? fmt::format("below {} {}", typeText(s, s.type(owner)), idText(s, owner))
                                  : "below several roots";
  f.verdict = fmt::format("{} × {}, made at {}, {} {}: {} ({} of all live bytes), ≈ {} more with every collection, and {}.",
                          withSeparators(group.members), typeText(s, group.type), placeText(s, group.site),
                          suspected ? "grow" : "pile up", below, toText(Bytes(together)),
                          percentText(together, table.live.value), toText(e.bytesPerCollection),
                          suspected ? e.someGo ? "few are let go" : "none was let go yet" : "nothing lets them go");

  const Certainty exact = exactIn(s);
  const auto number = [&](const char* name, double value, const char* unit, Certainty certainty) {
    f.numbers.push_back({name, value, unit, certainty});
  };
  number("retained size", static_cast<double>(together), "bytes", exact);
  number("share of live bytes", share, "ratio", exact);
  number("members", static_cast<double>(group.members), "objects", exact);
  number("members younger than seven collections", static_cast<double>(e.recent), "objects", exact);
  number("retained by the members alone", static_cast<double>(group.retained.value), "bytes", exact);
  number("growth with each collection", static_cast<double>(e.bytesPerCollection.value), "bytes", Certainty::kSampled);
  if (e.flowKnown) {
    number("came", static_cast<double>(e.came), "objects", exact);
    number("went", static_cast<double>(e.went), "objects", Certainty::kSampled);
  }
  if (e.freedKnown) number("freed of its sites", static_cast<double>(e.freedBytes.value), "bytes", Certainty::kSampled);
  if (const auto survival = e.survival())
    number("share still there of what its sites allocated", *survival, "ratio", Certainty::kSampled);
  if (e.boundSlots) number("fixed places", static_cast<double>(*e.boundSlots), "objects", exact);

  f.objects.push_back({group.largest, "accumulating"});
  if (owner) f.objects.push_back({owner, "owner"});
  if (holder != owner) f.objects.push_back({holder, "accumulation point"});
  f.sites.push_back(group.site);
  for (const std::size_t beside : candidate.beside) {
    f.objects.push_back({table.groups[beside].largest, "accumulating beside"});
    f.sites.push_back(table.groups[beside].site);
  }
  if (candidate.tables) f.sites.push_back(table.groups[*candidate.tables].site);
  for (const auto& [stack, count] : group.stacks) f.stacks.push_back(stack);
  f.ownerPath = ownerPathTo(s, holder ? holder : group.largest);
  f.because = becauseOf(s, candidate);
  f.next = pathsCommand(s, group.type, group.site);
  return f;
}

}  // namespace

std::vector<Finding> leakFindings(const Snapshot& snapshot, const GroupTable& table,
                                  const std::vector<LeakCandidate>& candidates) {
  std::vector<Finding> findings;
  for (const LeakCandidate& candidate : candidates)
    if (candidate.verdict == LeakVerdict::kLeak || candidate.verdict == LeakVerdict::kSuspected)
      findings.push_back(findingOf(snapshot, table, candidate));
  return findings;
}

std::vector<Finding> findLeaks(const RuleInput& input) {
  const Snapshot& s = input.snapshot;
  if (s.report().referencesMissing != 0 || s.report().objectsMissing != 0) return {};  // who holds what is not known
  const GroupTable table = computeGroups(s, {});
  return leakFindings(s, table, judgeGroups(s, table));
}

}  // namespace openclaw
