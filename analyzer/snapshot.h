// A dump in memory: the door of the analyzer. Immutable after load, shared by all views as shared_ptr<const
// Snapshot>. Objects have dense indexes in address order; columns hang on them; edges are read through
// cursors, both ways.
//
//   OPENCLAW_TRY(auto loaded, loadSnapshot("heap.bin", options, progress, stopToken));
//   const Snapshot& s = *loaded.snapshot;
//   for (EdgeCursor e = s.edgesFrom(object); e; e.next()) use(e.target(), e.label());
//   s.retained(object);  s.dominator(object);
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analyzer/graph/list_coding.h"
#include "analyzer/policy.h"
#include "format/counters.h"
#include "format/dump_reader.h"
#include "format/ids.h"
#include "format/records.h"
#include "format/result.h"
#include "format/units.h"

namespace openclaw {

// ---- rows with owned text
// -------------------------------------------------------------------------------------
struct FieldInfo {
  std::string name;
  std::uint32_t offset = 0;
  Strength strength = Strength::kStrong;
  std::string targetType;
};
struct TypeInfo {
  std::string name;
  std::uint32_t size = 0;
  std::vector<FieldInfo> fields;
  std::uint32_t elementSize = 0, elementOffset = 0;
  std::vector<FieldInfo> elementFields;
  bool hasDestructor = false, pointerFree = false, isText = false;
  std::int32_t externalOffset = -1;
};
struct SiteInfo {
  std::string file, function;
  std::uint32_t line = 0;
  std::uint64_t allocatedObjects = 0, allocatedBytes = 0;
  Certainty countsCertainty = Certainty::kLowerBound;
};
struct StackInfo {
  std::vector<std::uint64_t> pcs;  // innermost first
  SiteIndex site;
  std::uint64_t allocatedObjects = 0, allocatedBytes = 0, freedObjects = 0, freedBytes = 0, samples = 0;
  bool truncated = false;
};
struct CodeFrame {
  std::string function, file;
  std::uint32_t line = 0;
  bool inlined = false;
};
struct ArenaInfo : ArenaRecord {
  std::string ownedName;
};  // `name` of the record is empty: use ownedName
struct RootInfo {
  ObjectIndex object;
  RootKind kind = RootKind::kOther;
  bool conservative = false;
  std::uint32_t thread = kNoThread;
  Address slot;
  SiteIndex site;
  std::string_view label;  // lives as long as the snapshot
};
struct ThreadInfo {
  std::uint32_t tid = 0;
  std::string name, state;
  Address stackLow, stackHigh;
};
struct PauseInfo : PauseRecord {  // kind, cause and phases of the record are empty: use the owned ones
  std::string ownedKind, ownedCause;
  std::vector<std::pair<std::string, std::uint64_t>> ownedPhases;  // name, ns
};
struct SettingInfoRow {
  std::string name, value, defaultValue, origin;
};
struct SettingChangeInfo {
  std::uint64_t unixTime = 0;
  std::string name, before, after, by;
};
struct ProcessInfo {
  std::uint32_t pid = 0, dumpNumber = 0;
  std::string executable, host, kernel, source, generator, requested;
  std::vector<std::string> commandLine;
  std::uint64_t startedUnix = 0, dumpedUnix = 0, dumpedMonotonic = 0;
  std::string dumpId, previousDumpId;  // hexadecimal
  Consistency consistency = Consistency::kClone;
};
struct ModuleInfo {
  std::string path, buildId;
  Address base, low, high;
};
// What an object promised to keep at most: bytes that it retains, or like objects below it.
struct DeclaredBoundInfo {
  std::uint64_t most = 0;
  bool inObjects = false;
};
struct FloatingInfo {
  TypeIndex type;
  std::uint64_t objects = 0, bytes = 0;
};

// ---- what loading lost
// ----------------------------------------------------------------------------------------
struct LoadReport {
  ReadReport file;
  std::vector<std::pair<std::string, std::uint64_t>>
      losses;  // of the dumped process and of loading, by name; only > 0
  std::uint64_t lossesWhileLoading =
      0;  // of those: references, roots and rows that lead nowhere or were announced and not there
  std::uint64_t referencesMissing = 0;  // objects whose references frames were lost or damaged
  std::uint64_t objectsMissing = 0;     // announced by the end frame or by index gaps, and not read
  // What a whole file says of itself and does not hold, by names of dumpInvariants() (validation.h), ascending. Empty where
  // frames were lost: then it is a consequence, and counted above.
  std::vector<FileFault> contradictions = {};
  // What became of the index beside the dump, for people: "opened from heap.bin.idx", why it was not; "" = none was asked for.
  std::string index = {};
  std::uint64_t dumpNumber = 0, dumpsInFile = 0;  // which of several was read, from 1; 0: files of this kind hold one
  std::uint64_t announcedPeak = 0;      // bytes of memory that were announced before loading; 0 = not loaded but opened from its index
  bool complete() const;                // nothing lost at all
  std::string sentence() const;  // "complete", "complete; 2 duplicate frames ignored" or "94.2 % of the file read; 12,301 objects missing; retained
                                 // sizes are lower bounds"
};

// ---- edges
// ----------------------------------------------------------------------------------------------------
// One edge at a time; falsy at the end. Holds pointers into the snapshot. Copyable, cheap. Null slots are skipped. slot()
// counts all slots of the source, null ones included, so it names the field.
class EdgeCursor {
 public:
  EdgeCursor() = default;
  explicit operator bool() const { return more_; }
  ObjectIndex target() const {
    return ObjectIndex(slots_.entry() - 1);
  }  // forwards: what it points to; backwards: who points here
  void next() {
    do more_ = slots_.next();
    while (more_ && slots_.entry() == 0);
  }
  // Number of the slot in the source; forwards cursors only.
  std::uint32_t slot() const { return slots_.slot(); }

