// Behind this file: kj.
#include "samples/service/http_server.h"

#include <fmt/format.h>
#include <kj/async-io.h>
#include <kj/async-unix.h>
#include <kj/compat/http.h>
#include <kj/debug.h>

#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

#include "samples/service/api.h"
#include "samples/service/worker_pool.h"

namespace openclaw::service {
namespace {

constexpr std::size_t kReadStep = 64u << 10;

kj::StringPtr reasonOf(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 413: return "Payload Too Large";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    default: return "Internal Server Error";
  }
}

struct Headers {
  explicit Headers(kj::HttpHeaderTable::Builder& builder)
      : requestId(builder.add("X-Request-Id")), allow(builder.add("Allow")), retryAfter(builder.add("Retry-After")) {}
  kj::HttpHeaderId requestId, allow, retryAfter;
};

kj::String copyOf(std::string_view text) { return kj::heapString(text.data(), text.size()); }

// Puts out the head of `reply`; the stream takes the body.
kj::Own<kj::AsyncOutputStream> sendHead(kj::HttpService::Response& response, const kj::HttpHeaderTable& table,
                                        const Headers& names, const Reply& reply, const RequestId& id) {
  kj::HttpHeaders headers(table);
  headers.set(kj::HttpHeaderId::CONTENT_TYPE, copyOf(reply.contentType));
  headers.set(names.requestId, copyOf(id.text));
  if (!reply.allow.empty()) headers.set(names.allow, copyOf(reply.allow));
  if (reply.status == 503) headers.set(names.retryAfter, "1");
  kj::Maybe<std::uint64_t> size = reply.body.size();
  if (reply.rest) size = nullptr;  // chunked
  return response.send(static_cast<kj::uint>(reply.status), reasonOf(reply.status), headers, size);
}

// One request from its first byte to the last of its reply. Lives as long as the promise of request().
class Exchange {
 public:
  Exchange(Api& api, WorkerPool& pool, const kj::HttpHeaderTable& table, const Headers& names,
           kj::HttpService::Response& response, Request request)
      : api_(api), pool_(pool), table_(table), names_(names), response_(response), request_(std::move(request)) {}

  kj::Promise<void> run(kj::AsyncInputStream& body, std::size_t limit) {
    KJ_IF_MAYBE (length, body.tryGetLength()) {
      if (*length > limit) return tooLarge(limit);
      request_.body.reserve(*length);
    }
    return readBody(body, limit).then([this, limit](bool complete) -> kj::Promise<void> {
      return complete ? answer() : tooLarge(limit);
    });
  }

 private:
  // False: longer than the limit; the rest was not read.
  kj::Promise<bool> readBody(kj::AsyncInputStream& in, std::size_t limit) {
    std::size_t before = request_.body.size();
    request_.body.resize(before + kReadStep);
    return in.tryRead(request_.body.data() + before, 1, kReadStep)
        .then([this, &in, limit, before](std::size_t count) -> kj::Promise<bool> {
          request_.body.resize(before + count);
          if (count == 0) return true;
          if (request_.body.size() > limit) return false;
          return readBody(in, limit);
        });
  }

  kj::Promise<void> tooLarge(std::size_t limit) {
    return send(errorReply(413, fmt::format("the body is longer than {} bytes", limit), request_.id));
  }

  // Runs `work` on a worker; the promise is fulfilled there and continues here.
  template <class Work>
  kj::Maybe<kj::Promise<kj::Own<Reply>>> onWorker(Work work) {
    auto pair = kj::newPromiseAndCrossThreadFulfiller<kj::Own<Reply>>();
    bool taken = pool_.trySubmit([work = std::move(work), fulfiller = kj::mv(pair.fulfiller)]() mutable {
      fulfiller->fulfill(kj::heap<Reply>(work()));
    });
    if (!taken) return nullptr;
    return kj::mv(pair.promise);
  }

