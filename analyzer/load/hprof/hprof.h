// Java heap dumps (HPROF 1.0.1 to 1.0.3, plain or gzip) as snapshots. Format and traps: research notes in README.md of this
// folder; https://hg.openjdk.org/jdk6/jdk6/jdk/raw-file/tip/src/share/demo/jvmti/hprof/manual.html and heapDumper.cpp.
#pragma once

#include <cstddef>
#include <span>

#include "analyzer/load/source_bytes.h"
#include "analyzer/load/stages.h"

namespace openclaw {

// Does the file begin like one (also inside gzip)? `head`: its first bytes, 64 or as many as there are.
bool looksLikeHprof(std::span<const std::byte> head);

// Fills `state`. Losses land in state.report. Throws LoadFailure, Cancelled, std::bad_alloc, std::length_error.
void loadHprof(const SourceBytes& bytes, const LoadOptions& options, const LoadStages& stages, SnapshotState& state);

}  // namespace openclaw
