#include "format/frame.h"

#include <bit>
#include <cstring>

namespace openclaw {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are copied as they stand");

template <class T>
void put(std::byte* out, std::size_t offset, T value) noexcept {
  std::memcpy(out + offset, &value, sizeof(value));
}
template <class T>
T get(const std::byte* in, std::size_t offset) noexcept {
  T value;
  std::memcpy(&value, in + offset, sizeof(value));
  return value;
}

// Slicing-by-16 (Intel 2006, doubled): table[k][b] is the CRC of byte b followed by k zero bytes, so that sixteen
// bytes are folded with sixteen independent look-ups.
struct CrcTables {
  std::uint32_t t[16][256];
  constexpr CrcTables() : t{} {
    for (std::uint32_t b = 0; b < 256; ++b) {
      std::uint32_t c = b;
      for (int bit = 0; bit < 8; ++bit) c = (c >> 1) ^ ((c & 1) ? 0xedb8'8320u : 0u);
      t[0][b] = c;
    }
    for (std::size_t k = 1; k < 16; ++k)
      for (std::size_t b = 0; b < 256; ++b) t[k][b] = (t[k - 1][b] >> 8) ^ t[0][t[k - 1][b] & 0xff];
  }
};
constexpr CrcTables kCrc;

}  // namespace

std::uint32_t crc32(const std::byte* data, std::size_t size, std::uint32_t seed) noexcept {
  std::uint32_t c = ~seed;
  for (; size >= 16; data += 16, size -= 16) {
    std::uint32_t w[4];
    std::memcpy(w, data, 16);
    w[0] ^= c;
    c = 0;
    for (std::size_t i = 0; i < 4; ++i)
      c ^= kCrc.t[15 - 4 * i][w[i] & 0xff] ^ kCrc.t[14 - 4 * i][(w[i] >> 8) & 0xff] ^
           kCrc.t[13 - 4 * i][(w[i] >> 16) & 0xff] ^ kCrc.t[12 - 4 * i][w[i] >> 24];
  }
  for (; size > 0; ++data, --size) c = (c >> 8) ^ kCrc.t[0][(c ^ static_cast<std::uint32_t>(*data)) & 0xff];
  return ~c;
}

const char* toText(FrameKind kind) {
  switch (kind) {
    case FrameKind::kProcess: return "process";
    case FrameKind::kModules: return "modules";
    case FrameKind::kTypes: return "types";
    case FrameKind::kSites: return "sites";
    case FrameKind::kArenas: return "arenas";
    case FrameKind::kRegions: return "regions";
    case FrameKind::kObjects: return "objects";
    case FrameKind::kReferences: return "references";
    case FrameKind::kRoots: return "roots";
    case FrameKind::kThreads: return "threads";
    case FrameKind::kStacks: return "stacks";
    case FrameKind::kPauses: return "pauses";
    case FrameKind::kSettings: return "settings";
    case FrameKind::kCounters: return "counters";
    case FrameKind::kRequests: return "requests";
    case FrameKind::kFloating: return "floating";
    case FrameKind::kLabels: return "labels";
    case FrameKind::kSymbols: return "symbols";
    case FrameKind::kIndex: return "index";
    case FrameKind::kEnd: return "end";
  }
  return "unknown";
}

void encode(const FileHeader& header, std::byte* out) noexcept {
  std::memset(out, 0, FileHeader::kBytes);
  std::memcpy(out, FileHeader::kMagic.data(), FileHeader::kMagic.size());
  put(out, 8, header.version);
  put(out, 12, static_cast<std::uint32_t>(FileHeader::kBytes));
  std::memcpy(out + 16, header.dumpId.data(), header.dumpId.size());
  put(out, 32, header.dumpedUnix);
  put(out, 60, crc32(out, 60));
}

bool decode(const std::byte* in, FileHeader& out) noexcept {
  if (std::memcmp(in, FileHeader::kMagic.data(), FileHeader::kMagic.size()) != 0) return false;
  if (get<std::uint32_t>(in, 12) != FileHeader::kBytes || get<std::uint32_t>(in, 60) != crc32(in, 60)) return false;
  out.version = get<std::uint32_t>(in, 8);
  std::memcpy(out.dumpId.data(), in + 16, out.dumpId.size());
  out.dumpedUnix = get<std::uint64_t>(in, 32);
  return true;
}

void encode(const FrameHeader& header, std::byte* out) noexcept {
  std::memset(out, 0, FrameHeader::kBytes);
  std::memcpy(out, FrameHeader::kMagic.data(), FrameHeader::kMagic.size());
  put(out, 4, static_cast<std::uint16_t>(header.kind));
  put(out, 6, header.flags);
  put(out, 8, header.sequence);
  put(out, 12, header.rawSize);
  put(out, 16, header.storedSize);
  put(out, 20, header.storedCrc);
  put(out, 28, crc32(out, 28));
}

bool decode(const std::byte* in, FrameHeader& out) noexcept {
  if (std::memcmp(in, FrameHeader::kMagic.data(), FrameHeader::kMagic.size()) != 0) return false;
  if (get<std::uint32_t>(in, 28) != crc32(in, 28)) return false;
  out.kind = static_cast<FrameKind>(get<std::uint16_t>(in, 4));
  out.flags = get<std::uint16_t>(in, 6);
  out.sequence = get<std::uint32_t>(in, 8);
  out.rawSize = get<std::uint32_t>(in, 12);
  out.storedSize = get<std::uint32_t>(in, 16);
  out.storedCrc = get<std::uint32_t>(in, 20);
  return out.rawSize <= FrameHeader::kMaxRawBytes;
}

void encode(const Trailer& trailer, std::byte* out) noexcept {
  std::memset(out, 0, Trailer::kBytes);
  std::memcpy(out, Trailer::kMagic.data(), Trailer::kMagic.size());
  put(out, 8, trailer.indexOffset);
  put(out, 16, trailer.fileSize);
  put(out, 28, crc32(out, 28));
}

bool decode(const std::byte* in, Trailer& out) noexcept {
  if (std::memcmp(in, Trailer::kMagic.data(), Trailer::kMagic.size()) != 0) return false;
  if (get<std::uint32_t>(in, 28) != crc32(in, 28)) return false;
  out.indexOffset = get<std::uint64_t>(in, 8);
  out.fileSize = get<std::uint64_t>(in, 16);
  return true;
}

}  // namespace openclaw
