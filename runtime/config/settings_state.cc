#include "runtime/config/settings_state.h"

#include <fmt/format.h>

#include <chrono>

namespace openclaw {
namespace {

std::uint64_t unixNow() {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count());
}

std::size_t indexOf(SettingId id) { return static_cast<std::size_t>(id); }

// TOML has booleans and integers of its own; everything with a unit is a string.
std::string tomlValue(SettingId id, std::uint64_t value) {
  switch (settingInfo(id).kind) {
    case SettingKind::kFlag: return value != 0 ? "true" : "false";
    case SettingKind::kCount: return fmt::format("{}", value);
    default: return fmt::format("\"{}\"", settingText(id, value));
  }
}

}  // namespace

SettingsState::SettingsState(std::size_t changesKept) : changesKept_(changesKept) {
  for (const SettingInfo& info : allSettings()) {
    values_[indexOf(info.id)].store(info.defaultValue, std::memory_order_relaxed);
    origins_[indexOf(info.id)] = "default";
  }
}

Result<void> SettingsState::check(SettingId id, std::uint64_t value) {
  if (indexOf(id) >= kCount) return fail(ErrorCode::kInvalidArgument, "no such setting");
  const SettingInfo& info = settingInfo(id);
  bool off = info.kind == SettingKind::kBytesOrOff && value == 0;
  if (off || (value >= info.minimum && value <= info.maximum)) return {};
  bool below = value < info.minimum;
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{} {}: {} is {} the {} {} (range {})", info.group, info.name, settingText(id, value),
                          below ? "below" : "above", below ? "minimum" : "maximum",
                          settingText(id, below ? info.minimum : info.maximum), settingRange(id)));
}

Result<void> SettingsState::start(std::span<const SettingAssignment> values, const std::string& origin) {
  for (auto [id, value] : values) OPENCLAW_TRY_VOID(check(id, value));
  std::lock_guard lock(mutex_);
  for (auto [id, value] : values) {
    values_[indexOf(id)].store(value, std::memory_order_relaxed);
    origins_[indexOf(id)] = origin;
  }
  return {};
}

Result<void> SettingsState::set(std::span<const SettingAssignment> values, const std::string& origin,
                                const std::string& by) {
  for (auto [id, value] : values) OPENCLAW_TRY_VOID(check(id, value));
  std::lock_guard lock(mutex_);
  for (auto [id, value] : values) {
    std::uint64_t before = values_[indexOf(id)].exchange(value, std::memory_order_relaxed);
    origins_[indexOf(id)] = origin;
    if (before == value) continue;
    changes_.push_back({unixNow(), id, before, value, by});
    if (changes_.size() > changesKept_) {
      changes_.pop_front();
      ++changesLost_;
    }
    for (const Observer& observer : observers_) observer(id, before, value);
  }
  return {};
}

void SettingsState::observe(Observer observer) {
  std::lock_guard lock(mutex_);
  observers_.push_back(std::move(observer));
}

std::vector<SettingsState::Row> SettingsState::rows() const {
  std::lock_guard lock(mutex_);
  std::vector<Row> rows;
  for (const SettingInfo& info : allSettings()) rows.push_back({info.id, get(info.id), origins_[indexOf(info.id)]});
  return rows;
}

std::vector<SettingsState::Change> SettingsState::changes() const {
  std::lock_guard lock(mutex_);
  return {changes_.begin(), changes_.end()};
}

std::uint64_t SettingsState::changesLost() const {
  std::lock_guard lock(mutex_);
  return changesLost_;
}

std::string SettingsState::toToml() const {
  std::string text = "# Settings of an OpenClaw heap. Ranges are checked when the file is read.\n";
  std::string_view group;
  for (const Row& row : rows()) {
    const SettingInfo& info = settingInfo(row.id);
    if (info.group != group) text += fmt::format("\n[{}]\n", group = info.group);
    text += fmt::format("# {}\n# {}; default {}{}\n{} = {}\n", info.help, settingRange(row.id),
                        settingText(row.id, info.defaultValue),
                        info.effect == SettingEffect::kNoneYet ? "; no effect yet" : "", info.name,
                        tomlValue(row.id, row.value));
  }
  return text;
}

}  // namespace openclaw
