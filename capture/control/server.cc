#include "capture/control/server.h"

#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "capture/control/channel.h"
#include "capture/control/directories.h"

namespace openclaw {
namespace {

using internal::Inbox;
using std::chrono::steady_clock;

constexpr int kIdleMilliseconds = 50;
constexpr std::size_t kMaxConnections = 64;
constexpr std::chrono::seconds kSendPatience{5};  // a client that does not read for so long is dropped
constexpr int kMaxSocketsOfProcess = 32;

struct Connection {
  int socket = -1;
  ucred peer{};
  Inbox inbox;
  bool gone = false;

  Connection(int descriptor, const ucred& who) : socket(descriptor), peer(who) {}
  Connection(const Connection&) = delete;
  ~Connection() { ::close(socket); }
};

// False: the peer does not read, or is gone.
bool send(Connection& connection, const control::Reply& reply) {
  const auto bytes = control::encode(reply);
  if (internal::sendMessage(connection.socket, bytes, -1, steady_clock::now() + kSendPatience) == 0) return true;
  connection.gone = true;
  return false;
}

template <class T>
void sendResult(Connection& connection, Result<T> result) {
  if (result) send(connection, *std::move(result));
  else send(connection, std::move(result).error());
}

Error protocolError(std::string what) { return {ErrorCode::kDamaged, std::move(what)}; }

std::optional<gid_t> controlGroup() {
  char buffer[4096];
  group entry{};
  group* found = nullptr;
  if (::getgrnam_r("openclaw", &entry, buffer, sizeof buffer, &found) != 0 || found == nullptr) return std::nullopt;
  return found->gr_gid;
}

bool isMember(int socket, const ucred& peer, gid_t wanted) {
  if (peer.gid == wanted) return true;
#ifdef SO_PEERGROUPS
  std::vector<gid_t> groups(256);
  socklen_t size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) != 0) return false;
  groups.resize(size / sizeof(gid_t));
  return std::find(groups.begin(), groups.end(), wanted) != groups.end();
#else
  return false;
#endif
}

bool somebodyAnswers(const sockaddr_un& address) {
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return false;
  const bool answered = ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 || errno == EAGAIN;
  ::close(probe);
  return answered;
}

Error systemError(const std::string& doing) { return {ErrorCode::kIo, doing + ": " + std::strerror(errno)}; }

// Signals that programs use for themselves: their handlers must not find themselves on the control thread.
sigset_t programSignals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM, SIGVTALRM, SIGCHLD, SIGPIPE, SIGWINCH, SIGTSTP, SIGTTIN, SIGTTOU})
    ::sigaddset(&set, number);
  return set;
}

}  // namespace

struct ControlServer::State {
  // Constant once the thread runs.
  ControlHost* host = nullptr;
  std::string path;
  pid_t process = ::getpid();   // a forked copy must not remove the socket
  int listener = -1, wake = -1, watcherWake = -1;
  std::optional<gid_t> group;

  std::thread thread;
  std::thread::id threadId;

  // Guarded by mutex.
  std::mutex mutex;
  std::condition_variable changed;
  struct Task { const std::function<void()>* work; bool done = false; };
  std::deque<Task*> tasks;
  bool stopping = false;
  control::DumpProgressReply dumpProgress;

  // The control thread's; the watcher's while a dump runs.
  std::vector<std::unique_ptr<Connection>> connections;

  ~State() {
    connections.clear();
    for (const int descriptor : {listener, wake, watcherWake})
      if (descriptor >= 0) ::close(descriptor);
    if (!path.empty() && process == ::getpid()) ::unlink(path.c_str());
  }

  Result<void> listen(std::string directory) {
    if (directory.empty()) {
      OPENCLAW_TRY(directory, internal::socketDirectory());
    }
    for (int copy = 1; copy <= kMaxSocketsOfProcess; ++copy) {
      const std::string name = directory + "/" + std::to_string(process) + (copy == 1 ? "" : "-" + std::to_string(copy)) + ".sock";
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      if (name.size() >= sizeof address.sun_path)
        return fail(ErrorCode::kInvalidArgument, "the control socket's path is too long for a Unix socket: " + name);
      std::memcpy(address.sun_path, name.c_str(), name.size() + 1);
      if (somebodyAnswers(address)) continue;  // another heap of this process, or of a process with this number in another container
      listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      if (listener < 0) return std::unexpected(systemError("control socket"));
      ::unlink(name.c_str());  // left behind by a process that was killed
      if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return std::unexpected(systemError("control socket " + name));
      path = name;
      group = controlGroup();
      const bool shared = directory == "/run/openclaw" && group && ::chown(name.c_str(), static_cast<uid_t>(-1), *group) == 0;
      if (::chmod(name.c_str(), shared ? 0660 : 0600) != 0 || ::listen(listener, 16) != 0)
        return std::unexpected(systemError("control socket " + name));
      return {};
    }
    return fail(ErrorCode::kNotFinished, "too many control sockets of process " + std::to_string(process) + " in " + directory);
  }

