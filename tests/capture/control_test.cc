// The control socket: who may ask, what comes back, and what garbage, crowds and dead sockets do.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <latch>
#include <random>
#include <thread>

#include "capture/control/channel.h"
#include "capture/control/client.h"
#include "capture/control/directories.h"
#include "capture/control/server.h"
#include "fake_control_host.h"

namespace openclaw::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using namespace std::chrono_literals;

class ControlTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // Where findProcess looks: a folder of this test alone.
    ASSERT_EQ(::setenv("XDG_RUNTIME_DIR", folder_.path().c_str(), 1), 0);
    start();
  }
  void start() {
    auto started = ControlServer::start(host_, {folder_.path(), true});
    ASSERT_TRUE(started) << toText(started.error());
    server_ = *std::move(started);
  }
  Result<control::Reply> ask(const control::Request& request, int descriptor = -1) {
    OPENCLAW_TRY(ControlClient client, ControlClient::connect(server_->socketPath()));
    return client.call(request, descriptor, {}, 20s);
  }
  int rawConnection() const {
    const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, server_->socketPath().c_str());
    EXPECT_EQ(::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0) << std::strerror(errno);
    return socket;
  }
  // Everything the server says until it closes the connection.
  static std::vector<std::byte> readToEnd(int socket) {
    std::vector<std::byte> bytes;
    std::byte buffer[4096];
    for (ssize_t got; (got = ::read(socket, buffer, sizeof buffer)) > 0;) bytes.insert(bytes.end(), buffer, buffer + got);
    return bytes;
  }
  static Error errorIn(const std::vector<std::byte>& bytes) {
    if (bytes.size() < 4) return {ErrorCode::kIo, "no answer"};
    auto reply = control::decodeReply(std::span(bytes).subspan(4));
    if (!reply) return reply.error();
    const Error* error = std::get_if<Error>(&*reply);
    return error != nullptr ? *error : Error{ErrorCode::kIo, "no error"};
  }

  TemporaryFolder folder_;
  FakeHeap heap_ = FakeHeap::random(31, 50'000);
  FakeControlHost host_{heap_};
  std::unique_ptr<ControlServer> server_;
};

TEST_F(ControlTest, EveryRequestGetsItsAnswer) {
  auto info = ask(control::InfoRequest{});
  ASSERT_TRUE(info) << toText(info.error());
  EXPECT_EQ(std::get<control::InfoReply>(*info).executable, "/usr/bin/fake");

  auto memory = ask(control::MemoryShowRequest{});
  ASSERT_TRUE(memory);
  const HeapCounters expected = host_.memory()->counters;
  for (const CounterInfo& counter : allCounters())
    EXPECT_EQ(std::get<control::MemoryReply>(*memory).counters.*counter.member, expected.*counter.member) << counter.name;
  EXPECT_EQ(std::get<control::MemoryReply>(*memory).arenas.at(0).ownedName, "main");

  auto settings = ask(control::SettingsShowRequest{"gc"});
  ASSERT_TRUE(settings);
  for (const auto& row : std::get<control::SettingsReply>(*settings).rows) EXPECT_EQ(row.group, "gc");

  auto run = ask(control::GcRunRequest{"a test"});
  ASSERT_TRUE(run);
  EXPECT_EQ(std::get<control::PausesReply>(*run).rows.at(0).ownedCause, "a test");
  auto log = ask(control::GcLogRequest{5});
  ASSERT_TRUE(log);
  EXPECT_EQ(std::get<control::PausesReply>(*log).total, 1u);
  auto cancel = ask(control::CancelRequest{});
  ASSERT_TRUE(cancel);
  EXPECT_EQ(std::get<control::DoneReply>(*cancel).text, "no dump is under way");
}

