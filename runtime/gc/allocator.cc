#include "runtime/gc/allocator.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <new>

#include "format/check.h"
#include "runtime/gc/heap_impl.h"
#include "runtime/gc/sampling.h"
#include "runtime/pool/walk.h"

namespace openclaw::gc {

using pool::Address;
using pool::BlockState;
using pool::BlockSummary;
using pool::ChunkHeader;
using pool::ChunkKind;

namespace {

constexpr std::uint64_t kDestructorWait = 200'000'000;  // ns
constexpr int kSweepsPerStep = 4;                       // blocks swept in one critical section

constexpr std::uint16_t toGranules(std::size_t bytes) { return static_cast<std::uint16_t>(bytes >> pool::kGranuleShift); }

std::size_t findMark(const std::uint8_t* marks, std::size_t from) noexcept {
  for (; from < pool::kGranulesPerBlock; ++from) {
    if ((from & 7) == 0) {
      std::uint64_t word;
      while (from < pool::kGranulesPerBlock &&
             (word = __atomic_load_n(reinterpret_cast<const std::uint64_t*>(marks + from), __ATOMIC_RELAXED)) == 0)
        from += 8;
      if (from >= pool::kGranulesPerBlock) break;
    }
    if (__atomic_load_n(marks + from, __ATOMIC_RELAXED) != 0) return from;
  }
  return pool::kGranulesPerBlock;
}

}  // namespace

// ---- buffers of small objects

void Allocator::setLimit(ThreadContext& thread) noexcept {
  Tlab& tlab = thread.tlab;
  thread.sampleBase = tlab.cursor;
  tlab.limit = tlab.end;
  if (heap_.setting(SettingId::stressCollect) != 0) {
    tlab.limit = tlab.cursor;   // every allocation is counted
  } else if (thread.sampleMean != 0 && static_cast<std::uint64_t>(thread.sampleRemaining) < tlab.end - tlab.cursor) {
    tlab.limit = tlab.cursor + static_cast<Address>(thread.sampleRemaining);
  }
}

void Allocator::takeUpSettings(ThreadContext& thread) noexcept {
  const std::uint32_t version = settingsVersion_.load(std::memory_order_acquire);
  if (thread.settingsVersion == version) return;
  thread.settingsVersion = version;
  const std::uint64_t mean = usableMean(heap_.setting(SettingId::sampleInterval));
  if (mean != thread.sampleMean) {
    thread.sampleMean = mean;
    thread.sampleRemaining = mean == 0 ? 0 : nextSampleGap(thread);
    thread.sampleBase = thread.tlab.cursor;
  }
}

// Takes the bytes since sampleBase and `cell` off the gap. True: this allocation is a sample. A cell that spans several
// points is one sample; its weight says so.
bool Allocator::sampleNow(ThreadContext& thread, std::size_t cell) noexcept {
  if (thread.sampleMean == 0) return false;
  thread.sampleRemaining -= static_cast<std::int64_t>(thread.tlab.cursor - thread.sampleBase);
  thread.sampleBase = thread.tlab.cursor;
  thread.sampleRemaining -= static_cast<std::int64_t>(cell);
  if (thread.sampleRemaining >= 0) return false;
  thread.sampleRemaining = nextSampleGap(thread);
  return true;
}

void* Allocator::place(Tlab& tlab, std::uint64_t header, std::size_t cell) noexcept {
  const Address at = tlab.cursor;
  tlab.cursor = at + cell;
  __atomic_store_n(reinterpret_cast<std::uint64_t*>(at), header | static_cast<std::uint64_t>(toGranules(cell)) << 16, __ATOMIC_RELAXED);
  std::uint8_t* mark = pool::markByteOf(at);
  const std::size_t last = toGranules(cell) - 1u;
  if (last == 0) {
    __atomic_store_n(mark, static_cast<std::uint8_t>(pool::kYoung | pool::kEnd), __ATOMIC_RELAXED);
  } else {
    __atomic_store_n(mark + last, pool::kEnd, __ATOMIC_RELAXED);
    __atomic_store_n(mark, pool::kYoung, __ATOMIC_RELAXED);
  }
  std::uint8_t flags = 0;
  if ((header & pool::kDestructorFlag) != 0) flags |= pool::kBlockMayHaveDestructors;
  if ((header >> 32 & pool::kSiteIsStack) != 0) {
    flags |= pool::kBlockMayHaveSamples;
    pool::blockSummaryOf(at).addSample(static_cast<std::uint16_t>(at % pool::kBlockBytes >> pool::kGranuleShift));
  }
  if (flags != 0) __atomic_fetch_or(&pool::blockSummaryOf(at).flags, flags, __ATOMIC_RELAXED);
  return reinterpret_cast<void*>(at + pool::kHeaderBytes);
}

[[gnu::noinline]] void* Allocator::tryBuffers(ThreadContext& thread, std::uint64_t header, std::size_t cell) noexcept {
  Tlab* tlab = nullptr;
  if (cell <= thread.tlab.end - thread.tlab.cursor) tlab = &thread.tlab;
  else if (cell > pool::kOverflowBytes && cell <= thread.overflow.end - thread.overflow.cursor) tlab = &thread.overflow;
  if (tlab == nullptr) return nullptr;
  if (sampleNow(thread, cell))
    header = (header & 0xffff'ffffu) | std::uint64_t{recordSample(heap_, thread, static_cast<std::uint32_t>(header >> 32), cell)} << 32;
  void* payload = place(*tlab, header, cell);
  setLimit(thread);
  return payload;
}

void Allocator::countBuffer(const Tlab& tlab, std::uint64_t& objects, std::uint64_t& bytes) noexcept {
  bytes += tlab.cursor - tlab.start;
  if (tlab.cursor == tlab.start) return;
  const std::uint8_t* marks = pool::markByteOf(tlab.start);
  const std::size_t count = (tlab.cursor - tlab.start) >> pool::kGranuleShift;
  constexpr std::uint64_t kStates = 0x0707'0707'0707'0707ull, kCarries = 0x0808'0808'0808'0808ull;
  std::size_t i = 0;
  for (; i < count && reinterpret_cast<std::uintptr_t>(marks + i) % 8 != 0; ++i)
    objects += pool::stateOf(__atomic_load_n(marks + i, __ATOMIC_RELAXED)) != pool::kUnused ? 1 : 0;
  for (; i + 8 <= count; i += 8) {
    // A state plus 7 carries into bit 3 of its byte unless it is 0.
    const std::uint64_t word = __atomic_load_n(reinterpret_cast<const std::uint64_t*>(marks + i), __ATOMIC_RELAXED);
    objects += static_cast<std::uint64_t>(std::popcount(((word & kStates) + kStates) & kCarries));
  }
  for (; i < count; ++i)
    objects += pool::stateOf(__atomic_load_n(marks + i, __ATOMIC_RELAXED)) != pool::kUnused ? 1 : 0;
}

void Allocator::closeSegment(ThreadContext& thread, Tlab& tlab) noexcept {
  if (thread.request != 0 && tlab.cursor > tlab.segmentStart) heap_.requests.add(tlab.segmentStart, tlab.cursor, thread.request);
  tlab.segmentStart = tlab.cursor;
}

void Allocator::setRequest(ThreadContext& thread, std::uint64_t request) noexcept {
  CriticalScope critical;
  closeSegment(thread, thread.tlab);
  closeSegment(thread, thread.overflow);
  thread.request = request;
}

// Gives the range back to its block's summary; the block stays the thread's.
void Allocator::retireTlab(ThreadContext& thread, Tlab& tlab) noexcept {
  if (tlab.end == 0) return;
  closeSegment(thread, tlab);
  if (&tlab == &thread.tlab && thread.sampleMean != 0) {
    thread.sampleRemaining -= static_cast<std::int64_t>(tlab.cursor - thread.sampleBase);
    if (thread.sampleRemaining < 0) thread.sampleRemaining = 0;
  }
  std::uint64_t objects = 0, bytes = 0;
  countBuffer(tlab, objects, bytes);
  BlockSummary& summary = pool::blockSummaryOf(tlab.block);
  const std::uint16_t tail = toGranules(tlab.end - tlab.cursor);
  summary.objectCount = static_cast<std::uint16_t>(summary.objectCount + objects);
  summary.objectGranules = static_cast<std::uint16_t>(summary.objectGranules + toGranules(bytes));
  summary.tlabGranules = static_cast<std::uint16_t>(summary.tlabGranules - toGranules(tlab.end - tlab.start));
  summary.holeGranules = static_cast<std::uint16_t>(summary.holeGranules + tail);
  summary.skippedGranules = static_cast<std::uint16_t>(summary.skippedGranules + tail);
  thread.allocatedBytes.store(thread.allocatedBytes.load(std::memory_order_relaxed) + bytes, std::memory_order_relaxed);
  thread.allocatedObjects.store(thread.allocatedObjects.load(std::memory_order_relaxed) + objects, std::memory_order_relaxed);
  const Address block = tlab.block;
  tlab = Tlab{};
  tlab.block = block;
  if (&tlab == &thread.tlab) thread.sampleBase = 0;
}

// The block is nobody's any more. Not offered again before the next sweep: the allocator has been through its holes, or
// a collection follows at once. An empty one (a buffer that was never used) is.
void Allocator::abandonBlock(Tlab& tlab) noexcept {
  if (tlab.block == 0) return;
  BlockSummary& summary = pool::blockSummaryOf(tlab.block);
  summary.owner = 0;
  if (summary.holeGranules == pool::kGranulesPerBlock) {
    summary.state = BlockState::kEmpty;
    summary.skippedGranules = summary.smallHoleGranules = summary.scanGranule = 0;
    pool::chunkHeaderOf(tlab.block)->emptyMask |= pool::blockBit(tlab.block);
  } else {
    summary.state = BlockState::kFull;
  }
  tlab.block = 0;
}

void Allocator::retire(ThreadContext& thread) noexcept {
  for (Tlab* tlab : {&thread.tlab, &thread.overflow}) {
    retireTlab(thread, *tlab);
    abandonBlock(*tlab);
  }
}

// The next hole of the thread's block that has `minimum` bytes, or a part of it, zeroed.
bool Allocator::takeHole(ThreadContext& thread, Tlab& tlab, std::size_t minimum) noexcept {
  const Address block = tlab.block;
  BlockSummary& summary = pool::blockSummaryOf(block);
  ChunkHeader& chunk = *pool::chunkHeaderOf(block);
  const std::uint8_t* marks = pool::markByteOf(block);
  const std::size_t least = std::max<std::size_t>(toGranules(pool::kMinimumHole), toGranules(minimum));
  const std::size_t most = std::max<std::size_t>(toGranules(heap_.setting(SettingId::tlabSize)), least);
  std::size_t at = summary.scanGranule;
  while (at < pool::kGranulesPerBlock) {
    const std::size_t next = findMark(marks, at);
    const std::size_t hole = next - at;
    if (hole >= least) {
      const std::size_t granules = std::min(hole, most);
      summary.scanGranule = static_cast<std::uint16_t>(at + granules);
      summary.holeGranules = static_cast<std::uint16_t>(summary.holeGranules - granules);
      summary.tlabGranules = static_cast<std::uint16_t>(summary.tlabGranules + granules);
      tlab.start = tlab.cursor = tlab.segmentStart = block + (at << pool::kGranuleShift);
      tlab.end = tlab.limit = tlab.start + (granules << pool::kGranuleShift);
      if ((__atomic_load_n(&chunk.freshMask, __ATOMIC_RELAXED) & pool::blockBit(block)) == 0)
        std::memset(reinterpret_cast<void*>(tlab.start), 0, granules << pool::kGranuleShift);
      if (&tlab == &thread.tlab) setLimit(thread);
      heap_.allocatedSinceCollection.fetch_add(granules << pool::kGranuleShift, std::memory_order_relaxed);
      return true;
    }
    if (hole >= toGranules(pool::kMinimumHole)) summary.skippedGranules = static_cast<std::uint16_t>(summary.skippedGranules + hole);
    if (next == pool::kGranulesPerBlock) break;
    // Past the object there.
    std::size_t end = next;
    if ((__atomic_load_n(marks + next, __ATOMIC_RELAXED) & pool::kEnd) == 0) end = findMark(marks, next + 1);
    at = end + 1;
  }
  summary.scanGranule = pool::kGranulesPerBlock;
  return false;
}

// ---- blocks; pool lock held in those that say so

// Pool lock held. An empty block, in memory that a dump child does not share while one lives.
Address Allocator::takeEmptyBlock(std::uint64_t limitBytes) noexcept {
  pool::Pool& pool = heap_.pool;
  const bool unshared = heap_.dumps.childAlive();
  auto search = [&](bool onlyUnshared) -> Address {
    const std::uint32_t count = pool.chunksUsed();
    for (std::uint32_t looked = 0; looked < count; ++looked) {
      if (emptyCursor_ >= count) emptyCursor_ = 0;
      const pool::ChunkEntry entry = pool.entry(emptyCursor_);
      if (entry.kind == ChunkKind::kBlocks && (!onlyUnshared || entry.doNotFork != 0)) {
        ChunkHeader& chunk = pool.header(emptyCursor_);
        if (chunk.emptyMask != 0) {
          const auto bit = static_cast<unsigned>(std::countr_zero(chunk.emptyMask));
          chunk.emptyMask &= chunk.emptyMask - 1;
          return pool.chunkAddress(emptyCursor_) + (static_cast<Address>(bit) << pool::kBlockShift);
        }
      }
      ++emptyCursor_;
    }
    return 0;
  };
  Address block = 0;
  if (unshared) {
    block = search(true);
    if (block == 0 && pool.unsharedSpareChunks() != 0 && pool.take(1, ChunkKind::kBlocks, limitBytes, true) != 0) block = search(true);
  }
  if (block == 0) block = search(false);
  if (block == 0) {
    const Address chunk = pool.take(1, ChunkKind::kBlocks, limitBytes, unshared);
    if (chunk == 0) return 0;
    emptyCursor_ = pool.chunkIndex(chunk);
    block = search(false);
  }
  return block;
}

// Pool lock held on entry and exit, not between. Sweeps one block; 0 = nothing left. Its bits are not published.
Address Allocator::sweepNext() noexcept {
  if (!heap_.sweeper.anyLeft()) return 0;
  const std::uint32_t count = heap_.pool.chunksUsed();
  for (; unsweptCursor_ < count; ++unsweptCursor_) {
    if (heap_.pool.entry(unsweptCursor_).kind != ChunkKind::kBlocks) continue;
    ChunkHeader& chunk = heap_.pool.header(unsweptCursor_);
    if (chunk.unsweptMask == 0) continue;
    const auto bit = static_cast<unsigned>(std::countr_zero(chunk.unsweptMask));
    chunk.unsweptMask &= chunk.unsweptMask - 1;
    heap_.sweeper.taken();
    const Address block = heap_.pool.chunkAddress(unsweptCursor_) + (static_cast<Address>(bit) << pool::kBlockShift);
    heap_.poolLock.unlock();
    heap_.sweeper.sweepBlock(block);
    heap_.poolLock.lock();
    return block;
  }
  return 0;
}

// A block for the calling thread, its bits taken out of the masks. 0 = none within reach, or (when sweeping is not
// done yet) come again after a poll.
Address Allocator::acquireBlock(const ThreadContext& thread, bool wantEmpty, const Reach& reach) noexcept {
  std::lock_guard guard(heap_.poolLock);
  pool::Pool& pool = heap_.pool;
  Address block = 0;
  const bool holes = !wantEmpty || reach.holesForOverflow;
  // While a dump child lives, writing into old blocks makes the kernel copy them: empty ones first.
  if (wantEmpty || heap_.dumps.childAlive()) block = takeEmptyBlock(reach.limitBytes);
  if (block == 0 && holes) {
    const std::uint32_t count = pool.chunksUsed();
    for (std::uint32_t looked = 0; looked < count && block == 0; ++looked) {
      if (recyclableCursor_ >= count) recyclableCursor_ = 0;
      if (pool.entry(recyclableCursor_).kind == ChunkKind::kBlocks) {
        ChunkHeader& chunk = pool.header(recyclableCursor_);
        if (chunk.recyclableMask != 0) {
          const auto bit = static_cast<unsigned>(std::countr_zero(chunk.recyclableMask));
          chunk.recyclableMask &= chunk.recyclableMask - 1;
          block = pool.chunkAddress(recyclableCursor_) + (static_cast<Address>(bit) << pool::kBlockShift);
          break;
        }
      }
      ++recyclableCursor_;
    }
  }
  if (holes || reach.sweepForEmpty) {
    for (int i = 0; block == 0 && i < kSweepsPerStep; ++i) {
      const Address swept = sweepNext();
      if (swept == 0) break;
      const BlockSummary& summary = pool::blockSummaryOf(swept);
      const bool empty = summary.state == BlockState::kEmpty;
      if (wantEmpty ? empty : toGranules(pool::kMinimumHole) <= summary.largestHole) block = swept;
      else heap_.sweeper.publishBlock(swept);
    }
  }
  if (block == 0 && !wantEmpty && !heap_.sweeper.anyLeft()) block = takeEmptyBlock(reach.limitBytes);
  if (block == 0) return 0;
  BlockSummary& summary = pool::blockSummaryOf(block);
  summary.state = BlockState::kAllocating;
  summary.scanGranule = 0;
  summary.owner = thread.tid;
  return block;
}

// One try for a buffer with room for `cell`. In a critical section.
bool Allocator::refillOnce(ThreadContext& thread, Tlab& tlab, std::size_t cell, const Reach& reach) noexcept {
  retireTlab(thread, tlab);
  const bool isOverflow = &tlab == &thread.overflow;
  for (;;) {
    if (tlab.block != 0) {
      if (takeHole(thread, tlab, cell)) return true;
      // Memory of this block has been written to by now.
      std::lock_guard guard(heap_.poolLock);
      __atomic_fetch_and(&pool::chunkHeaderOf(tlab.block)->freshMask, ~pool::blockBit(tlab.block), __ATOMIC_RELAXED);
      abandonBlock(tlab);
    }
    tlab.block = acquireBlock(thread, isOverflow, reach);
    if (tlab.block == 0) return false;
  }
}

// ---- when to collect

bool Allocator::softCollectionIsDue() const noexcept {
  const std::uint64_t allocated = heap_.allocatedSinceCollection.load(std::memory_order_relaxed);
  const std::uint64_t live = heap_.markedBytes.load(std::memory_order_relaxed);
  const std::uint64_t growth = live / 1'000'000 * heap_.setting(SettingId::gcGrowth);
  // A quarter of what a collection outside this case waits for: a heap that lives above its soft size still gets work done.
  return allocated >= std::max(heap_.setting(SettingId::gcMinimum), growth / 4);
}

void Allocator::collectIfDue(ThreadContext& thread) {
  if (const std::uint64_t every = heap_.setting(SettingId::stressCollect); every != 0 && ++thread.stressAllocations >= every) {
    thread.stressAllocations = 0;
    heap_.collect("stress");
    return;
  }
  const std::uint64_t allocated = heap_.allocatedSinceCollection.load(std::memory_order_relaxed);
  if (allocated < heap_.setting(SettingId::gcMinimum)) return;
  const std::uint64_t seen = heap_.collections.load(std::memory_order_relaxed);
  const std::uint64_t live = heap_.markedBytes.load(std::memory_order_relaxed);
  if (static_cast<double>(allocated) >= static_cast<double>(live) * static_cast<double>(heap_.setting(SettingId::gcGrowth)) / 1e6)
    heap_.collectOnce("allocation", seen);
}

template <class F>
void Allocator::withMoreReach(ThreadContext& thread, F&& tryOnce) {
  auto attempt = [&](const Reach& reach) {
    for (;;) {
      {
        CriticalScope critical;
        if (tryOnce(reach)) return true;
      }
      // Sweeping goes on in steps with a poll between them.
      if (!heap_.sweeper.anyLeft() || !(reach.sweepForEmpty || reach.holesForOverflow)) return false;
      CriticalScope critical;
      std::lock_guard guard(heap_.poolLock);
      bool swept = false;
      for (int i = 0; i < kSweepsPerStep; ++i) {
        const Address block = sweepNext();
        if (block == 0) break;
        heap_.sweeper.publishBlock(block);
        swept = true;
      }
      if (swept) continue;
      sweepLargeChunks();
      if (heap_.sweeper.anyLeft()) return false;
    }
  };
  const std::uint64_t limit = heap_.effectiveLimit();
  const std::uint64_t soft = std::min(limit, heap_.setting(SettingId::arenaSize));
  if (attempt({soft, false, false})) return;
  if (attempt({soft, true, false})) return;
  if (softCollectionIsDue()) {
    heap_.collectOnce("arena size", heap_.collections.load(std::memory_order_relaxed));
    if (attempt({soft, true, false})) return;
  }
  if (attempt({soft, true, true})) return;
  if (attempt({limit, true, false})) return;
  for (int round = 0; round < 2; ++round) {
    heap_.collect("heap limit");
    {
      // Empty block chunks may be what a large object needs.
      CriticalScope critical;
      std::lock_guard guard(heap_.poolLock);
      for (Address block = sweepNext(); block != 0; block = sweepNext()) heap_.sweeper.publishBlock(block);
      sweepLargeChunks();
      spareEmptyChunks();
    }
    if (attempt({limit, true, true})) return;
    if (heap_.destructors.pending() == 0 || round != 0) break;
    heap_.safepoint.block(thread);
    const bool idle = heap_.destructors.waitUntilIdle(kDestructorWait);
    heap_.safepoint.unblock(thread);
    if (!idle) break;
  }
  heap_.allocationsRefused.fetch_add(1, std::memory_order_relaxed);
  throw std::bad_alloc();
}

[[gnu::noinline]] void* Allocator::allocateSlow(ThreadContext& thread, std::uint64_t header, std::size_t payload) {
  if (!pool::isSmallPayload(payload)) return allocateLarge(thread, header, payload);
  const std::size_t cell = pool::smallCellBytes(payload);
  if (heap_.setting(SettingId::stressCollect) != 0) collectIfDue(thread);
  for (;;) {
    {
      CriticalScope critical;
      takeUpSettings(thread);
      if (void* result = tryBuffers(thread, header, cell)) return result;
    }
    if (heap_.setting(SettingId::stressCollect) == 0) collectIfDue(thread);
    // A cell over 256 B that does not fit leaves the hole to smaller ones; without a hole worth the name, a new one first.
    const bool useOverflow = cell > pool::kOverflowBytes && thread.tlab.end - thread.tlab.cursor >= pool::kMinimumHole;
    Tlab& tlab = useOverflow ? thread.overflow : thread.tlab;
    const std::size_t minimum = useOverflow ? cell : std::min(cell, pool::kMinimumHole);
    withMoreReach(thread, [&](const Reach& reach) { return refillOnce(thread, tlab, minimum, reach); });
  }
}

// ---- large objects

// Pool lock held.
void Allocator::sweepLargeChunks() noexcept {
  const std::uint32_t count = heap_.pool.chunksUsed();
  for (std::uint32_t i = 0; i < count; ++i) {
    const ChunkKind kind = heap_.pool.entry(i).kind;
    if ((kind == ChunkKind::kLarge || kind == ChunkKind::kHugeHead) && heap_.pool.header(i).unsweptMask != 0) heap_.sweeper.sweepLargeChunk(i);
  }
}

// Pool lock held. A run of pages in a large chunk, or chunks of its own. The address of the first page.
Address Allocator::takePages(std::size_t pages, std::uint64_t limitBytes) noexcept {
  pool::Pool& pool = heap_.pool;
  const bool unshared = heap_.dumps.childAlive();
  if (pages > pool::kHugeBytes / pool::kPageBytes) {
    sweepLargeChunks();
    const std::uint64_t bytes = (static_cast<std::uint64_t>(pages) << pool::kPageShift) + pool::kMetadataBytes;
    const auto chunks = static_cast<std::uint32_t>((bytes + pool::kChunkBytes - 1) >> pool::kChunkShift);
    const Address chunk = pool.take(chunks, ChunkKind::kHugeHead, limitBytes, unshared);
    if (chunk == 0) return 0;
    pool.header(pool.chunkIndex(chunk)).reservedBytes = (static_cast<std::uint64_t>(chunks) << pool::kChunkShift) - pool::kMetadataBytes;
    return chunk + pool::kMetadataBytes;
  }
  auto search = [&](std::uint32_t index) -> Address {
    if (pool.entry(index).kind != ChunkKind::kLarge) return 0;
    if (pool.header(index).unsweptMask != 0) {
      heap_.sweeper.sweepLargeChunk(index);
      if (pool.entry(index).kind != ChunkKind::kLarge) return 0;
    }
    ChunkHeader& chunk = pool.header(index);
    if (chunk.largestFreeRun < pages) return 0;
    std::uint32_t run = 0, largest = 0;
    for (std::size_t page = pool::kFirstPage; page < pool::kPagesPerChunk; ++page) {
      if (chunk.runHead[page] != pool::kNoRun) {
        run = 0;
        continue;
      }
      largest = std::max(largest, ++run);
      if (run < pages) continue;
      const std::size_t first = page + 1 - pages;
      for (std::size_t i = first; i <= page; ++i) chunk.runHead[i] = static_cast<std::uint16_t>(first);
      chunk.runPages[first] = static_cast<std::uint16_t>(pages);
      chunk.freePages -= static_cast<std::uint32_t>(pages);
      chunk.reservedBytes += pages << pool::kPageShift;
      return pool.chunkAddress(index) + (first << pool::kPageShift);
    }
    chunk.largestFreeRun = largest;
    return 0;
  };
  const std::uint32_t count = pool.chunksUsed();
  for (std::uint32_t looked = 0; looked < count; ++looked) {
    if (largeCursor_ >= count) largeCursor_ = 0;
    if (const Address at = search(largeCursor_)) return at;
    ++largeCursor_;
  }
  const Address chunk = pool.take(1, ChunkKind::kLarge, limitBytes, unshared);
  if (chunk == 0) return 0;
  largeCursor_ = pool.chunkIndex(chunk);
  return search(largeCursor_);
}

[[gnu::noinline]] void* Allocator::allocateLarge(ThreadContext& thread, std::uint64_t header, std::size_t payload) {
  if (payload > heap_.pool.reservedBytes()) throw std::bad_alloc();
  const std::size_t cell = pool::largeCellBytes(payload);
  const std::size_t pages = (cell + pool::kPageBytes - 1) >> pool::kPageShift;
  heap_.allocatedSinceCollection.fetch_add(pages << pool::kPageShift, std::memory_order_relaxed);
  collectIfDue(thread);
  Address first = 0;
  bool mustZero = true;
  withMoreReach(thread, [&](const Reach& reach) {
    std::lock_guard guard(heap_.poolLock);
    if (reach.sweepForEmpty) spareEmptyChunks();
    first = takePages(pages, reach.limitBytes);
    if (first == 0) return false;
    ChunkHeader& chunk = *pool::chunkHeaderOf(first);
    if (heap_.pool.entry(heap_.pool.chunkIndex(first)).kind == ChunkKind::kHugeHead) {
      mustZero = false;
    } else {
      const auto page = static_cast<std::uint32_t>(pool::pageInChunk(first));
      mustZero = page < chunk.freshPage;
      chunk.freshPage = std::max(chunk.freshPage, page + static_cast<std::uint32_t>(pages));
    }
    return true;
  });
  // Megabytes take a while: outside the critical section. The run has no mark yet; a sweep leaves it alone.
  if (mustZero) std::memset(reinterpret_cast<void*>(first), 0, pages << pool::kPageShift);

  CriticalScope critical;
  std::lock_guard guard(heap_.poolLock);
  takeUpSettings(thread);
  if (sampleNow(thread, cell))
    header = (header & 0xffff'ffffu) | std::uint64_t{recordSample(heap_, thread, static_cast<std::uint32_t>(header >> 32), cell)} << 32;
  setLimit(thread);
  ChunkHeader& chunk = *pool::chunkHeaderOf(first);
  const std::uint32_t index = heap_.pool.chunkIndex(first);
  // A collection came meanwhile: its young objects are dead, ours is not one of them.
  if (chunk.unsweptMask != 0) heap_.sweeper.sweepLargeChunk(index);
  const std::uint64_t room = heap_.pool.entry(index).kind == ChunkKind::kHugeHead ? chunk.reservedBytes : pages << pool::kPageShift;
  chunk.reservedBytes -= room;
  chunk.objectBytes += cell;
  ++chunk.objectCount;
  chunk.slackBytes += room - cell;
  const Address at = first + pool::kLargePrefix;
  *reinterpret_cast<std::uint64_t*>(at - 8) = cell;
  __atomic_store_n(reinterpret_cast<std::uint64_t*>(at), header, __ATOMIC_RELAXED);
  __atomic_store_n(pool::markByteOf(at), pool::kYoung, __ATOMIC_RELEASE);
  heap_.allocatedBytes.fetch_add(cell, std::memory_order_relaxed);
  heap_.allocatedObjects.fetch_add(1, std::memory_order_relaxed);
  if (thread.request != 0) heap_.requests.add(first, first + cell, thread.request);
  return reinterpret_cast<void*>(at + pool::kHeaderBytes);
}

// ---- around a collection

std::uint64_t Allocator::restartSearch() noexcept {
  std::uint64_t left = 0;
  const std::uint32_t count = heap_.pool.chunksUsed();
  for (std::uint32_t i = 0; i < count; ++i) {
    const ChunkKind kind = heap_.pool.entry(i).kind;
    if (kind == ChunkKind::kBlocks) {
      ChunkHeader& chunk = heap_.pool.header(i);
      chunk.recyclableMask = 0;
      chunk.unsweptMask = pool::kDataBlockMask & ~chunk.emptyMask;
      chunk.freshMask &= chunk.emptyMask;
      left += static_cast<std::uint64_t>(std::popcount(chunk.unsweptMask));
    } else if (kind == ChunkKind::kLarge || kind == ChunkKind::kHugeHead) {
      heap_.pool.header(i).unsweptMask = 1;
      ++left;
    }
  }
  recyclableCursor_ = unsweptCursor_ = emptyCursor_ = largeCursor_ = 0;
  return left;
}

void Allocator::spareEmptyChunks() noexcept {
  const std::uint32_t count = heap_.pool.chunksUsed();
  for (std::uint32_t i = 0; i < count; ++i) {
    if (heap_.pool.entry(i).kind != ChunkKind::kBlocks || heap_.pool.header(i).emptyMask != pool::kDataBlockMask) continue;
    heap_.pool.giveBack(heap_.pool.chunkAddress(i));
  }
}

void Allocator::releaseEmptyChunks() noexcept {
  spareEmptyChunks();
  heap_.pool.trim(heap_.setting(SettingId::spareChunks));
}

}  // namespace openclaw::gc
