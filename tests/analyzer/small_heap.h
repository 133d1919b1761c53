// A heap of eight objects with everything that a dump of the runtime has, whose ledger adds up to the byte:
// what tests of views, findings and reports read. Change the records, then encode.
//
//   root handle -> Server -sessions_-> Array -[0]-> Session a -user_-> String "ann", -next_-> Session b
//                         -recent_ (weak)-> Session b      [1]-> Session b -user_-> 2 MiB String
//                                                          [2] null, [3]-> Session c -user_-> String "ann"
//   and a String that nobody points to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "format/records.h"

namespace openclaw::test {

struct SmallHeap {
  enum : std::uint64_t { kServer, kArray, kSessionA, kSessionB, kSessionC, kAnn, kGarbage, kBig };
  static constexpr std::uint64_t kBase = 0x7f31'c200'0000;
  static constexpr std::uint64_t kHeader = 8;

  std::vector<ObjectRecord> objects;
  std::vector<std::vector<std::uint64_t>> slots;
  std::vector<RegionRecord> regions;
  std::vector<ArenaRecord> arenas;
  std::vector<FloatingRecord> floating;
  std::vector<CounterRecord> counters;
  std::vector<RootRecord> roots;
  std::vector<LossRecord> losses;
  std::vector<std::uint64_t> pauseAllocated{0, 0};  // allocatedSinceLast of the two collections, older first
  bool flushEachObject = false;  // a frame for every object

  SmallHeap();
  std::uint64_t& counter(std::string_view name);
  // Scales the garbage string (and the books) to this many bytes.
  void setGarbageBytes(std::uint64_t bytes);
  std::vector<std::byte> encode() const;
};

}  // namespace openclaw::test
