// The rows of a dump that take memory, text or /proc to make, gathered before the stop: process, modules, settings and
// their history, pause records.
#pragma once

#include <deque>
#include <span>
#include <string>
#include <vector>

#include "capture/stacks/module_list.h"
#include "format/records.h"
#include "runtime/config/settings_state.h"
#include "runtime/gc/pauses.h"
#include "runtime/source/process_info.h"

namespace openclaw {

// Threads: one at a time. Owns: all that its rows point to.
class PreparedTables {
 public:
  void gather(const SettingsState& settings, const gc::PauseLog& pauses);

  const ProcessRecord& process() const { return process_; }
  std::span<const ModuleRecord> modules() const { return modules_.records(); }
  std::span<const SettingRecord> settings() const { return settings_; }
  std::span<const SettingChangeRecord> changes() const { return changes_; }
  std::span<const PauseRecord> pauses() const { return pauses_; }
  std::uint64_t changesLost() const { return changesLost_; }

 private:
  std::string_view keep(std::string text);

  ProcessInfo info_ = ProcessInfo::current();
  ProcessRecord process_;
  ModuleList modules_;
  std::deque<std::string> texts_;          // a deque keeps its elements in place
  std::vector<SettingRecord> settings_;
  std::vector<SettingChangeRecord> changes_;
  std::uint64_t changesLost_ = 0;
  control::PausesReply pauseRows_;
  std::vector<std::vector<PhaseRecord>> phases_;
  std::vector<PauseRecord> pauses_;
};

}  // namespace openclaw
