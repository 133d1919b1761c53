// Java heap dumps as snapshots: every trap of the format that is known, one test each, on hand-made bytes.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "analyzer/findings/evidence.h"
#include "analyzer/load/hprof/class_table.h"
#include "analyzer/load/hprof/hprof.h"
#include "analyzer/load/hprof/object_sizes.h"
#include "analyzer/snapshot.h"
#include "analyzer/snapshot_state.h"
#include "analyzer/verify.h"
#include "tests/analyzer/hprof/hprof_writer.h"
#include "tests/support/seed.h"

namespace openclaw {
namespace {

using test::HprofWriter;

// Names 1..; classes 0x1000.. ; objects 0x100000.. as far apart as their sizes ask.
enum Name : std::uint64_t { kNoName, kObjectName, kClassName, kNode, kLeft, kRight, kNodeArray, kReferenceName, kReferent, kWeakName,
                            kSoftName, kNext, kBytes, kTable, kFinalName, kMain, kFile };
constexpr std::uint64_t kObjectId = 0x1000, kClassId = 0x1100, kNodeId = 0x1200, kArrayId = 0x1300, kReferenceId = 0x1400,
                        kWeakId = 0x1500, kSoftId = 0x1600, kBytesId = 0x1700, kFinalId = 0x1800;

void names(HprofWriter& w) {
  const std::pair<Name, const char*> all[] = {
      {kObjectName, "java/lang/Object"}, {kClassName, "java/lang/Class"}, {kNode, "app/Node"}, {kLeft, "left"}, {kRight, "right"},
      {kNodeArray, "[Lapp/Node;"}, {kReferenceName, "java/lang/ref/Reference"}, {kReferent, "referent"},
      {kWeakName, "java/lang/ref/WeakReference"}, {kSoftName, "java/lang/ref/SoftReference"}, {kNext, "next"}, {kBytes, "[B"},
      {kTable, "table"}, {kFinalName, "java/lang/ref/FinalReference"}, {kMain, "main"}, {kFile, "Main.java"}};
  for (const auto& [id, text] : all) w.utf8(id, text);
}
void loads(HprofWriter& w) {
  const std::pair<std::uint64_t, Name> all[] = {{kObjectId, kObjectName}, {kClassId, kClassName}, {kNodeId, kNode}, {kArrayId, kNodeArray},
                                                {kReferenceId, kReferenceName}, {kWeakId, kWeakName}, {kSoftId, kSoftName},
                                                {kBytesId, kBytes}, {kFinalId, kFinalName}};
  std::uint32_t serial = 1;
  for (const auto& [id, name] : all) w.loadClass(serial++, id, name);
}
void classDumps(HprofWriter& w) {
  w.classDump({.id = kObjectId});
  w.classDump({.id = kClassId, .super = kObjectId});
  w.classDump({.id = kNodeId, .super = kObjectId, .fields = {{kLeft}, {kRight}}});
  w.classDump({.id = kArrayId, .super = kObjectId});
  w.classDump({.id = kReferenceId, .super = kObjectId, .fields = {{kReferent}, {kNext}}});
  w.classDump({.id = kWeakId, .super = kReferenceId});
  w.classDump({.id = kSoftId, .super = kReferenceId});
  w.classDump({.id = kBytesId, .super = kObjectId});
  w.classDump({.id = kFinalId, .super = kReferenceId});
}
// root -> A -> (B, C); B -> D; C -> D. Node objects of 24 bytes each, back to back.
constexpr std::uint64_t kA = 0x100000, kB = kA + 24, kC = kB + 24, kD = kC + 24;
void diamond(HprofWriter& w) {
  w.root(0xff, kA);
  w.instance(kA, kNodeId, {kB, kC});
  w.instance(kB, kNodeId, {kD, 0});
  w.instance(kC, kNodeId, {kD, 0});
  w.instance(kD, kNodeId, {0, 0});
}
HprofWriter smallDump(unsigned idSize = 8) {
  HprofWriter w(idSize);
  names(w);
  loads(w);
  w.beginSegment();
  classDumps(w);
  diamond(w);
  w.endSegment();
  w.end();
  return w;
}

std::shared_ptr<const Snapshot> load(const std::vector<std::byte>& bytes, LoadOptions options = {}) {
  options.threads = 1;
  const auto loaded = loadSnapshot(bytes, "test.hprof", options);
  EXPECT_TRUE(loaded.has_value()) << (loaded ? "" : toText(loaded.error()));
  if (!loaded) return nullptr;
  for (const BrokenInvariant& broken : verify(**loaded)) ADD_FAILURE() << broken.name << ": " << broken.detail;
  return *loaded;
}
ObjectIndex at(const Snapshot& s, std::uint64_t id) {
  for (std::uint32_t i = 0; i < s.objectCount(); ++i)
    if (s.address(ObjectIndex(i)).value == id) return ObjectIndex(i);
  ADD_FAILURE() << "no object " << std::hex << id;
  return ObjectIndex(0);
}
std::string typeName(const Snapshot& s, std::uint64_t id) { return s.types()[s.type(at(s, id))].name; }
std::uint64_t retained(const Snapshot& s, std::uint64_t id) { return s.retained(at(s, id)).value; }
std::uint64_t loss(const Snapshot& s, std::string_view name) {
  for (const auto& [known, count] : s.report().losses)
    if (known.find(name) != std::string::npos) return count;
  return 0;
}
void expectDiamond(const Snapshot& s) {
  EXPECT_EQ(typeName(s, kA), "app.Node");
  EXPECT_EQ(retained(s, kA), 4 * s.size(at(s, kA)).value);
  EXPECT_EQ(retained(s, kB), s.size(at(s, kB)).value);
  EXPECT_EQ(s.dominator(at(s, kD)), at(s, kA));
  EXPECT_EQ(s.labelOf(at(s, kA), 0), "left");
  EXPECT_EQ(s.labelOf(at(s, kA), 1), "right");
}

TEST(Hprof, DiamondOfInstancesHasNamesSizesAndDominators) {
  const auto s = load(smallDump().bytes());
  ASSERT_NE(s, nullptr);
  EXPECT_EQ(s->kind(), DumpKind::kHprof);
  EXPECT_EQ(s->objectCount(), 13u);
  EXPECT_EQ(s->size(at(*s, kA)).value, 24u);  // 12 of header, two references of 4, rounded up
  expectDiamond(*s);
  EXPECT_TRUE(s->report().complete()) << s->report().sentence();
  EXPECT_EQ(s->description(at(*s, kNodeId)), "app.Node");
  EXPECT_EQ(typeName(*s, kNodeId), "java.lang.Class");
}

TEST(Hprof, IdsOfFourBytes) {
  const auto s = load(smallDump(4).bytes());
  ASSERT_NE(s, nullptr);
  EXPECT_EQ(s->size(at(*s, kA)).value, 16u);  // 8 of header
  expectDiamond(*s);
}

TEST(Hprof, GzipOfOneAndOfManyMembersGivesTheSame) {
  const std::vector<std::byte> plain = smallDump().bytes();
  for (const std::size_t member : {std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{64}}) {
    const auto s = load(test::gzipped(plain, member));
    ASSERT_NE(s, nullptr);
    expectDiamond(*s);
    EXPECT_TRUE(s->report().complete()) << s->report().sentence();
  }
}

TEST(Hprof, ClassesNamesAndSegmentsMayComeInAnyOrder) {
  HprofWriter w;
  w.beginSegment();
  diamond(w);  // before its classes
  w.endSegment();
  loads(w);
  w.beginSegment();
  classDumps(w);
  w.endSegment();
  names(w);
  w.end();
  const auto s = load(w.bytes());
  ASSERT_NE(s, nullptr);
  expectDiamond(*s);
  EXPECT_TRUE(s->report().complete()) << s->report().sentence();
}

TEST(Hprof, ObjectsInDescendingOrderGetAscendingIndexes) {
  HprofWriter w;
  names(w);
  loads(w);
  w.beginSegment();
  w.instance(kD, kNodeId, {0, 0});
  w.instance(kC, kNodeId, {kD, 0});
  w.instance(kB, kNodeId, {kD, 0});
  w.instance(kA, kNodeId, {kB, kC});
  w.root(0xff, kA);
  classDumps(w);
  w.endSegment();
  w.end();
  const auto s = load(w.bytes());
  ASSERT_NE(s, nullptr);
  for (std::uint32_t i = 1; i < s->objectCount(); ++i) EXPECT_LT(s->address(ObjectIndex(i - 1)), s->address(ObjectIndex(i)));
  expectDiamond(*s);
}

TEST(Hprof, TheLastOfSeveralDumpsCountsUnlessAnotherIsAskedFor) {
  for (const bool segments : {true, false}) {
    HprofWriter w;
    names(w);
    loads(w);
    for (int dump = 0; dump < 2; ++dump) {
      w.beginSegment(segments ? 0x1c : 0x0c);
      classDumps(w);
      if (dump == 0) w.instance(0x200000, kNodeId, {0, 0});
      else diamond(w);
      w.endSegment();
      if (segments) w.end();
    }
    const auto last = load(w.bytes());
    ASSERT_NE(last, nullptr);
    expectDiamond(*last);
    EXPECT_EQ(last->objectCount(), 13u);
    EXPECT_NE(last->process().source.find("number 2 of 2"), std::string::npos);
    LoadOptions options;
    options.dump = 1;
    const auto first = load(w.bytes(), options);
    ASSERT_NE(first, nullptr);
    EXPECT_EQ(first->objectCount(), 10u);
    EXPECT_EQ(typeName(*first, 0x200000), "app.Node");
    EXPECT_EQ(analyzerCommand(*last, "leaks"), "heap-analyzer leaks test.hprof");
    EXPECT_EQ(analyzerCommand(*first, "leaks"), "heap-analyzer leaks --dump 1 test.hprof");
    options.dump = 3;
    EXPECT_FALSE(loadSnapshot(w.bytes(), "test.hprof", options).has_value());
  }
}

TEST(Hprof, DanglingAndNullIdsAreCountedAndPassedOver) {
  HprofWriter w;
  names(w);
  loads(w);
  w.beginSegment();
  classDumps(w);
  w.root(0xff, kA);
  w.root(0xff, 0x999990);
  w.root(0xff, 0);
  w.instance(kA, kNodeId, {0x777770, kB});
  w.instance(kB, kNodeId, {0, 0});
  w.endSegment();
  w.end();
  const auto s = load(w.bytes());
  ASSERT_NE(s, nullptr);
  EXPECT_EQ(loss(*s, "references to objects that are not in the dump"), 1u);
  EXPECT_EQ(loss(*s, "roots that lead to objects"), 1u);
  EXPECT_EQ(s->dominator(at(*s, kB)), at(*s, kA));
}

TEST(Hprof, AnObjectGivenTwiceCountsOnceWithItsFirstRecord) {
  HprofWriter w;
  names(w);
  loads(w);
  w.beginSegment();
  classDumps(w);
  diamond(w);
  w.instance(kA, kNodeId, {kD, kD});
  w.root(0xff, kA);
  w.endSegment();
  w.end();
  const auto s = load(w.bytes());
  ASSERT_NE(s, nullptr);
  expectDiamond(*s);
  EXPECT_EQ(loss(*s, "records of objects that came before"), 1u);
  EXPECT_EQ(s->roots().size() - 9, 1u);  // and the same root twice is one; nine classes of the boot loader
}

TEST(Hprof, ClassesOfTheBootLoaderAreRootsOnlyWhereTheDumpNamesNoSystemClass) {
  HprofWriter w;
  names(w);
  loads(w);
  w.beginSegment();
  classDumps(w);
  w.root(0x05, kObjectId);
  w.endSegment();
  w.end();
  const auto s = load(w.bytes());
  ASSERT_NE(s, nullptr);
  ASSERT_EQ(s->roots().size(), 1u);
  EXPECT_EQ(s->roots()[0].kind, RootKind::kRuntime);
  EXPECT_EQ(s->roots()[0].label, "system class");
  EXPECT_EQ(load(smallDump().bytes())->roots().size(), 10u);
}

TEST(Hprof, LengthZeroOfADyingWriterMeansAllThatFollows) {
  for (const std::uint8_t tag : {std::uint8_t{0x0c}, std::uint8_t{0x1c}}) {
    HprofWriter w;
    names(w);
    loads(w);
    w.beginSegment(tag);
    classDumps(w);
    diamond(w);
    w.endSegmentAs(0);
    const auto s = load(w.bytes());
    ASSERT_NE(s, nullptr);
    expectDiamond(*s);
  }
}

TEST(Hprof, AnEmptySegmentIsNoLengthThatWasForgotten) {
  HprofWriter w;
  names(w);
  loads(w);
  w.beginSegment();
  w.endSegment();
  w.beginSegment();
  classDumps(w);
  diamond(w);
  w.endSegment();
  w.end();
  const auto s = load(w.bytes());
  ASSERT_NE(s, nullptr);
  expectDiamond(*s);
  EXPECT_TRUE(s->report().complete()) << s->report().sentence();
}

// A file of more than 4 GiB of which only the ends are there: a large array of zeros stands between them.
class GapSource final : public SourceBytes {
 public:
  GapSource(std::vector<std::byte> before, std::uint64_t gap, std::vector<std::byte> after)
      : SourceBytes("gap.hprof"), before_(std::move(before)), gap_(gap), after_(std::move(after)) {}
  std::uint64_t size() const override { return before_.size() + gap_ + after_.size(); }
  std::size_t read(std::uint64_t offset, std::span<std::byte> into) const override {
    std::size_t done = 0;
    for (; done < into.size() && offset + done < size(); ++done) {
      const std::uint64_t at = offset + done;
      into[done] = at < before_.size() ? before_[at]
                   : at < before_.size() + gap_ ? std::byte{0} : after_[at - before_.size() - gap_];
    }
    return done;
  }

