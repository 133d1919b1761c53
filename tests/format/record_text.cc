#include "tests/format/record_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace openclaw::test {
namespace {

template <class E>
  requires std::is_enum_v<E>
unsigned num(E value) { return static_cast<unsigned>(value); }

std::string hex(std::span<const std::uint8_t> bytes) { return fmt::format("{:02x}", fmt::join(bytes, "")); }

std::string fields(std::span<const FieldRecord> rows) {
  std::string out = "[";
  for (const FieldRecord& f : rows) out += fmt::format("({} {} {} {})", f.name, f.offset, num(f.strength), f.targetType);
  return out + "]";
}

}  // namespace

std::string textOf(const ProcessRecord& r) {
  return fmt::format("{} {} [{}] {} {} {} {} {} {} {} {} {} {} {} {} {} {}", r.pid, r.executable,
                     fmt::join(r.commandLine, ","), r.host, r.kernel, r.startedUnix, r.dumpedUnix, r.dumpedMonotonic,
                     hex(r.dumpId), hex(r.previousDumpId), r.dumpNumber, num(r.consistency), r.source, r.generator,
                     r.requested, r.pageSize, r.granule) +
         (r.convertedFrom.empty() && r.policy.empty() ? "" : fmt::format(" converted from {} by {}", r.convertedFrom, r.policy));
}
std::string textOf(const ModuleRecord& r) {
  return fmt::format("{} {} {:x} {:x} {:x}", r.path, hex(r.buildId), r.base, r.low, r.high);
}
std::string textOf(const TypeRecord& r) {
  return fmt::format("{} {} {} {} {} {} {}{}{} {} {}", r.name, r.size, fields(r.fields), r.elementSize, r.elementOffset,
                     fields(r.elementFields), int{r.hasDestructor}, int{r.pointerFree}, int{r.isText}, r.externalOffset,
                     r.module);
}
std::string textOf(const SiteRecord& r) {
  return fmt::format("{}:{}:{} {} {} {} {}", r.file, r.line, r.column, r.function, r.allocatedObjects, r.allocatedBytes,
                     num(r.countsCertainty));
}
std::string textOf(const ArenaRecord& r) {
  return fmt::format("{} {} {} {} {} {} {} {} {} {} {} {} {} {} {}", r.name, r.softLimit, r.committed, r.overflow,
                     r.objectBytes, r.objectCount, r.floatingBytes, r.holeBytes, r.emptyBlockBytes, r.tlabTailBytes,
                     r.largeSlackBytes, r.metadataBytes, r.unusableHoleBytes, r.blocks, r.chunks);
}
std::string textOf(const RegionRecord& r) {
  return fmt::format("{:x} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} [{:x}]", r.base, r.bytes, r.arena, num(r.kind),
                     num(r.state), r.firstObject, r.objectCount, r.objectBytes, r.floatingBytes, r.floatingCount,
                     r.holeCount, r.holeBytes, r.unusableHoleBytes, r.largestHole, r.tlabTailBytes, r.slackBytes,
                     fmt::join(r.lineMap, " "));
}
std::string textOf(const FloatingRecord& r) { return fmt::format("{} {} {}", r.type, r.objects, r.bytes); }
std::string textOf(const RootRecord& r) {
  return fmt::format("{} {} {} {} {:x} {} {}", r.object, num(r.kind), int{r.conservative}, r.thread, r.slot, r.site, r.label);
}
std::string textOf(const ThreadRecord& r) {
  return fmt::format("{} {} {} {:x} {:x}", r.tid, r.name, r.state, r.stackLow, r.stackHigh);
}
std::string textOf(const StackRecord& r) {
  return fmt::format("[{:x}] {} {} {} {} {} {} {}", fmt::join(r.pcs, " "), r.site, r.allocatedObjects, r.allocatedBytes,
                     r.freedObjects, r.freedBytes, r.samples, int{r.truncated});
}
std::string textOf(const PauseRecord& r) {
  std::string phases;
  for (const PhaseRecord& p : r.phases) phases += fmt::format("({} {})", p.name, p.duration);
  return fmt::format("{} {} {} {} {} [{}] {} {} {} {} {} {} {} {} {} {} {} {} {} {} {}", r.number, r.kind, r.cause,
                     r.startMonotonic, r.duration, phases, r.predicted, r.threads, r.signalled, r.slowestThread,
                     r.objectsMarked, r.bytesMarked, r.rootsScanned, r.stackWords, r.committedBefore,
                     r.allocatedSinceLast, r.minorFaults, r.majorFaults, r.preemptions, r.runDelay, r.throttled);
}
std::string textOf(const SettingRecord& r) {
  return fmt::format("{}={} default {} from {}", r.name, r.value, r.defaultValue, r.origin);
}
std::string textOf(const SettingChangeRecord& r) {
  return fmt::format("{} {} {} -> {} by {}", r.unixTime, r.name, r.before, r.after, r.by);
}
std::string textOf(const CounterRecord& r) { return fmt::format("{} {}", r.name, r.value); }
std::string textOf(const RequestRecord& r) { return fmt::format("{:x} {:x} {} {}", r.low, r.high, r.request, r.monotonic); }
std::string textOf(const SymbolRecord& r) {
  std::string frames;
  for (const CodeFrameRecord& f : r.frames) frames += fmt::format("({} {}:{} {})", f.function, f.file, f.line, int{f.inlined});
  return fmt::format("{:x} [{}] {}", r.pc, frames, r.module);
}
std::string textOf(const EndRecord& r) {
  std::string losses;
  for (const LossRecord& l : r.losses) losses += fmt::format("({} {})", l.name, l.count);
  return fmt::format("{} {} {} {} {} {} {} [{}]", r.frames, r.objects, r.references, r.roots, r.regions,
                     r.stopNanoseconds, r.walkNanoseconds, losses);
}
std::string textOf(const ObjectColumns& c) {
  std::string out = fmt::format("first {}\n", c.firstIndex);
  for (std::size_t i = 0; i < c.address.size(); ++i)
    fmt::format_to(std::back_inserter(out), "{:x} {} {} {:x} {} {} {}\n", c.address[i], c.size[i], c.type[i], c.site[i],
                   c.referenceCount[i], c.age[i], c.flags[i]);
  for (auto [row, bytes] : c.external) fmt::format_to(std::back_inserter(out), "external {} {}\n", row, bytes);
  for (auto [row, bound] : c.bounds) fmt::format_to(std::back_inserter(out), "bound {} {}\n", row, bound);
  return out;
}
std::string textOf(const ReferenceColumns& c) {
  return fmt::format("first {} skipped {} deltas {} labels {} strengths {}", c.firstObject, c.skippedSlots,
                     fmt::join(c.delta, " "), fmt::join(c.label, " "), fmt::join(c.strength, " "));
}

