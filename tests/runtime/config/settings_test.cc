// The settings of a heap: values, history, memory.toml and flags, each against settings.def itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <set>
#include <thread>

#include "runtime/config/settings_file.h"
#include "runtime/config/settings_state.h"

namespace openclaw {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// A value that is legal and not the default.
std::uint64_t otherValue(const SettingInfo& info) {
  return info.defaultValue == info.minimum ? info.maximum : info.minimum;
}

TEST(SettingsState, BeginsWithTheDefaultsOfTheTable) {
  SettingsState settings;
  ASSERT_EQ(settings.rows().size(), allSettings().size());
  for (const SettingsState::Row& row : settings.rows()) {
    EXPECT_EQ(row.value, settingInfo(row.id).defaultValue);
    EXPECT_EQ(settings.get(row.id), row.value);
    EXPECT_EQ(row.origin, "default");
  }
  EXPECT_TRUE(settings.changes().empty());
}

TEST(SettingsState, AChangeIsSeenLoggedAndObserved) {
  SettingsState settings;
  std::vector<std::uint64_t> seen;
  settings.observe([&](SettingId id, std::uint64_t before, std::uint64_t after) {
    EXPECT_EQ(id, SettingId::tlabSize);
    seen.insert(seen.end(), {before, after});
  });
  SettingAssignment change{SettingId::tlabSize, 16384};
  ASSERT_TRUE(settings.set({&change, 1}, "control", "uid 7"));
  EXPECT_EQ(settings.get(SettingId::tlabSize), 16384u);
  ASSERT_EQ(settings.changes().size(), 1u);
  SettingsState::Change logged = settings.changes()[0];
  EXPECT_EQ(logged.before, 65536u);
  EXPECT_EQ(logged.after, 16384u);
  EXPECT_EQ(logged.by, "uid 7");
  EXPECT_GT(logged.unixNanoseconds, 1'600'000'000'000'000'000ull);
  EXPECT_EQ(seen, (std::vector<std::uint64_t>{65536, 16384}));
  // The same value again is no change.
  ASSERT_TRUE(settings.set({&change, 1}, "program", "x"));
  EXPECT_EQ(settings.changes().size(), 1u);
  EXPECT_EQ(settings.rows()[static_cast<std::size_t>(SettingId::tlabSize)].origin, "program");
}

TEST(SettingsState, AValueOutOfRangeChangesNothingOfItsGroup) {
  SettingsState settings;
  std::vector<SettingAssignment> both{{SettingId::tlabSize, 16384}, {SettingId::gcGrowth, 1}};
  auto refused = settings.set(both, "control", "test");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.error().what, AllOf(HasSubstr("gc growth"), HasSubstr("10% to 1000%")));
  EXPECT_EQ(settings.get(SettingId::tlabSize), 65536u);
  EXPECT_TRUE(settings.changes().empty());
}

TEST(SettingsState, EveryRangeIsHeldAtBothEnds) {
  for (const SettingInfo& info : allSettings()) {
    EXPECT_TRUE(SettingsState::check(info.id, info.minimum)) << info.identifier;
    EXPECT_TRUE(SettingsState::check(info.id, info.maximum)) << info.identifier;
    EXPECT_FALSE(SettingsState::check(info.id, info.maximum + 1)) << info.identifier;
    bool zeroIsOff = info.kind == SettingKind::kBytesOrOff && info.minimum == 1;
    if (info.minimum > 0 && !zeroIsOff) {
      EXPECT_FALSE(SettingsState::check(info.id, info.minimum - 1)) << info.identifier;
    }
    EXPECT_EQ(SettingsState::check(info.id, 0).has_value(), info.minimum == 0 || info.kind == SettingKind::kBytesOrOff);
  }
}

TEST(SettingsState, OldChangesAreDroppedAndCounted) {
  SettingsState settings(4);
  for (std::uint64_t i = 0; i < 10; ++i) {
    SettingAssignment change{SettingId::spareChunks, 100 + i};
    ASSERT_TRUE(settings.set({&change, 1}, "control", "test"));
  }
  ASSERT_EQ(settings.changes().size(), 4u);
  EXPECT_EQ(settings.changes().front().after, 106u);
  EXPECT_EQ(settings.changesLost(), 6u);
}

TEST(SettingsState, ChangesFromSeveralThreadsFormOneChain) {
  SettingsState settings(100000);
  auto work = [&](std::uint64_t seed) {
    for (std::uint64_t i = 0; i < 500; ++i) {
      SettingAssignment change{SettingId::spareChunks, (seed + i * 7) % 1024};
      ASSERT_TRUE(settings.set({&change, 1}, "control", "test"));
    }
  };
  std::thread first(work, 1), second(work, 500);
  first.join();
  second.join();
  std::uint64_t value = settingInfo(SettingId::spareChunks).defaultValue;
  for (const SettingsState::Change& change : settings.changes()) {
    EXPECT_EQ(change.before, value);
    value = change.after;
  }
  EXPECT_EQ(settings.get(SettingId::spareChunks), value);
}

