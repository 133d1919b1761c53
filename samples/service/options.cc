#include "samples/service/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "format/units.h"

namespace openclaw::service {
namespace {

std::unexpected<Error> refuse(std::string_view name, std::string_view text, std::string_view range) {
  return fail(ErrorCode::kInvalidArgument, fmt::format("{}: '{}' is not in the range {}", name, text, range));
}

template <class Number>
Result<void> readNumber(std::string_view name, std::string_view text, std::uint64_t low, std::uint64_t high, Number& out) {
  std::uint64_t value = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size() || value < low || value > high)
    return refuse(name, text, fmt::format("{} to {}", low, high));
  out = static_cast<Number>(value);
  return {};
}

Result<void> readMaxBody(Options& options, std::string_view text) {
  auto size = parseBytes(text);
  if (!size || *size < 1_KiB || *size > 1_GiB) return refuse("max-body", text, "1KiB to 1GiB");
  options.maxBody = size->value;
  return {};
}

Result<void> readStress(Options& options, std::string_view text) {
  if (text != "on" && text != "off") return refuse("stress", text, "on, off");
  options.stress = text == "on";
  return {};
}

constexpr std::pair<std::string_view, FaultKind> kFaults[] = {
    {"none", FaultKind::kNone}, {"listeners", FaultKind::kListeners}, {"unbounded-cache", FaultKind::kUnboundedCache},
    {"large-between-small", FaultKind::kLargeBetweenSmall}, {"deep-list", FaultKind::kDeepList}};

Result<void> readFault(Options& options, std::string_view text) {
  for (const auto& [name, kind] : kFaults)
    if (name == text) return options.fault = kind, Result<void>();
  return refuse("fault", text, "none, listeners, unbounded-cache, large-between-small, deep-list");
}

Result<void> readCacheSize(Options& options, std::string_view text) {
  if (text == "auto") return options.cacheSize.reset(), Result<void>();
  auto size = parseBytes(text);
  if (!size || *size < 64_KiB || *size > 1024_GiB) return refuse("cache-size", text, "64KiB to 1TiB, or auto");
  options.cacheSize = size->value;
  return {};
}

constexpr ServiceOption kOptions[] = {
    {"port", "TCP port on 127.0.0.1; 0 = any free one (default 8080)", false,
     [](Options& o, std::string_view text) { return readNumber("port", text, 0, 65535, o.port); }},
    {"port-file", "file that gets the port once the service is ready", false,
     [](Options& o, std::string_view text) -> Result<void> { o.portFile = text; return {}; }},
    {"workers", "threads that work on requests (1 to 256; default 4)", false,
     [](Options& o, std::string_view text) { return readNumber("workers", text, 1, 256, o.workers); }},
    {"max-body", "longest body of a request (1KiB to 1GiB; default 8MiB); longer ones get 413", false, readMaxBody},
    {"max-waiting", "requests that may wait for a worker (1 to 1000000; default 1024); more get 503", false,
     [](Options& o, std::string_view text) { return readNumber("max-waiting", text, 1, 1000000, o.maxWaiting); }},
    {"drain-seconds", "how long requests under way may take after a stop signal (0 to 3600; default 10)", false,
     [](Options& o, std::string_view text) { return readNumber("drain-seconds", text, 0, 3600, o.drainSeconds); }},
    {"control-directory", "where the control socket goes (default: the first usable of the three)", false,
     [](Options& o, std::string_view text) -> Result<void> { o.controlDirectory = text; return {}; }},
    {"dump-directory", "where dumps go that name no path", false,
     [](Options& o, std::string_view text) -> Result<void> { o.dumpDirectory = text; return {}; }},
    {"fault", "plant a mistake: listeners, unbounded-cache, large-between-small, deep-list; or none: only the cache beside it", false, readFault},
    {"fault-share", "what the planted mistake holds, in percent of the live bytes (5 to 40; default 20)", false,
     [](Options& o, std::string_view text) { return readNumber("fault-share", text, 5, 40, o.faultShare); }},
    {"cache-size", "bound of the documents kept in memory (64KiB to 1TiB); auto (default): a little above the planted mistake, none without --fault", false, readCacheSize},
    {"stress", "collect often, poison freed memory and verify the heap after each collection", true, readStress},
};

}  // namespace

std::span<const ServiceOption> serviceOptions() { return kOptions; }

std::vector<SettingAssignment> startSettings(const Options& options) {
  std::vector<SettingAssignment> settings = options.fileSettings;
  // Later ones win, and each setting is named once.
  auto put = [&settings](SettingAssignment assignment) {
    auto same = std::ranges::find(settings, assignment.first, &SettingAssignment::first);
    if (same == settings.end()) settings.push_back(assignment);
    else same->second = assignment.second;
  };
  if (options.stress) {
    put({SettingId::stressCollect, 500});
    put({SettingId::stressPoison, 1});
    put({SettingId::stressVerify, 1});
  }
  for (const SettingAssignment& assignment : options.flagSettings) put(assignment);
  return settings;
}

}  // namespace openclaw::service