 private:
  friend class Snapshot;
  explicit EdgeCursor(SlotReader slots) : slots_(slots) { next(); }
  SlotReader slots_;
  bool more_ = false;
};

// ---- the snapshot
// ---------------------------------------------------------------------------------------------
struct SnapshotState;  // snapshot_state.h

// Threads: const from any number. Owns everything it shows.
class Snapshot {
 public:
  virtual ~Snapshot();

  // Objects. Cost: O(1) each.
  std::uint32_t objectCount() const;
  Address address(ObjectIndex object) const;
  Bytes size(ObjectIndex object) const;  // shallow: the whole cell
  TypeIndex type(ObjectIndex object) const;
  SiteIndex site(ObjectIndex object) const;  // also through the stack; SiteIndex(0) = unknown
  std::optional<StackIndex> stack(ObjectIndex object) const;
  std::uint8_t age(ObjectIndex object) const;  // 7 = seven or more
  std::uint8_t flags(ObjectIndex object) const;
  Bytes external(ObjectIndex object) const;                    // O(log sparse)
  bool hasDeclaredBounds() const;
  std::optional<DeclaredBoundInfo> declaredBound(ObjectIndex object) const;   // O(log sparse)
  std::vector<std::pair<ObjectIndex, DeclaredBoundInfo>> declaredBounds() const;   // all, ascending objects
  std::optional<ObjectIndex> objectAt(Address address) const;  // also interior; O(log n)

  // Edges. The strong graph (policy `strict`: strong and conservative edges keep alive, weak ones do not)
  // defines reachability, dominators and retained sizes; cursors show every edge, strengthOf tells.
  EdgeCursor edgesFrom(ObjectIndex object) const;
  EdgeCursor edgesTo(ObjectIndex object) const;  // a referrer with several slots here comes once a slot
  std::uint64_t edgeCount() const;               // not null
  Strength strengthOf(ObjectIndex source, std::uint32_t slot) const;       // up to O(slot)
  Strength strengthOf(ObjectIndex source, const EdgeCursor& edge) const;   // O(1), of an edge from `source`
  std::string labelOf(ObjectIndex source, std::uint32_t slot) const;  // "next_", "entries_[17].value"
  std::uint32_t slotCount(ObjectIndex object) const;

  // Reachability and dominators from all roots.
  bool reachable(ObjectIndex object) const;  // false: floating garbage that no collection has found yet
  std::optional<ObjectIndex> dominator(
      ObjectIndex object) const;  // nullopt: dominated by the roots only, or unreachable
  Bytes retained(
      ObjectIndex object) const;  // shallow size of all it dominates, itself included; 0 when unreachable
  bool isRoot(ObjectIndex object) const;
  // False: loaded without (LoadOptions::dominators, references): dominators and retained sizes are none, and where references
  // were left out nothing is reachable.
  bool knowsRetained() const;
  // Objects that `parent` immediately dominates (nullopt: the virtual root), by retained size descending,
  // then index.
  std::span<const std::uint32_t> dominatedBy(std::optional<ObjectIndex> parent) const;

