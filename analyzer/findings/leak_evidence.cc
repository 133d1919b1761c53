#include "analyzer/findings/leak_evidence.h"

#include <algorithm>
#include <array>

#include "analyzer/graph/edge_table.h"
#include "analyzer/views/generations.h"

namespace openclaw {
namespace {

// Fewer than this many arrivals show no flow: chance could hide one departure in ten.
constexpr std::uint64_t kFewestArrivals = 20;
// A leak lets nothing go; a failed insertion may still free one now and then. Where more goes, something removes
// members: the group may grow with the load all the same, which is a note up to a third, and no news above.
constexpr double kMostThatALeakLetsGo = 0.02;
constexpr double kMostThatGrowthLetsGo = 0.3;
constexpr std::uint64_t kFewestFreedSamples = 2;
// Growth slower than half of a steady leak's is that of something that fills up (the words of a language, the users of
// a service); slower than a quarter, of a table that gets a row now and then.
constexpr double kSlowing = 2, kMostOfSteadyRate = 4;
// Where no flow is visible: below, most of what came must have gone.
constexpr double kLeastOfSteadyRate = 0.6;
// Where neither flow nor samples are: the rate alone must account for nearly all that is there.
constexpr double kNearSteadyLow = 0.8, kNearSteadyHigh = 1.6;
// Up to so many objects each belong to their holders and share their fate; where nothing else is known, up to so many.
constexpr std::uint64_t kFewEach = 4, kManyEach = 64;
// Dead cells are listed until they are swept; with fewer of them left, their types say little.
constexpr double kLeastDeadListed = 0.5;
constexpr double kOwnsType = 0.8;  // a class with this share of its type's objects owns the type's deaths
constexpr double kOwnSite = 0.8;   // a group with this share of a class's bytes owns the frees of its site
// A growing container moves to a larger array now and then: what it holds is older than the array.
constexpr double kOlderThanTheirArray = 0.1;
// Members of most of what an array keeps have it for themselves: all it keeps is theirs, keys and empty places too.
constexpr double kOwnTable = 0.5;
// Two members in one place are chained there; a stray one may be linked for another reason.
constexpr std::uint64_t kFewestChained = 4;
constexpr double kLeastChained = 0.005;
// Groups whose kept objects are looked at (computeKeptByClass): as many as so many numbers allow, the largest first.
constexpr std::size_t kMostFollowed = 128, kFewestFollowed = 16, kMostKeptNumbers = 4 << 20;
constexpr std::size_t kSampledMembers = 2000;

class Judge {
 public:
  Judge(const Snapshot& snapshot, const GroupTable& table, const std::stop_token& stop)
      : s_(snapshot), table_(table), stop_(stop), generations_(computeGenerations(snapshot, stop)) {
    deadByType_.assign(s_.types().size(), 0);
    for (const FloatingInfo& dead : s_.floating())
      if (dead.type.value < deadByType_.size()) deadByType_[dead.type.value] += dead.objects;
    freedBySite_.assign(s_.sites().size(), 0);
    for (const StackInfo& stack : s_.stacks())
      if (stack.site.value < freedBySite_.size()) freedBySite_[stack.site.value] += stack.freedBytes;
    deadListed_ = shareOfDeadListed();
  }

  std::vector<LeakCandidate> run() {
    std::vector<LeakCandidate> candidates;
    std::vector<std::size_t> followed;
    const std::size_t mostFollowed =
        std::clamp(kMostKeptNumbers / std::max<std::size_t>(table_.classes.size(), 1), kFewestFollowed, kMostFollowed);
    for (std::size_t g = 0; g < table_.groups.size() && !stop_.stop_requested(); ++g) {
      LeakCandidate candidate;
      candidate.group = g;
      profile(table_.groups[g], candidate.evidence);
      flow(table_.groups[g], candidate.evidence);
      candidate.verdict = firstVerdict(candidate.evidence);
      inherit(table_.groups[g], candidate, candidates);
      candidate.holder = table_.groups[g].holder;
      candidate.keeps = table_.groups[g].retained;
      if (candidate.verdict == LeakVerdict::kLeak && followed.size() < mostFollowed) followed.push_back(g);
      candidates.push_back(std::move(candidate));
    }
    const auto kept = computeKeptByClass(s_, table_, followed, stop_);
    if (stop_.stop_requested()) return {};
    for (std::size_t i = 0; i < followed.size(); ++i) decide(candidates, followed, kept, i);
    findHolders(candidates, followed);
    askForBounds(candidates, followed);
    if (stop_.stop_requested()) return {};
    for (std::size_t i = 0; i < followed.size(); ++i) tellTogether(candidates, followed, i);
    for (LeakCandidate& candidate : candidates)
      if (candidate.verdict == LeakVerdict::kLeak && candidate.confidence == 0) candidate.verdict = LeakVerdict::kUnknown;
    // Positions become final here; partOf refers to groups until now.
    std::stable_sort(candidates.begin(), candidates.end(), [](const LeakCandidate& a, const LeakCandidate& b) {
      const auto rank = [](LeakVerdict v) { return v == LeakVerdict::kLeak ? 0 : v == LeakVerdict::kSuspected ? 1 : 2; };
      return rank(a.verdict) < rank(b.verdict);
    });
    for (LeakCandidate& candidate : candidates)
      if (candidate.partOf)
        for (std::size_t at = 0; at < candidates.size(); ++at)
          if (candidates[at].group == *candidate.partOf) {
            candidate.partOf = at;
            break;
          }
    return candidates;
  }

