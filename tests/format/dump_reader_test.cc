#include "format/dump_reader.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <cstring>
#include <fstream>
#include <thread>

#include "tests/format/record_text.h"
#include "tests/support/dump_model.h"
#include "tests/support/seed.h"

namespace openclaw {
namespace {

using namespace test;

// The objects of a dump as a model, read through the public interface alone.
Result<DumpModel> readModel(std::span<const std::byte> bytes) {
  OPENCLAW_TRY(DumpReader reader, DumpReader::fromMemory(bytes, "test"));
  DumpModel model;
  std::uint64_t source = 0, slot = 0;
  for (const FrameInfo& frame : reader.frames()) {
    if (!frame.known) continue;
    OPENCLAW_TRY(DecodedFrame decoded, reader.decode(frame));
    if (frame.kind == FrameKind::kObjects) {
      OPENCLAW_TRY(ObjectColumns columns, decoded.objects());
      EXPECT_EQ(columns.firstIndex, model.objects.size());
      for (std::size_t i = 0; i < columns.address.size(); ++i) {
        ModelObject object;
        object.address = columns.address[i];
        object.size = columns.size[i];
        object.type = columns.type[i];
        object.site = columns.site[i];
        object.age = columns.age[i];
        object.flags = columns.flags[i];
        object.slots.resize(columns.referenceCount[i]);
        model.objects.push_back(object);
      }
      for (auto [row, bytesOwned] : columns.external) model.objects[columns.firstIndex + row].external = bytesOwned;
      for (auto [row, bound] : columns.bounds) model.objects[columns.firstIndex + row].bound = bound;
    }
    if (frame.kind == FrameKind::kReferences) {
      OPENCLAW_TRY(ReferenceColumns columns, decoded.references());
      source = columns.firstObject;
      slot = columns.skippedSlots;
      for (std::size_t i = 0; i < columns.delta.size(); ++i, ++slot) {
        while (slot == model.objects.at(source).slots.size()) ++source, slot = 0;
        ModelSlot& out = model.objects[source].slots[slot];
        if (columns.delta[i] != ReferenceColumns::kNull) out.target = source + static_cast<std::uint64_t>(columns.delta[i]);
        if (!columns.strength.empty()) out.strength = static_cast<Strength>(columns.strength[i]);
      }
    }
    if (frame.kind == FrameKind::kTypes)
      decoded.forEachType([&](TypeIndex, const TypeRecord& type) { model.types.emplace_back(type.name); });
    if (frame.kind == FrameKind::kRoots)
      decoded.forEachRoot([&](const RootRecord& root) {
        model.roots.push_back({root.object, root.kind, root.conservative, root.site, std::string(root.label)});
      });
    if (frame.kind == FrameKind::kSites)
      decoded.forEachSite([&](SiteIndex, const SiteRecord& site) {
        model.sites.push_back({std::string(site.file), site.line, std::string(site.function), site.allocatedObjects,
                               site.allocatedBytes});
      });
  }
  return model;
}

void expectSame(const DumpModel& a, const DumpModel& b) {
  EXPECT_EQ(a.types, b.types);
  ASSERT_EQ(a.objects.size(), b.objects.size());
  for (std::size_t i = 0; i < a.objects.size(); ++i) {
    const ModelObject &x = a.objects[i], &y = b.objects[i];
    ASSERT_EQ(x.address, y.address) << i;
    ASSERT_EQ(x.size, y.size) << i;
    ASSERT_EQ(x.type, y.type) << i;
    ASSERT_EQ(x.site, y.site) << i;
    ASSERT_EQ(x.age, y.age) << i;
    ASSERT_EQ(x.flags, y.flags) << i;
    ASSERT_EQ(x.external, y.external) << i;
    ASSERT_EQ(x.bound, y.bound) << i;
    ASSERT_EQ(x.slots.size(), y.slots.size()) << i;
    for (std::size_t s = 0; s < x.slots.size(); ++s) {
      ASSERT_EQ(x.slots[s].target, y.slots[s].target) << i << "." << s;
      ASSERT_EQ(x.slots[s].strength, y.slots[s].strength) << i << "." << s;
    }
  }
  ASSERT_EQ(a.roots.size(), b.roots.size());
  for (std::size_t i = 0; i < a.roots.size(); ++i) {
    EXPECT_EQ(a.roots[i].object, b.roots[i].object);
    EXPECT_EQ(a.roots[i].kind, b.roots[i].kind);
    EXPECT_EQ(a.roots[i].conservative, b.roots[i].conservative);
    EXPECT_EQ(a.roots[i].site, b.roots[i].site);
    EXPECT_EQ(a.roots[i].label, b.roots[i].label);
  }
}

TEST(DumpReader, RandomDumpsComeBackAsTheyWere) {
  std::uint64_t seed = seedFromEnvironment();
  for (int round = 0; round < 20; ++round, ++seed) {
    SCOPED_TRACE("OPENCLAW_SEED=" + std::to_string(seed));
    DumpModel model = randomModel(seed, Random(seed).below(20000));
    for (ModelObject& object : model.objects)
      if (object.age > 5) object.bound = object.external;   // with and without the bit that says objects
    auto bytes = encodeDump(model);
    auto reader = DumpReader::fromMemory(bytes, "test");
    ASSERT_TRUE(reader) << toText(reader.error());
    EXPECT_TRUE(reader->report().complete());
    EXPECT_TRUE(reader->report().indexUsed);
    auto back = readModel(bytes);
    ASSERT_TRUE(back) << toText(back.error());
    expectSame(model, *back);
  }
}

TEST(DumpReader, DecodesInSeveralThreadsAtOnce) {
  auto bytes = encodeDump(randomModel(31, 20'000));
  auto reader = DumpReader::fromMemory(bytes, "test");
  ASSERT_TRUE(reader);
  std::string expected = textOfDump(*reader);
  std::vector<std::string> texts(4);
  std::vector<std::thread> threads;
  for (std::string& text : texts) threads.emplace_back([&] { text = textOfDump(*reader); });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& text : texts) EXPECT_EQ(text, expected);
}

// --- files put together by hand -------------------------------------------------------------------------------------

std::vector<std::byte> bytesOf(std::string_view text) {
  auto* data = reinterpret_cast<const std::byte*>(text.data());
  return {data, data + text.size()};
}
std::vector<std::byte> fileHeader(std::uint32_t version = kFormatVersion) {
  std::vector<std::byte> out(FileHeader::kBytes);
  FileHeader header;
  header.version = version;
  encode(header, out.data());
  return out;
}
// A frame whose checksums are right, whatever it holds.
void appendFrame(std::vector<std::byte>& file, FrameKind kind, std::uint32_t sequence, std::span<const std::byte> stored,
                 std::uint32_t rawSize, std::uint16_t flags = 0) {
  FrameHeader header{kind, flags, sequence, rawSize, static_cast<std::uint32_t>(stored.size()),
                     crc32(stored.data(), stored.size())};
  std::byte bytes[FrameHeader::kBytes];
  encode(header, bytes);
  file.insert(file.end(), bytes, bytes + sizeof(bytes));
  file.insert(file.end(), stored.begin(), stored.end());
}
void appendRaw(std::vector<std::byte>& file, FrameKind kind, std::uint32_t sequence, std::span<const std::byte> message) {
  appendFrame(file, kind, sequence, message, static_cast<std::uint32_t>(message.size()), FrameHeader::kRaw);
}
// The message of a frame: decompressed by zstd, as any reader would.
std::vector<std::byte> messageOf(std::span<const std::byte> file, const FrameInfo& frame) {
  auto stored = file.subspan(frame.offset + FrameHeader::kBytes, frame.storedSize);
  FrameHeader header;
  EXPECT_TRUE(decode(file.data() + frame.offset, header));
  if (header.flags & FrameHeader::kRaw) return {stored.begin(), stored.end()};
  std::vector<std::byte> raw(frame.rawSize);
  EXPECT_EQ(ZSTD_decompress(raw.data(), raw.size(), stored.data(), stored.size()), raw.size());
  return raw;
}
std::span<const std::byte> wholeFrame(std::span<const std::byte> file, const FrameInfo& frame) {
  return file.subspan(frame.offset, FrameHeader::kBytes + frame.storedSize);
}
std::vector<FrameInfo> framesOf(std::span<const std::byte> file) {
  auto reader = DumpReader::fromMemory(file, "test");
  EXPECT_TRUE(reader) << toText(reader.error());
  return {reader->frames().begin(), reader->frames().end()};
}
void append(std::vector<std::byte>& file, std::span<const std::byte> more) { file.insert(file.end(), more.begin(), more.end()); }

TEST(DumpReader, SaysWhatAnotherFileLooksLike) {
  using namespace std::string_literals;
  std::pair<std::string, const char*> cases[] = {
      {"", "it is empty"},
      {"JAVA PROFILE 1.0.2\0\0\0\0\x08"s, "HPROF"},
      {"\x1f\x8b\x08"s, "gzip"},
      {"\x7f" "ELF\2\1\1"s, "ELF"},
      {"{\"snapshot\":{\"meta\":{\"node_fields\":[", "V8 heap snapshot"},
      {"  {\"a\": 1}", "JSON"},
      {"PK\x03\x04"s, "zip"},
      {"\x28\xb5\x2f\xfd"s, "zstd"},
      {std::string(100, '\0'), "zero bytes"},
      {"hello, world", "does not begin as a dump does"},
      {"OCLWHEAP", "cut or damaged"},
  };
  for (auto& [content, expected] : cases) {
    auto reader = DumpReader::fromMemory(bytesOf(content), "strange.bin");
    ASSERT_FALSE(reader);
    EXPECT_EQ(reader.error().code, ErrorCode::kDamaged);
    EXPECT_NE(reader.error().what.find(expected), std::string::npos) << reader.error().what;
    EXPECT_EQ(reader.error().where.file, "strange.bin");
  }
}

TEST(DumpReader, RefusesANewerFormat) {
  auto reader = DumpReader::fromMemory(fileHeader(kFormatVersion + 1), "new.bin");
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(reader.error().what.find("format version 2"), std::string::npos);
}

TEST(DumpReader, AHeaderAloneIsADumpOfNothingThatWasCut) {
  auto reader = DumpReader::fromMemory(fileHeader(), "cut.bin");
  ASSERT_TRUE(reader);
  EXPECT_TRUE(reader->frames().empty());
  EXPECT_FALSE(reader->report().endSeen);
  EXPECT_FALSE(reader->report().complete());
}

TEST(DumpReader, SkipsUnknownKindsAndFlagsAndCountsThem) {
  auto dump = dumpOf("root->a", {.index = false, .metadata = false});
  auto frames = framesOf(dump);
  std::vector<std::byte> file = fileHeader();
  appendFrame(file, static_cast<FrameKind>(999), 0, bytesOf("of tomorrow"), 1000);
  std::uint32_t sequence = 1;
  for (const FrameInfo& frame : frames) appendRaw(file, frame.kind, sequence++, messageOf(dump, frame));
  appendFrame(file, FrameKind::kTypes, sequence, bytesOf("compressed otherwise"), 1000, 4);
  auto reader = DumpReader::fromMemory(file, "test");
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->report().unknownFrames, 2u);
  EXPECT_TRUE(reader->report().complete()) << "what this version knows was all there";
  EXPECT_FALSE(reader->frames()[0].known);
  auto decoded = reader->decode(reader->frames()[0]);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, ErrorCode::kUnsupported);
  auto model = readModel(file);
  ASSERT_TRUE(model);
  EXPECT_EQ(model->objects.size(), 1u);
}

TEST(DumpReader, FramesInAnyOrderComeBySequence) {
  DumpModel model = randomModel(11, 2000);
  auto dump = encodeDump(model, {.index = false});
  auto frames = framesOf(dump);
  std::vector<std::byte> file = fileHeader();
  for (auto frame = frames.rbegin(); frame != frames.rend(); ++frame) append(file, wholeFrame(dump, *frame));
  auto reader = DumpReader::fromMemory(file, "test");
  ASSERT_TRUE(reader);
  EXPECT_TRUE(reader->report().complete());
  auto back = readModel(file);
  ASSERT_TRUE(back);
  expectSame(model, *back);
}

TEST(DumpReader, OfDuplicatesTheFirstCountsAndMissingOnesAreCounted) {
  auto dump = dumpOf("root->a b", {.index = false, .metadata = false});
  auto other = dumpOf("root->a:Other b", {.index = false, .metadata = false});
  auto frames = framesOf(dump), otherFrames = framesOf(other);
  std::vector<std::byte> file = fileHeader();
  for (const FrameInfo& frame : frames) {
    if (frame.sequence == 2) continue;  // objects
    append(file, wholeFrame(dump, frame));
    append(file, wholeFrame(other, otherFrames[frame.sequence]));
  }
  auto reader = DumpReader::fromMemory(file, "test");
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->report().duplicateFrames + reader->report().conflictingFrames, frames.size() - 1);
  EXPECT_GE(reader->report().conflictingFrames, 1u);
  EXPECT_EQ(reader->report().missingFrames, 1u);
  EXPECT_FALSE(reader->report().complete());
  EXPECT_TRUE(reader->report().endSeen);
  std::vector<std::string> types;
  for (const FrameInfo& frame : reader->frames())
    if (frame.kind == FrameKind::kTypes)
      reader->decode(frame)->forEachType([&](TypeIndex, const TypeRecord& type) { types.emplace_back(type.name); });
  EXPECT_EQ(types, std::vector<std::string>{"Node"});
}

