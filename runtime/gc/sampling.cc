#include "runtime/gc/sampling.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "format/check.h"
#include "runtime/gc/heap_impl.h"

namespace openclaw::gc {
namespace {
// Frames of ours between an allocation and the recorder: recordSample, tryBuffers or allocateLarge, Allocator::allocateSlow, internal::allocateSlow.
constexpr std::size_t kOwnFrames = 4;
}  // namespace

std::int64_t nextSampleGap(ThreadContext& thread) noexcept {
  std::uint64_t x = thread.random;   // xorshift64*
  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  thread.random = x;
  const double unit = (static_cast<double>((x * 0x2545'f491'4f6c'dd1dull) >> 11) + 1.0) / 9007199254740993.0;  // (0, 1)
  const double gap = -std::log(unit) * static_cast<double>(thread.sampleMean);
  return gap < 1 ? 1 : static_cast<std::int64_t>(gap);
}

double sampleWeight(std::uint64_t cellBytes, std::uint64_t mean) noexcept {
  if (mean == 0) return 1;
  return 1 / -std::expm1(-static_cast<double>(cellBytes) / static_cast<double>(mean));
}

std::uint32_t sampledMeanBits(std::uint64_t mean) noexcept {
  mean = std::clamp<std::uint64_t>(mean, 256, (std::uint64_t{1} << 32) - 1);
  const auto exponent = static_cast<std::uint32_t>(std::bit_width(mean)) - 1;   // mean = 1.fraction * 2^exponent
  const auto fraction = static_cast<std::uint32_t>((mean << 8 >> exponent) & 255);
  return (exponent << 8 | fraction) << kSampledStackBits;
}

[[gnu::noinline]] std::uint32_t recordSample(HeapImpl& heap, ThreadContext& thread, std::uint32_t site, std::uint64_t cellBytes) noexcept {
  const double weight = sampleWeight(cellBytes, thread.sampleMean);
  const std::uint32_t stack = heap.recorder.record(site, weight, weight * static_cast<double>(cellBytes), kOwnFrames);
  asm volatile("" ::: "memory");   // no tail call: the frame count above holds
  if (stack == StackRecorder::kLost) return site;
  OPENCLAW_CHECK(stack >> kSampledStackBits == 0, stack);
  return pool::kSiteIsStack | sampledMeanBits(thread.sampleMean) | stack;
}

void noteSampleFreed(HeapImpl& heap, std::uint32_t siteWord, std::uint64_t cellBytes) noexcept {
  const double weight = sampleWeight(cellBytes, sampledMean(siteWord));
  heap.recorder.addFreed(sampledStack(siteWord), weight, weight * static_cast<double>(cellBytes));
}

}  // namespace openclaw::gc
