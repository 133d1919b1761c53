#include "runtime/gc/dump_hooks.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <mutex>
#include <utility>

#include "runtime/gc/heap_impl.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

namespace openclaw::gc {

std::uint32_t DumpHooks::prepare() {
  constexpr std::uint64_t kLeast = 4;
  CriticalScope critical;
  std::lock_guard guard(heap_.poolLock);
  const std::uint64_t chunks = std::max(kLeast, heap_.pool.committedBytes() / pool::kChunkBytes / 8);
  return heap_.pool.withhold(static_cast<std::uint32_t>(chunks), heap_.effectiveLimit());
}

// World stopped: the stopper holds the pool lock.
void DumpHooks::cloned(bool childAlive) noexcept {
  childAlive_.store(childAlive, std::memory_order_relaxed);
  collapseRefused_ = false;
  nextToUnshare_ = 0;
  heap_.pool.releaseWithheld();
  if (!childAlive) heap_.pool.shareAll();
}

void DumpHooks::childGone() {
  CriticalScope critical;
  std::lock_guard guard(heap_.poolLock);
  heap_.pool.shareAll();
  childAlive_.store(false, std::memory_order_relaxed);
}

std::uint64_t DumpHooks::unshareBusy(std::uint64_t nanoseconds) {
  constexpr std::size_t kHuge = 2u << 20, kPages = kHuge / pool::kPageBytes, kRanges = pool::kChunkBytes / kHuge;
  constexpr std::size_t kBusy = 32;
  constexpr std::uint64_t kPresent = 1ull << 63, kExclusive = 1ull << 56;   // Documentation/admin-guide/mm/pagemap.rst
  const std::uint64_t first = std::exchange(nextToUnshare_, 0), until = monotonicNow() + nanoseconds;
  if (collapseRefused_) return 0;
  const int pagemap = ::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  if (pagemap < 0) return 0;
  std::uint64_t copied = 0;
  std::uint64_t entries[kPages];
  const std::uint64_t count = std::uint64_t{heap_.pool.chunksUsed()} * kRanges;
  for (std::uint64_t i = first; i < count; ++i) {
    const pool::ChunkKind kind = heap_.pool.entry(static_cast<std::uint32_t>(i / kRanges)).kind;
    if (kind == pool::ChunkKind::kFree || kind == pool::ChunkKind::kSpare || kind == pool::ChunkKind::kWithheld) continue;
    const pool::Address range = heap_.pool.low() + i * kHuge;
    const auto offset = static_cast<off_t>(range / pool::kPageBytes * sizeof(std::uint64_t));
    if (::pread(pagemap, entries, sizeof entries, offset) != static_cast<ssize_t>(sizeof entries)) continue;
    std::size_t present = 0, own = 0;
    for (const std::uint64_t entry : entries) {
      present += (entry & kPresent) != 0 ? 1 : 0;
      own += (entry & (kPresent | kExclusive)) == (kPresent | kExclusive) ? 1 : 0;
    }
    if (own < kBusy || own == present) continue;   // quiet, or nothing is shared any more
    if (::madvise(reinterpret_cast<void*>(range), kHuge, MADV_COLLAPSE) == 0) {
      ++copied;
    } else if (errno == EINVAL) {
      collapseRefused_ = true;
      break;
    }
    if (monotonicNow() >= until && i + 1 < count) {
      nextToUnshare_ = i + 1;
      break;
    }
  }
  ::close(pagemap);
  return copied;
}

HugePageReport DumpHooks::restoreHugePages() {
  HugePageReport report;
  if (heap_.setting(SettingId::hugePages) == 0) return report;
  const std::uint32_t count = heap_.pool.chunksUsed();
  for (std::uint32_t i = 0; i < count; ++i) {
    const pool::ChunkKind kind = heap_.pool.entry(i).kind;
    // Spare and withheld chunks may be untouched; a chunk that is given back meanwhile collapses to zero pages, harmless.
    if (kind == pool::ChunkKind::kFree || kind == pool::ChunkKind::kSpare || kind == pool::ChunkKind::kWithheld) continue;
    ++report.chunks;
    const std::uint64_t begin = monotonicNow();
    const int result = ::madvise(reinterpret_cast<void*>(heap_.pool.chunkAddress(i)), pool::kChunkBytes, MADV_COLLAPSE);
    const int error = errno;
    const std::uint64_t took = monotonicNow() - begin;
    if (result == 0) {
      ++report.collapsed;
    } else if (error == EINVAL && report.collapsed == 0) {
      report.supported = false;
      return report;
    } else {
      ++report.failed;
    }
    report.totalNanoseconds += took;
    report.longestNanoseconds = std::max(report.longestNanoseconds, took);
  }
  return report;
}

HugePageShare DumpHooks::hugePageShare() const {
  HugePageShare result;
  std::FILE* file = std::fopen("/proc/self/smaps", "re");
  if (file == nullptr) return result;
  char line[512];
  bool ours = false;
  while (std::fgets(line, sizeof line, file) != nullptr) {
    std::uint64_t low = 0, high = 0, kilobytes = 0;
    if (std::sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &low, &high) == 2) ours = heap_.pool.contains(low);
    else if (ours && std::sscanf(line, "Rss: %" SCNu64, &kilobytes) == 1) result.residentBytes += kilobytes << 10;
    else if (ours && std::sscanf(line, "AnonHugePages: %" SCNu64, &kilobytes) == 1) result.hugeBytes += kilobytes << 10;
  }
  std::fclose(file);
  return result;
}

}  // namespace openclaw::gc