 private:
  std::vector<std::byte> before_;
  std::uint64_t gap_;
  std::vector<std::byte> after_;
};

TEST(Hprof, ALengthPastFourGibibytesIsFoundOutByTheRecordThatCrossesIt) {
  constexpr std::uint32_t kLongs = 0x2000'0100u;  // 4 GiB and 2 KiB of longs
  HprofWriter w;
  names(w);
  loads(w);
  w.beginSegment(0x0c);
  classDumps(w);
  w.primitiveArray(0x9000, HprofWriter::kLong, kLongs, "");
  HprofWriter rest;
  const std::size_t head = rest.bytes().size();
  diamond(rest);
  std::vector<std::byte> after(rest.bytes().begin() + static_cast<std::ptrdiff_t>(head), rest.bytes().end());
  HprofWriter behind;  // one more record, so that the length is not what is left of the file
  const std::size_t behindHead = behind.bytes().size();
  behind.utf8(99, "behind");
  const std::uint64_t gap = std::uint64_t{kLongs} * 8;
  w.endSegmentAs(static_cast<std::uint32_t>(w.segmentBytes() + gap + after.size()));  // mod 2^32
  for (const bool more : {false, true}) {
    std::vector<std::byte> end = after;
    if (more) end.insert(end.end(), behind.bytes().begin() + static_cast<std::ptrdiff_t>(behindHead), behind.bytes().end());
    const GapSource source(w.bytes(), gap, end);
    SnapshotBuilder builder;
    const LoadProgressSink none;
    const LoadStages stages(1, none, {});
    LoadOptions options;
    options.threads = 1;
    loadHprof(source, options, stages, builder.state());
    const auto s = builder.build();
    expectDiamond(*s);
    EXPECT_EQ(s->size(at(*s, 0x9000)).value, 16 + gap);
    EXPECT_EQ(s->report().file.bytesRead, s->report().file.fileBytes);
  }
}

TEST(Hprof, AnUnknownSubRecordCostsItsSegmentOnly) {
  HprofWriter w;
  names(w);
  loads(w);
  w.beginSegment();
  classDumps(w);
  w.raw(0x77);  // no such sub-record
  w.instance(0x500000, kNodeId, {0, 0});
  w.endSegment();
  w.beginSegment();
  diamond(w);
  w.endSegment();
  w.end();
  const auto s = load(w.bytes());
  ASSERT_NE(s, nullptr);
  expectDiamond(*s);
  EXPECT_FALSE(s->report().complete());
  EXPECT_EQ(s->report().file.damagedFrames, 1u);
  EXPECT_EQ(s->report().file.fileBytes - s->report().file.bytesRead, 1 + 25u + 16);  // the tag and the instance behind it
}

TEST(Hprof, UnknownRecordsArePassedOverByTheirLength) {
  HprofWriter w;
  names(w);
  w.record(0x42, std::vector<std::byte>(10));
  loads(w);
  w.record(0x0d, std::vector<std::byte>(8));  // CPU_SAMPLES: known, none of ours
  w.beginSegment();
  classDumps(w);
  diamond(w);
  w.endSegment();
  w.end();
  const auto s = load(w.bytes());
  ASSERT_NE(s, nullptr);
  expectDiamond(*s);
  EXPECT_EQ(s->report().file.fileBytes - s->report().file.bytesRead, 19u);  // the one of an unknown kind
}

TEST(Hprof, AndroidsRecordsAreRead) {
  HprofWriter w(4, "JAVA PROFILE 1.0.3");
  names(w);
  loads(w);
  w.beginSegment();
  w.heapInfo(1, kMain);
  for (std::uint8_t tag = 0x89; tag <= 0x8d; ++tag) w.root(tag, kB);
  w.root(0x8e, kB, 1, 2);
  w.root(0x90, kD);  // says that it is unreachable
  w.noData(0x300000, HprofWriter::kByte, 1000);
  diamond(w);
  classDumps(w);
  w.endSegment();
  w.end();
  const auto s = load(w.bytes());
  ASSERT_NE(s, nullptr);
  EXPECT_TRUE(s->report().complete()) << s->report().sentence();
  EXPECT_EQ(s->size(at(*s, 0x300000)).value, 1016u);
  EXPECT_TRUE(s->isRoot(at(*s, kB)));
  EXPECT_FALSE(s->isRoot(at(*s, kD)));
}

TEST(Hprof, WeakAndSoftReferentsDoNotKeepAliveUnderStrict) {
  for (const std::uint64_t cls : {kWeakId, kSoftId, kFinalId}) {
    HprofWriter w;
    names(w);
    loads(w);
    w.beginSegment();
    classDumps(w);
    w.root(0xff, 0x400000);
    w.instance(0x400000, cls, {0x400018, 0});
    w.instance(0x400018, kNodeId, {0, 0});
    w.endSegment();
    w.end();
    const auto s = load(w.bytes());
    ASSERT_NE(s, nullptr);
    EXPECT_FALSE(s->reachable(at(*s, 0x400018)));
    EXPECT_EQ(s->strengthOf(at(*s, 0x400000), 0), cls == kSoftId ? Strength::kCache : Strength::kWeak);
    LoadOptions mat;
    mat.policy = Policy::kMat;
    EXPECT_EQ(load(w.bytes(), mat)->dominator(at(*s, 0x400018)), at(*s, 0x400000));
  }
}

TEST(Hprof, WhatWaitsForItsFinalizerIsKeptByTheQueue) {
  HprofWriter w;
  names(w);
  loads(w);
  w.beginSegment();
  classDumps(w);
  w.instance(0x400000, kFinalId, {0x400018, 0x400000});  // the last of the queue is its own successor
  w.instance(0x400018, kNodeId, {0, 0});
  w.endSegment();
  w.end();
  const auto s = load(w.bytes());
  ASSERT_NE(s, nullptr);
  EXPECT_TRUE(s->reachable(at(*s, 0x400018)));
  const auto root = std::find_if(s->roots().begin(), s->roots().end(), [](const RootInfo& r) { return r.kind == RootKind::kFinalizer; });
  ASSERT_NE(root, s->roots().end());
  EXPECT_EQ(root->object, at(*s, 0x400018));
}

TEST(Hprof, LocalsNameTheirThreadAndFrameAndBelongToTheThreadUnderMat) {
  HprofWriter w;
  names(w);
  loads(w);
  w.frame(70, kMain, kFile, 3, 42);
  w.trace(5, 9, {70});
  w.beginSegment();
  classDumps(w);
  w.root(0x08, 0x400000, 9, 5);
  w.root(0x03, kB, 9, 0);
  w.instance(0x400000, kNodeId, {0, 0});
  w.instance(kA, kNodeId, {0, 0});
  w.instance(kB, kNodeId, {kD, 0});
  w.instance(kD, kNodeId, {0, 0});
  w.endSegment();
  w.end();
  const auto s = load(w.bytes());
  ASSERT_NE(s, nullptr);
  const auto root = std::find_if(s->roots().begin(), s->roots().end(), [](const RootInfo& r) { return r.kind == RootKind::kStack; });
  ASSERT_NE(root, s->roots().end());
  EXPECT_EQ(root->label, "Java local in app.Node.main (Main.java:42)");
  ASSERT_LT(root->thread, s->threads().size());
  EXPECT_EQ(s->threads()[root->thread].tid, 9u);
  LoadOptions options;
  options.policy = Policy::kMat;
  const auto mat = load(w.bytes(), options);
  ASSERT_NE(mat, nullptr);
  EXPECT_FALSE(mat->isRoot(at(*mat, kB)));
  EXPECT_EQ(mat->dominator(at(*mat, kB)), at(*mat, 0x400000));
  EXPECT_EQ(mat->labelOf(at(*mat, 0x400000), 3), "<Java local>");
  EXPECT_EQ(mat->labelOf(at(*mat, 0x400000), 2), "<class>");
}

TEST(Hprof, ClassOfItsOwnLoaderIsKeptByItsInstances) {
  HprofWriter w;
  names(w);
  loads(w);
  w.beginSegment();
  w.classDump({.id = kObjectId});
  w.classDump({.id = kClassId, .super = kObjectId});
  w.classDump({.id = kNodeId, .super = kObjectId, .loader = kB, .statics = {{kTable, HprofWriter::kObject, kC}, {kNext, HprofWriter::kLong, 7}},
               .fields = {{kLeft}, {kRight}}});
  w.root(0x05, kObjectId);
  w.root(0xff, kA);
  w.instance(kA, kNodeId, {0, 0});
  w.instance(kB, kObjectId, {});
  w.instance(kC, kObjectId, {});
  w.endSegment();
  w.end();
  const auto s = load(w.bytes());
  ASSERT_NE(s, nullptr);
  EXPECT_EQ(s->labelOf(at(*s, kA), 2), "<class>");
  EXPECT_EQ(s->dominator(at(*s, kNodeId)), at(*s, kA));
  EXPECT_EQ(s->dominator(at(*s, kB)), at(*s, kNodeId));
  EXPECT_EQ(s->dominator(at(*s, kC)), at(*s, kNodeId));
  EXPECT_EQ(s->labelOf(at(*s, kNodeId), 1), "<loader>");
  EXPECT_EQ(s->labelOf(at(*s, kNodeId), 4), "static table");
}

TEST(Hprof, InstancesOfAClassWithoutRecordAreCountedAndKept) {
  HprofWriter w;
  names(w);
  loads(w);
  w.beginSegment();
  w.root(0xff, kA);
  w.instance(kA, kNodeId, {kB, 0});
  w.instance(kB, kNodeId, {0, 0});
  w.instance(kC, 0x8888, {});  // a class that nothing names
  w.endSegment();
  w.end();
  const auto s = load(w.bytes());
  ASSERT_NE(s, nullptr);
  EXPECT_EQ(s->objectCount(), 3u);
  EXPECT_EQ(typeName(*s, kA), "app.Node");
  EXPECT_EQ(s->report().referencesMissing, 2u);
  EXPECT_EQ(loss(*s, "classes without a record"), 2u);
}

TEST(Hprof, RealTracesBecomeStacksAndADummyOneDoesNot) {
  for (const bool real : {true, false}) {
    HprofWriter w;
    names(w);
    loads(w);
    w.frame(70, kMain, kFile, 3, 42);
    w.frame(71, kNext, kFile, 3, 50);
    w.trace(5, 1, {71, 70});
    w.trace(6, 1, {70});
    w.beginSegment();
    classDumps(w);
    w.instance(kA, kNodeId, {0, 0}, 5);
    w.instance(kB, kNodeId, {0, 0}, real ? 6 : 5);
    w.endSegment();
    w.end();
    const auto s = load(w.bytes());
    ASSERT_NE(s, nullptr);
    ASSERT_EQ(s->stack(at(*s, kA)).has_value(), real);
    if (!real) continue;
    const StackInfo& stack = s->stacks()[*s->stack(at(*s, kA))];
    ASSERT_EQ(stack.pcs.size(), 2u);
    ASSERT_EQ(s->symbol(stack.pcs[0]).size(), 1u);
    EXPECT_EQ(s->symbol(stack.pcs[0])[0].function, "app.Node.next");
    EXPECT_EQ(s->symbol(stack.pcs[1])[0].line, 42u);
    EXPECT_EQ(s->sites()[s->site(at(*s, kB))].line, 42u);
    EXPECT_FALSE(s->stack(at(*s, kNodeId)).has_value());
  }
}

TEST(Hprof, TextsAreReadFromTheFile) {
  HprofWriter w;
  names(w);
  loads(w);
  w.utf8(40, "java/lang/String");
  w.utf8(41, "value");
  w.utf8(42, "coder");
  w.loadClass(20, 0x1900, 40);
  w.beginSegment();
  classDumps(w);
  w.classDump({.id = 0x1900, .super = kObjectId, .fields = {{41}, {42, HprofWriter::kByte}}});
  const auto string = [&](std::uint64_t id, std::uint64_t value, std::uint8_t coder) {
    std::vector<std::byte> values;
    w.put(values, value, 8);
    w.put(values, coder, 1);
    w.instanceRaw(id, 0x1900, values);
  };
  for (std::uint64_t i = 0; i < 3000; ++i) w.instance(0x600000 + 16 * i, kObjectId, {});
  string(0x700000, 0x700018, 0);
  w.primitiveArray(0x700018, HprofWriter::kByte, 5, "h\xe9llo");
  string(0x700030, 0x700048, 1);
  w.primitiveArray(0x700048, HprofWriter::kByte, 4, std::string_view("\x3d\xd8\x00\xde", 4));
  w.endSegment();
  w.end();
  for (const bool gz : {false, true}) {
    const std::string path = ::testing::TempDir() + "hprof_texts_" + std::to_string(::getpid()) + ".hprof";
    const std::vector<std::byte> bytes = gz ? test::gzipped(w.bytes(), 5000) : w.bytes();
    std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    const auto loaded = loadSnapshot(path, LoadOptions{}, {}, {});
    ASSERT_TRUE(loaded.has_value());
    const Snapshot& s = **loaded;
    EXPECT_EQ(s.description(at(s, 0x700000)), "\"héllo\"");
    EXPECT_EQ(s.description(at(s, 0x700030)), "\"😀\"");
    EXPECT_EQ(s.description(at(s, 0x600000)), "");
    std::remove(path.c_str());
  }
}

// ---- many threads ---------------------------------------------------------------------------------------------
// What was written, by id: references as ids, 0 for null.
using Written = std::map<std::uint64_t, std::vector<std::uint64_t>>;

// Long enough for several pieces, with nodes, arrays of them and long arrays of bytes in short and long segments, ids given in
// blocks of random order, some twice.
HprofWriter longDump(std::mt19937_64& random, Written& written) {
  HprofWriter w;
  names(w);
  loads(w);
  w.beginSegment();
  classDumps(w);
  std::vector<std::uint64_t> ids(90'000);
  std::uint64_t next = 0x100000;
  for (std::uint64_t& id : ids) id = std::exchange(next, next + 8 * (110 + random() % 60));
  for (std::size_t block = 0; block + 100 <= ids.size(); block += 100)
    if (const std::size_t other = random() % (ids.size() / 100) * 100; random() % 2 == 0)
      std::swap_ranges(ids.begin() + static_cast<std::ptrdiff_t>(block), ids.begin() + static_cast<std::ptrdiff_t>(block) + 100,
                       ids.begin() + static_cast<std::ptrdiff_t>(other));
  w.root(0xff, ids[0]);
  const std::string data(400, 'x');
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto any = [&] { return random() % 8 == 0 ? 0 : ids[random() % ids.size()]; };
    if (random() % 40 == 0) {
      w.endSegment();
      w.beginSegment();
    }
    if (random() % 100 == 0 && i != 0) {
      w.instance(ids[random() % i], kNodeId, {ids[0], ids[0]});  // again: counts for nothing
    }
    if (random() % 3 == 0) {
      const std::size_t length = random() % data.size();
      w.primitiveArray(ids[i], HprofWriter::kByte, static_cast<std::uint32_t>(length), std::string_view(data).substr(0, length));
      written[ids[i]] = {};
    } else if (random() % 20 == 0) {
      std::vector<std::uint64_t> elements(random() % 200);
      for (std::uint64_t& element : elements) element = any();
      w.objectArray(ids[i], kArrayId, elements);
      written[ids[i]] = elements;
    } else {
      const std::uint64_t left = any(), right = i + 1 < ids.size() ? ids[i + 1] : 0;
      w.instance(ids[i], kNodeId, {left, right});
      written[ids[i]] = {left, right};
    }
  }
  w.endSegment();
  w.end();
  return w;
}

TEST(HprofThreads, PiecesReadSideBySideAreWhatWasWritten) {
  const std::uint64_t seed = test::seedFromEnvironment();
  SCOPED_TRACE("OPENCLAW_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  Written written;
  const std::vector<std::byte> plain = longDump(random, written).bytes();
  ASSERT_GT(plain.size(), 8u << 20) << "several pieces";
  const auto one = loadSnapshot(plain, "plain", {.threads = 1});
  ASSERT_TRUE(one.has_value());
  const Snapshot& expected = **one;
  EXPECT_EQ(expected.objectCount(), written.size() + 9);
  for (const auto& [id, references] : written) {
    const auto object = expected.objectAt(Address(id));
    ASSERT_TRUE(object.has_value()) << id;
    ASSERT_EQ(expected.address(*object).value, id);
    ASSERT_EQ(expected.slotCount(*object), references.size());
    EdgeCursor edge = expected.edgesFrom(*object);
    for (std::size_t slot = 0; slot < references.size(); ++slot) {
      if (references[slot] == 0) continue;
      ASSERT_TRUE(edge && edge.slot() == slot && expected.address(edge.target()).value == references[slot]) << id << " slot " << slot;
      edge.next();
    }
    ASSERT_FALSE(edge);
  }
  const std::pair<const char*, std::vector<std::byte>> forms[] = {
      {"plain", plain}, {"members", test::gzipped(plain, 1 << 20)}, {"long members", test::gzipped(plain, 5 << 20)}, {"one member", test::gzipped(plain, 0)}};
  for (const auto& [name, bytes] : forms) {
    SCOPED_TRACE(name);
    const auto many = loadSnapshot(bytes, name, {.threads = 3});
    ASSERT_TRUE(many.has_value());
    const Snapshot& s = **many;
    for (const BrokenInvariant& broken : verify(s)) ADD_FAILURE() << broken.name << ": " << broken.detail;
    ASSERT_EQ(s.objectCount(), expected.objectCount());
    EXPECT_EQ(s.edgeCount(), expected.edgeCount());
    EXPECT_EQ(s.report().sentence(), expected.report().sentence());
    for (std::uint32_t i = 0; i < s.objectCount(); ++i) {
      const ObjectIndex object(i);
      ASSERT_TRUE(s.address(object) == expected.address(object) && s.size(object) == expected.size(object) &&
                  s.type(object) == expected.type(object) && s.retained(object) == expected.retained(object) &&
                  s.dominator(object) == expected.dominator(object))
          << "object " << i;
    }
  }
}

TEST(HprofThreads, WithoutReferencesObjectsAreStillCounted) {
  std::mt19937_64 random(1);
  Written written;
  const std::vector<std::byte> plain = longDump(random, written).bytes();
  const auto all = loadSnapshot(plain, "all", {.threads = 2});
  const auto counted = loadSnapshot(plain, "counted", {.threads = 2, .dominators = false, .references = false});
  ASSERT_TRUE(all.has_value() && counted.has_value());
  const Snapshot &a = **all, &c = **counted;
  ASSERT_EQ(a.objectCount(), c.objectCount());
  EXPECT_TRUE(a.knowsRetained());
  EXPECT_FALSE(c.knowsRetained());
  EXPECT_EQ(c.edgeCount(), 0u);
  for (std::uint32_t i = 0; i < a.objectCount(); ++i) {
    const ObjectIndex object(i);
    ASSERT_TRUE(a.address(object) == c.address(object) && a.size(object) == c.size(object) && a.type(object) == c.type(object));
    ASSERT_FALSE(c.edgesFrom(object) || c.edgesTo(object) || c.slotCount(object) != 0);
  }
}

TEST(HprofThreads, ShapesOfAMillionAreNotSlow) {
  // A class of a million objects in a list, which an array as wide holds and whose ends hold the array.
  HprofWriter w;
  names(w);
  loads(w);
  w.beginSegment();
  classDumps(w);
  constexpr std::uint64_t kList = 0x1000000, kCount = 1'000'000, kWide = kList + 24 * kCount;
  w.root(0xff, kList);
  std::vector<std::uint64_t> elements;
  for (std::uint64_t i = 0; i < kCount; ++i) {
    elements.push_back(kList + 24 * i);
    w.instance(elements.back(), kNodeId, {i + 1 < kCount ? kList + 24 * (i + 1) : 0, kWide});
  }
  w.objectArray(kWide, kArrayId, elements);
  w.endSegment();
  w.end();
  const auto loaded = loadSnapshot(w.bytes(), "wide", {.threads = 2});
  ASSERT_TRUE(loaded.has_value());
  const Snapshot& s = **loaded;
  const auto list = s.objectAt(Address(kList)), wide = s.objectAt(Address(kWide));
  ASSERT_TRUE(list && wide);
  EXPECT_EQ(s.dominator(*wide), *list);
  EXPECT_EQ(s.slotCount(*wide), kCount);
  EXPECT_EQ(s.dominator(*s.objectAt(Address(kList + 24))), *list);  // from the head or through the array
  EXPECT_EQ(s.retained(*list), s.size(*wide) + Bytes(24 * kCount));
}

// ---- damage --------------------------------------------------------------------------------------------------
TEST(HprofDamage, CutAtEveryByteGivesWhatCanBeHad) {
  const std::vector<std::byte> whole = smallDump().bytes();
  std::uint32_t most = 0;
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    const std::vector<std::byte> bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(cut));
    const auto loaded = loadSnapshot(bytes, "cut", {.threads = 1});
    if (!loaded) {
      EXPECT_LT(cut, 31u) << "only the header is needed";
      continue;
    }
    EXPECT_FALSE((*loaded)->report().file.complete()) << "cut at " << cut;
    for (const BrokenInvariant& broken : verify(**loaded)) ADD_FAILURE() << cut << ": " << broken.name << " " << broken.detail;
    EXPECT_GE((*loaded)->objectCount(), most) << "a longer file has no fewer objects";
    most = (*loaded)->objectCount();
  }
  EXPECT_EQ(most, 13u);
}

TEST(HprofDamage, CutGzipGivesWhatCanBeHad) {
  const std::vector<std::byte> whole = test::gzipped(smallDump().bytes(), 64);
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    const std::vector<std::byte> bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(cut));
    const auto loaded = loadSnapshot(bytes, "cut", {.threads = 1});
    if (!loaded) continue;
    EXPECT_FALSE((*loaded)->report().file.complete()) << "cut at " << cut;
  }
}

