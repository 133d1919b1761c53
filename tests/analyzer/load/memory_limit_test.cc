// Memory that is announced is kept, a limit is kept, and nothing of what is answered depends on it.
#include "analyzer/memory_limit.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <thread>
#include <vector>

#include "analyzer/buffer.h"
#include "analyzer/load/forecast.h"
#include "analyzer/snapshot.h"
#include "tests/analyzer/hprof/hprof_writer.h"
#include "tests/bench/generator.h"
#include "tests/support/seed.h"

extern char** environ;

namespace openclaw {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMiB = 1 << 20;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kShadowed = true;   // most of a process is the sanitizer's
#else
constexpr bool kShadowed = false;
#endif

// What tables may take beside the process; the sanitizer's memory grows with them.
std::uint64_t limitFor(std::uint64_t tables) { return memoryUse().resident + (kShadowed ? 4096 * kMiB : tables); }

class Folder {
 public:
  Folder() : path_(testing::TempDir() + "memory-limit-XXXXXX") { EXPECT_TRUE(mkdtemp(path_.data())); }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }
  bool empty() const { return fs::is_empty(path_); }

 private:
  std::string path_;
};

// ---- tables that lie in files ----------------------------------------------------------------------------------------------
class LimitedTables : public testing::Test {
 protected:
  void TearDown() override { ASSERT_TRUE(setMemoryLimit({})); }
  Folder folder_;
};

TEST_F(LimitedTables, HoldWhatWasWrittenWhateverIsTakenOut) {
  ASSERT_TRUE(setMemoryLimit({.bytes = limitFor(72 * kMiB), .spillDirectory = folder_.path()}));
  const std::uint64_t seed = test::seedFromEnvironment();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  struct Table {
    Buffer<std::uint64_t> rows;
    std::uint64_t key;
    std::size_t written;   // rows before
  };
  const auto value = [](const Table& t, std::size_t row) { return t.key ^ row * 0x9e3779b97f4a7c15ull; };
  std::vector<Table> tables;
  std::uint64_t most = 0;
  for (int step = 0; step < 150; ++step) {
    if (tables.size() < 12) {
      const std::size_t rows = std::size_t{1} << (8 + random() % 13);
      const auto page = static_cast<PageSize>(random() % 3);
      const bool bound = random() % 4 == 0;
      Table table{Buffer<std::uint64_t>(bound ? rows * 3 : rows, page, bound ? Extent::kBound : Extent::kExact), random(), rows};
      for (std::size_t row = 0; row < rows; ++row) {
        if (bound && row % 1000 == 0) table.rows.prepare(std::min(rows, row + 1000));
        ASSERT_EQ(table.rows[row], 0u);
        table.rows[row] = value(table, row);
        if (row % 8192 == 0) holdMemoryLimit();
      }
      tables.push_back(std::move(table));
    }
    Table& table = tables[random() % tables.size()];
    switch (random() % 4) {
      case 0:
        table.written = std::min<std::size_t>(table.written, 1 + random() % table.rows.size());
        table.rows.shrink(table.written);
        break;
      case 1:
        std::swap(table, tables.back());
        tables.pop_back();
        break;
      default:
        for (std::size_t row = 0; row < table.written; ++row) {
          ASSERT_EQ(table.rows[row], value(table, row)) << row;
          if (row % 8192 == 0) holdMemoryLimit();
        }
    }
    most = std::max(most, memoryUse().inFiles);
  }
  EXPECT_GT(most, 8 * kMiB);
  EXPECT_TRUE(folder_.empty()) << "files without a name";
  tables.clear();
  EXPECT_EQ(memoryUse().inFiles, 0u);
}

