#include "analyzer/graph/paths.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analyzer/buffer.h"
#include "analyzer/graph/edge_table.h"
#include "analyzer/graph/path_labels.h"
#include "analyzer/snapshot_state.h"

namespace openclaw {
namespace {

// References that findDifferentPaths may follow for each path after the first in plain searches, and again where sharing is
// weighed, before it takes the best it has: a quarter of a second each.
constexpr std::uint64_t kMostVisits = 2'000'000;

class PathSearch {
 public:
  PathSearch(const Snapshot& snapshot, ObjectIndex target, std::stop_token stop)
      : s_(snapshot),
        edges_(SnapshotBuilder::stateOf(snapshot).edges),
        target_(target.value),
        stop_(std::move(stop)) {
    for (const RootInfo& root : s_.roots())
      if (roots_.empty() || roots_.back() != root.object.value) roots_.push_back(root.object.value);
  }

  // Root-held object first, target last; empty: none. Cost: see findPathToRoot.
  std::vector<std::uint32_t> shortest() {
    if (isRoot(target_)) return {target_};
    std::uint64_t all = UINT64_MAX;
    return fromBothEnds(true, all);
  }

  // Objects of a path that was found: later ones avoid them.
  void use(const std::vector<std::uint32_t>& path) {
    if (marks_.empty()) {
      marks_ = Buffer<std::uint8_t>(s_.objectCount());
      for (const std::uint32_t root : roots_) marks_[root] |= kRoot;
      for (auto d = s_.dominator(ObjectIndex(target_)); d; d = s_.dominator(*d)) marks_[d->value] |= kDominator;
    }
    found_.push_back(path);
    if (path.size() > 1) marks_[path.front()] |= kUsedRoot;
    for (std::size_t i = 1; i + 1 < path.size(); ++i) marks_[path[i]] |= kUsedInner;
  }

  // The next one by findDifferentPaths' order. Every path leads over the target's dominators; one that avoids
  // every other used object shares the least there can be, and a plain search finds the shortest of those. Only
  // where that fails is sharing weighed.
  std::vector<std::uint32_t> next() {
    plainVisits_ = kMostVisits;
    visits_ = 0;
    for (const bool usedRoots : {false, true})
      if (auto path = fromBothEnds(usedRoots, plainVisits_); !path.empty() && !known(path)) return path;
    auto path = weighed();
    gaveUp_ |= endedEarly();
    return path;
  }

  std::size_t sharedInner(const std::vector<std::uint32_t>& path) const {
    std::size_t shared = 0;
    for (std::size_t i = 1; i + 1 < path.size() && !marks_.empty(); ++i)
      shared += (marks_[path[i]] & kUsedInner) != 0;
    return shared;
  }
  bool gaveUp() const { return gaveUp_; }

 private:
  static constexpr std::size_t kShortList = 256;  // bytes
  static constexpr std::uint8_t kUsedInner = 1, kUsedRoot = 2, kDominator = 4, kBehind = 8, kOverTail = 16, kNotOverTail = 32, kRoot = 64;

