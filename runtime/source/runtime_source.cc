#include "runtime/source/runtime_source.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "runtime/gc/counters.h"
#include "runtime/gc/heap_impl.h"
#include "runtime/gc/resident.h"
#include "runtime/gc/sampling.h"
#include "runtime/gc/sites.h"
#include "runtime/gc/stack_scan.h"
#include "runtime/pool/walk.h"
#include "runtime/source/block_scan.h"
#include "runtime/source/mapped_array.h"
#include "runtime/source/prepared_tables.h"
#include "runtime/source/site_rows.h"
#include "runtime/type_table.h"

namespace openclaw {
namespace {

using Kind = pool::Region::Kind;

constexpr std::size_t kMostThreads = 1u << 16, kMostStacks = 1u << 18;
constexpr std::size_t kMostRequests = gc::RequestLog::kCapacity + 2 * kMostThreads;

constexpr std::size_t countOfCounters() {
  std::size_t count = 0;
#define COUNTER(...) ++count;
#include "format/counters.def"
#undef COUNTER
  return count;
}

std::uint64_t loadSlot(pool::Address address) noexcept {
  return __atomic_load_n(reinterpret_cast<const std::uint64_t*>(address), __ATOMIC_RELAXED);
}

// Part of a block that a thread's buffer holds and has not filled.
struct Tail {
  pool::Address low, high;
};

// How a type's pointers lie, ready for one look an object.
struct Shape {
  const TypeInfo* info = nullptr;
  std::uint32_t fields = 0, elementFields = 0;
  bool plainElements = false;    // every element is one pointer: slots are the memory itself
};

std::string_view stateText(gc::ThreadState state) {
  switch (state) {
    case gc::ThreadState::kRunning: return "running";
    case gc::ThreadState::kBlocked: return "blocked";
    case gc::ThreadState::kParked: return "stopped at a poll";
    case gc::ThreadState::kStoppedBySignal: return "stopped by signal";
  }
  return "unknown";
}

RegionState stateOf(const pool::Region& region) {
  if (region.kind == Kind::kEmptyChunk)
    return region.chunkKind == pool::ChunkKind::kWithheld ? RegionState::kWithheld : RegionState::kEmpty;
  if (region.kind == Kind::kFreePages) return RegionState::kEmpty;
  if (region.block == nullptr) return region.unswept ? RegionState::kUnswept : RegionState::kFull;
  if (region.block->state == pool::BlockState::kEmpty) return RegionState::kEmpty;
  if (region.unswept) return RegionState::kUnswept;
  switch (region.block->state) {
    case pool::BlockState::kAllocating: return RegionState::kAllocating;
    case pool::BlockState::kFull: return RegionState::kFull;
    default: return RegionState::kSwept;
  }
}

}  // namespace

struct RuntimeSource::State {
  explicit State(gc::HeapImpl& impl) : heap(impl) {}

  gc::HeapImpl& heap;
  PreparedTables prepared;
  gc::ResidentSet resident;
  SourceTables tables;
  SiteRows sites;
  MappedArray<TypeRecord> types{TypeTable::kMaxTypes};
  MappedArray<Shape> shapes{TypeTable::kMaxTypes};
  MappedArray<ThreadRecord> threads{kMostThreads};
  MappedArray<StackRecord> stacks{kMostStacks};
  MappedArray<RequestRecord> requests{kMostRequests};
  MappedArray<Tail> tails{2 * kMostThreads};
  MappedArray<FloatingRecord> floatingByType{TypeTable::kMaxTypes};
  MappedArray<FloatingRecord> floatingRows{TypeTable::kMaxTypes};
  HeapCounters counters;
  std::array<CounterRecord, countOfCounters()> counterRows;
  ArenaRecord arena;
  std::array<LossRecord, 6> losses;
  std::uint64_t lostThreads = 0, lostStacks = 0, lostRequests = 0, badLengths = 0;

