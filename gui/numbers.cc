#include "gui/numbers.h"

#include <array>
#include <cmath>

#include <QDateTime>
#include <QTimeZone>

namespace openclaw::gui::numbers {

QString count(std::uint64_t number) { return text(withSeparators(number)); }

QString shortCount(std::uint64_t number) {
  if (number < 10'000) return count(number);
  static constexpr std::array<const char*, 4> kUnits = {" k", " M", " G", " T"};
  double value = static_cast<double>(number) / 1000;
  std::size_t unit = 0;
  // 999.5 would print as "1000", so the next unit starts there.
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return QString::number(value, 'f', decimals) + QLatin1String(kUnits[unit]);
}

QString size(Bytes bytes, Certainty certainty) { return mark(certainty) + text(toText(bytes)); }

QString duration(std::uint64_t nanoseconds) {
  return text(toText(std::chrono::nanoseconds(static_cast<std::int64_t>(nanoseconds))));
}

double fraction(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

QString share(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return unknown();
  if (part == 0) return QStringLiteral("0 %");
  const double percent = 100 * fraction(part, whole);
  if (percent < 0.1) return QStringLiteral("< 0.1 %");
  // "100.0 %" would claim what is not so.
  if (percent > 99.9 && part < whole) return QStringLiteral("> 99.9 %");
  return QString::number(percent, 'f', 1) + QStringLiteral(" %");
}

QString address(Address address) { return text(toText(address)); }

QString age(double collections) {
  if (collections >= 7) return QStringLiteral("≥ 7");
  const bool whole = collections == std::floor(collections);
  return QString::number(collections, 'f', whole ? 0 : 1);
}

QString counted(std::uint64_t number, const QString& singular, const QString& plural) {
  return count(number) + QLatin1Char(' ') + (number == 1 ? singular : plural);
}

QString time(std::uint64_t unixNanoseconds) {
  if (unixNanoseconds == 0) return unknown();
  const auto seconds = static_cast<qint64>(unixNanoseconds / 1'000'000'000);
  return QDateTime::fromSecsSinceEpoch(seconds, QTimeZone::utc()).toString(QStringLiteral("yyyy-MM-dd hh:mm:ss")) +
         QStringLiteral(" UTC");
}

QString unknown() { return QStringLiteral("–"); }

QString mark(Certainty certainty) {
  switch (certainty) {
    case Certainty::kExact: return {};
    case Certainty::kLowerBound: return QStringLiteral("≥ ");
    case Certainty::kInterval: return QStringLiteral("~ ");
    case Certainty::kSampled: return QStringLiteral("≈ ");
    case Certainty::kConservative: return QStringLiteral("~ ");
  }
  return {};
}

QString words(Certainty certainty) {
  switch (certainty) {
    case Certainty::kExact: return QStringLiteral("exact");
    case Certainty::kLowerBound: return QStringLiteral("a lower bound");
    case Certainty::kInterval: return QStringLiteral("an interval");
    case Certainty::kSampled: return QStringLiteral("sampled");
    case Certainty::kConservative: return QStringLiteral("conservative: found by scanning");
  }
  return {};
}

}  // namespace openclaw::gui::numbers
