#include "runtime/gc/resident.h"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>
#include <cstring>

#include "runtime/gc/heap_impl.h"

namespace openclaw::gc {
namespace {

constexpr std::size_t kPage = 4096, kPagesAtOnce = 4096, kThreads = 1024;

// Pages of [low, high) that are in memory. Unlike a mapping of smaps, a stack's range is its own: the kernel joins
// neighbouring mappings of one kind.
std::uint64_t inMemory(pool::Address low, pool::Address high) {
  std::array<unsigned char, kPagesAtOnce> pages;
  std::uint64_t bytes = 0;
  low &= ~(kPage - 1);
  while (low < high) {
    const std::size_t count = std::min<std::size_t>((high - low + kPage - 1) / kPage, kPagesAtOnce);
    // A part without a mapping (a guard, or a main stack that has not grown so far) fails as a whole: go on by page.
    if (::mincore(reinterpret_cast<void*>(low), count * kPage, pages.data()) == 0) {
      bytes += static_cast<std::uint64_t>(std::count_if(pages.begin(), pages.begin() + static_cast<std::ptrdiff_t>(count),
                                                        [](unsigned char page) { return (page & 1) != 0; })) * kPage;
    } else {
      for (std::size_t i = 0; i < count; ++i)
        if (::mincore(reinterpret_cast<void*>(low + i * kPage), kPage, pages.data()) == 0 && (pages[0] & 1) != 0) bytes += kPage;
    }
    low += count * kPage;
  }
  return bytes;
}

struct Mapping {
  pool::Address low = 0, high = 0;
  bool file = false;
};

void readMappings(HeapImpl& heap, ResidentSet& set) {
  std::FILE* file = std::fopen("/proc/self/smaps", "re");
  if (file == nullptr) return;
  const auto tables = heap.marker.tables();
  Mapping mapping;
  char line[1024];
  while (std::fgets(line, sizeof line, file) != nullptr) {
    std::uint64_t low = 0, high = 0, kilobytes = 0, inode = 0;
    if (std::sscanf(line, "%" SCNx64 "-%" SCNx64 " %*4s %*x %*x:%*x %" SCNu64, &low, &high, &inode) == 3) {
      mapping = {low, high, inode != 0};
    } else if (std::sscanf(line, "Rss: %" SCNu64, &kilobytes) == 1) {
      const std::uint64_t bytes = kilobytes << 10;
      const bool table = std::ranges::any_of(tables, [&](pool::Address t) { return t >= mapping.low && t < mapping.high; });
      if (mapping.low < heap.pool.high() && mapping.high > heap.pool.low()) set.heap += bytes;
      else if (table) set.tables += bytes;
      else if (mapping.file) set.files += bytes;
      else set.other += bytes;
    }
  }
  std::fclose(file);
}

}  // namespace

ResidentSet readResidentSet(HeapImpl& heap) {
  ResidentSet set;
  if (std::FILE* file = std::fopen("/proc/self/statm", "re"); file != nullptr) {
    std::uint64_t pages = 0;
    if (std::fscanf(file, "%*u %" SCNu64, &pages) == 1) set.resident = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    std::fclose(file);
  }
  readMappings(heap, set);
  std::array<Safepoint::StackRange, kThreads> stacks;
  const std::size_t threads = heap.safepoint.copyStackRanges(stacks);
  for (std::size_t i = 0; i < threads; ++i) set.stacks += inMemory(stacks[i].low, stacks[i].high);
  set.stacks = std::min(set.stacks, set.other);   // smaps has them among the other mappings
  set.other -= set.stacks;
  const struct mallinfo2 info = ::mallinfo2();
  set.mallocUsed = info.uordblks + info.hblkhd;
  set.mallocFree = info.fordblks;
  return set;
}

void ResidentSet::addTo(HeapCounters& counters) const noexcept {
  counters.residentBytes = resident;
  counters.residentHeapBytes = heap;
  counters.residentTableBytes = tables;
  counters.residentStackBytes = stacks;
  counters.residentFileBytes = files;
  counters.residentOtherBytes = other;
  counters.mallocUsedBytes = mallocUsed;
  counters.mallocFreeBytes = mallocFree;
}

}  // namespace openclaw::gc