 private:
  // Of the bytes that the last collection found dead, the share that the dump still lists by type.
  double shareOfDeadListed() const {
    const PauseInfo *last = nullptr, *before = nullptr;
    for (const PauseInfo& pause : s_.pauses()) {
      if (pause.ownedKind != "collect" || pause.bytesMarked == 0) continue;
      if (last == nullptr || pause.number > last->number) {
        before = last;
        last = &pause;
      } else if (before == nullptr || pause.number > before->number) {
        before = &pause;
      }
    }
    if (last == nullptr) return 0;
    const std::uint64_t had = (before == nullptr ? 0 : before->bytesMarked) + last->allocatedSinceLast;
    if (had <= last->bytesMarked) return 0;
    std::uint64_t listed = 0;
    for (const FloatingInfo& dead : s_.floating()) listed += dead.bytes;
    return std::min(1.0, static_cast<double>(listed) / static_cast<double>(had - last->bytesMarked));
  }

  void profile(const ObjectGroup& group, LeakEvidence& e) const {
    double recentBytes = 0, allBytes = 0;
    for (std::size_t age = 0; age < 8; ++age) {
      const GenerationRow& row = generations_.ages[age];
      const double allocated = row.allocated ? static_cast<double>(row.allocated->value) : 0;
      allBytes += allocated;
      if (age < 7) {
        recentBytes += allocated;
        e.recent += group.byAge[age];
      }
      if (age >= 1 && age < 7 && allocated > 0) {
        ++e.intervals;
        e.intervalsWithMembers += group.byAge[age] != 0;
        e.perCollection += static_cast<double>(group.byAge[age]);
      }
    }
    if (e.intervals != 0) e.perCollection /= e.intervals;
    e.bytesPerCollection = Bytes(static_cast<std::uint64_t>(
        e.perCollection * static_cast<double>(group.retained.value) / static_cast<double>(group.members)));
    if (e.recent != 0 && recentBytes > 0)
      e.keptOfSteadyRate = static_cast<double>(group.members) / static_cast<double>(e.recent) * recentBytes / allBytes;
  }

  // Since the last collection, or, where too little came since, in the interval before it.
  void flow(const ObjectGroup& group, LeakEvidence& e) const {
    const ObjectClass& c = table_.classes[group.classIndex];
    e.came = c.byAge[0];
    e.went = c.unreachable;
    e.flowKnown = e.came + e.went >= kFewestArrivals;
    const std::uint64_t dead = deadByType_[c.type.value];
    const bool ownsType = static_cast<double>(c.reachable) >=
                          kOwnsType * static_cast<double>(table_.reachableByType[c.type.value]);
    const bool noneDead = dead == 0;
    if (deadListed_ < kLeastDeadListed || !(ownsType || noneDead)) return;
    e.came += c.byAge[1];
    e.went += static_cast<std::uint64_t>(static_cast<double>(dead) / deadListed_);
    e.flowKnown = e.came + e.went >= kFewestArrivals;
  }

  bool turnsOver(const LeakEvidence& e) const {
    return e.flowKnown && static_cast<double>(e.went) > kMostThatGrowthLetsGo * static_cast<double>(e.came);
  }

