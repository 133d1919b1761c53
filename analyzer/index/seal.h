// Sums that only this user's programs can make: 64 bits over bytes, with a secret that stands in the user's own folder. An index
// is believed without another look at its contents, so one that came with somebody's dump must not pass for ours. XXH3 with a
// secret of 192 random bytes is no message authentication by the book; the secret never leaves the user's files.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "format/result.h"

namespace openclaw {

class Seal {
 public:
  // Reads $XDG_CACHE_HOME/openclaw/index.key (else ~/.cache/…), and makes it first where there is none. Errors: kIo with the
  // path, when it can neither be read nor made, or is not the user's own.
  static Result<Seal> ofUser();
  // With `key` as secret (tests).
  static constexpr std::size_t kKeyBytes = 192;
  explicit Seal(const std::array<std::byte, kKeyBytes>& key) : key_(key) {}

  std::uint64_t over(std::span<const std::byte> bytes) const;

 private:
  std::array<std::byte, kKeyBytes> key_;
};

}  // namespace openclaw
