// A random heap of blocks and large objects, kept as one owner for every 16 bytes: what tests of the block map compare
// with. Blocks are empty, sparse, full, or hold dead cells and a thread's buffer beside objects; large objects stand
// between runs of free pages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "format/records.h"

namespace openclaw::test {

struct BlockHeap {
  static constexpr std::uint64_t kBase = 0x7f31'c200'0000, kBlock = 64 << 10, kGranule = 16, kLine = 256;
  enum : std::int32_t { kFree = -1, kDead = -2, kTail = -3 };  // else an object's index

  struct Block {
    std::uint64_t base = 0;
    std::vector<std::int32_t> granules;  // kBlock / kGranule owners
    bool allocating = false;
  };
  std::vector<Block> blocks;
  std::vector<RegionRecord> regions;
  std::vector<ObjectRecord> objects;
  std::vector<std::vector<std::uint64_t>> slots;
  std::vector<RootRecord> roots;
  std::vector<StackRecord> stacks;
  std::vector<std::string> arenas{"main"};  // regions lie in the first unless a test says otherwise
  std::vector<std::uint64_t> arenaCommitted;   // by arena; empty: all belongs to the first
  std::vector<std::uint64_t> pcs;  // stacks' frames point in here
  std::uint64_t committed = 0, metadata = 0, meanInterval = 1 << 10;

  // The same heap for the same seed.
  BlockHeap(std::uint64_t seed, std::size_t blockCount);
  std::vector<std::byte> encode() const;
};

}  // namespace openclaw::test
