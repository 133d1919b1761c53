// Random mutation from many threads while the heap collects all the time, verifies itself after each collection, and
// overwrites what it frees. A lost object shows as 0xDB, a wrong mark as a broken invariant (which aborts).
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <random>
#include <thread>

#include "tests/runtime/gc/test_heap.h"
#include "tests/support/seed.h"

namespace openclaw::testing {
namespace {

constexpr std::uint64_t kMagic = 0x5afe'0b1e'c75e'ed00;

std::atomic<std::uint64_t> gDestroyed{0};

struct Cell {
  Member<Cell> left, right;
  WeakMember<Cell> weak;
  std::uint64_t magic = kMagic;
  std::uint64_t self = reinterpret_cast<std::uint64_t>(this);
  bool sound() const { return magic == kMagic && self == reinterpret_cast<std::uint64_t>(this); }
  OPENCLAW_TYPE(Cell, left, right, weak)
};
struct Guarded : Cell {
  std::uint64_t guard = kMagic;
  ~Guarded() {
    if (guard != kMagic) std::abort();   // destroyed twice, or freed before
    guard = 0;
    gDestroyed.fetch_add(1, std::memory_order_relaxed);
  }
  OPENCLAW_DERIVED_TYPE(Guarded, Cell)
};

void mutate(Heap& heap, std::uint64_t seed, int operations, std::vector<Root<Cell>>& shared, std::atomic<bool>& failed) {
  ThreadScope thread(heap, "mutator");
  std::mt19937_64 random(seed);
  std::vector<Root<Cell>> own;
  for (int i = 0; i < 8; ++i) own.emplace_back(heap);
  auto check = [&](Cell* cell) {
    if (cell != nullptr && !cell->sound()) failed.store(true);
    return cell;
  };
  for (int i = 0; i < operations && !failed.load(std::memory_order_relaxed); ++i) {
    const std::size_t slot = random() % own.size();
    switch (random() % 12) {
      case 0: case 1: case 2: {
        Cell* cell = make<Cell>(heap);
        cell->left = own[slot].get();
        cell->right = own[random() % own.size()].get();
        cell->weak = check(own[random() % own.size()].get());
        own[slot] = cell;
        break;
      }
      case 3: own[slot] = make<Guarded>(heap); break;
      case 4: {
        // A long walk, following raw pointers only.
        Cell* cell = own[slot].get();
        for (int step = 0; step < 50 && cell != nullptr; ++step) cell = check(random() % 2 == 0 ? cell->left.get() : cell->right.get());
        if (cell != nullptr) own[random() % own.size()] = cell;
        break;
      }
      case 5:
        if (Cell* cell = own[slot].get()) cell->left = nullptr;
        break;
      case 6:
        if (Cell* cell = own[slot].get(); cell != nullptr && cell->weak) check(cell->weak.get());
        break;
      case 7: {
        Blob* blob = makeBlob(heap, random() % 6000);
        std::memset(blob->data(), 0x11, blob->bytes);
        break;
      }
      case 8: {
        if (random() % 50 != 0) break;
        Blob* blob = makeBlob(heap, 9000 + random() % 100000);
        blob->data()[blob->bytes - 1] = 1;
        break;
      }
      case 9: own[slot].reset(); break;
      case 10: {
        // Through the shared table: other threads only read it.
        Cell* cell = shared[random() % shared.size()].get();
        check(cell);
        own[slot] = cell;
        break;
      }
      case 11: {
        RequestScope request(heap, random());
        make<Cell>(heap);
        if (random() % 20 == 0) {
          BlockingScope blocked(heap);
          std::this_thread::yield();
        }
        break;
      }
    }
  }
}

void runStress(Settings settings, int threads, int operations) {
#if defined(__SANITIZE_THREAD__)
  operations /= 6;   // everything is slower there by so much
#endif
  const std::uint64_t seed = test::seedFromEnvironment();
  settings.push_back({SettingId::stressPoison, 1});
  settings.push_back({SettingId::backgroundSweep, 1});
  auto heap = makeHeap(settings);
  const std::uint64_t destroyedBefore = gDestroyed.load();
  std::atomic<bool> failed{false};
  {
    std::vector<Root<Cell>> shared;
    {
      ThreadScope thread(*heap, "setup");
      for (int i = 0; i < 64; ++i) shared.emplace_back(*heap, make<Cell>(*heap));
    }
    std::vector<std::thread> workers;
    for (int i = 0; i < threads; ++i)
      workers.emplace_back([&, i] { mutate(*heap, seed + static_cast<std::uint64_t>(i), operations, shared, failed); });
    for (auto& worker : workers) worker.join();
  }
  EXPECT_FALSE(failed.load());
  EXPECT_SOUND(*heap);
  EXPECT_GT(heap->counters().collections, 10u);
  heap.reset();
  EXPECT_GT(gDestroyed.load(), destroyedBefore);
}

TEST(Stress, EightThreadsWithACollectionEvery500Allocations) {
  runStress({{SettingId::stressCollect, 500}, {SettingId::stressVerify, 1}}, 8, 100000);
}

TEST(Stress, EightThreadsStoppedBySignalAtOnce) {
  runStress({{SettingId::stressCollect, 500}, {SettingId::stressVerify, 1}, {SettingId::signalAfter, 0}}, 8, 60000);
}

TEST(Stress, SmallBuffersAndSampledStacks) {
  runStress({{SettingId::stressCollect, 700}, {SettingId::stressVerify, 1}, {SettingId::tlabSize, 1024}, {SettingId::sampleInterval, 16384}}, 4, 60000);
}

TEST(Stress, FourThreadsThatCollectAsTheHeapFills) {
  runStress({{SettingId::gcMinimum, 1 << 20}, {SettingId::arenaSize, 4 << 20}, {SettingId::heapLimit, 64 << 20}, {SettingId::stressVerify, 1}}, 4, 300000);
}

}  // namespace
}  // namespace openclaw::testing
