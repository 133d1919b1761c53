// JSON bodies to plain requests. Errors are kInvalidArgument and name the place: "messages[3].role: unknown role 'x'".
//
//   auto messages = parseMessages(R"([{"role":"user","text":"hello"}])");   // an array, or one object
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "format/result.h"
#include "samples/service/requests.h"

namespace openclaw::service {

inline constexpr std::uint64_t kLargestAttachment = 64ull << 20;
inline constexpr std::size_t kLongestName = 1024;       // bytes of a user, title, tool, file or content type
inline constexpr std::size_t kMostMessagesAtOnce = 10000;

// Threads: any. Unknown keys are refused, so that a misspelt one is not silently lost.
Result<NewSession> parseSession(std::string_view json);
Result<std::vector<NewMessage>> parseMessages(std::string_view json);

// Standard alphabet with padding (RFC 4648, section 4).
Result<std::string> decodeBase64(std::string_view text);
// `size` bytes that depend on `size` and `name` alone: what an attachment given by its size holds.
std::string generatedBytes(std::string_view name, std::uint64_t size);

std::string_view roleName(Role role);

}  // namespace openclaw::service
