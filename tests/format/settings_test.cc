#include "format/settings.h"

#include <gtest/gtest.h>

#include <set>

namespace openclaw {
namespace {

TEST(Settings, EveryNameIsFoundAndIsUnique) {
  std::set<std::string> seen;
  for (const SettingInfo& info : allSettings()) {
    EXPECT_TRUE(seen.insert(std::string(info.group) + "." + std::string(info.name)).second) << info.name;
    EXPECT_EQ(findSetting(info.group, info.name), info.id);
    EXPECT_EQ(&settingInfo(info.id), &info);
    EXPECT_FALSE(info.help.empty());
    EXPECT_TRUE(info.group == "memory" || info.group == "gc") << info.group;
  }
  EXPECT_EQ(findSetting("gc", "arena-size"), std::nullopt);
  EXPECT_EQ(findSetting("memory", ""), std::nullopt);
}

TEST(Settings, EveryDefaultMinimumAndMaximumReadsBackFromItsText) {
  for (const SettingInfo& info : allSettings())
    for (std::uint64_t value : {info.defaultValue, info.minimum, info.maximum, info.minimum + (info.maximum - info.minimum) / 3}) {
      auto back = parseSetting(info.id, settingText(info.id, value));
      ASSERT_TRUE(back) << info.name << " " << settingText(info.id, value) << ": " << toText(back.error());
      EXPECT_EQ(*back, value) << info.name << " " << settingText(info.id, value);
    }
}

// Every error names the setting and its range, so that the one who typed it need not look it up.
void expectRefused(const SettingInfo& info, const std::string& text) {
  auto result = parseSetting(info.id, text);
  ASSERT_FALSE(result) << info.name << " " << text;
  EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(result.error().what.find(std::string(info.group) + " " + std::string(info.name)), std::string::npos);
  EXPECT_NE(result.error().what.find(settingRange(info.id)), std::string::npos) << result.error().what;
}

TEST(Settings, OneOutsideTheRangeIsRefusedAndTheRangeIsSaid) {
  for (const SettingInfo& info : allSettings()) {
    if (info.kind == SettingKind::kFlag) continue;
    expectRefused(info, settingText(info.id, info.maximum + 1));
    bool zeroIsOff = info.kind == SettingKind::kBytesOrOff;
    if (info.minimum > 1 || (info.minimum == 1 && !zeroIsOff)) expectRefused(info, settingText(info.id, info.minimum - 1));
  }
}

TEST(Settings, WhatCannotBeReadIsRefused) {
  for (const SettingInfo& info : allSettings())
    for (const char* text : {"", "many", "-1", "1x", "99999999999999999999999999"}) expectRefused(info, text);
}

TEST(Settings, MessagesReadAsSentences) {
  auto growth = *findSetting("gc", "growth");
  EXPECT_EQ(parseSetting(growth, "5%").error().what, "gc growth: 5% is below the minimum 10% (range 10% to 1000%)");
  EXPECT_EQ(*parseSetting(growth, "150%"), 1'500'000u);
  EXPECT_EQ(*parseSetting(growth, "1.5"), 1'500'000u);
  auto interval = *findSetting("memory", "sample-interval");
  EXPECT_EQ(*parseSetting(interval, "off"), 0u);
  EXPECT_EQ(settingText(interval, 0), "off");
  EXPECT_EQ(settingRange(interval), "off, or 16KiB to 1GiB");
  auto poison = *findSetting("gc", "stress-poison");
  EXPECT_EQ(*parseSetting(poison, "on"), 1u);
  EXPECT_EQ(settingText(poison, 1), "on");
  EXPECT_EQ(settingRange(poison), "on or off");
  EXPECT_EQ(settingText(growth, 123'456), "12.3456%");
}

}  // namespace
}  // namespace openclaw
