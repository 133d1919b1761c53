// Behind this file: CLI11 (heavy to compile).
#include "samples/loadgen/load_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <sstream>

#include "openclaw/version.h"

namespace openclaw::loadgen {

LoadStart readLoadOptions(int argc, const char* const* argv) {
  CLI::App app{"Load for the reference service: sessions, messages, searches and deletes over HTTP keep-alive.", "openclaw-load"};
  LoadOptions options;
  LoadStart start;
  app.footer("Example:\n  openclaw-load --port 8080 --until-objects 1000000 --seed 7");
  app.set_version_flag("--version", fmt::format("openclaw-load {} ({})", OPENCLAW_VERSION, OPENCLAW_COMMIT));
  app.add_option("--port", options.port, "port of the service on 127.0.0.1")->required()->check(CLI::Range(1, 65535));
  app.add_option("--sessions", options.sessions, "end after this many sessions (100 when no end is given)");
  app.add_option("--seconds", options.seconds, "end after this time")->check(CLI::Range(0.0, 1e6));
  app.add_option("--until-objects", options.untilObjects, "end when the service's heap holds this many objects");
  app.add_option("--messages", options.messages, "median number of messages of a session (default 40)")->check(CLI::Range(1, 100000));
  app.add_option("--threads", options.threads, "threads with one connection each (default 4)")->check(CLI::Range(1, 256));
  app.add_option("--batch", options.batch, "messages in one request (default 20)")->check(CLI::Range(1, 10000));
  app.add_option("--deletes", options.deletes, "share of sessions that are deleted again (default 0.15)")->check(CLI::Range(0.0, 1.0));
  app.add_option("--seed", options.seed, "the same seed asks for the same data (default 1)");
  app.add_flag("--json", start.json, "print the report as JSON");
  try {
    app.parse(argc, argv);
    start.options = options;
  } catch (const CLI::ParseError& stop) {
    std::ostringstream text, problem;
    start.exitCode = app.exit(stop, text, problem) == 0 ? 0 : 2;
    start.text = text.str() + problem.str();
  }
  return start;
}

}  // namespace openclaw::loadgen
