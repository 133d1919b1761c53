#include "analyzer/findings/groups.h"

#include <algorithm>
#include <unordered_map>

#include "analyzer/buffer.h"
#include "analyzer/graph/dominator_tree.h"
#include "analyzer/graph/shortest_path_tree.h"

namespace openclaw {
namespace {

constexpr std::uint32_t kNone = 0xffff'ffffu;
constexpr std::size_t kMostSpread = 16;  // groups without holder that are followed to an owner

constexpr std::size_t kMostHoldersClasses = 16;  // more kinds of holders, and none is the usual one

using StackCounts = std::unordered_map<std::uint32_t, std::uint64_t>;

// What the walk knows of a class.
struct ClassWalk {
  std::uint64_t outermost = 0, retained = 0;
  ObjectIndex largest;
  std::uint64_t largestRetained = 0;
  std::uint64_t holders = 0;
  std::uint32_t lastHolder = kNone;
  std::vector<std::pair<std::uint32_t, std::uint64_t>> holdersClasses;  // outermost members held by objects of each
  std::uint32_t group = kNone;    // the open group of this class at the place where the walk stands
  std::uint32_t openedBy = kNone;  // the outermost member that the walk is below
};

// The class of every object, numbered as they are met.
Buffer<std::uint32_t> classesOf(const Snapshot& s, std::vector<ObjectClass>& classes, const std::stop_token& stop) {
  Buffer<std::uint32_t> classOf(s.objectCount());
  std::unordered_map<std::uint64_t, std::uint32_t> ids;
  std::uint64_t lastKey = ~0ull;
  std::uint32_t lastId = 0;
  for (std::uint32_t i = 0; i < s.objectCount(); ++i) {
    if ((i & 0xffff) == 0 && stop.stop_requested()) break;
    const ObjectIndex object(i);
    const std::uint64_t key = std::uint64_t{s.site(object).value} << 32 | s.type(object).value;
    if (key != lastKey) {
      const auto [place, isNew] = ids.try_emplace(key, static_cast<std::uint32_t>(classes.size()));
      if (isNew) {
        classes.emplace_back();
        classes.back().type = s.type(object);
        classes.back().site = s.site(object);
      }
      lastKey = key;
      lastId = place->second;
    }
    classOf[i] = lastId;
  }
  return classOf;
}

class GroupFinder {
 public:
  GroupFinder(const Snapshot& snapshot, const GroupOptions& options, const std::stop_token& stop)
      : s_(snapshot), options_(options), stop_(stop), tree_(snapshot) {}

  GroupTable run() {
    for (const std::uint32_t object : tree_.top()) live_ += s_.retained(ObjectIndex(object)).value;
    least_ = std::max<std::uint64_t>(
        static_cast<std::uint64_t>(options_.leastShare * static_cast<double>(live_)), 1);
    table_.live = Bytes(live_);
    table_.reachableByType.assign(s_.types().size(), 0);
    if (!classify()) return {};
    walk();
    if (stop_.stop_requested()) return {};
    finish();
    return std::move(table_);
  }

 private:
  bool classify() {
    classOf_ = classesOf(s_, table_.classes, stop_);
    if (stop_.stop_requested()) return false;
    classes_.resize(table_.classes.size());
    for (std::uint32_t i = 0; i < s_.objectCount(); ++i) {
      const ObjectIndex object(i);
      ObjectClass& c = table_.classes[classOf_[i]];
      if (!s_.reachable(object)) {
        ++c.unreachable;
        continue;
      }
      ++c.reachable;
      ++c.byAge[s_.age(object)];
      c.shallow += s_.size(object);
      ++table_.reachableByType[c.type.value];
    }
    stacksOfClass_.resize(classes_.size());
    return true;
  }

  // Groups begin at the children of one object: all of one class together must keep enough.
  void open(std::uint32_t parent, std::span<const std::uint32_t> children) {
    sums_.clear();
    for (const std::uint32_t child : children) {
      const std::uint32_t c = classOf_[child];
      if (classes_[c].group != kNone) continue;
      const std::uint64_t retained = s_.retained(ObjectIndex(child)).value;
      if (children.size() == 1 && retained < least_) return;
      sums_[c] += retained;
    }
    for (const auto& [c, sum] : sums_) {
      if (sum < least_) continue;
      starts_.push_back({c, static_cast<std::uint32_t>(table_.groups.size())});
      ObjectGroup group;
      group.type = table_.classes[c].type;
      group.site = table_.classes[c].site;
      group.classIndex = c;
      if (parent != kNone) group.holder = ObjectIndex(parent);
      table_.groups.push_back(std::move(group));
      stacksOfGroup_.emplace_back();
      groupClass_.push_back(c);
    }
  }

