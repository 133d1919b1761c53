// Which groups of objects are large enough to be somebody's leak? As Eclipse MAT looks for accumulation points, but
// in two ways at once, so that neither a container nor a scattered kind of object is missed:
//
//   one holder   objects of one type and site that hang below one object in the dominator tree: the members of an
//                array, a map, a list. A chain or tree of like objects counts as one group however deep it is
//                (MAT's drop ratio is ~1 at every step of a list), below whoever holds its outermost object.
//   no holder    all objects of one type and site together, when no single holder has most of them: listeners spread
//                over many topics, messages over many sessions. Their owner is the deepest object that dominates
//                kMostOf of them, however many arrays lie between; where the roots part them, the deepest one that
//                kMostOf of the shortest paths use.
//
//   const GroupTable table = computeGroups(snapshot, {.leastShare = 0.01});
//   for (const ObjectGroup& group : table.groups) judge(group);
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

#include "analyzer/snapshot.h"

namespace openclaw {

struct GroupOptions {
  double leastShare = 0.01;         // of the live bytes: smaller groups are left out
  std::uint64_t fewestMembers = 8;  // fewer objects are no accumulation
};

struct ObjectGroup {
  TypeIndex type;
  SiteIndex site;
  // Whose dominated objects the outermost members are; none: parted by the roots, or `spread`.
  std::optional<ObjectIndex> holder;
  bool spread = false;           // all of the type and site, without one holder for most of them
  std::uint64_t members = 0;     // nested ones included
  std::uint64_t outermost = 0;   // not below another member
  std::uint64_t holders = 1;     // `spread`: objects that hold an outermost member directly
  std::optional<std::uint32_t> holdersClass;  // the class of kMostOf of these, into GroupTable::classes
  std::uint64_t olderThanHolder = 0;  // outermost members that have survived more collections than what holds them
  Bytes shallow, retained;       // retained: of the outermost ones, which is what the group keeps
  // What the bare arrays that directly hold outermost members keep: these, the arrays, and what else hangs in them, as
  // keys do beside values. 0: no array holds them.
  Bytes storage;
  std::array<std::uint64_t, 8> byAge{};  // members
  std::vector<std::pair<StackIndex, std::uint64_t>> stacks;  // sampled ones among the members, most first, at most 3
  ObjectIndex largest;           // the outermost member that retains most
  std::uint32_t classIndex = 0;  // into GroupTable::classes: all objects of the type and site
};

// All objects of one type and site, wherever they hang.
struct ObjectClass {
  TypeIndex type;
  SiteIndex site;
  std::uint64_t reachable = 0;    // objects
  std::uint64_t unreachable = 0;  // objects: garbage since the last collection
  Bytes shallow;                  // of the reachable ones
  std::array<std::uint64_t, 8> byAge{};  // reachable ones
};

struct GroupTable {
  Bytes live;                       // all reachable bytes
  std::vector<ObjectGroup> groups;  // by retained size descending; a spread group after the holders' groups it contains
  std::vector<ObjectClass> classes;
  std::vector<std::uint64_t> reachableByType;  // objects
};

// A group's owner is the deepest object through which this share of it is kept.
inline constexpr double kMostOf = 0.8;

// For each of these groups of a table: the bytes of all that its members keep, members included, by class. Cost:
// O(objects × groups that lie inside each other), and groups × classes. Empty when stopped.
std::vector<std::vector<std::uint64_t>> computeKeptByClass(const Snapshot& snapshot, const GroupTable& table,
                                                           const std::vector<std::size_t>& groups,
                                                           const std::stop_token& stop = {});

// The holder of a spread group is the object that dominates kMostOf of it; where the roots part them, none (see
// ownersByPaths). Cost: O(objects), two walks of the dominator tree; 8 bytes an object. Empty when stopped.
GroupTable computeGroups(const Snapshot& snapshot, const GroupOptions& options, const std::stop_token& stop = {});

// For each of these groups the deepest object that is none of them and that the shortest paths to kMostOf of all of its
// type and site lead over: who holds what the roots part. Cost: O(objects + references), so ask only for what is worth
// telling. None of them when stopped.
std::vector<std::optional<ObjectIndex>> ownersByPaths(const Snapshot& snapshot, const GroupTable& table,
                                                      const std::vector<std::size_t>& groups,
                                                      const std::stop_token& stop = {});

// The deepest object that dominates kMostOf of the reachable objects of a type and site, and is none of them; none: only
// the roots do. Cost: O(objects).
std::optional<ObjectIndex> commonOwnerOf(const Snapshot& snapshot, TypeIndex type, SiteIndex site,
                                         const std::stop_token& stop = {});

// Where a group is held, for people: the holder, and the nearest object above it (or itself) that is more than a bare
// array. Container storage is an array without fields of its own; what declares it is what somebody wrote.
ObjectIndex ownerOf(const Snapshot& snapshot, ObjectIndex holder);
bool isBareArray(const TypeInfo& type);

}  // namespace openclaw
