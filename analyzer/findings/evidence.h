// Pieces of evidence that several rules show.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "analyzer/findings/finding.h"

namespace openclaw {

// The shortest path from a root to the object, as an owner path. Empty: nothing keeps it alive.
std::vector<OwnerStep> ownerPathTo(const Snapshot& snapshot, ObjectIndex object);

// "cache.cc:34" inside a sentence; the whole place stands in the finding's sites.
std::string placeText(const Snapshot& snapshot, SiteIndex site);

// How to ask about the file of this snapshot, as it was read: "heap-analyzer inspect @17 --policy memlab app.heapsnapshot".
std::string analyzerCommand(const Snapshot& snapshot, std::string_view words);
// "heap-analyzer paths --type Session --site a.cc:12 heap.bin": words are quoted where a shell would take them apart.
std::string pathsCommand(const Snapshot& snapshot, TypeIndex type, SiteIndex site);

}  // namespace openclaw
