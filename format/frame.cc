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

}  // namespace

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
    case FrameKind::kTaken: return "taken";
    case FrameKind::kNames: return "names";
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
  put(out, 40, header.minorVersion);
  put(out, 60, crc32(out, 60));
}

bool decode(const std::byte* in, FileHeader& out) noexcept {
  if (std::memcmp(in, FileHeader::kMagic.data(), FileHeader::kMagic.size()) != 0) return false;
  if (get<std::uint32_t>(in, 12) != FileHeader::kBytes || get<std::uint32_t>(in, 60) != crc32(in, 60)) return false;
  out.version = get<std::uint32_t>(in, 8);
  std::memcpy(out.dumpId.data(), in + 16, out.dumpId.size());
  out.dumpedUnix = get<std::uint64_t>(in, 32);
  out.minorVersion = get<std::uint32_t>(in, 40);
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
