// Which objects so many references lead to that lists should have a code of one byte for them (list_coding.h). Found from a sample
// of the slots while they are written, because lists are there long before anybody could count.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "analyzer/graph/list_coding.h"

namespace openclaw {

// Every slot while there are few, later one in two, in four…, at random distances: lists of one kind follow each other with the
// same slots at the same places. Memory: at most half a mebibyte. Threads: one.
class TargetSample {
 public:
  void see(std::uint32_t entry) {
    if (--skip_ == 0) [[unlikely]] draw(entry);
  }

 private:
  friend CommonTargets commonTargets(std::span<const TargetSample* const> samples);
  static constexpr std::size_t kMost = std::size_t{1} << 17;
  void draw(std::uint32_t entry);
  std::vector<std::uint32_t> drawn_;
  std::uint32_t skip_ = 1, stride_ = 1, random_ = 1;
};

// What the writers of one table saw together: targets of at least one slot in 10,000, the most common first.
CommonTargets commonTargets(std::span<const TargetSample* const> samples);

// The codes of the common targets while lists are written.
class CommonCodes {
 public:
  explicit CommonCodes(const CommonTargets& common);
  std::uint32_t count() const { return count_; }
  // 0: not common.
  std::uint32_t of(std::uint32_t entry) const {
    std::uint32_t at = placeOf(entry);
    while (codes_[at] != 0 && entries_[at] != entry) at = (at + 1) % kPlaces;
    return codes_[at];
  }

 private:
  static constexpr std::uint32_t kPlaces = 256;
  static std::uint32_t placeOf(std::uint32_t entry) { return entry * 0x9e37'79b1u >> 24; }
  std::uint32_t count_;
  std::array<std::uint32_t, kPlaces> entries_{};
  std::array<std::uint8_t, kPlaces> codes_{};
};

}  // namespace openclaw