  void restart() noexcept;
  void readTypes() noexcept;
  void readThreads() noexcept;
  void readStacks() noexcept;
  void readRequests() noexcept;
  void object(ObjectVisitor& visitor, const pool::ObjectHeader* header, std::uint8_t mark) noexcept;
  void slots(ObjectVisitor& visitor, const Shape& shape, pool::Address payload, std::uint64_t elements) noexcept;
  void addFloating(const pool::ObjectHeader* header, std::uint64_t bytes) noexcept;
  void block(const pool::Region& region, RegionRecord& row, std::size_t& nextTail) noexcept;
  void large(const pool::Region& region, RegionRecord& row) noexcept;
  std::uint32_t siteColumn(std::uint32_t raw, std::uint64_t bytes) noexcept;
};

RuntimeSource::RuntimeSource(gc::HeapImpl& heap) : state_(std::make_unique<State>(heap)) {}
RuntimeSource::~RuntimeSource() = default;

void RuntimeSource::prepare() {
  State& s = *state_;
  s.prepared.gather(s.heap.settings, s.heap.pauses);
  s.sites.reset();
  s.types.clear();
  s.shapes.clear();
  s.threads.clear();
  s.stacks.clear();
  s.requests.clear();
  s.tails.clear();
  s.floatingByType.clear();
  s.floatingRows.clear();
}

void RuntimeSource::setResident(const gc::ResidentSet& resident) { state_->resident = resident; }

// The whole reservation, so that the heap may grow between preparation and stop.
std::uint64_t RuntimeSource::lowAddress() const noexcept { return state_->heap.pool.low(); }
std::uint64_t RuntimeSource::highAddress() const noexcept { return state_->heap.pool.high(); }
std::uint32_t RuntimeSource::granule() const noexcept { return pool::kGranule; }
std::uint32_t RuntimeSource::objectOffset() const noexcept { return pool::kHeaderBytes; }

// A walk that begins again (a clone was refused) finds empty tables.
void RuntimeSource::State::restart() noexcept {
  types.restart();
  shapes.restart();
  threads.restart();
  stacks.restart();
  requests.restart();
  tails.restart();
  floatingByType.restart();
  floatingRows.restart();
  sites.restartSums();
  lostThreads = lostStacks = lostRequests = badLengths = 0;
}

void RuntimeSource::State::readTypes() noexcept {
  const std::uint32_t count = TypeTable::size();
  for (std::uint32_t id = 1; id < count; ++id) {
    const TypeInfo& info = TypeTable::info(id);
    *types.add() = info.record;
    Shape& shape = *shapes.add();
    shape.info = &info;
    shape.fields = static_cast<std::uint32_t>(info.fields.size());
    shape.elementFields = static_cast<std::uint32_t>(info.elementFields.size());
    shape.plainElements = shape.elementFields == 1 && info.elementSize == 8;
    floatingByType.add()->type = id - 1;
  }
}

void RuntimeSource::State::readThreads() noexcept {
  heap.safepoint.forEachThread([&](gc::ThreadContext& thread) {
    for (const gc::Tlab* tlab : {&thread.tlab, &thread.overflow})
      if (tlab->cursor < tlab->end) *tails.add() = {tlab->cursor, tlab->end};
    ThreadRecord* row = threads.add();
    if (row == nullptr) {
      ++lostThreads;
      return;
    }
    row->tid = thread.tid;
    row->name = std::string_view(thread.name, ::strnlen(thread.name, sizeof thread.name));
    row->state = stateText(thread.currentState());
    row->stackLow = thread.scanLow >= thread.stackLow && thread.scanLow < thread.stackHigh ? thread.scanLow : thread.stackLow;
    row->stackHigh = thread.stackHigh;
  });
  std::ranges::sort(tails.rows(), {}, &Tail::low);
}

void RuntimeSource::State::readStacks() noexcept {
  const std::uint32_t count = heap.recorder.size();
  // With sampling off nobody knows what was freed: then only what is there counts, a lower bound.
  const bool sampled = heap.setting(SettingId::sampleInterval) != 0 && heap.recorder.samples() != 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    StackRecord* row = stacks.add();
    if (row == nullptr) {
      lostStacks = count - i;
      break;
    }
    *row = heap.recorder.row(i);
    row->site = sites.rowOf(row->site);
    if (sampled) sites.add(row->site, row->freedObjects, row->freedBytes);
  }
  sites.setCertainty(sampled ? Certainty::kSampled : Certainty::kLowerBound);
}

void RuntimeSource::State::readRequests() noexcept {
  auto add = [&](const RequestRecord& record) {
    if (RequestRecord* row = requests.add()) *row = record;
    else ++lostRequests;
  };
  for (std::uint64_t i = 0; i < heap.requests.size(); ++i) add(heap.requests.at(i));
  const std::uint64_t now = gc::monotonicNow();   // the vDSO answers: no system call
  heap.safepoint.forEachThread([&](gc::ThreadContext& thread) {
    if (thread.request == 0) return;
    for (const gc::Tlab* tlab : {&thread.tlab, &thread.overflow})
      if (tlab->segmentStart < tlab->cursor) add({tlab->segmentStart, tlab->cursor, thread.request, now});
  });
  std::ranges::sort(requests.rows(), {}, &RequestRecord::low);
}

