#include "runtime/gc/sampling.h"

#include <cmath>

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

[[gnu::noinline]] std::uint32_t recordSample(HeapImpl& heap, ThreadContext& thread, std::uint32_t site, std::uint64_t cellBytes) noexcept {
  const double weight = sampleWeight(cellBytes, thread.sampleMean);
  const std::uint32_t stack = heap.recorder.record(site, static_cast<std::uint64_t>(std::llround(weight)),
                                                   static_cast<std::uint64_t>(std::llround(weight * static_cast<double>(cellBytes))), kOwnFrames);
  asm volatile("" ::: "memory");   // no tail call: the frame count above holds
  return stack == StackRecorder::kLost ? site : pool::kSiteIsStack | stack;
}

void noteSampleFreed(HeapImpl& heap, std::uint32_t siteWord, std::uint64_t cellBytes, std::uint64_t mean) noexcept {
  const double weight = sampleWeight(cellBytes, mean);
  heap.recorder.addFreed(siteWord & ~pool::kSiteIsStack, static_cast<std::uint64_t>(std::llround(weight)),
                         static_cast<std::uint64_t>(std::llround(weight * static_cast<double>(cellBytes))));
}

}  // namespace openclaw::gc
