// The containers of the heap against their std twins: random operations with a printed seed, collecting at every few
// allocations and poisoning what was swept, so that a pointer the collector does not see is found at once.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/gc/heap_impl.h"
#include "runtime/openclaw.h"
#include "tests/support/seed.h"

namespace openclaw {
namespace {

struct Boxed {
  explicit Boxed(std::uint64_t n) : number(n), check(~n) {}
  std::uint64_t number, check;
  OPENCLAW_TYPE(Boxed)
};
struct Pair {
  Member<Boxed> left, right;
  std::uint64_t plain = 0;
  OPENCLAW_TYPE(Pair, left, right)
};
struct Counted {
  Counted() { ++alive; }
  ~Counted() { --alive; }
  static inline std::atomic<int> alive{0};
  std::uint64_t number = 5;
  OPENCLAW_TYPE(Counted)
};
struct Buffer {
  ExternalBytes bytes;
  OPENCLAW_TYPE(Buffer, bytes)
};
enum class Colour : std::uint8_t { kRed, kBlue };

// All containers as inline values of one object, as programs have them.
struct Holder {
  Vector<Member<Boxed>> boxes;
  Vector<std::uint32_t> numbers;
  Vector<Pair> pairs;
  HashMap<Member<String>, Member<Boxed>> byName;
  HashMap<std::uint64_t, std::uint64_t> byNumber;
  HashMap<Member<Boxed>, std::uint64_t> byIdentity;
  HashMap<Colour, Pair> byColour;
  OPENCLAW_TYPE(Holder, boxes, numbers, pairs, byName, byNumber, byIdentity, byColour)
};

class Containers : public ::testing::Test {
 protected:
  static std::unique_ptr<Heap> heapUnderStress(std::uint64_t collectEvery) {
    HeapOptions options;
    options.control = false;
    options.settings = {{SettingId::stressCollect, collectEvery},
                        {SettingId::stressPoison, 1},
                        {SettingId::stressVerify, 1},
                        {SettingId::hugePages, 0}};
    auto heap = Heap::create(std::move(options));
    EXPECT_TRUE(heap) << toText(heap.error());
    return std::move(*heap);
  }
  std::unique_ptr<Heap> heap = heapUnderStress(23);
  std::optional<ThreadScope> thread{std::in_place, *heap, "test"};
  Root<Holder> holder{*heap, make<Holder>(*heap)};
  std::mt19937_64 random{test::seedFromEnvironment()};

