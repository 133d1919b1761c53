// heap-analyzer as a user runs it: words in, text or JSON out, exit code.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "format/dump_reader.h"
#include "tests/analyzer/hprof/hprof_writer.h"
#include "tests/analyzer/small_heap.h"
#include "tests/support/dump_model.h"

extern char** environ;

namespace openclaw {
namespace {

using nlohmann::json;
using test::SmallHeap;

struct Outcome {
  int exitCode = -1;
  std::string out, err;
};

class HeapAnalyzer : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "heap-analyzer-XXXXXX";
    ASSERT_TRUE(mkdtemp(pattern.data()));
    folder_ = pattern;
  }
  void TearDown() override {
    for (const std::string& file : files_) unlink(file.c_str());
    rmdir(folder_.c_str());
  }
  std::string write(const std::string& name, std::span<const std::byte> bytes) {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    files_.push_back(path);
    return path;
  }
  pid_t start(std::vector<std::string> arguments, const std::string& out, const std::string& err) {
    arguments.insert(arguments.begin(), OPENCLAW_HEAP_ANALYZER);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&actions, 2, err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    pid_t pid = -1;
    EXPECT_EQ(posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
  }
  static int exitCodeOf(pid_t pid) {
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }
  Outcome run(const std::vector<std::string>& arguments) {
    const std::string out = folder_ + "/out", err = folder_ + "/err";
    files_.push_back(out);
    files_.push_back(err);
    Outcome result;
    result.exitCode = exitCodeOf(start(arguments, out, err));
    result.out = slurp(out);
    result.err = slurp(err);
    return result;
  }
  static std::string slurp(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

  std::string folder_;
  std::vector<std::string> files_;
};

TEST_F(HeapAnalyzer, ADumpAloneMeansItsSummary) {
  const std::string dump = write("heap.bin", SmallHeap().encode());
  const Outcome alone = run({dump});
  EXPECT_EQ(alone.exitCode, 0) << alone.err;
  EXPECT_EQ(alone.err, "");
  EXPECT_NE(alone.out.find("openclaw  pid 4711 on build-7"), std::string::npos) << alone.out;
  EXPECT_NE(alone.out.find("The lines add up to the byte."), std::string::npos);
  EXPECT_EQ(run({"summary", dump}).out, alone.out);
  EXPECT_EQ(run({"summary", "--threads", "3", dump}).out, alone.out);
}

TEST_F(HeapAnalyzer, EveryReportIsJsonOnRequest) {
  const std::string dump = write("heap.bin", SmallHeap().encode());
  const json parsed = json::parse(run({"summary", "--json", dump}).out);
  EXPECT_EQ(json::parse(run({"--json", dump}).out), parsed);
  EXPECT_EQ(parsed["report"], "summary");
  EXPECT_EQ(parsed["version"], 1);
  EXPECT_EQ(parsed["heap"]["objects"], 8);
  EXPECT_EQ(parsed["ledger"]["unexplainedBytes"], 0);
  EXPECT_EQ(parsed["process"]["pid"], 4711);
  EXPECT_EQ(parsed["findings"]["found"][0]["id"], "owner.large");
  const json histogram = json::parse(run({"histogram", "--json", "--sort", "objects", dump}).out);
  EXPECT_EQ(histogram["rows"].size(), 4u);
  EXPECT_EQ(histogram["rows"][0]["objects"], 3);
  const json dominators = json::parse(run({"dominators", "--json", "--depth", "1", "--by-type", dump}).out);
  EXPECT_EQ(dominators["groupedByType"], true);
  EXPECT_EQ(dominators["rows"][0]["kind"], "type");
  const json inspect = json::parse(run({"inspect", "0x7f31c2000010", dump, "--json"}).out);
  EXPECT_EQ(inspect["object"]["type"], "Server");
  EXPECT_EQ(inspect["object"]["offset"], 8);
  EXPECT_EQ(inspect["slots"][1]["strength"], "weak");
  const json validate = json::parse(run({"validate", "--json", dump}).out);
  EXPECT_EQ(validate["fine"], true);
  EXPECT_GE(validate["checkedInvariants"].size(), 13u);
}

TEST_F(HeapAnalyzer, HistogramAddsUpToTheSummary) {
  const std::string dump =
      write("heap.bin", test::encodeDump(test::randomModel(5, 3000), {.metadata = false}));
  const json histogram = json::parse(run({"histogram", "--json", dump}).out);
  const json summary = json::parse(run({"summary", "--json", dump}).out);
  std::uint64_t objects = 0, bytes = 0;
  for (const json& row : histogram["rows"])
    objects += row["objects"].get<std::uint64_t>(), bytes += row["shallowBytes"].get<std::uint64_t>();
  EXPECT_EQ(objects, 3000u);
  std::uint64_t ledger = 0;
  for (const json& line : summary["ledger"]["lines"]) ledger += line["bytes"].get<std::uint64_t>();
  EXPECT_EQ(bytes, ledger);
}

TEST_F(HeapAnalyzer, ADamagedDumpIsReportedInFullWithExit3) {
  SmallHeap heap;
  heap.flushEachObject = true;
  auto bytes = heap.encode();
  bytes.resize(bytes.size() * 6 / 10);
  const std::string dump = write("cut.bin", bytes);
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{dump}, {"histogram", dump}, {"dominators", dump}, {"validate", dump}}) {
    const Outcome damaged = run(words);
    EXPECT_EQ(damaged.exitCode, 3) << words[0];
    EXPECT_NE(damaged.out.find("% of the file read"), std::string::npos) << damaged.out;
  }
  EXPECT_NE(run({dump}).out.find("Types by shallow size"), std::string::npos);
  EXPECT_NE(run({"validate", dump}).out.find("LOST    file-end"), std::string::npos);
}

