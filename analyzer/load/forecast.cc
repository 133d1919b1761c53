#include "analyzer/load/forecast.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include "analyzer/graph/list_coding.h"
#include "analyzer/memory_limit.h"
#include "format/dump_reader.h"
#include "format/units.h"

namespace openclaw {
namespace {

constexpr double kListHead = 1.4;   // of a list: its length and its block's offset
constexpr double kSpare = 1.04;     // what no formula below counts: side tables, pages that are half used

double mean(double sum, double count) { return count == 0 ? 0 : sum / count; }

std::vector<const FrameInfo*> spread(std::span<const FrameInfo> frames, FrameKind kind, std::size_t most) {
  std::vector<const FrameInfo*> all, chosen;
  for (const FrameInfo& frame : frames)
    if (frame.known && frame.kind == kind) all.push_back(&frame);
  const std::size_t count = std::min(all.size(), most);
  for (std::size_t i = 0; i < count; ++i) chosen.push_back(all[count == 1 ? 0 : i * (all.size() - 1) / (count - 1)]);
  return chosen;
}

struct HeapbinCounts {
  double objects = 0, slots = 0, bytesASlot = 1;
  double tableBytes = 0;
  std::uint64_t types = 0, sites = 0, stacks = 0;
  double sizesPastByte = 0, sizesPastTwo = 0;   // shares
  bool strengths = false, labels = false;
};

HeapbinCounts countHeapbin(const DumpReader& reader) {
  HeapbinCounts counts;
  double objectsRaw = 0, slotsRaw = 0;
  std::uint64_t announced = 0;
  for (const FrameInfo& frame : reader.frames()) {
    if (!frame.known) continue;
    switch (frame.kind) {
      case FrameKind::kObjects: objectsRaw += frame.rawSize; break;
      case FrameKind::kReferences: slotsRaw += frame.rawSize; break;
      case FrameKind::kIndex: break;
      case FrameKind::kTypes:
        counts.tableBytes += frame.rawSize;
        if (const auto decoded = reader.decode(frame)) decoded->forEachType([&](TypeIndex i, const TypeRecord&) { counts.types = std::max<std::uint64_t>(counts.types, i.value + 1ull); });
        break;
      case FrameKind::kSites:
        counts.tableBytes += frame.rawSize;
        if (const auto decoded = reader.decode(frame)) decoded->forEachSite([&](SiteIndex i, const SiteRecord&) { counts.sites = std::max<std::uint64_t>(counts.sites, i.value + 1ull); });
        break;
      case FrameKind::kStacks:
        counts.tableBytes += frame.rawSize;
        if (const auto decoded = reader.decode(frame)) decoded->forEachStack([&](StackIndex i, const StackRecord&) { counts.stacks = std::max<std::uint64_t>(counts.stacks, i.value + 1ull); });
        break;
      case FrameKind::kEnd:
        if (const auto decoded = reader.decode(frame)) decoded->end([&](const EndRecord& end) { announced = end.objects; });
        break;
      default: counts.tableBytes += frame.rawSize;
    }
  }
  constexpr std::size_t kFrames = 6;
  double rows = 0, raw = 0, slots = 0, pastByte = 0, pastTwo = 0;
  std::uint64_t bits = 0;
  std::vector<std::uint64_t> sizes;
  for (const FrameInfo* frame : spread(reader.frames(), FrameKind::kObjects, kFrames)) {
    const auto decoded = reader.decode(*frame);
    if (!decoded) continue;
    const auto columns = decoded->objects();
    if (!columns) continue;
    rows += static_cast<double>(columns->size.size());
    raw += frame->rawSize;
    for (const std::uint32_t count : columns->referenceCount) slots += count;
    for (const std::uint64_t size : columns->size) bits |= size;
    sizes.insert(sizes.end(), columns->size.begin(), columns->size.end());
  }
  const unsigned shift = bits == 0 ? 0 : static_cast<unsigned>(std::countr_zero(bits));
  for (const std::uint64_t size : sizes) {
    pastByte += (size >> shift) >= 0xff;
    pastTwo += (size >> shift) >= 0xffff;
  }
  counts.sizesPastByte = mean(pastByte, rows);
  counts.sizesPastTwo = mean(pastTwo, rows);
  // Objects of a file whose end frame was lost: as many as its frames can hold at the density of the sampled ones.
  counts.objects = std::max(static_cast<double>(announced), announced != 0 ? 0 : mean(rows, raw) * objectsRaw);
  counts.slots = mean(slots, rows) * counts.objects;

  double taken = 0, takenRaw = 0, bytes = 0;
  for (const FrameInfo* frame : spread(reader.frames(), FrameKind::kReferences, kFrames)) {
    const auto decoded = reader.decode(*frame);
    if (!decoded) continue;
    const auto columns = decoded->references();
    if (!columns) continue;
    for (const std::int64_t delta : columns->delta)
      bytes += delta == ReferenceColumns::kNull
                   ? 1
                   : varintBytes((static_cast<std::uint64_t>(delta) << 1 ^ static_cast<std::uint64_t>(delta >> 63)) + 1);
    taken += static_cast<double>(columns->delta.size());
    takenRaw += frame->rawSize;
    counts.strengths |= !columns->strength.empty();
    counts.labels |= !columns->label.empty();
  }
  counts.slots = std::max(counts.slots, mean(taken, takenRaw) * slotsRaw);
  if (taken != 0) counts.bytesASlot = bytes / taken + (counts.strengths ? 1 : 0);
  return counts;
}

MemoryForecast forecastHeapbin(const DumpReader& reader, const LoadOptions& options) {
  const HeapbinCounts counts = countHeapbin(reader);
  MemoryForecast forecast{.objects = static_cast<std::uint64_t>(counts.objects), .slots = static_cast<std::uint64_t>(counts.slots)};
  const double n = std::max(1.0, counts.objects), slots = counts.slots / n;
  const auto widthOf = [](std::uint64_t largest) { return largest <= 0xff ? 1.0 : largest <= 0xffff ? 2.0 : 4.0; };
  const double types = widthOf(counts.types);
  const double sizes = counts.sizesPastByte < 1.0 / 80 ? 1 : counts.sizesPastTwo < 1.0 / 80 ? 2 : 4;
  const double sites = counts.sites <= 0x8000 && counts.stacks <= 0x8000 ? 2 : 4;
  GraphForecast graph{.columns = types + sizes + (counts.labels ? 4 * slots + 0.5 : 0), .slotsAnObject = slots, .bytesASlot = counts.bytesASlot,
                      .objects = forecast.objects};
  const double records = graph.lists() + 2;
  const double reading = 12 + types + sizes + 4;
  const double references = types + sizes + 8 + std::max(slots * (4 + (counts.labels ? 4 : 0) + (counts.strengths ? 1 : 0)), records);
  const double putting = types + sizes + 8 + records + (counts.labels ? 4 * slots : 0);
  const double rest = 4 + sites + 1;
  const double perObject =
      options.references ? std::max({reading, references, putting, graph.peak(rest)}) : std::max(reading, graph.columns + rest);
  // Tables of rows with text: each stands decoded once, and then as the snapshot has it.
  const double tables = counts.tableBytes * 5;
  forecast.peak = processBytes(options.threads) + static_cast<std::uint64_t>(n * perObject * kSpare + tables);
  forecast.least = processBytes(options.threads) + (80ull << 20) + static_cast<std::uint64_t>(tables + 0.4 * n);
  return forecast;
}

// ---- room -----------------------------------------------------------------------------------------------------------------
std::optional<std::string> readText(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return std::nullopt;
  std::string text;
  char buffer[4096];
  ssize_t got = 0;
  while ((got = ::read(descriptor, buffer, sizeof buffer)) > 0) text.append(buffer, static_cast<std::size_t>(got));
  ::close(descriptor);
  return got < 0 ? std::nullopt : std::optional(std::move(text));
}
std::optional<std::uint64_t> leadingNumber(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error != std::errc() || end == text.data() ? std::nullopt : std::optional(value);   // "max": no limit
}
std::uint64_t numberIn(const std::string& path, std::uint64_t otherwise) {
  const auto text = readText(path);
  return text ? leadingNumber(*text).value_or(otherwise) : otherwise;
}
std::optional<std::uint64_t> field(std::string_view text, std::string_view key) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (text.substr(at, end - at).starts_with(key)) return leadingNumber(text.substr(at + key.size(), end - at - key.size()));
    at = end + 1;
  }
  return std::nullopt;
}

