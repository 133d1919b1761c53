// Reads settings from the two places a program gets them: a memory.toml file and its command line. Both know exactly
// the rows of settings.def; an unknown key or a value out of range is an error that names file, line, key and range.
//
//   OPENCLAW_TRY(options.settings, readSettingsFile("memory.toml", {"service"}));   // [service] is the program's own
//   for (const SettingFlag& flag : settingFlags()) cli.add_option(flag.option, ...); // "--arena-size"
//   OPENCLAW_TRY(auto assignment, parseSettingFlag("--arena-size", "64MiB"));
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "format/result.h"
#include "runtime/config/settings_state.h"

namespace openclaw {

// kInvalidArgument: unknown key, wrong kind of value, out of range, not TOML; kIo: cannot be read. Tables named in
// `otherTables` belong to the program and are passed over.
Result<std::vector<SettingAssignment>> readSettingsFile(const std::string& path,
                                                        std::span<const std::string_view> otherTables = {});
// The same from text; `name` stands for the file in errors.
Result<std::vector<SettingAssignment>> readSettingsText(std::string_view text, const std::string& name,
                                                        std::span<const std::string_view> otherTables = {});

struct SettingFlag {
  SettingId id{};
  std::string option;   // "--arena-size"
  std::string help;     // with range and default
};
// One per setting; the names are unique over all groups.
std::vector<SettingFlag> settingFlags();
// `option` with or without its dashes. kInvalidArgument: no such setting, unreadable, out of range.
Result<SettingAssignment> parseSettingFlag(std::string_view option, std::string_view value);
// Takes the settings out of `arguments` ("--NAME VALUE" or "--NAME=VALUE") and leaves the rest in its order.
Result<std::vector<SettingAssignment>> takeSettingFlags(std::vector<std::string>& arguments);

}  // namespace openclaw
