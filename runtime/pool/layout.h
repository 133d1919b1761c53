// Where things lie in the heap: sizes, address arithmetic, the mark byte and the object header.
//
//   chunk, 4 MiB, aligned
//   +---------------------------+--------------+---------------------------------------------+
//   | mark bytes       256 KiB  | slot-log     | 59 data blocks of 64 KiB, or 944 pages of   |
//   | (one a 16-byte granule)   | bits 64 KiB  | 4 KiB for large objects, or a huge object   |
//   +---------------------------+--------------+---------------------------------------------+
//   The first 20 KiB of the mark bytes would describe the metadata itself: the ChunkHeader (chunk.h) lives there.
//
//   small object: cell = [header 8][payload ...], whole granules; the payload is at cell + 8
//   large object: pages = [unused 8][cell bytes 8][header 8][payload ...]
//   So every header starts a granule, and every payload is 8 more than a multiple of 16.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace openclaw::pool {

inline constexpr std::size_t kGranule = 16, kGranuleShift = 4;
inline constexpr std::size_t kChunkBytes = 4u << 20, kChunkShift = 22;
inline constexpr std::size_t kBlockBytes = 64u << 10, kBlockShift = 16;
inline constexpr std::size_t kPageBytes = 4096, kPageShift = 12;
inline constexpr std::size_t kLineBytes = 256;
inline constexpr std::size_t kMarkBytes = kChunkBytes / kGranule;                 // 256 KiB
inline constexpr std::size_t kLogBytes = kChunkBytes / 8 / 8;                     // 64 KiB, for the write barrier of later stages
inline constexpr std::size_t kMetadataBytes = kMarkBytes + kLogBytes;
inline constexpr std::size_t kHeaderRoom = kMetadataBytes / kGranule;             // 20 KiB for the ChunkHeader
inline constexpr std::size_t kBlocksPerChunk = kChunkBytes / kBlockBytes;         // 64, of which the first 5 are metadata
inline constexpr std::size_t kFirstBlock = kMetadataBytes / kBlockBytes;          // 5
inline constexpr std::size_t kDataBlocks = kBlocksPerChunk - kFirstBlock;         // 59
inline constexpr std::size_t kFirstPage = kMetadataBytes / kPageBytes;            // 80
inline constexpr std::size_t kPagesPerChunk = kChunkBytes / kPageBytes;           // 1024
inline constexpr std::size_t kGranulesPerBlock = kBlockBytes / kGranule;          // 4096
inline constexpr std::size_t kMinimumHole = 256;         // smaller holes are not handed out
inline constexpr std::size_t kOverflowBytes = 256;       // larger cells that do not fit the hole go to the overflow block
inline constexpr std::size_t kLargeBytes = 8u << 10;     // larger cells get pages of their own
inline constexpr std::size_t kHugeBytes = 2u << 20;      // larger cells get chunks of their own
inline constexpr std::size_t kHeaderBytes = 8;           // before the payload of a small object
inline constexpr std::size_t kLargePrefix = 16;          // before the header of a large one
inline constexpr std::uint64_t kDataBlockMask = ~((std::uint64_t{1} << kFirstBlock) - 1);
static_assert(kDataBlocks == 59 && kMetadataBytes == 320u << 10);

using Address = std::uintptr_t;

inline Address chunkOf(Address a) { return a & ~(kChunkBytes - 1); }
inline std::size_t granuleInChunk(Address a) { return (a & (kChunkBytes - 1)) >> kGranuleShift; }
inline std::size_t blockInChunk(Address a) { return (a & (kChunkBytes - 1)) >> kBlockShift; }
inline std::size_t pageInChunk(Address a) { return (a & (kChunkBytes - 1)) >> kPageShift; }
// The mark byte of the granule that holds `a`; not for tails of huge objects.
inline std::uint8_t* markByteOf(Address a) {
  return reinterpret_cast<std::uint8_t*>(chunkOf(a) + granuleInChunk(a));
}