TEST_F(HeapAnalyzer, OtherFilesAreNamedForWhatTheyAre) {
  const std::string text = "JAVA PROFILE 1.0.2";
  const std::string hprof = write("java.hprof", std::as_bytes(std::span(text.c_str(), text.size() + 1)));
  const Outcome java = run({hprof});
  EXPECT_EQ(java.exitCode, 3);
  EXPECT_NE(java.err.find("Java heap dump"), std::string::npos) << java.err;
  const std::string empty = write("empty.bin", {});
  EXPECT_EQ(run({empty}).exitCode, 3);
}

TEST_F(HeapAnalyzer, WrongWordsAreUsage) {
  const std::string dump = write("heap.bin", SmallHeap().encode());
  const Outcome missing = run({folder_ + "/none.bin"});
  EXPECT_EQ(missing.exitCode, 2);
  EXPECT_NE(missing.err.find("none.bin"), std::string::npos) << missing.err;
  EXPECT_EQ(run({}).exitCode, 2);
  EXPECT_EQ(run({"histogram"}).exitCode, 2);
  EXPECT_EQ(run({"histogram", "--sort", "colour", dump}).exitCode, 2);
  EXPECT_EQ(run({"dominators", "--min", "lots", dump}).exitCode, 2);
  EXPECT_EQ(run({"inspect", "zzz", dump}).exitCode, 2);
  EXPECT_EQ(run({"--frobnicate", dump}).exitCode, 2);
  const Outcome nothing = run({"inspect", "0x10", dump});
  EXPECT_EQ(nothing.exitCode, 2);
  EXPECT_NE(nothing.err.find("nearest above"), std::string::npos) << nothing.err;
  EXPECT_EQ(nothing.out, "");
}

TEST_F(HeapAnalyzer, ValidateNamesWhatIsBroken) {
  SmallHeap heap;
  heap.regions[1].slackBytes -= 16;
  const Outcome broken = run({"validate", write("broken.bin", heap.encode())});
  EXPECT_EQ(broken.exitCode, 1);
  EXPECT_NE(broken.out.find("BROKEN  regions-ascend-and-add-up"), std::string::npos) << broken.out;
  EXPECT_NE(broken.out.find("BROKEN  counters-agree: empty_block_bytes"), std::string::npos) << broken.out;
  EXPECT_NE(broken.out.find("BROKEN  ledger-adds-up: 16 B"), std::string::npos) << broken.out;
}

TEST_F(HeapAnalyzer, ValidateListsEveryInvariantWithoutADump) {
  const Outcome list = run({"validate", "--list"});
  EXPECT_EQ(list.exitCode, 0);
  for (const char* name : {"frame-checksum", "edge-target", "retained-sizes-add-up", "ledger-adds-up"})
    EXPECT_NE(list.out.find(name), std::string::npos) << name;
  const json parsed = json::parse(run({"validate", "--list", "--json"}).out);
  EXPECT_EQ(parsed["report"], "invariants");
  EXPECT_EQ(static_cast<std::size_t>(std::count(list.out.begin(), list.out.end(), '\n')), parsed["invariants"].size());
  EXPECT_EQ(run({"validate"}).exitCode, 2);
}

