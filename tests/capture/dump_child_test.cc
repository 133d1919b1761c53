// The walk in process: what a HeapSource says is what a DumpReader reads.
#include "capture/dump_child.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "fake_heap.h"
#include "tests/support/seed.h"

namespace openclaw::test {
namespace {

class MemorySink final : public ByteSink {
 public:
  std::vector<std::byte> bytes;
  std::size_t failAfter = ~std::size_t{0};
  int write(const std::byte* data, std::size_t size) noexcept override {
    if (bytes.size() + size > failAfter) return ENOSPC;
    bytes.insert(bytes.end(), data, data + size);
    return 0;
  }
};

struct Walked {
  EncodeStatus status{};
  WalkProgress progress;
  MemorySink sink;
};

void walk(FakeHeap& heap, Walked& out) {
  auto workspace = DumpWorkspace::create(heap.lowAddress(), heap.highAddress(), heap.granule());
  ASSERT_TRUE(workspace) << toText(workspace.error());
  FileHeader header;
  header.dumpId[0] = 7;
  out.status = writeDump(heap, *workspace, header, out.sink, out.progress, 0);
}

TEST(DumpChild, RandomHeapsReadBackAsTheyAre) {
  const std::uint64_t seed = test::seedFromEnvironment();
  for (std::uint64_t i = 0; i < 12; ++i) {
    SCOPED_TRACE("OPENCLAW_SEED=" + std::to_string(seed + i));
    FakeHeap heap = FakeHeap::random(seed + i, i == 0 ? 150'000 : 1 + 997 * i);
    Walked walked;
    walk(heap, walked);
    ASSERT_EQ(walked.status, EncodeStatus::kOk);
    const ReadBack dump = readBack(walked.sink.bytes);
    EXPECT_EQ(difference(heap, dump), "");
    EXPECT_TRUE(dump.complete);
    EXPECT_EQ(dump.end.objects, heap.objects.size());
    EXPECT_EQ(dump.end.roots, heap.roots.size());
    EXPECT_EQ(dump.end.regions, heap.regions.size());
    EXPECT_EQ(walked.progress.objectsDone, heap.objects.size());
    EXPECT_EQ(walked.progress.bytesWritten, walked.sink.bytes.size());
    EXPECT_EQ(walked.progress.frames, dump.end.frames);
    EXPECT_EQ(walked.progress.finished, 1u);
  }
}

TEST(DumpChild, AnEmptyHeapIsACompleteDump) {
  FakeHeap heap = FakeHeap::random(1, 0);
  Walked walked;
  walk(heap, walked);
  ASSERT_EQ(walked.status, EncodeStatus::kOk);
  const ReadBack dump = readBack(walked.sink.bytes);
  EXPECT_EQ(difference(heap, dump), "");
  EXPECT_TRUE(dump.complete);
}

TEST(DumpChild, AReferenceWhereNoObjectStartsIsWrittenAsNullAndCounted) {
  FakeHeap heap = FakeHeap::random(2, 100);
  FakeObject& object = heap.objects[50];
  object.slots = {heap.objects[3].row.address, heap.objects[3].row.address + 4, heap.high + 64, 8, heap.objects[60].row.address};
  object.row.referenceCount = 5;
  heap.roots.emplace_back(heap.objects[3].row.address + 1, RootRecord{});
  heap.losses = {{"sites lost", 9}};
  Walked walked;
  walk(heap, walked);
  ASSERT_EQ(walked.status, EncodeStatus::kOk);
  const ReadBack dump = readBack(walked.sink.bytes);
  EXPECT_EQ(dump.targets[50], (std::vector<std::uint64_t>{3, kNullReference, kNullReference, kNullReference, 60}));
  const std::vector<std::pair<std::string, std::uint64_t>> expected{{"sites lost", 9}, {"dangling references", 3}, {"dangling roots", 1}};
  EXPECT_EQ(dump.losses, expected);
  EXPECT_EQ(walked.progress.danglingReferences, 3u);
  ASSERT_EQ(walked.progress.lossCount, 3u);
  EXPECT_STREQ(walked.progress.losses[0].name, "sites lost");
  EXPECT_EQ(dump.roots.size() + 1, heap.roots.size());
}

TEST(DumpChild, ObjectsThatAreNotThoseThatWereNumberedEndTheDump) {
  for (const int fault : {0, 1, 2, 3}) {
    FakeHeap heap = FakeHeap::random(3, 1000);
    if (fault == 0) std::swap(heap.objects[10].row, heap.objects[11].row);      // not ascending
    if (fault == 1) heap.objects[10].row.referenceCount += 1;                   // a slot is missing
    if (fault == 2) heap.objects[10].slots.push_back(0);                        // a slot too many
    if (fault == 3) heap.objects.back().row.address = heap.high + FakeHeap::kOffset;  // outside the range
    Walked walked;
    walk(heap, walked);
    EXPECT_EQ(walked.status, EncodeStatus::kOutOfOrder) << fault;
    EXPECT_FALSE(readBack(walked.sink.bytes).complete) << fault;
  }
}

TEST(DumpChild, ASourceThatOutgrewItsWorkspaceIsRefused) {
  FakeHeap heap = FakeHeap::random(4, 10);
  auto workspace = DumpWorkspace::create(heap.lowAddress(), heap.highAddress() - 4096, heap.granule());
  ASSERT_TRUE(workspace);
  MemorySink sink;
  WalkProgress progress;
  EXPECT_EQ(writeDump(heap, *workspace, {}, sink, progress, 0), EncodeStatus::kOutOfOrder);
  EXPECT_TRUE(sink.bytes.empty());
}

TEST(DumpChild, AFailingSinkEndsTheWalkWithItsErrno) {
  FakeHeap heap = FakeHeap::random(5, 200'000);
  Walked walked;
  walked.sink.failAfter = 500'000;
  walk(heap, walked);
  EXPECT_EQ(walked.status, EncodeStatus::kSinkFailed);
  EXPECT_EQ(walked.progress.sinkError, ENOSPC);
  EXPECT_FALSE(readBack(walked.sink.bytes).complete);
}

TEST(DumpChild, AReleasedWorkspaceServesTheNextWalk) {
  FakeHeap first = FakeHeap::random(6, 5000), second = FakeHeap::random(7, 300);
  auto workspace = DumpWorkspace::create(FakeHeap::kLow, std::max(first.high, second.high), FakeHeap::kGranule);
  ASSERT_TRUE(workspace);
  for (FakeHeap* heap : {&first, &second, &first}) {
    MemorySink sink;
    WalkProgress progress;
    ASSERT_EQ(writeDump(*heap, *workspace, {}, sink, progress, 0), EncodeStatus::kOk);
    EXPECT_EQ(difference(*heap, readBack(sink.bytes)), "");
    workspace->release();
  }
}

}  // namespace
}  // namespace openclaw::test