  kj::Promise<void> answer() {
    RequestId id = request_.id;
    // By value: when the client goes away, this object goes too, and the worker may still be at it.
    auto work = [&api = api_, request = std::move(request_)]() { return api.handle(request); };
    request_.id = std::move(id);
    KJ_IF_MAYBE (reply, onWorker(std::move(work)))
      return reply->then([this](kj::Own<Reply> done) { return send(std::move(*done)); });
    return send(errorReply(503, "too many requests are waiting", request_.id));
  }

  kj::Promise<void> send(Reply reply) {
    api_.replied(reply.status);
    stream_ = sendHead(response_, table_, names_, reply, request_.id);
    return write(std::move(reply));
  }

  kj::Promise<void> write(Reply reply) {
    piece_ = std::move(reply.body);
    return stream_->write(piece_.data(), piece_.size())
        .then([this, rest = std::move(reply.rest)]() mutable -> kj::Promise<void> {
          if (!rest) {
            stream_ = nullptr;
            return kj::READY_NOW;
          }
          return writeMore(std::move(*rest));
        });
  }

  kj::Promise<void> writeMore(Root<ReplyCursor> rest) {
    KJ_IF_MAYBE (reply, onWorker([&api = api_, rest = std::move(rest)]() mutable { return api.more(std::move(rest)); }))
      return reply->then([this](kj::Own<Reply> done) { return write(std::move(*done)); });
    // The head is out: the only way left to say that this is not all is to break the connection off.
    return KJ_EXCEPTION(OVERLOADED, "too many requests are waiting");
  }

  Api& api_;
  WorkerPool& pool_;
  const kj::HttpHeaderTable& table_;
  const Headers& names_;
  kj::HttpService::Response& response_;
  Request request_;
  kj::Own<kj::AsyncOutputStream> stream_;
  std::string piece_;
};

// kj's interfaces have no virtual destructors: nothing owns an object through them.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"
// Where requests enter. Also what is sent when kj cannot read a request, or when an exchange ends in an exception.
class Service final : public kj::HttpService, public kj::HttpServerErrorHandler {
 public:
  Service(Api& api, WorkerPool& pool, const kj::HttpHeaderTable& table, const Headers& names, HttpLimits limits)
      : api_(api), pool_(pool), table_(table), names_(names), limits_(limits) {}

  kj::Promise<void> request(kj::HttpMethod method, kj::StringPtr url, const kj::HttpHeaders& headers,
                            kj::AsyncInputStream& body, Response& response) override {
    Request request;
    request.method = kj::str(method).cStr();
    request.target = url.cStr();
    std::optional<std::string_view> sentId;
    KJ_IF_MAYBE (header, headers.get(names_.requestId)) sentId = std::string_view(header->begin(), header->size());
    request.id = requestIdOf(sentId);
    auto exchange = kj::heap<Exchange>(api_, pool_, table_, names_, response, std::move(request));
    auto promise = exchange->run(body, limits_.mostBodyBytes);
    return promise.attach(kj::mv(exchange));
  }

  kj::Promise<void> handleClientProtocolError(kj::HttpHeaders::ProtocolError problem, Response& response) override {
    int status = static_cast<int>(problem.statusCode);
    return sendError(status, std::string_view(problem.description.begin(), problem.description.size()), response);
  }

  kj::Promise<void> handleApplicationError(kj::Exception problem, kj::Maybe<Response&> response) override {
    if (problem.getType() == kj::Exception::Type::DISCONNECTED) return kj::READY_NOW;
    fmt::print(stderr, "openclaw: a request failed: {}\n", problem.getDescription().cStr());
    KJ_IF_MAYBE (open, response) return sendError(500, "internal error", *open);
    return kj::READY_NOW;
  }

 private:
  kj::Promise<void> sendError(int status, std::string_view message, Response& response) {
    RequestId id = newRequestId();
    Reply reply = errorReply(status, message, id);
    api_.replied(status);
    auto stream = sendHead(response, table_, names_, reply, id);
    auto text = kj::heap<std::string>(std::move(reply.body));
    auto promise = stream->write(text->data(), text->size());
    return promise.attach(kj::mv(stream), kj::mv(text));
  }

