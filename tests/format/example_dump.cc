#include "tests/format/example_dump.h"

#include <fmt/format.h>
#include <zstd.h>

#include <cstring>

#include "format/check.h"
#include "format/dump_reader.h"
#include "tests/support/dump_model.h"

namespace openclaw::test {

std::vector<std::byte> exampleDump() {
  MemoryEncoder encoder;
  FileHeader header;
  for (std::size_t i = 0; i < header.dumpId.size(); ++i) header.dumpId[i] = static_cast<std::uint8_t>(0xa0 + i);
  header.dumpedUnix = 1'767'225'600'000'000'000;  // 2026-01-01
  encoder->begin(header);
  FieldRecord fields[] = {{"left", 0, Strength::kStrong, "Node"}, {"right", 8, Strength::kStrong, "Node"}};
  TypeRecord type;
  type.name = "Node";
  type.size = 16;
  type.fields = fields;
  encoder->types({&type, 1});
  encoder->object({0x7f31c2000010, 32, 0, 0, 2, 3, 0, 0});
  encoder->reference(1);
  encoder->reference(kNullReference);
  encoder->object({0x7f31c2000040, 32, 0, 0, 2, 0, 0, 0});
  encoder->reference(0);
  encoder->reference(kNullReference);
  RootRecord root;
  root.kind = RootKind::kHandle;
  encoder->roots({&root, 1});
  encoder->end({});
  OPENCLAW_CHECK(encoder->status() == EncodeStatus::kOk, encoder->status());
  return withIndex(encoder.sink.bytes);
}

namespace {

std::string hexLines(std::span<const std::byte> bytes, std::size_t base) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 16) {
    fmt::format_to(std::back_inserter(out), "{:06x} ", base + i);
    for (std::size_t j = i; j < std::min(i + 16, bytes.size()); ++j)
      fmt::format_to(std::back_inserter(out), "{}{:02x}", j % 4 == i % 4 ? " " : "", static_cast<unsigned>(bytes[j]));
    out += '\n';
  }
  return out;
}

}  // namespace

std::string exampleText(std::span<const std::byte> dump) {
  auto reader = DumpReader::fromMemory(dump, "example");
  OPENCLAW_CHECK(reader.has_value());
  std::string out = fmt::format("The file, {} bytes:\n\n```\n", dump.size());
  out += "-- file header: magic, version 1, 64 bytes; dump id; time, zeros; zeros, CRC-32\n";
  out += hexLines(dump.first(FileHeader::kBytes), 0);
  const FrameInfo* objects = nullptr;
  std::uint64_t end = 0;
  for (const FrameInfo& frame : reader->frames()) {
    FrameHeader header;
    OPENCLAW_CHECK(decode(dump.data() + frame.offset, header));
    bool raw = (header.flags & FrameHeader::kRaw) != 0;
    fmt::format_to(std::back_inserter(out), "-- frame {}: kind {} ({}), raw size {}, stored size {}, CRC-32 {:08x}; then {}\n",
                   frame.sequence, static_cast<unsigned>(frame.kind), toText(frame.kind), header.rawSize, header.storedSize,
                   header.storedCrc, raw ? "the message itself (flag 1)" : "zstd");
    out += hexLines(dump.subspan(frame.offset, FrameHeader::kBytes), frame.offset);
    end = frame.offset + FrameHeader::kBytes + frame.storedSize;
    out += hexLines(dump.subspan(frame.offset + FrameHeader::kBytes, frame.storedSize), frame.offset + FrameHeader::kBytes);
    if (frame.kind == FrameKind::kObjects) objects = &frame;
  }
  out += "-- trailer: magic, offset of the index frame; file size, zero, CRC-32\n";
  out += hexLines(dump.subspan(end), end);
  out += "```\n\n";

  std::vector<std::byte> message(objects->rawSize);
  auto stored = dump.subspan(objects->offset + FrameHeader::kBytes, objects->storedSize);
  std::size_t size = ZSTD_decompress(message.data(), message.size(), stored.data(), stored.size());
  OPENCLAW_CHECK(size == message.size(), size);
  std::uint64_t words[4096 / 8];
  OPENCLAW_CHECK(size <= sizeof(words), size);
  std::memcpy(words, message.data(), size);
  const char* notes[] = {
      "segment table: one segment (count - 1 = 0), its words in the upper half",
      "root pointer: struct right behind, 4 words of data, 10 pointers",
      "firstIndex",
      "count = 2 in the lower half",
      "firstAddress",
      "endAddress",
      "pointer 0: gaps, a Column (struct of two pointers)",
      "pointer 1: sizes",
      "pointer 2: hugeSizes, absent",
      "pointer 3: types",
      "pointer 4: sites",
      "pointer 5: referenceCounts",
      "pointer 6: ages, a Data of 2 bytes",
      "pointer 7: flags, absent: all 0",
      "pointer 8: external, absent: no object owns any",
      "pointer 9: bounds, absent: no object promises any",
      "gaps.low: list of two 16-bit numbers",
      "gaps.high, absent: all 0",
      "gap[0] = 0, gap[1] = 0x10",
      "sizes.low",
      "sizes.high, absent",
      "size[0] = size[1] = 0x20",
      "types.low",
      "types.high, absent",
      "type 0, type 0",
      "sites.low",
      "sites.high, absent",
      "site 0, site 0: unknown",
      "referenceCounts.low",
      "referenceCounts.high, absent",
      "two slots each",
      "age 3, age 0",
  };
  OPENCLAW_CHECK(size / 8 == std::size(notes), size / 8);
  fmt::format_to(std::back_inserter(out),
                 "The message of frame {} (objects) when it is decompressed, one 64-bit word a line:\n\n```\n", objects->sequence);
  for (std::size_t i = 0; i < std::size(notes); ++i)
    fmt::format_to(std::back_inserter(out), "{:016x}  {}\n", words[i], notes[i]);
  out += "```\n\n";
  out += "So object 0 lies at 0x7f31c2000010 and object 1 at 0x7f31c2000010 + 0x20 + 0x10 = 0x7f31c2000040.\n";

  for (const FrameInfo& frame : reader->frames())
    if (frame.kind == FrameKind::kReferences) {
      auto columns = reader->decode(frame)->references();
      OPENCLAW_CHECK(columns.has_value() && columns->delta.size() == 4);
      fmt::format_to(std::back_inserter(out),
                     "The values of frame {} (references) are 3, 0, 2, 0: zigzag(+1) + 1, null, zigzag(-1) + 1, null.\n", frame.sequence);
      OPENCLAW_CHECK(columns->delta[0] == 1 && columns->delta[2] == -1);
    }
  return out;
}

std::vector<std::byte> bytesShownIn(std::string_view page) {
  std::vector<std::byte> bytes;
  for (std::size_t at = 0; at < page.size();) {
    std::size_t end = std::min(page.find('\n', at), page.size());
    std::string_view line = page.substr(at, end - at);
    at = end + 1;
    // "000040  4f434652 ...": the offset says that the line belongs to the file.
    if (line.size() < 10 || line.find("  ") != 6 || line.substr(0, 6) != fmt::format("{:06x}", bytes.size())) continue;
    auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    std::string digits;
    for (char c : line.substr(8))
      if (c != ' ') digits += c;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
      bytes.push_back(static_cast<std::byte>(digit(digits[i]) * 16 + digit(digits[i + 1])));
  }
  return bytes;
}

}  // namespace openclaw::test
