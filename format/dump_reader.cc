#include "format/dump_reader.h"

#include <capnp/any.h>
#include <capnp/serialize.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>

#include "format/check.h"
#include "format/frame_scan.h"
#include "format/heap.capnp.h"

namespace openclaw {

using namespace internal;

bool ReadReport::complete() const {
  return endSeen && !headerDamaged && damagedFrames == 0 && conflictingFrames == 0 && missingFrames == 0 &&
         bytesRead == fileBytes;
}
void ReadReport::fault(std::string_view name, std::uint64_t offset, std::optional<std::uint32_t> sequence, std::string detail) {
  for (FileFault& known : faults)
    if (known.name == name) {
      ++known.times;
      if (offset < known.offset) known.offset = offset, known.sequence = sequence, known.detail = std::move(detail);
      return;
    }
  faults.push_back({name, std::move(detail), offset, sequence, 1});
}

std::span<const FileInvariant> fileInvariants() {
  static constexpr FileInvariant kAll[] = {
      {"file-header", "The file header has its checksum.", true},
      {"file-end", "An end frame says that the dumped process finished writing.", true},
      {"file-index", "A trailer and the index it names list every frame where it stands.", false},
      {"frame-header", "Frames follow each other without bytes between them that belong to none.", true},
      {"frame-cut", "Every frame has all the bytes that its header announces.", true},
      {"frame-checksum", "The stored bytes of every frame have its checksum.", true},
      {"frame-message", "Every frame holds a message whose columns agree with each other.", true},
      {"frame-sequence", "No sequence number below the highest one is missing.", true},
      {"frame-duplicate", "No frame stands in the file twice.", false},
      {"frame-conflict", "No two frames with different bytes have the same sequence number.", true},
  };
  return kAll;
}

double ReadReport::fractionRead() const {
  return fileBytes == 0 ? 0 : static_cast<double>(bytesRead) / static_cast<double>(fileBytes);
}

// --- one frame ------------------------------------------------------------------------------------------------------

struct DecodedFrame::State {
  FoundFrame info;
  std::shared_ptr<const ByteSource> source;
  kj::Array<capnp::word> words;
  std::unique_ptr<capnp::FlatArrayMessageReader> reader;

