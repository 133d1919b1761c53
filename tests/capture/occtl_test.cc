// occtl from outside, against programs with a made-up heap: what it prints, what it writes, what it leaves behind when
// something goes wrong, and its exit codes.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "fake_heap.h"
#include "format/counters.h"
#include "format/settings.h"

extern char** environ;

namespace openclaw::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Json = nlohmann::json;

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// A running program with pipes to its standard input and output. Ended and reaped by the destructor.
class Program {
 public:
  Program(std::vector<std::string> arguments, const std::string& errors) {
    int in[2], out[2];
    EXPECT_EQ(::pipe2(in, O_CLOEXEC), 0);
    EXPECT_EQ(::pipe2(out, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    ::posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    ::posix_spawn_file_actions_addopen(&actions, 2, errors.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    std::vector<char*> values;
    for (std::string& argument : arguments) values.push_back(argument.data());
    values.push_back(nullptr);
    EXPECT_EQ(::posix_spawnp(&pid, values[0], &actions, nullptr, values.data(), environ), 0) << arguments[0];
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(in[0]);
    ::close(out[1]);
    input = in[1];
    output = out[0];
  }
  Program(const Program&) = delete;
  ~Program() {
    if (!reaped) {
      ::kill(pid, SIGKILL);
      wait();
    }
    closeInput();
    ::close(output);
  }
  void closeInput() {
    if (input >= 0) ::close(input);
    input = -1;
  }
  std::string readLine() {
    std::string line;
    for (char c = 0; ::read(output, &c, 1) == 1 && c != '\n';) line += c;
    return line;
  }
  std::string readAll() {
    std::string text;
    char buffer[4096];
    for (ssize_t got; (got = ::read(output, buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<std::size_t>(got));
    return text;
  }
  int wait() {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    reaped = true;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  pid_t pid = -1;
  int input = -1, output = -1;
  bool reaped = false;
};

struct Outcome {
  int exit = -1;
  std::string out, error;
  Json json() const { return Json::parse(out); }
};

class OcctlTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // Other tests may run beside this one: no socket of theirs must be found.
    ASSERT_EQ(::setenv("OPENCLAW_SOCKET_DIR", sockets().c_str(), 1), 0);
    ASSERT_EQ(::mkdir(sockets().c_str(), 0700), 0);
    ASSERT_EQ(::mkdir(outputs().c_str(), 0700), 0);
  }
  std::string sockets() const { return folder_.file("openclaw"); }
  std::string outputs() const { return folder_.file("out"); }
  std::string output() const { return outputs() + "/heap.bin"; }
  std::vector<std::string> left() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(outputs())) names.push_back(entry.path().filename());
    return names;
  }

  std::unique_ptr<Program> host(std::size_t objects, const std::string& mode = "") {
    std::vector<std::string> arguments{FAKE_HOST, sockets(), std::to_string(objects)};
    if (!mode.empty()) arguments.push_back(mode);
    auto program = std::make_unique<Program>(arguments, folder_.file("host.err"));
    EXPECT_EQ(program->readLine(), std::to_string(program->pid));
    return program;
  }
  Outcome run(std::vector<std::string> arguments) {
    Program program(std::move(arguments), folder_.file("err"));
    program.closeInput();
    Outcome outcome;
    outcome.out = program.readAll();
    outcome.exit = program.wait();
    outcome.error = slurp(folder_.file("err"));
    return outcome;
  }
  Outcome occtl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), OCCTL);
    return run(std::move(arguments));
  }
  static std::vector<int> childrenOf(pid_t pid) {
    std::vector<int> pids;
    for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
      std::ifstream in(task.path() / "children");
      for (int child = 0; in >> child;) pids.push_back(child);
    }
    return pids;
  }

  TemporaryFolder folder_;
};

TEST_F(OcctlTest, EveryCommandExplainsItselfWithAnExample) {
  const std::vector<std::vector<std::string>> commands = {
      {}, {"ps"}, {"memory"}, {"memory", "show"}, {"memory", "set"}, {"memory", "dump"}, {"gc"}, {"gc", "show"}, {"gc", "set"},
      {"gc", "run"}, {"gc", "log"}, {"config"}, {"config", "export"}, {"symbolize"}};
  for (std::vector<std::string> command : commands) {
    command.push_back("--help");
    const Outcome help = occtl(command);
    EXPECT_EQ(help.exit, 0);
    EXPECT_THAT(help.out, HasSubstr("Example"));
    EXPECT_THAT(help.out, HasSubstr("  occtl "));
  }
  const Outcome version = occtl({"--version"});
  EXPECT_EQ(version.exit, 0);
  EXPECT_THAT(version.out, HasSubstr("commit "));
  EXPECT_THAT(version.out, HasSubstr("heap.bin format 1"));
  EXPECT_EQ(occtl({"memroy"}).exit, 2);
  EXPECT_EQ(occtl({"memory", "dump", "--method", "magic"}).exit, 2);
}

