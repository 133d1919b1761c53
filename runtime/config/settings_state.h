// The settings of one heap: values that hot paths read as plain atomics, who set them, and the history of changes
// that a dump carries (a change is a common cause of a pause).
//
//   SettingsState settings;
//   OPENCLAW_TRY_VOID(settings.start({{SettingId::gcGrowth, 500000}}, "flag"));
//   OPENCLAW_TRY_VOID(settings.set({{SettingId::tlabSize, 16384}}, "control", "uid 1000"));
//   settings.get(SettingId::tlabSize);        // a relaxed load
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "format/result.h"
#include "format/settings.h"

namespace openclaw {

using SettingAssignment = std::pair<SettingId, std::uint64_t>;

// Threads: all members from any thread. Owns: the values and the bounded history.
class SettingsState {
 public:
  static constexpr std::size_t kCount = 0
#define SETTING(...) +1
#include "format/settings.def"
#undef SETTING
      ;
  struct Row {
    SettingId id{};
    std::uint64_t value = 0;
    std::string origin;           // "default", "flag", "file", "control", "program"
  };
  struct Change {
    std::uint64_t unixNanoseconds = 0;
    SettingId id{};
    std::uint64_t before = 0, after = 0;
    std::string by;
  };
  // Called for each changed value after it is stored, on the thread that changed it, with no lock of ours held but
  // the one that orders changes: it must not call set().
  using Observer = std::function<void(SettingId id, std::uint64_t before, std::uint64_t after)>;

  explicit SettingsState(std::size_t changesKept = 256);
  SettingsState(const SettingsState&) = delete;

  // Cost: one relaxed load.
  std::uint64_t get(SettingId id) const noexcept {
    return values_[static_cast<std::size_t>(id)].load(std::memory_order_relaxed);
  }
  // kInvalidArgument with the range, as parseSetting words it.
  static Result<void> check(SettingId id, std::uint64_t value);

  // The values a heap begins with: all or none, no history, observers not called.
  Result<void> start(std::span<const SettingAssignment> values, const std::string& origin);
  // All or none; each value that is new goes into the history and to the observers. A value equal to the old one
  // changes only its origin.
  Result<void> set(std::span<const SettingAssignment> values, const std::string& origin, const std::string& by);
  // Before other threads use the state.
  void observe(Observer observer);

  std::vector<Row> rows() const;          // in the order of settings.def
  std::vector<Change> changes() const;    // oldest first
  std::uint64_t changesLost() const;      // older ones that no longer fit
  // All settings as memory.toml, each with its help, range and default; settings_file.h reads it back.
  std::string toToml() const;

 private:
  const std::size_t changesKept_;
  std::array<std::atomic<std::uint64_t>, kCount> values_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::array<std::string, kCount> origins_;
  std::deque<Change> changes_;
  std::uint64_t changesLost_ = 0;
  std::vector<Observer> observers_;
};

}  // namespace openclaw
