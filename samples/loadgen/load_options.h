// The command line of openclaw-load.
#pragma once

#include <optional>
#include <string>

#include "samples/loadgen/load.h"

namespace openclaw::loadgen {

struct LoadStart {
  std::optional<LoadOptions> options;  // absent: print `text` and exit with `exitCode`
  bool json = false;
  std::string text;
  int exitCode = 0;
};
LoadStart readLoadOptions(int argc, const char* const* argv);

}  // namespace openclaw::loadgen
