// Dumps of a heap that goes on changing: the clone, its child's misfortunes, and the fallback.
#include "capture/snapshotter.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <thread>

#include "capture/child_process.h"
#include "fake_heap.h"

namespace openclaw::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

DumpOptions withMethod(SnapshotMethod method) {
  DumpOptions options;
  options.method = method;
  options.requestedBy = "a test";
  options.seccomp = true;
  return options;
}

// After every test: no child, no descriptor, no mapping is left.
class SnapshotterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    descriptors_ = descriptorCount();
    ASSERT_TRUE(childProcesses().empty());
  }
  void TearDown() override {
    EXPECT_EQ(descriptorCount(), descriptors_);
    EXPECT_TRUE(childProcesses().empty());
  }
  int openOutput() const { return ::open(path().c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600); }
  std::string path() const { return folder_.file("heap.bin"); }

 private:
  TemporaryFolder folder_;
  std::size_t descriptors_ = 0;
};

struct Pipe {
  int ends[2] = {-1, -1};
  Pipe() { EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0); }
  ~Pipe() { closeRead(), ::close(ends[1]); }
  void closeRead() {
    if (ends[0] >= 0) ::close(ends[0]);
    ends[0] = -1;
  }
  int out() const { return ends[1]; }
};

TEST_F(SnapshotterTest, ACloneHoldsTheHeapAsItWasWhenItStoodStill) {
  FakeHeap heap = FakeHeap::random(11, 100'000);
  const FakeHeap before = heap;
  FakeHost host(heap);
  // The program runs on and ruins everything the child has not read yet.
  host.onResume = [&] {
    for (FakeObject& object : heap.objects) object.row.size += 16, object.row.type = 0;
    for (RegionRecord& region : heap.regions) region.bytes = 1;
  };
  host.note = "pauses may grow";
  const int out = openOutput();
  std::vector<control::DumpProgressReply> progress;
  auto done = Snapshotter(host).dump(out, withMethod(SnapshotMethod::kClone),
                                     [&](const control::DumpProgressReply& p) { progress.push_back(p); }, {});
  ::close(out);
  ASSERT_TRUE(done) << toText(done.error());
  const ReadBack dump = readBack(path());
  EXPECT_EQ(difference(before, dump), "");
  EXPECT_TRUE(dump.complete);
  EXPECT_THAT(host.calls, ElementsAre("prepare clone", "stop", "resume child", "gone"));
  EXPECT_EQ(done->consistency, "clone");
  EXPECT_THAT(done->note, HasSubstr("pauses may grow"));
  EXPECT_EQ(done->stopNanoseconds, 1000u);
  EXPECT_EQ(done->end.objects, before.objects.size());
  EXPECT_EQ(done->end.roots, before.roots.size());
  EXPECT_EQ(done->end.references, dump.end.references);
  EXPECT_GT(done->end.walkNanoseconds, 0u);
  EXPECT_EQ(done->end.frames, dump.end.frames);
  ASSERT_FALSE(progress.empty());
  EXPECT_EQ(progress.back().phase, "finished");
  EXPECT_EQ(progress.back().objectsDone, before.objects.size());
  EXPECT_EQ(progress.back().bytesWritten, std::filesystem::file_size(path()));
  EXPECT_EQ(dump.process.consistency, Consistency::kClone);
  EXPECT_EQ(dump.requested, "a test");
}

TEST_F(SnapshotterTest, DumpsOfOneProcessAreNumberedAndNameTheOneBefore) {
  FakeHeap heap = FakeHeap::random(12, 100);
  FakeHost host(heap);
  Snapshotter snapshotter(host);
  std::vector<std::uint8_t> last;
  for (std::uint32_t number = 1; number <= 3; ++number) {
    const int out = openOutput();
    auto done = snapshotter.dump(out, withMethod(SnapshotMethod::kAutomatic), {}, {});
    ::close(out);
    ASSERT_TRUE(done) << toText(done.error());
    const ReadBack dump = readBack(path());
    EXPECT_EQ(dump.process.dumpNumber, number);
    EXPECT_EQ(dump.dumpId.size(), 16u);
    EXPECT_EQ(dump.previousDumpId, last);
    EXPECT_NE(dump.dumpId, last);
    EXPECT_GT(dump.process.dumpedUnix, 1'600'000'000'000'000'000u);
    last = dump.dumpId;
  }
}

TEST_F(SnapshotterTest, StopTheWorldGivesTheSameDump) {
  FakeHeap heap = FakeHeap::random(13, 20'000);
  FakeHost host(heap);
  const int out = openOutput();
  auto done = Snapshotter(host).dump(out, withMethod(SnapshotMethod::kStopTheWorld), {}, {});
  ::close(out);
  ASSERT_TRUE(done) << toText(done.error());
  const ReadBack dump = readBack(path());
  EXPECT_EQ(difference(heap, dump), "");
  EXPECT_THAT(host.calls, ElementsAre("prepare", "stop", "resume", "gone"));
  EXPECT_EQ(done->consistency, "stop-the-world");
  EXPECT_EQ(dump.process.consistency, Consistency::kStopTheWorld);
}

TEST_F(SnapshotterTest, WithoutHeadroomTheWorldIsStoppedInstead) {
  FakeHeap heap = FakeHeap::random(14, 1000);
  FakeHost host(heap);
  host.headroom = 1.01;  // more than any machine has free
  const int out = openOutput();
  auto done = Snapshotter(host).dump(out, withMethod(SnapshotMethod::kAutomatic), {}, {});
  ASSERT_TRUE(done) << toText(done.error());
  EXPECT_EQ(done->consistency, "stop-the-world");
  EXPECT_THAT(done->note, HasSubstr("dump-headroom"));
  EXPECT_EQ(difference(heap, readBack(path())), "");

  auto refused = Snapshotter(host).dump(out, withMethod(SnapshotMethod::kClone), {}, {});
  ::close(out);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNotFinished);
  EXPECT_THAT(refused.error().what, HasSubstr("--method stop-the-world"));
}

TEST_F(SnapshotterTest, ARefusedCloneFallsBackToAStoppedWorld) {
  FakeHeap heap = FakeHeap::random(15, 1000);
  FakeHost host(heap);
  const int out = openOutput();
  // RLIMIT_NPROC does not hold for root, so a thread of another user tries.
  std::thread([&] {
    if (::geteuid() == 0) {
      ASSERT_EQ(::syscall(SYS_setresuid, 65534, 65534, 65534), 0);
    }
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NPROC, &before), 0);
    const rlimit lowered{0, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NPROC, &lowered), 0);
    auto done = Snapshotter(host).dump(out, withMethod(SnapshotMethod::kAutomatic), {}, {});
    auto refused = Snapshotter(host).dump(out, withMethod(SnapshotMethod::kClone), {}, {});
    ASSERT_EQ(::setrlimit(RLIMIT_NPROC, &before), 0);
    ASSERT_TRUE(done) << toText(done.error());
    EXPECT_EQ(done->consistency, "stop-the-world");
    EXPECT_THAT(done->note, HasSubstr("refused a clone"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kNotFinished);
  }).join();
  ::close(out);
  const ReadBack dump = readBack(path());
  EXPECT_EQ(difference(heap, dump), "");
  EXPECT_EQ(dump.process.consistency, Consistency::kStopTheWorld);
}

