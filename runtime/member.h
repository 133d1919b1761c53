// Pointers between heap objects: fields of heap objects (or of inline structs inside them), nowhere else; on stacks use
// plain pointers, everywhere else Root. What they point to is the start of a heap object, or null.
//
//   struct Session { Member<Session> next; WeakMember<Cache> cache; OPENCLAW_TYPE(Session, next, cache) };
//
// Threads: a store releases and a load acquires, so a racing reader sees a whole object. Nothing more is promised.
#pragma once

#include <concepts>
#include <cstddef>

namespace openclaw {

namespace internal {
// The one place where a pointer between heap objects is stored; later stages put their barrier here.
template <class T>
inline void storeMember(T** slot, T* value) noexcept { __atomic_store_n(slot, value, __ATOMIC_RELEASE); }
template <class T>
inline T* loadMember(T* const* slot) noexcept { return __atomic_load_n(slot, __ATOMIC_ACQUIRE); }

template <class T, bool kWeak>
class BasicMember {
 public:
  using Target = T;
  static constexpr bool kIsWeak = kWeak;

  BasicMember() noexcept { storeMember<T>(&raw_, nullptr); }
  BasicMember(std::nullptr_t) noexcept : BasicMember() {}
  BasicMember(T* target) noexcept { storeMember<T>(&raw_, target); }
  BasicMember(const BasicMember& other) noexcept : BasicMember(other.get()) {}
  template <class U, bool kOtherWeak> requires std::convertible_to<U*, T*>
  BasicMember(const BasicMember<U, kOtherWeak>& other) noexcept : BasicMember(static_cast<T*>(other.get())) {}
  BasicMember& operator=(const BasicMember& other) noexcept { store(other.get()); return *this; }
  BasicMember& operator=(T* target) noexcept { store(target); return *this; }
  BasicMember& operator=(std::nullptr_t) noexcept { store(nullptr); return *this; }
  template <class U, bool kOtherWeak> requires std::convertible_to<U*, T*>
  BasicMember& operator=(const BasicMember<U, kOtherWeak>& other) noexcept { store(other.get()); return *this; }

  T* get() const noexcept { return loadMember<T>(&raw_); }
  T* operator->() const noexcept { return get(); }
  T& operator*() const noexcept { return *get(); }
  explicit operator bool() const noexcept { return get() != nullptr; }
  operator T*() const noexcept { return get(); }
  void store(T* target) noexcept { storeMember<T>(&raw_, target); }

 private:
  T* raw_;
};
}  // namespace internal

// Keeps its target alive.
template <class T>
class Member : public internal::BasicMember<T, false> {
 public:
  using internal::BasicMember<T, false>::BasicMember;
  using internal::BasicMember<T, false>::operator=;
};

// Does not: the collector clears it when its target dies. What get() returned stays alive while it is on a stack.
template <class T>
class WeakMember : public internal::BasicMember<T, true> {
 public:
  using internal::BasicMember<T, true>::BasicMember;
  using internal::BasicMember<T, true>::operator=;
};

static_assert(sizeof(Member<int>) == 8 && sizeof(WeakMember<int>) == 8);

}  // namespace openclaw