TEST(DumpReader, GarbageBetweenFramesIsSkippedAndCounted) {
  auto dump = dumpOf("root->a b", {.index = false, .metadata = false});
  auto frames = framesOf(dump);
  std::vector<std::byte> file = fileHeader();
  std::size_t garbage = 0;
  for (const FrameInfo& frame : frames) {
    auto junk = bytesOf("OCFR, but no frame: OCFROCFR");
    append(file, junk);
    garbage += junk.size();
    append(file, wholeFrame(dump, frame));
  }
  auto reader = DumpReader::fromMemory(file, "test");
  ASSERT_TRUE(reader) << toText(reader.error());
  EXPECT_EQ(reader->frames().size(), frames.size());
  EXPECT_EQ(reader->report().damagedFrames, frames.size());
  EXPECT_EQ(reader->report().bytesRead + garbage, file.size());
}

// --- hostile frames: every checksum is right ------------------------------------------------------------------------

std::string decodeError(FrameKind kind, std::span<const std::byte> stored, std::uint32_t rawSize, std::uint16_t flags) {
  std::vector<std::byte> file = fileHeader();
  appendFrame(file, kind, 0, stored, rawSize, flags);
  auto reader = DumpReader::fromMemory(file, "hostile.bin");
  if (!reader) return "not opened";
  if (reader->frames().empty()) return "not found";
  auto decoded = reader->decode(reader->frames()[0]);
  if (decoded) return "";
  EXPECT_EQ(decoded.error().code, ErrorCode::kDamaged);
  EXPECT_TRUE(decoded.error().where.hasFrame);
  return decoded.error().what;
}

