#include "analyzer/snapshot.h"

#include <gtest/gtest.h>

#include "analyzer/verify.h"
#include "tests/analyzer/small_heap.h"
#include "tests/support/dump_model.h"
#include "tests/support/seed.h"

namespace openclaw {
namespace {

using test::SmallHeap;

std::shared_ptr<const Snapshot> loaded(std::span<const std::byte> bytes, LoadOptions options = {}) {
  auto snapshot = loadSnapshot(bytes, "test.bin", options);
  EXPECT_TRUE(snapshot.has_value()) << (snapshot ? "" : toText(snapshot.error()));
  return snapshot ? *snapshot : nullptr;
}

std::string brokenText(const Snapshot& snapshot) {
  std::string text;
  for (const BrokenInvariant& broken : verify(snapshot)) text += broken.name + ": " + broken.detail + "\n";
  return text;
}

void expectEqual(const Snapshot& s, const test::DumpModel& model) {
  ASSERT_EQ(s.objectCount(), model.objects.size());
  std::vector<std::vector<std::uint32_t>> referrers(s.objectCount());
  for (std::uint32_t i = 0; i < s.objectCount(); ++i) {
    const ObjectIndex object(i);
    const test::ModelObject& expected = model.objects[i];
    ASSERT_EQ(s.address(object).value, expected.address) << i;
    ASSERT_EQ(s.size(object).value, expected.size) << i;
    ASSERT_EQ(s.types()[s.type(object)].name, model.types[expected.type]);
    ASSERT_EQ(s.age(object), expected.age);
    ASSERT_EQ(s.flags(object), expected.flags);
    ASSERT_EQ(s.external(object).value, expected.external);
    ASSERT_EQ(s.slotCount(object), expected.slots.size());
    EdgeCursor edge = s.edgesFrom(object);
    for (std::uint32_t slot = 0; slot < expected.slots.size(); ++slot) {
      if (expected.slots[slot].target == kNullReference) continue;
      ASSERT_TRUE(edge) << i;
      ASSERT_EQ(edge.slot(), slot);
      ASSERT_EQ(edge.target().value, expected.slots[slot].target);
      ASSERT_EQ(s.strengthOf(object, slot), expected.slots[slot].strength);
      referrers[edge.target().value].push_back(i);
      edge.next();
    }
    ASSERT_FALSE(edge);
  }
  for (std::uint32_t i = 0; i < s.objectCount(); ++i) {
    std::vector<std::uint32_t> found;
    for (EdgeCursor edge = s.edgesTo(ObjectIndex(i)); edge; edge.next()) found.push_back(edge.target().value);
    ASSERT_EQ(found, referrers[i]) << i;
  }
}

TEST(Snapshot, HasWhatTheModelHasObjectByObject) {
  const std::uint64_t seed = test::seedFromEnvironment();
  SCOPED_TRACE("OPENCLAW_SEED=" + std::to_string(seed));
  for (const std::size_t objects : {1u, 2u, 100u, 3000u}) {
    const test::DumpModel model = test::randomModel(seed + objects, objects);
    for (const bool index : {true, false}) {
      const auto s = loaded(test::encodeDump(model, {.index = index}));
      ASSERT_TRUE(s);
      expectEqual(*s, model);
      EXPECT_EQ(brokenText(*s), "");
      EXPECT_EQ(s->report().objectsMissing, 0u);
      EXPECT_EQ(s->report().referencesMissing, 0u);
      EXPECT_TRUE(s->report().file.complete());
    }
  }
}

TEST(Snapshot, SeveralFramesAndThreadsGiveTheSame) {
  const test::DumpModel model = test::randomModel(11, 70'000);  // two objects frames, several of references
  const auto bytes = test::encodeDump(model);
  for (const unsigned threads : {1u, 4u}) {
    const auto s = loaded(bytes, {.threads = threads, .dominators = true});
    ASSERT_TRUE(s);
    expectEqual(*s, model);
  }
}

TEST(Snapshot, NoObjectsIsADump) {
  const auto s = loaded(test::dumpOf(""));
  ASSERT_TRUE(s);
  EXPECT_EQ(s->objectCount(), 0u);
  EXPECT_TRUE(s->dominatedBy(std::nullopt).empty());
  EXPECT_FALSE(s->objectAt(Address(0x1000)));
  EXPECT_EQ(brokenText(*s), "");
}

TEST(Snapshot, AddressesFarApartAreExact) {
  // A program's own heap and its mappings lie 2^45 bytes apart; odd addresses allow no common unit.
  for (const std::uint64_t odd : {0ull, 1ull}) {
    test::DumpModel model = test::modelOf("root->a b c d e");
    const std::uint64_t at[] = {0x10, 0x5555'0000'0000 + odd, 0x5555'ffff'fff0, 0x7f00'0000'0000,
                                0x7fff'ffff'f000};
    for (std::size_t i = 0; i < 5; ++i) model.objects[i].address = at[i];
    const auto s = loaded(test::encodeDump(model, {.metadata = false}));
    ASSERT_TRUE(s);
    for (std::uint32_t i = 0; i < 5; ++i) {
      EXPECT_EQ(s->address(ObjectIndex(i)).value, at[i]);
      EXPECT_EQ(s->objectAt(Address(at[i] + 31)), ObjectIndex(i));
      EXPECT_EQ(s->objectAt(Address(at[i] + 32)), std::nullopt);
      EXPECT_EQ(s->objectAt(Address(at[i] - 1)), std::nullopt);
    }
  }
}

TEST(Snapshot, SlotsAreNamedByFieldAndElement) {
  const auto s = loaded(SmallHeap().encode());
  ASSERT_TRUE(s);
  EXPECT_EQ(s->labelOf(ObjectIndex(SmallHeap::kServer), 0), "sessions_");
  EXPECT_EQ(s->labelOf(ObjectIndex(SmallHeap::kServer), 1), "recent_");
  EXPECT_EQ(s->labelOf(ObjectIndex(SmallHeap::kArray), 3), "[3]");
  EXPECT_EQ(s->strengthOf(ObjectIndex(SmallHeap::kServer), 1), Strength::kWeak);
  EXPECT_EQ(s->strengthOf(ObjectIndex(SmallHeap::kArray), 3), Strength::kStrong);
}

TEST(Snapshot, SitesAreFoundThroughStacks) {
  const auto s = loaded(SmallHeap().encode());
  ASSERT_TRUE(s);
  EXPECT_EQ(s->site(ObjectIndex(SmallHeap::kSessionA)), SiteIndex(2));
  EXPECT_FALSE(s->stack(ObjectIndex(SmallHeap::kSessionA)));
  EXPECT_EQ(s->site(ObjectIndex(SmallHeap::kSessionB)), SiteIndex(2));
  EXPECT_EQ(s->stack(ObjectIndex(SmallHeap::kSessionB)), StackIndex(0));
  ASSERT_EQ(s->symbol(0x5555'0000'1234).size(), 2u);
  EXPECT_EQ(s->symbol(0x5555'0000'1234)[0].function, "makeSession");
  EXPECT_TRUE(s->symbol(0x5555'0000'5678).empty());
}

TEST(Snapshot, DominatorsAndRetainedSizesFollowStrongEdges) {
  const auto s = loaded(SmallHeap().encode());
  ASSERT_TRUE(s);
  const auto dominator = [&](std::uint64_t object) {
    return s->dominator(ObjectIndex(static_cast<std::uint32_t>(object)));
  };
  const auto index = [](std::uint64_t object) {
    return std::optional(ObjectIndex(static_cast<std::uint32_t>(object)));
  };
  EXPECT_EQ(dominator(SmallHeap::kServer), std::nullopt);
  EXPECT_EQ(dominator(SmallHeap::kArray), index(SmallHeap::kServer));
  EXPECT_EQ(dominator(SmallHeap::kSessionB), index(SmallHeap::kArray));
  EXPECT_EQ(dominator(SmallHeap::kBig), index(SmallHeap::kSessionB));
  EXPECT_EQ(dominator(SmallHeap::kSessionC), std::nullopt);  // a stack holds it, too
  EXPECT_EQ(dominator(SmallHeap::kAnn), std::nullopt);       // shared by a and c
  EXPECT_FALSE(s->reachable(ObjectIndex(SmallHeap::kGarbage)));
  EXPECT_EQ(s->retained(ObjectIndex(SmallHeap::kGarbage)).value, 0u);
  EXPECT_EQ(s->retained(ObjectIndex(SmallHeap::kServer)).value, 64u + 128 + 96 + 96 + (2u << 20) - 96);
  const auto top = s->dominatedBy(std::nullopt);
  EXPECT_EQ((std::vector<std::uint64_t>{top.begin(), top.end()}),
            (std::vector<std::uint64_t>{SmallHeap::kServer, SmallHeap::kSessionC, SmallHeap::kAnn}));
  EXPECT_TRUE(s->isRoot(ObjectIndex(SmallHeap::kServer)));
  EXPECT_FALSE(s->isRoot(ObjectIndex(SmallHeap::kArray)));
}

TEST(Snapshot, WithoutDominatorsReachabilityStillAnswers) {
  const auto s = loaded(SmallHeap().encode(), {.threads = 1, .dominators = false});
  ASSERT_TRUE(s);
  EXPECT_TRUE(s->reachable(ObjectIndex(SmallHeap::kBig)));
  EXPECT_FALSE(s->reachable(ObjectIndex(SmallHeap::kGarbage)));
  EXPECT_EQ(s->retained(ObjectIndex(SmallHeap::kServer)).value, 0u);
  EXPECT_EQ(brokenText(*s), "");
}

TEST(Snapshot, TablesCarryTheirRows) {
  const auto s = loaded(SmallHeap().encode());
  ASSERT_TRUE(s);
  EXPECT_EQ(s->process().pid, 4711u);
  EXPECT_EQ(s->process().commandLine, (std::vector<std::string>{"openclaw", "--arena-size", "64MiB"}));
  EXPECT_EQ(s->arenas().at(0).ownedName, "main");
  EXPECT_EQ(s->regions().size(), 3u);
  EXPECT_EQ(s->pauses().size(), 2u);
  EXPECT_EQ(s->pauses()[1].ownedCause, "occtl gc run");
  EXPECT_EQ(s->pauses()[1].ownedPhases.size(), 2u);
  EXPECT_EQ(s->counter("tlab_tail_bytes"), 1024u);
  EXPECT_EQ(s->counter("no_such"), std::nullopt);
  EXPECT_EQ(s->stopNanoseconds(), 1'420'000u);
  EXPECT_EQ(s->threads().at(0).name, "worker-0");
  EXPECT_TRUE(s->report().complete());
  EXPECT_EQ(s->report().sentence(), "complete");
}

TEST(Snapshot, LoadingCanBeCancelledAndReportsStages) {
  const std::string path = testing::TempDir() + "/cancel.bin";
  const auto bytes = test::encodeDump(test::randomModel(3, 100'000));
  FILE* file = fopen(path.c_str(), "wb");
  ASSERT_TRUE(file);
  ASSERT_EQ(fwrite(bytes.data(), 1, bytes.size(), file), bytes.size());
  fclose(file);
  std::vector<std::string> stages;
  double last = 0;
  const auto whole = loadSnapshot(path, {},
                                  [&](const LoadProgress& p) {
                                    if (stages.empty() || stages.back() != p.stage)
                                      stages.emplace_back(p.stage);
                                    EXPECT_GE(p.fraction, last - 1e-9);
                                    EXPECT_LE(p.fraction, 1 + 1e-9);
                                    last = p.fraction;
                                  },
                                  {});
  ASSERT_TRUE(whole.has_value());
  EXPECT_EQ(stages, (std::vector<std::string>{"reading", "edges", "dominators", "retained sizes", "referrers",
                                              "addresses"}));
  for (const std::string& at : stages) {
    std::stop_source stop;
    const auto cancelled = loadSnapshot(
        path, {},
        [&](const LoadProgress& p) {
          if (p.stage == at) stop.request_stop();
        },
        stop.get_token());
    ASSERT_FALSE(cancelled.has_value()) << at;
    EXPECT_EQ(cancelled.error().code, ErrorCode::kCancelled);
  }
  remove(path.c_str());
}

TEST(Snapshot, NoFileAndOtherFilesAreErrors) {
  const auto none = loadSnapshot("/no/such/heap.bin", {}, {}, {});
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().code, ErrorCode::kIo);
  EXPECT_EQ(none.error().where.file, "/no/such/heap.bin");
  const char hprof[] = "JAVA PROFILE 1.0.2\0";
  const auto wrong = loadSnapshot(std::as_bytes(std::span(hprof)), "java.hprof", {});
  ASSERT_FALSE(wrong.has_value());
  EXPECT_EQ(wrong.error().code, ErrorCode::kDamaged);
  EXPECT_NE(wrong.error().what.find("Java heap dump"), std::string::npos);
}

}  // namespace
}  // namespace openclaw
