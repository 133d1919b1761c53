// What sampling stacks costs an allocating thread: the loop of alloc_bench (cells of 16-64 B, the newest kept) with
// memory.sample-interval off, at its default and at its smallest, changed live between interleaved rounds. CPU time of the
// thread, collections included. For callgrind: --fixed N runs one interval (0 = off) and prints nothing that differs.
//
//   sampling_bench [--millions 10] [--rounds 21] [--ring 4096] [--depth 24] [--fixed BYTES]
#include <time.h>

#include <array>

#include "runtime/gc/heap_impl.h"
#include "runtime/openclaw.h"
#include "tests/bench/bench_support.h"

namespace {
using namespace openclaw;
using namespace openclaw::bench;

struct Cell {
  std::array<std::uint64_t, 2> words;
  OPENCLAW_TYPE(Cell)
};
struct Ring {
  Member<Array<Member<Cell>>> cells;
  OPENCLAW_TYPE(Ring, cells)
};

double cpuSeconds() {
  timespec now;
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

struct Job {
  Heap& heap;
  std::uint64_t count, ringSize;
  const std::vector<std::uint8_t>& sizes;
  double seconds = 0;
};

[[gnu::noinline]] void allocate(Job& job) {
  Root<Ring> ring(job.heap, make<Ring>(job.heap));
  ring->cells = Array<Member<Cell>>::make(job.heap, job.ringSize);
  auto* cells = ring->cells.get();
  const double start = cpuSeconds();
  std::uint64_t slot = 0;
  for (std::uint64_t i = 0; i < job.count; ++i) {
    auto* cell = makeSized<Cell>(job.heap, (job.sizes[i & (job.sizes.size() - 1)] - 2) * 8u);
    cell->words[0] = i;
    (*cells)[slot] = cell;
    if (++slot == job.ringSize) slot = 0;
  }
  job.seconds = cpuSeconds() - start;
  keep(cells);
}

// Stacks of servers are deep.
[[gnu::noinline]] void atDepth(Job& job, std::uint64_t depth) {
  if (depth == 0) allocate(job);
  else atDepth(job, depth - 1);
  asm volatile("" ::: "memory");
}
}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t count = numberOption(argc, argv, "millions", 10) * 1'000'000, rounds = numberOption(argc, argv, "rounds", 21);
  const std::uint64_t ringSize = numberOption(argc, argv, "ring", 4096), depth = numberOption(argc, argv, "depth", 24);
  const std::uint64_t fixed = numberOption(argc, argv, "fixed", ~0ull);
  Random random(numberOption(argc, argv, "seed", 1));
  std::vector<std::uint8_t> sizes(1u << 16);
  for (std::uint8_t& size : sizes) size = static_cast<std::uint8_t>(2 + random.below(7));

  HeapOptions options;
  options.control = false;
  options.settings = {{SettingId::sampleInterval, fixed == ~0ull ? 0 : fixed}};
  if (fixed != ~0ull) options.reservationBytes = 4ull << 30;   // valgrind has no room for more
  auto created = Heap::create(std::move(options));
  if (!created) {
    std::fprintf(stderr, "%s\n", toText(created.error()).c_str());
    return 1;
  }
  Heap& heap = **created;
  ThreadScope thread(heap, "alloc");
  Job job{heap, count, ringSize, sizes};
  if (fixed != ~0ull) {
    atDepth(job, depth);
    return 0;
  }
  constexpr std::uint64_t kIntervals[] = {0, 512 << 10, 16 << 10};
  std::vector<double> nanoseconds[3], ratios[3];
  std::uint64_t samples[3] = {};
  const auto run = [&](std::size_t which) {
    if (!heap.set(SettingId::sampleInterval, kIntervals[which], "control", "bench")) std::abort();
    // Nothing of the run before is left to be swept, least of all its samples: the second collection finishes the first's sweep.
    for (int i = 0; i < 2; ++i) heap.collect("bench");
    const std::uint64_t before = heap.counters().stackSamples;
    atDepth(job, depth);
    samples[which] = heap.counters().stackSamples - before;
    return job.seconds * 1e9 / static_cast<double>(count);
  };
  run(1);
  for (std::uint64_t round = 0; round < rounds; ++round) {
    double each[3];
    // Pairs in both orders: what comes first in a round is not always the same.
    const std::size_t order[2][3] = {{0, 1, 2}, {2, 1, 0}};
    for (const std::size_t which : order[round % 2]) nanoseconds[which].push_back(each[which] = run(which));
    for (std::size_t which = 0; which < 3; ++which) ratios[which].push_back(each[which] / each[0]);
  }
  std::printf("allocation of 16-64 B at depth %llu, %llu M a round, %llu interleaved rounds, CPU ns an allocation\n",
              static_cast<unsigned long long>(depth), static_cast<unsigned long long>(count / 1'000'000), static_cast<unsigned long long>(rounds));
  constexpr const char* kNames[] = {"off", "512 KiB", "16 KiB"};
  for (std::size_t which = 0; which < 3; ++which)
    std::printf("  sampling %-8s %7.2f median (%.2f to %.2f)   x %.4f median (%.3f to %.3f)   %llu samples a round\n", kNames[which],
                median(nanoseconds[which]), percentile(nanoseconds[which], 0), percentile(nanoseconds[which], 1), median(ratios[which]),
                percentile(ratios[which], 0), percentile(ratios[which], 1), static_cast<unsigned long long>(samples[which]));
}
