// A heap that lives: objects are made, linked, let go and collected, and a dump of it has the ages, the garbage and the
// pause records that a real one would have. What tests of the leak and fragmentation rules run programs on.
//
//   AgingHeap heap;
//   auto owner = heap.make(heap.type("Desk"), heap.site("desk.cc", 3), 64);
//   heap.root(owner);
//   heap.link(owner, heap.make(entry, entrySite, 48));   heap.collect();
//   auto snapshot = heap.load();
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "analyzer/snapshot.h"
#include "format/records.h"

namespace openclaw::test {

class AgingHeap {
 public:
  using Object = std::uint32_t;  // stays valid while the object lives
  static constexpr std::uint64_t kBlock = 64 << 10;

  std::uint32_t type(const std::string& name, bool isArray = false);
  std::uint32_t site(const std::string& file, std::uint32_t line);
  // At the end of the heap; cells of 16 bytes' multiples.
  Object make(std::uint32_t type, std::uint32_t site, std::uint64_t bytes);
  // Appends a slot; link to `kNothing` appends a null.
  static constexpr Object kNothing = 0xffff'ffffu;
  void link(Object source, Object target) { objects_[source].slots.push_back(target); }
  void setSlot(Object source, std::size_t slot, Object target) { objects_[source].slots[slot] = target; }
  std::size_t slots(Object source) const { return objects_[source].slots.size(); }
  void unlinkAll(Object source) { objects_[source].slots.clear(); }
  void declareBound(Object object, std::uint64_t word) { objects_[object].bound = word; }   // as ObjectRecord::bound
  void root(Object object) { roots_.push_back(object); }
  // Frees what no root reaches, ages the rest, records the pause.
  void collect();
  // The samples say so many bytes of this site were freed.
  void sampleFreed(std::uint32_t site, std::uint64_t bytes) { freed_[site] += bytes; }
  void setting(const std::string& name, const std::string& value) { settings_.emplace_back(name, value); }

  std::uint64_t allocatedSinceCollection() const { return allocatedSince_; }
  std::uint64_t liveBytes() const { return live_; }  // as the last collection found
  // `regions`: with a table of 64 KiB blocks.
  std::vector<std::byte> encode(bool regions = false) const;
  std::shared_ptr<const Snapshot> load(bool regions = false) const;

 private:
  struct Row {
    std::uint64_t cell = 0, bytes = 0, bound = 0;
    std::uint32_t type = 0, site = 0;
    std::uint8_t age = 0;
    bool there = true;
    std::vector<Object> slots;
  };
  struct Collection {
    std::uint64_t allocated, marked;
  };
  std::vector<Row> objects_;
  std::vector<Object> roots_;
  std::vector<std::pair<std::string, bool>> types_;
  std::vector<std::pair<std::string, std::uint32_t>> sites_{{"", 0}};
  std::vector<Collection> collections_;
  std::vector<std::pair<std::string, std::string>> settings_;
  std::map<std::uint32_t, std::uint64_t> freed_;
  std::uint64_t next_ = 0x7f00'0000'0000, allocated_ = 0, allocatedSince_ = 0, live_ = 0;
};

}  // namespace openclaw::test
