// How to get from one frame to its caller, as eight bytes: what a row of a call frame table (DWARF CFI) comes to when
// only the stack pointer, rbp and the program counter are followed. Nearly all compiled code fits one of four shapes;
// what does not is kStep, and libunwind takes that step.
//
//   FrameRule rule = frameRule(fde, functionStart, pc - 1);
//   if (rule.shape() == FrameRule::Shape::kStackPointer) caller.sp = sp + rule.cfaOffset();
#pragma once

#include <cstdint>

namespace openclaw::internal {

// Where the kernel puts the registers of interrupted code, from the stack pointer that __restore_rt finds: r8 first, in
// the order of ucontext_t.
inline constexpr std::int64_t kSignalRegisters = 40, kSignalRbp = 120, kSignalRsp = 160, kSignalRip = 168;

// bits    what
//  2:0    shape
// 11:3    number of the module slot            } of rule_cache, not of the rule
// 27:12   generation of that slot              }
// 47:28   CFA offset in words, signed
// 55:48   rbp offset in words, signed
class FrameRule {
 public:
  enum class Shape : std::uint8_t {
    kNone,           // no rule here (an empty place of a table)
    kStackPointer,   // CFA = rsp + cfaOffset                      } return address at CFA - 8;
    kFramePointer,   // CFA = rbp + cfaOffset                      } rbp at CFA + rbpOffset, unchanged when that is 0
    kRealigned,      // CFA = *(rbp + cfaOffset), return address at CFA - 8; rbp at rbp + rbpOffset
    kSignal,         // a signal's frame: rsp, rbp and rip of the interrupted code at rsp + kSignalRsp, .. (no offsets here)
    kEnd,            // the outermost frame
    kNoTables,       // code that nothing is known of: the walk ends before it, as libunwind's does
    kStep,           // libunwind knows
  };

  constexpr FrameRule() = default;
  constexpr explicit FrameRule(std::uint64_t word) : word_(word) {}
  // A shape whose offsets (bytes) do not fit becomes kStep.
  static FrameRule make(Shape shape, std::int64_t cfaOffset = 0, std::int64_t rbpOffset = 0) noexcept;

  constexpr std::uint64_t word() const { return word_; }
  constexpr Shape shape() const { return static_cast<Shape>(word_ & 7); }
  constexpr std::int64_t cfaOffset() const { return (static_cast<std::int64_t>(word_ << 16) >> 44) * 8; }
  constexpr std::int64_t rbpOffset() const { return (static_cast<std::int64_t>(word_ << 8) >> 56) * 8; }

  static constexpr unsigned kModuleBits = 9, kGenerationBits = 16;
  constexpr std::uint32_t module() const { return (word_ >> 3) & ((1u << kModuleBits) - 1); }
  constexpr std::uint32_t generation() const { return (word_ >> (3 + kModuleBits)) & ((1u << kGenerationBits) - 1); }
  constexpr FrameRule in(std::uint32_t module, std::uint32_t generation) const {
    return FrameRule(word_ | std::uint64_t{module} << 3 | std::uint64_t{generation} << (3 + kModuleBits));
  }

 private:
  std::uint64_t word_ = 0;
};

// Runs the call frame instructions of an FDE in .eh_frame up to `address`, a place inside the function: for return
// addresses the byte before. libunwind found the FDE, so its length and that of its CIE are trusted; offsets inside are
// not. No allocation, no locks. Cost: proportional to the instructions, tens of nanoseconds.
FrameRule frameRule(const std::uint8_t* fde, std::uintptr_t functionStart, std::uintptr_t address) noexcept;

}  // namespace openclaw::internal
