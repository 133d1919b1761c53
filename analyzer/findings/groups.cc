#include "analyzer/findings/groups.h"

#include <algorithm>
#include <unordered_map>

#include "analyzer/buffer.h"
#include "analyzer/graph/dominator_tree.h"
#include "analyzer/graph/shortest_path_tree.h"

namespace openclaw {
namespace {

constexpr std::uint32_t kNone = 0xffff'ffffu;
constexpr std::size_t kMostSpread = 48;  // groups without holder that are followed to an owner

constexpr std::size_t kMostHoldersClasses = 16;  // more kinds of holders, and none is the usual one
constexpr std::size_t kDenseIds = 1 << 22;       // types × sites up to this are looked up in an array

using StackCounts = std::unordered_map<std::uint32_t, std::uint64_t>;

// What the walk knows of a class.
struct ClassWalk {
  std::uint32_t openedBy = kNone;  // the outermost member that the walk is below
  std::uint32_t group = kNone;     // the open group of this class at the place where the walk stands
  std::uint32_t lastHolder = kNone;
  ObjectIndex largest;
  std::uint64_t outermost = 0, retained = 0, largestRetained = 0;
  std::uint64_t holders = 0, olderThanHolder = 0, storage = 0;
  std::uint64_t sum = 0;  // of the children that open() looks at
  std::vector<std::pair<std::uint32_t, std::uint64_t>> holdersClasses;  // outermost members held by objects of each
};

// What the walk asks of every object, in one word: class, whether it was sampled with a stack, age.
struct ObjectWord {
  static constexpr unsigned kClassShift = 4;
  static constexpr std::uint32_t kHasStack = 8, kAge = 7;
  std::uint32_t word = 0;
  std::uint32_t classIndex() const { return word >> kClassShift; }
  std::uint8_t age() const { return static_cast<std::uint8_t>(word & kAge); }
  bool hasStack() const { return (word & kHasStack) != 0; }
};

// The class of every object, numbered as they are met.
Buffer<std::uint32_t> classesOf(const Snapshot& s, std::vector<ObjectClass>& classes, const std::stop_token& stop) {
  Buffer<std::uint32_t> classOf(s.objectCount());
  const std::size_t types = s.types().size();
  const bool dense = types != 0 && s.sites().size() <= kDenseIds / types;
  std::vector<std::uint32_t> idAt(dense ? types * s.sites().size() : 0, kNone);
  std::unordered_map<std::uint64_t, std::uint32_t> ids;
  for (std::uint32_t i = 0; i < s.objectCount(); ++i) {
    if ((i & 0xffff) == 0 && stop.stop_requested()) break;
    const ObjectIndex object(i);
    const TypeIndex type = s.type(object);
    const SiteIndex site = s.site(object);
    std::uint32_t& id = dense ? idAt[site.value * types + type.value]
                              : ids.try_emplace(std::uint64_t{site.value} << 32 | type.value, kNone).first->second;
    if (id == kNone) {
      id = static_cast<std::uint32_t>(classes.size());
      classes.emplace_back();
      classes.back().type = type;
      classes.back().site = site;
    }
    classOf[i] = id;
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
    if (stop_.stop_requested()) return {};
    return std::move(table_);
  }

 private:
  bool classify() {
    words_ = classesOf(s_, table_.classes, stop_);
    if (stop_.stop_requested()) return false;
    classes_.resize(table_.classes.size());
    smallest_.assign(classes_.size(), ~0ull);
    bareArrays_.resize(classes_.size());
    for (std::size_t c = 0; c < classes_.size(); ++c) bareArrays_[c] = isBareArray(s_.types()[table_.classes[c].type]);
    for (std::uint32_t i = 0; i < s_.objectCount(); ++i) {
      const ObjectIndex object(i);
      const std::uint32_t id = words_[i];
      ObjectClass& c = table_.classes[id];
      const std::uint8_t age = s_.age(object);
      words_[i] = id << ObjectWord::kClassShift | (s_.stack(object) ? ObjectWord::kHasStack : 0) | age;
      if (!s_.reachable(object)) {
        ++c.unreachable;
        continue;
      }
      const Bytes size = s_.size(object);
      ++c.reachable;
      ++c.byAge[age];
      c.shallow += size;
      smallest_[id] = std::min(smallest_[id], size.value);
    }
    for (const ObjectClass& c : table_.classes) table_.reachableByType[c.type.value] += c.reachable;
    return true;
  }

  ObjectWord word(std::uint32_t object) const { return {words_[object]}; }

  // Groups begin at the children of one object: all of one class together must keep enough.
  void open(std::uint32_t parent, std::span<const std::uint32_t> children) {
    if (children.size() == 1 && s_.retained(ObjectIndex(children[0])).value < least_) return;
    seen_.clear();
    for (const std::uint32_t child : children) {
      const std::uint32_t id = word(child).classIndex();
      ClassWalk& c = classes_[id];
      if (c.group != kNone) continue;
      if (c.sum == 0) seen_.push_back(id);
      c.sum += s_.retained(ObjectIndex(child)).value;
    }
    for (const std::uint32_t id : seen_) {
      ClassWalk& c = classes_[id];
      const std::uint64_t sum = c.sum;
      c.sum = 0;
      if (sum < least_) continue;
      starts_.push_back({id, static_cast<std::uint32_t>(table_.groups.size())});
      ObjectGroup group;
      group.type = table_.classes[id].type;
      group.site = table_.classes[id].site;
      group.classIndex = id;
      if (parent != kNone) {
        group.holder = ObjectIndex(parent);
        group.holdersClass = word(parent).classIndex();
        if (bareArrays_[*group.holdersClass]) group.storage = s_.retained(*group.holder);
      }
      table_.groups.push_back(std::move(group));
      stacksOfGroup_.emplace_back();
    }
  }

  // The group that a child of the innermost open object starts, or kNone.
  std::uint32_t startOf(std::uint32_t c, std::size_t from) const {
    for (std::size_t i = from; i < starts_.size(); ++i)
      if (starts_[i].first == c) return starts_[i].second;
    return kNone;
  }

  // An outermost member: it is held by another kind of object.
  void countOutermost(ClassWalk& c, std::uint32_t x, std::uint32_t holder, std::uint64_t retained, std::uint8_t age) {
    ++c.outermost;
    c.retained += retained;
    if (!c.largest || retained > c.largestRetained) {
      c.largest = ObjectIndex(x);
      c.largestRetained = retained;
    }
    const bool isNew = holder != c.lastHolder;
    if (isNew || c.outermost == 1) {
      ++c.holders;
      c.lastHolder = holder;
    }
    if (holder == kNone) return;
    const ObjectWord above = word(holder);
    const std::uint32_t aboveClass = above.classIndex();
    c.olderThanHolder += age > above.age();
    if (isNew && bareArrays_[aboveClass]) c.storage += s_.retained(ObjectIndex(holder)).value;
    const auto place = std::find_if(c.holdersClasses.begin(), c.holdersClasses.end(),
                                    [&](const auto& entry) { return entry.first == aboveClass; });
    if (place != c.holdersClasses.end())
      ++place->second;
    else if (c.holdersClasses.size() < kMostHoldersClasses)
      c.holdersClasses.emplace_back(aboveClass, 1);
  }

  void walk() {
    // Levels of the walk whose children start groups: where their rows in starts_ begin. Small objects never do, and
    // what is below a small object is small, so only a prefix of the path has a level.
    std::vector<std::size_t> levels{0};
    std::vector<std::uint32_t> path(1);
    std::size_t at = 0;  // depth of the object that is left next
    open(kNone, tree_.top());
    std::uint32_t steps = 0;
    tree_.walk(
        [&](std::uint32_t x, unsigned depth) {
          at = depth;
          if ((++steps & 0xffff) == 0 && stop_.stop_requested()) return false;
          if (path.size() <= depth) path.resize(2 * std::size_t{depth} + 1);
          path[depth] = x;
          const ObjectIndex object(x);
          const ObjectWord own = word(x);
          ClassWalk& c = classes_[own.classIndex()];
          const bool mayBeLarge = depth < levels.size();
          const bool isOutermost = c.openedBy == kNone;
          const std::uint64_t retained = mayBeLarge || isOutermost ? s_.retained(object).value : 0;
          if (isOutermost) {
            c.openedBy = x;
            const std::uint32_t holder = depth == 0 ? kNone : path[depth - 1];
            countOutermost(c, x, holder, retained, own.age());
            if (mayBeLarge) c.group = startOf(own.classIndex(), levels[depth]);
            if (c.group != kNone) {
              ObjectGroup& group = table_.groups[c.group];
              ++group.outermost;
              group.retained += Bytes(retained);
              group.olderThanHolder += holder != kNone && own.age() > word(holder).age();
              if (!group.largest) group.largest = object;  // children come by retained size
            }
          }
          if (c.group != kNone) {
            ObjectGroup& group = table_.groups[c.group];
            ++group.members;
            ++group.byAge[own.age()];
            group.shallow += s_.size(object);
            if (own.hasStack()) ++stacksOfGroup_[c.group][s_.stack(object)->value];
          }
          if (mayBeLarge && retained >= least_) {
            levels.push_back(starts_.size());
            open(x, tree_.children(x));
          }
          return true;
        },
        [&](std::uint32_t x) {
          ClassWalk& c = classes_[word(x).classIndex()];
          if (c.openedBy == x) {
            c.openedBy = kNone;
            c.group = kNone;
          }
          if (levels.size() == at + 2) {
            starts_.resize(levels.back());
            levels.pop_back();
          }
          if (at != 0) --at;
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
      std::uint64_t& largest = largestGroup[table_.groups[g].classIndex];
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
    std::vector<std::uint8_t> slotOf(classes_.size(), kNoSlot);
    for (std::size_t i = 0; i < spread.size(); ++i) slotOf[spread[i]] = static_cast<std::uint8_t>(i);
    const std::vector<std::optional<ObjectIndex>> owners = commonOwners(spread, slotOf);
    const std::vector<StackCounts> stacks = stacksOf(spread, slotOf);
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
      group.olderThanHolder = walked.olderThanHolder;
      group.storage = Bytes(walked.storage);
      for (const auto& [above, count] : walked.holdersClasses)
        if (static_cast<double>(count) >= kMostOf * static_cast<double>(walked.outermost)) group.holdersClass = above;
      group.shallow = c.shallow;
      group.retained = Bytes(walked.retained);
      group.byAge = c.byAge;
      group.stacks = mostOf(stacks[i]);
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

  std::vector<StackCounts> stacksOf(const std::vector<std::uint32_t>& spread,
                                    const std::vector<std::uint8_t>& slotOf) const {
    std::vector<StackCounts> stacks(spread.size());
    if (spread.empty()) return stacks;
    for (std::uint32_t i = 0; i < s_.objectCount(); ++i) {
      const ObjectWord own = word(i);
      if (!own.hasStack() || slotOf[own.classIndex()] == kNoSlot || !s_.reachable(ObjectIndex(i))) continue;
      ++stacks[slotOf[own.classIndex()]][s_.stack(ObjectIndex(i))->value];
    }
    return stacks;
  }

  // For each class the deepest object that dominates kMostOf of its members and is none of them.
  std::vector<std::optional<ObjectIndex>> commonOwners(const std::vector<std::uint32_t>& spread,
                                                       const std::vector<std::uint8_t>& slotOf) {
    const std::size_t slots = spread.size();
    std::vector<std::optional<ObjectIndex>> owners(slots);
    if (slots == 0) return owners;
    std::vector<std::uint64_t> enough(slots);
    // Who dominates so many members retains at least what so many of the smallest take: smaller objects need no counts
    // of their own, and what is below them is smaller still.
    std::uint64_t leastOwner = ~0ull;
    for (std::size_t i = 0; i < slots; ++i) {
      enough[i] = static_cast<std::uint64_t>(kMostOf * static_cast<double>(table_.classes[spread[i]].reachable));
      leastOwner = std::min(leastOwner, enough[i] * smallest_[spread[i]]);
    }
    // Members below each object on the path that has counts, `slots` numbers each, the roots' first. They are added to
    // the parent's when one is left: the first to have enough is the deepest.
    std::vector<std::uint32_t> below(slots);
    std::size_t counted = 1, at = 0, missing = slots;
    std::vector<bool> found(slots);
    tree_.walk(
        [&](std::uint32_t x, unsigned depth) {
          at = depth;
          if (depth + 1 == counted && s_.retained(ObjectIndex(x)).value >= leastOwner) {
            below.resize(++counted * slots);
            std::fill(below.end() - static_cast<std::ptrdiff_t>(slots), below.end(), 0u);
          }
          if (const std::uint8_t slot = slotOf[word(x).classIndex()]; slot != kNoSlot) ++below[(counted - 1) * slots + slot];
          return missing != 0 && !stop_.stop_requested();
        },
        [&](std::uint32_t x) {
          if (counted == at + 2) {
            const std::uint32_t* const own = &below[(counted - 1) * slots];
            std::uint32_t* const parents = &below[(counted - 2) * slots];
            const std::uint8_t ownSlot = slotOf[word(x).classIndex()];
            for (std::size_t i = 0; i < slots; ++i) {
              parents[i] += own[i];
              if (found[i] || own[i] < enough[i] || ownSlot == i) continue;
              found[i] = true;
              --missing;
              owners[i] = ObjectIndex(x);
            }
            --counted;
          }
          if (at != 0) --at;
        });
    return owners;
  }

  static constexpr std::uint8_t kNoSlot = 0xff;

  const Snapshot& s_;
  const GroupOptions& options_;
  const std::stop_token& stop_;
  const DominatorTree tree_;
  std::uint64_t live_ = 0, least_ = 1;
  Buffer<std::uint32_t> words_;  // ObjectWord
  std::vector<ClassWalk> classes_;
  std::vector<std::uint64_t> smallest_;  // by class: the smallest reachable member
  std::vector<std::uint8_t> bareArrays_;  // by class
  std::vector<StackCounts> stacksOfGroup_;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> starts_;  // class, group; by level of the walk
  std::vector<std::uint32_t> seen_;
  GroupTable table_;
};

}  // namespace

GroupTable computeGroups(const Snapshot& snapshot, const GroupOptions& options, const std::stop_token& stop) {
  return GroupFinder(snapshot, options, stop).run();
}

std::vector<std::vector<std::uint64_t>> computeKeptByClass(const Snapshot& snapshot, const GroupTable& table,
                                                           const std::vector<std::size_t>& groups,
                                                           const std::stop_token& stop) {
  std::vector<std::vector<std::uint64_t>> kept(groups.size(), std::vector<std::uint64_t>(table.classes.size()));
  if (groups.empty()) return kept;
  std::vector<ObjectClass> classes;
  const Buffer<std::uint32_t> classOf = classesOf(snapshot, classes, stop);
  if (stop.stop_requested()) return {};
  std::vector<std::vector<std::uint32_t>> groupsOfClass(table.classes.size());
  for (std::size_t g = 0; g < groups.size(); ++g)
    groupsOfClass[table.groups[groups[g]].classIndex].push_back(static_cast<std::uint32_t>(g));
  std::vector<std::uint32_t> inside(groups.size(), kNone);  // the outermost member that the walk is below
  std::vector<std::uint32_t> open;                          // groups inside of which the walk is, outermost first
  std::uint32_t steps = 0;
  const DominatorTree tree(snapshot);
  tree.walk(
      [&](std::uint32_t x, unsigned) {
        const std::uint32_t c = classOf[x];
        for (const std::uint32_t g : groupsOfClass[c]) {
          const ObjectGroup& group = table.groups[groups[g]];
          if (inside[g] != kNone || (!group.spread && snapshot.dominator(ObjectIndex(x)) != group.holder)) continue;
          inside[g] = x;
          open.push_back(g);
        }
        if (!open.empty()) {
          const std::uint64_t size = snapshot.size(ObjectIndex(x)).value;
          for (const std::uint32_t g : open) kept[g][c] += size;
        }
        return (++steps & 0xffff) != 0 || !stop.stop_requested();
      },
      [&](std::uint32_t x) {
        while (!open.empty() && inside[open.back()] == x) {
          inside[open.back()] = kNone;
          open.pop_back();
        }
      });
  if (stop.stop_requested()) return {};
  return kept;
}

std::vector<std::optional<ObjectIndex>> ownersByPaths(const Snapshot& s, const GroupTable& table,
                                                      const std::vector<std::size_t>& groups,
                                                      const std::stop_token& stop) {
  std::vector<std::optional<ObjectIndex>> owners(groups.size());
  if (groups.empty()) return owners;
  const ShortestPathTree paths(s, stop);
  Buffer<std::uint32_t> weight(paths.size());
  Buffer<std::uint8_t> isMember(paths.size());
  for (std::size_t i = 0; i < groups.size() && !stop.stop_requested(); ++i) {
    const ObjectGroup& group = table.groups[groups[i]];
    for (std::uint32_t place = 0; place < paths.size(); ++place) {
      const ObjectIndex object = paths.object(place);
      isMember[place] = s.type(object) == group.type && s.site(object) == group.site;
      weight[place] = isMember[place];
    }
    const auto enough = static_cast<std::uint64_t>(kMostOf * static_cast<double>(table.classes[group.classIndex].reachable));
    for (std::uint32_t place = paths.size(); place-- > 0;) {
      // Breadth-first order backwards: children first, so the first with enough is among the deepest.
      if (isMember[place] == 0 && weight[place] >= enough) {
        owners[i] = paths.object(place);
        break;
      }
      if (paths.parent(place) != ShortestPathTree::kNoPlace) weight[paths.parent(place)] += weight[place];
    }
  }
  return owners;
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

bool isBareArray(const TypeInfo& type) { return type.elementSize != 0 && type.fields.empty(); }

ObjectIndex ownerOf(const Snapshot& snapshot, ObjectIndex holder) {
  ObjectIndex at = holder;
  for (;;) {
    if (!isBareArray(snapshot.types()[snapshot.type(at)])) return at;
    const auto above = snapshot.dominator(at);
    if (!above) return holder;
    at = *above;
  }
}

}  // namespace openclaw
