#include "analyzer/graph/backward.h"

#include <algorithm>
#include <stdexcept>

namespace openclaw {
namespace {

// Every thread reads all slots and serves the targets of its own range, so that no two write the same row and
// the result does not depend on their number.
template <class Serve>
void forEachEdgeDescending(const EdgeTable& edges, const Work& work, double from, double to, Serve serve) {
  const std::uint32_t objects = edges.objectCount();
  const unsigned threads = std::max(1u, work.threads);
  Work part = work;
  part.progress = nullptr;
  forEachItem(part, threads, [&](unsigned worker, std::size_t range) {
    const std::uint64_t low = std::uint64_t{objects} * range / threads;
    const std::uint64_t high = std::uint64_t{objects} * (range + 1) / threads;
    std::uint32_t steps = 0;
    for (std::uint32_t source = objects; source-- > 0;) {
      const std::uint64_t begin = edges.first.begin(source);
      for (std::uint64_t i = edges.first.end(source); i-- > begin;) {
        if ((++steps & (kStepsBetweenChecks - 1)) == 0) {
          work.throwIfStopped();
          if (worker == 0) work.report(from + (to - from) * (objects - source) / objects);
        }
        const std::uint64_t target = edges.slots[i];
        if (target > low && target <= high) serve(source, static_cast<std::uint32_t>(target - 1));
      }
    }
  });
}

}  // namespace

BackwardEdges computeBackwardEdges(const EdgeTable& edges, const Work& work) {
  BackwardEdges back;
  back.first = PagedOffsets(edges.objectCount());
  forEachEdgeDescending(edges, work, 0, 0.4, [&](std::uint32_t, std::uint32_t target) {
    ++back.first.countWhileBuilding(target);
  });
  if (!back.first.finishAtEnds())
    throw std::length_error("more than 2^32 edges into 65,536 neighbouring objects");
  back.sources = Buffer<std::uint32_t>(back.first.total());
  forEachEdgeDescending(edges, work, 0.4, 1, [&](std::uint32_t source, std::uint32_t target) {
    back.sources[back.first.claim(target)] = source + 1;
  });
  return back;
}

}  // namespace openclaw
