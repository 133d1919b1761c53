// How much memory may this process take for dumps, and where do the tables lie that it does not hold?
//
// A limit is of the process, as what it bounds is: resident memory at its highest (VmHWM), mapped files included. While one is
// set, large tables (Buffer) that would not fit lie in files without a name, mapped shared. A watch takes them out of the
// process before the limit is reached; the system keeps what it has room for, writes the rest to the disk, and brings back what
// is asked for again. Which tables go first is said where they are made (PageSize): those read in order; those read at random
// only when the rest is full.
//
//   OPENCLAW_TRY_VOID(setMemoryLimit({.bytes = 2ull << 30, .spillDirectory = "/var/tmp"}));
//   … loadSnapshot does it from LoadOptions::memoryLimit.
//   memoryUse().inFiles;
#pragma once

#include <atomic>
#include <cstdint>
#include <new>
#include <string>

#include "format/result.h"

namespace openclaw {

struct MemoryLimitOptions {
  std::uint64_t bytes = 0;     // 0: no limit
  std::string spillDirectory;  // empty: $TMPDIR, else /var/tmp, else /tmp
  bool spill = true;           // tables read in order go to files from the start; false: only what does not fit
};

// Replaces the limit of this process; tables that exist stay where they are. kIo: no file can be made in the directory;
// kInvalidArgument: it lies in memory itself (a tmpfs that nobody named). A limit that is too small shows when holdMemoryLimit()
// throws. Threads: any, one at a time.
Result<void> setMemoryLimit(const MemoryLimitOptions& options);

struct MemoryUse {
  std::uint64_t limit = 0;      // 0: none
  std::uint64_t resident = 0;   // of the process now, as the system counts it
  std::uint64_t anonymous = 0;  // of large tables, mapped
  std::uint64_t inFiles = 0;    // of large tables that lie in files
  std::uint64_t inFilesMost = 0;  // since the limit was set
  std::uint64_t takenOut = 0;   // bytes that the watch asked the system to take out, since the limit was set
};
MemoryUse memoryUse();
std::string spillDirectory();  // in use, or what would be used

// A table has to lie in a file, and the file cannot be had: disk full, quota. `message` says which, and what to do.
struct SpillFailed : std::bad_alloc {
  explicit SpillFailed(std::string text) : message(std::move(text)) {}
  const char* what() const noexcept override { return message.c_str(); }
  std::string message;
};
// What cannot lie in files alone is more than the limit.
struct MemoryLimitExceeded : std::bad_alloc {
  MemoryLimitExceeded(std::uint64_t limitBytes, std::uint64_t residentBytes) : limit(limitBytes), resident(residentBytes) {}
  const char* what() const noexcept override { return "the memory limit is too small"; }
  std::uint64_t limit, resident;
};

namespace internal {
extern std::atomic<bool> memoryLimited;
void holdMemoryLimit();
}  // namespace internal

// For loops of long work, now and then: waits until the process is below its limit. Throws MemoryLimitExceeded. Cost: nothing
// without a limit, else a look at the clock, and once a millisecond at the process's size.
inline void holdMemoryLimit() {
  if (internal::memoryLimited.load(std::memory_order_relaxed)) [[unlikely]] internal::holdMemoryLimit();
}

}  // namespace openclaw