TEST_F(HeapAnalyzer, ValidateSaysWhereAFrameIsDamagedInTextAndJson) {
  auto bytes = SmallHeap().encode();
  const auto reader = DumpReader::fromMemory(bytes, "test");
  const FrameInfo& frame = reader->frames()[4];
  bytes[frame.offset + FrameHeader::kBytes + 2] ^= std::byte{1};
  const std::string dump = write("flipped.bin", bytes);
  const Outcome text = run({"validate", dump});
  EXPECT_EQ(text.exitCode, 3);
  EXPECT_NE(text.out.find("LOST    frame-checksum: frame 4 at byte " + std::to_string(frame.offset)), std::string::npos) << text.out;
  const Outcome structured = run({"validate", "--json", dump});
  EXPECT_EQ(structured.exitCode, 3);
  const json parsed = json::parse(structured.out);
  EXPECT_EQ(parsed["fine"], false);
  ASSERT_EQ(parsed["lostByInvariant"].size(), 1u);
  EXPECT_EQ(parsed["lostByInvariant"][0]["name"], "frame-checksum");
  EXPECT_EQ(parsed["lostByInvariant"][0]["frame"], 4);
  EXPECT_EQ(parsed["lostByInvariant"][0]["offset"], frame.offset);
  EXPECT_EQ(parsed["brokenInvariants"].size(), 0u);
}

TEST_F(HeapAnalyzer, HelpAndVersionAnswerWithAnExample) {
  const Outcome help = run({"--help"});
  EXPECT_EQ(help.exitCode, 0);
  EXPECT_NE(help.out.find("Example: heap-analyzer heap.bin"), std::string::npos);
  for (const char* command : {"summary", "histogram", "dominators", "inspect", "paths", "leaks", "validate"}) {
    const Outcome own = run({command, "--help"});
    EXPECT_EQ(own.exitCode, 0);
    EXPECT_NE(own.out.find("Example: heap-analyzer"), std::string::npos) << own.out;
  }
  const Outcome version = run({"--version"});
  EXPECT_EQ(version.exitCode, 0);
  EXPECT_NE(version.out.find("heap.bin format 1"), std::string::npos);
}

