#define ZSTD_STATIC_LINKING_ONLY  // ZSTD_initStaticCCtx
#include "format/frame_encoder.h"

#include <capnp/any.h>
#include <zstd.h>

#include <algorithm>
#include <bit>
#include <new>

#include "format/schema_rows.h"

namespace openclaw {
namespace {

using namespace internal;

constexpr int kCompressionLevel = 1;  // level 3 doubles the time for no gain on these columns
constexpr std::size_t kMessageWords = (4u << 20) / 8;
constexpr std::size_t kMessageBytes = kMessageWords * 8;
constexpr std::size_t kSegmentTableBytes = 8;  // one segment: count - 1 = 0, its words
constexpr std::size_t kSlotsPerFrame = 256 * 1024;
constexpr std::size_t kWideSlotsPerFrame = kSlotsPerFrame / 2;  // the same buffer, 8 bytes a slot instead of 4
constexpr std::size_t kSparsePerFrame = 16 * 1024;
constexpr std::size_t kRegionsPerFrame = 16 * 1024;
constexpr std::size_t kRowsPerFrame = 64 * 1024;        // roots, requests, floating
constexpr std::size_t kLabelsPerFrame = 4096;           // distinct root labels
constexpr std::size_t kLabelSlots = 2 * kLabelsPerFrame;  // a power of two
constexpr std::uint32_t kHugeSize = 0xffff'ffffu;
constexpr unsigned kLineBytes = 256;
constexpr std::size_t kLineMapBytes = sizeof(RegionRecord::lineMap);

// A 32-bit column, kept as its two halves from the start: the message wants them apart, and splitting while the
// value is in a register is free.
struct HalfColumn {
  std::uint16_t* low;
  std::uint16_t* high;
  std::uint32_t all;  // all values or-ed: without a high half the column needs none

  void set(std::size_t i, std::uint32_t value) noexcept {
    low[i] = static_cast<std::uint16_t>(value);
    high[i] = static_cast<std::uint16_t>(value >> 16);
    all |= value;
  }
  bool hasHigh() const noexcept { return (all >> 16) != 0; }
  std::size_t words(std::size_t count) const noexcept {
    return (hasHigh() ? 2 : 1) * dataWords(count * sizeof(std::uint16_t));
  }
};

struct Sparse {
  std::uint32_t row;
  std::uint64_t value;
};
struct LabelSlot {
  const char* data;
  std::uint32_t size, index;
};

template <class T>
struct Column {
  T* values;
  T all;
  void set(std::size_t i, T value) noexcept {
    values[i] = value;
    all = static_cast<T>(all | value);
  }
};

// The bytes of a list that was just made inside our own message buffer. Cap'n Proto gives raw bytes only of readers.
template <class List>
void* rawBytes(List list) noexcept {
  return const_cast<capnp::byte*>(capnp::AnyList::Reader(list.asReader()).getRawBytes().begin());
}

void fillColumn(schema::Column::Builder out, const HalfColumn& column, std::size_t count) noexcept {
  auto n = static_cast<unsigned>(count);
  std::memcpy(rawBytes(out.initLow(n)), column.low, count * sizeof(std::uint16_t));
  if (column.hasHigh()) std::memcpy(rawBytes(out.initHigh(n)), column.high, count * sizeof(std::uint16_t));
}

std::uint64_t zigzag(std::int64_t value) noexcept {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}

// Hands out aligned pieces of the workspace; with a null base it only adds up.
class Carver {
 public:
  explicit Carver(std::byte* base) : base_(base) {}
  template <class T>
  T* take(std::size_t count, std::size_t alignment = 64) noexcept {
    used_ = (used_ + alignment - 1) / alignment * alignment;
    std::size_t at = used_;
    used_ += count * sizeof(T);
    return base_ ? reinterpret_cast<T*>(base_ + at) : nullptr;
  }
  std::size_t used() const noexcept { return used_; }

 private:
  std::byte* base_;
  std::size_t used_ = 0;
};

}  // namespace

struct FrameEncoder::State {
  // Constant after construction.
  ByteSink* sink = nullptr;
  ZSTD_CCtx* compressor = nullptr;
  std::byte* rawFrame = nullptr;     // FrameHeader, segment table, message: a raw frame is written from here
  capnp::word* message = nullptr;    // inside rawFrame
  std::byte* storedFrame = nullptr;  // FrameHeader, compressed bytes
  std::size_t storedCapacity = 0;
  LabelSlot* labelSlots = nullptr;

  EncodeStatus status = EncodeStatus::kOk;
  int sinkError = 0;
  std::uint32_t sequence = 0, frames = 0;
  std::uint64_t bytesWritten = 0;
  std::uint32_t nextType = 0, nextSite = 0, nextRegion = 0, nextStack = 0, nextLabel = 0;
  std::uint64_t roots = 0, nextName = 0;

