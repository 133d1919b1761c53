// Tests of the verifier: each breaks one invariant of a sound heap in a stopped world, expects its name in the answer,
// repairs it, and expects silence.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <utility>

#include "runtime/gc/verifier.h"
#include "runtime/pool/walk.h"
#include "tests/runtime/gc/test_heap.h"

namespace openclaw::testing {
namespace {

using pool::Address;

template <class Word>
class Changed {
 public:
  Changed(Word& word, Word value) : word_(word), before_(word) { word = value; }
  ~Changed() { word_ = before_; }
 private:
  Word& word_;
  Word before_;
};

class VerifierTest : public ::testing::Test {
 protected:
  VerifierTest() : heap_(makeHeap({{SettingId::heapLimit, 256u << 20}})), impl_(heap_->impl()) {
    thread_.emplace(*heap_, "test");
    head_ = Root<Node>(*heap_);
    for (int i = 0; i < 20000; ++i) {
      Node* node = make<Node>(*heap_);
      if (i % 3 == 0) {
        node->next = head_.get();
        node->weak = head_.get();
        head_ = node;
      }
    }
    large_ = Root<Blob>(*heap_, makeBlob(*heap_, 50000));
    huge_ = Root<Blob>(*heap_, makeBlob(*heap_, 5u << 20));
    heap_->collect("test");
    sweepAll(*heap_);
    young_ = Root<Node>(*heap_, make<Node>(*heap_));
    EXPECT_SOUND(*heap_);
  }

  // Names (before the colon) of what the verifier finds while `work`'s change stands.
  std::vector<std::string> namesAfter(const std::function<std::shared_ptr<void>()>& change) {
    gc::Verifier verifier(impl_);
    {
      gc::StoppedWorld world(impl_, gc::StopKind::kVerify, "test");
      std::shared_ptr<void> undo = change();
      verifier.run();
    }
    std::vector<std::string> names;
    for (const std::string& line : verifier.lines()) names.push_back(line.substr(0, line.find(':')));
    EXPECT_SOUND(*heap_);
    return names;
  }
  template <class Word>
  std::vector<std::string> namesWith(Word& word, std::type_identity_t<Word> value) {
    return namesAfter([&] { return std::make_shared<Changed<Word>>(word, value); });
  }

  pool::ObjectHeader* header(const void* payload) { return pool::headerOf(payload); }
  std::uint8_t& mark(const void* payload) { return *pool::markByteOf(reinterpret_cast<Address>(payload)); }
  std::uintptr_t& word(const void* slot) { return *reinterpret_cast<std::uintptr_t*>(const_cast<void*>(slot)); }
  Node* old() { return head_.get(); }
  pool::BlockSummary& summary() { return pool::blockSummaryOf(reinterpret_cast<Address>(old())); }
  pool::ChunkHeader& chunk(const void* at) { return *pool::chunkHeaderOf(reinterpret_cast<Address>(at)); }

