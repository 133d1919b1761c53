// What clients send, as plain values: the boundary between JSON (request_json.h) and the heap (store.h). Nothing here
// knows the heap, so a request can wait in a queue for as long as it likes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace openclaw::service {

enum class Role : std::uint8_t { kUser, kAssistant, kSystem, kTool };

struct NewSession {
  std::string user, title;
};

// Text, or a JSON value that the client sent in place of text and gets back as JSON.
struct Payload {
  std::string text;
  bool isJson = false;
};

struct NewToolCall {
  std::string name;
  Payload arguments, result;
};

struct NewAttachment {
  std::string name, contentType;
  std::string data;
};

struct NewMessage {
  Role role = Role::kUser;
  std::string text;
  std::vector<NewToolCall> toolCalls;
  std::vector<NewAttachment> attachments;
};

}  // namespace openclaw::service
