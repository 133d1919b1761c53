// Every invariant of allInvariants() is broken once, alone, and must be named, alone. An invariant without a case fails.
#include "analyzer/validation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <numeric>

#include "analyzer/load/heapbin.h"
#include "analyzer/report/reports.h"
#include "analyzer/snapshot_state.h"
#include "tests/analyzer/changed_lists.h"
#include "tests/analyzer/small_heap.h"
#include "tests/support/frame_surgery.h"

namespace openclaw {
namespace {

using namespace test;
using Names = std::vector<std::string>;

Names namesOf(const Validation& validation) {
  Names names;
  for (const BrokenInvariant& b : validation.lost) names.push_back(b.name);
  for (const BrokenInvariant& b : validation.broken) names.push_back(b.name);
  for (const auto* rows : {&validation.lost, &validation.broken})
    for (const BrokenInvariant& b : *rows) {
      EXPECT_FALSE(b.detail.empty()) << b.name;
      EXPECT_GE(b.times, 1u) << b.name;
    }
  std::sort(names.begin(), names.end());
  return names;
}

Validation validationOf(std::span<const std::byte> bytes) {
  const auto s = loadSnapshot(bytes, "test.bin", {.threads = 1, .dominators = true});
  EXPECT_TRUE(s) << toText(s.error());
  return s ? computeValidation(**s) : Validation{};
}

// A case: a dump, or a change to the state that a sound dump became.
using Bytes = std::vector<std::byte>;
using MakeDump = std::function<Bytes()>;
using ChangeState = std::function<void(SnapshotState&)>;

Validation afterChange(const ChangeState& change) {
  const auto bytes = SmallHeap().encode();
  const auto reader = DumpReader::fromMemory(bytes, "test.bin");
  EXPECT_TRUE(reader.has_value());
  SnapshotBuilder builder;
  loadHeapbin(*reader, {.threads = 1, .dominators = true}, {}, {}, builder.state());
  change(builder.state());
  return computeValidation(*builder.build());
}

LooseDump parts(bool flushEachObject = false) {
  SmallHeap heap;
  heap.flushEachObject = flushEachObject;
  return takeApart(heap.encode()).withoutIndex();
}
Bytes heapWith(const std::function<void(SmallHeap&)>& change) {
  SmallHeap heap;
  change(heap);
  return heap.encode();
}
// The frame of this kind exchanged for what an encoder writes, in a dump without index.
Bytes exchanged(FrameKind kind, const std::function<void(FrameEncoder&)>& write) {
  LooseDump dump = parts();
  LooseFrame frame = frameOf(write);
  LooseFrame& old = dump.frames[dump.find(kind)];
  frame.header.sequence = old.header.sequence;
  old = frame;
  return putTogether(dump);
}
// Another dump's frame of this kind, behind all others.
Bytes withAnother(FrameKind kind, const std::function<void(SmallHeap&)>& change) {
  SmallHeap other;
  change(other);
  const LooseDump foreign = takeApart(other.encode());
  LooseDump dump = parts();
  dump.frames.push_back(foreign.frames[foreign.find(kind)]);
  return putTogether(dump.renumber());
}
Bytes withoutFrame(LooseDump dump, FrameKind kind, std::size_t nth, bool renumber) {
  dump.frames.erase(dump.frames.begin() + static_cast<std::ptrdiff_t>(dump.find(kind, nth)));
  if (renumber) dump.renumber();
  return putTogether(dump);
}

template <class T>
Column<T> changed(const Column<T>& column, std::size_t row, T value) {
  std::vector<T> values;
  for (std::size_t i = 0; i < column.size(); ++i) values.push_back(i == row ? value : column[i]);
  return Column<T>::owning(std::move(values));
}
// The list of dominated objects as it must be for the dominators as they are now.
void sortDominated(SnapshotState& s) {
  std::sort(s.dominated.data(), s.dominated.data() + s.dominated.size(), [&](std::uint32_t a, std::uint32_t b) {
    if (s.dominator[a] != s.dominator[b]) return s.dominator[a] < s.dominator[b];
    return s.retained[a] != s.retained[b] ? s.retained[a] > s.retained[b] : a < b;
  });
}

const std::map<std::string, MakeDump>& dumps() {
  static const std::map<std::string, MakeDump> kDumps{
      {"file-header",
       [] {
         Bytes bytes = SmallHeap().encode();
         bytes[20] ^= std::byte{1};
         return bytes;
       }},
      {"file-end", [] { return withoutFrame(parts(), FrameKind::kEnd, 0, true); }},
      {"file-index",
       [] {
         Bytes bytes = SmallHeap().encode();
         Trailer trailer;
         std::byte* at = bytes.data() + bytes.size() - Trailer::kBytes;
         EXPECT_TRUE(decode(at, trailer));
         trailer.indexOffset += 8;
         encode(trailer, at);
         return bytes;
       }},
      {"frame-header",
       [] {
         LooseDump dump = parts();
         Bytes bytes = putTogether(dump);
         bytes.insert(bytes.begin() + FileHeader::kBytes, 40, std::byte{7});
         return bytes;
       }},
      {"frame-cut",
       [] {
         Bytes bytes = putTogether(parts());  // ends with the symbols, which nothing else needs
         bytes.resize(bytes.size() - 1);
         return bytes;
       }},
      {"frame-checksum",
       [] {
         LooseDump dump = takeApart(SmallHeap().encode());
         Bytes bytes = putTogether(dump);
         std::size_t at = FileHeader::kBytes;
         for (std::size_t i = 0; i < dump.find(FrameKind::kThreads); ++i) at += FrameHeader::kBytes + dump.frames[i].stored.size();
         bytes[at + FrameHeader::kBytes + 3] ^= std::byte{1};
         return bytes;
       }},
      {"frame-message",
       [] {
         LooseDump dump = parts();
         LooseFrame& frame = dump.frames[dump.find(FrameKind::kThreads)];
         frame = raw(frame);
         std::fill(frame.stored.begin() + 8, frame.stored.end(), std::byte{0xff});
         return putTogether(dump);
       }},
      {"frame-sequence", [] { return withoutFrame(parts(), FrameKind::kThreads, 0, false); }},
      {"frame-duplicate",
       [] {
         LooseDump dump = parts();
         dump.frames.push_back(dump.frames[dump.find(FrameKind::kObjects)]);
         return putTogether(dump);
       }},
      {"frame-conflict",
       [] {
         LooseDump dump = parts();
         LooseFrame other = dump.frames[dump.find(FrameKind::kThreads)];
         other.header.sequence = dump.frames[dump.find(FrameKind::kSymbols)].header.sequence;
         dump.frames.push_back(other);
         return putTogether(dump);
       }},
      {"object-order", [] { return withAnother(FrameKind::kObjects, [](SmallHeap& h) { h.objects[SmallHeap::kGarbage].age = 5; }); }},
      {"reference-order",
       [] { return withAnother(FrameKind::kReferences, [](SmallHeap& h) { h.slots[SmallHeap::kSessionA][1] = SmallHeap::kSessionC; }); }},
      {"object-numbers", [] { return withoutFrame(parts(true), FrameKind::kObjects, SmallHeap::kGarbage, true); }},
      {"object-type", [] { return heapWith([](SmallHeap& h) { h.objects[SmallHeap::kGarbage].type = 99; }); }},
      {"object-site", [] { return heapWith([](SmallHeap& h) { h.objects[SmallHeap::kGarbage].site = 77; }); }},
      {"reference-slots",
       [] {  // of session c, the last one that has slots
         LooseDump dump = parts(true);
         std::size_t frames = 0;
         for (const LooseFrame& frame : dump.frames) frames += frame.header.kind == FrameKind::kReferences;
         return withoutFrame(dump, FrameKind::kReferences, frames - 1, true);
       }},
      {"edge-target", [] { return heapWith([](SmallHeap& h) { h.slots[SmallHeap::kSessionC][1] = 1000; }); }},
      {"root-target",
       [] {
         return heapWith([](SmallHeap& h) {
           h.roots.push_back(h.roots[1]);
           h.roots.back().object = 1000;
         });
       }},
      {"root-site", [] { return heapWith([](SmallHeap& h) { h.roots[1].site = 99; }); }},
      {"stack-site",
       [] {
         return exchanged(FrameKind::kStacks, [](FrameEncoder& e) {
           StackRecord stack;
           stack.site = 77;
           e.stacks(512 << 10, {&stack, 1});
         });
       }},
      {"floating-type", [] { return heapWith([](SmallHeap& h) { h.floating.push_back({99, 1, 16}); }); }},
      {"table-numbers",
       [] {
         LooseFrame labels = raw(frameOf([](FrameEncoder& e) {
           const std::string_view text[] = {"far away"};
           e.labels(text);
         }));
         const std::uint32_t first = 5'000'000;
         std::memcpy(labels.stored.data() + 16, &first, sizeof(first));
         LooseDump dump = parts();
         dump.frames.push_back(labels);
         return putTogether(dump.renumber());
       }},
      {"end-counts",
       [] {
         return exchanged(FrameKind::kEnd, [](FrameEncoder& e) {
           EndRecord end;
           end.objects = 8;
           end.references = 9;
           end.roots = 2;
           end.regions = 4;
           e.end(end);
         });
       }},
      {"counters-agree", [] { return heapWith([](SmallHeap& h) { h.counter("root_count") = 2; }); }},
      {"ledger-adds-up",
       [] {
         return heapWith([](SmallHeap& h) {
           h.arenas[0].committed += 16;
           h.counter("committed_bytes") += 16;
         });
       }},
  };
  return kDumps;
}

const std::map<std::string, ChangeState>& states() {
  static const std::map<std::string, ChangeState> kStates{
      {"columns-have-a-row-per-object",
       [](SnapshotState& s) { s.ageAndFlags = Column<std::uint8_t>::owning(std::vector<std::uint8_t>(3)); }},
      {"table-indexes-in-range", [](SnapshotState& s) { s.types.pop_back(); }},
      {"references-in-range",
       [](SnapshotState& s) { s.edges.lists = withFirstEntry(s.edges.lists, [](std::uint32_t) { return 99u; }); }},
      {"roots-in-range-and-ascending", [](SnapshotState& s) { std::swap(s.roots[0], s.roots[1]); }},
      {"addresses-ascend-without-overlap", [](SnapshotState& s) { s.addresses.units = changed(s.addresses.units, 2, 0u); }},
      {"edges-the-same-both-ways",
       [](SnapshotState& s) { s.back.lists = withFirstEntry(s.back.lists, [](std::uint32_t e) { return 2 + e % 3; }); }},
      {"reachable-is-closed",
       [](SnapshotState& s) {  // the ledger counts reachable and unreachable bytes alike
         s.dominator[SmallHeap::kBig] = kUnreachable;
       }},
      {"dominated-lists-each-reachable-object-once", [](SnapshotState& s) { s.dominated[0] = s.dominated[1]; }},
      {"dominators-form-a-tree",
       [](SnapshotState& s) {
         s.dominator[SmallHeap::kSessionB] = SmallHeap::kBig;  // b and the big string hold each other up
         sortDominated(s);
       }},
      {"dominators-explain-every-edge",
       [](SnapshotState& s) {
         s.dominator[SmallHeap::kAnn] = SmallHeap::kSessionA;
         sortDominated(s);
       }},
      {"retained-sizes-add-up", [](SnapshotState& s) { s.retained.add(SmallHeap::kArray, 16); }},
      {"regions-ascend-and-add-up", [](SnapshotState& s) { s.regions[RegionIndex(2)].bytes += 16; }},
      {"regions-hold-their-objects", [](SnapshotState& s) { s.regions[RegionIndex(0)].objectCount -= 1; }},
  };
  return kStates;
}

TEST(Validation, EachInvariantIsNamedAloneWhenItAloneIsBroken) {
  for (const Invariant& invariant : allInvariants()) {
    const std::string name(invariant.name);
    SCOPED_TRACE(name);
    const auto dump = dumps().find(name);
    const auto state = states().find(name);
    ASSERT_NE(dump != dumps().end(), state != states().end()) << "needs one case that proves it";
    const Validation validation = dump != dumps().end() ? validationOf(dump->second()) : afterChange(state->second);
    EXPECT_EQ(namesOf(validation), Names{name}) << (validation.missing.empty() ? "" : validation.missing[0]);
    EXPECT_FALSE(validation.fine());
  }
  EXPECT_EQ(dumps().size() + states().size(), allInvariants().size()) << "a case for no invariant";
}

TEST(Validation, NamesAreUniqueAndHaveASentence) {
  Names names;
  for (const Invariant& invariant : allInvariants()) {
    names.emplace_back(invariant.name);
    EXPECT_TRUE(invariant.sentence.ends_with('.')) << invariant.name;
    EXPECT_NE(invariantListText().find(invariant.sentence), std::string::npos);
    EXPECT_NE(invariantListJson().find(invariant.name), std::string::npos);
  }
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
}

TEST(Validation, OfAHealthyDumpNothingIsSaid) {
  for (const bool flush : {false, true}) {
    SmallHeap heap;
    heap.flushEachObject = flush;
    const Validation validation = validationOf(heap.encode());
    EXPECT_EQ(namesOf(validation), Names{});
    EXPECT_TRUE(validation.fine());
    EXPECT_TRUE(validation.notes.empty());
    EXPECT_TRUE(validation.notChecked.empty());
  }
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    DumpModel model = randomModel(seed, seed * 40);
    for (ModelObject& object : model.objects) object.external = 0;  // their sum runs past 64 bits
    const Validation validation = validationOf(encodeDump(model));
    EXPECT_EQ(namesOf(validation), Names{}) << "random model " << seed << ": " << (validation.broken.empty() ? "" : validation.broken[0].detail);
  }
}

TEST(Validation, APlaceIsNamedWithFrameOffsetAndObject) {
  const Validation checksum = validationOf(dumps().at("frame-checksum")());
  ASSERT_EQ(checksum.lost.size(), 1u);
  const LooseDump dump = takeApart(SmallHeap().encode());
  EXPECT_EQ(checksum.lost[0].frame, dump.frames[dump.find(FrameKind::kThreads)].header.sequence);
  std::size_t at = FileHeader::kBytes;
  for (std::size_t i = 0; i < dump.find(FrameKind::kThreads); ++i) at += FrameHeader::kBytes + dump.frames[i].stored.size();
  EXPECT_EQ(checksum.lost[0].offset, at);
  const Validation target = validationOf(dumps().at("edge-target")());
  ASSERT_EQ(target.broken.size(), 1u);
  EXPECT_EQ(target.broken[0].object, SmallHeap::kSessionC);
  EXPECT_TRUE(target.broken[0].frame.has_value());
  EXPECT_EQ(target.broken[0].times, 1u);
  const Validation retained = afterChange([](SnapshotState& s) { s.retained.add(SmallHeap::kAnn, 16); });
  ASSERT_EQ(retained.broken.size(), 1u);
  EXPECT_EQ(retained.broken[0].name, "retained-sizes-add-up");
  EXPECT_EQ(retained.broken[0].object, SmallHeap::kAnn);
  EXPECT_EQ(retained.broken[0].times, 1u);  // below no object: a stack holds it past the server, through session c
}

TEST(Validation, WhatIsMissingIsALossAndTheBooksAreNotHeldAgainstIt) {
  const Validation validation = validationOf(withoutFrame(parts(true), FrameKind::kObjects, SmallHeap::kAnn, false));
  EXPECT_EQ(namesOf(validation), Names{"frame-sequence"});
  EXPECT_TRUE(validation.broken.empty());
  EXPECT_FALSE(validation.missing.empty());
  EXPECT_NE(std::find(validation.notChecked.begin(), validation.notChecked.end(), "ledger-adds-up"), validation.notChecked.end());
}

}  // namespace
}  // namespace openclaw
