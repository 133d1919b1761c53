// The dominator tree as rows to show: who retains how much, top down, cut where it gets small.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <vector>

#include "analyzer/snapshot.h"
#include "analyzer/views/scope.h"

namespace openclaw {

struct DominatorViewOptions {
  unsigned depth = 3;       // levels below the roots
  std::size_t top = 10;     // children shown of each
  double minimumShare = 0;  // of the total; smaller ones are left out
  bool byType = false;      // children of one type stand together as one row
};

struct DominatorViewRow {
  unsigned depth = 0;
  std::optional<ObjectIndex> object;  // none: a group, or the rest of what was cut
  std::optional<TypeIndex> type;      // none: the rest
  std::uint64_t objects = 1;          // in the row itself
  Bytes shallow, retained;
  double share = 0;             // of the total
  std::uint64_t dominated = 0;  // direct children
};

struct DominatorView {
  Bytes total;  // all reachable bytes; of a scope: what its `tops` retain
  std::vector<DominatorViewRow>
      rows;  // parents before children; a row without type after the last child shown: the rest
  const ScopeSelection* scope = nullptr;  // of which it is
};

// Empty rows when stopped or when the snapshot was loaded without dominators. Of a scope: the first level are its objects
// that no other of its objects dominates; below them stands all that they keep alive, in the scope or not.
DominatorView computeDominatorView(const Snapshot& snapshot, const DominatorViewOptions& options,
                                   std::stop_token stop = {}, const ScopeSelection* scope = nullptr);

}  // namespace openclaw
