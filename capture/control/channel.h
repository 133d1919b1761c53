// One control message on a Unix socket: a 4-byte little-endian length, then the message; a descriptor may come along.
// Blocking halves for a client, a growing buffer for a server's poll loop.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace openclaw::internal {

using Deadline = std::chrono::steady_clock::time_point;

// Sends length and message in one go, waiting for room until `deadline`. With `descriptor` >= 0 that goes along.
// 0 or an errno (ETIMEDOUT). Never raises SIGPIPE.
int sendMessage(int socket, std::span<const std::byte> message, int descriptor, Deadline deadline);

// What has arrived on a connection. Owns: the descriptors that came along, until taken.
class Inbox {
 public:
  enum class Read { kSome, kNothing, kClosed, kFailed };
  Inbox() = default;
  Inbox(Inbox&& other) noexcept;
  Inbox& operator=(Inbox&& other) noexcept;
  ~Inbox();
  // One recvmsg, never waiting. Descriptors beyond the first are closed at once.
  Read receive(int socket);
  // The next whole message, removed from the buffer. Memory grows only with bytes that came, never with what a length says.
  std::optional<std::vector<std::byte>> take();
  // The peer announced more than a message may have: nothing further can be read from it.
  bool oversized() const;
  bool empty() const { return bytes_.empty(); }
  // The descriptor that came along, now the caller's; -1 = none.
  int takeDescriptor();

 private:
  std::uint32_t announced() const;
  std::vector<std::byte> bytes_;
  int descriptor_ = -1;
};

}  // namespace openclaw::internal
