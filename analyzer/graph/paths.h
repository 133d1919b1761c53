// Who keeps an object alive, as one chain from a root: the shortest over edges that keep alive.
#pragma once

#include <optional>
#include <stop_token>
#include <vector>

#include "analyzer/snapshot.h"

namespace openclaw {

struct PathStep {
  ObjectIndex object;
  std::uint32_t slot = 0;  // of the object before, that leads here; unused for the first
};

// From an object that a root holds to `object` itself. Empty: nothing keeps it alive (or stopped). Among
// equally short paths the one through lower indexes, so that the same dump gives the same path. Cost: O(what
// lies within the path's length of the object); 4 bytes an object of the dump.
std::vector<PathStep> findPathToRoot(const Snapshot& snapshot, ObjectIndex object, std::stop_token stop = {});

}  // namespace openclaw
