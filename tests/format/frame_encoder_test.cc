#include "format/frame_encoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <list>
#include <string>

#include "format/dump_reader.h"
#include "tests/format/record_text.h"
#include "tests/support/dump_model.h"
#include "tests/support/seed.h"

namespace openclaw {
namespace {

using namespace test;

DumpReader readerOf(MemoryEncoder& encoder) {
  auto reader = DumpReader::fromMemory(encoder.sink.bytes, "test");
  EXPECT_TRUE(reader) << toText(reader.error());
  return std::move(*reader);
}

// All rows of one kind of frame, as the texts of the records that come back.
template <class Each>
std::vector<std::string> rowsOf(const DumpReader& reader, FrameKind kind, Each each) {
  std::vector<std::string> rows;
  for (const FrameInfo& frame : reader.frames()) {
    if (frame.kind != kind) continue;
    auto decoded = reader.decode(frame);
    EXPECT_TRUE(decoded) << toText(decoded.error());
    if (decoded) each(*decoded, [&](const auto& record) { rows.push_back(textOf(record)); });
  }
  return rows;
}
std::size_t framesOf(const DumpReader& reader, FrameKind kind) {
  return static_cast<std::size_t>(std::count_if(reader.frames().begin(), reader.frames().end(),
                                                [&](const FrameInfo& frame) { return frame.kind == kind; }));
}
template <class Row>
std::vector<std::string> textsOf(const std::vector<Row>& rows) {
  std::vector<std::string> texts;
  for (const Row& row : rows) texts.push_back(textOf(row));
  return texts;
}

// Texts that live as long as the pool; every length modulo eight comes along.
class TextPool {
 public:
  explicit TextPool(Random& random) : random_(random) {}
  std::string_view text(std::uint64_t longest = 40) {
    std::string s(random_.below(longest + 1), ' ');
    for (char& c : s) c = static_cast<char>('!' + random_.below(94));
    return *texts_.insert(texts_.end(), std::move(s));
  }
  std::string_view notEmpty() { return *texts_.insert(texts_.end(), "x" + std::string(text())); }

 private:
  Random& random_;
  std::list<std::string> texts_;
};

class EveryRow : public ::testing::Test {
 protected:
  EveryRow() : seed_(seedFromEnvironment()), random_(seed_), pool_(random_), trace_(__FILE__, __LINE__, "OPENCLAW_SEED=" + std::to_string(seed_)) {
    encoder_->begin({});
  }
  std::uint64_t u64() { return random_.next() >> random_.below(64); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(random_.next() >> (32 + random_.below(32))); }
  DumpReader finish() {
    encoder_->end({});
    EXPECT_EQ(encoder_->status(), EncodeStatus::kOk) << toText(encoder_->status());
    return readerOf(encoder_);
  }
  static constexpr std::size_t kRows = 500;

