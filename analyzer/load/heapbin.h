// Reads a heap.bin into a snapshot's state: tables, object columns, references, then the graph. Two passes
// over the objects frames, so that addresses, sites and ages are not in memory while dominators are computed.
#pragma once

#include "analyzer/graph/work.h"
#include "analyzer/load/object_numbers.h"
#include "analyzer/snapshot_state.h"
#include "format/dump_reader.h"

namespace openclaw {

// Thrown when a frame that could be read in the first pass cannot in the second.
struct FileChanged {};

// Fills `state`. Losses land in state.report. Throws Cancelled, FileChanged, std::bad_alloc,
// std::length_error (a graph past the limits of snapshot.h), which loadSnapshot turns into errors.
void loadHeapbin(const DumpReader& reader, const LoadOptions& options, const LoadProgressSink& progress,
                 std::stop_token stop, SnapshotState& state);

}  // namespace openclaw
