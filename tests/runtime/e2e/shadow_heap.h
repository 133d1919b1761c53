// A model of a heap beside the heap: threads run random operations and write down what they did; a dump taken while
// they rest must then show exactly that, object by object.
//
//   ShadowHeap shadow(heap, threads, seed);
//   shadow.run(operations);          // all threads, in parallel, then they rest
//   shadow.expectSameAs(dump);
#pragma once

#include <barrier>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "runtime/openclaw.h"
#include "tests/runtime/dump_view.h"

namespace openclaw::test {

struct ShadowNode {
  std::uint64_t id = 0;             // owner thread in the upper half
  Member<ShadowNode> left, right;
  WeakMember<ShadowNode> weak;
  Member<Array<Member<ShadowNode>>> children;
  Member<Array<std::uint64_t>> blob;
  Member<String> name;
  OPENCLAW_TYPE(ShadowNode, left, right, weak, children, blob, name)
};

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
  struct Item {
    Kind kind{};
    std::uint64_t address = 0, payloadBytes = 0, serial = 0;
    std::uint32_t line = 0;          // of this file, where it was made
    std::vector<Id> edges;           // kNode: left right weak children blob name; kChildren: elements
  };
  // What one thread did. Only its thread writes, only while running.
  struct Worker {
    std::map<Id, Item> items;
    std::vector<Root<ShadowNode>> roots;
    std::mt19937_64 random;
    Id next = 0;
  };

  void work(std::size_t number);
  void step(Worker& worker, std::size_t number);
  ShadowNode* walk(Worker& worker);                       // some node that the worker reaches
  Item& make(Worker& worker, std::size_t number, Kind kind, const void* address, std::uint64_t bytes, std::uint32_t line, Id& id);
  Id idAt(const Worker& worker, const ShadowNode* node) const;
  std::map<Id, const Item*> allItems() const;

  Heap& heap_;
  const std::size_t threads_;
  std::vector<Worker> workers_;
  std::atomic<std::uint64_t> serial_{0};
  std::atomic<std::size_t> operations_{0};
  std::atomic<bool> ending_{false};
  std::barrier<> start_, rest_;
  std::vector<std::thread> running_;
  std::mutex handoffMutex_;
  std::vector<Root<ShadowNode>> handoff_;                 // guarded by handoffMutex_
};

}  // namespace openclaw::test
