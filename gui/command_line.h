// The words after heap-analyzer-gui, parsed before Qt starts, so that --help and --version need no display.
//
//   Result<CommandLine> line = parseCommandLine({"--grab", "all", "pictures", "heap.bin"});
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analyzer/policy.h"
#include "analyzer/views/scope.h"
#include "format/result.h"

namespace openclaw::gui {

struct CommandLine {
  enum class Action { kOpen, kGrab, kHelp, kVersion };
  Action action = Action::kOpen;
  std::string dump;              // may be empty with kOpen
  std::string view, folder;      // kGrab
  int width = 0, height = 0;     // of pictures; 0: as ever
  bool dark = false;
  Policy policy = Policy::kStrict;
  ScopeWords scope;              // what the views show of the dump
};

// kInvalidArgument says which word is off.
Result<CommandLine> parseCommandLine(const std::vector<std::string>& words);
std::string helpText();
std::string versionText();

}  // namespace openclaw::gui
