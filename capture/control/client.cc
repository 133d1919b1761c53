#include "capture/control/client.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "capture/control/channel.h"
#include "capture/control/directories.h"

namespace openclaw {
namespace {

using internal::Inbox;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kInfoPatience{2000};

// What a failed connect means to a person.
std::string connectProblem(const std::string& path, int error) {
  const std::size_t slash = path.rfind('/');
  const auto pid = internal::pidOfSocket(path.substr(slash == std::string::npos ? 0 : slash + 1));
  const std::string process = pid ? "process " + std::to_string(*pid) : "the process";
  const auto owner = pid ? internal::ownerOfProcess(*pid) : std::nullopt;
  switch (error) {
    case ENOENT: return "there is no control socket " + path;
    case ECONNREFUSED:
      if (pid && !owner) return "the socket " + path + " is dead: " + process + " is gone; remove it";
      return "the socket " + path + " is dead: " + process + " does not listen on it (it may be stopping, or be another program with that number); remove it";
    case EACCES:
    case EPERM: {
      struct stat info{};
      std::string whose = owner ? process + " belongs to " + internal::userText(*owner)
                          : ::stat(path.c_str(), &info) == 0 ? "the socket " + path + " belongs to " + internal::userText(info.st_uid)
                                                             : "the socket " + path + " may not be opened";
      return whose + ", you are " + internal::userText(::geteuid()) + "; ask as that user, as root, or join the group openclaw";
    }
    case EAGAIN: return process + " does not accept connections at the moment (" + path + "); try again";
    default: return "cannot connect to " + path + ": " + std::strerror(error);
  }
}

const char* requestText(const control::Request& request) {
  struct Visitor {
    const char* operator()(const control::InfoRequest&) const { return "info"; }
    const char* operator()(const control::MemoryShowRequest&) const { return "memory show"; }
    const char* operator()(const control::SettingsShowRequest&) const { return "settings"; }
    const char* operator()(const control::SettingsSetRequest&) const { return "set"; }
    const char* operator()(const control::DumpRequest&) const { return "memory dump"; }
    const char* operator()(const control::GcRunRequest&) const { return "gc run"; }
    const char* operator()(const control::GcLogRequest&) const { return "gc log"; }
    const char* operator()(const control::CancelRequest&) const { return "cancel"; }
  };
  return std::visit(Visitor{}, request);
}

std::vector<std::string> socketsIn(const std::string& folder) {
  std::vector<std::string> paths;
  if (DIR* directory = ::opendir(folder.c_str())) {
    while (const dirent* entry = ::readdir(directory))
      if (internal::pidOfSocket(entry->d_name)) paths.push_back(folder + "/" + entry->d_name);
    ::closedir(directory);
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

ControlTarget probe(const std::string& path) {
  ControlTarget target;
  target.socketPath = path;
  target.pid = internal::pidOfSocket(path.substr(path.rfind('/') + 1)).value_or(0);
  auto client = ControlClient::connect(path);
  if (!client) {
    target.problem = client.error().what;
    return target;
  }
  auto reply = client->call(control::InfoRequest{}, -1, {}, kInfoPatience);
  if (!reply) target.problem = reply.error().what;
  else if (auto* info = std::get_if<control::InfoReply>(&*reply)) target.info = std::move(*info);
  else target.problem = "process " + std::to_string(target.pid) + " gave an unexpected answer";
  return target;
}

std::string lineOf(const ControlTarget& target) {
  return "\n  --pid " + std::to_string(target.pid) + "  " + target.info->executable;
}

Result<ControlTarget> findByPid(std::uint32_t pid) {
  const auto owner = internal::ownerOfProcess(pid);
  std::vector<std::string> folders = internal::searchDirectories();
  if (owner)
    for (std::string& folder : internal::directoriesOf(*owner))
      if (std::find(folders.begin(), folders.end(), folder) == folders.end()) folders.push_back(std::move(folder));
  std::string problem;
  for (const std::string& folder : folders)
    for (const std::string& path : socketsIn(folder))
      if (internal::pidOfSocket(path.substr(folder.size() + 1)) == pid) {
        ControlTarget target = probe(path);
        if (target.info) return target;
        problem = target.problem;
      }
  if (!problem.empty()) return fail(ErrorCode::kUnreachable, std::move(problem));
  const std::string number = std::to_string(pid);
  if (!owner) return fail(ErrorCode::kUnreachable, "there is no process " + number + "; occtl ps lists those that answer");
  if (*owner != ::geteuid() && ::geteuid() != 0)
    return fail(ErrorCode::kUnreachable, "process " + number + " belongs to " + internal::userText(*owner) + ", you are " +
                                             internal::userText(::geteuid()) + "; ask as that user, as root, or join the group openclaw");
  std::string where;
  for (const std::string& folder : folders) where += (where.empty() ? "" : ", ") + folder;
  return fail(ErrorCode::kUnreachable, "process " + number + " has no control socket in " + where +
                                           "; it does not run on OpenClaw, or its control socket is switched off");
}

}  // namespace

std::vector<ControlTarget> listProcesses() {
  std::vector<ControlTarget> targets;
  for (const std::string& folder : internal::searchDirectories())
    for (const std::string& path : socketsIn(folder)) targets.push_back(probe(path));
  std::stable_sort(targets.begin(), targets.end(), [](const auto& a, const auto& b) { return a.pid < b.pid; });
  return targets;
}

Result<ControlTarget> findProcess(std::optional<std::uint32_t> pid) {
  if (pid) return findByPid(*pid);
  std::vector<ControlTarget> answering, dead;
  for (ControlTarget& target : listProcesses()) (target.info ? answering : dead).push_back(std::move(target));
  if (answering.size() == 1) return std::move(answering.front());
  if (answering.empty()) {
    std::string what = "no process answers";
    for (const ControlTarget& target : dead) what += "\n  " + target.problem;
    if (dead.empty()) {
      std::string where;
      for (const std::string& folder : internal::searchDirectories()) where += (where.empty() ? "" : ", ") + folder;
      what += " (no control socket in " + where + "); start one, or name it with --pid";
    }
    return fail(ErrorCode::kUnreachable, std::move(what));
  }
  std::string what = std::to_string(answering.size()) + " processes answer; say which:";
  for (const ControlTarget& target : answering) what += lineOf(target);
  return fail(ErrorCode::kUnreachable, std::move(what));
}

struct ControlClient::State {
  int socket = -1;
  std::string path;
  Inbox inbox;
  std::vector<std::byte> cancelMessage;  // with its length in front: cancel() must not allocate
  std::atomic<bool> cancelled{false}, sent{false};

  ~State() {
    if (socket >= 0) ::close(socket);
  }
  std::string name() const {
    const auto pid = internal::pidOfSocket(path.substr(path.rfind('/') + 1));
    return pid ? "process " + std::to_string(*pid) : path;
  }
};

ControlClient::ControlClient() : state_(new State) {}
ControlClient::ControlClient(ControlClient&&) noexcept = default;
ControlClient& ControlClient::operator=(ControlClient&&) noexcept = default;
ControlClient::~ControlClient() = default;

Result<ControlClient> ControlClient::connect(const std::string& socketPath) {
  ControlClient client;
  State& state = *client.state_;
  state.path = socketPath;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socketPath.size() >= sizeof address.sun_path)
    return fail(ErrorCode::kUnreachable, "the path of the control socket is too long: " + socketPath);
  std::memcpy(address.sun_path, socketPath.c_str(), socketPath.size() + 1);
  state.socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (state.socket < 0) return fail(ErrorCode::kIo, std::string("no socket: ") + std::strerror(errno));
  if (::connect(state.socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail(ErrorCode::kUnreachable, connectProblem(socketPath, errno));
  const auto message = control::encode(control::Request(control::CancelRequest{}));
  for (std::size_t i = 0; i < 4; ++i) state.cancelMessage.push_back(static_cast<std::byte>(message.size() >> (8 * i) & 0xff));
  state.cancelMessage.insert(state.cancelMessage.end(), message.begin(), message.end());
  return client;
}

Result<control::Reply> ControlClient::call(const control::Request& request, int descriptor,
                                           const std::function<void(const control::DumpProgressReply&)>& onProgress,
                                           milliseconds timeout) {
  State& state = *state_;
  if (state.cancelled.load()) return fail(ErrorCode::kCancelled, "cancelled before it was asked");
  const auto deadline = steady_clock::now() + timeout;
  const int error = internal::sendMessage(state.socket, control::encode(request), descriptor, deadline);
  // A process that refuses us answers and closes without reading: its answer is still there.
  if (error != 0 && error != EPIPE && error != ECONNRESET)
    return fail(ErrorCode::kUnreachable, state.name() + " could not be asked (" + requestText(request) + "): " + std::strerror(error));
  state.sent.store(true);
  if (state.cancelled.load()) cancel();  // it came between the check above and here
  std::string doing = requestText(request);
  for (;;) {
    while (auto message = state.inbox.take()) {
      OPENCLAW_TRY(control::Reply reply, control::decodeReply(*message));
      if (auto* progress = std::get_if<control::DumpProgressReply>(&reply)) {
        doing = std::string(requestText(request)) + ", phase " + progress->phase;
        if (onProgress) onProgress(*progress);
        continue;
      }
      if (auto* refused = std::get_if<Error>(&reply)) return std::unexpected(std::move(*refused));
      return reply;
    }
    if (state.inbox.oversized())
      return fail(ErrorCode::kDamaged, state.name() + " announced an answer larger than " + toText(Bytes(control::kMaxMessageBytes)));
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    if (left.count() <= 0)
      return fail(ErrorCode::kUnreachable, state.name() + " did not answer within " + toText(std::chrono::nanoseconds(timeout)) +
                                               " (" + doing + "); it may be stopped or very busy");
    pollfd wait{state.socket, POLLIN, 0};
    if (::poll(&wait, 1, static_cast<int>(std::min<long>(left.count(), 60'000))) <= 0) continue;
    const Inbox::Read read = state.inbox.receive(state.socket);
    if (read == Inbox::Read::kClosed || read == Inbox::Read::kFailed) {
      if (state.cancelled.load()) return fail(ErrorCode::kCancelled, std::string(requestText(request)) + " was cancelled");
      return fail(ErrorCode::kUnreachable, state.name() + " went away without an answer (" + doing + ")");
    }
  }
}

void ControlClient::cancel() noexcept {
  State& state = *state_;
  state.cancelled.store(true);
  if (!state.sent.load()) return;  // call() sees it
  // One small message on a stream socket goes whole or not at all; where it does not fit, closing does the same job.
  const ssize_t wrote = ::send(state.socket, state.cancelMessage.data(), state.cancelMessage.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (wrote != static_cast<ssize_t>(state.cancelMessage.size())) ::shutdown(state.socket, SHUT_RDWR);
}

}  // namespace openclaw