TEST_F(LimitedTables, CanBeUsedFromSeveralThreadsWhileTheyAreTakenOut) {
  ASSERT_TRUE(setMemoryLimit({.bytes = limitFor(80 * kMiB), .spillDirectory = folder_.path()}));
  std::vector<std::jthread> threads;
  std::atomic<int> wrong{0};
  for (std::uint32_t id = 1; id <= 4; ++id)
    threads.emplace_back([id, &wrong] {
      for (int round = 0; round < 3; ++round) {
        Buffer<std::uint32_t> large(4 * kMiB, PageSize::kSmall), small(64 << 10, PageSize::kHugeInOrder);
        for (std::size_t row = 0; row < large.size(); ++row) {
          large[row] = id * static_cast<std::uint32_t>(row);
          if (row < small.size()) small[row] = id;
          if (row % 65536 == 0) holdMemoryLimit();
        }
        for (std::size_t row = 0; row < large.size(); ++row) wrong += large[row] != id * static_cast<std::uint32_t>(row);
        for (std::size_t row = 0; row < small.size(); ++row) wrong += small[row] != id;
      }
    });
  threads.clear();
  EXPECT_EQ(wrong, 0);
  if (!kShadowed) {
    EXPECT_GT(memoryUse().takenOut, 0u);
  }
}

TEST_F(LimitedTables, ThatLiveLongerThanTheLimitStayWhole) {
  ASSERT_TRUE(setMemoryLimit({.bytes = limitFor(80 * kMiB), .spillDirectory = folder_.path()}));
  Buffer<std::uint32_t> inFile(8 * kMiB, PageSize::kSmall);
  for (std::size_t row = 0; row < inFile.size(); ++row) inFile[row] = static_cast<std::uint32_t>(row);
  ASSERT_TRUE(setMemoryLimit({}));
  Buffer<std::uint32_t> after(1 * kMiB);
  after[5] = 7;
  for (std::size_t row = 0; row < inFile.size(); ++row) ASSERT_EQ(inFile[row], row);
  inFile.reset();
  EXPECT_EQ(memoryUse().inFiles, 0u);
}

TEST_F(LimitedTables, OfMoreThanTheDiskTakesAreAnErrorBeforeTheFirstByte) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  ASSERT_TRUE(setMemoryLimit({.bytes = limitFor(80 * kMiB), .spillDirectory = folder_.path()}));
  const rlimit small{1 * kMiB, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  try {
    const Buffer<std::uint32_t> table(8 * kMiB, PageSize::kSmall);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const SpillFailed& failure) {
    EXPECT_NE(failure.message.find("do not fit into " + folder_.path()), std::string::npos) << failure.message;
    EXPECT_NE(failure.message.find("--spill-directory"), std::string::npos) << failure.message;
  }
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  Buffer<std::uint32_t> bound(64 * kMiB, PageSize::kSmall, Extent::kBound);   // costs nothing yet
  bound.prepare(100);
  bound[99] = 1;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  EXPECT_THROW(bound.prepare(32 * kMiB), SpillFailed);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(bound[99], 1u);
}

TEST(MemoryLimit, FolderThatTakesNoFilesIsNamed) {
  for (const char* folder : {"/nonexistent/folder", "/proc", "/dev/null"}) {
    const Result<void> set = setMemoryLimit({.bytes = 1 << 30, .spillDirectory = folder});
    ASSERT_FALSE(set) << folder;
    EXPECT_EQ(set.error().code, ErrorCode::kIo);
    EXPECT_NE(set.error().what.find(folder), std::string::npos) << set.error().what;
  }
}

