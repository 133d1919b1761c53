// heap-analyzer with a scope, as a user runs it: what is shown, what the header and the JSON say, what is refused.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "analyzer/report/numbers.h"
#include "analyzer/snapshot.h"
#include "tests/analyzer/block_heap.h"
#include "tests/analyzer/small_heap.h"

extern char** environ;

namespace openclaw {
namespace {

using nlohmann::json;
using test::BlockHeap;
using test::SmallHeap;

struct Outcome {
  int exitCode = -1;
  std::string out, err;
};

class ScopeCommands : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "scope-commands-XXXXXX";
    ASSERT_TRUE(mkdtemp(pattern.data()));
    folder_ = pattern;
    heap_ = write("heap.bin", BlockHeap(5, 12).encode());
    small_ = write("small.bin", SmallHeap().encode());
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

  std::string folder_, heap_, small_;
};

TEST_F(ScopeCommands, EachSaysItsScopeAndShareInTextAndJson) {
  const json whole = json::parse(run({"histogram", "--json", heap_}).out);
  ASSERT_FALSE(whole.contains("scope"));
  std::uint64_t objects = 0, bytes = 0;
  for (const json& row : whole["rows"])
    if (row["type"] == "Gamma") objects = row["objects"], bytes = row["shallowBytes"];
  ASSERT_GT(objects, 0u);
  for (const char* command : {"histogram", "dominators", "paths", "sites", "fragmentation", "generations"}) {
    SCOPED_TRACE(command);
    const Outcome text = run({command, "--type", "Gamma", heap_});
    EXPECT_EQ(text.exitCode, 0) << text.err;
    EXPECT_TRUE(text.out.starts_with("scope: type Gamma\n  " + counted(objects, "object", "objects") + " (")) << text.out.substr(0, 300);
    EXPECT_NE(text.out.find(toText(Bytes(bytes))), std::string::npos);
    const Outcome structured = run({command, "--json", "--type", "Gamma", heap_});
    EXPECT_EQ(structured.exitCode, 0) << structured.err;
    const json scope = json::parse(structured.out)["scope"];
    EXPECT_EQ(scope["objects"], objects);
    EXPECT_EQ(scope["bytes"], bytes);
    EXPECT_EQ(scope["parts"][0]["kind"], "type");
    EXPECT_EQ(scope["parts"][0]["type"], "Gamma");
    EXPECT_EQ(scope["retainedCertainty"], "exact");
    EXPECT_GE(scope["retainedBytes"].get<std::uint64_t>(), scope["reachableBytes"].get<std::uint64_t>());
  }
  // A flame graph has no place for it: it stands on standard error, and in the picture's title.
  const Outcome folded = run({"flamegraph", "--type", "Gamma", heap_});
  EXPECT_EQ(folded.exitCode, 0);
  EXPECT_TRUE(folded.err.starts_with("scope: type Gamma\n")) << folded.err;
  std::uint64_t sum = 0;
  std::istringstream lines(folded.out);
  for (std::string line; std::getline(lines, line);) sum += std::stoull(line.substr(line.rfind(' ')));
  EXPECT_EQ(sum, bytes);
  EXPECT_NE(run({"flamegraph", "--format", "svg", "--type", "Gamma", heap_}).out.find("live bytes of type Gamma"), std::string::npos);
  EXPECT_NE(run({"flamegraph", "--format", "html", "--type", "Gamma", heap_}).out.find("Of type Gamma."), std::string::npos);
}

TEST_F(ScopeCommands, PartsOfOneKindAreAlternativesAndKindsAreConditions) {
  const auto objects = [&](std::vector<std::string> words) -> std::uint64_t {
    words.insert(words.begin(), {"histogram", "--json"});
    words.push_back(heap_);
    const Outcome outcome = run(words);
    EXPECT_EQ(outcome.exitCode, 0) << outcome.err;
    return json::parse(outcome.out)["scope"]["objects"];
  };
  const std::uint64_t alpha = objects({"--type", "Alpha"}), beta = objects({"--type", "Beta<int>"});
  EXPECT_EQ(objects({"--type", "Alpha", "--type", "Beta<int>"}), alpha + beta);
  std::uint64_t byAge = 0;
  for (int age = 0; age <= 7; ++age) byAge += objects({"--type", "Alpha", "--age", std::to_string(age)});
  EXPECT_EQ(byAge, alpha);
  EXPECT_EQ(objects({"--type", "Alpha", "--age", "0-3"}) + objects({"--type", "Alpha", "--age", "4+"}), alpha);
  EXPECT_EQ(objects({"--type", "Alpha", "--arena", "main"}), alpha);
  std::uint64_t bySite = 0;
  for (const char* site : {"unknown", "a.cc:11", "makeBeta", "src/c.cc:33", "d.cc"}) bySite += objects({"--type", "Alpha", "--site", site});
  EXPECT_EQ(bySite, alpha);
}

TEST_F(ScopeCommands, WhatAnObjectRetainsIsItsRetainedSize) {
  const auto snapshot = loadSnapshot(heap_, {}, {}, {});
  ASSERT_TRUE(snapshot.has_value());
  const Snapshot& s = **snapshot;
  for (const std::uint32_t top : s.dominatedBy(std::nullopt)) {
    const json report = json::parse(run({"dominators", "--json", "--retained-by", toText(s.address(ObjectIndex(top))), heap_}).out);
    EXPECT_EQ(report["scope"]["bytes"], s.retained(ObjectIndex(top)).value);
    EXPECT_EQ(report["scope"]["retainedBytes"], s.retained(ObjectIndex(top)).value);
    EXPECT_EQ(report["rows"][0]["index"], top);
    EXPECT_EQ(report["rows"][0]["share"], 1.0);
  }
}

TEST_F(ScopeCommands, ASiteKeepsWhatTheProcessCountedAndATypeDoesNot) {
  const json site = json::parse(run({"sites", "--json", "--site", "b.cc:22", heap_}).out);
  ASSERT_EQ(site["rows"].size(), 1u);
  EXPECT_EQ(site["rows"][0]["churn"]["allocatedBytes"], 1'000'000'000);
  EXPECT_EQ(site["scope"]["churnKnown"], true);
  const json type = json::parse(run({"sites", "--json", "--type", "Alpha", heap_}).out);
  EXPECT_EQ(type["scope"]["churnKnown"], false);
  for (const json& row : type["rows"]) {
    EXPECT_EQ(row["churn"]["allocatedCertainty"], "lowerBound");
    EXPECT_EQ(row["churn"]["freedBytes"], 0);
    EXPECT_TRUE(row["survival"].is_null());
  }
  const Outcome refused = run({"flamegraph", "--weight", "freed", "--type", "Alpha", heap_});
  EXPECT_EQ(refused.exitCode, 2);
  EXPECT_NE(refused.err.find("--weight freed"), std::string::npos) << refused.err;
  EXPECT_EQ(run({"flamegraph", "--weight", "freed", "--site", "b.cc:22", heap_}).exitCode, 0);
}

TEST_F(ScopeCommands, TheMapOfAScopeIsOfItsObjectsAndTheHolesAreOfAll) {
  const json whole = json::parse(run({"fragmentation", "--json", heap_}).out), part = json::parse(run({"fragmentation", "--json", "--age", "7", heap_}).out);
  for (const char* same : {"total", "arenas", "holes", "pins", "defragmentation"}) EXPECT_EQ(whole[same], part[same]) << same;
  std::uint64_t bytes = 0, objects = 0;
  for (const json& region : part["regions"]) bytes += region["scopeBytes"].get<std::uint64_t>(), objects += region["scopeObjects"].get<std::uint64_t>();
  EXPECT_EQ(bytes, part["scope"]["bytes"]);
  EXPECT_EQ(objects, part["scope"]["objects"]);
  const std::string text = run({"fragmentation", "--age", "7", heap_}).out, all = run({"fragmentation", heap_}).out;
  EXPECT_NE(text.find("Only the map is of the scope"), std::string::npos);
  EXPECT_NE(text.substr(text.find("\nMap:")), all.substr(all.find("\nMap:")));
}

TEST_F(ScopeCommands, ThatAreOfTheWholeProcessRefuseAndSayWhy) {
  for (const char* command : {"summary", "leaks", "validate", "pauses", "ledger"}) {
    const Outcome refused = run({command, "--type", "Alpha", heap_});
    EXPECT_EQ(refused.exitCode, 2) << command;
    EXPECT_NE(refused.err.find(std::string(command) + " takes no scope: "), std::string::npos) << refused.err;
    EXPECT_EQ(refused.out, "");
    // Nor do they offer it.
    EXPECT_EQ(run({command, "--help"}).out.find("--retained-by"), std::string::npos) << command;
  }
  EXPECT_EQ(run({"inspect", "0x7f31c2000008", "--age", "3", small_}).exitCode, 2);
  EXPECT_EQ(run({"fragmentation", "--block", "0x7f31c2000000", "--age", "3", heap_}).exitCode, 2);
  for (const char* command : {"histogram", "sites", "paths"}) EXPECT_NE(run({command, "--help"}).out.find("--retained-by"), std::string::npos) << command;
}

TEST_F(ScopeCommands, WordsThatMeanNothingAreRefusedWithWhatIsNear) {
  const Outcome type = run({"histogram", "--type", "gama", heap_});
  EXPECT_EQ(type.exitCode, 2);
  EXPECT_NE(type.err.find("no type \"gama\"; near: Gamma"), std::string::npos) << type.err;
  for (const std::vector<std::string>& words : {std::vector<std::string>{"--site", "nowhere.cc:1"}, {"--arena", "nowhere"}, {"--age", "9"}, {"--retained-by", "0x1"}}) {
    const Outcome refused = run({"sites", words[0], words[1], heap_});
    EXPECT_EQ(refused.exitCode, 2) << words[0];
    EXPECT_NE(refused.err.find(words[1]), std::string::npos) << refused.err;
  }
}

TEST_F(ScopeCommands, AnEmptySelectionIsAnAnswer) {
  // Ages of the small heap leave some out.
  const Outcome none = run({"histogram", "--type", "Server", "--age", "0", "--retained-by", "0x7f31c2000048", small_});
  EXPECT_EQ(none.exitCode, 0) << none.err;
  EXPECT_NE(none.out.find("no object of the dump lies in it"), std::string::npos) << none.out;
  for (const char* command : {"dominators", "paths", "sites", "fragmentation", "generations", "flamegraph"})
    EXPECT_EQ(run({command, "--type", "Server", "--retained-by", "0x7f31c2000048", small_}).exitCode, 0) << command;
}

}  // namespace
}  // namespace openclaw
