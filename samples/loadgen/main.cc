// openclaw-load: fills and exercises a running service, prints what it saw. Exit codes: 0 fine, 1 errors, 2 usage,
// 4 nobody answers.
#include <fmt/format.h>

#include <cstdio>

#include "samples/loadgen/load_options.h"

int main(int argc, char** argv) {
  using namespace openclaw::loadgen;
  LoadStart start = readLoadOptions(argc, argv);
  if (!start.options) {
    fmt::print(start.exitCode == 0 ? stdout : stderr, "{}", start.text);
    return start.exitCode;
  }
  auto report = runLoad(*start.options);
  if (!report) {
    fmt::print(stderr, "openclaw-load: {}\n", report.error().what);
    return openclaw::exitCodeOf(report.error().code);
  }
  fmt::print("{}", start.json ? reportJson(*report) : reportText(*report));
  return report->errors == 0 ? 0 : 1;
}
