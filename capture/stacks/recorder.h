// Records call stacks cheaply: unwinds into a caller's buffer and interns stacks in a table that only grows.
//
//   StackRecorder recorder;                                    // one a process, before threads
//   std::uint32_t stack = recorder.record(site, objects, bytes);   // StackIndex value, or StackRecorder::kLost
//
// record() is called from allocation slow paths, inside the heap's critical section: no malloc, no loader lock, never
// blocks. Behind it: rules remembered per program counter (rule_cache.h), and LLVM libunwind where there are none.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "format/ids.h"
#include "format/records.h"

namespace openclaw {

namespace internal { struct RuleCacheCounts; }

// Unwinds the caller through libunwind alone: for one stack, and as what the recorder's rules are held against. Fills
// `pcs`, innermost first, skipping `skip` frames of its own callers. Returns how many; a full buffer may mean more. No
// allocation. Cost: a third of a microsecond a frame.
std::size_t unwindHere(std::span<std::uint64_t> pcs, std::size_t skip) noexcept;

class StackRecorder {
 public:
  static constexpr std::uint32_t kLost = 0x7fff'ffffu;
  static constexpr std::size_t kMaxDepth = 128;

  // Room for so many distinct stacks (24 KiB of pcs a thousand), reserved, touched as used.
  explicit StackRecorder(std::uint32_t maxStacks = 1u << 18);
  ~StackRecorder();
  StackRecorder(const StackRecorder&) = delete;

  // Unwinds, interns by (site, pcs), adds the estimates: a sample of a large object stands for 1.3 objects, say, and only
  // the sum is rounded. Threads: any. Lock-free reads, one try-lock to insert: when it is taken the sample is retried a
  // few times, then counted as lost. Cost: about 10 ns a frame whose rule is known.
  std::uint32_t record(std::uint32_t site, double estimatedObjects, double estimatedBytes, std::size_t skip) noexcept;
  void addFreed(std::uint32_t stack, double objects, double bytes) noexcept;

  std::uint32_t size() const noexcept;              // stacks so far
  std::uint64_t samples() const noexcept;
  std::uint64_t lost() const noexcept;
  internal::RuleCacheCounts ruleCounts() const noexcept;
  // A row of the table; pcs stay valid for the recorder's life. No allocation (for a dump child).
  StackRecord row(std::uint32_t stack) const noexcept;

 private:
  struct State;
  State* state_;
};

}  // namespace openclaw
