// A growing sequence inside a heap object: the elements stand in an Array<T> of the same heap.
//
//   struct Session { Vector<Member<Message>> messages; OPENCLAW_TYPE(Session, messages) };
//   session->messages.push_back(heap, make<Message>(heap));
//
// Not thread-safe: callers lock. Growing may collect; pointers to elements stay readable but point at the old array.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>

#include "format/check.h"
#include "runtime/containers/array.h"

namespace openclaw {

// Threads: one at a time. Owns: an Array that nobody else points to. An inline value of a heap object (it holds a
// Member), or a local of a registered thread.
template <class T>
class Vector {
 public:
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::size_t capacity() const { return items_ ? items_->size() : 0; }

  T& operator[](std::size_t i) {
    checked(i);   // first: an empty vector has no array
    return items_->at(i);
  }
  const T& operator[](std::size_t i) const {
    checked(i);
    return items_->at(i);
  }
  T& front() { return (*this)[0]; }
  T& back() { return (*this)[size_ - 1]; }
  T* begin() { return items_ ? items_->begin() : nullptr; }
  T* end() { return items_ ? items_->begin() + size_ : nullptr; }
  const T* begin() const { return items_ ? items_->begin() : nullptr; }
  const T* end() const { return items_ ? items_->begin() + size_ : nullptr; }

  // Cost: amortised O(1). `value` may be an element of this vector.
  template <class U>
  T& push_back(At at, U&& value) {
    Array<T>* old = items_.get();                 // keeps the old array, and with it `value`, alive meanwhile
    if (size_ == capacity()) reserve(at, size_ + 1);
    T& element = items_->at(size_);
    element = std::forward<U>(value);
    ++size_;
    keepAlive(old);
    return element;
  }
  // The last element's pointers are forgotten, not only hidden.
  void pop_back() {
    (*this)[size_ - 1] = T{};
    --size_;
  }
  // Keeps the order. Cost: O(n).
  void erase(std::size_t i) {
    for (checked(i); i + 1 < size_; ++i) items_->at(i) = std::move(items_->at(i + 1));
    pop_back();
  }
  // Puts the last element in its place. Cost: O(1).
  void eraseUnordered(std::size_t i) {
    if (checked(i) + 1 < size_) (*this)[i] = std::move(back());
    pop_back();
  }
  void clear() {
    items_ = nullptr;
    size_ = 0;
  }
  void resize(At at, std::size_t size) {
    reserve(at, size);
    while (size_ > size) pop_back();
    size_ = size;
  }
  // Grows by a factor of 2, of 1.5 past 4096 elements.
  void reserve(At at, std::size_t wanted) {
    if (wanted <= capacity()) return;
    std::size_t grown = capacity() + (capacity() <= 4096 ? capacity() : capacity() / 2);
    Array<T>* larger = Array<T>::make(at, std::max({wanted, grown, std::size_t{4}}));
    for (std::size_t i = 0; i < size_; ++i) larger->at(i) = std::move(items_->at(i));
    items_ = larger;
  }

 private:
  std::size_t checked(std::size_t i) const {
    OPENCLAW_CHECK(i < size_, i, size_);
    return i;
  }
  static void keepAlive(const void* pointer) { asm volatile("" : : "r"(pointer) : "memory"); }

  Member<Array<T>> items_;
  std::size_t size_ = 0;

 public:
  OPENCLAW_TYPE(Vector, items_)
};

}  // namespace openclaw