  // The open objects frame.
  std::size_t count = 0;
  std::uint64_t firstAddress = 0, lastAddress = 0, endAddress = 0;
  HalfColumn gaps{}, sizes{}, types{}, sites{}, counts{};
  Column<std::uint8_t> ages{}, flags{};
  Sparse* huge = nullptr;
  Sparse* external = nullptr;
  Sparse* bounds = nullptr;
  std::size_t hugeCount = 0, externalCount = 0, boundCount = 0;

  // The open references frame. Invariant: its sources are objects that the open or an earlier objects frame holds.
  std::size_t slots = 0;
  std::uint64_t firstSource = 0, skipped = 0;
  HalfColumn values{};
  std::uint64_t* wideValues = nullptr;  // the same memory as values
  HalfColumn labels{};
  Column<std::uint8_t> strengths{};
  bool wide = false, labelled = false;

  std::uint64_t objects = 0;     // all so far, the open frame's too
  std::uint64_t references = 0;  // not null
  std::uint32_t slotsLeft = 0, slotsOfObject = 0;

  bool ok() const noexcept { return status == EncodeStatus::kOk; }
  void failWith(EncodeStatus why) noexcept { if (ok()) status = why; }

  void carve(Carver& carver, bool assign) noexcept;
  void put(const std::byte* data, std::size_t size) noexcept;
  void writeFrame(FrameKind kind, std::size_t words) noexcept;
  template <class Root, class Build>
  void frame(FrameKind kind, std::size_t bodyWords, Build build) noexcept;
  template <class Row, class Words, class Emit>
  void split(std::span<const Row> rows, std::size_t fixedWords, bool evenIfEmpty, Words rowWords, Emit emit) noexcept;

