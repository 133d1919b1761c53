// Makes heap objects.
//
//   Node* node = make<Node>(heap, arguments...);          // its site: this line
//   String: makeSized<String>(at, extraBytes, arguments...)  // an object with room behind it
//
// Only on threads registered with the heap (ThreadScope). Throws std::bad_alloc when the heap limit leaves no room even
// after a collection, on an unregistered thread, and inside a destructor that the heap runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <source_location>
#include <utility>

#include "runtime/gc/sites.h"
#include "runtime/gc/thread_context.h"
#include "runtime/heap.h"
#include "runtime/pool/chunk.h"
#include "runtime/type_table.h"

namespace openclaw {

// Heap and allocation site. As a first parameter it takes the caller's line: make<T>(heap, ...), Array<T>::make(heap, n).
struct At {
  At(Heap& target, std::source_location location = std::source_location::current()) noexcept
      : heap(target), site(gc::siteOf(location)) {}
  At(Heap& target, std::uint32_t rawSite) noexcept : heap(target), site(rawSite) {}
  Heap& heap;
  std::uint32_t site;
};

namespace internal {

// Everything but the fast path. `header` as pool::ObjectHeader, without the size. Returns the payload, zeroed.
[[gnu::noinline]] void* allocateSlow(Heap& heap, std::uint64_t header, std::size_t payload);

// The cell of an object under construction; its payload is zero.
[[gnu::always_inline]] inline void* allocate(Heap& heap, std::uint64_t header, std::size_t payload) {
  gc::ThreadContext* thread = gc::currentThread;
  if (thread == nullptr || !pool::isSmallPayload(payload)) [[unlikely]] return allocateSlow(heap, header, payload);
  const std::size_t bytes = pool::smallCellBytes(payload);
  __atomic_store_n(&thread->inCritical, 1u, __ATOMIC_RELAXED);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  const pool::Address cell = thread->tlab.cursor;
  if (bytes > thread->tlab.limit - cell || thread->heap != &heap.impl()) [[unlikely]] {
    gc::leaveCritical(*thread);
    return allocateSlow(heap, header, payload);
  }
  thread->tlab.cursor = cell + bytes;
  __atomic_store_n(reinterpret_cast<std::uint64_t*>(cell), header | (bytes >> pool::kGranuleShift) << 16, __ATOMIC_RELAXED);
  std::uint8_t* mark = pool::markByteOf(cell);
  if (bytes == pool::kGranule) {
    __atomic_store_n(mark, static_cast<std::uint8_t>(pool::kYoung | pool::kEnd), __ATOMIC_RELAXED);
  } else {
    __atomic_store_n(mark + (bytes >> pool::kGranuleShift) - 1, pool::kEnd, __ATOMIC_RELAXED);
    __atomic_store_n(mark, pool::kYoung, __ATOMIC_RELAXED);
  }
  if ((header & pool::kDestructorFlag) != 0) {
    // The sweeper must look at dead cells of this block one by one.
    __atomic_fetch_or(&pool::blockSummaryOf(cell).flags, pool::kBlockMayHaveDestructors, __ATOMIC_RELAXED);
  }
  gc::leaveCritical(*thread);
  return reinterpret_cast<void*>(cell + pool::kHeaderBytes);
}

// The object is whole: from now on its destructor counts.
inline void finishConstruction(void* payload) noexcept {
  std::uint32_t* low = reinterpret_cast<std::uint32_t*>(pool::headerOf(payload));
  __atomic_store_n(low, __atomic_load_n(low, __ATOMIC_RELAXED) & ~static_cast<std::uint32_t>(pool::kConstructingFlag), __ATOMIC_RELEASE);
}

}  // namespace internal

// An object with `extraBytes` of zeroed room behind sizeof(T); T's constructor gets `arguments`.
template <class T, class... Arguments>
T* makeSized(At at, std::size_t extraBytes, Arguments&&... arguments) {
  static_assert(DescribedType<T>, "a type in the heap needs OPENCLAW_TYPE(Name, fields...) inside, its own and not only a base's");
  static_assert(alignof(T) <= 8, "heap objects are aligned to 8 bytes");
  constexpr std::uint32_t destructor = std::is_trivially_destructible_v<T> ? 0u : std::uint32_t{pool::kDestructorFlag};
  const std::uint64_t header = typeIdOf<T>() | pool::kConstructingFlag | static_cast<std::uint64_t>(at.site) << 32;
  void* payload = internal::allocate(at.heap, header | destructor, sizeof(T) + extraBytes);
  T* object = ::new (payload) T(std::forward<Arguments>(arguments)...);
  internal::finishConstruction(payload);
  return object;
}

template <class T, class... Arguments>
T* make(At at, Arguments&&... arguments) {
  return makeSized<T>(at, 0, std::forward<Arguments>(arguments)...);
}

}  // namespace openclaw
