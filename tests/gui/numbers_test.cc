#include "gui/numbers.h"

#include <gtest/gtest.h>

#include "tests/gui/printing.h"

namespace openclaw::gui {
namespace {

TEST(Numbers, SmallCountsStayWholeAndLargeOnesHaveThreeDigits) {
  EXPECT_EQ(numbers::shortCount(0), "0");
  EXPECT_EQ(numbers::shortCount(9'999), "9,999");
  EXPECT_EQ(numbers::shortCount(12'073), "12.1 k");
  EXPECT_EQ(numbers::shortCount(48'200'123), "48.2 M");
  EXPECT_EQ(numbers::shortCount(999'999), "1.00 M");
  EXPECT_EQ(numbers::shortCount(4'294'967'294), "4.29 G");
  EXPECT_EQ(numbers::count(48'200'123), "48,200,123");
}

TEST(Numbers, AShareNeverRoundsToAllOrNothing) {
  EXPECT_EQ(numbers::share(0, 10), "0 %");
  EXPECT_EQ(numbers::share(1, 1'000'000), "< 0.1 %");
  EXPECT_EQ(numbers::share(106, 1000), "10.6 %");
  EXPECT_EQ(numbers::share(999'999, 1'000'000), "> 99.9 %");
  EXPECT_EQ(numbers::share(10, 10), "100.0 %");
  EXPECT_EQ(numbers::share(1, 0), "–");
}

TEST(Numbers, SizesSayHowSureTheyAre) {
  EXPECT_EQ(numbers::size(Bytes(432013312)), "412 MiB");
  EXPECT_EQ(numbers::size(Bytes(432013312), Certainty::kLowerBound), "≥ 412 MiB");
  EXPECT_EQ(numbers::size(Bytes(432013312), Certainty::kSampled), "≈ 412 MiB");
}

TEST(Numbers, AgesSaturateAtSeven) {
  EXPECT_EQ(numbers::age(0), "0");
  EXPECT_EQ(numbers::age(2.5), "2.5");
  EXPECT_EQ(numbers::age(7), "≥ 7");
}

TEST(Numbers, TimesAreInUtcAndZeroIsUnknown) {
  EXPECT_EQ(numbers::time(1'700'000'100'000'000'000), "2023-11-14 22:15:00 UTC");
  EXPECT_EQ(numbers::time(0), "–");
}

TEST(Numbers, OneIsSingular) {
  EXPECT_EQ(numbers::counted(1, "object", "objects"), "1 object");
  EXPECT_EQ(numbers::counted(2, "object", "objects"), "2 objects");
}

}  // namespace
}  // namespace openclaw::gui
