#include "analyzer/views/pauses.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "analyzer/report/numbers.h"

namespace openclaw {

using std::chrono::nanoseconds;

std::string explainPause(const PauseInfo& pause) {
  std::vector<std::pair<std::string, std::uint64_t>> phases = pause.ownedPhases;
  std::stable_sort(phases.begin(), phases.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::vector<std::string> parts;
  for (const auto& [name, duration] : phases)
    if (duration != 0)
      parts.push_back(fmt::format("{} {} ({})", name, toText(nanoseconds(duration)),
                                  percentText(duration, pause.duration)));
  std::vector<std::string> outside;
  if (pause.runDelay != 0)
    outside.push_back(fmt::format("waited {} for a processor", toText(nanoseconds(pause.runDelay))));
  if (pause.throttled != 0)
    outside.push_back(fmt::format("throttled by its cgroup for {}", toText(nanoseconds(pause.throttled))));
  if (pause.preemptions != 0)
    outside.push_back(fmt::format("{} preempted", counted(pause.preemptions, "time", "times")));
  if (pause.majorFaults != 0)
    outside.push_back(counted(pause.majorFaults, "page fault from disk", "page faults from disk"));
  if (pause.minorFaults != 0) outside.push_back(counted(pause.minorFaults, "page fault", "page faults"));
  if (pause.signalled != 0)
    outside.push_back(fmt::format("{} of {} stopped by signal", pause.signalled,
                                  counted(pause.threads, "thread", "threads")));
  std::string text = parts.empty() ? "no phases recorded" : fmt::format("{}", fmt::join(parts, ", "));
  if (!outside.empty()) text += fmt::format("; {}", fmt::join(outside, ", "));
  return text;
}

PauseView computePauses(const Snapshot& snapshot, std::size_t longest) {
  const std::vector<PauseInfo>& pauses = snapshot.pauses();
  PauseView view;
  view.recorded = pauses.size();
  view.happened = std::max<std::uint64_t>(snapshot.pausesTotal(), pauses.size());
  std::map<std::string, std::vector<std::uint64_t>> byKind;
  for (const PauseInfo& pause : pauses) byKind[pause.ownedKind].push_back(pause.duration);
  for (auto& [kind, durations] : byKind) {
    std::sort(durations.begin(), durations.end());
    const auto total = std::accumulate(durations.begin(), durations.end(), std::uint64_t{0});
    view.kinds.push_back({kind, durations.size(), nanoseconds(total),
                          nanoseconds(durations[(durations.size() - 1) / 2]), nanoseconds(durations.back())});
  }
  std::stable_sort(view.kinds.begin(), view.kinds.end(),
                   [](const PauseKindRow& a, const PauseKindRow& b) { return a.total > b.total; });
  view.longest.resize(pauses.size());
  std::iota(view.longest.begin(), view.longest.end(), std::size_t{0});
  std::stable_sort(view.longest.begin(), view.longest.end(),
                   [&](std::size_t a, std::size_t b) { return pauses[a].duration > pauses[b].duration; });
  if (view.longest.size() > longest) view.longest.resize(longest);
  if (!view.longest.empty()) view.explanation = explainPause(pauses[view.longest.front()]);
  return view;
}

}  // namespace openclaw