TEST_F(ControlTest, SettingsAreSetTogetherOrNotAtAllAndRefusalsNameTheRange) {
  auto refused = ask(control::SettingsSetRequest{{{"memory", "arena-size", "128MiB"}, {"gc", "growth", "5%"}}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.error().what, HasSubstr("10%"));
  EXPECT_EQ(host_.settings("memory").rows[0].value, "64MiB");
  auto set = ask(control::SettingsSetRequest{{{"memory", "arena-size", "128MiB"}, {"gc", "growth", "150%"}}});
  ASSERT_TRUE(set) << toText(set.error());
  EXPECT_EQ(host_.settings("memory").rows[0].value, "128MiB");
  EXPECT_EQ(host_.lastBy, "control socket, uid " + std::to_string(::getuid()));
}

TEST_F(ControlTest, ADumpGoesThroughTheSocket) {
  const std::string path = folder_.file("heap.bin");
  const int out = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  const std::size_t before = descriptorCount();
  auto done = ask(control::DumpRequest{true, "clone"}, out);
  ASSERT_TRUE(done) << toText(done.error());
  ::close(out);
  const auto& reply = std::get<control::DumpDoneReply>(*done);
  EXPECT_EQ(reply.consistency, "clone");
  EXPECT_EQ(reply.end.objects, heap_.objects.size());
  EXPECT_EQ(host_.lastCause, "dump");
  EXPECT_EQ(difference(heap_, readBack(path)), "");
  ASSERT_TRUE(ask(control::InfoRequest{}));  // the server has dropped its copy of the descriptor by now
  EXPECT_LE(descriptorCount(), before);
}

TEST_F(ControlTest, ADumpWithoutAFileOrWithAnUnknownMethodIsRefused) {
  auto none = ask(control::DumpRequest{});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kInvalidArgument);
  const int out = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  auto unknown = ask(control::DumpRequest{false, "magic"}, out);
  ::close(out);
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().what, HasSubstr("magic"));
}

// A dump held in the middle by a pipe that nobody reads.
struct HeldDump {
  int ends[2];
  std::latch moving{1};
  ControlClient client;
  Result<control::Reply> reply = fail(ErrorCode::kIo, "not yet");
  std::thread thread;

  explicit HeldDump(const std::string& path, const char* method = "clone") : client(*ControlClient::connect(path)) {
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    thread = std::thread([this, method] {
      bool told = false;
      reply = client.call(control::DumpRequest{false, method}, ends[1], [&](const control::DumpProgressReply&) {
        if (!std::exchange(told, true)) moving.count_down();
      }, 20s);
    });
  }
  void finish() {
    thread.join();
    ::close(ends[0]);
    ::close(ends[1]);
  }
};

TEST_F(ControlTest, WhileADumpRunsOthersHearThatTheProcessIsBusy) {
  HeldDump held(server_->socketPath());
  held.moving.wait();
  auto memory = ask(control::MemoryShowRequest{});
  ASSERT_FALSE(memory);
  EXPECT_EQ(memory.error().code, ErrorCode::kNotFinished);
  EXPECT_THAT(memory.error().what, HasSubstr("busy with a dump"));
  auto info = ask(control::InfoRequest{});
  ASSERT_TRUE(info) << toText(info.error());
  auto cancel = ask(control::CancelRequest{});
  ASSERT_TRUE(cancel);
  EXPECT_EQ(std::get<control::DoneReply>(*cancel).text, "the dump under way is being cancelled");
  held.finish();
  ASSERT_FALSE(held.reply);
  EXPECT_EQ(held.reply.error().code, ErrorCode::kCancelled);
  EXPECT_TRUE(ask(control::MemoryShowRequest{}));
}

TEST_F(ControlTest, CancelOnTheSameConnectionEndsTheDump) {
  HeldDump held(server_->socketPath());
  held.moving.wait();
  held.client.cancel();
  held.finish();
  ASSERT_FALSE(held.reply);
  EXPECT_EQ(held.reply.error().code, ErrorCode::kCancelled);
  EXPECT_TRUE(childProcesses().empty());
}

