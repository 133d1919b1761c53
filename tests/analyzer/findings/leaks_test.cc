// Leak rules on small programs that run on a heap that ages: what is planted is named first, what is healthy is not.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <numeric>

#include "analyzer/findings/finding.h"
#include "analyzer/findings/groups.h"
#include "analyzer/findings/leak_evidence.h"
#include "analyzer/report/leaks_report.h"
#include "tests/analyzer/findings/aging_heap.h"
#include "tests/support/dump_model.h"
#include "tests/support/seed.h"

namespace openclaw {
namespace {

using test::AgingHeap;
using Object = AgingHeap::Object;

// Parts of a program. Each has an owner under a root and does one step of work at a time.
struct Part {
  virtual ~Part() = default;
  virtual void step(AgingHeap& heap, test::Random& random) = 0;
};

// Made by the text of a type's name and a line of one file.
struct Kind {
  std::uint32_t type, site;
  std::uint64_t bytes;
};

Kind kindOf(AgingHeap& heap, const std::string& name, std::uint32_t line, std::uint64_t bytes) {
  return {heap.type(name), heap.site("src/part.cc", line), bytes};
}

// An owner with one bare array below it.
struct Table {
  Table(AgingHeap& heap, const std::string& ownerName, std::uint32_t line)
      : owner(heap.make(heap.type(ownerName), heap.site("src/main.cc", line), 64)),
        array(heap.make(heap.type("Array of " + ownerName, true), heap.site("src/main.cc", line + 1), 4096)) {
    heap.root(owner);
    heap.link(owner, array);
  }
  Object owner, array;
};

struct Grows : Part {  // appends and never removes; optionally a text each, of a type that others use as well
  Grows(AgingHeap& heap, const std::string& owner, Kind what) : table(heap, owner, 10), kind(what) {}
  void step(AgingHeap& heap, test::Random&) override {
    const Object made = heap.make(kind.type, kind.site, kind.bytes);
    if (text) heap.link(made, heap.make(text->type, text->site, text->bytes));
    heap.link(table.array, made);
  }
  Table table;
  Kind kind;
  std::optional<Kind> text;
};

struct Bounded : Part {  // a table of `places`, the oldest is replaced
  Bounded(AgingHeap& heap, const std::string& owner, Kind what, std::size_t places)
      : table(heap, owner, 20), kind(what), places_(places) {}
  void step(AgingHeap& heap, test::Random&) override {
    const Object made = heap.make(kind.type, kind.site, kind.bytes);
    if (text) heap.link(made, heap.make(text->type, text->site, text->bytes));
    if (heap.slots(table.array) < places_)
      heap.link(table.array, made);
    else
      heap.setSlot(table.array, next_++ % places_, made);
  }
  Table table;
  Kind kind;
  std::optional<Kind> text;

 private:
  std::size_t places_, next_ = 0;
};

struct ListGrows : Part {  // a singly linked list, appended at its tail
  ListGrows(AgingHeap& heap, const std::string& ownerName, Kind what)
      : owner(heap.make(heap.type(ownerName), heap.site("src/main.cc", 30), 64)), kind(what) {
    heap.root(owner);
    heap.link(owner, AgingHeap::kNothing);
  }
  void step(AgingHeap& heap, test::Random&) override {
    const Object made = heap.make(kind.type, kind.site, kind.bytes);
    heap.link(made, AgingHeap::kNothing);
    heap.setSlot(tail_ == AgingHeap::kNothing ? owner : tail_, 0, made);
    tail_ = made;
  }
  Object owner;
  Kind kind;

