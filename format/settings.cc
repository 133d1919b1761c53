#include "format/settings.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "format/units.h"

namespace openclaw {
namespace {

namespace kind {
constexpr SettingKind bytes = SettingKind::kBytes, duration = SettingKind::kDuration, ratio = SettingKind::kRatio,
                      count = SettingKind::kCount, flag = SettingKind::kFlag, bytesOrOff = SettingKind::kBytesOrOff;
}
namespace effect {
constexpr SettingEffect now = SettingEffect::kNow, nextCollection [[maybe_unused]] = SettingEffect::kNextCollection,
                        noneYet = SettingEffect::kNoneYet;
}

constexpr SettingInfo kSettings[] = {
#define SETTING(identifier, group, name, settingKind, defaultValue, minimum, maximum, when, help) \
  {SettingId::identifier, #identifier, group, name, kind::settingKind, defaultValue, minimum, maximum, effect::when, help},
#include "format/settings.def"
#undef SETTING
};

constexpr bool tableIsSound() {
  for (const SettingInfo& info : kSettings)
    if (info.minimum > info.maximum || info.defaultValue > info.maximum ||
        (info.defaultValue < info.minimum && !(info.kind == SettingKind::kBytesOrOff && info.defaultValue == 0)))
      return false;
  return true;
}
static_assert(tableIsSound(), "settings.def: every default lies in its range");

// Parts per million as percent with up to four decimals: exact.
std::string percentText(std::uint64_t ppm) {
  std::string text = fmt::format("{}.{:04}", ppm / 10000, ppm % 10000);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text + "%";
}

// The value without looking at the range; text and unit problems only.
Result<std::uint64_t> parseValue(const SettingInfo& info, std::string_view text) {
  switch (info.kind) {
    case SettingKind::kBytesOrOff:
      if (text == "off") return 0;
      [[fallthrough]];
    case SettingKind::kBytes: {
      OPENCLAW_TRY(Bytes bytes, parseBytes(text));
      return bytes.value;
    }
    case SettingKind::kDuration: {
      OPENCLAW_TRY(auto duration, parseDuration(text));
      return static_cast<std::uint64_t>(duration.count());
    }
    case SettingKind::kRatio: {
      OPENCLAW_TRY(double ratio, parseRatio(text));
      if (ratio > 1e9) return ~std::uint64_t{0};  // far past every maximum; keeps llround defined
      return static_cast<std::uint64_t>(std::llround(ratio * 1e6));
    }
    case SettingKind::kCount: {
      std::uint64_t value = 0;
      auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
      if (problem == std::errc::result_out_of_range) return ~std::uint64_t{0};
      if (problem != std::errc() || end != text.data() + text.size())
        return fail(ErrorCode::kInvalidArgument, fmt::format("\"{}\" is no whole number", text));
      return value;
    }
    case SettingKind::kFlag:
      if (text == "on" || text == "true" || text == "yes" || text == "1") return 1;
      if (text == "off" || text == "false" || text == "no" || text == "0") return 0;
      return fail(ErrorCode::kInvalidArgument, fmt::format("\"{}\" is neither on nor off", text));
  }
  return fail(ErrorCode::kInvalidArgument, "unknown kind of setting");
}

}  // namespace

std::span<const SettingInfo> allSettings() { return kSettings; }

const SettingInfo& settingInfo(SettingId id) { return kSettings[static_cast<std::size_t>(id)]; }

std::optional<SettingId> findSetting(std::string_view group, std::string_view name) {
  for (const SettingInfo& info : kSettings)
    if (info.group == group && info.name == name) return info.id;
  return std::nullopt;
}

Result<std::uint64_t> parseSetting(SettingId id, std::string_view text) {
  const SettingInfo& info = settingInfo(id);
  auto value = parseValue(info, text);
  if (!value)
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} {}: {} (range {})", info.group, info.name, value.error().what, settingRange(id)));
  bool isOff = info.kind == SettingKind::kBytesOrOff && *value == 0;
  if (!isOff && *value < info.minimum)
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} {}: {} is below the minimum {} (range {})", info.group, info.name, text,
                            settingText(id, info.minimum), settingRange(id)));
  if (*value > info.maximum)
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} {}: {} is above the maximum {} (range {})", info.group, info.name, text,
                            settingText(id, info.maximum), settingRange(id)));
  return value;
}

std::string settingText(SettingId id, std::uint64_t value) {
  switch (settingInfo(id).kind) {
    case SettingKind::kBytesOrOff:
      if (value == 0) return "off";
      [[fallthrough]];
    case SettingKind::kBytes: return toExactText(Bytes(value));
    case SettingKind::kDuration: return toExactText(std::chrono::nanoseconds(static_cast<std::int64_t>(value)));
    case SettingKind::kRatio: return percentText(value);
    case SettingKind::kCount: return fmt::format("{}", value);
    case SettingKind::kFlag: return value != 0 ? "on" : "off";
  }
  return {};
}

std::string settingRange(SettingId id) {
  const SettingInfo& info = settingInfo(id);
  if (info.kind == SettingKind::kFlag) return "on or off";
  std::string range = fmt::format("{} to {}", settingText(id, info.minimum), settingText(id, info.maximum));
  return info.kind == SettingKind::kBytesOrOff ? "off, or " + range : range;
}

}  // namespace openclaw
