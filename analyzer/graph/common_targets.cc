#include "analyzer/graph/common_targets.h"

#include <algorithm>
#include <utility>

namespace openclaw {
namespace {

constexpr std::uint64_t kOneIn = 10'000;
constexpr std::uint32_t kFewest = 16;   // draws: fewer say little

}  // namespace

void TargetSample::draw(std::uint32_t entry) {
  drawn_.push_back(entry);
  if (drawn_.size() == kMost) {
    for (std::size_t i = 0; 2 * i < kMost; ++i) drawn_[i] = drawn_[2 * i];
    drawn_.resize(kMost / 2);
    stride_ *= 2;
  }
  random_ = random_ * 1664525u + 1013904223u;   // Numerical Recipes' generator; its upper bits
  skip_ = 1 + static_cast<std::uint32_t>((std::uint64_t{random_} * (2 * stride_ - 1)) >> 32);
}

CommonTargets commonTargets(std::span<const TargetSample* const> samples) {
  std::vector<std::pair<std::uint32_t, std::uint64_t>> slots;   // entry, slots it stands for
  std::uint64_t total = 0;
  for (const TargetSample* sample : samples) {
    std::vector<std::uint32_t> drawn = sample->drawn_;
    std::sort(drawn.begin(), drawn.end());
    total += drawn.size() * sample->stride_;
    for (std::size_t i = 0, end = 0; i < drawn.size(); i = end) {
      while (end < drawn.size() && drawn[end] == drawn[i]) ++end;
      if (end - i >= kFewest) slots.emplace_back(drawn[i], (end - i) * sample->stride_);
    }
  }
  std::sort(slots.begin(), slots.end());
  std::size_t targets = 0;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (targets != 0 && slots[targets - 1].first == slots[i].first) slots[targets - 1].second += slots[i].second;
    else slots[targets++] = slots[i];
  }
  slots.resize(targets);
  std::erase_if(slots, [&](const auto& target) { return target.second * kOneIn < total; });
  std::sort(slots.begin(), slots.end(), [](const auto& a, const auto& b) { return std::pair(b.second, a.first) < std::pair(a.second, b.first); });
  CommonTargets common;
  common.count = static_cast<std::uint32_t>(std::min<std::size_t>(slots.size(), CommonTargets::kMost));
  for (std::uint32_t i = 0; i < common.count; ++i) common.entries[i] = slots[i].first;
  return common;
}

CommonCodes::CommonCodes(const CommonTargets& common) : count_(common.count) {
  for (std::uint32_t i = 0; i < common.count; ++i) {
    std::uint32_t at = placeOf(common.entries[i]);
    while (codes_[at] != 0) at = (at + 1) % kPlaces;
    entries_[at] = common.entries[i];
    codes_[at] = static_cast<std::uint8_t>(i + 1);
  }
}

}  // namespace openclaw