  // The group that a child of the innermost open object starts, or kNone.
  std::uint32_t startOf(std::uint32_t c, std::size_t from) const {
    for (std::size_t i = from; i < starts_.size(); ++i)
      if (starts_[i].first == c) return starts_[i].second;
    return kNone;
  }

  void walk() {
    // Levels of the walk whose children start groups: where their rows in starts_ begin. Small objects never do, so
    // only a prefix of the path has a level.
    std::vector<std::size_t> levels{0};
    open(kNone, tree_.top());
    std::uint32_t steps = 0;
    tree_.walk(
        [&](std::uint32_t x, unsigned depth) {
          if ((++steps & 0xffff) == 0 && stop_.stop_requested()) return false;
          const ObjectIndex object(x);
          const std::uint64_t retained = s_.retained(object).value;
          ClassWalk& c = classes_[classOf_[x]];
          const std::uint8_t age = s_.age(object);
          const std::optional<StackIndex> stack = s_.stack(object);
          if (stack) ++stacksOfClass_[classOf_[x]][stack->value];
          if (c.openedBy == kNone) {
            c.openedBy = x;
            ++c.outermost;
            c.retained += retained;
            if (!c.largest || retained > c.largestRetained) {
              c.largest = object;
              c.largestRetained = retained;
            }
            const auto holder = s_.dominator(object);
            const std::uint32_t held = holder ? holder->value : kNone - 1;
            if (held != c.lastHolder) {
              ++c.holders;
              c.lastHolder = held;
            }
            if (holder) {
              const std::uint32_t above = classOf_[held];
              auto place = std::find_if(c.holdersClasses.begin(), c.holdersClasses.end(),
                                        [&](const auto& entry) { return entry.first == above; });
              if (place != c.holdersClasses.end())
                ++place->second;
              else if (c.holdersClasses.size() < kMostHoldersClasses)
                c.holdersClasses.emplace_back(above, 1);
            }
            if (depth < levels.size()) c.group = startOf(classOf_[x], levels[depth]);
            if (c.group != kNone) {
              ObjectGroup& group = table_.groups[c.group];
              ++group.outermost;
              group.retained += Bytes(retained);
              if (!group.largest) group.largest = object;  // children come by retained size
            }
          }
          if (c.group != kNone) {
            ObjectGroup& group = table_.groups[c.group];
            ++group.members;
            ++group.byAge[age];
            group.shallow += s_.size(object);
            if (stack) ++stacksOfGroup_[c.group][stack->value];
          }
          if (retained >= least_) {
            levels.resize(depth + 1);
            levels.push_back(starts_.size());
            open(x, tree_.children(x));
          }
          return true;
        },
        [&](std::uint32_t x) {
          ClassWalk& c = classes_[classOf_[x]];
          if (c.openedBy == x) {
            c.openedBy = kNone;
            c.group = kNone;
          }
          if (s_.retained(ObjectIndex(x)).value >= least_ && levels.size() > 1) {
            starts_.resize(levels.back());
            levels.pop_back();
          }
        });
  }

  static std::vector<std::pair<StackIndex, std::uint64_t>> mostOf(const StackCounts& counts) {
    std::vector<std::pair<StackIndex, std::uint64_t>> stacks;
    for (const auto& [stack, count] : counts) stacks.emplace_back(StackIndex(stack), count);
    std::sort(stacks.begin(), stacks.end(), [](const auto& a, const auto& b) {
      return a.second != b.second ? a.second > b.second : a.first < b.first;
    });
    if (stacks.size() > 3) stacks.resize(3);
    return stacks;
  }