  // Tables.
  const IndexedVector<TypeIndex, TypeInfo>& types() const;
  const IndexedVector<SiteIndex, SiteInfo>& sites() const;
  const IndexedVector<StackIndex, StackInfo>& stacks() const;
  const std::vector<RootInfo>& roots() const;  // ascending objects
  const std::vector<ArenaInfo>& arenas() const;
  const IndexedVector<RegionIndex, RegionRecord>& regions() const;  // ascending base
  const std::vector<FloatingInfo>& floating() const;
  const std::vector<ThreadInfo>& threads() const;
  const std::vector<PauseInfo>& pauses() const;
  std::uint64_t pausesTotal() const;
  const std::vector<SettingInfoRow>& settings() const;
  const std::vector<SettingChangeInfo>& settingChanges() const;
  const std::vector<ModuleInfo>& modules() const;
  const std::vector<std::pair<std::string, std::uint64_t>>& counters()
      const;  // as the process counted, by name
  std::optional<std::uint64_t> counter(std::string_view name) const;
  const ProcessInfo& process() const;
  std::span<const CodeFrame> symbol(std::uint64_t pc) const;  // empty: not symbolized
  std::uint64_t stackMeanInterval() const;
  std::uint64_t stopNanoseconds() const;  // of this dump, 0 = not recorded

  const std::string& path() const;
  DumpKind kind() const;
  Policy policy() const;
  // False: address() is a number that the dumped program gave (V8's node ids), in no order; print it as "@17".
  bool idsAreAddresses() const;
  // What tells an object from others of its type: a string's beginning, a function's name, the class of a Class object; "" =
  // nothing. Cost: up to a read of the file.
  std::string description(ObjectIndex object) const;
  const LoadReport& report() const;
  // Memory held by columns and edges, bytes; and the same by part, for --json.
  std::size_t memoryBytes() const;
  std::vector<std::pair<std::string, std::size_t>> memoryByPart() const;

 protected:
  Snapshot();
  friend class SnapshotBuilder;
  std::unique_ptr<SnapshotState> state_;
};

// ---- loading
// --------------------------------------------------------------------------------------------------
struct LoadProgress {
  std::string_view stage;  // "reading", "edges", "dominators", "retained sizes"
  double fraction = 0;     // of the whole load, 0..1
};
using LoadProgressSink = std::function<void(const LoadProgress&)>;

enum class IndexUse : std::uint8_t {
  kOff,     // neither read nor written
  kAuto,    // read where there is one; written when loading took kSecondsWorthAnIndex
  kWrite,   // read, and written unless it served
};
inline constexpr double kSecondsWorthAnIndex = 3;

struct MemoryPlan;
inline constexpr std::uint64_t kMemoryLimitAsFree = UINT64_MAX;

struct LoadOptions {
  unsigned threads = 0;    // 0 = as the machine has
  bool dominators = true;  // false: histogram only; every dominator() is none and every retained() 0
  bool referrers = true;   // false: edgesTo() shows nothing, for who never asks
  bool references = true;  // false: only objects, types, sizes and roots, for counting them; goes with dominators = false
  Policy policy = Policy::kStrict;  // must fit the kind of the dump
  IndexUse index = IndexUse::kOff;  // of files only (index/index_file.h)
  unsigned dump = 0;       // which one of a Java file that holds several, from 1; 0 = the last
  // Most bytes of memory this process may have (VmHWM) for the load and for what is asked afterwards; 0 = no limit;
  // kMemoryLimitAsFree = what the machine and the cgroup have free, where the dump needs more. Tables that do not fit lie in files
  // without a name in `spillDirectory` (empty: $TMPDIR, else /var/tmp). See memory_limit.h.
  std::uint64_t memoryLimit = 0;
  std::string spillDirectory = {};
  // Hears, before anything is read, what loading will need and what is done about it (load/forecast.h).
  std::function<void(const MemoryPlan&)> announce = {};
};

// Reads a heap.bin, a Java HPROF or a V8 heap snapshot, told apart by their first bytes. Errors: those of DumpReader::open;
// kCancelled within 100 ms; kUnsupported past 2^32 - 3 objects; kNotFinished when memory, or the
// disk for tables that do not fit into it, does not suffice; kInvalidArgument when the memory limit is too small, with the least
// that works.
// `progress` may be empty and is called on the calling thread only. A damaged file gives a snapshot with a
// report that says what is missing.
Result<std::shared_ptr<const Snapshot>> loadSnapshot(const std::string& path, const LoadOptions& options,
                                                     const LoadProgressSink& progress, std::stop_token stop);
// The same over bytes in memory (tests).
Result<std::shared_ptr<const Snapshot>> loadSnapshot(std::span<const std::byte> bytes, std::string name,
                                                     const LoadOptions& options);

}  // namespace openclaw
