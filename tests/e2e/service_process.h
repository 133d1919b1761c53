// Programs for tests: run one to its end, or keep the reference service running and talk to it. Every process is ended
// by its own pid, and every wait has an end.
//
//   ServiceProcess service({"--workers", "2"});
//   auto reply = service.ask("GET", "/healthz");
//   EXPECT_EQ(service.end(SIGTERM), 0);
#pragma once

#include <sys/types.h>

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "samples/loadgen/http_client.h"

namespace openclaw::e2e {

// A folder of its own, removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

struct Finished {
  int exitCode = -1;  // 128 + signal when one ended it
  std::string out, errors;
};
// Runs arguments[0]. A program that is not done after `seconds` is killed, with exit code 137. `runtimeFolder` is its
// XDG_RUNTIME_DIR when it is not empty: where control sockets are looked for.
Finished runProgram(const std::vector<std::string>& arguments, int seconds = 120, const std::string& runtimeFolder = {});

std::string readFile(const std::filesystem::path& path);

// One running service on a free port, with its own folder for control socket and dumps. Throws std::runtime_error with the
// service's own words when it does not come up.
class ServiceProcess {
 public:
  explicit ServiceProcess(std::vector<std::string> arguments = {});
  ~ServiceProcess();
  ServiceProcess(const ServiceProcess&) = delete;

  std::uint16_t port() const { return port_; }
  pid_t pid() const { return pid_; }
  const std::string& control() const { return control_; }
  const TemporaryFolder& folder() const { return folder_; }
  std::string errors() const { return readFile(folder_ / "stderr"); }
  bool running() const;

  loadgen::HttpClient connect(int receiveBuffer = 0) const;
  // One request on a connection of its own. Throws when there is no reply.
  loadgen::HttpReply ask(std::string_view method, std::string_view target, std::string_view body = {}) const;
  // A program that finds this service's control socket and no other.
  Finished run(const std::vector<std::string>& arguments) const { return runProgram(arguments, 120, folder_.path()); }
  // Sends the signal and waits; the exit code, 128 + signal when one ended it.
  int end(int signal = SIGTERM);

 private:
  TemporaryFolder folder_;
  pid_t pid_ = -1;
  std::uint16_t port_ = 0;
  std::string control_;
};

}  // namespace openclaw::e2e
