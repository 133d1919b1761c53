#include "analyzer/views/fragmentation.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <deque>
#include <unordered_map>

#include "analyzer/graph/dominator_tree.h"

namespace openclaw {
namespace {

constexpr std::uint64_t kGranuleBytes = 16;
constexpr unsigned kAgeUnitShift = 4;         // RegionRow::bytesByAge is in units of 16 B
constexpr double kOwnerShare = 0.8;           // an owner dominates at least so much of a group
constexpr unsigned kOwnerSampleShift = 20;    // groups over 2^20 objects are sampled for their owner
constexpr std::uint16_t kAllArenas = 0xffff;
constexpr std::uint32_t kNoGroup = ~std::uint32_t{0};

bool holdsAny(const RegionRecord& r) { return r.objectCount != 0 || r.floatingCount != 0; }
bool isBlock(const RegionRecord& r) { return r.kind == RegionKind::kBlock; }
// One large object, or the pages of one, or free pages between: whatever is no block has one tenant at most.
std::uint64_t headerBytes(const RegionRecord& r, std::uint64_t address) {
  return isBlock(r) ? address % kGranuleBytes : address - r.base;
}

std::uint64_t keyOf(TypeIndex type, SiteIndex site) { return std::uint64_t{type.value} << 32 | site.value; }

// The bytes of an object that lie in a region, where they begin. Objects of several regions are only large ones.
class Pass {
 public:
  Pass(const Snapshot& snapshot, const FragmentationOptions& options, std::stop_token stop)
      : s_(snapshot), options_(options), stop_(std::move(stop)), conservative_(conservativelyHeld()) {}

  bool run(FragmentationView& view);

 private:
  // Of one group in the region at hand. Gaps count twice, so that half of one is a whole number.
  struct Part {
    std::uint64_t objects = 0, bytes = 0, unreachable = 0, twiceGaps = 0, twiceNarrow = 0;
  };

  std::vector<std::uint32_t> conservativelyHeld() const;
  bool mayNotMove(std::uint32_t object) {
    while (nextHeld_ < conservative_.size() && conservative_[nextHeld_] < object) ++nextHeld_;
    return (nextHeld_ < conservative_.size() && conservative_[nextHeld_] == object) ||
           (s_.flags(ObjectIndex(object)) & kObjectPinned) != 0;
  }
  void objectsOf(RegionRow& row, const RegionRecord& region, std::uint32_t first, std::uint32_t last);
  void gap(std::uint64_t bytes, bool mixed);
  void beside(Part* before, Part* after, std::uint64_t bytes);
  void addParts(const RegionRow& row);
  void owners(FragmentationView& view);

