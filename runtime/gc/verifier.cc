#include "runtime/gc/verifier.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>

#include "runtime/gc/counters.h"
#include "runtime/gc/heap_impl.h"
#include "runtime/pool/walk.h"
#include "runtime/type_table.h"

namespace openclaw::gc {

using pool::Address;
using pool::BlockState;
using pool::BlockSummary;
using pool::ChunkEntry;
using pool::ChunkHeader;
using pool::ChunkKind;
using pool::ObjectHeader;

void Verifier::report(const char* name, const char* what, std::uint64_t where, std::uint64_t value, std::uint64_t expected) noexcept {
  if (count_ < kMaxLines) lines_[count_] = {name, what, where, value, expected};
  ++count_;
}

std::vector<std::string> Verifier::lines() const {
  std::vector<std::string> result;
  for (std::size_t i = 0; i < count_ && i < kMaxLines; ++i) {
    const Line& line = lines_[i];
    result.push_back(fmt::format("{}: {}, at {:#x} ({:#x}, expected {:#x})", line.name, line.what, line.where, line.value, line.expected));
  }
  if (count_ > kMaxLines) result.push_back(fmt::format("more: {} further violations", count_ - kMaxLines));
  return result;
}

void Verifier::writeTo(int descriptor) const noexcept {
  for (std::size_t i = 0; i < count_ && i < kMaxLines; ++i) {
    char text[256];
    const Line& line = lines_[i];
    const int length = std::snprintf(text, sizeof text, "%s: %s, at %#" PRIx64 " (%#" PRIx64 ", expected %#" PRIx64 ")\n", line.name, line.what,
                                     line.where, line.value, line.expected);
    if (length <= 0 || ::write(descriptor, text, static_cast<std::size_t>(length)) < 0) return;
  }
}

// One run. Split so that each invariant's name stands beside its check.
struct Verifier::Pass {
  explicit Pass(Verifier& owner) : out(owner), heap(owner.heap_), pool(heap.pool), colour(heap.colour()) {}

  void all() {
    if (colour < pool::kFirstColour || colour > pool::kLastColour) out.report("heap-colour", "the heap's colour is none", 0, colour, pool::kFirstColour);
    chunkTable();
    threads();
    pool::forEachRegion(pool, [&](const pool::Region& region) {
      switch (region.kind) {
        case pool::Region::Kind::kBlock: block(region); break;
        case pool::Region::Kind::kLargePages: large(region); break;
        case pool::Region::Kind::kHugeObject: large(region); break;
        case pool::Region::Kind::kFreePages:
        case pool::Region::Kind::kEmptyChunk: break;
      }
    });
    largeSums();
    roots();
    requests();
    sums();
  }

  void chunkTable() {
    std::uint64_t committed = 0, spare = 0, withheld = 0;
    for (std::uint32_t i = 0; i < pool.chunkCount(); ++i) {
      const ChunkEntry entry = pool.entry(i);
      const Address at = pool.chunkAddress(i);
      if (entry.kind != ChunkKind::kFree && i >= pool.chunksUsed()) out.report("chunk-table", "a chunk in use beyond the used ones", at, i, pool.chunksUsed());
      if (entry.kind == ChunkKind::kFree) {
        if (entry.doNotFork != 0 && !heap.dumps.childAlive()) out.report("unshared-chunk", "a free chunk is kept from clones without a child", at);
        continue;
      }
      committed += pool::kChunkBytes;
      spare += entry.kind == ChunkKind::kSpare ? 1 : 0;
      withheld += entry.kind == ChunkKind::kWithheld ? 1 : 0;
      if (entry.kind == ChunkKind::kHugeHead && (entry.offset == 0 || i + entry.offset > pool.chunkCount()))
        out.report("chunk-table", "a huge run leaves the reservation", at, entry.offset);
      if (entry.kind == ChunkKind::kHugeTail &&
          (entry.offset == 0 || entry.offset > i || pool.entry(i - entry.offset).kind != ChunkKind::kHugeHead ||
           pool.entry(i - entry.offset).offset <= entry.offset))
        out.report("chunk-table", "a huge tail without its head", at, entry.offset);
      if (static_cast<unsigned>(entry.kind) > static_cast<unsigned>(ChunkKind::kHugeTail)) out.report("chunk-table", "no kind of chunk", at, static_cast<unsigned>(entry.kind));
      const bool empty = entry.kind == ChunkKind::kSpare || entry.kind == ChunkKind::kWithheld;
      if (entry.doNotFork != 0 && !empty && !heap.dumps.childAlive()) out.report("unshared-chunk", "objects in a chunk that a clone would not have", at);
    }
    if (committed != pool.committedBytes()) out.report("committed-sum", "chunks in use against committed bytes", 0, pool.committedBytes(), committed);
    if (spare != pool.spareChunks()) out.report("chunk-table", "spare chunks", 0, pool.spareChunks(), spare);
    if (withheld != pool.withheldChunks()) out.report("chunk-table", "withheld chunks", 0, pool.withheldChunks(), withheld);
  }