// ---- what is free ------------------------------------------------------------------------------------------------------------
class Room : public testing::Test {
 protected:
  void write(const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  Folder root_;
};

TEST_F(Room, IsWhatTheMachineHasWithoutGroups) {
  write("proc/meminfo", "MemTotal:       24683000 kB\nMemFree:  1 kB\nMemAvailable:   1000 kB\n");
  const MemoryRoom room = measureRoom(root_.path());
  EXPECT_EQ(room.free, 1000u * 1024);
  EXPECT_EQ(room.scope, "machine");
}

TEST_F(Room, IsTheTightestGroupOfVersionTwoWithItsParents) {
  write("proc/meminfo", "MemAvailable:   8388608 kB\n");
  write("proc/self/cgroup", "0::/user.slice/job\n");
  write("sys/fs/cgroup/user.slice/job/memory.max", "max\n");
  write("sys/fs/cgroup/user.slice/job/memory.current", "1000\n");
  write("sys/fs/cgroup/user.slice/memory.max", "2147483648\n");
  write("sys/fs/cgroup/user.slice/memory.current", "1610612736\n");
  write("sys/fs/cgroup/user.slice/memory.stat", "anon 1\nfile 2\ninactive_file 268435456\nactive_file 268435456\n");
  const MemoryRoom room = measureRoom(root_.path());
  EXPECT_EQ(room.free, 1024 * kMiB) << "page cache counts as free";
  EXPECT_EQ(room.scope, "cgroup /user.slice");
}

TEST_F(Room, IsTheTightestGroupOfVersionOne) {
  write("proc/meminfo", "MemAvailable:   8388608 kB\n");
  write("proc/self/cgroup", "12:cpu:/x\n5:memory:/box\n1:name=systemd:/\n0::/\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  write("sys/fs/cgroup/memory/box/memory.limit_in_bytes", "1073741824\n");
  write("sys/fs/cgroup/memory/box/memory.usage_in_bytes", "805306368\n");
  write("sys/fs/cgroup/memory/box/memory.stat", "cache 7\ninactive_file 1\nactive_file 1\ntotal_inactive_file 67108864\ntotal_active_file 0\n");
  const MemoryRoom room = measureRoom(root_.path());
  EXPECT_EQ(room.free, 320 * kMiB);
  EXPECT_EQ(room.scope, "cgroup /box");
}

TEST(MemoryPlan, SpillsByItselfWhereTheDumpDoesNotFitAndRefusesWhereNothingHelps) {
  MemoryForecast need{.least = 200 * kMiB};
  need.peak = 3ull << 30;
  LoadOptions automatic;
  automatic.memoryLimit = kMemoryLimitAsFree;
  automatic.spillDirectory = "/scratch";
  const MemoryPlan fits = planMemory(need, {4ull << 30, "machine"}, automatic);
  EXPECT_EQ(fits.limit, 0u);
  EXPECT_EQ(fits.sentence, "needs about 3.00 GiB");

  const MemoryPlan spills = planMemory(need, {1ull << 30, "cgroup /box"}, automatic);
  EXPECT_TRUE(spills.spill);
  EXPECT_FALSE(spills.refused);
  EXPECT_LT(spills.limit, 1ull << 30);
  EXPECT_GT(spills.limit, 900 * kMiB);
  EXPECT_EQ(spills.sentence, "needs about 3.00 GiB, and 1.00 GiB are free (cgroup /box): tables that do not fit go to files in /scratch, as with "
                             "--memory-limit 922 MiB");

  const MemoryPlan refused = planMemory(need, {150 * kMiB, "machine"}, automatic);
  EXPECT_TRUE(refused.refused);
  EXPECT_NE(refused.sentence.find("--memory-limit none"), std::string::npos) << refused.sentence;

  LoadOptions named;
  named.memoryLimit = 100 * kMiB;
  EXPECT_TRUE(planMemory(need, {}, named).refused);
  named.memoryLimit = 4ull << 30;
  EXPECT_FALSE(planMemory(need, {150 * kMiB, "machine"}, named).spill) << "a limit that was named is believed";
  named.memoryLimit = 0;
  EXPECT_EQ(planMemory(need, {1, "machine"}, named).limit, 0u);
}

// ---- the program ---------------------------------------------------------------------------------------------------------------
struct Outcome {
  int exitCode = -1;
  std::string out, err;
  std::uint64_t peak = 0;   // VmHWM, bytes
};

Outcome analyze(const Folder& folder, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), OPENCLAW_HEAP_ANALYZER);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const std::string out = folder / "out", err = folder / "err";
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_addopen(&actions, 2, err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  // The system counts for a child what its parent had most before the child became a program of its own.
  std::ofstream("/proc/self/clear_refs") << 5;
  pid_t pid = -1;
  EXPECT_EQ(posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ), 0);
  posix_spawn_file_actions_destroy(&actions);
  Outcome outcome;
  int status = 0;
  rusage used{};
  wait4(pid, &status, 0, &used);
  outcome.exitCode = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  outcome.peak = static_cast<std::uint64_t>(used.ru_maxrss) * 1024;
  const auto slurp = [](const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  };
  outcome.out = slurp(out);
  outcome.err = slurp(err);
  return outcome;
}

