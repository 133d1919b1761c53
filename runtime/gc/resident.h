// What the process has in memory, by whose it is: the lines between the heap's committed bytes and the resident set.
// Read from /proc/self/smaps, mincore and mallinfo2: milliseconds, with malloc and stdio, so never in a stopped world.
//
//   const ResidentSet set = readResidentSet(heap);   // before the stop
//   ... stop ...  computeCounters(heap, counters);   set.addTo(counters);
#pragma once

#include <cstdint>

#include "format/counters.h"

namespace openclaw::gc {

class HeapImpl;

struct ResidentSet {
  // Bytes in memory. Every mapping is counted once: heap + tables + stacks + files + other = all of smaps, and
  // `resident` is the kernel's own total at nearly the same moment. All 0 when /proc cannot be read.
  std::uint64_t resident = 0, heap = 0, tables = 0, stacks = 0, files = 0, other = 0;
  // As glibc's malloc counts, touched or not; 0 with another malloc.
  std::uint64_t mallocUsed = 0, mallocFree = 0;
  void addTo(HeapCounters& counters) const noexcept;
};
// Threads: those not registered with the heap; the control thread calls it.
ResidentSet readResidentSet(HeapImpl& heap);

}  // namespace openclaw::gc
