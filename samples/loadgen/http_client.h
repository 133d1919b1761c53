// A blocking HTTP/1.1 client for one keep-alive connection to 127.0.0.1: what the load generator and the tests of the
// service talk with. Shares no code with the service, so that the two cannot agree on a mistake.
//
//   OPENCLAW_TRY(HttpClient client, HttpClient::connect(port));
//   OPENCLAW_TRY(HttpReply reply, client.request("POST", "/sessions", R"({"user":"ada"})"));
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "format/result.h"

namespace openclaw::loadgen {

struct HttpReply {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
  // Empty: no such header.
  std::string_view header(std::string_view lowerCaseName) const;
};

// Threads: one. Owns: the socket. Every wait is bounded by `timeout`.
class HttpClient {
 public:
  // kUnreachable: nobody listens there. `receiveBuffer`: bytes the kernel may hold for us, 0 = its default.
  static Result<HttpClient> connect(std::uint16_t port, std::chrono::seconds timeout = std::chrono::seconds(60),
                                    int receiveBuffer = 0);
  HttpClient(HttpClient&& other) noexcept;
  HttpClient& operator=(HttpClient&& other) noexcept;
  ~HttpClient();

  Result<HttpReply> request(std::string_view method, std::string_view target, std::string_view body = {},
                            std::string_view requestId = {});

  // The two halves of request(), and raw bytes, for tests that need to stand between them.
  Result<void> send(std::string_view method, std::string_view target, std::string_view body, std::string_view requestId);
  Result<void> sendBytes(std::string_view bytes);
  // kUnreachable: closed before the reply was complete; kDamaged: not HTTP.
  Result<HttpReply> receive();

 private:
  explicit HttpClient(int socket) : socket_(socket) {}
  Result<std::string> line();
  Result<void> fill();
  Result<std::string> take(std::size_t size);
  Result<std::string> takeChunks();

  int socket_ = -1;
  std::string buffer_;
  std::size_t taken_ = 0;  // bytes of buffer_ that were used already
};

}  // namespace openclaw::loadgen