  void wakeUp() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t wrote = ::write(wake, &one, sizeof one);  // a full counter wakes as well
  }
  static void drain(int descriptor) {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(descriptor, &count, sizeof count);
  }

  // --- the control thread ---

  void loop() {
    ::pthread_setname_np(::pthread_self(), "openclaw-ctl");
    for (;;) {
      if (runTasks()) continue;
      {
        const std::lock_guard lock(mutex);
        if (stopping) return;
      }
      if (!pollOnce(wake, kIdleMilliseconds, nullptr, nullptr)) host->idle();
    }
  }

  // True when there was any.
  bool runTasks() {
    std::unique_lock lock(mutex);
    if (tasks.empty()) return false;
    Task* task = tasks.front();
    tasks.pop_front();
    lock.unlock();
    (*task->work)();
    lock.lock();
    task->done = true;
    changed.notify_all();
    return true;
  }

  struct Busy {
    Connection* dumping;
    std::stop_source* stop;
    const control::InfoReply* info;
  };

  // One poll over the wake descriptor, the listener and all connections. False when nothing happened.
  bool pollOnce(int waker, int milliseconds, const Busy* busy, bool* woken) {
    std::vector<pollfd> polls{{waker, POLLIN, 0}};
    const bool accepting = listener >= 0;
    if (accepting) polls.push_back({listener, POLLIN, 0});
    std::vector<Connection*> polled;
    for (const auto& connection : connections) {
      if (connection->gone) continue;
      polls.push_back({connection->socket, POLLIN, 0});
      polled.push_back(connection.get());
    }
    const int ready = ::poll(polls.data(), static_cast<nfds_t>(polls.size()), milliseconds);
    if (ready <= 0) return false;
    if (polls[0].revents != 0) {
      drain(waker);
      if (woken != nullptr) *woken = true;
    }
    const std::size_t first = accepting ? 2 : 1;
    for (std::size_t i = 0; i < polled.size(); ++i)
      if (polls[first + i].revents != 0) receive(*polled[i], busy);
    // The dumping connection is only dropped when its dump has ended: its descriptor must not be reused meanwhile.
    std::erase_if(connections, [&](const auto& c) { return c->gone && (busy == nullptr || c.get() != busy->dumping); });
    if (accepting && polls[1].revents != 0) accept();
    return true;
  }

  void accept() {
    const int socket = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket < 0) return;
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
      ::close(socket);
      return;
    }
    auto connection = std::make_unique<Connection>(socket, peer);
    const bool allowed = peer.uid == ::geteuid() || peer.uid == 0 || (group && isMember(socket, peer, *group));
    if (!allowed) {
      send(*connection, Error{ErrorCode::kUnreachable,
                              "process " + std::to_string(process) + " belongs to " + internal::userText(::geteuid()) + ", you are " +
                                  internal::userText(peer.uid) + "; ask as that user, as root, or join the group openclaw"});
      return;
    }
    if (connections.size() >= kMaxConnections) {
      send(*connection, Error{ErrorCode::kNotFinished, "process " + std::to_string(process) + " has " +
                                                           std::to_string(kMaxConnections) + " control connections open; try again"});
      return;
    }
    connections.push_back(std::move(connection));
  }

  void receive(Connection& connection, const Busy* busy) {
    const Inbox::Read read = connection.inbox.receive(connection.socket);
    while (auto message = connection.inbox.take()) {
      auto request = control::decodeRequest(*message);
      if (!request) {
        send(connection, request.error());
        connection.gone = request.error().code != ErrorCode::kUnsupported;  // garbage: nothing after it can be trusted
      } else if (busy != nullptr) {
        answerBusy(connection, *request, *busy);
      } else {
        answer(connection, *request);
      }
      if (connection.gone) break;
    }
    if (!connection.gone && connection.inbox.oversized()) {
      send(connection, protocolError("the request announces more than " + toText(Bytes(control::kMaxMessageBytes))));
      connection.gone = true;
    }
    if (read == Inbox::Read::kClosed || read == Inbox::Read::kFailed) connection.gone = true;
    if (connection.gone && busy != nullptr && busy->dumping == &connection) busy->stop->request_stop();
  }

  void answer(Connection& connection, const control::Request& request) {
    const std::string by = "control socket, uid " + std::to_string(connection.peer.uid);
    struct Visitor {
      State& state;
      Connection& connection;
      const std::string& by;
      void operator()(const control::InfoRequest&) const { send(connection, state.host->info()); }
      void operator()(const control::MemoryShowRequest&) const { sendResult(connection, state.host->memory()); }
      void operator()(const control::SettingsShowRequest& r) const { send(connection, state.host->settings(r.group)); }
      void operator()(const control::SettingsSetRequest& r) const {
        if (auto set = state.host->set(r.values, by); !set) send(connection, set.error());
        else send(connection, control::DoneReply{r.values.size() == 1 ? "1 setting changed" : std::to_string(r.values.size()) + " settings changed"});
      }
      void operator()(const control::DumpRequest& r) const { state.dump(connection, r, by); }
      void operator()(const control::GcRunRequest& r) const {
        auto pause = state.host->collect(r.cause);
        if (!pause) {
          send(connection, pause.error());
          return;
        }
        control::PausesReply reply;
        reply.total = pause->number;
        reply.rows.push_back(*std::move(pause));
        send(connection, reply);
      }
      void operator()(const control::GcLogRequest& r) const { send(connection, state.host->pauses(r.newest)); }
      void operator()(const control::CancelRequest&) const { send(connection, control::DoneReply{"no dump is under way"}); }
    };
    std::visit(Visitor{*this, connection, by}, request);
  }

  void dump(Connection& connection, const control::DumpRequest& request, const std::string& by) {
    const int descriptor = connection.inbox.takeDescriptor();
    if (descriptor < 0) {
      send(connection, Error{ErrorCode::kInvalidArgument, "the dump request brought no file to write to"});
      return;
    }
    // While the host is at work here, a second thread reads the sockets: it sees a cancel or a client that went away
    // even when the world is stopped, and tells everybody else that the process is busy.
    std::stop_source stop;
    const control::InfoReply info = host->info();
    const Busy busy{&connection, &stop, &info};
    {
      const std::lock_guard lock(mutex);
      dumpProgress = {};
    }
    std::thread watcher([&] {
      for (bool woken = false; !woken;) pollOnce(watcherWake, -1, &busy, &woken);
    });
    bool reading = true;
    const auto progress = [&](const control::DumpProgressReply& reply) {
      {
        const std::lock_guard lock(mutex);
        dumpProgress = reply;
      }
      if (!reading || stop.stop_requested()) return;
      const auto bytes = control::encode(control::Reply(reply));
      if (internal::sendMessage(connection.socket, bytes, -1, steady_clock::now() + kSendPatience) != 0) {
        reading = false;
        stop.request_stop();
      }
    };
    Result<control::DumpDoneReply> result = host->dump(descriptor, request, by, progress, stop.get_token());
    const std::uint64_t one = 1;
    while (::write(watcherWake, &one, sizeof one) < 0 && errno == EINTR) {}
    watcher.join();
    ::close(descriptor);
    if (connection.gone || !reading) {
      connection.gone = true;
      return;
    }
    sendResult(connection, std::move(result));
  }

  // --- the watcher, while the control thread is in a dump ---

  void answerBusy(Connection& connection, const control::Request& request, const Busy& busy) {
    if (std::holds_alternative<control::CancelRequest>(request)) {
      busy.stop->request_stop();
      if (&connection != busy.dumping) send(connection, control::DoneReply{"the dump under way is being cancelled"});
      return;
    }
    if (&connection == busy.dumping) {
      connection.gone = true;  // a second request before the answer: this client has lost its way
      return;
    }
    if (std::holds_alternative<control::InfoRequest>(request)) {
      send(connection, *busy.info);
      return;
    }
    control::DumpProgressReply at;
    {
      const std::lock_guard lock(mutex);
      at = dumpProgress;
    }
    std::string where = at.phase.empty() ? "starting" : "phase " + at.phase;
    if (at.objectsTotal != 0) where += ", " + std::to_string(at.objectsDone * 100 / at.objectsTotal) + "% of the objects";
    send(connection, Error{ErrorCode::kNotFinished, "process " + std::to_string(process) + " is busy with a dump (" + where +
                                                        "); ask again when it is done"});
  }
};

