// What a chunk knows about itself (ChunkHeader, inside the chunk) and what the pool knows about every chunk
// (ChunkEntry, a side table), so that any address resolves in O(1) without touching memory that may not be there.
// Masks and summaries are guarded by the pool's lock, or by the world being stopped.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/pool/layout.h"

namespace openclaw::pool {

enum class ChunkKind : std::uint8_t {
  kFree,        // address space only
  kSpare,       // committed, empty, ready
  kWithheld,    // committed, empty, MADV_DONTFORK, kept from allocation until a clone has returned
  kBlocks,      // 59 blocks of small objects
  kLarge,       // 944 pages of large objects
  kHugeHead,    // first chunk of a huge object: header at +320 KiB
  kHugeTail,    // all memory of the huge object `offset` chunks before; no metadata of its own
};

struct ChunkEntry {
  ChunkKind kind = ChunkKind::kFree;
  std::uint8_t doNotFork = 0;      // MADV_DONTFORK is set
  std::uint16_t arena = 0;
  std::uint32_t offset = 0;        // kHugeTail: chunks back to the head; kHugeHead: chunks of the run
};
static_assert(sizeof(ChunkEntry) == 8);

enum class BlockState : std::uint8_t {
  kEmpty,       // no object; summary all zero but `state`
  kSwept,       // may hold objects and holes
  kAllocating,  // a thread owns it: its holes go to that thread's buffer
  kFull,        // nothing in it is worth handing out until the next sweep
};

inline constexpr std::uint8_t kBlockMayHaveDestructors = 1, kBlockMayHaveSamples = 2, kBlockListedForDestructors = 4;

// Invariant for every data block, in granules: objects + floating + holes + tlab = 4096; an empty block has holes = 4096.
// While the block's bit in unsweptMask is set, `objects` also counts cells that the last mark found dead.
struct alignas(64) BlockSummary {
  BlockState state = BlockState::kEmpty;
  std::uint8_t flags = 0;               // kBlock..., atomic or: the owner sets, the sweeper recomputes
  std::uint16_t objectGranules = 0;     // cells of objects; objects in a buffer count when it is given back
  std::uint16_t objectCount = 0;
  std::uint16_t floatingGranules = 0;   // cells in state kDoomed or kDestroyed
  std::uint16_t floatingCount = 0;
  std::uint16_t holeGranules = 0;       // free, not handed out
  std::uint16_t smallHoleGranules = 0;  // of these: in holes under kMinimumHole at the last sweep
  std::uint16_t skippedGranules = 0;    // of these: passed over by the allocator since the last collection
  std::uint16_t holeCount = 0;          // at the last sweep
  std::uint16_t largestHole = 0;        // granules, at the last sweep
  std::uint16_t tlabGranules = 0;       // handed to a thread's buffer
  std::uint16_t scanGranule = 0;        // kAllocating: holes before this granule have been looked at
  std::uint32_t owner = 0;              // kAllocating: tid
  std::uint32_t lastSweep = 0;          // number of collections when it was swept
  // Cells with a sampled stack: how many, and where the first ones begin. So a sweep finds them without reading every
  // dead header; with more than there is room for it does read them.
  static constexpr std::uint16_t kListedSamples = 15;
  std::uint16_t sampleCount = 0;
  std::uint16_t samples[kListedSamples] = {};   // granules

  void addSample(std::uint16_t granule) {
    if (sampleCount < kListedSamples) samples[sampleCount] = granule;
    if (sampleCount <= kListedSamples) ++sampleCount;
  }
  bool listsAllSamples() const { return sampleCount <= kListedSamples; }
  // As of an empty block whose holes nobody has counted. `flags` apart: the destructor thread looks at them at any time.
  void clear() {
    __atomic_store_n(&flags, std::uint8_t{0}, __ATOMIC_RELAXED);
    objectGranules = objectCount = floatingGranules = floatingCount = holeGranules = smallHoleGranules = skippedGranules = 0;
    holeCount = largestHole = tlabGranules = scanGranule = sampleCount = 0;
    owner = lastSweep = 0;
    for (std::uint16_t& sample : samples) sample = 0;
    state = BlockState::kEmpty;
  }
};
static_assert(sizeof(BlockSummary) == 64);

inline constexpr std::uint16_t kNoRun = 0xffff;

struct ChunkHeader {
  std::uint64_t emptyMask;       // bit b: block b holds no object and nobody owns it (kBlocks)
  std::uint64_t recyclableMask;  // bit b: swept, unowned, has a hole of kMinimumHole or more
  std::uint64_t unsweptMask;     // bit b: not swept since the last mark; bit 0 stands for the whole chunk when kLarge or kHugeHead
  std::uint64_t freshMask;       // bit b: memory still as the system gave it, zero (kBlocks)
  BlockSummary blocks[kBlocksPerChunk];

  // kLarge, by page: which page begins the run that this page is part of, kNoRun = free; and for heads its length.
  std::uint16_t runHead[kPagesPerChunk];
  std::uint16_t runPages[kPagesPerChunk];
  std::uint32_t freePages;
  std::uint32_t largestFreeRun;  // an upper bound
  std::uint32_t freshPage;       // pages from here on are still zero
  std::uint32_t finalizeListed;  // kLarge, kHugeHead: holds objects whose destructor has to run
  // kLarge and kHugeHead
  std::uint64_t objectBytes, objectCount;      // cells; while unswept also of those found dead by the last mark
  std::uint64_t floatingBytes, floatingCount;  // cells in state kDoomed or kDestroyed
  std::uint64_t slackBytes;                    // pages of runs beyond the cells
  std::uint64_t reservedBytes;                 // runs handed out, header not yet written
};
static_assert(sizeof(ChunkHeader) <= kHeaderRoom);

inline ChunkHeader* chunkHeaderOf(Address a) { return reinterpret_cast<ChunkHeader*>(chunkOf(a)); }
inline BlockSummary& blockSummaryOf(Address a) { return chunkHeaderOf(a)->blocks[blockInChunk(a)]; }
inline std::uint64_t blockBit(Address a) { return std::uint64_t{1} << blockInChunk(a); }
inline bool isUnswept(Address blockBase) { return (chunkHeaderOf(blockBase)->unsweptMask & blockBit(blockBase)) != 0; }

}  // namespace openclaw::pool