  void flushObjects() noexcept;
  void flushReferences() noexcept;
  void flush() noexcept {
    if (ok() && count > 0) flushObjects();
    if (ok() && slots > 0) flushReferences();
  }
  template <bool kLabelled>
  void slot(std::uint64_t target, std::uint32_t label, Strength strength) noexcept;
};

void FrameEncoder::State::carve(Carver& carver, bool assign) noexcept {
  auto bytes = [&](std::size_t size) { return carver.take<std::byte>(size); };
  auto half = [&](std::size_t rows) {
    auto* low = carver.take<std::uint16_t>(rows);
    return HalfColumn{low, carver.take<std::uint16_t>(rows), 0};
  };
  std::size_t stored = FrameHeader::kBytes + ZSTD_compressBound(kSegmentTableBytes + kMessageBytes);
  std::byte* raw = bytes(FrameHeader::kBytes + kSegmentTableBytes + kMessageBytes);
  std::byte* out = bytes(stored);
  HalfColumn rows[5];
  for (HalfColumn& column : rows) column = half(kObjectsPerFrame);
  auto* ageRows = carver.take<std::uint8_t>(kObjectsPerFrame);
  auto* flagRows = carver.take<std::uint8_t>(kObjectsPerFrame);
  auto* hugeRows = carver.take<Sparse>(kSparsePerFrame);
  auto* externalRows = carver.take<Sparse>(kSparsePerFrame);
  auto* boundRows = carver.take<Sparse>(kSparsePerFrame);
  auto* valueRows = carver.take<std::uint64_t>(kWideSlotsPerFrame);
  HalfColumn labelRows = half(kSlotsPerFrame);
  auto* strengthRows = carver.take<std::uint8_t>(kSlotsPerFrame);
  auto* hash = carver.take<LabelSlot>(kLabelSlots);
  std::size_t compressorBytes = ZSTD_estimateCCtxSize(kCompressionLevel);
  std::byte* compressorMemory = bytes(compressorBytes);
  if (!assign) return;
  rawFrame = raw;
  message = reinterpret_cast<capnp::word*>(raw + FrameHeader::kBytes + kSegmentTableBytes);
  storedFrame = out;
  storedCapacity = stored - FrameHeader::kBytes;
  gaps = rows[0], sizes = rows[1], types = rows[2], sites = rows[3], counts = rows[4];
  ages = {ageRows, 0}, flags = {flagRows, 0};
  huge = hugeRows, external = externalRows, bounds = boundRows;
  wideValues = valueRows;
  auto* halves = reinterpret_cast<std::uint16_t*>(valueRows);
  values = {halves, halves + kSlotsPerFrame, 0};
  labels = labelRows, strengths = {strengthRows, 0};
  labelSlots = hash;
  compressor = ZSTD_initStaticCCtx(compressorMemory, compressorBytes);
  if (compressor == nullptr) status = EncodeStatus::kCompressorFailed;
}

std::size_t FrameEncoder::workspaceBytes() noexcept {
  Carver carver(nullptr);
  carver.take<State>(1);
  State unused;
  unused.carve(carver, false);
  return carver.used() + 64;  // room to align the start
}

FrameEncoder::FrameEncoder(std::span<std::byte> workspace, ByteSink& sink) noexcept {
  auto address = reinterpret_cast<std::uintptr_t>(workspace.data());
  Carver carver(workspace.data() + (64 - address % 64) % 64);
  state_ = new (carver.take<State>(1)) State;
  state_->sink = &sink;
  if (workspace.size() < workspaceBytes()) {
    state_->status = EncodeStatus::kCompressorFailed;
    return;
  }
  state_->carve(carver, true);
}

// --- bytes ----------------------------------------------------------------------------------------------------------

void FrameEncoder::State::put(const std::byte* data, std::size_t size) noexcept {
  if (!ok()) return;
  if (int problem = sink->write(data, size); problem != 0) {
    sinkError = problem;
    status = EncodeStatus::kSinkFailed;
    return;
  }
  bytesWritten += size;
}

// Frames and writes the message of `words` words that stands in `message`.
void FrameEncoder::State::writeFrame(FrameKind kind, std::size_t words) noexcept {
  std::byte* raw = rawFrame + FrameHeader::kBytes;
  std::uint32_t table[2] = {0, static_cast<std::uint32_t>(words)};
  std::memcpy(raw, table, sizeof(table));
  std::size_t rawSize = kSegmentTableBytes + words * 8;

  FrameHeader header;
  header.kind = kind;
  header.sequence = sequence;
  header.rawSize = static_cast<std::uint32_t>(rawSize);
  std::size_t size = ZSTD_compressCCtx(compressor, storedFrame + FrameHeader::kBytes, storedCapacity, raw, rawSize,
                                       kCompressionLevel);
  if (ZSTD_isError(size)) return failWith(EncodeStatus::kCompressorFailed);
  std::byte* out = storedFrame;
  if (size >= rawSize) {
    header.flags = FrameHeader::kRaw;
    out = rawFrame;
    size = rawSize;
  }
  header.storedSize = static_cast<std::uint32_t>(size);
  header.storedCrc = crc32(out + FrameHeader::kBytes, size);
  encode(header, out);
  put(out, FrameHeader::kBytes + size);
  ++sequence;
  ++frames;
}

// Builds one message of exactly 1 + structWords<Root>() + bodyWords words. FlatMessageBuilder would throw when the
// count is too small (the tests build every kind of row with every count exact); too large is caught below.
template <class Root, class Build>
void FrameEncoder::State::frame(FrameKind kind, std::size_t bodyWords, Build build) noexcept {
  if (!ok()) return;
  std::size_t words = 1 + structWords<Root>() + bodyWords;
  if (words > kMessageWords) return failWith(EncodeStatus::kRowTooLarge);
  std::memset(static_cast<void*>(message), 0, words * sizeof(capnp::word));
  capnp::FlatMessageBuilder builder(kj::arrayPtr(message, words));
  build(builder.initRoot<Root>());
  if (builder.getSegmentsForOutput()[0].size() != words) return failWith(EncodeStatus::kMiscounted);
  writeFrame(kind, words);
}

// Cuts `rows` into pieces that fit a message; emit(piece, words of the piece without fixedWords).
template <class Row, class Words, class Emit>
void FrameEncoder::State::split(std::span<const Row> rows, std::size_t fixedWords, bool evenIfEmpty, Words rowWords,
                                Emit emit) noexcept {
  flush();
  if (rows.empty() && evenIfEmpty && ok()) emit(rows, 0);
  while (!rows.empty() && ok()) {
    std::size_t used = 0, n = 0;
    while (n < rows.size() && n < kRowsPerFrame) {
      std::size_t more = rowWords(rows[n]);
      if (fixedWords + used + more > kMessageWords) break;
      used += more;
      ++n;
    }
    if (n == 0) return failWith(EncodeStatus::kRowTooLarge);
    emit(rows.first(n), used);
    rows = rows.subspan(n);
  }
}

// --- objects and references -----------------------------------------------------------------------------------------

void FrameEncoder::object(const ObjectRecord& record) noexcept {
  State& s = *state_;
  if (!s.ok()) return;
  if (s.slotsLeft != 0 || (s.objects != 0 && record.address <= s.lastAddress))
    return s.failWith(EncodeStatus::kOutOfOrder);

  // A gap that 32 bits cannot say (far apart, or cells that overlap) begins a new frame, which has its own address.
  std::uint64_t gap = s.count == 0 ? 0 : record.address - s.endAddress;
  if (s.count == kObjectsPerFrame || gap > 0xffff'ffffu || s.hugeCount == kSparsePerFrame ||
      s.externalCount == kSparsePerFrame || s.boundCount == kSparsePerFrame) {
    s.flush();
    if (!s.ok()) return;
    gap = 0;
  }
  std::size_t row = s.count++;
  if (row == 0) s.firstAddress = record.address;
  s.gaps.set(row, static_cast<std::uint32_t>(gap));
  if (record.size >= kHugeSize) [[unlikely]] {
    s.sizes.set(row, kHugeSize);
    s.huge[s.hugeCount++] = {static_cast<std::uint32_t>(row), record.size};
  } else {
    s.sizes.set(row, static_cast<std::uint32_t>(record.size));
  }
  s.types.set(row, record.type);
  s.sites.set(row, record.site);
  s.counts.set(row, record.referenceCount);
  s.ages.set(row, record.age);
  s.flags.set(row, record.flags);
  if (record.external != 0) [[unlikely]]
    s.external[s.externalCount++] = {static_cast<std::uint32_t>(row), record.external};
  if (record.bound != 0) [[unlikely]]
    s.bounds[s.boundCount++] = {static_cast<std::uint32_t>(row), record.bound};
  s.lastAddress = record.address;
  s.endAddress = record.address + record.size;
  s.slotsLeft = s.slotsOfObject = record.referenceCount;
  ++s.objects;
}

template <bool kLabelled>
void FrameEncoder::State::slot(std::uint64_t target, std::uint32_t label, Strength strength) noexcept {
  if (!ok()) return;
  if (slotsLeft == 0) return failWith(EncodeStatus::kOutOfOrder);
  std::uint64_t source = objects - 1;
  std::uint64_t value =
      target == kNullReference ? 0 : zigzag(static_cast<std::int64_t>(target - source)) + 1;

  bool tooWide = !wide && value > 0xffff'ffffu;
  if (slots == (wide ? kWideSlotsPerFrame : kSlotsPerFrame) || tooWide || (slots > 0 && labelled != kLabelled))
      [[unlikely]] {
    flush();
    if (!ok()) return;
    wide |= tooWide;
  }
  if (slots == 0) {
    firstSource = source;
    skipped = slotsOfObject - slotsLeft;
    labelled = kLabelled;
  }
  if (wide) [[unlikely]]
    wideValues[slots] = value;
  else
    values.set(slots, static_cast<std::uint32_t>(value));
  if constexpr (kLabelled) {
    labels.set(slots, label);
    strengths.set(slots, static_cast<std::uint8_t>(strength));
  }
  ++slots;
  --slotsLeft;
  references += target != kNullReference;
}

void FrameEncoder::reference(std::uint64_t target) noexcept { state_->slot<false>(target, 0, Strength::kStrong); }
void FrameEncoder::reference(std::uint64_t target, std::uint32_t label, Strength strength) noexcept {
  state_->slot<true>(target, label, strength);
}

void FrameEncoder::expectObjects(std::uint64_t objects) noexcept {
  if (objects >= (1ull << 31) - 1) {
    flush();
    state_->wide = true;
  }
}

void FrameEncoder::State::flushObjects() noexcept {
  std::size_t n = count;
  bool hasAges = ages.all != 0, hasFlags = flags.all != 0;
  std::size_t body = 5 * structWords<schema::Column>() + gaps.words(n) + sizes.words(n) + types.words(n) +
                     sites.words(n) + counts.words(n) + listWords<schema::SparseValue>(hugeCount) +
                     listWords<schema::SparseValue>(externalCount) + listWords<schema::SparseValue>(boundCount) + (hasAges ? dataWords(n) : 0) +
                     (hasFlags ? dataWords(n) : 0);
  auto sparse = [](capnp::List<schema::SparseValue>::Builder out, const Sparse* rows) {
    for (unsigned i = 0; i < out.size(); ++i) out[i].setRow(rows[i].row), out[i].setValue(rows[i].value);
  };
  frame<schema::Objects>(FrameKind::kObjects, body, [&](schema::Objects::Builder out) {
    out.setFirstIndex(objects - n);
    out.setCount(static_cast<unsigned>(n));
    out.setFirstAddress(firstAddress);
    out.setEndAddress(endAddress);
    fillColumn(out.initGaps(), gaps, n);
    fillColumn(out.initSizes(), sizes, n);
    if (hugeCount > 0) sparse(out.initHugeSizes(static_cast<unsigned>(hugeCount)), huge);
    fillColumn(out.initTypes(), types, n);
    fillColumn(out.initSites(), sites, n);
    fillColumn(out.initReferenceCounts(), counts, n);
    if (hasAges) std::memcpy(out.initAges(static_cast<unsigned>(n)).begin(), ages.values, n);
    if (hasFlags) std::memcpy(out.initFlags(static_cast<unsigned>(n)).begin(), flags.values, n);
    if (externalCount > 0) sparse(out.initExternal(static_cast<unsigned>(externalCount)), external);
    if (boundCount > 0) sparse(out.initBounds(static_cast<unsigned>(boundCount)), bounds);
  });
  count = hugeCount = externalCount = boundCount = 0;
  gaps.all = sizes.all = types.all = sites.all = counts.all = 0;
  ages.all = flags.all = 0;
}

void FrameEncoder::State::flushReferences() noexcept {
  std::size_t n = slots;
  bool hasStrengths = labelled && strengths.all != 0;
  std::size_t body = (wide ? n : structWords<schema::Column>() + values.words(n)) +
                     (labelled ? structWords<schema::Column>() + labels.words(n) : 0) +
                     (hasStrengths ? dataWords(n) : 0);
  frame<schema::References>(FrameKind::kReferences, body, [&](schema::References::Builder out) {
    out.setFirstObject(firstSource);
    out.setSkippedSlots(skipped);
    if (wide)
      std::memcpy(rawBytes(out.initWide(static_cast<unsigned>(n))), wideValues, n * sizeof(std::uint64_t));
    else
      fillColumn(out.initValues(), values, n);
    if (labelled) fillColumn(out.initLabels(), labels, n);
    if (hasStrengths)
      std::memcpy(out.initStrengths(static_cast<unsigned>(n)).begin(), strengths.values, n);
  });
  slots = 0;
  values.all = labels.all = 0;
  strengths.all = 0;
}

void FrameEncoder::flush() noexcept { state_->flush(); }

// --- metadata tables ------------------------------------------------------------------------------------------------

namespace {
// Words of a row in a list of structs, its texts and lists included.
template <class Struct>
auto listed() {
  return [](const auto& row) { return structWords<Struct>() + words(row); };
}
constexpr std::size_t kRootMargin = 64;  // more than any root struct with its pointers and list tags takes
}  // namespace

void FrameEncoder::begin(const FileHeader& header) noexcept {
  std::byte bytes[FileHeader::kBytes];
  encode(header, bytes);
  state_->put(bytes, sizeof(bytes));
}

void FrameEncoder::process(const ProcessRecord& row) noexcept {
  state_->flush();
  state_->frame<schema::Process>(FrameKind::kProcess, words(row), [&](auto out) { fill(out, row); });
}

// A table that is one list of structs: frame(first row's number) per piece.
#define OPENCLAW_TABLE(KIND, ROOT, ROW, INIT, EXTRA)                                                               \
  [&](auto piece, std::size_t used) {                                                                              \
    auto n = static_cast<unsigned>(piece.size());                                                                  \
    s.frame<schema::ROOT>(FrameKind::KIND, used + (n > 0 ? 1 : 0), [&](schema::ROOT::Builder out) {                \
      EXTRA;                                                                                                       \
      if (n == 0) return;                                                                                          \
      auto list = out.INIT(n);                                                                                     \
      for (unsigned i = 0; i < n; ++i) fill(list[i], piece[i]);                                                    \
    });                                                                                                            \
  }

void FrameEncoder::modules(std::span<const ModuleRecord> rows) noexcept {
  State& s = *state_;
  s.split(rows, kRootMargin, false, listed<schema::Module>(), OPENCLAW_TABLE(kModules, Modules, Module, initModules, ));
}
void FrameEncoder::types(std::span<const TypeRecord> rows) noexcept {
  State& s = *state_;
  s.split(rows, kRootMargin, false, listed<schema::Type>(),
          OPENCLAW_TABLE(kTypes, Types, Type, initTypes, out.setFirst(s.nextType); s.nextType += n));
}
void FrameEncoder::sites(std::span<const SiteRecord> rows) noexcept {
  State& s = *state_;
  s.split(rows, kRootMargin, false, listed<schema::Site>(),
          OPENCLAW_TABLE(kSites, Sites, Site, initSites, out.setFirst(s.nextSite); s.nextSite += n));
}
void FrameEncoder::arenas(std::span<const ArenaRecord> rows) noexcept {
  State& s = *state_;
  s.split(rows, kRootMargin, false, listed<schema::Arena>(), OPENCLAW_TABLE(kArenas, Arenas, Arena, initArenas, ));
}
void FrameEncoder::threads(std::span<const ThreadRecord> rows) noexcept {
  State& s = *state_;
  s.split(rows, kRootMargin, false, listed<schema::Thread>(), OPENCLAW_TABLE(kThreads, Threads, Thread, initThreads, ));
}
void FrameEncoder::stacks(std::uint64_t meanInterval, std::span<const StackRecord> rows) noexcept {
  State& s = *state_;
  s.split(rows, kRootMargin, true, listed<schema::Stack>(),
          OPENCLAW_TABLE(kStacks, Stacks, Stack, initStacks, out.setFirst(s.nextStack); s.nextStack += n;
                         out.setMeanInterval(meanInterval)));
}
void FrameEncoder::pauses(std::uint64_t total, std::span<const PauseRecord> rows) noexcept {
  State& s = *state_;
  s.split(rows, kRootMargin, true, listed<schema::Pause>(),
          OPENCLAW_TABLE(kPauses, Pauses, Pause, initPauses, out.setTotal(total)));
}
void FrameEncoder::settings(std::span<const SettingRecord> rows,
                            std::span<const SettingChangeRecord> changes) noexcept {
  State& s = *state_;
  s.split(rows, kRootMargin, false, listed<schema::Setting>(),
          OPENCLAW_TABLE(kSettings, Settings, Setting, initSettings, ));
  s.split(changes, kRootMargin, false, listed<schema::SettingChange>(),
          OPENCLAW_TABLE(kSettings, Settings, SettingChange, initChanges, ));
}
void FrameEncoder::counters(std::span<const CounterRecord> rows) noexcept {
  State& s = *state_;
  s.split(rows, kRootMargin, false, listed<schema::Counter>(),
          OPENCLAW_TABLE(kCounters, Counters, Counter, initCounters, ));
}
void FrameEncoder::symbols(std::span<const SymbolRecord> rows, std::string_view symbolizer) noexcept {
  State& s = *state_;
  std::size_t nameWords = textWords(symbolizer);
  s.split(rows, kRootMargin + nameWords, false, listed<schema::Symbol>(), [&](auto piece, std::size_t used) {
    auto n = static_cast<unsigned>(piece.size());
    s.frame<schema::Symbols>(FrameKind::kSymbols, used + 1 + nameWords, [&](schema::Symbols::Builder out) {
      OPENCLAW_PUT_TEXT(out, Symbolizer, symbolizer);
      auto list = out.initSymbols(n);
      for (unsigned i = 0; i < n; ++i) fill(list[i], piece[i]);
    });
  });
}

void FrameEncoder::labels(std::span<const std::string_view> rows) noexcept {
  State& s = *state_;
  s.split(
      rows, kRootMargin, false, [](std::string_view row) { return 1 + textWords(row); },
      [&](std::span<const std::string_view> piece, std::size_t used) {
        auto n = static_cast<unsigned>(piece.size());
        s.frame<schema::Labels>(FrameKind::kLabels, used, [&](schema::Labels::Builder out) {
          out.setFirst(s.nextLabel);
          s.nextLabel += n;
          auto list = out.initLabels(n);
          for (unsigned i = 0; i < n; ++i) putText(piece[i], [&](unsigned size) { return list.init(i, size); });
        });
      });
}

void FrameEncoder::names(std::span<const NameRecord> rows, bool ids) noexcept {
  State& s = *state_;
  s.split(
      rows, kRootMargin, false, [](const NameRecord& row) { return 2 + textWords(row.text); },
      [&](std::span<const NameRecord> piece, std::size_t used) {
        const auto n = static_cast<unsigned>(piece.size());
        const bool texts = std::any_of(piece.begin(), piece.end(), [](const NameRecord& row) { return !row.text.empty(); });
        const std::size_t body = used - std::size_t{n} * (2u - ids - texts);
        s.frame<schema::Names>(FrameKind::kNames, body, [&](schema::Names::Builder out) {
          out.setFirst(s.nextName);
          s.nextName += n;
          if (ids) {
            auto list = out.initIds(n);
            for (unsigned i = 0; i < n; ++i) list.set(i, piece[i].id);
          }
          if (texts) {
            auto list = out.initTexts(n);
            for (unsigned i = 0; i < n; ++i) putText(piece[i].text, [&](unsigned size) { return list.init(i, size); });
          }
        });
      });
}

void FrameEncoder::floating(std::span<const FloatingRecord> rows) noexcept {
  State& s = *state_;
  s.split(
      rows, 0, false, [](const FloatingRecord&) { return std::size_t{0}; },
      [&](std::span<const FloatingRecord> piece, std::size_t) {
        auto n = static_cast<unsigned>(piece.size());
        HalfColumn column = s.types;  // borrowed: split() has flushed the objects
        for (unsigned i = 0; i < n; ++i) column.set(i, piece[i].type);
        std::size_t body = structWords<schema::Column>() + column.words(n) + 2 * std::size_t{n};
        s.frame<schema::Floating>(FrameKind::kFloating, body, [&](schema::Floating::Builder out) {
          fillColumn(out.initTypes(), column, n);
          auto objects = out.initObjects(n);
          auto bytes = out.initBytes(n);
          for (unsigned i = 0; i < n; ++i) objects.set(i, piece[i].objects), bytes.set(i, piece[i].bytes);
        });
      });
}

void FrameEncoder::requests(std::span<const RequestRecord> rows, std::uint64_t lost) noexcept {
  State& s = *state_;
  s.split(
      rows, 0, true, [](const RequestRecord&) { return std::size_t{4}; },
      [&](std::span<const RequestRecord> piece, std::size_t used) {
        auto n = static_cast<unsigned>(piece.size());
        s.frame<schema::Requests>(FrameKind::kRequests, used, [&](schema::Requests::Builder out) {
          out.setLost(lost);
          if (n == 0) return;
          auto low = out.initLow(n), high = out.initHigh(n), request = out.initRequest(n), time = out.initMonotonic(n);
          for (unsigned i = 0; i < n; ++i) {
            low.set(i, piece[i].low);
            high.set(i, piece[i].high);
            request.set(i, piece[i].request);
            time.set(i, piece[i].monotonic);
          }
        });
      });
}

void FrameEncoder::regions(std::span<const RegionRecord> rows) noexcept {
  State& s = *state_;
  s.flush();
  while (!rows.empty() && s.ok()) {
    auto piece = rows.first(std::min(rows.size(), kRegionsPerFrame));
    rows = rows.subspan(piece.size());
    auto n = static_cast<unsigned>(piece.size());
    bool lines = std::any_of(piece.begin(), piece.end(), [](const RegionRecord& row) {
      return (row.lineMap[0] | row.lineMap[1] | row.lineMap[2] | row.lineMap[3]) != 0;
    });
    std::size_t body = 10 * std::size_t{n} + 3 * dataWords(std::size_t{n} * 2) + 3 * dataWords(std::size_t{n} * 4) +
                       (lines ? dataWords(n * kLineMapBytes) : 0);
    s.frame<schema::Regions>(FrameKind::kRegions, body, [&](schema::Regions::Builder out) {
      out.setFirst(s.nextRegion);
      auto base = out.initBase(n), bytes = out.initBytes(n), firstObject = out.initFirstObject(n),
           objectBytes = out.initObjectBytes(n), floatingBytes = out.initFloatingBytes(n),
           holeBytes = out.initHoleBytes(n), unusable = out.initUnusableHoleBytes(n), largest = out.initLargestHole(n),
           tails = out.initTlabTailBytes(n), slack = out.initSlackBytes(n);
      auto arena = out.initArena(n);
      auto kind = out.initKind(n);
      auto state = out.initState(n);
      auto objectCount = out.initObjectCount(n), floatingCount = out.initFloatingCount(n),
           holeCount = out.initHoleCount(n);
      for (unsigned i = 0; i < n; ++i) {
        const RegionRecord& row = piece[i];
        base.set(i, row.base);
        bytes.set(i, row.bytes);
        arena.set(i, row.arena);
        kind.set(i, static_cast<schema::RegionKind>(row.kind));
        state.set(i, static_cast<schema::RegionState>(row.state));
        firstObject.set(i, row.firstObject);
        objectCount.set(i, row.objectCount);
        objectBytes.set(i, row.objectBytes);
        floatingBytes.set(i, row.floatingBytes);
        floatingCount.set(i, row.floatingCount);
        holeCount.set(i, row.holeCount);
        holeBytes.set(i, row.holeBytes);
        unusable.set(i, row.unusableHoleBytes);
        largest.set(i, row.largestHole);
        tails.set(i, row.tlabTailBytes);
        slack.set(i, row.slackBytes);
      }
      if (!lines) return;
      out.setLineBytes(kLineBytes);
      auto map = out.initLineMap(static_cast<unsigned>(n * kLineMapBytes));
      for (unsigned i = 0; i < n; ++i) std::memcpy(map.begin() + i * kLineMapBytes, piece[i].lineMap, kLineMapBytes);
    });
    s.nextRegion += n;
  }
}

namespace {
// The distinct labels of one roots frame, by the pointer they came with: sources use static texts.
class LabelTable {
 public:
  explicit LabelTable(LabelSlot* slots) noexcept : slots_(slots) {
    std::memset(static_cast<void*>(slots), 0, kLabelSlots * sizeof(LabelSlot));
  }
  // The label's number; `added` says whether it is new. Never called with more than kLabelsPerFrame distinct ones.
  std::uint32_t find(std::string_view label, bool& added) noexcept {
    std::size_t at = (reinterpret_cast<std::uintptr_t>(label.data()) * 0x9e37'79b9'7f4a'7c15ull) >> 40;
    for (;; ++at) {
      LabelSlot& slot = slots_[at % kLabelSlots];
      added = slot.data == nullptr;
      if (added) slot = {label.data(), static_cast<std::uint32_t>(label.size()), count_++};
      if (slot.data == label.data() && slot.size == label.size()) return slot.index;
    }
  }
  std::uint32_t count() const noexcept { return count_; }

 private:
  LabelSlot* slots_;
  std::uint32_t count_ = 0;
};
}  // namespace

void FrameEncoder::roots(std::span<const RootRecord> rows) noexcept {
  State& s = *state_;
  s.flush();
  while (!rows.empty() && s.ok()) {
    // First pass: how many rows and labels fit. Second pass, in the same order: the same label numbers.
    LabelTable table(s.labelSlots);
    std::size_t n = 0, labelWords = 0;
    bool conservative = false;
    for (; n < rows.size() && n < kRowsPerFrame && table.count() < kLabelsPerFrame; ++n) {
      bool added = false;
      std::size_t more = rows[n].label.empty() ? 0 : 1 + textWords(rows[n].label);
      if (kRootMargin + labelWords + more + (n + 1) * 5 > kMessageWords) break;
      if (!rows[n].label.empty()) table.find(rows[n].label, added);
      if (added) labelWords += more;
      conservative |= rows[n].conservative;
    }
    if (n == 0) return s.failWith(EncodeStatus::kRowTooLarge);
    auto piece = rows.first(n);
    rows = rows.subspan(n);
    auto size = static_cast<unsigned>(n);
    unsigned labelCount = table.count();
    std::size_t body = 2 * n + dataWords(n * 2) + 3 * dataWords(n * 4) + (conservative ? dataWords(n) : 0) + labelWords;
    s.frame<schema::Roots>(FrameKind::kRoots, body, [&](schema::Roots::Builder out) {
      auto object = out.initObject(size), slot = out.initSlot(size);
      auto kind = out.initKind(size);
      auto thread = out.initThread(size), site = out.initSite(size), label = out.initLabel(size);
      capnp::Data::Builder maybe = conservative ? out.initConservative(size) : capnp::Data::Builder();
      auto texts = labelCount > 0 ? out.initLabels(labelCount) : capnp::List<capnp::Text>::Builder();
      LabelTable again(s.labelSlots);
      for (unsigned i = 0; i < size; ++i) {
        const RootRecord& row = piece[i];
        object.set(i, row.object);
        kind.set(i, static_cast<schema::RootKind>(row.kind));
        thread.set(i, row.thread);
        slot.set(i, row.slot);
        site.set(i, row.site);
        if (conservative) maybe[i] = row.conservative ? 1 : 0;
        std::uint32_t number = kNoLabel;
        if (!row.label.empty()) {
          bool added = false;
          number = again.find(row.label, added);
          if (added) putText(row.label, [&](unsigned length) { return texts.init(number, length); });
        }
        label.set(i, number);
      }
    });
    s.roots += n;
  }
}

void FrameEncoder::end(EndRecord record) noexcept {
  State& s = *state_;
  if (s.slotsLeft != 0) s.failWith(EncodeStatus::kOutOfOrder);
  s.flush();
  record.frames = s.frames + 1;
  if (record.objects == 0) record.objects = s.objects;
  if (record.references == 0) record.references = s.references;
  if (record.roots == 0) record.roots = s.roots;
  if (record.regions == 0) record.regions = s.nextRegion;
  s.frame<schema::End>(FrameKind::kEnd, words(record), [&](schema::End::Builder out) { fill(out, record); });
}

void FrameEncoder::taken(const TakenRecord& row) noexcept {
  state_->frame<schema::Taken>(FrameKind::kTaken, words(row), [&](schema::Taken::Builder out) { fill(out, row); });
}

void FrameEncoder::continueAt(std::uint32_t sequence) noexcept { state_->sequence = sequence; }

EncodeStatus FrameEncoder::status() const noexcept { return state_->status; }
int FrameEncoder::sinkError() const noexcept { return state_->sinkError; }
std::uint64_t FrameEncoder::bytesWritten() const noexcept { return state_->bytesWritten; }
std::uint64_t FrameEncoder::objectsWritten() const noexcept { return state_->objects; }

const char* toText(EncodeStatus status) {
  switch (status) {
    case EncodeStatus::kOk: return "ok";
    case EncodeStatus::kSinkFailed: return "the output refused bytes";
    case EncodeStatus::kRowTooLarge: return "a row does not fit a frame";
    case EncodeStatus::kOutOfOrder: return "objects out of order, or slots that do not match their count";
    case EncodeStatus::kMiscounted: return "a message did not take the room computed for it (a bug in the encoder)";
    case EncodeStatus::kCompressorFailed: return "the compressor failed, or the workspace is too small";
  }
  return "unknown status";
}

}  // namespace openclaw
