#include "analyzer/graph/paths.h"

#include <algorithm>
#include <map>
#include <queue>
#include <tuple>
#include <utility>

#include "analyzer/buffer.h"
#include "analyzer/graph/edge_table.h"
#include "analyzer/snapshot_state.h"

namespace openclaw {
namespace {

// What the last resort of findDifferentPaths may visit before it gives up: about a second.
constexpr std::uint64_t kMostVisits = 4'000'000;

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
    return fromBothEnds(true);
  }

  // Objects of a path that was found: later ones avoid them.
  void use(const std::vector<std::uint32_t>& path) {
    if (marks_.empty()) {
      marks_ = Buffer<std::uint8_t>(s_.objectCount());
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
    for (const bool usedRoots : {false, true})
      if (auto path = fromBothEnds(usedRoots); !path.empty() && !known(path)) return path;
    return weighed();
  }

  std::size_t sharedInner(const std::vector<std::uint32_t>& path) const {
    std::size_t shared = 0;
    for (std::size_t i = 1; i + 1 < path.size() && !marks_.empty(); ++i)
      shared += (marks_[path[i]] & kUsedInner) != 0;
    return shared;
  }
  bool gaveUp() const { return visits_ > kMostVisits; }

 private:
  static constexpr std::uint8_t kUsedInner = 1, kUsedRoot = 2, kDominator = 4, kBehind = 8;

  bool isRoot(std::uint32_t object) const { return std::binary_search(roots_.begin(), roots_.end(), object); }
  bool known(const std::vector<std::uint32_t>& path) const {
    return std::find(found_.begin(), found_.end(), path) != found_.end();
  }
  bool marked(std::uint32_t object, std::uint8_t mark) const {
    return !marks_.empty() && (marks_[object] & mark) != 0;
  }
  bool keeps(std::uint32_t source, std::uint32_t target) const {
    return edges_.allKeepAlive(source) || slotThatKeeps(s_, ObjectIndex(source), ObjectIndex(target));
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
  // the lowest index is taken.
  std::vector<std::uint32_t> fromBothEnds(bool usedRoots) {
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
          forReferrers(object, [&](std::uint32_t source) {
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
            if (stopped()) return {};
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
    if (meeting == 0xffff'ffffu) return {};
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
    Cost best{SIZE_MAX, true, SIZE_MAX};
    std::vector<std::uint32_t> bestPath;
    for (const Tail& tail : tails) {
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
    return gaveUp() ? std::vector<std::uint32_t>{} : bestPath;
  }

  struct Cost {
    std::size_t shared;
    bool usedRoot;
    std::size_t length;
    auto operator<=>(const Cost&) const = default;
  };
  static constexpr std::uint32_t kStops = 0xffff'ffffu;

  // Dijkstra's search from the upper end of `tail` to a root.
  std::pair<Cost, std::vector<std::uint32_t>> onwards(const std::vector<std::uint32_t>& tail,
                                                      const std::vector<std::uint32_t>& taken, const Cost& limit) {
    for (const std::uint32_t object : tail) marks_[object] |= kBehind;
    const std::uint32_t start = tail.front();
    std::size_t shared = 0;
    for (std::size_t i = 0; i + 1 < tail.size(); ++i) shared += (marks_[tail[i]] & kUsedInner) != 0;
    Buffer<std::uint32_t> up(s_.objectCount());
    Buffer<std::uint8_t> settled(s_.objectCount());
    using Open = std::tuple<Cost, std::uint32_t, std::uint32_t>;  // cost, object, the next towards the target
    std::priority_queue<Open, std::vector<Open>, std::greater<>> open;
    const auto offer = [&](const Cost& from, std::uint32_t object, std::uint32_t towards) {
      if (settled[object] || marked(object, kBehind)) return;
      Cost cost{from.shared, false, from.length + 1};
      if (isRoot(object))
        cost.usedRoot = marked(object, kUsedRoot);
      else
        cost.shared += marked(object, kUsedInner);
      if (cost < limit) open.push({cost, object, towards});
    };
    std::pair<Cost, std::vector<std::uint32_t>> result{limit, {}};
    const Cost begin{shared, false, tail.size()};
    forReferrers(start, [&](std::uint32_t source) {
      if (std::find(taken.begin(), taken.end(), source) == taken.end()) offer(begin, source, start);
      return true;
    });
    while (!open.empty()) {
      const auto [cost, object, towards] = open.top();
      open.pop();
      if (settled[object]) continue;
      if (++visits_ > kMostVisits || ((visits_ & 0xfff) == 0 && stop_.stop_requested())) break;
      settled[object] = 1;
      up[object] = towards + 1;
      if (isRoot(object)) {
        result.first = cost;
        for (std::uint32_t at = object; at != start; at = up[at] - 1) result.second.push_back(at);
        result.second.insert(result.second.end(), tail.begin(), tail.end());
        break;
      }
      forReferrers(object, [&](std::uint32_t source) {
        offer(cost, source, object);
        return true;
      });
    }
    for (const std::uint32_t object : tail) marks_[object] &= static_cast<std::uint8_t>(~kBehind);
    return result;
  }

  const Snapshot& s_;
  const EdgeTable& edges_;
  const std::uint32_t target_;
  const std::stop_token stop_;
  std::vector<std::uint32_t> roots_;  // ascending, each once
  Buffer<std::uint8_t> marks_;        // empty until a path was used
  std::vector<std::vector<std::uint32_t>> found_;
  std::uint64_t visits_ = 0;  // of weighed()
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
