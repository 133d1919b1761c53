// How long the program stood still, and what for: the pause records of the dump, with the longest explained.
#pragma once

#include <chrono>
#include <cstdint>
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
struct PausePhaseRow {
  std::string phase;
  std::uint64_t count = 0;  // pauses that had it
  std::chrono::nanoseconds total{}, longest{};
};
struct PauseView {
  std::uint64_t recorded = 0;        // records in the dump
  std::uint64_t happened = 0;        // in the life of the process; older records are gone
  std::chrono::nanoseconds total{}, p95{};  // of the recorded ones
  std::vector<PauseKindRow> kinds;   // by total time descending
  std::vector<PausePhaseRow> phases;  // by total time descending
  std::vector<std::size_t> longest;  // rows of Snapshot::pauses(), longest first
  // Of the longest pause: "mark 11.2 ms (84 %), stop 1.3 ms (10 %), …; waited 4.0 ms for a processor".
  std::string explanation;
  // Of the longest pause, in a sentence: what made it long. "Marking 1,204,000 objects took 96 % of it."
  std::string verdict;
  // Settings changed in the minute before the longest pause: rows of Snapshot::settingChanges().
  std::vector<std::size_t> changesBefore;
  std::uint64_t predicted = 0;  // pauses with a prediction
};
PauseView computePauses(const Snapshot& snapshot, std::size_t longest = 3);
// What one pause was spent on, largest phase first, and what the machine did meanwhile.
std::string explainPause(const PauseInfo& pause);
// One sentence: the largest phase, or the machine when it took more than half of the pause.
std::string verdictOfPause(const PauseInfo& pause);
// When it began, as far before the dump; none where a clock is missing.
std::optional<std::chrono::nanoseconds> beforeDump(const Snapshot& snapshot, const PauseInfo& pause);

}  // namespace openclaw
