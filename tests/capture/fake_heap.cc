#include "fake_heap.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "format/dump_reader.h"

namespace openclaw::test {
namespace {

constexpr std::uint64_t kBlock = 64 << 10;
constexpr const char* kTypeNames[] = {"test::Node", "test::Leaf", "test::Table", "test::Text"};
const std::string_view kCommandLine[] = {"fake", "--heap"};

ReadBack readAll(Result<DumpReader> opened) {
  ReadBack out;
  if (!opened) {
    out.problem = toText(opened.error());
    return out;
  }
  const DumpReader& reader = *opened;
  std::vector<std::uint64_t> slots;         // all slots in object order, as target indexes
  std::vector<ReferenceColumns> references;
  for (const FrameInfo& frame : reader.frames()) {
    auto decoded = reader.decode(frame);
    if (!decoded) {
      out.problem = toText(decoded.error());
      return out;
    }
    const DecodedFrame& f = *decoded;
    switch (frame.kind) {
      case FrameKind::kProcess:
        f.process([&](const ProcessRecord& p) {
          out.process = p;
          out.requested = p.requested;
          out.dumpId.assign(p.dumpId.begin(), p.dumpId.end());
          out.previousDumpId.assign(p.previousDumpId.begin(), p.previousDumpId.end());
        });
        break;
      case FrameKind::kTypes: f.forEachType([&](TypeIndex, const TypeRecord& t) { out.types.emplace_back(t.name); }); break;
      case FrameKind::kRegions: f.forEachRegion([&](RegionIndex, const RegionRecord& r) { out.regions.push_back(r); }); break;
      case FrameKind::kFloating: f.forEachFloating([&](const FloatingRecord& r) { out.floating.push_back(r); }); break;
      case FrameKind::kRoots:
        f.forEachRoot([&](const RootRecord& r) {
          out.roots.push_back(r);
          out.rootLabels.emplace_back(r.label);
        });
        break;
      case FrameKind::kSites: f.forEachSite([&](SiteIndex, const SiteRecord&) { ++out.sites; }); break;
      case FrameKind::kStacks: f.forEachStack([&](StackIndex, const StackRecord&) { ++out.stacks; }); break;
      case FrameKind::kModules: f.forEachModule([&](const ModuleRecord&) { ++out.modules; }); break;
      case FrameKind::kSymbols: f.forEachSymbol([&](const SymbolRecord&) { ++out.symbols; }); break;
      case FrameKind::kCounters:
        f.forEachCounter([&](const CounterRecord& c) { out.counters.emplace_back(c.name, c.value); });
        break;
      case FrameKind::kEnd:
        f.end([&](const EndRecord& e) {
          out.end = e;
          for (const LossRecord& loss : e.losses) out.losses.emplace_back(loss.name, loss.count);
        });
        break;
      case FrameKind::kObjects: {
        auto columns = f.objects();
        if (!columns) {
          out.problem = toText(columns.error());
          return out;
        }
        for (std::size_t i = 0; i < columns->address.size(); ++i) {
          ObjectRecord row;
          row.address = columns->address[i];
          row.size = columns->size[i];
          row.type = columns->type[i];
          row.site = columns->site[i];
          row.referenceCount = columns->referenceCount[i];
          row.age = columns->age[i];
          row.flags = columns->flags[i];
          out.objects.push_back(row);
        }
        for (const auto& [row, bytes] : columns->external)
          out.objects[out.objects.size() - columns->address.size() + row].external = bytes;
        break;
      }
      case FrameKind::kReferences: {
        auto columns = f.references();
        if (!columns) {
          out.problem = toText(columns.error());
          return out;
        }
        references.push_back(*std::move(columns));
        break;
      }
      default: break;
    }
  }
  // Slots follow each other over all frames in object order; deltas count from the slot's own object.
  out.targets.resize(out.objects.size());
  std::size_t source = 0;
  for (const ReferenceColumns& columns : references)
    for (const std::int64_t delta : columns.delta) {
      while (source < out.objects.size() && out.targets[source].size() == out.objects[source].referenceCount) ++source;
      if (source == out.objects.size()) {
        out.problem = "more slots than the objects announce";
        return out;
      }
      out.targets[source].push_back(delta == ReferenceColumns::kNull
                                        ? kNullReference
                                        : static_cast<std::uint64_t>(static_cast<std::int64_t>(source) + delta));
    }
  out.complete = reader.report().complete();
  out.indexUsed = reader.report().indexUsed;
  return out;
}

}  // namespace

FakeHeap FakeHeap::random(std::uint64_t seed, std::size_t count) {
  std::mt19937_64 random(seed);
  const auto below = [&](std::uint64_t n) { return random() % n; };
  FakeHeap heap;
  for (const char* name : kTypeNames) {
    TypeRecord type;
    type.name = name;
    type.size = 64;
    heap.types.push_back(type);
  }
  heap.sites = {{"", 0, 0, "", 0, 0, Certainty::kLowerBound}, {"node.cc", 12, 3, "make", 7, 700, Certainty::kExact}};
  heap.floatingRows = {{1, 3, 96}};
  heap.tablesRow.process.pid = static_cast<std::uint32_t>(::getpid());
  heap.tablesRow.process.executable = "/usr/bin/fake";
  heap.tablesRow.process.commandLine = kCommandLine;
  heap.tablesRow.process.source = "test";
  heap.tablesRow.process.granule = kGranule;
  std::uint64_t at = kLow;
  while (heap.objects.size() < count) {
    RegionRecord region;
    region.base = at;
    region.arena = 0;
    const std::uint64_t dice = below(40);
    if (dice == 0) {  // a wide empty range
      region.kind = RegionKind::kFreePages;
      region.bytes = (1 + below(64)) << 20;
      region.holeBytes = region.bytes;
    } else if (dice == 1) {  // one large object
      region.kind = RegionKind::kHugeObject;
      FakeObject object;
      object.row.address = at + kOffset;
      object.row.size = 40'000 + below(100'000);
      object.row.flags = kObjectLarge;
      region.bytes = (object.row.size + 4095) / 4096 * 4096;
      region.objectBytes = object.row.size;
      region.slackBytes = region.bytes - region.objectBytes;
      heap.objects.push_back(std::move(object));
    } else {
      region.kind = RegionKind::kBlock;
      region.state = RegionState::kSwept;
      region.bytes = kBlock;
      for (std::uint64_t cell = at; heap.objects.size() < count;) {
        cell += below(3) * kGranule;
        FakeObject object;
        object.row.address = cell + kOffset;
        object.row.size = kGranule * (1 + below(32));
        cell += object.row.size;
        if (cell > at + kBlock) break;
        region.objectBytes += object.row.size;
        heap.objects.push_back(std::move(object));
      }
      region.holeBytes = region.bytes - region.objectBytes;
    }
    heap.regions.push_back(region);
    at += region.bytes + below(4) * kBlock;
  }
  heap.high = at + kBlock;
  for (FakeObject& object : heap.objects) {
    object.row.type = static_cast<std::uint32_t>(below(std::size(kTypeNames)));
    object.row.site = static_cast<std::uint32_t>(below(2));
    object.row.age = static_cast<std::uint8_t>(below(8));
    if (below(100) == 0) object.row.external = 1 + below(1 << 20);
    const std::uint64_t slots = below(200) == 0 ? below(300) : below(6);
    for (std::uint64_t i = 0; i < slots; ++i)
      object.slots.push_back(below(10) == 0 ? 0 : heap.objects[below(heap.objects.size())].row.address);
    object.row.referenceCount = static_cast<std::uint32_t>(object.slots.size());
  }
  for (std::size_t i = 0; i < heap.objects.size(); i += 1 + below(50)) {
    RootRecord root;
    root.kind = static_cast<RootKind>(below(4));
    root.conservative = root.kind == RootKind::kStack;
    root.slot = 0x1000 + i * 8;
    root.label = below(2) == 0 ? "sessions" : "";
    heap.roots.emplace_back(heap.objects[i].row.address, root);
  }
  return heap;
}

