#include "analyzer/load/v8/v8.h"

namespace openclaw {

bool looksLikeV8Snapshot(std::span<const std::byte>) { return false; }   // not built yet: such files are refused as no dump

void loadV8Snapshot(const SourceBytes&, const LoadOptions&, const LoadStages&, SnapshotState&) {
  throw LoadFailure{ErrorCode::kUnsupported, "this kind of dump cannot be read yet"};
}

}  // namespace openclaw
