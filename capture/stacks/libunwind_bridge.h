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

}  // namespace openclaw::internal