TEST(DumpReader, SizesThatDoNotAgreeAreRefusedBeforeMemoryIsTaken) {
  std::vector<std::byte> zeros(1 << 20), bomb(ZSTD_compressBound(zeros.size()));
  bomb.resize(ZSTD_compress(bomb.data(), bomb.size(), zeros.data(), zeros.size(), 1));
  EXPECT_LT(bomb.size(), 1000u);
  auto has = [](const std::string& text, const char* part) { return text.find(part) != text.npos; };
  EXPECT_TRUE(has(decodeError(FrameKind::kTypes, bomb, 4096, 0), "another size")) << "more than the header says";
  EXPECT_TRUE(has(decodeError(FrameKind::kTypes, bomb, 2 << 20, 0), "another size")) << "less than the header says";
  EXPECT_EQ(decodeError(FrameKind::kTypes, bomb, FrameHeader::kMaxRawBytes + 8, 0), "not found");
  EXPECT_TRUE(has(decodeError(FrameKind::kTypes, bytesOf("12345678"), 8, FrameHeader::kRaw), "no size of a message"));
  EXPECT_TRUE(has(decodeError(FrameKind::kTypes, bytesOf("1234567890123"), 13, FrameHeader::kRaw), "no size of a message"));
  EXPECT_TRUE(has(decodeError(FrameKind::kTypes, bytesOf("1234567890123456"), 24, FrameHeader::kRaw), "raw and stored"));
  EXPECT_TRUE(has(decodeError(FrameKind::kTypes, bytesOf("no zstd at all!!"), 16, 0), "another size"));
  EXPECT_TRUE(has(decodeError(FrameKind::kTypes, {}, 0, 0), "no size of a message"));
  bomb.resize(bomb.size() - 3);
  EXPECT_TRUE(has(decodeError(FrameKind::kTypes, bomb, 1 << 20, 0), "decompression failed"));
}