  bool isRoot(std::uint32_t object) const {
    return marks_.empty() ? std::binary_search(roots_.begin(), roots_.end(), object) : (marks_[object] & kRoot) != 0;
  }
  bool known(const std::vector<std::uint32_t>& path) const {
    return std::find(found_.begin(), found_.end(), path) != found_.end();
  }
  bool marked(std::uint32_t object, std::uint8_t mark) const {
    return !marks_.empty() && (marks_[object] & mark) != 0;
  }
  bool keeps(std::uint32_t source, std::uint32_t target) const {
    if (edges_.allKeepAlive(source)) return true;
    if (edges_.lists.list(source).bytes() <= kShortList) return slotThatKeeps(s_, ObjectIndex(source), ObjectIndex(target)).has_value();
    const std::vector<std::uint32_t>& kept = keptBy(source);
    return std::binary_search(kept.begin(), kept.end(), target);
  }
  // What a wide object keeps alive, ascending: its million elements may each ask for themselves.
  const std::vector<std::uint32_t>& keptBy(std::uint32_t source) const {
    const auto [place, isNew] = kept_.try_emplace(source);
    std::vector<std::uint32_t>& kept = place->second;
    if (!isNew) return kept;
    for (SlotReader slots = edges_.slots(source); slots.next();)
      if (slots.entry() != 0 && edges_.keepsAlive(source, slots)) kept.push_back(slots.entry() - 1);
    std::sort(kept.begin(), kept.end());
    kept.erase(std::unique(kept.begin(), kept.end()), kept.end());
    return kept;
  }
  // Calls see(source) for each object that keeps `object` alive, once, until it answers false.
  template <class See>
  void forReferrers(std::uint32_t object, See see) const {
    std::uint32_t last = 0xffff'ffffu;
    for (EdgeCursor edge = s_.edgesTo(ObjectIndex(object)); edge; edge.next()) {
      const std::uint32_t source = edge.target().value;
      if (source == last) continue;
      last = source;
      if (s_.reachable(edge.target()) && keeps(source, object) && !see(source)) return;
    }
  }

