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
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "analyzer/index/index_file.h"
#include "analyzer/snapshot.h"
#include "tests/analyzer/hprof/hprof_writer.h"
#include "tests/analyzer/small_heap.h"
#include "tests/analyzer/snapshot_text.h"
#include "tests/analyzer/v8/v8_text.h"
#include "tests/support/dump_model.h"

namespace openclaw {
namespace {

namespace fs = std::filesystem;
using FileBytes = std::vector<std::byte>;

struct Random {
  explicit Random(std::uint32_t seed) : engine(seed) {}
  std::uint32_t operator()() { return static_cast<std::uint32_t>(engine()); }
  std::mt19937 engine;
};

FileBytes read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}
void write(const fs::path& path, std::span<const std::byte> bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc).write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

// Everything that a snapshot answers, and what its report says.
std::string textOf(const Snapshot& s) {
  std::ostringstream out;
  out << test::textOfSnapshot(s) << "\n" << toText(s.kind()) << " " << toText(s.policy()) << " " << s.idsAreAddresses() << " " << s.path() << "\n";
  for (std::uint32_t i = 0; i < s.objectCount(); ++i) {
    const ObjectIndex o(i);
    out << i << " " << s.description(o) << " slots " << s.slotCount(o);
    for (std::uint32_t slot = 0; slot < s.slotCount(o); ++slot) out << " " << s.labelOf(o, slot) << "/" << int(s.strengthOf(o, slot));
    out << " from";
    for (EdgeCursor e = s.edgesTo(o); e; e.next()) out << " " << e.target().value;
    out << " dominates";
    for (const std::uint32_t child : s.dominatedBy(o)) out << " " << child;
    if (const auto bound = s.declaredBound(o)) out << " bound " << bound->most << bound->inObjects;
    out << "\n";
  }
  const LoadReport& report = s.report();
  out << report.sentence() << " " << report.file.fileBytes << " " << report.file.bytesRead << " " << report.file.endSeen << report.file.indexUsed
      << report.lossesWhileLoading << " " << report.referencesMissing << " " << report.objectsMissing << "\n";
  for (const auto& [name, count] : report.losses) out << name << " " << count << "\n";
  for (const auto* faults : {&report.file.faults, &report.contradictions})
    for (const FileFault& fault : *faults) out << fault.name << " " << fault.detail << " " << fault.times << "\n";
  for (const PauseInfo& p : s.pauses()) {
    out << p.ownedCause << " " << p.predicted << " " << p.runDelay << " " << p.throttled;
    for (const auto& [phase, ns] : p.ownedPhases) out << " " << phase << " " << ns;
    out << "\n";
  }
  for (const SettingChangeInfo& c : s.settingChanges()) out << c.unixTime << c.name << c.before << c.after << c.by << "\n";
  for (const TypeInfo& t : s.types())
    for (const FieldInfo& f : t.fields) out << t.name << "." << f.name << "+" << f.offset << " " << int(f.strength) << " " << f.targetType << "\n";
  const ProcessInfo& p = s.process();
  out << p.host << p.kernel << p.source << p.generator << p.requested << p.dumpId << p.previousDumpId << p.startedUnix << " " << s.stopNanoseconds() << " "
      << s.hasDeclaredBounds() << "\n";
  return out.str();
}

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

FileBytes javaDump(std::uint32_t seed) {
  Random random(seed);
  test::HprofWriter w(seed % 2 == 0 ? 8 : 4);
  std::uint64_t name = 1;
  for (const char* text : {"java/lang/Object", "java/lang/Class", "app/Node", "[Ljava/lang/Object;", "left", "right", "java/lang/String", "value", "[B"}) w.utf8(name++, text);
  for (const auto& [id, n] : {std::pair{0x1000, 1}, {0x1100, 2}, {0x1200, 3}, {0x1300, 4}, {0x1400, 7}, {0x1500, 9}})
    w.loadClass(static_cast<std::uint32_t>(id >> 8), static_cast<std::uint64_t>(id), static_cast<std::uint64_t>(n));
  w.frame(70, 1, 2, 1, 42);
  w.trace(5, 9, {70});
  w.beginSegment();
  w.classDump({.id = 0x1000});
  w.classDump({.id = 0x1100, .super = 0x1000});
  w.classDump({.id = 0x1200, .super = 0x1000, .statics = {{5, test::HprofWriter::kObject, 0x10000}}, .fields = {{5}, {6}}});
  w.classDump({.id = 0x1300, .super = 0x1000});
  w.classDump({.id = 0x1400, .super = 0x1000, .fields = {{8}}});
  w.classDump({.id = 0x1500, .super = 0x1000});
  const std::uint32_t count = 300 + random() % 1000;
  const auto id = [](std::uint64_t i) { return 0x10000 + 32 * i; };
  const auto any = [&] { return random() % 10 == 0 ? 0 : id(random() % (count + 3)); };   // dangling ones too
  for (int i = 0; i < 9; ++i) w.root(0x01, id(random() % count));
  for (std::uint32_t i = 0; i < count; ++i) {
    if (i % 5 == 0) w.objectArray(id(i), 0x1300, std::vector<std::uint64_t>(random() % 40, any()));
    else if (i % 7 == 0) w.primitiveArray(id(i), test::HprofWriter::kByte, 6, "abcdef");
    else if (i % 11 == 0) w.instance(id(i), 0x1400, {id(i / 7 * 7)});
    else w.instance(id(i), 0x1200, {any(), any()});
  }
  w.endSegment();
  w.end();
  const FileBytes bytes = w.bytes();
  return seed % 3 == 0 ? test::gzipped(bytes, 4096) : bytes;
}

std::string v8Dump(std::uint32_t seed) {
  Random random(seed);
  test::V8Text text;
  const char* types[] = {"object", "array", "string", "closure", "native", "hidden", "code", "concatenated string"};
  const char* edges[] = {"property", "context", "internal", "weak", "shortcut"};
  const auto root = text.node("synthetic", "", 1, 0), handles = text.node("synthetic", "(Global handles)", 3, 0);
  text.edge(root, "element", 1, handles);
  const std::uint32_t count = 100 + random() % 400;
  for (std::uint32_t i = 0; i < count; ++i)
    text.node(types[random() % std::size(types)], "name " + std::to_string(random() % 50), seed % 2 == 0 ? 5 + 2 * i : 5 + 2 * (count - i), 8 * (random() % 30));
  for (int i = 0; i < 9; ++i) text.edge(handles, "element", static_cast<std::uint64_t>(i), 2 + random() % count);
  for (std::uint32_t i = 0; i < 3 * count; ++i) {
    const std::uint32_t from = 2 + random() % count, to = 2 + random() % count;
    if (random() % 3 == 0) text.edge(from, random() % 2 == 0 ? "element" : "hidden", std::uint64_t{random() % 7}, to);
    else text.edge(from, edges[random() % std::size(edges)], "edge " + std::to_string(random() % 20), to);
  }
  return text.json();
}

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
    const fs::path dump = put("java" + std::to_string(seed) + ".hprof", javaDump(seed));
    for (const Policy policy : {Policy::kStrict, Policy::kVisualvm, Policy::kMat}) expectTheSame(dump, policy);
  }
  EXPECT_EQ(compared_, 18);
}

TEST_F(IndexTest, V8SnapshotsOpenAsTheyLoadedUnderEveryPolicy) {
  for (std::uint32_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE(seed);
    const std::string json = v8Dump(seed);
    const fs::path dump = put("page" + std::to_string(seed) + ".heapsnapshot", std::as_bytes(std::span(json)));
    for (const Policy policy : {Policy::kStrict, Policy::kV8Devtools, Policy::kMemlab}) expectTheSame(dump, policy);
  }
  EXPECT_EQ(compared_, 18);
}

TEST_F(IndexTest, NoPolicyIsAnsweredByTheIndexOfAnother) {
  const fs::path dump = put("a.hprof", javaDump(2));
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
  Random random(7);
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
