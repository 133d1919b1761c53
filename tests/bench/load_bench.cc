// How fast, and in how much memory, a dump becomes a snapshot with retained sizes.
//
//   load_bench [OBJECTS [SEED]] [--random] [--boost] [--threads N]   generates a dump, loads it, prints time by stage
//   load_bench --load FILE [--threads N] [--no-referrers] [--memory-limit SIZE] [--spill-directory FOLDER]
//                                                                    only loads, a dump of any kind: what the figures are
//                                                                    measured in
//   load_bench OBJECTS [SEED] --generate FILE                        only generates
//
// The load runs in a process of its own, so that its VmHWM holds nothing of the generator. --boost adds
// Boost.Graph's Lengauer-Tarjan on the same references (about 770 bytes an object: 1,000,000 is a good size).
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "analyzer/graph/bgl_adapter.h"
#include "analyzer/graph/dominators.h"
#include "analyzer/load/forecast.h"
#include "analyzer/memory_limit.h"
#include "analyzer/snapshot.h"
#include "analyzer/snapshot_state.h"
#include "tests/bench/generator.h"

namespace openclaw {
namespace {

using Clock = std::chrono::steady_clock;
double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::uint64_t statusBytes(std::string_view field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(field)) return std::strtoull(line.c_str() + field.size() + 1, nullptr, 10) * 1024;
  return 0;
}

struct StageTimes {
  std::string name;
  Clock::time_point begin;
  std::uint64_t peak = 0;  // most memory while it ran, bytes
};
// Forgets how much memory the process had at most until now, where the kernel lets it.
void resetPeak() { std::ofstream("/proc/self/clear_refs") << 5; }

int load(const std::string& path, const LoadOptions& options, bool boost) {
  std::vector<StageTimes> stages;
  std::uint64_t peakBytes = 0;
  const auto endStage = [&] {
    if (stages.empty()) return;
    stages.back().peak = statusBytes("VmHWM");
    peakBytes = std::max(peakBytes, stages.back().peak);
    resetPeak();
  };
  const Clock::time_point start = Clock::now();
  LoadOptions announcing = options;
  announcing.announce = [](const MemoryPlan& plan) { fmt::print("{} ({} at least)\n", plan.sentence, toText(Bytes(plan.forecast.least))); };
  const auto loaded = loadSnapshot(path, announcing,
                                   [&](const LoadProgress& p) {
                                     if (!stages.empty() && stages.back().name == p.stage) return;
                                     endStage();
                                     stages.push_back({std::string(p.stage), Clock::now()});
                                   },
                                   {});
  const double total = secondsSince(start);
  endStage();
  if (!loaded) {
    fmt::print(stderr, "{}\n", toText(loaded.error()));
    return 1;
  }
  const Snapshot& s = **loaded;
  const double objects = s.objectCount(), peak = static_cast<double>(peakBytes),
               now = static_cast<double>(statusBytes("VmRSS"));
  const auto fileBytes = static_cast<double>(s.report().file.fileBytes);
  std::uint64_t slots = 0;
  for (std::uint32_t i = 0; i < s.objectCount(); ++i) slots += s.slotCount(ObjectIndex(i));
  fmt::print("{} objects, {:.2f} references an object ({:.2f} slots), {}, {:.1f} B an object\n",
             withSeparators(s.objectCount()), static_cast<double>(s.edgeCount()) / objects,
             static_cast<double>(slots) / objects,
             toText(Bytes(s.report().file.fileBytes)), fileBytes / objects);
  std::uint64_t reachable = 0;
  for (std::uint32_t i = 0; i < s.objectCount(); ++i) reachable += s.reachable(ObjectIndex(i));
  fmt::print("  reachable {:.1f} %, {}\n", 100.0 * static_cast<double>(reachable) / objects,
             s.report().sentence());
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const Clock::time_point end =
        i + 1 < stages.size()
            ? stages[i + 1].begin
            : start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(total));
    const double seconds = std::chrono::duration<double>(end - stages[i].begin).count();
    fmt::print("  {:<16} {:7.3f} s  {:6.2f} M objects/s  at most {:5.1f} B an object\n", stages[i].name, seconds,
               objects / seconds / 1e6, static_cast<double>(stages[i].peak) / objects);
  }
  fmt::print("  {:<16} {:7.3f} s  {:6.2f} M objects/s\n", "end to end", total, objects / total / 1e6);
  fmt::print("  VmHWM {:.1f} B an object ({}, {:.2f} of the file), VmRSS after {:.1f}, columns {:.1f}\n", peak / objects,
             toText(Bytes(peakBytes)), peak / fileBytes, now / objects,
             static_cast<double>(s.memoryBytes()) / objects);
  fmt::print("  announced {:.1f} B an object: {:.2f} x VmHWM\n", static_cast<double>(s.report().announcedPeak) / objects,
             static_cast<double>(s.report().announcedPeak) / peak);
  if (const MemoryUse use = memoryUse(); use.limit != 0)
    fmt::print("  limit {}, {} in files ({} at most), {} taken out\n", toText(Bytes(use.limit)), toText(Bytes(use.inFiles)),
               toText(Bytes(use.inFilesMost)), toText(Bytes(use.takenOut)));
  for (const auto& [part, bytes] : s.memoryByPart())
    if (bytes != 0) fmt::print("    {:<16} {:5.2f}\n", part, static_cast<double>(bytes) / objects);
  if (boost) {
    std::vector<std::uint32_t> roots;
    for (const RootInfo& root : s.roots()) roots.push_back(root.object.value);
    const EdgeTable& edges = SnapshotBuilder::stateOf(s).edges;
    const Clock::time_point ours = Clock::now();
    const Dominators d = computeDominators(edges, roots, Work{.threads = 1, .stop = {}, .progress = {}});
    const double oursSeconds = secondsSince(ours);
    const Clock::time_point theirs = Clock::now();
    const std::vector<std::uint32_t> other = computeDominatorsWithBoost(edges, roots);
    const double theirsSeconds = secondsSince(theirs);
    bool same = true;
    for (std::size_t i = 0; i < other.size(); ++i) same &= other[i] == d.dominator[i];
    fmt::print(
        "  dominators: ours {:.3f} s, Boost.Graph {:.3f} s ({:.1f} x), VmHWM with Boost {:.0f} B an object, "
        "answers {}\n",
        oursSeconds, theirsSeconds, theirsSeconds / oursSeconds,
        static_cast<double>(statusBytes("VmHWM")) / objects, same ? "the same" : "DIFFER");
    if (!same) return 1;
  }
  return 0;
}

