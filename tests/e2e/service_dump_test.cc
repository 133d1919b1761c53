// Dumps of the running service: taken by occtl while it serves, read by heap-analyzer and by the second reader.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <thread>

#include "tests/e2e/service_json.h"
#include "tests/e2e/service_process.h"

namespace openclaw::e2e {
namespace {

using Table = std::map<std::string, std::uint64_t>;

Finished load(const ServiceProcess& service, std::vector<std::string> more) {
  std::vector<std::string> command{OPENCLAW_LOAD, "--port", std::to_string(service.port()), "--json"};
  command.insert(command.end(), more.begin(), more.end());
  Finished finished = runProgram(command);
  EXPECT_EQ(finished.exitCode, 0) << finished.out << finished.errors << service.errors();
  return finished;
}

Finished occtl(const ServiceProcess& service, const std::vector<std::string>& words) {
  std::vector<std::string> command{OPENCLAW_OCCTL, "--pid", std::to_string(service.pid())};
  command.insert(command.end(), words.begin(), words.end());
  return service.run(command);
}

// Takes a dump with occtl and returns where it is.
std::string takeDump(const ServiceProcess& service, const std::string& name, const std::vector<std::string>& more = {}) {
  std::string path = service.folder() / name;
  std::vector<std::string> words{"memory", "dump", "--json", "--output", path};
  words.insert(words.end(), more.begin(), more.end());
  Finished finished = occtl(service, words);
  EXPECT_EQ(finished.exitCode, 0) << finished.out << finished.errors;
  EXPECT_EQ(at(finished.out, "/pid"), std::to_string(service.pid()));
  EXPECT_EQ(numberAt(finished.out, "/bytes"), std::filesystem::file_size(path));
  return path;
}

std::string histogram(const std::string& dump) {
  Finished finished = runProgram({OPENCLAW_ANALYZER, "histogram", "--json", dump});
  EXPECT_EQ(finished.exitCode, 0) << finished.errors;
  return finished.out;
}

void expectValid(const std::string& dump) {
  Finished finished = runProgram({OPENCLAW_ANALYZER, "validate", dump});
  EXPECT_EQ(finished.exitCode, 0) << finished.out << finished.errors;
}

TEST(ServiceDump, UnderLoadItIsCompleteAndNoRequestFails) {
  ServiceProcess service;
  load(service, {"--sessions", "100"});
  std::jthread background([&] { load(service, {"--seconds", "4", "--threads", "4"}); });
  for (int i = 0; i < 3; ++i) {
    std::string dump = takeDump(service, "heap" + std::to_string(i) + ".bin");
    expectValid(dump);
    Table objects = tableAt(histogram(dump), "/rows", "type", "objects");
    for (const char* type : {"Session", "Message", "ToolCall", "Attachment", "User", "Postings"})
      EXPECT_GT(objects[std::string("openclaw::service::") + type], 5u) << type;
    EXPECT_EQ(objects["openclaw::service::SearchIndex"], 8u);
  }
  background.join();
  EXPECT_EQ(service.end(), 0);
  EXPECT_EQ(service.errors(), "");
}

TEST(ServiceDump, OfAQuietServiceHoldsExactlyItsSessionsAndMessages) {
  ServiceProcess service;
  load(service, {"--sessions", "120", "--deletes", "0", "--seed", "5"});
  auto stats = service.ask("GET", "/stats");
  std::string dump = takeDump(service, "heap.bin", {"--collect"});
  expectValid(dump);
  Table objects = tableAt(histogram(dump), "/rows", "type", "objects");
  EXPECT_EQ(objects["openclaw::service::Session"], numberAt(stats.body, "/store/sessions"));
  EXPECT_EQ(objects["openclaw::service::Message"], numberAt(stats.body, "/store/messages"));
  EXPECT_EQ(objects["openclaw::service::User"], numberAt(stats.body, "/store/users"));
  EXPECT_EQ(objects["openclaw::service::Postings"], numberAt(stats.body, "/store/terms"));
  EXPECT_EQ(service.end(), 0);
}

TEST(ServiceDump, MemoryShowAddsUpAndAgreesWithTheService) {
  ServiceProcess service;
  load(service, {"--sessions", "50"});
  Finished show = occtl(service, {"memory", "show", "--json"});
  ASSERT_EQ(show.exitCode, 0) << show.errors;
  EXPECT_EQ(at(show.out, "/sumMatches"), "true") << show.out;
  auto stats = service.ask("GET", "/stats");
  EXPECT_EQ(at(show.out, "/counters/committed_bytes"), at(stats.body, "/heap/committed_bytes"));
  EXPECT_EQ(at(show.out, "/counters/thread_count"), "4");
  EXPECT_EQ(service.end(), 0);
}

TEST(ServiceControl, SettingsChangeLiveAndCollectionsRunOnRequest) {
  ServiceProcess service;
  load(service, {"--sessions", "20"});
  ASSERT_EQ(occtl(service, {"memory", "set", "heap-limit=256MiB"}).exitCode, 0);
  std::uint64_t before = numberAt(service.ask("GET", "/stats").body, "/heap/collections_total");
  ASSERT_EQ(occtl(service, {"gc", "run"}).exitCode, 0);
  auto stats = service.ask("GET", "/stats");
  EXPECT_EQ(at(stats.body, "/heap/heap_limit_bytes"), std::to_string(256u << 20));
  EXPECT_EQ(numberAt(stats.body, "/heap/collections_total"), before + 1);
  EXPECT_EQ(service.end(), 0);
}

TEST(ServiceControl, TheSocketGoesToTheAskedDirectoryAndLeavesWithTheService) {
  TemporaryFolder folder;
  ServiceProcess service({"--control-directory", folder.path()});
  EXPECT_TRUE(service.control().starts_with(folder.path().string())) << service.control();
  EXPECT_TRUE(std::filesystem::exists(service.control()));
  EXPECT_EQ(service.end(), 0);
  EXPECT_FALSE(std::filesystem::exists(service.control()));
}

#ifdef OPENCLAW_SECOND_READER
TEST(SecondReader, PrintsTheSameHistogramAsHeapAnalyzer) {
  ServiceProcess service;
  load(service, {"--sessions", "150", "--seed", "9"});
  std::string dump = takeDump(service, "heap.bin");
  Finished second = runProgram({"/usr/bin/python3", OPENCLAW_SECOND_READER, dump});
  ASSERT_EQ(second.exitCode, 0) << second.errors;
  // Its lines: TYPE, OBJECTS, BYTES, with tabs between.
  Table objects, bytes;
  std::istringstream lines(second.out);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find('\t'), last = line.rfind('\t');
    ASSERT_TRUE(first != line.npos && first < last) << line;
    objects[line.substr(0, first)] = std::stoull(line.substr(first + 1, last - first - 1));
    bytes[line.substr(0, first)] = std::stoull(line.substr(last + 1));
  }
  std::string ours = histogram(dump);
  EXPECT_GT(objects.size(), 15u);
  EXPECT_EQ(tableAt(ours, "/rows", "type", "objects"), objects);
  EXPECT_EQ(tableAt(ours, "/rows", "type", "shallowBytes"), bytes);
  EXPECT_EQ(service.end(), 0);
}
#endif

}  // namespace
}  // namespace openclaw::e2e
