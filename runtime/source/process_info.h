// Who this process is, as a dump says it: pid, program, command line, host, kernel, start. Gathered before the stop
// (it reads /proc and allocates); record() only points at what was gathered.
//
//   ProcessInfo process = ProcessInfo::current();
//   ProcessRecord row = process.record();      // borrowed from `process`
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "format/records.h"

namespace openclaw {

// Threads: one at a time. Owns: the texts its record points to; not movable once record() was called.
class ProcessInfo {
 public:
  // What cannot be had (no /proc) stays empty or 0.
  static ProcessInfo current();

  // Fields that belong to one dump (ids, times of the dump, consistency, requested) are the caller's to fill in.
  ProcessRecord record();

  std::uint32_t pid = 0;
  std::string executable, host, kernel, generator;
  std::vector<std::string> commandLine;
  std::uint64_t startedUnix = 0;   // ns

 private:
  std::vector<std::string_view> commandLineViews_;
};

}  // namespace openclaw