// Mark byte: [2:0] state of the object whose header is in this granule, [3] END, [4] reserved, [7:5] age.
//   state 0       unused, or not the first granule
//         1       young: allocated since the last collection
//         2..4    colours; the heap's current one means "found by the last collection", others "dead, not swept"
//         5       dead, its destructor has yet to run: the cell stays until the destructor thread takes it out of this state
//         6       dead, its destructor has run: the next sweep frees it
//   END           last granule of a small object (of a one-granule object: the same byte); large objects have none
inline constexpr std::uint8_t kStateMask = 7, kUnused = 0, kYoung = 1, kFirstColour = 2, kLastColour = 4, kDoomed = 5, kDestroyed = 6;
inline constexpr std::uint8_t kEnd = 8;
inline constexpr unsigned kAgeShift = 5;
inline constexpr std::uint8_t stateOf(std::uint8_t mark) { return mark & kStateMask; }
// Dead, kept for its destructor's sake.
inline constexpr bool waitsForSweep(std::uint8_t state) { return state == kDoomed || state == kDestroyed; }
inline constexpr std::uint8_t ageOf(std::uint8_t mark) { return static_cast<std::uint8_t>(mark >> kAgeShift); }
inline constexpr std::uint8_t nextColour(std::uint8_t colour) {
  return colour == kLastColour ? kFirstColour : static_cast<std::uint8_t>(colour + 1);
}

// Header, one 64-bit word: [15:0] type, [26:16] granules (0 = large: the size stands before the header),
// [31:27] flags, [63:32] site (bit 31 of it: a sampled stack, see gc/sampling.h).
enum HeaderFlags : std::uint32_t {
  kMovableFlag = 1u << 27,
  kLeafFlag = 1u << 28,            // no pointers inside
  kDestructorFlag = 1u << 29,      // its type has a destructor that has not run; counts once it is constructed
  kPinnedFlag = 1u << 30,
  kConstructingFlag = 1u << 31,    // its constructor has not returned
};
inline constexpr std::uint32_t kSiteIsStack = 0x8000'0000u;

struct ObjectHeader {
  std::uint64_t word;

  std::uint64_t load() const { return __atomic_load_n(&word, __ATOMIC_RELAXED); }
  std::uint32_t type() const { return static_cast<std::uint32_t>(load() & 0xffff); }
  std::uint32_t granules() const { return static_cast<std::uint32_t>(load() >> 16) & 0x7ff; }
  std::uint32_t flags() const { return static_cast<std::uint32_t>(load()) & 0xf800'0000u; }
  std::uint32_t site() const { return static_cast<std::uint32_t>(load() >> 32); }
  bool isLarge() const { return granules() == 0; }
  Address payload() const { return reinterpret_cast<Address>(this) + kHeaderBytes; }
  // Where the cell begins and how many bytes it has, header included.
  Address cell() const { return reinterpret_cast<Address>(this) - (isLarge() ? kLargePrefix : 0); }
  std::uint64_t largeBytes() const { return *reinterpret_cast<const std::uint64_t*>(reinterpret_cast<Address>(this) - 8); }
  std::uint64_t cellBytes() const { return isLarge() ? largeBytes() : std::uint64_t{granules()} << kGranuleShift; }
  // Bytes from the payload to the end of the cell.
  std::uint64_t payloadBytes() const { return cell() + cellBytes() - payload(); }
  void clearFlags(std::uint32_t bits) { __atomic_fetch_and(&word, ~std::uint64_t{bits}, __ATOMIC_RELEASE); }
};
static_assert(sizeof(ObjectHeader) == kHeaderBytes);

inline ObjectHeader* headerOf(Address payload) { return reinterpret_cast<ObjectHeader*>(payload - kHeaderBytes); }
inline ObjectHeader* headerOf(const void* payload) { return headerOf(reinterpret_cast<Address>(payload)); }

// Cell bytes for a payload of so many bytes, as small or large object.
inline constexpr std::size_t smallCellBytes(std::size_t payload) {
  return (payload + kHeaderBytes + kGranule - 1) & ~(kGranule - 1);
}
inline constexpr std::size_t largeCellBytes(std::size_t payload) {
  return (payload + kHeaderBytes + kLargePrefix + kGranule - 1) & ~(kGranule - 1);
}
inline constexpr bool isSmallPayload(std::size_t payload) { return payload <= kLargeBytes - kHeaderBytes; }

}  // namespace openclaw::pool
