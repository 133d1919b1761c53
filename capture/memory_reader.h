// How a heap source reads the memory it describes. In a dump child this is the child's own memory; for a core file it
// will be the mapped file. Everything noexcept, no allocation.
#pragma once

#include <cstddef>

#include "format/units.h"

namespace openclaw {

class MemoryReader {
 public:
  // The bytes [address, address + size) as memory of this process, or nullptr when they cannot be had whole.
  virtual const std::byte* view(Address address, std::size_t size) noexcept = 0;

 protected:
  ~MemoryReader() = default;
};

// The own address space: every address is its own view.
class OwnMemory final : public MemoryReader {
 public:
  const std::byte* view(Address address, std::size_t) noexcept override {
    return reinterpret_cast<const std::byte*>(address.value);
  }
};

}  // namespace openclaw