const SourceTables& RuntimeSource::tables() noexcept {
  State& s = *state_;
  s.restart();
  s.readTypes();
  s.readThreads();
  s.readStacks();
  s.readRequests();
  gc::computeCounters(s.heap, s.counters, &s.arena);
  s.resident.addTo(s.counters);
  std::size_t n = 0;
  for (const CounterInfo& info : allCounters()) s.counterRows[n++] = {info.name, s.counters.*info.member};

  SourceTables& t = s.tables;
  t.process = s.prepared.process();
  t.process.granule = pool::kGranule;
  t.modules = s.prepared.modules();
  t.types = s.types.rows();
  t.arenas = {&s.arena, 1};
  t.threads = s.threads.rows();
  t.stackMeanInterval = s.heap.setting(SettingId::sampleInterval);
  t.stacks = s.stacks.rows();
  t.pausesTotal = s.heap.pauses.total();
  t.pauses = s.prepared.pauses();
  t.settings = s.prepared.settings();
  t.settingChanges = s.prepared.changes();
  t.counters = s.counterRows;
  t.requests = s.requests.rows();
  t.requestsLost = s.heap.requests.lost() + s.lostRequests;
  return t;
}

void RuntimeSource::visitStarts(StartVisitor& visitor) noexcept {
  constexpr std::size_t kBatch = 512;
  std::uint64_t batch[kBatch];
  std::size_t count = 0;
  auto add = [&](pool::Address payload) {
    batch[count++] = payload;
    if (count == kBatch) {
      visitor.starts({batch, count});
      count = 0;
    }
  };
  const std::uint8_t colour = state_->heap.colour();
  BlockBits bits;
  pool::forEachRegion(state_->heap.pool, [&](const pool::Region& region) {
    if (region.kind == Kind::kBlock) {
      if (region.block->state == pool::BlockState::kEmpty) return;
      BlockBits::read(region.base, colour, region.unswept, bits);
      bits.forEachLive([&](std::size_t granule) { add(region.base + granule * pool::kGranule + pool::kHeaderBytes); });
    } else {
      pool::forEachObject(region, colour, [&](const pool::ObjectView& object) {
        if (object.isLive()) add(object.payload());
      });
    }
  });
  if (count != 0) visitor.starts({batch, count});
}

// Also counts the object for its site.
std::uint32_t RuntimeSource::State::siteColumn(std::uint32_t raw, std::uint64_t bytes) noexcept {
  std::uint32_t row = 0, column = 0;
  if ((raw & pool::kSiteIsStack) == 0) {
    row = column = sites.rowOf(raw);
  } else if (const std::uint32_t stack = gc::sampledStack(raw); stack < stacks.size()) {
    row = stacks[stack].site;
    column = pool::kSiteIsStack | stack;
  }
  sites.add(row, 1, bytes);
  return column;
}

void RuntimeSource::State::slots(ObjectVisitor& visitor, const Shape& shape, pool::Address payload,
                                 std::uint64_t elements) noexcept {
  constexpr std::size_t kBatch = 64;
  std::uint64_t batch[kBatch];
  std::size_t count = 0;
  auto add = [&](pool::Address slot) {
    if (count == kBatch) {
      visitor.slots({batch, count});
      count = 0;
    }
    batch[count++] = loadSlot(slot);
  };
  const TypeInfo& info = *shape.info;
  for (const FieldRecord& field : info.fieldRecords) add(payload + field.offset);
  const pool::Address first = payload + info.elementOffset;
  if (shape.plainElements) {
    for (std::uint64_t i = 0; i < elements; ++i) add(first + i * 8);
  } else if (shape.elementFields != 0) {
    for (std::uint64_t i = 0; i < elements; ++i)
      for (const FieldRecord& field : info.elementFieldRecords) add(first + i * info.elementSize + field.offset);
  }
  if (count != 0) visitor.slots({batch, count});
}

