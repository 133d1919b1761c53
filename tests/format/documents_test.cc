// FORMAT.md's example and the golden dumps: what is written down stays true.
// OPENCLAW_REGENERATE=1 writes the example into FORMAT.md anew (and golden texts that a new field has changed).
#include <gtest/gtest.h>
#include <zstd.h>

#include <cstdlib>
#include <fstream>

#include "format/dump_reader.h"
#include "tests/format/example_dump.h"
#include "tests/format/record_text.h"
#include "tests/support/dump_model.h"

namespace openclaw {
namespace {

using namespace test;

const std::string kRoot = OPENCLAW_SOURCE_DIR;
bool regenerate() { return std::getenv("OPENCLAW_REGENERATE") != nullptr; }

std::string readFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}
void writeFile(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary).write(text.data(), static_cast<std::streamsize>(text.size()));
}
std::string dumpText(std::span<const std::byte> bytes) {
  auto reader = DumpReader::fromMemory(bytes, "dump");
  EXPECT_TRUE(reader) << toText(reader.error());
  EXPECT_TRUE(reader->report().complete());
  EXPECT_TRUE(reader->report().indexUsed);
  return textOfDump(*reader);
}

TEST(FormatDocument, ItsExampleIsADumpThatTheEncoderStillWrites) {
  const std::string path = kRoot + "/format/FORMAT.md";
  const std::string begin = "<!-- example: begin -->\n", end = "<!-- example: end -->";
  std::string page = readFile(path);
  std::size_t from = page.find(begin), to = page.find(end);
  ASSERT_NE(from, std::string::npos);
  ASSERT_NE(to, std::string::npos);
  from += begin.size();
  auto dump = exampleDump();
  std::string expected = exampleText(dump);
  if (regenerate()) {
    page.replace(from, to - from, expected);
    writeFile(path, page);
    to = from + expected.size();
  }
  std::string shown = page.substr(from, to - from);
  auto bytes = bytesShownIn(shown);
  EXPECT_EQ(dumpText(bytes), dumpText(dump));
  // Another zstd may compress to other bytes of the same meaning.
  if (ZSTD_versionNumber() == 10504) {
    EXPECT_EQ(shown, expected) << "run with OPENCLAW_REGENERATE=1";
  }
}

TEST(FormatDocument, NamesEveryKindOfFrameWithItsNumber) {
  std::string page = readFile(kRoot + "/format/FORMAT.md");
  for (int kind = 1; kind <= static_cast<int>(FrameKind::kEnd); ++kind) {
    std::string cell = "| " + std::to_string(kind) + " | " + toText(static_cast<FrameKind>(kind)) + " | `";
    EXPECT_NE(page.find(cell), std::string::npos) << cell;
  }
}

// The file was written once, when version 1 was made, by encodeDump(randomModel(2026, 120)), and is never written again.
TEST(Golden, ADumpOfVersion1Opens) {
  if (regenerate() && !std::ifstream(kRoot + "/tests/golden/format-1.bin")) {
    auto made = encodeDump(randomModel(2026, 120));
    writeFile(kRoot + "/tests/golden/format-1.bin", {reinterpret_cast<const char*>(made.data()), made.size()});
  }
  std::string file = readFile(kRoot + "/tests/golden/format-1.bin");
  auto bytes = std::as_bytes(std::span(file));
  std::string text = dumpText(bytes);
  if (regenerate()) writeFile(kRoot + "/tests/golden/format-1.txt", text);
  EXPECT_EQ(text, readFile(kRoot + "/tests/golden/format-1.txt"));
  auto reader = DumpReader::fromMemory(bytes, "golden");
  EXPECT_EQ(reader->header().version, 1u);
}

// The encoder of today still says the same about the same heap, in whatever frames.
TEST(Golden, TheEncoderStillWritesWhatTheGoldenDumpSays) {
  EXPECT_EQ(dumpText(encodeDump(randomModel(2026, 120))), readFile(kRoot + "/tests/golden/format-1.txt"));
}

}  // namespace
}  // namespace openclaw
