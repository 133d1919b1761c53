// Behind this file: CLI11 (heavy to compile).
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <sstream>

#include "openclaw/version.h"
#include "samples/service/options.h"

namespace openclaw::service {
namespace {

constexpr char kFooter[] =
    "Example:\n"
    "  openclaw --port 8080 --heap-limit 4GiB --config openclaw.toml\n"
    "  curl -s -d '{\"user\":\"ada\",\"title\":\"Trip\"}' http://127.0.0.1:8080/sessions";

// What stood on the command line: the file to read first, then the flags to put over it.
struct Given {
  std::string config;
  std::vector<std::pair<const ServiceOption*, std::string>> own;
  std::vector<std::pair<std::string, std::string>> settings;
};

void addFlags(CLI::App& app, Given& given) {
  app.footer(kFooter);
  app.set_version_flag("--version", fmt::format("openclaw {} ({})", OPENCLAW_VERSION, OPENCLAW_COMMIT));
  app.add_option("--config", given.config, "TOML file with [service], [memory] and [gc]; flags win over it");
  for (const ServiceOption& option : serviceOptions()) {
    std::string name = fmt::format("--{}", option.name);
    if (option.isFlag)
      app.add_flag_callback(name, [&given, &option] { given.own.emplace_back(&option, "on"); }, std::string(option.help));
    else
      app.add_option_function<std::string>(
          name, [&given, &option](const std::string& text) { given.own.emplace_back(&option, text); },
          std::string(option.help));
  }
  for (const SettingFlag& flag : settingFlags())
    app.add_option_function<std::string>(
           flag.option, [&given, name = flag.option](const std::string& text) { given.settings.emplace_back(name, text); },
           flag.help)
        ->group("Heap");
}

Result<Options> combine(const Given& given) {
  Options options;
  if (!given.config.empty()) OPENCLAW_TRY_VOID(readOptionsFile(given.config, options));
  for (const auto& [option, text] : given.own)
    if (auto applied = option->apply(options, text); !applied)
      return fail(applied.error().code, fmt::format("--{}", applied.error().what));
  for (const auto& [name, text] : given.settings) {
    OPENCLAW_TRY(SettingAssignment assignment, parseSettingFlag(name, text));
    options.flagSettings.push_back(assignment);
  }
  return options;
}

}  // namespace

StartOutcome readOptions(int argc, const char* const* argv) {
  CLI::App app{"The reference service: agent sessions as objects of a heap that can dump itself.", "openclaw"};
  Given given;
  addFlags(app, given);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& stop) {
    std::ostringstream text, problem;
    int code = app.exit(stop, text, problem);
    return {std::nullopt, code == 0 ? text.str() : "openclaw: " + problem.str(), code == 0 ? 0 : 2};
  }
  auto options = combine(given);
  if (!options) return {std::nullopt, fmt::format("openclaw: {}\n", options.error().what), exitCodeOf(options.error().code)};
  return {*options, {}, 0};
}

}  // namespace openclaw::service
