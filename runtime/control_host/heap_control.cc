#include "runtime/control_host/heap_control.h"

#include <fmt/format.h>
#include <limits.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <system_error>
#include <utility>

#include "capture/control/server.h"
#include "capture/snapshotter.h"
#include "format/dump_writer.h"
#include "format/frame.h"
#include "openclaw/version.h"
#include "runtime/gc/counters.h"
#include "runtime/gc/heap_impl.h"
#include "runtime/gc/resident.h"
#include "runtime/source/runtime_source.h"

namespace openclaw {
namespace {

using std::chrono::steady_clock;

constexpr double kHugeEnough = 0.9;                      // below it a clone is slow
constexpr std::uint64_t kWorthHugePages = 64ull << 20;   // resident bytes; a smaller heap clones fast either way
constexpr std::chrono::milliseconds kIdleBudget{10};     // of the 50 ms between two idle turns

const char* effectText(SettingEffect effect) {
  switch (effect) {
    case SettingEffect::kNow: return "now";
    case SettingEffect::kNextCollection: return "next collection";
    case SettingEffect::kNoneYet: return "no effect yet";
  }
  return "";
}

Result<SnapshotMethod> methodOf(const std::string& consistency) {
  if (consistency.empty()) return SnapshotMethod::kAutomatic;
  if (consistency == "clone") return SnapshotMethod::kClone;
  if (consistency == "stop-the-world") return SnapshotMethod::kStopTheWorld;
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("\"{}\" is no way to take a dump (clone or stop-the-world)", consistency));
}

// What a heap does for a snapshot.
class HeapSnapshots final : public SnapshotHost {
 public:
  explicit HeapSnapshots(gc::HeapImpl& heap) : heap_(heap), source_(heap) {}

  void prepare(bool willClone) override {
    source_.prepare();
    if (willClone) {
      if (wantsHugePages() && !isHugeEnough()) heap_.dumps.restoreHugePages();
      heap_.dumps.prepare();
    }
    source_.setResident(gc::readResidentSet(heap_));   // last: as near to the stop as can be
  }
  std::uint64_t stop() override {
    gc::PauseBuilder& pause = heap_.safepoint.stop(gc::StopKind::kDump, "dump");
    pause.phase("snapshot");
    return pause.entry.startMonotonic;
  }
  std::uint64_t resume(bool childAlive) override {
    heap_.dumps.cloned(childAlive);
    cloned_ = childAlive;
    return heap_.safepoint.resume().duration;
  }
  bool childLives() override {
    constexpr std::uint64_t kAtOnce = 50'000'000;
    if (wantsHugePages()) heap_.dumps.unshareBusy(kAtOnce);
    return heap_.dumps.unshareUnfinished();
  }
  std::string childGone() override {
    heap_.dumps.childGone();
    if (!std::exchange(cloned_, false) || !wantsHugePages()) return "";
    const gc::HugePageShare before = heap_.dumps.hugePageShare();
    if (before.residentBytes < kWorthHugePages) return "";
    const gc::HugePageReport report = heap_.dumps.restoreHugePages();
    const gc::HugePageShare after = heap_.dumps.hugePageShare();
    if (after.share() >= kHugeEnough) return "";
    return fmt::format("{:.0f}% of the heap's memory is on huge pages{}: the stop of the next dump may be longer",
                       after.share() * 100,
                       report.supported ? "" : ", and this kernel (before 6.1) cannot restore them");
  }
  HeapSource& source() override { return source_; }
  double requiredHeadroom() const override { return static_cast<double>(heap_.setting(SettingId::dumpHeadroom)) / 1e6; }
  std::uint64_t committedBytes() const override { return heap_.pool.committedBytes(); }

 private:
  bool wantsHugePages() const { return heap_.setting(SettingId::hugePages) != 0; }
  bool isHugeEnough() const {
    const gc::HugePageShare share = heap_.dumps.hugePageShare();
    return share.residentBytes < kWorthHugePages || share.share() >= kHugeEnough;
  }

  gc::HeapImpl& heap_;
  RuntimeSource source_;
  bool cloned_ = false;
};

std::string absolute(const std::string& path) {
  char resolved[PATH_MAX];
  return ::realpath(path.c_str(), resolved) != nullptr ? resolved : path;
}

}  // namespace

