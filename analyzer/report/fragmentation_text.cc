#include <fmt/format.h>

#include <algorithm>

#include "analyzer/report/numbers.h"
#include "analyzer/report/reports.h"
#include "analyzer/report/text_parts.h"
#include "analyzer/report/text_table.h"
#include "analyzer/report/view_reports.h"

namespace openclaw {
namespace {

using Align = TextTable::Align;

constexpr std::uint64_t kBlock = kLineBytes * kLinesOfBlock;
constexpr std::uint64_t kBlocksARow = 64, kRowsOfAScreen = 24, kRowsOfAWholeMap = 100'000;

// The cause in two or three sentences: how bad it is, who pins it, what could come back.
std::string verdict(const Snapshot& s, const FragmentationView& view) {
  const ArenaFragmentation& all = view.total;
  std::string out = fmt::format("{} of {} committed is in holes that allocation cannot use (fragmentation); {} is free in blocks that hold objects (locked).\n",
                                percentText(all.fragmentation), bytesText(s, all.committed, Certainty::kExact),
                                percentText(all.locked));
  Bytes narrow = view.pinsLeftOut.narrowBytes, sparse = view.pinsLeftOut.mostlyEmptyBytes, waste = view.pinsLeftOut.wasteBytes;
  for (const PinGroup& pin : view.pins) {
    narrow += pin.narrowBytes;
    sparse += pin.mostlyEmptyBytes;
    waste += pin.wasteBytes;
  }
  out += fmt::format("{} stand in holes under 256 B between objects, {} in mostly empty blocks ({} of {} in use).\n", toText(narrow), toText(sparse),
                     withSeparators(all.mostlyEmptyBlocks), withSeparators(all.blocks - all.emptyBlocks));
  if (!view.pins.empty() && waste.value != 0) {
    const PinGroup& first = view.pins.front();
    out += fmt::format("{} of that stands beside {} × {}, made at {}", percentText(first.wasteBytes.value, waste.value),
                       withSeparators(first.objects), typeText(s, first.type), siteText(s, first.site));
    if (first.owner) out += fmt::format(", kept by {} {}", typeText(s, s.type(*first.owner)), idText(s, *first.owner));
    out += ".\n";
  }
  if (all.mostlyEmptyBlocks == 0) return out + "A defragmentation would empty no block: none is mostly empty.\n";
  const DefragmentationEstimate& d = view.defragmentation;
  if (d.candidateBlocks == 0)
    out += fmt::format("A defragmentation would give nothing back: all {} pinned.\n", d.pinnedBlocks == 1 ? "of it is" : "of them are");
  else
    out += fmt::format("A defragmentation would give back {}, moving {} out of {}{}.\n",
                       d.low == d.high ? toText(d.low) : fmt::format("{} to {}", toText(d.low), toText(d.high)),
                       toText(d.movedBytes), counted(d.candidateBlocks, "block", "blocks"),
                       d.pinnedBlocks == 0 ? "" : fmt::format("; {} pinned", counted(d.pinnedBlocks, "more block is", "more blocks are")));
  return out + fmt::format("  (~: {})\n", d.because);
}

std::string pinsText(const Snapshot& s, const FragmentationReport& report) {
  const FragmentationView& view = report.view;
  if (view.pins.empty()) return {};
  std::string out = "\nWhat keeps holes open (half of a hole counts for the object on either side)\n";
  TextTable table({{"beside", Align::kRight},
                   {"under 256 B", Align::kRight},
                   {"in mostly empty blocks", Align::kRight},
                   {"of them alone in", Align::kRight},
                   {"objects", Align::kRight},
                   {"bytes", Align::kRight},
                   {"type, made at, held by"}});
  const std::size_t shown = std::min(report.top, view.pins.size());
  for (const PinGroup& pin : std::span(view.pins).first(shown)) {
    table.add({toText(pin.lockedBytes), toText(pin.narrowBytes),
               pin.mostlyEmptyBlocks == 0 ? "–" : fmt::format("{} in {}", toText(pin.mostlyEmptyBytes), withSeparators(pin.mostlyEmptyBlocks)),
               pin.mostlyEmptyBlocks == 0 ? "–" : withSeparators(pin.blocksAlone), withSeparators(pin.objects), toText(pin.bytes),
               fmt::format("{}  made at {}", typeText(s, pin.type), siteText(s, pin.site))});
    std::string held;
    if (pin.owner)
      held = fmt::format("  {} of them through {}{}", withSeparators(pin.ownerObjects), ownerPathText(s, *pin.owner),
                         s.retained(*pin.owner).value == 0 ? "" : fmt::format(" ({} retained)", toText(s.retained(*pin.owner))));
    else if (pin.unreachableObjects == pin.objects)
      held = "  nothing: garbage that no collection has found yet";
    else
      held = "  no single owner: below the roots they part";
    table.add({"", "", "", "", "", "", std::move(held)});
  }
  out += table.text();
  Bytes left = view.pinsLeftOut.lockedBytes;
  for (const PinGroup& pin : std::span(view.pins).subspan(shown)) left += pin.lockedBytes;
  if (left.value != 0) out += fmt::format("  … {} stand beside others\n", toText(left));
  return out;
}

std::string holesText(const FragmentationView& view) {
  if (view.holes.empty()) return {};
  std::string out = "\nFree bytes by size of the hole\n";
  std::uint64_t all = 0;
  bool mixed = false;
  for (const HoleSizeRow& row : view.holes) {
    all += row.bytes.value + row.mixedBytes.value;
    mixed |= row.mixedHoles != 0;
  }
  std::vector<TextTable::ColumnSpec> columns{{"hole", Align::kRight}, {"holes", Align::kRight}, {"bytes", Align::kRight}, {"share", Align::kRight}};
  if (mixed) columns.push_back({"of these, not all holes", Align::kRight});
  TextTable table(columns);
  for (const HoleSizeRow& row : view.holes) {
    if (row.holes + row.mixedHoles == 0) continue;
    const Bytes bytes = row.bytes + row.mixedBytes;
    std::vector<std::string> cells{row.upTo.value == 0 ? fmt::format("from {}", toText(row.from)) : fmt::format("under {}", toText(row.upTo)),
                                   withSeparators(row.holes + row.mixedHoles),
                                   fmt::format("{}{}", row.mixedHoles == 0 ? "" : "≤ ", toText(bytes)), percentText(bytes.value, all)};
    if (mixed) cells.push_back(row.mixedHoles == 0 ? "" : toText(row.mixedBytes));
    table.add(std::move(cells));
  }
  out += table.text();
  if (mixed) out += "  \"not all holes\": gaps in blocks that also hold dead cells or buffers in use; which gap is which, the dump does not say\n";
  return out;
}

std::string arenasText(const FragmentationView& view) {
  std::string out = "\nArenas\n";
  TextTable table({{"fragmentation", Align::kRight},
                   {"locked", Align::kRight},
                   {"committed", Align::kRight},
                   {"objects", Align::kRight},
                   {"dead", Align::kRight},
                   {"holes", Align::kRight},
                   {"unusable", Align::kRight},
                   {"empty", Align::kRight},
                   {"blocks", Align::kRight},
                   {"mostly empty", Align::kRight},
                   {"largest free pages", Align::kRight},
                   {"arena"}});
  for (const ArenaFragmentation& a : view.arenas)
    table.add({percentText(a.fragmentation), percentText(a.locked), toText(a.committed), toText(a.objectBytes),
               toText(a.deadBytes), toText(a.holeBytes), toText(a.unusableBytes), toText(a.emptyBytes),
               withSeparators(a.blocks), withSeparators(a.mostlyEmptyBlocks),
               a.freePagesBytes.value == 0 ? "–" : fmt::format("{} of {}", toText(a.largestFreePages), toText(a.freePagesBytes)), a.name});
  return out + table.text();
}

// The address space a block a character, 4 MiB a line; or as many blocks a character as make it fit a screen.
std::string mapText(const FragmentationReport& report) {
  const std::vector<RegionRow>& regions = report.view.regions;
  struct Cell {
    double filled = 0, covered = 0, large = 0, freePages = 0, withheld = 0;
    bool any = false;
  };
  // Rows that hold regions. A dump may lie about how large they are: sums stop at the largest number, and even the
  // whole map is scaled when it would be longer than anybody reads.
  const std::uint64_t rowBytes = kBlocksARow * kBlock;
  const auto endOf = [](const RegionRow& r) {
    return r.base.value + std::min(r.bytes.value, ~std::uint64_t{0} - r.base.value);
  };
  std::uint64_t rows = 0, next = 0;  // the first row not counted yet
  for (const RegionRow& r : regions) {
    if (r.bytes.value == 0) continue;
    const std::uint64_t first = std::max(next, r.base.value / rowBytes), last = (endOf(r) - 1) / rowBytes;
    if (last < first) continue;
    rows += last - first + 1;
    next = last + 1;
  }
  const std::uint64_t wanted = report.wholeMap ? kRowsOfAWholeMap : kRowsOfAScreen;
  const std::uint64_t scale = std::max<std::uint64_t>(1, (rows + wanted - 1) / wanted);
  const std::uint64_t cellBytes = kBlock * scale;
  std::string out = fmt::format("\nMap: a character is {}{}\n",
                                scale == 1 ? "a block of 64 KiB" : fmt::format("{} blocks, {} together", scale, toText(Bytes(cellBytes))),
                                scale == 1 ? "" : " (--map all shows each block)");
  out += report.scope == nullptr ? "  ▁ … █ how full, · empty, L large objects, - free pages between them, w withheld for a dump\n"
                                 : "  ▁ … █ how full of the scope's objects, · none of them, L large ones of them, - free pages, w withheld for a dump\n";
  std::vector<Cell> cells;
  std::uint64_t line = ~std::uint64_t{0};
  const auto flush = [&] {
    if (cells.empty()) return;
    out += fmt::format("  {}  ", toText(Address(line * cellBytes * kBlocksARow)));
    std::string text;
    std::size_t last = 0;
    for (const Cell& cell : cells) {
      if (!cell.any) text += ' ';
      else if (cell.large * 2 > cell.covered) text += 'L';
      else if (cell.freePages * 2 > cell.covered) text += '-';
      else if (cell.withheld * 2 > cell.covered) text += 'w';
      else text += fillText(cell.covered == 0 ? 0 : cell.filled / cell.covered);
      if (cell.any) last = text.size();
    }
    out += text.substr(0, last) + '\n';
    cells.clear();
  };
  std::uint64_t painted = 0;  // regions that overlap are painted once
  for (const RegionRow& r : regions) {
    std::uint64_t at = std::max(r.base.value, painted);
    const std::uint64_t end = endOf(r);
    painted = std::max(painted, end);
    while (at < end) {
      const std::uint64_t lineHere = at / (cellBytes * kBlocksARow);
      if (lineHere != line) {
        flush();
        line = lineHere;
        cells.assign(kBlocksARow, {});
      }
      const std::uint64_t upTo = end / cellBytes == at / cellBytes ? end : (at / cellBytes + 1) * cellBytes;
      Cell& cell = cells[(at / cellBytes) % kBlocksARow];
      const auto part = static_cast<double>(upTo - at);
      cell.any = true;
      cell.covered += part;
      const bool shown = report.scope == nullptr || report.scoped.regions[r.region.value].objects != 0;
      if (report.scope == nullptr)
        cell.filled += part * r.occupancy();
      else if (shown)
        cell.filled += part * static_cast<double>(report.scoped.regions[r.region.value].bytes.value) / static_cast<double>(r.bytes.value);
      if (shown && (r.kind == RegionKind::kLargePages || r.kind == RegionKind::kHugeObject)) cell.large += part;
      if (r.kind == RegionKind::kFreePages) cell.freePages += part;
      if (r.state == RegionState::kWithheld) cell.withheld += part;
      at = upTo;
    }
  }
  flush();
  return out;
}

const char* stateText(const RegionRow& row) {
  switch (row.state) {
    case RegionState::kEmpty:
      return "empty";
    case RegionState::kSwept:
      return "swept";
    case RegionState::kUnswept:
      return "not swept yet";
    case RegionState::kAllocating:
      return "a thread allocates in it";
    case RegionState::kFull:
      return "full";
    case RegionState::kWithheld:
      return "withheld for a dump";
  }
  return "";
}

std::string blockText(const Snapshot& s, const FragmentationReport& report) {
  const RegionRow& row = report.view.regions[report.block->value];
  std::string out = fmt::format("{} at {}, {}: {} in {}, {} dead, {} in holes, {}\n",
                                row.kind == RegionKind::kBlock ? "Block" : "Region", toText(row.base), toText(row.bytes),
                                toText(row.objectBytes), counted(row.objects, "object", "objects"), toText(row.deadBytes),
                                toText(row.holeBytes), stateText(row));
  if (row.pinned) out += "  an object in it may not move: pinned, or a stack or register may point to it\n";
  if (row.kind == RegionKind::kBlock) {
    out += "  a character is a line of 256 B\n";
    const auto lines = computeLineBytes(s, row.region);
    for (std::size_t first = 0; first < kLinesOfBlock; first += 64) {
      out += fmt::format("  {}  ", toText(row.base + Bytes(first * kLineBytes)));
      for (std::size_t i = first; i < first + 64; ++i) out += fillText(static_cast<double>(lines[i]) / kLineBytes);
      out += '\n';
    }
  }
  TextTable table({{"address"}, {"bytes", Align::kRight}, {"age", Align::kRight}, {"type, made at"}});
  std::size_t shown = 0, objects = 0;
  forEachObjectIn(s, row.base, row.base + row.bytes, [&](ObjectIndex object) {
    ++objects;
    if (shown == report.top) return true;
    ++shown;
    table.add({idText(s, object), withSeparators(s.size(object).value), s.age(object) >= 7 ? "≥ 7" : std::to_string(s.age(object)),
               fmt::format("{}  made at {}{}", typeText(s, s.type(object)), siteText(s, s.site(object)), s.reachable(object) ? "" : "  (garbage)")});
    return true;
  });
  if (shown != 0) out += table.text();
  if (objects > shown) out += fmt::format("  … {} more\n", counted(objects - shown, "object", "objects"));
  return out;
}

std::string scopedText(const FragmentationReport& report) {
  if (report.scope == nullptr) return {};
  const ScopeInRegions& in = report.scoped;
  std::string out = fmt::format("It lies in {}", counted(in.blocks, "block", "blocks"));
  if (in.blocksAlone != 0) out += fmt::format(", {} of them with nothing else and {} free in them", withSeparators(in.blocksAlone), toText(in.holesAlone));
  if (in.mostlyEmptyBlocks != 0) out += fmt::format("; {} are mostly empty, with {} free", withSeparators(in.mostlyEmptyBlocks), toText(in.holesInMostlyEmpty));
  return out + ".\nOnly the map is of the scope. A hole lies between objects of all kinds, so all else is of the whole heap.\n\n";
}

}  // namespace

std::string textOf(const Snapshot& s, const FragmentationReport& report) {
  std::string out = lossText(s) + scopeText(s, report.scope);
  if (!report.view.known)
    return out + "This dump has no blocks: its source does not say how its memory is laid out. Nothing to show.\n";
  if (report.block) return out + blockText(s, report);
  out += scopedText(report);
  out += verdict(s, report.view);
  out += pinsText(s, report);
  out += holesText(report.view);
  out += arenasText(report.view);
  return out + mapText(report);
}

}  // namespace openclaw