std::string textOfFrame(const DumpReader& reader, const FrameInfo& frame) {
  auto decoded = reader.decode(frame);
  if (!decoded) return "error: " + toText(decoded.error());
  std::string out;
  auto row = [&](const auto& record) { out += textOf(record) + "\n"; };
  auto numbered = [&](auto index, const auto& record) { out += fmt::format("{}: {}\n", index.value, textOf(record)); };
  switch (frame.kind) {
    case FrameKind::kProcess: decoded->process(row); break;
    case FrameKind::kModules: decoded->forEachModule(row); break;
    case FrameKind::kTypes: decoded->forEachType(numbered); break;
    case FrameKind::kSites: decoded->forEachSite(numbered); break;
    case FrameKind::kArenas: decoded->forEachArena(row); break;
    case FrameKind::kRegions: decoded->forEachRegion(numbered); break;
    case FrameKind::kFloating: decoded->forEachFloating(row); break;
    case FrameKind::kRoots: decoded->forEachRoot(row); break;
    case FrameKind::kThreads: decoded->forEachThread(row); break;
    case FrameKind::kStacks:
      out += fmt::format("interval {}\n", decoded->stackMeanInterval());
      decoded->forEachStack(numbered);
      break;
    case FrameKind::kPauses:
      out += fmt::format("total {}\n", decoded->pausesTotal());
      decoded->forEachPause(row);
      break;
    case FrameKind::kSettings:
      decoded->forEachSetting(row);
      decoded->forEachSettingChange(row);
      break;
    case FrameKind::kCounters: decoded->forEachCounter(row); break;
    case FrameKind::kRequests:
      out += fmt::format("lost {}\n", decoded->requestsLost());
      decoded->forEachRequest(row);
      break;
    case FrameKind::kLabels:
      decoded->forEachLabel([&](std::uint32_t number, std::string_view text) { out += fmt::format("{}: {}\n", number, text); });
      break;
    case FrameKind::kNames:
      decoded->forEachName([&](std::uint64_t object, std::optional<std::uint64_t> id, std::string_view text) {
        out += fmt::format("{}: {} {}\n", object, id ? fmt::format("@{}", *id) : "-", text);
      });
      break;
    case FrameKind::kSymbols: decoded->forEachSymbol(row); break;
    case FrameKind::kEnd: decoded->end(row); break;
    case FrameKind::kTaken:
      decoded->taken([&](const TakenRecord& r) { out += fmt::format("stop {} total {} note {}\n", r.stopNanoseconds, r.totalNanoseconds, r.note); });
      break;
    case FrameKind::kIndex: break;
    case FrameKind::kObjects: {
      auto columns = decoded->objects();
      return columns ? textOf(*columns) : "error: " + toText(columns.error());
    }
    case FrameKind::kReferences: {
      auto columns = decoded->references();
      return columns ? textOf(*columns) + "\n" : "error: " + toText(columns.error());
    }
  }
  return out;
}

std::string textOfDump(const DumpReader& reader) {
  const FileHeader& header = reader.header();
  std::string out = fmt::format("version {} id {} dumped {}\n", header.version, hex(header.dumpId), header.dumpedUnix);
  for (const FrameInfo& frame : reader.frames())
    out += fmt::format("--- {} {}\n{}", frame.sequence, toText(frame.kind), textOfFrame(reader, frame));
  return out;
}

}  // namespace openclaw::test
