// Who allocated what is there: objects and bytes per allocation site.
#pragma once

#include <stop_token>
#include <vector>

#include "analyzer/snapshot.h"

namespace openclaw {

struct SiteRow {
  SiteIndex site;  // SiteIndex(0) = unknown
  std::uint64_t objects = 0;
  Bytes shallow;
  std::uint64_t unreachableObjects = 0;
  TypeIndex mostBytesType;  // the type that holds most of the bytes here
};
// By shallow bytes descending, then file, line, index. Rows without objects are left out. Cost: O(objects).
// Empty when stopped.
std::vector<SiteRow> computeSites(const Snapshot& snapshot, std::stop_token stop = {});

}  // namespace openclaw
