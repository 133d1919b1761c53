// Full stacks of a few allocations, chosen by bytes: gaps between samples are exponential with mean
// memory.sample-interval, so an allocation of s bytes is chosen with probability 1 - e^(-s / mean) and stands for the
// inverse of that. A sampled object's site is bit 31 and the number of its stack in the recorder.
#pragma once

#include <cstddef>
#include <cstdint>

namespace openclaw::gc {

class HeapImpl;
struct ThreadContext;

// A fresh exponential gap in bytes, at least 1.
std::int64_t nextSampleGap(ThreadContext& thread) noexcept;
// How many objects of this size one sample stands for.
double sampleWeight(std::uint64_t cellBytes, std::uint64_t mean) noexcept;
// Unwinds and records; the site word of the object. `site` unchanged when the stack was lost. In a critical section.
std::uint32_t recordSample(HeapImpl& heap, ThreadContext& thread, std::uint32_t site, std::uint64_t cellBytes) noexcept;
// A sampled object is gone. Weighted with the mean of now, which is exact unless it was changed meanwhile.
void noteSampleFreed(HeapImpl& heap, std::uint32_t siteWord, std::uint64_t cellBytes, std::uint64_t mean) noexcept;

}  // namespace openclaw::gc
