// Gives raw allocation-site ids (gc/sites.h) the dense row numbers that a dump stores, as a walk meets them. Row 0 is
// "unknown". Works in memory mapped beforehand: no allocation, no locks, no system calls.
//
//   std::uint32_t row = sites.rowOf(header.site());
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
  // Cost: a hash and usually one probe; the site of the object before is remembered.
  std::uint32_t rowOf(std::uint32_t rawSite) noexcept {
    if (rawSite == lastRaw_) return lastRow_;
    lastRaw_ = rawSite;
    return lastRow_ = rawSite == 0 ? 0 : find(rawSite);
  }
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
};

}  // namespace openclaw
