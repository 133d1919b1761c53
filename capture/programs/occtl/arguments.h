// The command line of occtl as a value. CLI11 stands behind arguments.cc alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace openclaw::occtl {

enum class Command : std::uint8_t {
  kPs, kMemoryShow, kMemorySet, kMemoryDump, kGcShow, kGcSet, kGcRun, kGcLog, kConfigExport, kSymbolize,
};

struct Arguments {
  Command command{};
  std::optional<std::uint32_t> pid;
  bool json = false;
  // memory dump
  std::string output = "heap.bin";   // also config export; "" there = standard output
  bool force = false, collect = false, noSymbols = false, progress = false;
  std::string method;                // "", "clone", "stop-the-world"
  // memory set, gc set
  std::vector<std::string> assignments;
  // gc run, gc log
  std::string cause = "occtl gc run";
  std::uint32_t newest = 20;
  // symbolize
  std::string file;
};

// Arguments to run, or an exit code when everything has been said (--help, --version, a usage error: 2).
std::variant<Arguments, int> parseArguments(int count, char** values);

}  // namespace openclaw::occtl
