#include "analyzer/graph/backward.h"

#include <algorithm>

#include "analyzer/graph/list_transpose.h"

namespace openclaw {

BackwardEdges computeBackwardEdges(const EdgeTable& edges, std::uint64_t edgeCount, const Work& work) {
  const std::uint32_t objects = edges.objectCount();
  const unsigned threads = std::max(1u, work.threads);
  CompressedListsBuilder lists(objects, edgeCount * kMostVarintBytes, PageSize::kHugeInOrder);
  // In two rounds, each over half of the targets, so that half as many pairs wait to be sorted.
  const std::size_t rounds = std::min<std::size_t>(2, lists.pages());
  for (std::size_t round = 0; round < rounds; ++round) {
    const std::size_t firstPage = lists.pages() * round / rounds, lastPage = lists.pages() * (round + 1) / rounds;
    const std::uint64_t low = std::uint64_t{firstPage} << CompressedLists::kPageShift;
    const std::uint64_t high = std::min<std::uint64_t>(objects, std::uint64_t{lastPage} << CompressedLists::kPageShift);
    ListTranspose transpose(objects, threads);
    const double from = static_cast<double>(round) / static_cast<double>(rounds);
    Work part = work;
    part.progress = nullptr;
    forEachItem(part, threads, [&](unsigned worker, std::size_t item) {
      const auto first = static_cast<std::uint32_t>(std::uint64_t{objects} * item / threads);
      const auto last = static_cast<std::uint32_t>(std::uint64_t{objects} * (item + 1) / threads);
      std::uint32_t steps = 0;
      for (std::uint32_t source = first; source < last; ++source)
        for (SlotReader slots = edges.slots(source); slots.next();) {
          if ((++steps & (kStepsBetweenChecks - 1)) == 0) {
            work.throwIfStopped();
            if (worker == 0) work.report(from + 0.5 / static_cast<double>(rounds) * (source - first) / (last - first));
          }
          const std::uint64_t target = slots.entry();
          if (target > low && target <= high) transpose.add(static_cast<unsigned>(item), static_cast<std::uint32_t>(target - 1), source);
        }
    });
    part.progress = [&](double f) { work.report(from + (0.5 + f / 2) / static_cast<double>(rounds)); };
    transpose.finishPages(part, lists, firstPage, lastPage);
  }
  return {lists.finish()};
}

}  // namespace openclaw
