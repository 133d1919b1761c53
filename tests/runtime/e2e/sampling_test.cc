// Are estimates from sampled stacks estimates? Allocated and freed, per stack and per site, against numbers counted one by
// one, over small and large objects, with and without destructors, while the interval changes. How far an estimate may
// be off follows from how it is made: a sample taken with probability p stands for 1 / p, so a cell of s bytes adds
// (1 - p) / p to the variance of objects and s^2 times that to the variance of bytes. Five standard deviations are allowed.
#include <gtest/gtest.h>
#include <link.h>

#include <cmath>
#include <future>
#include <latch>
#include <map>
#include <random>
#include <thread>
#include <vector>

#include "runtime/gc/sampling.h"
#include "tests/runtime/e2e/dump_helpers.h"
#include "tests/support/seed.h"

namespace openclaw::test {
namespace {

constexpr double kDeviations = 5;

struct Plain {
  std::uint64_t bytes = 0;
  OPENCLAW_TYPE(Plain)
};
struct WithDestructor {
  std::uint64_t bytes = 0;
  ~WithDestructor() { bytes = 0; }
  OPENCLAW_TYPE(WithDestructor)
};

// What was really allocated, and how far an estimate of it may be off.
struct Truth {
  double objects = 0, bytes = 0, objectVariance = 0, byteVariance = 0;
  void add(std::uint64_t cellBytes, std::uint64_t mean) {
    if (mean == 0) return;   // nobody looks: no estimate
    const double s = static_cast<double>(cellBytes), p = -std::expm1(-s / static_cast<double>(mean));
    objects += 1;
    bytes += s;
    objectVariance += (1 - p) / p;
    byteVariance += s * s * (1 - p) / p;
  }
  void expectEstimate(double estimatedObjects, double estimatedBytes, std::size_t rows) const {
    const double rounding = static_cast<double>(rows);   // each row is rounded
    EXPECT_NEAR(estimatedObjects, objects, kDeviations * std::sqrt(objectVariance) + rounding);
    EXPECT_NEAR(estimatedBytes, bytes, kDeviations * std::sqrt(byteVariance) + rounding);
  }
};

struct Sums {
  double objects = 0, bytes = 0, freedObjects = 0, freedBytes = 0;
  std::size_t rows = 0;
  void add(const StackRecord& row) {
    objects += static_cast<double>(row.allocatedObjects);
    bytes += static_cast<double>(row.allocatedBytes);
    freedObjects += static_cast<double>(row.freedObjects);
    freedBytes += static_cast<double>(row.freedBytes);
    ++rows;
  }
};

std::map<std::uint32_t, Sums> sumsBySite(Heap& heap) {
  std::map<std::uint32_t, Sums> sums;
  for (std::uint32_t i = 0; i < heap.impl().recorder.size(); ++i) {
    const StackRecord row = heap.impl().recorder.row(i);
    EXPECT_LE(row.freedObjects, row.allocatedObjects);
    EXPECT_LE(row.freedBytes, row.allocatedBytes);
    sums[row.site].add(row);
  }
  return sums;
}

std::uint32_t rawSiteOf(Heap& heap, const void* object) {
  const std::uint32_t word = pool::headerOf(object)->site();
  return (word & pool::kSiteIsStack) != 0 ? heap.impl().recorder.row(gc::sampledStack(word)).site : word;
}

// Allocates from four sites, random sizes: small, up to a page, up to a megabyte, with destructors. Keeps a random share.
class Allocations {
 public:
  Allocations(Heap& heap, std::uint64_t seed) : heap_(heap), random_(seed) {}

