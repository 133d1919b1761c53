// A file that came with a message. Its bytes lie in the heap as a pointer-free array, or, when they are many, in
// malloc memory that this object owns and reports (ExternalBytes), so that dumps and counters know of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "runtime/openclaw.h"

namespace openclaw::service {

inline constexpr std::size_t kLargestInHeap = 256u << 10;

struct Attachment {
  Member<String> name, contentType;
  Member<Array<char>> inHeap;
  ExternalBytes outside;
  std::unique_ptr<char[]> outsideData;
  std::uint64_t size = 0;

  std::string_view bytes() const { return {outsideData ? outsideData.get() : inHeap ? inHeap->begin() : nullptr, size}; }
  OPENCLAW_TYPE(Attachment, name, contentType, inHeap, outside)
};

}  // namespace openclaw::service