TEST(SettingsFile, WhatToTomlWritesIsReadBackForEverySetting) {
  SettingsState settings;
  std::vector<SettingAssignment> changed;
  for (const SettingInfo& info : allSettings()) changed.emplace_back(info.id, otherValue(info));
  ASSERT_TRUE(settings.start(changed, "test"));
  auto read = readSettingsText(settings.toToml(), "memory.toml");
  ASSERT_TRUE(read) << toText(read.error());
  EXPECT_EQ(*read, changed);
  SettingsState defaults;
  read = readSettingsText(defaults.toToml(), "memory.toml");
  ASSERT_TRUE(read) << toText(read.error());
  ASSERT_EQ(read->size(), allSettings().size());
  for (auto [id, value] : *read) EXPECT_EQ(value, settingInfo(id).defaultValue);
}

struct BadFile { const char* text; std::vector<std::string> says; };
TEST(SettingsFile, ErrorsNameFileLineKeyAndRange) {
  const BadFile files[] = {
      {"[memory]\narena-size = \"64MiB\"\narena-sise = 4\n", {"m.toml:3", "arena-sise", "arena-size, heap-limit"}},
      {"[memory]\n\ntlab-size = \"1MiB\"\n", {"m.toml:3", "memory tlab-size", "1KiB to 64KiB"}},
      {"[gc]\npause-target = 25\n", {"m.toml:2", "gc pause-target", "range"}},
      {"[gc]\ngrowth = [1, 2]\n", {"m.toml:2", "gc growth", "10% to 1000%"}},
      {"[cache]\nsize = 4\n", {"m.toml:1", "cache"}},
      {"growth = \"50%\"\n", {"m.toml:1", "growth"}},
      {"[gc\n", {"m.toml:1", "not TOML"}},
      {"[gc]\nbackground-sweep = \"maybe\"\n", {"m.toml:2", "gc background-sweep", "on or off"}},
      {"[gc]\npause-log = -3\n", {"m.toml:2", "gc pause-log", "16 to 65536"}},
  };
  for (const BadFile& file : files) {
    auto read = readSettingsText(file.text, "m.toml");
    ASSERT_FALSE(read) << file.text;
    EXPECT_EQ(read.error().code, ErrorCode::kInvalidArgument);
    for (const std::string& part : file.says) EXPECT_THAT(read.error().what, HasSubstr(part));
  }
}

TEST(SettingsFile, TomlNumbersAndBooleansMeanWhatTheirTextMeans) {
  auto read = readSettingsText("[memory]\ntlab-size = 4096\nhuge-pages = false\nsample-interval = \"off\"\n"
                               "[gc]\ngrowth = 0.5\npause-log = 64\n[service]\nport = 1\n", "m.toml",
                               std::vector<std::string_view>{"service"});
  ASSERT_TRUE(read) << toText(read.error());
  EXPECT_EQ(*read, (std::vector<SettingAssignment>{{SettingId::tlabSize, 4096},
                                                   {SettingId::sampleInterval, 0},
                                                   {SettingId::hugePages, 0},
                                                   {SettingId::gcGrowth, 500000},
                                                   {SettingId::pauseLog, 64}}));
}

TEST(SettingsFile, AFileThatIsNotThereSaysWhich) {
  auto read = readSettingsFile("/nonexistent/memory.toml");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kIo);
  EXPECT_THAT(read.error().what, AllOf(HasSubstr("/nonexistent/memory.toml"), HasSubstr("No such file")));
  EXPECT_EQ(readSettingsFile("/tmp").error().code, ErrorCode::kIo);
}

TEST(SettingsFile, AFileIsReadAndAnEmptyOneSetsNothing) {
  std::string path = ::testing::TempDir() + "openclaw-settings-" + std::to_string(::getpid()) + ".toml";
  std::ofstream(path) << "[gc]\ngrowth = \"200%\"\n";
  auto read = readSettingsFile(path);
  ASSERT_TRUE(read) << toText(read.error());
  EXPECT_EQ(*read, (std::vector<SettingAssignment>{{SettingId::gcGrowth, 2000000}}));
  std::ofstream(path, std::ios::trunc).flush();
  read = readSettingsFile(path);
  ASSERT_TRUE(read) << toText(read.error());
  EXPECT_TRUE(read->empty());
  std::remove(path.c_str());
}

TEST(SettingFlags, NamesAreUniqueOverTheGroups) {
  std::set<std::string> names;
  for (const SettingFlag& flag : settingFlags()) EXPECT_TRUE(names.insert(flag.option).second) << flag.option;
  EXPECT_EQ(names.size(), allSettings().size());
}

TEST(SettingFlags, SettingsAreTakenOutOfACommandLine) {
  std::vector<std::string> arguments{"--port", "80", "--arena-size", "128MiB", "file", "--growth=25%", "--verbose"};
  auto taken = takeSettingFlags(arguments);
  ASSERT_TRUE(taken) << toText(taken.error());
  EXPECT_EQ(*taken, (std::vector<SettingAssignment>{{SettingId::arenaSize, 128u << 20}, {SettingId::gcGrowth, 250000}}));
  EXPECT_EQ(arguments, (std::vector<std::string>{"--port", "80", "file", "--verbose"}));
  for (std::vector<std::string> bad : {std::vector<std::string>{"--growth"}, {"--growth=1%"}, {"--tlab-size", "x"}}) {
    auto refused = takeSettingFlags(bad);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_THAT(parseSettingFlag("--growth", "1%").error().what, AllOf(HasSubstr("--growth"), HasSubstr("10% to 1000%")));
}

}  // namespace
}  // namespace openclaw
