// How many bytes did an object take in the Java heap? The file does not say: it gives ids and values, references as wide as ids.
//
// What is missing (width of a reference, of an object's header, of an array's) is found by laying arrays beside their
// neighbours: under the right rules nearly every array ends exactly where the next object begins, and none reaches into it.
// The sums are those of HotSpot since Java 15 (fields fill all gaps, the whole is rounded up); fields that the virtual machine
// injects (into java.lang.ClassLoader, for one) are in no dump and not counted.
#pragma once

#include <array>
#include <cstdint>

#include "analyzer/load/hprof/object_key.h"

namespace openclaw::hprof {

struct SizeRules {
  std::uint32_t header = 12;       // of an instance
  std::uint32_t arrayHeader = 16;  // up to the first element of at most 4 bytes
  std::uint32_t reference = 4;
  std::uint32_t alignment = 8;

  std::uint64_t up(std::uint64_t bytes) const { return (bytes + alignment - 1) & ~std::uint64_t{alignment - 1}; }
  std::uint64_t instance(std::uint64_t primitiveBytes, std::uint64_t references) const {
    return up(header + primitiveBytes + references * reference);
  }
  std::uint64_t array(std::uint64_t count, std::uint32_t each) const {
    const std::uint32_t first = each == 8 ? (arrayHeader + 7) & ~7u : arrayHeader;
    return up(first + count * each);
  }
};

// Threads: one.
class SizeDetector {
 public:
  explicit SizeDetector(unsigned idSize);
  // An array, and how far behind its beginning the next object begins.
  void see(Shape shape, std::uint32_t elementBytes, std::uint32_t count, std::uint64_t toNext);
  // `largestId`, `idBits` (or of all distances between ids): what decides where no array does.
  SizeRules rules(std::uint64_t largestId, std::uint64_t idBits, std::uint64_t objects) const;

 private:
  struct Candidate {
    SizeRules rules;
    std::uint64_t exact = 0, over = 0;
  };
  const unsigned idSize_;
  std::array<Candidate, 8> candidates_{};
  std::size_t count_ = 0;
  std::uint64_t seen_ = 0;
};

}  // namespace openclaw::hprof