  Api& api_;
  WorkerPool& pool_;
  const kj::HttpHeaderTable& table_;
  const Headers& names_;
  const HttpLimits limits_;
};
#pragma GCC diagnostic pop

kj::HttpServerSettings settingsFor(Service& service, const HttpLimits& limits) {
  kj::HttpServerSettings settings;
  settings.errorHandler = service;
  settings.pipelineTimeout = 60 * kj::SECONDS;  // keep-alive
  // A client that is told 413 while it still sends may finish, so that it reads the reply and not a reset.
  settings.canceledUploadGraceBytes = 4 * limits.mostBodyBytes;
  settings.canceledUploadGracePeriod = 2 * kj::SECONDS;
  return settings;
}

}  // namespace

// Counts connections that ended in an error, most often because the client went away in the middle. Accepting is done
// here and not by kj::HttpServer, which would print each of them.
class HttpServer::Impl final : private kj::TaskSet::ErrorHandler {
 public:
  Impl(Api& api, WorkerPool& pool, HttpLimits limits)
      : api_(api), limits_(limits), io_(kj::setupAsyncIo()), names_(builder_), table_(builder_.build()),
        service_(api, pool, *table_, names_, limits),
        server_(io_.provider->getTimer(), *table_, service_, settingsFor(service_, limits)), connections_(*this) {}

  Result<std::uint16_t> listen(std::uint16_t port) {
    try {
      auto address = io_.provider->getNetwork().parseAddress("127.0.0.1", port).wait(io_.waitScope);
      receiver_ = address->listen();
      return static_cast<std::uint16_t>(receiver_->getPort());
    } catch (const kj::Exception& problem) {
      return fail(ErrorCode::kIo, fmt::format("cannot listen on 127.0.0.1:{}: {}", port, problem.getDescription().cStr()));
    }
  }

  bool run() {
    auto stopSignal = [this](int signal) { return io_.unixEventPort.onSignal(signal).ignoreResult(); };
    auto stopped = stopSignal(SIGTERM).exclusiveJoin(stopSignal(SIGINT));
    acceptAll().exclusiveJoin(kj::mv(stopped)).wait(io_.waitScope);
    receiver_ = nullptr;  // from here on connections are refused
    auto late = io_.provider->getTimer().afterDelay(limits_.drainSeconds * kj::SECONDS).then([] { return false; });
    return server_.drain().then([] { return true; }).exclusiveJoin(kj::mv(late)).wait(io_.waitScope);
  }

 private:
  kj::Promise<void> acceptAll() {
    return receiver_->accept().then(
        [this](kj::Own<kj::AsyncIoStream> connection) {
          connections_.add(server_.listenHttp(kj::mv(connection)));
          return acceptAll();
        },
        [this](kj::Exception&&) {  // out of descriptors, most likely: others will be closed soon
          api_.connectionBroke();
          return io_.provider->getTimer().afterDelay(50 * kj::MILLISECONDS).then([this] { return acceptAll(); });
        });
  }
  void taskFailed(kj::Exception&&) override { api_.connectionBroke(); }

  Api& api_;
  const HttpLimits limits_;
  kj::AsyncIoContext io_;
  kj::HttpHeaderTable::Builder builder_;
  const Headers names_;
  kj::Own<kj::HttpHeaderTable> table_;
  Service service_;
  kj::HttpServer server_;
  kj::TaskSet connections_;
  kj::Own<kj::ConnectionReceiver> receiver_;
};

void HttpServer::captureStopSignals() {
  kj::UnixEventPort::captureSignal(SIGTERM);
  kj::UnixEventPort::captureSignal(SIGINT);
}

HttpServer::HttpServer(Api& api, WorkerPool& pool, HttpLimits limits)
    : impl_(std::make_unique<Impl>(api, pool, limits)) {}
HttpServer::~HttpServer() = default;
Result<std::uint16_t> HttpServer::listen(std::uint16_t port) { return impl_->listen(port); }
bool HttpServer::run() { return impl_->run(); }

}  // namespace openclaw::service
