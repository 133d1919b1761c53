// What is left of a damaged file: a snapshot whose every invariant holds, and a report that counts the rest.
#include <gtest/gtest.h>

#include "analyzer/report/reports.h"
#include "analyzer/snapshot.h"
#include "analyzer/verify.h"
#include "format/dump_reader.h"
#include "tests/analyzer/small_heap.h"
#include "tests/support/dump_model.h"

namespace openclaw {
namespace {

using test::SmallHeap;

// Loads, and holds whatever came of it against all invariants and writers.
void expectSoundOrError(std::span<const std::byte> bytes, const char* what, std::size_t at) {
  const auto loaded = loadSnapshot(bytes, "damaged.bin", {.threads = 1, .dominators = true});
  if (!loaded) return;
  const Snapshot& s = **loaded;
  for (const BrokenInvariant& broken : verify(s))
    ASSERT_TRUE(broken.name.starts_with("regions-"))
        << what << " at " << at << ": " << broken.name << ": " << broken.detail;
  if (at % 8 == 0) {  // the writers see a sample, for the time it takes
    ASSERT_FALSE(textOf(s, computeSummary(s, 3)).empty());
  }
}

TEST(Salvage, EveryCutGivesAnErrorOrASoundSnapshot) {
  for (const bool manyFrames : {false, true}) {
    SmallHeap heap;
    heap.flushEachObject = manyFrames;
    const auto bytes = heap.encode();
    std::size_t loaded = 0, complete = 0, cuts = 0;
    for (std::size_t cut = 0; cut < bytes.size(); cut += manyFrames ? 11 : 1) {
      ++cuts;
      const auto part = std::span(bytes).first(cut);
      expectSoundOrError(part, "cut", cut);
      if (const auto s = loadSnapshot(part, "cut.bin", {.threads = 1, .dominators = true})) {
        ++loaded;
        if ((*s)->report().complete()) {  // what follows the end frame, symbols and index, is not part of the
                                          // dump proper
          ++complete;
          continue;
        }
        ASSERT_NE((*s)->report().sentence().find(" of the file read"), std::string::npos)
            << cut << ": " << (*s)->report().sentence();
      }
    }
    EXPECT_GT(loaded, cuts / 2);
    EXPECT_LE(complete, 3u);  // after the end frame, after the symbols, after the index
  }
}

TEST(Salvage, EveryFlippedByteGivesAnErrorOrASoundSnapshot) {
  for (const bool manyFrames : {false, true}) {
    SmallHeap heap;
    heap.flushEachObject = manyFrames;
    auto bytes = heap.encode();
    for (std::size_t at = 0; at < bytes.size(); at += manyFrames ? 11 : 1) {
      bytes[at] ^= std::byte{0x41};
      expectSoundOrError(bytes, "flip", at);
      bytes[at] ^= std::byte{0x41};
    }
  }
}

// The nth frame of a kind, overwritten.
std::vector<std::byte> withoutFrame(std::vector<std::byte> bytes, FrameKind kind, std::size_t nth) {
  auto reader = DumpReader::fromMemory(bytes, "test");
  EXPECT_TRUE(reader.has_value());
  for (const FrameInfo& frame : reader->frames()) {
    if (frame.kind != kind || nth-- != 0) continue;
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(frame.offset),
                FrameHeader::kBytes + frame.storedSize, std::byte{0});
    return bytes;
  }
  ADD_FAILURE() << "no such frame";
  return bytes;
}

TEST(Salvage, ObjectsAfterALostFrameMoveTogether) {
  SmallHeap heap;
  heap.flushEachObject = true;
  const auto bytes = withoutFrame(heap.encode(), FrameKind::kObjects, SmallHeap::kSessionA);
  const auto loaded = loadSnapshot(bytes, "test.bin", {});
  ASSERT_TRUE(loaded.has_value());
  const Snapshot& s = **loaded;
  ASSERT_EQ(s.objectCount(), 7u);
  EXPECT_EQ(s.report().objectsMissing, 1u);
  // Session b follows the array; the array's first slot led to the lost session and is null now.
  const ObjectIndex array(1), b(2);
  EXPECT_EQ(s.address(b).value, heap.objects[SmallHeap::kSessionB].address);
  EdgeCursor edge = s.edgesFrom(array);
  ASSERT_TRUE(edge);
  EXPECT_EQ(edge.slot(), 1u);
  EXPECT_EQ(edge.target(), b);
  bool counted = false;
  for (const auto& [name, count] : s.report().losses)
    counted |= name == "references to missing objects" && count == 1;
  EXPECT_TRUE(counted);
  EXPECT_TRUE(s.reachable(ObjectIndex(6)));
  EXPECT_EQ(s.size(ObjectIndex(6)).value, heap.objects[SmallHeap::kBig].size);
}

TEST(Salvage, LostReferencesAreCountedByObject) {
  SmallHeap heap;
  heap.flushEachObject = true;
  const auto bytes = withoutFrame(heap.encode(), FrameKind::kReferences, 1);  // the array's
  const auto loaded = loadSnapshot(bytes, "test.bin", {});
  ASSERT_TRUE(loaded.has_value());
  const Snapshot& s = **loaded;
  EXPECT_EQ(s.objectCount(), 8u);
  EXPECT_EQ(s.report().referencesMissing, 1u);
  EXPECT_FALSE(s.edgesFrom(ObjectIndex(SmallHeap::kArray)));
  EXPECT_FALSE(s.reachable(ObjectIndex(SmallHeap::kSessionA)));
  EXPECT_NE(s.report().sentence().find("1 object without its references"), std::string::npos)
      << s.report().sentence();
  EXPECT_NE(s.report().sentence().find("lower bounds"), std::string::npos);
}

TEST(Salvage, LostTypesSitesAndStacksLeaveKnownRows) {
  for (const FrameKind kind :
       {FrameKind::kTypes, FrameKind::kSites, FrameKind::kStacks, FrameKind::kRoots, FrameKind::kArenas}) {
    const auto bytes = withoutFrame(SmallHeap().encode(), kind, 0);
    const auto loaded = loadSnapshot(bytes, "test.bin", {});
    ASSERT_TRUE(loaded.has_value());
    EXPECT_EQ((*loaded)->objectCount(), 8u);
    EXPECT_FALSE((*loaded)->report().complete());
    EXPECT_FALSE(textOf(**loaded, computeSummary(**loaded, 5)).empty());
  }
}

TEST(Salvage, AFileWithoutEndSaysSo) {
  const auto bytes = withoutFrame(SmallHeap().encode(), FrameKind::kEnd, 0);
  const auto loaded = loadSnapshot(bytes, "test.bin", {});
  ASSERT_TRUE(loaded.has_value());
  EXPECT_FALSE((*loaded)->report().file.endSeen);
  EXPECT_NE((*loaded)->report().sentence().find("no end frame"), std::string::npos);
}

}  // namespace
}  // namespace openclaw
