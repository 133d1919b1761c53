// What else a dump of a heap says, each against what the program knows: counters, settings, threads, roots, requests,
// sites and stacks, external bytes, paths and errors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "capture/control/client.h"
#include "runtime/lock.h"
#include "tests/runtime/e2e/dump_helpers.h"

namespace openclaw::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Cell {
  Member<Cell> next;
  std::uint64_t number = 0;
  OPENCLAW_TYPE(Cell, next)
};
struct Image {
  ExternalBytes bytes;
  Member<Cell> owner;
  OPENCLAW_TYPE(Image, bytes, owner)
};
struct Cache {
  DeclaredBound bound;
  Member<Cell> first;
  OPENCLAW_TYPE(Cache, bound, first)
};
struct Directory {
  HashMap<Member<String>, Member<Cell>> byName;
  HashMap<std::uint64_t, Member<Cell>> byNumber;
  Vector<Member<Cell>> cells;
  OPENCLAW_TYPE(Directory, byName, byNumber, cells)
};

// An empty folder of its own, gone with the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = ::testing::TempDir() + "openclaw-dump-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) ADD_FAILURE() << pattern;
    path_ = pattern;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
  }

 private:
  std::string path_;
};

std::vector<const DumpView::Object*> objectsOf(const DumpView& dump, const std::string& type) {
  std::vector<const DumpView::Object*> found;
  for (const DumpView::Object& object : dump.objects)
    if (dump.typeName(object).ends_with(type)) found.push_back(&object);
  return found;
}

TEST(HeapDump, AnEmptyHeapIsAWholeDump) {
  auto heap = makeHeap();
  for (const char* method : {"clone", "stop-the-world"}) {
    TakenDump dump = takeDump(*heap, method);
    expectDumpAddsUp(dump.view);
    EXPECT_TRUE(dump.view.objects.empty());
    EXPECT_TRUE(dump.view.roots.empty());
    EXPECT_TRUE(dump.view.threads.empty());
    EXPECT_EQ(dump.view.process.source, "openclaw-runtime");
    EXPECT_EQ(dump.view.process.requested, "test");
    EXPECT_EQ(dump.view.process.pid, static_cast<std::uint32_t>(::getpid()));
    EXPECT_EQ(dump.view.process.granule, 16u);
    EXPECT_THAT(dump.view.process.executable, HasSubstr("test"));
    EXPECT_GT(dump.view.modules, 1u);
    EXPECT_GT(dump.view.modulesWithBuildId, 0u);
    EXPECT_EQ(dump.view.counter("reserved_bytes"), 64ull << 30);
  }
}

TEST(HeapDump, HugeObjectsAreRegionsOfTheirOwn) {
  auto heap = makeHeap();
  ThreadScope thread(*heap, "main");
  std::vector<Root<Array<std::uint64_t>>> huge;
  for (std::size_t mebibytes : {3u, 4u, 9u})
    huge.emplace_back(*heap, Array<std::uint64_t>::make(*heap, mebibytes << 17));
  TakenDump dump = takeDump(*heap, "clone", true);
  expectDumpAddsUp(dump.view);
  ASSERT_EQ(dump.view.objects.size(), 3u);
  std::uint64_t regions = 0;
  for (const RegionRecord& region : dump.view.regions) {
    if (region.kind != RegionKind::kHugeObject) continue;
    ++regions;
    EXPECT_EQ(region.objectCount, 1u);
    EXPECT_EQ(region.objectBytes + region.slackBytes, region.bytes);
    EXPECT_GE(region.objectBytes, 3u << 20);
  }
  EXPECT_EQ(regions, 3u);
  for (const auto& root : huge) EXPECT_NE(dump.view.at(reinterpret_cast<std::uint64_t>(root.get())), nullptr);
}

