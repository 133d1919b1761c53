#include "samples/service/api.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <exception>
#include <new>
#include <utility>

#include "format/counters.h"
#include "samples/service/json_writer.h"
#include "samples/service/render.h"
#include "samples/service/request_json.h"

namespace openclaw::service {
namespace {

// A longer reply goes out in pieces of about this size, so that a slow reader of a long session costs little memory.
constexpr std::size_t kPieceBytes = 256u << 10;
constexpr std::size_t kMostListed = 1000;

Reply notFound(std::string_view what, const Request& request) { return errorReply(404, what, request.id); }

Reply badRequest(const Error& error, const Request& request) { return errorReply(400, error.what, request.id); }

Reply wrongMethod(std::string_view allowed, const Request& request) {
  Reply reply = errorReply(405, fmt::format("{} is not possible here, only {}", request.method, allowed), request.id);
  reply.allow = allowed;
  return reply;
}

// The parameter `limit`, 1 to kMostListed.
Result<std::size_t> limitOf(const Target& target, std::size_t otherwise) {
  auto text = target.parameter("limit");
  if (!text) return otherwise;
  std::size_t limit = 0;
  auto [end, problem] = std::from_chars(text->data(), text->data() + text->size(), limit);
  if (problem != std::errc() || end != text->data() + text->size() || limit < 1 || limit > kMostListed)
    return fail(ErrorCode::kInvalidArgument, fmt::format("limit: must be a number from 1 to {}", kMostListed));
  return limit;
}

// Messages from `next` on until the piece is long enough; says where it stopped.
std::size_t renderMessages(std::string& body, const Array<Member<Message>>& messages, std::size_t next) {
  JsonWriter json(body);
  json.continued(next > 0);
  for (; next < messages.size() && body.size() < kPieceBytes; ++next) renderMessage(json, *messages.at(next));
  if (next == messages.size()) body += "]}\n";
  return next;
}

}  // namespace

Reply errorReply(int status, std::string_view message, const RequestId& id) {
  Reply reply;
  reply.status = status;
  JsonWriter json(reply.body);
  json.open('{').key("error").open('{').key("status").number(static_cast<std::uint64_t>(status)).key("message").text(message);
  json.key("requestId").text(id.text).close('}').close('}');
  reply.body += '\n';
  return reply;
}

void Api::replied(int status) { replies_[static_cast<std::size_t>(std::clamp(status / 100, 0, 5))].fetch_add(1, std::memory_order_relaxed); }

Reply Api::handle(const Request& request) {
  RequestScope scope(heap_, request.id.number);
  try {
    auto target = parseTarget(request.target);
    if (!target) return badRequest(target.error(), request);
    Reply reply = route(request, *target);
    if (governor_ != nullptr && reply.status == 201) governor_->afterRequest(request.id.text, request.target, request.body);
    return reply;
  } catch (const std::bad_alloc&) {
    return errorReply(503, "the heap limit is reached; nothing was changed", request.id);
  } catch (const std::exception& problem) {
    return errorReply(500, problem.what(), request.id);
  }
}

Reply Api::route(const Request& request, const Target& target) {
  const auto& path = target.path;
  std::string_view first = path.empty() ? std::string_view() : std::string_view(path[0]);
  if (first == "sessions" && path.size() == 1) return sessions(request, target);
  if (first == "sessions" && path.size() == 2) return session(request, target);
  if (first == "sessions" && path.size() == 3 && path[2] == "messages") return messages(request, target);
  if (first == "sessions" && path.size() == 6 && path[2] == "messages" && path[4] == "attachments") return attachment(request, target);
  bool known = path.size() == 1 && (first == "search" || first == "healthz" || first == "stats");
  if (!known) return notFound("no such page", request);
  if (request.method != "GET") return wrongMethod("GET", request);
  if (first == "search") return search(request, target);
  if (first == "stats") return stats(request);
  Reply reply;
  reply.body = "{\"status\":\"ok\"}\n";
  return reply;
}

Reply Api::sessions(const Request& request, const Target& target) {
  if (request.method != "GET" && request.method != "POST") return wrongMethod("GET, POST", request);
  Reply reply;
  JsonWriter json(reply.body);
  if (request.method == "POST") {
    auto given = parseSession(request.body);
    if (!given) return badRequest(given.error(), request);
    std::uint64_t number = store_.create(*given);
    reply.status = 201;
    json.open('{').key("id").text(sessionId(number)).key("user").text(given->user).key("title").text(given->title).close('}');
  } else {
    auto user = target.parameter("user");
    if (!user) return errorReply(400, "user: is missing", request.id);
    auto limit = limitOf(target, 100);
    if (!limit) return badRequest(limit.error(), request);
    std::size_t total = 0;
    auto* found = store_.sessionsOf(*user, *limit, total);
    json.open('{').key("user").text(*user).key("total").number(total).key("sessions").open('[');
    for (const Member<Session>& listed : *found) {
      json.open('{');
      renderSessionKeys(json, *listed, store_.messageCount(*listed));
      json.close('}');
    }
    json.close(']').close('}');
  }
  reply.body += '\n';
  return reply;
}

Reply Api::session(const Request& request, const Target& target) {
  if (request.method != "GET" && request.method != "DELETE") return wrongMethod("GET, DELETE", request);
  auto number = numberOfSessionId(target.path[1]);
  if (!number) return notFound("no such session", request);
  Reply reply;
  JsonWriter json(reply.body);
  if (request.method == "DELETE") {
    if (!store_.erase(*number)) return notFound("no such session", request);
    json.open('{').key("id").text(sessionId(*number)).key("deleted").boolean(true).close('}');
    reply.body += '\n';
    return reply;
  }
  auto view = store_.find(*number);
  if (!view) return notFound("no such session", request);
  json.open('{');
  renderSessionKeys(json, *view->session, view->messages->size());
  json.key("messages").open('[');
  std::size_t next = renderMessages(reply.body, *view->messages, 0);
  if (next < view->messages->size()) {
    ReplyCursor* cursor = make<ReplyCursor>(heap_);
    cursor->messages = view->messages;
    cursor->next = next;
    reply.rest = Root<ReplyCursor>(heap_, cursor);
  }
  return reply;
}

Reply Api::more(Root<ReplyCursor> cursor) {
  Reply reply;
  cursor->next = renderMessages(reply.body, *cursor->messages, cursor->next);
  if (cursor->next < cursor->messages->size()) reply.rest = std::move(cursor);
  return reply;
}

Reply Api::messages(const Request& request, const Target& target) {
  if (request.method != "POST") return wrongMethod("POST", request);
  auto number = numberOfSessionId(target.path[1]);
  if (!number) return notFound("no such session", request);
  auto given = parseMessages(request.body);
  if (!given) return badRequest(given.error(), request);
  auto numbers = store_.append(*number, *given);
  if (!numbers) return notFound("no such session", request);
  if (cache_ != nullptr) readAhead(*given);
  Reply reply;
  reply.status = 201;
  JsonWriter json(reply.body);
  json.open('{').key("ids").open('[');
  for (std::uint64_t message : *numbers) json.text(messageId(message));
  json.close(']').close('}');
  reply.body += '\n';
  return reply;
}

// The messages are stored; a heap without room for documents changes nothing about that.
void Api::readAhead(const std::vector<NewMessage>& messages) {
  try {
    for (const NewMessage& message : messages) cache_->refer(message.text);
  } catch (const std::bad_alloc&) {
  }
}

Reply Api::attachment(const Request& request, const Target& target) {
  if (request.method != "GET") return wrongMethod("GET", request);
  auto session = numberOfSessionId(target.path[1]), number = numberOfMessageId(target.path[3]);
  const Message* message = session && number ? store_.findMessage(*session, *number) : nullptr;
  std::size_t place = 0;
  const std::string& text = target.path[5];
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), place);
  bool found = message != nullptr && message->attachments && problem == std::errc() && end == text.data() + text.size() &&
               place < message->attachments->size();
  if (!found) return notFound("no such attachment", request);
  const Attachment& attachment = *message->attachments->at(place);
  Reply reply;
  reply.contentType = attachment.contentType->view();
  reply.body = attachment.bytes();
  return reply;
}

