// Who keeps all objects of a type or site alive: their shortest paths from the roots laid on each other, so
// that ten thousand equal chains read as one.
//
//   const MergedPaths merged = computeMergedPaths(snapshot, [&](ObjectIndex o) { return snapshot.type(o) == t; }, {});
//
// Objects stand in one row when their parents do, and they have the same type and hang in the same field (all
// elements of an array are one field, "[*]"). What hangs in its like, as in a linked list or a tree, stays in
// the row of the like and is counted there, so a list of a million nodes is one row.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "analyzer/snapshot.h"

namespace openclaw {

struct MergedPathsOptions {
  unsigned depth = 16;         // rows below each other at most
  std::size_t top = 5;         // rows shown below each
  double minimumShare = 0.01;  // of the members; places that fewer are reached through are left out
};

struct MergedPathRow {
  unsigned depth = 0;                 // 0: held by a root
  std::string label;                  // the field that leads here, "[*]" for elements; depth 0: which root
  TypeIndex type;                     // none: what `top`, `depth` and `minimumShare` left out below the row before
  std::uint64_t objects = 0;          // that stand here
  std::optional<ObjectIndex> single;  // the object when there is one
  std::uint32_t levels = 1;           // objects on the longest chain inside the row
  std::uint64_t members = 0;          // asked objects in the row and below it
  Bytes memberBytes;                  // their shallow size
  std::uint64_t membersHere = 0;      // in the row itself
};

struct MergedPaths {
  std::uint64_t members = 0;      // reachable ones
  std::uint64_t unreachable = 0;  // asked objects that no root reaches
  Bytes memberBytes;
  std::vector<MergedPathRow> rows;  // parents before children, children by members descending
};

// Cost: O(objects + slots); 24 bytes an object. Empty when stopped.
MergedPaths computeMergedPaths(const Snapshot& snapshot, const std::function<bool(ObjectIndex)>& isMember,
                               const MergedPathsOptions& options, std::stop_token stop = {});

}  // namespace openclaw
