#include "analyzer/load/stages.h"

#include <malloc.h>

#include <algorithm>
#include <thread>
#include <utility>
#include <vector>

#include "analyzer/graph/backward.h"
#include "analyzer/graph/dominators.h"
#include "analyzer/graph/reachability.h"
#include "analyzer/snapshot_state.h"

namespace openclaw {

LoadStages::LoadStages(unsigned threads, const LoadProgressSink& progress, std::stop_token stop)
    : threads_(threads != 0 ? threads : std::max(1u, std::thread::hardware_concurrency())),
      progress_(progress),
      stop_(std::move(stop)) {
  // The allocator's own choice grows with what was freed, up to 32 MiB: then tables that come and go leave holes in the heap.
  ::mallopt(M_MMAP_THRESHOLD, 1 << 20);
}

Work LoadStages::stage(std::string_view name, double from, double to) const {
  // What the stage before freed, its threads too, goes back to the system: the allocator would keep tens of megabytes.
  ::malloc_trim(0);
  Work work{.threads = threads_, .stop = stop_, .progress = {}};
  if (progress_) {
    work.progress = [this, name, from, to](double f) {
      shown_ = std::max(shown_, from + (to - from) * f);
      progress_(LoadProgress{name, shown_});
    };
    work.report(0);
  }
  work.throwIfStopped();
  return work;
}

void computeGraph(SnapshotState& state, const LoadOptions& options, const LoadStages& stages, double from, double to) {
  // Shares of the time as measured on 10 M objects.
  const double dominatorsEnd = from + (to - from) * 0.59, retainedEnd = from + (to - from) * 0.79;
  std::vector<std::uint32_t> roots;
  for (const RootInfo& root : state.roots)
    if (roots.empty() || roots.back() != root.object.value) roots.push_back(root.object.value);
  if (options.dominators) {
    Dominators found = computeDominators(state.edges, roots, stages.stage("dominators", from, dominatorsEnd));
    const Work work = stages.stage("retained sizes", dominatorsEnd, retainedEnd);
    Work half = work;
    half.progress = [&](double f) { work.report(f / 2); };
    state.retained = computeRetained(found, state.sizes, half);
    found.order.reset();
    state.retained.narrow();
    half.progress = [&](double f) { work.report(0.5 + f / 2); };
    state.dominated = computeDominated(found, state.retained, half);
    state.dominator = std::move(found.dominator);
  } else {
    state.reachable = computeReachability(state.edges, roots, stages.stage("reachability", from, retainedEnd));
  }
  if (!options.referrers) return;
  state.back = computeBackwardEdges(state.edges, state.edgeCount, stages.stage("referrers", retainedEnd, to));
}

}  // namespace openclaw
