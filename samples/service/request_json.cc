// Behind this file: nlohmann json (heavy to compile).
#include "samples/service/request_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

namespace openclaw::service {
namespace {

using Json = nlohmann::json;

std::unexpected<Error> refuse(std::string what) { return fail(ErrorCode::kInvalidArgument, std::move(what)); }

Result<Json> parseText(std::string_view text) {
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& problem) {
    return refuse(fmt::format("body is not JSON: error at byte {}", problem.byte));
  } catch (const Json::exception& problem) {  // a number out of range
    return refuse(fmt::format("body is not JSON: {}", problem.what()));
  }
}

Result<void> checkKeys(const Json& object, std::string_view place, std::initializer_list<std::string_view> known) {
  if (!object.is_object()) return refuse(fmt::format("{}: must be an object", place));
  for (const auto& [key, value] : object.items())
    if (std::ranges::find(known, key) == known.end())
      return refuse(fmt::format("{}: unknown key '{}'", place, key.substr(0, 64)));
  return {};
}

enum class Need { kRequired, kOptional };

Result<std::string> textOf(const Json& object, const char* key, std::string_view place, Need need, std::size_t longest) {
  auto found = object.find(key);
  if (found == object.end()) {
    if (need == Need::kOptional) return std::string();
    return refuse(fmt::format("{}.{}: is missing", place, key));
  }
  if (!found->is_string()) return refuse(fmt::format("{}.{}: must be text", place, key));
  const auto& text = found->get_ref<const std::string&>();
  if (need == Need::kRequired && text.empty()) return refuse(fmt::format("{}.{}: is empty", place, key));
  if (text.size() > longest)
    return refuse(fmt::format("{}.{}: {} bytes, at most {} are allowed", place, key, text.size(), longest));
  return text;
}

Payload payloadOf(const Json& object, const char* key) {
  auto found = object.find(key);
  if (found == object.end()) return {};
  if (found->is_string()) return {found->get<std::string>(), false};
  return {found->dump(), true};
}

Result<NewToolCall> toolCallOf(const Json& json, const std::string& place) {
  OPENCLAW_TRY_VOID(checkKeys(json, place, {"name", "arguments", "result"}));
  NewToolCall call;
  OPENCLAW_TRY(call.name, textOf(json, "name", place, Need::kRequired, kLongestName));
  call.arguments = payloadOf(json, "arguments");
  call.result = payloadOf(json, "result");
  return call;
}

Result<std::string> attachmentData(const Json& json, const std::string& name, const std::string& place) {
  bool hasSize = json.contains("bytes"), hasData = json.contains("data");
  if (hasSize == hasData) return refuse(fmt::format("{}: needs either 'bytes' (a size) or 'data' (base64)", place));
  if (hasSize) {
    const Json& size = json["bytes"];
    if (!size.is_number_unsigned() || size.get<std::uint64_t>() > kLargestAttachment)
      return refuse(fmt::format("{}.bytes: must be a whole number of at most {}", place, kLargestAttachment));
    return generatedBytes(name, size.get<std::uint64_t>());
  }
  if (!json["data"].is_string()) return refuse(fmt::format("{}.data: must be base64 text", place));
  auto data = decodeBase64(json["data"].get_ref<const std::string&>());
  if (!data) return refuse(fmt::format("{}.data: {}", place, data.error().what));
  return data;
}

Result<NewAttachment> attachmentOf(const Json& json, const std::string& place) {
  OPENCLAW_TRY_VOID(checkKeys(json, place, {"name", "contentType", "bytes", "data"}));
  NewAttachment attachment;
  OPENCLAW_TRY(attachment.name, textOf(json, "name", place, Need::kRequired, kLongestName));
  OPENCLAW_TRY(attachment.contentType, textOf(json, "contentType", place, Need::kOptional, kLongestName));
  // It goes out again as a header, where a control character would start another one.
  if (std::ranges::any_of(attachment.contentType, [](char c) { return c < 0x20 || c == 0x7f; }))
    return refuse(fmt::format("{}.contentType: must be printable ASCII", place));
  if (attachment.contentType.empty()) attachment.contentType = "application/octet-stream";
  OPENCLAW_TRY(attachment.data, attachmentData(json, attachment.name, place));
  return attachment;
}

constexpr std::array<std::pair<std::string_view, Role>, 4> kRoles{
    {{"user", Role::kUser}, {"assistant", Role::kAssistant}, {"system", Role::kSystem}, {"tool", Role::kTool}}};

// Reads the list `key` of `object` with `read`, element by element.
template <class T, class Read>
Result<std::vector<T>> listOf(const Json& object, const char* key, const std::string& place, Read read) {
  std::vector<T> values;
  auto found = object.find(key);
  if (found == object.end()) return values;
  if (!found->is_array()) return refuse(fmt::format("{}.{}: must be an array", place, key));
  values.reserve(found->size());
  for (const Json& element : *found) {
    OPENCLAW_TRY(T value, read(element, fmt::format("{}.{}[{}]", place, key, values.size())));
    values.push_back(std::move(value));
  }
  return values;
}

Result<NewMessage> messageOf(const Json& json, const std::string& place) {
  OPENCLAW_TRY_VOID(checkKeys(json, place, {"role", "text", "toolCalls", "attachments"}));
  NewMessage message;
  OPENCLAW_TRY(std::string role, textOf(json, "role", place, Need::kRequired, kLongestName));
  auto known = std::ranges::find(kRoles, role, [](const auto& entry) { return entry.first; });
  if (known == kRoles.end())
    return refuse(fmt::format("{}.role: unknown role '{}' (user, assistant, system, tool)", place, role));
  message.role = known->second;
  OPENCLAW_TRY(message.text, textOf(json, "text", place, Need::kOptional, std::string::npos));
  OPENCLAW_TRY(message.toolCalls, listOf<NewToolCall>(json, "toolCalls", place, toolCallOf));
  OPENCLAW_TRY(message.attachments, listOf<NewAttachment>(json, "attachments", place, attachmentOf));
  return message;
}

int base64Value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

}  // namespace