// All counters that do not count stops must be the same number in three places.
TEST(HeapDump, CountersAreWhatMemoryShowPrintsAndWhatTheTablesAddUpTo) {
  TemporaryFolder folder;
  HeapOptions options;
  options.controlDirectory = folder.path();
  auto heap = makeHeap({{SettingId::gcMinimum, 1u << 20}, {SettingId::backgroundSweep, 0}}, std::move(options));
  ASSERT_FALSE(heap->controlSocket().empty()) << heap->controlProblem();
  ThreadScope thread(*heap, "main");
  Root<Directory> directory(*heap, make<Directory>(*heap));
  for (std::uint64_t i = 0; i < 40000; ++i) {
    Cell* cell = make<Cell>(*heap);
    if (i % 3 == 0) directory->cells.push_back(*heap, cell);
    if (i % 100 == 0) directory->byName.insert(*heap, "name " + std::to_string(i), cell);
    if (i % 1000 == 0) Array<std::uint64_t>::make(*heap, i);
  }
  for (int round = 0; round < 2; ++round) {
    BlockingScope blocked(*heap);
    auto client = ControlClient::connect(heap->controlSocket());
    ASSERT_TRUE(client) << toText(client.error());
    auto reply = client->call(control::MemoryShowRequest{});
    ASSERT_TRUE(reply) << toText(reply.error());
    const auto& shown = std::get<control::MemoryReply>(*reply);
    TakenDump dump = takeDump(*heap, round == 0 ? "clone" : "stop-the-world");
    expectDumpAddsUp(dump.view);
    for (const CounterInfo& info : allCounters()) {
      const std::string name(info.name);
      // A clone withholds spare chunks beforehand; stops count themselves.
      if (name.starts_with("pause") || name.starts_with("dumps")) continue;
      if (name.starts_with("resident") || name.starts_with("malloc")) continue;   // of the moment before each stop
      if (round == 0 && (name == "committed_bytes" || name == "empty_block_bytes" || name == "metadata_bytes" ||
                         name == "fragmentation_ppm" || name == "locked_ppm" || name == "overflow_bytes"))
        continue;
      EXPECT_EQ(shown.counters.*info.member, dump.view.counter(name)) << name;
    }
    ASSERT_EQ(shown.arenas.size(), 1u);
    EXPECT_EQ(shown.arenas[0].ownedName, "main");
    EXPECT_EQ(shown.arenas[0].objectBytes, dump.view.arenas.at(0).objectBytes);
    EXPECT_EQ(dump.view.arenaNames.at(0), "main");
  }
}

TEST(HeapDump, PartsOfTheResidentSetSumToIt) {
  auto heap = makeHeap();
  ThreadScope thread(*heap, "main");
  std::vector<Root<Array<std::uint64_t>>> kept;
  for (int i = 0; i < 64; ++i) {
    kept.emplace_back(*heap, Array<std::uint64_t>::make(*heap, 128 << 10));   // 1 MiB each
    for (std::size_t at = 0; at < 128 << 10; at += 512) (*kept.back())[at] = at;
  }
  BlockingScope blocked(*heap);
  for (const char* method : {"clone", "stop-the-world"}) {
    TakenDump dump = takeDump(*heap, method);
    const auto of = [&](const char* name) { return dump.view.counter(name); };
    const std::uint64_t parts = of("resident_heap_bytes") + of("resident_table_bytes") + of("resident_stack_bytes") +
                                of("resident_file_bytes") + of("resident_other_bytes");
    // Two reads of a running process: they may differ by what malloc took in between, far below 2 % or 4 MiB.
    EXPECT_NEAR(static_cast<double>(of("resident_bytes")), static_cast<double>(parts),
                std::max(0.02 * static_cast<double>(parts), 4e6)) << method;
    EXPECT_GE(of("resident_heap_bytes"), 64u << 20) << method;
    EXPECT_GT(of("resident_stack_bytes"), 0u) << method;
    EXPECT_GT(of("resident_file_bytes"), 0u) << method;
  }
}

