// The graph as VisualVM's heap library sees it: which references, roots and sizes make its retained sizes? POLICIES.md has the
// rules; the library reaches objects by one set of references and computes dominators over another.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "analyzer/load/hprof/texts.h"
#include "analyzer/load/stages.h"

namespace openclaw::hprof {

// `state` has objects, references as they stand in the file, types with the strengths of strict (referents weak) and roots;
// `rootsInOrder`: root objects in the order in which the library looks at them; `classObjectOfType`: by type, the object of the
// class of its instances, or AddressSet::kMissing, also for arrays. Writes the references anew, changes declared strengths and
// roots. Throws Cancelled, std::length_error.
void applyVisualvm(SnapshotState& state, std::span<const std::uint32_t> rootsInOrder,
                   std::span<const std::uint32_t> classObjectOfType, Details& details, const Work& work);

}  // namespace openclaw::hprof