TEST_F(ControlTest, CancelReachesAStoppedWorldToo) {
  std::latch inDump{1};
  host_.beforeDump = [&] { inDump.count_down(); };
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  auto client = ControlClient::connect(server_->socketPath());
  ASSERT_TRUE(client);
  Result<control::Reply> reply = fail(ErrorCode::kIo, "not yet");
  std::thread asking([&] { reply = client->call(control::DumpRequest{false, "stop-the-world"}, ends[1], {}, 20s); });
  inDump.wait();
  client->cancel();
  // The walk sits in a write to the pipe; it looks for a cancel before the next one.
  std::byte buffer[1 << 16];
  std::thread draining([&] { while (::read(ends[0], buffer, sizeof buffer) > 0) {} });
  asking.join();
  ::close(ends[1]);
  draining.join();
  ::close(ends[0]);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kCancelled);
}

TEST_F(ControlTest, AClientThatGoesAwayTakesItsDumpWithIt) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const int socket = rawConnection();
  const auto request = control::encode(control::Request(control::DumpRequest{false, "clone"}));
  ASSERT_EQ(internal::sendMessage(socket, request, ends[1], std::chrono::steady_clock::now() + 5s), 0);
  std::byte first;
  ASSERT_EQ(::read(socket, &first, 1), 1);  // the first progress reply
  ::close(socket);
  // The next answer comes when the control thread is free again.
  ControlClient other = *ControlClient::connect(server_->socketPath());
  Result<control::Reply> memory = fail(ErrorCode::kIo, "");
  do memory = other.call(control::MemoryShowRequest{}, -1, {}, 20s);
  while (!memory && memory.error().code == ErrorCode::kNotFinished);
  EXPECT_TRUE(memory) << toText(memory.error());
  EXPECT_EQ(host_.dumpsEnded, 1);
  EXPECT_TRUE(childProcesses().empty());
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(ControlTest, ManyClientsAtOnceAllGetTheirAnswers) {
  std::vector<std::thread> clients;
  std::atomic<int> answered{0};
  for (int i = 0; i < 16; ++i)
    clients.emplace_back([&, i] {
      auto client = ControlClient::connect(server_->socketPath());
      if (!client) return;
      for (int n = 0; n < 20; ++n) {
        auto reply = client->call((i + n) % 2 == 0 ? control::Request(control::InfoRequest{}) : control::Request(control::SettingsShowRequest{""}), -1, {}, 20s);
        if (reply) ++answered;
      }
    });
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(answered, 16 * 20);
}

TEST_F(ControlTest, GarbageEndsTheConnectionWithAnErrorAndNothingElse) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    const int socket = rawConnection();
    std::vector<std::byte> bytes(4 + 8 + random() % 300);
    for (std::byte& b : bytes) b = static_cast<std::byte>(random());
    const std::size_t body = bytes.size() - 4;
    for (std::size_t i = 0; i < 4; ++i) bytes[i] = static_cast<std::byte>(body >> (8 * i) & 0xff);
    ASSERT_EQ(::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    ::shutdown(socket, SHUT_WR);
    const Error error = errorIn(readToEnd(socket));
    EXPECT_TRUE(error.code == ErrorCode::kDamaged || error.code == ErrorCode::kUnsupported) << toText(error);
    ::close(socket);
  }
  EXPECT_TRUE(ask(control::InfoRequest{}));
}

TEST_F(ControlTest, AnOversizedLengthIsRefusedBeforeItsBytesCome) {
  const int socket = rawConnection();
  const std::uint32_t length = 0xfff0'0000u;
  ASSERT_EQ(::send(socket, &length, sizeof length, MSG_NOSIGNAL), 4);
  const Error error = errorIn(readToEnd(socket));
  EXPECT_EQ(error.code, ErrorCode::kDamaged);
  EXPECT_THAT(error.what, HasSubstr("16.0 MiB"));
  ::close(socket);
}

