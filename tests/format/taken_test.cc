// What a dump cost stands behind its end frame, written later by another encoder.
#include <gtest/gtest.h>

#include "format/dump_reader.h"
#include "tests/support/dump_model.h"

namespace openclaw {
namespace {

TEST(Taken, FollowsTheEndFrameAndIsReadBack) {
  auto bytes = test::dumpOf("root->a; a->b", {.index = false});
  std::uint32_t frames = 0;
  {
    auto reader = DumpReader::fromMemory(bytes, "before");
    ASSERT_TRUE(reader) << toText(reader.error());
    frames = static_cast<std::uint32_t>(reader->frames().size());
  }
  test::MemoryEncoder late;
  late->continueAt(frames);
  late->taken({1'234'567, 89'000'000, "huge pages: 3 chunks were not restored"});
  ASSERT_EQ(late->status(), EncodeStatus::kOk);
  bytes.insert(bytes.end(), late.sink.bytes.begin(), late.sink.bytes.end());

  bytes = test::withIndex(bytes);
  auto reader = DumpReader::fromMemory(bytes, "after");
  ASSERT_TRUE(reader) << toText(reader.error());
  EXPECT_TRUE(reader->report().complete());
  int seen = 0;
  for (const FrameInfo& frame : reader->frames())
    if (frame.kind == FrameKind::kTaken) {
      auto decoded = reader->decode(frame);
      ASSERT_TRUE(decoded) << toText(decoded.error());
      decoded->taken([&](const TakenRecord& row) {
        ++seen;
        EXPECT_EQ(row.stopNanoseconds, 1'234'567u);
        EXPECT_EQ(row.totalNanoseconds, 89'000'000u);
        EXPECT_EQ(row.note, "huge pages: 3 chunks were not restored");
      });
    }
  EXPECT_EQ(seen, 1);
}

}  // namespace
}  // namespace openclaw
