#include "tests/runtime/dump_view.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "format/dump_reader.h"

namespace openclaw::test {
namespace {

std::vector<DumpView::Field> copyOf(std::span<const FieldRecord> fields) {
  std::vector<DumpView::Field> copy;
  for (const FieldRecord& f : fields) copy.push_back({std::string(f.name), f.offset, f.strength, std::string(f.targetType)});
  return copy;
}

// References point at objects by index; kept as indexes until all objects are known.
void readFrame(const DecodedFrame& frame, DumpView& dump, std::vector<std::int64_t>& targetIndexes) {
  switch (frame.info().kind) {
    case FrameKind::kProcess:
      frame.process([&](const ProcessRecord& p) {
        dump.process = {p.pid, p.dumpNumber, p.granule, std::string(p.executable), std::string(p.source),
                        std::string(p.requested), std::string(p.generator), p.consistency,
                        {p.dumpId.begin(), p.dumpId.end()}, {p.previousDumpId.begin(), p.previousDumpId.end()}};
      });
      break;
    case FrameKind::kModules:
      frame.forEachModule([&](const ModuleRecord& m) {
        ++dump.modules;
        if (!m.buildId.empty()) ++dump.modulesWithBuildId;
      });
      break;
    case FrameKind::kTypes:
      frame.forEachType([&](TypeIndex, const TypeRecord& t) {
        dump.types.push_back({std::string(t.name), t.size, t.elementSize, t.elementOffset, copyOf(t.fields),
                              copyOf(t.elementFields), t.hasDestructor, t.pointerFree, t.isText, t.externalOffset});
      });
      break;
    case FrameKind::kSites:
      frame.forEachSite([&](SiteIndex, const SiteRecord& s) {
        dump.sites.push_back({std::string(s.file), std::string(s.function), s.line, s.allocatedObjects, s.allocatedBytes, s.countsCertainty});
      });
      break;
    case FrameKind::kArenas:
      frame.forEachArena([&](const ArenaRecord& a) {
        dump.arenas.push_back(a);
        dump.arenaNames.emplace_back(a.name);
      });
      break;
    case FrameKind::kRegions:
      frame.forEachRegion([&](RegionIndex, const RegionRecord& r) { dump.regions.push_back(r); });
      break;
    case FrameKind::kFloating:
      frame.forEachFloating([&](const FloatingRecord& f) { dump.floating.push_back(f); });
      break;
    case FrameKind::kObjects: {
      auto columns = frame.objects();
      ASSERT_TRUE(columns) << toText(columns.error());
      ASSERT_EQ(columns->firstIndex, dump.objects.size());
      std::size_t first = dump.objects.size();
      for (std::size_t i = 0; i < columns->address.size(); ++i)
        dump.objects.push_back({columns->address[i], columns->size[i], 0, columns->type[i], columns->site[i], 0,
                                columns->referenceCount[i], columns->age[i], columns->flags[i]});
      for (auto [row, bytes] : columns->external) dump.objects[first + row].external = bytes;
      for (auto [row, bound] : columns->bounds) dump.objects[first + row].bound = bound;
      break;
    }
    case FrameKind::kReferences: {
      auto columns = frame.references();
      ASSERT_TRUE(columns) << toText(columns.error());
      EXPECT_TRUE(columns->label.empty()) << "a runtime's dump labels slots by declared fields";
      for (std::int64_t delta : columns->delta) targetIndexes.push_back(delta);
      break;
    }
    case FrameKind::kRoots:
      frame.forEachRoot([&](const RootRecord& r) {
        dump.roots.push_back({0, r, std::string(r.label)});
        dump.roots.back().row.label = {};
      });
      break;
    case FrameKind::kThreads:
      frame.forEachThread([&](const ThreadRecord& t) {
        dump.threads.push_back({std::string(t.name), std::string(t.state), t.tid, t.stackLow, t.stackHigh});
      });
      break;
    case FrameKind::kStacks:
      dump.stackMeanInterval = frame.stackMeanInterval();
      frame.forEachStack([&](StackIndex, const StackRecord& s) {
        dump.stacks.push_back({{s.pcs.begin(), s.pcs.end()}, s});
        dump.stacks.back().row.pcs = {};
      });
      break;
    case FrameKind::kPauses:
      dump.pausesTotal = frame.pausesTotal();
      frame.forEachPause([&](const PauseRecord& p) {
        dump.pauses.push_back({p, std::string(p.kind), std::string(p.cause), {}});
        for (const PhaseRecord& phase : p.phases) dump.pauses.back().phases.emplace_back(std::string(phase.name), phase.duration);
        dump.pauses.back().row.phases = {};
      });
      break;
    case FrameKind::kSettings:
      frame.forEachSetting([&](const SettingRecord& s) {
        dump.settings[std::string(s.name)] = {std::string(s.value), std::string(s.defaultValue), std::string(s.origin)};
      });
      frame.forEachSettingChange([&](const SettingChangeRecord& c) {
        dump.changes.push_back({std::string(c.name), std::string(c.before), std::string(c.after), std::string(c.by)});
      });
      break;
    case FrameKind::kCounters:
      frame.forEachCounter([&](const CounterRecord& c) { dump.counters[std::string(c.name)] = c.value; });
      break;
    case FrameKind::kRequests:
      dump.requestsLost = frame.requestsLost();
      frame.forEachRequest([&](const RequestRecord& r) { dump.requests.push_back(r); });
      break;
    case FrameKind::kNames: ADD_FAILURE() << "names in the dump of a process"; break;
    case FrameKind::kEnd:
      frame.end([&](const EndRecord& e) {
        dump.end = e;
        for (const LossRecord& loss : e.losses) dump.losses[std::string(loss.name)] = loss.count;
        dump.end.losses = {};
      });
      break;
    case FrameKind::kTaken:
      frame.taken([&](const TakenRecord& r) {
        EXPECT_GT(r.stopNanoseconds, 0u);
        EXPECT_GE(r.totalNanoseconds, r.stopNanoseconds);
      });
      break;
    case FrameKind::kIndex: break;
    default: ADD_FAILURE() << "unexpected frame " << toText(frame.info().kind);
  }
}

DumpView readAll(Result<DumpReader> reader) {
  DumpView dump;
  if (!reader) {
    ADD_FAILURE() << toText(reader.error());
    return dump;
  }
  EXPECT_TRUE(reader->report().complete()) << "end seen: " << reader->report().endSeen;
  std::vector<std::int64_t> targets;
  for (const FrameInfo& info : reader->frames()) {
    auto frame = reader->decode(info);
    if (!frame) ADD_FAILURE() << toText(frame.error());
    else readFrame(*frame, dump, targets);
  }
  std::size_t slot = 0;
  dump.slotTargets.reserve(targets.size());
  for (std::size_t i = 0; i < dump.objects.size(); ++i) {
    DumpView::Object& object = dump.objects[i];
    object.firstSlot = static_cast<std::uint32_t>(slot);
    for (std::uint32_t n = 0; n < object.slots; ++n, ++slot) {
      if (slot >= targets.size()) {
        ADD_FAILURE() << "object " << i << " has more slots than the references frames hold";
        object.slots = n;
        break;
      }
      if (targets[slot] == ReferenceColumns::kNull) {
        dump.slotTargets.push_back(DumpView::kNull);
        continue;
      }
      std::uint64_t target = i + static_cast<std::uint64_t>(targets[slot]);
      if (target < dump.objects.size()) dump.slotTargets.push_back(dump.objects[target].address);
      else {
        ADD_FAILURE() << "object " << i << " points at object " << target << " of " << dump.objects.size();
        dump.slotTargets.push_back(DumpView::kNull);
      }
    }
  }
  EXPECT_EQ(slot, targets.size());
  for (DumpView::Root& root : dump.roots) {
    if (root.row.object < dump.objects.size()) root.target = dump.objects[root.row.object].address;
    else ADD_FAILURE() << "a root names object " << root.row.object;
  }
  return dump;
}

}  // namespace

DumpView DumpView::read(const std::string& path) { return readAll(DumpReader::open(path)); }
DumpView DumpView::fromBytes(std::span<const std::byte> bytes) { return readAll(DumpReader::fromMemory(bytes, "dump")); }

const DumpView::Object* DumpView::at(std::uint64_t address) const {
  auto found = std::ranges::lower_bound(objects, address, {}, &Object::address);
  return found != objects.end() && found->address == address ? &*found : nullptr;
}

std::vector<DumpView::Edge> DumpView::edges(const Object& object) const {
  const Type& type = types[object.type];
  std::vector<Edge> edges;
  std::size_t slot = 0;
  for (std::uint64_t target : targets(object)) {
    if (slot < type.fields.size()) edges.push_back({type.fields[slot].name, type.fields[slot].strength, target});
    else if (type.elementFields.empty()) ADD_FAILURE() << "a slot that " << type.name << " does not declare";
    else {
      std::size_t element = (slot - type.fields.size()) / type.elementFields.size();
      const Field& field = type.elementFields[(slot - type.fields.size()) % type.elementFields.size()];
      edges.push_back({fmt::format("[{}]{}{}", element, field.name.empty() ? "" : ".", field.name), field.strength, target});
    }
    ++slot;
  }
  return edges;
}

const DumpView::Site& DumpView::siteOf(const Object& object) const {
  static const Site kNone{};
  std::uint32_t site = object.site;
  if ((site & kSiteIsStack) != 0) {
    std::uint32_t stack = site & ~kSiteIsStack;
    if (stack >= stacks.size()) {
      ADD_FAILURE() << "stack " << stack << " of " << stacks.size();
      return kNone;
    }
    site = stacks[stack].row.site;
  }
  if (site >= sites.size()) {
    ADD_FAILURE() << "site " << site << " of " << sites.size();
    return kNone;
  }
  return sites[site];
}

std::uint64_t DumpView::counter(const std::string& name) const {
  auto found = counters.find(name);
  if (found == counters.end()) {
    ADD_FAILURE() << "no counter " << name;
    return 0;
  }
  return found->second;
}

void expectDumpAddsUp(const DumpView& dump) {
  constexpr std::uint64_t kHeader = 8, kLargeHeader = 24;   // bytes of a cell before the address
  struct Sums { std::uint64_t object = 0, floating = 0, holes = 0, tails = 0, slack = 0, empty = 0, bytes = 0, objects = 0, floatingCount = 0, unusable = 0; } sum;
  std::size_t next = 0;
  std::uint64_t end = 0;
  for (const RegionRecord& region : dump.regions) {
    SCOPED_TRACE(fmt::format("region {:#x} kind {} state {}", region.base, static_cast<int>(region.kind), static_cast<int>(region.state)));
    EXPECT_GE(region.base, end) << "regions overlap";
    end = region.base + region.bytes;
    EXPECT_EQ(region.objectBytes + region.floatingBytes + region.holeBytes + region.tlabTailBytes + region.slackBytes, region.bytes);
    EXPECT_LE(region.unusableHoleBytes, region.holeBytes);
    EXPECT_LE(region.largestHole, region.holeBytes);
    EXPECT_EQ(region.holeBytes == 0, region.holeCount == 0);
    EXPECT_EQ(region.firstObject, next);
    std::uint64_t bytes = 0, lines[4] = {};
    std::uint32_t count = 0;
    for (; next < dump.objects.size() && dump.objects[next].address < end; ++next, ++count) {
      const DumpView::Object& object = dump.objects[next];
      std::uint64_t cell = object.address - ((object.flags & kObjectLarge) != 0 ? kLargeHeader : kHeader);
      EXPECT_GE(cell, region.base) << "an object lies outside all regions";
      EXPECT_LE(cell + object.size, end) << "an object leaves its region";
      bytes += object.size;
      if (region.kind == RegionKind::kBlock)
        for (std::uint64_t line = (cell - region.base) / 256; line <= (cell + object.size - 1 - region.base) / 256; ++line)
          lines[line / 64] |= 1ull << (line % 64);
    }
    EXPECT_EQ(region.objectCount, count);
    EXPECT_EQ(region.objectBytes, bytes);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(region.lineMap[i], lines[i]) << "lines " << i * 64;
    bool isEmpty = region.objectCount == 0 && region.floatingBytes == 0 && region.holeBytes == 0 && region.tlabTailBytes == 0;
    (isEmpty ? sum.empty : sum.slack) += region.slackBytes;
    sum.object += region.objectBytes;
    sum.floating += region.floatingBytes;
    sum.floatingCount += region.floatingCount;
    sum.holes += region.holeBytes;
    sum.unusable += region.unusableHoleBytes;
    sum.tails += region.tlabTailBytes;
    sum.bytes += region.bytes;
    sum.objects += region.objectCount;
    if (::testing::Test::HasFailure()) return;   // one bad region is enough to read
  }
  EXPECT_EQ(next, dump.objects.size()) << "objects behind the last region";
  EXPECT_EQ(sum.objects, dump.counter("object_count"));
  EXPECT_EQ(sum.object, dump.counter("object_bytes"));
  EXPECT_EQ(sum.floating, dump.counter("floating_bytes"));
  EXPECT_EQ(sum.floatingCount, dump.counter("floating_count"));
  EXPECT_EQ(sum.holes, dump.counter("hole_bytes"));
  EXPECT_EQ(sum.unusable, dump.counter("unusable_hole_bytes"));
  EXPECT_EQ(sum.tails, dump.counter("tlab_tail_bytes"));
  EXPECT_EQ(sum.slack, dump.counter("large_slack_bytes"));
  EXPECT_EQ(sum.empty, dump.counter("empty_block_bytes"));
  EXPECT_EQ(sum.bytes + dump.counter("metadata_bytes"), dump.counter("committed_bytes"));
  std::uint64_t external = 0, floatingObjects = 0, floatingBytes = 0, arenaObjects = 0, arenaCommitted = 0, handles = 0;
  for (const DumpView::Object& object : dump.objects) {
    external += object.external;
    const DumpView::Type& type = dump.types.at(object.type);
    std::uint64_t beyond = object.slots - type.fields.size();
    EXPECT_GE(object.slots, type.fields.size()) << type.name;
    if (type.elementFields.empty()) EXPECT_EQ(beyond, 0u) << type.name;
    else EXPECT_EQ(beyond % type.elementFields.size(), 0u) << type.name;
    dump.siteOf(object);
  }
  for (const FloatingRecord& row : dump.floating) floatingObjects += row.objects, floatingBytes += row.bytes;
  for (const ArenaRecord& row : dump.arenas) arenaObjects += row.objectBytes, arenaCommitted += row.committed;
  for (const DumpView::Root& root : dump.roots) handles += root.row.kind == RootKind::kHandle;
  EXPECT_LE(external, dump.counter("external_bytes"));
  EXPECT_EQ(floatingObjects, dump.counter("floating_count"));
  EXPECT_EQ(floatingBytes, dump.counter("floating_bytes"));
  EXPECT_EQ(arenaObjects, dump.counter("object_bytes"));
  EXPECT_EQ(arenaCommitted, dump.counter("committed_bytes"));
  EXPECT_EQ(handles, dump.counter("root_count"));
  EXPECT_EQ(dump.threads.size(), dump.counter("thread_count"));
  EXPECT_EQ(dump.end.objects, dump.objects.size());
  EXPECT_EQ(dump.end.regions, dump.regions.size());
  EXPECT_EQ(dump.end.roots, dump.roots.size());
}

}  // namespace openclaw::test
