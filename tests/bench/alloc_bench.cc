// Allocation of 16–64 B, one thread: make() beside mimalloc's malloc/free in the same run. Both keep the newest
// `--ring` objects alive and drop the oldest, so mimalloc frees what it allocates and ours collects what is dropped;
// collections are inside the measured time. Interleaved rounds, medians, ratio.
//
//   alloc_bench [--millions 20] [--rounds 7] [--ring 4096] [--seed 1]
#include <mimalloc.h>

#include <array>

#include "runtime/openclaw.h"
#include "tests/bench/bench_support.h"

namespace {
using namespace openclaw;
using namespace openclaw::bench;

// Payloads of 16 to 64 bytes without pointers: 16, and 0 to 48 behind.
struct Cell {
  std::array<std::uint64_t, 2> words;
  OPENCLAW_TYPE(Cell)
};

struct Ring {
  Member<Array<Member<Cell>>> cells;
  OPENCLAW_TYPE(Ring, cells)
};

double ours(Heap& heap, std::uint64_t count, std::uint64_t ringSize, const std::vector<std::uint8_t>& sizes) {
  Root<Ring> ring(heap, make<Ring>(heap));
  ring->cells = Array<Member<Cell>>::make(heap, ringSize);
  auto* cells = ring->cells.get();
  const auto start = std::chrono::steady_clock::now();
  std::uint64_t slot = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    // One type with room behind it, so that both sides choose the size by a number and neither by a branch.
    auto* cell = makeSized<Cell>(heap, (sizes[i & (sizes.size() - 1)] - 2) * 8u);
    cell->words[0] = i;
    (*cells)[slot] = cell;
    if (++slot == ringSize) slot = 0;
  }
  const double seconds = secondsSince(start);
  keep(cells);
  return static_cast<double>(count) / seconds;
}

double peer(std::uint64_t count, std::uint64_t ringSize, const std::vector<std::uint8_t>& sizes) {
  std::vector<void*> ring(ringSize, nullptr);
  const auto start = std::chrono::steady_clock::now();
  std::uint64_t slot = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::size_t bytes = sizes[i & (sizes.size() - 1)] * 8u;
    void* cell = mi_malloc(bytes);
    // make() gives zeroed memory; malloc's caller has to write it at least once.
    std::memset(cell, 0, bytes);
    *static_cast<std::uint64_t*>(cell) = i;
    mi_free(ring[slot]);
    ring[slot] = cell;
    if (++slot == ringSize) slot = 0;
  }
  const double seconds = secondsSince(start);
  for (void* cell : ring) mi_free(cell);
  return static_cast<double>(count) / seconds;
}
}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t count = numberOption(argc, argv, "millions", 20) * 1'000'000;
  const std::uint64_t rounds = numberOption(argc, argv, "rounds", 7);
  const std::uint64_t ringSize = numberOption(argc, argv, "ring", 4096);
  const std::uint64_t seed = numberOption(argc, argv, "seed", 1);
  Random random(seed);
  std::vector<std::uint8_t> sizes(1u << 16);
  for (std::uint8_t& size : sizes) size = static_cast<std::uint8_t>(2 + random.below(7));

  HeapOptions options;
  options.control = false;
  auto created = Heap::create(std::move(options));
  if (!created) {
    std::fprintf(stderr, "%s\n", toText(created.error()).c_str());
    return 1;
  }
  Heap& heap = **created;
  std::vector<double> mine, theirs, ratios;
  {
    ThreadScope thread(heap, "alloc");
    ours(heap, count / 4, ringSize, sizes);
    peer(count / 4, ringSize, sizes);
    for (std::uint64_t round = 0; round < rounds; ++round) {
      mine.push_back(ours(heap, count, ringSize, sizes) / 1e6);
      theirs.push_back(peer(count, ringSize, sizes) / 1e6);
      ratios.push_back(mine.back() / theirs.back());
    }
  }
  const HeapCounters counters = heap.counters();
  std::printf("allocation of 16-64 B, one thread, %llu M a round, %llu rounds, %llu kept, seed %llu\n",
              static_cast<unsigned long long>(count / 1'000'000), static_cast<unsigned long long>(rounds),
              static_cast<unsigned long long>(ringSize), static_cast<unsigned long long>(seed));
  std::printf("  ours      %7.1f M/s median (%.1f to %.1f), %llu collections, stack sampling at the default\n", median(mine),
              percentile(mine, 0), percentile(mine, 1), static_cast<unsigned long long>(counters.collections));
  std::printf("  mimalloc  %7.1f M/s median (%.1f to %.1f)\n", median(theirs), percentile(theirs, 0), percentile(theirs, 1));
  std::printf("  ratio     %7.2f median (%.2f to %.2f)\n", median(ratios), percentile(ratios, 0), percentile(ratios, 1));
}
