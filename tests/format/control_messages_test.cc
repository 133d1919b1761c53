#include "format/control_messages.h"

#include <gtest/gtest.h>

#include "tests/format/record_text.h"
#include "tests/support/dump_model.h"
#include "tests/support/seed.h"

namespace openclaw::control {
namespace {

template <class T>
T roundTrip(const T& message) {
  if constexpr (std::is_constructible_v<Request, T> && !std::is_constructible_v<Reply, T>) {
    auto back = decodeRequest(encode(Request(message)));
    EXPECT_TRUE(back) << toText(back.error());
    return std::get<T>(*back);
  } else {
    auto back = decodeReply(encode(Reply(message)));
    EXPECT_TRUE(back) << toText(back.error());
    return std::get<T>(*back);
  }
}

TEST(ControlMessages, EveryRequestComesBack) {
  roundTrip(InfoRequest{});
  roundTrip(MemoryShowRequest{});
  roundTrip(CancelRequest{});
  EXPECT_EQ(roundTrip(SettingsShowRequest{"gc"}).group, "gc");
  EXPECT_EQ(roundTrip(SettingsShowRequest{""}).group, "");
  auto set = roundTrip(SettingsSetRequest{{{"gc", "growth", "150%"}, {"memory", "arena-size", ""}}});
  ASSERT_EQ(set.values.size(), 2u);
  EXPECT_EQ(set.values[0].value, "150%");
  EXPECT_EQ(set.values[1].name, "arena-size");
  auto dump = roundTrip(DumpRequest{true, "stop-the-world"});
  EXPECT_TRUE(dump.collectFirst);
  EXPECT_EQ(dump.consistency, "stop-the-world");
  EXPECT_FALSE(roundTrip(DumpRequest{}).collectFirst);
  EXPECT_EQ(roundTrip(GcRunRequest{"occtl gc run"}).cause, "occtl gc run");
  EXPECT_EQ(roundTrip(GcRunRequest{""}).cause, "");
  EXPECT_EQ(roundTrip(GcLogRequest{17}).newest, 17u);
}

TEST(ControlMessages, EverySimpleReplyComesBack) {
  auto info = roundTrip(InfoReply{42, "/bin/x", "0.1.0", 1, 2, 3, 4});
  EXPECT_EQ(info.pid, 42u);
  EXPECT_EQ(info.executable, "/bin/x");
  EXPECT_EQ(info.version, "0.1.0");
  EXPECT_EQ(info.formatVersion, 1u);
  EXPECT_EQ(info.startedUnix, 2u);
  EXPECT_EQ(info.committedBytes, 3u);
  EXPECT_EQ(info.objectBytes, 4u);
  EXPECT_EQ(roundTrip(DoneReply{"collected"}).text, "collected");
  EXPECT_EQ(roundTrip(DoneReply{}).text, "");
  auto progress = roundTrip(DumpProgressReply{"objects", 1, 2, 3});
  EXPECT_EQ(progress.phase, "objects");
  EXPECT_EQ(progress.objectsDone, 1u);
  EXPECT_EQ(progress.objectsTotal, 2u);
  EXPECT_EQ(progress.bytesWritten, 3u);
  auto settings = roundTrip(SettingsReply{{{"a", "b", "c", "d", "e", "f", "g", "h"}}});
  ASSERT_EQ(settings.rows.size(), 1u);
  EXPECT_EQ(settings.rows[0].group + settings.rows[0].name + settings.rows[0].value + settings.rows[0].defaultValue +
                settings.rows[0].range + settings.rows[0].origin + settings.rows[0].effect + settings.rows[0].help,
            "abcdefgh");
}

TEST(ControlMessages, CountersArenasAndPausesComeBackWhole) {
  MemoryReply memory;
  std::uint64_t n = 0;
  for (const CounterInfo& info : allCounters()) memory.counters.*info.member = ++n * 1'000'000'007;
  ArenaRow arena;
  arena.ownedName = "main";
  arena.softLimit = 1, arena.committed = 2, arena.chunks = 3, arena.unusableHoleBytes = 4;
  memory.arenas.push_back(arena);
  memory.stopNanoseconds = 99;
  auto back = roundTrip(memory);
  for (const CounterInfo& info : allCounters()) EXPECT_EQ(back.counters.*info.member, memory.counters.*info.member) << info.name;
  ASSERT_EQ(back.arenas.size(), 1u);
  EXPECT_EQ(back.arenas[0].ownedName, "main");
  EXPECT_TRUE(back.arenas[0].name.empty());
  EXPECT_EQ(test::textOf(static_cast<const ArenaRecord&>(back.arenas[0])), test::textOf(static_cast<const ArenaRecord&>(arena)));
  EXPECT_EQ(back.stopNanoseconds, 99u);

  PausesReply pauses;
  pauses.total = 1234;
  PauseRow row;
  row.number = 1, row.startMonotonic = 2, row.duration = 3, row.predicted = 4, row.threads = 5, row.signalled = 6;
  row.slowestThread = 7, row.objectsMarked = 8, row.bytesMarked = 9, row.rootsScanned = 10, row.stackWords = 11;
  row.committedBefore = 12, row.allocatedSinceLast = 13, row.minorFaults = 14, row.majorFaults = 15, row.preemptions = 16;
  row.runDelay = 17, row.throttled = 18;
  row.ownedKind = "collect";
  row.ownedCause = "allocation";
  row.ownedPhases = {{"stop", 1}, {"mark", 2}};
  pauses.rows.push_back(row);
  auto log = roundTrip(pauses);
  EXPECT_EQ(log.total, 1234u);
  ASSERT_EQ(log.rows.size(), 1u);
  EXPECT_EQ(log.rows[0].ownedKind, "collect");
  EXPECT_EQ(log.rows[0].ownedCause, "allocation");
  ASSERT_EQ(log.rows[0].ownedPhases.size(), 2u);
  EXPECT_EQ(log.rows[0].ownedPhases[1].name, "mark");
  EXPECT_EQ(log.rows[0].ownedPhases[1].duration, 2u);
  EXPECT_EQ(test::textOf(static_cast<const PauseRecord&>(log.rows[0])), test::textOf(static_cast<const PauseRecord&>(row)));
}

TEST(ControlMessages, TheEndOfADumpComesBackWithItsLosses) {
  DumpDoneReply done;
  done.end = {1, 2, 3, 4, 5, 6, 7, {}};
  done.losses = {{"dangling references", 9}};
  done.consistency = "clone";
  done.stopNanoseconds = 10;
  done.totalNanoseconds = 11;
  done.note = "pauses may grow";
  auto back = roundTrip(done);
  EXPECT_EQ(test::textOf(back.end), test::textOf(done.end));
  ASSERT_EQ(back.losses.size(), 1u);
  EXPECT_EQ(back.losses[0].name, "dangling references");
  EXPECT_EQ(back.losses[0].count, 9u);
  EXPECT_EQ(back.consistency, "clone");
  EXPECT_EQ(back.stopNanoseconds, 10u);
  EXPECT_EQ(back.totalNanoseconds, 11u);
  EXPECT_EQ(back.note, "pauses may grow");
}

TEST(ControlMessages, AnErrorKeepsItsCodeAndText) {
  auto error = roundTrip(Error{ErrorCode::kNotFinished, "disk full", {}});
  EXPECT_EQ(error.code, ErrorCode::kNotFinished);
  EXPECT_EQ(error.what, "disk full");
}

TEST(ControlMessages, BytesThatAreNoMessageAreDamaged) {
  for (std::size_t size : {0u, 1u, 7u, 8u, 16u, 24u, 4096u}) {
    for (std::byte fill : {std::byte{0xff}, std::byte{0x55}}) {
      std::vector<std::byte> bytes(size, fill);
      auto request = decodeRequest(bytes);
      ASSERT_FALSE(request) << size;
      EXPECT_EQ(request.error().code, ErrorCode::kDamaged);
      EXPECT_FALSE(decodeReply(bytes));
    }
  }
  std::vector<std::byte> zeros(8);
  EXPECT_FALSE(decodeRequest(zeros)) << "an empty message is not an info request";
  std::vector<std::byte> long_(kMaxMessageBytes + 8);
  EXPECT_FALSE(decodeRequest(long_));
}

TEST(ControlMessages, CutAndChangedBytesGiveAMessageOrAnError) {
  std::uint64_t seed = test::seedFromEnvironment();
  SCOPED_TRACE("OPENCLAW_SEED=" + std::to_string(seed));
  test::Random random(seed);
  PausesReply pauses;
  pauses.rows.resize(3);
  for (PauseRow& row : pauses.rows) row.ownedKind = "collect", row.ownedPhases = {{"mark", 1}, {"sweep", 2}};
  std::vector<std::vector<std::byte>> messages = {
      encode(Request(SettingsSetRequest{{{"gc", "growth", "150%"}, {"memory", "arena-size", "64MiB"}}})),
      encode(Request(DumpRequest{true, "clone"})),
      encode(Reply(pauses)),
      encode(Reply(MemoryReply{{}, {ArenaRow{}}, 5})),
      encode(Reply(Error{ErrorCode::kIo, "no", {}})),
  };
  for (const auto& message : messages) {
    for (std::size_t cut = 0; cut < message.size(); ++cut) {
      EXPECT_FALSE(decodeRequest(std::span(message).first(cut)));
      EXPECT_FALSE(decodeReply(std::span(message).first(cut)));
    }
    for (int round = 0; round < 5000; ++round) {
      auto changed = message;
      for (std::uint64_t n = 1 + random.below(4); n > 0; --n)
        changed[random.below(changed.size())] ^= static_cast<std::byte>(1 << random.below(8));
      auto expectSound = [](const auto& result) {
        EXPECT_TRUE(result || result.error().code == ErrorCode::kDamaged || result.error().code == ErrorCode::kUnsupported);
      };
      expectSound(decodeRequest(changed));
      expectSound(decodeReply(changed));
    }
  }
}

}  // namespace
}  // namespace openclaw::control
