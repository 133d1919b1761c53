// The routes of the service: a request as plain values in, a reply as plain values out. Knows neither sockets nor kj.
//
//   POST   /sessions                                  {user, title}              201 {id, ...}
//   GET    /sessions?user=NAME[&limit=N]                                         200 {sessions: [...]}
//   GET    /sessions/ID                                                          200 {id, messages: [...]}
//   DELETE /sessions/ID                                                          200 {id, deleted}
//   POST   /sessions/ID/messages                      one message or an array    201 {ids: [...]}
//   GET    /sessions/ID/messages/MID/attachments/K                               200 the bytes
//   GET    /search?q=WORDS[&limit=N]                                             200 {hits: [...]}
//   GET    /healthz, /stats
//
// Errors are {"error": {"status", "message", "requestId"}}: 400 unreadable, 404 no such thing, 405 wrong method,
// 413 body too large, 503 heap limit reached or too many requests waiting.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/openclaw.h"
#include "samples/service/context_cache.h"
#include "samples/service/faults/fault_governor.h"
#include "samples/service/request_id.h"
#include "samples/service/store.h"
#include "samples/service/target.h"

namespace openclaw::service {

struct Request {
  std::string method, target, body;
  RequestId id;
};

struct Reply {
  int status = 200;
  std::string contentType = "application/json";
  std::string body;
  std::string allow;                       // methods, with 405
  std::optional<Root<ReplyCursor>> rest;   // more to come from Api::more()
};

Reply errorReply(int status, std::string_view message, const RequestId& id);

// Threads: handle and more from threads that are registered with the heap, many at once; replied from any.
class Api {
 public:
  // Without a cache messages refer to nothing; without a governor requests leave nothing behind.
  Api(Heap& heap, Store& store, ContextCache* cache = nullptr, FaultGovernor* governor = nullptr)
      : heap_(heap), store_(store), cache_(cache), governor_(governor) {}

  // Never throws: what goes wrong becomes a reply.
  Reply handle(const Request& request);
  // The next piece; only body and rest mean something.
  Reply more(Root<ReplyCursor> cursor);
  // Counts a reply that was sent, also one that never came through handle().
  void replied(int status);
  // Counts a connection that ended in an error.
  void connectionBroke() { brokenConnections_.fetch_add(1, std::memory_order_relaxed); }

 private:
  Reply route(const Request& request, const Target& target);
  Reply sessions(const Request& request, const Target& target);
  Reply session(const Request& request, const Target& target);
  Reply messages(const Request& request, const Target& target);
  Reply attachment(const Request& request, const Target& target);
  Reply search(const Request& request, const Target& target);
  Reply stats(const Request& request);
  void readAhead(const std::vector<NewMessage>& messages);

  Heap& heap_;
  Store& store_;
  ContextCache* const cache_;
  FaultGovernor* const governor_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::array<std::atomic<std::uint64_t>, 6> replies_{};  // by the first digit of the status
  std::atomic<std::uint64_t> brokenConnections_{0};
};

}  // namespace openclaw::service