TEST_F(HeapAnalyzer, PathsAnswerForAnObjectATypeAndASite) {
  const std::string dump = write("heap.bin", SmallHeap().encode());
  const Outcome text = run({"paths", "0x7f31c2000128", dump});  // Session b: through a, and from the array
  EXPECT_EQ(text.exitCode, 0) << text.err;
  EXPECT_NE(text.out.find("Path 1, 3 objects, the shortest"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("1 reference to it that does not keep it alive"), std::string::npos) << text.out;
  const json paths = json::parse(run({"paths", "--json", "--count", "2", "0x7f31c2000128", dump}).out);
  EXPECT_EQ(paths["report"], "paths");
  ASSERT_EQ(paths["paths"].size(), 2u);
  EXPECT_EQ(paths["paths"][0]["length"], 3);
  EXPECT_EQ(paths["paths"][0]["steps"][2]["label"], "[1]");
  EXPECT_EQ(paths["paths"][1]["length"], 4);
  EXPECT_EQ(paths["paths"][1]["sharedInnerObjects"], 1);
  EXPECT_EQ(paths["weakReferences"], 1);
  const json merged = json::parse(run({"paths", "--json", "--type", "String", dump}).out);
  EXPECT_EQ(merged["report"], "mergedPaths");
  EXPECT_EQ(merged["members"], 2);
  EXPECT_EQ(merged["unreachableMembers"], 1);
  EXPECT_EQ(json::parse(run({"paths", "--json", "--site", "session.cc:41", dump}).out)["members"], 3);
}

TEST_F(HeapAnalyzer, PathsRefuseWhatIsNotThere) {
  const std::string dump = write("heap.bin", SmallHeap().encode());
  const Outcome type = run({"paths", "--type", "Sess", dump});
  EXPECT_EQ(type.exitCode, 2);
  EXPECT_NE(type.err.find("near: Session, Array<Session>"), std::string::npos) << type.err;
  EXPECT_EQ(run({"paths", "--site", "nowhere.cc:1", dump}).exitCode, 2);
  EXPECT_EQ(run({"paths", dump}).exitCode, 2);
  EXPECT_EQ(run({"paths", "--type", "String", "0x7f31c2000008", dump}).exitCode, 2);
  EXPECT_EQ(run({"paths", "0x10", dump}).exitCode, 2);
  EXPECT_EQ(run({"paths", "0x7f31c2000008", dump + ".no"}).exitCode, 2);
}

TEST_F(HeapAnalyzer, LeaksSayWhatWasJudgedAndThatADamagedDumpIsNot) {
  SmallHeap heap;
  heap.flushEachObject = true;
  const auto bytes = heap.encode();
  const std::string dump = write("heap.bin", bytes);
  const Outcome text = run({"leaks", dump});
  EXPECT_EQ(text.exitCode, 0) << text.err;
  EXPECT_NE(text.out.find("No group of objects grows without letting go."), std::string::npos) << text.out;
  const json leaks = json::parse(run({"leaks", "--json", "--min", "0%", dump}).out);
  EXPECT_EQ(leaks["report"], "leaks");
  EXPECT_EQ(leaks["judged"], true);
  EXPECT_EQ(leaks["findings"].size(), 0u);
  const Outcome cut = run({"leaks", "--json", write("cut.bin", std::span(bytes).first(bytes.size() / 2))});
  EXPECT_EQ(cut.exitCode, 3);
  EXPECT_EQ(json::parse(cut.out)["judged"], false);
}

TEST_F(HeapAnalyzer, WithoutRetainedSizesObjectsAndBytesAreTheSame) {
  const std::string dump = write("heap.bin", SmallHeap().encode());
  const json all = json::parse(run({"histogram", "--json", dump}).out);
  const json counted = json::parse(run({"histogram", "--no-retained", "--json", dump}).out);
  ASSERT_EQ(counted["rows"].size(), all["rows"].size());
  for (std::size_t i = 0; i < all["rows"].size(); ++i) {
    for (const char* same : {"type", "objects", "shallowBytes", "medianAge"}) EXPECT_EQ(counted["rows"][i][same], all["rows"][i][same]);
    for (const char* gone : {"retainedBytes", "retainedCertainty", "unreachableObjects"}) {
      EXPECT_TRUE(all["rows"][i].contains(gone));
      EXPECT_FALSE(counted["rows"][i].contains(gone));
    }
  }
  EXPECT_EQ(run({"histogram", "--no-retained", dump}).out.find("retained"), std::string::npos);
  EXPECT_EQ(run({"histogram", "--no-retained", "--sort", "retained", dump}).exitCode, 2);
  EXPECT_EQ(run({"histogram", "--no-retained", "--retained-by", "0x1000", dump}).exitCode, 2);
}

TEST_F(HeapAnalyzer, OneOfSeveralDumpsInAJavaFileIsReadAndNamed) {
  test::HprofWriter w;
  w.utf8(1, "app/Node");
  w.loadClass(1, 0x1000, 1);
  for (std::uint64_t objects = 1; objects <= 3; ++objects) {
    w.beginSegment();
    w.classDump({.id = 0x1000});
    for (std::uint64_t i = 0; i < objects; ++i) w.instance(0x2000 + 16 * i, 0x1000, {});
    w.endSegment();
    w.end();
  }
  const std::string file = write("three.hprof", w.bytes());
  const auto nodes = [](const Outcome& o) {
    const json parsed = json::parse(o.out);
    for (const json& row : parsed["rows"])
      if (row["type"] == "app.Node") return row["objects"].get<int>();
    return 0;
  };
  for (int number = 1; number <= 3; ++number) {
    const Outcome one = run({"histogram", "--json", "--dump", std::to_string(number), file});
    EXPECT_EQ(nodes(one), number);
    EXPECT_EQ(json::parse(one.out)["dump"]["dumpNumber"], number);
    EXPECT_EQ(json::parse(one.out)["dump"]["dumpsInFile"], 3);
  }
  EXPECT_EQ(nodes(run({"histogram", "--json", file})), 3) << "the last one";
  EXPECT_NE(run({"histogram", "--dump", "2", file}).out.find("dump 2 of the 3 in the file"), std::string::npos);
  EXPECT_NE(run({"--dump", "2", file}).out.find("number 2 of 3 in the file"), std::string::npos);
  const Outcome none = run({"histogram", "--dump", "4", file});
  EXPECT_EQ(none.exitCode, 2);
  EXPECT_NE(none.err.find("the file holds 3 dumps, and number 4 was asked for"), std::string::npos) << none.err;
  const Outcome other = run({"histogram", "--dump", "1", write("heap.bin", SmallHeap().encode())});
  EXPECT_EQ(other.exitCode, 2);
  EXPECT_NE(other.err.find("only Java files may hold several"), std::string::npos) << other.err;
}

TEST_F(HeapAnalyzer, InterruptEndsWith130) {
  // The dump is a FIFO's length of work: big enough that the load still runs when the signal comes at once.
  const std::string dump =
      write("heap.bin", test::encodeDump(test::randomModel(9, 200'000), {.metadata = false}));
  const std::string out = folder_ + "/out", err = folder_ + "/err";
  files_.push_back(out);
  files_.push_back(err);
  const pid_t pid = start({"validate", dump}, out, err);
  // Wait until the program blocks the signal itself, which it does first of all.
  for (std::string line;
       line.find("SigBlk") == std::string::npos || std::stoull(line.substr(8), nullptr, 16) == 0;) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    ASSERT_TRUE(status);
    while (std::getline(status, line))
      if (line.starts_with("SigBlk")) break;
    sched_yield();
  }
  kill(pid, SIGINT);
  EXPECT_EQ(exitCodeOf(pid), 130);
  EXPECT_EQ(slurp(out), "");
}

}  // namespace
}  // namespace openclaw
