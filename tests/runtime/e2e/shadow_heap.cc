#include "tests/runtime/e2e/shadow_heap.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "runtime/lock.h"
#include "runtime/pool/layout.h"

namespace openclaw::test {
namespace {

using Children = Array<Member<ShadowNode>>;
using Blob = Array<std::uint64_t>;

template <class T>
std::string nameOf() { return std::string(internal::typeName<T>()); }

}  // namespace

ShadowHeap::ShadowHeap(Heap& heap, std::size_t threads, std::uint64_t seed)
    : heap_(heap), workers_(threads), start_(static_cast<std::ptrdiff_t>(threads) + 1),
      rest_(static_cast<std::ptrdiff_t>(threads) + 1) {
  for (std::size_t i = 0; i < threads; ++i) {
    workers_[i].number = i;
    workers_[i].random.seed(seed * 1000 + i);
  }
  for (Worker& worker : workers_) threads_.emplace_back([this, &worker] { work(worker); });
}

ShadowHeap::~ShadowHeap() {
  ending_ = true;
  start_.arrive_and_wait();
  for (std::thread& thread : threads_) thread.join();
}

void ShadowHeap::run(std::size_t operations) {
  operations_ = operations;
  start_.arrive_and_wait();
  rest_.arrive_and_wait();
}

void ShadowHeap::work(Worker& worker) {
  ThreadScope scope(heap_, fmt::format("shadow {}", worker.number));
  for (;;) {
    {
      BlockingScope blocked(heap_);
      start_.arrive_and_wait();
    }
    if (ending_) break;
    for (std::size_t i = 0; i < operations_; ++i) step(worker);
    BlockingScope blocked(heap_);
    rest_.arrive_and_wait();
  }
  worker.roots.clear();
}

ShadowHeap::Id ShadowHeap::noteItem(Worker& worker, Kind kind, Id id, const void* address, std::uint64_t bytes,
                                    std::uint32_t line, std::size_t edges) {
  Item item{kind, reinterpret_cast<std::uint64_t>(address), bytes, serial_.fetch_add(1) + 1, line, {}};
  item.edges.assign(edges, kNothing);
  worker.items.emplace(id, std::move(item));
  return id;
}

ShadowNode* ShadowHeap::walk(Worker& worker, bool own) {
  if (worker.roots.empty()) return nullptr;
  ShadowNode* at = worker.roots[worker.below(worker.roots.size())].get();
  ShadowNode* found = at != nullptr && (at->id >> 32) == worker.number ? at : nullptr;
  for (std::uint64_t steps = worker.below(12); steps > 0 && at != nullptr; --steps) {
    ShadowNode* next = nullptr;
    switch (worker.below(3)) {
      case 0: next = at->left; break;
      case 1: next = at->right; break;
      default:
        if (Children* children = at->children; children != nullptr && children->size() > 0)
          next = children->at(worker.below(children->size()));
    }
    if (next == nullptr) continue;
    at = next;
    if ((at->id >> 32) == worker.number) found = at;
  }
  return own ? found : at;
}

void ShadowHeap::step(Worker& worker) {
  const std::uint64_t choice = worker.below(100);
  if (choice < 30 || worker.roots.size() < 3) {
    // A new node, reachable from an old one or from a new handle.
    const Id id = newId(worker);
    ShadowNode* node = make<ShadowNode>(heap_, id);
    noteItem(worker, Kind::kNode, id, node, sizeof(ShadowNode), __LINE__ - 1, 6);
    ShadowNode* parent = walk(worker, true);
    if (parent == nullptr || worker.roots.size() < 20) {
      worker.roots.push_back(Root<ShadowNode>(heap_, node));   // its site is this line
    } else {
      const bool left = worker.below(2) == 0;
      (left ? parent->left : parent->right) = node;
      itemOf(worker, parent).edges[left ? kLeft : kRight] = id;
    }
    return;
  }
  ShadowNode* from = walk(worker, true);
  if (from == nullptr) return;
  Item& item = itemOf(worker, from);
  if (choice < 45) {          // link
    ShadowNode* to = walk(worker, false);
    const bool left = worker.below(2) == 0;
    (left ? from->left : from->right) = to;
    item.edges[left ? kLeft : kRight] = to->id;
  } else if (choice < 50) {   // unlink
    from->right = nullptr;
    item.edges[kRight] = kNothing;
  } else if (choice < 58) {   // weak
    ShadowNode* to = walk(worker, false);
    from->weak = to;
    item.edges[kWeak] = to->id;
  } else if (choice < 62) {   // what a weak pointer still gives is what it was given
    if (ShadowNode* to = from->weak; to != nullptr) {
      EXPECT_EQ(to->id, item.edges[kWeak]);
      from->left = to;
      item.edges[kLeft] = to->id;
    }
  } else if (choice < 70) {   // a new array of children, sometimes a large object
    const std::size_t size = worker.below(20) == 0 ? worker.below(3000) : worker.below(20);
    Children* children = Children::make(heap_, size);
    const Id id = noteItem(worker, Kind::kChildren, newId(worker), children, sizeof(Children) + size * 8, __LINE__ - 1, size);
    Item& array = worker.items.at(id);
    for (std::size_t i = 0; i < size && i < 30; ++i) {
      ShadowNode* child = walk(worker, false);
      const std::size_t at = worker.below(size);
      children->at(at) = child;
      array.edges[at] = child->id;
    }
    from->children = children;
    item.edges[kChildrenEdge] = id;
  } else if (choice < 76) {   // an element of an array
    if (Children* children = from->children; children != nullptr && children->size() > 0) {
      ShadowNode* to = worker.below(4) == 0 ? nullptr : walk(worker, false);
      const std::size_t at = worker.below(children->size());
      children->at(at) = to;
      worker.items.at(item.edges[kChildrenEdge]).edges[at] = to == nullptr ? kNothing : to->id;
    }
  } else if (choice < 84) {   // a blob, of every size class
    const std::uint64_t scale = worker.below(200);
    const std::size_t size = scale == 0 ? 270'000 + worker.below(300'000) : scale < 20 ? worker.below(4000) : worker.below(40);
    Blob* blob = Blob::make(heap_, size);
    from->blob = blob;
    item.edges[kBlobEdge] = noteItem(worker, Kind::kBlob, newId(worker), blob, sizeof(Blob) + size * 8, __LINE__ - 2, 0);
  } else if (choice < 90) {
    const std::string text(worker.below(60), 't');
    String* name = String::make(heap_, text);
    from->name = name;
    item.edges[kNameEdge] = noteItem(worker, Kind::kName, newId(worker), name, sizeof(String) + text.size(), __LINE__ - 2, 0);
  } else if (choice < 94) {   // drop a handle
    std::swap(worker.roots[worker.below(worker.roots.size())], worker.roots.back());
    worker.roots.pop_back();
  } else if (choice < 97) {   // give a node to the others
    Root<ShadowNode> gift(heap_, walk(worker, false));
    MutexGuard guard(heap_, handoffMutex_);
    if (handoff_.size() < 16) handoff_.push_back(std::move(gift));
  } else {
    MutexGuard guard(heap_, handoffMutex_);
    if (handoff_.empty()) return;
    worker.roots.push_back(std::move(handoff_.back()));
    handoff_.pop_back();
  }
}