TEST(HeapDump, LabelsNameFieldsAndElements) {
  auto heap = makeHeap();
  ThreadScope thread(*heap, "main");
  Root<Directory> directory(*heap, make<Directory>(*heap));
  Cell* cell = make<Cell>(*heap);
  directory->byName.insert(*heap, "ada", cell);
  directory->byNumber.insert(*heap, 7, cell);
  directory->cells.push_back(*heap, cell);
  TakenDump dump = takeDump(*heap);
  const auto address = [](const void* pointer) { return reinterpret_cast<std::uint64_t>(pointer); };
  const auto top = dump.view.edges(*dump.view.at(address(directory.get())));
  ASSERT_EQ(top.size(), 3u);
  EXPECT_EQ(top[0].label, "byName.entries_");
  EXPECT_EQ(top[1].label, "byNumber.entries_");
  EXPECT_EQ(top[2].label, "cells.items_");
  // Text keys: a slot for the key and one for the value. Number keys: the value alone.
  std::vector<std::string> used;
  for (const auto& table : {top[0], top[1], top[2]})
    for (const auto& edge : dump.view.edges(*dump.view.at(table.target)))
      if (edge.target != DumpView::kNull) used.push_back(edge.label.substr(edge.label.find(']') + 1));
  EXPECT_THAT(used, ElementsAre(".key", ".value", ".value", ""));
  EXPECT_EQ(dump.view.edges(*dump.view.at(top[2].target))[0].label, "[0]");
  const auto strings = objectsOf(dump.view, "openclaw::String");
  ASSERT_EQ(strings.size(), 1u);
  EXPECT_TRUE(dump.view.types[strings[0]->type].isText);
  EXPECT_TRUE(dump.view.types[strings[0]->type].pointerFree);
}

[[gnu::noinline]] Cell* holdOnStack(Heap& heap) {
  Cell* volatile cell = make<Cell>(heap);
  return cell;
}

TEST(HeapDump, StackRootsNameTheirThreadAndSlot) {
  auto heap = makeHeap();
  std::atomic<int> phase{0};
  std::atomic<std::uint64_t> expected{0};
  std::atomic<std::uint64_t> slotAddress{0};
  std::thread other([&] {
    ThreadScope scope(*heap, "holder");
    Cell* volatile cell = holdOnStack(*heap);
    slotAddress = reinterpret_cast<std::uint64_t>(&cell);
    expected = reinterpret_cast<std::uint64_t>(cell);
    {
      BlockingScope blocked(*heap);
      phase = 1;
      phase.notify_all();
      phase.wait(1);
    }
    EXPECT_EQ(reinterpret_cast<std::uint64_t>(cell), expected);
  });
  phase.wait(0);
  for (const char* method : {"clone", "stop-the-world"}) {
    TakenDump dump = takeDump(*heap, method, true);
    ASSERT_NE(dump.view.at(expected), nullptr) << "only a stack held it";
    ASSERT_EQ(dump.view.threads.size(), 1u);
    EXPECT_EQ(dump.view.threads[0].name, "holder");
    bool named = false;
    for (const DumpView::Root& root : dump.view.roots) {
      EXPECT_TRUE(root.row.kind == RootKind::kStack || root.row.kind == RootKind::kRegister);
      EXPECT_TRUE(root.row.conservative);
      EXPECT_EQ(root.row.thread, 0u);
      if (root.row.kind == RootKind::kStack) {
        EXPECT_GE(root.row.slot, dump.view.threads[0].low);
        EXPECT_LT(root.row.slot, dump.view.threads[0].high);
      }
      named |= root.target == expected && root.row.slot == slotAddress;
    }
#ifndef __SANITIZE_ADDRESS__
    EXPECT_TRUE(named) << "no root says which slot holds the object";
#endif
  }
  phase = 2;
  phase.notify_all();
  other.join();
}

TEST(HeapDump, AgesCountTheCollectionsThatFoundAnObject) {
  auto heap = makeHeap();
  ThreadScope thread(*heap, "main");
  std::vector<Root<Cell>> cells;
  for (int i = 0; i < 10; ++i) {
    cells.emplace_back(*heap, make<Cell>(*heap));
    heap->collect("test");
  }
  TakenDump dump = takeDump(*heap);
  for (std::size_t i = 0; i < cells.size(); ++i)
    EXPECT_EQ(dump.view.at(reinterpret_cast<std::uint64_t>(cells[i].get()))->age, std::min<std::size_t>(7, 10 - i)) << i;
}

