#include "runtime/pool/pool.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "format/check.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

// Leak sanitizer's: objects here may own malloc memory. Null without it. By chunk, since it reads all it is told of.
extern "C" __attribute__((weak)) void __lsan_register_root_region(const void*, std::size_t);
extern "C" __attribute__((weak)) void __lsan_unregister_root_region(const void*, std::size_t);

namespace openclaw::pool {
namespace {

void* reserve(std::size_t bytes) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

// For kSpare and kWithheld the entry's offset says whether the data part may hold old bytes. Mark bytes are zero always.
constexpr std::uint32_t kDirty = 1;

bool isEmptyKind(ChunkKind kind) { return kind == ChunkKind::kFree || kind == ChunkKind::kSpare; }

}  // namespace

Result<std::unique_ptr<Pool>> Pool::create(std::uint64_t reservationBytes) {
  if (reservationBytes == 0 || reservationBytes % kChunkBytes != 0)
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("reservation of {} bytes: it must be a multiple of 4 MiB", reservationBytes));
  std::unique_ptr<Pool> pool(new Pool);
  auto* memory = static_cast<std::byte*>(reserve(reservationBytes + kChunkBytes));
  if (memory == nullptr)
    return fail(ErrorCode::kNotFinished,
                fmt::format("no address space for a heap of {} bytes: {}", reservationBytes, std::strerror(errno)));
  const Address start = (reinterpret_cast<Address>(memory) + kChunkBytes - 1) & ~(kChunkBytes - 1);
  const Address end = reinterpret_cast<Address>(memory) + reservationBytes + kChunkBytes;
  if (start != reinterpret_cast<Address>(memory)) ::munmap(memory, start - reinterpret_cast<Address>(memory));
  if (end != start + reservationBytes)
    ::munmap(reinterpret_cast<void*>(start + reservationBytes), end - start - reservationBytes);
  pool->base_ = start;
  pool->bytes_ = reservationBytes;
  pool->chunkCount_ = static_cast<std::uint32_t>(reservationBytes >> kChunkShift);
  pool->table_ = static_cast<ChunkEntry*>(reserve(pool->chunkCount_ * sizeof(ChunkEntry)));
  if (pool->table_ == nullptr) return fail(ErrorCode::kNotFinished, "no address space for the chunk table");
  return pool;
}

Pool::~Pool() {
  if (__lsan_unregister_root_region != nullptr)
    for (std::uint32_t i = 0; i < chunksUsed(); ++i)
      if (entry(i).kind != ChunkKind::kFree) __lsan_unregister_root_region(reinterpret_cast<void*>(chunkAddress(i)), kChunkBytes);
  if (base_ != 0) ::munmap(reinterpret_cast<void*>(base_), bytes_);
  if (table_ != nullptr) ::munmap(table_, chunkCount_ * sizeof(ChunkEntry));
}

void Pool::advise(Address address, std::size_t bytes, int advice) {
  if (::madvise(reinterpret_cast<void*>(address), bytes, advice) != 0) adviceFailures_.fetch_add(1, std::memory_order_relaxed);
}