// A pipe nobody reads holds a child in the middle of its dump.
TEST_F(SnapshotterTest, AKilledChildIsAnErrorAndNothingStays) {
  FakeHeap heap = FakeHeap::random(16, 200'000);
  FakeHost host(heap);
  Pipe pipe;
  bool killed = false;
  auto done = Snapshotter(host).dump(pipe.out(), withMethod(SnapshotMethod::kClone),
                                     [&](const control::DumpProgressReply& p) {
                                       if (killed || p.phase != "objects") return;
                                       const auto children = childProcesses();
                                       ASSERT_EQ(children.size(), 1u);
                                       ::kill(children[0], SIGKILL);
                                       killed = true;
                                     },
                                     {});
  EXPECT_TRUE(killed);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kNotFinished);
  EXPECT_THAT(done.error().what, HasSubstr("was killed"));
  EXPECT_THAT(host.calls, ElementsAre("prepare clone", "stop", "resume child", "gone"));
}

TEST_F(SnapshotterTest, ADumpThatDoesNotMoveIsGivenUp) {
  FakeHeap heap = FakeHeap::random(17, 200'000);
  FakeHost host(heap);
  Pipe pipe;
  DumpOptions options = withMethod(SnapshotMethod::kClone);
  options.noProgressMilliseconds = 300;
  auto done = Snapshotter(host).dump(pipe.out(), options, {}, {});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kNotFinished);
  EXPECT_THAT(done.error().what, HasSubstr("no progress"));
}