struct HeapControl::State final : public ControlHost {
  State(Heap& outer, const HeapOptions& options)
      : heap(outer), impl(outer.impl()), snapshots(impl), snapshotter(snapshots),
        dumpDirectory(options.dumpDirectory.empty() ? "" : absolute(options.dumpDirectory)),
        controlDirectory(options.controlDirectory), listens(options.control) {}

  Heap& heap;
  gc::HeapImpl& impl;
  HeapSnapshots snapshots;
  Snapshotter snapshotter;
  const std::string dumpDirectory, controlDirectory;
  const bool listens;
  std::string memoryRoot;
  std::string problem;
  std::atomic<std::uint64_t> collections{0};
  std::atomic<bool> stressDumpDue{false}, confined{false};
  std::atomic<std::uint64_t> namedDumps{0};
  std::unique_ptr<ControlServer> server;   // last: its thread uses all of the above

  // Runs `work` on the control thread, which a child must be cloned from. A registered caller counts as blocked: the
  // dump stops the world while it waits.
  void onControlThread(const std::function<void()>& work) {
    if (server->onControlThread()) return work();
    std::optional<BlockingScope> blocked;
    if (gc::currentThread != nullptr && gc::currentThread->heap == &impl) blocked.emplace(heap);
    server->run(work);
  }

  Result<control::DumpDoneReply> snapshot(int descriptor, const control::DumpRequest& request, const std::string& by,
                                          const DumpProgress& progress, std::stop_token stop) {
    auto method = methodOf(request.consistency);
    if (!method) return std::unexpected(std::move(method).error());
    if (request.collectFirst) impl.collect("dump");
    DumpOptions options;
    options.method = *method;
    options.requestedBy = by;
    options.memoryRoot = memoryRoot;
    options.seccomp = confined.load(std::memory_order_relaxed);
    auto done = snapshotter.dump(descriptor, options, progress, std::move(stop));
    (done ? impl.dumps.dumps : impl.dumps.dumpsFailed).fetch_add(1, std::memory_order_relaxed);
    return done;
  }

  Result<control::DumpDoneReply> dumpToPath(const std::string& path, bool overwrite) {
    OPENCLAW_TRY(PendingFile file, PendingFile::create(path, overwrite));
    OPENCLAW_TRY(control::DumpDoneReply done, snapshot(file.descriptor(), {}, "openclaw::Heap::dump", {}, {}));
    OPENCLAW_TRY_VOID(appendSymbolsAndIndex(file.descriptor(), path, {}, ""));
    OPENCLAW_TRY_VOID(file.commit());
    return done;
  }

  // ControlHost, on the control thread.
  control::InfoReply info() override {
    control::InfoReply reply;
    reply.pid = static_cast<std::uint32_t>(::getpid());
    reply.executable = absolute("/proc/self/exe");
    reply.version = OPENCLAW_VERSION;
    reply.formatVersion = kFormatVersion;
    reply.startedUnix = impl.startedUnix;
    reply.committedBytes = impl.pool.committedBytes();
    // Without a stop: what the last collection found and what was allocated since, but for the buffers in use.
    reply.objectBytes = impl.markedBytes.load(std::memory_order_relaxed) +
                        impl.allocatedSinceCollection.load(std::memory_order_relaxed);
    return reply;
  }
  Result<control::MemoryReply> memory() override {
    control::MemoryReply reply;
    ArenaRecord arena;
    const gc::ResidentSet resident = gc::readResidentSet(impl);
    impl.safepoint.stop(gc::StopKind::kCounters, "memory show").phase("count");
    gc::computeCounters(impl, reply.counters, &arena);
    reply.stopNanoseconds = impl.safepoint.resume().duration;
    resident.addTo(reply.counters);
    control::ArenaRow row{arena, std::string(arena.name)};
    row.name = {};
    reply.arenas.push_back(std::move(row));
    return reply;
  }
  control::SettingsReply settings(const std::string& group) override {
    control::SettingsReply reply;
    for (const SettingsState::Row& row : impl.settings.rows()) {
      const SettingInfo& about = settingInfo(row.id);
      if (!group.empty() && about.group != group) continue;
      reply.rows.push_back({std::string(about.group), std::string(about.name), settingText(row.id, row.value),
                            settingText(row.id, about.defaultValue), settingRange(row.id), row.origin,
                            effectText(about.effect), std::string(about.help)});
    }
    return reply;
  }
  Result<void> set(const std::vector<control::SettingValue>& values, const std::string& by) override {
    std::vector<SettingAssignment> parsed;
    for (const control::SettingValue& value : values) {
      auto id = findSetting(value.group, value.name);
      if (!id) return fail(ErrorCode::kInvalidArgument, fmt::format("there is no setting {} {}", value.group, value.name));
      OPENCLAW_TRY(std::uint64_t number, parseSetting(*id, value.value));
      OPENCLAW_TRY_VOID(impl.checkSetting(*id, number));
      parsed.emplace_back(*id, number);
    }
    return impl.settings.set(parsed, "control", by);
  }
  Result<control::PauseRow> collect(const std::string& cause) override {
    return gc::PauseLog::row(impl.collect(cause.empty() ? "control" : cause));
  }
  control::PausesReply pauses(std::uint32_t newest) override { return impl.pauses.rows(newest); }
  Result<control::DumpDoneReply> dump(int descriptor, const control::DumpRequest& request, const std::string& by,
                                      const DumpProgress& progress, std::stop_token stop) override {
    return snapshot(descriptor, request, by, progress, std::move(stop));
  }
  void idle() override {
    if (stressDumpDue.exchange(false, std::memory_order_relaxed)) stressDump();
    const auto until = steady_clock::now() + kIdleBudget;
    while (impl.idleStep() && steady_clock::now() < until) {
    }
  }
  void stressDump();
};