TEST_F(ControlTest, ARequestMayComeInSingleBytes) {
  const int socket = rawConnection();
  const auto request = control::encode(control::Request(control::InfoRequest{}));
  std::vector<std::byte> bytes(4);
  bytes[0] = static_cast<std::byte>(request.size());
  bytes.insert(bytes.end(), request.begin(), request.end());
  for (const std::byte b : bytes) ASSERT_EQ(::send(socket, &b, 1, MSG_NOSIGNAL), 1);
  ::shutdown(socket, SHUT_WR);
  const auto answer = readToEnd(socket);
  ASSERT_GT(answer.size(), 4u);
  auto reply = control::decodeReply(std::span(answer).subspan(4));
  ASSERT_TRUE(reply);
  EXPECT_TRUE(std::holds_alternative<control::InfoReply>(*reply));
  ::close(socket);
}

TEST_F(ControlTest, ConnectionsBeyondTheLimitAreToldSo) {
  std::vector<int> sockets;
  for (int i = 0; i < 64; ++i) sockets.push_back(rawConnection());
  const int last = rawConnection();
  EXPECT_THAT(errorIn(readToEnd(last)).what, HasSubstr("control connections open"));
  ::close(last);
  for (const int socket : sockets) ::close(socket);
  Result<control::Reply> again = fail(ErrorCode::kIo, "");
  do again = ask(control::InfoRequest{});  // the server notices the closed ones one poll later
  while (!again && again.error().code == ErrorCode::kNotFinished);
  EXPECT_TRUE(again) << toText(again.error());
}

TEST_F(ControlTest, AForeignUserIsToldWhoseProcessItIs) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
  // Let them reach the socket, so that it is the server who refuses.
  ASSERT_EQ(::chmod(folder_.path().c_str(), 0755), 0);
  ASSERT_EQ(::chmod(server_->socketPath().c_str(), 0666), 0);
  std::thread([&] {
    ASSERT_EQ(::syscall(SYS_setresuid, 65534, 65534, 65534), 0);  // of this thread alone
    auto client = ControlClient::connect(server_->socketPath());
    ASSERT_TRUE(client) << toText(client.error());
    auto reply = client->call(control::InfoRequest{}, -1, {}, 20s);
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, ErrorCode::kUnreachable);
    EXPECT_THAT(reply.error().what, HasSubstr("belongs to root (uid 0), you are nobody (uid 65534)"));
  }).join();
  ASSERT_EQ(::chmod(server_->socketPath().c_str(), 0600), 0);
  std::thread([&] {
    ASSERT_EQ(::syscall(SYS_setresuid, 65534, 65534, 65534), 0);
    auto client = ControlClient::connect(server_->socketPath());
    ASSERT_FALSE(client);
    EXPECT_EQ(client.error().code, ErrorCode::kUnreachable);
    EXPECT_THAT(client.error().what, HasSubstr("belongs to root (uid 0), you are nobody (uid 65534)"));
  }).join();
  EXPECT_EQ(host_.calls, 0);
}

TEST_F(ControlTest, ASecondHeapOfTheProcessGetsASocketOfItsOwn) {
  FakeControlHost second(heap_);
  auto other = ControlServer::start(second, {folder_.path(), true});
  ASSERT_TRUE(other) << toText(other.error());
  EXPECT_NE((*other)->socketPath(), server_->socketPath());
  EXPECT_EQ(internal::pidOfSocket(std::filesystem::path((*other)->socketPath()).filename()), static_cast<std::uint32_t>(::getpid()));
}

TEST_F(ControlTest, TheSocketGoesWithTheServerAndADeadOneIsReplaced) {
  const std::string path = server_->socketPath();
  server_.reset();
  EXPECT_FALSE(std::filesystem::exists(path));
  // What a killed process leaves behind.
  const int dead = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, path.c_str());
  ASSERT_EQ(::bind(dead, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(dead);
  auto client = ControlClient::connect(path);
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().code, ErrorCode::kUnreachable);
  EXPECT_THAT(client.error().what, HasSubstr("is dead"));
  start();
  EXPECT_EQ(server_->socketPath(), path);
  EXPECT_TRUE(ask(control::InfoRequest{}));
}

