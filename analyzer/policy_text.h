// What menus and reports say of a policy, in half a sentence. The whole story is in POLICIES.md.
#pragma once

#include <string_view>

#include "analyzer/policy.h"

namespace openclaw {

constexpr std::string_view explain(Policy policy) {
  switch (policy) {
    case Policy::kStrict: return "by strength, as a collector sees it: what is strongly reachable is alive";
    case Policy::kVisualvm: return "as VisualVM's heap library counts";
    case Policy::kMat: return "as Eclipse MAT documents it; unchecked: not compared with it";
    case Policy::kV8Devtools: return "as Chrome DevTools counts";
    case Policy::kMemlab: return "as memlab counts";
  }
  return "unknown";
}

}  // namespace openclaw