TEST(HprofDamage, EveryFlippedByteLeavesASnapshotThatHoldsOrAnError) {
  const std::vector<std::byte> whole = smallDump().bytes();
  for (std::size_t i = 0; i < whole.size(); ++i)
    for (const unsigned flip : {0x01u, 0x80u, 0xffu}) {
      std::vector<std::byte> bytes = whole;
      bytes[i] ^= static_cast<std::byte>(flip);
      for (const Policy policy : {Policy::kStrict, Policy::kVisualvm, Policy::kMat}) {
        LoadOptions options{.threads = 1};
        options.policy = policy;
        const auto loaded = loadSnapshot(bytes, "flipped", options);
        if (!loaded) continue;
        for (const BrokenInvariant& broken : verify(**loaded))
          if (broken.name != "addresses-ascend-without-overlap")
            ADD_FAILURE() << "byte " << i << " ^ " << flip << ", " << toText(policy) << ": " << broken.name << " " << broken.detail;
      }
    }
}

// ---- parts ---------------------------------------------------------------------------------------------------
TEST(HprofParts, NamesOfClassesAreThoseOfJava) {
  EXPECT_EQ(hprof::javaName("java/util/HashMap$Node"), "java.util.HashMap$Node");
  EXPECT_EQ(hprof::javaName("[B"), "byte[]");
  EXPECT_EQ(hprof::javaName("[[Ljava/lang/String;"), "java.lang.String[][]");
  EXPECT_EQ(hprof::javaName("java.lang.String[]"), "java.lang.String[]");
  EXPECT_EQ(hprof::javaName("["), "[]");
  EXPECT_EQ(hprof::javaName(""), "");
}

