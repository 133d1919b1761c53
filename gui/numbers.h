// The one place of the window that turns values into text. Sizes and durations come from format/units.h; here are
// counts, shares, certainties, and what stands where a value is missing.
//
//   numbers::count(48'200'123)            "48,200,123"      numbers::shortCount(48'200'123)   "48.2 M"
//   numbers::size(Bytes(432013312), Certainty::kLowerBound)  "≥ 412 MiB"
//   numbers::share(106, 1000)             "10.6 %"          numbers::share(1, 0)              "–"
#pragma once

#include <chrono>
#include <cstdint>

#include <QString>

#include "format/units.h"

namespace openclaw::gui::numbers {

QString count(std::uint64_t number);
// Three significant digits with k, M, G; small numbers stay whole.
QString shortCount(std::uint64_t number);
QString size(Bytes bytes, Certainty certainty = Certainty::kExact);
QString duration(std::uint64_t nanoseconds);
// One decimal; "< 0.1 %" for what is there but small; "–" when there is no whole to be a part of.
QString share(std::uint64_t part, std::uint64_t whole);
// The same as a number from 0 to 1, for bars. 0 when there is no whole.
double fraction(std::uint64_t part, std::uint64_t whole);
QString address(Address address);
// Collections survived: "0" to "6", "≥ 7"; halves occur in medians.
QString age(double collections);
// "1 object", "2 objects".
QString counted(std::uint64_t number, const QString& singular, const QString& plural);
// "2026-11-22 21:45:08 UTC"; "–" for 0.
QString time(std::uint64_t unixNanoseconds);
QString unknown();
// "≥ ", "≈ ", "~ " or nothing: what stands before a value that is not exact.
QString mark(Certainty certainty);
// "exact", "lower bound", …
QString words(Certainty certainty);

inline QString text(std::string_view utf8) { return QString::fromUtf8(utf8.data(), static_cast<qsizetype>(utf8.size())); }

}  // namespace openclaw::gui::numbers
