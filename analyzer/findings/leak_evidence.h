// Does a group of objects look like a leak? What one dump can say about it, as separate facts, and the judgement they
// give together. README.md of this folder has the reasoning and what each fact is worth.
//
//   const GroupTable table = computeGroups(snapshot, {});
//   for (const LeakCandidate& c : judgeGroups(snapshot, table)) show(table.groups[c.group], c.verdict, c.evidence);
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "analyzer/findings/declared_bounds.h"
#include "analyzer/findings/groups.h"
#include "analyzer/snapshot.h"

namespace openclaw {

enum class LeakVerdict {
  kLeak,       // grows, and nothing of it goes
  kSuspected,  // grows, but some go, or it slows down, or it is built so that it could let go: a note
  kTurnsOver,  // grows and shrinks: members come and go
  kStands,     // nothing was added lately: loaded once, or full
  kBounded,    // grows below an object that declares a bound, and is within it
  kUnknown,    // too few collections or members to tell
  kPartOf,     // belongs to a candidate that retains more
};
const char* toText(LeakVerdict verdict);  // "leak", "suspected", "turnsOver", "stands", "bounded", "unknown", "partOf"

struct LeakEvidence {
  // Age profile. `recent`: members allocated in the intervals between the newest collections (ages 0..6).
  std::uint64_t recent = 0;
  unsigned intervals = 0, intervalsWithMembers = 0;  // recorded ones of ages 1..6
  double perCollection = 0;                          // members added between two collections, on average
  Bytes bytesPerCollection;                          // and what they keep
  // Members over what the recent rate would have given since the process began, per allocated byte. 1: added steadily
  // for all of its life and never removed; 0.2: four of five are gone; none: nothing recent.
  std::optional<double> keptOfSteadyRate;

  // Flow in the newest interval that shows both sides, of all objects of the type and site.
  std::uint64_t came = 0, went = 0;
  bool flowKnown = false;

  // Sampled: of the bytes allocated at the sites that this group has for itself, those that are freed.
  Bytes keptBytes, freedBytes;
  bool freedKnown = false;  // enough samples would have been there to see frees
  std::optional<double> survival() const;

  bool someGo = false;   // few, but more than a leak lets go
  bool slowing = false;  // the newest members are fewer than a steady rate would give

  // Structure that lets go of members or bounds them.
  bool ordered = false;                     // members are chained besides hanging in a table: an order of use or of age
  std::optional<BoundUse> declared;         // the bound that the nearest owner declares, and how much of it is used
  std::optional<std::uint64_t> boundSlots;  // the table has so many fixed places, filled here and there, one each
};

struct LeakCandidate {
  std::size_t group = 0;               // into GroupTable::groups
  LeakVerdict verdict = LeakVerdict::kUnknown;
  LeakEvidence evidence;
  std::optional<ObjectIndex> holder;   // the group's, or for what the roots part the one of most shortest paths
  Bytes keeps;                         // by the owner for this group: members, what grows beside them, their tables
  std::vector<std::size_t> beside;     // groups of the same owner that grow with it: keys beside values
  std::optional<std::size_t> tables;   // the group of arrays that hold the members and only move as these grow
  std::optional<std::size_t> partOf;   // candidate (its position) that this one belongs to
  double confidence = 0;               // that it is a leak, 0..1
};

// The groups of a table judged, leaks first, then by retained size. Cost: O(objects).
std::vector<LeakCandidate> judgeGroups(const Snapshot& snapshot, const GroupTable& table,
                                       const std::stop_token& stop = {});

}  // namespace openclaw
