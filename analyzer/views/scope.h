// Which objects is the question about? A scope names types, allocation sites, arenas, ages and an owner; what it selects
// is computed once, and every view takes the selection and shows that part of the heap only.
//
//   OPENCLAW_TRY(const Scope scope, resolveScope(snapshot, {.types = {"Session"}, .ages = {"3-7"}}));
//   const ScopeSelection selection = computeScope(snapshot, scope);
//   computeHistogram(snapshot, stop, &selection);
//
// Parts of one kind are alternatives (this type or that one), kinds are conditions (such a type and such an age). What
// the process counts about itself (pauses, ledger, findings) has no objects to select from and stays whole.
// There is no part for stacks: only sampled objects carry one, so it would select a sample and look like a whole.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "analyzer/snapshot.h"

namespace openclaw {

enum class ScopeKind : std::uint8_t { kType, kSite, kArena, kAge, kRetainedBy };
const char* toText(ScopeKind kind);  // "type", "site", "arena", "age", "retained-by": as command lines call them

struct ScopePart {
  ScopeKind kind = ScopeKind::kType;
  std::uint32_t value = 0;    // index of the type, site, arena (row of Snapshot::arenas()) or object; the lowest age
  std::uint32_t highest = 0;  // ages: the highest, 7 = seven or more; 0 for the other kinds
  friend auto operator<=>(const ScopePart&, const ScopePart&) = default;

  static ScopePart type(TypeIndex type) { return {ScopeKind::kType, type.value, 0}; }
  static ScopePart site(SiteIndex site) { return {ScopeKind::kSite, site.value, 0}; }
  static ScopePart arena(std::uint32_t arena) { return {ScopeKind::kArena, arena, 0}; }
  static ScopePart ages(std::uint32_t lowest, std::uint32_t highest) { return {ScopeKind::kAge, lowest, highest}; }
  // The object and all that only it keeps alive: its subtree of dominators.
  static ScopePart retainedBy(ObjectIndex object) { return {ScopeKind::kRetainedBy, object.value, 0}; }
};

// A plain value; the parts stand in the order in which they were added. No part: the whole dump.
struct Scope {
  std::vector<ScopePart> parts;
  bool empty() const { return parts.empty(); }
  bool has(ScopeKind kind) const;
  friend bool operator==(const Scope&, const Scope&) = default;

  // With the part as a further alternative of its kind; of owners there is one at most, so that one is replaced.
  Scope with(const ScopePart& part) const;
  // With the part in place of all others of its kind.
  Scope only(const ScopePart& part) const;
  Scope without(const ScopePart& part) const;
};

// "type Session", "site store.cc:41 add", "arena main", "age 3 to 6", "age ≥ 5", "retained by Server 0x7f31c2004a80".
std::string labelOf(const Snapshot& snapshot, const ScopePart& part);
// All labels: alternatives with "or", conditions with ", "; "the whole dump" for none.
std::string labelOf(const Snapshot& snapshot, const Scope& scope);

// What a person writes. Names as reports print them.
struct ScopeWords {
  std::vector<std::string> types;   // a type's name, exactly
  std::vector<std::string> sites;   // "file:line", "dir/file:line", "file" or a function
  std::vector<std::string> arenas;  // a name, or a number
  std::vector<std::string> ages;    // "3", "2-5", "5+"
  std::string retainedBy;           // an address of the object or inside it
  bool empty() const { return types.empty() && sites.empty() && arenas.empty() && ages.empty() && retainedBy.empty(); }
};
// "type=Session", "age=2-5", "retained-by=0x7f31c2004a80" put where it belongs. kInvalidArgument names the kinds.
Result<void> addScopeWord(ScopeWords& words, const std::string& kindAndValue);
// kInvalidArgument when a word means nothing in this dump: the message says which names are near.
Result<Scope> resolveScope(const Snapshot& snapshot, const ScopeWords& words);

// What a scope selects. Threads: const from any number. Memory: a bit an object, and 4 bytes for each of `tops`.
struct ScopeSelection {
  Scope scope;
  std::vector<std::uint64_t> bits;  // by object
  std::uint64_t objects = 0, reachableObjects = 0;
  Bytes bytes, reachableBytes;  // shallow
  std::uint64_t allObjects = 0;  // of the dump, for shares
  Bytes allBytes;
  // Reachable objects of the scope that no other object of the scope dominates: by retained size descending, then index.
  std::vector<std::uint32_t> tops;
  // What would be freed if all objects of the scope were freed together; at least the sum over `tops`. A lower bound when
  // parts of the dump are missing.
  Bytes retained;
  Certainty retainedCertainty = Certainty::kExact;
  // Allocated and freed bytes are counted by site and stack alone: true when only sites are conditions, so that they are
  // known for this scope. (A kind that lists all there is, as all ages, is no condition.)
  bool churnKnown = true;
  // Dead, unswept objects are counted by type alone: true when only types are conditions.
  bool deadKnown = true;

  bool contains(ObjectIndex object) const { return (bits[object.value >> 6] >> (object.value & 63) & 1) != 0; }
  bool hasSite(SiteIndex site) const;  // false when sites are named and this is none of them
  bool hasType(TypeIndex type) const;
};
// Whether a view counts the object: without a selection it counts all.
inline bool inScope(const ScopeSelection* scope, ObjectIndex object) { return scope == nullptr || scope->contains(object); }

// Cost: O(objects + slots): one pass over the objects, one walk of the dominator tree and one search from the roots
// around the selection. A part with an owner needs a snapshot with dominators. Selects nothing when stopped.
ScopeSelection computeScope(const Snapshot& snapshot, const Scope& scope, std::stop_token stop = {});

// Row of Snapshot::arenas() in whose regions the object lies; none for imports. Cost: O(log regions).
std::optional<std::uint32_t> arenaOf(const Snapshot& snapshot, ObjectIndex object);

}  // namespace openclaw