  LeakVerdict firstVerdict(const LeakEvidence& e) const {
    if (e.intervals < 2) return LeakVerdict::kUnknown;
    if (turnsOver(e)) return LeakVerdict::kTurnsOver;
    if (!e.keptOfSteadyRate || *e.keptOfSteadyRate > kMostOfSteadyRate) return LeakVerdict::kStands;
    if (3 * e.intervalsWithMembers < 2 * e.intervals) return LeakVerdict::kStands;
    return LeakVerdict::kLeak;  // as far as ages and flow tell
  }

  // What hangs one by one, or a few each, from objects that come and go, comes and goes with them; the same for parts
  // of what leaks. Groups come by retained size, so the holders' group was judged before.
  void inherit(const ObjectGroup& group, LeakCandidate& candidate, const std::vector<LeakCandidate>& before) const {
    if (candidate.verdict != LeakVerdict::kLeak || !group.spread || !group.holdersClass) return;
    const std::uint64_t each = group.outermost / group.holders;
    if (each > (candidate.evidence.flowKnown ? kFewEach : kManyEach)) return;
    std::uint32_t holdersClass = *group.holdersClass;
    for (const LeakCandidate& holders : before) {  // tables that move say nothing, what has them does
      const ObjectGroup& above = table_.groups[holders.group];
      if (above.classIndex != holdersClass || !above.spread || !above.holdersClass || !isTablesOf(above, group)) continue;
      holdersClass = *above.holdersClass;
      break;
    }
    for (const LeakCandidate& holders : before) {
      if (table_.groups[holders.group].classIndex != holdersClass) continue;
      if (holders.verdict != LeakVerdict::kTurnsOver && holders.verdict != LeakVerdict::kPartOf) return;
      candidate.verdict = LeakVerdict::kPartOf;
      candidate.partOf = holders.partOf.value_or(holders.group);
      return;
    }
  }

  // Are these the arrays of containers that hold these members, and move to larger ones as members come? Then how the
  // arrays come and go says nothing, and the members are what piles up. Either far more members than arrays, or some
  // are older than the array they are in. An array that is itself the thing kept holds what was made with it.
  bool isTablesOf(const ObjectGroup& arrays, const ObjectGroup& members) const {
    if (!isBareArray(s_.types()[arrays.type]) || members.holdersClass != arrays.classIndex) return false;
    const std::uint64_t each = members.outermost / std::max<std::uint64_t>(members.holders, 1);
    if (each <= kFewEach) return false;
    return each > kManyEach || static_cast<double>(members.olderThanHolder) >=
                                   kOlderThanTheirArray * static_cast<double>(members.outermost);
  }

  void decide(std::vector<LeakCandidate>& candidates, const std::vector<std::size_t>& followed,
              const std::vector<std::vector<std::uint64_t>>& kept, std::size_t i) {
    LeakCandidate& candidate = candidates[followed[i]];
    const ObjectGroup& group = table_.groups[candidate.group];
    LeakEvidence& e = candidate.evidence;
    for (std::size_t j = 0; j < i; ++j) {
      LeakCandidate& larger = candidates[followed[j]];
      if (larger.partOf) continue;
      const ObjectClass& c = table_.classes[group.classIndex];
      const bool inside = static_cast<double>(kept[j][group.classIndex]) >= kOwnSite * static_cast<double>(c.shallow.value);
      const bool sameClass = table_.groups[larger.group].classIndex == group.classIndex &&
                             table_.groups[larger.group].spread;
      if (inside && isTablesOf(table_.groups[larger.group], group)) {
        candidate.tables = larger.group;
        continue;
      }
      if (inside || sameClass) {
        candidate.verdict = LeakVerdict::kPartOf;
        candidate.partOf = larger.group;
        return;
      }
    }
    frees(kept[i], e);
    structure(group, e);
    if (const auto survival = e.survival(); survival && *survival < 1 - kMostThatGrowthLetsGo) {
      candidate.verdict = LeakVerdict::kTurnsOver;
      return;
    }
    // Without a view of what goes, the rate must account for what is there.
    const double rate = *e.keptOfSteadyRate;
    if (!e.flowKnown && rate < kLeastOfSteadyRate) {
      candidate.verdict = LeakVerdict::kTurnsOver;
      return;
    }
    if (!e.flowKnown && !e.freedKnown && (rate < kNearSteadyLow || rate > kNearSteadyHigh)) {
      candidate.verdict = LeakVerdict::kUnknown;
      return;
    }
    e.slowing = rate > kSlowing;
    e.someGo = (e.flowKnown && static_cast<double>(e.went) > kMostThatALeakLetsGo * static_cast<double>(e.came)) ||
               e.freedBytes.value != 0;
    if (e.ordered || e.boundSlots || e.slowing || e.someGo) candidate.verdict = LeakVerdict::kSuspected;
    if (!candidate.tables) return;
    LeakCandidate& tables = candidates[*candidate.tables];
    tables.verdict = LeakVerdict::kPartOf;
    tables.partOf = candidate.group;
  }

