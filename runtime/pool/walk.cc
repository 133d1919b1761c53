#include "runtime/pool/walk.h"

namespace openclaw::pool {
namespace {

ObjectHeader* covering(Address header, Address a) noexcept {
  auto* object = reinterpret_cast<ObjectHeader*>(header);
  return a - object->cell() < object->cellBytes() ? object : nullptr;
}

ObjectHeader* findInBlock(Address a) noexcept {
  const Address block = a & ~(kBlockBytes - 1);
  const Address granule = a & ~(kGranule - 1);
  // Backwards to the start byte. An END before it belongs to the object before: then `a` is in a hole.
  for (Address g = granule; g >= block && granule - g <= kLargeBytes; g -= kGranule) {
    const std::uint8_t mark = __atomic_load_n(markByteOf(g), __ATOMIC_RELAXED);
    if (stateOf(mark) != kUnused) return covering(g, a);
    if ((mark & kEnd) != 0 && g != granule) return nullptr;
  }
  return nullptr;
}

}  // namespace

ObjectHeader* findObject(const Pool& pool, Address a, bool* unswept) noexcept {
  if (!pool.contains(a)) return nullptr;
  std::uint32_t index = pool.chunkIndex(a);
  if (index >= pool.chunksUsed()) return nullptr;
  ChunkEntry entry = pool.entry(index);
  switch (entry.kind) {
    case ChunkKind::kFree:
    case ChunkKind::kSpare:
    case ChunkKind::kWithheld: return nullptr;
    case ChunkKind::kBlocks: {
      const std::size_t block = blockInChunk(a);
      if (block < kFirstBlock || blockSummaryOf(a).state == BlockState::kEmpty) return nullptr;
      if (unswept != nullptr) *unswept = isUnswept(a);
      return findInBlock(a);
    }
    case ChunkKind::kLarge: {
      const std::size_t page = pageInChunk(a);
      const ChunkHeader& chunk = pool.header(index);
      if (page < kFirstPage || chunk.runHead[page] == kNoRun) return nullptr;
      const Address header = chunkOf(a) + (static_cast<Address>(chunk.runHead[page]) << kPageShift) + kLargePrefix;
      if (stateOf(__atomic_load_n(markByteOf(header), __ATOMIC_RELAXED)) == kUnused) return nullptr;
      if (unswept != nullptr) *unswept = (chunk.unsweptMask & 1) != 0;
      return covering(header, a);
    }
    case ChunkKind::kHugeTail: index -= entry.offset; [[fallthrough]];
    case ChunkKind::kHugeHead: {
      const Address header = pool.chunkAddress(index) + kMetadataBytes + kLargePrefix;
      if (stateOf(__atomic_load_n(markByteOf(header), __ATOMIC_RELAXED)) == kUnused) return nullptr;
      if (unswept != nullptr) *unswept = (pool.header(index).unsweptMask & 1) != 0;
      return covering(header, a);
    }
  }
  return nullptr;
}

}  // namespace openclaw::pool
