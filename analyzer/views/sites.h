// Who allocated what is there, and what is gone again: objects and bytes per allocation site and per sampled stack.
//
// Certainty: live figures are exact (of a complete dump). Allocated and freed come from the process's own count of the
// site when it kept one, else from the samples of its stacks (sampled, ≈), else only the live ones are known to have
// been allocated (lower bound, ≥). allocated = live + freed always; freed includes what is dead and not swept.
//
// Of a scope, live figures are of its objects. The process counts by site alone, so a scope of sites shows their counts,
// and any other only that its objects were allocated (ScopeSelection::churnKnown).
#pragma once

#include <array>
#include <optional>
#include <stop_token>
#include <vector>

#include "analyzer/snapshot.h"
#include "analyzer/views/scope.h"

namespace openclaw {

struct ChurnFigures {
  std::uint64_t allocatedObjects = 0, freedObjects = 0;
  Bytes allocatedBytes, freedBytes;
  Certainty allocatedCertainty = Certainty::kLowerBound, freedCertainty = Certainty::kLowerBound;
};

struct SiteRow {
  SiteIndex site;  // SiteIndex(0) = unknown
  std::uint64_t objects = 0;
  Bytes shallow;
  std::uint64_t unreachableObjects = 0;
  TypeIndex mostBytesType;  // the type that holds most of the bytes here
  std::array<std::uint64_t, 8> objectsByAge{};
  ChurnFigures churn;
  std::uint32_t stacks = 0;  // recorded with this site
  // The share of what was allocated that is there still; none when nothing but the living is known.
  std::optional<double> survival() const;
};
// By shallow bytes descending, then file, line, index. Rows without objects are left out, unless `alsoGone`: then sites
// whose objects are all gone stand at the end, by allocated bytes. Cost: O(objects). Empty when stopped.
std::vector<SiteRow> computeSites(const Snapshot& snapshot, std::stop_token stop = {}, bool alsoGone = false,
                                  const ScopeSelection* scope = nullptr);

struct StackRow {
  StackIndex stack;
  SiteIndex site;
  std::uint64_t sampledObjects = 0;  // in the dump, that carry this stack
  Bytes sampledBytes;
  // This stack's part of the live bytes of its site (≈). A sample stands for size / (1 - e^(-size / mean interval))
  // bytes; in proportion to that the site's exact total is split among its stacks, so the parts sum to that total.
  std::uint64_t liveObjects = 0;
  Bytes liveBytes;
  Certainty liveCertainty = Certainty::kSampled;
  std::array<std::uint64_t, 8> sampledByAge{};
  std::uint64_t samples = 0;
  ChurnFigures churn;
};
// By live bytes descending, then allocated bytes, then index. Stacks without anything are left out. Cost: O(objects +
// stacks). Empty when stopped.
std::vector<StackRow> computeStacks(const Snapshot& snapshot, std::stop_token stop = {}, const ScopeSelection* scope = nullptr);
// `whole` in parts proportional to `weights`: rounded so that the parts sum to it; all 0 when the weights are.
std::vector<std::uint64_t> splitInProportion(std::uint64_t whole, const std::vector<double>& weights);
// What a sampled object of this size stands for, in objects: 1 / (1 - e^(-size / mean)); 1 without an interval.
double sampleWeight(std::uint64_t size, std::uint64_t meanInterval);

}  // namespace openclaw