  // Who holds what the roots part, for what is worth telling: the search is as dear as everything before it.
  void findHolders(std::vector<LeakCandidate>& candidates, const std::vector<std::size_t>& followed) const {
    std::vector<std::size_t> asked;
    for (const std::size_t at : followed)
      if (!candidates[at].holder && table_.groups[candidates[at].group].spread &&
          (candidates[at].verdict == LeakVerdict::kLeak || candidates[at].verdict == LeakVerdict::kSuspected))
        asked.push_back(at);
    std::vector<std::size_t> groups;
    for (const std::size_t at : asked) groups.push_back(candidates[at].group);
    const auto owners = ownersByPaths(s_, table_, groups, stop_);
    for (std::size_t i = 0; i < asked.size(); ++i) candidates[asked[i]].holder = owners[i];
  }

  // What is within a bound that its owner declares may fill up to it. A broken promise is no excuse, but evidence.
  void askForBounds(std::vector<LeakCandidate>& candidates, const std::vector<std::size_t>& followed) const {
    if (!s_.hasDeclaredBounds()) return;
    for (const std::size_t at : followed) {
      LeakCandidate& candidate = candidates[at];
      if (!candidate.holder || (candidate.verdict != LeakVerdict::kLeak && candidate.verdict != LeakVerdict::kSuspected)) continue;
      candidate.evidence.declared = boundAbove(s_, *candidate.holder, stop_);
      if (candidate.evidence.declared && !candidate.evidence.declared->past()) candidate.verdict = LeakVerdict::kBounded;
    }
  }

  // Keys beside values: the same owner, growing at the same pace. And the tables of both: what their owner keeps for
  // this group alone.
  void tellTogether(std::vector<LeakCandidate>& candidates, const std::vector<std::size_t>& followed,
                    std::size_t i) const {
    LeakCandidate& candidate = candidates[followed[i]];
    if (candidate.verdict != LeakVerdict::kLeak && candidate.verdict != LeakVerdict::kSuspected) return;
    if (candidate.holder)
      for (std::size_t j = 0; j < i; ++j) {
        LeakCandidate& larger = candidates[followed[j]];
        if (larger.verdict != candidate.verdict || larger.partOf || !larger.holder ||
            ownerOf(s_, *larger.holder) != ownerOf(s_, *candidate.holder))
          continue;
        larger.beside.push_back(candidate.group);
        candidate.verdict = LeakVerdict::kPartOf;
        candidate.partOf = larger.group;
        larger.keeps = keptTogether(larger);
        return;
      }
    candidate.keeps = keptTogether(candidate);
    candidate.confidence = confidenceOf(candidate);
  }

  Bytes keptTogether(const LeakCandidate& candidate) const {
    const ObjectGroup& group = table_.groups[candidate.group];
    std::uint64_t members = group.retained.value;
    for (const std::size_t beside : candidate.beside) members += table_.groups[beside].retained.value;
    std::uint64_t keeps = members;
    // Each table once, also where several of the groups hang in it.
    if (static_cast<double>(members) >= kOwnTable * static_cast<double>(group.storage.value))
      keeps = std::max(keeps, group.storage.value);
    if (candidate.holder) keeps = std::min(keeps, std::max(members, s_.retained(*candidate.holder).value));
    return Bytes(keeps);
  }

  // Frees at the sites that made nearly only what this group keeps.
  void frees(const std::vector<std::uint64_t>& kept, LeakEvidence& e) const {
    std::vector<std::uint64_t> live(s_.sites().size()), own(s_.sites().size());
    for (std::size_t c = 0; c < table_.classes.size(); ++c) {
      live[table_.classes[c].site.value] += table_.classes[c].shallow.value;
      own[table_.classes[c].site.value] += kept[c];
    }
    std::uint64_t keptBytes = 0, freedBytes = 0;
    for (std::uint32_t site = 1; site < live.size(); ++site) {  // site 0 is everything unknown
      if (own[site] == 0 || static_cast<double>(own[site]) < kOwnSite * static_cast<double>(live[site])) continue;
      keptBytes += own[site];
      freedBytes += freedBySite_[site];
    }
    e.keptBytes = Bytes(keptBytes);
    e.freedBytes = Bytes(freedBytes);
    const std::uint64_t interval = s_.stackMeanInterval();
    e.freedKnown = interval != 0 && keptBytes + freedBytes >= kFewestFreedSamples * interval;
    if (freedBytes < kFewestFreedSamples * interval) e.freedBytes = Bytes(0);  // may be one stray sample
  }

