#include "format/units.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <optional>

namespace openclaw {
namespace {

// A decimal number as digits / 10^decimals, so that "1.5GiB" and "0.1s" are computed without rounding in between.
struct Decimal {
  unsigned __int128 digits = 0;
  unsigned decimals = 0;
  std::string_view suffix;  // what follows, without leading blanks
};

std::optional<Decimal> readDecimal(std::string_view text) {
  Decimal result;
  std::size_t i = 0, seen = 0;
  bool point = false;
  for (; i < text.size(); ++i) {
    char c = text[i];
    if (c == '.' && !point) {
      point = true;
    } else if (c >= '0' && c <= '9') {
      if (++seen > 30) return std::nullopt;  // 10^30 still fits 128 bits; nothing sensible is longer
      result.digits = result.digits * 10 + static_cast<unsigned>(c - '0');
      if (point) ++result.decimals;
    } else {
      break;
    }
  }
  if (seen == 0) return std::nullopt;
  while (i < text.size() && text[i] == ' ') ++i;
  result.suffix = text.substr(i);
  return result;
}

// digits * factor / 10^decimals, rounded down; nothing when it does not fit 64 bits.
std::optional<std::uint64_t> scaled(const Decimal& number, std::uint64_t factor) {
  constexpr unsigned __int128 kMax = ~static_cast<unsigned __int128>(0);
  if (factor != 0 && number.digits > kMax / factor) return std::nullopt;
  unsigned __int128 value = number.digits * factor;
  for (unsigned i = 0; i < number.decimals; ++i) value /= 10;
  if (value > ~std::uint64_t{0}) return std::nullopt;
  return static_cast<std::uint64_t>(value);
}

bool equalsIgnoringCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

struct Unit {
  std::string_view suffix;
  std::uint64_t factor;
};

constexpr std::array kByteUnits = {
    Unit{"", 1},                 Unit{"B", 1},
    Unit{"k", 1ull << 10},       Unit{"KiB", 1ull << 10},        Unit{"kB", 1000},
    Unit{"m", 1ull << 20},       Unit{"MiB", 1ull << 20},        Unit{"MB", 1000'000},
    Unit{"g", 1ull << 30},       Unit{"GiB", 1ull << 30},        Unit{"GB", 1000'000'000},
    Unit{"t", 1ull << 40},       Unit{"TiB", 1ull << 40},        Unit{"TB", 1000'000'000'000},
};
constexpr std::array kDurationUnits = {
    Unit{"ns", 1},   Unit{"us", 1000},           Unit{"µs", 1000},          Unit{"ms", 1000'000},
    Unit{"s", 1000'000'000}, Unit{"min", 60'000'000'000}, Unit{"h", 3600'000'000'000},
};

// Three significant digits; `next` is where the following unit begins, so that 1023.7 KiB is shown as 1.00 MiB.
std::string threeDigits(double value) {
  if (value < 9.995) return fmt::format("{:.2f}", value);
  if (value < 99.95) return fmt::format("{:.1f}", value);
  return fmt::format("{:.0f}", value);
}

}  // namespace

std::string toText(Bytes bytes) {
  if (bytes.value < 1024) return fmt::format("{} B", bytes.value);
  constexpr std::array<const char*, 6> kNames = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes.value) / 1024;
  std::size_t unit = 0;
  while (value >= 1023.5 && unit + 1 < kNames.size()) value /= 1024, ++unit;
  return fmt::format("{} {}", threeDigits(value), kNames[unit]);
}

std::string toText(Address address) { return fmt::format("0x{:x}", address.value); }

std::string toText(std::chrono::nanoseconds duration) {
  if (duration.count() < 0)  // the negation is done unsigned: the smallest value has no positive twin
    return "-" + toText(std::chrono::nanoseconds(static_cast<std::int64_t>(
                     std::min<std::uint64_t>(0 - static_cast<std::uint64_t>(duration.count()), INT64_MAX))));
  if (duration.count() < 1000) return fmt::format("{} ns", duration.count());
  struct Step { const char* name; double size, limit; };
  constexpr std::array kSteps = {Step{"us", 1e3, 999.5}, Step{"ms", 1e6, 999.5}, Step{"s", 1e9, 599.5},
                                 Step{"min", 60e9, 599.5}};
  double value = static_cast<double>(duration.count());
  for (const Step& step : kSteps)
    if (value / step.size < step.limit) return fmt::format("{} {}", threeDigits(value / step.size), step.name);
  return fmt::format("{} h", threeDigits(value / 3600e9));
}

std::string toExactText(Bytes bytes) {
  constexpr std::array kNames = {Unit{"TiB", 1ull << 40}, Unit{"GiB", 1ull << 30}, Unit{"MiB", 1ull << 20},
                                 Unit{"KiB", 1ull << 10}};
  for (const Unit& unit : kNames)
    if (bytes.value >= unit.factor && bytes.value % unit.factor == 0)
      return fmt::format("{}{}", bytes.value / unit.factor, unit.suffix);
  return fmt::format("{}", bytes.value);
}

std::string toExactText(std::chrono::nanoseconds duration) {
  constexpr std::array kNames = {Unit{"h", 3600'000'000'000}, Unit{"min", 60'000'000'000}, Unit{"s", 1000'000'000},
                                 Unit{"ms", 1000'000}, Unit{"us", 1000}};
  auto value = static_cast<std::uint64_t>(duration.count());
  if (value == 0) return "0s";
  for (const Unit& unit : kNames)
    if (value % unit.factor == 0) return fmt::format("{}{}", value / unit.factor, unit.suffix);
  return fmt::format("{}ns", value);
}

std::string withSeparators(std::uint64_t number) {
  std::string digits = fmt::format("{}", number);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, 1, ',');
  return digits;
}

Result<Bytes> parseBytes(std::string_view text) {
  if (auto number = readDecimal(text))
    for (const Unit& unit : kByteUnits)
      if (equalsIgnoringCase(number->suffix, unit.suffix)) {
        if (auto value = scaled(*number, unit.factor)) return Bytes(*value);
        return fail(ErrorCode::kInvalidArgument, fmt::format("\"{}\" is more bytes than 64 bits hold", text));
      }
  return fail(ErrorCode::kInvalidArgument, fmt::format("\"{}\" is no size; write it as 4096, 64k, 512MiB or 1.5GiB", text));
}

Result<std::chrono::nanoseconds> parseDuration(std::string_view text) {
  if (auto number = readDecimal(text)) {
    if (number->suffix.empty() )
      return fail(ErrorCode::kInvalidArgument, fmt::format("\"{}\" names no unit of time; write it as 200us, 25ms, 1s or 5min", text));
    for (const Unit& unit : kDurationUnits)
      if (number->suffix == unit.suffix) {
        auto value = scaled(*number, unit.factor);
        if (value && *value <= INT64_MAX) return std::chrono::nanoseconds(static_cast<std::int64_t>(*value));
        return fail(ErrorCode::kInvalidArgument, fmt::format("\"{}\" is longer than 292 years", text));
      }
  }
  return fail(ErrorCode::kInvalidArgument, fmt::format("\"{}\" is no duration; write it as 200us, 25ms, 1s or 5min", text));
}

Result<double> parseRatio(std::string_view text) {
  if (auto number = readDecimal(text)) {
    double value = static_cast<double>(number->digits) / std::pow(10.0, number->decimals);
    if (number->suffix == "%") return value / 100;
    if (number->suffix.empty()) return value;
  }
  return fail(ErrorCode::kInvalidArgument, fmt::format("\"{}\" is no ratio; write it as 30% or 0.3", text));
}

}  // namespace openclaw
