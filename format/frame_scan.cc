#include "format/frame_scan.h"

#include <capnp/serialize.h>
#include <fmt/format.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <tuple>

#include "format/heap.capnp.h"

namespace openclaw::internal {
namespace {

// What stands at the start of a file that is no dump, so that the message can name it.
std::string looksLike(std::span<const std::byte> head) {
  std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
  if (text.empty()) return "it is empty";
  if (text.starts_with("JAVA PROFILE ")) return "it looks like a Java heap dump (HPROF)";
  if (text.starts_with("\x1f\x8b")) return "it looks like a gzip file (a compressed Java heap dump?)";
  if (text.starts_with("\x7f" "ELF")) return "it looks like an ELF file (a program or a core file)";
  if (text.starts_with("\x28\xb5\x2f\xfd")) return "it looks like a zstd file";
  if (text.starts_with("PK\x03\x04")) return "it looks like a zip file";
  std::size_t brace = text.find_first_not_of(" \t\r\n");
  if (brace != text.npos && text[brace] == '{') {
    if (text.find("\"snapshot\"") != text.npos) return "it looks like a V8 heap snapshot (JSON)";
    return "it looks like JSON";
  }
  if (std::all_of(text.begin(), text.end(), [](char c) { return c == 0; })) return "it begins with zero bytes";
  return "it does not begin as a dump does";
}

bool isKnown(FrameKind kind, std::uint16_t flags) {
  return kind >= FrameKind::kProcess && kind <= FrameKind::kNames && (flags & ~FrameHeader::kRaw) == 0;
}

FoundFrame found(const FrameHeader& header, std::uint64_t offset) {
  FoundFrame frame;
  frame.kind = header.kind;
  frame.sequence = header.sequence;
  frame.offset = offset;
  frame.storedSize = header.storedSize;
  frame.rawSize = header.rawSize;
  frame.known = isKnown(header.kind, header.flags);
  frame.flags = header.flags;
  frame.storedCrc = header.storedCrc;
  return frame;
}

// A whole frame at `offset`, if there is one. `cut` says that a good header announces more bytes than the file has.
bool frameAt(const ByteSource& source, std::uint64_t offset, FoundFrame& frame, bool& cut,
             std::vector<std::byte>& buffer) {
  cut = false;
  if (source.size() - offset < FrameHeader::kBytes) return false;
  auto bytes = source.read(offset, FrameHeader::kBytes, buffer);
  FrameHeader header;
  if (!bytes || !decode(bytes->data(), header)) return false;
  frame = found(header, offset);
  cut = frame.end() > source.size();
  return !cut;
}

// The next offset >= `from` where a frame magic stands; the file's size when there is none.
std::uint64_t nextMagic(const ByteSource& source, std::uint64_t from, std::vector<std::byte>& buffer) {
  constexpr std::size_t kStep = 1u << 20;
  constexpr std::size_t kMagic = FrameHeader::kMagic.size();
  while (source.size() - from >= kMagic) {
    auto size = static_cast<std::size_t>(std::min<std::uint64_t>(source.size() - from, kStep));
    auto bytes = source.read(from, size, buffer);
    if (!bytes) return source.size();
    std::string_view text(reinterpret_cast<const char*>(bytes->data()), bytes->size());
    auto at = text.find(std::string_view(FrameHeader::kMagic.data(), kMagic));
    if (at != text.npos) return from + at;
    from += size - (kMagic - 1);
    if (size < kStep) break;
  }
  return source.size();
}

bool trailerAt(const ByteSource& source, std::uint64_t offset, Trailer& trailer, std::vector<std::byte>& buffer) {
  if (source.size() < offset || source.size() - offset < Trailer::kBytes) return false;
  auto bytes = source.read(offset, Trailer::kBytes, buffer);
  return bytes && decode(bytes->data(), trailer);
}

// Walks from frame to frame; where a header is damaged, looks for the next one.
void walkFrames(const ByteSource& source, Scan& scan) {
  std::vector<std::byte> buffer;
  std::uint64_t at = FileHeader::kBytes;
  bool inDamage = false;  // a damaged stretch is one damaged frame, however many false magics it holds
  while (at < source.size()) {
    FoundFrame frame;
    bool cut = false;
    if (frameAt(source, at, frame, cut, buffer)) {
      scan.report.bytesRead += FrameHeader::kBytes + frame.storedSize;
      scan.frames.push_back(frame);
      at = frame.end();
      inDamage = false;
      continue;
    }
    // Also in the middle: whoever appended frames behind a trailer took nothing away.
    Trailer trailer;
    if (trailerAt(source, at, trailer, buffer)) {
      scan.report.bytesRead += Trailer::kBytes;
      scan.trailer = at;
      at += Trailer::kBytes;
      inDamage = false;
      continue;
    }
    if (cut) {
      scan.cut = frame;
      scan.report.fault("frame-cut", at, frame.sequence,
                        fmt::format("{} frame: {} of its {} bytes are there", toText(frame.kind),
                                    source.size() - at - FrameHeader::kBytes, frame.storedSize));
    } else if (!inDamage) {
      scan.report.fault("frame-header", at, std::nullopt, "no frame begins here");
    }
    if (!inDamage) ++scan.report.damagedFrames;
    inDamage = true;
    at = nextMagic(source, at + 1, buffer);
  }
}

// The frames as trailer and index list them; false when any of it is off. The headers have to agree and to follow
// each other without a gap: an index over a damaged file must not hide the damage.
bool readIndex(const ByteSource& source, Scan& scan) {
  std::vector<std::byte> buffer;
  if (source.size() < FileHeader::kBytes + FrameHeader::kBytes + Trailer::kBytes) return false;
  Trailer trailer;
  std::uint64_t trailerOffset = source.size() - Trailer::kBytes;
  if (!trailerAt(source, trailerOffset, trailer, buffer) || trailer.fileSize != source.size()) return false;
  FoundFrame index;
  bool cut = false;
  if (trailer.indexOffset < FileHeader::kBytes || trailer.indexOffset > trailerOffset ||
      !frameAt(source, trailer.indexOffset, index, cut, buffer) || index.kind != FrameKind::kIndex ||
      index.end() != trailerOffset)
    return false;
  auto message = readMessage(source, index);
  if (!message) return false;
  std::vector<FoundFrame> frames;
  try {
    capnp::ReaderOptions options;
    options.traversalLimitInWords = message->size() + 64;
    capnp::FlatArrayMessageReader reader(*message, options);
    std::uint64_t at = FileHeader::kBytes;
    for (auto entry : reader.getRoot<schema::FileIndex>().getEntries()) {
      FoundFrame frame;
      if (entry.getOffset() != at || at > source.size() || !frameAt(source, at, frame, cut, buffer) ||
          entry.getKind() != static_cast<std::uint16_t>(frame.kind) || entry.getSequence() != frame.sequence ||
          entry.getStoredSize() != frame.storedSize || entry.getRawSize() != frame.rawSize)
        return false;
      frames.push_back(frame);
      at = frame.end();
    }
    if (at != index.offset) return false;
  } catch (const kj::Exception&) {
    return false;
  }
  frames.push_back(index);
  scan.frames = std::move(frames);
  scan.report.bytesRead = source.size();
  scan.report.indexUsed = true;
  return true;
}

// Equal in all that the headers say of the bytes.
bool sameHeader(const FoundFrame& a, const FoundFrame& b) {
  return a.kind == b.kind && a.flags == b.flags && a.rawSize == b.rawSize && a.storedSize == b.storedSize &&
         a.storedCrc == b.storedCrc;
}
bool sameBytes(const ByteSource& source, const FoundFrame& a, const FoundFrame& b) {
  std::vector<std::byte> one, other;
  auto first = source.read(a.offset + FrameHeader::kBytes, a.storedSize, one);
  auto second = source.read(b.offset + FrameHeader::kBytes, b.storedSize, other);
  return first && second && std::ranges::equal(*first, *second);
}
// The rows of these mean the same when they come twice, or say who they are in a way that bytes do not.
bool mayRepeat(const FoundFrame& frame) {
  return !frame.known || frame.kind == FrameKind::kSymbols || frame.kind == FrameKind::kTaken || frame.kind == FrameKind::kIndex;
}

void countCopy(Scan& scan, const FoundFrame& frame, const FoundFrame& of) {
  ++scan.report.duplicateFrames;
  scan.report.fault("frame-duplicate", frame.offset, frame.sequence,
                    fmt::format("{} frame: a copy of the one at byte {}", toText(frame.kind), of.offset));
}

// One frame a sequence number: of several the first in the file whose bytes have their checksum. Others with the same
// header are copies, and cost nothing; others with another one are lost.
void dropSameNumbers(const ByteSource& source, Scan& scan) {
  auto& frames = scan.frames;
  std::stable_sort(frames.begin(), frames.end(), [](auto& a, auto& b) { return a.sequence < b.sequence; });
  auto out = frames.begin();
  for (auto group = frames.begin(); group != frames.end();) {
    auto end = std::find_if(group, frames.end(), [&](auto& f) { return f.sequence != group->sequence; });
    auto chosen = group;
    if (end - group > 1) {
      chosen = std::find_if(group, end, [&](auto& f) { return hasItsChecksum(source, f); });
      if (chosen == end) chosen = group;
      for (auto frame = group; frame != end; ++frame) {
        if (frame == chosen) continue;
        if (sameHeader(*frame, *chosen)) {
          countCopy(scan, *frame, *chosen);
          continue;
        }
        ++scan.report.conflictingFrames;
        scan.report.fault("frame-conflict", frame->offset, frame->sequence,
                          fmt::format("{} frame: byte {} has another frame of this number", toText(frame->kind), chosen->offset));
      }
    }
    *out++ = *chosen;
    group = end;
  }
  frames.erase(out, frames.end());
}

// Copies under other numbers. All frames of a dump but symbols name the rows they hold, or stand once: the same bytes
// twice are a copy. (Root tables of many frames name their slots.)
void dropCopies(const ByteSource& source, Scan& scan) {
  auto& frames = scan.frames;
  std::vector<const FoundFrame*> order;
  for (const FoundFrame& frame : frames)
    if (!mayRepeat(frame)) order.push_back(&frame);
  auto key = [](const FoundFrame* f) { return std::tuple(f->kind, f->storedCrc, f->storedSize, f->rawSize, f->flags, f->sequence); };
  std::sort(order.begin(), order.end(), [&](auto* a, auto* b) { return key(a) < key(b); });
  std::vector<bool> copy(frames.size());
  const FoundFrame* first = nullptr;
  for (const FoundFrame* frame : order) {
    if (first == nullptr || !sameHeader(*first, *frame) || !sameBytes(source, *first, *frame)) {
      first = frame;
      continue;
    }
    countCopy(scan, *frame, *first);
    copy[static_cast<std::size_t>(frame - frames.data())] = true;
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < frames.size(); ++i)
    if (!copy[i]) frames[kept++] = frames[i];
  frames.resize(kept);
}

// Puts frames in order, drops copies and counts what is missing.
void settle(const ByteSource& source, Scan& scan) {
  ReadReport& report = scan.report;
  scan.inFile = scan.frames;
  dropSameNumbers(source, scan);
  if (!scan.frames.empty()) {
    report.missingFrames = std::uint64_t{scan.frames.back().sequence} + 1 - scan.frames.size();
    std::uint32_t next = 0;
    std::uint64_t where = FileHeader::kBytes;
    for (const FoundFrame& frame : scan.frames) {
      if (frame.sequence != next) {
        report.fault("frame-sequence", where, next, frame.sequence == next + 1 ? std::string("it is not there")
                                                                  : fmt::format("it and those up to {} are not there", frame.sequence - 1));
        report.faults.back().times = report.missingFrames;
        break;
      }
      next = frame.sequence + 1;
      where = frame.end();
    }
  }
  dropCopies(source, scan);
  for (const FoundFrame& frame : scan.frames) {
    if (!frame.known) ++report.unknownFrames;
    if (frame.kind == FrameKind::kEnd) report.endSeen = true;
  }
  if (!report.endSeen) report.fault("file-end", report.fileBytes, std::nullopt, "there is no end frame: writing did not finish, or the file was cut");
}

}  // namespace

ByteSource::ByteSource(std::span<const std::byte> memory, std::string name)
    : memory_(memory), size_(memory.size()), name_(std::move(name)) {}
ByteSource::ByteSource(int descriptor, bool owned, std::uint64_t size, std::string name)
    : descriptor_(descriptor), owned_(owned), size_(size), name_(std::move(name)) {}
ByteSource::~ByteSource() {
  if (owned_ && descriptor_ >= 0) ::close(descriptor_);
}

Result<std::span<const std::byte>> ByteSource::read(std::uint64_t offset, std::size_t size,
                                                    std::vector<std::byte>& buffer) const {
  if (offset > size_ || size > size_ - offset)
    return fail(ErrorCode::kDamaged, "the file ends too early", {name_, offset, 0, true, false});
  if (descriptor_ < 0) return memory_.subspan(static_cast<std::size_t>(offset), size);
  if (buffer.size() < size) buffer.resize(size);
  for (std::size_t done = 0; done < size;) {
    ssize_t n = ::pread(descriptor_, buffer.data() + done, size - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0)
      return fail(ErrorCode::kIo, n < 0 ? fmt::format("cannot be read: {}", std::strerror(errno)) : "shrank while it was read",
                  {name_, offset, 0, true, false});
    done += static_cast<std::size_t>(n);
  }
  return std::span<const std::byte>(buffer.data(), size);
}

Result<Scan> scanFile(const ByteSource& source) {
  Scan scan;
  scan.report.fileBytes = source.size();
  std::vector<std::byte> buffer;
  OPENCLAW_TRY(auto head, source.read(0, static_cast<std::size_t>(std::min<std::uint64_t>(source.size(), 256)), buffer));
  Where where{source.name(), 0, 0, true, false};
  bool magic = head.size() >= FileHeader::kMagic.size() &&
               std::memcmp(head.data(), FileHeader::kMagic.data(), FileHeader::kMagic.size()) == 0;
  if (head.size() < FileHeader::kBytes || !decode(head.data(), scan.header)) {
    // A damaged header must not cost the whole dump: one frame right behind it proves what the file is.
    FoundFrame frame;
    bool cut = false;
    std::vector<std::byte> frameBuffer;
    bool frameFollows = source.size() > FileHeader::kBytes &&
                        (frameAt(source, FileHeader::kBytes, frame, cut, frameBuffer) || cut);
    if (!frameFollows)
      return fail(ErrorCode::kDamaged,
                  magic ? "the header of this dump is cut or damaged, and no frame follows it"
                        : fmt::format("this is no heap dump of ours: {}", looksLike(head)),
                  where);
    scan.header = FileHeader{};
    scan.report.headerDamaged = true;
    scan.report.fault("file-header", 0, std::nullopt, "its checksum is wrong");
  } else {
    if (scan.header.version > kFormatVersion)
      return fail(ErrorCode::kUnsupported,
                  fmt::format("format version {}; this program reads up to {}: use a newer one", scan.header.version,
                              kFormatVersion),
                  where);
    scan.report.bytesRead = FileHeader::kBytes;
    scan.report.minorVersion = scan.header.minorVersion;
  }
  if (scan.report.headerDamaged || !readIndex(source, scan)) {
    walkFrames(source, scan);
    // Nobody decodes an index frame later, so its damage would go unsaid.
    for (const FoundFrame& frame : scan.frames) {
      if (frame.kind != FrameKind::kIndex || !frame.known) continue;
      if (auto message = readMessage(source, frame); !message) {
        ++scan.report.damagedFrames;
        scan.report.fault(hasItsChecksum(source, frame) ? "frame-message" : "frame-checksum", frame.offset, frame.sequence, message.error().what);
      }
    }
    // Where frames are damaged the index cannot fit; where all are whole and it does not, it is the one that is wrong.
    if (scan.trailer && scan.report.damagedFrames == 0 && !scan.report.headerDamaged)
      scan.report.fault("file-index", *scan.trailer, std::nullopt, "what the index lists is not what stands in the file");
  }
  settle(source, scan);
  return scan;
}

std::unexpected<Error> damagedFrame(const ByteSource& source, const FrameInfo& frame, std::string what) {
  return fail(ErrorCode::kDamaged, fmt::format("{} frame: {}", toText(frame.kind), what),
              {source.name(), frame.offset, frame.sequence, true, true});
}

bool hasItsChecksum(const ByteSource& source, const FoundFrame& frame) {
  std::vector<std::byte> buffer;
  auto stored = source.read(frame.offset + FrameHeader::kBytes, frame.storedSize, buffer);
  return stored && crc32(stored->data(), stored->size()) == frame.storedCrc;
}

namespace {

// Stored bytes of a frame whose sizes and checksum are right.
Result<std::span<const std::byte>> readStored(const ByteSource& source, const FoundFrame& frame,
                                              std::vector<std::byte>& buffer) {
  OPENCLAW_TRY(auto stored, source.read(frame.offset + FrameHeader::kBytes, frame.storedSize, buffer));
  if (crc32(stored.data(), stored.size()) != frame.storedCrc)
    return damagedFrame(source, frame, "the checksum of its bytes does not match");
  if (frame.rawSize > FrameHeader::kMaxRawBytes || frame.rawSize % sizeof(capnp::word) != 0 ||
      frame.rawSize < 2 * sizeof(capnp::word))
    return damagedFrame(source, frame, fmt::format("{} bytes is no size of a message", frame.rawSize));
  if (frame.flags & FrameHeader::kRaw) {
    if (frame.storedSize != frame.rawSize) return damagedFrame(source, frame, "raw and stored size differ");
  } else if (ZSTD_getFrameContentSize(stored.data(), stored.size()) != frame.rawSize) {
    return damagedFrame(source, frame, "its compressed bytes announce another size than its header");
  }
  return stored;
}

}  // namespace

Result<kj::Array<capnp::word>> readMessage(const ByteSource& source, const FoundFrame& frame) {
  std::vector<std::byte> buffer;
  OPENCLAW_TRY(auto stored, readStored(source, frame, buffer));
  auto words = kj::heapArray<capnp::word>(frame.rawSize / sizeof(capnp::word));
  if (frame.flags & FrameHeader::kRaw) {
    std::memcpy(words.begin(), stored.data(), stored.size());
    return words;
  }
  std::size_t size = ZSTD_decompress(words.begin(), frame.rawSize, stored.data(), stored.size());
  if (ZSTD_isError(size)) return damagedFrame(source, frame, fmt::format("decompression failed: {}", ZSTD_getErrorName(size)));
  if (size != frame.rawSize) return damagedFrame(source, frame, "it decompresses to another size than its header says");
  return words;
}

Result<kj::Array<capnp::word>> readMessageHead(const ByteSource& source, const FoundFrame& frame, std::size_t size) {
  std::vector<std::byte> buffer;
  OPENCLAW_TRY(auto stored, readStored(source, frame, buffer));
  size = std::min<std::size_t>(size, frame.rawSize) / sizeof(capnp::word) * sizeof(capnp::word);
  auto words = kj::heapArray<capnp::word>(size / sizeof(capnp::word));
  if (frame.flags & FrameHeader::kRaw) {
    std::memcpy(words.begin(), stored.data(), size);
    return words;
  }
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> stream(ZSTD_createDCtx(), &ZSTD_freeDCtx);
  ZSTD_inBuffer in{stored.data(), stored.size(), 0};
  ZSTD_outBuffer out{words.begin(), size, 0};
  while (out.pos < out.size) {
    std::size_t before = out.pos + in.pos;
    std::size_t left = ZSTD_decompressStream(stream.get(), &out, &in);
    if (ZSTD_isError(left)) return damagedFrame(source, frame, fmt::format("decompression failed: {}", ZSTD_getErrorName(left)));
    if (out.pos + in.pos == before) return damagedFrame(source, frame, "its compressed bytes end too early");
  }
  return words;
}

}  // namespace openclaw::internal
