// All that a snapshot holds, as an archive: every table by value, every column as it is.
#pragma once

#include "analyzer/index/archive.h"
#include "analyzer/snapshot_state.h"

namespace openclaw {

// `state.path` and `report.index` are of one load, and not in it.
void writeState(ArchiveWriter& archive, const SnapshotState& state);
// Into an empty state whose path is set. Throws BrokenArchive, std::bad_alloc.
void readState(ArchiveReader& archive, SnapshotState& state);

}  // namespace openclaw