  std::unique_ptr<Heap> heap_;
  gc::HeapImpl& impl_;
  std::optional<ThreadScope> thread_;
  Root<Node> head_, young_;
  Root<Blob> large_, huge_;
};

using ::testing::Contains;

TEST_F(VerifierTest, HeaderAndMarkBytes) {
  std::uint64_t& head = header(old())->word;
  EXPECT_THAT(namesWith(head, head + (std::uint64_t{1} << 16)), Contains("header-size"));
  EXPECT_THAT(namesWith(head, head | 0xffff), Contains("header-type"));
  EXPECT_THAT(namesWith(head, head & ~std::uint64_t{0xffff}), Contains("header-type"));
  EXPECT_THAT(namesWith(mark(old()), static_cast<std::uint8_t>((mark(old()) & ~7) | 7)), Contains("mark-state"));
  EXPECT_THAT(namesWith(mark(old()), static_cast<std::uint8_t>(mark(old()) | 0x10)), Contains("mark-state"));
  EXPECT_THAT(namesWith(mark(old()), static_cast<std::uint8_t>((mark(old()) & ~7) | pool::nextColour(impl_.colour()))), Contains("mark-colour"));
  std::uint8_t& end = *pool::markByteOf(reinterpret_cast<Address>(header(old())) + header(old())->cellBytes() - 1);
  EXPECT_THAT(namesWith(end, 0), Contains("mark-end"));
  EXPECT_THAT(namesWith(mark(old()), 0), Contains("mark-end"));
  EXPECT_THAT(namesWith(mark(old()), static_cast<std::uint8_t>((mark(old()) & ~7) | pool::kDoomed)), Contains("header-flags"));
  EXPECT_THAT(namesWith(mark(large_.get()), static_cast<std::uint8_t>(mark(large_.get()) | pool::kEnd)), Contains("mark-state"));
}

TEST_F(VerifierTest, EdgesRootsAndWeakMembers) {
  EXPECT_THAT(namesWith(word(&old()->next), 0x1000), Contains("edge-target"));
  EXPECT_THAT(namesWith(word(&old()->next), reinterpret_cast<std::uintptr_t>(old()) + 16), Contains("edge-target"));
  EXPECT_THAT(namesWith(word(&old()->other), reinterpret_cast<std::uintptr_t>(young_.get()) + 48), Contains("edge-target"));   // free
  EXPECT_THAT(namesWith(word(&old()->weak), reinterpret_cast<std::uintptr_t>(old()) + 8), Contains("weak-target"));
  auto& target = const_cast<std::atomic<std::uintptr_t>&>(impl_.roots.slot(0).target);
  EXPECT_THAT(namesAfter([&] {
                const std::uintptr_t before = target.exchange(impl_.pool.low() + 8);
                return std::shared_ptr<void>(nullptr, [&target, before](void*) { target = before; });
              }),
              Contains("root-target"));
}

TEST_F(VerifierTest, ADeadObjectThatIsReferredTo) {
  // A dead neighbour in unswept memory: found by its colour, not by its bytes.
  heap_->collect("test");
  Node* dead = nullptr;
  pool::forEachRegion(impl_.pool, [&](const pool::Region& region) {
    pool::forEachObject(region, impl_.colour(), [&](const pool::ObjectView& object) {
      if (!object.live) dead = reinterpret_cast<Node*>(object.payload());
    });
  });
  for (int i = 0; dead == nullptr && i < 3; ++i) {
    inOwnFrame([&] { for (int k = 0; k < 100; ++k) make<Node>(*heap_); });
    wipeStack();
    heap_->collect("test");
    pool::forEachRegion(impl_.pool, [&](const pool::Region& region) {
      pool::forEachObject(region, impl_.colour(), [&](const pool::ObjectView& object) {
        if (!object.live) dead = reinterpret_cast<Node*>(object.payload());
      });
    });
  }
  ASSERT_NE(dead, nullptr);
  EXPECT_THAT(namesWith(word(&old()->other), reinterpret_cast<std::uintptr_t>(dead)), Contains("edge-target"));
}

TEST_F(VerifierTest, BlockSummaries) {
  EXPECT_THAT(namesWith(summary().objectCount, static_cast<std::uint16_t>(summary().objectCount + 1)), Contains("block-summary"));
  EXPECT_THAT(namesWith(summary().holeGranules, static_cast<std::uint16_t>(summary().holeGranules - 1)), Contains("block-sum"));
  EXPECT_THAT(namesWith(summary().objectGranules, static_cast<std::uint16_t>(summary().objectGranules + 1)), Contains("block-summary"));
  EXPECT_THAT(namesWith(summary().floatingCount, static_cast<std::uint16_t>(1)), Contains("block-summary"));
  EXPECT_THAT(namesWith(summary().skippedGranules, static_cast<std::uint16_t>(5000)), Contains("block-summary"));
  EXPECT_THAT(namesWith(summary().state, pool::BlockState::kEmpty), Contains("block-masks"));
  EXPECT_THAT(namesWith(chunk(old()).emptyMask, chunk(old()).emptyMask | pool::blockBit(reinterpret_cast<Address>(old()))), Contains("block-masks"));
  pool::BlockSummary& mine = pool::blockSummaryOf(reinterpret_cast<Address>(young_.get()));
  EXPECT_THAT(namesWith(mine.tlabGranules, static_cast<std::uint16_t>(mine.tlabGranules - 1)), Contains("block-summary"));
  std::uint64_t& mask = chunk(young_.get()).recyclableMask;
  EXPECT_THAT(namesWith(mask, mask | pool::blockBit(reinterpret_cast<Address>(young_.get()))), Contains("block-masks"));
}

TEST_F(VerifierTest, AMarkInAnEmptyBlock) {
  Address empty = 0;
  pool::forEachRegion(impl_.pool, [&](const pool::Region& region) {
    if (region.kind == pool::Region::Kind::kBlock && region.block->state == pool::BlockState::kEmpty) empty = region.base;
  });
  ASSERT_NE(empty, 0u);
  EXPECT_THAT(namesWith(*pool::markByteOf(empty + 160), pool::kYoung), Contains("empty-block"));
}

TEST_F(VerifierTest, Buffers) {
  gc::ThreadContext& thread = *gc::currentThread;
  ASSERT_NE(thread.tlab.end, 0u);
  EXPECT_THAT(namesWith(thread.tlab.cursor, thread.tlab.end + 16), Contains("tlab-range"));
  EXPECT_THAT(namesWith(thread.tlab.start, thread.tlab.block - 16), Contains("tlab-range"));
  EXPECT_THAT(namesWith(*reinterpret_cast<std::uint64_t*>(thread.tlab.cursor + 64), 1u), Contains("tlab-tail"));
  EXPECT_THAT(namesWith(*pool::markByteOf(thread.tlab.cursor + 64), pool::kEnd), Contains("tlab-tail"));
  EXPECT_THAT(namesWith(pool::blockSummaryOf(thread.tlab.block).owner, 1u), Contains("tlab-owner"));
}

TEST_F(VerifierTest, LargeObjects) {
  pool::ChunkHeader& h = chunk(large_.get());
  EXPECT_THAT(namesWith(h.freePages, h.freePages - 1), Contains("large-runs"));
  EXPECT_THAT(namesWith(h.objectBytes, h.objectBytes + 16), Contains("large-sum"));
  EXPECT_THAT(namesWith(h.runHead[pool::pageInChunk(reinterpret_cast<Address>(large_.get())) + 1], pool::kFirstPage + 200), Contains("large-runs"));
  std::uint64_t& bytes = *reinterpret_cast<std::uint64_t*>(reinterpret_cast<Address>(header(huge_.get())) - 8);
  EXPECT_THAT(namesWith(bytes, std::uint64_t{1} << 40), Contains("header-size"));
}

TEST_F(VerifierTest, ChunkTableAndSums) {
  auto withEntry = [&](std::uint32_t index, pool::ChunkEntry entry) {
    return namesAfter([&, index, entry] {
      const pool::ChunkEntry before = impl_.pool.entry(index);
      impl_.pool.setEntry(index, entry);
      return std::shared_ptr<void>(nullptr, [this, index, before](void*) { impl_.pool.setEntry(index, before); });
    });
  };
  const std::uint32_t huge = impl_.pool.chunkIndex(reinterpret_cast<Address>(huge_.get()));
  pool::ChunkEntry tail = impl_.pool.entry(huge + 1);
  ASSERT_EQ(tail.kind, pool::ChunkKind::kHugeTail);
  tail.offset = 2;
  EXPECT_THAT(withEntry(huge + 1, tail), Contains("chunk-table"));
  pool::ChunkEntry spare;
  spare.kind = pool::ChunkKind::kSpare;
  EXPECT_THAT(withEntry(impl_.pool.chunkCount() - 1, spare), ::testing::IsSupersetOf({"chunk-table", "committed-sum"}));
  pool::ChunkEntry unshared = impl_.pool.entry(impl_.pool.chunkIndex(reinterpret_cast<Address>(old())));
  unshared.doNotFork = 1;
  EXPECT_THAT(withEntry(impl_.pool.chunkIndex(reinterpret_cast<Address>(old())), unshared), Contains("unshared-chunk"));
}

TEST_F(VerifierTest, Totals) {
  auto withTotal = [&](std::atomic<std::uint64_t>& total, std::uint64_t more) {
    return namesAfter([&, more] {
      total.fetch_add(more);
      return std::shared_ptr<void>(nullptr, [&total, more](void*) { total.fetch_sub(more); });
    });
  };
  EXPECT_THAT(withTotal(impl_.markedObjects, 1), ::testing::IsSupersetOf({"live-count", "floating-count"}));
  EXPECT_THAT(withTotal(impl_.markedBytes, 16), ::testing::IsSupersetOf({"live-bytes", "floating-bytes"}));
  const std::uint8_t colour = impl_.colour();
  EXPECT_THAT(namesAfter([&] {
                impl_.setColour(7);
                return std::shared_ptr<void>(nullptr, [this, colour](void*) { impl_.setColour(colour); });
              }),
              Contains("heap-colour"));
  EXPECT_THAT(namesAfter([&] {
                impl_.destructors.add(1);
                return std::shared_ptr<void>(nullptr, [this](void*) { impl_.destructors.add(~std::uint64_t{0}); });
              }),
              Contains("destructors-pending"));
  EXPECT_THAT(namesAfter([&] {
                impl_.requests.add(5, 4, 1);
                return std::shared_ptr<void>(nullptr, [this](void*) { impl_.requests.clear(); });
              }),
              Contains("request-range"));
  pool::ChunkHeader& h = chunk(huge_.get());
  EXPECT_THAT(namesWith(h.slackBytes, h.slackBytes + 1), Contains("arena-sum"));
}

}  // namespace
}  // namespace openclaw::testing