struct CgroupFiles {
  const char *limit, *usage, *inactive, *active;
};
constexpr CgroupFiles kVersion2{"memory.max", "memory.current", "inactive_file ", "active_file "};
constexpr CgroupFiles kVersion1{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file ", "total_active_file "};

// The group and all its parents up to the mount: each of them may have a limit.
void considerGroups(MemoryRoom& room, const std::string& mount, std::string path, const CgroupFiles& files) {
  for (;;) {
    const std::string folder = mount + path;
    const std::uint64_t limit = numberIn(folder + "/" + files.limit, UINT64_MAX);
    if (limit < UINT64_MAX / 4) {
      const std::uint64_t used = numberIn(folder + "/" + files.usage, 0);
      const auto statistics = readText(folder + "/memory.stat");
      const std::uint64_t cache = statistics ? field(*statistics, files.inactive).value_or(0) + field(*statistics, files.active).value_or(0) : 0;
      const std::uint64_t working = used > cache ? used - cache : 0, free = limit > working ? limit - working : 0;
      if (room.scope.empty() || free < room.free) room = {free, "cgroup " + (path.empty() ? std::string("/") : path)};
    }
    if (path.empty()) return;
    path.resize(path.rfind('/'));
  }
}

// As a word of the command line, rounded up.
std::string asOption(std::uint64_t bytes) { return fmt::format("{}MiB", (bytes + (1 << 20) - 1) >> 20); }

}  // namespace

