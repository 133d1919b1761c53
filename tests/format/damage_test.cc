// A cut at every byte and a flip of every byte of a small dump with every kind of frame: an error, or a report that
// says what was lost. What is still read is what was written.
#include <gtest/gtest.h>

#include <map>

#include "format/dump_reader.h"
#include "tests/format/record_text.h"
#include "tests/support/dump_model.h"
#include "tests/support/seed.h"

namespace openclaw {
namespace {

using namespace test;

struct Original {
  std::vector<std::byte> bytes;
  std::vector<FrameInfo> frames;
  std::map<std::uint32_t, std::string> text;  // by sequence
  std::uint64_t framesEnd = 0;                // where the trailer begins

  explicit Original(bool index) {
    DumpModel model = modelOf("root->a b; a:Session*128@1->b c -; b->~c a; c:Text*64@2; d:Text*48->d");
    model.objects[2].age = 3;
    model.objects[1].external = 1000;
    model.objects[3].flags = kObjectPinned;
    model.objects[3].size = 5ull << 32;
    bytes = encodeDump(model, {.index = index});
    auto reader = DumpReader::fromMemory(bytes, "original");
    frames.assign(reader->frames().begin(), reader->frames().end());
    for (const FrameInfo& frame : frames) {
      text[frame.sequence] = textOfFrame(*reader, frame);
      framesEnd = std::max(framesEnd, end(frame));
    }
  }
  static std::uint64_t end(const FrameInfo& frame) { return frame.offset + FrameHeader::kBytes + frame.storedSize; }
};

struct Outcome {
  bool opened = false;
  bool silent = true;      // nothing was reported
  std::size_t framesRead = 0;
  ReadReport report;
};

// Reads all of `bytes`; whatever frame can be read must be as it was in the original.
Outcome readDamaged(const Original& original, std::span<const std::byte> bytes) {
  Outcome outcome;
  auto reader = DumpReader::fromMemory(bytes, "damaged");
  if (!reader) {
    EXPECT_EQ(reader.error().code, ErrorCode::kDamaged) << toText(reader.error());
    EXPECT_FALSE(reader.error().what.empty());
    return outcome;
  }
  outcome.opened = true;
  outcome.report = reader->report();
  outcome.silent = reader->report().complete() && reader->report().duplicateFrames == 0;
  for (const FrameInfo& frame : reader->frames()) {
    std::string text = textOfFrame(*reader, frame);
    if (text.starts_with("error: ")) {
      outcome.silent = false;
      continue;
    }
    ++outcome.framesRead;
    auto was = original.text.find(frame.sequence);
    if (was == original.text.end())
      ADD_FAILURE() << "a frame that was never written: " << frame.sequence;
    else
      EXPECT_EQ(text, was->second);
  }
  EXPECT_LE(outcome.report.bytesRead, outcome.report.fileBytes);
  return outcome;
}

TEST(Damage, TheTestDumpHasEveryKindOfFrameAndIsSmall) {
  Original original(true);
  EXPECT_LE(original.bytes.size(), 16u << 10);
  std::map<FrameKind, int> kinds;
  for (const FrameInfo& frame : original.frames) ++kinds[frame.kind];
  for (auto kind = FrameKind::kProcess; kind <= FrameKind::kEnd; kind = static_cast<FrameKind>(static_cast<int>(kind) + 1))
    EXPECT_GE(kinds[kind], 1) << toText(kind);
  Outcome outcome = readDamaged(original, original.bytes);
  EXPECT_TRUE(outcome.silent);
  EXPECT_EQ(outcome.framesRead, original.frames.size());
}

TEST(Damage, ACutAtAnyByteGivesTheWholeFramesBeforeItAndTheFraction) {
  for (bool index : {true, false}) {
    Original original(index);
    for (std::size_t cut = 0; cut < original.bytes.size(); ++cut) {
      SCOPED_TRACE("cut at " + std::to_string(cut));
      Outcome outcome = readDamaged(original, std::span(original.bytes).first(cut));
      if (cut < FileHeader::kBytes) {
        ASSERT_FALSE(outcome.opened);
        continue;
      }
      ASSERT_TRUE(outcome.opened);
      std::size_t whole = 0;
      std::uint64_t bytes = FileHeader::kBytes;
      bool end = false;
      for (const FrameInfo& frame : original.frames)
        if (Original::end(frame) <= cut) ++whole, bytes += FrameHeader::kBytes + frame.storedSize, end |= frame.kind == FrameKind::kEnd;
      EXPECT_EQ(outcome.framesRead, whole);
      EXPECT_EQ(outcome.report.bytesRead, bytes);
      EXPECT_EQ(outcome.report.endSeen, end);
      // Behind the end frame stand only symbols and index: cut between frames, the dump is whole without them.
      EXPECT_EQ(outcome.silent, end && bytes == cut);
      EXPECT_DOUBLE_EQ(outcome.report.fractionRead(), static_cast<double>(bytes) / static_cast<double>(cut));
      EXPECT_FALSE(outcome.report.indexUsed);
      // Between frames a cut leaves nothing behind that could be called damaged; the missing end frame tells.
      EXPECT_EQ(outcome.report.damagedFrames, bytes == cut ? 0u : 1u);
      if (HasFailure()) return;
    }
  }
}

TEST(Damage, AFlipOfAnyByteIsReportedAndCostsOneFrameAtMost) {
  Original original(true);
  auto bytes = original.bytes;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (unsigned pattern : {0x01u, 0x80u, 0xffu}) {
      SCOPED_TRACE("byte " + std::to_string(at) + " xor " + std::to_string(pattern));
      bytes[at] ^= static_cast<std::byte>(pattern);
      Outcome outcome = readDamaged(original, bytes);
      bytes[at] ^= static_cast<std::byte>(pattern);
      ASSERT_TRUE(outcome.opened);
      EXPECT_FALSE(outcome.silent);
      EXPECT_GE(outcome.framesRead + 1, original.frames.size());
      EXPECT_EQ(outcome.report.headerDamaged, at < FileHeader::kBytes);
      if (HasFailure()) return;
    }
  }
}

TEST(Damage, ABurstOfAnyBytesAnywhereNeverChangesWhatIsRead) {
  std::uint64_t seed = seedFromEnvironment();
  SCOPED_TRACE("OPENCLAW_SEED=" + std::to_string(seed));
  Random random(seed);
  Original original(true);
  for (int round = 0; round < 1000 && !HasFailure(); ++round) {
    auto bytes = original.bytes;
    for (std::uint64_t burst = 0; burst < 1 + random.below(4); ++burst) {
      std::size_t at = FileHeader::kBytes + random.below(bytes.size() - FileHeader::kBytes);
      for (std::size_t i = at; i < std::min(bytes.size(), at + 1 + random.below(300)); ++i)
        bytes[i] = static_cast<std::byte>(random.next());
    }
    // Sometimes pieces are lost, doubled or moved, too.
    if (random.oneIn(3)) {
      std::size_t from = FileHeader::kBytes + random.below(bytes.size() - FileHeader::kBytes);
      std::size_t size = std::min<std::size_t>(bytes.size() - from, random.below(2000));
      std::vector<std::byte> piece(bytes.begin() + static_cast<std::ptrdiff_t>(from),
                                   bytes.begin() + static_cast<std::ptrdiff_t>(from + size));
      if (random.oneIn(2)) bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(from), bytes.begin() + static_cast<std::ptrdiff_t>(from + size));
      if (random.oneIn(2)) {
        std::size_t to = FileHeader::kBytes + random.below(bytes.size() - FileHeader::kBytes);
        bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(to), piece.begin(), piece.end());
      }
    }
    Outcome outcome = readDamaged(original, bytes);
    EXPECT_FALSE(outcome.opened && outcome.silent && bytes != original.bytes);
  }
}

}  // namespace
}  // namespace openclaw
