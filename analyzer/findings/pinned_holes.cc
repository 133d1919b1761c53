// "fragmentation.pinned-holes": small objects of one type and site stand between holes that nobody can use, or hold
// nearly empty blocks.
//
// The process's own count of unusable bytes says how much is lost, not to whom. Here each object of a block gets the
// free bytes behind it, up to the next live object (dead cells count as free: a sweep makes them holes). In a healthy
// heap a hole follows about one object in three, whatever its kind; what pins holes has one behind nearly each.
//
//   narrow   holes under a line (256 B): the allocator never takes them
//   wide     at least a line free on both sides: the object is alone in what could be an empty block
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "analyzer/buffer.h"
#include "analyzer/findings/evidence.h"
#include "analyzer/findings/groups.h"
#include "analyzer/findings/rules.h"
#include "analyzer/report/numbers.h"
#include "analyzer/views/fragmentation.h"

namespace openclaw {
namespace {

// Measured over generated programs and the reference service: planted pins have a hole behind 87 to 97 % of them,
// healthy kinds behind 60 % at most (postings of a search index, mostly 36 %) and stand alone in 26 % at most.
constexpr double kMostHaveAHole = 0.75, kMostStandAlone = 0.5;
// Of the live bytes.
// Narrow holes under the second share are told, as a note: what a healthy program loses between cells of many sizes reaches 2 %.
constexpr double kNarrowWorthANote = 0.02, kNarrowWorthAWarning = 0.035, kWideWorthAWarning = 0.05, kShareThatIsCritical = 0.2;
constexpr std::uint64_t kFewestPins = 64;

struct Pins {
  std::uint64_t objects = 0, bytes = 0;
  std::uint64_t narrow = 0, narrowBytes = 0;  // objects with a hole under a line behind them
  std::uint64_t alone = 0, wideBytes = 0;     // with at least a line on both sides; half of both sides
  std::uint64_t blocks = 0;
  std::uint32_t lastBlock = 0xffff'ffffu;
  ObjectIndex any;
};

using ByTypeAndSite = std::map<std::pair<std::uint32_t, std::uint32_t>, Pins>;

ByTypeAndSite pinsOf(const Snapshot& s) {
  ByTypeAndSite all;
  const auto& regions = s.regions();
  std::uint32_t region = 0;
  Pins* before = nullptr;  // of the live object before in this block
  std::uint64_t end = 0, gapBefore = 0;
  std::uint32_t block = 0xffff'ffffu;
  for (std::uint32_t i = 0; i < s.objectCount(); ++i) {
    const ObjectIndex object(i);
    if (!s.reachable(object)) continue;
    const std::uint64_t at = s.address(object).value;
    while (region + 1 < regions.size() && regions[RegionIndex(region + 1)].base <= at) ++region;
    const RegionRecord& r = regions[RegionIndex(region)];
    if (r.kind != RegionKind::kBlock || r.state == RegionState::kAllocating || at < r.base || at - r.base >= r.bytes)
      continue;
    if (region != block) {
      before = nullptr;
      block = region;
    }
    const std::uint64_t cell = cellOf(s, object).value;
    Pins& pins = all[{s.type(object).value, s.site(object).value}];
    const std::uint64_t gap = before == nullptr ? 0 : cell - std::min(cell, end);
    if (before != nullptr) {
      if (gap != 0 && gap < kLineBytes) {
        ++before->narrow;
        before->narrowBytes += gap;
      }
      if (gap >= kLineBytes && gapBefore >= kLineBytes) {
        ++before->alone;
        before->wideBytes += gap / 2 + gapBefore / 2;
      }
    }
    ++pins.objects;
    pins.bytes += s.size(object).value;
    if (!pins.any) pins.any = object;
    if (pins.lastBlock != region) {
      ++pins.blocks;
      pins.lastBlock = region;
    }
    gapBefore = before == nullptr ? cell - r.base : gap;
    before = &pins;
    end = cell + s.size(object).value;
  }
  return all;
}

}  // namespace

std::vector<Finding> findPinnedHoles(const RuleInput& input) {
  const Snapshot& s = input.snapshot;
  if (s.regions().empty() || s.report().objectsMissing != 0) return {};
  std::uint64_t live = 0;
  for (const std::uint32_t object : s.dominatedBy(std::nullopt)) live += s.retained(ObjectIndex(object)).value;
  std::vector<Finding> findings;
  for (const auto& [key, pins] : pinsOf(s)) {
    if (pins.objects < kFewestPins) continue;
    const double objects = static_cast<double>(pins.objects);
    const auto shareOf = [&](std::uint64_t bytes) { return static_cast<double>(bytes) / static_cast<double>(live); };
    const bool narrow = static_cast<double>(pins.narrow) >= kMostHaveAHole * objects &&
                        shareOf(pins.narrowBytes) >= kNarrowWorthANote && pins.narrowBytes > pins.bytes;
    const bool wide = static_cast<double>(pins.alone) >= kMostStandAlone * objects &&
                      shareOf(pins.wideBytes) >= kWideWorthAWarning && pins.wideBytes > 4 * pins.bytes;
    if (!narrow && !wide) continue;
    const TypeIndex type(key.first);
    const SiteIndex site(key.second);
    const std::uint64_t lost = narrow ? pins.narrowBytes : pins.wideBytes;
    const std::uint64_t with = narrow ? pins.narrow : pins.alone;
    const double part = static_cast<double>(with) / objects;

    const ObjectIndex holder = commonOwnerOf(s, type, site).value_or(ObjectIndex::none());
    const ObjectIndex owner = holder ? ownerOf(s, holder) : holder;
    Finding f;
    f.id = "fragmentation.pinned-holes";
    f.severity = shareOf(lost) >= kShareThatIsCritical ? Severity::kCritical
                 : shareOf(lost) >= kNarrowWorthAWarning ? Severity::kWarning
                                                         : Severity::kNote;
    const std::string kept = owner ? fmt::format(", kept by {} {}", typeText(s, s.type(owner)), idText(s, owner))
                                   : "";
    f.verdict = narrow ? fmt::format("{} × {}, made at {}{}, stand between holes of {} on average that no allocation "
                                     "fits: {} ({} of the live bytes) in {} cannot be used.",
                                     withSeparators(pins.objects), typeText(s, type), placeText(s, site), kept,
                                     toText(Bytes(lost / std::max<std::uint64_t>(with, 1))), toText(Bytes(lost)),
                                     percentText(lost, live), counted(pins.blocks, "block", "blocks"))
                       : fmt::format("{} × {}, made at {}{}, stand alone in {}: they hold {} of free memory ({} of the "
                                     "live bytes) in blocks that would be empty without them.",
                                     withSeparators(pins.objects), typeText(s, type), placeText(s, site), kept,
                                     counted(pins.blocks, "block", "blocks"), toText(Bytes(lost)),
                                     percentText(lost, live));
    const Certainty exact = s.report().complete() ? Certainty::kExact : Certainty::kLowerBound;
    f.numbers = {{"free bytes behind them", static_cast<double>(lost), "bytes", exact},
                 {"share of live bytes", shareOf(lost), "ratio", exact},
                 {"pins", objects, "objects", exact},
                 {"of them with a hole behind", part, "ratio", exact},
                 {"their own size", static_cast<double>(pins.bytes), "bytes", exact},
                 {"blocks", static_cast<double>(pins.blocks), "blocks", exact}};
    f.objects.push_back({pins.any, "pin"});
    if (owner) f.objects.push_back({owner, "owner"});
    if (holder != owner) f.objects.push_back({holder, "accumulation point"});
    f.sites.push_back(site);
    if (const auto stack = s.stack(pins.any)) f.stacks.push_back(*stack);
    f.ownerPath = ownerPathTo(s, holder ? holder : pins.any);
    f.confidence = std::min(0.95, part);
    f.because = fmt::format("{} of them have {} behind them; a heap without a pattern leaves them behind one object in three",
                            percentText(part), narrow ? "a hole under 256 B" : "and before them at least 256 B free");
    f.next = fmt::format("allocate them apart from what they are made between (all first, or in one array), then: {}",
                         pathsCommand(s, type, site));
    findings.push_back(std::move(f));
  }
  std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
    return a.numbers.front().value > b.numbers.front().value;
  });
  return findings;
}

}  // namespace openclaw