  void threads() {
    heap.safepoint.forEachThread([&](const ThreadContext& thread) {
      for (const Tlab* tlab : {&thread.tlab, &thread.overflow}) {
        if (tlab->block == 0) {
          if (tlab->end != 0 || tlab->cursor != 0) out.report("tlab-range", "a buffer without a block", tlab->cursor, thread.tid);
          continue;
        }
        const BlockSummary& summary = pool::blockSummaryOf(tlab->block);
        if (summary.state != BlockState::kAllocating || summary.owner != thread.tid)
          out.report("tlab-owner", "a thread's block is not its own", tlab->block, summary.owner, thread.tid);
        if (tlab->end == 0) continue;
        const bool inside = tlab->start >= tlab->block && tlab->end <= tlab->block + pool::kBlockBytes && tlab->start <= tlab->segmentStart &&
                            tlab->segmentStart <= tlab->cursor && tlab->cursor <= tlab->limit && tlab->limit <= tlab->end;
        if (!inside) {
          out.report("tlab-range", "a buffer leaves its block or is out of order", tlab->start, tlab->cursor, tlab->end);
          continue;
        }
        for (Address at = tlab->cursor; at < tlab->end; at += pool::kGranule) {
          if (*pool::markByteOf(at) != 0) {
            out.report("tlab-tail", "a mark in the unused part of a buffer", at, *pool::markByteOf(at));
            break;
          }
          const auto* words = reinterpret_cast<const std::uint64_t*>(at);
          if (words[0] != 0 || words[1] != 0) {
            out.report("tlab-tail", "the unused part of a buffer is not zero", at, words[0] | words[1]);
            break;
          }
        }
      }
    });
  }

  // Objects in the buffers of threads that own this block: their summary does not count them.
  void buffered(Address block, std::uint64_t& objects, std::uint64_t& bytes, std::uint64_t& handed) {
    heap.safepoint.forEachThread([&](const ThreadContext& thread) {
      for (const Tlab* tlab : {&thread.tlab, &thread.overflow}) {
        if (tlab->block != block || tlab->end == 0) continue;
        Allocator::countBuffer(*tlab, objects, bytes);
        handed += tlab->end - tlab->start;
      }
    });
  }

