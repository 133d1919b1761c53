// The network side: kj's HTTP server on 127.0.0.1. Its event loop runs on a thread that is never registered with the
// heap: requests go to the worker pool as plain values, replies come back through cross-thread fulfillers, and the
// rest of a long reply waits in a promise as a Root.
//
//   HttpServer::captureStopSignals();       // before any thread exists
//   HttpServer server(api, pool, {.mostBodyBytes = 8 << 20});
//   OPENCLAW_TRY(auto port, server.listen(0));
//   server.run();                           // until SIGTERM or SIGINT, then finishes what is under way
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "format/result.h"

namespace openclaw::service {

class Api;
class WorkerPool;

struct HttpLimits {
  std::size_t mostBodyBytes = 8u << 20;  // a longer body: 413
  unsigned drainSeconds = 10;            // after a stop signal, requests under way get this long
};

// Threads: all members from the thread that made it. Not thread-safe.
class HttpServer {
 public:
  // Blocks SIGTERM and SIGINT for this thread and those it starts; run() receives them.
  static void captureStopSignals();

  HttpServer(Api& api, WorkerPool& pool, HttpLimits limits);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;

  // 0 = any free port. Returns the port. kIo: it is taken or not permitted.
  Result<std::uint16_t> listen(std::uint16_t port);
  // False: requests were still under way when the drain time was over, and were dropped.
  bool run();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace openclaw::service