TEST_F(OcctlTest, ShowPrintsEveryCounterAndSetting) {
  const auto program = host(1000);
  const Outcome memory = occtl({"memory", "show"});
  ASSERT_EQ(memory.exit, 0) << memory.error;
  EXPECT_THAT(memory.out, HasSubstr("= committed"));
  EXPECT_THAT(memory.out, HasSubstr("1,000 objects"));
  EXPECT_THAT(memory.out, Not(HasSubstr("\033")));  // no terminal, no colour
  const Json json = occtl({"memory", "show", "--json"}).json();
  EXPECT_TRUE(json["sumMatches"].get<bool>());
  EXPECT_EQ(json["sumBytes"], json["counters"]["committed_bytes"]);
  EXPECT_EQ(json["pid"], program->pid);
  EXPECT_EQ(json["arenas"][0]["name"], "main");
  EXPECT_EQ(json["stopNanoseconds"], 123'000);
  for (const CounterInfo& counter : allCounters()) {
    ASSERT_TRUE(json["counters"].contains(std::string(counter.name))) << counter.name;
    if (counter.name == "object_count" || counter.name == "floating_count" || counter.name == "committed_bytes") continue;
    // Every value of the fake host is another one: its text must stand somewhere in the table.
    const auto value = json["counters"][std::string(counter.name)].get<std::uint64_t>();
    const bool plain = counter.unit == "count" || counter.unit == "objects";
    const std::string text = plain                             ? withSeparators(value)
                             : counter.unit == "bytes"       ? toText(Bytes(value))
                             : counter.unit == "nanoseconds" ? toText(std::chrono::nanoseconds(value))
                                                             : " %";
    EXPECT_THAT(memory.out, HasSubstr(text)) << counter.name;
  }
  const Outcome gc = occtl({"gc", "show"});
  for (const SettingInfo& setting : allSettings())
    EXPECT_THAT(setting.group == "gc" ? gc.out : memory.out, HasSubstr(std::string(setting.name)));
  EXPECT_THAT(gc.out, HasSubstr("no effect yet"));
}

TEST_F(OcctlTest, SettingsChangeTogetherOrAreRefusedWithTheirRange) {
  const auto program = host(10);
  const Outcome set = occtl({"memory", "set", "arena-size=128MiB", "tlab-size=4k"});
  ASSERT_EQ(set.exit, 0) << set.error;
  EXPECT_THAT(set.out, HasSubstr("arena-size: 64MiB -> 128MiB"));
  EXPECT_THAT(set.out, HasSubstr("tlab-size: 64KiB -> 4KiB"));
  EXPECT_THAT(occtl({"gc", "set", "pause-target=50ms"}).out, HasSubstr("no effect yet"));

  const Outcome refused = occtl({"memory", "set", "arena-size=256MiB", "tlab-size=1GiB"});
  EXPECT_EQ(refused.exit, 2);
  EXPECT_THAT(refused.error, HasSubstr("1KiB to 64KiB"));
  const Json exported = occtl({"config", "export", "--json"}).json();
  for (const auto& row : exported["settings"])
    if (row["name"] == "arena-size") {
      EXPECT_EQ(row["value"], "128MiB");
    }
  EXPECT_EQ(occtl({"memory", "set", "nonsense=1"}).exit, 2);
  EXPECT_EQ(occtl({"memory", "set", "arena-size"}).exit, 2);
  const Outcome other = occtl({"memory", "set", "growth=150%"});
  EXPECT_EQ(other.exit, 2);
  EXPECT_THAT(other.error, HasSubstr("occtl gc set growth=150%"));
  const Json json = occtl({"--json", "gc", "set", "growth=150%"}).json();
  EXPECT_EQ(json["changed"][0]["before"], "100%");
  EXPECT_EQ(json["changed"][0]["after"], "150%");
}

TEST_F(OcctlTest, CollectionsRunAndAreLogged) {
  const auto program = host(500);
  EXPECT_THAT(occtl({"gc", "log"}).out, HasSubstr("no pauses yet"));
  const Outcome run = occtl({"gc", "run", "--cause", "a test"});
  ASSERT_EQ(run.exit, 0) << run.error;
  EXPECT_THAT(run.out, HasSubstr("stop 1.00 ms, mark 2.00 ms"));
  EXPECT_EQ(occtl({"gc", "run", "--json"}).json()["pause"]["durationNanoseconds"], 3'000'000);
  const Outcome log = occtl({"gc", "log"});
  EXPECT_THAT(log.out, HasSubstr("a test"));
  EXPECT_EQ(occtl({"gc", "log", "-n", "1", "--json"}).json()["pauses"].size(), 1u);
  EXPECT_EQ(occtl({"gc", "log", "--json"}).json()["total"], 2);
}

TEST_F(OcctlTest, ConfigExportIsAFileWithEverySetting) {
  const auto program = host(10);
  const Outcome exported = occtl({"config", "export"});
  ASSERT_EQ(exported.exit, 0);
  EXPECT_THAT(exported.out, HasSubstr("[memory]\n"));
  EXPECT_THAT(exported.out, HasSubstr("[gc]\n"));
  EXPECT_THAT(exported.out, HasSubstr("arena-size = \"64MiB\"\n"));
  EXPECT_THAT(exported.out, HasSubstr("mark-threads = 1\n"));
  EXPECT_THAT(exported.out, HasSubstr("background-sweep = true\n"));
  for (const SettingInfo& setting : allSettings()) EXPECT_THAT(exported.out, HasSubstr("\n" + std::string(setting.name) + " = "));
}

TEST_F(OcctlTest, ADumpIsCompleteSymbolizedAndIndexed) {
  const auto program = host(20'000);
  const Outcome dump = occtl({"memory", "dump", "--output", output(), "--collect"});
  ASSERT_EQ(dump.exit, 0) << dump.error;
  EXPECT_THAT(dump.out, HasSubstr("20,000 objects"));
  EXPECT_THAT(dump.out, HasSubstr("stood still for"));
  EXPECT_THAT(dump.out, HasSubstr("symbols: "));
  const ReadBack read = readBack(output());
  EXPECT_EQ(difference(FakeHeap::random(99, 20'000), read), "");
  EXPECT_TRUE(read.complete);
  EXPECT_TRUE(read.indexUsed);
  EXPECT_GT(read.symbols, 0u);
  EXPECT_EQ(read.requested, "control socket, uid " + std::to_string(::getuid()));
  EXPECT_EQ(left(), std::vector<std::string>{"heap.bin"});
  struct stat info{};
  ASSERT_EQ(::stat(output().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(occtl({"gc", "log", "--json"}).json()["pauses"][0]["cause"], "dump");
}

TEST_F(OcctlTest, AnExistingFileIsKeptUnlessForced) {
  const auto program = host(100);
  std::ofstream(output()) << "precious";
  const Outcome refused = occtl({"memory", "dump", "-o", output()});
  EXPECT_EQ(refused.exit, 2);
  EXPECT_THAT(refused.error, HasSubstr("--force"));
  EXPECT_EQ(slurp(output()), "precious");
  EXPECT_EQ(left().size(), 1u);
  EXPECT_EQ(occtl({"memory", "dump", "-o", output(), "--force"}).exit, 0);
  EXPECT_TRUE(readBack(output()).complete);
}

TEST_F(OcctlTest, SymbolsCanBeAppendedLater) {
  const auto program = host(100);
  const Outcome dump = occtl({"--json", "memory", "dump", "-o", output(), "--no-symbols", "--method", "stop-the-world"});
  ASSERT_EQ(dump.exit, 0) << dump.error;
  EXPECT_TRUE(dump.json()["symbols"].is_null());
  EXPECT_EQ(dump.json()["consistency"], "stop-the-world");
  ReadBack read = readBack(output());
  EXPECT_EQ(read.symbols, 0u);
  EXPECT_TRUE(read.indexUsed);
  EXPECT_EQ(read.process.consistency, Consistency::kStopTheWorld);
  const Outcome named = occtl({"symbolize", output(), "--json"});
  ASSERT_EQ(named.exit, 0) << named.error;
  EXPECT_GE(named.json()["symbols"]["withLine"], 1);
  read = readBack(output());
  EXPECT_EQ(read.symbols, named.json()["symbols"]["addresses"].get<std::size_t>());
  EXPECT_TRUE(read.complete);
  const Outcome again = occtl({"symbolize", output()});
  EXPECT_EQ(again.exit, 0);
  EXPECT_THAT(again.out, HasSubstr("symbols already"));
  std::ofstream(outputs() + "/garbage") << "this is no dump";
  EXPECT_EQ(occtl({"symbolize", outputs() + "/garbage"}).exit, 3);
  EXPECT_EQ(occtl({"symbolize", outputs() + "/missing"}).exit, 2);
}

TEST_F(OcctlTest, TheJsonOfADumpHasItsDocumentedShape) {
  const auto program = host(1000);
  const Outcome dump = occtl({"--json", "memory", "dump", "-o", output(), "--progress"});
  ASSERT_EQ(dump.exit, 0) << dump.error;
  std::istringstream lines(dump.out);
  std::string line, last;
  std::size_t progress = 0;
  while (std::getline(lines, line)) {
    if (Json::parse(line).contains("progress")) ++progress;
    last = line;
  }
  EXPECT_GE(progress, 1u);
  const Json json = Json::parse(last);
  for (const char* key : {"pid", "executable", "file", "bytes", "consistency", "objects", "references", "roots", "regions", "frames",
                          "stopNanoseconds", "walkNanoseconds", "totalNanoseconds", "note", "losses", "symbols", "symbolProblem"})
    EXPECT_TRUE(json.contains(key)) << key;
  EXPECT_EQ(json["objects"], 1000);
  EXPECT_EQ(json["consistency"], "clone");
  EXPECT_EQ(json["bytes"], std::filesystem::file_size(output()));
  EXPECT_EQ(json["losses"]["dangling references"], 0);
}

// Starts a dump that stops in its middle, and waits until it has begun.
std::unique_ptr<Program> stalledDump(const std::string& output, const std::string& errors) {
  auto dump = std::make_unique<Program>(std::vector<std::string>{OCCTL, "--json", "memory", "dump", "-o", output, "--progress"}, errors);
  EXPECT_THAT(dump->readLine(), HasSubstr("progress"));
  return dump;
}

TEST_F(OcctlTest, CtrlCLeavesNothingBehindHereAndThere) {
  const auto program = host(200'000, "stall");
  const auto dump = stalledDump(output(), folder_.file("err"));
  ASSERT_EQ(left().size(), 1u);  // the temporary file
  ::kill(dump->pid, SIGINT);
  EXPECT_EQ(dump->wait(), 130);
  EXPECT_THAT(left(), IsEmpty());
  EXPECT_THAT(slurp(folder_.file("err")), HasSubstr("cancelled"));
  EXPECT_EQ(occtl({"memory", "show"}).exit, 0);  // answered after the dump has ended there
  EXPECT_THAT(childrenOf(program->pid), IsEmpty());
}

TEST_F(OcctlTest, AKilledChildIsReportedAndLeavesNothing) {
  const auto program = host(200'000, "stall");
  const auto dump = stalledDump(output(), folder_.file("err"));
  std::vector<int> children;
  while (children.empty()) children = childrenOf(program->pid);
  ::kill(children[0], SIGKILL);
  EXPECT_EQ(dump->wait(), 5);
  EXPECT_THAT(slurp(folder_.file("err")), HasSubstr("was killed"));
  EXPECT_THAT(left(), IsEmpty());
  EXPECT_EQ(occtl({"ps"}).exit, 0);
}

TEST_F(OcctlTest, AProcessThatDiesDuringADumpIsReportedAndLeavesNothing) {
  auto program = host(200'000, "stall");
  const auto dump = stalledDump(output(), folder_.file("err"));
  std::vector<int> children;
  while (children.empty()) children = childrenOf(program->pid);
  ::kill(program->pid, SIGKILL);
  EXPECT_EQ(dump->wait(), 4);
  EXPECT_THAT(slurp(folder_.file("err")), HasSubstr("went away without an answer"));
  EXPECT_THAT(left(), IsEmpty());
  program->wait();
  // The child dies with its parent, a moment later; one that had only just begun still has the socket until then.
  for (int tries = 0; tries < 200 && ::kill(children[0], 0) == 0; ++tries) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  const Outcome dead = occtl({"memory", "show"});
  EXPECT_EQ(dead.exit, 4);
  EXPECT_THAT(dead.error, HasSubstr("is dead: process " + std::to_string(program->pid) + " is gone"));
  const Outcome named = occtl({"--pid", std::to_string(program->pid), "memory", "show"});
  EXPECT_EQ(named.exit, 4);
  EXPECT_THAT(named.error, HasSubstr("is dead"));
  EXPECT_EQ(occtl({"--json", "gc", "run"}).json()["error"]["exitCode"], 4);
}

TEST_F(OcctlTest, AKilledOcctlTakesItsDumpWithIt) {
  const auto program = host(200'000, "stall");
  {
    const auto dump = stalledDump(output(), folder_.file("err"));
    ::kill(dump->pid, SIGKILL);
    dump->wait();
  }
  EXPECT_FALSE(std::filesystem::exists(output()));  // at most the temporary file is left
  while (occtl({"memory", "show"}).exit == 5) {}    // busy until the process has noticed
  EXPECT_THAT(childrenOf(program->pid), IsEmpty());
}

TEST_F(OcctlTest, AFullDiskIsReportedAndLeavesNothing) {
  const auto program = host(200'000);
  const std::string script = "mount -t tmpfs -o size=1m none '" + outputs() + "' || exit 77; '" OCCTL "' memory dump -o '" + output() +
                             "'; code=$?; ls -A '" + outputs() + "'; exit $code";
  const Outcome full = run({"unshare", "-Urm", "sh", "-c", script});
  if (full.exit == 77 || (full.exit == 1 && full.error.find("unshare") != std::string::npos))
    GTEST_SKIP() << "no user namespaces here: " << full.error;
  EXPECT_EQ(full.exit, 5) << full.error;
  EXPECT_THAT(full.error, HasSubstr("No space left on device"));
  EXPECT_EQ(full.out, "");
  EXPECT_EQ(occtl({"memory", "dump", "-o", output()}).exit, 0);  // the process is as it was
}

TEST_F(OcctlTest, AForeignUserHearsWhoseProcessItIs) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
  const auto program = host(10);
  std::filesystem::copy_file(OCCTL, folder_.file("occtl"));  // the build folder may be closed to others
  ASSERT_EQ(::chmod(folder_.path().c_str(), 0755), 0);
  const auto asNobody = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", folder_.file("occtl")});
    return run(std::move(arguments));
  };
  const Outcome refused = asNobody({"--pid", std::to_string(program->pid), "memory", "show"});
  EXPECT_EQ(refused.exit, 4);
  EXPECT_THAT(refused.error, HasSubstr("process " + std::to_string(program->pid) + " belongs to root (uid 0), you are nobody (uid 65534)"));
  // Also when they can see the folder, and when they reach the socket.
  ASSERT_EQ(::chmod(sockets().c_str(), 0755), 0);
  EXPECT_THAT(asNobody({"--pid", std::to_string(program->pid), "memory", "show"}).error, HasSubstr("belongs to root"));
  ASSERT_EQ(::chmod((sockets() + "/" + std::to_string(program->pid) + ".sock").c_str(), 0666), 0);
  const Outcome reached = asNobody({"--pid", std::to_string(program->pid), "memory", "dump", "-o", "/tmp/never-written.bin"});
  EXPECT_EQ(reached.exit, 4);
  EXPECT_THAT(reached.error, HasSubstr("belongs to root"));
  EXPECT_FALSE(std::filesystem::exists("/tmp/never-written.bin"));
}

TEST_F(OcctlTest, SeveralProcessesAreListedAndOneIsChosenByPid) {
  EXPECT_THAT(occtl({"ps"}).out, HasSubstr("no process answers"));
  const Outcome none = occtl({"memory", "show"});
  EXPECT_EQ(none.exit, 4);
  EXPECT_THAT(none.error, HasSubstr("no process answers"));
  const auto first = host(10), second = host(20);
  const Outcome which = occtl({"memory", "show"});
  EXPECT_EQ(which.exit, 4);
  EXPECT_THAT(which.error, HasSubstr("2 processes answer"));
  EXPECT_THAT(which.error, HasSubstr("--pid " + std::to_string(second->pid)));
  EXPECT_EQ(occtl({"memory", "show", "--pid", std::to_string(second->pid), "--json"}).json()["counters"]["object_count"], 20);
  EXPECT_EQ(occtl({"ps", "--json"}).json()["processes"].size(), 2u);
  EXPECT_THAT(occtl({"ps"}).out, HasSubstr(std::to_string(first->pid)));
}

}  // namespace
}  // namespace openclaw::test