int run(int argc, char** argv) {
  bench::GeneratorOptions options;
  LoadOptions loadOptions;
  bool boost = false;
  std::string file, generated;
  std::vector<std::uint64_t> numbers;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const auto value = [&]() -> std::string { return i + 1 < argc ? argv[++i] : ""; };
    if (argument == "--random")
      options.random = true;
    else if (argument == "--boost")
      boost = true;
    else if (argument == "--no-referrers")
      loadOptions.referrers = false;
    else if (argument == "--load")
      file = value();
    else if (argument == "--generate")
      generated = value();
    else if (argument == "--threads")
      loadOptions.threads = static_cast<unsigned>(std::strtoul(value().c_str(), nullptr, 10));
    else if (argument == "--memory-limit")
      loadOptions.memoryLimit = parseBytes(value()).value_or(Bytes(0)).value;
    else if (argument == "--spill-directory")
      loadOptions.spillDirectory = value();
    else
      numbers.push_back(std::strtoull(argument.c_str(), nullptr, 10));
  }
  if (!file.empty()) return load(file, loadOptions, boost);
  if (!numbers.empty()) options.objects = numbers[0];
  if (numbers.size() > 1) options.seed = numbers[1];

  std::string folder = "/tmp/openclaw-load-bench-XXXXXX";
  if (generated.empty() && mkdtemp(folder.data()) == nullptr) return 1;
  const std::string path = generated.empty() ? folder + "/heap.bin" : generated;
  const Clock::time_point start = Clock::now();
  if (const Result<void> made = bench::generateDump(path, options); !made) {
    fmt::print(stderr, "{}\n", toText(made.error()));
    return 1;
  }
  fmt::print("generated in {:.1f} s (seed {}{})\n", secondsSince(start), options.seed,
             options.random ? ", random" : "");
  if (!generated.empty()) return 0;
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    const std::string count = std::to_string(loadOptions.threads);
    execl("/proc/self/exe", "load_bench", "--load", path.c_str(), "--threads", count.c_str(),
          boost ? "--boost" : nullptr, nullptr);
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  unlink(path.c_str());
  rmdir(folder.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

}  // namespace
}  // namespace openclaw

int main(int argc, char** argv) { return openclaw::run(argc, argv); }
