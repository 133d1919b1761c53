// How long each view of a dump takes once the dump is loaded, and how fast a map can ask for objects and lines.
//
//   view_bench FILE [ROUNDS]      times are the least of ROUNDS (default 3)
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <limits>
#include <string>

#include "analyzer/report/view_reports.h"
#include "analyzer/snapshot.h"
#include "analyzer/views/flame.h"
#include "analyzer/views/fragmentation.h"
#include "analyzer/views/generations.h"
#include "analyzer/views/ledger.h"
#include "analyzer/views/pauses.h"
#include "analyzer/views/sites.h"

namespace openclaw {
namespace {

using Clock = std::chrono::steady_clock;

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: view_bench FILE [ROUNDS]\n");
    return 2;
  }
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 3;
  const auto loaded = loadSnapshot(argv[1], {}, {}, {});
  if (!loaded) {
    fmt::print(stderr, "{}\n", toText(loaded.error()));
    return 1;
  }
  const Snapshot& s = **loaded;
  fmt::print("{} objects, {} regions, {} stacks\n", s.objectCount(), s.regions().size(), s.stacks().size());
  std::uint64_t sink = 0;
  const auto time = [&](const char* name, const std::function<std::uint64_t()>& work) {
    double best = std::numeric_limits<double>::max();
    for (int i = 0; i < rounds; ++i) {
      const auto start = Clock::now();
      sink += work();
      best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
    }
    fmt::print("{:<34} {:9.3f} ms  {:6.1f} ns an object\n", name, best * 1e3, best * 1e9 / std::max(1u, s.objectCount()));
  };
  FragmentationView view;
  time("computeFragmentation", [&] { view = computeFragmentation(s); return view.regions.size(); });
  time("computeGenerations", [&] { return computeGenerations(s).reachable.value; });
  time("computeSites", [&] { return computeSites(s).size(); });
  time("computeStacks", [&] { return computeStacks(s).size(); });
  time("computeFlameGraph, live", [&] { return computeFlameGraph(s, FlameWeight::kLiveBytes).nodes.size(); });
  time("computeFlameGraph, retained", [&] { return computeFlameGraph(s, FlameWeight::kRetainedBytes).nodes.size(); });
  time("computePauses", [&] { return computePauses(s).recorded; });
  time("computeLedger", [&] { return computeLedger(s).committed.value; });
  // What a map asks for while it is drawn: lines of each block, then all objects range by range.
  time("computeLineBytes of all blocks", [&] {
    std::uint64_t bytes = 0;
    for (const RegionRow& row : view.regions) bytes += computeLineBytes(s, row.region)[0];
    return bytes;
  });
  time("forEachObjectIn of all blocks", [&] {
    std::uint64_t objects = 0;
    for (const RegionRow& row : view.regions)
      forEachObjectIn(s, row.base, row.base + row.bytes, [&](ObjectIndex) { ++objects; return true; });
    return objects;
  });
  fmt::print("({})\n", sink);
  return 0;
}

}  // namespace
}  // namespace openclaw

int main(int argc, char** argv) { return openclaw::main(argc, argv); }