  // A collection sweeps what the one before found dead; then the destructors run on the control thread.
  void awaitDestructors() {
    heap->collect("test");
    BlockingScope blocked(*heap);
    EXPECT_TRUE(heap->impl().destructors.waitUntilIdle(20'000'000'000ull));
  }
  std::size_t below(std::size_t n) { return random() % n; }
  static void expectSound(const Boxed* box, std::uint64_t number) {
    ASSERT_NE(box, nullptr);
    ASSERT_EQ(box->number, number);
    ASSERT_EQ(box->check, ~number);
  }
};

TEST_F(Containers, AStringKeepsItsBytesAndComparesByThem) {
  for (std::string text : {std::string(), std::string("a"), std::string("with\0zero", 9), std::string(9000, 'x'),
                           std::string(70000, 'y')}) {
    Root<String> string(*heap, String::make(*heap, text));
    heap->collect("test");
    EXPECT_EQ(string->view(), text);
    EXPECT_EQ(string->size(), text.size());
    EXPECT_TRUE(*string == std::string_view(text));
  }
}

TEST_F(Containers, AnArrayIsBoundsChecked) {
  Array<std::uint32_t>* array = Array<std::uint32_t>::make(*heap, 3);
  array->at(2) = 7;
  EXPECT_EQ(array->at(2), 7u);
  EXPECT_EQ(array->at(0), 0u);
  EXPECT_DEATH(array->at(3) = 1, "size");
  EXPECT_DEATH(holder->boxes[0].get(), "size_");
}

TEST_F(Containers, ArraysOfEverySizeHoldTheirElements) {
  for (std::size_t size : {0u, 1u, 2u, 100u, 1000u, 1100u, 5000u, 300000u}) {
    Root<Array<Member<Boxed>>> array(*heap, Array<Member<Boxed>>::make(*heap, size));
    ASSERT_EQ(array->size(), size);
    for (std::size_t i = 0; i < size; i += 1 + size / 50) array->at(i) = make<Boxed>(*heap, i);
    heap->collect("test");
    for (std::size_t i = 0; i < size; i += 1 + size / 50) expectSound(array->at(i).get(), i);
  }
}

TEST_F(Containers, ArrayElementsWithDestructorsAreDestroyed) {
  ASSERT_EQ(Counted::alive, 0);
  {
    Root<Array<Counted>> array(*heap, Array<Counted>::make(*heap, 40));
    Root<Array<Counted>> large(*heap, Array<Counted>::make(*heap, 4000));
    EXPECT_EQ(Counted::alive, 4040);
    EXPECT_EQ(array->at(39).number, 5u);
    EXPECT_EQ(large->at(3999).number, 5u);
    heap->collect("test");
    awaitDestructors();
    EXPECT_EQ(Counted::alive, 4040);
  }
  // At the latest the heap's own end runs them; the stack may still show the pointers to a collection.
  thread.reset();
  holder = Root<Holder>();
  heap.reset();
  EXPECT_EQ(Counted::alive, 0);
}

TEST_F(Containers, AVectorActsAsItsTwin) {
  std::vector<std::uint64_t> boxes, numbers, pairs;
  for (int step = 0; step < 6000; ++step) {
    std::uint64_t number = random();
    switch (below(12)) {
      case 0: case 1: case 2: case 3: case 4:
        holder->boxes.push_back(*heap, make<Boxed>(*heap, number));
        boxes.push_back(number);
        break;
      case 5: case 6:
        holder->numbers.push_back(*heap, static_cast<std::uint32_t>(number));
        numbers.push_back(number & 0xffff'ffff);
        break;
      case 7: {
        Pair& pair = holder->pairs.push_back(*heap, Pair{});
        pair.left = make<Boxed>(*heap, number);
        holder->pairs.back().plain = number;
        pairs.push_back(number);
        break;
      }
      case 8:
        if (!boxes.empty()) {
          std::size_t i = below(boxes.size());
          holder->boxes.erase(i);
          boxes.erase(boxes.begin() + static_cast<std::ptrdiff_t>(i));
        }
        break;
      case 9:
        if (!boxes.empty()) {
          std::size_t i = below(boxes.size());
          holder->boxes.push_back(*heap, holder->boxes[i]);   // an element of its own
          boxes.push_back(boxes[i]);
        }
        break;
      case 10:
        if (!numbers.empty()) {
          std::size_t i = below(numbers.size());
          holder->numbers.eraseUnordered(i);
          numbers[i] = numbers.back();
          numbers.pop_back();
        }
        break;
      case 11:
        if (below(60) == 0) {
          holder->boxes.clear();
          boxes.clear();
        } else if (below(10) == 0) {
          std::size_t size = below(boxes.size() + 20);
          bool grows = size > boxes.size();
          holder->boxes.resize(*heap, size);
          for (std::size_t i = boxes.size(); grows && i < size; ++i) holder->boxes[i] = make<Boxed>(*heap, 9);
          boxes.resize(size, 9);
        }
        break;
    }
    if (step % 500 != 499) continue;
    ASSERT_EQ(holder->boxes.size(), boxes.size());
    for (std::size_t i = 0; i < boxes.size(); ++i) expectSound(holder->boxes[i].get(), boxes[i]);
    std::size_t at = 0;
    for (std::uint32_t number32 : holder->numbers) ASSERT_EQ(number32, numbers[at++]);
    ASSERT_EQ(at, numbers.size());
    at = 0;
    for (const Pair& pair : holder->pairs) {
      ASSERT_EQ(pair.plain, pairs[at]);
      expectSound(pair.left.get(), pairs[at++]);
    }
    ASSERT_EQ(at, pairs.size());
  }
}

TEST_F(Containers, AMapWithTextKeysActsAsItsTwin) {
  std::map<std::string, std::uint64_t> twin;
  for (int step = 0; step < 5000; ++step) {
    // Few short keys, so that they meet again; some long ones.
    std::string key = "key " + std::to_string(below(400));
    if (below(10) == 0) key.append(300, 'k');
    if (below(3) != 0) {
      std::uint64_t number = random();
      bool isNew = holder->byName.insert(*heap, String::make(*heap, key), make<Boxed>(*heap, number));
      EXPECT_EQ(isNew, twin.insert_or_assign(key, number).second);
    } else {
      EXPECT_EQ(holder->byName.erase(key), twin.erase(key) == 1);
    }
    ASSERT_EQ(holder->byName.size(), twin.size());
    std::string other = "key " + std::to_string(below(400));
    Member<Boxed>* found = holder->byName.find(other);
    ASSERT_EQ(found != nullptr, twin.contains(other));
    if (found != nullptr) expectSound(found->get(), twin[other]);
  }
  std::map<std::string, std::uint64_t> seen;
  for (auto& entry : holder->byName) seen.emplace(entry.key->view(), entry.value->number);
  EXPECT_EQ(seen, twin);
  holder->byName.clear();
  EXPECT_EQ(holder->byName.find("key 1"), nullptr);
  EXPECT_FALSE(holder->byName.begin() != holder->byName.end());
}

TEST_F(Containers, AMapWithNumberKeysActsAsItsTwin) {
  std::unordered_map<std::uint64_t, std::uint64_t> twin;
  for (int step = 0; step < 40000; ++step) {
    std::uint64_t key = below(2) == 0 ? below(300) : below(300) << 40;   // clusters of near keys
    if (below(2) == 0) {
      std::uint64_t number = random();
      EXPECT_EQ(holder->byNumber.insert(*heap, key, number), twin.insert_or_assign(key, number).second);
    } else {
      EXPECT_EQ(holder->byNumber.erase(key), twin.erase(key) == 1);
    }
  }
  ASSERT_EQ(holder->byNumber.size(), twin.size());
  for (auto [key, value] : twin) {
    ASSERT_TRUE(holder->byNumber.contains(key));
    EXPECT_EQ(*holder->byNumber.find(key), value);
  }
  for (auto& entry : holder->byNumber) EXPECT_EQ(twin.at(entry.key), entry.value);
}

TEST_F(Containers, AMapWithIdentityKeysTellsEqualObjectsApart) {
  std::map<Boxed*, std::uint64_t> twin;
  for (int step = 0; step < 2000; ++step) {
    Boxed* box = make<Boxed>(*heap, 1);
    holder->boxes.push_back(*heap, box);   // keeps it alive beside the map
    EXPECT_TRUE(holder->byIdentity.insert(*heap, box, static_cast<std::uint64_t>(step)));
    twin[box] = static_cast<std::uint64_t>(step);
    if (step % 3 == 0) {
      Boxed* gone = holder->boxes[below(holder->boxes.size())].get();
      EXPECT_EQ(holder->byIdentity.erase(gone), twin.erase(gone) == 1);
    }
  }
  ASSERT_EQ(holder->byIdentity.size(), twin.size());
  for (auto [box, value] : twin) EXPECT_EQ(*holder->byIdentity.find(box), value);
}

TEST_F(Containers, AMapHoldsInlineValuesWithPointers) {
  Pair pair{};
  holder->byColour.insert(*heap, Colour::kBlue, pair);
  holder->byColour.find(Colour::kBlue)->right = make<Boxed>(*heap, 77);
  for (int i = 0; i < 100; ++i) make<Boxed>(*heap, 1);
  heap->collect("test");
  expectSound(holder->byColour.find(Colour::kBlue)->right.get(), 77);
  EXPECT_EQ(holder->byColour.find(Colour::kRed), nullptr);
}

// Not inlined: its frame, with the pointers, is gone when it returns.
[[gnu::noinline]] void makeBuffers(Heap& heap, int count) {
  for (int i = 0; i < count; ++i) make<Buffer>(heap)->bytes.set(heap, 100);
}

TEST_F(Containers, ExternalBytesAreCountedUntilTheirOwnerIsSwept) {
  Root<Buffer> first(*heap, make<Buffer>(*heap)), second(*heap, make<Buffer>(*heap));
  first->bytes.set(*heap, 1000);
  second->bytes.set(*heap, 5);
  second->bytes.add(*heap, 70);
  second->bytes.add(*heap, -25);
  EXPECT_EQ(second->bytes.get(), 50u);
  EXPECT_EQ(heap->counters().externalBytes, 1050u);
  first->bytes.set(*heap, 10);
  EXPECT_EQ(heap->counters().externalBytes, 60u);
  makeBuffers(*heap, 1000);
  // A stale word on the stack may keep one or two.
  heap->collect("test");
  awaitDestructors();
  EXPECT_LE(heap->counters().externalBytes, 60u + 5 * 100);
  EXPECT_GE(heap->counters().externalBytes, 60u);
  EXPECT_DEATH(first->bytes.add(*heap, -11), "after");
}

}  // namespace
}  // namespace openclaw
