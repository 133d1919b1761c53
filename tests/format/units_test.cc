#include "format/units.h"

#include <gtest/gtest.h>

#include "tests/support/dump_model.h"
#include "tests/support/seed.h"

namespace openclaw {
namespace {

using namespace std::chrono_literals;

TEST(Units, SizesAreShownWithThreeDigits) {
  EXPECT_EQ(toText(Bytes{0}), "0 B");
  EXPECT_EQ(toText(Bytes{17}), "17 B");
  EXPECT_EQ(toText(Bytes{1023}), "1023 B");
  EXPECT_EQ(toText(4_KiB), "4.00 KiB");
  EXPECT_EQ(toText(Bytes{10188}), "9.95 KiB");
  EXPECT_EQ(toText(Bytes{432013312}), "412 MiB");
  EXPECT_EQ(toText(Bytes{1048575}), "1.00 MiB") << "1023.999 KiB is the next unit";
  EXPECT_EQ(toText(Bytes{~0ull}), "16.0 EiB");
}

TEST(Units, DurationsAreShownWithThreeDigits) {
  EXPECT_EQ(toText(0ns), "0 ns");
  EXPECT_EQ(toText(850ns), "850 ns");
  EXPECT_EQ(toText(1'420us), "1.42 ms");
  EXPECT_EQ(toText(12s), "12.0 s");
  EXPECT_EQ(toText(999'999us), "1.00 s");
  EXPECT_EQ(toText(15min), "15.0 min");
  EXPECT_EQ(toText(48h), "48.0 h");
  EXPECT_EQ(toText(-5ms), "-5.00 ms");
  EXPECT_EQ(toText(std::chrono::nanoseconds::min()).front(), '-');
}

TEST(Units, AddressesAndSeparators) {
  EXPECT_EQ(toText(Address{0x7f31c2004a80}), "0x7f31c2004a80");
  EXPECT_EQ(withSeparators(0), "0");
  EXPECT_EQ(withSeparators(999), "999");
  EXPECT_EQ(withSeparators(1000), "1,000");
  EXPECT_EQ(withSeparators(1234567), "1,234,567");
}

TEST(Units, SizesAreReadAsPeopleWriteThem) {
  auto bytes = [](std::string_view text) { return parseBytes(text).value_or(Bytes{12345}).value; };
  EXPECT_EQ(bytes("4096"), 4096u);
  EXPECT_EQ(bytes("64k"), 65536u);
  EXPECT_EQ(bytes("64K"), 65536u);
  EXPECT_EQ(bytes("64KiB"), 65536u);
  EXPECT_EQ(bytes("64kB"), 64000u);
  EXPECT_EQ(bytes("1g"), 1ull << 30);
  EXPECT_EQ(bytes("1.5GiB"), 3ull << 29);
  EXPECT_EQ(bytes("512 MiB"), 512ull << 20);
  EXPECT_EQ(bytes("0"), 0u);
  EXPECT_EQ(bytes("17B"), 17u);
  EXPECT_EQ(bytes("18446744073709551615"), ~0ull);
}

TEST(Units, WhatIsNoSizeIsRefusedAndNamed) {
  for (const char* text : {"", "k", "-1", "+1", "1.2.3k", "64q", "off", "1 2", "0x10", "18446744073709551616", "99999999t",
                           "1e3", ".", "1k k", "9999999999999999999999999999999999999999"}) {
    auto result = parseBytes(text);
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(result.error().what.find(std::string("\"") + text + "\""), std::string::npos) << result.error().what;
  }
}

TEST(Units, DurationsNameTheirUnit) {
  auto ns = [](std::string_view text) { return parseDuration(text).value_or(std::chrono::nanoseconds(-1)); };
  EXPECT_EQ(ns("25ms"), 25ms);
  EXPECT_EQ(ns("1s"), 1s);
  EXPECT_EQ(ns("200us"), 200us);
  EXPECT_EQ(ns("200µs"), 200us);
  EXPECT_EQ(ns("5min"), 5min);
  EXPECT_EQ(ns("1.5s"), 1500ms);
  EXPECT_EQ(ns("7ns"), 7ns);
  EXPECT_EQ(ns("0s"), 0s);
  for (const char* text : {"25", "", "ms", "-1s", "300years", "1S", "9999999999h"}) {
    auto result = parseDuration(text);
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_NE(parseDuration("25").error().what.find("unit"), std::string::npos);
}

TEST(Units, RatiosAreFractionsOrPercent) {
  EXPECT_DOUBLE_EQ(*parseRatio("30%"), 0.3);
  EXPECT_DOUBLE_EQ(*parseRatio("0.3"), 0.3);
  EXPECT_DOUBLE_EQ(*parseRatio("150%"), 1.5);
  EXPECT_DOUBLE_EQ(*parseRatio("12.5 %"), 0.125);
  for (const char* text : {"", "%", "-1%", "thirty", "30%%"}) EXPECT_FALSE(parseRatio(text)) << text;
}

TEST(Units, ExactTextsReadBackToTheSameValue) {
  EXPECT_EQ(toExactText(64_KiB), "64KiB");
  EXPECT_EQ(toExactText(64_MiB), "64MiB");
  EXPECT_EQ(toExactText(Bytes{67108865}), "67108865");
  EXPECT_EQ(toExactText(25ms), "25ms");
  EXPECT_EQ(toExactText(0ns), "0s");
  std::uint64_t seed = test::seedFromEnvironment();
  SCOPED_TRACE("OPENCLAW_SEED=" + std::to_string(seed));
  test::Random random(seed);
  for (int i = 0; i < 10'000; ++i) {
    Bytes bytes{(random.next() >> random.below(64)) << random.below(30)};
    ASSERT_EQ(*parseBytes(toExactText(bytes)), bytes) << toExactText(bytes);
    std::chrono::nanoseconds duration(static_cast<std::int64_t>((random.next() >> 1) >> random.below(63)));
    ASSERT_EQ(*parseDuration(toExactText(duration)), duration) << toExactText(duration);
  }
}

}  // namespace
}  // namespace openclaw
