#include "tests/support/frame_surgery.h"

#include <zstd.h>

#include <cstring>

#include "format/check.h"

namespace openclaw::test {

std::size_t LooseDump::find(FrameKind kind, std::size_t nth) const {
  for (std::size_t i = 0; i < frames.size(); ++i)
    if (frames[i].header.kind == kind && nth-- == 0) return i;
  OPENCLAW_CHECK(false, kind);
  return 0;
}
bool LooseDump::has(FrameKind kind) const {
  for (const LooseFrame& frame : frames)
    if (frame.header.kind == kind) return true;
  return false;
}
LooseDump LooseDump::withoutIndex() const {
  LooseDump out = *this;
  std::erase_if(out.frames, [](const LooseFrame& frame) { return frame.header.kind == FrameKind::kIndex; });
  out.trailer.clear();
  return out;
}
LooseDump& LooseDump::renumber() {
  for (std::size_t i = 0; i < frames.size(); ++i) frames[i].header.sequence = static_cast<std::uint32_t>(i);
  return *this;
}

LooseDump takeApart(std::span<const std::byte> dump) {
  LooseDump out;
  OPENCLAW_CHECK(dump.size() >= FileHeader::kBytes && decode(dump.data(), out.header));
  std::size_t at = FileHeader::kBytes;
  for (FrameHeader header; dump.size() - at >= FrameHeader::kBytes && decode(dump.data() + at, header);) {
    const auto stored = dump.subspan(at + FrameHeader::kBytes, header.storedSize);
    out.frames.push_back({header, {stored.begin(), stored.end()}});
    at += FrameHeader::kBytes + header.storedSize;
  }
  out.trailer.assign(dump.begin() + static_cast<std::ptrdiff_t>(at), dump.end());
  return out;
}

std::vector<std::byte> putTogether(const LooseDump& dump) {
  std::vector<std::byte> out(FileHeader::kBytes);
  encode(dump.header, out.data());
  for (const LooseFrame& frame : dump.frames) {
    FrameHeader header = frame.header;
    header.storedSize = static_cast<std::uint32_t>(frame.stored.size());
    header.storedCrc = crc32(frame.stored.data(), frame.stored.size());
    std::byte bytes[FrameHeader::kBytes];
    encode(header, bytes);
    out.insert(out.end(), bytes, bytes + sizeof(bytes));
    out.insert(out.end(), frame.stored.begin(), frame.stored.end());
  }
  out.insert(out.end(), dump.trailer.begin(), dump.trailer.end());
  return out;
}

LooseFrame frameOf(const std::function<void(FrameEncoder&)>& write) {
  MemoryEncoder encoder;
  encoder->begin({});
  write(*encoder);
  encoder->flush();
  OPENCLAW_CHECK(encoder->status() == EncodeStatus::kOk, encoder->status());
  LooseDump dump = takeApart(encoder.sink.bytes);
  OPENCLAW_CHECK(!dump.frames.empty());
  return std::move(dump.frames.back());
}

LooseFrame raw(const LooseFrame& frame) {
  if ((frame.header.flags & FrameHeader::kRaw) != 0) return frame;
  LooseFrame out = frame;
  out.header.flags |= FrameHeader::kRaw;
  out.stored.resize(frame.header.rawSize);
  OPENCLAW_CHECK(ZSTD_decompress(out.stored.data(), out.stored.size(), frame.stored.data(), frame.stored.size()) == out.stored.size());
  return out;
}

// One segment: a word of segment table, the root pointer, the root struct, the rest. The root moves to the end, where it can
// grow; its pointers, which say how far away their targets are, are turned to where those still stand. The new fields stand
// behind room for all that any message of today has: a file of an older version has less, and what it lacks is no new field.
LooseFrame withUnknownFields(const LooseFrame& frame) {
  LooseFrame out = raw(frame);
  std::vector<std::uint64_t> words(out.stored.size() / 8);
  std::memcpy(words.data(), out.stored.data(), out.stored.size());
  OPENCLAW_CHECK(words.size() >= 2 && (words[0] & 0xffff'ffffu) == 0);
  const auto offsetOf = [](std::uint64_t pointer) { return static_cast<std::int32_t>(static_cast<std::uint32_t>(pointer)) >> 2; };
  const std::uint64_t root = words[1];
  OPENCLAW_CHECK((root & 3) == 0);
  const auto from = static_cast<std::size_t>(2 + offsetOf(root));
  const std::size_t data = (root >> 32) & 0xffff, pointers = root >> 48;
  const std::size_t to = words.size();
  const std::vector<std::uint64_t> old(words.begin() + static_cast<std::ptrdiff_t>(from),
                                       words.begin() + static_cast<std::ptrdiff_t>(from + data + pointers));
  words.insert(words.end(), old.begin(), old.begin() + static_cast<std::ptrdiff_t>(data));
  constexpr std::size_t kKnown = 64;  // words, and pointers
  OPENCLAW_CHECK(data < kKnown && pointers < kKnown, data, pointers);
  words.resize(to + kKnown);
  words.push_back(0x1234'5678'9abc'def0u);  // the new number
  for (std::size_t i = 0; i < pointers; ++i) {
    std::uint64_t pointer = old[data + i];
    if (pointer != 0) {
      const std::int64_t target = static_cast<std::int64_t>(from + data + i) + 1 + offsetOf(pointer);
      const std::int64_t offset = target - static_cast<std::int64_t>(words.size()) - 1;
      pointer = (pointer & 0xffff'ffff'0000'0003u) | (static_cast<std::uint32_t>(offset) << 2);
    }
    words.push_back(pointer);
  }
  words.resize(to + kKnown + 1 + kKnown);
  // The new pointer: a list of eight bytes behind it.
  words.push_back(1u | (std::uint64_t{2 | 8u << 3} << 32));
  words.push_back(0x0102'0304'0506'0708u);
  words[1] = static_cast<std::uint32_t>((to - 2) << 2) | std::uint64_t{kKnown + 1} << 32 | std::uint64_t{kKnown + 1} << 48;
  words[0] = std::uint64_t{words.size() - 1} << 32;
  out.stored.resize(words.size() * 8);
  std::memcpy(out.stored.data(), words.data(), out.stored.size());
  out.header.rawSize = static_cast<std::uint32_t>(out.stored.size());
  return out;
}

}  // namespace openclaw::test