  void block(const pool::Region& region) {
    const BlockSummary& summary = *region.block;
    const std::uint64_t bit = pool::blockBit(region.base);
    const bool inEmptyMask = (region.chunk->emptyMask & bit) != 0;
    if (inEmptyMask != (summary.state == BlockState::kEmpty)) out.report("block-masks", "the empty mask against the block's state", region.base, static_cast<unsigned>(summary.state));
    if ((region.chunk->recyclableMask & bit) != 0 && (summary.state != BlockState::kSwept || region.unswept))
      out.report("block-masks", "a recyclable block that is not swept and unowned", region.base, static_cast<unsigned>(summary.state));
    if (region.unswept && (summary.state == BlockState::kEmpty || summary.state == BlockState::kAllocating))
      out.report("block-masks", "an empty or owned block counts as unswept", region.base, static_cast<unsigned>(summary.state));
    const unsigned sum = unsigned{summary.objectGranules} + summary.floatingGranules + summary.holeGranules + summary.tlabGranules;
    if (sum != pool::kGranulesPerBlock) out.report("block-sum", "granules of a block do not add up", region.base, sum, pool::kGranulesPerBlock);

    std::uint64_t objects = 0, granules = 0, doomedCount = 0, doomedGranules = 0;
    const std::uint8_t* marks = pool::markByteOf(region.base);
    for (std::size_t g = 0; g < pool::kGranulesPerBlock;) {
      const std::uint8_t mark = marks[g];
      if (mark == 0) {
        ++g;
        continue;
      }
      const Address at = region.base + (g << pool::kGranuleShift);
      if (summary.state == BlockState::kEmpty) {
        out.report("empty-block", "a mark in an empty block", at, mark);
        return;
      }
      const std::uint8_t state = pool::stateOf(mark);
      if (state == pool::kUnused) {
        out.report("mark-end", "an END without a start", at, mark);
        ++g;
        continue;
      }
      if (state > pool::kDestroyed || (mark & 0x10) != 0) out.report("mark-state", "a mark byte with no such state", at, mark);
      if (!region.unswept && state != colour && state != pool::kYoung && !pool::waitsForSweep(state))
        out.report("mark-colour", "an object in swept memory has an old colour", at, mark, colour);
      std::size_t end = g;
      if ((mark & pool::kEnd) == 0) {
        for (end = g + 1; end < pool::kGranulesPerBlock && marks[end] == 0;) ++end;
        if (end == pool::kGranulesPerBlock || marks[end] != pool::kEnd) {
          out.report("mark-end", "a start without its END", at, end == pool::kGranulesPerBlock ? 0 : marks[end]);
          g = end;
          continue;
        }
      }
      const std::size_t size = end - g + 1;
      auto* header = reinterpret_cast<ObjectHeader*>(at);
      if (header->granules() != size) out.report("header-size", "header and mark bytes differ on the size", at, header->granules(), size);
      else object(header, mark, pool::isLiveMark(mark, colour, region.unswept));
      if (pool::waitsForSweep(state)) {
        ++doomedCount;
        doomedGranules += size;
      } else {
        ++objects;
        granules += size;
      }
      g = end + 1;
    }
    std::uint64_t inBuffer = 0, inBufferBytes = 0, handed = 0;
    buffered(region.base, inBuffer, inBufferBytes, handed);
    if (objects != summary.objectCount + inBuffer) out.report("block-summary", "objects of a block", region.base, summary.objectCount + inBuffer, objects);
    if (granules << pool::kGranuleShift != (std::uint64_t{summary.objectGranules} << pool::kGranuleShift) + inBufferBytes)
      out.report("block-summary", "object granules of a block", region.base, summary.objectGranules, granules);
    if (doomedCount != summary.floatingCount || doomedGranules != summary.floatingGranules)
      out.report("block-summary", "cells that wait for their destructor", region.base, summary.floatingCount, doomedCount);
    if (handed != std::uint64_t{summary.tlabGranules} << pool::kGranuleShift)
      out.report("block-summary", "bytes handed to buffers", region.base, std::uint64_t{summary.tlabGranules} << pool::kGranuleShift, handed);
    const unsigned unusable = unsigned{summary.smallHoleGranules} + summary.skippedGranules;
    if (unusable > summary.holeGranules) out.report("block-summary", "more unusable bytes than holes", region.base, unusable, summary.holeGranules);
  }

