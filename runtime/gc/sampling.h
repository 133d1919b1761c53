// Full stacks of a few allocations, chosen by bytes: gaps between samples are exponential with mean
// memory.sample-interval, so an allocation of s bytes is chosen with probability 1 - e^(-s / mean) and stands for the
// inverse of that. Site word of a sampled object:
//
//   31      30:18                 17:0
//   1       mean of its time      number of its stack in the recorder
//
// With the mean in it, a sample stands for as many objects when it is freed as when it was allocated, whatever the
// setting is by then: what a stack has freed never exceeds what it allocated, and both sums estimate without bias.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/pool/layout.h"

namespace openclaw::gc {

class HeapImpl;
struct ThreadContext;

inline constexpr unsigned kSampledStackBits = 18;

// The stack of a sampled object's site word.
inline constexpr std::uint32_t sampledStack(std::uint32_t siteWord) { return siteWord & ((1u << kSampledStackBits) - 1); }
// The mean of its time: a float of 5 bits exponent and 8 bits fraction, 256 to 2^32 bytes.
inline constexpr std::uint64_t sampledMean(std::uint32_t siteWord) {
  const std::uint32_t code = (siteWord & ~pool::kSiteIsStack) >> kSampledStackBits;
  return (std::uint64_t{256 + (code & 255)} << (code >> 8)) >> 8;
}
// The bits of a site word that say `mean`, rounded down to what they can say (less than 0.4 % off, powers of two exact).
// Sampling itself works with the rounded mean, so that nothing is biased.
std::uint32_t sampledMeanBits(std::uint64_t mean) noexcept;
inline std::uint64_t usableMean(std::uint64_t mean) noexcept { return mean == 0 ? 0 : sampledMean(sampledMeanBits(mean)); }

// A fresh exponential gap in bytes, at least 1.
std::int64_t nextSampleGap(ThreadContext& thread) noexcept;
// How many objects of this size one sample stands for.
double sampleWeight(std::uint64_t cellBytes, std::uint64_t mean) noexcept;
// Unwinds and records; the site word of the object. `site` unchanged when the stack was lost. In a critical section.
std::uint32_t recordSample(HeapImpl& heap, ThreadContext& thread, std::uint32_t site, std::uint64_t cellBytes) noexcept;
// A sampled object is gone.
void noteSampleFreed(HeapImpl& heap, std::uint32_t siteWord, std::uint64_t cellBytes) noexcept;

}  // namespace openclaw::gc
