// The settings of the runtime as a value type, generated from settings.def: names, ranges, parsing, text.
//
//   SettingId id = *findSetting("gc", "growth");
//   OPENCLAW_TRY(auto value, parseSetting(id, "150%"));      // kInvalidArgument names the range
//   settings.set(id, value);
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "format/result.h"

namespace openclaw {

enum class SettingKind : std::uint8_t { kBytes, kDuration, kRatio, kCount, kFlag, kBytesOrOff };
enum class SettingEffect : std::uint8_t { kNow, kNextCollection, kNoneYet };

enum class SettingId : std::uint16_t {
#define SETTING(identifier, ...) identifier,
#include "format/settings.def"
#undef SETTING
};

struct SettingInfo {
  SettingId id;
  std::string_view identifier, group, name;
  SettingKind kind;
  std::uint64_t defaultValue, minimum, maximum;
  SettingEffect effect;
  std::string_view help;
};

std::span<const SettingInfo> allSettings();
const SettingInfo& settingInfo(SettingId id);
std::optional<SettingId> findSetting(std::string_view group, std::string_view name);
// Value in the setting's base unit (bytes, ns, parts per million, number, 0/1). Out of range or unreadable:
// kInvalidArgument, "gc growth: 5% is below the minimum 10% (range 10% to 1000%)".
Result<std::uint64_t> parseSetting(SettingId id, std::string_view text);
// The exact text that parseSetting reads back.
std::string settingText(SettingId id, std::uint64_t value);
// "10% to 1000%".
std::string settingRange(SettingId id);

}  // namespace openclaw
