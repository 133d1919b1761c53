// Where are the holes, what keeps them open, and what would a defragmentation give back? For the report, the finding
// and the block map of the window.
//
//   const FragmentationView view = computeFragmentation(snapshot);          // once; one pass over the objects
//   for (const RegionRow& row : view.regions) draw(row.base, row.bytes, row.occupancy());
//   for (const PinGroup& pin : view.pins) use(pin.type, pin.site, pin.owner, pin.wasteBytes);
//   forEachObjectIn(snapshot, low, high, [&](ObjectIndex o) { ...; return true; });   // what the canvas hovers over
//
// Terms (research page runtime 2.9): `unusable` = bytes in holes under 256 B, or skipped by the allocator since the last
// collection; `locked` = all free bytes in blocks that hold any object. Their ratios are per committed byte.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "analyzer/snapshot.h"
#include "analyzer/views/scope.h"

namespace openclaw {

inline constexpr std::size_t kLineBytes = 256, kLinesOfBlock = 256;  // a block is 64 KiB

struct FragmentationOptions {
  double mostlyEmpty = 0.25;  // blocks filled up to this share count as mostly empty
  std::size_t pinGroups = 20;  // groups kept of what keeps holes open, those that waste most
};

// One region of the heap's address space, as the region table has it, with what lies in it.
struct RegionRow {
  RegionIndex region;
  Address base;
  Bytes bytes, objectBytes, deadBytes, holeBytes, unusableBytes, tailBytes, slackBytes;  // the first minus the rest = 0
  std::uint16_t arena = 0;
  RegionKind kind = RegionKind::kBlock;
  RegionState state = RegionState::kEmpty;
  std::uint32_t objects = 0;
  TypeIndex mostBytesType;     // none() when there is no object
  SiteIndex mostBytesSite;     // none() when there is no object
  std::array<std::uint32_t, 8> bytesByAge{};  // of objects, in units of 16 B, so that no region is too large
  bool pinned = false;         // holds an object that may not move: pinned, or under a conservative root
  bool mostlyEmpty = false;    // a block that holds something and little of it, and no thread allocates in it
  double occupancy() const { return bytes.value == 0 ? 0 : static_cast<double>(objectBytes.value + deadBytes.value) / static_cast<double>(bytes.value); }
  double meanAge() const;      // by bytes; 0 without objects
};

struct ArenaFragmentation {
  std::uint16_t arena = 0;
  std::string name;
  std::uint64_t blocks = 0, emptyBlocks = 0, mostlyEmptyBlocks = 0, largeRegions = 0;
  Bytes committed, objectBytes, deadBytes, holeBytes, unusableBytes, tailBytes, emptyBytes, roundingBytes, metadataBytes;
  Bytes lockedBytes;           // holes in blocks with objects and free page runs between large objects
  Bytes freePagesBytes, largestFreePages;  // between large objects, and the longest run of them
  double fragmentation = 0;    // unusable / committed
  double locked = 0;           // locked / committed
};

// Free bytes between objects by the size of the gap: [from, upTo). In most blocks a gap is a hole; where dead cells or
// TLAB tails lie in the block too, the dump does not say which gap is which: those are counted apart as `mixed`.
struct HoleSizeRow {
  Bytes from, upTo;  // powers of two, the first from 0; upTo 0: no end
  std::uint64_t holes = 0, mixedHoles = 0;
  Bytes bytes, mixedBytes;
};

// What keeps holes open: the objects of one type from one site, in blocks. A hole counts half for the object on either
// side, whole for the only one. In blocks with dead cells or tails, gaps count as far as they can be holes.
struct PinGroup {
  TypeIndex type;
  SiteIndex site;
  std::uint64_t objects = 0, blocks = 0;  // in so many blocks
  Bytes bytes;                            // of the objects
  Bytes lockedBytes;                      // holes beside them; over all groups: all holes of blocks with objects
  Bytes narrowBytes;                      // of these: holes under a line, which no allocation uses
  Bytes mostlyEmptyBytes;                 // of these: in mostly empty blocks
  Bytes wasteBytes;                       // of these: one or the other; what they are ranked by
  std::uint64_t mostlyEmptyBlocks = 0;    // that hold any of them
  std::uint64_t blocksAlone = 0;          // of these: blocks with nothing else in them
  std::optional<ObjectIndex> owner;       // the deepest object that dominates most of them (their accumulation point)
                                          // and is not one of them
  std::uint64_t ownerObjects = 0;         // how many of the reachable ones it dominates: 80 % or more when there is an
                                          // owner; from every n-th of them when there are over a million
  std::uint64_t unreachableObjects = 0;
};

// What a defragmentation would return: whole blocks, after moving the objects of mostly empty, unpinned blocks together.
struct DefragmentationEstimate {
  std::uint64_t candidateBlocks = 0, pinnedBlocks = 0;  // mostly empty blocks that could be, and could not be, emptied
  Bytes movedBytes;     // to copy
  Bytes low, high;      // between these: worst packing of the moved objects, and perfect packing
  Certainty certainty = Certainty::kInterval;
  std::string because;  // what the figures rest on
};

struct FragmentationView {
  bool known = false;  // false: the dump's source has no regions (imports); everything below is empty then
  std::vector<RegionRow> regions;  // as Snapshot::regions(), ascending by base
  std::vector<ArenaFragmentation> arenas;
  ArenaFragmentation total;        // arena 0xffff
  std::vector<HoleSizeRow> holes;  // ascending; without trailing empty rows
  std::vector<PinGroup> pins;      // by wasteBytes descending, then lockedBytes
  PinGroup pinsLeftOut;            // sums over the groups not kept: bytes only
  DefragmentationEstimate defragmentation;
};

// Cost: O(objects + regions): one pass and one walk of the dominator tree; 12 bytes for each object of the groups kept
// while it runs. Keep the result. Empty (not known) when stopped.
FragmentationView computeFragmentation(const Snapshot& snapshot, const FragmentationOptions& options = {},
                                       std::stop_token stop = {});

// What of each region lies in a scope; rows as FragmentationView::regions. Everything else of the view stays whole under a
// scope: a hole lies between objects of all kinds, so who keeps it is a question to all of them.
struct RegionShare {
  std::uint32_t objects = 0;
  Bytes bytes;
  TypeIndex mostBytesType = TypeIndex::none();  // of the scope's objects; none() when there is none
  double meanAge = 0;                           // of them, by bytes
};
struct ScopeInRegions {
  std::vector<RegionShare> regions;
  std::uint64_t blocks = 0;             // that hold any of its objects
  std::uint64_t blocksAlone = 0;        // of these: no other object and nothing dead lies in them
  std::uint64_t mostlyEmptyBlocks = 0;  // of these: mostly empty
  Bytes holesInMostlyEmpty;             // free bytes in those; other objects may keep them too
  Bytes holesAlone;                     // free bytes in blocks that hold nothing else
};
// Cost: O(objects + regions). Empty when stopped.
ScopeInRegions computeScopeInRegions(const Snapshot& snapshot, const FragmentationView& view, const ScopeSelection& scope,
                                     std::stop_token stop = {});

// First byte of the cell of an object (its header lies before its address). Cost: O(log regions).
// In blocks cells begin on a granule (16 B) and the address lies behind the header; a large object's cell begins its region.
Address cellOf(const Snapshot& snapshot, ObjectIndex object);

// Bytes of live objects in each line of a block; sums to the region's objectBytes when the dump is complete.
// Cost: O(objects in the region). All 0 for regions that are no blocks.
std::array<std::uint16_t, kLinesOfBlock> computeLineBytes(const Snapshot& snapshot, RegionIndex region);
// Whether each line holds (part of) a live object, as the process recorded it. Cost: O(1).
inline bool lineHeld(const RegionRecord& region, std::size_t line) { return (region.lineMap[line / 64] >> (line % 64) & 1) != 0; }

// The region that covers an address. Cost: O(log regions).
std::optional<RegionIndex> regionAt(const Snapshot& snapshot, Address address);
// First object whose address is at or above `address`; objectCount() when there is none. Cost: O(log objects).
std::uint32_t firstObjectAt(const Snapshot& snapshot, Address address);

// Objects whose cells touch [low, high), ascending, until visit(ObjectIndex) answers false.
// Cost: O(log objects + objects visited).
template <class Visit>
void forEachObjectIn(const Snapshot& snapshot, Address low, Address high, Visit visit) {
  std::uint32_t i = firstObjectAt(snapshot, low);
  if (i > 0 && cellOf(snapshot, ObjectIndex(i - 1)) + snapshot.size(ObjectIndex(i - 1)) > low) --i;
  for (; i < snapshot.objectCount() && cellOf(snapshot, ObjectIndex(i)) < high; ++i)
    if (!visit(ObjectIndex(i))) return;
}

}  // namespace openclaw
