// How long the program stood still, and what for: the pause records of the dump, with the longest explained.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "analyzer/snapshot.h"

namespace openclaw {

struct PauseKindRow {
  std::string kind;
  std::uint64_t count = 0;
  std::chrono::nanoseconds total{}, median{}, longest{};
};
struct PauseView {
  std::uint64_t recorded = 0;        // records in the dump
  std::uint64_t happened = 0;        // in the life of the process; older records are gone
  std::vector<PauseKindRow> kinds;   // by total time descending
  std::vector<std::size_t> longest;  // rows of Snapshot::pauses(), longest first
  // Of the longest pause: "mark 11.2 ms (84 %), stop 1.3 ms (10 %), …; waited 4.0 ms for a processor".
  std::string explanation;
};
PauseView computePauses(const Snapshot& snapshot, std::size_t longest = 3);
// What one pause was spent on, largest phase first, and what the machine did meanwhile.
std::string explainPause(const PauseInfo& pause);

}  // namespace openclaw
