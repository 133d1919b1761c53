// A dump as the reference service would leave it, made up: sessions with messages, strings and tool calls, a search
// index, a log list of any depth, garbage; regions, counters, pauses, stacks and symbols that fit together. The same
// bytes for the same shape, so pictures and tests of the window do not need the runtime.
//
//   ASSERT_TRUE(writeServiceDump(path, {.sessions = 2000}));
#pragma once

#include <cstdint>
#include <string>

#include "format/result.h"

namespace openclaw::test {

struct ServiceShape {
  std::uint32_t sessions = 200;
  std::uint32_t messages = 12;     // of the average session; the first session has fifty times as many
  std::uint32_t logDepth = 100;    // records of the log, each held by the one before it
  std::uint32_t extraTypes = 0;    // types with one object each, held by a registry
  std::uint32_t wideChildren = 0;  // objects held by one array
  std::uint32_t pauses = 180;
  std::uint64_t unexplained = 0;   // bytes that the committed counter claims beyond what is there
};

struct ServiceFigures {
  std::uint64_t objects = 0, bytes = 0;
};

// Replaces the file. Errors: those of DumpWriter.
Result<ServiceFigures> writeServiceDump(const std::string& path, const ServiceShape& shape);

}  // namespace openclaw::test
