// Who keeps an object alive, as chains of references from a root: the shortest, and others that differ from it
// as much as the heap allows. Only edges that keep alive are followed, so a weak or cache edge is never shown
// where a strong one holds.
//
//   for (const DifferentPath& path : findDifferentPaths(snapshot, object, 3).paths) show(path.steps);
#pragma once

#include <cstddef>
#include <optional>
#include <stop_token>
#include <vector>

#include "analyzer/snapshot.h"

namespace openclaw {

struct PathStep {
  ObjectIndex object;
  std::uint32_t slot = 0;  // of the object before, that leads here; unused for the first
};

// From an object that a root holds to `object` itself. Empty: nothing keeps it alive (or stopped). The same
// dump gives the same one of equally short paths. Cost: searched from both ends, so about what lies within half
// the path's length of either; 8 bytes an object of the dump, of which only what is reached gets touched.
std::vector<PathStep> findPathToRoot(const Snapshot& snapshot, ObjectIndex object, std::stop_token stop = {});

struct DifferentPath {
  std::vector<PathStep> steps;
  // Inner objects (neither the one a root holds nor the asked one) that paths before this one have as well.
  std::size_t sharedInner = 0;
};
struct DifferentPaths {
  std::vector<DifferentPath> paths;
  // True: finding the best path after the first ones would have taken too long. The last ones are then the best that were found:
  // others may share less with those before, and there may be more paths.
  bool gaveUp = false;
};

// The shortest path, then again and again the one that shares the fewest inner objects with all before it;
// among those one from another root object, then the shortest. A path ends at the first root-held object it
// meets; when a root holds `object` itself, that is the first path and the others come through its referrers.
// Fewer than `count` when there are no more, empty when nothing keeps it alive (or stopped).
// Cost: a few searches as above; where no path is without avoidable sharing, searches from both ends for each place where it may
// leave the paths before. Each path follows at most four million references (see gaveUp), about half a second.
DifferentPaths findDifferentPaths(const Snapshot& snapshot, ObjectIndex object, std::size_t count,
                                  std::stop_token stop = {});

// The first slot of `source` that keeps `target` alive. Cost: O(1) to O(slots).
std::optional<std::uint32_t> slotThatKeeps(const Snapshot& snapshot, ObjectIndex source, ObjectIndex target);

}  // namespace openclaw