  // Is there a chain through the members besides the table, and does the table have fixed places?
  void structure(const ObjectGroup& group, LeakEvidence& e) const {
    if (group.spread || group.outermost * 2 < group.members) return;  // a plain list is held by its chain alone
    const auto children = s_.dominatedBy(group.holder);
    std::size_t looked = 0, chained = 0;
    const std::size_t step = std::max<std::size_t>(1, children.size() / kSampledMembers);
    for (std::size_t i = 0; i < children.size() && looked < kSampledMembers; i += step) {
      const ObjectIndex member(children[i]);
      if (s_.type(member) != group.type || s_.site(member) != group.site) continue;
      ++looked;
      bool fromMember = false, fromTable = false;
      for (EdgeCursor from = s_.edgesTo(member); from; from.next()) {
        const ObjectIndex source = from.target();
        fromMember |= s_.type(source) == group.type && s_.site(source) == group.site;
        fromTable |= s_.types()[s_.type(source)].elementSize != 0;
      }
      chained += fromMember && fromTable;
    }
    e.ordered = looked != 0 && chained * 10 >= looked * 8;
    if (!group.holder) return;
    // A bare array of pointers: filled from the front it is a vector, here and there it is a table with places that
    // were there before the members. Its length is then a bound.
    const TypeInfo& type = s_.types()[s_.type(*group.holder)];
    if (type.elementSize != 8 || type.elementFields.size() != 1 || !type.fields.empty()) return;
    const std::uint32_t slots = s_.slotCount(*group.holder);
    std::uint32_t filled = 0, last = 0;
    for (EdgeCursor slot = s_.edgesFrom(*group.holder); slot; slot.next()) {
      ++filled;
      last = slot.slot() + 1;
    }
    // Unless members that meet in one place are chained there, as hash tables do: then there is room for any number.
    const std::uint64_t chainedOnes = group.members - group.outermost;
    const bool chains = chainedOnes >= kFewestChained &&
                        static_cast<double>(chainedOnes) >= kLeastChained * static_cast<double>(group.members);
    if (filled + filled / 50 < last && filled < slots && !chains) e.boundSlots = slots;
  }

  double confidenceOf(const LeakCandidate& candidate) const {
    const LeakEvidence& e = candidate.evidence;
    double doubt = 0.5;
    if (e.flowKnown) doubt *= e.came >= 100 ? 0.3 : 0.5;
    if (e.freedKnown) doubt *= 0.5;
    if (*e.keptOfSteadyRate > 0.6 && *e.keptOfSteadyRate < 1.6) doubt *= 0.6;
    if (e.intervals >= 6) doubt *= 0.7;
    if (candidate.verdict == LeakVerdict::kSuspected) doubt = 1 - (1 - doubt) * 0.4;
    return 1 - doubt;
  }

  const Snapshot& s_;
  const GroupTable& table_;
  const std::stop_token& stop_;
  const GenerationsView generations_;
  std::vector<std::uint64_t> deadByType_, freedBySite_;
  double deadListed_ = 0;
};

}  // namespace

std::optional<double> LeakEvidence::survival() const {
  if (!freedKnown) return std::nullopt;
  return static_cast<double>(keptBytes.value) / static_cast<double>(keptBytes.value + freedBytes.value);
}

const char* toText(LeakVerdict verdict) {
  switch (verdict) {
    case LeakVerdict::kLeak:
      return "leak";
    case LeakVerdict::kSuspected:
      return "suspected";
    case LeakVerdict::kBounded:
      return "bounded";
    case LeakVerdict::kTurnsOver:
      return "turnsOver";
    case LeakVerdict::kStands:
      return "stands";
    case LeakVerdict::kUnknown:
      return "unknown";
    case LeakVerdict::kPartOf:
      return "partOf";
  }
  return "unknown";
}

std::vector<LeakCandidate> judgeGroups(const Snapshot& snapshot, const GroupTable& table,
                                       const std::stop_token& stop) {
  return Judge(snapshot, table, stop).run();
}

}  // namespace openclaw