// A Java heap: instances with two references and an int, arrays of both kinds, among neighbours.
std::vector<std::byte> javaDump(std::uint64_t objects) {
  test::HprofWriter w;
  std::mt19937_64 random(7);
  const char* names[] = {"Node", "left", "right", "weight", "[LNode;"};
  for (std::uint64_t i = 0; i < std::size(names); ++i) w.utf8(i + 1, names[i]);
  w.loadClass(1, 0x1000, 1);
  w.loadClass(2, 0x2000, 5);
  const auto idOf = [](std::uint64_t object) { return 0x7000'0000 + object * 32; };
  const auto near = [&](std::uint64_t object) { return idOf(std::min(objects - 1, object / 2 + random() % 64)); };
  w.beginSegment();
  w.classDump({.id = 0x1000, .fields = {{2}, {3}, {4, test::HprofWriter::kInt}}});
  w.classDump({.id = 0x2000});
  w.root(0x05, 0x1000);
  for (std::uint64_t object = 0; object < objects; ++object) {
    if (object % 3000 == 2999) {
      w.endSegment();
      w.beginSegment();
    }
    if (object % 7 == 3) {
      w.primitiveArray(idOf(object), test::HprofWriter::kByte, 8, "abcdefgh");
    } else if (object % 7 == 5) {
      w.objectArray(idOf(object), 0x2000, {idOf(object - 1), near(object), idOf(std::min(objects - 1, object + 1))});
    } else {
      std::vector<std::byte> values;
      w.put(values, idOf(std::min(objects - 1, object + 1)), 8);
      w.put(values, near(object), 8);
      w.put(values, object, 4);
      w.instanceRaw(idOf(object), 0x1000, values);
    }
  }
  for (std::uint64_t object = 0; object < objects; object += 5000) w.root(0x01, idOf(object));
  w.endSegment();
  w.end();
  return w.bytes();
}

// Three references a node: the next one, one of fifty maps, and anywhere.
std::string v8Dump(std::uint32_t nodes) {
  std::mt19937_64 random(9);
  std::string text = R"({"snapshot":{"meta":{"node_fields":["type","name","id","self_size","edge_count"],"node_types":[["hidden","array","string",)"
                     R"("object","code","closure","regexp","number","native","synthetic"],"string","number","number","number"],"edge_fields":["type",)"
                     R"("name_or_index","to_node"],"edge_types":[["context","element","property","internal","hidden","shortcut","weak"],)"
                     R"("string_or_number","node"]},"node_count":)";
  const std::uint32_t perRoot = 1000, roots = (nodes + perRoot - 2) / perRoot;
  text += std::to_string(nodes) + ",\"edge_count\":" + std::to_string(roots + 3 * (nodes - 1)) + "},\n\"nodes\":[9,0,1,0," + std::to_string(roots) + "\n";
  const auto add = [&](std::initializer_list<std::uint64_t> row) {
    for (const std::uint64_t value : row) text += "," + std::to_string(value);
    text += "\n";
  };
  for (std::uint32_t i = 1; i < nodes; ++i) add({i % 5 == 0 ? 2u : 3u, i % 5 == 0 ? 60 + i / 5 : 2 + i % 50, i * 2 + 1, 16 + random() % 8 * 8, 3});
  text += "],\n\"edges\":[";
  const std::size_t edgesAt = text.size();
  for (std::uint32_t i = 0; i < roots; ++i) add({1, i, (1 + std::uint64_t{i} * perRoot) * 5});
  for (std::uint32_t i = 1; i < nodes; ++i) {
    add({2, 1, std::min(i + 1, nodes - 1) * 5});
    add({3, 0, (1 + random() % 50) * 5});
    add({1, 0, (1 + random() % (nodes - 1)) * 5});
  }
  text.erase(edgesAt, 1);   // the first comma
  text += "],\n\"strings\":[\"\"";
  for (std::uint32_t i = 1; i < 60 + nodes / 5 + 1; ++i) text += ",\n\"text number " + std::to_string(i) + "\"";
  return text + "]}";
}

// Dumps of all three kinds, written once.
class Dumps : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new Folder;
    ASSERT_TRUE(bench::generateDump(path("local.bin"), {.objects = 700'000, .seed = 5}));
    ASSERT_TRUE(bench::generateDump(path("random.bin"), {.objects = 250'000, .seed = 6, .references = 5, .random = true}));
    ASSERT_TRUE(bench::generateDump(path("sparse.bin"), {.objects = 500'000, .seed = 7, .references = 1.2}));
    const std::vector<std::byte> java = javaDump(300'000);
    std::ofstream(path("java.hprof"), std::ios::binary).write(reinterpret_cast<const char*>(java.data()), static_cast<std::streamsize>(java.size()));
    const std::vector<std::byte> packed = test::gzipped(java, 0);
    std::ofstream(path("java.hprof.gz"), std::ios::binary).write(reinterpret_cast<const char*>(packed.data()), static_cast<std::streamsize>(packed.size()));
    std::ofstream(path("v8.heapsnapshot"), std::ios::binary) << v8Dump(200'000);
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }
  static std::string path(const std::string& name) { return *folder_ / name; }
  static constexpr const char* kAll[] = {"local.bin", "random.bin", "sparse.bin", "java.hprof", "java.hprof.gz", "v8.heapsnapshot"};
  static Folder* folder_;
};
Folder* Dumps::folder_ = nullptr;

// What one load announced and took, in a process of its own.
struct Kept {
  std::uint64_t announced = 0, peak = 0, objects = 0;
};
Kept loadInAnotherProcess(const std::string& dump, unsigned threads, bool counted) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    Kept kept;
    LoadOptions options;
    options.threads = threads;
    options.references = options.dominators = !counted;
    options.announce = [&](const MemoryPlan& plan) { kept.announced = plan.forecast.peak; };
    const auto snapshot = loadSnapshot(dump, options, {}, {});
    if (snapshot) kept.objects = (*snapshot)->objectCount();
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("VmHWM:")) kept.peak = std::strtoull(line.c_str() + 6, nullptr, 10) * 1024;
    _exit(write(ends[1], &kept, sizeof kept) == sizeof kept && snapshot ? 0 : 1);
  }
  close(ends[1]);
  Kept kept;
  EXPECT_EQ(read(ends[0], &kept, sizeof kept), static_cast<ssize_t>(sizeof kept));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  return kept;
}

TEST_F(Dumps, StayBelowWhatWasAnnounced) {
  if (kShadowed) GTEST_SKIP() << "memory of the sanitizer is not announced";
  for (const char* name : kAll)
    for (const auto& [threads, counted] : {std::pair{1u, false}, {2u, false}, {8u, false}, {1u, true}, {2u, true}}) {
      const std::string what = name + std::string(counted ? " counted on " : " on ") + std::to_string(threads);
      SCOPED_TRACE(what);
      ::malloc_trim(0);   // or the child loads into what this process freed, and its peak shows nothing
      const std::uint64_t before = memoryUse().resident;   // the child begins with it
      const Kept kept = loadInAnotherProcess(path(name), threads, counted);
      EXPECT_LE(kept.peak, kept.announced) << kept.objects << " objects";
      const std::uint64_t fixed = before + (22 + 8 * threads) * kMiB;   // buffers of readers, which small dumps do not fill
      EXPECT_LE(kept.announced, fixed + 2 * (kept.peak - before)) << "announced far too much: nobody would believe it";
      RecordProperty(what, std::to_string(kept.announced >> 10) + " " + std::to_string(kept.peak >> 10));
    }
}

TEST_F(Dumps, AreAnsweredTheSameInTheLeastMemoryThatIsNamed) {
  for (const char* name : kAll) {
    SCOPED_TRACE(name);
    Folder work, spill;
    const std::vector<std::string> command{"export", "--per-object", "--index", "off", "--threads", "2"};
    const auto with = [&](const std::string& limit) {
      std::vector<std::string> words = command;
      for (const std::string& word : {std::string("--memory-limit"), limit, std::string("--spill-directory"), spill.path(), path(name)}) words.push_back(word);
      return analyze(work, words);
    };
    const Outcome unlimited = with("none");
    ASSERT_EQ(unlimited.exitCode, 0) << unlimited.err;
    const Outcome refused = with("1MiB");
    ASSERT_EQ(refused.exitCode, 2) << refused.err;
    const std::size_t at = refused.err.find("--memory-limit ");
    ASSERT_NE(at, std::string::npos) << refused.err;
    const std::string least = refused.err.substr(at + 15, refused.err.find(' ', at + 15) - at - 15);
    if (kShadowed) continue;
    const Result<Bytes> bytes = parseBytes(least);
    ASSERT_TRUE(bytes) << least;
    const Outcome limited = with(std::to_string(bytes->value + (2 << 20)));   // another process may be a page larger
    ASSERT_EQ(limited.exitCode, 0) << limited.err;
    EXPECT_LE(limited.peak, bytes->value + (2 << 20));
    EXPECT_TRUE(limited.out == unlimited.out) << "answers differ under a limit";
    EXPECT_TRUE(spill.empty());
  }
}

TEST_F(Dumps, ThatDoNotFitTheDiskEndInAnErrorAndLeaveNothing) {
  if (kShadowed) GTEST_SKIP() << "limits below the sanitizer's own memory";
  Folder work, spill;
  if (mount("none", spill.path().c_str(), "tmpfs", 0, "size=1m") != 0) GTEST_SKIP() << "a small file system needs root: " << std::strerror(errno);
  const Outcome full = analyze(work, {"histogram", "--index", "off", "--threads", "2", "--memory-limit", "125MiB", "--spill-directory", spill.path(), path("sparse.bin")});
  const bool empty = spill.empty();
  const Outcome larger = analyze(work, {"histogram", "--index", "off", "--threads", "2", "--memory-limit", "1GiB", "--spill-directory", spill.path(), path("sparse.bin")});
  umount(spill.path().c_str());
  EXPECT_EQ(full.exitCode, 5) << full.err;
  EXPECT_NE(full.err.find("No space left on device"), std::string::npos) << full.err;
  EXPECT_NE(full.err.find("--spill-directory"), std::string::npos) << full.err;
  EXPECT_TRUE(empty);
  EXPECT_EQ(larger.exitCode, 0) << "what fits needs no disk: " << larger.err;
}

TEST_F(Dumps, AreRefusedBeforeReadingWhenTheFolderTakesNoFiles) {
  Folder work;
  const Outcome outcome = analyze(work, {"histogram", "--memory-limit", "200MiB", "--spill-directory", "/nonexistent", path("sparse.bin")});
  EXPECT_EQ(outcome.exitCode, 5) << outcome.err;
  EXPECT_NE(outcome.err.find("/nonexistent"), std::string::npos) << outcome.err;
  const Outcome words = analyze(work, {"histogram", "--memory-limit", "plenty", path("sparse.bin")});
  EXPECT_EQ(words.exitCode, 2);
  EXPECT_NE(words.err.find("2GiB, auto or none"), std::string::npos) << words.err;
}

}  // namespace
}  // namespace openclaw
