#include "runtime/gc/counters.h"

#include "runtime/gc/heap_impl.h"
#include "runtime/pool/walk.h"

namespace openclaw::gc {

using pool::ChunkKind;

void computeCounters(HeapImpl& heap, HeapCounters& c, ArenaRecord* arena) noexcept {
  c = HeapCounters();
  const pool::Pool& pool = heap.pool;
  // Cells in swept memory are objects; in unswept memory they are what the last mark found (known in total) or floating.
  std::uint64_t unsweptBytes = 0, unsweptCount = 0, lockedBytes = 0;
  std::uint32_t blocks = 0, chunks = 0;
  const std::uint32_t count = pool.chunksUsed();
  for (std::uint32_t i = 0; i < count; ++i) {
    const pool::ChunkEntry entry = pool.entry(i);
    if (entry.kind == ChunkKind::kFree) continue;
    ++chunks;
    if (entry.kind != ChunkKind::kHugeTail) c.metadataBytes += pool::kMetadataBytes;
    switch (entry.kind) {
      case ChunkKind::kFree:
      case ChunkKind::kHugeTail: break;
      case ChunkKind::kSpare:
      case ChunkKind::kWithheld: c.emptyBlockBytes += pool::kChunkBytes - pool::kMetadataBytes; break;
      case ChunkKind::kBlocks: {
        const pool::ChunkHeader& chunk = pool.header(i);
        for (std::size_t b = pool::kFirstBlock; b < pool::kBlocksPerChunk; ++b) {
          const pool::BlockSummary& summary = chunk.blocks[b];
          if (summary.state == pool::BlockState::kEmpty) {
            c.emptyBlockBytes += pool::kBlockBytes;
            continue;
          }
          ++blocks;
          const std::uint64_t objects = std::uint64_t{summary.objectGranules} << pool::kGranuleShift;
          const std::uint64_t holes = std::uint64_t{summary.holeGranules} << pool::kGranuleShift;
          if (((chunk.unsweptMask >> b) & 1) != 0) {
            unsweptBytes += objects;
            unsweptCount += summary.objectCount;
          } else {
            c.objectBytes += objects;
            c.objectCount += summary.objectCount;
          }
          c.floatingBytes += std::uint64_t{summary.floatingGranules} << pool::kGranuleShift;
          c.floatingCount += summary.floatingCount;
          c.holeBytes += holes;
          lockedBytes += holes;
          c.unusableHoleBytes += (std::uint64_t{summary.smallHoleGranules} + summary.skippedGranules) << pool::kGranuleShift;
        }
        break;
      }
      case ChunkKind::kLarge:
      case ChunkKind::kHugeHead: {
        const pool::ChunkHeader& chunk = pool.header(i);
        if ((chunk.unsweptMask & 1) != 0) {
          unsweptBytes += chunk.objectBytes;
          unsweptCount += chunk.objectCount;
        } else {
          c.objectBytes += chunk.objectBytes;
          c.objectCount += chunk.objectCount;
        }
        c.floatingBytes += chunk.floatingBytes;
        c.floatingCount += chunk.floatingCount;
        c.largeSlackBytes += chunk.slackBytes;
        c.tlabTailBytes += chunk.reservedBytes;
        if (entry.kind == ChunkKind::kLarge) {
          const std::uint64_t free = std::uint64_t{chunk.freePages} << pool::kPageShift;
          c.holeBytes += free;
          lockedBytes += free;
        }
        break;
      }
    }
  }
  const std::uint64_t liveUnswept = heap.markedBytes.load(std::memory_order_relaxed) - heap.sweptLiveBytes.load(std::memory_order_relaxed);
  const std::uint64_t liveUnsweptCount = heap.markedObjects.load(std::memory_order_relaxed) - heap.sweptLiveObjects.load(std::memory_order_relaxed);
  c.objectBytes += liveUnswept;
  c.objectCount += liveUnsweptCount;
  c.floatingBytes += unsweptBytes - liveUnswept;
  c.floatingCount += unsweptCount - liveUnsweptCount;

  c.allocatedBytes = heap.allocatedBytes.load(std::memory_order_relaxed);
  c.allocatedObjects = heap.allocatedObjects.load(std::memory_order_relaxed);
  heap.safepoint.forEachThread([&](const ThreadContext& thread) {
    c.allocatedBytes += thread.allocatedBytes.load(std::memory_order_relaxed);
    c.allocatedObjects += thread.allocatedObjects.load(std::memory_order_relaxed);
    for (const Tlab* tlab : {&thread.tlab, &thread.overflow}) {
      std::uint64_t objects = 0, bytes = 0;
      Allocator::countBuffer(*tlab, objects, bytes);
      c.objectBytes += bytes;
      c.objectCount += objects;
      c.allocatedBytes += bytes;
      c.allocatedObjects += objects;
      c.tlabTailBytes += tlab->end - tlab->cursor;
    }
  });

  c.reservedBytes = pool.reservedBytes();
  c.heapLimitBytes = heap.effectiveLimit();
  c.committedBytes = pool.committedBytes();
  c.externalBytes = heap.externalBytes.load(std::memory_order_relaxed);
  if (c.committedBytes != 0) {
    c.fragmentationPpm = c.unusableHoleBytes * 1'000'000 / c.committedBytes;
    c.lockedPpm = lockedBytes * 1'000'000 / c.committedBytes;
  }
  c.freedBytes = heap.freedBytes.load(std::memory_order_relaxed);
  c.freedObjects = heap.freedObjects.load(std::memory_order_relaxed);
  const std::uint64_t soft = heap.setting(SettingId::arenaSize);
  c.overflowBytes = c.committedBytes > soft ? c.committedBytes - soft : 0;
  c.rootCount = heap.roots.countSet();
  c.threadCount = heap.safepoint.threadCount();
  c.collections = heap.collections.load(std::memory_order_relaxed);
  c.pauses = heap.pauses.total();
  c.pauseNanoseconds = heap.pauses.totalNanoseconds();
  c.longestPauseNanoseconds = heap.pauses.longestNanoseconds();
  c.destructorsPending = heap.destructors.pending();
  c.stackSamples = heap.recorder.samples();
  c.stackSamplesLost = heap.recorder.lost();
  c.requestSegmentsLost = heap.requests.lost();
  c.pausesLost = heap.pauses.lost();
  c.dumps = heap.dumps.dumps.load(std::memory_order_relaxed);
  c.dumpsFailed = heap.dumps.dumpsFailed.load(std::memory_order_relaxed);

  if (arena == nullptr) return;
  arena->name = "main";
  arena->softLimit = soft;
  arena->committed = c.committedBytes;
  arena->overflow = c.overflowBytes;
  arena->objectBytes = c.objectBytes;
  arena->objectCount = c.objectCount;
  arena->floatingBytes = c.floatingBytes;
  arena->holeBytes = c.holeBytes;
  arena->emptyBlockBytes = c.emptyBlockBytes;
  arena->tlabTailBytes = c.tlabTailBytes;
  arena->largeSlackBytes = c.largeSlackBytes;
  arena->metadataBytes = c.metadataBytes;
  arena->unusableHoleBytes = c.unusableHoleBytes;
  arena->blocks = blocks;
  arena->chunks = chunks;
}

}  // namespace openclaw::gc
