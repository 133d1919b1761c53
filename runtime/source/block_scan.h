// Reads the 4,096 mark bytes of a block at once, as bit sets: where objects start, which of them are live, where small
// objects end. 16 mark bytes a step.
//
//   BlockBits bits = BlockBits::of(base, colour, unswept);
//   bits.forEachLive([&](std::size_t granule) { ... });
#pragma once

#include <emmintrin.h>

#include <bit>
#include <cstddef>
#include <cstdint>

#include "runtime/pool/layout.h"

namespace openclaw {

struct BlockBits {
  static constexpr std::size_t kWords = pool::kGranulesPerBlock / 64;
  std::uint64_t starts[kWords], live[kWords], ends[kWords];
  bool anyStart = false;

  // `unswept`: young objects are older than the last collection, which did not find them.
  static void read(pool::Address base, std::uint8_t colour, bool unswept, BlockBits& bits) noexcept {
    const std::uint8_t* marks = pool::markByteOf(base);
    const __m128i stateMask = _mm_set1_epi8(pool::kStateMask), zero = _mm_setzero_si128(),
                  current = _mm_set1_epi8(static_cast<char>(colour)), end = _mm_set1_epi8(pool::kEnd),
                  young = _mm_set1_epi8(static_cast<char>(unswept ? colour : pool::kYoung));
    std::uint64_t any = 0;
    for (std::size_t word = 0; word < kWords; ++word) {
      std::uint64_t starts = 0, live = 0, ends = 0;
      for (unsigned part = 0; part < 4; ++part) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(marks + word * 64 + part * 16));
        const __m128i state = _mm_and_si128(bytes, stateMask);
        const auto bitsOf = [part](__m128i mask) {
          return static_cast<std::uint64_t>(static_cast<std::uint32_t>(_mm_movemask_epi8(mask))) << (part * 16);
        };
        starts |= bitsOf(_mm_cmpeq_epi8(state, zero));
        live |= bitsOf(_mm_or_si128(_mm_cmpeq_epi8(state, current), _mm_cmpeq_epi8(state, young)));
        ends |= bitsOf(_mm_cmpeq_epi8(_mm_and_si128(bytes, end), end));
      }
      bits.starts[word] = ~starts;
      bits.live[word] = live;
      bits.ends[word] = ends;
      any |= bits.starts[word];
    }
    bits.anyStart = any != 0;
  }

  template <class F>
  void forEachLive(F&& visit) const {
    for (std::size_t word = 0; word < kWords; ++word)
      for (std::uint64_t rest = live[word]; rest != 0; rest &= rest - 1)
        visit(word * 64 + static_cast<std::size_t>(std::countr_zero(rest)));
  }
  // The granule after the object that starts at `start`; kGranulesPerBlock when its end was not written (yet).
  std::size_t endOf(std::size_t start) const noexcept {
    std::size_t word = start / 64;
    std::uint64_t rest = ends[word] & (~0ull << (start % 64));
    while (rest == 0) {
      if (++word == kWords) return pool::kGranulesPerBlock;
      rest = ends[word];
    }
    return word * 64 + static_cast<std::size_t>(std::countr_zero(rest)) + 1;
  }
  bool isLive(std::size_t granule) const noexcept { return ((live[granule / 64] >> (granule % 64)) & 1) != 0; }
};

}  // namespace openclaw
