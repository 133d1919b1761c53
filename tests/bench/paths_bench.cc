// How long "who keeps this object alive?" takes on a large dump: paths to a root of random objects, merged paths of a
// type, and the leak rules.
//
//   paths_bench [OBJECTS [SEED]]      default 10,000,000 1; 200 objects asked
//   paths_bench FILE                  a dump of any kind instead of a generated one
#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <vector>

#include "analyzer/findings/groups.h"
#include "analyzer/findings/leak_evidence.h"
#include "analyzer/graph/merged_paths.h"
#include "analyzer/graph/paths.h"
#include "tests/bench/generator.h"

namespace openclaw {
namespace {

using Clock = std::chrono::steady_clock;
double milliseconds(Clock::time_point since) {
  return std::chrono::duration<double, std::milli>(Clock::now() - since).count();
}

void print(const char* what, std::vector<double> times) {
  std::sort(times.begin(), times.end());
  fmt::print("{:<24} median {:8.2f} ms  p95 {:8.2f} ms  longest {:8.2f} ms\n", what, times[times.size() / 2],
             times[times.size() * 95 / 100], times.back());
}

int run(int argc, char** argv) {
  bench::GeneratorOptions options;
  const bool given = argc > 1 && access(argv[1], R_OK) == 0;
  if (argc > 1 && !given) options.objects = std::strtoull(argv[1], nullptr, 10);
  if (argc > 2) options.seed = std::strtoull(argv[2], nullptr, 10);
  std::string folder = "/tmp/openclaw-paths-bench-XXXXXX";
  if (!given && mkdtemp(folder.data()) == nullptr) return 1;
  const std::string path = given ? argv[1] : folder + "/heap.bin";
  const Result<void> made = given ? Result<void>() : bench::generateDump(path, options);
  const auto loaded = made ? loadSnapshot(path, {}, {}, {}) : std::unexpected(made.error());
  if (!given) {
    unlink(path.c_str());
    rmdir(folder.c_str());
  }
  if (!loaded) {
    fmt::print(stderr, "{}\n", toText(loaded.error()));
    return 1;
  }
  const Snapshot& s = **loaded;
  fmt::print("{} objects, {} references, {} roots\n", s.objectCount(), s.edgeCount(), s.roots().size());

  std::vector<ObjectIndex> asked;
  std::uint64_t random = options.seed;
  while (asked.size() < 200) {
    random = random * 6364136223846793005ull + 1442695040888963407ull;
    const ObjectIndex object(static_cast<std::uint32_t>((random >> 32) % s.objectCount()));
    if (s.reachable(object)) asked.push_back(object);
  }
  // One question after the other: searching for three paths leaves neither caches nor the allocator as a user finds them.
  std::vector<double> one, three;
  std::size_t longest = 0, gaveUp = 0;
  for (const ObjectIndex object : asked) {
    std::array<double, 3> times;   // the machine is noisy: their median
    for (double& time : times) {
      const Clock::time_point start = Clock::now();
      longest = std::max(longest, findPathToRoot(s, object).size());
      time = milliseconds(start);
    }
    std::sort(times.begin(), times.end());
    one.push_back(times[1]);
  }
  for (const ObjectIndex object : asked) {
    const Clock::time_point start = Clock::now();
    const DifferentPaths different = findDifferentPaths(s, object, 3);
    if (different.paths.empty()) return 1;
    gaveUp += different.gaveUp;
    three.push_back(milliseconds(start));
  }
  print("a path to a root", one);
  print("three different paths", three);
  fmt::print("longest path {} objects; the search for three ended early {} times of {}\n", longest, gaveUp, three.size());
  const Clock::time_point merging = Clock::now();
  const MergedPaths merged =
      computeMergedPaths(s, [&](ObjectIndex o) { return s.type(o) == s.type(ObjectIndex(0)); }, {});
  fmt::print("merged paths of a type   {:.0f} ms, {} members\n", milliseconds(merging), merged.members);
  const Clock::time_point judging = Clock::now();
  const GroupTable table = computeGroups(s, {});
  const double grouped = milliseconds(judging);
  const std::size_t judged = judgeGroups(s, table).size();
  fmt::print("leaks: groups {:.0f} ms, judged {:.0f} ms, {} candidates\n", grouped, milliseconds(judging) - grouped, judged);
  return 0;
}

}  // namespace
}  // namespace openclaw

int main(int argc, char** argv) { return openclaw::run(argc, argv); }
