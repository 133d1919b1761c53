#include "format/dump_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "format/dump_reader.h"
#include "tests/format/record_text.h"
#include "tests/support/dump_model.h"

namespace openclaw {
namespace {

using namespace test;
namespace fs = std::filesystem;

class Folder : public ::testing::Test {
 protected:
  Folder() {
    EXPECT_NE(::mkdtemp(name_), nullptr);
    path_ = name_;
  }
  ~Folder() override { fs::remove_all(path_); }
  std::string path(const char* name) const { return path_ / name; }
  std::size_t files() const { return static_cast<std::size_t>(std::distance(fs::directory_iterator(path_), {})); }
  void write(const std::string& file, std::string_view text) { std::ofstream(file) << text; }
  std::string read(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  char name_[32] = "/tmp/openclaw-writer-XXXXXX";
  fs::path path_;
};
using PendingFileTest = Folder;
using DumpWriterTest = Folder;

TEST_F(PendingFileTest, StandsUnderItsNameOnlyAfterCommit) {
  auto file = PendingFile::create(path("heap.bin"), false);
  ASSERT_TRUE(file) << toText(file.error());
  EXPECT_FALSE(fs::exists(path("heap.bin")));
  EXPECT_TRUE(file->temporaryPath().starts_with(path("heap.bin") + "." + std::to_string(::getpid()) + "-"));
  EXPECT_TRUE(file->temporaryPath().ends_with(".tmp"));
  struct stat status {};
  ASSERT_EQ(::fstat(file->descriptor(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  ASSERT_EQ(::write(file->descriptor(), "x", 1), 1);
  ASSERT_TRUE(file->commit());
  EXPECT_EQ(read(path("heap.bin")), "x");
  EXPECT_EQ(files(), 1u);
}

TEST_F(PendingFileTest, IsGoneWhenNobodyCommits) {
  { auto file = PendingFile::create(path("heap.bin"), false); ASSERT_TRUE(file); EXPECT_EQ(files(), 1u); }
  EXPECT_EQ(files(), 0u);
  auto file = PendingFile::create(path("heap.bin"), false);
  file->unlinkFromSignal();
  EXPECT_EQ(files(), 0u);
}

TEST_F(PendingFileTest, LeavesAnExistingFileAloneUnlessToldOtherwise) {
  write(path("heap.bin"), "old");
  auto refused = PendingFile::create(path("heap.bin"), false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kAlreadyExists);
  auto file = PendingFile::create(path("heap.bin"), true);
  ASSERT_TRUE(file);
  EXPECT_EQ(read(path("heap.bin")), "old");
  ASSERT_TRUE(file->commit());
  EXPECT_EQ(read(path("heap.bin")), "");
}

TEST_F(PendingFileTest, AFileThatAppearsMeanwhileStays) {
  {
    auto file = PendingFile::create(path("heap.bin"), false);
    write(path("heap.bin"), "somebody else's");
    auto committed = file->commit();
    ASSERT_FALSE(committed);
    EXPECT_EQ(committed.error().code, ErrorCode::kAlreadyExists);
  }
  EXPECT_EQ(read(path("heap.bin")), "somebody else's");
  EXPECT_EQ(files(), 1u);
}

TEST_F(PendingFileTest, FoldersAndDevicesAreNoPlaceForADump) {
  EXPECT_EQ(PendingFile::create(path_, true).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(PendingFile::create("/dev/null", true).error().code, ErrorCode::kInvalidArgument);
  auto missing = PendingFile::create(path("no/such/heap.bin"), false);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFinished);
}

TEST_F(DumpWriterTest, WritesADumpThatReadsBack) {
  DumpModel model = randomModel(21, 5000);
  auto writer = DumpWriter::create(path("heap.bin"), {});
  ASSERT_TRUE(writer) << toText(writer.error());
  writer->encoder().begin({});
  encodeMetadata(model, writer->encoder());
  encodeObjects(model, writer->encoder());
  writer->encoder().end({});
  auto committed = writer->commit();
  ASSERT_TRUE(committed) << toText(committed.error());
  auto reader = DumpReader::open(path("heap.bin"));
  ASSERT_TRUE(reader) << toText(reader.error());
  EXPECT_TRUE(reader->report().complete());
  EXPECT_TRUE(reader->report().indexUsed);
  EXPECT_EQ(files(), 1u);
}

TEST_F(DumpWriterTest, WithoutAnIndexTheFileIsWhatADumpedProcessWrites) {
  auto writer = DumpWriter::create(path("heap.bin"), {.overwrite = false, .index = false});
  writer->encoder().begin({});
  writer->encoder().end({});
  ASSERT_TRUE(writer->commit());
  auto reader = DumpReader::open(path("heap.bin"));
  EXPECT_FALSE(reader->report().indexUsed);
  EXPECT_TRUE(reader->report().complete());
}

// A file size limit is a full disk that needs no root: the write fails in the middle of a frame.
TEST_F(DumpWriterTest, AFullDiskIsAnErrorAndLeavesNothing) {
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small{100'000, before.rlim_max};
  DumpModel model = randomModel(22, 60'000);
  Result<void> committed;
  {
    auto writer = DumpWriter::create(path("heap.bin"), {});
    ASSERT_TRUE(writer);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    writer->encoder().begin({});
    encodeObjects(model, writer->encoder());
    writer->encoder().end({});
    committed = writer->commit();
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  }
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().code, ErrorCode::kNotFinished);
  EXPECT_NE(toText(committed.error()).find("heap.bin"), std::string::npos);
  EXPECT_EQ(files(), 0u);
}

// --- appendSymbolsAndIndex ------------------------------------------------------------------------------------------

class AppendTest : public Folder {
 protected:
  void put(std::span<const std::byte> bytes) {
    write(path("heap.bin"), {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  Result<void> append(std::span<const SymbolRecord> symbols) {
    int file = ::open(path("heap.bin").c_str(), O_RDWR | O_CLOEXEC);
    EXPECT_GE(file, 0);
    auto result = appendSymbolsAndIndex(file, path("heap.bin"), symbols, "test");
    ::close(file);
    return result;
  }
  DumpReader reader() {
    auto result = DumpReader::open(path("heap.bin"));
    EXPECT_TRUE(result) << toText(result.error());
    return std::move(*result);
  }
  static std::size_t count(const DumpReader& reader, FrameKind kind) {
    return static_cast<std::size_t>(std::count_if(reader.frames().begin(), reader.frames().end(),
                                                  [&](const FrameInfo& frame) { return frame.kind == kind; }));
  }
  SymbolRecord symbol_{0x1234, {}, 0};
};

TEST_F(AppendTest, AnIndexIsReplacedAndSymbolsAreAdded) {
  put(encodeDump(randomModel(23, 500), {.index = false}));
  ASSERT_TRUE(append({}));
  std::string once = read(path("heap.bin"));
  EXPECT_TRUE(reader().report().indexUsed);
  EXPECT_EQ(count(reader(), FrameKind::kSymbols), 0u);
  ASSERT_TRUE(append({}));
  EXPECT_EQ(read(path("heap.bin")), once) << "the same dump gives the same bytes";
  ASSERT_TRUE(append({&symbol_, 1}));
  ASSERT_TRUE(append({&symbol_, 1}));
  DumpReader last = reader();
  EXPECT_EQ(count(last, FrameKind::kSymbols), 2u);
  EXPECT_EQ(count(last, FrameKind::kIndex), 1u);
  EXPECT_TRUE(last.report().indexUsed);
  EXPECT_TRUE(last.report().complete());
}

TEST_F(AppendTest, AnIndexOverADamagedDumpDoesNotHideTheDamage) {
  auto bytes = encodeDump(randomModel(24, 500), {.index = false});
  auto cut = std::span(bytes).first(bytes.size() - 20);  // inside the end frame
  put(cut);
  auto before = DumpReader::fromMemory(cut, "cut")->report();
  ASSERT_TRUE(append({&symbol_, 1}));
  DumpReader after = reader();
  EXPECT_EQ(count(after, FrameKind::kSymbols), 1u);
  EXPECT_FALSE(after.report().complete());
  EXPECT_FALSE(after.report().endSeen);
  EXPECT_EQ(before.damagedFrames, 1u) << "the cut frame";
  EXPECT_EQ(after.report().missingFrames, 1u) << "the cut frame, whose number stays free";
  EXPECT_EQ(textOfFrame(after, after.frames()[0]), textOfFrame(*DumpReader::fromMemory(bytes, "whole"), after.frames()[0]));
}

TEST_F(AppendTest, AnAppendThatWasKilledIsMadeGoodByTheNext) {
  auto plain = encodeDump(randomModel(26, 500), {.index = false});
  auto whole = withIndex(plain, {&symbol_, 1});
  for (std::size_t cut = plain.size(); cut < whole.size(); cut += 7) {
    SCOPED_TRACE(cut);
    put(std::span(whole).first(cut));
    ASSERT_TRUE(append({&symbol_, 1}));
    DumpReader after = reader();
    EXPECT_TRUE(after.report().endSeen);
    EXPECT_EQ(after.report().missingFrames, 0u);
    EXPECT_EQ(count(after, FrameKind::kIndex), 1u);
    EXPECT_GE(count(after, FrameKind::kSymbols), 1u);
  }
}

TEST_F(AppendTest, AnIndexOverADumpWithADamagedFrameSaysSo) {
  auto bytes = encodeDump(randomModel(24, 500), {.index = false});
  auto frames = DumpReader::fromMemory(bytes, "whole")->frames()[2];
  bytes[frames.offset + 9] ^= std::byte{1};  // a header in the middle
  put(bytes);
  ASSERT_TRUE(append({&symbol_, 1}));
  DumpReader after = reader();
  EXPECT_EQ(count(after, FrameKind::kSymbols), 1u);
  EXPECT_EQ(count(after, FrameKind::kIndex), 1u);
  EXPECT_FALSE(after.report().indexUsed);
  EXPECT_EQ(after.report().damagedFrames, 1u);
  EXPECT_EQ(after.report().missingFrames, 1u);
  EXPECT_TRUE(after.report().endSeen);
}

TEST_F(AppendTest, ADumpWhoseAppendFailsIsTheDumpWithoutAnIndex) {
  auto bytes = encodeDump(randomModel(25, 500), {.index = true});
  auto plain = encodeDump(randomModel(25, 500), {.index = false});
  put(bytes);
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small{plain.size() + 200, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  std::vector<SymbolRecord> symbols(10'000, symbol_);
  auto appended = append(symbols);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ASSERT_FALSE(appended);
  EXPECT_EQ(appended.error().code, ErrorCode::kNotFinished);
  DumpReader after = reader();
  EXPECT_TRUE(after.report().complete()) << "all that the dumped process wrote is there";
  EXPECT_EQ(count(after, FrameKind::kIndex), 0u);
}

TEST_F(AppendTest, WhatIsNoDumpIsRefusedAndNotTouched) {
  write(path("heap.bin"), "JAVA PROFILE 1.0.2");
  auto appended = append({&symbol_, 1});
  ASSERT_FALSE(appended);
  EXPECT_EQ(appended.error().code, ErrorCode::kDamaged);
  EXPECT_EQ(read(path("heap.bin")), "JAVA PROFILE 1.0.2");
}

}  // namespace
}  // namespace openclaw
