// What a program sees of the heap: weak members, destructors, large objects, limits, sites, samples, requests, roots.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <new>
#include <set>
#include <thread>

#include "runtime/gc/cgroup_limit.h"
#include "runtime/gc/sampling.h"
#include "runtime/gc/sites.h"
#include "runtime/pool/walk.h"
#include "tests/runtime/gc/test_heap.h"

namespace openclaw::testing {
namespace {

pool::ObjectHeader* headerOf(const void* payload) { return pool::headerOf(payload); }

// ---- weak members

TEST(Weak, IsClearedWhenItsTargetDiesAndKeptWhileItLives) {
  auto heap = makeHeap();
  ThreadScope thread(*heap, "test");
  constexpr std::uint64_t kPairs = 100;
  std::vector<Root<Node>> holders, targets;
  inOwnFrame([&] {
    for (std::uint64_t i = 0; i < kPairs; ++i) {
      holders.emplace_back(*heap, make<Node>(*heap));
      targets.emplace_back(*heap, make<Node>(*heap, i));
      holders.back()->weak = targets.back().get();
    }
  });
  heap->collect("test");
  inOwnFrame([&] {
    for (std::uint64_t i = 0; i < kPairs; ++i) {
      ASSERT_NE(holders[i]->weak.get(), nullptr);
      EXPECT_EQ(holders[i]->weak->value, i);
    }
  });
  targets.clear();
  wipeStack();
  heap->collect("test");
  std::size_t cleared = 0;
  for (auto& holder : holders) cleared += holder->weak.get() == nullptr ? 1 : 0;
  EXPECT_GE(cleared, kPairs - 3);   // a stale word on the stack may hold one or two
  EXPECT_SOUND(*heap);
}

TEST(Weak, APointerOnTheStackKeepsTheTarget) {
  auto heap = makeHeap();
  ThreadScope thread(*heap, "test");
  Root<Node> holder(*heap, make<Node>(*heap));
  Node* target = make<Node>(*heap, 3);
  holder->weak = target;
  heap->collect("test");
  EXPECT_EQ(holder->weak.get(), target);
  EXPECT_EQ(target->value, 3u);
}

// ---- destructors

std::atomic<int> gDestroyed{0}, gRefused{0};
Heap* gAllocateFrom = nullptr;

struct Counted {
  std::uint64_t alive = 1;
  ~Counted() {
    EXPECT_EQ(alive, 1u);
    alive = 0;
    gDestroyed.fetch_add(1);
  }
  OPENCLAW_TYPE(Counted)
};
struct Throwing {
  Counted inner;
  explicit Throwing(bool fail) {
    if (fail) throw std::runtime_error("no");
  }
  OPENCLAW_TYPE(Throwing)
};
struct Allocating {
  ~Allocating() {
    try {
      make<Counted>(*gAllocateFrom);
    } catch (const std::bad_alloc&) {
      gRefused.fetch_add(1);
    }
  }
  OPENCLAW_TYPE(Allocating)
};
struct BigCounted {
  Counted counted;
  unsigned char room[40000];
  OPENCLAW_TYPE(BigCounted)
};

// Runs what waits, on a thread that is not registered, as the control thread does.
void runDestructors(Heap& heap) {
  std::thread([&] {
    while (heap.impl().destructors.pending() != 0) heap.impl().destructors.run(1000);
  }).join();
}

TEST(Destructors, RunOnceOffThePauseAndTheirMemoryFollowsASweepLater) {
  auto heap = makeHeap({{SettingId::stressPoison, 1}});
  ThreadScope thread(*heap, "test");
  const int before = gDestroyed.load();
  inOwnFrame([&] {
    for (int i = 0; i < 1000; ++i) make<Counted>(*heap);
  });
  wipeStack();
  heap->collect("test");
  sweepAll(*heap);
  HeapCounters counters = heap->counters();
  EXPECT_GE(counters.floatingCount, 990u);
  EXPECT_SOUND(*heap);
  runDestructors(*heap);
  const int ran = gDestroyed.load() - before;
  EXPECT_GE(ran, 990);
  EXPECT_EQ(heap->counters().destructorsPending, 0u);
  EXPECT_GE(heap->counters().floatingCount, 990u);   // cells stay until the next sweep
  EXPECT_SOUND(*heap);
  heap->collect("test");
  sweepAll(*heap);
  EXPECT_LE(heap->counters().floatingCount, 10u);
  EXPECT_LE(gDestroyed.load() - before, 1000);
  EXPECT_SOUND(*heap);
}

TEST(Destructors, OfLargeAndHugeObjectsRunToo) {
  auto heap = makeHeap();
  ThreadScope thread(*heap, "test");
  const int before = gDestroyed.load();
  inOwnFrame([&] {
    for (int i = 0; i < 20; ++i) make<BigCounted>(*heap);
    makeSized<Counted>(*heap, 5u << 20);
  });
  wipeStack();
  heap->collect("test");
  heap->impl().sweeper.step();
  sweepAll(*heap);
  runDestructors(*heap);
  EXPECT_GE(gDestroyed.load() - before, 19);
  heap->collect("test");
  sweepAll(*heap);
  EXPECT_SOUND(*heap);
}

TEST(Destructors, ADestructorThatAllocatesIsRefused) {
  auto heap = makeHeap();
  ThreadScope thread(*heap, "test");
  gAllocateFrom = heap.get();
  const int before = gRefused.load();
  inOwnFrame([&] {
    for (int i = 0; i < 100; ++i) make<Allocating>(*heap);
  });
  wipeStack();
  heap->collect("test");
  sweepAll(*heap);
  runDestructors(*heap);
  EXPECT_GE(gRefused.load() - before, 95);
  EXPECT_GE(heap->impl().allocationsRefused.load(), 95u);
}

TEST(Destructors, AnObjectWhoseConstructorThrewHasNone) {
  auto heap = makeHeap();
  ThreadScope thread(*heap, "test");
  const int before = gDestroyed.load();
  EXPECT_THROW(make<Throwing>(*heap, true), std::runtime_error);
  EXPECT_EQ(gDestroyed.load() - before, 1);   // C++ destroyed the member itself
  wipeStack();
  heap->collect("test");
  sweepAll(*heap);
  runDestructors(*heap);
  EXPECT_EQ(gDestroyed.load() - before, 1);
  EXPECT_SOUND(*heap);
}

TEST(Destructors, TheHeapRunsAllWhenItGoes) {
  const int before = gDestroyed.load();
  auto heap = makeHeap();
  {
    ThreadScope thread(*heap, "test");
    Root<Counted> kept(*heap, make<Counted>(*heap));
    make<BigCounted>(*heap);
    makeSized<Counted>(*heap, 5u << 20);
  }
  heap.reset();
  EXPECT_EQ(gDestroyed.load() - before, 3);
}

// ---- sizes

TEST(Sizes, EverySizeHoldsItsBytesThroughCollections) {
  auto heap = makeHeap({{SettingId::heapLimit, 512u << 20}, {SettingId::stressPoison, 1}});
  ThreadScope thread(*heap, "test");
  std::vector<Root<Blob>> blobs;
  std::vector<std::size_t> sizes;
  for (std::size_t size = 0; size < 600; size += 7) sizes.push_back(size);
  for (const std::size_t size : {4000u, 8167u, 8168u, 8169u, 8176u, 8177u, 8192u, 12000u, 65536u, 100000u, 1u << 20, (2u << 20) - 40u, 2u << 20, 3u << 20, 9u << 20})
    sizes.push_back(size);
  for (const std::size_t size : sizes) {
    Blob* blob = makeBlob(*heap, size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(blob) % 16, 8u);
    for (std::size_t i = 0; i < size; ++i) ASSERT_EQ(blob->data()[i], 0);
    std::memset(blob->data(), static_cast<int>(size % 251), size);
    blobs.emplace_back(*heap, blob);
    makeBlob(*heap, size);   // rubbish between
  }
  for (int round = 0; round < 3; ++round) {
    heap->collect("test");
    EXPECT_SOUND(*heap);
    sweepAll(*heap);
    EXPECT_SOUND(*heap);
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      ASSERT_EQ(blobs[i]->bytes, sizes[i]);
      for (std::size_t b = 0; b < sizes[i]; b += 1 + sizes[i] / 1000) ASSERT_EQ(blobs[i]->data()[b], sizes[i] % 251);
      makeBlob(*heap, sizes[i]);
    }
  }
}

TEST(Sizes, AFreedHugeObjectGivesItsMemoryBack) {
  auto heap = makeHeap({{SettingId::heapLimit, 64u << 20}, {SettingId::spareChunks, 0}});
  ThreadScope thread(*heap, "test");
  for (int i = 0; i < 20; ++i)
    inOwnFrame([&] { makeBlob(*heap, 30u << 20)->data()[0] = 1; });   // 600 MiB through a 64 MiB heap
  wipeStack();
  heap->collect("test");
  sweepAll(*heap);
  heap->impl().idleStep();
  EXPECT_LE(heap->counters().committedBytes, 40u << 20);
  EXPECT_SOUND(*heap);
}

TEST(Sizes, InteriorPointersKeepLargeAndHugeObjects) {
  auto heap = makeHeap({{SettingId::stressPoison, 1}});
  ThreadScope thread(*heap, "test");
  unsigned char* large = makeBlob(*heap, 100000)->data() + 50000;
  unsigned char* huge = makeBlob(*heap, 9u << 20)->data() + (7u << 20);
  *large = 1;
  *huge = 2;
  heap->collect("test");
  sweepAll(*heap);
  EXPECT_EQ(*large, 1);
  EXPECT_EQ(*huge, 2);
  EXPECT_SOUND(*heap);
}

// ---- limits

TEST(Limits, PastTheHardLimitAllocationFailsAndTheHeapStaysSound) {
  auto heap = makeHeap({{SettingId::heapLimit, 16u << 20}});
  ThreadScope thread(*heap, "test");
  Root<Node> head(*heap);
  std::size_t made = 0;
  EXPECT_THROW(
      for (;; ++made) {
        Node* node = make<Node>(*heap);
        node->next = head.get();
        head = node;
      },
      std::bad_alloc);
  EXPECT_GT(made * 48, 13u << 20);   // 15 MiB are not metadata
  EXPECT_LE(heap->counters().committedBytes, 16u << 20);
  EXPECT_SOUND(*heap);
  EXPECT_THROW(makeBlob(*heap, 1u << 20), std::bad_alloc);
  head.reset();
  wipeStack();
  EXPECT_NE(make<Node>(*heap), nullptr);   // collects and goes on
  EXPECT_SOUND(*heap);
}

TEST(Limits, ImpossibleSizesFailAtOnce) {
  auto heap = makeHeap();
  ThreadScope thread(*heap, "test");
  EXPECT_THROW(makeBlob(*heap, std::size_t{1} << 60), std::bad_alloc);
  EXPECT_EQ(heap->counters().collections, 0u);
}

TEST(Limits, MediumObjectsReuseHolesInsteadOfGrowingTheHeap) {
  auto heap = makeHeap({{SettingId::arenaSize, 32u << 20}, {SettingId::heapLimit, 64u << 20}, {SettingId::gcMinimum, 8u << 20}});
  ThreadScope thread(*heap, "test");
  // The pattern that runs non-moving heaps out of memory: 32 dead for each live one, of changing sizes.
  std::vector<Root<Blob>> kept;
  for (int i = 0; i < 60000; ++i) {
    Blob* blob = makeBlob(*heap, 300 + static_cast<std::size_t>(i * 37 % 3000));
    if (i % 33 == 0) kept.emplace_back(*heap, blob);
  }
  EXPECT_LE(heap->counters().committedBytes, 48u << 20);
  EXPECT_SOUND(*heap);
}

TEST(Limits, AnUnregisteredThreadIsRefused) {
  auto heap = makeHeap();
  EXPECT_THROW(make<Node>(*heap), std::bad_alloc);
}

TEST(Limits, TheControlGroupsLimitIsReadInBothVersions) {
  const auto folder = std::filesystem::temp_directory_path() / ("openclaw-cgroup-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder / "v2/a/b");
  std::filesystem::create_directories(folder / "v1/memory/c");
  auto write = [&](const std::filesystem::path& path, const std::string& text) { std::ofstream(folder / path) << text; };
  write("v2groups", "0::/a/b\n");
  write("v2/a/memory.max", "300000000\n");
  write("v2/a/b/memory.max", "max\n");
  write("v1groups", "5:cpu,cpuacct:/x\n4:hugetlb,memory:/c\n");
  write("v1/memory/memory.limit_in_bytes", "9223372036854771712\n");
  write("v1/memory/c/memory.limit_in_bytes", "200000000\n");
  EXPECT_EQ(gc::cgroupMemoryLimit(folder / "v2groups", folder / "v2"), 300000000u);
  EXPECT_EQ(gc::cgroupMemoryLimit(folder / "v1groups", folder / "v1"), 200000000u);
  EXPECT_EQ(gc::cgroupMemoryLimit(folder / "none", folder / "v1"), ~std::uint64_t{0});
  std::filesystem::remove_all(folder);
}

// ---- sites and samples

TEST(Sites, EveryObjectKnowsTheLineThatMadeIt) {
  auto heap = makeHeap();
  ThreadScope thread(*heap, "test");
  Node* node = make<Node>(*heap); const unsigned line = __LINE__;
  const gc::SourceSite site = gc::resolveSite(headerOf(node)->site());
  EXPECT_EQ(site.line, line);
  EXPECT_THAT(std::string(site.file), ::testing::HasSubstr("objects_test.cc"));
  EXPECT_THAT(std::string(site.function), ::testing::HasSubstr("EveryObjectKnowsTheLineThatMadeIt"));
  EXPECT_TRUE(gc::resolveSite(0).file.empty());
  EXPECT_TRUE(gc::resolveSite(0x7fff'0000).file.empty());
}

TEST(Samples, StandForWhatWasAllocated) {
  auto heap = makeHeap({{SettingId::sampleInterval, 16 << 10}});
  ThreadScope thread(*heap, "test");
  constexpr std::uint64_t kObjects = 400000;
  std::uint64_t withStack = 0;
  for (std::uint64_t i = 0; i < kObjects; ++i)
    if ((headerOf(make<Node>(*heap))->site() & pool::kSiteIsStack) != 0) ++withStack;
  const std::uint64_t samples = heap->impl().recorder.samples();
  EXPECT_GT(samples, 0u);
  EXPECT_EQ(withStack + heap->impl().recorder.lost(), samples + heap->impl().recorder.lost());
  std::uint64_t bytes = 0;
  for (std::uint32_t i = 0; i < heap->impl().recorder.size(); ++i) bytes += heap->impl().recorder.row(i).allocatedBytes;
  // 48-byte cells, 19.2 MB, about 1 170 samples: five standard deviations are 15 %.
  EXPECT_NEAR(static_cast<double>(bytes), 48.0 * kObjects, 0.15 * 48 * kObjects);
}

TEST(Samples, TheStackOfASampleNamesItsAllocator) {
  auto heap = makeHeap({{SettingId::sampleInterval, 16 << 10}});
  ThreadScope thread(*heap, "test");
  std::uint32_t site = 0;
  for (int i = 0; i < 100000 && (site & pool::kSiteIsStack) == 0; ++i) site = headerOf(make<Node>(*heap))->site();
  ASSERT_NE(site & pool::kSiteIsStack, 0u);
  const StackRecord row = heap->impl().recorder.row(gc::sampledStack(site));
  ASSERT_GT(row.pcs.size(), 0u);
  EXPECT_GT(gc::resolveSite(row.site).line, 0u);
}

TEST(Samples, NoneWhenSwitchedOffAndSomeWhenSwitchedOnAgain) {
  auto heap = makeHeap();
  ThreadScope thread(*heap, "test");
  for (int i = 0; i < 100000; ++i) make<Node>(*heap);
  EXPECT_EQ(heap->counters().stackSamples, 0u);
  ASSERT_TRUE(heap->set(SettingId::sampleInterval, 16 << 10, "control", "test"));
  for (int i = 0; i < 100000; ++i) make<Node>(*heap);
  const std::uint64_t samples = heap->counters().stackSamples;
  EXPECT_GT(samples, 100u);
  ASSERT_TRUE(heap->set(SettingId::sampleInterval, 0, "control", "test"));
  for (int i = 0; i < 100000; ++i) make<Node>(*heap);
  EXPECT_EQ(heap->counters().stackSamples, samples);
}

// ---- requests

TEST(Requests, SegmentsCoverWhatARequestAllocated) {
  auto heap = makeHeap();
  ThreadScope thread(*heap, "test");
  std::vector<Root<Node>> made;
  for (std::uint64_t id = 1; id <= 50; ++id) {
    RequestScope request(*heap, id);
    for (int i = 0; i < 100; ++i) made.emplace_back(*heap, make<Node>(*heap, id));
    {
      RequestScope inner(*heap, 1000 + id);
      made.emplace_back(*heap, make<Node>(*heap, 1000 + id));
    }
    made.emplace_back(*heap, make<Node>(*heap, id));
  }
  const gc::RequestLog& log = heap->impl().requests;
  for (const auto& node : made) {
    std::set<std::uint64_t> found;
    const auto at = reinterpret_cast<std::uint64_t>(node.get());
    for (std::uint64_t i = 0; i < log.size(); ++i)
      if (at >= log.at(i).low && at < log.at(i).high) found.insert(log.at(i).request);
    EXPECT_THAT(found, ::testing::ElementsAre(node->value));
  }
  EXPECT_EQ(log.lost(), 0u);
  EXPECT_SOUND(*heap);
  heap->collect("test");
  EXPECT_EQ(log.size(), 0u);
}

TEST(Requests, OverwrittenSegmentsAreCounted) {
  auto heap = makeHeap({{SettingId::gcMinimum, 1u << 30}, {SettingId::arenaSize, 64u << 20}});
  ThreadScope thread(*heap, "test");
  for (std::uint64_t i = 0; i < gc::RequestLog::kCapacity + 100; ++i) {
    RequestScope request(*heap, i + 1);
    make<Node>(*heap);
  }
  EXPECT_EQ(heap->counters().requestSegmentsLost, 100u);
}

// ---- roots

TEST(Roots, CopiesMovesAndAssignmentsKeepTheirTargets) {
  auto heap = makeHeap();
  ThreadScope thread(*heap, "test");
  Root<Node> empty;
  EXPECT_EQ(empty.get(), nullptr);
  Root<Node> a(*heap, make<Node>(*heap, 1));
  Root<Node> b = a;
  Root<Node> c = std::move(a);
  EXPECT_EQ(a.get(), nullptr);   // NOLINT: moved from is empty
  empty = b;
  b.reset();
  heap->collect("test");
  EXPECT_EQ(c->value, 1u);
  EXPECT_EQ(empty.get(), c.get());
  EXPECT_EQ(heap->counters().rootCount, 2u);
}

TEST(Roots, UnregisteredThreadsMayCopyAndDropThemDuringCollections) {
  auto heap = makeHeap({{SettingId::stressPoison, 1}});
  ThreadScope thread(*heap, "test");
  constexpr std::uint64_t kMagic = 0x1234'5678'9abc'def0;
  std::vector<Root<Node>> roots;
  for (int i = 0; i < 8; ++i) roots.emplace_back(*heap, make<Node>(*heap, kMagic));
  std::atomic<bool> stop{false}, failed{false};
  std::vector<std::thread> outside;
  for (int t = 0; t < 3; ++t)
    outside.emplace_back([&, t, mine = std::move(roots[static_cast<std::size_t>(t)])]() mutable {
      // The object lives through one handle at a time, which goes from slot to slot.
      for (int i = 0; !stop.load(std::memory_order_relaxed); ++i) {
        Root<Node> copy = mine;
        mine.reset();
        Root<Node> again(copy);
        copy.reset();
        mine = again;
        if (mine->value != kMagic) failed = true;
      }
    });
  for (int i = 0; i < 300; ++i) {
    heap->collect("test");
    sweepAll(*heap);
    for (int k = 0; k < 100; ++k) make<Node>(*heap);
  }
  stop = true;
  for (auto& worker : outside) worker.join();
  EXPECT_FALSE(failed.load());
  EXPECT_SOUND(*heap);
}

// ---- types

struct Inline {
  Member<Node> first;
  WeakMember<Node> second;
  OPENCLAW_TYPE(Inline, first, second)
};
class Outer {
 public:
  Inline inner_;
  OPENCLAW_TYPE(Outer, plain_, inner_)
 private:
  Member<Outer> plain_;
};
struct Derived : Outer {
  virtual ~Derived() = default;
  Member<Node> own;
  OPENCLAW_TYPE(Derived, own)
};

TEST(Types, NamesAndOffsetsOfNestedFieldsAreKnown) {
  const TypeInfo& info = TypeTable::info(typeIdOf<Outer>());
  EXPECT_THAT(info.name, ::testing::EndsWith("Outer"));
  EXPECT_THAT(info.name, ::testing::StartsWith("openclaw::testing::"));
  ASSERT_EQ(info.fields.size(), 3u);
  EXPECT_EQ(info.fields[0].name, "inner_.first");
  EXPECT_EQ(info.fields[1].name, "inner_.second");
  EXPECT_EQ(info.fields[1].strength, Strength::kWeak);
  EXPECT_EQ(info.fields[2].name, "plain_");
  EXPECT_EQ(info.fields[2].offset, 16u);
  EXPECT_EQ(info.destroy, nullptr);
  EXPECT_NE(TypeTable::info(typeIdOf<Derived>()).destroy, nullptr);
}

}  // namespace
}  // namespace openclaw::testing
