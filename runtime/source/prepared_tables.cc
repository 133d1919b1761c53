#include "runtime/source/prepared_tables.h"

#include <fmt/format.h>

namespace openclaw {
namespace {

std::string fullName(SettingId id) {
  const SettingInfo& info = settingInfo(id);
  return fmt::format("{}.{}", info.group, info.name);
}

}  // namespace

std::string_view PreparedTables::keep(std::string text) { return texts_.emplace_back(std::move(text)); }

void PreparedTables::gather(const SettingsState& settings, const gc::PauseLog& pauses) {
  texts_.clear();
  process_ = info_.record();
  process_.source = "openclaw-runtime";
  modules_ = ModuleList::current();

  settings_.clear();
  for (const SettingsState::Row& row : settings.rows())
    settings_.push_back({keep(fullName(row.id)), keep(settingText(row.id, row.value)),
                         keep(settingText(row.id, settingInfo(row.id).defaultValue)), keep(row.origin)});
  changes_.clear();
  for (const SettingsState::Change& change : settings.changes())
    changes_.push_back({change.unixNanoseconds, keep(fullName(change.id)), keep(settingText(change.id, change.before)),
                        keep(settingText(change.id, change.after)), keep(change.by)});
  changesLost_ = settings.changesLost();

  pauseRows_ = pauses.rows(0);
  phases_.clear();
  pauses_.clear();
  for (const control::PauseRow& row : pauseRows_.rows) {
    std::vector<PhaseRecord>& phases = phases_.emplace_back();
    for (const control::Phase& phase : row.ownedPhases) phases.push_back({phase.name, phase.duration});
    PauseRecord& record = pauses_.emplace_back(row);
    record.kind = row.ownedKind;
    record.cause = row.ownedCause;
    record.phases = phases;      // moving the outer vector moves no phase
  }
}

}  // namespace openclaw
