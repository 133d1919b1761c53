// How the service is started: flags over the TOML file over the defaults.
//
//   openclaw --port 0 --port-file port --config openclaw.toml --arena-size 64MiB --heap-limit 4GiB --stress
//
//   [service]                 # its keys are the service's own flags, without dashes
//   port = 8080
//   [memory]                  # every row of format/settings.def, also as --NAME
//   arena-size = "64MiB"
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "format/result.h"
#include "runtime/config/settings_file.h"
#include "samples/service/faults/fault.h"

namespace openclaw::service {

struct Options {
  std::uint16_t port = 8080;          // 0 = any free one
  std::string portFile;               // the port is written there once the service is ready
  unsigned workers = 4;
  std::uint64_t maxBody = 8u << 20;   // bytes of a request's body
  unsigned maxWaiting = 1024;         // requests that wait for a worker; more get 503
  unsigned drainSeconds = 10;         // after a stop signal
  std::string controlDirectory, dumpDirectory;
  bool stress = false;                // collect often, poison, verify after each collection
  std::optional<FaultKind> fault;     // absent: neither a fault nor the cache of documents
  unsigned faultShare = 20;           // percent of the live bytes
  std::optional<std::uint64_t> cacheSize;  // bound of the cache of documents; absent: follows the fault
  std::vector<SettingAssignment> fileSettings, flagSettings;
};

// One option of the service itself: flag --NAME and key NAME in [service], from the same text.
struct ServiceOption {
  std::string_view name, help;
  bool isFlag;
  Result<void> (*apply)(Options& options, std::string_view text);  // kInvalidArgument names the range
};
std::span<const ServiceOption> serviceOptions();

// The file's [service] table over `options`, and its settings into options.fileSettings.
// kInvalidArgument: unknown keys, values out of range, not TOML; kIo: cannot be read.
Result<void> readOptionsFile(const std::string& path, Options& options);

struct StartOutcome {
  std::optional<Options> options;  // absent: print `text` and exit with `exitCode`
  std::string text;
  int exitCode = 0;
};
// Bad flags or files give exit code 2 and a text that says why; --help and --version give 0.
StartOutcome readOptions(int argc, const char* const* argv);

// The settings a heap starts with: the file's, then those of --stress, then the flags'; later ones win.
std::vector<SettingAssignment> startSettings(const Options& options);

}  // namespace openclaw::service
