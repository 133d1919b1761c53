// Finds what is alive: roots, stacks (conservatively), then everything reachable, in a stopped world, on the thread that
// stopped it. References wait sorted by region (pending_edges.h) and are followed in batches whose memory was asked for one
// round earlier (asking ahead is worth a factor of three to four on a random graph, regions half as much again; mark_bench).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "runtime/gc/pending_edges.h"
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
  // Between collections. What this one reached stays, since the next will need as much and a fresh page costs more than
  // the marking that touches it; what an earlier one needed and this one did not goes back to the system.
  void trim() noexcept;
  // Before it is emptied: how far it reached.
  void noteHigh() noexcept { if (size() > high_) high_ = size(); }
  pool::Address address() const noexcept { return reinterpret_cast<pool::Address>(base_); }

 private:
  std::uintptr_t* base_;
  std::uintptr_t* top_;
  std::uint64_t bytes_;
  std::size_t high_ = 0, touched_ = 0;   // words: since the last trim(), and kept by it
};

// Which objects the running collection has found: a bit a granule, dense and apart from the heap. A gigabyte of heap
// has 8 MiB of them, which the cache holds much longer than 64 MiB of mark bytes; most edges of a graph end at the
// question whether their target was found before, so this is where marking waits. publish() carries the bits over to
// the mark bytes, in address order, and leaves none set.
class FoundBits {
 public:
  FoundBits(pool::Address base, std::uint64_t reservedBytes);
  ~FoundBits();
  FoundBits(const FoundBits&) = delete;

  // True when it was not set before.
  bool set(pool::Address a) noexcept {
    std::uint64_t& word = words_[wordOf(a)];
    const std::uint64_t bit = std::uint64_t{1} << ((a - base_) >> pool::kGranuleShift & 63);
    const bool fresh = (word & bit) == 0;
    word |= bit;
    return fresh;
  }
  // Objects of one chunk that were found get the colour and a collection more of age. Cost: the chunk's bits, and the
  // mark bytes next to set ones.
  void publish(pool::Address chunk, std::uint8_t colour) noexcept;
  pool::Address address() const noexcept { return reinterpret_cast<pool::Address>(words_); }

 private:
  std::size_t wordOf(pool::Address a) const noexcept { return (a - base_) >> (pool::kGranuleShift + 6); }
  pool::Address base_;
  std::uint64_t bytes_;
  std::uint64_t* words_;
};

struct MarkTotals {
  std::uint64_t objects = 0, bytes = 0, rootsScanned = 0, stackWords = 0, weakCleared = 0;
};

class Marker {
 public:
  explicit Marker(HeapImpl& heap, std::uint64_t reservationBytes);

  // World stopped, every block swept, no thread with a buffer. `colour` is the new one. Adds its phases to `pause`.
  MarkTotals mark(std::uint8_t colour, PauseBuilder& pause) noexcept;
  // Where its mappings begin: edges, weak slots and bits. For the books of what is in memory.
  std::array<pool::Address, 3> tables() const noexcept { return {edges_.address(), weakSlots_.address(), found_.address()}; }

 private:
  void scanRoots() noexcept;
  void scanStacks() noexcept;
  void drain() noexcept;
  void publish() noexcept;
  void clearWeakSlots() noexcept;
  void offerConservative(std::uintptr_t word) noexcept;
  void scanFields(pool::Address payload, std::uint64_t header, PendingEdges::Access& edges) noexcept;

  HeapImpl& heap_;
  PendingEdges edges_;
  WordStack weakSlots_;
  FoundBits found_;
  std::uint8_t colour_ = 0;
  MarkTotals totals_;
};

}  // namespace openclaw::gc