std::map<ShadowHeap::Id, const ShadowHeap::Item*> ShadowHeap::allItems() const {
  std::map<Id, const Item*> items;
  for (const Worker& worker : workers_)
    for (const auto& [id, item] : worker.items) items.emplace(id, &item);
  return items;
}

std::size_t ShadowHeap::reachable() const {
  const auto items = allItems();
  std::set<Id> seen;
  std::vector<Id> stack;
  auto add = [&](Id id) {
    if (id != kNothing && seen.insert(id).second) stack.push_back(id);
  };
  for (const Worker& worker : workers_)
    for (const auto& root : worker.roots) add(root->id);
  for (const auto& root : handoff_) add(root->id);
  while (!stack.empty()) {
    const Item& item = *items.at(stack.back());
    stack.pop_back();
    for (std::size_t i = 0; i < item.edges.size(); ++i)
      if (item.kind != Kind::kNode || i != kWeak) add(item.edges[i]);
  }
  return seen.size();
}

void ShadowHeap::compare(const DumpView& dump, const DumpView::Object& object, const Item& item,
                         const std::map<Id, const Item*>& items, const std::unordered_map<std::uint64_t, Id>& byAddress,
                         Id id) const {
  static const std::string kTypes[] = {nameOf<ShadowNode>(), nameOf<Children>(), nameOf<Blob>(), nameOf<String>()};
  ASSERT_EQ(dump.typeName(object), kTypes[static_cast<std::size_t>(item.kind)]);
  ASSERT_EQ(object.size, pool::isSmallPayload(item.payloadBytes) ? pool::smallCellBytes(item.payloadBytes)
                                                                 : pool::largeCellBytes(item.payloadBytes));
  ASSERT_EQ((object.flags & kObjectLarge) != 0, !pool::isSmallPayload(item.payloadBytes));
  const DumpView::Site& site = dump.siteOf(object);
  ASSERT_EQ(site.line, item.line) << site.file;
  ASSERT_TRUE(site.file.ends_with("shadow_heap.cc")) << site.file;
  if (item.kind == Kind::kBlob || item.kind == Kind::kName) {
    ASSERT_EQ(object.slots, 0u);
    return;
  }
  static const char* const kLabels[] = {"left", "right", "weak", "children", "blob", "name"};
  const auto edges = dump.edges(object);
  ASSERT_EQ(edges.size(), item.edges.size());
  for (std::size_t i = 0; i < edges.size(); ++i) {
    const bool weak = item.kind == Kind::kNode && i == kWeak;
    ASSERT_EQ(edges[i].label, item.kind == Kind::kNode ? kLabels[i] : fmt::format("[{}]", i));
    ASSERT_EQ(edges[i].strength, weak ? Strength::kWeak : Strength::kStrong);
    if (item.edges[i] == kNothing) {
      ASSERT_EQ(edges[i].target, DumpView::kNull) << edges[i].label;
    } else if (weak && edges[i].target == DumpView::kNull) {
      // Cleared: then its target is gone, and its memory at most somebody else's.
      const std::uint64_t address = items.at(item.edges[i])->address;
      if (dump.at(address) != nullptr) {
        ASSERT_NE(byAddress.at(address), item.edges[i]) << "cleared, but alive";
      }
    } else {
      ASSERT_EQ(edges[i].target, items.at(item.edges[i])->address) << edges[i].label << " of " << id;
    }
  }
}

