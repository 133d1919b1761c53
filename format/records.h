// The rows of a dump as plain structs: what an encoder takes and a reader gives back. Texts and spans are borrowed:
// in an encoder they must live for the call, from a reader they live as long as the decoded frame.
// Field meanings, units and special values are those of heap.capnp, which has the same names.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "format/units.h"

namespace openclaw {

enum class Strength : std::uint8_t { kStrong, kWeak, kEphemeron, kCache, kConservative };
enum class Consistency : std::uint16_t { kClone, kStopTheWorld, kBarrier, kOffline };
enum class RegionKind : std::uint16_t { kBlock, kLargePages, kHugeObject, kFreePages, kOther };
enum class RegionState : std::uint16_t { kEmpty, kSwept, kUnswept, kAllocating, kFull, kWithheld };
enum class RootKind : std::uint16_t { kStack, kRegister, kHandle, kGlobal, kThreadLocal, kFinalizer, kRuntime, kOther };

// Object flags, one byte an object.
inline constexpr std::uint8_t kObjectPinned = 1, kObjectLarge = 2, kObjectHasDestructor = 4,
                              kObjectUnderConstruction = 8, kObjectMovable = 16;
// In the sites column: the low bits are a stack index, whose record names the site.
inline constexpr std::uint32_t kSiteIsStack = 0x8000'0000u;

struct ProcessRecord {
  std::uint32_t pid = 0;
  std::string_view executable;
  std::span<const std::string_view> commandLine;
  std::string_view host, kernel;
  std::uint64_t startedUnix = 0, dumpedUnix = 0, dumpedMonotonic = 0;
  std::span<const std::uint8_t> dumpId, previousDumpId;
  std::uint32_t dumpNumber = 0;
  Consistency consistency = Consistency::kClone;
  std::string_view source, generator, requested, convertedFrom, policy;
  std::uint32_t pageSize = 4096, granule = 16;
};

struct ModuleRecord {
  std::string_view path;
  std::span<const std::uint8_t> buildId;
  std::uint64_t base = 0, low = 0, high = 0;
};

struct FieldRecord {
  std::string_view name;
  std::uint32_t offset = 0;
  Strength strength = Strength::kStrong;
  std::string_view targetType;
};

struct TypeRecord {
  std::string_view name;
  std::uint32_t size = 0;
  std::span<const FieldRecord> fields;
  std::uint32_t elementSize = 0, elementOffset = 0;
  std::span<const FieldRecord> elementFields;
  bool hasDestructor = false, pointerFree = false, isText = false;
  std::int32_t externalOffset = -1;
  std::string_view module;
};

struct SiteRecord {
  std::string_view file;
  std::uint32_t line = 0, column = 0;
  std::string_view function;
  std::uint64_t allocatedObjects = 0, allocatedBytes = 0;
  Certainty countsCertainty = Certainty::kLowerBound;
};

struct ArenaRecord {
  std::string_view name;
  std::uint64_t softLimit = 0, committed = 0, overflow = 0, objectBytes = 0, objectCount = 0, floatingBytes = 0,
                holeBytes = 0, emptyBlockBytes = 0, tlabTailBytes = 0, largeSlackBytes = 0, metadataBytes = 0,
                unusableHoleBytes = 0;
  std::uint32_t blocks = 0, chunks = 0;
};

struct RegionRecord {
  std::uint64_t base = 0, bytes = 0;
  std::uint16_t arena = 0;
  RegionKind kind = RegionKind::kBlock;
  RegionState state = RegionState::kEmpty;
  std::uint64_t firstObject = 0;   // index of the first object at or above base
  std::uint32_t objectCount = 0;
  std::uint64_t objectBytes = 0, floatingBytes = 0;
  std::uint32_t floatingCount = 0, holeCount = 0;
  std::uint64_t holeBytes = 0, unusableHoleBytes = 0, largestHole = 0, tlabTailBytes = 0, slackBytes = 0;
  std::uint64_t lineMap[4] = {};   // 256 lines of 256 B of a 64 KiB block, bit i of word i / 64
};

struct FloatingRecord {
  std::uint32_t type = 0;
  std::uint64_t objects = 0, bytes = 0;
};

// One row of the objects columns. Address = where the payload begins (what a debugger shows). size is the whole cell,
// header included; it begins before the address, by how much is the source's business (the runtime: 8 bytes, large
// objects 24).
struct ObjectRecord {
  std::uint64_t address = 0;
  std::uint64_t size = 0;
  std::uint32_t type = 0, site = 0, referenceCount = 0;
  std::uint8_t age = 0, flags = 0;
  std::uint64_t external = 0;
  std::uint64_t bound = 0;     // what it promises to keep at most, in bytes, or with kBoundIsObjects in objects; 0 = no promise
};
inline constexpr std::uint64_t kBoundIsObjects = 1ull << 63;

// Of a converted dump: what its source calls an object, and says of it.
struct NameRecord {
  std::uint64_t id = 0;
  std::string_view text;
};

inline constexpr std::uint32_t kNoThread = 0xffff'ffffu, kNoLabel = 0xffff'ffffu;
inline constexpr std::uint64_t kNullReference = ~0ull;  // as a target object index

struct RootRecord {
  std::uint64_t object = 0;
  RootKind kind = RootKind::kOther;
  bool conservative = false;
  std::uint32_t thread = kNoThread;
  std::uint64_t slot = 0;
  std::uint32_t site = 0;
  std::string_view label;  // encoder: stored once per distinct pointer value
};

struct ThreadRecord {
  std::uint32_t tid = 0;
  std::string_view name, state;
  std::uint64_t stackLow = 0, stackHigh = 0;
};

struct StackRecord {
  std::span<const std::uint64_t> pcs;
  std::uint32_t site = 0;
  std::uint64_t allocatedObjects = 0, allocatedBytes = 0, freedObjects = 0, freedBytes = 0, samples = 0;
  bool truncated = false;
};

struct PhaseRecord { std::string_view name; std::uint64_t duration = 0; };
struct PauseRecord {
  std::uint64_t number = 0;
  std::string_view kind, cause;
  std::uint64_t startMonotonic = 0, duration = 0;
  std::span<const PhaseRecord> phases;
  std::uint64_t predicted = 0;
  std::uint32_t threads = 0, signalled = 0, slowestThread = 0;
  std::uint64_t objectsMarked = 0, bytesMarked = 0, rootsScanned = 0, stackWords = 0, committedBefore = 0,
                allocatedSinceLast = 0, minorFaults = 0, majorFaults = 0, preemptions = 0, runDelay = 0, throttled = 0;
};

struct SettingRecord { std::string_view name, value, defaultValue, origin; };
struct SettingChangeRecord { std::uint64_t unixTime = 0; std::string_view name, before, after, by; };
struct CounterRecord { std::string_view name; std::uint64_t value = 0; };
struct RequestRecord { std::uint64_t low = 0, high = 0, request = 0, monotonic = 0; };
struct CodeFrameRecord { std::string_view function, file; std::uint32_t line = 0; bool inlined = false; };
struct SymbolRecord {
  std::uint64_t pc = 0;
  std::span<const CodeFrameRecord> frames;
  std::uint32_t module = 0xffff'ffffu;
};
struct LossRecord { std::string_view name; std::uint64_t count = 0; };
struct TakenRecord { std::uint64_t stopNanoseconds = 0, totalNanoseconds = 0; std::string_view note; };
struct EndRecord {
  std::uint32_t frames = 0;
  std::uint64_t objects = 0, references = 0, roots = 0, regions = 0, stopNanoseconds = 0, walkNanoseconds = 0;
  std::span<const LossRecord> losses;
};

}  // namespace openclaw
