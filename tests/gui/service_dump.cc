#include "tests/gui/service_dump.h"

#include <algorithm>
#include <array>
#include <deque>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "format/check.h"
#include "format/dump_writer.h"
#include "format/records.h"

namespace openclaw::test {
namespace {

constexpr std::uint64_t kBase = 0x7f31'c200'0000, kBlock = 64 * 1024, kHeader = 8;

enum Type : std::uint32_t {
  kSessionTable, kSession, kString, kMessageArray, kMessage, kToolCall, kAttachment, kSearchIndex, kPosting, kLogRecord, kUser,
  kRegistry, kWideArray, kWideItem, kFirstExtraType
};
enum Site : std::uint32_t { kUnknownSite, kOpenSession, kAppendMessage, kCopyText, kCallTool, kAttach, kIndexTerm, kWriteLog, kSiteCount };

// A heap that grows in address order, block by block; slots are filled in at any time.
class Heap {
 public:
  struct Object {
    std::uint64_t address, size;
    std::uint32_t type, site;
    std::uint8_t age, flags;
    std::uint64_t external;
    std::vector<std::uint64_t> slots;
  };

  std::uint64_t add(std::uint32_t type, std::uint64_t size, std::size_t slots, std::uint32_t site, std::uint8_t age) {
    size = (size + 15) / 16 * 16;
    // A dead neighbour was here: every seventh object leaves a hole.
    const std::uint64_t hole = objects_.size() % 7 == 3 ? 48 : 0;
    if (used_ + hole + size > kBlock) endBlock();
    if (size > kBlock) return addLarge(type, size, site, age);
    used_ += hole;
    if (hole > 0) ++holes_;
    objects_.push_back({blockBase_ + used_ + kHeader, size, type, site, age, 0, 0, std::vector<std::uint64_t>(slots, kNullReference)});
    used_ += size;
    bytes_ += size;
    blockBytes_ += size;
    ++blockObjects_;
    return objects_.size() - 1;
  }

  Object& operator[](std::uint64_t i) { return objects_[i]; }
  void endBlock() {
    if (used_ == 0) return;
    addRegion(kBlock, RegionKind::kBlock, RegionState::kSwept, kBlock - blockBytes_, 0);
  }
  void addEmptyBlock() { addRegion(kBlock, RegionKind::kBlock, RegionState::kEmpty, 0, kBlock); }

  std::deque<Object>& objects() { return objects_; }
  std::vector<RegionRecord>& regions() { return regions_; }
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t holeBytes() const { return holeBytes_; }
  std::uint64_t emptyBytes() const { return emptyBytes_; }
  std::uint64_t slackBytes() const { return slackBytes_; }

 private:
  std::uint64_t addLarge(std::uint32_t type, std::uint64_t size, std::uint32_t site, std::uint8_t age) {
    const std::uint64_t pages = (size + 4095) / 4096 * 4096;
    objects_.push_back({blockBase_ + kHeader, size, type, site, age, kObjectLarge, 0, {}});
    bytes_ += size;
    blockBytes_ = size;
    blockObjects_ = 1;
    addRegion(pages, RegionKind::kLargePages, RegionState::kSwept, 0, pages - size);
    return objects_.size() - 1;
  }
  void addRegion(std::uint64_t bytes, RegionKind kind, RegionState state, std::uint64_t holes, std::uint64_t slack) {
    RegionRecord region;
    region.base = blockBase_;
    region.bytes = bytes;
    region.kind = kind;
    region.state = state;
    region.firstObject = objects_.size() - blockObjects_;
    region.objectCount = blockObjects_;
    region.objectBytes = blockBytes_;
    region.holeBytes = holes;
    region.holeCount = holes_ + (holes > 0 ? 1 : 0);
    region.slackBytes = slack;
    regions_.push_back(region);
    holeBytes_ += holes;
    (kind == RegionKind::kLargePages ? slackBytes_ : emptyBytes_) += slack;
    blockBase_ += (bytes + kBlock - 1) / kBlock * kBlock;
    used_ = blockBytes_ = 0;
    blockObjects_ = holes_ = 0;
  }