void ShadowHeap::expectSameAs(const DumpView& dump, bool collected) const {
  const auto items = allItems();
  // Memory is used again: the youngest object at an address is the one that is there.
  std::unordered_map<std::uint64_t, Id> byAddress;
  for (const auto& [id, item] : items) {
    auto [at, isNew] = byAddress.emplace(item->address, id);
    if (!isNew && items.at(at->second)->serial < item->serial) at->second = id;
  }
  // Object by object.
  for (const DumpView::Object& object : dump.objects) {
    auto found = byAddress.find(object.address);
    ASSERT_NE(found, byAddress.end()) << fmt::format("the dump has an object at {:#x} that nobody made", object.address);
    SCOPED_TRACE(fmt::format("object {:#x}, id {:#x}", object.address, found->second));
    compare(dump, object, *items.at(found->second), items, byAddress, found->second);
    if (::testing::Test::HasFatalFailure()) return;
  }
  // Handle by handle.
  std::multiset<std::uint64_t> handles, shown;
  std::vector<Id> stack;
  std::set<Id> seen;
  auto addHandle = [&](const Root<ShadowNode>& root) {
    handles.insert(reinterpret_cast<std::uint64_t>(root.get()));
    if (seen.insert(root->id).second) stack.push_back(root->id);
  };
  for (const Worker& worker : workers_)
    for (const auto& root : worker.roots) addHandle(root);
  for (const auto& root : handoff_) addHandle(root);
  for (const DumpView::Root& root : dump.roots) {
    EXPECT_EQ(root.row.conservative, root.row.kind != RootKind::kHandle);
    if (root.row.kind != RootKind::kHandle) continue;
    shown.insert(root.target);
    EXPECT_GT(root.row.site, 0u);
    EXPECT_TRUE(dump.sites.at(root.row.site).file.ends_with("shadow_heap.cc"));
  }
  EXPECT_EQ(handles, shown);
  // Everything that the handles reach is there.
  while (!stack.empty()) {
    const Item& item = *items.at(stack.back());
    ASSERT_NE(dump.at(item.address), nullptr) << "a reachable object is missing: id " << stack.back();
    ASSERT_EQ(byAddress.at(item.address), stack.back());
    stack.pop_back();
    for (std::size_t i = 0; i < item.edges.size(); ++i)
      if (item.edges[i] != kNothing && !(item.kind == Kind::kNode && i == kWeak) && seen.insert(item.edges[i]).second)
        stack.push_back(item.edges[i]);
  }
  if (!collected) return;
  // Nothing else is: what is there is reachable from the dump's own roots.
  std::set<std::uint64_t> reached;
  std::vector<std::uint64_t> work;
  for (const DumpView::Root& root : dump.roots)
    if (reached.insert(root.target).second) work.push_back(root.target);
  while (!work.empty()) {
    const DumpView::Object& object = *dump.at(work.back());
    work.pop_back();
    const bool isNode = dump.typeName(object) == nameOf<ShadowNode>();
    std::size_t slot = 0;
    for (std::uint64_t target : dump.targets(object))
      if (const bool weak = isNode && slot++ == kWeak; !weak && target != DumpView::kNull && reached.insert(target).second)
        work.push_back(target);
  }
  EXPECT_EQ(reached.size(), dump.objects.size()) << "unreachable objects in a dump that collected first";
}

}  // namespace openclaw::test
