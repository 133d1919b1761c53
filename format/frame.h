// How heap.bin is laid out in bytes: the file header, the header before each frame, the trailer. FORMAT.md draws the
// same with an annotated hex example. All numbers are little-endian.
//
//   file    = FileHeader frame* [index frame, Trailer]
//   frame   = FrameHeader stored bytes          stored bytes = one zstd frame (or raw, flag) of one Cap'n Proto message
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace openclaw {

// A reader refuses a higher version; a higher minor one only says that fields or kinds were added.
inline constexpr std::uint32_t kFormatVersion = 1, kFormatMinor = 0;

// Numbers are for ever; unknown kinds are skipped and counted.
enum class FrameKind : std::uint16_t {
  kProcess = 1, kModules = 2, kTypes = 3, kSites = 4, kArenas = 5, kRegions = 6, kObjects = 7, kReferences = 8,
  kRoots = 9, kThreads = 10, kStacks = 11, kPauses = 12, kSettings = 13, kCounters = 14, kRequests = 15,
  kFloating = 16, kLabels = 17, kSymbols = 18, kIndex = 19, kEnd = 20, kTaken = 21, kNames = 22,
};
const char* toText(FrameKind kind);  // "objects"; "unknown" for a kind of a newer version

// Offset 0 of the file.
//   0  8  magic "OCLWHEAP"
//   8  4  format version (readers refuse a higher one with kUnsupported)
//  12  4  bytes of this header (64)
//  16 16  dump id, random
//  32  8  dumped at, ns since 1970 UTC
//  40  4  minor version (0): readers read a higher one and say so
//  44 16  zero
//  60  4  CRC-32 of bytes 0..59
struct FileHeader {
  static constexpr std::size_t kBytes = 64;
  static constexpr std::array<char, 8> kMagic = {'O', 'C', 'L', 'W', 'H', 'E', 'A', 'P'};
  std::uint32_t version = kFormatVersion;
  std::array<std::uint8_t, 16> dumpId{};
  std::uint64_t dumpedUnix = 0;
  std::uint32_t minorVersion = kFormatMinor;
};

// Before each frame.
//   0  4  magic "OCFR"
//   4  2  kind
//   6  2  flags: bit 0 = stored bytes are raw, not zstd
//   8  4  sequence, 0 for the first frame of the file
//  12  4  raw size: bytes of the Cap'n Proto message with its segment table, at most kMaxRawBytes
//  16  4  stored size
//  20  4  CRC-32 (zlib's polynomial) of the stored bytes
//  24  4  zero
//  28  4  CRC-32 of bytes 0..27
struct FrameHeader {
  static constexpr std::size_t kBytes = 32;
  static constexpr std::array<char, 4> kMagic = {'O', 'C', 'F', 'R'};
  static constexpr std::uint16_t kRaw = 1;
  static constexpr std::uint32_t kMaxRawBytes = 64u << 20;
  FrameKind kind{};
  std::uint16_t flags = 0;
  std::uint32_t sequence = 0;
  std::uint32_t rawSize = 0;
  std::uint32_t storedSize = 0;
  std::uint32_t storedCrc = 0;
};

// The last bytes of a file that has an index.
//   0  8  magic "OCLWTAIL"
//   8  8  offset of the index frame's header
//  16  8  size of the whole file
//  24  4  zero
//  28  4  CRC-32 of bytes 0..27
struct Trailer {
  static constexpr std::size_t kBytes = 32;
  static constexpr std::array<char, 8> kMagic = {'O', 'C', 'L', 'W', 'T', 'A', 'I', 'L'};
  std::uint64_t indexOffset = 0;
  std::uint64_t fileSize = 0;
};

// Encode into / decode from exactly kBytes. Decoders return false on a wrong magic, size or checksum. No allocation.
void encode(const FileHeader&, std::byte* out) noexcept;
void encode(const FrameHeader&, std::byte* out) noexcept;
void encode(const Trailer&, std::byte* out) noexcept;
bool decode(const std::byte* in, FileHeader& out) noexcept;
bool decode(const std::byte* in, FrameHeader& out) noexcept;
bool decode(const std::byte* in, Trailer& out) noexcept;

// CRC-32 as zlib computes it. No allocation. Cost: about a byte per 0.1–0.3 ns.
std::uint32_t crc32(const std::byte* data, std::size_t size, std::uint32_t seed = 0) noexcept;

}  // namespace openclaw
