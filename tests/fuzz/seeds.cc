// Writes a corpus of small dumps into a folder: each as it is, and with its frames raw.
#include <zstd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "format/check.h"
#include "format/control_messages.h"
#include "format/dump_reader.h"
#include "tests/support/dump_model.h"

namespace {

using namespace openclaw;

std::vector<std::byte> withRawFrames(std::span<const std::byte> file) {
  std::vector<std::byte> out(file.begin(), file.begin() + FileHeader::kBytes);
  auto reader = DumpReader::fromMemory(file, "seed");
  OPENCLAW_CHECK(reader.has_value());
  for (const FrameInfo& frame : reader->frames()) {
    auto stored = file.subspan(frame.offset + FrameHeader::kBytes, frame.storedSize);
    std::vector<std::byte> raw(frame.rawSize);
    FrameHeader header;
    OPENCLAW_CHECK(decode(file.data() + frame.offset, header));
    if (header.flags & FrameHeader::kRaw)
      raw.assign(stored.begin(), stored.end());
    else
      OPENCLAW_CHECK(ZSTD_decompress(raw.data(), raw.size(), stored.data(), stored.size()) == raw.size());
    header.flags = FrameHeader::kRaw;
    header.storedSize = header.rawSize;
    header.storedCrc = crc32(raw.data(), raw.size());
    std::byte bytes[FrameHeader::kBytes];
    encode(header, bytes);
    out.insert(out.end(), bytes, bytes + sizeof(bytes));
    out.insert(out.end(), raw.begin(), raw.end());
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fuzz_seeds FOLDER\n");
    return 2;
  }
  std::filesystem::path folder(argv[1]);
  std::filesystem::create_directories(folder);
  int number = 0;
  auto write = [&](std::span<const std::byte> bytes) {
    std::ofstream out(folder / ("seed-" + std::to_string(number++)), std::ios::binary);
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  };
  for (const char* graph : {"", "root->a", "root->a b; a:Session*128@1->b c -; b->~c a; c:Text*64@2; d->d"})
    for (bool index : {true, false}) {
      auto dump = test::dumpOf(graph, {.index = index});
      write(dump);
      write(withRawFrames(dump));
    }
  for (std::uint64_t seed = 1; seed <= 6; ++seed) write(withRawFrames(test::encodeDump(test::randomModel(seed, seed * 20))));
  write(control::encode(control::Request(control::SettingsSetRequest{{{"gc", "growth", "150%"}}})));
  write(control::encode(control::Reply(control::SettingsReply{{{"a", "b", "c", "d", "e", "f", "g", "h"}}})));
  return 0;
}
