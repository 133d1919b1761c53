// Behind this file: toml++ (heavy to compile).
#include "runtime/config/settings_file.h"

#include <fmt/format.h>

#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace openclaw {
namespace {

std::string knownKeys(std::string_view group) {
  std::string keys;
  for (const SettingInfo& info : allSettings())
    if (info.group == group) keys += fmt::format("{}{}", keys.empty() ? "" : ", ", info.name);
  return keys;
}

bool isGroup(std::string_view name) {
  return std::ranges::any_of(allSettings(), [&](const SettingInfo& info) { return info.group == name; });
}

std::string at(const std::string& name, const toml::source_region& region) {
  return fmt::format("{}:{}", name, region.begin.line);
}

// A TOML value as the text that parseSetting reads.
Result<std::string> valueText(const toml::node& node) {
  if (auto text = node.value_exact<std::string>()) return *text;
  if (auto flag = node.value_exact<bool>()) return *flag ? "on" : "off";
  if (auto number = node.value_exact<std::int64_t>()) return fmt::format("{}", *number);
  if (auto number = node.value_exact<double>()) return fmt::format("{}", *number);
  return fail(ErrorCode::kInvalidArgument, "the value is neither text, number nor true/false");
}

Result<void> readGroup(std::string_view group, const toml::table& table, const std::string& name,
                       std::vector<SettingAssignment>& values) {
  for (const auto& [key, node] : table) {
    auto id = findSetting(group, key.str());
    if (!id)
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: unknown key {} in [{}] (known: {})", at(name, key.source()), key.str(), group,
                              knownKeys(group)));
    auto text = valueText(node);
    if (!text)
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: {} {}: {} (range {})", at(name, node.source()), group, key.str(),
                              text.error().what, settingRange(*id)));
    auto value = parseSetting(*id, *text);
    if (!value)
      return fail(ErrorCode::kInvalidArgument, fmt::format("{}: {}", at(name, node.source()), value.error().what));
    values.emplace_back(*id, *value);
  }
  return {};
}

}  // namespace

Result<std::vector<SettingAssignment>> readSettingsText(std::string_view text, const std::string& name,
                                                        std::span<const std::string_view> otherTables) {
  toml::parse_result parsed = toml::parse(text, name);
  if (!parsed)
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: not TOML: {}", at(name, parsed.error().source()), parsed.error().description()));
  std::vector<SettingAssignment> values;
  for (const auto& [key, node] : parsed.table()) {
    if (std::ranges::find(otherTables, key.str()) != otherTables.end()) continue;
    if (!isGroup(key.str()) || !node.is_table())
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: unknown {} {} (settings stand in [memory] and [gc])", at(name, key.source()),
                              node.is_table() ? "table" : "key", key.str()));
    OPENCLAW_TRY_VOID(readGroup(key.str(), *node.as_table(), name, values));
  }
  // toml++ sorts its tables; the order of settings.def is the one everything else uses.
  std::ranges::sort(values);
  return values;
}

Result<std::vector<SettingAssignment>> readSettingsFile(const std::string& path,
                                                        std::span<const std::string_view> otherTables) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  std::string text;
  char buffer[4096];
  while (file != nullptr)
    if (std::size_t n = std::fread(buffer, 1, sizeof buffer, file)) text.append(buffer, n);
    else break;
  int problem = file == nullptr || std::ferror(file) != 0 ? errno : 0;
  if (file != nullptr) std::fclose(file);
  if (problem != 0) return fail(ErrorCode::kIo, fmt::format("{}: cannot be read: {}", path, std::strerror(problem)));
  return readSettingsText(text, path, otherTables);
}

std::vector<SettingFlag> settingFlags() {
  std::vector<SettingFlag> flags;
  for (const SettingInfo& info : allSettings())
    flags.push_back({info.id, fmt::format("--{}", info.name),
                     fmt::format("{} ({}; default {}{})", info.help, settingRange(info.id),
                                 settingText(info.id, info.defaultValue),
                                 info.effect == SettingEffect::kNoneYet ? "; no effect yet" : "")});
  return flags;
}

Result<SettingAssignment> parseSettingFlag(std::string_view option, std::string_view value) {
  while (option.starts_with('-')) option.remove_prefix(1);
  for (const SettingInfo& info : allSettings())
    if (info.name == option) {
      auto parsed = parseSetting(info.id, value);
      if (!parsed) return fail(parsed.error().code, fmt::format("--{}: {}", option, parsed.error().what));
      return SettingAssignment{info.id, *parsed};
    }
  return fail(ErrorCode::kInvalidArgument, fmt::format("--{}: no such setting", option));
}

Result<std::vector<SettingAssignment>> takeSettingFlags(std::vector<std::string>& arguments) {
  std::vector<SettingAssignment> values;
  std::vector<std::string> rest;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string_view argument = arguments[i];
    std::string_view option = argument.substr(0, argument.find('='));
    bool isSetting = option.starts_with("--") && std::ranges::any_of(allSettings(), [&](const SettingInfo& info) {
                       return info.name == option.substr(2);
                     });
    if (!isSetting) {
      rest.push_back(arguments[i]);
      continue;
    }
    std::string_view value;
    if (option.size() < argument.size()) value = argument.substr(option.size() + 1);
    else if (i + 1 < arguments.size()) value = arguments[++i];
    else return fail(ErrorCode::kInvalidArgument, fmt::format("{}: a value is missing", option));
    OPENCLAW_TRY(SettingAssignment assignment, parseSettingFlag(option, value));
    values.push_back(assignment);
  }
  arguments = std::move(rest);
  return values;
}

}  // namespace openclaw
