// Walks a heap that holds still (stopped world or dump child): regions ascending by address, objects inside a region
// ascending. No allocation, no locks, no system calls.
//
//   forEachRegion(pool, [&](const Region& region) {
//     forEachObject(region, colour, [&](const ObjectView& object) { ... object.isLive() ... });
//   });
#pragma once

#include "runtime/pool/pool.h"

namespace openclaw::pool {

// A data block, a large object's pages, free pages between them, or the data part of an empty or huge chunk. Regions
// tile the data part of every committed chunk; metadata (the first 320 KiB, not of huge tails) lies in none.
struct Region {
  enum class Kind : std::uint8_t { kBlock, kLargePages, kFreePages, kHugeObject, kEmptyChunk };
  Kind kind = Kind::kBlock;
  Address base = 0;
  std::uint64_t bytes = 0;
  ChunkKind chunkKind = ChunkKind::kFree;
  std::uint16_t arena = 0;
  bool unswept = false;              // young objects here were allocated before the last collection: dead
  ChunkHeader* chunk = nullptr;      // null for kEmptyChunk
  const BlockSummary* block = nullptr;  // kBlock only
};

struct ObjectView {
  ObjectHeader* header = nullptr;
  std::uint8_t mark = 0;
  bool live = false;                 // false: floating (dead, not swept or its destructor outstanding)
  Address payload() const { return header->payload(); }
  std::uint64_t cellBytes() const { return header->cellBytes(); }
  std::uint8_t age() const { return ageOf(mark); }
  bool isLive() const { return live; }
};

// Is an object with this mark byte live? `colour`: the heap's current one.
inline bool isLiveMark(std::uint8_t mark, std::uint8_t colour, bool unswept) {
  std::uint8_t state = stateOf(mark);
  return state == colour || (state == kYoung && !unswept);
}

template <class F>
void forEachRegion(const Pool& pool, F&& visit) {
  const std::uint32_t count = pool.chunksUsed();
  for (std::uint32_t i = 0; i < count; ++i) {
    const ChunkEntry entry = pool.entry(i);
    const Address chunk = pool.chunkAddress(i);
    Region region;
    region.chunkKind = entry.kind;
    region.arena = entry.arena;
    switch (entry.kind) {
      case ChunkKind::kFree:
      case ChunkKind::kHugeTail: break;
      case ChunkKind::kSpare:
      case ChunkKind::kWithheld:
        region.kind = Region::Kind::kEmptyChunk;
        region.base = chunk + kMetadataBytes;
        region.bytes = kChunkBytes - kMetadataBytes;
        visit(region);
        break;
      case ChunkKind::kBlocks:
        region.kind = Region::Kind::kBlock;
        region.chunk = &pool.header(i);
        region.bytes = kBlockBytes;
        for (std::size_t b = kFirstBlock; b < kBlocksPerChunk; ++b) {
          region.base = chunk + (b << kBlockShift);
          region.block = &region.chunk->blocks[b];
          region.unswept = ((region.chunk->unsweptMask >> b) & 1) != 0;
          visit(region);
        }
        break;
      case ChunkKind::kLarge:
        region.chunk = &pool.header(i);
        region.unswept = (region.chunk->unsweptMask & 1) != 0;
        for (std::size_t page = kFirstPage; page < kPagesPerChunk;) {
          std::size_t pages = 1;
          if (region.chunk->runHead[page] == kNoRun) {
            while (page + pages < kPagesPerChunk && region.chunk->runHead[page + pages] == kNoRun) ++pages;
            region.kind = Region::Kind::kFreePages;
          } else {
            pages = region.chunk->runPages[page];
            region.kind = Region::Kind::kLargePages;
          }
          region.base = chunk + (page << kPageShift);
          region.bytes = pages << kPageShift;
          visit(region);
          page += pages;
        }
        break;
      case ChunkKind::kHugeHead:
        region.kind = Region::Kind::kHugeObject;
        region.chunk = &pool.header(i);
        region.unswept = (region.chunk->unsweptMask & 1) != 0;
        region.base = chunk + kMetadataBytes;
        region.bytes = (static_cast<std::uint64_t>(entry.offset) << kChunkShift) - kMetadataBytes;
        visit(region);
        break;
    }
  }
}

// Start granules (bytes with a state) in the mark bytes of [base, base + bytes): visit(header, mark byte).
template <class F>
void forEachMark(Address base, std::uint64_t bytes, F&& visit) {
  const std::uint8_t* marks = markByteOf(base);
  const std::size_t count = bytes >> kGranuleShift;
  constexpr std::uint64_t kStates = 0x0707'0707'0707'0707ull;
  for (std::size_t i = 0; i < count; i += 8) {
    std::uint64_t word = __atomic_load_n(reinterpret_cast<const std::uint64_t*>(marks + i), __ATOMIC_RELAXED);
    std::uint64_t starts = word & kStates;
    while (starts != 0) {
      const unsigned byte = static_cast<unsigned>(std::countr_zero(starts)) >> 3;
      visit(reinterpret_cast<ObjectHeader*>(base + ((i + byte) << kGranuleShift)), static_cast<std::uint8_t>(word >> (byte * 8)));
      starts &= ~(std::uint64_t{0xff} << (byte * 8));
    }
  }
}

template <class F>
void forEachObject(const Region& region, std::uint8_t colour, F&& visit) {
  auto one = [&](ObjectHeader* header, std::uint8_t mark) {
    visit(ObjectView{header, mark, isLiveMark(mark, colour, region.unswept)});
  };
  switch (region.kind) {
    case Region::Kind::kBlock:
      if (region.block->state != BlockState::kEmpty) forEachMark(region.base, region.bytes, one);
      break;
    case Region::Kind::kLargePages:
    case Region::Kind::kHugeObject: {
      const Address header = region.base + kLargePrefix;
      const std::uint8_t mark = __atomic_load_n(markByteOf(header), __ATOMIC_RELAXED);
      if (stateOf(mark) != kUnused) one(reinterpret_cast<ObjectHeader*>(header), mark);
      break;
    }
    case Region::Kind::kFreePages:
    case Region::Kind::kEmptyChunk: break;
  }
}

// The header of the object whose cell holds `a` (interior pointers; `a` may be the first byte of its header), or null. Any address. O(cell / 16) at
// most 512 mark bytes. Does not ask whether it is live; `*unswept` tells isLiveMark.
ObjectHeader* findObject(const Pool& pool, Address a, bool* unswept = nullptr) noexcept;

}  // namespace openclaw::pool
