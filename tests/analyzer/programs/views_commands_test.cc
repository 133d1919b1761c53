// The commands of heap-analyzer that show a view, as a user runs them: sites, flamegraph, fragmentation, generations,
// pauses, ledger.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "analyzer/snapshot.h"
#include "tests/analyzer/block_heap.h"
#include "tests/analyzer/small_heap.h"
#include "tests/support/dump_model.h"

extern char** environ;

namespace openclaw {
namespace {

using nlohmann::json;
using test::BlockHeap;
using test::SmallHeap;

constexpr const char* kCommands[] = {"sites", "flamegraph", "fragmentation", "generations", "pauses", "ledger"};

struct Outcome {
  int exitCode = -1;
  std::string out, err;
};

class ViewCommands : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "view-commands-XXXXXX";
    ASSERT_TRUE(mkdtemp(pattern.data()));
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& name, std::span<const std::byte> bytes) {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return path;
  }
  static std::string slurp(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  Outcome run(std::vector<std::string> arguments) {
    const std::string out = folder_ + "/out", err = folder_ + "/err";
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
    int status = 0;
    waitpid(pid, &status, 0);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status), slurp(out), slurp(err)};
  }

  std::string folder_;
};

TEST_F(ViewCommands, EachWritesTextAndJsonTheSameEveryTime) {
  const std::string dump = write("heap.bin", BlockHeap(3, 12).encode());
  for (const char* command : kCommands) {
    SCOPED_TRACE(command);
    const Outcome text = run({command, dump}), again = run({command, "--threads", "3", dump});
    EXPECT_EQ(text.exitCode, 0) << text.err;
    EXPECT_EQ(text.out, again.out);
    EXPECT_FALSE(text.out.empty());
    const Outcome structured = run({command, "--json", dump});
    EXPECT_EQ(structured.exitCode, 0) << structured.err;
    const json parsed = json::parse(structured.out);
    EXPECT_EQ(parsed["report"], command);
    EXPECT_EQ(parsed["version"], 1);
    EXPECT_TRUE(parsed["dump"]["complete"].is_boolean());
  }
}

TEST_F(ViewCommands, ExportSaysOfEveryObjectWhatTheSnapshotSays) {
  const std::vector<std::byte> bytes = BlockHeap(3, 12).encode();
  const std::string dump = write("heap.bin", bytes), table = folder_ + "/objects.tsv";
  const Outcome outcome = run({"export", "--per-object", dump});
  ASSERT_EQ(outcome.exitCode, 0) << outcome.err;
  const auto loaded = loadSnapshot(std::span<const std::byte>(bytes), "heap.bin", {});
  ASSERT_TRUE(loaded);
  const Snapshot& s = **loaded;
  std::istringstream lines(outcome.out);
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "id\ttype\tshallow\tretained\tdominator\treachable");
  std::uint32_t count = 0;
  for (; std::getline(lines, line); ++count) {
    const ObjectIndex object(count);
    ASSERT_LT(count, s.objectCount());
    std::istringstream words(line);
    std::string id, type, dominator;
    std::uint64_t shallow = 0, retained = 0;
    int reachable = -1;
    std::getline(words, id, '\t');
    std::getline(words, type, '\t');
    words >> shallow >> retained >> dominator >> reachable;
    EXPECT_EQ(std::stoull(id, nullptr, 16), s.address(object).value);
    EXPECT_EQ(type, s.types()[s.type(object)].name);
    EXPECT_EQ(shallow, s.size(object).value);
    EXPECT_EQ(retained, s.retained(object).value);
    const auto parent = s.dominator(object);
    EXPECT_EQ(std::stoull(dominator, nullptr, 16), parent ? s.address(*parent).value : 0);
    EXPECT_EQ(reachable, s.reachable(object) ? 1 : 0);
  }
  EXPECT_EQ(count, s.objectCount());
  EXPECT_EQ(run({"export", "--per-object", "--output", table, dump}).exitCode, 0);
  EXPECT_EQ(slurp(table), outcome.out);
  EXPECT_EQ(run({"export", "--per-object", "--output", table, dump}).exitCode, 2);
  EXPECT_EQ(run({"export", "--per-object", "--force", "--output", table, dump}).exitCode, 0);
  EXPECT_EQ(run({"export", "--per-object", "--force", "--output", "/dev/full", dump}).exitCode, 5);
  EXPECT_EQ(run({"export", dump}).exitCode, 2);
  EXPECT_EQ(run({"export", "--per-object", "--json", dump}).exitCode, 2);
}

TEST_F(ViewCommands, APolicyOfAnotherKindOfDumpIsRefused) {
  const std::string dump = write("heap.bin", BlockHeap(3, 12).encode());
  EXPECT_EQ(run({"histogram", "--policy", "strict", dump}).exitCode, 0);
  const Outcome outcome = run({"histogram", "--policy", "v8-devtools", dump});
  EXPECT_EQ(outcome.exitCode, 2);
  EXPECT_NE(outcome.err.find("policy v8-devtools is not for a heap.bin"), std::string::npos) << outcome.err;
  EXPECT_EQ(run({"histogram", "--policy", "loose", dump}).exitCode, 2);
}

