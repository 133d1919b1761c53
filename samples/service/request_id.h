// The id of a request: text for people and headers, a number for the heap (RequestScope) and so for dumps.
//
//   RequestId id = requestIdOf(header);   // the client's, or a new one when it sent none or an unusable one
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace openclaw::service {

struct RequestId {
  std::string text;          // at most 128 printable ASCII characters
  std::uint64_t number = 0;  // sixteen hexadecimal digits stand for themselves; other text is hashed (FNV-1a)
};

// Threads: any.
RequestId newRequestId();
RequestId requestIdOf(std::optional<std::string_view> header);

}  // namespace openclaw::service
