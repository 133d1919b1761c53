#include "samples/service/request_id.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <random>

namespace openclaw::service {
namespace {

std::uint64_t hashOf(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ull;
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return hash;
}

std::uint64_t numberOf(std::string_view text) {
  std::uint64_t number = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
  bool wasHex = text.size() == 16 && problem == std::errc() && end == text.data() + text.size();
  return wasHex ? number : hashOf(text);
}

}  // namespace

RequestId newRequestId() {
  // Random start, then counted: ids of one process never collide, ids of two hardly ever do.
  static std::atomic<std::uint64_t> next{(std::uint64_t{std::random_device{}()} << 32) | 1};
  std::uint64_t number = next.fetch_add(1, std::memory_order_relaxed);
  return {fmt::format("{:016x}", number), number};
}

RequestId requestIdOf(std::optional<std::string_view> header) {
  bool usable = header && !header->empty() && header->size() <= 128 &&
                std::ranges::all_of(*header, [](char c) { return c > 0x20 && c < 0x7f; });
  if (!usable) return newRequestId();
  return {std::string(*header), numberOf(*header)};
}

}  // namespace openclaw::service
