// Numbers of plain digits, eight at a time (D. Lemire's parse_eight_digits_unrolled, and a mask that finds the first byte that is
// no digit): most numbers of a snapshot have one to nine digits, of a length that no branch predictor guesses.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace openclaw::v8 {

inline constexpr unsigned kMostDigits = 15;   // that takeDigits() takes
inline constexpr unsigned kDigitsLookAt = 16; // bytes behind `at` that must be readable

// Reads one to fifteen digits at `at` and moves behind them. False: none, or more; `at` then stays.
inline bool takeDigits(const char*& at, std::uint64_t& value) {
  static constexpr std::uint64_t kPowers[] = {1, 10, 100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000};
  struct Eight {
    explicit Eight(const char* text) {
      std::uint64_t word;
      std::memcpy(&word, text, sizeof(word));
      nibbles = word ^ 0x3030'3030'3030'3030ull;
      stops = ((nibbles + 0x7676'7676'7676'7676ull) | nibbles) & 0x8080'8080'8080'8080ull;
    }
    int length() const { return std::countr_zero(stops) >> 3; }   // 8 when all are digits
    std::uint64_t first(int digits) const {                       // 1 to 8
      std::uint64_t t = nibbles << (64 - digits * 8);
      t = t * 10 + (t >> 8);
      return (((t & 0x0000'00ff'0000'00ffull) * 0x000f'4240'0000'0064ull) +
              (((t >> 16) & 0x0000'00ff'0000'00ffull) * 0x0000'2710'0000'0001ull)) >> 32;
    }
    std::uint64_t nibbles, stops;
  };
  const Eight eight(at);
  if (eight.stops == 0) {
    const Eight more(at + 8);
    const int length = more.length();
    if (length == 8) return false;
    value = length == 0 ? eight.first(8) : eight.first(8) * kPowers[length] + more.first(length);
    at += 8 + length;
    return true;
  }
  const int length = eight.length();
  if (length == 0) return false;
  value = eight.first(length);
  at += length;
  return true;
}

}  // namespace openclaw::v8
