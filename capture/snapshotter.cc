#include "capture/snapshotter.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include "capture/child_process.h"
#include "capture/memory_headroom.h"

namespace openclaw {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kTick{50};            // how often a child is looked at, and progress told
constexpr milliseconds kHeadroomEvery{250};

std::uint64_t nowUnix() {
  timespec t{};
  ::clock_gettime(CLOCK_REALTIME, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(t.tv_nsec);
}

// write(2) and nothing else. Threads and signals: in a dump child all signals are blocked, in a stopped world EINTR
// may come.
class DescriptorSink final : public ByteSink {
 public:
  DescriptorSink(int descriptor, const std::stop_token* stop) : descriptor_(descriptor), stop_(stop) {}
  int write(const std::byte* data, std::size_t size) noexcept override {
    while (size != 0) {
      if (stop_ != nullptr && stop_->stop_requested()) return ECANCELED;
      const long wrote = ::syscall(SYS_write, descriptor_, data, size);
      if (wrote < 0) {
        if (errno == EINTR) continue;
        return errno;
      }
      if (wrote == 0) return EIO;
      data += wrote;
      size -= static_cast<std::size_t>(wrote);
    }
    return 0;
  }

 private:
  int descriptor_;
  const std::stop_token* stop_;
};

// The host's source with what only the snapshotter knows about this dump: its id, how and for whom it was taken.
class AnnotatedSource final : public HeapSource {
 public:
  AnnotatedSource(HeapSource& under, const ProcessRecord& known) : under_(under), known_(known) {}
  // Decided in the stop, when a clone was refused.
  void setConsistency(Consistency consistency) { known_.consistency = consistency; }
  void setStopped(std::uint64_t monotonic) { known_.dumpedMonotonic = monotonic; }

  std::uint64_t lowAddress() const noexcept override { return under_.lowAddress(); }
  std::uint64_t highAddress() const noexcept override { return under_.highAddress(); }
  std::uint32_t granule() const noexcept override { return under_.granule(); }
  std::uint32_t objectOffset() const noexcept override { return under_.objectOffset(); }
  const SourceTables& tables() noexcept override {
    tables_ = under_.tables();
    ProcessRecord& process = tables_.process;
    process.dumpId = known_.dumpId;
    process.dumpedUnix = known_.dumpedUnix;
    process.dumpedMonotonic = known_.dumpedMonotonic;
    process.consistency = known_.consistency;
    process.requested = known_.requested;
    if (process.previousDumpId.empty()) process.previousDumpId = known_.previousDumpId;
    if (process.dumpNumber == 0) process.dumpNumber = known_.dumpNumber;
    return tables_;
  }
  void visitStarts(StartVisitor& visitor) noexcept override { under_.visitStarts(visitor); }
  void visitObjects(ObjectVisitor& visitor) noexcept override { under_.visitObjects(visitor); }
  void visitRegions(RegionVisitor& visitor) noexcept override { under_.visitRegions(visitor); }
  std::span<const FloatingRecord> floating() noexcept override { return under_.floating(); }
  void visitRoots(RootVisitor& visitor) noexcept override { under_.visitRoots(visitor); }
  LateTables lateTables() noexcept override { return under_.lateTables(); }

 private:
  HeapSource& under_;
  ProcessRecord known_;
  SourceTables tables_;
};

// Shared with the child. Owns: one page-sized shared mapping.
class SharedProgress {
 public:
  SharedProgress() {
    void* memory = ::mmap(nullptr, sizeof(WalkProgress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED) progress_ = new (memory) WalkProgress();
  }
  SharedProgress(const SharedProgress&) = delete;
  ~SharedProgress() {
    if (progress_ != nullptr) ::munmap(progress_, sizeof(WalkProgress));
  }
  WalkProgress* get() const { return progress_; }

 private:
  WalkProgress* progress_ = nullptr;
};

// Fill levels that a watchdog compares: when none of them moves, nothing moves.
using Levels = std::array<std::uint64_t, 5>;
Levels levelsOf(const WalkProgress& p) {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  return {p.phase.load(kRelaxed), p.objectsTotal.load(kRelaxed), p.objectsDone.load(kRelaxed), p.bytesWritten.load(kRelaxed), p.regions.load(kRelaxed)};
}

control::DumpProgressReply progressReply(const WalkProgress& p) {
  const Levels levels = levelsOf(p);
  return {toText(static_cast<WalkPhase>(levels[0])), levels[2], levels[1], levels[3]};
}

void add(std::string& note, const std::string& sentence) {
  if (sentence.empty()) return;
  if (!note.empty()) note += "; ";
  note += sentence;
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
  return std::to_string(whole == 0 ? 0 : part * 100 / whole) + "%";
}

Error walkError(EncodeStatus status, int sinkError) {
  if (status == EncodeStatus::kSinkFailed && sinkError == ECANCELED)
    return {ErrorCode::kCancelled, "the dump was cancelled"};
  if (status == EncodeStatus::kSinkFailed) {
    std::string what = std::string("the dump could not be written: ") + std::strerror(sinkError);
    if (sinkError == ENOSPC || sinkError == EDQUOT) what += "; free some space or choose another --output";
    if (sinkError == EFBIG) what += "; the process's file size limit (ulimit -f) is too low";
    if (sinkError == EPIPE) what += "; the reader of the output went away";
    return {ErrorCode::kNotFinished, std::move(what)};
  }
  if (status == EncodeStatus::kOutOfOrder)
    return {ErrorCode::kNotFinished, "the dump was given up: the heap described itself inconsistently (objects out of "
                                     "order, or outside its range); please report this"};
  return {ErrorCode::kNotFinished, std::string("the dump was given up: ") + toText(status)};
}

// The dump's own cost, behind what the walk wrote: only this process knows it, and only now.
std::optional<Error> appendTaken(int descriptor, WalkProgress& progress, const TakenRecord& row) {
  std::vector<std::byte> workspace(FrameEncoder::workspaceBytes());
  DescriptorSink sink(descriptor, nullptr);
  FrameEncoder encoder(workspace, sink);
  encoder.continueAt(progress.frames.load());
  encoder.taken(row);
  progress.bytesWritten.fetch_add(encoder.bytesWritten());
  if (encoder.status() == EncodeStatus::kOk) return std::nullopt;
  return walkError(encoder.status(), encoder.sinkError());
}

// What the child needs, on the parent's stack: the child has a copy.
struct ChildWork {
  HeapSource* source;
  DumpWorkspace* workspace;
  const FileHeader* header;
  WalkProgress* progress;
  int descriptor;
};

int childBody(void* argument) noexcept {
  const ChildWork& work = *static_cast<const ChildWork*>(argument);
  DescriptorSink sink(work.descriptor, nullptr);
  return static_cast<int>(writeDump(*work.source, *work.workspace, *work.header, sink, *work.progress, 0));
}

}  // namespace

struct Snapshotter::State {
  SnapshotHost& host;
  std::array<std::uint8_t, 16> lastId{};  // of the last dump that finished; all zero = none
  std::uint32_t finished = 0;

  // Why a clone should not be tried, or "".
  std::string cloneProblem(const DumpOptions& options) const {
    const double required = host.requiredHeadroom();
    if (required <= 0) return "";
    const MemoryHeadroom room = measureHeadroom(options.memoryRoot);
    if (room.limit == 0 || static_cast<double>(room.free) >= required * static_cast<double>(room.limit)) return "";
    return "only " + toText(Bytes(room.free)) + " of " + toText(Bytes(room.limit)) + " (" + room.scope +
           ") are free, less than dump-headroom asks for; a clone of this heap may need up to " +
           toText(Bytes(host.committedBytes()));
  }

  // Looks after a running child until it ends, one way or another.
  std::optional<Error> attend(ChildProcess& child, const WalkProgress& progress, const DumpOptions& options,
                              const DumpProgress& onProgress, const std::stop_token& stop) const {
    const double required = host.requiredHeadroom();
    Levels levels = levelsOf(progress);
    auto moved = steady_clock::now(), measured = moved;
    bool busy = false;
    while (!child.wait(busy ? milliseconds(0) : kTick)) {
      const auto now = steady_clock::now();
      if (stop.stop_requested()) return end(child, {ErrorCode::kCancelled, "the dump was cancelled"});
      if (const Levels current = levelsOf(progress); current != levels) {
        levels = current;
        moved = now;
      } else if (now - moved >= milliseconds(options.noProgressMilliseconds)) {
        return end(child, {ErrorCode::kNotFinished, "the dump was given up: no progress for " +
                                                        toText(std::chrono::nanoseconds(now - moved)) + " in phase " +
                                                        toText(static_cast<WalkPhase>(levels[0])) +
                                                        " (is the reader of the output stuck, or the machine overloaded?)"});
      }
      if (required > 0 && now - measured >= kHeadroomEvery) {
        measured = now;
        const MemoryHeadroom room = measureHeadroom(options.memoryRoot);
        if (room.limit != 0 && static_cast<double>(room.free) < required / 2 * static_cast<double>(room.limit))
          return end(child, {ErrorCode::kNotFinished,
                             "the dump was given up to protect the program: only " + toText(Bytes(room.free)) + " of " +
                                 toText(Bytes(room.limit)) + " (" + room.scope + ") were left, under half of dump-headroom"});
      }
      if (onProgress) onProgress(progressReply(progress));
      busy = host.childLives();
    }
    return judge(child.end(), progress);
  }

  static Error end(ChildProcess& child, Error error) {
    child.kill();
    while (!child.wait(milliseconds(1000))) child.kill();
    return error;
  }

  static std::optional<Error> judge(const ChildEnd& end, const WalkProgress& progress) {
    const auto status = static_cast<EncodeStatus>(progress.status.load(std::memory_order_relaxed));
    const bool finished = progress.finished.load(std::memory_order_acquire) != 0;
    if (end.exited && finished && status == EncodeStatus::kOk) return std::nullopt;
    if (end.exited && finished) return walkError(status, progress.sinkError.load(std::memory_order_relaxed));
    std::string what = "the dump was given up: the child ";
    if (end.exited && end.status == ChildProcess::kSeccompRefused) what += "could not enter seccomp";
    else if (end.exited) what += "ended with status " + std::to_string(end.status);
    else if (end.signal == SIGSYS) what += "made a system call that it must not make (SIGSYS)";
    else if (end.signal == SIGKILL) what += "was killed (by somebody, or because memory ran out)";
    else what += "was ended by signal " + std::to_string(end.signal) + " (" + ::strsignal(end.signal) + ")";
    const Levels levels = levelsOf(progress);
    what += std::string(" in phase ") + toText(static_cast<WalkPhase>(levels[0])) + ", " + percent(levels[2], levels[1]) + " of the objects";
    return Error{ErrorCode::kNotFinished, std::move(what)};
  }
};

Snapshotter::Snapshotter(SnapshotHost& host) : state_(new State{host}) {}
Snapshotter::~Snapshotter() { delete state_; }

Result<control::DumpDoneReply> Snapshotter::dump(int descriptor, const DumpOptions& options, const DumpProgress& onProgress,
                                                 std::stop_token stop) {
  const auto began = steady_clock::now();
  const int flags = ::fcntl(descriptor, F_GETFL);
  if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
    return fail(ErrorCode::kInvalidArgument, "the dump's descriptor cannot be written to");
  if ((flags & O_NONBLOCK) != 0)
    return fail(ErrorCode::kInvalidArgument, "the dump's descriptor is non-blocking; a dump needs a blocking one");
  if (stop.stop_requested()) return fail(ErrorCode::kCancelled, "the dump was cancelled");

  SnapshotHost& host = state_->host;
  std::string note;
  bool clone = options.method != SnapshotMethod::kStopTheWorld;
  if (clone) {
    if (std::string problem = state_->cloneProblem(options); !problem.empty()) {
      if (options.method == SnapshotMethod::kClone)
        return fail(ErrorCode::kNotFinished, "no clone was made: " + problem + "; lower dump-headroom, or use --method stop-the-world");
      clone = false;
      add(note, "the program was stopped for the whole dump: " + problem);
    }
  }

  FileHeader header;
  if (::getrandom(header.dumpId.data(), header.dumpId.size(), 0) != static_cast<ssize_t>(header.dumpId.size()))
    return fail(ErrorCode::kIo, std::string("no random bytes for the dump's id: ") + std::strerror(errno));
  header.dumpedUnix = nowUnix();
  const SharedProgress shared;
  if (shared.get() == nullptr) return fail(ErrorCode::kNotFinished, std::string("no memory for the dump: ") + std::strerror(errno));
  WalkProgress& progress = *shared.get();
  HeapSource& source = host.source();
  OPENCLAW_TRY(DumpWorkspace workspace, DumpWorkspace::create(source.lowAddress(), source.highAddress(), source.granule()));

  ProcessRecord known;
  known.dumpId = header.dumpId;
  known.dumpedUnix = header.dumpedUnix;
  known.consistency = clone ? Consistency::kClone : Consistency::kStopTheWorld;
  known.requested = options.requestedBy;
  if (state_->finished != 0) known.previousDumpId = state_->lastId;
  known.dumpNumber = state_->finished + 1;
  AnnotatedSource annotated(source, known);

  ChildProcess child;
  ChildWork work{&annotated, &workspace, &header, &progress, descriptor};
  const ChildOptions childOptions{descriptor, options.seccomp && kSeccompUsable};
  std::optional<Error> error;
  int cloneError = 0;
  bool walked = false;

  host.prepare(clone);
  // Nothing between stop and resume may allocate or lock: a stopped thread may hold malloc's lock.
  annotated.setStopped(host.stop());
  if (clone) cloneError = child.start(childBody, &work, childOptions);
  const bool walkHere = !clone || (cloneError != 0 && options.method == SnapshotMethod::kAutomatic);
  EncodeStatus status = EncodeStatus::kOk;
  if (walkHere) {
    annotated.setConsistency(Consistency::kStopTheWorld);
    DescriptorSink sink(descriptor, &stop);
    status = writeDump(annotated, workspace, header, sink, progress, 0);
    walked = true;
  }
  const std::uint64_t stopNanoseconds = host.resume(child.alive());

  if (child.alive()) {
    if (options.seccomp && !kSeccompUsable) add(note, "the child ran without seccomp, since this is a sanitizer build");
    add(note, child.makeHumble());
    if (onProgress) onProgress(progressReply(progress));
    error = state_->attend(child, progress, options, onProgress, stop);
  } else if (walked) {
    if (cloneError != 0)
      add(note, std::string("the program was stopped for the whole dump: the system refused a clone (") +
                    std::strerror(cloneError) + ")");
    if (status != EncodeStatus::kOk) error = walkError(status, progress.sinkError.load(std::memory_order_relaxed));
  } else {
    error = Error{ErrorCode::kNotFinished, std::string("no clone was made: the system refused it (") +
                                               std::strerror(cloneError) + "); use --method stop-the-world"};
  }
  add(note, host.childGone());
  if (error) return std::unexpected(std::move(*error));
  const auto total = [&] { return static_cast<std::uint64_t>(std::chrono::nanoseconds(steady_clock::now() - began).count()); };
  if (auto told = appendTaken(descriptor, progress, {stopNanoseconds, total(), note}); told) return std::unexpected(std::move(*told));

  state_->lastId = header.dumpId;
  ++state_->finished;
  if (onProgress) onProgress(progressReply(progress));
  control::DumpDoneReply reply;
  reply.end.frames = progress.frames.load();
  reply.end.objects = progress.objectsDone.load();
  reply.end.references = progress.references.load();
  reply.end.roots = progress.roots.load();
  reply.end.regions = progress.regions.load();
  reply.end.stopNanoseconds = stopNanoseconds;
  reply.end.walkNanoseconds = progress.walkNanoseconds.load();
  const std::size_t losses = std::min<std::size_t>(progress.lossCount.load(), WalkProgress::kMaxLosses);
  for (std::size_t i = 0; i < losses; ++i) reply.losses.push_back({progress.losses[i].name, progress.losses[i].count});
  reply.consistency = walked ? "stop-the-world" : "clone";
  reply.stopNanoseconds = stopNanoseconds;
  reply.totalNanoseconds = total();
  reply.note = std::move(note);
  return reply;
}

}  // namespace openclaw
