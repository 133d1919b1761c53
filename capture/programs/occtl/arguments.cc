#include "capture/programs/occtl/arguments.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "format/frame.h"
#include "openclaw/version.h"

namespace openclaw::occtl {
namespace {

std::string versionText() {
  return "occtl " OPENCLAW_VERSION " (commit " OPENCLAW_COMMIT ", heap.bin format " + std::to_string(kFormatVersion) + ")";
}

CLI::App* command(CLI::App& parent, const char* name, const char* help, const std::string& example) {
  CLI::App* app = parent.add_subcommand(name, help);
  app->fallthrough();
  app->footer("Also: --pid PID, --json\n\nExample:\n  " + example);
  return app;
}

CLI::App* group(CLI::App& parent, const char* name, const char* help, const std::string& example) {
  CLI::App* app = command(parent, name, help, example);
  app->require_subcommand(1);
  return app;
}

}  // namespace

std::variant<Arguments, int> parseArguments(int count, char** values) {
  Arguments a;
  CLI::App app("Looks into a running program's heap and takes dumps of it.", "occtl");
  app.set_version_flag("--version", versionText());
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--pid", a.pid, "the process to ask; not needed when only one answers")->type_name("PID");
  app.add_flag("--json", a.json, "answer as one JSON object (shapes: README of occtl)");
  app.footer("Examples:\n  occtl ps\n  occtl memory dump --output heap.bin\n\n"
             "Exit codes: 0 fine, 2 usage (also: the output exists), 3 damaged input, 4 process not reachable,\n"
             "5 not finished (disk full, refused), 130 Ctrl-C.");

  const auto pick = [&a](CLI::App* sub, Command which) { sub->callback([&a, which] { a.command = which; }); };
  pick(command(app, "ps", "list the processes that answer", "occtl ps"), Command::kPs);

  CLI::App* memory = group(app, "memory", "heap memory: show, set, dump", "occtl memory show");
  pick(command(*memory, "show", "counters, arenas and settings of the heap", "occtl memory show --pid 4711"), Command::kMemoryShow);
  CLI::App* memorySet = command(*memory, "set", "change memory settings of the running process; all or none",
                                "occtl memory set arena-size=128MiB sample-interval=64k");
  memorySet->add_option("NAME=VALUE", a.assignments, "what to change; names and ranges: occtl memory show")->required();
  pick(memorySet, Command::kMemorySet);
  CLI::App* dump = command(*memory, "dump", "write a heap dump", "occtl memory dump --output heap.bin --collect");
  dump->add_option("-o,--output", a.output, "file to write")->capture_default_str()->type_name("FILE");
  dump->add_flag("-f,--force", a.force, "replace the file when it exists");
  dump->add_flag("--collect", a.collect, "collect first, so that the dump holds little garbage");
  dump->add_option("--method", a.method, "how the heap is held still; without it: clone, stop-the-world where that cannot be")
      ->check(CLI::IsMember({"clone", "stop-the-world"}));
  dump->add_flag("--no-symbols", a.noSymbols, "leave naming the stacks to: occtl symbolize FILE");
  dump->add_flag("--progress", a.progress, "with --json: a JSON line for each step before the result");
  pick(dump, Command::kMemoryDump);

  CLI::App* gc = group(app, "gc", "garbage collection: show, set, run, log", "occtl gc log");
  pick(command(*gc, "show", "collector settings and totals", "occtl gc show"), Command::kGcShow);
  CLI::App* gcSet = command(*gc, "set", "change collector settings of the running process; all or none", "occtl gc set growth=150%");
  gcSet->add_option("NAME=VALUE", a.assignments, "what to change; names and ranges: occtl gc show")->required();
  pick(gcSet, Command::kGcSet);
  CLI::App* run = command(*gc, "run", "collect now", "occtl gc run");
  run->add_option("--cause", a.cause, "stands in the pause log")->capture_default_str();
  pick(run, Command::kGcRun);
  CLI::App* log = command(*gc, "log", "the newest pauses, with their phases", "occtl gc log -n 5");
  log->add_option("-n,--newest", a.newest, "how many; 0 = all that are kept")->capture_default_str();
  pick(log, Command::kGcLog);

  CLI::App* config = group(app, "config", "settings as a file", "occtl config export > memory.toml");
  CLI::App* exported = command(*config, "export", "all settings of the process as memory.toml", "occtl config export > memory.toml");
  pick(exported, Command::kConfigExport);

  CLI::App* symbolize = command(app, "symbolize", "name the stacks of a dump with the files of this host", "occtl symbolize heap.bin");
  symbolize->add_option("FILE", a.file, "the dump; symbols and index are appended to it")->required();
  pick(symbolize, Command::kSymbolize);

  try {
    app.parse(count, values);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return a;
}

}  // namespace openclaw::occtl
