#include "runtime/gc/pauses.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <mutex>

#include "format/check.h"
#include "runtime/gc/thread_context.h"

namespace openclaw::gc {

namespace {
std::uint64_t clockNanoseconds(clockid_t clock) noexcept {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(now.tv_nsec);
}
}  // namespace

std::uint64_t monotonicNow() noexcept { return clockNanoseconds(CLOCK_MONOTONIC); }
std::uint64_t threadProcessorTime() noexcept { return clockNanoseconds(CLOCK_THREAD_CPUTIME_ID); }

const char* toText(StopKind kind) {
  switch (kind) {
    case StopKind::kCollect: return "collect";
    case StopKind::kDump: return "dump";
    case StopKind::kCounters: return "counters";
    case StopKind::kVerify: return "verify";
    case StopKind::kResize: return "resize";
  }
  return "";
}

void PauseBuilder::begin(StopKind kind, std::string_view cause) noexcept {
  entry = PauseEntry();
  entry.kind = kind;
  std::memcpy(entry.cause, cause.data(), std::min(cause.size(), sizeof entry.cause - 1));
  entry.startMonotonic = phaseStart_ = monotonicNow();
  current_ = "stopping";
}

void PauseBuilder::closePhase(std::uint64_t now) noexcept {
  if (current_ != nullptr) {
    // A phase that comes again adds to its first row.
    std::uint32_t i = 0;
    while (i < entry.phaseCount && entry.phases[i].name != current_) ++i;
    OPENCLAW_CHECK(i < PauseEntry::kMaxPhases, i);
    if (i == entry.phaseCount) entry.phases[entry.phaseCount++] = {current_, 0};
    entry.phases[i].duration += now - phaseStart_;
  }
  phaseStart_ = now;
}

void PauseBuilder::phase(const char* name) noexcept {
  closePhase(monotonicNow());
  current_ = name;
}

void PauseBuilder::end(std::uint64_t now) noexcept {
  closePhase(now);
  current_ = nullptr;
  entry.duration = now - entry.startMonotonic;
}

namespace {

int openFile(const char* path) { return ::open(path, O_RDONLY | O_CLOEXEC); }

// The number after `key` in the text, or the first number of an empty key; 0 when it is not there.
std::uint64_t numberAfter(const char* text, const char* key) {
  const char* at = key[0] == 0 ? text : std::strstr(text, key);
  if (at == nullptr) return 0;
  at += std::strlen(key);
  while (*at == ' ') ++at;
  std::uint64_t value = 0;
  while (*at >= '0' && *at <= '9') value = value * 10 + static_cast<std::uint64_t>(*at++ - '0');
  return value;
}

bool readWhole(int descriptor, char* buffer, std::size_t size) {
  if (descriptor < 0) return false;
  const ssize_t length = ::pread(descriptor, buffer, size - 1, 0);
  if (length <= 0) return false;
  buffer[length] = 0;
  return true;
}

}  // namespace

MachineSampler::~MachineSampler() {
  if (schedstat_ >= 0) ::close(schedstat_);
  if (cpuStat_ >= 0) ::close(cpuStat_);
}

void MachineSampler::open() noexcept {
  const auto tid = static_cast<std::uint32_t>(::syscall(SYS_gettid));
  if (openedFor_ == tid) return;
  openedFor_ = tid;
  if (schedstat_ >= 0) ::close(schedstat_);
  schedstat_ = openFile("/proc/thread-self/schedstat");
  if (cpuStat_ >= 0) return;
  // The process's own group: "0::/path" (v2) or "N:...cpu...:/path" (v1).
  char groups[4096], path[512];
  const int file = openFile("/proc/self/cgroup");
  const bool known = readWhole(file, groups, sizeof groups);
  if (file >= 0) ::close(file);
  if (!known) return;
  for (char* line = groups; line != nullptr && *line != 0;) {
    char* end = std::strchr(line, '\n');
    if (end != nullptr) *end = 0;
    char* first = std::strchr(line, ':');
    char* second = first == nullptr ? nullptr : std::strchr(first + 1, ':');
    if (second != nullptr) {
      const std::string_view controllers(first + 1, static_cast<std::size_t>(second - first - 1));
      if (controllers.empty()) {
        std::snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.stat", second + 1);
        cpuStat_ = openFile(path);
        cpuStatV2_ = true;
      } else if (controllers == "cpu,cpuacct" || controllers == "cpu" || controllers == "cpuacct,cpu") {
        std::snprintf(path, sizeof path, "/sys/fs/cgroup/%.*s%s/cpu.stat", static_cast<int>(controllers.size()), controllers.data(), second + 1);
        cpuStat_ = openFile(path);
        cpuStatV2_ = false;
      }
      if (cpuStat_ >= 0) break;
    }
    line = end == nullptr ? nullptr : end + 1;
  }
}

MachineSampler::Values MachineSampler::read() noexcept {
  Values values{};
  rusage usage{};
  if (::getrusage(RUSAGE_THREAD, &usage) == 0) {
    values.minorFaults = static_cast<std::uint64_t>(usage.ru_minflt);
    values.majorFaults = static_cast<std::uint64_t>(usage.ru_majflt);
    values.preemptions = static_cast<std::uint64_t>(usage.ru_nivcsw);
  }
  char text[1024];
  if (readWhole(schedstat_, text, sizeof text)) {
    const char* second = std::strchr(text, ' ');     // "time on cpu, time waiting, timeslices"
    if (second != nullptr) values.runDelay = numberAfter(second, "");
  }
  if (readWhole(cpuStat_, text, sizeof text))
    values.throttled = cpuStatV2_ ? numberAfter(text, "throttled_usec ") * 1000 : numberAfter(text, "throttled_time ");
  return values;
}

void MachineSampler::begin() noexcept { before_ = read(); }

void MachineSampler::end(PauseEntry& entry) noexcept {
  const Values after = read();
  entry.minorFaults = after.minorFaults - before_.minorFaults;
  entry.majorFaults = after.majorFaults - before_.majorFaults;
  entry.preemptions = after.preemptions - before_.preemptions;
  entry.runDelay = after.runDelay - before_.runDelay;
  entry.throttled = after.throttled - before_.throttled;
}

PauseLog::PauseLog(std::size_t capacity) : ring_(capacity) {}

void PauseLog::resize(std::size_t capacity) {
  std::vector<PauseEntry> larger(capacity);
  CriticalScope critical;
  std::lock_guard guard(lock_);
  const std::uint64_t total = total_.load(std::memory_order_relaxed);
  const std::uint64_t keep = std::min<std::uint64_t>(capacity, total + 1 - first_);
  for (std::uint64_t number = total + 1 - keep; number <= total; ++number)
    larger[(number - 1) % capacity] = ring_[(number - 1) % ring_.size()];
  lost_.fetch_add(total + 1 - first_ - keep, std::memory_order_relaxed);
  first_ = total + 1 - keep;
  ring_.swap(larger);   // the old memory is freed after the lock: `larger` was declared before it
}

void PauseLog::add(PauseEntry& entry) noexcept {
  CriticalScope critical;
  std::lock_guard guard(lock_);
  entry.number = total_.load(std::memory_order_relaxed) + 1;
  if (entry.number - first_ == ring_.size()) {
    ++first_;
    lost_.fetch_add(1, std::memory_order_relaxed);
  }
  ring_[(entry.number - 1) % ring_.size()] = entry;
  total_.store(entry.number, std::memory_order_relaxed);
  nanoseconds_.fetch_add(entry.duration, std::memory_order_relaxed);
  if (entry.duration > longest_.load(std::memory_order_relaxed)) longest_.store(entry.duration, std::memory_order_relaxed);
}

std::vector<PauseEntry> PauseLog::entries(std::size_t newest) const {
  std::vector<PauseEntry> result;
  for (;;) {
    // Memory first, then the lock: nobody waits for malloc.
    const std::size_t room = total() == 0 ? 0 : static_cast<std::size_t>(std::min<std::uint64_t>(total(), 1u << 16));
    result.resize(std::min(newest == 0 ? room : newest, room));
    CriticalScope critical;
    std::lock_guard guard(lock_);
    const std::uint64_t last = total_.load(std::memory_order_relaxed);
    std::uint64_t count = last + 1 - first_;
    if (newest != 0) count = std::min<std::uint64_t>(count, newest);
    if (count > result.size()) continue;   // grew meanwhile
    for (std::uint64_t i = 0; i < count; ++i) result[i] = ring_[(last - count + i) % ring_.size()];
    result.resize(count);
    return result;
  }
}

control::PauseRow PauseLog::row(const PauseEntry& entry) {
  control::PauseRow row;
  row.number = entry.number;
  row.ownedKind = toText(entry.kind);
  row.ownedCause = entry.cause;
  row.startMonotonic = entry.startMonotonic;
  row.duration = entry.duration;
  for (std::uint32_t i = 0; i < entry.phaseCount; ++i) row.ownedPhases.push_back({entry.phases[i].name, entry.phases[i].duration});
  row.threads = entry.threads;
  row.signalled = entry.signalled;
  row.slowestThread = entry.slowestThread;
  row.objectsMarked = entry.objectsMarked;
  row.bytesMarked = entry.bytesMarked;
  row.rootsScanned = entry.rootsScanned;
  row.stackWords = entry.stackWords;
  row.committedBefore = entry.committedBefore;
  row.allocatedSinceLast = entry.allocatedSinceLast;
  row.minorFaults = entry.minorFaults;
  row.majorFaults = entry.majorFaults;
  row.preemptions = entry.preemptions;
  row.runDelay = entry.runDelay;
  row.throttled = entry.throttled;
  return row;
}

control::PausesReply PauseLog::rows(std::uint32_t newest) const {
  control::PausesReply reply;
  for (const PauseEntry& entry : entries(newest)) reply.rows.push_back(row(entry));
  reply.total = total();
  return reply;
}

}  // namespace openclaw::gc
