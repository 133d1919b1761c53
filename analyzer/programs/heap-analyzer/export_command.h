// heap-analyzer export: a dump's objects as lines for other programs, to standard output or into a file.
#pragma once

#include <stop_token>
#include <string>

#include "analyzer/snapshot.h"

namespace openclaw {

struct ExportOptions {
  std::string output;      // empty: standard output
  bool force = false;      // replace `output`
  bool perObject = false;  // the only kind there is
};

// Writes as it goes; a file appears under its name when it is whole. Errors: kInvalidArgument (the file exists), kIo, kCancelled.
Result<void> runExport(const Snapshot& snapshot, const ExportOptions& options, std::stop_token stop);

}  // namespace openclaw
