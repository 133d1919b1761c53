#include "analyzer/views/pauses.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "analyzer/report/numbers.h"

namespace openclaw {

using std::chrono::nanoseconds;

namespace {

// Of a file that says absurd times: no sum runs past the longest time that there is.
nanoseconds lasting(std::uint64_t time) {
  constexpr auto kLongest = static_cast<std::uint64_t>(nanoseconds::max().count());
  return nanoseconds(static_cast<nanoseconds::rep>(std::min(time, kLongest)));
}
nanoseconds sum(nanoseconds a, nanoseconds b) { return b > nanoseconds::max() - a ? nanoseconds::max() : a + b; }

}  // namespace

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

std::string verdictOfPause(const PauseInfo& pause) {
  const auto share = [&](std::uint64_t part) { return pause.duration == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(pause.duration); };
  // The machine first: a phase is long, too, when its thread did not run.
  if (share(pause.throttled) > 0.5)
    return fmt::format("The cgroup's processor limit held the collecting thread for {} of it.", percentText(share(pause.throttled)));
  if (share(pause.runDelay) > 0.5)
    return fmt::format("The collecting thread waited for a processor for {} of it: the machine was busy, not the collector.",
                       percentText(share(pause.runDelay)));
  const auto largest = std::max_element(pause.ownedPhases.begin(), pause.ownedPhases.end(),
                                        [](const auto& a, const auto& b) { return a.second < b.second; });
  if (largest == pause.ownedPhases.end() || largest->second == 0) return "No phases are recorded.";
  std::string text = fmt::format("Phase {} took {} of it", largest->first, percentText(share(largest->second)));
  std::vector<std::string> facts;
  if (pause.objectsMarked != 0)
    facts.push_back(fmt::format("{} marked, {}", counted(pause.objectsMarked, "object", "objects"), toText(Bytes(pause.bytesMarked))));
  if (share(pause.runDelay) > 0.1)
    facts.push_back(fmt::format("its thread waited for a processor for {} of the pause", percentText(share(pause.runDelay))));
  if (share(pause.throttled) > 0.1)
    facts.push_back(fmt::format("throttled by its cgroup for {} of it", percentText(share(pause.throttled))));
  if (pause.slowestThread != 0 && pause.threads > 1 && largest->first == "stopping")
    facts.push_back(fmt::format("the last thread to stop was {}", pause.slowestThread));
  if (pause.majorFaults != 0) facts.push_back(counted(pause.majorFaults, "page fault from disk", "page faults from disk"));
  if (!facts.empty()) text += fmt::format(" ({})", fmt::join(facts, "; "));
  return text + ".";
}

std::optional<nanoseconds> beforeDump(const Snapshot& snapshot, const PauseInfo& pause) {
  const std::uint64_t now = snapshot.process().dumpedMonotonic;
  if (now == 0 || pause.startMonotonic == 0 || pause.startMonotonic > now) return std::nullopt;
  return nanoseconds(now - pause.startMonotonic);
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
    const auto total = std::accumulate(durations.begin(), durations.end(), nanoseconds{0},
                                       [](nanoseconds a, std::uint64_t b) { return sum(a, lasting(b)); });
    view.kinds.push_back({kind, durations.size(), total,
                          lasting(durations[(durations.size() - 1) / 2]), lasting(durations.back())});
  }
  std::stable_sort(view.kinds.begin(), view.kinds.end(),
                   [](const PauseKindRow& a, const PauseKindRow& b) { return a.total > b.total; });
  view.longest.resize(pauses.size());
  std::iota(view.longest.begin(), view.longest.end(), std::size_t{0});
  std::stable_sort(view.longest.begin(), view.longest.end(),
                   [&](std::size_t a, std::size_t b) { return pauses[a].duration > pauses[b].duration; });
  if (view.longest.size() > longest) view.longest.resize(longest);
  std::map<std::string, PausePhaseRow> phases;
  std::vector<std::uint64_t> durations;
  for (const PauseInfo& pause : pauses) {
    view.total = sum(view.total, lasting(pause.duration));
    view.predicted += pause.predicted != 0;
    durations.push_back(pause.duration);
    for (const auto& [name, duration] : pause.ownedPhases) {
      PausePhaseRow& row = phases[name];
      row.phase = name;
      row.count += duration != 0;
      row.total = sum(row.total, lasting(duration));
      row.longest = std::max(row.longest, lasting(duration));
    }
  }
  for (auto& [name, row] : phases) view.phases.push_back(std::move(row));
  std::stable_sort(view.phases.begin(), view.phases.end(),
                   [](const PausePhaseRow& a, const PausePhaseRow& b) { return a.total > b.total; });
  if (!durations.empty()) {
    std::sort(durations.begin(), durations.end());
    view.p95 = lasting(durations[(durations.size() * 95 + 99) / 100 - 1]);
  }
  if (view.longest.empty()) return view;
  const PauseInfo& worst = pauses[view.longest.front()];
  view.explanation = explainPause(worst);
  view.verdict = verdictOfPause(worst);
  const std::optional<nanoseconds> before = beforeDump(snapshot, worst);
  if (before && snapshot.process().dumpedUnix > static_cast<std::uint64_t>(before->count())) {
    const std::uint64_t at = snapshot.process().dumpedUnix - static_cast<std::uint64_t>(before->count());
    constexpr std::uint64_t kMinute = 60'000'000'000;
    for (std::size_t i = 0; i < snapshot.settingChanges().size(); ++i) {
      const std::uint64_t changed = snapshot.settingChanges()[i].unixTime;
      if (changed <= at && at - changed <= kMinute) view.changesBefore.push_back(i);
    }
  }
  return view;
}

}  // namespace openclaw
