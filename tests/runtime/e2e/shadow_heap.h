// A model of a heap beside the heap: threads run random operations and write down what they did; a dump taken while
// they rest must then show exactly that, object by object.
//
//   ShadowHeap shadow(heap, threads, seed);
//   shadow.run(operations);          // all threads, in parallel, then they rest
//   shadow.expectSameAs(dump);
#pragma once

#include <atomic>
#include <barrier>
#include <cstdint>
#include <map>
#include <mutex>
#include <random>
#include <thread>
#include <unordered_map>
#include <vector>

#include "runtime/openclaw.h"
#include "tests/runtime/dump_view.h"

namespace openclaw::test {

struct ShadowNode {
  explicit ShadowNode(std::uint64_t number) : id(number) {}
  const std::uint64_t id;           // owner thread in the upper half
  Member<ShadowNode> left, right;
  WeakMember<ShadowNode> weak;
  Member<Array<Member<ShadowNode>>> children;
  Member<Array<std::uint64_t>> blob;
  Member<String> name;
  OPENCLAW_TYPE(ShadowNode, left, right, weak, children, blob, name)
};

// Threads: one at a time. Owns: the threads, which rest between two run().
class ShadowHeap {
 public:
  ShadowHeap(Heap& heap, std::size_t threads, std::uint64_t seed);
  ~ShadowHeap();
  // Each thread performs so many operations, then all rest with the world as it is.
  void run(std::size_t operations);
  // The dump was taken after run() returned. `collected`: it collected first, so every object in it must be reachable
  // from its own roots.
  void expectSameAs(const DumpView& dump, bool collected) const;
  std::size_t reachable() const;     // objects that the model's handles reach

 private:
  using Id = std::uint64_t;
  static constexpr Id kNothing = ~0ull;
  enum class Kind : std::uint8_t { kNode, kChildren, kBlob, kName };
  static constexpr std::size_t kLeft = 0, kRight = 1, kWeak = 2, kChildrenEdge = 3, kBlobEdge = 4, kNameEdge = 5;
  struct Item {
    Kind kind{};
    std::uint64_t address = 0, payloadBytes = 0, serial = 0;
    std::uint32_t line = 0;          // where it was made
    std::vector<Id> edges;           // kNode: left right weak children blob name; kChildren: elements
  };
  // What one thread did. Only its thread writes, only while running.
  struct Worker {
    std::uint64_t number = 0;
    std::map<Id, Item> items;
    std::vector<Root<ShadowNode>> roots;
    std::mt19937_64 random;
    std::uint64_t next = 0;
    std::uint64_t below(std::uint64_t n) { return random() % n; }
  };

  void work(Worker& worker);
  void step(Worker& worker);
  ShadowNode* walk(Worker& worker, bool own);   // some node the worker reaches, or null; `own`: that it made
  Id noteItem(Worker& worker, Kind kind, Id id, const void* address, std::uint64_t bytes, std::uint32_t line, std::size_t edges);
  static Id newId(Worker& worker) { return worker.number << 32 | worker.next++; }
  static Item& itemOf(Worker& worker, const ShadowNode* node) { return worker.items.at(node->id); }

  std::map<Id, const Item*> allItems() const;
  void compare(const DumpView& dump, const DumpView::Object& object, const Item& item,
               const std::map<Id, const Item*>& items, const std::unordered_map<std::uint64_t, Id>& byAddress, Id id) const;

  Heap& heap_;
  std::vector<Worker> workers_;
  std::atomic<std::uint64_t> serial_{0};
  std::size_t operations_ = 0;                            // constant while running
  bool ending_ = false;
  std::barrier<> start_, rest_;
  std::mutex handoffMutex_;
  std::vector<Root<ShadowNode>> handoff_;                 // guarded by handoffMutex_
  std::vector<std::thread> threads_;
};

}  // namespace openclaw::test
