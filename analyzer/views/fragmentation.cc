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
  struct Group {
    PinGroup pin;
  };
  struct BlockPart {
    std::uint64_t objects = 0, bytes = 0, unreachable = 0;
  };

  std::vector<std::uint32_t> conservativelyHeld() const;
  bool mayNotMove(std::uint32_t object) {
    while (nextHeld_ < conservative_.size() && conservative_[nextHeld_] < object) ++nextHeld_;
    return (nextHeld_ < conservative_.size() && conservative_[nextHeld_] == object) ||
           (s_.flags(ObjectIndex(object)) & kObjectPinned) != 0;
  }
  void objectsOf(RegionRow& row, const RegionRecord& region, std::uint32_t first, std::uint32_t last);
  void gap(std::uint64_t bytes, bool mixed);
  void pinsOf(const RegionRow& row, std::uint32_t first, std::uint32_t last);
  void owners(FragmentationView& view);

  const Snapshot& s_;
  const FragmentationOptions& options_;
  const std::stop_token stop_;
  const std::vector<std::uint32_t> conservative_;  // ascending
  std::size_t nextHeld_ = 0;
  std::unordered_map<std::uint32_t, std::uint64_t> types_, sites_;  // of the region at hand
  std::unordered_map<std::uint64_t, BlockPart> parts_;              // of the block at hand
  std::unordered_map<std::uint64_t, Group> groups_;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> pinRanges_;  // objects of mostly empty blocks
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

void Pass::objectsOf(RegionRow& row, const RegionRecord& region, std::uint32_t first, std::uint32_t last) {
  types_.clear();
  sites_.clear();
  // Which gap holds the dead cells and the tails is not in the dump.
  const bool mixed = region.floatingBytes != 0 || region.tlabTailBytes != 0;
  std::uint64_t at = region.base;
  for (std::uint32_t i = first; i < last; ++i) {
    const ObjectIndex object(i);
    const std::uint64_t address = s_.address(object).value, bytes = s_.size(object).value;
    types_[s_.type(object).value] += bytes;
    sites_[s_.site(object).value] += bytes;
    const std::uint64_t units = bytes >> kAgeUnitShift;
    row.bytesByAge[s_.age(object)] += static_cast<std::uint32_t>(std::min<std::uint64_t>(units, 0xffff'ffff));
    row.pinned |= mayNotMove(i);
    if (!isBlock(region)) continue;
    const std::uint64_t cell = address - headerBytes(region, address);
    if (cell > at) gap(cell - at, mixed);
    at = std::max(at, cell + bytes);
  }
  if (isBlock(region) && holdsAny(region) && region.base + region.bytes > at) gap(region.base + region.bytes - at, mixed);
  // Ties go to the lower index, so that the order of visits does not show.
  const auto most = [](const auto& sums) {
    std::uint32_t best = ~std::uint32_t{0};
    std::uint64_t bytes = 0;
    for (const auto& [index, sum] : sums)
      if (sum > bytes || (sum == bytes && index < best)) best = index, bytes = sum;
    return best;
  };
  row.mostBytesType = TypeIndex(most(types_));
  row.mostBytesSite = SiteIndex(most(sites_));
}

void Pass::pinsOf(const RegionRow& row, std::uint32_t first, std::uint32_t last) {
  parts_.clear();
  pinRanges_.emplace_back(first, last);
  std::uint64_t all = 0;
  for (std::uint32_t i = first; i < last; ++i) {
    const ObjectIndex object(i);
    BlockPart& part = parts_[keyOf(s_.type(object), s_.site(object))];
    const std::uint64_t bytes = s_.size(object).value;
    ++part.objects;
    part.bytes += bytes;
    part.unreachable += !s_.reachable(object);
    all += bytes;
    largestMoved_ = std::max(largestMoved_, row.pinned ? 0 : bytes);
    allMovable_ &= (s_.flags(object) & kObjectMovable) != 0;
  }
  // Shares are rounded down; what rounding leaves goes to the lowest key, so that the groups' sums add up.
  std::uint64_t left = row.holeBytes.value;
  Group* lowest = nullptr;
  std::uint64_t lowestKey = ~std::uint64_t{0};
  for (const auto& [key, part] : parts_) {
    Group& group = groups_[key];
    group.pin.type = TypeIndex(static_cast<std::uint32_t>(key >> 32));
    group.pin.site = SiteIndex(static_cast<std::uint32_t>(key));
    group.pin.objects += part.objects;
    group.pin.unreachableObjects += part.unreachable;
    group.pin.bytes += Bytes(part.bytes);
    ++group.pin.blocks;
    group.pin.blocksAlone += parts_.size() == 1;
    const auto share = static_cast<std::uint64_t>(static_cast<unsigned __int128>(row.holeBytes.value) * part.bytes / std::max<std::uint64_t>(all, 1));
    group.pin.lockedBytes += Bytes(share);
    left -= share;
    if (key <= lowestKey) lowestKey = key, lowest = &group;
  }
  if (lowest != nullptr) lowest->pin.lockedBytes += Bytes(left);
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
  const auto groupOf = [&](std::uint32_t object) {
    const auto after = std::upper_bound(pinRanges_.begin(), pinRanges_.end(), object,
                                        [](std::uint32_t o, const auto& r) { return o < r.first; });
    if (after == pinRanges_.begin() || object >= std::prev(after)->second) return kNoGroup;
    const auto found = numbers.find(keyOf(s_.type(ObjectIndex(object)), s_.site(ObjectIndex(object))));
    return found == numbers.end() ? kNoGroup : found->second;
  };
  std::vector<std::vector<Member>> members(count);
  std::vector<std::int32_t> lowest(count, -1);
  std::int32_t depth = -1;
  std::uint32_t steps = 0;
  bool stopped = false;
  DominatorTree(s_).walk(
      [&](std::uint32_t object, unsigned at) {
        depth = static_cast<std::int32_t>(at);
        if (const std::uint32_t group = groupOf(object); group != kNoGroup) {
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
    view.pins[g].ownerObjects = last - first + 1;
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
    if (row.mostlyEmpty && first != last) pinsOf(row, first, last);

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

  for (auto& [key, group] : groups_) view.pins.push_back(group.pin);
  std::sort(view.pins.begin(), view.pins.end(), [](const PinGroup& a, const PinGroup& b) {
    if (a.lockedBytes != b.lockedBytes) return a.lockedBytes > b.lockedBytes;
    return keyOf(a.type, a.site) < keyOf(b.type, b.site);
  });
  if (view.pins.size() > options_.pinGroups) {
    for (std::size_t i = options_.pinGroups; i < view.pins.size(); ++i) view.pinsLeftOut += view.pins[i].lockedBytes;
    view.pins.resize(options_.pinGroups);
  }
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