  void finish() {
    std::vector<std::uint64_t> largestGroup(classes_.size());
    for (std::size_t g = 0; g < table_.groups.size(); ++g) {
      table_.groups[g].stacks = mostOf(stacksOfGroup_[g]);
      std::uint64_t& largest = largestGroup[groupClass_[g]];
      largest = std::max(largest, table_.groups[g].members);
    }
    std::vector<std::uint32_t> spread;
    for (std::uint32_t c = 0; c < classes_.size(); ++c)
      if (classes_[c].retained >= least_ && table_.classes[c].reachable >= options_.fewestMembers &&
          static_cast<double>(largestGroup[c]) < kMostOf * static_cast<double>(table_.classes[c].reachable))
        spread.push_back(c);
    std::sort(spread.begin(), spread.end(),
              [&](std::uint32_t a, std::uint32_t b) { return classes_[a].retained > classes_[b].retained; });
    if (spread.size() > kMostSpread) spread.resize(kMostSpread);
    const std::vector<std::optional<ObjectIndex>> owners = commonOwners(spread);
    for (std::size_t i = 0; i < spread.size(); ++i) {
      const ClassWalk& walked = classes_[spread[i]];
      const ObjectClass& c = table_.classes[spread[i]];
      ObjectGroup group;
      group.type = c.type;
      group.site = c.site;
      group.holder = owners[i];
      group.spread = true;
      group.members = c.reachable;
      group.outermost = walked.outermost;
      group.holders = walked.holders;
      for (const auto& [above, count] : walked.holdersClasses)
        if (static_cast<double>(count) >= kMostOf * static_cast<double>(walked.outermost)) group.holdersClass = above;
      group.shallow = c.shallow;
      group.retained = Bytes(walked.retained);
      group.byAge = c.byAge;
      group.stacks = mostOf(stacksOfClass_[spread[i]]);
      group.largest = walked.largest;
      group.classIndex = spread[i];
      table_.groups.push_back(std::move(group));
    }
    std::erase_if(table_.groups, [&](const ObjectGroup& g) { return g.members < options_.fewestMembers; });
    std::sort(table_.groups.begin(), table_.groups.end(), [](const ObjectGroup& a, const ObjectGroup& b) {
      if (a.retained != b.retained) return a.retained > b.retained;
      if (a.spread != b.spread) return b.spread;
      return std::pair(a.type, a.site) < std::pair(b.type, b.site);
    });
  }

  // For each class the deepest object that dominates kMostOf of its members, else the deepest that as many of the
  // shortest paths lead over.
  std::vector<std::optional<ObjectIndex>> commonOwners(const std::vector<std::uint32_t>& spread) {
    std::vector<std::optional<ObjectIndex>> owners(spread.size());
    if (spread.empty()) return owners;
    std::vector<std::uint32_t> slotOf(classes_.size(), kNone);
    for (std::size_t i = 0; i < spread.size(); ++i) slotOf[spread[i]] = static_cast<std::uint32_t>(i);
    const auto enough = [&](std::size_t i) {
      return static_cast<std::uint64_t>(kMostOf * static_cast<double>(table_.classes[spread[i]].reachable));
    };
    // Members below the objects on the path, added to the parent when one is left: the first to have enough is the
    // deepest.
    using Counts = std::array<std::uint32_t, kMostSpread>;
    std::vector<Counts> below(1);
    std::vector<bool> found(spread.size());
    tree_.walk(
        [&](std::uint32_t x, unsigned depth) {
          below.resize(depth + 2);
          below[depth + 1] = {};
          if (const std::uint32_t slot = slotOf[classOf_[x]]; slot != kNone) ++below[depth + 1][slot];
          return !stop_.stop_requested();
        },
        [&](std::uint32_t x) {
          const Counts counts = below.back();
          below.pop_back();
          const std::uint32_t own = slotOf[classOf_[x]];
          for (std::size_t i = 0; i < spread.size(); ++i) {
            below.back()[i] += counts[i];
            if (found[i] || counts[i] < enough(i) || own == i) continue;
            found[i] = true;
            owners[i] = ObjectIndex(x);
          }
        });
    if (std::find(found.begin(), found.end(), false) == found.end() || stop_.stop_requested()) return owners;
    const ShortestPathTree paths(s_, stop_);
    Buffer<std::uint32_t> weight(paths.size());
    for (std::size_t i = 0; i < spread.size(); ++i) {
      if (found[i]) continue;
      for (std::uint32_t place = 0; place < paths.size(); ++place)
        weight[place] = classOf_[paths.object(place).value] == spread[i];
      for (std::uint32_t place = paths.size(); place-- > 0;) {
        const bool member = classOf_[paths.object(place).value] == spread[i];
        // Breadth-first order backwards: children first, so the first with enough is among the deepest.
        if (!owners[i] && !member && weight[place] >= enough(i)) owners[i] = paths.object(place);
        if (paths.parent(place) != ShortestPathTree::kNoPlace) weight[paths.parent(place)] += weight[place];
      }
    }
    return owners;
  }

