// Why did the program stop? One record for every stop of the world, with phases whose sum is its duration, who was
// slow to stop, and what the machine did meanwhile. Written without allocation, in the stopped world.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "format/control_messages.h"
#include "runtime/gc/heap_lock.h"

namespace openclaw::gc {

// Nanoseconds of CLOCK_MONOTONIC.
std::uint64_t monotonicNow() noexcept;
std::uint64_t threadProcessorTime() noexcept;   // ns that the calling thread has run

enum class StopKind : std::uint8_t { kCollect, kDump, kCounters, kVerify, kResize };
const char* toText(StopKind kind);

struct PauseEntry {
  static constexpr std::size_t kMaxPhases = 16;
  std::uint64_t number = 0;
  StopKind kind = StopKind::kCollect;
  char cause[48] = {};
  std::uint64_t startMonotonic = 0, duration = 0;
  std::uint32_t phaseCount = 0;
  struct { const char* name; std::uint64_t duration; } phases[kMaxPhases] = {};
  std::uint32_t threads = 0, signalled = 0, slowestThread = 0;
  std::uint64_t timeToSafepoint = 0;       // the slowest thread's, from the request
  std::uint64_t objectsMarked = 0, bytesMarked = 0, rootsScanned = 0, stackWords = 0, weakCleared = 0,
                committedBefore = 0, allocatedSinceLast = 0, minorFaults = 0, majorFaults = 0, preemptions = 0,
                runDelay = 0, throttled = 0;
};

// Fills one entry while a stop lasts. Phases follow each other without gaps: phase() ends the one before.
class PauseBuilder {
 public:
  PauseEntry entry;
  void begin(StopKind kind, std::string_view cause) noexcept;  // the clock starts
  void phase(const char* name) noexcept;                       // static text
  void end(std::uint64_t now) noexcept;

 private:
  void closePhase(std::uint64_t now) noexcept;
  const char* current_ = nullptr;
  std::uint64_t phaseStart_ = 0;
};

// What the machine did to the calling thread between begin() and end(): faults, preemptions, run delay, throttling.
// Descriptors are opened by open(), outside any stop; sampling is only pread and getrusage.
class MachineSampler {
 public:
  ~MachineSampler();
  void open() noexcept;                    // for the calling thread; again when another thread collects
  void begin() noexcept;
  void end(PauseEntry& entry) noexcept;

 private:
  struct Values { std::uint64_t minorFaults, majorFaults, preemptions, runDelay, throttled; };
  Values read() noexcept;
  std::uint32_t openedFor_ = 0;            // tid
  int schedstat_ = -1, cpuStat_ = -1;
  bool cpuStatV2_ = false;
  Values before_{};
};

// The newest `capacity` records. Threads: any; the lock is held for a copy of one record only.
class PauseLog {
 public:
  explicit PauseLog(std::size_t capacity);
  // Keeps the newest that fit. Allocates: not in a stopped world.
  void resize(std::size_t capacity);
  void add(PauseEntry& entry) noexcept;    // gives it its number
  // The newest `newest` (0 = all), oldest first.
  control::PausesReply rows(std::uint32_t newest) const;
  static control::PauseRow row(const PauseEntry& entry);
  std::vector<PauseEntry> entries(std::size_t newest) const;

  std::uint64_t total() const { return total_.load(std::memory_order_relaxed); }
  std::uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }
  std::uint64_t totalNanoseconds() const { return nanoseconds_.load(std::memory_order_relaxed); }
  std::uint64_t longestNanoseconds() const { return longest_.load(std::memory_order_relaxed); }

 private:
  mutable HeapLock lock_;
  std::vector<PauseEntry> ring_;           // guarded by lock_; slot = (number - 1) % size
  std::uint64_t first_ = 1;                // guarded by lock_: oldest number that may still be there
  std::atomic<std::uint64_t> total_{0}, lost_{0}, nanoseconds_{0}, longest_{0};
};

}  // namespace openclaw::gc
