#include "analyzer/load/hprof/hprof.h"

namespace openclaw {

bool looksLikeHprof(std::span<const std::byte>) { return false; }   // not built yet: such files are refused as no dump

void loadHprof(const SourceBytes&, const LoadOptions&, const LoadStages&, SnapshotState&) {
  throw LoadFailure{ErrorCode::kUnsupported, "this kind of dump cannot be read yet"};
}

}  // namespace openclaw
