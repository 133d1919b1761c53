#include "runtime/external_bytes.h"

#include "format/check.h"
#include "runtime/gc/heap_impl.h"
#include "runtime/gc/thread_context.h"

namespace openclaw {

void ExternalBytes::set(Heap& heap, std::uint64_t bytes) noexcept {
  gc::CriticalScope together;   // a stop, and so a dump, sees both or none
  std::uint64_t before = get();
  // Unsigned wrap-around makes one addition of growing and shrinking.
  heap.impl().externalBytes.fetch_add(bytes - before, std::memory_order_relaxed);
  __atomic_store_n(&bytes_, bytes, __ATOMIC_RELAXED);
}

void ExternalBytes::add(Heap& heap, std::int64_t bytes) noexcept {
  std::uint64_t after = get() + static_cast<std::uint64_t>(bytes);
  OPENCLAW_CHECK(bytes >= 0 || after <= get(), get(), bytes);
  set(heap, after);
}

void ExternalBytes::forget() noexcept {
  gc::HeapImpl* heap = gc::heapOf(this);
  OPENCLAW_CHECK(heap != nullptr, reinterpret_cast<std::uintptr_t>(this));
  heap->externalBytes.fetch_sub(bytes_, std::memory_order_relaxed);
}

}  // namespace openclaw