TEST_F(ViewCommands, WithNothingToSaySaySoAndExitZero) {
  const std::string dump = write("bare.bin", test::dumpOf("root->a; a->b", {.metadata = false}));
  for (const char* command : kCommands) {
    SCOPED_TRACE(command);
    const Outcome outcome = run({command, dump});
    EXPECT_EQ(outcome.exitCode, 0) << outcome.err;
    EXPECT_FALSE(outcome.out.empty() && outcome.err.empty());
    EXPECT_EQ(run({command, "--json", dump}).exitCode, 0);
  }
  EXPECT_NE(run({"fragmentation", dump}).out.find("Nothing to show"), std::string::npos);
  EXPECT_NE(run({"generations", dump}).out.find("Nothing to show"), std::string::npos);
  EXPECT_NE(run({"pauses", dump}).out.find("Nothing to show"), std::string::npos);
  EXPECT_NE(run({"sites", "--stacks", dump}).out.find("No stack is in this dump"), std::string::npos);
  EXPECT_NE(run({"ledger", dump}).out.find("not known"), std::string::npos);
  EXPECT_NE(run({"flamegraph", "--weight", "freed", dump}).err.find("nothing to draw"), std::string::npos);
}

TEST_F(ViewCommands, OfADamagedDumpReportWhatIsThereAndExitThree) {
  std::vector<std::byte> bytes = BlockHeap(3, 12).encode();
  bytes.resize(bytes.size() * 2 / 3);
  const std::string dump = write("cut.bin", bytes);
  for (const char* command : kCommands) {
    SCOPED_TRACE(command);
    const Outcome outcome = run({command, "--json", dump});
    EXPECT_EQ(outcome.exitCode, 3) << outcome.err;
    EXPECT_FALSE(json::parse(outcome.out)["dump"]["complete"]);
    EXPECT_EQ(run({command, dump}).exitCode, 3);
  }
}

TEST_F(ViewCommands, FragmentationJsonAddsUpAndNamesEveryLine) {
  const BlockHeap heap(5, 16);
  const json report = json::parse(run({"fragmentation", "--json", "--lines", write("heap.bin", heap.encode())}).out);
  ASSERT_EQ(report["regions"].size(), heap.regions.size());
  std::uint64_t bytes = heap.metadata;
  std::size_t blocks = 0;
  for (const json& region : report["regions"]) {
    bytes += region["bytes"].get<std::uint64_t>();
    if (region["kind"] != "block") continue;
    const BlockHeap::Block& block = heap.blocks[blocks++];
    if (region["objects"] == 0) continue;
    const std::string lines = region["lines"];
    ASSERT_EQ(lines.size(), 64u);
    ASSERT_EQ(region["lineBytes"].size(), 256u);
    for (std::size_t line = 0; line < 256; ++line) {
      std::uint64_t held = 0;
      for (std::size_t g = line * 16; g < line * 16 + 16; ++g) held += block.granules[g] >= 0 ? 16 : 0;
      EXPECT_EQ(region["lineBytes"][line], held);
      const unsigned digit = static_cast<unsigned>(std::stoul(lines.substr(line / 4, 1), nullptr, 16));
      EXPECT_EQ((digit >> (3 - line % 4) & 1) != 0, held != 0) << line;
    }
  }
  EXPECT_EQ(bytes, heap.committed);
  EXPECT_EQ(report["total"]["committedBytes"], heap.committed);
}

