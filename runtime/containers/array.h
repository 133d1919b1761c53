// A fixed number of elements in one heap object.
//
//   Array<Member<Node>>* children = Array<Member<Node>>::make(heap, 8);    // all null
//   children->at(3) = node;                                                 // bounds-checked
//
// Elements: Member<U>, WeakMember<U>, a struct with OPENCLAW_TYPE, or plain data without pointers. In dumps their
// pointers are "[17]" or "[17].field". Bytes: [size 8][element]...; over 8 KiB it is a large object with pages of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <type_traits>

#include "format/check.h"
#include "runtime/make.h"
#include "runtime/member.h"
#include "runtime/type_table.h"

namespace openclaw {

namespace internal {
template <class T>
concept MemberLike = requires { typename T::Target; { T::kIsWeak } -> std::convertible_to<bool>; };
// Has pointer slots, or may have: stands in a pointer map.
template <class T>
concept Traced = MemberLike<T> || DescribedType<T> || requires { T::kOpenclawExternalBytes; };
}  // namespace internal

// Threads: as its elements; the size never changes. Owned by the heap.
template <class T>
class Array {
  struct Key {};

 public:
  using OpenclawSelf = Array;
  using Element = T;

  // `size` elements, each value-initialised. Throws std::bad_alloc.
  static Array* make(At at, std::size_t size) {
    if (size > std::numeric_limits<std::ptrdiff_t>::max() / sizeof(T)) throw std::bad_alloc();
    return makeSized<Array>(at, size * sizeof(T), Key{}, size);
  }

  Array(Key, std::size_t size) : size_(size) {
    static_assert(alignof(T) <= 8 && !std::is_pointer_v<T>, "elements are aligned to 8 bytes; pointers are Members");
    // The memory is zero already, which is what Members and plain data begin with.
    if constexpr (!internal::MemberLike<T> && !std::is_trivially_default_constructible_v<T>)
      std::uninitialized_value_construct_n(begin(), size);
  }
  ~Array() = default;
  ~Array() requires(!std::is_trivially_destructible_v<T>) { std::destroy_n(begin(), size_); }
  Array(const Array&) = delete;

  std::size_t size() const { return size_; }
  T& at(std::size_t i) { return begin()[checked(i)]; }
  const T& at(std::size_t i) const { return begin()[checked(i)]; }
  T& operator[](std::size_t i) { return at(i); }
  const T& operator[](std::size_t i) const { return at(i); }
  T* begin() { return reinterpret_cast<T*>(this + 1); }
  T* end() { return begin() + size_; }
  const T* begin() const { return reinterpret_cast<const T*>(this + 1); }
  const T* end() const { return begin() + size_; }

  static void openclawDescribe(TypeBuilder& builder) {
    builder.template elements<T>(sizeof(Array), 0);
  }

 private:
  std::size_t checked(std::size_t i) const {
    OPENCLAW_CHECK(i < size_, i, size_);
    return i;
  }
  const std::uint64_t size_;   // at offset 0: the pointer map reads it
};

}  // namespace openclaw
