// V8 heap snapshots (.heapsnapshot, JSON) as snapshots, in one streamed pass. Format and traps: README.md of this folder;
// V8's src/profiler/heap-snapshot-generator.cc (HeapSnapshotJSONSerializer).
#pragma once

#include <cstddef>
#include <span>

#include "analyzer/load/source_bytes.h"
#include "analyzer/load/stages.h"

namespace openclaw {

// Does the file begin like one? `head`: its first bytes, 4096 or as many as there are.
bool looksLikeV8Snapshot(std::span<const std::byte> head);

// Fills `state`. Losses land in state.report. Throws LoadFailure, Cancelled, std::bad_alloc, std::length_error.
void loadV8Snapshot(const SourceBytes& bytes, const LoadOptions& options, const LoadStages& stages, SnapshotState& state);

}  // namespace openclaw