void HeapControl::State::stressDump() {
  std::FILE* nowhere = std::fopen("/dev/null", "wb");
  if (nowhere == nullptr) {
    impl.dumps.dumpsFailed.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  // A failure is counted in dumps_failed_total; there is nobody to tell it to.
  static_cast<void>(snapshot(::fileno(nowhere), {}, "stress-dump", {}, {}));
  std::fclose(nowhere);
}

HeapControl::HeapControl(Heap& heap, const HeapOptions& options) : state_(std::make_unique<State>(heap, options)) {}

void HeapControl::start() {
  State& s = *state_;
  auto server = ControlServer::start(s, {s.controlDirectory, s.listens});
  if (!server && s.listens) {
    s.problem = toText(server.error());
    server = ControlServer::start(s, {"", false});
  } else if (!s.listens) {
    s.problem = "the program asked for none";
  }
  // Without a thread there are no dumps, destructors or background sweeping.
  if (!server) throw std::system_error(EAGAIN, std::generic_category(), toText(server.error()));
  s.server = *std::move(server);
}

HeapControl::~HeapControl() { state_->server.reset(); }

Result<control::DumpDoneReply> HeapControl::dump(const std::string& path, bool overwrite) {
  State& s = *state_;
  std::string target = path;
  if (target.empty()) {
    if (s.dumpDirectory.empty())
      return fail(ErrorCode::kInvalidArgument, "a dump needs a path: no dump directory was set when the heap was made");
    target = fmt::format("{}/heap-{}-{}.bin", s.dumpDirectory, ::getpid(), s.namedDumps.fetch_add(1) + 1);
  }
  Result<control::DumpDoneReply> done = fail(ErrorCode::kNotFinished, "the control thread did not run");
  s.onControlThread([&] { done = s.dumpToPath(target, overwrite); });
  if (done && path.empty()) done->note += fmt::format("{}written to {}", done->note.empty() ? "" : "; ", target);
  return done;
}

Result<control::DumpDoneReply> HeapControl::dump(int descriptor, const control::DumpRequest& request,
                                                 const std::string& by, const DumpProgress& progress,
                                                 std::stop_token stop) {
  Result<control::DumpDoneReply> done = fail(ErrorCode::kNotFinished, "the control thread did not run");
  state_->onControlThread([&] { done = state_->snapshot(descriptor, request, by, progress, stop); });
  return done;
}

void HeapControl::collectionFinished() noexcept {
  const std::uint64_t every = state_->impl.setting(SettingId::stressDump);
  const std::uint64_t number = state_->collections.fetch_add(1, std::memory_order_relaxed) + 1;
  if (every != 0 && number % every == 0) state_->stressDumpDue.store(true, std::memory_order_relaxed);
}

void HeapControl::confineChildren(bool on) { state_->confined.store(on, std::memory_order_relaxed); }
void HeapControl::readMemoryFrom(std::string root) { state_->memoryRoot = std::move(root); }
const std::string& HeapControl::socketPath() const { return state_->server->socketPath(); }
const std::string& HeapControl::problem() const { return state_->problem; }

}  // namespace openclaw
