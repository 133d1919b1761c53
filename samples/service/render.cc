#include "samples/service/render.h"

#include <fmt/format.h>

#include <charconv>

#include "samples/service/request_json.h"

namespace openclaw::service {
namespace {

constexpr std::size_t kLongestSnippet = 240;  // bytes

std::optional<std::uint64_t> numberOf(std::string_view id, char letter) {
  if (id.size() < 2 || id.front() != letter) return std::nullopt;
  std::uint64_t number = 0;
  auto [end, problem] = std::from_chars(id.data() + 1, id.data() + id.size(), number);
  if (problem != std::errc() || end != id.data() + id.size()) return std::nullopt;
  return number;
}

void payload(JsonWriter& json, const String& text, bool isJson) {
  if (isJson) json.raw(text.view());
  else json.text(text.view());
}

void renderToolCall(JsonWriter& json, const ToolCall& call) {
  json.open('{').key("name").text(call.name->view()).key("arguments");
  payload(json, *call.arguments, call.argumentsAreJson);
  json.key("result");
  payload(json, *call.result, call.resultIsJson);
  json.close('}');
}

void renderAttachment(JsonWriter& json, const Attachment& attachment) {
  json.open('{').key("name").text(attachment.name->view());
  json.key("contentType").text(attachment.contentType->view()).key("bytes").number(attachment.size).close('}');
}

std::string_view snippet(std::string_view text) {
  if (text.size() <= kLongestSnippet) return text;
  std::size_t end = kLongestSnippet;
  while (static_cast<unsigned char>(text[end]) >> 6 == 2) --end;  // a continuation byte: back to its lead
  return text.substr(0, end);
}

}  // namespace

std::string sessionId(std::uint64_t number) { return fmt::format("s{}", number); }
std::string messageId(std::uint64_t number) { return fmt::format("m{}", number); }
std::optional<std::uint64_t> numberOfSessionId(std::string_view id) { return numberOf(id, 's'); }
std::optional<std::uint64_t> numberOfMessageId(std::string_view id) { return numberOf(id, 'm'); }

void renderSessionKeys(JsonWriter& json, const Session& session, std::size_t messages) {
  json.key("id").text(sessionId(session.number)).key("user").text(session.user->name->view());
  json.key("title").text(session.title->view()).key("createdUnixNanoseconds").number(session.unixNanoseconds);
  json.key("messageCount").number(messages);
}

void renderMessage(JsonWriter& json, const Message& message) {
  json.open('{').key("id").text(messageId(message.number)).key("role").text(roleName(message.role));
  json.key("createdUnixNanoseconds").number(message.unixNanoseconds).key("text").text(message.text->view());
  if (message.toolCalls) {
    json.key("toolCalls").open('[');
    for (std::size_t i = 0; i < message.toolCalls->size(); ++i) renderToolCall(json, *message.toolCalls->at(i));
    json.close(']');
  }
  if (message.attachments) {
    json.key("attachments").open('[');
    for (std::size_t i = 0; i < message.attachments->size(); ++i) renderAttachment(json, *message.attachments->at(i));
    json.close(']');
  }
  json.close('}');
}

void renderHit(JsonWriter& json, const Hit& hit) {
  const Message& message = *hit.message;
  const Session* session = message.session.get();
  json.open('{').key("message").text(messageId(message.number)).key("score").number(hit.score);
  // A session that was deleted since the search may be gone already; the hit still keeps the message.
  if (session != nullptr) json.key("session").text(sessionId(session->number)).key("title").text(session->title->view());
  json.key("role").text(roleName(message.role)).key("snippet").text(snippet(message.text->view())).close('}');
}

}  // namespace openclaw::service
