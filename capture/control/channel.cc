#include "capture/control/channel.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "format/control_messages.h"

namespace openclaw::internal {
namespace {

constexpr std::size_t kLengthBytes = 4;

}  // namespace

int sendMessage(int socket, std::span<const std::byte> message, int descriptor, Deadline deadline) {
  std::vector<std::byte> bytes(kLengthBytes + message.size());
  for (std::size_t i = 0; i < kLengthBytes; ++i) bytes[i] = static_cast<std::byte>(message.size() >> (8 * i) & 0xff);
  if (!message.empty()) std::memcpy(bytes.data() + kLengthBytes, message.data(), message.size());
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    iovec part{bytes.data() + sent, bytes.size() - sent};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    if (descriptor >= 0 && sent == 0) {
      header.msg_control = control;
      header.msg_controllen = sizeof control;
      cmsghdr* entry = CMSG_FIRSTHDR(&header);
      entry->cmsg_level = SOL_SOCKET;
      entry->cmsg_type = SCM_RIGHTS;
      entry->cmsg_len = CMSG_LEN(sizeof(int));
      std::memcpy(CMSG_DATA(entry), &descriptor, sizeof(int));
    }
    const ssize_t wrote = ::sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (wrote >= 0) {
      sent += static_cast<std::size_t>(wrote);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return errno;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return ETIMEDOUT;
    pollfd wait{socket, POLLOUT, 0};
    ::poll(&wait, 1, static_cast<int>(std::min<long>(left.count(), 1000)));
  }
  return 0;
}

Inbox::Inbox(Inbox&& other) noexcept
    : bytes_(std::move(other.bytes_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

Inbox& Inbox::operator=(Inbox&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

Inbox::~Inbox() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Inbox::Read Inbox::receive(int socket) {
  constexpr std::size_t kDescriptors = 8;
  std::byte buffer[16 * 1024];
  iovec part{buffer, sizeof buffer};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kDescriptors)];
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  const ssize_t got = ::recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? Read::kNothing : Read::kFailed;
  for (cmsghdr* entry = CMSG_FIRSTHDR(&header); entry != nullptr; entry = CMSG_NXTHDR(&header, entry)) {
    if (entry->cmsg_level != SOL_SOCKET || entry->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (entry->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int descriptor = -1;
      std::memcpy(&descriptor, CMSG_DATA(entry) + i * sizeof(int), sizeof(int));
      if (descriptor_ < 0) descriptor_ = descriptor;
      else ::close(descriptor);
    }
  }
  if (got == 0) return Read::kClosed;
  bytes_.insert(bytes_.end(), buffer, buffer + got);
  return Read::kSome;
}

std::uint32_t Inbox::announced() const {
  std::uint32_t length = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) length |= std::to_integer<std::uint32_t>(bytes_[i]) << (8 * i);
  return length;
}

bool Inbox::oversized() const { return bytes_.size() >= kLengthBytes && announced() > control::kMaxMessageBytes; }

std::optional<std::vector<std::byte>> Inbox::take() {
  if (bytes_.size() < kLengthBytes || oversized()) return std::nullopt;
  const std::size_t end = kLengthBytes + announced();
  if (bytes_.size() < end) return std::nullopt;
  std::vector<std::byte> message(bytes_.begin() + kLengthBytes, bytes_.begin() + static_cast<std::ptrdiff_t>(end));
  bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(end));
  return message;
}

int Inbox::takeDescriptor() { return std::exchange(descriptor_, -1); }

}  // namespace openclaw::internal