ControlServer::ControlServer() : state_(new State) {}

Result<std::unique_ptr<ControlServer>> ControlServer::start(ControlHost& host, Options options) {
  std::unique_ptr<ControlServer> server(new ControlServer);
  State& state = *server->state_;
  state.host = &host;
  state.wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  state.watcherWake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (state.wake < 0 || state.watcherWake < 0) return std::unexpected(systemError("control thread"));
  if (options.listen) {
    OPENCLAW_TRY_VOID(state.listen(std::move(options.directory)));
  }
  const sigset_t blocked = programSignals();
  sigset_t before;
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  try {
    state.thread = std::thread([&state] { state.loop(); });
  } catch (const std::system_error& error) {
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return fail(ErrorCode::kNotFinished, std::string("no control thread: ") + error.what());
  }
  state.threadId = state.thread.get_id();
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return server;
}

ControlServer::~ControlServer() {
  if (!state_ || !state_->thread.joinable()) return;
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->wakeUp();
  state_->thread.join();
}

const std::string& ControlServer::socketPath() const { return state_->path; }

void ControlServer::run(const std::function<void()>& work) {
  if (onControlThread()) {
    work();
    return;
  }
  State::Task task{&work};
  std::unique_lock lock(state_->mutex);
  state_->tasks.push_back(&task);
  state_->wakeUp();
  state_->changed.wait(lock, [&] { return task.done; });
}

bool ControlServer::onControlThread() const { return std::this_thread::get_id() == state_->threadId; }

}  // namespace openclaw
