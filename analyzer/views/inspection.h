// Everything a dump knows about one object, found by any address inside it: what it is, who made it, what it
// points to, who points to it, and what keeps it alive.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analyzer/graph/paths.h"
#include "analyzer/snapshot.h"

namespace openclaw {

struct SlotRow {
  std::uint32_t slot = 0;
  std::string label;
  Strength strength = Strength::kStrong;
  std::optional<ObjectIndex> target;  // none: null
};
struct ReferrerRow {
  ObjectIndex object;
  std::uint32_t slot = 0;
  std::string label;
  Strength strength = Strength::kStrong;
};

struct Inspection {
  ObjectIndex object;
  std::uint64_t offset = 0;    // of the asked address inside it
  std::vector<SlotRow> slots;  // the first `limit`, null ones included
  std::uint64_t slotsTotal = 0;
  std::vector<ReferrerRow> referrers;  // the first `limit`
  std::uint64_t referrersTotal = 0;
  std::vector<RootInfo> roots;          // that hold it
  std::vector<ObjectIndex> dominators;  // from its immediate one up to below the roots, the first `limit`
  std::uint64_t dominatorsTotal = 0;
  std::vector<PathStep> path;         // from a root; empty: unreachable
  std::optional<RegionIndex> region;  // that it lies in
};

// kInvalidArgument when no object covers the address: the message names the nearest ones.
Result<Inspection> inspectObject(const Snapshot& snapshot, Address address, std::size_t limit,
                                 std::stop_token stop = {});

}  // namespace openclaw
