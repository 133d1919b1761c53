#include "runtime/gc/destructors.h"

#include <array>
#include <mutex>

#include "format/check.h"
#include "runtime/gc/heap_impl.h"
#include "runtime/pool/walk.h"
#include "runtime/type_table.h"

namespace openclaw::gc {

using pool::Address;
using pool::ChunkKind;
using pool::ObjectHeader;

namespace {
thread_local constinit bool runningDestructor = false;
}

bool Destructors::running() noexcept { return runningDestructor; }

bool Destructors::runOne(ObjectHeader* header) {
  const std::uint64_t word = __atomic_load_n(&header->word, __ATOMIC_ACQUIRE);
  if ((word & pool::kDestructorFlag) == 0 || (word & pool::kConstructingFlag) != 0) return false;
  const TypeInfo& type = TypeTable::info(word & 0xffff);
  OPENCLAW_CHECK(type.destroy != nullptr, word);
  runningDestructor = true;
  type.destroy(reinterpret_cast<void*>(header->payload()));
  runningDestructor = false;
  executed_.fetch_add(1, std::memory_order_seq_cst);
  if (pool::stateOf(__atomic_load_n(pool::markByteOf(reinterpret_cast<Address>(header)), __ATOMIC_RELAXED)) == pool::kDoomed)
    pending_.fetch_sub(1, std::memory_order_seq_cst);
  header->clearFlags(pool::kDestructorFlag);
  return true;
}

std::uint64_t Destructors::run(std::uint64_t most) {
  std::uint64_t done = 0;
  while (done < most && pending() != 0) {
    // A listed block or large chunk. It cannot go away: it holds cells that wait for us.
    Address base = 0;
    std::uint64_t bytes = 0;
    bool huge = false, large = false;
    {
      std::lock_guard guard(heap_.poolLock);
      const std::uint32_t count = heap_.pool.chunksUsed();
      for (std::uint32_t looked = 0; looked < count && bytes == 0; ++looked) {
        if (cursor_ >= count) cursor_ = 0;
        const ChunkKind kind = heap_.pool.entry(cursor_).kind;
        pool::ChunkHeader& chunk = heap_.pool.header(cursor_);
        if (kind == ChunkKind::kBlocks) {
          for (std::size_t b = pool::kFirstBlock; b < pool::kBlocksPerChunk && bytes == 0; ++b) {
            if ((__atomic_load_n(&chunk.blocks[b].flags, __ATOMIC_ACQUIRE) & pool::kBlockListedForDestructors) == 0) continue;
            __atomic_fetch_and(&chunk.blocks[b].flags, static_cast<std::uint8_t>(~pool::kBlockListedForDestructors), __ATOMIC_ACQ_REL);
            base = heap_.pool.chunkAddress(cursor_) + (b << pool::kBlockShift);
            bytes = pool::kBlockBytes;
          }
        } else if ((kind == ChunkKind::kLarge || kind == ChunkKind::kHugeHead) && __atomic_load_n(&chunk.finalizeListed, __ATOMIC_ACQUIRE) != 0) {
          __atomic_store_n(&chunk.finalizeListed, 0u, __ATOMIC_RELAXED);
          base = heap_.pool.chunkAddress(cursor_) + pool::kMetadataBytes;
          bytes = pool::kChunkBytes - pool::kMetadataBytes;
          large = kind == ChunkKind::kLarge;
          huge = kind == ChunkKind::kHugeHead;
        }
        if (bytes == 0) ++cursor_;
      }
    }
    if (bytes == 0) break;
    std::uint64_t ran = 0;
    bool more = false;
    // Those whose destructor has run. A collection writes neighbouring mark bytes together, with the pool lock held.
    std::array<ObjectHeader*, 64> finished;
    std::size_t finishedCount = 0;
    auto release = [&] {
      std::lock_guard guard(heap_.poolLock);
      for (std::size_t i = 0; i < finishedCount; ++i) {
        std::uint8_t* mark = pool::markByteOf(reinterpret_cast<Address>(finished[i]));
        const std::uint8_t before = __atomic_load_n(mark, __ATOMIC_RELAXED);
        __atomic_store_n(mark, static_cast<std::uint8_t>((before & ~pool::kStateMask) | pool::kDestroyed), __ATOMIC_RELEASE);
      }
      finishedCount = 0;
    };
    auto visit = [&](ObjectHeader* header, std::uint8_t mark) {
      if (pool::stateOf(mark) != pool::kDoomed) return;
      if (done + ran >= most) {
        more = true;
      } else if (runOne(header)) {
        ++ran;
        finished[finishedCount++] = header;
        if (finishedCount == finished.size()) release();
      }
    };
    if (huge) {
      auto* header = reinterpret_cast<ObjectHeader*>(base + pool::kLargePrefix);
      visit(header, __atomic_load_n(pool::markByteOf(base + pool::kLargePrefix), __ATOMIC_RELAXED));
    } else {
      pool::forEachMark(base, bytes, visit);
    }
    if (finishedCount != 0) release();
    if (more) {
      // Not all: it stays listed.
      if (large || huge) __atomic_store_n(&pool::chunkHeaderOf(base)->finalizeListed, 1u, __ATOMIC_RELEASE);
      else __atomic_fetch_or(&pool::blockSummaryOf(base).flags, pool::kBlockListedForDestructors, __ATOMIC_RELEASE);
    }
    done += ran;
  }
  if (pending() == 0) {
    drained_.fetch_add(1, std::memory_order_release);
    futexWakeAll(drained_);
  }
  return done;
}

bool Destructors::waitUntilIdle(std::uint64_t nanoseconds) noexcept {
  const std::uint64_t deadline = monotonicNow() + nanoseconds;
  for (;;) {
    const std::uint32_t seen = drained_.load(std::memory_order_acquire);
    if (pending() == 0) return true;
    const std::uint64_t now = monotonicNow();
    if (now >= deadline) return false;
    futexWait(drained_, seen, deadline - now);
  }
}

void Destructors::runAll() {
  pool::forEachRegion(heap_.pool, [&](const pool::Region& region) {
    pool::forEachObject(region, heap_.colour(), [&](const pool::ObjectView& object) { runOne(object.header); });
  });
}

}  // namespace openclaw::gc
