// References that marking has found and not followed yet, by the region of the heap that they lead into, so that those
// which are followed together lead to the same few megabytes, whose found bits stay in the second-level cache and whose
// translations fit the TLB. (Sorting work by where it leads is an old idea of searches on disk, and of radix joins.)
//
// Regions take turns in address order; within one, the last reference in is the first out. A heap of at most 4 MiB is one
// region: a stack. Where few references wait, as in a chain, the regions are not searched: see Access::take.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "runtime/pool/layout.h"

namespace openclaw::gc {

// Threads: one at a time. Owns: a reservation of address space; pages stay from one collection to the next as long as it needs
// as many, for a fresh page costs more than the marking that touches it.
class PendingEdges {
 public:
  // For targets in [low, low + reservedBytes). Takes as much address space as the heap has, which at 4 bytes each is for twice its
  // pointer slots, and 1 GiB for roots and stacks: putting in need not check. Throws std::bad_alloc.
  PendingEdges(pool::Address low, std::uint64_t reservedBytes);
  ~PendingEdges();
  PendingEdges(const PendingEdges&) = delete;

  // Before a collection of a heap that ends at low + usedBytes.
  void begin(std::uint64_t usedBytes) noexcept;
  // After it, empty. Pages that it did not need and the one before did go back to the system.
  void end() noexcept;

  bool empty() const noexcept { return count_ == 0; }
  // What begin() and the most that waited since took: in segments, of which each region has one at least.
  std::uint64_t highBytes() const noexcept { return std::uint64_t{segments_} * kSegmentBytes; }
  pool::Address address() const noexcept { return reinterpret_cast<pool::Address>(memory_); }
  std::size_t regions() const noexcept { return regions_; }

  // Puts targets in and takes them out. What each needs is in a loop's own variables: a write to the edges' memory might else
  // change the members. One at a time: the count is written back at its end.
  class Access {
   public:
    explicit Access(PendingEdges& edges)
        : edges_(edges), top_(edges.top_.data()), active_(edges.active_.data()), low_(edges.low_), shift_(edges.shift_), mask_(edges.mask_),
          regions_(edges.regions_), count_(edges.count_) {}
    ~Access() { edges_.count_ = count_; }
    Access(const Access&) = delete;

    // Without a branch on null, which is hard to predict: null, like all that is no address of the heap, counts as one region
    // more, whose top never moves.
    void putUnlessNull(pool::Address target) noexcept {
      const std::uint64_t offset = target - low_;
      const std::size_t region = std::min<std::uint64_t>(offset >> shift_, regions_);
      std::uint32_t* top = top_[region];
      *top = static_cast<std::uint32_t>((offset & mask_) >> pool::kGranuleShift);
      const std::size_t one = region != regions_ ? 1 : 0;
      top += one;
      count_ += one;
      last_ = one != 0 ? region : last_;
      active_[region] = 1;
      if ((reinterpret_cast<std::uintptr_t>(top) & (kSegmentBytes - 1)) == 0) [[unlikely]] top = edges_.behind(top);
      top_[region] = top;
    }

    // Moves up to `room` targets to `out`, as many as there are; returns how many.
    std::size_t take(pool::Address* out, std::size_t room) noexcept {
      room = std::min(room, count_);
      if (room == 0) return 0;
      // Where few wait, the region that the last one went to is likely, and the regions need not be searched.
      if (count_ < kFew) edges_.current_ = last_;
      edges_.take(out, room);
      count_ -= room;
      return room;
    }

   private:
    static constexpr std::size_t kFew = 16;
    PendingEdges& edges_;
    std::uint32_t** const top_;
    std::uint8_t* const active_;
    const pool::Address low_;
    const std::uint64_t shift_, mask_, regions_;
    std::size_t count_, last_ = 0;
  };

 private:
  static constexpr std::size_t kRegions = 256;   // at most
  static constexpr std::size_t kSegmentBytes = 4096, kSegmentWords = kSegmentBytes / sizeof(std::uint32_t);
  static constexpr std::size_t kFirstWord = 2;   // behind the Segment
  // The head of a segment; targets follow, as granules of their region.
  struct Segment {
    std::uint32_t previous;   // 1 + number of the region's segment before, or of the next free one; 0 = none
    std::uint32_t first;      // word at which its targets begin
  };
  std::uint32_t* wordsOf(std::uint32_t segment) const noexcept { return memory_ + segment * kSegmentWords; }
  // A top never stands at a segment's end, nor at its head.
  static Segment& segmentOf(std::uint32_t* top) noexcept {
    return *reinterpret_cast<Segment*>(reinterpret_cast<std::uintptr_t>(top) & ~std::uintptr_t{kSegmentBytes - 1});
  }
  std::uint32_t numberOf(const Segment& segment) const noexcept {
    return static_cast<std::uint32_t>((reinterpret_cast<const std::uint32_t*>(&segment) - memory_) / static_cast<std::ptrdiff_t>(kSegmentWords));
  }
  std::uint32_t* begin(std::uint32_t previous, std::uint32_t first) noexcept;
  // The top of a new segment behind a full one, whose end this is.
  std::uint32_t* behind(std::uint32_t* end) noexcept;
  std::uint64_t activeAmong(std::size_t block) const noexcept;
  // Exactly `count` targets, which there are.
  void take(pool::Address* out, std::size_t count) noexcept;
  // The next region with targets becomes the current one; there is one.
  void turn() noexcept;

  pool::Address low_;
  std::uint64_t bytes_;
  std::uint32_t* memory_;
  std::uint64_t shift_ = 0, mask_ = 0;
  std::size_t regions_ = 0, current_ = 0, count_ = 0;
  std::uint32_t segments_ = 0, kept_ = 0, free_ = 0;   // ever used by this collection; with pages; 1 + number of a free one
  std::array<std::uint32_t*, kRegions + 1> top_;         // the last for null
  alignas(64) std::array<std::uint8_t, kRegions + 64> active_{};   // regions that may have targets; 64 are read at once
  alignas(16) std::array<std::uint32_t, 4> null_{};      // where null is written, at a word that ends no segment
};

}  // namespace openclaw::gc