  const Snapshot& s_;
  const FragmentationOptions& options_;
  const std::stop_token stop_;
  const std::vector<std::uint32_t> conservative_;  // ascending
  std::size_t nextHeld_ = 0;
  std::unordered_map<std::uint64_t, Part> parts_;  // of the region at hand, by type and site
  std::uint64_t gaps_ = 0, largest_ = 0;           // of the region at hand
  std::unordered_map<std::uint64_t, PinGroup> groups_;
  std::vector<HoleSizeRow> holes_ = std::vector<HoleSizeRow>(64);
  std::uint64_t largestMoved_ = 0;
  bool allMovable_ = true;
};

std::vector<std::uint32_t> Pass::conservativelyHeld() const {
  std::vector<std::uint32_t> held;
  for (const RootInfo& root : s_.roots())
    if (root.conservative) held.push_back(root.object.value);
  std::sort(held.begin(), held.end());
  return held;
}

void Pass::gap(std::uint64_t bytes, bool mixed) {
  if (bytes == 0) return;
  HoleSizeRow& row = holes_[static_cast<std::size_t>(std::bit_width(bytes)) - 1];
  (mixed ? row.mixedHoles : row.holes) += 1;
  (mixed ? row.mixedBytes : row.bytes) += Bytes(bytes);
}

void Pass::beside(Part* before, Part* after, std::uint64_t bytes) {
  gaps_ += bytes;
  const std::uint64_t each = before != nullptr && after != nullptr ? bytes : 2 * bytes;
  for (Part* part : {before, after}) {
    if (part == nullptr) continue;
    part->twiceGaps += each;
    if (bytes < kLineBytes) part->twiceNarrow += each;
  }
}

void Pass::objectsOf(RegionRow& row, const RegionRecord& region, std::uint32_t first, std::uint32_t last) {
  parts_.clear();
  gaps_ = largest_ = 0;
  // Which gap holds the dead cells and the tails is not in the dump.
  const bool mixed = region.floatingBytes != 0 || region.tlabTailBytes != 0;
  std::uint64_t at = region.base;
  Part *before = nullptr, *part = nullptr;
  std::uint64_t lastKey = 0;
  for (std::uint32_t i = first; i < last; ++i) {
    const ObjectIndex object(i);
    const std::uint64_t address = s_.address(object).value, bytes = s_.size(object).value;
    // Neighbours are often of one kind; the map's nodes stay where they are.
    if (const std::uint64_t key = keyOf(s_.type(object), s_.site(object)); part == nullptr || key != lastKey) {
      part = &parts_[key];
      lastKey = key;
    }
    ++part->objects;
    part->bytes += bytes;
    part->unreachable += !s_.reachable(object);
    const std::uint64_t units = bytes >> kAgeUnitShift;
    row.bytesByAge[s_.age(object)] += static_cast<std::uint32_t>(std::min<std::uint64_t>(units, 0xffff'ffff));
    row.pinned |= mayNotMove(i);
    largest_ = std::max(largest_, bytes);
    allMovable_ &= !isBlock(region) || (s_.flags(object) & kObjectMovable) != 0;
    // A dump may lie about where its objects are.
    if (!isBlock(region) || address < region.base || address - region.base >= region.bytes) continue;
    const std::uint64_t cell = address - headerBytes(region, address);
    if (cell > at) {
      gap(cell - at, mixed);
      beside(before, part, cell - at);
    }
    at = std::max(at, cell + bytes);
    before = part;
  }
  if (const std::uint64_t end = region.base + region.bytes; isBlock(region) && holdsAny(region) && end > at) {
    gap(end - at, mixed);
    if (before != nullptr) beside(before, nullptr, end - at);
  }
  // Ties go to the lower index, so that the order of visits does not show.
  std::unordered_map<std::uint32_t, std::uint64_t> types, sites;
  for (const auto& [key, own] : parts_) {
    types[static_cast<std::uint32_t>(key >> 32)] += own.bytes;
    sites[static_cast<std::uint32_t>(key)] += own.bytes;
  }
  const auto most = [](const auto& sums) {
    std::uint32_t best = ~std::uint32_t{0};
    std::uint64_t bytes = 0;
    for (const auto& [index, sum] : sums)
      if (sum > bytes || (sum == bytes && index < best)) best = index, bytes = sum;
    return best;
  };
  row.mostBytesType = TypeIndex(most(types));
  row.mostBytesSite = SiteIndex(most(sites));
}

void Pass::addParts(const RegionRow& row) {
  // Of the gaps, the holes; rounded down, and what rounding leaves goes to the lowest key, so that the groups add up.
  const auto scaled = [&](std::uint64_t twice) {
    return gaps_ == 0 ? 0 : static_cast<std::uint64_t>(static_cast<unsigned __int128>(row.holeBytes.value) * twice / (static_cast<unsigned __int128>(gaps_) * 2));
  };
  std::uint64_t left = row.holeBytes.value, lowestKey = ~std::uint64_t{0};
  PinGroup* lowest = nullptr;
  for (const auto& [key, part] : parts_) {
    PinGroup& pin = groups_[key];
    pin.type = TypeIndex(static_cast<std::uint32_t>(key >> 32));
    pin.site = SiteIndex(static_cast<std::uint32_t>(key));
    pin.objects += part.objects;
    pin.unreachableObjects += part.unreachable;
    pin.bytes += Bytes(part.bytes);
    ++pin.blocks;
    const std::uint64_t share = scaled(part.twiceGaps);
    left -= share;
    pin.lockedBytes += Bytes(share);
    pin.narrowBytes += Bytes(scaled(part.twiceNarrow));
    pin.wasteBytes += Bytes(row.mostlyEmpty ? share : scaled(part.twiceNarrow));
    if (row.mostlyEmpty) {
      pin.mostlyEmptyBytes += Bytes(share);
      ++pin.mostlyEmptyBlocks;
      pin.blocksAlone += parts_.size() == 1;
    }
    if (key <= lowestKey) lowestKey = key, lowest = &pin;
  }
  if (lowest == nullptr || left == 0) return;
  lowest->lockedBytes += Bytes(left);
  if (!row.mostlyEmpty) return;
  lowest->mostlyEmptyBytes += Bytes(left);
  lowest->wasteBytes += Bytes(left);
}

// The deepest object that dominates most of a group. A subtree is one stretch of a depth-first walk, so the group's
// members are written down in the order of the walk, each with the depth at which it parts from the one before; among
// all stretches of as many members as wanted, the one whose lowest parting lies deepest is dominated there.
void Pass::owners(FragmentationView& view) {
  const std::size_t count = view.pins.size();
  if (count == 0 || s_.dominatedBy(std::nullopt).empty() || stop_.stop_requested()) return;
  struct Member {
    std::uint32_t object;
    std::int32_t depth, parting;
  };
  std::unordered_map<std::uint64_t, std::uint32_t> numbers;
  for (std::size_t g = 0; g < count; ++g) numbers.emplace(keyOf(view.pins[g].type, view.pins[g].site), static_cast<std::uint32_t>(g));
  std::vector<bool> wantedType(s_.types().size());
  for (const PinGroup& pin : view.pins) wantedType[pin.type.value] = true;
  const auto groupOf = [&](std::uint32_t number) {
    const ObjectIndex object(number);
    const TypeIndex type = s_.type(object);
    if (!wantedType[type.value] || (s_.flags(object) & kObjectLarge) != 0) return kNoGroup;
    const auto found = numbers.find(keyOf(type, s_.site(object)));
    return found == numbers.end() ? kNoGroup : found->second;
  };
  // Every n-th of a large group tells as much.
  std::vector<std::uint64_t> met(count), stride(count);
  for (std::size_t g = 0; g < count; ++g) stride[g] = 1 + (view.pins[g].objects >> kOwnerSampleShift);
  std::vector<std::vector<Member>> members(count);
  std::vector<std::int32_t> lowest(count, -1);
  std::int32_t depth = -1;
  std::uint32_t steps = 0;
  bool stopped = false;
  DominatorTree(s_).walk(
      [&](std::uint32_t object, unsigned at) {
        depth = static_cast<std::int32_t>(at);
        if (const std::uint32_t group = groupOf(object); group != kNoGroup && met[group]++ % stride[group] == 0) {
          members[group].push_back({object, depth, lowest[group]});
          lowest[group] = depth;
        }
        if ((++steps & 0xffff) == 0) stopped = stop_.stop_requested();
        return !stopped;
      },
      [&](std::uint32_t) {
        --depth;
        for (std::int32_t& l : lowest) l = std::min(l, depth);
      });
  if (stopped) return;

  for (std::size_t g = 0; g < count; ++g) {
    const std::vector<Member>& group = members[g];
    if (group.empty()) continue;
    const auto wanted = static_cast<std::size_t>(std::ceil(kOwnerShare * static_cast<double>(group.size())));
    // Minimum of the partings inside each window, by a queue of candidates that ascends.
    std::deque<std::size_t> queue;
    std::int32_t deepest = -1;
    std::size_t end = 0;
    for (std::size_t i = 0; i < group.size(); ++i) {
      if (wanted == 1) {
        if (group[i].depth > deepest) deepest = group[i].depth, end = i;
        continue;
      }
      if (i > 0) {
        while (!queue.empty() && group[queue.back()].parting >= group[i].parting) queue.pop_back();
        queue.push_back(i);
      }
      if (i + 1 < wanted) continue;
      while (queue.front() + wanted <= i + 1) queue.pop_front();
      if (const std::int32_t at = group[queue.front()].parting; at > deepest) deepest = at, end = i;
    }
    if (deepest < 0) continue;
    std::size_t first = end, last = end;
    while (first > 0 && group[first].parting >= deepest) --first;
    while (last + 1 < group.size() && group[last + 1].parting >= deepest) ++last;
    std::optional<ObjectIndex> owner(ObjectIndex(group[end].object));
    for (std::int32_t d = group[end].depth; d > deepest; --d) owner = s_.dominator(*owner);
    // What is of the group itself (a list's first element) is no owner of it.
    while (owner && s_.type(*owner) == view.pins[g].type && s_.site(*owner) == view.pins[g].site) owner = s_.dominator(*owner);
    if (!owner) continue;
    view.pins[g].owner = owner;
    view.pins[g].ownerObjects = std::min(met[g], (last - first + 1) * stride[g]);
  }
}

bool Pass::run(FragmentationView& view) {
  const auto& regions = s_.regions();
  view.known = !regions.empty();
  if (!view.known) return true;
  view.total.arena = kAllArenas;
  view.total.name = "all";
  for (const ArenaInfo& arena : s_.arenas()) {
    ArenaFragmentation& a = view.arenas.emplace_back();
    a.arena = static_cast<std::uint16_t>(view.arenas.size() - 1);
    a.name = arena.ownedName;
    a.committed = Bytes(arena.committed);
    a.metadataBytes = Bytes(arena.metadataBytes);
  }
  view.regions.reserve(regions.size());
  std::uint64_t previousFreeEnd = 0;
  Bytes freeRun;
  for (std::uint32_t r = 0; r < regions.size(); ++r) {
    if ((r & 0xff) == 0 && stop_.stop_requested()) return false;
    const RegionRecord& region = regions[RegionIndex(r)];
    RegionRow row;
    row.region = RegionIndex(r);
    row.base = Address(region.base);
    row.bytes = Bytes(region.bytes);
    row.objectBytes = Bytes(region.objectBytes);
    row.deadBytes = Bytes(region.floatingBytes);
    row.holeBytes = Bytes(region.holeBytes);
    row.unusableBytes = Bytes(region.unusableHoleBytes);
    row.tailBytes = Bytes(region.tlabTailBytes);
    row.slackBytes = Bytes(region.slackBytes);
    row.arena = region.arena;
    row.kind = region.kind;
    row.state = region.state;
    row.objects = region.objectCount;
    // A damaged dump may announce objects that are not there.
    const auto first = static_cast<std::uint32_t>(std::min<std::uint64_t>(region.firstObject, s_.objectCount()));
    const auto last = static_cast<std::uint32_t>(std::min<std::uint64_t>(std::uint64_t{first} + region.objectCount, s_.objectCount()));
    objectsOf(row, region, first, last);
    row.mostlyEmpty = isBlock(region) && holdsAny(region) && region.state != RegionState::kAllocating &&
                      region.tlabTailBytes == 0 && row.occupancy() <= options_.mostlyEmpty;
    if (isBlock(region) && first != last) addParts(row);
    if (row.mostlyEmpty && !row.pinned) largestMoved_ = std::max(largestMoved_, largest_);

    while (view.arenas.size() <= region.arena && region.arena < 4096) {
      view.arenas.emplace_back().arena = static_cast<std::uint16_t>(view.arenas.size() - 1);
      view.arenas.back().name = fmt::format("arena {}", view.arenas.size() - 1);
    }
    const auto addTo = [&](ArenaFragmentation& a) {
      const bool empty = !holdsAny(region) && region.kind != RegionKind::kHugeObject;
      a.blocks += isBlock(region);
      a.emptyBlocks += isBlock(region) && !holdsAny(region);
      a.mostlyEmptyBlocks += row.mostlyEmpty;
      a.largeRegions += !isBlock(region) && holdsAny(region);
      a.objectBytes += row.objectBytes;
      a.deadBytes += row.deadBytes;
      a.holeBytes += row.holeBytes;
      a.unusableBytes += row.unusableBytes;
      a.tailBytes += row.tailBytes;
      (empty ? a.emptyBytes : a.roundingBytes) += row.slackBytes;
      a.lockedBytes += row.holeBytes;
      if (region.kind == RegionKind::kFreePages) a.freePagesBytes += row.holeBytes;
    };
    addTo(view.total);
    if (region.arena < view.arenas.size()) addTo(view.arenas[region.arena]);
    if (region.kind == RegionKind::kFreePages && region.holeBytes != 0) {
      freeRun = previousFreeEnd == region.base ? freeRun + row.holeBytes : row.holeBytes;
      previousFreeEnd = region.base + region.bytes;
      gap(region.holeBytes, false);
      for (ArenaFragmentation* a : {&view.total, region.arena < view.arenas.size() ? &view.arenas[region.arena] : nullptr})
        if (a != nullptr) a->largestFreePages = std::max(a->largestFreePages, freeRun);
    }
    view.regions.push_back(std::move(row));
  }
  for (const ArenaFragmentation& a : view.arenas) {
    view.total.committed += a.committed;
    view.total.metadataBytes += a.metadataBytes;
  }
  const auto ratios = [](ArenaFragmentation& a) {
    if (a.committed.value == 0) return;
    a.fragmentation = static_cast<double>(a.unusableBytes.value) / static_cast<double>(a.committed.value);
    a.locked = static_cast<double>(a.lockedBytes.value) / static_cast<double>(a.committed.value);
  };
  for (ArenaFragmentation& a : view.arenas) ratios(a);
  ratios(view.total);

  for (std::size_t power = 0; power < holes_.size(); ++power) {
    holes_[power].from = Bytes(power == 0 ? 0 : std::uint64_t{1} << power);
    holes_[power].upTo = Bytes(power == 63 ? 0 : std::uint64_t{2} << power);
  }
  while (!holes_.empty() && holes_.back().holes + holes_.back().mixedHoles == 0) holes_.pop_back();
  const auto filled = std::find_if(holes_.begin(), holes_.end(), [](const HoleSizeRow& h) { return h.holes + h.mixedHoles != 0; });
  view.holes.assign(filled, holes_.end());

  for (auto& [key, group] : groups_) view.pins.push_back(group);
  std::sort(view.pins.begin(), view.pins.end(), [](const PinGroup& a, const PinGroup& b) {
    if (a.wasteBytes != b.wasteBytes) return a.wasteBytes > b.wasteBytes;
    if (a.lockedBytes != b.lockedBytes) return a.lockedBytes > b.lockedBytes;
    return keyOf(a.type, a.site) < keyOf(b.type, b.site);
  });
  for (std::size_t i = options_.pinGroups; i < view.pins.size(); ++i) {
    view.pinsLeftOut.bytes += view.pins[i].bytes;
    view.pinsLeftOut.lockedBytes += view.pins[i].lockedBytes;
    view.pinsLeftOut.narrowBytes += view.pins[i].narrowBytes;
    view.pinsLeftOut.mostlyEmptyBytes += view.pins[i].mostlyEmptyBytes;
    view.pinsLeftOut.wasteBytes += view.pins[i].wasteBytes;
  }
  if (view.pins.size() > options_.pinGroups) view.pins.resize(options_.pinGroups);
  owners(view);

  DefragmentationEstimate& d = view.defragmentation;
  std::uint64_t emptied = 0;
  for (const RegionRow& row : view.regions) {
    if (!row.mostlyEmpty) continue;
    if (row.pinned) {
      ++d.pinnedBlocks;
      continue;
    }
    ++d.candidateBlocks;
    d.movedBytes += row.objectBytes;
    emptied += row.bytes.value;
  }
  constexpr std::uint64_t kBlockBytes = kLineBytes * kLinesOfBlock;
  const auto blocksFor = [](std::uint64_t bytes, std::uint64_t usable) {
    return usable == 0 ? ~std::uint64_t{0} : (bytes + usable - 1) / usable;
  };
  if (d.candidateBlocks != 0) {
    // Packed in any order, a new block is left when the next object does not fit: less than the largest one stays free.
    const std::uint64_t worst = blocksFor(d.movedBytes.value, kBlockBytes - std::min(largestMoved_, kBlockBytes - kGranuleBytes) + kGranuleBytes);
    const std::uint64_t best = blocksFor(d.movedBytes.value, kBlockBytes);
    d.low = Bytes(emptied - std::min(emptied, worst * kBlockBytes));
    d.high = Bytes(emptied - std::min(emptied, best * kBlockBytes));
  }
  d.because = fmt::format(
      "blocks filled up to {:.0f} % are emptied into new ones; blocks with objects that are pinned or that a stack or "
      "register may point into stay{}",
      options_.mostlyEmpty * 100,
      allMovable_ || d.candidateBlocks == 0 ? "" : "; the dump does not mark these objects as movable, so this holds only if a collector can move them");
  if (!s_.report().complete()) d.because += "; the dump is not complete";
  return true;
}

}  // namespace

double RegionRow::meanAge() const {
  std::uint64_t units = 0, sum = 0;
  for (std::size_t age = 0; age < bytesByAge.size(); ++age) {
    units += bytesByAge[age];
    sum += age * bytesByAge[age];
  }
  return units == 0 ? 0 : static_cast<double>(sum) / static_cast<double>(units);
}

FragmentationView computeFragmentation(const Snapshot& snapshot, const FragmentationOptions& options, std::stop_token stop) {
  FragmentationView view;
  if (!Pass(snapshot, options, stop).run(view) || stop.stop_requested()) return {};
  return view;
}

ScopeInRegions computeScopeInRegions(const Snapshot& snapshot, const FragmentationView& view, const ScopeSelection& scope, std::stop_token stop) {
  ScopeInRegions in;
  in.regions.reserve(view.regions.size());
  std::unordered_map<std::uint32_t, std::uint64_t> types;
  for (const RegionRow& row : view.regions) {
    if ((in.regions.size() & 0xff) == 0 && stop.stop_requested()) return {};
    RegionShare share;
    types.clear();
    const std::uint64_t first = snapshot.regions()[row.region].firstObject;
    const auto end = static_cast<std::uint32_t>(std::min<std::uint64_t>(first + row.objects, snapshot.objectCount()));
    double agesByBytes = 0;
    for (auto i = static_cast<std::uint32_t>(std::min<std::uint64_t>(first, end)); i < end; ++i) {
      const ObjectIndex object(i);
      if (!scope.contains(object)) continue;
      const Bytes size = snapshot.size(object);
      ++share.objects;
      share.bytes += size;
      agesByBytes += static_cast<double>(size.value) * snapshot.age(object);
      types[snapshot.type(object).value] += size.value;
    }
    std::uint64_t most = 0;
    for (const auto& [type, bytes] : types)
      if (bytes > most || (bytes == most && TypeIndex(type) < share.mostBytesType)) share.mostBytesType = TypeIndex(type), most = bytes;
    if (share.bytes.value != 0) share.meanAge = agesByBytes / static_cast<double>(share.bytes.value);
    if (share.objects != 0 && row.kind == RegionKind::kBlock) {
      const bool alone = share.objects == row.objects && row.deadBytes.value == 0;
      ++in.blocks;
      in.blocksAlone += alone;
      in.mostlyEmptyBlocks += row.mostlyEmpty;
      if (row.mostlyEmpty) in.holesInMostlyEmpty += row.holeBytes;
      if (alone) in.holesAlone += row.holeBytes;
    }
    in.regions.push_back(share);
  }
  return in;
}

std::optional<RegionIndex> regionAt(const Snapshot& snapshot, Address address) {
  const auto& regions = snapshot.regions();
  const auto after = std::upper_bound(regions.begin(), regions.end(), address.value,
                                      [](std::uint64_t a, const RegionRecord& r) { return a < r.base; });
  if (after == regions.begin()) return std::nullopt;
  const auto region = std::prev(after);
  if (address.value - region->base >= region->bytes) return std::nullopt;
  return RegionIndex(static_cast<std::uint32_t>(region - regions.begin()));
}

std::uint32_t firstObjectAt(const Snapshot& snapshot, Address address) {
  std::uint32_t low = 0, high = snapshot.objectCount();
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    if (snapshot.address(ObjectIndex(middle)) < address)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

Address cellOf(const Snapshot& snapshot, ObjectIndex object) {
  const Address address = snapshot.address(object);
  const std::optional<RegionIndex> region = regionAt(snapshot, address);
  return region ? Address(address.value - headerBytes(snapshot.regions()[*region], address.value)) : address;
}

std::array<std::uint16_t, kLinesOfBlock> computeLineBytes(const Snapshot& snapshot, RegionIndex index) {
  std::array<std::uint16_t, kLinesOfBlock> lines{};
  const RegionRecord& region = snapshot.regions()[index];
  if (!isBlock(region)) return lines;
  const auto first = static_cast<std::uint32_t>(std::min<std::uint64_t>(region.firstObject, snapshot.objectCount()));
  const auto last = static_cast<std::uint32_t>(std::min<std::uint64_t>(std::uint64_t{first} + region.objectCount, snapshot.objectCount()));
  for (std::uint32_t i = first; i < last; ++i) {
    const std::uint64_t address = snapshot.address(ObjectIndex(i)).value;
    if (address < region.base) continue;
    std::uint64_t at = address - headerBytes(region, address) - region.base;
    const std::uint64_t end = std::min<std::uint64_t>(at + snapshot.size(ObjectIndex(i)).value, kLineBytes * kLinesOfBlock);
    while (at < end) {
      const std::uint64_t lineEnd = std::min(end, (at / kLineBytes + 1) * kLineBytes);
      lines[at / kLineBytes] = static_cast<std::uint16_t>(lines[at / kLineBytes] + (lineEnd - at));
      at = lineEnd;
    }
  }
  return lines;
}

}  // namespace openclaw