TEST(DumpReader, AnyBytesInsideAValidFrameGiveRowsOrAnError) {
  std::uint64_t seed = seedFromEnvironment();
  SCOPED_TRACE("OPENCLAW_SEED=" + std::to_string(seed));
  Random random(seed);
  auto dump = dumpOf("root->a b; a:Session*128@1->b c -; b->~c a; c:Text*64@2; d:Text*48->d");
  auto frames = framesOf(dump);
  std::size_t refused = 0, accepted = 0;
  for (const FrameInfo& frame : frames) {
    auto message = messageOf(dump, frame);
    for (int round = 0; round < 1500; ++round) {
      auto changed = message;
      for (std::uint64_t n = 1 + random.below(3); n > 0; --n) {
        std::size_t at = random.below(changed.size());
        if (random.oneIn(2)) {
          changed[at] = static_cast<std::byte>(random.next());
        } else {  // a word of the message repeated elsewhere: pointers that lead to wrong and shared places
          std::size_t from = random.below(changed.size() / 8) * 8, to = random.below(changed.size() / 8) * 8;
          std::memcpy(changed.data() + to, changed.data() + from, 8);
        }
      }
      std::vector<std::byte> file = fileHeader();
      appendRaw(file, frame.kind, 0, changed);
      auto reader = DumpReader::fromMemory(file, "hostile.bin");
      ASSERT_TRUE(reader);
      std::string text = textOfFrame(*reader, reader->frames()[0]);  // visits every row: must not throw or crash
      (text.starts_with("error: ") ? refused : accepted) += 1;
    }
  }
  EXPECT_GT(refused, 1000u);
  EXPECT_GT(accepted, 1000u);
}