std::uint64_t processBytes(unsigned threads) {
  // Resident because the allocator kept it is not in use: the load takes it again. A window that closed a dump has much of it.
  ::malloc_trim(0);
  const std::uint64_t now = memoryUse().resident;
  return now + (10ull << 20) + std::uint64_t{threads != 0 ? threads : std::max(1u, std::thread::hardware_concurrency())} * (8ull << 20);
}

double GraphForecast::lists() const { return kListHead + slotsAnObject * bytesASlot; }

double GraphForecast::peak(double behind) const {
  const double n = std::max<double>(1, static_cast<double>(objects));
  // A pair that waits to be sorted: its row, and how far its value is from the one before of the same 65,536 rows.
  const double apart = n / (65536 * std::max(0.1, slotsAnObject));
  const double pair = 2 + (apart < 32 ? 1.1 : apart < 4096 ? 2 : 3);
  const double before = columns + lists(), back = kListHead + slotsAnObject * bytesASlot;
  const double incoming = std::max(0.0, slotsAnObject - 0.9) * pair;
  const double numbering = before + 16, sorting = before + 12 + incoming, semi = before + std::max(20.2, 8 + incoming + kListHead);
  const double retained = before + 4 + 4 + 4 + 2.5, dominated = before + 4 + 4 + 12;
  const double done = before + 4 + 4 + 4;   // dominators, retained sizes where half of them are large, dominated
  return std::max({numbering, sorting, semi, retained, dominated, done + slotsAnObject * pair / 2 + back, done + back + behind});
}

MemoryForecast forecastMemory(const SourceBytes& bytes, DumpKind kind, const DumpReader* reader, const LoadOptions& options) {
  switch (kind) {
    case DumpKind::kHprof: return forecastHprof(bytes, options);
    case DumpKind::kV8: return forecastV8(bytes, options);
    case DumpKind::kOpenclaw: break;
  }
  return forecastHeapbin(*reader, options);
}

MemoryRoom measureRoom(const std::string& root) {
  MemoryRoom room;
  if (const auto info = readText(root + "/proc/meminfo"))
    if (const auto available = field(*info, "MemAvailable:")) room = {*available * 1024, "machine"};
  const auto groups = readText(root + "/proc/self/cgroup");
  for (std::string_view rest = groups ? std::string_view(*groups) : std::string_view(); !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const std::size_t first = line.find(':'), second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string controllers = "," + std::string(line.substr(first + 1, second - first - 1)) + ",";
    std::string path(line.substr(second + 1));
    if (path == "/" || path.starts_with("/..")) path.clear();   // outside of this namespace: what is mounted is its root
    if (controllers == ",,") {
      considerGroups(room, root + "/sys/fs/cgroup", path, kVersion2);
      considerGroups(room, root + "/sys/fs/cgroup/unified", path, kVersion2);
    } else if (controllers.find(",memory,") != std::string::npos) {
      considerGroups(room, root + "/sys/fs/cgroup/memory", path, kVersion1);
    }
  }
  return room;
}

MemoryPlan planMemory(const MemoryForecast& forecast, const MemoryRoom& room, const LoadOptions& options) {
  MemoryPlan plan;
  plan.forecast = forecast;
  plan.room = room;
  const std::string needs = fmt::format("needs about {}", toText(Bytes(forecast.peak)));
  plan.sentence = needs;
  if (options.memoryLimit == 0) return plan;
  if (options.memoryLimit != kMemoryLimitAsFree) {
    plan.limit = options.memoryLimit;
    plan.spill = forecast.peak > plan.limit;
    plan.refused = plan.limit < forecast.least;
    if (plan.refused)
      plan.sentence = fmt::format("a memory limit of {} is too small for this dump: --memory-limit {} is the least that works (without a limit it {})",
                                  toText(Bytes(plan.limit)), asOption(forecast.least), needs);
    else if (plan.spill)
      plan.sentence = fmt::format("{}; --memory-limit {}: tables that do not fit go to files in {}", needs, toText(Bytes(plan.limit)), spillDirectory());
    return plan;
  }
  if (room.scope.empty() || forecast.peak <= room.free) return plan;
  // A tenth is left for others: what is free now is not promised to us.
  plan.limit = room.free - room.free / 10;
  plan.spill = true;
  const std::string where = fmt::format("{}, and {} are free ({})", needs, toText(Bytes(room.free)), room.scope);
  plan.refused = plan.limit < forecast.least;
  if (plan.refused)
    plan.sentence = fmt::format("{}: not even enough for --memory-limit {}, the least that works with tables in files; free memory, use another "
                                "machine, or take the risk with --memory-limit none", where, asOption(forecast.least));
  else
    plan.sentence = fmt::format("{}: tables that do not fit go to files in {}, as with --memory-limit {}", where,
                                options.spillDirectory.empty() ? spillDirectory() : options.spillDirectory, toText(Bytes(plan.limit)));
  return plan;
}

}  // namespace openclaw