void RuntimeSource::State::object(ObjectVisitor& visitor, const pool::ObjectHeader* header, std::uint8_t mark) noexcept {
  const std::uint32_t type = header->type() - 1, flags = header->flags();
  const pool::Address payload = header->payload();
  Shape& shape = shapes[type];
  ObjectRecord row;
  row.address = payload;
  row.size = header->cellBytes();
  row.type = type;
  row.site = siteColumn(header->site(), row.size);
  row.age = pool::ageOf(mark);
  row.flags = static_cast<std::uint8_t>(((flags & pool::kPinnedFlag) != 0 ? kObjectPinned : 0) |
                                        (header->isLarge() ? kObjectLarge : 0) |
                                        ((flags & pool::kDestructorFlag) != 0 ? kObjectHasDestructor : 0) |
                                        ((flags & pool::kConstructingFlag) != 0 ? kObjectUnderConstruction : 0) |
                                        ((flags & pool::kMovableFlag) != 0 ? kObjectMovable : 0));
  std::uint64_t elements = 0;
  if (shape.elementFields != 0) {
    const TypeInfo& info = *shape.info;
    elements = loadSlot(payload + info.lengthOffset);
    const std::uint64_t room = (header->payloadBytes() - info.elementOffset) / info.elementSize;
    if (elements > room) {       // a bug of ours or a stray write; the dump must not follow it
      elements = 0;
      ++badLengths;
    }
  }
  row.referenceCount = shape.fields + static_cast<std::uint32_t>(elements) * shape.elementFields;
  if (shape.info->externalOffset >= 0) row.external = loadSlot(payload + static_cast<pool::Address>(shape.info->externalOffset));
  if (shape.info->boundOffset >= 0) row.bound = loadSlot(payload + static_cast<pool::Address>(shape.info->boundOffset));
  visitor.object(row);
  if (row.referenceCount != 0) slots(visitor, shape, payload, elements);
}

void RuntimeSource::visitObjects(ObjectVisitor& visitor) noexcept {
  State& s = *state_;
  const std::uint8_t colour = s.heap.colour();
  BlockBits bits;
  pool::forEachRegion(s.heap.pool, [&](const pool::Region& region) {
    if (region.kind == Kind::kBlock) {
      if (region.block->state == pool::BlockState::kEmpty) return;
      BlockBits::read(region.base, colour, region.unswept, bits);
      const std::uint8_t* marks = pool::markByteOf(region.base);
      bits.forEachLive([&](std::size_t granule) {
        s.object(visitor, reinterpret_cast<const pool::ObjectHeader*>(region.base + granule * pool::kGranule), marks[granule]);
      });
    } else {
      pool::forEachObject(region, colour, [&](const pool::ObjectView& object) {
        if (object.isLive()) s.object(visitor, object.header, object.mark);
      });
    }
  });
}

void RuntimeSource::State::addFloating(const pool::ObjectHeader* header, std::uint64_t bytes) noexcept {
  FloatingRecord& row = floatingByType[header->type() - 1];
  ++row.objects;
  row.bytes += bytes;
  siteColumn(header->site(), bytes);
}

// A block's objects and tails in address order; what lies between them are holes.
void RuntimeSource::State::block(const pool::Region& region, RegionRecord& row, std::size_t& nextTail) noexcept {
  BlockBits bits;
  BlockBits::read(region.base, heap.colour(), region.unswept, bits);
  const pool::Address end = region.base + region.bytes;
  pool::Address at = region.base;
  auto holeUpTo = [&](pool::Address next) {
    if (next <= at) return;
    const std::uint64_t hole = next - at;
    ++row.holeCount;
    row.holeBytes += hole;
    row.largestHole = std::max(row.largestHole, hole);
  };
  auto tailsUpTo = [&](pool::Address next) {
    for (; nextTail < tails.size() && tails[nextTail].low < next; ++nextTail) {
      holeUpTo(tails[nextTail].low);
      row.tlabTailBytes += tails[nextTail].high - tails[nextTail].low;
      at = tails[nextTail].high;
    }
  };
  for (std::size_t word = 0; word < BlockBits::kWords; ++word) {
    for (std::uint64_t rest = bits.starts[word]; rest != 0; rest &= rest - 1) {
      const std::size_t granule = word * 64 + static_cast<std::size_t>(std::countr_zero(rest));
      const std::size_t last = bits.endOf(granule) - 1;
      const pool::Address cell = region.base + granule * pool::kGranule;
      const std::uint64_t bytes = (last + 1 - granule) * pool::kGranule;
      tailsUpTo(cell);
      holeUpTo(cell);
      at = cell + bytes;
      if (!bits.isLive(granule)) {
        ++row.floatingCount;
        row.floatingBytes += bytes;
        addFloating(reinterpret_cast<const pool::ObjectHeader*>(cell), bytes);
        continue;
      }
      row.objectBytes += bytes;
      constexpr std::size_t kGranulesPerLine = pool::kLineBytes / pool::kGranule;
      for (std::size_t line = granule / kGranulesPerLine; line <= last / kGranulesPerLine; ++line)
        row.lineMap[line / 64] |= 1ull << (line % 64);
    }
  }
  tailsUpTo(end);
  holeUpTo(end);
  const pool::BlockSummary& summary = *region.block;
  row.unusableHoleBytes = (std::uint64_t{summary.smallHoleGranules} + summary.skippedGranules) * pool::kGranule;
}

