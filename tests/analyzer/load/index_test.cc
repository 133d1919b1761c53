// The index beside a dump says what loading said, to the last label, for every kind of dump; and what is not sound, not fresh
// or not ours is never believed.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "analyzer/index/index_file.h"
#include "analyzer/snapshot.h"
#include "tests/analyzer/foreign_dumps.h"
#include "tests/analyzer/small_heap.h"

namespace openclaw {
namespace {

namespace fs = std::filesystem;
using FileBytes = std::vector<std::byte>;

FileBytes read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}
void write(const fs::path& path, std::span<const std::byte> bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc).write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

std::string textOf(const Snapshot& s) { return test::answersOf(s) + test::originOf(s); }

// A folder of its own, which holds the user's key as well.
class IndexTest : public ::testing::Test {
 protected:
  IndexTest() {
    std::string name = ::testing::TempDir() + "openclaw-index-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    ::setenv("XDG_CACHE_HOME", (folder_ / "cache").c_str(), 1);
  }
  ~IndexTest() override {
    std::error_code ignored;
    fs::permissions(folder_, fs::perms::owner_all, ignored);
    fs::remove_all(folder_, ignored);
  }
  std::shared_ptr<const Snapshot> load(const fs::path& path, IndexUse use, Policy policy = Policy::kStrict) {
    LoadOptions options{.threads = 2};
    options.index = use;
    options.policy = policy;
    auto loaded = loadSnapshot(path, options, {}, {});
    return loaded ? *loaded : nullptr;
  }
  static bool served(const Snapshot& s) { return s.report().index.starts_with("opened from "); }
  fs::path put(const std::string& name, std::span<const std::byte> bytes) {
    write(folder_ / name, bytes);
    return folder_ / name;
  }
  fs::path putSmallHeap() {
    return put("heap.bin", test::SmallHeap().encode());
  }
  void expectTheSame(const fs::path& dump, Policy policy = Policy::kStrict) {
    const auto loaded = load(dump, IndexUse::kOff, policy);
    if (loaded == nullptr) return;   // no dump at all
    EXPECT_EQ(loaded->report().index, "");
    const auto wrote = load(dump, IndexUse::kWrite, policy);
    ASSERT_NE(wrote, nullptr);
    EXPECT_NE(wrote->report().index.find(" written, "), std::string::npos) << wrote->report().index;
    const auto opened = load(dump, IndexUse::kAuto, policy);
    ASSERT_NE(opened, nullptr);
    EXPECT_TRUE(served(*opened)) << opened->report().index;
    ASSERT_EQ(textOf(*opened), textOf(*loaded)) << dump;
    ++compared_;
  }
  fs::path folder_;
  int compared_ = 0;
};

TEST_F(IndexTest, AHeapDumpOpensAsItLoaded) {
  expectTheSame(putSmallHeap());
  expectTheSame(put("format-1.bin", read(OPENCLAW_GOLDEN_DUMP)));
  EXPECT_EQ(compared_, 2);
}

TEST_F(IndexTest, DamagedDumpsOpenWithTheirReport) {
  // Every other input that fuzzing keeps: cut, flipped, doubled and reordered frames.
  std::vector<fs::path> corpus;
  for (const auto& entry : fs::directory_iterator(OPENCLAW_CORPUS_DIR)) corpus.push_back(entry.path());
  std::sort(corpus.begin(), corpus.end());
  for (std::size_t i = 0; i < corpus.size(); i += 2) {
    const fs::path dump = put("corpus.bin", read(corpus[i]));
    expectTheSame(dump);
    fs::remove(dump.string() + ".idx");
  }
  EXPECT_GT(compared_, 40);
}

TEST_F(IndexTest, JavaDumpsOpenAsTheyLoadedUnderEveryPolicy) {
  for (std::uint32_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE(seed);
    const fs::path dump = put("java" + std::to_string(seed) + ".hprof", test::randomJavaDump(seed));
    for (const Policy policy : {Policy::kStrict, Policy::kVisualvm, Policy::kMat}) expectTheSame(dump, policy);
  }
  EXPECT_EQ(compared_, 18);
}

TEST_F(IndexTest, V8SnapshotsOpenAsTheyLoadedUnderEveryPolicy) {
  for (std::uint32_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE(seed);
    const std::string json = test::randomV8Snapshot(seed);
    const fs::path dump = put("page" + std::to_string(seed) + ".heapsnapshot", std::as_bytes(std::span(json)));
    for (const Policy policy : {Policy::kStrict, Policy::kV8Devtools, Policy::kMemlab}) expectTheSame(dump, policy);
  }
  EXPECT_EQ(compared_, 18);
}

TEST_F(IndexTest, NoPolicyIsAnsweredByTheIndexOfAnother) {
  const fs::path dump = put("a.hprof", test::randomJavaDump(2));
  load(dump, IndexUse::kWrite, Policy::kVisualvm);
  EXPECT_TRUE(fs::exists(dump.string() + ".visualvm.idx"));
  EXPECT_FALSE(served(*load(dump, IndexUse::kAuto)));
  fs::rename(dump.string() + ".visualvm.idx", dump.string() + ".idx");
  const auto strict = load(dump, IndexUse::kAuto);
  EXPECT_EQ(strict->report().index, "a.hprof.idx is not used: it is of another policy");
}

TEST_F(IndexTest, AChangedDumpIsReadAgainAndItsIndexReplaced) {
  const fs::path dump = putSmallHeap();
  load(dump, IndexUse::kWrite);
  test::SmallHeap other;
  other.setGarbageBytes(4096);
  write(dump, other.encode());
  const auto fresh = load(dump, IndexUse::kWrite);
  EXPECT_TRUE(fresh->report().index.starts_with("heap.bin.idx is not used: the dump has changed since; heap.bin.idx written")) << fresh->report().index;
  EXPECT_EQ(textOf(*fresh), textOf(*load(dump, IndexUse::kOff)));
  EXPECT_TRUE(served(*load(dump, IndexUse::kAuto)));

  // The same length and the same time, other bytes.
  struct stat before {};
  ASSERT_EQ(::stat(dump.c_str(), &before), 0);
  FileBytes bytes = read(dump);
  bytes[bytes.size() / 2] ^= std::byte{1};
  write(dump, bytes);
  const timespec times[] = {before.st_atim, before.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, dump.c_str(), times, 0), 0);
  EXPECT_FALSE(served(*load(dump, IndexUse::kAuto)));
}

