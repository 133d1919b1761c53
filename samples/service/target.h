// The target of a request, taken apart: "/sessions/s12?limit=5" is {"sessions", "s12"} and limit = "5".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "format/result.h"

namespace openclaw::service {

struct Target {
  std::vector<std::string> path;                              // decoded, without empty segments
  std::vector<std::pair<std::string, std::string>> query;     // decoded, in order
  std::optional<std::string_view> parameter(std::string_view name) const;  // the first of that name
};

// kInvalidArgument: a bad percent escape, or bytes that are no UTF-8 after decoding.
Result<Target> parseTarget(std::string_view target);
bool isUtf8(std::string_view text);

}  // namespace openclaw::service