TEST(HeapDump, RequestsCoverWhatWasAllocatedForThem) {
  auto heap = makeHeap();
  ThreadScope thread(*heap, "main");
  std::vector<std::pair<std::uint64_t, std::uint64_t>> made;   // address, request
  std::vector<Root<Cell>> keep;
  for (std::uint64_t request = 1; request <= 300; ++request) {
    RequestScope scope(*heap, request * 11);
    for (int i = 0; i < 20; ++i) {
      keep.emplace_back(*heap, make<Cell>(*heap));
      made.emplace_back(reinterpret_cast<std::uint64_t>(keep.back().get()), request * 11);
    }
    if (request == 300) {   // the last one is still open
      TakenDump dump = takeDump(*heap);
      EXPECT_EQ(dump.view.requestsLost, 0u);
      ASSERT_FALSE(dump.view.requests.empty());
      std::uint64_t low = 0;
      for (const RequestRecord& row : dump.view.requests) {
        EXPECT_GE(row.low, low);
        EXPECT_LT(row.low, row.high);
        EXPECT_GT(row.monotonic, 0u);
        low = row.high;
      }
      for (auto [address, id] : made) {
        auto row = std::ranges::upper_bound(dump.view.requests, address, {}, &RequestRecord::high);
        ASSERT_NE(row, dump.view.requests.end());
        ASSERT_LE(row->low, address);
        EXPECT_EQ(row->request, id);
      }
    }
  }
}

TEST(HeapDump, SampledObjectsCarryAStackAndItsSite) {
  auto heap = makeHeap({{SettingId::sampleInterval, 16u << 10}});
  ThreadScope thread(*heap, "main");
  std::vector<Root<Cell>> keep;
  std::uint32_t line = 0;
  for (int i = 0; i < 20000; ++i) keep.emplace_back(*heap, make<Cell>(*heap)), line = __LINE__;
  TakenDump dump = takeDump(*heap);
  std::size_t sampled = 0;
  for (const DumpView::Object* object : objectsOf(dump.view, "::Cell")) {
    EXPECT_EQ(dump.view.siteOf(*object).line, line);
    EXPECT_THAT(dump.view.siteOf(*object).file, HasSubstr("heap_dump_test.cc"));
    EXPECT_THAT(dump.view.siteOf(*object).function, HasSubstr("TestBody"));
    if ((object->site & kSiteIsStack) == 0) continue;
    ++sampled;
    const DumpView::Stack& stack = dump.view.stacks.at(object->site & ~kSiteIsStack);
    EXPECT_GT(stack.pcs.size(), 2u);
    EXPECT_GT(stack.row.samples, 0u);
  }
  // 20,000 cells of 32 B are 40 intervals.
  EXPECT_GT(sampled, 10u);
  EXPECT_LT(sampled, 160u);
  EXPECT_EQ(dump.view.stackMeanInterval, 16u << 10);
  EXPECT_GE(dump.view.counter("stack_samples_total"), sampled);
}

