#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "runtime/gc/counters.h"
#include "tests/runtime/gc/test_heap.h"

namespace openclaw::testing {
namespace {

TEST(Collect, KeepsWhatARootReaches) {
  auto heap = makeHeap();
  ThreadScope thread(*heap, "test");
  Root<Node> head(*heap);
  inOwnFrame([&] {
    for (std::uint64_t i = 0; i < 10000; ++i) {
      Node* node = make<Node>(*heap, i);
      node->next = head.get();
      head = node;
    }
  });
  heap->collect("test");
  EXPECT_SOUND(*heap);
  std::uint64_t expected = 10000;
  for (Node* node = head; node != nullptr; node = node->next) EXPECT_EQ(node->value, --expected);
  EXPECT_EQ(expected, 0u);
}

TEST(Collect, FreesWhatNothingReaches) {
  auto heap = makeHeap();
  ThreadScope thread(*heap, "test");
  inOwnFrame([&] {
    for (int i = 0; i < 10000; ++i) make<Node>(*heap);
  });
  wipeStack();
  heap->collect("test");
  const HeapCounters counters = heap->counters();
  // A stale word in a register or dead frame may hold one back.
  EXPECT_LE(counters.objectCount, 4u);
  EXPECT_GE(counters.floatingCount, 9996u);
  sweepAll(*heap);
  EXPECT_LE(heap->counters().floatingCount, 4u);
  EXPECT_SOUND(*heap);
}

TEST(Collect, AnObjectAgesWithEveryCollectionUpToSeven) {
  auto heap = makeHeap();
  ThreadScope thread(*heap, "test");
  Root<Node> root(*heap, make<Node>(*heap));
  for (unsigned age = 1; age <= 9; ++age) {
    heap->collect("test");
    EXPECT_EQ(pool::ageOf(*pool::markByteOf(reinterpret_cast<pool::Address>(root.get()))), age < 7 ? age : 7);
  }
  EXPECT_SOUND(*heap);
}

}  // namespace
}  // namespace openclaw::testing
