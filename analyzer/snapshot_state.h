// What a Snapshot holds: the tables behind snapshot.h. For the loaders that fill it and the graph code; views
// and windows use snapshot.h.
//
// Bytes an object, stage by stage, of the seeded generator's heap (3 references and 0.3 nulls an object, fewer than 256 types,
// sizes under 255 units but for a few); what is measured at the end: 28.2, of which references 4.8, referrers 4.5.
//
//   stage         alive from before                         the stage's own, most at a time                       sum
//   references    types 1, sizes 1                          slots as read 13, declared and covered counts 8       23
//   numbering     types, sizes, references 4.8              number 4, object 4, parent 4; the longest path 4           18.8
//   incoming      the same                                  number, parent 8; object 4 goes as pairs 4 come, then lists 18.8
//   semi          the same                                  object 4, ancestor, label 8, some semi-dominators 1        19.8
//   retained      the same, dominators 4                    order 4, sums 4, narrow sums 2 in their place              19.3
//   dominated     the same, dominators 4, retained 2        pairs 4, then lists 3, then dominated 4                    17.3
//   referrers     types, sizes, references, dominators 4,   half of the pairs 5, referrers 4.5                    26.3
//                 retained 2, dominated 4
//   addresses     the same, referrers 4.5                   address 4, site 2, age and flags 1                    28.3
//
// Wider heaps need more: types past 255 and sizes past 64 units of 16 bytes 1 each, many retained sizes past 1 MiB 2, labels 4
// a slot. What the process itself needs comes on top (about 15 MiB).
#pragma once

#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analyzer/address_set.h"
#include "analyzer/column.h"
#include "analyzer/graph/edge_table.h"
#include "analyzer/graph/retained.h"
#include "analyzer/snapshot.h"

namespace openclaw {

// Ascending addresses in 4 bytes: distances from the base of a segment, in units of their common alignment. A
// heap is one segment, or a few where its ranges lie far apart. Ids in no order are one segment from 0, or `wide`. Loaders that
// look objects up by address anyway have a set of them instead.
struct AddressColumn {
  struct Segment {
    std::uint32_t firstRow;
    std::uint64_t base;
  };
  Column<std::uint32_t> units;
  unsigned unitShift = 0;
  std::vector<Segment> segments;  // ascending rows, the first at row 0
  Column<std::uint64_t> wide;     // instead of all that: ids in no order that do not fit 32 bits

  std::shared_ptr<const AddressSet> set;  // instead of all that, or null

  std::uint64_t operator[](std::size_t row) const;  // Cost: O(log segments)
  // How many are `address` or less, of ascending ones. Cost: O(log rows)
  std::uint32_t countUpTo(std::uint64_t address) const;
  std::size_t size() const { return set != nullptr ? set->size() : wide.empty() ? units.size() : wide.size(); }
  std::size_t bytes() const {
    return units.bytes() + wide.bytes() + segments.size() * sizeof(Segment) + (set != nullptr ? set->bytes() : 0);
  }
};

// What the dump says of single objects and slots beyond its tables, found when asked. Threads: const from any number.
class ArchiveWriter;
class ArchiveReader;
struct SnapshotState;
enum class TextsKind : std::uint8_t { kNone, kHprof, kV8, kStored };
struct ObjectTexts {
  virtual ~ObjectTexts() = default;
  virtual std::string describe(std::uint32_t object) const = 0;
  virtual std::size_t bytes() const = 0;
  virtual TextsKind textsKind() const = 0;
  // Into an index, what the texts of slots need included; the loader of the kind restores both (restoreTexts).
  virtual void save(ArchiveWriter& archive) const = 0;
};
struct SlotTexts {
  virtual ~SlotTexts() = default;
  virtual std::string label(std::uint32_t source, std::uint32_t slot) const = 0;
  virtual std::size_t bytes() const = 0;
};

struct SnapshotState {
  DumpKind kind = DumpKind::kOpenclaw;
  Policy policy = Policy::kStrict;

  // Objects, one row each.
  std::uint32_t objects = 0;
  AddressColumn addresses;
  bool addressesAscend = true;       // false: ids in no order (V8)
  ShallowSizes sizes;
  NarrowColumn sites;                // bit 31, or bit 15 when narrow: a stack index; empty: none is known
  Column<std::uint8_t> ageAndFlags;  // age in the upper three bits, flags in the lower five; empty: all 0
  std::vector<std::pair<std::uint32_t, std::uint64_t>> external;  // ascending rows
  std::vector<std::pair<std::uint32_t, std::uint64_t>> bounds;    // ascending rows; as ObjectRecord::bound

  // The graph.
  EdgeTable edges;
  BackwardEdges back;
  std::uint64_t edgeCount = 0;      // slots that are not null
  Buffer<std::uint32_t> dominator;  // empty without dominators
  SizeSums retained;
  Buffer<std::uint32_t> dominated;
  Buffer<std::uint8_t> reachable;  // only without dominators
  Buffer<std::uint32_t> labels;    // empty, or one a slot (imports)
  std::vector<std::string> labelTexts;
  std::unique_ptr<SlotTexts> slotTexts;      // asked before labels
  std::unique_ptr<ObjectTexts> objectTexts;
  std::set<std::string, std::less<>> rootLabels;  // RootInfo::label points in here

  // Tables.
  IndexedVector<TypeIndex, TypeInfo> types;
  IndexedVector<SiteIndex, SiteInfo> sitesTable;
  IndexedVector<StackIndex, StackInfo> stacks;
  std::vector<RootInfo> roots;
  std::vector<ArenaInfo> arenas;
  IndexedVector<RegionIndex, RegionRecord> regions;
  std::vector<FloatingInfo> floating;
  std::vector<ThreadInfo> threads;
  std::vector<PauseInfo> pauses;
  std::uint64_t pausesTotal = 0;
  std::vector<SettingInfoRow> settings;
  std::vector<SettingChangeInfo> settingChanges;
  std::vector<ModuleInfo> modules;
  std::vector<std::pair<std::string, std::uint64_t>> counters;
  ProcessInfo process;
  std::unordered_map<std::uint64_t, std::vector<CodeFrame>> symbols;
  std::uint64_t stackMeanInterval = 0;
  std::uint64_t stopNanoseconds = 0;

  std::string path;
  LoadReport report;
};

// The only way to make a Snapshot: fill state, then build.
class SnapshotBuilder {
 public:
  SnapshotBuilder();
  ~SnapshotBuilder();
  SnapshotBuilder(const SnapshotBuilder&) = delete;
  SnapshotState& state() { return *snapshot_->state_; }
  std::shared_ptr<const Snapshot> build() { return std::move(snapshot_); }
  // For verify() and tests of it.
  static const SnapshotState& stateOf(const Snapshot& snapshot) { return *snapshot.state_; }

 private:
  std::shared_ptr<Snapshot> snapshot_;
};

}  // namespace openclaw
