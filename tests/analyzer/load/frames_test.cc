// Frames doubled, moved, unknown, of a newer version, without index: whatever order a file has them in, the snapshot is
// the one of the file as it was written, and the report says what was met. Dumps of the runtime, of a hand-made heap, of
// random ones, and the golden dump.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "analyzer/validation.h"
#include "tests/analyzer/small_heap.h"
#include "tests/analyzer/snapshot_text.h"
#include "tests/support/frame_surgery.h"
#include "tests/support/seed.h"

namespace openclaw {
namespace {

using namespace test;

std::vector<std::byte> fileBytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  const std::string text(std::istreambuf_iterator<char>(in), {});
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

// By a program of its own: runtime and analyzer have types of the same names.
std::vector<std::byte> runtimeDump() {
  const std::string path = testing::TempDir() + "frames_test." + std::to_string(::getpid()) + ".bin";
  EXPECT_EQ(std::system((std::string(OPENCLAW_RUNTIME_DUMP) + " " + path).c_str()), 0);
  auto bytes = fileBytes(path);
  std::remove(path.c_str());
  return bytes;
}

std::shared_ptr<const Snapshot> load(std::span<const std::byte> bytes) {
  const auto loaded = loadSnapshot(bytes, "test.bin", {.threads = 1, .dominators = true});
  EXPECT_TRUE(loaded) << toText(loaded.error());
  return loaded ? *loaded : nullptr;
}

struct Sample {
  std::string name;
  std::vector<std::byte> bytes;
  std::shared_ptr<const Snapshot> snapshot{};  // of the file as it was written
  std::string text{};
};
const std::vector<Sample>& samples() {
  static const std::vector<Sample> kAll = [] {
    SmallHeap heap;
    std::vector<Sample> all{{"small heap", heap.encode()}};
    heap.flushEachObject = true;
    all.push_back({"small heap, a frame an object", heap.encode()});
    for (const std::uint64_t seed : {1, 2, 3}) all.push_back({"random " + std::to_string(seed), encodeDump(randomModel(seed, 100))});
    all.push_back({"runtime", runtimeDump()});
    all.push_back({"golden", fileBytes(std::string(OPENCLAW_SOURCE_DIR) + "/tests/golden/format-1.bin")});
    for (Sample& sample : all) sample.snapshot = load(sample.bytes), sample.text = textOfSnapshot(*sample.snapshot);
    return all;
  }();
  return kAll;
}

// The same content, and nothing counted as lost; also once the file has a fresh index.
void expectWhole(const Sample& sample, const LooseDump& dump, const std::string& what,
                 const std::function<void(const LoadReport&)>& expectReport = [](const LoadReport&) {}) {
  const LoadReport& original = sample.snapshot->report();
  const auto bytes = putTogether(dump);
  for (const bool index : {false, true}) {
    SCOPED_TRACE(sample.name + ": " + what + (index ? ", indexed anew" : ""));
    const auto s = load(index ? withIndex(bytes) : bytes);
    ASSERT_NE(s, nullptr);
    EXPECT_TRUE(s->report().file.complete()) << s->report().sentence();
    EXPECT_EQ(s->report().file.indexUsed, index);
    EXPECT_EQ(s->report().objectsMissing, original.objectsMissing);
    EXPECT_EQ(s->report().referencesMissing, original.referencesMissing);
    EXPECT_EQ(s->report().losses, original.losses);
    EXPECT_TRUE(textOfSnapshot(*s) == sample.text) << "the snapshot differs";
    expectReport(s->report());
  }
}

TEST(Frames, ADumpOfTheRuntimeBreaksNoInvariant) {
  for (const Sample& sample : samples()) {
    if (sample.name != "runtime") continue;
    const Validation validation = computeValidation(*sample.snapshot);
    for (const BrokenInvariant& b : validation.lost) ADD_FAILURE() << b.name << ": " << b.detail;
    for (const BrokenInvariant& b : validation.broken) ADD_FAILURE() << b.name << ": " << b.detail;
    EXPECT_TRUE(validation.fine());
  }
}

TEST(Frames, AFileWithoutIndexIsWhole) {
  for (const Sample& sample : samples()) expectWhole(sample, takeApart(sample.bytes).withoutIndex(), "no index");
}

TEST(Frames, ExactCopiesOfEveryKindAreIgnoredAndCounted) {
  for (const Sample& sample : samples()) {
    const LooseDump dump = takeApart(sample.bytes).withoutIndex();
    for (std::uint16_t number = 1; number <= 21; ++number) {
      const auto kind = static_cast<FrameKind>(number);
      if (!dump.has(kind)) continue;
      const LooseFrame copy = dump.frames[dump.find(kind)];
      const auto one = [](const LoadReport& report) {
        EXPECT_EQ(report.file.duplicateFrames, 1u);
        EXPECT_NE(report.sentence().find("1 duplicate frame ignored"), std::string::npos) << report.sentence();
      };
      LooseDump after = dump, before = dump, last = dump, fresh = dump;
      after.frames.insert(after.frames.begin() + static_cast<std::ptrdiff_t>(dump.find(kind)), copy);
      expectWhole(sample, after, std::string(toText(kind)) + " twice in a row", one);
      before.frames.insert(before.frames.begin(), copy);
      expectWhole(sample, before, std::string(toText(kind)) + " first, too", one);
      last.frames.push_back(copy);
      expectWhole(sample, last, std::string(toText(kind)) + " last, too", one);
      if (kind == FrameKind::kSymbols || kind == FrameKind::kTaken) continue;  // may come more than once
      fresh.frames.push_back(copy);
      fresh.frames.back().header.sequence = static_cast<std::uint32_t>(dump.frames.size());
      expectWhole(sample, fresh, std::string(toText(kind)) + " again under a new number", one);
    }
  }
}

TEST(Frames, OfTwoWithOneNumberTheSoundOneCountsWhereverItStands) {
  const Sample& sample = samples()[1];
  const LooseDump dump = takeApart(sample.bytes).withoutIndex();
  for (std::size_t i = 0; i < dump.frames.size(); ++i) {
    // The copy in front is damaged after it was written: its header still says what its bytes should be.
    LooseDump twice = dump;
    twice.frames.insert(twice.frames.begin(), dump.frames[i]);
    auto bytes = putTogether(twice);
    bytes[FileHeader::kBytes + FrameHeader::kBytes] ^= std::byte{0x55};
    const auto s = load(bytes);
    EXPECT_TRUE(s->report().file.complete()) << s->report().sentence();
    EXPECT_EQ(s->report().file.duplicateFrames, 1u);
    EXPECT_TRUE(textOfSnapshot(*s) == sample.text) << toText(dump.frames[i].header.kind);
  }
}

TEST(Frames, OfTwoSoundOnesWithOneNumberTheFirstCountsAndTheOtherIsLost) {
  const Sample& sample = samples()[0];
  LooseDump dump = takeApart(sample.bytes).withoutIndex();
  LooseFrame other = frameOf([](FrameEncoder& e) {
    const ThreadRecord thread{1, "another", "running", 0, 0};
    e.threads({&thread, 1});
  });
  other.header.sequence = dump.frames[dump.find(FrameKind::kThreads)].header.sequence;
  dump.frames.push_back(other);
  const auto s = load(putTogether(dump));
  EXPECT_FALSE(s->report().file.complete());
  EXPECT_EQ(s->report().file.conflictingFrames, 1u);
  EXPECT_EQ(textOfSnapshot(*s), sample.text);
}

TEST(Frames, AnyOrderInTheFileIsTheOrderOfTheNumbers) {
  const std::uint64_t seed = seedFromEnvironment();
  SCOPED_TRACE("OPENCLAW_SEED=" + std::to_string(seed));
  Random random(seed);
  for (const Sample& sample : samples()) {
    const LooseDump dump = takeApart(sample.bytes).withoutIndex();
    LooseDump moved = dump;
    std::reverse(moved.frames.begin(), moved.frames.end());
    expectWhole(sample, moved, "backwards");
    for (int round = 0; round < 5; ++round) {
      for (std::size_t i = moved.frames.size(); i > 1; --i) std::swap(moved.frames[i - 1], moved.frames[random.below(i)]);
      expectWhole(sample, moved, "shuffled");
    }
  }
}

// Here the numbers follow the file: another program wrote its frames in another order.
TEST(Frames, ObjectsAndReferencesFindTheirPlaceUnderAnyNumbers) {
  const std::uint64_t seed = seedFromEnvironment();
  SCOPED_TRACE("OPENCLAW_SEED=" + std::to_string(seed));
  Random random(seed);
  const auto isGraph = [](const LooseFrame& f) { return f.header.kind == FrameKind::kObjects || f.header.kind == FrameKind::kReferences; };
  for (const Sample& sample : samples()) {
    const LooseDump dump = takeApart(sample.bytes).withoutIndex();
    LooseDump moved = dump;
    std::stable_partition(moved.frames.begin(), moved.frames.end(), [](auto& f) { return f.header.kind == FrameKind::kReferences; });
    expectWhole(sample, moved.renumber(), "references first");
    moved = dump;
    std::stable_partition(moved.frames.begin(), moved.frames.end(), isGraph);
    expectWhole(sample, moved.renumber(), "tables last");
    moved = dump;
    std::stable_partition(moved.frames.begin(), moved.frames.end(), [](auto& f) { return f.header.kind == FrameKind::kEnd; });
    expectWhole(sample, moved.renumber(), "end frame first");
    for (int round = 0; round < 5; ++round) {
      moved = dump;
      std::vector<std::size_t> places;
      for (std::size_t i = 0; i < moved.frames.size(); ++i)
        if (isGraph(moved.frames[i])) places.push_back(i);
      for (std::size_t i = places.size(); i > 1; --i)
        std::swap(moved.frames[places[i - 1]], moved.frames[places[random.below(i)]]);
      expectWhole(sample, moved.renumber(), "objects and references shuffled");
    }
  }
}

TEST(Frames, AnIndexInTheMiddleIsNoDamage) {
  for (const Sample& sample : samples()) {
    LooseDump dump = takeApart(sample.bytes);
    const std::size_t at = dump.has(FrameKind::kIndex) ? dump.find(FrameKind::kIndex) : dump.frames.size();
    if (at == dump.frames.size()) continue;
    std::rotate(dump.frames.begin() + 2, dump.frames.begin() + static_cast<std::ptrdiff_t>(at), dump.frames.end());
    dump.trailer.clear();
    expectWhole(sample, dump.renumber(), "index third");
  }
}

TEST(Frames, UnknownKindsAndFlagsAreSkippedAndCounted) {
  for (const Sample& sample : samples()) {
    const LooseDump dump = takeApart(sample.bytes).withoutIndex();
    LooseDump with;
    with.header = dump.header;
    std::uint64_t unknown = 0;
    for (const LooseFrame& frame : dump.frames) {
      LooseFrame newer = frame;
      newer.header.kind = static_cast<FrameKind>(static_cast<unsigned>(FrameKind::kNames) + 1 + unknown++ % 300);
      with.frames.push_back(newer);
      newer = frame;
      newer.header.flags |= 2;  // stored in a way of the future
      ++unknown;
      with.frames.push_back(newer);
      with.frames.push_back(frame);
    }
    expectWhole(sample, with.renumber(), "unknown frames between all", [&](const LoadReport& report) {
      EXPECT_EQ(report.file.unknownFrames, unknown);
      EXPECT_NE(report.sentence().find("frames of unknown kinds skipped"), std::string::npos) << report.sentence();
    });
  }
}

TEST(Frames, FieldsOfANewerMinorVersionAreIgnoredAndTheVersionIsSaid) {
  for (const Sample& sample : samples()) {
    LooseDump dump = takeApart(sample.bytes).withoutIndex();
    dump.header.minorVersion = 3;
    for (LooseFrame& frame : dump.frames) frame = withUnknownFields(frame);
    expectWhole(sample, dump, "a newer minor version", [](const LoadReport& report) {
      EXPECT_EQ(report.file.minorVersion, 3u);
      EXPECT_NE(report.sentence().find("written as version 1.3"), std::string::npos) << report.sentence();
    });
  }
}

TEST(Frames, ANewerMajorVersionIsRefusedWithAWayOut) {
  LooseDump dump = takeApart(samples()[0].bytes);
  dump.header.version = 2;
  const auto loaded = loadSnapshot(putTogether(dump), "test.bin", {});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(loaded.error().what.find("format version 2"), std::string::npos) << loaded.error().what;
  EXPECT_NE(loaded.error().what.find("use a newer one"), std::string::npos) << loaded.error().what;
}

TEST(Frames, ACutInAnyFrameLosesWhatItHeldAndBreaksNothing) {
  for (const Sample& sample : samples()) {
    SCOPED_TRACE(sample.name);
    std::size_t at = FileHeader::kBytes;
    for (const LooseFrame& frame : takeApart(sample.bytes).frames) {
      const std::size_t size = FrameHeader::kBytes + frame.stored.size();
      for (const std::size_t cut : {at, at + 7, at + FrameHeader::kBytes, at + size / 2, at + size - 1}) {
        SCOPED_TRACE(std::string(toText(frame.header.kind)) + " frame, cut at " + std::to_string(cut));
        const auto s = load(std::span(sample.bytes).first(cut));
        ASSERT_NE(s, nullptr);
        const Validation validation = computeValidation(*s);
        if (sample.name != "golden") {
          EXPECT_TRUE(validation.broken.empty()) << validation.broken[0].name << ": " << validation.broken[0].detail;
        }
        const auto names = [&](std::string_view name) {
          return std::any_of(validation.lost.begin(), validation.lost.end(), [&](const BrokenInvariant& b) { return b.name == name; });
        };
        EXPECT_EQ(names("file-end"), !s->report().file.endSeen);
        EXPECT_EQ(names("frame-cut"), cut >= at + FrameHeader::kBytes);
        EXPECT_EQ(names("frame-header"), cut > at && cut < at + FrameHeader::kBytes);
        if (cut != at) {
          EXPECT_FALSE(validation.fine());
        }
      }
      at += size;
    }
  }
}

TEST(Frames, CopiesOfAllFramesBehindAWholeFileLoseNothing) {
  for (const Sample& sample : samples()) {
    // As "cat a.bin a.bin" leaves it, but for the second file header: index and trailer stand in the middle.
    auto bytes = sample.bytes;
    bytes.insert(bytes.end(), sample.bytes.begin() + FileHeader::kBytes, sample.bytes.end());
    const auto s = load(bytes);
    SCOPED_TRACE(sample.name);
    EXPECT_TRUE(s->report().file.complete()) << s->report().sentence();
    EXPECT_EQ(s->report().file.duplicateFrames, takeApart(sample.bytes).frames.size());
    EXPECT_TRUE(textOfSnapshot(*s) == sample.text);
  }
}

}  // namespace
}  // namespace openclaw
