#include <fmt/format.h>

#include <algorithm>

#include "analyzer/findings/rules.h"
#include "analyzer/report/numbers.h"
#include "format/units.h"

namespace openclaw {
namespace {
// A heap that collects when it has doubled is half garbage just before; past that share something holds
// collections up.
constexpr double kWarnAbove = 0.5;
constexpr std::uint64_t kWorthMentioning = 1u << 20;
// How far past the point where a collection was due garbage may pile up: threads report what they allocate buffer by
// buffer, and a collection waits for the next request.
constexpr double kTolerance = 1.25;

// The bytes that the process lets be allocated between two collections, as its settings say; 0 where the dump has none.
double allowedByPacing(const Snapshot& snapshot, std::uint64_t live) {
  double growth = 0, minimum = 0;
  for (const SettingInfoRow& row : snapshot.settings()) {
    if (row.name == "gc.growth")
      if (const auto value = parseRatio(row.value)) growth = *value;
    if (row.name == "gc.minimum-allocation")
      if (const auto value = parseBytes(row.value)) minimum = static_cast<double>(value->value);
  }
  return std::max(growth * static_cast<double>(live), minimum);
}

std::uint64_t lineBytes(const Ledger& ledger, std::string_view name) {
  for (const LedgerLine& line : ledger.lines)
    if (line.name == name) return line.bytes.value;
  return 0;
}
}  // namespace

std::vector<Finding> findUncollectedGarbage(const RuleInput& input) {
  const std::uint64_t live = lineBytes(input.ledger, "live objects");
  const std::uint64_t unreachable = lineBytes(input.ledger, "unreachable objects");
  const std::uint64_t dead = lineBytes(input.ledger, "dead, not swept");
  const std::uint64_t garbage = unreachable + dead, all = live + garbage;
  if (garbage < kWorthMentioning || static_cast<double>(garbage) <= kWarnAbove * static_cast<double>(all))
    return {};
  // Dead cells were found by a collection and are free for the asking; only what none has found yet can be too much.
  const double allowed = allowedByPacing(input.snapshot, live);
  if (allowed != 0 && static_cast<double>(unreachable) <= kTolerance * allowed) return {};
  if (input.snapshot.report().objectsMissing != 0 || input.snapshot.report().referencesMissing != 0)
    return {};  // what was lost may well have held it
  Finding f;
  f.id = "garbage.uncollected";
  f.severity = Severity::kWarning;
  f.verdict = fmt::format(
      "{} ({} of all object bytes) are garbage: {} that no root reaches, {} dead and not swept yet.",
      toText(Bytes(garbage)), percentText(garbage, all), toText(Bytes(unreachable)), toText(Bytes(dead)));
  f.numbers = {{"garbage", static_cast<double>(garbage), "bytes", Certainty::kExact},
               {"unreachable", static_cast<double>(unreachable), "bytes", Certainty::kExact},
               {"dead, not swept", static_cast<double>(dead), "bytes", Certainty::kExact}};
  f.confidence = 0.9;
  f.because = "reachability from all recorded roots; a collection just ahead would explain it";
  const std::uint32_t pid = input.snapshot.process().pid;
  f.next = fmt::format(
      "occtl gc run{}, then dump again; if it comes back, lower gc growth (occtl gc set --growth 50%)",
      pid == 0 ? "" : fmt::format(" --pid {}", pid));
  return {std::move(f)};
}

}  // namespace openclaw