TEST_F(ControlTest, WorkRunsOnTheControlThreadAndIdleTimeIsUsed) {
  bool there = false;
  server_->run([&] { there = server_->onControlThread(); server_->run([&] { there = there && server_->onControlThread(); }); });
  EXPECT_TRUE(there);
  EXPECT_FALSE(server_->onControlThread());
  const int before = host_.idles;
  while (host_.idles == before) std::this_thread::yield();
}

TEST_F(ControlTest, WithoutListeningThereIsOnlyTheThread) {
  auto silent = ControlServer::start(host_, {"", false});
  ASSERT_TRUE(silent);
  EXPECT_EQ((*silent)->socketPath(), "");
  bool ran = false;
  (*silent)->run([&] { ran = true; });
  EXPECT_TRUE(ran);
}

TEST_F(ControlTest, ProcessesAreFoundByPidOrAlone) {
  // The server's folder is $XDG_RUNTIME_DIR itself here; findProcess looks into its folder "openclaw".
  server_.reset();
  std::filesystem::create_directory(folder_.file("openclaw"));
  std::filesystem::permissions(folder_.file("openclaw"), std::filesystem::perms::owner_all);
  auto started = ControlServer::start(host_, {"", true});
  ASSERT_TRUE(started) << toText(started.error());
  EXPECT_THAT((*started)->socketPath(), StartsWith(folder_.file("openclaw/")));
  auto found = findProcess(static_cast<std::uint32_t>(::getpid()));
  ASSERT_TRUE(found) << toText(found.error());
  EXPECT_EQ(found->socketPath, (*started)->socketPath());
  EXPECT_EQ(found->info->version, "1.2.3");
  auto missing = findProcess(0x7fff'fff0u);
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().what, HasSubstr("there is no process 2147483632"));
  auto other = findProcess(static_cast<std::uint32_t>(::getppid()));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::kUnreachable);
  EXPECT_THAT(other.error().what, HasSubstr("has no control socket in"));
}

TEST(SocketNames, OnlySocketsWithAPidCount) {
  EXPECT_EQ(internal::pidOfSocket("4711.sock"), 4711u);
  EXPECT_EQ(internal::pidOfSocket("4711-2.sock"), 4711u);
  for (const char* name : {"x.sock", ".sock", "4711", "4711x.sock", "4711-.sock", "4711-2x.sock", "99999999999.sock"})
    EXPECT_EQ(internal::pidOfSocket(name), std::nullopt) << name;
}

TEST(SocketFolder, TheVariableReplacesAllOthers) {
  TemporaryFolder folder;
  ASSERT_EQ(::setenv("OPENCLAW_SOCKET_DIR", folder.file("mine").c_str(), 1), 0);
  auto directory = internal::socketDirectory();
  EXPECT_EQ(internal::searchDirectories(), std::vector<std::string>{folder.file("mine")});
  EXPECT_EQ(internal::directoriesOf(0), std::vector<std::string>{folder.file("mine")});
  ASSERT_EQ(::unsetenv("OPENCLAW_SOCKET_DIR"), 0);
  ASSERT_TRUE(directory);
  EXPECT_EQ(*directory, folder.file("mine"));
}

TEST(SocketFolder, AFolderOfSomebodyElseOrOpenToOthersIsNotTrusted) {
  TemporaryFolder folder;
  ASSERT_EQ(::setenv("XDG_RUNTIME_DIR", folder.path().c_str(), 1), 0);
  ASSERT_EQ(::mkdir(folder.file("openclaw").c_str(), 0777), 0);
  ASSERT_EQ(::chmod(folder.file("openclaw").c_str(), 0777), 0);
  auto directory = internal::socketDirectory();
  ASSERT_TRUE(directory) << toText(directory.error());
  EXPECT_NE(*directory, folder.file("openclaw"));
  ASSERT_EQ(::chmod(folder.file("openclaw").c_str(), 0700), 0);
  directory = internal::socketDirectory();
  ASSERT_TRUE(directory);
  EXPECT_EQ(*directory, folder.file("openclaw"));
}

}  // namespace
}  // namespace openclaw::test
