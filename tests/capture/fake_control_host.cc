#include "fake_control_host.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "format/frame.h"

namespace openclaw::test {

FakeControlHost::FakeControlHost(FakeHeap& heap) : heap_(heap), snapshotHost_(heap), snapshotter_(snapshotHost_) {
  for (const SettingInfo& setting : allSettings()) values_[setting.id] = setting.defaultValue;
}

control::InfoReply FakeControlHost::info() {
  ++calls;
  control::InfoReply reply;
  reply.pid = static_cast<std::uint32_t>(::getpid());
  reply.executable = "/usr/bin/fake";
  reply.version = "1.2.3";
  reply.formatVersion = kFormatVersion;
  reply.startedUnix = 1'700'000'000'000'000'000u;
  reply.committedBytes = 64 << 20;
  reply.objectBytes = 40 << 20;
  return reply;
}

Result<control::MemoryReply> FakeControlHost::memory() {
  ++calls;
  control::MemoryReply reply;
  HeapCounters& c = reply.counters;
  // Every counter another value, so that a mix-up shows.
  std::uint64_t value = 1000;
  for (const CounterInfo& info : allCounters()) c.*info.member = value += 1009;
  c.objectCount = heap_.objects.size();
  c.committedBytes = c.objectBytes + c.floatingBytes + c.holeBytes + c.emptyBlockBytes + c.tlabTailBytes + c.largeSlackBytes + c.metadataBytes;
  control::ArenaRow arena;
  arena.ownedName = "main";
  arena.committed = c.committedBytes;
  arena.softLimit = 64 << 20;
  arena.blocks = 12;
  arena.chunks = 3;
  reply.arenas.push_back(arena);
  reply.stopNanoseconds = 123'000;
  return reply;
}

control::SettingsReply FakeControlHost::settings(const std::string& group) {
  ++calls;
  control::SettingsReply reply;
  for (const SettingInfo& s : allSettings()) {
    if (!group.empty() && s.group != group) continue;
    const char* effect = s.effect == SettingEffect::kNow ? "now" : s.effect == SettingEffect::kNextCollection ? "next collection" : "no effect yet";
    reply.rows.push_back({std::string(s.group), std::string(s.name), settingText(s.id, values_[s.id]), settingText(s.id, s.defaultValue),
                          settingRange(s.id), values_[s.id] == s.defaultValue ? "default" : "control", effect, std::string(s.help)});
  }
  return reply;
}

Result<void> FakeControlHost::set(const std::vector<control::SettingValue>& values, const std::string& by) {
  ++calls;
  lastBy = by;
  auto changed = values_;
  for (const control::SettingValue& value : values) {
    const auto id = findSetting(value.group, value.name);
    if (!id) return fail(ErrorCode::kInvalidArgument, "there is no setting " + value.group + " " + value.name);
    OPENCLAW_TRY(changed[*id], parseSetting(*id, value.value));
  }
  values_ = std::move(changed);
  return {};
}

Result<control::PauseRow> FakeControlHost::collect(const std::string& cause) {
  ++calls;
  lastCause = cause;
  control::PauseRow pause;
  pause.number = pauses_.size() + 1;
  pause.ownedKind = "collect";
  pause.ownedCause = cause;
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  pause.startMonotonic = static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u;
  pause.duration = 3'000'000;
  pause.ownedPhases = {{"stop", 1'000'000}, {"mark", 2'000'000}};
  pause.objectsMarked = heap_.objects.size();
  pause.bytesMarked = 1 << 20;
  pause.threads = 4;
  pauses_.push_back(pause);
  ++collections;
  return pause;
}

control::PausesReply FakeControlHost::pauses(std::uint32_t newest) {
  ++calls;
  control::PausesReply reply;
  reply.total = pauses_.size();
  const std::size_t count = newest == 0 ? pauses_.size() : std::min<std::size_t>(newest, pauses_.size());
  reply.rows.assign(pauses_.end() - static_cast<std::ptrdiff_t>(count), pauses_.end());
  return reply;
}

Result<control::DumpDoneReply> FakeControlHost::dump(int descriptor, const control::DumpRequest& request, const std::string& by,
                                                     const std::function<void(const control::DumpProgressReply&)>& progress,
                                                     std::stop_token stop) {
  ++calls;
  if (beforeDump) beforeDump();
  if (request.collectFirst) {
    OPENCLAW_TRY([[maybe_unused]] control::PauseRow pause, collect("dump"));
  }
  DumpOptions options;
  options.requestedBy = by;
  options.seccomp = seccomp;
  if (request.consistency == "clone") options.method = SnapshotMethod::kClone;
  else if (request.consistency == "stop-the-world") options.method = SnapshotMethod::kStopTheWorld;
  else if (!request.consistency.empty()) return fail(ErrorCode::kInvalidArgument, "unknown method " + request.consistency);
  auto result = snapshotter_.dump(descriptor, options, progress, stop);
  ++dumpsEnded;
  return result;
}

}  // namespace openclaw::test
