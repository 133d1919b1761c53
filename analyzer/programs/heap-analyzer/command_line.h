// The words of heap-analyzer as a value. The only file of the program that knows CLI11 is command_line.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "analyzer/convert/convert.h"
#include "analyzer/programs/heap-analyzer/export_command.h"
#include "analyzer/programs/heap-analyzer/view_commands.h"
#include "analyzer/report/leaks_report.h"
#include "analyzer/report/paths_report.h"
#include "analyzer/report/reports.h"
#include "analyzer/views/scope.h"

namespace openclaw {

enum class Command { kSummary, kHistogram, kDominators, kInspect, kPaths, kLeaks, kValidate, kExport, kConvert, kView };

struct CommandLine {
  Command command = Command::kSummary;
  std::string dump;
  bool json = false;
  unsigned threads = 0;  // 0 = as the machine has
  Policy policy = Policy::kStrict;
  IndexUse index = IndexUse::kAuto;
  std::uint64_t memoryLimit = UINT64_MAX;  // as LoadOptions has it; default: what is free
  std::string spillDirectory;
  bool indexAsked = false;  // by a word of the command line: what became of it is told
  unsigned dumpNumber = 0;  // of several in a Java file, 0 = the last
  bool retained = true;     // false: kHistogram counts only
  ExportOptions exported;  // kExport
  std::string converted;   // kConvert: where to
  ConvertOptions convert;
  std::size_t top = 10;
  HistogramOrder order = HistogramOrder::kShallow;
  DominatorViewOptions dominators;
  Address address;
  ScopeWords scope;  // the objects it is about; paths: none = of the object at `address`
  MergedPathsOptions mergedPaths;
  std::size_t paths = 3;
  GroupOptions leaks;
  ViewOptions view;                     // kView: which, and its options
  std::optional<std::size_t> givenTop;  // --top, when it was given
};

// Either a command, or what to print and the exit code with which to end at once (--help, --version, usage).
struct Parsed {
  std::optional<CommandLine> command;
  std::string out, err;
  int exitCode = 0;
};
Parsed parseCommandLine(int argc, const char* const* argv);

}  // namespace openclaw
