// The memory of a heap: one reservation of address space, divided into 4 MiB chunks, and a side table that says what
// every chunk is. Chunks are committed (counted against the heap limit) when they leave kFree and given back with
// MADV_DONTNEED when they return to it.
//
//   free <-> spare <-> blocks | large | huge head + tails        spare <-> withheld (while a dump child lives)
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "format/result.h"
#include "runtime/pool/chunk.h"

namespace openclaw::pool {

// Threads: members marked (locked) under the heap's pool lock or in a stopped world; the others from anywhere.
// Owns: the reservation and the side table.
class Pool {
 public:
  static Result<std::unique_ptr<Pool>> create(std::uint64_t reservationBytes);
  ~Pool();
  Pool(const Pool&) = delete;

  Address low() const { return base_; }
  Address high() const { return base_ + bytes_; }
  std::uint64_t reservedBytes() const { return bytes_; }
  bool contains(Address a) const { return a - base_ < bytes_; }
  std::uint32_t chunkCount() const { return chunkCount_; }       // of the reservation
  std::uint32_t chunksUsed() const { return chunksUsed_.load(std::memory_order_acquire); }  // chunks from here on were never used
  Address chunkAddress(std::uint32_t index) const { return base_ + (static_cast<Address>(index) << kChunkShift); }
  std::uint32_t chunkIndex(Address a) const { return static_cast<std::uint32_t>((a - base_) >> kChunkShift); }
  ChunkHeader& header(std::uint32_t index) const { return *reinterpret_cast<ChunkHeader*>(chunkAddress(index)); }
  ChunkEntry entry(std::uint32_t index) const {
    return std::bit_cast<ChunkEntry>(__atomic_load_n(reinterpret_cast<const std::uint64_t*>(&table_[index]), __ATOMIC_ACQUIRE));
  }
  void setEntry(std::uint32_t index, ChunkEntry entry) {         // (locked)
    __atomic_store_n(reinterpret_cast<std::uint64_t*>(&table_[index]), std::bit_cast<std::uint64_t>(entry), __ATOMIC_RELEASE);
  }

  // (locked) `count` adjacent chunks, committed, all zero, of this kind (kHugeHead: the rest become tails); spare ones
  // first, then free address space while committed stays within `limitBytes`. 0 = no room.
  // `preferUnshared`: take chunks with MADV_DONTFORK when there are any (a dump child lives).
  Address take(std::uint32_t count, ChunkKind kind, std::uint64_t limitBytes, bool preferUnshared);
  // (locked) An empty chunk or huge run comes back as spare memory, its contents dropped.
  void giveBack(Address chunk);
  // (locked) Spare chunks beyond `keep` return to the system.
  void trim(std::uint64_t keep);
  // (locked) Commits up to `count` chunks (spare first) within the limit, as kWithheld with MADV_DONTFORK. How many.
  std::uint32_t withhold(std::uint32_t count, std::uint64_t limitBytes);
  // (locked) They become spare, still not shared with a child.
  void releaseWithheld();
  // (locked) MADV_DOFORK on every chunk; when no child lives any more.
  void shareAll();

  std::uint64_t committedBytes() const { return committed_.load(std::memory_order_relaxed); }
  std::uint64_t spareChunks() const { return spare_.load(std::memory_order_relaxed); }
  std::uint64_t withheldChunks() const { return withheld_.load(std::memory_order_relaxed); }
  std::uint64_t unsharedSpareChunks() const { return unsharedSpare_.load(std::memory_order_relaxed); }
  // Chunks committed from now on ask for huge pages, or ask for none.
  void setHugePages(bool on) { hugePages_.store(on, std::memory_order_relaxed); }
  // madvise calls that failed (counted, the memory works without).
  std::uint64_t adviceFailures() const { return adviceFailures_.load(std::memory_order_relaxed); }

 private:
  Pool() = default;
  void commit(std::uint32_t index);
  void drop(std::uint32_t index, std::uint32_t count);
  void advise(Address address, std::size_t bytes, int advice);

  Address base_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint32_t chunkCount_ = 0;
  ChunkEntry* table_ = nullptr;
  std::atomic<std::uint32_t> chunksUsed_{0};
  std::atomic<std::uint64_t> committed_{0}, spare_{0}, withheld_{0}, unsharedSpare_{0}, adviceFailures_{0};
  std::atomic<bool> hugePages_{true};
};

}  // namespace openclaw::pool
