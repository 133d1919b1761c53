// Gives raw allocation-site ids (gc/sites.h) the dense row numbers that a dump stores, as a walk meets them. Row 0 is
// "unknown". Works in memory mapped beforehand: no allocation, no locks, no system calls.
//
//   std::uint32_t row = sites.rowOf(header.site());
//   sites.add(row, 1, bytes);
//
// What a site allocated in all is never counted on the way: that would cost every allocation. It is what the walk finds
// there (exact) and what sampled stacks say was freed (estimated); without samples a lower bound.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "format/records.h"

namespace openclaw {

// Threads: one walk at a time. Owns: one anonymous mapping, touched as sites are met.
class SiteRows {
 public:
  static constexpr std::uint32_t kMostRows = 1u << 18;

  SiteRows();                    // throws std::bad_alloc without address space
  ~SiteRows();
  SiteRows(const SiteRows&) = delete;

  // Forgets all rows and gives the memory back; before a walk, outside any stop.
  void reset();
  // A walk that begins again: rows stay, sums begin at 0.
  void restartSums() noexcept;
  // Cost: a hash and usually one probe; the site of the object before is remembered.
  std::uint32_t rowOf(std::uint32_t rawSite) noexcept {
    if (rawSite == lastRaw_) return lastRow_;
    lastRaw_ = rawSite;
    return lastRow_ = rawSite == 0 ? 0 : find(rawSite);
  }
  // Of the site of this row: present in the heap, or freed.
  void add(std::uint32_t row, std::uint64_t objects, std::uint64_t bytes) noexcept {
    rows_[row].allocatedObjects += objects;
    rows_[row].allocatedBytes += bytes;
  }
  // How sure the sums are: the same for all rows, those to come too.
  void setCertainty(Certainty certainty) noexcept;
  std::span<const SiteRecord> rows() const noexcept { return {rows_, count_}; }
  // Objects, stacks and handles whose site no row was left for.
  std::uint64_t lost() const noexcept { return lost_; }

 private:
  struct Place { std::uint32_t raw, row; };
  static constexpr std::size_t kPlaces = std::size_t{kMostRows} * 2;
  std::uint32_t find(std::uint32_t rawSite) noexcept;

  Place* places_;
  SiteRecord* rows_;
  std::uint32_t count_ = 1;
  std::uint32_t lastRaw_ = 0, lastRow_ = 0;
  std::uint64_t lost_ = 0;
  Certainty certainty_ = Certainty::kLowerBound;
};

}  // namespace openclaw
