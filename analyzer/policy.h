// Which references keep their target alive, and whose bytes are whose, when a foreign dump is read. A policy belongs to a kind
// of dump: an importer obeys it while it loads (strengths of slots, roots, sizes), and everything behind the Snapshot is the
// same for all. Reasons and exact rules: POLICIES.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace openclaw {

enum class Policy : std::uint8_t {
  kStrict,      // by strength, as a collector sees it: what is strongly reachable is alive. The default for every kind of dump.
  kVisualvm,    // Java: as VisualVM's heap library counts
  kMat,         // Java: as Eclipse MAT documents it; not compared with it
  kV8Devtools,  // V8: as Chrome DevTools counts
  kMemlab,      // V8: as memlab counts
};

constexpr std::string_view toText(Policy policy) {
  switch (policy) {
    case Policy::kStrict: return "strict";
    case Policy::kVisualvm: return "visualvm";
    case Policy::kMat: return "mat";
    case Policy::kV8Devtools: return "v8-devtools";
    case Policy::kMemlab: return "memlab";
  }
  return "unknown";
}
inline constexpr Policy kPolicies[] = {Policy::kStrict, Policy::kVisualvm, Policy::kMat, Policy::kV8Devtools, Policy::kMemlab};
constexpr std::optional<Policy> policyNamed(std::string_view name) {
  for (const Policy policy : kPolicies)
    if (toText(policy) == name) return policy;
  return std::nullopt;
}

enum class DumpKind : std::uint8_t { kOpenclaw, kHprof, kV8 };
constexpr std::string_view toText(DumpKind kind) {
  switch (kind) {
    case DumpKind::kOpenclaw: return "heap.bin";
    case DumpKind::kHprof: return "Java HPROF";
    case DumpKind::kV8: return "V8 heap snapshot";
  }
  return "unknown";
}
// Is this policy one for that kind of dump?
constexpr bool fits(Policy policy, DumpKind kind) {
  switch (policy) {
    case Policy::kStrict: return true;
    case Policy::kVisualvm:
    case Policy::kMat: return kind == DumpKind::kHprof;
    case Policy::kV8Devtools:
    case Policy::kMemlab: return kind == DumpKind::kV8;
  }
  return false;
}

}  // namespace openclaw
