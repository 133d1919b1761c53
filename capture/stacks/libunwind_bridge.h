// The only door to LLVM libunwind: a private copy of it stands behind this header, under names nobody else has
// (README.md of this folder says how it is made and why). Frames are found without the loader's lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace openclaw::internal {

// Return addresses of the callers of this function, innermost first, leaving out the first `skip` of them. Ends at the
// outermost frame, at code without unwind tables, or when `pcs` is full. No allocation, no locks, async-signal-safe.
std::size_t unwindThroughLibunwind(std::span<std::uint64_t> pcs, std::size_t skip) noexcept;

// The call frame table of the function that holds `address`, as libunwind finds it. No module or no table: fde is null.
struct FrameTable {
  const std::uint8_t* fde = nullptr;
  std::uintptr_t functionStart = 0;
};
FrameTable findFrameTable(std::uintptr_t address) noexcept;

// libunwind's cursor, frame by frame. start() has to be inlined: libunwind reads the frame that it began in, which must
// still be there at every step. Three kilobytes; nothing happens before start().
class LibunwindCursor {
 public:
  [[gnu::always_inline]] inline bool start() noexcept;
  // On made-up registers, the others 0; the first step reads the memory that sp and rbp point to.
  bool startAt(std::uintptr_t pc, std::uintptr_t sp, std::uintptr_t rbp) noexcept;
  // On the registers of interrupted code: the 17 words of a signal's frame from r8 to rip. LLVM 14 takes every pc for a
  // return address, whose row of the table is that of the byte before; so until the first step pc() is one more.
  bool startAtSignal(const std::uint64_t* registers) noexcept;
  bool started() const noexcept { return started_; }
  // To the caller. False: this was the last frame, or the caller has no tables.
  bool step() noexcept;
  std::uintptr_t pc() noexcept;
  std::uintptr_t sp() noexcept;
  std::uintptr_t rbp() noexcept;

 private:
  bool init() noexcept;

  bool started_ = false;
  alignas(16) std::uint64_t context_[176];   // libunwind.h gives them the sizes of the largest processor; checked in the .cc
  alignas(16) std::uint64_t cursor_[208];
};

// Fills an unw_context_t with the registers of now; it is assembler and reads no frame.
extern "C" int openclaw_unw_getcontext(void* context);

bool LibunwindCursor::start() noexcept { return started_ = openclaw_unw_getcontext(context_) == 0 && init(); }

}  // namespace openclaw::internal