 private:
  Object tail_ = AgingHeap::kNothing;
};

void fill(AgingHeap& heap, Part& part, test::Random& random, std::size_t steps) {
  for (std::size_t i = 0; i < steps; ++i) part.step(heap, random);
}

// `each`: how many steps of which part between two collections; `fraction` of an interval at the end, as dumps come.
void run(AgingHeap& heap, test::Random& random, std::vector<std::pair<Part*, std::size_t>> each, int collections,
         double fraction = 0.5) {
  for (int i = 0; i <= collections; ++i) {
    for (auto& [part, steps] : each)
      fill(heap, *part, random, i < collections ? steps : static_cast<std::size_t>(static_cast<double>(steps) * fraction));
    if (i < collections) heap.collect();
  }
}

const Finding* find(const Findings& findings, std::string_view id) {
  for (const Finding& f : findings.findings)
    if (f.id == id) return &f;
  return nullptr;
}
std::string aboveNote(const Findings& findings) {
  std::string text;
  for (const Finding& f : findings.findings)
    if (f.severity != Severity::kNote) text += f.id + ": " + f.verdict + "\n";
  return text;
}
bool names(const Snapshot& s, const Finding& f, std::string_view type, std::uint32_t site, std::string_view owner) {
  const auto is = [&](std::string_view role, std::string_view wanted) {
    return std::any_of(f.objects.begin(), f.objects.end(), [&](const EvidenceObject& o) {
      return o.role == role && s.types()[s.type(o.object)].name == wanted;
    });
  };
  return is("accumulating", type) && is("owner", owner) && f.sites.front() == SiteIndex(site) && !f.ownerPath.empty();
}

TEST(Leaks, AGrowingTableIsNamedBesideALargerCacheThatTurnsOver) {
  AgingHeap heap;
  test::Random random(1);
  const Kind text = kindOf(heap, "Text", 3, 80);
  Grows leak(heap, "Desk", kindOf(heap, "BoundedCacheEntry", 1, 96));  // names say nothing
  Bounded cache(heap, "Leaky", kindOf(heap, "LeakedListener", 2, 96), 3000);
  leak.text = cache.text = text;
  run(heap, random, {{&leak, 40}, {&cache, 800}}, 20);
  const auto s = heap.load();
  const Findings findings = computeFindings(*s);
  ASSERT_FALSE(findings.findings.empty());
  const Finding& f = findings.findings.front();
  EXPECT_EQ(f.id, "leak.accumulation");
  EXPECT_GE(f.severity, Severity::kWarning);
  EXPECT_TRUE(names(*s, f, "BoundedCacheEntry", leak.kind.site, "Desk")) << f.verdict;
  // All that it keeps, texts and table included, and nothing else above a note.
  const std::uint64_t members = 20 * 40 + 20;
  EXPECT_EQ(f.numbers[0].value, static_cast<double>(members * (96 + 80) + 4096));
  EXPECT_EQ(f.numbers[2].value, static_cast<double>(members));
  EXPECT_EQ(aboveNote(findings), f.id + ": " + f.verdict + "\n");
}

TEST(Leaks, WhatWasLoadedOnceAndWhatTurnsOverAreNoLeaks) {
  AgingHeap heap;
  test::Random random(2);
  Grows loaded(heap, "Catalog", kindOf(heap, "Row", 1, 128));
  fill(heap, loaded, random, 5000);
  Bounded queue(heap, "Queue", kindOf(heap, "Job", 2, 64), 1000);
  run(heap, random, {{&queue, 700}}, 15);
  const Findings findings = computeFindings(*heap.load());
  EXPECT_EQ(aboveNote(findings), "");
  EXPECT_FALSE(find(findings, "leak.may-accumulate"));
}

TEST(Leaks, AListIsOneGroupHoweverDeep) {
  AgingHeap heap;
  test::Random random(3);
  ListGrows list(heap, "Trail", kindOf(heap, "Entry", 1, 64));
  Bounded cache(heap, "Cache", kindOf(heap, "Page", 2, 512), 2000);
  run(heap, random, {{&list, 2000}, {&cache, 1500}}, 15);
  const auto s = heap.load();
  const Findings findings = computeFindings(*s);
  ASSERT_FALSE(findings.findings.empty());
  const Finding& f = findings.findings.front();
  EXPECT_EQ(f.id, "leak.accumulation");
  EXPECT_TRUE(names(*s, f, "Entry", list.kind.site, "Trail")) << f.verdict;
  EXPECT_EQ(f.numbers[2].value, 15 * 2000 + 1000);
}

TEST(Leaks, ListenersSpreadOverTopicsAreOneFindingWithTheirCommonOwner) {
  AgingHeap heap;
  test::Random random(4);
  Table topics(heap, "Hub", 40);
  const auto topicType = heap.type("Topic");
  const auto arrayType = heap.type("Array of Listener", true);
  const auto topicSite = heap.site("src/hub.cc", 1);
  std::vector<Object> arrays;
  for (int i = 0; i < 16; ++i) {
    const Object topic = heap.make(topicType, topicSite, 32);
    arrays.push_back(heap.make(arrayType, topicSite, 256));
    heap.link(topic, arrays.back());
    heap.link(topics.array, topic);
  }
  const Kind kind = kindOf(heap, "Listener", 1, 64);
  Bounded cache(heap, "Cache", kindOf(heap, "Page", 2, 256), 1000);
  for (int i = 0; i < 12; ++i) {
    for (int n = 0; n < 200; ++n) heap.link(arrays[random.below(16)], heap.make(kind.type, kind.site, kind.bytes));
    fill(heap, cache, random, 800);
    if (i < 11) heap.collect();
  }
  const auto s = heap.load();
  const Findings findings = computeFindings(*s);
  ASSERT_FALSE(findings.findings.empty());
  const Finding& f = findings.findings.front();
  EXPECT_EQ(f.id, "leak.accumulation");
  EXPECT_TRUE(names(*s, f, "Listener", kind.site, "Hub")) << f.verdict;
  EXPECT_EQ(f.numbers[2].value, 12 * 200);
  EXPECT_EQ(aboveNote(findings), f.id + ": " + f.verdict + "\n");
}

TEST(Leaks, KeysAreToldWithTheirValues) {
  AgingHeap heap;
  test::Random random(5);
  Table table(heap, "Desk", 50);
  const Kind value = kindOf(heap, "Value", 1, 128), key = kindOf(heap, "Key", 2, 48);
  Bounded cache(heap, "Cache", kindOf(heap, "Page", 3, 256), 1000);
  for (int i = 0; i < 12; ++i) {
    for (int n = 0; n < 100; ++n) {
      heap.link(table.array, heap.make(key.type, key.site, key.bytes));
      heap.link(table.array, heap.make(value.type, value.site, value.bytes));
    }
    fill(heap, cache, random, 800);
    if (i < 11) heap.collect();
  }
  const auto s = heap.load();
  const Findings findings = computeFindings(*s);
  const Finding* f = find(findings, "leak.accumulation");
  ASSERT_TRUE(f);
  EXPECT_TRUE(names(*s, *f, "Value", value.site, "Desk"));
  EXPECT_EQ(f->sites, (std::vector<SiteIndex>{SiteIndex(value.site), SiteIndex(key.site)}));
  EXPECT_EQ(f->numbers[0].value, 1200 * (128 + 48) + 4096);
  EXPECT_EQ(std::count_if(findings.findings.begin(), findings.findings.end(),
                          [](const Finding& other) { return other.id == "leak.accumulation"; }),
            1);
}

TEST(Leaks, GrowthFromWhichSomeGoIsANote) {
  AgingHeap heap;
  test::Random random(6);
  Table table(heap, "Store", 60);
  const Kind session = kindOf(heap, "Session", 1, 256);
  for (int i = 0; i < 12; ++i) {
    for (int n = 0; n < 300; ++n) {
      heap.link(table.array, heap.make(session.type, session.site, session.bytes));
      if (n % 10 == 0) heap.setSlot(table.array, random.below(heap.slots(table.array)), AgingHeap::kNothing);
    }
    if (i < 11) heap.collect();
  }
  const Findings findings = computeFindings(*heap.load());
  EXPECT_EQ(aboveNote(findings), "");
  const Finding* f = find(findings, "leak.may-accumulate");
  ASSERT_TRUE(f);
  EXPECT_NE(f->because.find("some are let go"), std::string::npos) << f->because;
}

TEST(Leaks, ACacheWithAnOrderOfUseThatIsNotFullYetIsANote) {
  AgingHeap heap;
  test::Random random(7);
  Table table(heap, "Lru", 70);
  heap.link(table.owner, AgingHeap::kNothing);  // newest
  const Kind entry = kindOf(heap, "Entry", 1, 128);
  Object newest = AgingHeap::kNothing;
  for (int i = 0; i < 12; ++i) {
    for (int n = 0; n < 200; ++n) {
      const Object made = heap.make(entry.type, entry.site, entry.bytes);
      heap.link(made, newest);
      heap.setSlot(table.owner, 1, made);
      heap.link(table.array, made);
      newest = made;
    }
    if (i < 11) heap.collect();
  }
  const auto s = heap.load();
  EXPECT_EQ(aboveNote(computeFindings(*s)), "");
  const LeaksReport report = computeLeaks(*s, {}, 10);
  ASSERT_FALSE(report.candidates.empty());
  EXPECT_EQ(report.candidates.front().verdict, LeakVerdict::kSuspected);
  EXPECT_TRUE(report.candidates.front().evidence.ordered);
}

// The same program with every promise: none, kept and broken, in bytes and in objects.
TEST(Leaks, APromiseThatIsKeptIsNoLeakAndABrokenOneIsNamed) {
  constexpr std::uint64_t kEntries = 2400, kEntryBytes = 128;
  struct Case {
    std::uint64_t word;
    bool leak, broken;
  };
  for (const Case& c : {Case{0, true, false}, Case{kEntries | kBoundIsObjects, false, false}, Case{5000 | kBoundIsObjects, false, false},
                        Case{1200 | kBoundIsObjects, true, true}, Case{kEntries * kEntryBytes * 2, false, false},
                        Case{kEntries * kEntryBytes / 3, true, true}}) {
    SCOPED_TRACE(c.word);
    AgingHeap heap;
    test::Random random(11);
    const Kind entry = kindOf(heap, "Entry", 1, kEntryBytes);
    Grows cache(heap, "Cache", entry);
    cache.text = kindOf(heap, "Text", 2, 64);   // twice as many objects below it as entries
    heap.declareBound(cache.table.owner, c.word);
    for (std::uint64_t i = 0; i < 12; ++i) {
      for (std::uint64_t n = 0; n < kEntries / 12; ++n) cache.step(heap, random);
      if (i < 11) heap.collect();
    }
    const auto s = heap.load();
    const Findings findings = computeFindings(*s);
    const Finding* leak = find(findings, "leak.accumulation");
    EXPECT_EQ(leak != nullptr, c.leak);
    const Finding* past = find(findings, "owner.past-bound");
    ASSERT_EQ(past != nullptr, c.broken);
    if (past != nullptr) {
      EXPECT_EQ(past->severity, Severity::kWarning);
      EXPECT_NE(past->verdict.find("Cache"), std::string::npos) << past->verdict;
      EXPECT_NE(leak->because.find("promised less"), std::string::npos) << leak->because;
    }
    const LeaksReport report = computeLeaks(*s, {}, 10);
    ASSERT_FALSE(report.candidates.empty());
    EXPECT_EQ(std::any_of(report.candidates.begin(), report.candidates.end(),
                          [](const LeakCandidate& candidate) { return candidate.verdict == LeakVerdict::kBounded; }),
              !c.leak);
  }
}

TEST(Leaks, FixedPlacesAreABound) {
  AgingHeap heap;
  test::Random random(8);
  Table table(heap, "Slots", 80);
  const Kind entry = kindOf(heap, "Entry", 1, 128);
  for (int i = 0; i < 5000; ++i) heap.link(table.array, AgingHeap::kNothing);
  for (int i = 0, used = 0; i < 12; ++i) {
    for (int n = 0; n < 200; ++n, ++used)
      heap.setSlot(table.array, static_cast<std::size_t>(used * 3571 % 5000), heap.make(entry.type, entry.site, entry.bytes));
    if (i < 11) heap.collect();
  }
  const auto s = heap.load();
  EXPECT_EQ(aboveNote(computeFindings(*s)), "");
  const LeaksReport report = computeLeaks(*s, {}, 10);
  ASSERT_FALSE(report.candidates.empty());
  EXPECT_EQ(report.candidates.front().evidence.boundSlots, 5000u);
}

// The same places, but those that meet in one are chained: a hash table, with room for any number.
TEST(Leaks, PlacesThatChainTheirMembersAreNoBound) {
  AgingHeap heap;
  test::Random random(18);
  Table table(heap, "Hub", 80);
  const Kind entry = kindOf(heap, "Entry", 1, 128);
  std::vector<Object> first(5000, AgingHeap::kNothing);
  for (int i = 0; i < 5000; ++i) heap.link(table.array, AgingHeap::kNothing);
  Bounded cache(heap, "Cache", kindOf(heap, "Page", 2, 512), 2000);
  for (int i = 0; i < 12; ++i) {
    for (int n = 0; n < 100; ++n) {
      const std::size_t place = random.below(5000);
      const Object made = heap.make(entry.type, entry.site, entry.bytes);
      heap.link(made, first[place]);
      heap.setSlot(table.array, place, first[place] = made);
    }
    fill(heap, cache, random, 1500);
    if (i < 11) heap.collect();
  }
  const auto s = heap.load();
  const Findings findings = computeFindings(*s);
  ASSERT_FALSE(findings.findings.empty());
  EXPECT_EQ(findings.findings.front().id, "leak.accumulation") << findings.findings.front().because;
  EXPECT_GE(findings.findings.front().severity, Severity::kWarning);
  EXPECT_TRUE(names(*s, findings.findings.front(), "Entry", entry.site, "Hub"));
}

// A map in parts, each with a table that moves to a larger one: both tables and values come from every interval.
TEST(Leaks, GrowingMapsInPartsAreNamedByTheirValuesHoweverFewEachPartHas) {
  for (const std::size_t parts : {8u, 24u, 60u}) {
    SCOPED_TRACE(parts);
    AgingHeap heap;
    test::Random random(19);
    Table hub(heap, "Hub", 40);
    const auto partType = heap.type("Part"), tableType = heap.type("Array of Value", true);
    const auto site = heap.site("src/hub.cc", 1), tableSite = heap.site("src/hub.cc", 2);
    struct Map {
      Object part, table;
      std::vector<Object> values;
      std::size_t room;
      std::uint64_t tableBytes = 80;
    };
    std::vector<Map> maps;
    for (std::size_t i = 0; i < parts; ++i) {
      maps.push_back({heap.make(partType, site, 32), heap.make(tableType, tableSite, 80), {}, 8 + 3 * (i % 8)});
      heap.link(maps.back().part, maps.back().table);
      heap.link(hub.array, maps.back().part);
    }
    const Kind value = kindOf(heap, "Value", 3, 96);
    Bounded cache(heap, "Cache", kindOf(heap, "Page", 2, 256), 2000);
    fill(heap, cache, random, 2000);
    for (int i = 0; i < 16; ++i) {
      for (int n = 0; n < 90; ++n) {
        Map& map = maps[random.below(parts)];
        map.values.push_back(heap.make(value.type, value.site, value.bytes));
        if (map.values.size() > map.room) {
          map.room = map.room * 3 / 2;
          map.table = heap.make(tableType, tableSite, map.tableBytes = 16 + 16 * map.room);
          heap.setSlot(map.part, 0, map.table);
          for (const Object each : map.values) heap.link(map.table, each);
        } else {
          heap.link(map.table, map.values.back());
        }
      }
      fill(heap, cache, random, 1500);
      if (i < 15) heap.collect();
    }
    const auto s = heap.load();
    const Findings findings = computeFindings(*s);
    ASSERT_FALSE(findings.findings.empty());
    const Finding& f = findings.findings.front();
    EXPECT_EQ(f.id, "leak.accumulation") << f.verdict;
    EXPECT_GE(f.severity, Severity::kWarning);
    EXPECT_TRUE(names(*s, f, "Value", value.site, "Hub")) << f.verdict;
    EXPECT_EQ(aboveNote(findings), f.id + ": " + f.verdict + "\n");
    std::uint64_t tables = 0;  // told with what they hold; cells are multiples of 16
    for (const Map& map : maps) tables += map.tableBytes;
    EXPECT_EQ(f.numbers[0].value, static_cast<double>(16 * 90 * 96 + tables));
  }
}

TEST(Leaks, ArraysBetweenTheOwnerAndTheMembersDoNotHideEither) {
  AgingHeap heap;
  test::Random random(20);
  Table queue(heap, "Log", 40);
  const auto chunkType = heap.type("Array of Line", true);
  const auto chunkSite = heap.site("src/log.cc", 1);
  const Kind line = kindOf(heap, "Line", 3, 96);
  Bounded cache(heap, "Cache", kindOf(heap, "Page", 2, 256), 2000);
  Object chunk = 0;
  for (int i = 0, made = 0; i < 12; ++i) {
    for (int n = 0; n < 200; ++n, ++made) {
      if (made % 80 == 0) heap.link(queue.array, chunk = heap.make(chunkType, chunkSite, 656));
      heap.link(chunk, heap.make(line.type, line.site, line.bytes));
    }
    fill(heap, cache, random, 1500);
    if (i < 11) heap.collect();
  }
  const auto s = heap.load();
  const Findings findings = computeFindings(*s);
  ASSERT_FALSE(findings.findings.empty());
  const Finding& f = findings.findings.front();
  EXPECT_EQ(f.id, "leak.accumulation");
  EXPECT_TRUE(names(*s, f, "Line", line.site, "Log")) << f.verdict;
  EXPECT_EQ(f.numbers[0].value, 2400 * 96 + 30 * 656);
}

// Arrays that are the things kept: each is made with what it holds.
TEST(Leaks, ArraysThatPileUpWithAFewObjectsEachAreNamedThemselves) {
  AgingHeap heap;
  test::Random random(21);
  Table table(heap, "Desk", 40);
  const Kind batch{heap.type("Array of Item", true), heap.site("src/desk.cc", 1), 96}, item = kindOf(heap, "Item", 3, 48);
  Bounded cache(heap, "Cache", kindOf(heap, "Page", 2, 256), 2000);
  for (int i = 0; i < 12; ++i) {
    for (int n = 0; n < 60; ++n) {
      const Object made = heap.make(batch.type, batch.site, batch.bytes);
      for (int j = 0; j < 8; ++j) heap.link(made, heap.make(item.type, item.site, item.bytes));
      heap.link(table.array, made);
    }
    fill(heap, cache, random, 1500);
    if (i < 11) heap.collect();
  }
  const auto s = heap.load();
  const Findings findings = computeFindings(*s);
  ASSERT_FALSE(findings.findings.empty());
  EXPECT_TRUE(names(*s, findings.findings.front(), "Array of Item", batch.site, "Desk")) << findings.findings.front().verdict;
}

TEST(Leaks, ASmallOneIsSeenBesideGrowthWithManyParts) {
  AgingHeap heap;
  test::Random random(22);
  Grows records(heap, "Archive", kindOf(heap, "Record", 1, 64)), small(heap, "Desk", kindOf(heap, "Note", 2, 64));
  std::vector<Kind> parts;
  for (std::uint32_t i = 0; i < 30; ++i) parts.push_back(kindOf(heap, "Part" + std::to_string(i), 100 + i, 64));
  for (int i = 0; i < 12; ++i) {
    for (int n = 0; n < 60; ++n) {
      const Object record = heap.make(records.kind.type, records.kind.site, records.kind.bytes);
      heap.link(records.table.array, record);
      for (const Kind& part : parts) heap.link(record, heap.make(part.type, part.site, part.bytes));
      if (n % 2 == 0) small.step(heap, random);
    }
    if (i < 11) heap.collect();
  }
  const auto s = heap.load();
  const Findings findings = computeFindings(*s);
  EXPECT_TRUE(std::any_of(findings.findings.begin(), findings.findings.end(), [&](const Finding& f) {
    return f.id == "leak.accumulation" && names(*s, f, "Note", small.kind.site, "Desk");
  })) << aboveNote(findings);
}

TEST(Leaks, WhatTheRootsPartIsOwnedByWhomMostShortestPathsLeadOver) {
  AgingHeap heap;
  test::Random random(23);
  Table hub(heap, "Hub", 40), other(heap, "Registry", 45);
  const Object between = heap.make(heap.type("Between"), heap.site("src/hub.cc", 9), 32);
  const Object behind = heap.make(heap.type("Array of Between", true), heap.site("src/hub.cc", 9), 256);
  heap.link(other.array, between);
  heap.link(between, behind);
  std::vector<Object> arrays;
  for (int i = 0; i < 16; ++i) {
    const Object topic = heap.make(heap.type("Topic"), heap.site("src/hub.cc", 1), 32);
    arrays.push_back(heap.make(heap.type("Array of Listener", true), heap.site("src/hub.cc", 2), 256));
    heap.link(topic, arrays.back());
    heap.link(hub.array, topic);
    heap.link(behind, topic);  // a second owner, farther away
  }
  const Kind kind = kindOf(heap, "Listener", 1, 64);
  Bounded cache(heap, "Cache", kindOf(heap, "Page", 2, 256), 1000);
  for (int i = 0; i < 12; ++i) {
    for (int n = 0; n < 200; ++n) heap.link(arrays[random.below(16)], heap.make(kind.type, kind.site, kind.bytes));
    fill(heap, cache, random, 800);
    if (i < 11) heap.collect();
  }
  const auto s = heap.load();
  const Findings findings = computeFindings(*s);
  ASSERT_FALSE(findings.findings.empty());
  EXPECT_TRUE(names(*s, findings.findings.front(), "Listener", kind.site, "Hub")) << findings.findings.front().verdict;
}

TEST(Leaks, SampledFreesSpeakAgainstALeakThatOneIntervalDoesNotDisprove) {
  for (const bool freed : {false, true}) {
    AgingHeap heap;
    test::Random random(9);
    Grows growing(heap, "Desk", kindOf(heap, "Entry", 1, 128));
    heap.sampleFreed(freed ? growing.kind.site : heap.site("src/other.cc", 1), 1 << 20);
    run(heap, random, {{&growing, 400}}, 12);
    EXPECT_EQ(aboveNote(computeFindings(*heap.load())).empty(), freed);
  }
}

TEST(Leaks, BeforeTwoCollectionsNothingIsSaid) {
  AgingHeap heap;
  test::Random random(10);
  Grows growing(heap, "Desk", kindOf(heap, "Entry", 1, 128));
  run(heap, random, {{&growing, 5000}}, 1);
  const auto s = heap.load();
  EXPECT_EQ(aboveNote(computeFindings(*s)), "");
  EXPECT_EQ(computeLeaks(*s, {}, 10).candidates.front().verdict, LeakVerdict::kUnknown);
}

// Parts, shapes, sizes and names by chance; a leak of 5 to 40 % of the live bytes, or none.
TEST(Leaks, InRandomProgramsThePlantedOneIsFirstAndHealthyOnesAreSilent) {
  const std::uint64_t seed = test::seedFromEnvironment();
  SCOPED_TRACE(seed);
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  test::Random random(seed);
  for (int round = 0; round < 40; ++round) {
    SCOPED_TRACE(round);
    AgingHeap heap;
    const auto name = [&] { return "T" + std::to_string(random.next() % 1'000'000); };
    const Kind text = kindOf(heap, "Text", 1, 16 * (2 + random.below(8)));
    std::vector<std::unique_ptr<Part>> parts;
    std::vector<std::pair<Part*, std::size_t>> each;
    std::uint64_t healthy = 0;
    std::uint32_t line = 100;
    for (std::uint64_t i = 0; i < 2 + random.below(3); ++i) {
      const std::size_t places = 400 + random.below(3000);
      auto part = std::make_unique<Bounded>(heap, name(), kindOf(heap, name(), ++line, 16 * (2 + random.below(20))), places);
      if (random.oneIn(2)) part->text = text;
      healthy += places * (part->kind.bytes + (part->text ? text.bytes : 0));
      fill(heap, *part, random, places);  // full from the start
      each.emplace_back(part.get(), 60 + random.below(places));
      parts.push_back(std::move(part));
    }
    auto loaded = std::make_unique<Grows>(heap, name(), kindOf(heap, name(), ++line, 16 * (2 + random.below(8))));
    fill(heap, *loaded, random, 500 + random.below(4000));
    parts.push_back(std::move(loaded));
    const int collections = 6 + static_cast<int>(random.below(30));
    const bool planted = !random.oneIn(4);
    const Kind unit = kindOf(heap, name(), ++line, 16 * (2 + random.below(12)));
    const std::string owner = name();
    if (planted) {
      const double share = 0.05 + static_cast<double>(random.below(36)) / 100;
      const std::uint64_t text2 = random.oneIn(2) ? text.bytes : 0;
      const auto wanted = static_cast<std::size_t>(static_cast<double>(healthy) * share / (1 - share)) /
                          static_cast<std::size_t>(unit.bytes + text2);
      const std::size_t steps = std::max<std::size_t>(wanted / static_cast<std::size_t>(collections), 45);
      if (random.oneIn(2) && text2 == 0) {
        parts.push_back(std::make_unique<ListGrows>(heap, owner, unit));
      } else {
        auto part = std::make_unique<Grows>(heap, owner, unit);
        if (text2 != 0) part->text = text;
        parts.push_back(std::move(part));
      }
      each.emplace_back(parts.back().get(), steps);
    }
    run(heap, random, each, collections, 0.5 + static_cast<double>(random.below(50)) / 100);
    const auto s = heap.load();
    const Findings findings = computeFindings(*s);
    if (!planted) {
      EXPECT_EQ(aboveNote(findings), "");
      continue;
    }
    ASSERT_FALSE(findings.findings.empty());
    EXPECT_TRUE(names(*s, findings.findings.front(), s->types()[TypeIndex(unit.type)].name, unit.site, owner))
        << findings.findings.front().verdict;
    EXPECT_GE(findings.findings.front().severity, Severity::kWarning);
  }
}

// Children of one dominator by type and site, and what is below them, counted the slow way.
TEST(Groups, AreTheDominatedOfOneHolderByTypeAndSite) {
  const std::uint64_t seed = test::seedFromEnvironment();
  SCOPED_TRACE(seed);
  for (std::uint64_t round = 0; round < 30; ++round) {
    auto loaded = loadSnapshot(test::encodeDump(test::randomModel(seed + round, 400), {.metadata = false}), "random.bin",
                               {.threads = 1, .dominators = true});
    ASSERT_TRUE(loaded);
    const Snapshot& s = **loaded;
    const GroupTable table = computeGroups(s, {.leastShare = 0, .fewestMembers = 1});
    std::uint64_t live = 0;
    for (const std::uint32_t top : s.dominatedBy(std::nullopt)) live += s.retained(ObjectIndex(top)).value;
    EXPECT_EQ(table.live.value, live);
    for (const ObjectGroup& group : table.groups) {
      const auto alike = [&](ObjectIndex o) { return s.type(o) == group.type && s.site(o) == group.site; };
      // The outermost member above an object, itself included.
      const auto outermostOf = [&](ObjectIndex object) {
        std::optional<ObjectIndex> outermost;
        for (std::optional<ObjectIndex> at = object; at; at = s.dominator(*at))
          if (alike(*at)) outermost = at;
        return outermost;
      };
      std::uint64_t members = 0, outermost = 0, retained = 0;
      for (std::uint32_t i = 0; i < s.objectCount(); ++i) {
        const ObjectIndex object(i);
        if (!alike(object) || !s.reachable(object)) continue;
        const ObjectIndex top = *outermostOf(object);
        if (!group.spread && s.dominator(top) != group.holder) continue;
        ++members;
        outermost += top == object;
        retained += top == object ? s.retained(object).value : 0;
      }
      EXPECT_EQ(group.members, members);
      EXPECT_EQ(group.outermost, outermost);
      EXPECT_EQ(group.retained.value, retained);
      EXPECT_EQ(std::accumulate(group.byAge.begin(), group.byAge.end(), std::uint64_t{0}), members);
    }
    // The deepest object that dominates most of a spread group, and what members keep by class, the slow way.
    std::vector<std::size_t> all(table.groups.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    const auto kept = computeKeptByClass(s, table, all);
    ASSERT_EQ(kept.size(), all.size());
    for (const std::size_t g : all) {
      const ObjectGroup& group = table.groups[g];
      const auto alike = [&](ObjectIndex o) { return s.type(o) == group.type && s.site(o) == group.site; };
      std::vector<std::uint64_t> keptHere(table.classes.size()), below(s.objectCount());
      for (std::uint32_t i = 0; i < s.objectCount(); ++i) {
        if (!s.reachable(ObjectIndex(i))) continue;
        std::optional<ObjectIndex> outermost;
        for (std::optional<ObjectIndex> at = ObjectIndex(i); at; at = s.dominator(*at)) {
          if (alike(*at)) outermost = at;
          if (alike(ObjectIndex(i))) ++below[at->value];
        }
        if (!outermost || (!group.spread && s.dominator(*outermost) != group.holder)) continue;
        for (std::size_t c = 0; c < table.classes.size(); ++c)
          if (table.classes[c].type == s.type(ObjectIndex(i)) && table.classes[c].site == s.site(ObjectIndex(i)))
            keptHere[c] += s.size(ObjectIndex(i)).value;
      }
      EXPECT_EQ(kept[g], keptHere);
      const auto enough = static_cast<std::uint64_t>(kMostOf * static_cast<double>(group.members));
      if (!group.spread || 2 * enough <= group.members) continue;  // so few that two objects can have most of them
      std::optional<ObjectIndex> owner;  // of a chain of candidates the deepest retains least
      for (std::uint32_t i = 0; i < s.objectCount(); ++i) {
        const ObjectIndex object(i);
        if (s.reachable(object) && !alike(object) && below[i] >= enough &&
            (!owner || s.retained(object) < s.retained(*owner)))
          owner = object;
      }
      EXPECT_EQ(group.holder, owner);
    }
  }
}

TEST(PinnedHoles, SmallObjectsBetweenHolesAreNamedAndRandomHolesAreNot) {
  for (const bool planted : {true, false}) {
    AgingHeap heap;
    test::Random random(11);
    Table pins(heap, "History", 90);
    const Kind pin = kindOf(heap, "Token", 1, 32), gone = kindOf(heap, "Scratch", 2, 208), page = kindOf(heap, "Page", 3, 208);
    Table pages(heap, "Pages", 95);
    for (int i = 0; i < 20'000; ++i) {
      heap.make(gone.type, gone.site, gone.bytes);
      if (planted) heap.link(pins.array, heap.make(pin.type, pin.site, pin.bytes));
    }
    for (int i = 0; i < 40'000; ++i) {  // every third of these goes: as many holes, behind one in three
      const Object made = heap.make(page.type, page.site, page.bytes);
      if (!random.oneIn(3)) heap.link(pages.array, made);
    }
    for (int i = 0; i < 9; ++i) heap.collect();
    const auto s = heap.load(true);
    const Findings findings = computeFindings(*s);
    const Finding* f = find(findings, "fragmentation.pinned-holes");
    ASSERT_EQ(f != nullptr, planted);
    if (!planted) continue;
    EXPECT_EQ(&findings.findings.front(), f);
    EXPECT_EQ(s->types()[s->type(f->objects.front().object)].name, "Token");
    EXPECT_EQ(f->objects.front().role, "pin");
    EXPECT_EQ(s->types()[s->type(f->objects[1].object)].name, "History");
    EXPECT_EQ(f->sites, (std::vector<SiteIndex>{SiteIndex(pin.site)}));
    // A hole of 208 bytes behind each pin but the last of a block.
    EXPECT_NEAR(f->numbers[0].value, 20'000 * 208, 20'000 * 208 * 0.02);
  }
}

TEST(UncollectedGarbage, IsMeasuredAgainstThePacing) {
  for (const bool allowed : {true, false}) {
    AgingHeap heap;
    test::Random random(12);
    Grows loaded(heap, "Catalog", kindOf(heap, "Row", 1, 128));
    fill(heap, loaded, random, 1000);
    heap.collect();
    const Kind gone = kindOf(heap, "Scratch", 2, 1024);
    for (int i = 0; i < 8192; ++i) heap.make(gone.type, gone.site, gone.bytes);
    heap.setting("gc.growth", "100%");
    heap.setting("gc.minimum-allocation", allowed ? "32MiB" : "1MiB");
    EXPECT_EQ(find(computeFindings(*heap.load()), "garbage.uncollected") == nullptr, allowed);
  }
}

}  // namespace
}  // namespace openclaw
