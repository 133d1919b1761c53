// From object numbers of the file to dense indexes of what was read. The same for a complete file; where
// frames were lost, the objects that remain move together and numbers of missing ones lead nowhere.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace openclaw {

// Threads: const from any number once filled.
class ObjectNumbers {
 public:
  static constexpr std::uint32_t kMissing = 0xffff'ffffu;

  // Numbers [first, first + count) became the next `count` indexes. Ascending calls; numbers do not repeat.
  void append(std::uint64_t first, std::uint32_t count) {
    if (!runs_.empty() && runs_.back().first + runs_.back().count == first)
      runs_.back().count += count;
    else
      runs_.push_back({first, count, size_});
    size_ += count;
  }
  std::uint32_t size() const { return size_; }
  std::uint64_t end() const { return runs_.empty() ? 0 : runs_.back().first + runs_.back().count; }

  // Cost: O(1) for a complete file, else O(log runs).
  std::uint32_t indexOf(std::uint64_t number) const {
    if (runs_.size() == 1) {
      const std::uint64_t index = number - runs_[0].first;
      return index < runs_[0].count ? static_cast<std::uint32_t>(index) : kMissing;
    }
    const Run* run = runOf(number);
    return run != nullptr && number - run->first < run->count
               ? run->index + static_cast<std::uint32_t>(number - run->first)
               : kMissing;
  }
  // Index of the first object read whose number is `number` or higher; size() when there is none.
  std::uint32_t indexAtOrAfter(std::uint64_t number) const {
    const Run* run = runOf(number);
    if (run == nullptr) return 0;
    return run->index + static_cast<std::uint32_t>(std::min<std::uint64_t>(number - run->first, run->count));
  }

 private:
  struct Run {
    std::uint64_t first;
    std::uint64_t count;
    std::uint32_t index;
  };
  const Run* runOf(std::uint64_t number) const {
    const auto after = std::upper_bound(runs_.begin(), runs_.end(), number,
                                        [](std::uint64_t n, const Run& run) { return n < run.first; });
    return after == runs_.begin() ? nullptr : &*std::prev(after);
  }
  std::vector<Run> runs_;
  std::uint32_t size_ = 0;
};

}  // namespace openclaw
