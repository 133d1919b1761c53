// Which types hold the memory: objects, shallow and retained bytes per type.
#pragma once

#include <stop_token>
#include <vector>

#include "analyzer/snapshot.h"
#include "analyzer/views/scope.h"

namespace openclaw {

struct HistogramRow {
  TypeIndex type;
  std::uint64_t objects = 0;
  Bytes shallow;
  Bytes retained;  // of the objects of this type not dominated by another of the same type
  Certainty retainedCertainty =
      Certainty::kLowerBound;            // what several of them keep alive together is not in it
  std::uint64_t unreachableObjects = 0;  // of `objects`
  double medianAge = 0;
};
// By shallow bytes descending, then name. Rows without objects are left out. Of a scope: only its objects are counted,
// and a retained size is what freeing them would free, in the scope or not. Cost: O(objects). Empty when stopped.
std::vector<HistogramRow> computeHistogram(const Snapshot& snapshot, std::stop_token stop = {}, const ScopeSelection* scope = nullptr);

}  // namespace openclaw
