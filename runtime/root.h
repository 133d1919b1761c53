// A handle that keeps a heap object alive from anywhere outside the heap: malloc memory, globals, lambdas, promises,
// threads that are not registered.
//
//   Root<Session> session(heap, make<Session>(heap));
//   std::vector<Root<Session>> all;  all.push_back(session);
//
// A slot in the heap's root table: making and copying one costs a few atomic operations, reading it two loads.
// Threads: one handle belongs to one thread at a time; different handles are independent. A Root must not outlive its heap.
#pragma once

#include <cstddef>
#include <utility>

#include "runtime/gc/root_table.h"
#include "runtime/make.h"

namespace openclaw {

namespace internal {
gc::RootTable& rootsOf(Heap& heap) noexcept;
}

template <class T>
class Root {
 public:
  // Empty, of no heap: only to be assigned to.
  Root() noexcept = default;
  // From a raw pointer: something else must keep the object alive until this returns (the caller's stack, when its
  // thread is registered). Throws std::bad_alloc when the root table is full.
  Root(At at, T* target = nullptr)
      : table_(&internal::rootsOf(at.heap)), slot_(table_->acquire(reinterpret_cast<std::uintptr_t>(target), at.site)) {}
  Root(const Root& other) : table_(other.table_) {
    if (table_ != nullptr)
      slot_ = table_->acquire(table_->load(other.slot_), table_->slot(other.slot_).site);
  }
  Root(Root&& other) noexcept
      : table_(std::exchange(other.table_, nullptr)), slot_(std::exchange(other.slot_, gc::RootTable::kNone)) {}
  Root& operator=(const Root& other) {
    if (this != &other) *this = Root(other);
    return *this;
  }
  Root& operator=(Root&& other) noexcept {
    std::swap(table_, other.table_);
    std::swap(slot_, other.slot_);
    if (this != &other) other.drop();
    return *this;
  }
  // Needs a handle of some heap.
  Root& operator=(T* target) {
    slot_ = table_->store(slot_, reinterpret_cast<std::uintptr_t>(target));
    return *this;
  }
  ~Root() { drop(); }

  T* get() const noexcept { return table_ == nullptr ? nullptr : reinterpret_cast<T*>(table_->load(slot_)); }
  T* operator->() const noexcept { return get(); }
  T& operator*() const noexcept { return *get(); }
  explicit operator bool() const noexcept { return get() != nullptr; }
  operator T*() const noexcept { return get(); }
  // Points to nothing, keeps its slot.
  void reset() {
    if (table_ != nullptr) slot_ = table_->store(slot_, 0);
  }

 private:
  void drop() noexcept {
    if (table_ != nullptr) table_->release(slot_);
    table_ = nullptr;
  }
  gc::RootTable* table_ = nullptr;
  std::uint32_t slot_ = gc::RootTable::kNone;
};

}  // namespace openclaw