  void large(const pool::Region& region) {
    const Address at = region.base + pool::kLargePrefix;
    const std::uint8_t mark = *pool::markByteOf(at);
    if (mark == 0) return;   // handed out, not written yet
    auto* header = reinterpret_cast<ObjectHeader*>(at);
    const std::uint8_t state = pool::stateOf(mark);
    if (state == pool::kUnused || state > pool::kDestroyed || (mark & 0x18) != 0) out.report("mark-state", "a mark byte with no such state", at, mark);
    if (!region.unswept && state != colour && state != pool::kYoung && !pool::waitsForSweep(state))
      out.report("mark-colour", "an object in swept memory has an old colour", at, mark, colour);
    if (!header->isLarge() || header->largeBytes() > region.bytes || header->largeBytes() < pool::kLargeBytes) {
      out.report("header-size", "a large object does not fit its pages", at, header->cellBytes(), region.bytes);
      return;
    }
    object(header, mark, pool::isLiveMark(mark, colour, region.unswept));
  }

  void largeSums() {
    for (std::uint32_t i = 0; i < pool.chunksUsed(); ++i) {
      const ChunkEntry entry = pool.entry(i);
      if (entry.kind != ChunkKind::kLarge && entry.kind != ChunkKind::kHugeHead) continue;
      const ChunkHeader& chunk = pool.header(i);
      const Address at = pool.chunkAddress(i);
      std::uint64_t data = (std::uint64_t{entry.kind == ChunkKind::kLarge ? 1 : entry.offset} << pool::kChunkShift) - pool::kMetadataBytes;
      if (entry.kind == ChunkKind::kLarge) {
        std::uint64_t freePages = 0;
        for (std::size_t page = pool::kFirstPage; page < pool::kPagesPerChunk; ++page) {
          const std::uint16_t head = chunk.runHead[page];
          if (head == pool::kNoRun) {
            ++freePages;
          } else if (head > page || chunk.runHead[head] != head || head + chunk.runPages[head] <= page) {
            out.report("large-runs", "a page outside the run it names", at + (page << pool::kPageShift), head);
          }
        }
        if (freePages != chunk.freePages) out.report("large-runs", "free pages", at, chunk.freePages, freePages);
        data -= freePages << pool::kPageShift;
      }
      const std::uint64_t sum = chunk.objectBytes + chunk.floatingBytes + chunk.slackBytes + chunk.reservedBytes;
      if (sum != data) out.report("large-sum", "cells, slack and reserved pages of a chunk", at, sum, data);
    }
  }

  // Header, then every pointer slot of a live object.
  void object(ObjectHeader* header, std::uint8_t mark, bool isLive) {
    const auto at = reinterpret_cast<Address>(header);
    const std::uint32_t type = header->type();
    if (type == 0 || type >= TypeTable::size()) {
      out.report("header-type", "no such type", at, type, TypeTable::size());
      return;
    }
    const TypeInfo& info = TypeTable::info(type);
    if (header->payloadBytes() < info.size) out.report("header-size", "a cell smaller than its type", at, header->payloadBytes(), info.size);
    if (pool::waitsForSweep(pool::stateOf(mark))) {
      if (info.destroy == nullptr) out.report("header-flags", "an object without destructor waits for it", at, type);
      if ((header->flags() & pool::kDestructorFlag) != 0) ++doomedWithFlag;
    }
    if (!isLive) {
      ++floatingCount;
      floatingBytes += header->cellBytes();
      return;
    }
    ++liveCount;
    liveBytes += header->cellBytes();
    const Address payload = header->payload();
    const TraceMap& map = TypeTable::traceMap(type);
    for (std::uint32_t i = 0; i < map.strongCount + map.weakCount; ++i) slot(payload + map.strong[i], i >= map.strongCount);
    if (map.elementSize == 0) return;
    const std::uint64_t room = (header->payloadBytes() - map.elementOffset) / map.elementSize;
    const std::uint64_t count = __atomic_load_n(reinterpret_cast<const std::uint64_t*>(payload + map.lengthOffset), __ATOMIC_RELAXED);
    if (count > room) {
      out.report("array-length", "more elements than the cell has room for", payload, count, room);
      return;
    }
    for (std::uint64_t e = 0; e < count; ++e)
      for (std::uint32_t i = 0; i < map.elementStrong + map.elementWeak; ++i)
        slot(payload + map.elementOffset + e * map.elementSize + map.element[i], i >= map.elementStrong);
  }