TEST(HeapDump, ExternalBytesAndDestructorsShowOnTheirObjects) {
  auto heap = makeHeap();
  ThreadScope thread(*heap, "main");
  Root<Image> image(*heap, make<Image>(*heap));
  image->bytes.set(*heap, 5'000'000'000ull);
  TakenDump dump = takeDump(*heap);
  const DumpView::Object* object = dump.view.at(reinterpret_cast<std::uint64_t>(image.get()));
  ASSERT_NE(object, nullptr);
  EXPECT_EQ(object->external, 5'000'000'000ull);
  EXPECT_NE(object->flags & kObjectHasDestructor, 0);
  EXPECT_TRUE(dump.view.types[object->type].hasDestructor);
  EXPECT_EQ(dump.view.types[object->type].externalOffset, 0);
  EXPECT_EQ(dump.view.counter("external_bytes"), 5'000'000'000ull);
}

TEST(HeapDump, PromisesStandOnTheirObjectsAsTheyAreAtTheTime) {
  auto heap = makeHeap();
  ThreadScope thread(*heap, "main");
  Root<Cache> none(*heap, make<Cache>(*heap)), bytes(*heap, make<Cache>(*heap)), objects(*heap, make<Cache>(*heap));
  bytes->bound.setBytes(64 << 20);
  objects->bound.setObjects(7);
  objects->bound.setObjects(10'000);
  TakenDump dump = takeDump(*heap);
  const auto boundOf = [&](const Root<Cache>& cache) { return dump.view.at(reinterpret_cast<std::uint64_t>(cache.get()))->bound; };
  EXPECT_EQ(boundOf(none), 0u);
  EXPECT_EQ(boundOf(bytes), 64u << 20);
  EXPECT_EQ(boundOf(objects), 10'000 | kBoundIsObjects);
}

TEST(HeapDump, GarbageThatIsNotSweptIsCountedByTypeWithoutEdges) {
  auto heap = makeHeap({{SettingId::backgroundSweep, 0}, {SettingId::gcMinimum, 1u << 30}});
  ThreadScope thread(*heap, "main");
  for (int i = 0; i < 5000; ++i) make<Cell>(*heap);
  heap->collect("test");
  TakenDump dump = takeDump(*heap);
  expectDumpAddsUp(dump.view);
  EXPECT_LT(objectsOf(dump.view, "::Cell").size(), 50u);
  std::uint64_t cells = 0;
  for (const FloatingRecord& row : dump.view.floating)
    if (dump.view.types.at(row.type).name.ends_with("::Cell")) cells += row.objects;
  EXPECT_GT(cells, 4900u);
  EXPECT_LE(cells, 5000u);
}

TEST(HeapDump, SettingsTheirHistoryAndPausesAreInTheDump) {
  auto heap = makeHeap({{SettingId::tlabSize, 16384}});
  ThreadScope thread(*heap, "main");
  ASSERT_TRUE(heap->set(SettingId::gcGrowth, 500000, "program", "the test"));
  heap->collect("a test's cause");
  TakenDump dump = takeDump(*heap);
  EXPECT_EQ(dump.view.settings.size(), allSettings().size());
  EXPECT_THAT(dump.view.settings["memory.tlab-size"], ElementsAre("16KiB", "64KiB", "program"));
  EXPECT_THAT(dump.view.settings["gc.growth"], ElementsAre("50%", "100%", "program"));
  EXPECT_THAT(dump.view.changes, ElementsAre(ElementsAre("gc.growth", "100%", "50%", "the test")));
  const auto cause = std::ranges::find(dump.view.pauses, "a test's cause", &DumpView::Pause::cause);
  ASSERT_NE(cause, dump.view.pauses.end());
  EXPECT_EQ(cause->kind, "collect");
  std::uint64_t sum = 0;
  for (const auto& [name, duration] : cause->phases) sum += duration;
  EXPECT_EQ(sum, cause->row.duration);
  EXPECT_GT(cause->row.objectsMarked + 1, 0u);
}

TEST(HeapDump, GoesUnderItsNameOnlyWhenItIsWhole) {
  TemporaryFolder folder;
  auto heap = makeHeap();
  ThreadScope thread(*heap, "main");
  Root<Cell> cell(*heap, make<Cell>(*heap));
  const std::string path = folder / "heap.bin";
  auto done = heap->dump(path);
  ASSERT_TRUE(done) << toText(done.error());
  EXPECT_EQ(done->consistency, "clone") << done->note;
  EXPECT_EQ(done->end.objects, 1u);
  EXPECT_THAT(folder.names(), ElementsAre("heap.bin"));
  DumpView dump = DumpView::read(path);
  expectDumpAddsUp(dump);
  EXPECT_EQ(dump.objects.size(), 1u);
  auto again = heap->dump(path);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kAlreadyExists);
  EXPECT_TRUE(heap->dump(path, true));
  EXPECT_THAT(folder.names(), ElementsAre("heap.bin"));
  auto nowhere = heap->dump(folder / "no/such/heap.bin");
  ASSERT_FALSE(nowhere);
  EXPECT_THAT(toText(nowhere.error()), HasSubstr("no/such"));
  auto unnamed = heap->dump("");
  ASSERT_FALSE(unnamed);
  EXPECT_EQ(unnamed.error().code, ErrorCode::kInvalidArgument);
}

TEST(HeapDump, WithoutANameGoesToTheDumpDirectory) {
  TemporaryFolder folder;
  HeapOptions options;
  options.dumpDirectory = folder.path();
  auto heap = makeHeap({}, std::move(options));
  for (int i = 0; i < 2; ++i) {
    auto done = heap->dump("");
    ASSERT_TRUE(done) << toText(done.error());
    EXPECT_THAT(done->note, HasSubstr(folder.path()));
  }
  EXPECT_EQ(folder.names().size(), 2u);
}

TEST(HeapDump, AFullDiskIsAnErrorThatSaysSoAndIsCounted) {
  auto heap = makeHeap();
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  auto done = heap->dump(full, {}, "test", {}, {});
  ::close(full);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kNotFinished);
  EXPECT_THAT(done.error().what, HasSubstr("No space left"));
  EXPECT_EQ(heap->counters().dumpsFailed, 1u);
  EXPECT_EQ(heap->counters().dumps, 0u);
  auto unknown = heap->dump(1, {false, "telepathy"}, "test", {}, {});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::kInvalidArgument);
}

TEST(HeapDump, TakenByEightThreadsAtOnceAreTakenOneByOne) {
  auto heap = makeHeap();
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&, i] {
      ThreadScope scope(*heap, "dumper");
      Root<Cell> cell(*heap, make<Cell>(*heap));
      TakenDump dump = takeDump(*heap, i % 2 == 0 ? "clone" : "stop-the-world");
      expectDumpAddsUp(dump.view);
      EXPECT_NE(dump.view.at(reinterpret_cast<std::uint64_t>(cell.get())), nullptr);
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(heap->counters().dumps, 8u);
}

TEST(HeapDump, OverTheControlSocketIsTheSameDump) {
  TemporaryFolder folder;
  HeapOptions options;
  options.controlDirectory = folder.path();
  auto heap = makeHeap({}, std::move(options));
  ASSERT_FALSE(heap->controlSocket().empty()) << heap->controlProblem();
  ThreadScope thread(*heap, "main");
  Root<Cell> cell(*heap, make<Cell>(*heap));
  BlockingScope blocked(*heap);
  auto client = ControlClient::connect(heap->controlSocket());
  ASSERT_TRUE(client) << toText(client.error());
  const std::string path = folder / "heap.bin";
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  auto reply = client->call(control::DumpRequest{true, ""}, file);
  ::close(file);
  ASSERT_TRUE(reply) << toText(reply.error());
  const auto& done = std::get<control::DumpDoneReply>(*reply);
  EXPECT_EQ(done.end.objects, 1u);
  DumpView dump = DumpView::read(path);
  expectDumpAddsUp(dump);
  EXPECT_THAT(dump.process.requested, HasSubstr("uid"));
  EXPECT_EQ(dump.pauses.back().cause, "dump");
  // Info, settings, collections and the log.
  auto info = client->call(control::InfoRequest{});
  ASSERT_TRUE(info) << toText(info.error());
  EXPECT_EQ(std::get<control::InfoReply>(*info).pid, static_cast<std::uint32_t>(::getpid()));
  EXPECT_GT(std::get<control::InfoReply>(*info).startedUnix, 1'600'000'000'000'000'000ull);
  auto settings = client->call(control::SettingsShowRequest{"gc"});
  ASSERT_TRUE(settings) << toText(settings.error());
  for (const auto& row : std::get<control::SettingsReply>(*settings).rows) EXPECT_EQ(row.group, "gc");
  auto refused = client->call(control::SettingsSetRequest{{{"memory", "tlab-size", "32KiB"}, {"gc", "growth", "1%"}}});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().what, HasSubstr("10% to 1000%"));
  EXPECT_EQ(heap->setting(SettingId::tlabSize), 65536u) << "all or none";
  ASSERT_TRUE(client->call(control::SettingsSetRequest{{{"memory", "tlab-size", "32KiB"}}}));
  EXPECT_EQ(heap->setting(SettingId::tlabSize), 32768u);
  auto run = client->call(control::GcRunRequest{"occtl gc run"});
  ASSERT_TRUE(run) << toText(run.error());
  auto log = client->call(control::GcLogRequest{1});
  ASSERT_TRUE(log) << toText(log.error());
  ASSERT_EQ(std::get<control::PausesReply>(*log).rows.size(), 1u);
  EXPECT_EQ(std::get<control::PausesReply>(*log).rows[0].ownedCause, "occtl gc run");
}

}  // namespace
}  // namespace openclaw::test
