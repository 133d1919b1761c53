#include "analyzer/report/paths_report.h"

#include <optional>

#include "analyzer/views/inspection.h"

namespace openclaw {

Result<ObjectPaths> computeObjectPaths(const Snapshot& snapshot, Address address, std::size_t count,
                                       std::stop_token stop) {
  OPENCLAW_TRY(const Inspection found, inspectObject(snapshot, address, 0, stop));
  ObjectPaths report;
  report.object = found.object;
  report.asked = count;
  report.paths = findDifferentPaths(snapshot, found.object, count, stop);
  std::optional<ObjectIndex> last;
  for (EdgeCursor referrer = snapshot.edgesTo(found.object); referrer && !stop.stop_requested(); referrer.next()) {
    if (last == referrer.target()) continue;
    last = referrer.target();
    for (EdgeCursor from = snapshot.edgesFrom(*last); from; from.next())
      if (from.target() == found.object) {
        const Strength strength = snapshot.strengthOf(*last, from.slot());
        report.weakReferences += strength != Strength::kStrong && strength != Strength::kConservative;
      }
  }
  return report;
}

MembersPaths computeMembersPaths(const Snapshot& snapshot, const ScopeSelection& scope, const MergedPathsOptions& options,
                                 std::stop_token stop) {
  return {&scope, options, computeMergedPaths(snapshot, [&](ObjectIndex object) { return scope.contains(object); }, options, stop)};
}

}  // namespace openclaw
