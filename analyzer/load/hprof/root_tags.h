// What the tags of HPROF's root records mean.
#pragma once

#include <cstdint>
#include <string_view>

#include "analyzer/snapshot.h"

namespace openclaw::hprof {

// The record names a thread: a local, or the thread itself.
bool belongsToThread(std::uint8_t tag);
RootKind kindOf(std::uint8_t tag);
// "Java local"
std::string_view nameOf(std::uint8_t tag);
// The order in which VisualVM's library looks at roots.
unsigned visualvmRank(std::uint8_t tag);

}  // namespace openclaw::hprof