  std::deque<Object> objects_;
  std::vector<RegionRecord> regions_;
  std::uint64_t blockBase_ = kBase, used_ = 0, blockBytes_ = 0;
  std::uint32_t blockObjects_ = 0, holes_ = 0;
  std::uint64_t bytes_ = 0, holeBytes_ = 0, emptyBytes_ = 0, slackBytes_ = 0;
};

std::uint8_t ageOf(std::uint32_t i, std::uint32_t of) {
  return static_cast<std::uint8_t>(i * 2 < of ? 7 : (of - i) * 12 / (of + 1) % 7);
}

struct Roots {
  std::uint64_t table = 0, index = 0, log = 0, registry = kNullReference, wide = kNullReference, current = 0;
};

Roots fill(Heap& heap, const ServiceShape& shape) {
  Roots roots;
  roots.table = heap.add(kSessionTable, 64, shape.sessions, kOpenSession, 7);
  roots.index = heap.add(kSearchIndex, 96, shape.sessions / 10 + 1, kIndexTerm, 7);
  std::uint64_t before = kNullReference;
  for (std::uint32_t i = 0; i < shape.logDepth; ++i) {
    const std::uint64_t record = heap.add(kLogRecord, 48, 2, kWriteLog, ageOf(i, shape.logDepth));
    const std::uint64_t text = heap.add(kString, 64, 0, kCopyText, ageOf(i, shape.logDepth));
    heap[record].slots[1] = text;
    if (before == kNullReference) roots.log = record;
    else heap[before].slots[0] = record;
    before = record;
  }
  for (std::uint32_t i = 0; i < shape.sessions; ++i) {
    const std::uint8_t age = ageOf(i, shape.sessions);
    const std::uint64_t session = heap.add(kSession, 96, 4, i % 64 == 0 ? kSiteIsStack : kOpenSession, age);
    if (i == 0) roots.current = session;
    heap[roots.table].slots[i] = session;
    heap[session].slots[0] = heap.add(kString, 40 + i % 24, 0, kCopyText, age);
    heap[session].slots[1] = heap.add(kUser, 48, 1, kOpenSession, age);
    const std::uint32_t messages = i == 0 ? shape.messages * 50 : i % (2 * shape.messages + 1);
    const std::uint64_t array = heap.add(kMessageArray, 16 + 8 * std::uint64_t{messages}, messages, kAppendMessage, age);
    heap[session].slots[2] = array;
    std::uint64_t previous = kNullReference;
    for (std::uint32_t m = 0; m < messages; ++m) {
      const std::uint64_t message = heap.add(kMessage, 64, 2, m % 200 == 0 ? kSiteIsStack + 1 : kAppendMessage, age);
      heap[array].slots[m] = message;
      heap[message].slots[0] = heap.add(kString, 48 + (i * 7 + m * 13) % 400, 0, kCopyText, age);
      heap[message].slots[1] = previous;
      previous = message;
      if (m % 4 == 1) {
        const std::uint64_t call = heap.add(kToolCall, 80, 2, kCallTool, age);
        heap[call].slots[0] = heap.add(kString, 120, 0, kCopyText, age);
        heap[session].slots[3] = call;
      }
    }
    if (i % 50 == 7) {
      const std::uint64_t attachment = heap.add(kAttachment, 80'000 + i, 0, kAttach, age);
      heap[heap[session].slots[1]].slots[0] = attachment;
      heap[session].external = 512 * 1024;
    }
    if (i % 10 == 0) {
      const std::uint64_t posting = heap.add(kPosting, 48, 2, kIndexTerm, age);
      heap[roots.index].slots[i / 10] = posting;
      heap[posting].slots[0] = heap.add(kString, 32, 0, kIndexTerm, age);
      heap[posting].slots[1] = session;  // such sessions have two owners
    }
    if (i % 9 == 5) heap.add(kToolCall, 80, 2, kCallTool, 0);  // nobody holds it any more
    if (i % 500 == 499) {
      heap.endBlock();
      heap.addEmptyBlock();
    }
  }
  if (shape.extraTypes > 0) {
    roots.registry = heap.add(kRegistry, 64, shape.extraTypes, kUnknownSite, 1);
    for (std::uint32_t i = 0; i < shape.extraTypes; ++i)
      heap[roots.registry].slots[i] = heap.add(kFirstExtraType + i, 32 + i % 512 * 16, 0, kUnknownSite, 1);
  }
  if (shape.wideChildren > 0) {
    roots.wide = heap.add(kWideArray, 64, shape.wideChildren, kUnknownSite, 1);
    for (std::uint32_t i = 0; i < shape.wideChildren; ++i)
      heap[roots.wide].slots[i] = heap.add(kWideItem, 32 + i % 4 * 16, 0, kUnknownSite, 1);
  }
  heap.endBlock();
  return roots;
}

void writeTypes(FrameEncoder& encoder, std::uint32_t extraTypes) {
  constexpr auto kWeak = Strength::kWeak;
  const FieldRecord session[] = {{"id_", 8, {}, "openclaw::String"}, {"user_", 16, {}, "service::User"}, {"messages_", 24, {}, "openclaw::Array<service::Message>"}, {"lastCall_", 32, {}, "service::ToolCall"}};
  const FieldRecord message[] = {{"text_", 8, {}, "openclaw::String"}, {"previous_", 16, kWeak, "service::Message"}};
  const FieldRecord call[] = {{"arguments_", 8, {}, "openclaw::String"}, {"result_", 16, {}, "openclaw::String"}};
  const FieldRecord posting[] = {{"term_", 8, {}, "openclaw::String"}, {"session_", 16, {}, "service::Session"}};
  const FieldRecord record[] = {{"next_", 8, {}, "service::LogRecord"}, {"text_", 16, {}, "openclaw::String"}};
  const FieldRecord user[] = {{"avatar_", 8, {}, "service::Attachment"}};
  const FieldRecord element[] = {{"", 0, {}, ""}};
  const auto plain = [](std::string_view name, std::uint32_t size, std::span<const FieldRecord> fields) {
    TypeRecord type;
    type.name = name;
    type.size = size;
    type.fields = fields;
    return type;
  };
  const auto array = [&](std::string_view name, std::uint32_t size) {
    TypeRecord type = plain(name, size, {});
    type.elementSize = 8;
    type.elementOffset = 16;
    type.elementFields = element;
    return type;
  };
  const auto raw = [&](std::string_view name, std::uint32_t size, bool isText) {
    TypeRecord type = plain(name, size, {});
    type.pointerFree = true;
    type.isText = isText;
    type.elementSize = 1;
    return type;
  };
  std::vector<TypeRecord> types = {
      array("openclaw::HashMap<openclaw::String, service::Session>", 64),
      plain("service::Session", 96, session),
      raw("openclaw::String", 16, true),
      array("openclaw::Array<service::Message>", 16),
      plain("service::Message", 64, message),
      plain("service::ToolCall", 80, call),
      raw("service::Attachment", 32, false),
      array("service::SearchIndex", 96),
      plain("service::Posting", 48, posting),
      plain("service::LogRecord", 48, record),
      plain("service::User", 48, user),
      array("registry::Registry", 64),
      array("wide::Array", 64),
      plain("wide::Item", 32, {}),
  };
  std::deque<std::string> names;
  for (std::uint32_t i = 0; i < extraTypes; ++i) {
    names.push_back(fmt::format("registry::module{}::Entry<{}, std::vector<int>>", i % 97, i));
    types.push_back(plain(names.back(), 32, {}));
  }
  encoder.types(types);
}

void writeSitesAndStacks(FrameEncoder& encoder) {
  const SiteRecord sites[kSiteCount] = {
      {},
      {"samples/service/session_store.cc", 41, 0, "SessionStore::open"},
      {"samples/service/session_store.cc", 87, 0, "SessionStore::append"},
      {"samples/service/text.cc", 19, 0, "copyText"},
      {"samples/service/tools.cc", 133, 0, "ToolRunner::call"},
      {"samples/service/attachments.cc", 52, 0, "Attachments::store"},
      {"samples/service/search.cc", 75, 0, "SearchIndex::addTerm"},
      {"samples/service/log.cc", 28, 0, "Log::write"},
  };
  encoder.sites(sites);
  const std::uint64_t open[] = {0x5555'0000'1100, 0x5555'0000'2200, 0x5555'0000'3300};
  const std::uint64_t append[] = {0x5555'0000'1150, 0x5555'0000'2200, 0x5555'0000'3300};
  const StackRecord stacks[] = {{open, kOpenSession, 1000, 96'000, 200, 19'200, 12, false},
                                {append, kAppendMessage, 9000, 576'000, 800, 51'200, 40, false}};
  encoder.stacks(512 * 1024, stacks);
  const CodeFrameRecord frames[] = {{"SessionStore::open", "samples/service/session_store.cc", 41, false},
                                    {"SessionStore::append", "samples/service/session_store.cc", 87, false},
                                    {"HttpService::handle", "samples/service/http.cc", 210, false},
                                    {"main", "samples/service/main.cc", 64, false}};
  const SymbolRecord symbols[] = {{open[0], {&frames[0], 1}, 0}, {append[0], {&frames[1], 1}, 0}, {open[1], {&frames[2], 1}, 0}, {open[2], {&frames[3], 1}, 0}};
  encoder.symbols(symbols, "made up");
}

void writePauses(FrameEncoder& encoder, std::uint32_t count) {
  std::deque<std::array<PhaseRecord, 4>> phases;
  std::vector<PauseRecord> pauses;
  std::uint64_t clock = 1'000'000'000;
  for (std::uint32_t i = 0; i < count; ++i) {
    const bool dump = i % 60 == 59, longest = i == count * 2 / 3;
    const std::uint64_t mark = longest ? 31'300'000 : dump ? 0 : 2'000'000 + i * 7919 % 3'000'000;
    phases.push_back({{{"stop", 120'000 + i * 131 % 90'000}, {"roots", 300'000}, {"mark", mark}, {dump ? "clone" : "sweep setup", dump ? 640'000u : 90'000u}}});
    PauseRecord pause;
    pause.number = 1701 + i;
    pause.kind = dump ? "dump" : "collect";
    pause.cause = dump ? "dump" : i % 31 == 30 ? "occtl gc run" : "allocation";
    for (const PhaseRecord& phase : phases.back()) pause.duration += phase.duration;
    pause.phases = phases.back();
    pause.startMonotonic = clock += 400'000'000;
    pause.threads = 8;
    pause.objectsMarked = mark / 30;
    pauses.push_back(pause);
  }
  encoder.pauses(1700 + count, pauses);
}

}  // namespace

Result<ServiceFigures> writeServiceDump(const std::string& path, const ServiceShape& shape) {
  Heap heap;
  const Roots at = fill(heap, shape);
  OPENCLAW_TRY(auto writer, DumpWriter::create(path, {.overwrite = true, .index = true}));
  FrameEncoder& encoder = writer.encoder();
  FileHeader header;
  header.dumpId.fill(0x42);
  header.dumpedUnix = 1'795'000'000'000'000'000;
  encoder.begin(header);

  ProcessRecord process;
  const std::string_view arguments[] = {"openclaw", "--arena-size", "64MiB"};
  const std::uint8_t id[16] = {0x42};
  process.pid = 4242;
  process.executable = "/usr/bin/openclaw";
  process.commandLine = arguments;
  process.host = "build-7";
  process.kernel = "6.1.0";
  process.startedUnix = header.dumpedUnix - 3'723'000'000'000;
  process.dumpedUnix = header.dumpedUnix;
  process.dumpId = id;
  process.dumpNumber = 3;
  process.source = "openclaw-runtime";
  process.generator = "made up for tests";
  encoder.process(process);
  const ModuleRecord modules[] = {{"/usr/bin/openclaw", {}, 0x5555'0000'0000, 0x5555'0000'0000, 0x5555'0010'0000}};
  encoder.modules(modules);
  writeTypes(encoder, shape.extraTypes);
  writeSitesAndStacks(encoder);

  const std::uint64_t metadata = heap.bytes() / 64, floating = 9'600;
  // The dead, unswept objects lie where the first blocks have holes.
  constexpr std::uint32_t kDead = 200;
  const std::uint64_t holes = heap.holeBytes() - floating;
  std::uint32_t left = kDead;
  for (RegionRecord& region : heap.regions()) {
    const auto dead = static_cast<std::uint32_t>(std::min<std::uint64_t>(left, region.holeBytes / (floating / kDead)));
    region.holeBytes -= dead * (floating / kDead);
    region.floatingBytes = dead * (floating / kDead);
    region.floatingCount = dead;
    left -= dead;
  }
  OPENCLAW_CHECK(left == 0);
  const std::uint64_t committed = heap.bytes() + floating + holes + heap.emptyBytes() + heap.slackBytes() + metadata + shape.unexplained;
  ArenaRecord arena;
  arena.name = "main";
  arena.softLimit = 64u << 20;
  arena.committed = committed;
  arena.objectBytes = heap.bytes();
  arena.objectCount = heap.objects().size();
  arena.floatingBytes = floating;
  arena.holeBytes = holes;
  arena.emptyBlockBytes = heap.emptyBytes();
  arena.largeSlackBytes = heap.slackBytes();
  arena.metadataBytes = metadata;
  arena.blocks = static_cast<std::uint32_t>(heap.regions().size());
  encoder.arenas({&arena, 1});
  encoder.regions(heap.regions());
  const FloatingRecord dead[] = {{kString, 200, floating}};
  encoder.floating(dead);

  std::uint64_t external = 0;
  encoder.expectObjects(heap.objects().size());
  for (const Heap::Object& object : heap.objects()) {
    external += object.external;
    ObjectRecord record;
    record.address = object.address;
    record.size = object.size;
    record.type = object.type;
    record.site = object.site;
    record.referenceCount = static_cast<std::uint32_t>(object.slots.size());
    record.age = object.age;
    record.flags = object.flags;
    record.external = object.external;
    encoder.object(record);
    for (const std::uint64_t slot : object.slots) encoder.reference(slot);
  }
  std::vector<RootRecord> roots;
  const auto root = [&](std::uint64_t object, RootKind kind, std::string_view label, std::uint32_t thread) {
    RootRecord record;
    record.object = object;
    record.kind = kind;
    record.label = label;
    record.thread = thread;
    record.conservative = kind == RootKind::kStack;
    if (object != kNullReference) roots.push_back(record);
  };
  root(at.table, RootKind::kGlobal, "sessions_", kNoThread);
  root(at.index, RootKind::kGlobal, "searchIndex_", kNoThread);
  root(at.log, RootKind::kHandle, "log_", kNoThread);
  root(at.current, RootKind::kStack, "", 4251);
  root(at.registry, RootKind::kGlobal, "registry_", kNoThread);
  root(at.wide, RootKind::kGlobal, "wide_", kNoThread);
  encoder.roots(roots);
  const ThreadRecord threads[] = {{4242, "openclaw", "running", 0x7ffc'0000'0000, 0x7ffc'0080'0000}, {4251, "worker 1", "parked", 0x7ff0'0000'0000, 0x7ff0'0080'0000}};
  encoder.threads(threads);
  writePauses(encoder, shape.pauses);
  const SettingRecord settings[] = {{"gc.pause-target", "100ms", "100ms", "default"}, {"gc.growth", "100%", "100%", "default"}};
  encoder.settings(settings, {});
  const CounterRecord counters[] = {{"committed_bytes", committed}, {"object_bytes", heap.bytes()}, {"object_count", heap.objects().size()},
                                    {"floating_bytes", floating}, {"floating_count", 200}, {"hole_bytes", holes},
                                    {"empty_block_bytes", heap.emptyBytes()}, {"tlab_tail_bytes", 0}, {"large_slack_bytes", heap.slackBytes()},
                                    {"metadata_bytes", metadata}, {"external_bytes", external}, {"collections_total", 1700 + shape.pauses},
                                    {"pauses_total", 1700 + shape.pauses}};
  encoder.counters(counters);
  EndRecord end;
  end.stopNanoseconds = 940'000;
  end.walkNanoseconds = 81'000'000;
  encoder.end(end);
  if (encoder.status() != EncodeStatus::kOk) return fail(ErrorCode::kNotFinished, toText(encoder.status()));
  OPENCLAW_TRY_VOID(writer.commit());
  return ServiceFigures{heap.objects().size(), heap.bytes()};
}

}  // namespace openclaw::test
