// The program and shared objects that are loaded now, with their build ids: the Modules table of a dump. Taken before
// the stop (it allocates and takes the loader's lock).
//
//   ModuleList modules = ModuleList::current();
//   tables.modules = modules.records();        // borrowed from `modules`
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "format/records.h"

namespace openclaw {

// Threads: one at a time; records() of a const list from any. Owns: the texts and ids its records point to.
class ModuleList {
 public:
  // Sorted by low address. Cost: about a microsecond a module.
  static ModuleList current();
  ModuleList() = default;
  ModuleList(ModuleList&&) noexcept = default;
  ModuleList& operator=(ModuleList&&) noexcept = default;

  std::span<const ModuleRecord> records() const { return records_; }

 private:
  struct Entry {
    std::string path;
    std::vector<std::uint8_t> buildId;
    std::uint64_t base = 0, low = 0, high = 0;
  };
  std::vector<Entry> entries_;
  std::vector<ModuleRecord> records_;  // borrows from entries_: moving a vector keeps its elements in place
};

}  // namespace openclaw
