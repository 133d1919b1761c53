// Call stacks of thirty frames in a fifth of a microsecond: unwinds by rules that are remembered per program counter. A rule comes from
// the module's call frame table, which libunwind finds; what a rule cannot say, libunwind steps over.
//
//   RuleCache rules;                                          // one a recorder, before threads
//   std::uint64_t pcs[64];
//   std::size_t count = rules.unwind(pcs, 0);                 // the callers of this line, innermost first
//
// Libraries come and go. A rule belongs to one load of one module, known by its place, its link map and its build id, and
// every walk asks _dl_find_object (lock-free) once per module that it meets whether that load is still there. So a
// library that was closed, and another one in its place, cannot lend its rules. A module that could be closed and has no
// build id is not remembered: its rules are worked out each time.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "capture/stacks/frame_rule.h"

namespace openclaw::internal {

// What happened besides finding remembered rules.
struct RuleCacheCounts {
  std::uint64_t rulesMade = 0;          // worked out from a table: first visits, and modules that are not remembered
  std::uint64_t rulesDisplaced = 0;     // by others, in a full part of the table
  std::uint64_t stepsThroughLibunwind = 0;
  std::uint64_t modulesSeen = 0;        // loads of modules that got a slot
};

// Threads: any, also in signal handlers: readers take no lock, writers only try one, and who does not get it works
// without remembering. Owns: one anonymous mapping, touched as used. No allocation after construction.
class RuleCache {
 public:
  // Room for so many rules (32 bytes each), rounded up to a power of two.
  explicit RuleCache(std::size_t capacity = std::size_t{1} << 16);
  ~RuleCache();
  RuleCache(const RuleCache&) = delete;

  // Return addresses of the callers of this function, innermost first, without the first `skip` of them; what a loop
  // over unw_step gives: ends at the outermost frame, before code without tables, or when `pcs` is full. Under a signal's
  // frame it follows the table's row for the interrupted instruction; libunwind 14 takes the one for the byte before,
  // which goes wrong in prologues and epilogues.
  // Cost: about 6 ns a frame whose rule is known, half a microsecond where it is not, microseconds where libunwind steps.
  std::size_t unwind(std::span<std::uint64_t> pcs, std::size_t skip) noexcept;

  RuleCacheCounts counts() const noexcept;

  static constexpr std::uint32_t kModules = 1u << FrameRule::kModuleBits;

 private:
  struct Place;
  struct Module;
  struct Walk;
  struct Frame;

  Place* find(std::uintptr_t address) const noexcept;
  bool stillLoaded(std::uint32_t module, std::uintptr_t address, std::uint16_t& generation) const noexcept;
  FrameRule make(std::uintptr_t address) noexcept;
  FrameRule ruleFor(std::uintptr_t address, Walk& walk) noexcept;
  bool rareStep(FrameRule rule, Walk& walk, Frame& frame) noexcept;
  void remember(std::uintptr_t address, FrameRule rule) noexcept;
  bool moduleOf(std::uintptr_t address, std::uint32_t& module, std::uint32_t& generation) noexcept;

  // Constant after construction; places_ and modules_ are null when there was no address space, then nothing is kept.
  std::size_t capacity_ = 0;
  unsigned shift_ = 0;
  Place* places_ = nullptr;
  Module* modules_ = nullptr;

  std::atomic<std::uint64_t> rulesMade_{0}, rulesDisplaced_{0}, steps_{0}, modulesSeen_{0};
  std::atomic_flag writing_;
  // Guarded by writing_.
  std::uint32_t modulesUsed_ = 0, recycled_ = 0;
};

}  // namespace openclaw::internal
