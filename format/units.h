// Quantities with their unit in the type, and the one place that reads and writes them as people do:
// sizes as 512MiB or 64k, durations as 25ms, ratios as 30%. Used by flags, TOML, occtl and reports alike.
//
//   parseBytes("64k") == Bytes{65536};   toText(Bytes{432013312}) == "412 MiB";
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "format/result.h"

namespace openclaw {

// A number of bytes.
struct Bytes {
  std::uint64_t value = 0;
  constexpr Bytes() = default;
  constexpr explicit Bytes(std::uint64_t v) : value(v) {}
  friend constexpr auto operator<=>(Bytes, Bytes) = default;
  constexpr Bytes& operator+=(Bytes o) { value += o.value; return *this; }
  constexpr Bytes& operator-=(Bytes o) { value -= o.value; return *this; }
  friend constexpr Bytes operator+(Bytes a, Bytes b) { return Bytes(a.value + b.value); }
  friend constexpr Bytes operator-(Bytes a, Bytes b) { return Bytes(a.value - b.value); }
};

// An address in the dumped process, never to be dereferenced here.
struct Address {
  std::uint64_t value = 0;
  constexpr Address() = default;
  constexpr explicit Address(std::uint64_t v) : value(v) {}
  friend constexpr auto operator<=>(Address, Address) = default;
  friend constexpr Address operator+(Address a, Bytes b) { return Address(a.value + b.value); }
};

constexpr Bytes operator""_KiB(unsigned long long v) { return Bytes(v << 10); }
constexpr Bytes operator""_MiB(unsigned long long v) { return Bytes(v << 20); }
constexpr Bytes operator""_GiB(unsigned long long v) { return Bytes(v << 30); }

// How sure a value is. Nothing is silently exact.
enum class Certainty : std::uint8_t { kExact = 0, kLowerBound = 1, kInterval = 2, kSampled = 3, kConservative = 4 };

// Human text, IEC units, three significant digits: "0 B", "17 B", "4.00 KiB", "412 MiB". Cost: one string.
std::string toText(Bytes bytes);
// "0x7f31c2004a80".
std::string toText(Address address);
// "850 ns", "1.42 ms", "12.0 s".
std::string toText(std::chrono::nanoseconds duration);
// Exact text that the parsers below read back to the same value: "64KiB", "67108864", "25ms", "30%".
std::string toExactText(Bytes bytes);
std::string toExactText(std::chrono::nanoseconds duration);
// 1234567 -> "1,234,567".
std::string withSeparators(std::uint64_t number);

// "512MiB", "64k", "64K", "1g", "1.5GiB", "4096", "off" only where the caller handles it. Suffixes are binary
// (k = KiB); kB/MB/GB are decimal. Errors: ErrorCode::kInvalidArgument, naming the text.
Result<Bytes> parseBytes(std::string_view text);
// "25ms", "1s", "200us", "5min". A bare number is refused: a duration names its unit.
Result<std::chrono::nanoseconds> parseDuration(std::string_view text);
// "30%" or "0.3", as a fraction.
Result<double> parseRatio(std::string_view text);

}  // namespace openclaw

template <>
struct std::hash<openclaw::Address> {
  std::size_t operator()(openclaw::Address a) const noexcept { return std::hash<std::uint64_t>()(a.value); }
};
template <>
struct std::hash<openclaw::Bytes> {
  std::size_t operator()(openclaw::Bytes b) const noexcept { return std::hash<std::uint64_t>()(b.value); }
};
