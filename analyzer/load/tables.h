// The small tables of a heap.bin (types, sites, stacks, roots, pauses, counters, …) with owned text.
#pragma once

#include <map>
#include <string>

#include "analyzer/load/foreign_names.h"
#include "analyzer/snapshot_state.h"
#include "format/dump_reader.h"

namespace openclaw {

// Losses of loading by name; they join those of the dumped process in the report.
using Losses = std::map<std::string, std::uint64_t, std::less<>>;

// What the end frame says was written, for comparison with what was read.
struct Announced {
  bool seen = false;
  std::uint64_t objects = 0, references = 0, roots = 0, regions = 0;
};

// Takes the rows of one frame that is no objects or references frame. Rows may come in any order; a hole in a
// table (a lost frame) is filled with rows named "(lost ...)", at most a million in all.
class TableReader {
 public:
  TableReader(SnapshotState& state, Losses& losses) : state_(state), losses_(losses) {}
  void read(const DecodedFrame& frame);
  // After the last frame: every table has the rows that others refer to; sites and stacks know each other.
  void finish();
  // Roots with object numbers of the file; the caller renumbers.
  struct FileRoot {
    std::uint64_t object;
    RootInfo info;
  };
  std::vector<FileRoot>& roots() { return roots_; }
  const Announced& announced() const { return announced_; }
  // Of a converted dump, by object numbers of the file as well.
  ForeignNames& names() { return names_; }

 private:
  template <class Table, class Index, class Row, class Lost>
  void place(Table& table, Index index, Row row, Lost lost);

  SnapshotState& state_;
  Losses& losses_;
  std::vector<FileRoot> roots_;
  Announced announced_;
  ForeignNames names_;
  std::uint64_t fillers_ = 0;
  bool processSeen_ = false;
};

}  // namespace openclaw
