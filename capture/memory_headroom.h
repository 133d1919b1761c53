// How much memory this process may still take before somebody is killed: the smallest of what its cgroups (v1 or v2,
// with all their parents) and the machine have free. Asked before a clone and while its child lives.
//
//   MemoryHeadroom room = measureHeadroom();
//   if (room.free < fraction * room.limit) ...        // room.scope says whose limit it is
#pragma once

#include <cstdint>
#include <string>

namespace openclaw {

struct MemoryHeadroom {
  std::uint64_t limit = 0;  // bytes; 0 = nothing could be read (no /proc)
  std::uint64_t free = 0;   // page cache that can be dropped counts as free
  std::string scope;        // "machine", or the folder of the cgroup
};

// `root` stands before /proc and /sys, for tests. Of all limits the one with the smallest free share counts.
// Cost: a few small files, tens of microseconds.
MemoryHeadroom measureHeadroom(const std::string& root = "");

}  // namespace openclaw