const SourceTables& FakeHeap::tables() noexcept {
  tablesRow.types = types;
  return tablesRow;
}

void FakeHeap::visitStarts(StartVisitor& visitor) noexcept {
  std::uint64_t batch[100];
  std::size_t count = 0;
  for (const FakeObject& object : objects) {
    batch[count++] = object.row.address;
    if (count == std::size(batch)) {
      visitor.starts({batch, count});
      count = 0;
    }
  }
  visitor.starts({batch, count});
}

void FakeHeap::visitObjects(ObjectVisitor& visitor) noexcept {
  for (std::size_t i = 0; i < objects.size(); ++i) {
    if (i == hookAt && hook != nullptr) hook(hookArgument);
    visitor.object(objects[i].row);
    // Long rows in two parts, as a source with arrays gives them.
    const std::span<const std::uint64_t> slots = objects[i].slots;
    const std::size_t first = slots.size() / 2;
    if (first != 0) visitor.slots(slots.first(first));
    if (!slots.empty()) visitor.slots(slots.subspan(first));
  }
}

void FakeHeap::visitRegions(RegionVisitor& visitor) noexcept {
  for (const RegionRecord& region : regions) visitor.region(region);
}

void FakeHeap::visitRoots(RootVisitor& visitor) noexcept {
  for (const auto& [target, root] : roots) visitor.root(target, root);
}