TEST_F(ViewCommands, OneBlockIsShownLineByLineWithItsObjects) {
  const std::string dump = write("heap.bin", SmallHeap().encode());
  const Outcome outcome = run({"fragmentation", "--block", "0x7f31c2000100", dump});
  EXPECT_EQ(outcome.exitCode, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("Block at 0x7f31c2000000, 64.0 KiB"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("Server  made at src/main.cc:12 main"), std::string::npos) << outcome.out;
  EXPECT_EQ(json::parse(run({"fragmentation", "--json", "--block", "0x7f31c2000100", dump}).out)["regions"].size(), 1u);
  const Outcome outside = run({"fragmentation", "--block", "0x1000", dump});
  EXPECT_EQ(outside.exitCode, 2);
  EXPECT_NE(outside.err.find("outside the heap"), std::string::npos) << outside.err;
  EXPECT_EQ(run({"fragmentation", "--block", "zebra", dump}).exitCode, 2);
  EXPECT_EQ(run({"fragmentation", "--mostly-empty", "200%", dump}).exitCode, 2);
}

TEST_F(ViewCommands, MapHasACharacterForEveryBlock) {
  const BlockHeap heap(5, 40);
  const Outcome outcome = run({"fragmentation", "--map", "all", write("heap.bin", heap.encode())});
  const std::size_t map = outcome.out.find("\nMap: a character is a block of 64 KiB\n");
  ASSERT_NE(map, std::string::npos) << outcome.out;
  std::istringstream lines(outcome.out.substr(map + 1));
  std::string line;
  std::getline(lines, line);
  std::getline(lines, line);  // the legend
  std::size_t cells = 0;
  while (std::getline(lines, line)) {
    line = line.substr(line.find("0x"));
    line = line.substr(line.find("  ") + 2);
    for (const char c : line) cells += (static_cast<unsigned char>(c) & 0xc0) != 0x80 && c != ' ';
  }
  const RegionRecord &first = heap.regions.front(), &last = heap.regions.back();
  EXPECT_EQ(cells, (last.base + last.bytes + 65535) / 65536 - first.base / 65536);
}

TEST_F(ViewCommands, FlamegraphWritesAFileOnceUnlessForced) {
  const std::string dump = write("heap.bin", SmallHeap().encode());
  const std::string html = folder_ + "/flame.html", svg = folder_ + "/flame.svg", folded = folder_ + "/flame.txt";
  EXPECT_EQ(run({"flamegraph", "--output", html, dump}).exitCode, 0);
  EXPECT_TRUE(slurp(html).starts_with("<!DOCTYPE html>"));
  EXPECT_EQ(run({"flamegraph", "--output", svg, dump}).exitCode, 0);
  EXPECT_TRUE(slurp(svg).starts_with("<?xml"));
  EXPECT_EQ(run({"flamegraph", "--output", folded, dump}).exitCode, 0);
  EXPECT_EQ(slurp(folded), run({"flamegraph", dump}).out);
  const Outcome again = run({"flamegraph", "--output", html, dump});
  EXPECT_EQ(again.exitCode, 2);
  EXPECT_NE(again.err.find("--force"), std::string::npos) << again.err;
  EXPECT_EQ(run({"flamegraph", "--force", "--output", html, dump}).exitCode, 0);
  EXPECT_EQ(run({"flamegraph", "--output", folder_ + "/no/such/folder.svg", dump}).exitCode, 5);
  EXPECT_EQ(run({"flamegraph", "--weight", "heavy", dump}).exitCode, 2);
  // A device is written to, not replaced; JSON goes to standard output and nowhere else.
  EXPECT_EQ(run({"flamegraph", "--force", "--output", "/dev/null", dump}).exitCode, 0);
  struct stat device {};
  ASSERT_EQ(::stat("/dev/null", &device), 0);
  EXPECT_TRUE(S_ISCHR(device.st_mode));
  EXPECT_EQ(run({"flamegraph", "--force", "--output", "/dev/full", dump}).exitCode, 5);
  EXPECT_EQ(run({"flamegraph", "--json", "--output", html, dump}).exitCode, 2);
}

// Python's own parser judges the picture, also with names that are markup.
TEST_F(ViewCommands, SvgIsXml) {
  const std::string dump = write("heap.bin", BlockHeap(9, 20).encode());
  for (const char* weight : {"live", "allocated", "freed", "retained"}) {
    const std::string svg = folder_ + "/" + weight + ".svg";
    ASSERT_EQ(run({"flamegraph", "--weight", weight, "--output", svg, dump}).exitCode, 0);
    const std::string parse = "python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' " + svg;
    EXPECT_EQ(std::system(parse.c_str()), 0) << weight;
  }
}

TEST_F(ViewCommands, SitesSortAsAsked) {
  const std::string dump = write("heap.bin", BlockHeap(11, 20).encode());
  for (const char* order : {"allocated", "freed"}) {
    for (const bool stacks : {false, true}) {
      std::vector<std::string> words{"sites", "--json", "--sort", order, "--top", "1000", dump};
      if (stacks) words.insert(words.begin() + 1, "--stacks");
      const json report = json::parse(run(words).out);
      std::uint64_t before = ~std::uint64_t{0};
      for (const json& row : report["rows"]) {
        const auto bytes = row["churn"][std::string(order) + "Bytes"].get<std::uint64_t>();
        EXPECT_LE(bytes, before) << order;
        before = bytes;
      }
      EXPECT_GT(report["rows"].size(), 1u);
    }
  }
  EXPECT_EQ(run({"sites", "--sort", "size", dump}).exitCode, 2);
}

TEST_F(ViewCommands, PausesBeginWithTheLongest) {
  const Outcome outcome = run({"pauses", write("heap.bin", SmallHeap().encode())});
  EXPECT_TRUE(outcome.out.starts_with("Longest pause: 12.0 ms, number 2, collect for occtl gc run")) << outcome.out;
  EXPECT_NE(outcome.out.find("Phase mark took 90.0 % of it"), std::string::npos) << outcome.out;
}

TEST_F(ViewCommands, HelpNamesEachWithAnExample) {
  const Outcome all = run({"--help"});
  for (const char* command : kCommands) {
    EXPECT_NE(all.out.find(command), std::string::npos) << command;
    const Outcome help = run({command, "--help"});
    EXPECT_EQ(help.exitCode, 0);
    EXPECT_NE(help.out.find(std::string("Example: heap-analyzer ") + command), std::string::npos) << help.out;
  }
}

}  // namespace
}  // namespace openclaw
