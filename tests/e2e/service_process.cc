#include "tests/e2e/service_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

extern char** environ;

namespace openclaw::e2e {
namespace {

constexpr int kStartSeconds = 60;

// The environment of this process, with another XDG_RUNTIME_DIR when `runtimeFolder` is not empty.
std::vector<std::string> environment(const std::string& runtimeFolder) {
  std::vector<std::string> lines;
  for (char** line = environ; *line != nullptr; ++line)
    if (runtimeFolder.empty() || !std::string_view(*line).starts_with("XDG_RUNTIME_DIR=")) lines.emplace_back(*line);
  if (!runtimeFolder.empty()) lines.push_back("XDG_RUNTIME_DIR=" + runtimeFolder);
  return lines;
}

std::vector<char*> pointersTo(const std::vector<std::string>& lines) {
  std::vector<char*> pointers;
  for (const std::string& line : lines) pointers.push_back(const_cast<char*>(line.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

pid_t spawn(const std::vector<std::string>& arguments, int out, const std::string& errorsPath, const std::string& runtimeFolder) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out, 1);
  posix_spawn_file_actions_addopen(&actions, 2, errorsPath.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  std::vector<std::string> variables = environment(runtimeFolder);
  pid_t pid = -1;
  int problem = posix_spawn(&pid, arguments[0].c_str(), &actions, nullptr, pointersTo(arguments).data(), pointersTo(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  if (problem != 0) throw std::runtime_error(fmt::format("{}: cannot be started ({})", arguments[0], problem));
  return pid;
}

// Waits for the end of `pid`; past the time it is killed.
int waitForEnd(pid_t pid, int seconds) {
  int descriptor = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  pollfd ended{descriptor, POLLIN, 0};
  int left = seconds * 1000;
  if (poll(&ended, 1, left) == 0) kill(pid, SIGKILL);
  close(descriptor);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string readLine(int descriptor, int seconds) {
  std::string line;
  char c = 0;
  for (pollfd ready{descriptor, POLLIN, 0}; poll(&ready, 1, seconds * 1000) == 1 && read(descriptor, &c, 1) == 1 && c != '\n';)
    line += c;
  return line;
}

std::string field(const std::string& line, const std::string& name) {
  std::size_t at = line.find(name + "=");
  if (at == std::string::npos) throw std::runtime_error("no " + name + " in the ready line: " + line);
  at += name.size() + 1;
  return line.substr(at, line.find(' ', at) - at);
}

struct Pipe {
  Pipe() {
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  }
  ~Pipe() {
    closeEnd(0);
    closeEnd(1);
  }
  void closeEnd(int which) {
    if (ends[which] >= 0) close(ends[which]);
    ends[which] = -1;
  }
  int ends[2];
};

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "openclaw-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;  // what is left in /tmp harms nobody
  std::filesystem::remove_all(path_, ignored);
}

std::string readFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Finished runProgram(const std::vector<std::string>& arguments, int seconds, const std::string& runtimeFolder) {
  TemporaryFolder folder;
  Pipe pipe;
  pid_t pid = spawn(arguments, pipe.ends[1], folder / "stderr", runtimeFolder);
  pipe.closeEnd(1);
  Finished finished;
  std::jthread reader([&] {
    char bytes[1 << 16];
    for (ssize_t count; (count = read(pipe.ends[0], bytes, sizeof bytes)) > 0;)
      finished.out.append(bytes, static_cast<std::size_t>(count));
  });
  finished.exitCode = waitForEnd(pid, seconds);
  reader.join();
  finished.errors = readFile(folder / "stderr");
  return finished;
}

ServiceProcess::ServiceProcess(std::vector<std::string> arguments) {
  std::filesystem::create_directory(folder_ / "dumps");
  std::vector<std::string> command{OPENCLAW_SERVICE, "--port", "0", "--port-file", folder_ / "port", "--dump-directory", folder_ / "dumps"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  Pipe pipe;
  pid_ = spawn(command, pipe.ends[1], folder_ / "stderr", folder_.path());
  pipe.closeEnd(1);
  std::string line = readLine(pipe.ends[0], kStartSeconds);
  if (!line.starts_with("openclaw ready ")) {
    int code = end(SIGKILL);
    throw std::runtime_error(fmt::format("the service did not start (exit code {}): {}{}", code, line, errors()));
  }
  port_ = static_cast<std::uint16_t>(std::stoi(field(line, "port")));
  control_ = field(line, "control");
}

ServiceProcess::~ServiceProcess() {
  if (pid_ > 0) end(SIGKILL);
}

bool ServiceProcess::running() const {
  siginfo_t info{};
  return pid_ > 0 && waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
}

loadgen::HttpClient ServiceProcess::connect(int receiveBuffer) const {
  auto client = loadgen::HttpClient::connect(port_, std::chrono::seconds(60), receiveBuffer);
  if (!client) throw std::runtime_error(client.error().what);
  return *std::move(client);
}

loadgen::HttpReply ServiceProcess::ask(std::string_view method, std::string_view target, std::string_view body) const {
  auto reply = connect().request(method, target, body);
  if (!reply) throw std::runtime_error(fmt::format("{} {}: {}", method, target, reply.error().what));
  return *std::move(reply);
}

int ServiceProcess::end(int signal) {
  kill(pid_, signal);
  int code = waitForEnd(pid_, 60);
  pid_ = -1;
  return code;
}

}  // namespace openclaw::e2e
