// The graph as VisualVM's heap library sees it: which references, roots and sizes make its retained sizes? POLICIES.md has the
// rules; the library reaches objects by one set of references and computes dominators over another.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "analyzer/load/hprof/texts.h"
#include "analyzer/load/stages.h"

namespace openclaw::hprof {

// References as they stand in the file: 0 = null, else a target's index + 1.
struct PlainGraph {
  PagedOffsets first;
  Buffer<std::uint32_t> slots;
};

// `state` has objects, types with the strengths of strict (referents weak) and roots, but no edges, which `graph` has;
// `rootsInOrder`: root objects in the order in which the library looks at them; `classObjectOfType`: by type, the object of the
// class of its instances, or IdIndex::kMissing, also for arrays. Fills the edges, changes declared strengths and roots, uses
// `graph` up. Throws Cancelled, std::length_error.
void applyVisualvm(SnapshotState& state, PlainGraph& graph, std::span<const std::uint32_t> rootsInOrder,
                   std::span<const std::uint32_t> classObjectOfType, Details& details, const Work& work);

}  // namespace openclaw::hprof
