// A converted dump answers what the foreign one answered: every object, label, strength, size, dominator and text.
#include "analyzer/convert/convert.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "analyzer/report/reports.h"
#include "analyzer/validation.h"
#include "tests/analyzer/foreign_dumps.h"
#include "tests/analyzer/small_heap.h"

namespace openclaw {
namespace {

namespace fs = std::filesystem;

class ConvertTest : public ::testing::Test {
 protected:
  ConvertTest() {
    std::string name = ::testing::TempDir() + "openclaw-convert-XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  ~ConvertTest() override { fs::remove_all(folder_); }
  fs::path put(const std::string& name, std::span<const std::byte> bytes) {
    std::ofstream(folder_ / name, std::ios::binary | std::ios::trunc)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return folder_ / name;
  }
  std::shared_ptr<const Snapshot> load(const fs::path& path, Policy policy = Policy::kStrict) {
    LoadOptions options{.threads = 2};
    options.policy = policy;
    auto loaded = loadSnapshot(path, options, {}, {});
    EXPECT_TRUE(loaded.has_value()) << path << (loaded ? "" : toText(loaded.error()));
    return loaded ? *loaded : nullptr;
  }
  void expectTheSame(const fs::path& foreign, Policy policy) {
    const auto before = load(foreign, policy);
    ASSERT_NE(before, nullptr);
    const fs::path heap = folder_ / "heap.bin";
    const auto converted = convert(*before, heap, {.overwrite = true}, {}, {});
    ASSERT_TRUE(converted.has_value()) << toText(converted.error());
    const auto after = load(heap);
    ASSERT_NE(after, nullptr);
    ASSERT_EQ(test::answersOf(*after), test::answersOf(*before));
    const Validation validation = computeValidation(*after);
    EXPECT_TRUE(validation.broken.empty()) << validation.broken.front().name << ": " << validation.broken.front().detail;
    // What reading lost is lost in the new file as well, and said.
    for (const auto& loss : before->report().losses)
      EXPECT_NE(std::find(after->report().losses.begin(), after->report().losses.end(), loss), after->report().losses.end()) << loss.first;
    EXPECT_EQ(after->report().complete(), before->report().complete());
    // Everything is in the index of the new file, too.
    LoadOptions options{.threads = 1};
    options.index = IndexUse::kWrite;
    ::setenv("XDG_CACHE_HOME", (folder_ / "cache").c_str(), 1);
    ASSERT_TRUE(loadSnapshot(heap, options, {}, {}).has_value());
    const auto opened = loadSnapshot(heap, options, {}, {});
    ASSERT_TRUE(opened.has_value());
    EXPECT_EQ((*opened)->report().index, "opened from heap.bin.idx");
    EXPECT_EQ(test::answersOf(**opened), test::answersOf(*before));
  }
  fs::path folder_;
};

TEST_F(ConvertTest, AJavaDumpSaysTheSameUnderEveryPolicy) {
  for (std::uint32_t seed = 1; seed <= 6; ++seed)
    for (const Policy policy : {Policy::kStrict, Policy::kVisualvm, Policy::kMat}) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << " " << toText(policy));
      expectTheSame(put("a.hprof", test::randomJavaDump(seed)), policy);
    }
}

TEST_F(ConvertTest, AV8SnapshotSaysTheSameUnderEveryPolicy) {
  for (std::uint32_t seed = 1; seed <= 6; ++seed)
    for (const Policy policy : {Policy::kStrict, Policy::kV8Devtools, Policy::kMemlab}) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << " " << toText(policy));
      const std::string json = test::randomV8Snapshot(seed);
      expectTheSame(put("a.heapsnapshot", std::as_bytes(std::span(json))), policy);
    }
}

TEST_F(ConvertTest, ACutDumpGivesAFileThatSaysWhatIsMissing) {
  const std::vector<std::byte> whole = test::randomJavaDump(5);
  for (const std::size_t share : {50u, 80u, 99u}) {
    SCOPED_TRACE(share);
    const fs::path dump = put("cut.hprof", std::span(whole).first(whole.size() * share / 100));
    expectTheSame(dump, Policy::kStrict);
    EXPECT_FALSE(load(folder_ / "heap.bin")->report().complete());
  }
}

TEST_F(ConvertTest, TextsCanBeLeftOut) {
  const auto before = load(put("a.hprof", test::randomJavaDump(2)));
  std::size_t described = 0;
  for (std::uint32_t i = 0; i < before->objectCount(); ++i) described += !before->description(ObjectIndex(i)).empty();
  ASSERT_GT(described, 10u);
  ASSERT_TRUE(convert(*before, folder_ / "heap.bin", {.texts = false}, {}, {}).has_value());
  const auto after = load(folder_ / "heap.bin");
  for (std::uint32_t i = 0; i < after->objectCount(); ++i) ASSERT_EQ(after->description(ObjectIndex(i)), "");
}

TEST_F(ConvertTest, InspectSaysWhatTellsAnObjectFromOthers) {
  const auto s = load(put("a.hprof", test::randomJavaDump(2)));
  std::size_t checked = 0;
  for (std::uint32_t i = 0; i < s->objectCount() && checked < 20; ++i) {
    const std::string what = s->description(ObjectIndex(i));
    if (what.empty()) continue;
    const auto inspection = inspectObject(*s, s->address(ObjectIndex(i)), 20, {});
    ASSERT_TRUE(inspection.has_value());
    EXPECT_NE(textOf(*s, *inspection).find("  is          " + what + "\n"), std::string::npos) << what;
    EXPECT_NE(jsonOf(*s, *inspection).find("\"description\""), std::string::npos);
    ++checked;
  }
  EXPECT_GT(checked, 10u);
}

TEST_F(ConvertTest, AnExistingFileStaysAndAStopLeavesNothing) {
  const auto before = load(put("a.hprof", test::randomJavaDump(2)));
  const fs::path there = put("there.bin", {});
  const auto refused = convert(*before, there, {}, {}, {});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(fs::file_size(there), 0u);
  std::stop_source stop;
  const auto stopped = convert(*before, folder_ / "new.bin", {}, [&](double) { stop.request_stop(); }, stop.get_token());
  ASSERT_FALSE(stopped.has_value());
  EXPECT_EQ(stopped.error().code, ErrorCode::kCancelled);
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder_)) ++files;
  EXPECT_EQ(files, 2u);   // a.hprof, there.bin
  const auto full = convert(*before, "/dev/full", {.overwrite = true}, {}, {});
  EXPECT_FALSE(full.has_value());
}

TEST_F(ConvertTest, AHeapBinNeedsNoConversion) {
  const auto heap = load(put("heap.bin", test::SmallHeap().encode()));
  const auto refused = convert(*heap, folder_ / "again.bin", {}, {}, {});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace openclaw
