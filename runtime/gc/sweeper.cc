#include "runtime/gc/sweeper.h"

#include <cmath>
#include <cstring>
#include <mutex>

#include "format/check.h"
#include "runtime/gc/heap_impl.h"
#include "runtime/gc/sampling.h"
#include "runtime/pool/walk.h"

namespace openclaw::gc {

using pool::Address;
using pool::BlockState;
using pool::BlockSummary;
using pool::ChunkKind;
using pool::ObjectHeader;

namespace {

constexpr std::uint8_t kPoison = 0xdb;
constexpr std::uint16_t kMinimumHoleGranules = pool::kMinimumHole / pool::kGranule;

std::size_t nextMark(const std::uint8_t* marks, std::size_t from) noexcept {
  while (from < pool::kGranulesPerBlock && (from & 7) != 0) {
    if (__atomic_load_n(marks + from, __ATOMIC_RELAXED) != 0) return from;
    ++from;
  }
  for (; from < pool::kGranulesPerBlock; from += 8) {
    const std::uint64_t word = __atomic_load_n(reinterpret_cast<const std::uint64_t*>(marks + from), __ATOMIC_RELAXED);
    if (word != 0) return from + static_cast<std::size_t>(std::countr_zero(word)) / 8;
  }
  return pool::kGranulesPerBlock;
}

// Does any mark byte of the block have this state?
bool hasState(const std::uint8_t* marks, std::uint8_t state) noexcept {
  constexpr std::uint64_t kOnes = 0x0101'0101'0101'0101ull;
  std::uint64_t found = 0;
  for (std::size_t i = 0; i < pool::kGranulesPerBlock; i += 8) {
    const std::uint64_t word = __atomic_load_n(reinterpret_cast<const std::uint64_t*>(marks + i), __ATOMIC_RELAXED);
    const std::uint64_t differing = (word & kOnes * pool::kStateMask) ^ kOnes * state;   // a zero byte where it has it
    found |= (differing - kOnes) & ~differing & kOnes * 0x80;
  }
  return found != 0;
}

}  // namespace

// Young objects mostly die together: nothing to look at one by one, the summary says how many there were.
bool Sweeper::sweepDeadBlock(Address block) noexcept {
  BlockSummary& summary = pool::blockSummaryOf(block);
  std::uint8_t* marks = pool::markByteOf(block);
  if ((__atomic_load_n(&summary.flags, __ATOMIC_RELAXED) & ~pool::kBlockMayHaveSamples) != 0 || summary.floatingCount != 0 ||
      !summary.listsAllSamples() || hasState(marks, heap_.colour()))
    return false;
  for (std::uint16_t i = 0; i < summary.sampleCount; ++i) {
    const auto* header = reinterpret_cast<const ObjectHeader*>(block + (Address{summary.samples[i]} << pool::kGranuleShift));
    noteSampleFreed(heap_, header->site(), header->cellBytes());
  }
  for (std::size_t i = 0; i < pool::kGranulesPerBlock; i += 8)
    __atomic_store_n(reinterpret_cast<std::uint64_t*>(marks + i), std::uint64_t{0}, __ATOMIC_RELAXED);
  if (heap_.setting(SettingId::stressPoison) != 0) std::memset(reinterpret_cast<void*>(block), kPoison, pool::kBlockBytes);
  heap_.freedObjects.fetch_add(summary.objectCount, std::memory_order_relaxed);
  heap_.freedBytes.fetch_add(std::uint64_t{summary.objectGranules} << pool::kGranuleShift, std::memory_order_relaxed);
  summary.clear();
  summary.holeGranules = summary.largestHole = pool::kGranulesPerBlock;
  summary.holeCount = 1;
  summary.lastSweep = static_cast<std::uint32_t>(heap_.collections.load(std::memory_order_relaxed));
  if (heap_.dumps.childAlive()) heap_.dumps.blocksSweptWithChild.fetch_add(1, std::memory_order_relaxed);
  return true;
}

void Sweeper::sweepBlock(Address block) noexcept {
  if (sweepDeadBlock(block)) return;
  BlockSummary& summary = pool::blockSummaryOf(block);
  std::uint8_t* marks = pool::markByteOf(block);
  const std::uint8_t colour = heap_.colour();
  const bool poison = heap_.setting(SettingId::stressPoison) != 0;
  const std::uint8_t flags = __atomic_load_n(&summary.flags, __ATOMIC_RELAXED);
  // Sampled cells that are listed: looked at before the sweep, freed or kept by what their marks say behind it.
  const bool samplesListed = summary.listsAllSamples();
  struct { std::uint32_t site; std::uint64_t bytes; std::uint16_t granule; } sampled[BlockSummary::kListedSamples];
  const std::uint16_t sampledCount = samplesListed ? summary.sampleCount : 0;
  for (std::uint16_t i = 0; i < sampledCount; ++i) {
    const auto* header = reinterpret_cast<const ObjectHeader*>(block + (Address{summary.samples[i]} << pool::kGranuleShift));
    sampled[i] = {header->site(), header->cellBytes(), summary.samples[i]};
  }
  summary.sampleCount = 0;
  const bool lookForSamples = !samplesListed;
  const bool lookAtDead = (flags & pool::kBlockMayHaveDestructors) != 0 || lookForSamples;

  std::uint32_t liveCount = 0, liveGranules = 0, floatingCount = 0, floatingGranules = 0, newlyDoomed = 0, freedCount = 0,
                freedGranules = 0, holes = 0, smallHoles = 0, largestHole = 0;
  std::uint8_t newFlags = 0;
  std::size_t holeStart = 0;
  auto endHole = [&](std::size_t end) {
    const auto size = static_cast<std::uint32_t>(end - holeStart);
    if (size == 0) return;
    ++holes;
    if (size < kMinimumHoleGranules) smallHoles += size;
    if (size > largestHole) largestHole = size;
  };

  for (std::size_t start = nextMark(marks, 0); start < pool::kGranulesPerBlock;) {
    const std::uint8_t mark = __atomic_load_n(marks + start, __ATOMIC_RELAXED);
    std::size_t end = start;
    if ((mark & pool::kEnd) == 0) end = nextMark(marks, start + 1);
    OPENCLAW_CHECK(pool::stateOf(mark) != pool::kUnused && end < pool::kGranulesPerBlock, block, start, mark, end);
    const auto granules = static_cast<std::uint32_t>(end - start + 1);
    auto* header = reinterpret_cast<ObjectHeader*>(block + (start << pool::kGranuleShift));
    const std::uint8_t state = pool::stateOf(mark);
    bool keep = true;
    if (state == colour) {
      ++liveCount;
      liveGranules += granules;
      if (lookAtDead && (header->flags() & pool::kDestructorFlag) != 0) newFlags |= pool::kBlockMayHaveDestructors;
    } else if (state == pool::kDoomed) {
      // The destructor thread may be at it.
    } else if (state == pool::kDestroyed) {
      __atomic_load_n(marks + start, __ATOMIC_ACQUIRE);   // after all that the destructor did
      keep = false;
    } else if (lookAtDead && (header->flags() & (pool::kDestructorFlag | pool::kConstructingFlag)) == pool::kDestructorFlag) {
      __atomic_store_n(marks + start, static_cast<std::uint8_t>((mark & ~pool::kStateMask) | pool::kDoomed), __ATOMIC_RELAXED);
      ++newlyDoomed;
    } else {
      keep = false;
    }
    if (keep && state != colour) {
      ++floatingCount;
      floatingGranules += granules;
      newFlags |= pool::kBlockMayHaveDestructors;
    }
    if (lookForSamples && (header->site() & pool::kSiteIsStack) != 0) {
      if (keep) summary.addSample(static_cast<std::uint16_t>(start));
      else noteSampleFreed(heap_, header->site(), std::uint64_t{granules} << pool::kGranuleShift);
    }
    if (!keep) {
      ++freedCount;
      freedGranules += granules;
      __atomic_store_n(marks + start, std::uint8_t{0}, __ATOMIC_RELAXED);
      __atomic_store_n(marks + end, std::uint8_t{0}, __ATOMIC_RELAXED);
      if (poison) std::memset(static_cast<void*>(header), kPoison, std::size_t{granules} << pool::kGranuleShift);
    } else {
      endHole(start);
      holeStart = end + 1;
    }
    start = nextMark(marks, end + 1);
  }
  endHole(pool::kGranulesPerBlock);
  for (std::uint16_t i = 0; i < sampledCount; ++i) {
    if (__atomic_load_n(marks + sampled[i].granule, __ATOMIC_RELAXED) != 0) summary.addSample(sampled[i].granule);
    else noteSampleFreed(heap_, sampled[i].site, sampled[i].bytes);
  }
  if (summary.sampleCount != 0) newFlags |= pool::kBlockMayHaveSamples;

  summary.objectCount = static_cast<std::uint16_t>(liveCount);
  summary.objectGranules = static_cast<std::uint16_t>(liveGranules);
  summary.floatingCount = static_cast<std::uint16_t>(floatingCount);
  summary.floatingGranules = static_cast<std::uint16_t>(floatingGranules);
  summary.holeGranules = static_cast<std::uint16_t>(pool::kGranulesPerBlock - liveGranules - floatingGranules);
  summary.smallHoleGranules = static_cast<std::uint16_t>(smallHoles);
  summary.skippedGranules = 0;
  summary.holeCount = static_cast<std::uint16_t>(holes);
  summary.largestHole = static_cast<std::uint16_t>(largestHole);
  summary.tlabGranules = 0;
  summary.scanGranule = 0;
  summary.lastSweep = static_cast<std::uint32_t>(heap_.collections.load(std::memory_order_relaxed));
  summary.state = liveGranules + floatingGranules == 0 ? BlockState::kEmpty : BlockState::kSwept;
  if (newlyDoomed != 0) newFlags |= pool::kBlockListedForDestructors;
  // The destructor thread clears its flag at any time: set bits one way, clear the others one way.
  __atomic_fetch_and(&summary.flags, static_cast<std::uint8_t>(pool::kBlockListedForDestructors | newFlags), __ATOMIC_RELAXED);
  __atomic_fetch_or(&summary.flags, newFlags, __ATOMIC_RELEASE);

  if (newlyDoomed != 0) heap_.destructors.add(newlyDoomed);
  heap_.freedObjects.fetch_add(freedCount, std::memory_order_relaxed);
  heap_.freedBytes.fetch_add(std::uint64_t{freedGranules} << pool::kGranuleShift, std::memory_order_relaxed);
  heap_.sweptLiveObjects.fetch_add(liveCount, std::memory_order_relaxed);
  heap_.sweptLiveBytes.fetch_add(std::uint64_t{liveGranules} << pool::kGranuleShift, std::memory_order_relaxed);
  if (heap_.dumps.childAlive()) heap_.dumps.blocksSweptWithChild.fetch_add(1, std::memory_order_relaxed);
}

void Sweeper::publishBlock(Address block) noexcept {
  BlockSummary& summary = pool::blockSummaryOf(block);
  pool::ChunkHeader* chunk = pool::chunkHeaderOf(block);
  if (summary.state == BlockState::kEmpty) {
    summary.owner = 0;
    chunk->emptyMask |= pool::blockBit(block);
  } else if (summary.largestHole >= kMinimumHoleGranules) {
    summary.state = BlockState::kSwept;
    chunk->recyclableMask |= pool::blockBit(block);
  } else {
    summary.state = BlockState::kFull;
  }
}

void Sweeper::sweepLargeChunk(std::uint32_t index) noexcept {
  pool::ChunkHeader& chunk = heap_.pool.header(index);
  const std::uint8_t colour = heap_.colour();
  const bool poison = heap_.setting(SettingId::stressPoison) != 0;
  const Address base = heap_.pool.chunkAddress(index);
  chunk.unsweptMask &= ~std::uint64_t{1};
  taken();

  // What becomes of one object: true = its cell is free now.
  std::uint32_t newlyDoomed = 0;
  auto sweepOne = [&](ObjectHeader* header, std::uint64_t slack) {
    std::uint8_t* mark = pool::markByteOf(reinterpret_cast<Address>(header));
    const std::uint8_t before = __atomic_load_n(mark, __ATOMIC_RELAXED);
    const std::uint64_t bytes = header->cellBytes();
    if (pool::stateOf(before) == colour) {
      heap_.sweptLiveObjects.fetch_add(1, std::memory_order_relaxed);
      heap_.sweptLiveBytes.fetch_add(bytes, std::memory_order_relaxed);
      return false;
    }
    if (pool::stateOf(before) == pool::kDoomed) return false;
    if (pool::stateOf(before) == pool::kDestroyed) {
      chunk.floatingBytes -= bytes;
      --chunk.floatingCount;
    } else {
      chunk.objectBytes -= bytes;
      --chunk.objectCount;
      if ((header->flags() & (pool::kDestructorFlag | pool::kConstructingFlag)) == pool::kDestructorFlag) {
        __atomic_store_n(mark, static_cast<std::uint8_t>((before & ~pool::kStateMask) | pool::kDoomed), __ATOMIC_RELAXED);
        chunk.floatingBytes += bytes;
        ++chunk.floatingCount;
        ++newlyDoomed;
        return false;
      }
    }
    if ((header->site() & pool::kSiteIsStack) != 0) noteSampleFreed(heap_, header->site(), bytes);
    chunk.slackBytes -= slack;
    heap_.freedObjects.fetch_add(1, std::memory_order_relaxed);
    heap_.freedBytes.fetch_add(bytes, std::memory_order_relaxed);
    __atomic_store_n(mark, std::uint8_t{0}, __ATOMIC_RELAXED);
    return true;
  };

  const pool::ChunkEntry entry = heap_.pool.entry(index);
  bool giveBack = false;
  if (entry.kind == ChunkKind::kHugeHead) {
    auto* header = reinterpret_cast<ObjectHeader*>(base + pool::kMetadataBytes + pool::kLargePrefix);
    if (pool::stateOf(__atomic_load_n(pool::markByteOf(reinterpret_cast<Address>(header)), __ATOMIC_RELAXED)) != pool::kUnused) {
      const std::uint64_t room = (static_cast<std::uint64_t>(entry.offset) << pool::kChunkShift) - pool::kMetadataBytes;
      giveBack = sweepOne(header, room - header->cellBytes());
    }
  } else {
    for (std::size_t page = pool::kFirstPage; page < pool::kPagesPerChunk;) {
      if (chunk.runHead[page] == pool::kNoRun) {
        ++page;
        continue;
      }
      const std::size_t pages = chunk.runPages[page];
      auto* header = reinterpret_cast<ObjectHeader*>(base + (page << pool::kPageShift) + pool::kLargePrefix);
      // A run without a mark is handed out and still being zeroed.
      if (pool::stateOf(__atomic_load_n(pool::markByteOf(reinterpret_cast<Address>(header)), __ATOMIC_RELAXED)) != pool::kUnused &&
          sweepOne(header, (pages << pool::kPageShift) - header->cellBytes())) {
        if (poison) std::memset(reinterpret_cast<void*>(base + (page << pool::kPageShift)), kPoison, pages << pool::kPageShift);
        for (std::size_t i = page; i < page + pages; ++i) chunk.runHead[i] = pool::kNoRun;
        chunk.freePages += static_cast<std::uint32_t>(pages);
        chunk.largestFreeRun = chunk.freePages;   // an upper bound
      }
      page += pages;
    }
    giveBack = chunk.freePages == pool::kPagesPerChunk - pool::kFirstPage;
  }
  if (newlyDoomed != 0) {
    __atomic_store_n(&chunk.finalizeListed, 1u, __ATOMIC_RELAXED);
    heap_.destructors.add(newlyDoomed);
  }
  if (giveBack) heap_.pool.giveBack(base);
}

bool Sweeper::step() noexcept {
  std::lock_guard guard(lock);
  if (!anyLeft()) return false;
  Address block = 0;
  {
    std::lock_guard poolGuard(heap_.poolLock);
    const std::uint32_t count = heap_.pool.chunksUsed();
    if (cursor_ >= count) cursor_ = 0;
    for (std::uint32_t looked = 0; looked <= count && block == 0; ++looked, cursor_ = cursor_ + 1 < count ? cursor_ + 1 : 0) {
      const ChunkKind kind = heap_.pool.entry(cursor_).kind;
      if (kind != ChunkKind::kBlocks && kind != ChunkKind::kLarge && kind != ChunkKind::kHugeHead) continue;
      pool::ChunkHeader& chunk = heap_.pool.header(cursor_);
      if (chunk.unsweptMask == 0) continue;
      if (kind != ChunkKind::kBlocks) {
        sweepLargeChunk(cursor_);
        return true;
      }
      const auto bit = static_cast<unsigned>(std::countr_zero(chunk.unsweptMask));
      chunk.unsweptMask &= ~(std::uint64_t{1} << bit);
      taken();
      block = heap_.pool.chunkAddress(cursor_) + (static_cast<Address>(bit) << pool::kBlockShift);
      break;
    }
  }
  if (block == 0) return false;
  sweepBlock(block);
  std::lock_guard poolGuard(heap_.poolLock);
  publishBlock(block);
  return true;
}

std::uint64_t Sweeper::finish() noexcept {
  std::uint64_t swept = 0;
  const std::uint32_t count = heap_.pool.chunksUsed();
  for (std::uint32_t i = 0; i < count && anyLeft(); ++i) {
    const ChunkKind kind = heap_.pool.entry(i).kind;
    if (kind != ChunkKind::kBlocks && kind != ChunkKind::kLarge && kind != ChunkKind::kHugeHead) continue;
    pool::ChunkHeader& chunk = heap_.pool.header(i);
    if (kind != ChunkKind::kBlocks) {
      if (chunk.unsweptMask != 0) {
        sweepLargeChunk(i);
        ++swept;
      }
      continue;
    }
    while (chunk.unsweptMask != 0) {
      const auto bit = static_cast<unsigned>(std::countr_zero(chunk.unsweptMask));
      chunk.unsweptMask &= ~(std::uint64_t{1} << bit);
      taken();
      const Address block = heap_.pool.chunkAddress(i) + (static_cast<Address>(bit) << pool::kBlockShift);
      sweepBlock(block);
      publishBlock(block);
      ++swept;
    }
  }
  return swept;
}

}  // namespace openclaw::gc