  [[gnu::noinline]] void run(int count, std::uint64_t mean, double kept) {
    const std::uint64_t usable = gc::usableMean(mean);
    for (int i = 0; i < count; ++i) {
      void* object = nullptr;
      const std::uint64_t dice = random_() % 1000;
      Root<Plain> plain(heap_);
      Root<WithDestructor> destroyed(heap_);
      if (dice < 700) plain = makeSized<Plain>(heap_, random_() % 200);
      else if (dice < 900) destroyed = makeSized<WithDestructor>(heap_, random_() % 1500);
      else if (dice < 995) plain = makeSized<Plain>(heap_, 1000 + random_() % 12'000);
      else if (dice < 998) plain = makeSized<Plain>(heap_, 20'000 + random_() % 1'000'000);
      else destroyed = makeSized<WithDestructor>(heap_, 20'000 + random_() % 100'000);
      object = plain.get() != nullptr ? static_cast<void*>(plain.get()) : destroyed.get();
      const std::uint64_t bytes = pool::headerOf(object)->cellBytes();
      const std::uint32_t site = rawSiteOf(heap_, object);
      made[site].add(bytes, usable);
      if (std::uniform_real_distribution<>()(random_) < kept) {
        if (plain.get() != nullptr) plains_.push_back(std::move(plain));
        else destroyeds_.push_back(std::move(destroyed));
      }
    }
  }
  void forget() {
    plains_.clear();
    destroyeds_.clear();
  }

  std::map<std::uint32_t, Truth> made;

 private:
  Heap& heap_;
  std::mt19937_64 random_;
  std::vector<Root<Plain>> plains_;
  std::vector<Root<WithDestructor>> destroyeds_;
};

// Everything that can be freed is: destructors run on another thread, and a later sweep takes the cells.
void collectAll(Heap& heap) {
  for (int i = 0; i < 3; ++i) {
    heap.collect("test");
    std::thread([&] {
      while (heap.impl().destructors.pending() != 0) heap.impl().destructors.run(1000);
    }).join();
    while (heap.impl().sweeper.step()) {
    }
  }
}

std::unique_ptr<Heap> heapForSampling(std::uint64_t mean) {
  return makeHeap({{SettingId::backgroundSweep, 0}, {SettingId::sampleInterval, mean}});
}

void expectEstimates(Heap& heap, const Allocations& allocations) {
  auto sums = sumsBySite(heap);
  EXPECT_EQ(heap.impl().recorder.lost(), 0u);
  for (const auto& [site, truth] : allocations.made) {
    SCOPED_TRACE(gc::resolveSite(site).line);
    truth.expectEstimate(sums[site].objects, sums[site].bytes, sums[site].rows);
  }
}

// Without references every dead object is found dead, but for a few that old words on this stack still name.
void expectAllFreed(Heap& heap) {
  for (const auto& [site, sums] : sumsBySite(heap)) {
    SCOPED_TRACE(gc::resolveSite(site).line);
    EXPECT_GE(sums.freedBytes, 0.97 * sums.bytes);
    EXPECT_LE(sums.freedBytes, sums.bytes);
  }
}

TEST(Sampling, EstimatesOfAllocatedAndFreedConvergeOnExactNumbers) {
  const std::uint64_t seed = seedFromEnvironment();
  for (const std::uint64_t mean : {std::uint64_t{16} << 10, std::uint64_t{100'000}, std::uint64_t{512} << 10}) {
    SCOPED_TRACE(mean);
    auto heap = heapForSampling(mean);
    ThreadScope thread(*heap, "test");
    Allocations allocations(*heap, seed);
    allocations.run(60'000, mean, 0.05);
    expectEstimates(*heap, allocations);
    collectAll(*heap);
    expectEstimates(*heap, allocations);   // freeing changes nothing about what was allocated
    allocations.forget();
    collectAll(*heap);
    expectAllFreed(*heap);
  }
}

TEST(Sampling, ThreadsSampleIndependently) {
  const std::uint64_t seed = seedFromEnvironment(), mean = 64 << 10;
  auto heap = heapForSampling(mean);
  std::vector<std::unique_ptr<Allocations>> allocations;
  for (std::uint64_t t = 0; t < 4; ++t) allocations.push_back(std::make_unique<Allocations>(*heap, seed + t));
  std::vector<std::thread> threads;
  for (auto& one : allocations)
    threads.emplace_back([&] {
      ThreadScope thread(*heap, "test");
      one->run(20'000, mean, 0);
    });
  for (std::thread& thread : threads) thread.join();
  std::map<std::uint32_t, Truth> truth;
  for (const auto& one : allocations)
    for (const auto& [site, part] : one->made) {
      Truth& sum = truth[site];
      sum.objects += part.objects;
      sum.bytes += part.bytes;
      sum.objectVariance += part.objectVariance;
      sum.byteVariance += part.byteVariance;
    }
  auto sums = sumsBySite(*heap);
  // A sample whose stack could not be put into the table at once is lost, and counted.
  EXPECT_LE(heap->impl().recorder.lost() * 200, heap->impl().recorder.samples());
  for (const auto& [site, part] : truth) part.expectEstimate(sums[site].objects, sums[site].bytes, sums[site].rows);
}

TEST(Sampling, TheIntervalMayChangeAtAnyTime) {
  const std::uint64_t seed = seedFromEnvironment();
  auto heap = heapForSampling(16 << 10);
  ThreadScope thread(*heap, "test");
  Allocations allocations(*heap, seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 30; ++round) {
    const std::uint64_t means[] = {std::uint64_t{16} << 10, 0, std::uint64_t{1} << 20, 16'385 + random() % 500'000};
    const std::uint64_t mean = means[round % 4];
    ASSERT_TRUE(heap->set(SettingId::sampleInterval, mean, "test", "test"));
    allocations.run(4'000, mean, 0.1);
    if (round % 5 == 4) collectAll(*heap);   // what older samples stand for is freed under another interval
  }
  expectEstimates(*heap, allocations);
  ASSERT_TRUE(heap->set(SettingId::sampleInterval, 1 << 30, "test", "test"));
  allocations.forget();
  collectAll(*heap);
  expectAllFreed(*heap);
}

TEST(Sampling, AMeanSurvivesInTheSiteWord) {
  std::mt19937_64 random(seedFromEnvironment());
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t mean = (std::uint64_t{16} << 10) + random() % (std::uint64_t{1} << (14 + random() % 17));
    const std::uint32_t stack = static_cast<std::uint32_t>(random() % (1u << gc::kSampledStackBits));
    const std::uint32_t word = pool::kSiteIsStack | gc::sampledMeanBits(mean) | stack;
    ASSERT_EQ(gc::sampledStack(word), stack);
    ASSERT_LE(gc::sampledMean(word), mean);
    ASSERT_GT(static_cast<double>(gc::sampledMean(word)), static_cast<double>(mean) * (1 - 1.0 / 256));
    ASSERT_EQ(gc::usableMean(gc::usableMean(mean)), gc::usableMean(mean));
  }
  for (unsigned bits = 14; bits <= 30; ++bits) EXPECT_EQ(gc::usableMean(std::uint64_t{1} << bits), std::uint64_t{1} << bits);
  EXPECT_EQ(gc::usableMean(0), 0u);
}

// What the dump says of a site: what is there, exactly, and what was freed, as samples have it.
TEST(Sampling, ADumpSaysWhatEverySiteHasAllocated) {
  const std::uint64_t seed = seedFromEnvironment(), mean = 32 << 10;
  auto heap = heapForSampling(mean);
  ThreadScope thread(*heap, "test");
  Allocations allocations(*heap, seed);
  allocations.run(60'000, mean, 0.3);
  collectAll(*heap);
  allocations.run(20'000, mean, 0.3);   // some of these are dead and not swept
  heap->collect("test");
  for (const char* consistency : {"clone", "stop-the-world"}) {
    SCOPED_TRACE(consistency);
    TakenDump dump = takeDump(*heap, consistency);
    std::map<std::uint32_t, std::pair<std::uint64_t, std::uint64_t>> present;   // line: objects, bytes
    for (const DumpView::Object& object : dump.view.objects) {
      auto& [objects, bytes] = present[dump.view.siteOf(object).line];
      ++objects;
      bytes += object.size;
    }
    std::size_t checked = 0;
    for (const DumpView::Site& site : dump.view.sites) {
      EXPECT_EQ(site.certainty, Certainty::kSampled);
      EXPECT_GE(site.allocatedObjects, present[site.line].first) << site.line;
      EXPECT_GE(site.allocatedBytes, present[site.line].second) << site.line;
      for (const auto& [raw, truth] : allocations.made) {
        if (gc::resolveSite(raw).line != site.line) continue;
        SCOPED_TRACE(site.line);
        truth.expectEstimate(static_cast<double>(site.allocatedObjects), static_cast<double>(site.allocatedBytes), dump.view.stacks.size());
        ++checked;
      }
    }
    EXPECT_EQ(checked, allocations.made.size());
  }
}

TEST(Sampling, WithoutSamplesASiteHasAllocatedAtLeastWhatIsThere) {
  auto heap = heapForSampling(0);
  ThreadScope thread(*heap, "test");
  Allocations allocations(*heap, 1);
  allocations.run(2'000, 0, 0.5);
  TakenDump dump = takeDump(*heap);
  std::map<std::uint32_t, std::uint64_t> present;
  for (const DumpView::Object& object : dump.view.objects) present[dump.view.siteOf(object).line] += object.size;
  for (const DumpView::Site& site : dump.view.sites) {
    EXPECT_EQ(site.certainty, Certainty::kLowerBound);
    EXPECT_GE(site.allocatedBytes, present[site.line]);
  }
}

// The loader's lock is held as long as a thread stands inside dlopen (or, as here, in a callback under the lock).
TEST(Sampling, AllocationGoesOnWhileTheLoadersLockIsHeld) {
  auto heap = heapForSampling(16 << 10);
  std::latch locked{1}, allocated{1};
  struct Latches { std::latch &locked, &allocated; } latches{locked, allocated};
  {
    ThreadScope thread(*heap, "test");
    Allocations(*heap, 1).run(10, 16 << 10, 0);   // this module's sites are registered
  }
  std::thread holder([&] {
    struct Once { Latches& latches; bool done; } once{latches, false};
    ::dl_iterate_phdr([](dl_phdr_info*, std::size_t, void* data) {
      auto& o = *static_cast<Once*>(data);
      if (!std::exchange(o.done, true)) {
        o.latches.locked.count_down();
        o.latches.allocated.wait();
      }
      return 0;
    }, &once);
  });
  locked.wait();
  auto done = std::async(std::launch::async, [&] {
    ThreadScope thread(*heap, "allocates");
    Allocations(*heap, 2).run(20'000, 16 << 10, 0);
    return heap->impl().recorder.samples();
  });
  EXPECT_EQ(done.wait_for(std::chrono::seconds(60)), std::future_status::ready);
  allocated.count_down();
  holder.join();
  EXPECT_GT(done.get(), 100u);
}

}  // namespace
}  // namespace openclaw::test