  // 0 = fine; otherwise why `target` is not the payload of a live object.
  const char* whatIsWrong(Address target) {
    if (!pool.contains(target)) return "points outside the heap";
    if (target % pool::kGranule != pool::kHeaderBytes) return "points into an object, not to its start";
    bool unswept = false;
    ObjectHeader* header = pool::findObject(pool, target, &unswept);
    if (header == nullptr) return "points to free memory";
    if (header->payload() != target) return "points into an object, not to its start";
    if (!pool::isLiveMark(*pool::markByteOf(target), colour, unswept)) return "points to a dead object";
    return nullptr;
  }

  void slot(Address at, bool weak) {
    const Address target = __atomic_load_n(reinterpret_cast<const Address*>(at), __ATOMIC_RELAXED);
    if (target == 0) return;
    if (const char* wrong = whatIsWrong(target)) out.report(weak ? "weak-target" : "edge-target", wrong, at, target);
  }

  void roots() {
    for (std::uint32_t i = 0; i < heap.roots.high(); ++i) {
      const Address target = heap.roots.slot(i).target.load(std::memory_order_relaxed);
      if (target == 0) continue;
      if (const char* wrong = whatIsWrong(target)) out.report("root-target", wrong, i, target);
    }
  }

  void requests() {
    for (std::uint64_t i = 0; i < heap.requests.size(); ++i) {
      const RequestRecord& record = heap.requests.at(i);
      if (record.low >= record.high || !pool.contains(record.low) || record.high > pool.high())
        out.report("request-range", "a request's segment is no range of the heap", record.low, record.high, record.request);
    }
  }

  void sums() {
    HeapCounters c;
    computeCounters(heap, c);
    const std::uint64_t sum = c.objectBytes + c.floatingBytes + c.holeBytes + c.emptyBlockBytes + c.tlabTailBytes + c.largeSlackBytes + c.metadataBytes;
    if (sum != c.committedBytes) out.report("arena-sum", "parts of the arena against committed bytes", 0, sum, c.committedBytes);
    if (c.objectCount != liveCount) out.report("live-count", "live objects", 0, c.objectCount, liveCount);
    if (c.objectBytes != liveBytes) out.report("live-bytes", "bytes of live objects", 0, c.objectBytes, liveBytes);
    if (c.floatingCount != floatingCount) out.report("floating-count", "floating objects", 0, c.floatingCount, floatingCount);
    if (c.floatingBytes != floatingBytes) out.report("floating-bytes", "bytes of floating objects", 0, c.floatingBytes, floatingBytes);
    // The destructor thread does not stop: one destructor may have ended since its object was looked at.
    const std::uint64_t pending = heap.destructors.pending();
    const std::uint64_t ended = heap.destructors.executed() - executedBefore;
    if (pending > doomedWithFlag || pending + ended + 1 < doomedWithFlag) out.report("destructors-pending", "objects that wait for their destructor", 0, pending, doomedWithFlag);
  }

  Verifier& out;
  HeapImpl& heap;
  pool::Pool& pool;
  std::uint8_t colour;
  std::uint64_t executedBefore = heap.destructors.executed();
  std::uint64_t liveCount = 0, liveBytes = 0, floatingCount = 0, floatingBytes = 0, doomedWithFlag = 0;
};

std::size_t Verifier::run() noexcept {
  count_ = 0;
  Pass(*this).all();
  return count_;
}

std::vector<std::string> verifyHeap(HeapImpl& heap) {
  Verifier verifier(heap);
  {
    StoppedWorld world(heap, StopKind::kVerify, "verify");
    world.pause().phase("verify");
    verifier.run();
  }
  return verifier.lines();
}

}  // namespace openclaw::gc
