// How old the objects are: a row for each age from 0 to 7, where 7 is "seven collections or more".
#pragma once

#include <array>
#include <cstdint>

#include "analyzer/snapshot.h"
#include "analyzer/views/scope.h"

namespace openclaw {

struct AgeRow {
  std::uint64_t objects = 0;
  Bytes shallow;
};
// Reachable objects only; what no root reaches has no age worth showing. Cost: O(objects).
std::array<AgeRow, 8> computeAges(const Snapshot& snapshot, const ScopeSelection* scope = nullptr);

}  // namespace openclaw
