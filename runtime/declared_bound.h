// What an object promises to keep at most: a cache its capacity, a pool its size. A dump carries the promise, so that a
// cache that fills up is not taken for a leak, and one that is past its bound is named.
//
//   struct Cache { DeclaredBound bound; Member<Array<Member<Page>>> pages; OPENCLAW_TYPE(Cache, bound, pages) };
//   cache->bound.setObjects(10'000);        // or setBytes(64 << 20)
//
// Compared with what the dump finds: bytes with what the object retains, objects with its largest kind of like objects.
#pragma once

#include <cstdint>

namespace openclaw {

// A field of a heap object, one a type, not in elements. 8 bytes. Threads: any; a dump sees the value of its moment.
class DeclaredBound {
 public:
  static constexpr bool kOpenclawDeclaredBound = true;

  // 0 = none (any more). Values are capped at 2^63 - 1.
  void setBytes(std::uint64_t most) noexcept { store(most < kObjects ? most : kObjects - 1); }
  void setObjects(std::uint64_t most) noexcept { store(most == 0 ? 0 : (most < kObjects ? most : kObjects - 1) | kObjects); }

 private:
  static constexpr std::uint64_t kObjects = 1ull << 63;   // as kBoundIsObjects of format/records.h
  void store(std::uint64_t word) noexcept { __atomic_store_n(&word_, word, __ATOMIC_RELAXED); }
  std::uint64_t word_ = 0;   // read by dumps at its offset
};
static_assert(sizeof(DeclaredBound) == 8);

}  // namespace openclaw