ReadBack readBack(const std::string& path) { return readAll(DumpReader::open(path)); }
ReadBack readBack(std::span<const std::byte> bytes) { return readAll(DumpReader::fromMemory(bytes, "memory")); }

std::string difference(const FakeHeap& heap, const ReadBack& dump) {
  if (!dump.problem.empty()) return dump.problem;
  if (dump.objects.size() != heap.objects.size())
    return std::to_string(dump.objects.size()) + " objects instead of " + std::to_string(heap.objects.size());
  const auto indexOf = [&](std::uint64_t address) {
    const auto at = std::lower_bound(heap.objects.begin(), heap.objects.end(), address,
                                     [](const FakeObject& o, std::uint64_t a) { return o.row.address < a; });
    return static_cast<std::uint64_t>(at - heap.objects.begin());
  };
  for (std::size_t i = 0; i < heap.objects.size(); ++i) {
    const std::string where = "object " + std::to_string(i) + ": ";
    const ObjectRecord &a = heap.objects[i].row, &b = dump.objects[i];
    if (a.address != b.address) return where + "address";
    if (a.size != b.size) return where + "size";
    if (a.type != b.type || a.site != b.site) return where + "type or site";
    if (a.age != b.age || a.flags != b.flags) return where + "age or flags";
    if (a.external != b.external) return where + "external bytes";
    if (dump.targets[i].size() != heap.objects[i].slots.size()) return where + "number of slots";
    for (std::size_t s = 0; s < dump.targets[i].size(); ++s) {
      const std::uint64_t slot = heap.objects[i].slots[s];
      const std::uint64_t index = slot == 0 ? kNullReference : indexOf(slot);
      if (dump.targets[i][s] != index) return where + "slot " + std::to_string(s);
    }
  }
  if (dump.regions.size() != heap.regions.size()) return "number of regions";
  for (std::size_t i = 0; i < heap.regions.size(); ++i) {
    const RegionRecord &a = heap.regions[i], &b = dump.regions[i];
    const std::string where = "region " + std::to_string(i) + ": ";
    if (a.base != b.base || a.bytes != b.bytes || a.kind != b.kind) return where + "range or kind";
    if (b.firstObject != indexOf(a.base)) return where + "first object";
    if (b.objectCount != indexOf(a.base + a.bytes) - indexOf(a.base)) return where + "object count";
    if (a.objectBytes != b.objectBytes || a.holeBytes != b.holeBytes || a.slackBytes != b.slackBytes) return where + "bytes";
  }
  if (dump.roots.size() != heap.roots.size()) return "number of roots";
  for (std::size_t i = 0; i < heap.roots.size(); ++i) {
    const auto& [target, a] = heap.roots[i];
    const RootRecord& b = dump.roots[i];
    if (b.object != indexOf(target) || a.kind != b.kind || a.slot != b.slot || a.conservative != b.conservative ||
        dump.rootLabels[i] != a.label)
      return "root " + std::to_string(i);
  }
  if (dump.types.size() != heap.types.size() || dump.sites != heap.sites.size()) return "types or sites";
  if (dump.floating.size() != heap.floatingRows.size()) return "floating garbage";
  return "";
}

std::size_t descriptorCount() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

std::vector<int> childProcesses() {
  std::vector<int> pids;
  std::error_code ignored;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", ignored)) {
    std::ifstream in(task.path() / "children");
    for (int pid = 0; in >> pid;) pids.push_back(pid);
  }
  return pids;
}

std::size_t mappingCount() {
  std::ifstream in("/proc/self/maps");
  std::size_t lines = 0;
  for (std::string line; std::getline(in, line);) ++lines;
  return lines;
}

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "openclaw-test-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) std::abort();
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace openclaw::test