  template <class Root>
  typename Root::Reader root(FrameKind kind) const {
    OPENCLAW_CHECK(info.kind == kind, info.kind, kind);
    return reader->template getRoot<Root>();
  }
  void open(std::uint64_t traversalLimit) {
    capnp::ReaderOptions options;
    options.traversalLimitInWords = traversalLimit;
    options.nestingLimit = 16;
    reader = std::make_unique<capnp::FlatArrayMessageReader>(words, options);
  }
};

namespace {

std::string_view view(capnp::Text::Reader text) { return {text.begin(), text.size()}; }
std::span<const std::uint8_t> view(capnp::Data::Reader data) { return {data.begin(), data.size()}; }

// An enumerant of a newer version becomes the given one of ours.
template <class Ours, class Theirs>
Ours known(Theirs value, Ours last, Ours otherwise) {
  auto number = static_cast<std::uint16_t>(value);
  return number <= static_cast<std::uint16_t>(last) ? static_cast<Ours>(number) : otherwise;
}
Strength strengthOf(schema::Strength value) { return known(value, Strength::kConservative, Strength::kStrong); }

struct LengthMismatch {
  const char* column;
};
// Thrown inside this file only, and caught in DumpReader::decode and the two column readers.
void requireSize(std::size_t size, std::size_t expected, const char* column) {
  if (size != expected) throw LengthMismatch{column};
}

// Walks over one kind of frame. Each reads every field exactly once, so that decode() can run it under a traversal
// limit of the message's own size: what passed there cannot throw for a visitor later.

template <class Visit>
void walk(schema::Process::Reader in, Visit visit) {
  ProcessRecord row;
  row.pid = in.getPid();
  row.executable = view(in.getExecutable());
  std::vector<std::string_view> arguments;
  for (auto argument : in.getCommandLine()) arguments.push_back(view(argument));
  row.commandLine = arguments;
  row.host = view(in.getHost());
  row.kernel = view(in.getKernel());
  row.startedUnix = in.getStartedUnix();
  row.dumpedUnix = in.getDumpedUnix();
  row.dumpedMonotonic = in.getDumpedMonotonic();
  row.dumpId = view(in.getDumpId());
  row.previousDumpId = view(in.getPreviousDumpId());
  row.dumpNumber = in.getDumpNumber();
  row.consistency = known(in.getConsistency(), Consistency::kOffline, Consistency::kOffline);
  row.source = view(in.getSource());
  row.generator = view(in.getGenerator());
  row.requested = view(in.getRequested());
  row.convertedFrom = view(in.getConvertedFrom());
  row.policy = view(in.getPolicy());
  row.pageSize = in.getPageSize();
  row.granule = in.getGranule();
  visit(row);
}

template <class Visit>
void walk(schema::Modules::Reader in, Visit visit) {
  for (auto module : in.getModules())
    visit(ModuleRecord{view(module.getPath()), view(module.getBuildId()), module.getBase(), module.getLow(),
                       module.getHigh()});
}

void readFields(capnp::List<schema::Field>::Reader in, std::vector<FieldRecord>& out) {
  out.clear();
  for (auto field : in)
    out.push_back({view(field.getName()), field.getOffset(), strengthOf(field.getStrength()), view(field.getTargetType())});
}

template <class Visit>
void walk(schema::Types::Reader in, Visit visit) {
  std::vector<FieldRecord> fields, elementFields;
  std::uint32_t number = in.getFirst();
  for (auto type : in.getTypes()) {
    TypeRecord row;
    row.name = view(type.getName());
    row.size = type.getSize();
    readFields(type.getFields(), fields);
    row.fields = fields;
    row.elementSize = type.getElementSize();
    row.elementOffset = type.getElementOffset();
    readFields(type.getElementFields(), elementFields);
    row.elementFields = elementFields;
    row.hasDestructor = type.getHasDestructor();
    row.pointerFree = type.getPointerFree();
    row.isText = type.getIsText();
    row.externalOffset = type.getExternalOffset();
    row.module = view(type.getModule());
    visit(TypeIndex(number++), row);
  }
}

template <class Visit>
void walk(schema::Sites::Reader in, Visit visit) {
  std::uint32_t number = in.getFirst();
  for (auto site : in.getSites())
    visit(SiteIndex(number++),
          SiteRecord{view(site.getFile()), site.getLine(), site.getColumn(), view(site.getFunction()),
                     site.getAllocatedObjects(), site.getAllocatedBytes(),
                     known(site.getCountsCertainty(), Certainty::kConservative, Certainty::kLowerBound)});
}

template <class Visit>
void walk(schema::Arenas::Reader in, Visit visit) {
  for (auto arena : in.getArenas()) {
    ArenaRecord row;
    row.name = view(arena.getName());
    row.softLimit = arena.getSoftLimit();
    row.committed = arena.getCommitted();
    row.overflow = arena.getOverflow();
    row.objectBytes = arena.getObjectBytes();
    row.objectCount = arena.getObjectCount();
    row.floatingBytes = arena.getFloatingBytes();
    row.holeBytes = arena.getHoleBytes();
    row.emptyBlockBytes = arena.getEmptyBlockBytes();
    row.tlabTailBytes = arena.getTlabTailBytes();
    row.largeSlackBytes = arena.getLargeSlackBytes();
    row.metadataBytes = arena.getMetadataBytes();
    row.unusableHoleBytes = arena.getUnusableHoleBytes();
    row.blocks = arena.getBlocks();
    row.chunks = arena.getChunks();
    visit(row);
  }
}

template <class Visit>
void walk(schema::Regions::Reader in, Visit visit) {
  auto base = in.getBase(), bytes = in.getBytes(), firstObject = in.getFirstObject(), objectBytes = in.getObjectBytes(),
       floatingBytes = in.getFloatingBytes(), holeBytes = in.getHoleBytes(), unusable = in.getUnusableHoleBytes(),
       largest = in.getLargestHole(), tails = in.getTlabTailBytes(), slack = in.getSlackBytes();
  auto arena = in.getArena();
  auto kind = in.getKind();
  auto state = in.getState();
  auto objectCount = in.getObjectCount(), floatingCount = in.getFloatingCount(), holeCount = in.getHoleCount();
  std::uint32_t n = base.size();
  for (std::uint32_t size : {bytes.size(), firstObject.size(), objectBytes.size(), floatingBytes.size(), holeBytes.size(),
                             unusable.size(), largest.size(), tails.size(), slack.size(), arena.size(), kind.size(),
                             state.size(), objectCount.size(), floatingCount.size(), holeCount.size()})
    requireSize(size, n, "region");
  // Maps of another line size than ours are shown as none.
  auto map = view(in.getLineMap());
  constexpr std::size_t kMapBytes = sizeof(RegionRecord::lineMap);
  bool lines = in.getLineBytes() == (64u << 10) / (8 * kMapBytes);
  if (lines) requireSize(map.size(), std::size_t{n} * kMapBytes, "line map");
  std::uint32_t first = in.getFirst();
  for (std::uint32_t i = 0; i < n; ++i) {
    RegionRecord row;
    row.base = base[i];
    row.bytes = bytes[i];
    row.arena = arena[i];
    row.kind = known(kind[i], RegionKind::kOther, RegionKind::kOther);
    row.state = known(state[i], RegionState::kWithheld, RegionState::kFull);
    row.firstObject = firstObject[i];
    row.objectCount = objectCount[i];
    row.objectBytes = objectBytes[i];
    row.floatingBytes = floatingBytes[i];
    row.floatingCount = floatingCount[i];
    row.holeCount = holeCount[i];
    row.holeBytes = holeBytes[i];
    row.unusableHoleBytes = unusable[i];
    row.largestHole = largest[i];
    row.tlabTailBytes = tails[i];
    row.slackBytes = slack[i];
    if (lines) std::memcpy(row.lineMap, map.data() + i * kMapBytes, kMapBytes);
    visit(RegionIndex(first + i), row);
  }
}

// One 32-bit column of `rows` rows, or of as many as it has when `rows` is not given.
constexpr std::size_t kAnyRows = SIZE_MAX;
void readColumn(schema::Column::Reader in, std::size_t rows, const char* name, std::vector<std::uint32_t>& out) {
  capnp::AnyList::Reader low(in.getLow()), high(in.getHigh());
  if (rows == kAnyRows) rows = low.size();
  requireSize(low.size(), rows, name);
  if (high.size() != 0) requireSize(high.size(), rows, name);
  out.resize(rows);
  if (rows == 0) return;
  // A list of structs may stand in for a list of numbers in Cap'n Proto; here it may not, so that columns are arrays.
  if (low.getElementSize() != capnp::ElementSize::TWO_BYTES) throw LengthMismatch{name};
  auto* lows = reinterpret_cast<const std::uint16_t*>(low.getRawBytes().begin());
  if (high.size() == 0) {
    for (std::size_t i = 0; i < rows; ++i) out[i] = lows[i];
    return;
  }
  if (high.getElementSize() != capnp::ElementSize::TWO_BYTES) throw LengthMismatch{name};
  auto* highs = reinterpret_cast<const std::uint16_t*>(high.getRawBytes().begin());
  for (std::size_t i = 0; i < rows; ++i) out[i] = lows[i] | (std::uint32_t{highs[i]} << 16);
}

template <class Visit>
void walk(schema::Floating::Reader in, Visit visit) {
  std::vector<std::uint32_t> types;
  readColumn(in.getTypes(), kAnyRows, "types", types);
  auto objects = in.getObjects(), bytes = in.getBytes();
  requireSize(objects.size(), types.size(), "objects");
  requireSize(bytes.size(), types.size(), "bytes");
  for (std::uint32_t i = 0; i < types.size(); ++i) visit(FloatingRecord{types[i], objects[i], bytes[i]});
}

template <class Visit>
void walk(schema::Roots::Reader in, Visit visit) {
  auto object = in.getObject(), slot = in.getSlot();
  auto kind = in.getKind();
  auto conservative = view(in.getConservative());
  auto thread = in.getThread(), site = in.getSite(), label = in.getLabel();
  std::vector<std::string_view> labels;
  for (auto text : in.getLabels()) labels.push_back(view(text));
  std::uint32_t n = object.size();
  for (std::uint32_t size : {slot.size(), kind.size(), thread.size(), site.size(), label.size()})
    requireSize(size, n, "root");
  if (!conservative.empty()) requireSize(conservative.size(), n, "conservative");
  for (std::uint32_t i = 0; i < n; ++i) {
    RootRecord row;
    row.object = object[i];
    row.kind = known(kind[i], RootKind::kOther, RootKind::kOther);
    row.conservative = !conservative.empty() && conservative[i] != 0;
    row.thread = thread[i];
    row.slot = slot[i];
    row.site = site[i];
    if (label[i] != kNoLabel) {
      if (label[i] >= labels.size()) throw LengthMismatch{"label"};
      row.label = labels[label[i]];
    }
    visit(row);
  }
}

template <class Visit>
void walk(schema::Threads::Reader in, Visit visit) {
  for (auto thread : in.getThreads())
    visit(ThreadRecord{thread.getTid(), view(thread.getName()), view(thread.getState()), thread.getStackLow(),
                       thread.getStackHigh()});
}

template <class Visit>
void walk(schema::Stacks::Reader in, Visit visit) {
  std::vector<std::uint64_t> pcs;
  std::uint32_t number = in.getFirst();
  for (auto stack : in.getStacks()) {
    pcs.clear();
    for (std::uint64_t pc : stack.getPcs()) pcs.push_back(pc);
    visit(StackIndex(number++),
          StackRecord{pcs, stack.getSite(), stack.getAllocatedObjects(), stack.getAllocatedBytes(),
                      stack.getFreedObjects(), stack.getFreedBytes(), stack.getSamples(), stack.getTruncated()});
  }
}

template <class Visit>
void walk(schema::Pauses::Reader in, Visit visit) {
  std::vector<PhaseRecord> phases;
  for (auto pause : in.getPauses()) {
    PauseRecord row;
    row.number = pause.getNumber();
    row.kind = view(pause.getKind());
    row.cause = view(pause.getCause());
    row.startMonotonic = pause.getStartMonotonic();
    row.duration = pause.getDuration();
    phases.clear();
    for (auto phase : pause.getPhases()) phases.push_back({view(phase.getName()), phase.getDuration()});
    row.phases = phases;
    row.predicted = pause.getPredicted();
    row.threads = pause.getThreads();
    row.signalled = pause.getSignalled();
    row.slowestThread = pause.getSlowestThread();
    row.objectsMarked = pause.getObjectsMarked();
    row.bytesMarked = pause.getBytesMarked();
    row.rootsScanned = pause.getRootsScanned();
    row.stackWords = pause.getStackWords();
    row.committedBefore = pause.getCommittedBefore();
    row.allocatedSinceLast = pause.getAllocatedSinceLast();
    row.minorFaults = pause.getMinorFaults();
    row.majorFaults = pause.getMajorFaults();
    row.preemptions = pause.getPreemptions();
    row.runDelay = pause.getRunDelay();
    row.throttled = pause.getThrottled();
    visit(row);
  }
}

template <class Visit, class VisitChange>
void walk(schema::Settings::Reader in, Visit visit, VisitChange visitChange) {
  for (auto setting : in.getSettings())
    visit(SettingRecord{view(setting.getName()), view(setting.getValue()), view(setting.getDefaultValue()),
                        view(setting.getOrigin())});
  for (auto change : in.getChanges())
    visitChange(SettingChangeRecord{change.getUnix(), view(change.getName()), view(change.getBefore()),
                                    view(change.getAfter()), view(change.getBy())});
}

template <class Visit>
void walk(schema::Counters::Reader in, Visit visit) {
  for (auto counter : in.getCounters()) visit(CounterRecord{view(counter.getName()), counter.getValue()});
}

template <class Visit>
void walk(schema::Requests::Reader in, Visit visit) {
  auto low = in.getLow(), high = in.getHigh(), request = in.getRequest(), monotonic = in.getMonotonic();
  for (std::uint32_t size : {high.size(), request.size(), monotonic.size()}) requireSize(size, low.size(), "request");
  for (std::uint32_t i = 0; i < low.size(); ++i) visit(RequestRecord{low[i], high[i], request[i], monotonic[i]});
}

template <class Visit>
void walk(schema::Names::Reader in, Visit visit) {
  const auto ids = in.getIds();
  const auto texts = in.getTexts();
  std::uint64_t object = in.getFirst();
  if (ids.size() != 0 && texts.size() != 0) requireSize(texts.size(), ids.size(), "texts of names");
  const unsigned rows = std::max(ids.size(), texts.size());
  for (unsigned i = 0; i < rows; ++i, ++object)
    visit(object, ids.size() == 0 ? std::nullopt : std::optional<std::uint64_t>(ids[i]),
          texts.size() == 0 ? std::string_view() : view(texts[i]));
}
template <class Visit>
void walk(schema::Labels::Reader in, Visit visit) {
  std::uint32_t number = in.getFirst();
  for (auto label : in.getLabels()) visit(number++, view(label));
}

template <class Visit>
void walk(schema::Symbols::Reader in, Visit visit) {
  std::vector<CodeFrameRecord> frames;
  for (auto symbol : in.getSymbols()) {
    frames.clear();
    for (auto frame : symbol.getFrames())
      frames.push_back({view(frame.getFunction()), view(frame.getFile()), frame.getLine(), frame.getInlined()});
    visit(SymbolRecord{symbol.getPc(), frames, symbol.getModule()});
  }
}

template <class Visit>
void walk(schema::End::Reader in, Visit visit) {
  std::vector<LossRecord> losses;
  for (auto loss : in.getLosses()) losses.push_back({view(loss.getName()), loss.getCount()});
  visit(EndRecord{in.getFrames(), in.getObjects(), in.getReferences(), in.getRoots(), in.getRegions(),
                  in.getStopNanoseconds(), in.getWalkNanoseconds(), losses});
}

template <class Visit>
void walk(schema::Taken::Reader in, Visit visit) {
  visit(TakenRecord{in.getStopNanoseconds(), in.getTotalNanoseconds(), view(in.getNote())});
}

void walk(schema::FileIndex::Reader in) {
  for (auto entry : in.getEntries()) (void)entry.getOffset();
}

// Reads everything that a forEach of this kind will read. Objects and references check themselves when asked for.
void readAll(FrameKind kind, capnp::FlatArrayMessageReader& reader) {
  auto ignore = [](const auto&...) {};
  switch (kind) {
    case FrameKind::kProcess: return walk(reader.getRoot<schema::Process>(), ignore);
    case FrameKind::kModules: return walk(reader.getRoot<schema::Modules>(), ignore);
    case FrameKind::kTypes: return walk(reader.getRoot<schema::Types>(), ignore);
    case FrameKind::kSites: return walk(reader.getRoot<schema::Sites>(), ignore);
    case FrameKind::kArenas: return walk(reader.getRoot<schema::Arenas>(), ignore);
    case FrameKind::kRegions: return walk(reader.getRoot<schema::Regions>(), ignore);
    case FrameKind::kRoots: return walk(reader.getRoot<schema::Roots>(), ignore);
    case FrameKind::kThreads: return walk(reader.getRoot<schema::Threads>(), ignore);
    case FrameKind::kStacks: return walk(reader.getRoot<schema::Stacks>(), ignore);
    case FrameKind::kPauses: return walk(reader.getRoot<schema::Pauses>(), ignore);
    case FrameKind::kSettings: return walk(reader.getRoot<schema::Settings>(), ignore, ignore);
    case FrameKind::kCounters: return walk(reader.getRoot<schema::Counters>(), ignore);
    case FrameKind::kRequests: return walk(reader.getRoot<schema::Requests>(), ignore);
    case FrameKind::kFloating: return walk(reader.getRoot<schema::Floating>(), ignore);
    case FrameKind::kLabels: return walk(reader.getRoot<schema::Labels>(), ignore);
    case FrameKind::kNames: return walk(reader.getRoot<schema::Names>(), ignore);
    case FrameKind::kSymbols: return walk(reader.getRoot<schema::Symbols>(), ignore);
    case FrameKind::kIndex: return walk(reader.getRoot<schema::FileIndex>());
    case FrameKind::kEnd: return walk(reader.getRoot<schema::End>(), ignore);
    case FrameKind::kTaken: return walk(reader.getRoot<schema::Taken>(), ignore);
    case FrameKind::kObjects: (void)reader.getRoot<schema::Objects>(); return;
    case FrameKind::kReferences: (void)reader.getRoot<schema::References>(); return;
  }
}

// Runs `read`; what Cap'n Proto or a length check objects to becomes kDamaged.
template <class Read>
auto guarded(const ByteSource& source, const FrameInfo& frame, Read read) -> decltype(read()) {
  try {
    return read();
  } catch (const kj::Exception& problem) {
    return damagedFrame(source, frame, fmt::format("no valid message: {}", problem.getDescription().cStr()));
  } catch (const LengthMismatch& problem) {
    return damagedFrame(source, frame, fmt::format("its {} column disagrees with the others", problem.column));
  }
}

constexpr std::uint64_t kNoLimit = ~std::uint64_t{0} >> 1;

}  // namespace

DecodedFrame::DecodedFrame() : state_(std::make_unique<State>()) {}
DecodedFrame::DecodedFrame(DecodedFrame&&) noexcept = default;
DecodedFrame& DecodedFrame::operator=(DecodedFrame&&) noexcept = default;
DecodedFrame::~DecodedFrame() = default;
const FrameInfo& DecodedFrame::info() const { return state_->info; }

void DecodedFrame::process(const Visitor<ProcessRecord>& visit) const {
  walk(state_->root<schema::Process>(FrameKind::kProcess), std::cref(visit));
}
void DecodedFrame::forEachModule(const Visitor<ModuleRecord>& visit) const {
  walk(state_->root<schema::Modules>(FrameKind::kModules), std::cref(visit));
}
void DecodedFrame::forEachType(const IndexedVisitor<TypeIndex, TypeRecord>& visit) const {
  walk(state_->root<schema::Types>(FrameKind::kTypes), std::cref(visit));
}
void DecodedFrame::forEachSite(const IndexedVisitor<SiteIndex, SiteRecord>& visit) const {
  walk(state_->root<schema::Sites>(FrameKind::kSites), std::cref(visit));
}
void DecodedFrame::forEachArena(const Visitor<ArenaRecord>& visit) const {
  walk(state_->root<schema::Arenas>(FrameKind::kArenas), std::cref(visit));
}
void DecodedFrame::forEachRegion(const IndexedVisitor<RegionIndex, RegionRecord>& visit) const {
  walk(state_->root<schema::Regions>(FrameKind::kRegions), std::cref(visit));
}
void DecodedFrame::forEachFloating(const Visitor<FloatingRecord>& visit) const {
  walk(state_->root<schema::Floating>(FrameKind::kFloating), std::cref(visit));
}
void DecodedFrame::forEachRoot(const Visitor<RootRecord>& visit) const {
  walk(state_->root<schema::Roots>(FrameKind::kRoots), std::cref(visit));
}
void DecodedFrame::forEachThread(const Visitor<ThreadRecord>& visit) const {
  walk(state_->root<schema::Threads>(FrameKind::kThreads), std::cref(visit));
}
std::uint64_t DecodedFrame::stackMeanInterval() const {
  return state_->root<schema::Stacks>(FrameKind::kStacks).getMeanInterval();
}
void DecodedFrame::forEachStack(const IndexedVisitor<StackIndex, StackRecord>& visit) const {
  walk(state_->root<schema::Stacks>(FrameKind::kStacks), std::cref(visit));
}
std::uint64_t DecodedFrame::pausesTotal() const {
  return state_->root<schema::Pauses>(FrameKind::kPauses).getTotal();
}
void DecodedFrame::forEachPause(const Visitor<PauseRecord>& visit) const {
  walk(state_->root<schema::Pauses>(FrameKind::kPauses), std::cref(visit));
}
void DecodedFrame::forEachSetting(const Visitor<SettingRecord>& visit) const {
  walk(state_->root<schema::Settings>(FrameKind::kSettings), std::cref(visit), [](const auto&) {});
}
void DecodedFrame::forEachSettingChange(const Visitor<SettingChangeRecord>& visit) const {
  walk(state_->root<schema::Settings>(FrameKind::kSettings), [](const auto&) {}, std::cref(visit));
}
void DecodedFrame::forEachCounter(const Visitor<CounterRecord>& visit) const {
  walk(state_->root<schema::Counters>(FrameKind::kCounters), std::cref(visit));
}
std::uint64_t DecodedFrame::requestsLost() const {
  return state_->root<schema::Requests>(FrameKind::kRequests).getLost();
}
void DecodedFrame::forEachRequest(const Visitor<RequestRecord>& visit) const {
  walk(state_->root<schema::Requests>(FrameKind::kRequests), std::cref(visit));
}
void DecodedFrame::forEachLabel(const std::function<void(std::uint32_t, std::string_view)>& visit) const {
  walk(state_->root<schema::Labels>(FrameKind::kLabels), std::cref(visit));
}
void DecodedFrame::forEachName(
    const std::function<void(std::uint64_t, std::optional<std::uint64_t>, std::string_view)>& visit) const {
  walk(state_->root<schema::Names>(FrameKind::kNames), std::cref(visit));
}
void DecodedFrame::forEachSymbol(const Visitor<SymbolRecord>& visit) const {
  walk(state_->root<schema::Symbols>(FrameKind::kSymbols), std::cref(visit));
}
void DecodedFrame::end(const Visitor<EndRecord>& visit) const {
  walk(state_->root<schema::End>(FrameKind::kEnd), std::cref(visit));
}

void DecodedFrame::taken(const Visitor<TakenRecord>& visit) const {
  walk(state_->root<schema::Taken>(FrameKind::kTaken), std::cref(visit));
}

Result<ObjectColumns> DecodedFrame::objects() const {
  const ByteSource& source = *state_->source;
  return guarded(source, state_->info, [&]() -> Result<ObjectColumns> {
    auto damaged = [&](const char* what) { return damagedFrame(source, state_->info, what); };
    auto in = state_->root<schema::Objects>(FrameKind::kObjects);
    constexpr std::size_t kMostRows = 64 * 1024;
    std::size_t n = in.getCount();
    if (n == 0 || n > kMostRows) return damaged("no such number of objects fits a frame");
    ObjectColumns out;
    out.firstIndex = in.getFirstIndex();
    if (out.firstIndex > (std::uint64_t{1} << 62)) return damaged("its first object index is out of range");
    std::vector<std::uint32_t> gaps, sizes;
    readColumn(in.getGaps(), n, "gaps", gaps);
    readColumn(in.getSizes(), n, "sizes", sizes);
    readColumn(in.getTypes(), n, "types", out.type);
    readColumn(in.getSites(), n, "sites", out.site);
    readColumn(in.getReferenceCounts(), n, "reference counts", out.referenceCount);
    auto bytes = [&](capnp::Data::Reader data, const char* name, std::vector<std::uint8_t>& column) {
      if (data.size() != 0) requireSize(data.size(), n, name);
      column.assign(n, 0);
      if (data.size() != 0) std::memcpy(column.data(), data.begin(), n);
    };
    bytes(in.getAges(), "ages", out.age);
    bytes(in.getFlags(), "flags", out.flags);
    for (auto sparse : in.getExternal()) {
      if (sparse.getRow() >= n || (!out.external.empty() && sparse.getRow() <= out.external.back().first))
        return damaged("its external bytes are out of order");
      out.external.emplace_back(sparse.getRow(), sparse.getValue());
    }
    for (auto sparse : in.getBounds()) {
      if (sparse.getRow() >= n || (!out.bounds.empty() && sparse.getRow() <= out.bounds.back().first))
        return damaged("its bounds are out of order");
      out.bounds.emplace_back(sparse.getRow(), sparse.getValue());
    }
    out.size.assign(sizes.begin(), sizes.end());
    for (auto sparse : in.getHugeSizes()) {
      if (sparse.getRow() >= n || sizes[sparse.getRow()] != 0xffff'ffffu) return damaged("a huge size has no row");
      sizes[sparse.getRow()] = 0;  // a second one for the same row is refused, too
      out.size[sparse.getRow()] = sparse.getValue();
    }
    out.address.resize(n);
    std::uint64_t at = in.getFirstAddress();
    for (std::size_t i = 0; i < n; ++i) {
      if (sizes[i] == 0xffff'ffffu) return damaged("a huge size is missing");
      std::uint64_t address = at;
      if (i > 0 && (__builtin_add_overflow(at, gaps[i], &address) || address <= out.address[i - 1]))
        return damaged("its addresses do not ascend");
      out.address[i] = address;
      if (__builtin_add_overflow(address, out.size[i], &at)) return damaged("its addresses run past 64 bits");
    }
    if (at != in.getEndAddress()) return damaged("its addresses do not end where it says");
    return out;
  });
}

Result<ReferenceColumns> DecodedFrame::references() const {
  const ByteSource& source = *state_->source;
  return guarded(source, state_->info, [&]() -> Result<ReferenceColumns> {
    auto in = state_->root<schema::References>(FrameKind::kReferences);
    ReferenceColumns out;
    out.firstObject = in.getFirstObject();
    out.skippedSlots = in.getSkippedSlots();
    auto undo = [](std::uint64_t value) {
      if (value == 0) return ReferenceColumns::kNull;
      --value;
      return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
    };
    if (auto wide = in.getWide(); wide.size() > 0) {
      out.delta.reserve(wide.size());
      for (std::uint64_t value : wide) out.delta.push_back(undo(value));
    } else {
      std::vector<std::uint32_t> values;
      readColumn(in.getValues(), kAnyRows, "values", values);
      out.delta.resize(values.size());
      for (std::size_t i = 0; i < values.size(); ++i) out.delta[i] = undo(values[i]);
    }
    std::size_t n = out.delta.size();
    readColumn(in.getLabels(), kAnyRows, "labels", out.label);
    if (!out.label.empty()) requireSize(out.label.size(), n, "labels");
    auto strengths = view(in.getStrengths());
    if (!strengths.empty()) requireSize(strengths.size(), n, "strengths");
    out.strength.assign(strengths.begin(), strengths.end());
    for (std::uint8_t& strength : out.strength)
      if (strength > static_cast<std::uint8_t>(Strength::kConservative)) strength = static_cast<std::uint8_t>(Strength::kStrong);
    return out;
  });
}

// --- the file -------------------------------------------------------------------------------------------------------

struct DumpReader::State {
  std::shared_ptr<const ByteSource> source;
  Scan scan;
  std::vector<FrameInfo> infos;  // of scan.frames, one to one

  const FoundFrame& frame(const FrameInfo& info) const {
    const auto at = std::lower_bound(scan.frames.begin(), scan.frames.end(), info.sequence,
                                     [](const FoundFrame& f, std::uint32_t sequence) { return f.sequence < sequence; });
    OPENCLAW_CHECK(at != scan.frames.end() && at->offset == info.offset, info.sequence, info.offset);
    return *at;
  }
};

DumpReader::DumpReader() : state_(std::make_unique<State>()) {}
DumpReader::DumpReader(DumpReader&&) noexcept = default;
DumpReader& DumpReader::operator=(DumpReader&&) noexcept = default;
DumpReader::~DumpReader() = default;
const FileHeader& DumpReader::header() const { return state_->scan.header; }
std::span<const FrameInfo> DumpReader::frames() const { return state_->infos; }
const ReadReport& DumpReader::report() const { return state_->scan.report; }

Result<DumpReader> DumpReader::open(const std::string& path) {
  auto problem = [&](const char* what) {
    return fail(ErrorCode::kIo, fmt::format("{}: {}", what, std::strerror(errno)), {path, 0, 0, false, false});
  };
  int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (descriptor < 0) return problem("cannot be opened");
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) {
    auto error = problem("cannot be examined");
    ::close(descriptor);
    return error;
  }
  if (!S_ISREG(status.st_mode)) {
    ::close(descriptor);
    return fail(ErrorCode::kIo, S_ISDIR(status.st_mode) ? "this is a folder, not a dump" : "this is no regular file; copy the dump to one",
                {path, 0, 0, false, false});
  }
  DumpReader reader;
  reader.state_->source =
      std::make_shared<ByteSource>(descriptor, true, static_cast<std::uint64_t>(status.st_size), path);
  OPENCLAW_TRY(reader.state_->scan, scanFile(*reader.state_->source));
  auto& frames = reader.state_->scan.frames;
  reader.state_->infos.assign(frames.begin(), frames.end());
  return reader;
}

Result<DumpReader> DumpReader::fromMemory(std::span<const std::byte> bytes, std::string name) {
  DumpReader reader;
  reader.state_->source = std::make_shared<ByteSource>(bytes, std::move(name));
  OPENCLAW_TRY(reader.state_->scan, scanFile(*reader.state_->source));
  auto& frames = reader.state_->scan.frames;
  reader.state_->infos.assign(frames.begin(), frames.end());
  return reader;
}

std::string_view DumpReader::invariantBrokenBy(const FrameInfo& info) const {
  return hasItsChecksum(*state_->source, state_->frame(info)) ? "frame-message" : "frame-checksum";
}

Result<DecodedFrame> DumpReader::decode(const FrameInfo& info) const {
  const ByteSource& source = *state_->source;
  const FoundFrame* frame = &state_->frame(info);
  if (!frame->known)
    return fail(ErrorCode::kUnsupported, fmt::format("frame kind {} is of a newer version", static_cast<unsigned>(frame->kind)),
                {source.name(), frame->offset, frame->sequence, true, true});
  DecodedFrame decoded;
  DecodedFrame::State& state = *decoded.state_;
  state.info = *frame;
  state.source = state_->source;
  OPENCLAW_TRY(state.words, readMessage(source, *frame));
  auto valid = guarded(source, *frame, [&]() -> Result<void> {
    state.open(state.words.size() + 64);
    readAll(frame->kind, *state.reader);
    // What was read once can be read again, any number of times. Columns bound themselves by their lengths.
    state.open(kNoLimit);
    return {};
  });
  if (!valid) return std::unexpected(std::move(valid).error());
  return decoded;
}

}  // namespace openclaw