TEST(DumpReader, AMessageCannotMakeItselfLargerThanItsBytes) {
  // A list of 2^29 - 1 structs of no size, which takes no room at all: root struct with one pointer, list pointer, tag.
  std::uint64_t words[] = {
      0 | (3ull << 32),                                      // one segment of three words
      0 | (1ull << 48),                                      // root: struct, no data, one pointer
      1 | (0ull << 2) | (7ull << 32),                        // composite list of no words
      0 | (0x1fff'ffffull << 2),                             // tag: 2^29 - 1 elements of no size
  };
  auto bytes = std::as_bytes(std::span(words));
  for (FrameKind kind : {FrameKind::kTypes, FrameKind::kModules, FrameKind::kStacks, FrameKind::kPauses, FrameKind::kSettings,
                         FrameKind::kCounters, FrameKind::kThreads, FrameKind::kArenas, FrameKind::kSites, FrameKind::kSymbols})
    EXPECT_NE(decodeError(kind, bytes, sizeof(words), FrameHeader::kRaw), "") << toText(kind);
}

// --- files ----------------------------------------------------------------------------------------------------------

class DumpReaderFiles : public ::testing::Test {
 protected:
  DumpReaderFiles() { EXPECT_NE(::mkdtemp(folder_), nullptr); }
  ~DumpReaderFiles() override {
    ::unlink(path("file").c_str());
    ::rmdir(folder_);
  }
  std::string path(const char* name) const { return std::string(folder_) + "/" + name; }
  char folder_[32] = "/tmp/openclaw-reader-XXXXXX";
};

TEST_F(DumpReaderFiles, AFileReadsAsItsBytesDo) {
  auto bytes = encodeDump(randomModel(5, 3000));
  std::ofstream(path("file"), std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  auto fromFile = DumpReader::open(path("file")), fromMemory = DumpReader::fromMemory(bytes, "memory");
  ASSERT_TRUE(fromFile) << toText(fromFile.error());
  EXPECT_EQ(textOfDump(*fromFile), textOfDump(*fromMemory));
}

TEST_F(DumpReaderFiles, AFileThatShrinksUnderTheReaderIsAnError) {
  auto bytes = encodeDump(randomModel(5, 3000));
  std::ofstream(path("file"), std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  auto reader = DumpReader::open(path("file"));
  ASSERT_TRUE(reader);
  ASSERT_EQ(::truncate(path("file").c_str(), 100), 0);
  auto decoded = reader->decode(reader->frames().back());
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, ErrorCode::kIo);
}

TEST_F(DumpReaderFiles, WhatIsNoFileIsAnErrorThatNamesIt) {
  auto missing = DumpReader::open(path("missing"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kIo);
  EXPECT_NE(toText(missing.error()).find(path("missing")), std::string::npos);
  auto folder = DumpReader::open(folder_);
  ASSERT_FALSE(folder);
  EXPECT_NE(folder.error().what.find("folder"), std::string::npos);
  ASSERT_EQ(::mkfifo(path("file").c_str(), 0600), 0);
  auto pipe = DumpReader::open(path("file"));  // must not wait for a writer
  ASSERT_FALSE(pipe);
  EXPECT_NE(pipe.error().what.find("no regular file"), std::string::npos);
}

}  // namespace
}  // namespace openclaw