std::string_view roleName(Role role) {
  return std::ranges::find(kRoles, role, [](const auto& entry) { return entry.second; })->first;
}

Result<NewSession> parseSession(std::string_view text) {
  OPENCLAW_TRY(Json json, parseText(text));
  OPENCLAW_TRY_VOID(checkKeys(json, "session", {"user", "title"}));
  NewSession session;
  OPENCLAW_TRY(session.user, textOf(json, "user", "session", Need::kRequired, kLongestName));
  OPENCLAW_TRY(session.title, textOf(json, "title", "session", Need::kOptional, kLongestName));
  return session;
}

Result<std::vector<NewMessage>> parseMessages(std::string_view text) {
  OPENCLAW_TRY(Json json, parseText(text));
  std::vector<NewMessage> messages;
  if (!json.is_array()) {
    OPENCLAW_TRY(NewMessage message, messageOf(json, "message"));
    messages.push_back(std::move(message));
    return messages;
  }
  if (json.empty()) return refuse("messages: the array is empty");
  if (json.size() > kMostMessagesAtOnce)
    return refuse(fmt::format("messages: {} at once, at most {} are allowed", json.size(), kMostMessagesAtOnce));
  messages.reserve(json.size());
  for (const Json& element : json) {
    OPENCLAW_TRY(NewMessage message, messageOf(element, fmt::format("messages[{}]", messages.size())));
    messages.push_back(std::move(message));
  }
  return messages;
}

Result<std::string> decodeBase64(std::string_view text) {
  if (text.size() % 4 != 0) return refuse("not base64: the length is no multiple of four");
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  for (std::size_t i = 0; i < text.size(); i += 4) {
    std::uint32_t group = 0;
    std::size_t meaningful = i + 4 == text.size() ? 4 - padding : 4;
    for (std::size_t k = 0; k < 4; ++k) {
      int value = k < meaningful ? base64Value(text[i + k]) : 0;
      if (value < 0) return refuse(fmt::format("not base64: character {}", i + k));
      group = group << 6 | static_cast<std::uint32_t>(value);
    }
    for (std::size_t k = 0; k + 1 < meaningful; ++k)
      bytes.push_back(static_cast<char>(group >> (16 - 8 * k) & 0xff));
  }
  return bytes;
}

std::string generatedBytes(std::string_view name, std::uint64_t size) {
  std::uint64_t state = 0xcbf29ce484222325ull ^ size;
  for (char c : name) state = (state ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  std::string bytes(size, '\0');
  for (char& byte : bytes) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    byte = static_cast<char>(state >> 56);
  }
  return bytes;
}

}  // namespace openclaw::service
