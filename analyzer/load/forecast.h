// How much memory will loading this dump take, and is there room for it? Asked before the first table is made.
//
//   OPENCLAW_TRY(const MemoryForecast need, forecastMemory(source, DumpKind::kOpenclaw, reader, options));
//   const MemoryPlan plan = planMemory(need, measureRoom(), options);    // load as usual, spill, or refuse
//
// A forecast is made from what the file says of itself and from samples of it: numbers of objects and references (heap.bin: its
// end frame; V8: snapshot.meta; Java: records of segments spread over the file), and what a reference costs (heap.bin: sampled
// frames). It is meant to be kept: VmHWM stays at or below `peak`, which the tests hold against dumps of all three kinds. Damaged
// files, and Java dumps whose objects change their kind along the file, can miss it; under a memory limit that only costs time.
#pragma once

#include <cstdint>
#include <string>

#include "analyzer/load/source_bytes.h"
#include "analyzer/snapshot.h"

namespace openclaw {

struct MemoryForecast {
  std::uint64_t peak = 0;    // bytes of this process at most, without a limit
  std::uint64_t least = 0;   // the least memory limit that works: what cannot lie in files
  std::uint64_t objects = 0, slots = 0;  // what it was made of: counted or, from samples, estimated
};

// `reader`: of a heap.bin, else null. Cost: some frames or megabytes of the file, milliseconds. Throws std::bad_alloc.
MemoryForecast forecastMemory(const SourceBytes& bytes, DumpKind kind, const DumpReader* reader, const LoadOptions& options);
// The parts of it; in their folders.
MemoryForecast forecastHprof(const SourceBytes& bytes, const LoadOptions& options);
MemoryForecast forecastV8(const SourceBytes& bytes, const LoadOptions& options);

// What the stages after reading take: `columns` bytes an object that stay from before, of which the references are no part.
struct GraphForecast {
  double columns = 0, slotsAnObject = 0;
  double bytesASlot = 2;       // of a reference in a list
  std::uint64_t objects = 0;
  // Bytes an object, at most at a time; `behind`: what is added when the graph is done.
  double peak(double behind) const;
  double lists() const;        // forward
};
// The process itself: what it has now, once the allocator gave back what is free, and what reading on `threads` threads takes.
std::uint64_t processBytes(unsigned threads);

// What this process may still take.
struct MemoryRoom {
  std::uint64_t free = 0;    // 0: not known
  std::string scope;         // "machine", "cgroup /a/b"
};
// Free for this process: of the machine what is available, of each of its cgroups (v1, v2) what is below the limit; page cache that
// can be dropped counts as free. `root` stands before /proc and /sys, for tests.
MemoryRoom measureRoom(const std::string& root = "");

struct MemoryPlan {
  MemoryForecast forecast;
  MemoryRoom room;
  std::uint64_t limit = 0;    // to load under; 0 = none
  bool spill = false;         // tables go to files from the start
  bool refused = false;       // there is not even room for the least
  std::string sentence;       // "needs about 3.1 GiB", and where it does not fit what is done about it
};
// `options.memoryLimit`: kMemoryLimitAsFree decides by the room, a number by itself, 0 never limits.
MemoryPlan planMemory(const MemoryForecast& forecast, const MemoryRoom& room, const LoadOptions& options);

}  // namespace openclaw