void RuntimeSource::State::large(const pool::Region& region, RegionRecord& row) noexcept {
  bool any = false;
  pool::forEachObject(region, heap.colour(), [&](const pool::ObjectView& object) {
    const std::uint64_t bytes = object.cellBytes();
    any = true;
    row.slackBytes = region.bytes - bytes;
    if (object.isLive()) {
      row.objectBytes = bytes;
    } else {
      row.floatingCount = 1;
      row.floatingBytes = bytes;
      addFloating(object.header, bytes);
    }
  });
  if (!any) row.tlabTailBytes = region.bytes;   // handed out, its header not written yet
}

void RuntimeSource::visitRegions(RegionVisitor& visitor) noexcept {
  State& s = *state_;
  std::size_t nextTail = 0;
  pool::forEachRegion(s.heap.pool, [&](const pool::Region& region) {
    RegionRecord row;
    row.base = region.base;
    row.bytes = region.bytes;
    row.arena = region.arena;
    row.state = stateOf(region);
    switch (region.kind) {
      case Kind::kBlock:
        row.kind = RegionKind::kBlock;
        if (region.block->state == pool::BlockState::kEmpty) row.slackBytes = region.bytes;
        else s.block(region, row, nextTail);
        break;
      case Kind::kLargePages:
        row.kind = RegionKind::kLargePages;
        s.large(region, row);
        break;
      case Kind::kHugeObject:
        row.kind = RegionKind::kHugeObject;
        s.large(region, row);
        break;
      case Kind::kFreePages:
        row.kind = RegionKind::kFreePages;
        row.holeBytes = row.largestHole = region.bytes;
        row.holeCount = 1;
        break;
      case Kind::kEmptyChunk:
        row.kind = RegionKind::kOther;
        row.slackBytes = region.bytes;
        break;
    }
    visitor.region(row);
  });
}

std::span<const FloatingRecord> RuntimeSource::floating() noexcept {
  State& s = *state_;
  for (const FloatingRecord& row : s.floatingByType.rows())
    if (row.objects != 0) *s.floatingRows.add() = row;
  return s.floatingRows.rows();
}

void RuntimeSource::visitRoots(RootVisitor& visitor) noexcept {
  State& s = *state_;
  const gc::RootTable& handles = s.heap.roots;
  for (std::uint32_t i = 0; i < handles.high(); ++i) {
    const gc::RootTable::Slot& slot = handles.slot(i);
    const pool::Address target = slot.target.load(std::memory_order_relaxed);
    if (target == 0) continue;
    RootRecord row;
    row.kind = RootKind::kHandle;
    row.slot = reinterpret_cast<std::uint64_t>(&slot.target);
    row.site = s.sites.rowOf(slot.site);
    visitor.root(target, row);
  }

  struct Words final : gc::WordVisitor {
    RootVisitor* visitor = nullptr;
    const gc::HeapImpl* heap = nullptr;
    RootRecord row;
    void word(std::uintptr_t value, std::uintptr_t slot) noexcept override {
      pool::Address second = 0;
      const pool::Address first = gc::conservativeTarget(heap->pool, heap->colour(), value, &second);
      row.kind = slot == 0 ? RootKind::kRegister : RootKind::kStack;
      row.slot = slot;
      if (first != 0) visitor->root(first, row);
      if (second != 0) visitor->root(second, row);
    }
  } words;
  words.visitor = &visitor;
  words.heap = &s.heap;
  words.row.conservative = true;
  std::uint32_t number = 0;
  s.heap.safepoint.forEachThread([&](gc::ThreadContext& thread) {
    words.row.thread = number < s.threads.size() ? number : kNoThread;
    ++number;
    gc::scanThread(thread, s.heap.pool, words);
  });
}

LateTables RuntimeSource::lateTables() noexcept {
  State& s = *state_;
  std::size_t count = 0;
  auto add = [&](std::string_view name, std::uint64_t lost) {
    if (lost != 0) s.losses[count++] = {name, lost};
  };
  add("allocation sites without a row", s.sites.lost());
  add("allocation sites of modules without room", gc::sitesLost());
  add("threads without a row", s.lostThreads);
  add("sampled stacks without a row", s.lostStacks);
  add("settings changes dropped", s.prepared.changesLost());
  add("arrays with an impossible length", s.badLengths);
  return {s.sites.rows(), {s.losses.data(), count}};
}

}  // namespace openclaw