  const Snapshot& s_;
  const GroupOptions& options_;
  const std::stop_token& stop_;
  const DominatorTree tree_;
  std::uint64_t live_ = 0, least_ = 1;
  Buffer<std::uint32_t> classOf_;
  std::vector<ClassWalk> classes_;
  std::vector<StackCounts> stacksOfClass_, stacksOfGroup_;
  std::vector<std::uint32_t> groupClass_;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> starts_;  // class, group; by level of the walk
  std::unordered_map<std::uint32_t, std::uint64_t> sums_;
  GroupTable table_;
};

}  // namespace

GroupTable computeGroups(const Snapshot& snapshot, const GroupOptions& options, const std::stop_token& stop) {
  return GroupFinder(snapshot, options, stop).run();
}

std::vector<std::vector<std::uint64_t>> computeKeptByClass(const Snapshot& snapshot, const GroupTable& table,
                                                           const std::vector<std::size_t>& groups,
                                                           const std::stop_token& stop) {
  std::vector<ObjectClass> classes;
  const Buffer<std::uint32_t> classOf = classesOf(snapshot, classes, stop);
  std::vector<std::vector<std::uint64_t>> kept(groups.size(), std::vector<std::uint64_t>(table.classes.size()));
  std::vector<std::uint32_t> inside(groups.size(), kNone);  // the outermost member that the walk is below
  const DominatorTree tree(snapshot);
  tree.walk(
      [&](std::uint32_t x, unsigned) {
        const std::uint32_t c = classOf[x];
        for (std::size_t g = 0; g < groups.size(); ++g) {
          const ObjectGroup& group = table.groups[groups[g]];
          if (inside[g] == kNone && c == group.classIndex &&
              (group.spread || snapshot.dominator(ObjectIndex(x)) == group.holder))
            inside[g] = x;
          if (inside[g] != kNone) kept[g][c] += snapshot.size(ObjectIndex(x)).value;
        }
        return !stop.stop_requested();
      },
      [&](std::uint32_t x) {
        for (std::uint32_t& member : inside)
          if (member == x) member = kNone;
      });
  if (stop.stop_requested()) return {};
  return kept;
}

std::optional<ObjectIndex> commonOwnerOf(const Snapshot& snapshot, TypeIndex type, SiteIndex site,
                                         const std::stop_token& stop) {
  const auto isMember = [&](ObjectIndex object) {
    return snapshot.type(object) == type && snapshot.site(object) == site;
  };
  std::uint64_t members = 0;
  for (std::uint32_t i = 0; i < snapshot.objectCount(); ++i)
    members += snapshot.reachable(ObjectIndex(i)) && isMember(ObjectIndex(i));
  const auto enough = static_cast<std::uint64_t>(kMostOf * static_cast<double>(members));
  std::optional<ObjectIndex> owner;
  std::vector<std::uint64_t> below{0};
  const DominatorTree tree(snapshot);
  tree.walk(
      [&](std::uint32_t x, unsigned) {
        below.push_back(isMember(ObjectIndex(x)));
        return !owner && !stop.stop_requested();
      },
      [&](std::uint32_t x) {
        const std::uint64_t count = below.back();
        below.pop_back();
        below.back() += count;
        if (!owner && count >= enough && count != 0 && !isMember(ObjectIndex(x))) owner = ObjectIndex(x);
      });
  return owner;
}

ObjectIndex ownerOf(const Snapshot& snapshot, ObjectIndex holder) {
  ObjectIndex at = holder;
  for (;;) {
    const TypeInfo& type = snapshot.types()[snapshot.type(at)];
    if (type.elementSize == 0 || !type.fields.empty()) return at;
    const auto above = snapshot.dominator(at);
    if (!above) return holder;
    at = *above;
  }
}

}  // namespace openclaw