void Pool::commit(std::uint32_t index) {
  advise(chunkAddress(index), kChunkBytes, hugePages_.load(std::memory_order_relaxed) ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  if (__lsan_register_root_region != nullptr) __lsan_register_root_region(reinterpret_cast<void*>(chunkAddress(index)), kChunkBytes);
  committed_.fetch_add(kChunkBytes, std::memory_order_relaxed);
  if (index >= chunksUsed()) chunksUsed_.store(index + 1, std::memory_order_release);
}

void Pool::drop(std::uint32_t index, std::uint32_t count) {
  advise(chunkAddress(index), static_cast<std::size_t>(count) << kChunkShift, MADV_DONTNEED);
}

Address Pool::take(std::uint32_t count, ChunkKind kind, std::uint64_t limitBytes, bool preferUnshared) {
  const std::uint64_t committed = committedBytes();
  const std::uint64_t mayCommit = limitBytes > committed ? (limitBytes - committed) >> kChunkShift : 0;
  std::uint32_t found = chunkCount_;
  if (count == 1 && spareChunks() != 0) {
    // Spare ones first; while a child lives those it does not share.
    for (std::uint32_t i = 0; i < chunksUsed(); ++i) {
      const ChunkEntry e = entry(i);
      if (e.kind != ChunkKind::kSpare) continue;
      if (found == chunkCount_) found = i;
      if (!preferUnshared || e.doNotFork != 0) {
        found = i;
        break;
      }
    }
  }
  if (found == chunkCount_) {
    // First run of free or spare chunks that costs no more new ones than the limit allows.
    std::uint32_t run = 0;
    std::uint64_t fresh = 0;
    for (std::uint32_t i = 0; i < chunkCount_; ++i) {
      const ChunkKind k = entry(i).kind;
      if (!isEmptyKind(k)) {
        run = 0;
        fresh = 0;
        continue;
      }
      ++run;
      fresh += k == ChunkKind::kFree ? 1 : 0;
      if (run > count) fresh -= entry(i - count).kind == ChunkKind::kFree ? 1 : 0;
      if (run >= count && fresh <= mayCommit) {
        found = i + 1 - count;
        break;
      }
    }
  }
  if (found == chunkCount_) return 0;

  bool dirty = false;
  for (std::uint32_t i = found; i < found + count; ++i) {
    ChunkEntry e = entry(i);
    if (e.kind == ChunkKind::kFree) {
      commit(i);
    } else {
      spare_.fetch_sub(1, std::memory_order_relaxed);
      if (e.doNotFork != 0) unsharedSpare_.fetch_sub(1, std::memory_order_relaxed);
      if (e.offset == kDirty) {
        dirty = true;
        if (count > 1 || kind == ChunkKind::kHugeHead) drop(i, 1);
      }
    }
    e.kind = i == found ? kind : ChunkKind::kHugeTail;
    e.arena = 0;
    e.offset = i == found ? (kind == ChunkKind::kHugeHead ? count : 0) : i - found;
    setEntry(i, e);
  }
  if (count > 1 || kind == ChunkKind::kHugeHead) dirty = false;
  ChunkHeader& h = header(found);
  std::memset(static_cast<void*>(&h), 0, sizeof h);
  if (kind == ChunkKind::kBlocks) {
    h.emptyMask = kDataBlockMask;
    h.freshMask = dirty ? 0 : kDataBlockMask;
    for (std::size_t b = kFirstBlock; b < kBlocksPerChunk; ++b) {
      h.blocks[b].holeGranules = kGranulesPerBlock;
      h.blocks[b].largestHole = kGranulesPerBlock;
      h.blocks[b].holeCount = 1;
    }
  } else if (kind == ChunkKind::kLarge) {
    std::fill_n(h.runHead, kPagesPerChunk, kNoRun);
    h.freePages = h.largestFreeRun = static_cast<std::uint32_t>(kPagesPerChunk - kFirstPage);
    h.freshPage = dirty ? kPagesPerChunk : kFirstPage;
  }
  return chunkAddress(found);
}

void Pool::giveBack(Address chunk) {
  const std::uint32_t index = chunkIndex(chunk);
  ChunkEntry e = entry(index);
  const std::uint32_t count = e.kind == ChunkKind::kHugeHead ? e.offset : 1;
  std::uint32_t dirty = kDirty;
  if (e.kind == ChunkKind::kHugeHead) {
    drop(index, count);
    dirty = 0;
  } else {
    // The header goes, so that the mark bytes are zero as everywhere in a spare chunk.
    std::memset(static_cast<void*>(&header(index)), 0, sizeof(ChunkHeader));
  }
  for (std::uint32_t i = index; i < index + count; ++i) {
    e = entry(i);
    e.kind = ChunkKind::kSpare;
    e.offset = dirty;
    setEntry(i, e);
    spare_.fetch_add(1, std::memory_order_relaxed);
    if (e.doNotFork != 0) unsharedSpare_.fetch_add(1, std::memory_order_relaxed);
  }
}

void Pool::trim(std::uint64_t keep) {
  for (std::uint32_t i = chunksUsed(); i-- > 0 && spareChunks() > keep;) {
    ChunkEntry e = entry(i);
    if (e.kind != ChunkKind::kSpare) continue;
    drop(i, 1);
    spare_.fetch_sub(1, std::memory_order_relaxed);
    if (e.doNotFork != 0) unsharedSpare_.fetch_sub(1, std::memory_order_relaxed);
    committed_.fetch_sub(kChunkBytes, std::memory_order_relaxed);
    if (__lsan_unregister_root_region != nullptr) __lsan_unregister_root_region(reinterpret_cast<void*>(chunkAddress(i)), kChunkBytes);
    e.kind = ChunkKind::kFree;
    e.offset = 0;
    setEntry(i, e);
  }
}

std::uint32_t Pool::withhold(std::uint32_t count, std::uint64_t limitBytes) {
  std::uint32_t done = 0;
  // Adjacent ones where possible: every separate range is one more mapping for the clone to copy.
  for (std::uint32_t i = 0; i < chunkCount_ && done < count; ++i) {
    ChunkEntry e = entry(i);
    if (!isEmptyKind(e.kind)) continue;
    if (e.kind == ChunkKind::kFree) {
      if (committedBytes() + kChunkBytes > limitBytes) continue;
      commit(i);
    } else {
      spare_.fetch_sub(1, std::memory_order_relaxed);
      if (e.doNotFork != 0) unsharedSpare_.fetch_sub(1, std::memory_order_relaxed);
    }
    if (e.doNotFork == 0) {
      if (::madvise(reinterpret_cast<void*>(chunkAddress(i)), kChunkBytes, MADV_DONTFORK) == 0) e.doNotFork = 1;
      else adviceFailures_.fetch_add(1, std::memory_order_relaxed);
    }
    e.kind = ChunkKind::kWithheld;
    setEntry(i, e);
    withheld_.fetch_add(1, std::memory_order_relaxed);
    ++done;
  }
  return done;
}

void Pool::releaseWithheld() {
  for (std::uint32_t i = 0; i < chunksUsed() && withheldChunks() != 0; ++i) {
    ChunkEntry e = entry(i);
    if (e.kind != ChunkKind::kWithheld) continue;
    e.kind = ChunkKind::kSpare;
    setEntry(i, e);
    withheld_.fetch_sub(1, std::memory_order_relaxed);
    spare_.fetch_add(1, std::memory_order_relaxed);
    if (e.doNotFork != 0) unsharedSpare_.fetch_add(1, std::memory_order_relaxed);
  }
}

void Pool::shareAll() {
  for (std::uint32_t i = 0; i < chunksUsed(); ++i) {
    ChunkEntry e = entry(i);
    if (e.doNotFork == 0) continue;
    advise(chunkAddress(i), kChunkBytes, MADV_DOFORK);
    e.doNotFork = 0;
    setEntry(i, e);
  }
  unsharedSpare_.store(0, std::memory_order_relaxed);
}

}  // namespace openclaw::pool
