#include "analyzer/load/hprof/object_sizes.h"

namespace openclaw::hprof {

SizeDetector::SizeDetector(unsigned idSize) : idSize_(idSize) {
  const auto add = [&](std::uint32_t header, std::uint32_t arrayHeader, std::uint32_t reference) {
    candidates_[count_++].rules = {header, arrayHeader, reference, 8};
  };
  if (idSize == 4) {
    add(8, 12, 4);  // 32 bits, ART
    return;
  }
  add(16, 24, 8);  // neither references nor classes compressed
  add(16, 20, 8);  // the same since Java 23
  add(12, 16, 8);  // classes compressed: more than 32 GiB of heap, ZGC
  add(12, 16, 4);
  add(8, 12, 8);  // compact headers, since Java 24
  add(8, 12, 4);
}

void SizeDetector::see(Shape shape, std::uint32_t elementBytes, std::uint32_t count, std::uint64_t toNext) {
  ++seen_;
  for (std::size_t i = 0; i < count_; ++i) {
    Candidate& candidate = candidates_[i];
    const std::uint32_t each = shape == Shape::kObjectArray ? candidate.rules.reference : elementBytes;
    const std::uint64_t size = candidate.rules.array(count, each);
    candidate.exact += size == toNext;
    candidate.over += size > toNext;
  }
}

SizeRules SizeDetector::rules(std::uint64_t largestId, std::uint64_t idBits, std::uint64_t objects) const {
  const Candidate* best = nullptr;
  for (std::size_t i = 0; i < count_; ++i) {
    const Candidate& candidate = candidates_[i];
    // A damaged id among a thousand does not decide.
    if (candidate.over > seen_ / 1000 || candidate.exact == 0) continue;
    if (best == nullptr || candidate.exact > best->exact) best = &candidate;
  }
  SizeRules rules;
  if (best != nullptr) rules = best->rules;
  else if (idSize_ == 4) rules = {8, 12, 4, 8};
  else rules.reference = largestId < (std::uint64_t{1} << 35) ? 4 : 8;  // what compressed references can reach
  constexpr std::uint64_t kEnough = 64;
  if (objects >= kEnough && (idBits & 15) == 0) rules.alignment = 16;  // -XX:ObjectAlignmentInBytes=16
  return rules;
}

}  // namespace openclaw::hprof
