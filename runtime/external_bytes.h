// Memory outside the heap that a heap object owns (a malloc'd buffer, a mapped file): reported with the object, so that
// a small object which holds a megabyte does not look small.
//
//   struct Image { ExternalBytes bytes; void* pixels; ~Image() { free(pixels); } OPENCLAW_TYPE(Image, bytes) };
//   image->bytes.set(heap, 1 << 20);
#pragma once

#include <cstdint>

#include "runtime/heap.h"

namespace openclaw {

// A field of a heap object, one a type. The heap's counter follows and falls when the owner's destructor runs.
// Threads: one at a time.
class ExternalBytes {
 public:
  static constexpr bool kOpenclawExternalBytes = true;

  ExternalBytes() = default;
  ~ExternalBytes() {
    if (bytes_ != 0) forget();
  }
  ExternalBytes(const ExternalBytes&) = delete;

  std::uint64_t get() const noexcept { return __atomic_load_n(&bytes_, __ATOMIC_RELAXED); }
  void set(Heap& heap, std::uint64_t bytes) noexcept;
  // The sum may not become negative.
  void add(Heap& heap, std::int64_t bytes) noexcept;

 private:
  void forget() noexcept;
  std::uint64_t bytes_ = 0;   // read by dumps at its offset
};
static_assert(sizeof(ExternalBytes) == 8);

}  // namespace openclaw