TEST_F(IndexTest, NoFlippedOrMissingByteIsBelieved) {
  const fs::path dump = putSmallHeap(), index = dump.string() + ".idx";
  load(dump, IndexUse::kWrite);
  const std::string right = textOf(*load(dump, IndexUse::kOff));
  const FileBytes whole = read(index);
  test::Random random(7);
  int believed = 0, refused = 0;
  const auto check = [&] {
    const auto snapshot = load(dump, IndexUse::kAuto);
    ASSERT_NE(snapshot, nullptr);
    ASSERT_EQ(textOf(*snapshot), right);
    (served(*snapshot) ? believed : refused) += 1;
  };
  for (std::size_t at = 0; at < 256; ++at) {   // the header
    FileBytes bytes = whole;
    bytes[at] ^= static_cast<std::byte>(1u << random() % 8);
    write(index, bytes);
    check();
  }
  for (int i = 0; i < 400; ++i) {
    FileBytes bytes = whole;
    bytes[random() % bytes.size()] ^= static_cast<std::byte>(1u << random() % 8);
    write(index, bytes);
    check();
  }
  EXPECT_GT(refused, 200);   // the rest of the pages between columns is nobody's
  for (int i = 0; i < 50; ++i) {
    write(index, std::span(whole).first(random() % whole.size()));
    const int before = refused;
    check();
    EXPECT_EQ(refused, before + 1);
  }
}

TEST_F(IndexTest, AnIndexSealedWithAnotherKeyIsNotBelieved) {
  const fs::path dump = putSmallHeap();
  load(dump, IndexUse::kWrite);
  fs::remove_all(folder_ / "cache");
  EXPECT_EQ(load(dump, IndexUse::kAuto)->report().index, "heap.bin.idx is not used: it is damaged, or another user wrote it");
  // A key that others may read seals nothing.
  fs::permissions(folder_ / "cache/openclaw/index.key", fs::perms::others_read, fs::perm_options::add);
  EXPECT_NE(load(dump, IndexUse::kWrite)->report().index.find("no index: "), std::string::npos);
}

TEST_F(IndexTest, WithoutAFolderForTheKeyOrTheIndexTheDumpIsReadAllTheSame) {
  const fs::path dump = putSmallHeap();
  ::setenv("XDG_CACHE_HOME", "/dev/null/nowhere", 1);
  const auto noKey = load(dump, IndexUse::kWrite);
  ASSERT_NE(noKey, nullptr);
  EXPECT_TRUE(noKey->report().index.starts_with("no index: ")) << noKey->report().index;
  EXPECT_FALSE(fs::exists(dump.string() + ".idx"));
  ::setenv("XDG_CACHE_HOME", (folder_ / "cache").c_str(), 1);
  fs::create_directory(dump.string() + ".idx");   // nothing can be renamed over it
  const auto noIndex = load(dump, IndexUse::kWrite);
  ASSERT_NE(noIndex, nullptr);
  EXPECT_NE(noIndex->report().index.find("could not be written"), std::string::npos) << noIndex->report().index;
  for (const auto& entry : fs::directory_iterator(folder_)) EXPECT_EQ(entry.path().string().find(".idx."), std::string::npos) << entry.path();
}

TEST_F(IndexTest, AStopLeavesNoIndexAndNoRemains) {
  const fs::path dump = putSmallHeap();
  for (const char* at : {"reading", "dominators", "addresses", "writing the index"}) {
    std::stop_source stop;
    LoadOptions options{.threads = 2};
    options.index = IndexUse::kWrite;
    const auto stopped = loadSnapshot(dump, options, [&](const LoadProgress& p) { if (p.stage == at) stop.request_stop(); }, stop.get_token());
    ASSERT_FALSE(stopped.has_value()) << at;
    EXPECT_EQ(stopped.error().code, ErrorCode::kCancelled);
  }
  std::vector<std::string> left;
  for (const auto& entry : fs::directory_iterator(folder_)) left.push_back(entry.path().filename());
  std::sort(left.begin(), left.end());
  EXPECT_EQ(left, (std::vector<std::string>{"cache", "heap.bin"}));
  load(dump, IndexUse::kWrite);
  for (const char* at : {"checking the index", "opening the index"}) {
    std::stop_source stop;
    LoadOptions options{.threads = 1};
    options.index = IndexUse::kAuto;
    const auto stopped = loadSnapshot(dump, options, [&](const LoadProgress& p) { if (p.stage == at) stop.request_stop(); }, stop.get_token());
    if (stopped.has_value()) continue;   // it was through before anybody asked
    EXPECT_EQ(stopped.error().code, ErrorCode::kCancelled) << at;
  }
}

TEST_F(IndexTest, ASmallDumpGetsNoIndexUnasked) {
  const fs::path dump = putSmallHeap();
  EXPECT_EQ(load(dump, IndexUse::kAuto)->report().index, "");
  EXPECT_FALSE(fs::exists(dump.string() + ".idx"));
}

}  // namespace
}  // namespace openclaw