  // Breadth first from the roots and from the target in turn, always the side with fewer references to follow,
  // level by level. The first level in which the sides meet holds all shortest paths; the meeting point with
  // the lowest index is taken. Ends, as if nothing was found, when as many references as `mayVisit` were followed; what is left
  // of it is 0 then.
  std::vector<std::uint32_t> fromBothEnds(bool usedRoots, std::uint64_t& mayVisit) {
    Buffer<std::uint32_t> down(s_.objectCount());  // the object before on the way from a root, + 1; itself: a root
    Buffer<std::uint32_t> up(s_.objectCount());    // the next on the way to the target, + 1
    std::vector<std::uint32_t> above, below{target_}, next;
    for (const std::uint32_t root : roots_) {
      if (root == target_ || (!usedRoots && marked(root, kUsedRoot))) continue;
      down[root] = root + 1;
      above.push_back(root);
    }
    up[target_] = target_ + 1;
    const auto barred = [&](std::uint32_t object) {
      return !marks_.empty() && (marks_[object] & kUsedInner) != 0 && (marks_[object] & kDominator) == 0;
    };
    const CompressedLists& back = SnapshotBuilder::stateOf(s_).back.lists;
    std::uint64_t aboveCost = above.size(), belowCost = 1;
    std::uint32_t meeting = 0xffff'ffffu;
    while (!above.empty() && !below.empty() && meeting == 0xffff'ffffu) {
      next.clear();
      std::uint32_t steps = 0;
      const auto stopped = [&] { return (++steps & 0xfffu) == 0 && stop_.stop_requested(); };
      if (belowCost <= aboveCost) {
        belowCost = 0;
        for (const std::uint32_t object : below) {
          if (stopped()) return {};
          if (mayVisit == 0) return {};
          forReferrers(object, [&](std::uint32_t source) {
            if (--mayVisit == 0) return false;
            if (up[source] != 0 || barred(source)) return true;
            // A root-held object ends a path: either it is a start that may be used, or nothing leads over it.
            const bool root = isRoot(source);
            if (root && down[source] == 0) return true;
            up[source] = object + 1;
            if (down[source] != 0) meeting = std::min(meeting, source);
            back.prefetch(source);
            next.push_back(source);
            return true;
          });
        }
        // In a loop of its own, so that the lists' places are fetched side by side.
        for (const std::uint32_t object : next) belowCost += back.list(object).bytes();
        below.swap(next);
      } else {
        aboveCost = 0;
        for (const std::uint32_t object : above) {
          const bool all = edges_.allKeepAlive(object);
          for (EdgeCursor edge = s_.edgesFrom(ObjectIndex(object)); edge; edge.next()) {
            if (stopped() || mayVisit == 0 || --mayVisit == 0) return {};
            const std::uint32_t target = edge.target().value;
            if (down[target] != 0 || barred(target)) continue;
            if (!all && !keepsAlive(s_.strengthOf(ObjectIndex(object), edge))) continue;
            if (target != target_ && isRoot(target)) continue;
            down[target] = object + 1;
            if (up[target] != 0) meeting = std::min(meeting, target);
            edges_.lists.prefetch(target);
            next.push_back(target);
          }
        }
        for (const std::uint32_t object : next) aboveCost += edges_.lists.list(object).bytes();
        above.swap(next);
      }
    }
    if (meeting == 0xffff'ffffu || mayVisit == 0) return {};
    std::vector<std::uint32_t> path{meeting};
    while (down[path.back()] != path.back() + 1) path.push_back(down[path.back()] - 1);
    std::reverse(path.begin(), path.end());
    while (path.back() != target_) path.push_back(up[path.back()] - 1);
    return path;
  }

  // The best path that is none of found_, by (shared inner objects, root object used before, length). All other
  // paths are parted by where they leave the found ones, looking from the target up (Yen 1971, Lawler 1972):
  // for each tail of a found path, the best way on from its upper end over referrers that no found path with
  // this tail took. Tails lead over no object twice, so paths are simple.
  std::vector<std::uint32_t> weighed() {
    struct Tail {
      std::uint32_t upperEnd, rest;      // rest: the tail without its upper end, kStops for the target's
      std::vector<std::uint32_t> taken;  // kStops: a found path ended here
    };
    std::vector<Tail> tails;
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> byRest;  // (rest, upper end) -> tail
    for (const std::vector<std::uint32_t>& path : found_) {
      std::uint32_t rest = kStops;
      for (std::size_t at = path.size(); at-- > 0;) {
        const auto [place, isNew] = byRest.try_emplace({rest, path[at]}, static_cast<std::uint32_t>(tails.size()));
        if (isNew) tails.push_back({path[at], rest, {}});
        rest = place->second;
        tails[rest].taken.push_back(at == 0 ? kStops : path[at - 1]);
      }
    }
    // Longest tails first: what is left of their ways is short and quickly searched, and bounds what the others must look at. So
    // there is a path to show even where the best one is not found in time.
    std::vector<std::pair<std::size_t, std::uint32_t>> byLength;   // objects, tail
    for (std::uint32_t i = 0; i < tails.size(); ++i)
      byLength.push_back({tails[i].rest == kStops ? 1 : byLength[tails[i].rest].first + 1, i});
    std::stable_sort(byLength.begin(), byLength.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    PathCost best = PathCost::most();
    std::vector<std::uint32_t> bestPath;
    for (const auto& [length, index] : byLength) {
      const Tail& tail = tails[index];
      // Paths end at the first root-held object, and a long chain with one referrer each offers no other way.
      if (isRoot(tail.upperEnd) && tail.rest != kStops) continue;
      bool other = false;
      forReferrers(tail.upperEnd, [&](std::uint32_t source) {
        other = std::find(tail.taken.begin(), tail.taken.end(), source) == tail.taken.end();
        return !other;
      });
      if (!other) continue;
      std::vector<std::uint32_t> objects{tail.upperEnd};
      for (std::uint32_t rest = tail.rest; rest != kStops; rest = tails[rest].rest)
        objects.push_back(tails[rest].upperEnd);
      if ((visits_ += objects.size()) > kMostVisits) break;
      auto [cost, path] = onwards(objects, tail.taken, best);
      if (path.empty() || !(cost < best)) continue;
      best = cost;
      bestPath = std::move(path);
    }
    return bestPath;
  }

  static constexpr std::uint32_t kStops = 0xffff'ffffu;

  bool endedEarly() const { return visits_ > kMostVisits || plainVisits_ == 0; }   // of the path at hand

  // Every way from a root to `object` goes over an object of the tail (marked kBehind), which dominates it: nothing to find there.
  bool leadsOverTail(std::uint32_t object) {
    const std::size_t before = asked_.size();
    bool over = false;
    for (ObjectIndex at(object);;) {
      const std::uint8_t mark = marks_[at.value];
      if ((mark & (kBehind | kOverTail)) != 0) over = true;
      else if ((mark & kNotOverTail) == 0) {
        asked_.push_back(at.value);
        ++visits_;
        if (const auto above = s_.dominator(at)) {
          at = *above;
          continue;
        }
      }
      break;
    }
    for (std::size_t i = before; i < asked_.size(); ++i) marks_[asked_[i]] |= over ? kOverTail : kNotOverTail;
    return over;
  }

  // The best way from a root to the upper end of `tail` and on along it: Dijkstra's search from both ends, always from the side
  // with fewer objects to go on from. So where all ways lead over few objects near the roots, that side says soon that they
  // must be shared, and the other need not look at all that leads to the target without them.
  std::pair<PathCost, std::vector<std::uint32_t>> onwards(const std::vector<std::uint32_t>& tail,
                                                          const std::vector<std::uint32_t>& taken, PathCost limit) {
    for (const std::uint32_t object : tail) marks_[object] |= kBehind;
    const std::uint32_t start = tail.front();
    std::size_t sharedInTail = 0;
    for (std::size_t i = 0; i + 1 < tail.size(); ++i) sharedInTail += (marks_[tail[i]] & kUsedInner) != 0;
    // Costs of ways without the tail. Those from above count the object they have come to, those from below do not.
    const PathCost ofTail(sharedInTail, false, tail.size());
    PathCost most = limit;   // what a better way must stay below
    std::uint32_t meeting = kStops;
    const auto costOf = [&](std::uint32_t object) {
      return isRoot(object) ? PathCost(0, marked(object, kUsedRoot), 1) : PathCost(marked(object, kUsedInner), false, 1);
    };
    const auto meet = [&](PathCost above, PathCost below, std::uint32_t object) {
      if (const PathCost whole = above + below + ofTail; whole < most) most = whole, meeting = object;
    };
    PathLabels above, below;
    PathLabels::Found met;
    bool begun = false;   // above: where there are many roots, only when that is the shorter way
    const auto goOnBelow = [&](std::uint32_t object, PathCost next, const std::vector<std::uint32_t>* without) {
      forReferrers(object, [&](std::uint32_t source) {
        if (marked(source, kBehind) || (without != nullptr && std::find(without->begin(), without->end(), source) != without->end())) return true;
        if (++visits_ > kMostVisits) return false;
        if (leadsOverTail(source)) return true;
        if (below.offer(source, next, object) && above.find(source, met)) meet(met.cost, next, source);
        if (!begun && isRoot(source)) meet(costOf(source), next, source);
        return true;
      });
    };
    goOnBelow(start, PathCost(0, false, 0), &taken);
    std::uint32_t settled = 0;
    while (visits_ <= kMostVisits) {
      below.dropSettled();
      above.dropSettled();
      const bool nothingAbove = begun && above.done();
      if (below.done() || nothingAbove) break;
      const PathCost least = begun ? above.least() : PathCost(0, false, 1);
      if (!(least + below.least() + ofTail < most)) break;
      if ((++settled & 0xfff) == 0 && stop_.stop_requested()) break;
      const bool fromAbove = (begun ? above.open() : roots_.size()) <= below.open();
      if (fromAbove && !begun) {
        begun = true;
        for (const std::uint32_t root : roots_)
          if (!marked(root, kBehind) && above.offer(root, costOf(root), root) && below.find(root, met)) meet(costOf(root), met.cost, root);
        visits_ += roots_.size() / 8;
        continue;
      }
      const auto [cost, object] = (fromAbove ? above : below).settle();
      if (!fromAbove) {
        if (!isRoot(object)) goOnBelow(object, cost + costOf(object), nullptr);   // a path ends at the first one
        continue;
      }
      const bool all = edges_.allKeepAlive(object);
      for (SlotReader slots = edges_.slots(object); slots.next() && ++visits_ <= kMostVisits;) {
        if (slots.entry() == 0 || (!all && !edges_.keepsAlive(object, slots))) continue;
        const std::uint32_t target = slots.entry() - 1;
        if (marked(target, kBehind) || isRoot(target)) continue;
        const PathCost next = cost + costOf(target);
        if (above.offer(target, next, object) && below.find(target, met)) meet(next, met.cost, target);
      }
    }
    for (const std::uint32_t object : tail) marks_[object] &= static_cast<std::uint8_t>(~kBehind);
    for (const std::uint32_t object : asked_) marks_[object] &= static_cast<std::uint8_t>(~(kOverTail | kNotOverTail));
    asked_.clear();
    if (meeting == kStops) return {limit, {}};
    std::vector<std::uint32_t> path;   // of a search that gave up, it may go over an object twice: see below
    if (above.find(meeting, met)) {
      for (std::uint32_t at = meeting; path.empty() || path.back() != at; at = above.via(at)) path.push_back(at);
      std::reverse(path.begin(), path.end());
    } else {
      path.push_back(meeting);
    }
    while (path.back() != start) path.push_back(below.via(path.back()));
    path.insert(path.end(), tail.begin() + 1, tail.end());
    if (endedEarly()) {
      std::vector<std::uint32_t> once = path;
      std::sort(once.begin(), once.end());
      if (std::adjacent_find(once.begin(), once.end()) != once.end()) return {limit, {}};
    }
    return {most, std::move(path)};
  }

  const Snapshot& s_;
  const EdgeTable& edges_;
  const std::uint32_t target_;
  const std::stop_token stop_;
  std::vector<std::uint32_t> roots_;  // ascending, each once
  mutable std::unordered_map<std::uint32_t, std::vector<std::uint32_t>> kept_;  // of wide objects with slots that keep nothing
  Buffer<std::uint8_t> marks_;        // empty until a path was used
  std::vector<std::vector<std::uint32_t>> found_;
  std::vector<std::uint32_t> asked_;          // of leadsOverTail, for the tail at hand: what is marked in marks_
  std::uint64_t visits_ = 0;                  // of weighed()
  std::uint64_t plainVisits_ = kMostVisits;   // left to plain searches after the first path's
  bool gaveUp_ = false;
};

std::vector<PathStep> stepsOf(const Snapshot& snapshot, const std::vector<std::uint32_t>& path) {
  std::vector<PathStep> steps;
  for (std::size_t i = 0; i < path.size(); ++i)
    steps.push_back({ObjectIndex(path[i]),
                     i == 0 ? 0
                            : slotThatKeeps(snapshot, ObjectIndex(path[i - 1]), ObjectIndex(path[i])).value_or(0)});
  return steps;
}

}  // namespace

std::optional<std::uint32_t> slotThatKeeps(const Snapshot& snapshot, ObjectIndex source, ObjectIndex target) {
  for (EdgeCursor edge = snapshot.edgesFrom(source); edge; edge.next())
    if (edge.target() == target && keepsAlive(snapshot.strengthOf(source, edge))) return edge.slot();
  return std::nullopt;
}

std::vector<PathStep> findPathToRoot(const Snapshot& snapshot, ObjectIndex object, std::stop_token stop) {
  if (!snapshot.reachable(object)) return {};
  return stepsOf(snapshot, PathSearch(snapshot, object, std::move(stop)).shortest());
}

DifferentPaths findDifferentPaths(const Snapshot& snapshot, ObjectIndex object, std::size_t count,
                                  std::stop_token stop) {
  DifferentPaths result;
  if (count == 0 || !snapshot.reachable(object)) return result;
  PathSearch search(snapshot, object, stop);
  std::vector<std::uint32_t> path = search.shortest();
  while (!path.empty() && !stop.stop_requested()) {
    result.paths.push_back({stepsOf(snapshot, path), search.sharedInner(path)});
    if (result.paths.size() == count) break;
    search.use(path);
    path = search.next();
  }
  result.gaveUp = search.gaveUp();
  if (stop.stop_requested()) return {};
  return result;
}

}  // namespace openclaw
