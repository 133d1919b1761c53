#include "samples/loadgen/http_client.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace openclaw::loadgen {
namespace {

constexpr std::size_t kLongestLine = 64u << 10;

std::unexpected<Error> unreachable(std::string_view what) {
  return fail(ErrorCode::kUnreachable, fmt::format("{}: {}", what, std::strerror(errno)));
}

std::optional<std::size_t> numberOf(std::string_view text, int base) {
  std::size_t number = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (problem != std::errc() || end == text.data()) return std::nullopt;
  return number;
}

// "Content-Type: text/html" into the reply.
bool addHeader(std::string_view line, HttpReply& reply) {
  std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return false;
  std::string name(line.substr(0, colon));
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  std::string_view value = line.substr(colon + 1);
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  reply.headers.emplace_back(std::move(name), std::string(value));
  return true;
}

}  // namespace

std::string_view HttpReply::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return {};
}

Result<HttpClient> HttpClient::connect(std::uint16_t port, std::chrono::seconds timeout, int receiveBuffer) {
  HttpClient client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (client.socket_ < 0) return unreachable("socket");
  if (receiveBuffer > 0) setsockopt(client.socket_, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, sizeof receiveBuffer);
  timeval wait{timeout.count(), 0};
  setsockopt(client.socket_, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  setsockopt(client.socket_, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
  int on = 1;
  setsockopt(client.socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(client.socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return unreachable(fmt::format("connect to 127.0.0.1:{}", port));
  return client;
}

HttpClient::HttpClient(HttpClient&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)), buffer_(std::move(other.buffer_)), taken_(other.taken_) {}

HttpClient& HttpClient::operator=(HttpClient&& other) noexcept {
  std::swap(socket_, other.socket_);
  std::swap(buffer_, other.buffer_);
  std::swap(taken_, other.taken_);
  return *this;
}

HttpClient::~HttpClient() {
  if (socket_ >= 0) ::close(socket_);
}

Result<HttpReply> HttpClient::request(std::string_view method, std::string_view target, std::string_view body,
                                      std::string_view requestId) {
  OPENCLAW_TRY_VOID(send(method, target, body, requestId));
  return receive();
}

Result<void> HttpClient::send(std::string_view method, std::string_view target, std::string_view body,
                              std::string_view requestId) {
  std::string head = fmt::format("{} {} HTTP/1.1\r\nHost: 127.0.0.1\r\n", method, target);
  if (!requestId.empty()) head += fmt::format("X-Request-Id: {}\r\n", requestId);
  if (!body.empty() || method == "POST" || method == "PUT")
    head += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", body.size());
  head += "\r\n";
  head += body;
  return sendBytes(head);
}

Result<void> HttpClient::sendBytes(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return unreachable("send");
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

Result<void> HttpClient::fill() {
  if (taken_ == buffer_.size()) {
    buffer_.clear();
    taken_ = 0;
  }
  char bytes[64 << 10];
  for (;;) {
    ssize_t count = ::recv(socket_, bytes, sizeof bytes, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return unreachable("receive");
    if (count == 0) return fail(ErrorCode::kUnreachable, "the connection was closed before the reply was complete");
    buffer_.append(bytes, static_cast<std::size_t>(count));
    return {};
  }
}

Result<std::string> HttpClient::line() {
  for (;;) {
    std::size_t end = buffer_.find("\r\n", taken_);
    if (end != std::string::npos) {
      std::string text = buffer_.substr(taken_, end - taken_);
      taken_ = end + 2;
      return text;
    }
    if (buffer_.size() - taken_ > kLongestLine) return fail(ErrorCode::kDamaged, "a header line without end");
    OPENCLAW_TRY_VOID(fill());
  }
}

Result<std::string> HttpClient::take(std::size_t size) {
  std::string bytes;
  bytes.reserve(size);
  while (bytes.size() < size) {
    if (taken_ == buffer_.size()) OPENCLAW_TRY_VOID(fill());
    std::size_t part = std::min(size - bytes.size(), buffer_.size() - taken_);
    bytes.append(buffer_, taken_, part);
    taken_ += part;
  }
  return bytes;
}

Result<std::string> HttpClient::takeChunks() {
  std::string bytes;
  for (;;) {
    OPENCLAW_TRY(std::string head, line());
    auto size = numberOf(head, 16);
    if (!size) return fail(ErrorCode::kDamaged, fmt::format("no chunk size: '{}'", head));
    OPENCLAW_TRY(std::string chunk, take(*size));
    OPENCLAW_TRY(std::string end, line());
    if (!end.empty()) return fail(ErrorCode::kDamaged, "a chunk is longer than it says");
    if (*size == 0) return bytes;
    bytes += chunk;
  }
}

Result<HttpReply> HttpClient::receive() {
  OPENCLAW_TRY(std::string status, line());
  if (!status.starts_with("HTTP/1.1 ") || status.size() < 12)
    return fail(ErrorCode::kDamaged, fmt::format("not an HTTP reply: '{}'", status));
  HttpReply reply;
  auto code = numberOf(std::string_view(status).substr(9, 3), 10);
  if (!code) return fail(ErrorCode::kDamaged, fmt::format("no status: '{}'", status));
  reply.status = static_cast<int>(*code);
  for (;;) {
    OPENCLAW_TRY(std::string header, line());
    if (header.empty()) break;
    if (!addHeader(header, reply)) return fail(ErrorCode::kDamaged, fmt::format("not a header: '{}'", header));
  }
  if (reply.header("transfer-encoding") == "chunked") {
    OPENCLAW_TRY(reply.body, takeChunks());
    return reply;
  }
  auto length = numberOf(reply.header("content-length"), 10);
  if (!length) return fail(ErrorCode::kDamaged, "the reply does not say how long it is");
  OPENCLAW_TRY(reply.body, take(*length));
  return reply;
}

}  // namespace openclaw::loadgen
