// What `heap-analyzer leaks` says: the leak findings with their evidence, and below them every group of objects that
// was large enough to be judged, with what spoke for and against.
#pragma once

#include <cstddef>
#include <stop_token>
#include <string>
#include <vector>

#include "analyzer/findings/finding.h"
#include "analyzer/findings/groups.h"
#include "analyzer/findings/leak_evidence.h"

namespace openclaw {

struct LeaksReport {
  std::vector<Finding> findings;
  GroupOptions options;
  GroupTable table;
  std::vector<LeakCandidate> candidates;  // leaks first, then by retained size
  std::size_t top = 20;                   // candidates shown
  bool judged = true;                     // false: parts of the dump are missing, so who holds what is not known
};

LeaksReport computeLeaks(const Snapshot& snapshot, const GroupOptions& options, std::size_t top,
                         std::stop_token stop = {});

std::string textOf(const Snapshot& snapshot, const LeaksReport& report);
std::string jsonOf(const Snapshot& snapshot, const LeaksReport& report);

}  // namespace openclaw
