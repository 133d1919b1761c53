// Behind this file: toml++ (heavy to compile).
#include <fmt/format.h>

#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1  // Debian's library has the throwing half only
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <optional>

#include "samples/service/options.h"

namespace openclaw::service {
namespace {

constexpr std::array<std::string_view, 1> kOwnTables{"service"};

std::optional<std::string> valueText(const toml::node& node) {
  if (auto text = node.value_exact<std::string>()) return *text;
  if (auto flag = node.value_exact<bool>()) return *flag ? "on" : "off";
  if (auto number = node.value_exact<std::int64_t>()) return fmt::format("{}", *number);
  return std::nullopt;
}

Result<void> applyKey(std::string_view key, const toml::node& node, Options& options) {
  auto option = std::ranges::find(serviceOptions(), key, &ServiceOption::name);
  if (option == serviceOptions().end())
    return fail(ErrorCode::kInvalidArgument, fmt::format("unknown key {} in [service]", key));
  auto text = valueText(node);
  if (!text)
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: the value is neither text, number nor true/false", key));
  return option->apply(options, *text);
}

}  // namespace

Result<void> readOptionsFile(const std::string& path, Options& options) {
  OPENCLAW_TRY(options.fileSettings, readSettingsFile(path, kOwnTables));
  toml::parse_result parsed = toml::parse_file(path);
  if (!parsed)
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: not TOML: {}", path, parsed.error().description()));
  const toml::table* table = parsed.table()["service"].as_table();
  if (!table) {
    if (parsed.table().contains("service"))
      return fail(ErrorCode::kInvalidArgument, fmt::format("{}: service must be a table", path));
    return {};
  }
  for (const auto& [key, node] : *table)
    if (auto applied = applyKey(key.str(), node, options); !applied)
      return fail(applied.error().code, fmt::format("{}:{}: {}", path, key.source().begin.line, applied.error().what));
  return {};
}

}  // namespace openclaw::service
