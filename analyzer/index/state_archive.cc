#include "analyzer/index/state_archive.h"

#include <algorithm>
#include <map>

#include "analyzer/load/foreign_names.h"
#include "analyzer/load/hprof/texts.h"
#include "analyzer/load/v8/texts.h"
#include "analyzer/validation.h"

namespace openclaw {

template <>
inline constexpr bool kArchivedAsBytes<RegionRecord> = true;
template <>
inline constexpr bool kArchivedAsBytes<FloatingInfo> = true;

// Every member of each struct, once, for both directions.
namespace {

template <class T, class Plain>
concept As = std::is_same_v<std::remove_const_t<T>, Plain>;

}  // namespace

template <class A, As<AddressColumn::Segment> T>
void archive(A& a, T& s) {
  a(s.firstRow, s.base);
}
template <class A, As<AddressColumn> T>
void archive(A& a, T& c) {
  a(c.units, c.unitShift, c.segments, c.wide);
  bool isSet = c.set != nullptr;
  a(isSet);
  if constexpr (A::kReads) {
    if (!isSet) return;
    const auto set = std::make_shared<AddressSet>();
    a(*set);
    c.set = set;
  } else if (isSet) {
    a(*c.set);
  }
}
template <class A, As<ShallowSizes> T>
void archive(A& a, T& s) {
  a(s.units, s.unitShift, s.sideMark, s.side);
}
template <class A, As<DeclaredStrengths> T>
void archive(A& a, T& d) {
  a(d.fixed, d.element);
}
template <class A, As<EdgeTable> T>
void archive(A& a, T& e) {
  a(e.lists, e.ownRows, e.blockSlots, e.pageSlots, e.types, e.declared, e.mixed, e.anyMixed);
}
template <class A, As<FieldInfo> T>
void archive(A& a, T& f) {
  a(f.name, f.offset, f.strength, f.targetType);
}
template <class A, As<TypeInfo> T>
void archive(A& a, T& t) {
  a(t.name, t.size, t.fields, t.elementSize, t.elementOffset, t.elementFields, t.hasDestructor, t.pointerFree, t.isText, t.externalOffset);
}
template <class A, As<SiteInfo> T>
void archive(A& a, T& s) {
  a(s.file, s.function, s.line, s.allocatedObjects, s.allocatedBytes, s.countsCertainty);
}
template <class A, As<StackInfo> T>
void archive(A& a, T& s) {
  a(s.pcs, s.site, s.allocatedObjects, s.allocatedBytes, s.freedObjects, s.freedBytes, s.samples, s.truncated);
}
template <class A, As<CodeFrame> T>
void archive(A& a, T& f) {
  a(f.function, f.file, f.line, f.inlined);
}
template <class A, As<ArenaInfo> T>
void archive(A& a, T& r) {
  a(r.ownedName, r.softLimit, r.committed, r.overflow, r.objectBytes, r.objectCount, r.floatingBytes, r.holeBytes, r.emptyBlockBytes,
    r.tlabTailBytes, r.largeSlackBytes, r.metadataBytes, r.unusableHoleBytes, r.blocks, r.chunks);
}
template <class A, As<ThreadInfo> T>
void archive(A& a, T& t) {
  a(t.tid, t.name, t.state, t.stackLow, t.stackHigh);
}
template <class A, As<PauseInfo> T>
void archive(A& a, T& p) {
  a(p.ownedKind, p.ownedCause, p.ownedPhases, p.number, p.startMonotonic, p.duration, p.predicted, p.threads, p.signalled, p.slowestThread,
    p.objectsMarked, p.bytesMarked, p.rootsScanned, p.stackWords, p.committedBefore, p.allocatedSinceLast, p.minorFaults, p.majorFaults,
    p.preemptions, p.runDelay, p.throttled);
}
template <class A, As<SettingInfoRow> T>
void archive(A& a, T& s) {
  a(s.name, s.value, s.defaultValue, s.origin);
}
template <class A, As<SettingChangeInfo> T>
void archive(A& a, T& s) {
  a(s.unixTime, s.name, s.before, s.after, s.by);
}
template <class A, As<ModuleInfo> T>
void archive(A& a, T& m) {
  a(m.path, m.buildId, m.base, m.low, m.high);
}
template <class A, As<ProcessInfo> T>
void archive(A& a, T& p) {
  a(p.pid, p.dumpNumber, p.executable, p.host, p.kernel, p.source, p.generator, p.requested, p.commandLine, p.startedUnix, p.dumpedUnix,
    p.dumpedMonotonic, p.dumpId, p.previousDumpId, p.consistency);
}
template <class A, As<RootInfo> T>
void archive(A& a, T& r) {   // its label is written beside it
  a(r.object, r.kind, r.conservative, r.thread, r.slot, r.site);
}
template <class A, As<FileFault> T>
void archive(A& a, T& f) {
  std::string name(f.name);
  a(name, f.detail, f.offset, f.sequence, f.times, f.object);
  if constexpr (A::kReads) {
    const std::vector<Invariant> known = allInvariants();
    const auto found = std::find_if(known.begin(), known.end(), [&](const Invariant& each) { return each.name == name; });
    if (found == known.end()) throw BrokenArchive{};
    f.name = found->name;
  }
}
template <class A, As<ReadReport> T>
void archive(A& a, T& r) {
  a(r.indexUsed, r.endSeen, r.headerDamaged, r.minorVersion, r.fileBytes, r.bytesRead, r.unknownFrames, r.damagedFrames, r.duplicateFrames,
    r.conflictingFrames, r.missingFrames, r.faults);
}
template <class A, As<LoadReport> T>
void archive(A& a, T& r) {
  a(r.file, r.losses, r.lossesWhileLoading, r.referencesMissing, r.objectsMissing, r.contradictions, r.dumpNumber, r.dumpsInFile);
}
template <class A, As<SnapshotState> T>
void archive(A& a, T& s) {
  a(s.kind, s.policy, s.objects, s.addresses, s.addressesAscend, s.sizes, s.sites, s.ageAndFlags, s.external, s.bounds);
  a(s.edges, s.back.lists, s.edgeCount, s.dominator, s.retained, s.dominated, s.reachable, s.labels, s.labelTexts);
  a(s.types, s.sitesTable, s.stacks, s.arenas, s.regions, s.floating, s.threads, s.pauses, s.pausesTotal, s.settings, s.settingChanges,
    s.modules, s.counters, s.process, s.symbols, s.stackMeanInterval, s.stopNanoseconds, s.report);
  // Labels of roots are few: numbers into a list of them.
  std::vector<std::string> labels;
  std::vector<std::uint32_t> ofRoots;
  if constexpr (!A::kReads) {
    std::map<std::string_view, std::uint32_t> numbers;
    for (const RootInfo& root : s.roots) {
      const auto [at, isNew] = numbers.try_emplace(root.label, static_cast<std::uint32_t>(labels.size()));
      if (isNew) labels.emplace_back(root.label);
      ofRoots.push_back(at->second);
    }
  }
  a(labels, ofRoots, s.roots);
  if constexpr (A::kReads) {
    if (ofRoots.size() != s.roots.size()) throw BrokenArchive{};
    for (std::size_t i = 0; i < s.roots.size(); ++i) {
      if (ofRoots[i] >= labels.size()) throw BrokenArchive{};
      s.roots[i].label = *s.rootLabels.insert(labels[ofRoots[i]]).first;
    }
  }
}

void writeState(ArchiveWriter& a, const SnapshotState& state) {
  a(state, state.objectTexts != nullptr ? state.objectTexts->textsKind() : TextsKind::kNone);
  if (state.objectTexts != nullptr) state.objectTexts->save(a);
}

void readState(ArchiveReader& a, SnapshotState& state) {
  TextsKind texts = TextsKind::kNone;
  a(state, texts);
  switch (texts) {
    case TextsKind::kNone: break;
    case TextsKind::kHprof: hprof::restoreTexts(a, state); break;
    case TextsKind::kV8: v8::restoreTexts(a, state); break;
    case TextsKind::kStored: state.objectTexts = StoredTexts::restored(a); break;
    default: throw BrokenArchive{};
  }
  if (!a.atEnd()) throw BrokenArchive{};
}

}  // namespace openclaw
