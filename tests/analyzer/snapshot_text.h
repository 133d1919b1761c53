// Everything that a snapshot shows, as text, without the report on the file it came from: two files that say the same give
// the same text.
#pragma once

#include <string>

#include "analyzer/snapshot.h"

namespace openclaw::test {

std::string textOfSnapshot(const Snapshot& snapshot);

}  // namespace openclaw::test
