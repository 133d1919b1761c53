// Finds what is alive: roots, stacks (conservatively), then everything reachable, in a stopped world, on the thread that
// stopped it. Depth first over an explicit stack in memory of its own, with a queue of 16 prefetched objects between
// the stack and the work (the queue alone is worth a factor of five, runtime.md 2.7).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "runtime/pool/layout.h"

namespace openclaw::gc {

class HeapImpl;
class PauseBuilder;

// A growing array of words in reserved address space: push never allocates, touched pages are given back by trim().
class WordStack {
 public:
  explicit WordStack(std::uint64_t reservedBytes);
  ~WordStack();
  WordStack(const WordStack&) = delete;
  void push(std::uintptr_t word) noexcept { *top_++ = word; }
  std::uintptr_t pop() noexcept { return *--top_; }
  bool empty() const noexcept { return top_ == base_; }
  std::size_t size() const noexcept { return static_cast<std::size_t>(top_ - base_); }
  bool hasRoom(std::size_t words) const noexcept { return static_cast<std::size_t>(end_ - top_) >= words; }
  std::uintptr_t operator[](std::size_t i) const noexcept { return base_[i]; }
  void clear() noexcept { top_ = base_; }
  void trim(std::size_t keepBytes) noexcept;       // MADV_DONTNEED beyond it; when empty
  std::size_t highWords() const noexcept { return high_; }
  void noteHigh() noexcept { if (size() > high_) high_ = size(); }
  pool::Address address() const noexcept { return reinterpret_cast<pool::Address>(base_); }

 private:
  std::uintptr_t* base_;
  std::uintptr_t* top_;
  std::uintptr_t* end_;
  std::uint64_t bytes_;
  std::size_t high_ = 0;
};

struct MarkTotals {
  std::uint64_t objects = 0, bytes = 0, rootsScanned = 0, stackWords = 0, weakCleared = 0;
};

class Marker {
 public:
  explicit Marker(HeapImpl& heap, std::uint64_t reservationBytes);

  // World stopped, every block swept, no thread with a buffer. `colour` is the new one. Adds its phases to `pause`.
  MarkTotals mark(std::uint8_t colour, PauseBuilder& pause) noexcept;
  // Where its mappings begin, for the books of what is in memory.
  std::array<pool::Address, 2> tables() const noexcept { return {stack_.address(), weakSlots_.address()}; }

 private:
  void scanRoots() noexcept;
  void scanStacks() noexcept;
  void drain() noexcept;
  void clearWeakSlots() noexcept;
  void offerConservative(std::uintptr_t word) noexcept;
  void scanFields(pool::Address payload, std::uint64_t header) noexcept;

  HeapImpl& heap_;
  WordStack stack_, weakSlots_;
  std::uint8_t colour_ = 0;
  MarkTotals totals_;
};

}  // namespace openclaw::gc