TEST_F(SnapshotterTest, CancelEndsTheChild) {
  FakeHeap heap = FakeHeap::random(18, 200'000);
  FakeHost host(heap);
  Pipe pipe;
  std::stop_source stop;
  auto done = Snapshotter(host).dump(pipe.out(), withMethod(SnapshotMethod::kClone),
                                     [&](const control::DumpProgressReply&) { stop.request_stop(); }, stop.get_token());
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(host.calls.back(), "gone");
}

TEST_F(SnapshotterTest, CancelEndsAStoppedWorldToo) {
  FakeHeap heap = FakeHeap::random(19, 200'000);
  FakeHost host(heap);
  std::stop_source stop;
  heap.hookAt = 150'000;
  heap.hookArgument = &stop;
  heap.hook = [](void* source) { static_cast<std::stop_source*>(source)->request_stop(); };
  const int out = openOutput();
  auto done = Snapshotter(host).dump(out, withMethod(SnapshotMethod::kStopTheWorld), {}, stop.get_token());
  ::close(out);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kCancelled);
  EXPECT_THAT(host.calls, ElementsAre("prepare", "stop", "resume", "gone"));
}

TEST_F(SnapshotterTest, AReaderThatWentAwayIsAnErrorNotASignal) {
  FakeHeap heap = FakeHeap::random(20, 1000);
  FakeHost host(heap);
  Pipe pipe;
  pipe.closeRead();
  auto done = Snapshotter(host).dump(pipe.out(), withMethod(SnapshotMethod::kClone), {}, {});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kNotFinished);
  EXPECT_THAT(done.error().what, HasSubstr("Broken pipe"));
}

TEST_F(SnapshotterTest, TheFileSizeLimitIsAnErrorNotASignal) {
  FakeHeap heap = FakeHeap::random(21, 100'000);
  FakeHost host(heap);
  const int out = openOutput();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{100'000, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  auto done = Snapshotter(host).dump(out, withMethod(SnapshotMethod::kClone), {}, {});
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ::close(out);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kNotFinished);
  EXPECT_THAT(done.error().what, HasSubstr("ulimit -f"));
}

TEST_F(SnapshotterTest, AFullDiskIsAnErrorThatSaysSo) {
  FakeHeap heap = FakeHeap::random(22, 1000);
  FakeHost host(heap);
  const int out = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(out, 0);
  for (const auto method : {SnapshotMethod::kClone, SnapshotMethod::kStopTheWorld}) {
    auto done = Snapshotter(host).dump(out, withMethod(method), {}, {});
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::kNotFinished);
    EXPECT_THAT(done.error().what, HasSubstr("No space left"));
  }
  ::close(out);
}

TEST_F(SnapshotterTest, DescriptorsThatCannotTakeADumpAreRefusedBeforeTheStop) {
  FakeHeap heap = FakeHeap::random(23, 10);
  FakeHost host(heap);
  const int readOnly = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  Pipe pipe;
  ASSERT_EQ(::fcntl(pipe.out(), F_SETFL, O_NONBLOCK), 0);
  for (const int descriptor : {readOnly, pipe.out(), -1}) {
    auto done = Snapshotter(host).dump(descriptor, {}, {}, {});
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_TRUE(host.calls.empty());
  ::close(readOnly);
}

TEST_F(SnapshotterTest, AnInconsistentHeapIsAnErrorNotACrash) {
  FakeHeap heap = FakeHeap::random(24, 1000);
  std::swap(heap.objects[4].row, heap.objects[5].row);
  FakeHost host(heap);
  const int out = openOutput();
  auto done = Snapshotter(host).dump(out, withMethod(SnapshotMethod::kClone), {}, {});
  ::close(out);
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().what, HasSubstr("inconsistently"));
}