TEST(HprofParts, SizeRulesAreFoundFromHowArraysLie) {
  std::mt19937_64 random(7);
  for (const auto& [header, arrayHeader, reference] :
       {std::array<std::uint32_t, 3>{16, 24, 8}, {16, 20, 8}, {12, 16, 8}, {12, 16, 4}, {8, 12, 4}}) {
    const hprof::SizeRules truth{header, arrayHeader, reference, 8};
    hprof::SizeDetector detector(8);
    for (int i = 0; i < 500; ++i) {
      const bool objects = random() % 2 == 0;
      const auto count = static_cast<std::uint32_t>(random() % 40);
      const std::uint64_t size = truth.array(count, objects ? reference : 1);
      const std::uint64_t hole = random() % 10 == 0 ? 64 : 0;
      detector.see(objects ? hprof::Shape::kObjectArray : hprof::Shape::kPrimitiveArray, 1, count, size + hole);
    }
    const hprof::SizeRules found = detector.rules(1ull << 40, 8, 500);
    EXPECT_EQ(found.header, header);
    EXPECT_EQ(found.arrayHeader, arrayHeader);
    EXPECT_EQ(found.reference, reference);
  }
}

TEST(Hprof, CommandsThatAreAdvisedRepeatThePolicy) {
  const std::vector<std::byte> bytes = smallDump().bytes();
  EXPECT_EQ(analyzerCommand(*load(bytes), "inspect 0x10"), "heap-analyzer inspect 0x10 test.hprof");
  EXPECT_EQ(analyzerCommand(*load(bytes, {.policy = Policy::kVisualvm}), "inspect 0x10"), "heap-analyzer inspect 0x10 --policy visualvm test.hprof");
  const auto named = loadSnapshot(bytes, "it's mine.hprof", {});
  ASSERT_TRUE(named.has_value());
  EXPECT_EQ(analyzerCommand(**named, "leaks"), "heap-analyzer leaks 'it'\\''s mine.hprof'");
}

}  // namespace
}  // namespace openclaw
