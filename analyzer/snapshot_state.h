// What a Snapshot holds: the tables behind snapshot.h. For the loaders that fill it and the graph code; views
// and windows use snapshot.h.
//
// Bytes an object at 3 references without nulls, types and sites under 2^16 and sizes under 2^16 units (the
// usual heap); peak and rest are kept under 60 together with whatever the load needs:
//   kept    address 4, size 2, type 2, site 2, age and flags 1, slots 4 + 12, referrers 4 + 12, dominator 4,
//           retained 4, dominated 4                                                                        =
//           55
//   peak 1  dominators: slots 16, size 2, type 2, depth-first order 12, semi 4, links 8, incoming 4 + up to 8
//   = 56 peak 2  what is kept; addresses, sites and ages are read last, in a second pass over the objects
//   frames
#pragma once

#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analyzer/column.h"
#include "analyzer/graph/edge_table.h"
#include "analyzer/graph/retained.h"
#include "analyzer/snapshot.h"

namespace openclaw {

// Ascending addresses in 4 bytes: distances from the base of a segment, in units of their common alignment. A
// heap is one segment, or a few where its ranges lie far apart. Ids in no order are one segment from 0, or `wide`.
struct AddressColumn {
  struct Segment {
    std::uint32_t firstRow;
    std::uint64_t base;
  };
  Column<std::uint32_t> units;
  unsigned unitShift = 0;
  std::vector<Segment> segments;  // ascending rows, the first at row 0
  Column<std::uint64_t> wide;     // instead of all that: ids in no order that do not fit 32 bits

  std::uint64_t operator[](std::size_t row) const;  // Cost: O(log segments)
  std::size_t bytes() const { return units.bytes() + wide.bytes() + segments.size() * sizeof(Segment); }
};

// What the dump says of single objects and slots beyond its tables, found when asked. Threads: const from any number.
struct ObjectTexts {
  virtual ~ObjectTexts() = default;
  virtual std::string describe(std::uint32_t object) const = 0;
  virtual std::size_t bytes() const = 0;
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
  NarrowColumn sites;                // bit 31, or bit 15 when narrow: a stack index
  Column<std::uint8_t> ageAndFlags;  // age in the upper three bits, flags in the lower five
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