// --- the child as a process ---

int endOf(int (*body)(void*) noexcept, ChildOptions options, ChildEnd& end) {
  ChildProcess child;
  if (const int error = child.start(body, nullptr, options); error != 0) return error;
  while (!child.wait(std::chrono::milliseconds(1000))) {}
  end = child.end();
  return 0;
}

TEST_F(SnapshotterTest, ASystemCallOutsideTheListKillsTheChild) {
  if (!kSeccompUsable) GTEST_SKIP() << "no seccomp in sanitizer builds";
  ChildEnd end;
  ASSERT_EQ(endOf([](void*) noexcept { return static_cast<int>(::syscall(SYS_getpid)) > 0 ? 3 : 4; }, {-1, true}, end), 0);
  EXPECT_FALSE(end.exited);
  EXPECT_EQ(end.signal, SIGSYS);
  ASSERT_EQ(endOf([](void*) noexcept { return static_cast<int>(::syscall(SYS_getpid)) > 0 ? 3 : 4; }, {-1, false}, end), 0);
  EXPECT_TRUE(end.exited);
  EXPECT_EQ(end.status, 3);
}

TEST_F(SnapshotterTest, TheChildHasOneDescriptorNoHandlersAndDiesWithItsThread) {
  const int keep = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  static int kept;
  kept = keep;
  struct sigaction ignoredAction{}, before{};
  ignoredAction.sa_handler = [](int) { ::_exit(99); };
  ASSERT_EQ(::sigaction(SIGUSR1, &ignoredAction, &before), 0);
  ChildEnd end;
  const auto body = [](void*) noexcept {
    int problems = 0;
    for (int descriptor = 0; descriptor < 256; ++descriptor)
      if ((::fcntl(descriptor, F_GETFD) >= 0) != (descriptor == kept)) problems |= 1;
    int signal = 0;
    ::prctl(PR_GET_PDEATHSIG, &signal);
    if (signal != SIGKILL) problems |= 2;
    ::kill(static_cast<pid_t>(::syscall(SYS_getpid)), SIGUSR1);  // stays pending
    rlimit core{};
    ::getrlimit(RLIMIT_CORE, &core);
    if (core.rlim_cur != 0) problems |= 4;
    return problems;
  };
  ASSERT_EQ(endOf(body, {keep, false}, end), 0);
  ::sigaction(SIGUSR1, &before, nullptr);
  ::close(keep);
  EXPECT_TRUE(end.exited);
  EXPECT_EQ(end.status, 0);
}

TEST_F(SnapshotterTest, TheChildYieldsToTheProgramAndDiesFirst) {
  ChildProcess child;
  ASSERT_EQ(child.start([](void*) noexcept { for (;;) ::syscall(SYS_pause); return 0; }, nullptr, {}), 0);
  EXPECT_EQ(child.makeHumble(), "");
  EXPECT_EQ(::sched_getscheduler(child.pid()), SCHED_BATCH);
  EXPECT_EQ(::getpriority(PRIO_PROCESS, static_cast<id_t>(child.pid())), 5);
  std::ifstream score("/proc/" + std::to_string(child.pid()) + "/oom_score_adj");
  int value = 0;
  score >> value;
  EXPECT_EQ(value, 1000);
  child.kill();
  while (!child.wait(std::chrono::milliseconds(1000))) {}
  EXPECT_EQ(child.end().signal, SIGKILL);
}

TEST_F(SnapshotterTest, NoChildSignalReachesTheProgram) {
  static std::atomic<int> received;
  received = 0;
  struct sigaction action{}, before{};
  action.sa_handler = [](int) { ++received; };
  ASSERT_EQ(::sigaction(SIGCHLD, &action, &before), 0);
  ChildEnd end;
  ASSERT_EQ(endOf([](void*) noexcept { return 0; }, {}, end), 0);
  ::sigaction(SIGCHLD, &before, nullptr);
  EXPECT_EQ(received, 0);
}

}  // namespace
}  // namespace openclaw::test