  std::uint64_t seed_;
  Random random_;
  TextPool pool_;
  ::testing::ScopedTrace trace_;
  MemoryEncoder encoder_;
};

TEST_F(EveryRow, NamesOfObjectsInManyCallsAndFrames) {
  for (const bool ids : {false, true}) {
    MemoryEncoder encoder;
    encoder->begin({});
    std::vector<NameRecord> all;
    for (int call = 0; call < 20; ++call) {
      std::vector<NameRecord> rows(random_.below(9'000));
      for (NameRecord& row : rows) row = {u64(), call % 3 == 0 ? std::string_view() : pool_.text()};
      encoder->names(rows, ids);
      all.insert(all.end(), rows.begin(), rows.end());
    }
    encoder->end({});
    ASSERT_EQ(encoder->status(), EncodeStatus::kOk);
    DumpReader reader = readerOf(encoder);
    std::size_t rows = 0;
    for (const FrameInfo& frame : reader.frames()) {
      if (frame.kind != FrameKind::kNames) continue;
      auto decoded = reader.decode(frame);
      ASSERT_TRUE(decoded.has_value());
      decoded->forEachName([&](std::uint64_t object, std::optional<std::uint64_t> id, std::string_view text) {
        ASSERT_LT(object, all.size());
        EXPECT_EQ(id.has_value(), ids);
        EXPECT_EQ(id.value_or(all[object].id), all[object].id);
        EXPECT_EQ(text, all[object].text);
        ++rows;
      });
    }
    if (ids) {
      EXPECT_EQ(rows, all.size());
    }
    EXPECT_GT(rows, all.size() / 2);
  }
}

TEST_F(EveryRow, Process) {
  for (int round = 0; round < 50; ++round) {
    MemoryEncoder encoder;
    encoder->begin({});
    std::vector<std::string_view> arguments;
    for (std::uint64_t i = random_.below(5); i > 0; --i) arguments.push_back(pool_.text());
    std::vector<std::uint8_t> id(random_.below(3) * 8);
    for (auto& byte : id) byte = static_cast<std::uint8_t>(random_.next());
    ProcessRecord row{u32(), pool_.text(), arguments, pool_.text(), pool_.text(), u64(), u64(), u64(), id, id,
                      u32(), static_cast<Consistency>(random_.below(4)), pool_.text(), pool_.text(), pool_.text(), pool_.text(), pool_.text(), u32(), u32()};
    encoder->process(row);
    encoder->end({});
    ASSERT_EQ(encoder->status(), EncodeStatus::kOk);
    DumpReader reader = readerOf(encoder);
    auto rows = rowsOf(reader, FrameKind::kProcess, [](auto& frame, auto visit) { frame.process(visit); });
    ASSERT_EQ(rows, textsOf(std::vector{row}));
  }
}

TEST_F(EveryRow, ModulesThreadsCountersArenas) {
  std::vector<ModuleRecord> modules;
  std::vector<ThreadRecord> threads;
  std::vector<CounterRecord> counters;
  std::vector<ArenaRecord> arenas;
  std::uint8_t id[20] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20};
  for (std::size_t i = 0; i < kRows; ++i) {
    modules.push_back({pool_.text(), std::span(id, random_.below(21)), u64(), u64(), u64()});
    threads.push_back({u32(), pool_.text(), pool_.text(), u64(), u64()});
    counters.push_back({pool_.text(), u64()});
    ArenaRecord arena;
    arena.name = pool_.text();
    for (auto* field : {&arena.softLimit, &arena.committed, &arena.overflow, &arena.objectBytes, &arena.objectCount,
                        &arena.floatingBytes, &arena.holeBytes, &arena.emptyBlockBytes, &arena.tlabTailBytes,
                        &arena.largeSlackBytes, &arena.metadataBytes, &arena.unusableHoleBytes})
      *field = u64();
    arena.blocks = u32();
    arena.chunks = u32();
    arenas.push_back(arena);
  }
  encoder_->modules(modules);
  encoder_->threads(threads);
  encoder_->counters(counters);
  encoder_->arenas(arenas);
  DumpReader reader = finish();
  EXPECT_EQ(rowsOf(reader, FrameKind::kModules, [](auto& f, auto v) { f.forEachModule(v); }), textsOf(modules));
  EXPECT_EQ(rowsOf(reader, FrameKind::kThreads, [](auto& f, auto v) { f.forEachThread(v); }), textsOf(threads));
  EXPECT_EQ(rowsOf(reader, FrameKind::kCounters, [](auto& f, auto v) { f.forEachCounter(v); }), textsOf(counters));
  EXPECT_EQ(rowsOf(reader, FrameKind::kArenas, [](auto& f, auto v) { f.forEachArena(v); }), textsOf(arenas));
}

TEST_F(EveryRow, TypesAndSitesKeepTheirNumbersOverCalls) {
  std::vector<std::vector<FieldRecord>> fields;
  std::vector<TypeRecord> types;
  std::vector<SiteRecord> sites;
  for (std::size_t i = 0; i < kRows; ++i) {
    for (int list = 0; list < 2; ++list) {
      auto& out = fields.emplace_back();
      for (std::uint64_t n = random_.below(5); n > 0; --n)
        out.push_back({pool_.text(), u32(), static_cast<Strength>(random_.below(5)), pool_.text()});
    }
  }
  for (std::size_t i = 0; i < kRows; ++i) {
    types.push_back({pool_.text(), u32(), fields[2 * i], u32(), u32(), fields[2 * i + 1], random_.oneIn(2), random_.oneIn(2),
                     random_.oneIn(2), static_cast<std::int32_t>(u32()), pool_.text()});
    sites.push_back({pool_.text(), u32(), u32(), pool_.text(), u64(), u64(), static_cast<Certainty>(random_.below(5))});
  }
  encoder_->types(std::span(types).first(100));
  encoder_->sites(std::span(sites).first(7));
  encoder_->types(std::span(types).subspan(100));
  encoder_->sites(std::span(sites).subspan(7));
  DumpReader reader = finish();
  std::uint32_t next = 0;
  auto typeRows = rowsOf(reader, FrameKind::kTypes, [&](auto& f, auto v) {
    f.forEachType([&](TypeIndex index, const TypeRecord& row) { EXPECT_EQ(index.value, next++); v(row); });
  });
  EXPECT_EQ(typeRows, textsOf(types));
  next = 0;
  auto siteRows = rowsOf(reader, FrameKind::kSites, [&](auto& f, auto v) {
    f.forEachSite([&](SiteIndex index, const SiteRecord& row) { EXPECT_EQ(index.value, next++); v(row); });
  });
  EXPECT_EQ(siteRows, textsOf(sites));
}

TEST_F(EveryRow, RegionsAndFloatingGarbage) {
  std::vector<RegionRecord> regions;
  std::vector<FloatingRecord> floating;
  for (std::size_t i = 0; i < 40'000; ++i) {  // more than one frame
    RegionRecord row;
    for (auto* field : {&row.base, &row.bytes, &row.firstObject, &row.objectBytes, &row.floatingBytes, &row.holeBytes,
                        &row.unusableHoleBytes, &row.largestHole, &row.tlabTailBytes, &row.slackBytes})
      *field = u64();
    row.arena = static_cast<std::uint16_t>(u32());
    row.kind = static_cast<RegionKind>(random_.below(5));
    row.state = static_cast<RegionState>(random_.below(6));
    row.objectCount = u32();
    row.floatingCount = u32();
    row.holeCount = u32();
    if (random_.oneIn(3)) for (auto& word : row.lineMap) word = u64();
    regions.push_back(row);
    floating.push_back({u32(), u64(), u64()});
  }
  encoder_->regions(std::span(regions).first(5));
  encoder_->regions(std::span(regions).subspan(5));
  encoder_->floating(floating);
  DumpReader reader = finish();
  std::uint32_t next = 0;
  auto rows = rowsOf(reader, FrameKind::kRegions, [&](auto& f, auto v) {
    f.forEachRegion([&](RegionIndex index, const RegionRecord& row) { EXPECT_EQ(index.value, next++); v(row); });
  });
  EXPECT_EQ(rows, textsOf(regions));
  EXPECT_EQ(framesOf(reader, FrameKind::kRegions), 4u);
  EXPECT_EQ(rowsOf(reader, FrameKind::kFloating, [](auto& f, auto v) { f.forEachFloating(v); }), textsOf(floating));
}

TEST_F(EveryRow, RootsWithMoreLabelsThanAFrameHolds) {
  std::vector<RootRecord> roots;
  std::vector<std::string_view> labels(10'000);
  for (auto& label : labels) label = pool_.notEmpty();
  for (std::size_t i = 0; i < 100'000; ++i)
    roots.push_back({u64(), static_cast<RootKind>(random_.below(8)), random_.oneIn(3), u32(), u64(), u32(),
                     random_.oneIn(4) ? std::string_view() : labels[random_.below(labels.size())]});
  encoder_->roots(roots);
  DumpReader reader = finish();
  EXPECT_GT(framesOf(reader, FrameKind::kRoots), 5u);
  EXPECT_EQ(rowsOf(reader, FrameKind::kRoots, [](auto& f, auto v) { f.forEachRoot(v); }), textsOf(roots));
}

TEST_F(EveryRow, StacksPausesSettingsRequestsLabelsSymbolsEnd) {
  std::vector<std::vector<std::uint64_t>> pcs(kRows);
  std::vector<std::vector<PhaseRecord>> phases(kRows);
  std::vector<std::vector<CodeFrameRecord>> code(kRows);
  std::vector<StackRecord> stacks;
  std::vector<PauseRecord> pauses;
  std::vector<SettingRecord> settings;
  std::vector<SettingChangeRecord> changes;
  std::vector<RequestRecord> requests;
  std::vector<std::string_view> labels;
  std::vector<SymbolRecord> symbols;
  std::vector<LossRecord> losses;
  for (std::size_t i = 0; i < kRows; ++i) {
    for (std::uint64_t n = random_.below(40); n > 0; --n) pcs[i].push_back(u64());
    for (std::uint64_t n = random_.below(6); n > 0; --n) phases[i].push_back({pool_.text(), u64()});
    for (std::uint64_t n = random_.below(4); n > 0; --n)
      code[i].push_back({pool_.text(), pool_.text(), u32(), random_.oneIn(2)});
    stacks.push_back({pcs[i], u32(), u64(), u64(), u64(), u64(), u64(), random_.oneIn(2)});
    pauses.push_back({u64(), pool_.text(), pool_.text(), u64(), u64(), phases[i], u64(), u32(), u32(), u32(), u64(), u64(),
                      u64(), u64(), u64(), u64(), u64(), u64(), u64(), u64(), u64()});
    settings.push_back({pool_.text(), pool_.text(), pool_.text(), pool_.text()});
    changes.push_back({u64(), pool_.text(), pool_.text(), pool_.text(), pool_.text()});
    requests.push_back({u64(), u64(), u64(), u64()});
    labels.push_back(pool_.text());
    symbols.push_back({u64(), code[i], u32()});
    losses.push_back({pool_.text(), u64()});
  }
  encoder_->stacks(4711, stacks);
  encoder_->pauses(99, pauses);
  encoder_->settings(settings, changes);
  encoder_->requests(requests, 17);
  encoder_->labels(labels);
  encoder_->symbols(symbols, "elfutils");
  EndRecord end{0, 5, 6, 7, 8, 9, 10, losses};
  encoder_->end(end);
  ASSERT_EQ(encoder_->status(), EncodeStatus::kOk) << toText(encoder_->status());
  DumpReader reader = readerOf(encoder_);
  std::uint32_t next = 0;
  EXPECT_EQ(rowsOf(reader, FrameKind::kStacks,
                   [&](auto& f, auto v) {
                     EXPECT_EQ(f.stackMeanInterval(), 4711u);
                     f.forEachStack([&](StackIndex index, const StackRecord& row) { EXPECT_EQ(index.value, next++); v(row); });
                   }),
            textsOf(stacks));
  EXPECT_EQ(rowsOf(reader, FrameKind::kPauses,
                   [](auto& f, auto v) {
                     EXPECT_EQ(f.pausesTotal(), 99u);
                     f.forEachPause(v);
                   }),
            textsOf(pauses));
  EXPECT_EQ(rowsOf(reader, FrameKind::kSettings, [](auto& f, auto v) { f.forEachSetting(v); }), textsOf(settings));
  EXPECT_EQ(rowsOf(reader, FrameKind::kSettings, [](auto& f, auto v) { f.forEachSettingChange(v); }), textsOf(changes));
  EXPECT_EQ(rowsOf(reader, FrameKind::kRequests,
                   [](auto& f, auto v) {
                     EXPECT_EQ(f.requestsLost(), 17u);
                     f.forEachRequest(v);
                   }),
            textsOf(requests));
  std::vector<std::string_view> labelRows;
  for (const FrameInfo& frame : reader.frames())
    if (frame.kind == FrameKind::kLabels) {
      auto decoded = reader.decode(frame);
      decoded->forEachLabel([&](std::uint32_t number, std::string_view text) { EXPECT_EQ(text, labels[number]); labelRows.push_back(labels[number]); });
    }
  EXPECT_EQ(labelRows, labels);
  EXPECT_EQ(rowsOf(reader, FrameKind::kSymbols, [](auto& f, auto v) { f.forEachSymbol(v); }), textsOf(symbols));
  end.frames = static_cast<std::uint32_t>(reader.frames().size());
  EXPECT_EQ(rowsOf(reader, FrameKind::kEnd, [](auto& f, auto v) { f.end(v); }), textsOf(std::vector{end}));
}

// --- splitting ------------------------------------------------------------------------------------------------------

TEST(FrameEncoder, ATableOfManyMegabytesIsSplitAndKeepsEveryRow) {
  MemoryEncoder encoder;
  encoder->begin({});
  std::string longName(100'000, 'n');
  std::vector<TypeRecord> types(200);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < types.size(); ++i) names.push_back(longName + std::to_string(i));
  for (std::size_t i = 0; i < types.size(); ++i) types[i].name = names[i];
  encoder->types(types);
  encoder->end({});
  ASSERT_EQ(encoder->status(), EncodeStatus::kOk);
  DumpReader reader = readerOf(encoder);
  EXPECT_GE(framesOf(reader, FrameKind::kTypes), 5u);
  auto rows = rowsOf(reader, FrameKind::kTypes, [](auto& f, auto v) {
    f.forEachType([&](TypeIndex, const TypeRecord& row) { v(row); });
  });
  EXPECT_EQ(rows, textsOf(types));
}

TEST(FrameEncoder, ARowThatFitsNoFrameIsAnErrorThatSticks) {
  MemoryEncoder encoder;
  encoder->begin({});
  std::string huge(5u << 20, 'n');
  TypeRecord type;
  type.name = huge;
  encoder->types({&type, 1});
  EXPECT_EQ(encoder->status(), EncodeStatus::kRowTooLarge);
  auto bytes = encoder->bytesWritten();
  type.name = "small";
  encoder->types({&type, 1});
  encoder->object({16, 16, 0, 0, 0, 0, 0, 0});
  encoder->end({});
  EXPECT_EQ(encoder->status(), EncodeStatus::kRowTooLarge);
  EXPECT_EQ(encoder->bytesWritten(), bytes);
}

TEST(FrameEncoder, SlotsOfOneObjectAreSplitOverFramesInOrder) {
  MemoryEncoder encoder;
  encoder->begin({});
  constexpr std::uint32_t kSlots = 700'001;
  encoder->object({0x1000, 32, 0, 0, 2, 0, 0, 0});
  encoder->reference(1);
  encoder->reference(kNullReference);
  encoder->object({0x2000, 1u << 30, 0, 0, kSlots, 0, 0, 0});
  for (std::uint32_t i = 0; i < kSlots; ++i) encoder->reference(i % 7 == 0 ? kNullReference : i % 3);
  encoder->object({0x2000 + (1u << 30), 32, 0, 0, 1, 0, 0, 0});
  encoder->reference(0);
  encoder->end({});
  ASSERT_EQ(encoder->status(), EncodeStatus::kOk);
  DumpReader reader = readerOf(encoder);
  EXPECT_EQ(framesOf(reader, FrameKind::kReferences), 3u);
  std::uint64_t source = 0, slot = 0, seen = 0;
  std::uint32_t counts[] = {2, kSlots, 1};
  bool objectsSeen = false;
  for (const FrameInfo& frame : reader.frames()) {
    objectsSeen |= frame.kind == FrameKind::kObjects;
    if (frame.kind != FrameKind::kReferences) continue;
    EXPECT_TRUE(objectsSeen) << "an objects frame comes before the slots of its objects";
    auto columns = *reader.decode(frame)->references();
    EXPECT_EQ(columns.firstObject, source);
    EXPECT_EQ(columns.skippedSlots, slot);
    for (std::int64_t delta : columns.delta) {
      if (source == 1) {
        std::int64_t expected = slot % 7 == 0 ? ReferenceColumns::kNull : static_cast<std::int64_t>(slot % 3) - 1;
        ASSERT_EQ(delta, expected) << slot;
      }
      ++seen;
      if (++slot == counts[source]) ++source, slot = 0;
    }
  }
  EXPECT_EQ(seen, kSlots + 3u);
}

TEST(FrameEncoder, ReferencesFartherThan32BitsAreKeptWhetherAnnouncedOrNot) {
  for (bool announced : {true, false}) {
    MemoryEncoder encoder;
    encoder->begin({});
    if (announced) encoder->expectObjects(1ull << 40);
    std::uint64_t targets[] = {1, kNullReference, (1ull << 31) - 2, (1ull << 31) - 1, 1ull << 31, 1ull << 32, (1ull << 40) - 1, 0};
    encoder->object({0x1000, 32, 0, 0, std::size(targets), 0, 0, 0});
    for (std::uint64_t target : targets) encoder->reference(target);
    encoder->end({});
    ASSERT_EQ(encoder->status(), EncodeStatus::kOk);
    DumpReader reader = readerOf(encoder);
    std::vector<std::uint64_t> back;
    for (const FrameInfo& frame : reader.frames())
      if (frame.kind == FrameKind::kReferences) {
        auto columns = *reader.decode(frame)->references();
        EXPECT_EQ(columns.firstObject, 0u);
        EXPECT_EQ(columns.skippedSlots, back.size());
        for (std::int64_t delta : columns.delta)
          back.push_back(delta == ReferenceColumns::kNull ? kNullReference : static_cast<std::uint64_t>(delta));
      }
    EXPECT_EQ(back, std::vector<std::uint64_t>(std::begin(targets), std::end(targets)));
  }
}

TEST(FrameEncoder, AFrameHolds64KiObjectsAndANewOneBeginsWhereAGapIsTooLarge) {
  MemoryEncoder encoder;
  encoder->begin({});
  std::vector<std::uint64_t> addresses;
  std::uint64_t at = 0x1000;
  for (int i = 0; i < 70'000; ++i, at += 16) addresses.push_back(at);
  addresses.push_back(at + 0xffff'ffffull);              // the largest gap that 32 bits say
  addresses.push_back(addresses.back() + 16 + 0x1'0000'0000ull);  // one more
  addresses.push_back(addresses.back() + 8);             // cells that overlap
  for (std::uint64_t address : addresses) encoder->object({address, 16, 0, 0, 0, 0, 0, 0});
  encoder->end({});
  ASSERT_EQ(encoder->status(), EncodeStatus::kOk);
  DumpReader reader = readerOf(encoder);
  std::vector<std::size_t> counts;
  std::vector<std::uint64_t> back;
  for (const FrameInfo& frame : reader.frames())
    if (frame.kind == FrameKind::kObjects) {
      auto columns = *reader.decode(frame)->objects();
      counts.push_back(columns.address.size());
      back.insert(back.end(), columns.address.begin(), columns.address.end());
    }
  EXPECT_EQ(back, addresses);
  EXPECT_EQ(counts, (std::vector<std::size_t>{65536, 70'000 - 65536 + 1, 1, 1}));
}

// --- misuse and failure ---------------------------------------------------------------------------------------------

TEST(FrameEncoder, RefusesObjectsOutOfOrderAndSlotsThatDoNotMatch) {
  auto statusOf = [](auto use) {
    MemoryEncoder encoder;
    encoder->begin({});
    use(*encoder);
    encoder->end({});
    return encoder->status();
  };
  ObjectRecord a{0x1000, 16, 0, 0, 0, 0, 0, 0}, b{0x2000, 16, 0, 0, 0, 0, 0, 0}, two{0x3000, 16, 0, 0, 2, 0, 0, 0};
  EXPECT_EQ(statusOf([&](FrameEncoder& e) { e.object(a), e.object(b); }), EncodeStatus::kOk);
  EXPECT_EQ(statusOf([&](FrameEncoder& e) { e.object(b), e.object(a); }), EncodeStatus::kOutOfOrder);
  EXPECT_EQ(statusOf([&](FrameEncoder& e) { e.object(a), e.object(a); }), EncodeStatus::kOutOfOrder);
  EXPECT_EQ(statusOf([&](FrameEncoder& e) { e.object(a), e.flush(), e.object(a); }), EncodeStatus::kOutOfOrder);
  EXPECT_EQ(statusOf([&](FrameEncoder& e) { e.reference(0); }), EncodeStatus::kOutOfOrder);
  EXPECT_EQ(statusOf([&](FrameEncoder& e) { e.object(two), e.reference(0); }), EncodeStatus::kOutOfOrder);
  EXPECT_EQ(statusOf([&](FrameEncoder& e) { e.object(two), e.reference(0), e.reference(0), e.reference(0); }),
            EncodeStatus::kOutOfOrder);
}

TEST(FrameEncoder, TellsTheSinksErrorAndWritesNoMore) {
  MemoryEncoder encoder;
  encoder.sink.limit = 1000;
  encoder.sink.error = ENOSPC;
  encoder->begin({});
  for (std::uint64_t i = 0; i < 200'000; ++i) {
    encoder->object({0x1000 + i * 64, 64, static_cast<std::uint32_t>(i * 2654435761u), 0, 1, 0, 0, 0});
    encoder->reference(i / 2);
  }
  encoder->end({});
  EXPECT_EQ(encoder->status(), EncodeStatus::kSinkFailed);
  EXPECT_EQ(encoder->sinkError(), ENOSPC);
  EXPECT_EQ(encoder.sink.bytes.size(), FileHeader::kBytes);
  EXPECT_EQ(encoder->bytesWritten(), FileHeader::kBytes);
}

TEST(FrameEncoder, EndCountsWhatWasWritten) {
  MemoryEncoder encoder;
  encoder->begin({});
  encoder->object({0x1000, 16, 0, 0, 3, 0, 0, 0});
  encoder->reference(0);
  encoder->reference(kNullReference);
  encoder->reference(0, 1, Strength::kWeak);  // another form of slots begins another frame
  RootRecord root;
  encoder->roots({&root, 1});
  RegionRecord regions[3];
  encoder->regions(regions);
  encoder->end({});
  ASSERT_EQ(encoder->status(), EncodeStatus::kOk);
  EXPECT_EQ(encoder->objectsWritten(), 1u);
  DumpReader reader = readerOf(encoder);
  EXPECT_TRUE(reader.report().complete());
  EndRecord end;
  for (const FrameInfo& frame : reader.frames())
    if (frame.kind == FrameKind::kEnd) reader.decode(frame)->end([&](const EndRecord& record) { end = record; });
  EXPECT_EQ(end.frames, reader.frames().size());
  EXPECT_EQ(end.objects, 1u);
  EXPECT_EQ(end.references, 2u);
  EXPECT_EQ(end.roots, 1u);
  EXPECT_EQ(end.regions, 3u);
  EXPECT_EQ(framesOf(reader, FrameKind::kReferences), 2u);
}

TEST(FrameEncoder, IncompressibleMessagesAreStoredRaw) {
  MemoryEncoder encoder;
  encoder->begin({});
  Random random(1);
  std::vector<RequestRecord> rows(1000);
  for (RequestRecord& row : rows) row = {random.next(), random.next(), random.next(), random.next()};
  encoder->requests(rows, 0);
  encoder->end({});
  DumpReader reader = readerOf(encoder);
  const FrameInfo& frame = reader.frames()[0];
  EXPECT_EQ(frame.storedSize, frame.rawSize);
  EXPECT_EQ(rowsOf(reader, FrameKind::kRequests, [](auto& f, auto v) { f.forEachRequest(v); }), textsOf(rows));
}

TEST(FrameEncoder, TheSameRowsGiveTheSameBytesInAnyWorkspace) {
  DumpModel model = randomModel(7, 3000);
  std::vector<std::byte> first;
  for (std::size_t offset : {0u, 1u, 7u, 33u}) {
    std::vector<std::byte> workspace(FrameEncoder::workspaceBytes() + 64, std::byte{0xAA});
    MemorySink sink;
    FrameEncoder encoder({workspace.data() + offset, FrameEncoder::workspaceBytes()}, sink);
    encoder.begin({});
    encodeObjects(model, encoder);
    encodeMetadata(model, encoder);
    encoder.end({});
    ASSERT_EQ(encoder.status(), EncodeStatus::kOk);
    if (first.empty()) first = sink.bytes;
    EXPECT_EQ(sink.bytes, first);
  }
}

}  // namespace
}  // namespace openclaw
