#include "analyzer/report/numbers.h"

#include <fmt/format.h>

#include <ctime>

namespace openclaw {

std::string percentText(double share) {
  if (share <= 0) return "0 %";
  if (share < 0.001) return "<0.1 %";
  if (share < 1 && share >= 0.9995) return ">99.9 %";  // not all
  return fmt::format("{:.1f} %", share * 100);
}
std::string percentText(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return "–";
  return percentText(static_cast<double>(part) / static_cast<double>(whole));
}

std::string counted(std::uint64_t number, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", withSeparators(number), number == 1 ? one : many);
}

std::string_view certaintyPrefix(Certainty certainty) {
  switch (certainty) {
    case Certainty::kExact:
      return "";
    case Certainty::kLowerBound:
      return "≥ ";
    case Certainty::kInterval:
      return "~ ";
    case Certainty::kSampled:
      return "≈ ";
    case Certainty::kConservative:
      return "≤ ";
  }
  return "";
}
const char* certaintyName(Certainty certainty) {
  switch (certainty) {
    case Certainty::kExact:
      return "exact";
    case Certainty::kLowerBound:
      return "lowerBound";
    case Certainty::kInterval:
      return "interval";
    case Certainty::kSampled:
      return "sampled";
    case Certainty::kConservative:
      return "conservative";
  }
  return "exact";
}

std::string unixText(std::uint64_t nanoseconds) {
  if (nanoseconds == 0) return "unknown";
  const auto seconds = static_cast<std::time_t>(nanoseconds / 1'000'000'000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC", utc.tm_year + 1900, utc.tm_mon + 1,
                     utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

std::string ageText(std::uint64_t nanoseconds) {
  const std::uint64_t s = nanoseconds / 1'000'000'000;
  if (s >= 86400) return fmt::format("{} d {} h", s / 86400, s / 3600 % 24);
  if (s >= 3600) return fmt::format("{} h {} min", s / 3600, s / 60 % 60);
  if (s >= 60) return fmt::format("{} min {} s", s / 60, s % 60);
  return fmt::format("{} s", s);
}

const char* toText(Strength strength) {
  switch (strength) {
    case Strength::kStrong:
      return "strong";
    case Strength::kWeak:
      return "weak";
    case Strength::kEphemeron:
      return "ephemeron";
    case Strength::kCache:
      return "cache";
    case Strength::kConservative:
      return "conservative";
  }
  return "strong";
}
const char* toText(RootKind kind) {
  switch (kind) {
    case RootKind::kStack:
      return "stack";
    case RootKind::kRegister:
      return "register";
    case RootKind::kHandle:
      return "handle";
    case RootKind::kGlobal:
      return "global";
    case RootKind::kThreadLocal:
      return "threadLocal";
    case RootKind::kFinalizer:
      return "finalizer";
    case RootKind::kRuntime:
      return "runtime";
    case RootKind::kOther:
      return "other";
  }
  return "other";
}
const char* toText(Consistency consistency) {
  switch (consistency) {
    case Consistency::kClone:
      return "clone";
    case Consistency::kStopTheWorld:
      return "stopTheWorld";
    case Consistency::kBarrier:
      return "barrier";
    case Consistency::kOffline:
      return "offline";
  }
  return "offline";
}

std::string typeText(const Snapshot& snapshot, TypeIndex type) {
  const std::string& name = snapshot.types()[type].name;
  return name.empty() ? fmt::format("(unnamed type {})", type.value) : name;
}

std::string idText(const Snapshot& snapshot, ObjectIndex object) {
  const Address id = snapshot.address(object);
  return snapshot.idsAreAddresses() ? toText(id) : fmt::format("@{}", id.value);
}

std::string siteText(const Snapshot& snapshot, SiteIndex site) {
  const SiteInfo& info = snapshot.sites()[site];
  if (info.file.empty() && info.function.empty()) return "unknown";
  const std::string place = info.line == 0 ? info.file : fmt::format("{}:{}", info.file, info.line);
  if (place.empty()) return info.function;
  return info.function.empty() ? place : fmt::format("{} {}", place, info.function);
}

std::string rootText(const Snapshot& snapshot, const RootInfo& root) {
  std::string text;
  switch (root.kind) {
    case RootKind::kStack:
      text = "a stack";
      break;
    case RootKind::kRegister:
      text = "a register";
      break;
    case RootKind::kHandle:
      text = "a Root handle";
      break;
    case RootKind::kGlobal:
      text = "a global";
      break;
    case RootKind::kThreadLocal:
      text = "a thread-local";
      break;
    case RootKind::kFinalizer:
      text = "the destructor queue";
      break;
    case RootKind::kRuntime:
      text = "the runtime";
      break;
    case RootKind::kOther:
      text = "a root";
      break;
  }
  if (!root.label.empty()) text += fmt::format(" \"{}\"", root.label);
  if (root.thread != kNoThread) {
    text += root.thread < snapshot.threads().size() && !snapshot.threads()[root.thread].name.empty()
                ? fmt::format(" of thread {} ({})", snapshot.threads()[root.thread].tid,
                              snapshot.threads()[root.thread].name)
                : fmt::format(" of thread #{}", root.thread);
  }
  if (root.site.value != 0) text += fmt::format(" made at {}", siteText(snapshot, root.site));
  if (root.slot.value != 0) text += fmt::format(", slot {}", openclaw::toText(root.slot));
  if (root.conservative) text += " (may be no pointer)";
  return text;
}

std::string accessText(const std::string& label) { return label.starts_with('[') ? label : "." + label; }

std::vector<std::string> codeText(const Snapshot& snapshot, std::uint64_t pc) {
  std::vector<std::string> lines;
  for (const CodeFrame& frame : snapshot.symbol(pc)) {
    std::string line = frame.function.empty() ? openclaw::toText(Address(pc)) : frame.function;
    if (!frame.file.empty()) line += fmt::format("  {}:{}", frame.file, frame.line);
    if (frame.inlined) line += "  (inlined)";
    lines.push_back(std::move(line));
  }
  if (!lines.empty()) return lines;
  for (const ModuleInfo& module : snapshot.modules())
    if (pc >= module.low.value && pc < module.high.value)
      return {fmt::format("{}+{}", module.path, openclaw::toText(Address(pc - module.base.value)))};
  return {openclaw::toText(Address(pc))};
}

}  // namespace openclaw
