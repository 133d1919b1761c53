// Parents of a depth-first numbering in two bits each, for stages that have no room for four bytes.
//
//   ParentCode code(order.parent, order.reached);     // the array may go
//   code.forEach([&](std::uint32_t number, std::uint32_t parent) { … });     // ascending
//
// A number's parent is the number before it or one of that one's ancestors: how many steps up, in unary, ended by a set bit. No
// step is made twice, so there are at most as many as numbers.
#pragma once

#include <bit>
#include <cstdint>

#include "analyzer/buffer.h"
#include "analyzer/graph/work.h"

namespace openclaw {

// Threads: const from any number. Throws Cancelled, std::bad_alloc.
class ParentCode {
 public:
  ParentCode() = default;
  ParentCode(const Buffer<std::uint32_t>& parent, std::uint32_t reached, const Work& work)
      : reached_(reached), bits_((2 * std::size_t{reached} + 63) / 64 + 1) {
    std::uint64_t at = 0;
    for (std::uint32_t w = 1; w <= reached; ++w, ++at) {
      if ((w & (kStepsBetweenChecks - 1)) == 0) work.throwIfStopped();
      for (std::uint32_t up = w - 1; up != parent[w]; up = parent[up]) ++at;
      bits_[at >> 6] |= std::uint64_t{1} << (at & 63);
    }
  }
  // visit(number, parent). Memory: 4 bytes for each number on the longest path.
  template <class Visit>
  void forEach(const Work& work, Visit visit) const {
    Buffer<std::uint32_t> path(std::size_t{reached_} + 1);  // path[0] = 0, the virtual root
    std::uint32_t depth = 0;
    std::uint64_t at = 0;
    for (std::uint32_t w = 1; w <= reached_; ++w) {
      if ((w & (kStepsBetweenChecks - 1)) == 0) work.throwIfStopped();
      std::uint64_t word;
      while ((word = bits_[at >> 6] >> (at & 63)) == 0) {
        const std::uint64_t passed = 64 - (at & 63);
        depth -= static_cast<std::uint32_t>(passed);
        at += passed;
      }
      const auto up = static_cast<std::uint32_t>(std::countr_zero(word));
      depth -= up;
      at += up + 1;
      visit(w, path[depth]);
      path[++depth] = w;
    }
  }

 private:
  std::uint32_t reached_ = 0;
  Buffer<std::uint64_t> bits_;
};

}  // namespace openclaw
