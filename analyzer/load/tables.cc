#include "analyzer/load/tables.h"

#include <fmt/format.h>

#include <algorithm>

namespace openclaw {
namespace {

// A frame may begin its rows at any number. What a lost frame leaves open is filled up, but a hostile number
// must not buy memory: a million fillers are some 150 MB.
constexpr std::uint64_t kMostFillers = 1u << 20;

std::string hexadecimal(std::span<const std::uint8_t> bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

std::vector<FieldInfo> ownedFields(std::span<const FieldRecord> fields) {
  std::vector<FieldInfo> owned;
  owned.reserve(fields.size());
  for (const FieldRecord& field : fields)
    owned.push_back({std::string(field.name), field.offset, field.strength, std::string(field.targetType)});
  return owned;
}

TypeInfo owned(const TypeRecord& r) {
  return {.name = std::string(r.name),
          .size = r.size,
          .fields = ownedFields(r.fields),
          .elementSize = r.elementSize,
          .elementOffset = r.elementOffset,
          .elementFields = ownedFields(r.elementFields),
          .hasDestructor = r.hasDestructor,
          .pointerFree = r.pointerFree,
          .isText = r.isText,
          .externalOffset = r.externalOffset};
}

ProcessInfo owned(const ProcessRecord& r) {
  ProcessInfo p;
  p.pid = r.pid;
  p.dumpNumber = r.dumpNumber;
  p.executable = r.executable;
  p.host = r.host;
  p.kernel = r.kernel;
  p.source = r.source;
  p.generator = r.generator;
  p.requested = r.requested;
  for (const std::string_view argument : r.commandLine) p.commandLine.emplace_back(argument);
  p.startedUnix = r.startedUnix;
  p.dumpedUnix = r.dumpedUnix;
  p.dumpedMonotonic = r.dumpedMonotonic;
  p.dumpId = hexadecimal(r.dumpId);
  p.previousDumpId = hexadecimal(r.previousDumpId);
  p.consistency = r.consistency;
  return p;
}

PauseInfo owned(const PauseRecord& r) {
  PauseInfo p;
  static_cast<PauseRecord&>(p) = r;
  p.kind = p.cause = {};
  p.phases = {};
  p.ownedKind = r.kind;
  p.ownedCause = r.cause;
  for (const PhaseRecord& phase : r.phases) p.ownedPhases.emplace_back(phase.name, phase.duration);
  return p;
}

}  // namespace

template <class Table, class Index, class Row, class Lost>
void TableReader::place(Table& table, Index index, Row row, Lost lost) {
  if (index.value < table.size()) {
    table[index] = std::move(row);
    return;
  }
  const std::uint64_t gap = index.value - table.size();
  if (gap > kMostFillers - fillers_) {
    ++losses_["table rows with a number out of range"];
    return;
  }
  fillers_ += gap;
  while (table.size() < index.value) table.push_back(lost(table.size()));
  table.push_back(std::move(row));
}

void TableReader::read(const DecodedFrame& frame) {
  switch (frame.info().kind) {
    case FrameKind::kProcess:
      frame.process([&](const ProcessRecord& r) {
        if (!processSeen_) state_.process = owned(r);
        // A converted dump is one of its source's kind, by the policy it was converted under.
        if (!processSeen_ && !r.convertedFrom.empty()) {
          state_.kind = r.convertedFrom == "v8" ? DumpKind::kV8 : r.convertedFrom == "hprof" ? DumpKind::kHprof : DumpKind::kOpenclaw;
          const std::optional<Policy> policy = policyNamed(r.policy);
          if (policy && fits(*policy, state_.kind)) state_.policy = *policy;
        }
        processSeen_ = true;
      });
      break;
    case FrameKind::kModules:
      frame.forEachModule([&](const ModuleRecord& r) {
        state_.modules.push_back(
            {std::string(r.path), hexadecimal(r.buildId), Address(r.base), Address(r.low), Address(r.high)});
      });
      break;
    case FrameKind::kTypes:
      frame.forEachType([&](TypeIndex index, const TypeRecord& r) {
        place(state_.types, index, owned(r), [](std::size_t i) {
          TypeInfo lost;
          lost.name = fmt::format("(lost type {})", i);
          return lost;
        });
      });
      break;
    case FrameKind::kSites:
      frame.forEachSite([&](SiteIndex index, const SiteRecord& r) {
        place(state_.sitesTable, index,
              SiteInfo{std::string(r.file), std::string(r.function), r.line, r.allocatedObjects,
                       r.allocatedBytes, r.countsCertainty},
              [](std::size_t i) {
                SiteInfo lost;
                lost.file = fmt::format("(lost site {})", i);
                return lost;
              });
      });
      break;
    case FrameKind::kArenas:
      frame.forEachArena([&](const ArenaRecord& r) {
        ArenaInfo arena;
        static_cast<ArenaRecord&>(arena) = r;
        arena.name = {};
        arena.ownedName = r.name;
        state_.arenas.push_back(std::move(arena));
      });
      break;
    case FrameKind::kRegions:
      frame.forEachRegion([&](RegionIndex, const RegionRecord& r) { state_.regions.push_back(r); });
      break;
    case FrameKind::kFloating:
      frame.forEachFloating([&](const FloatingRecord& r) {
        state_.floating.push_back({TypeIndex(r.type), r.objects, r.bytes});
      });
      break;
    case FrameKind::kRoots:
      frame.forEachRoot([&](const RootRecord& r) {
        RootInfo info{.object = {},
                      .kind = r.kind,
                      .conservative = r.conservative,
                      .thread = r.thread,
                      .slot = Address(r.slot),
                      .site = SiteIndex(r.site),
                      .label = {}};
        if (!r.label.empty()) {
          auto label = state_.rootLabels.find(r.label);
          if (label == state_.rootLabels.end()) label = state_.rootLabels.emplace(r.label).first;
          info.label = *label;
        }
        roots_.push_back({r.object, info});
      });
      break;
    case FrameKind::kThreads:
      frame.forEachThread([&](const ThreadRecord& r) {
        state_.threads.push_back(
            {r.tid, std::string(r.name), std::string(r.state), Address(r.stackLow), Address(r.stackHigh)});
      });
      break;
    case FrameKind::kStacks:
      state_.stackMeanInterval = frame.stackMeanInterval();
      frame.forEachStack([&](StackIndex index, const StackRecord& r) {
        place(state_.stacks, index,
              StackInfo{{r.pcs.begin(), r.pcs.end()},
                        SiteIndex(r.site),
                        r.allocatedObjects,
                        r.allocatedBytes,
                        r.freedObjects,
                        r.freedBytes,
                        r.samples,
                        r.truncated},
              [](std::size_t) {
                StackInfo lost;
                lost.site = SiteIndex(0);
                lost.truncated = true;
                return lost;
              });
      });
      break;
    case FrameKind::kPauses:
      state_.pausesTotal = frame.pausesTotal();
      frame.forEachPause([&](const PauseRecord& r) { state_.pauses.push_back(owned(r)); });
      break;
    case FrameKind::kSettings:
      frame.forEachSetting([&](const SettingRecord& r) {
        state_.settings.push_back(
            {std::string(r.name), std::string(r.value), std::string(r.defaultValue), std::string(r.origin)});
      });
      frame.forEachSettingChange([&](const SettingChangeRecord& r) {
        state_.settingChanges.push_back(
            {r.unixTime, std::string(r.name), std::string(r.before), std::string(r.after), std::string(r.by)});
      });
      break;
    case FrameKind::kCounters:
      frame.forEachCounter(
          [&](const CounterRecord& r) { state_.counters.emplace_back(std::string(r.name), r.value); });
      break;
    case FrameKind::kLabels:
      frame.forEachLabel([&](std::uint32_t index, std::string_view text) {
        // Labels are numbered like table rows; same rule for holes.
        if (index >= state_.labelTexts.size()) {
          const std::uint64_t gap = index - state_.labelTexts.size();
          if (gap > kMostFillers - fillers_) {
            ++losses_["table rows with a number out of range"];
            return;
          }
          fillers_ += gap;
          state_.labelTexts.resize(std::size_t{index} + 1);
        }
        state_.labelTexts[index] = text;
      });
      break;
    case FrameKind::kNames:
      frame.forEachName([&](std::uint64_t object, std::optional<std::uint64_t> id, std::string_view text) { names_.add(object, id, text); });
      break;
    case FrameKind::kSymbols:
      frame.forEachSymbol([&](const SymbolRecord& r) {
        std::vector<CodeFrame>& frames = state_.symbols[r.pc];
        frames.clear();
        for (const CodeFrameRecord& f : r.frames)
          frames.push_back({std::string(f.function), std::string(f.file), f.line, f.inlined});
      });
      break;
    case FrameKind::kEnd:
      frame.end([&](const EndRecord& r) {
        announced_ = {true, r.objects, r.references, r.roots, r.regions};
        if (r.stopNanoseconds != 0) state_.stopNanoseconds = r.stopNanoseconds;
        for (const LossRecord& loss : r.losses)
          if (loss.count != 0) losses_[std::string(loss.name)] += loss.count;
      });
      break;
    case FrameKind::kTaken:
      frame.taken([&](const TakenRecord& r) { state_.stopNanoseconds = r.stopNanoseconds; });
      break;
    case FrameKind::kRequests:
    case FrameKind::kIndex:
    case FrameKind::kObjects:
    case FrameKind::kReferences:
      break;
  }
}

void TableReader::finish() {
  if (state_.sitesTable.empty()) state_.sitesTable.push_back(SiteInfo{});
  for (StackInfo& stack : state_.stacks)
    if (stack.site.value >= state_.sitesTable.size()) {
      if (stack.site) ++losses_["stacks without their site"];
      stack.site = SiteIndex(0);
    }
  std::uint64_t floatingLost = 0;
  std::erase_if(state_.floating, [&](const FloatingInfo& row) {
    const bool lost = row.type.value >= state_.types.size();
    floatingLost += lost ? row.objects : 0;
    return lost;
  });
  if (floatingLost != 0) losses_["dead objects of lost types"] += floatingLost;
  std::sort(state_.regions.begin(), state_.regions.end(),
            [](const RegionRecord& a, const RegionRecord& b) { return a.base < b.base; });
}

}  // namespace openclaw