Reply Api::search(const Request& request, const Target& target) {
  auto words = termCounts(target.parameter("q").value_or(""));
  if (words.empty()) return errorReply(400, "q: holds no word to search for", request.id);
  if (words.size() > kMostQueryTerms)
    return errorReply(400, fmt::format("q: {} different words, at most {} are allowed", words.size(), kMostQueryTerms), request.id);
  auto limit = limitOf(target, 20);
  if (!limit) return badRequest(limit.error(), request);
  SearchHits* hits = store_.search(words, *limit);
  Reply reply;
  JsonWriter json(reply.body);
  json.open('{').key("total").number(hits->total).key("hits").open('[');
  for (std::size_t i = 0; i < hits->size; ++i) renderHit(json, hits->items->at(i));
  json.close(']').close('}');
  reply.body += '\n';
  return reply;
}

Reply Api::stats(const Request&) {
  StoreCounts counts = store_.counts();
  HeapCounters heap = heap_.counters();
  auto uptime = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started_);
  Reply reply;
  JsonWriter json(reply.body);
  json.open('{').key("pid").number(static_cast<std::uint64_t>(getpid()));
  json.key("uptimeMilliseconds").number(static_cast<std::uint64_t>(uptime.count()));
  json.key("store").open('{').key("sessions").number(counts.sessions).key("users").number(counts.users);
  json.key("messages").number(counts.messages).key("terms").number(counts.terms).close('}');
  if (cache_ != nullptr) {
    CacheCounts cache = cache_->counts();
    json.key("contextCache").open('{').key("documents").number(cache.documents).key("bytes").number(cache.bytes);
    json.key("bound").number(cache.bound).key("hits").number(cache.hits).key("misses").number(cache.misses);
    json.key("evictions").number(cache.evictions).close('}');
  }
  json.key("replies").open('{');
  for (std::size_t digit = 1; digit < replies_.size(); ++digit) json.key(fmt::format("{}xx", digit)).number(replies_[digit].load(std::memory_order_relaxed));
  json.close('}').key("brokenConnections").number(brokenConnections_.load(std::memory_order_relaxed));
  json.key("heap").open('{');
  for (const CounterInfo& counter : allCounters()) json.key(counter.name).number(heap.*counter.member);
  json.close('}').close('}');
  reply.body += '\n';
  return reply;
}

}  // namespace openclaw::service
