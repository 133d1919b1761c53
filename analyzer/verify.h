// Every invariant of a snapshot, by name: run inside tests and by `heap-analyzer validate`.
//
//   for (const BrokenInvariant& broken : verify(snapshot)) print(broken.name, broken.detail);
#pragma once

#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/snapshot.h"

namespace openclaw {

struct BrokenInvariant {
  std::string name;    // one of verifiedInvariants()
  std::string detail;  // the first place where it is broken, and how often in all
  std::uint64_t times = 0;
};

// Empty: all hold. A stop ends it early with what was found so far. Cost: a few passes over objects and
// edges, 16 bytes an object while it runs.
std::vector<BrokenInvariant> verify(const Snapshot& snapshot, std::stop_token stop = {});
// The names, in the order in which they are checked.
std::vector<std::string_view> verifiedInvariants();

}  // namespace openclaw
