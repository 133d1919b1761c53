#include "tests/analyzer/small_heap.h"

#include "format/check.h"
#include "tests/support/dump_model.h"

namespace openclaw::test {
namespace {

constexpr std::uint64_t kBlock = 64 << 10, kMetadata = 4096, kBigBytes = (2 << 20) - 96, kTail = 1024,
                        kDead = 208;

enum : std::uint32_t { kServerType, kArrayType, kSessionType, kStringType };
enum : std::uint32_t { kUnknownSite, kStartSite, kOpenSite, kTextSite };

std::uint64_t zero = 0;

}  // namespace

std::uint64_t& SmallHeap::counter(std::string_view name) {
  for (CounterRecord& record : counters)
    if (record.name == name) return record.value;
  OPENCLAW_CHECK(false);
  return zero;
}

SmallHeap::SmallHeap() {
  slots = {{kArray, kSessionB},
           {kSessionA, kSessionB, kNullReference, kSessionC},
           {kAnn, kSessionB},
           {kBig, kNullReference},
           {kAnn, kNullReference},
           {},
           {},
           {}};
  struct Shape {
    std::uint64_t size;
    std::uint32_t type, site;
    std::uint8_t age;
  };
  const Shape shapes[] = {{64, kServerType, kStartSite, 7}, {128, kArrayType, kStartSite, 5},
                          {96, kSessionType, kOpenSite, 3}, {96, kSessionType, kSiteIsStack | 0, 2},
                          {96, kSessionType, kOpenSite, 0}, {48, kStringType, kTextSite, 3},
                          {64, kStringType, kTextSite, 0},  {kBigBytes, kStringType, kTextSite, 1}};
  std::uint64_t at = kBase + kHeader, inBlock = 0;
  for (std::size_t i = 0; i < std::size(shapes); ++i) {
    ObjectRecord object;
    if (i == kGarbage) at += 512;  // the dead, unswept cells and a hole lie before
    if (i == kBig) at = kBase + 4 * kBlock + kHeader;
    object.address = at;
    object.size = shapes[i].size;
    object.type = shapes[i].type;
    object.site = shapes[i].site;
    object.age = shapes[i].age;
    object.referenceCount = static_cast<std::uint32_t>(slots[i].size());
    if (i == kServer) object.flags = kObjectHasDestructor | kObjectPinned;
    if (i == kServer) object.external = 4096;
    if (i == kBig) object.flags = kObjectLarge;
    objects.push_back(object);
    at += object.size;
    if (i != kBig) inBlock += object.size;
  }

  RegionRecord block;
  block.base = kBase;
  block.bytes = kBlock;
  block.state = RegionState::kAllocating;
  block.objectCount = 7;
  block.objectBytes = inBlock;
  block.floatingBytes = kDead;
  block.floatingCount = 3;
  block.tlabTailBytes = kTail;
  block.holeCount = 2;
  block.holeBytes = kBlock - inBlock - kDead - kTail;
  block.unusableHoleBytes = 304;
  block.largestHole = block.holeBytes - 304;
  RegionRecord empty;
  empty.base = kBase + kBlock;
  empty.bytes = empty.slackBytes = kBlock;
  empty.firstObject = 7;
  RegionRecord large;
  large.base = kBase + 4 * kBlock;
  large.bytes = (2 << 20) + 4096;
  large.kind = RegionKind::kLargePages;
  large.state = RegionState::kFull;
  large.firstObject = 7;
  large.objectCount = 1;
  large.objectBytes = kBigBytes;
  large.slackBytes = large.bytes - kBigBytes;
  regions = {block, empty, large};

  ArenaRecord arena;
  arena.name = "main";
  arena.softLimit = 64 << 20;
  arena.metadataBytes = kMetadata;
  arena.committed = 2 * kBlock + large.bytes + kMetadata;
  arena.blocks = 2;
  arena.chunks = 1;
  arenas = {arena};
  floating = {{kSessionType, 2, 192}, {kStringType, 1, 16}};
  counters = {{"committed_bytes", arena.committed},
              {"object_bytes", inBlock + kBigBytes},
              {"object_count", 8},
              {"floating_bytes", kDead},
              {"floating_count", 3},
              {"hole_bytes", block.holeBytes},
              {"empty_block_bytes", kBlock},
              {"tlab_tail_bytes", kTail},
              {"large_slack_bytes", large.slackBytes},
              {"metadata_bytes", kMetadata},
              {"unusable_hole_bytes", 304},
              {"external_bytes", 4096},
              {"root_count", 1}};
  RootRecord handle;
  handle.object = kServer;
  handle.kind = RootKind::kHandle;
  handle.site = kStartSite;
  handle.slot = 0x5555'0010'0040;
  RootRecord stack;
  stack.object = kSessionC;
  stack.kind = RootKind::kStack;
  stack.conservative = true;
  stack.thread = 0;
  stack.slot = 0x7ffc'0000'1000;
  roots = {handle, stack};
}

void SmallHeap::setGarbageBytes(std::uint64_t bytes) {
  const std::uint64_t before = objects[kBig].size;
  // The big string becomes garbage of this size: its session lets go of it.
  objects[kBig].size = bytes;
  slots[kSessionB][0] = kNullReference;
  RegionRecord& region = regions[2];
  region.objectBytes = bytes;
  const std::uint64_t wholeBefore = region.bytes;
  region.bytes = bytes + region.slackBytes;
  counter("object_bytes") += bytes - before;
  arenas[0].committed += region.bytes - wholeBefore;
  counter("committed_bytes") = arenas[0].committed;
}

std::vector<std::byte> SmallHeap::encode() const {
  MemoryEncoder encoder;
  FileHeader header;
  header.dumpedUnix = 1'700'000'100'000'000'000;
  encoder->begin(header);

  const std::string_view arguments[] = {"openclaw", "--arena-size", "64MiB"};
  ProcessRecord process;
  process.pid = 4711;
  process.executable = "/usr/bin/openclaw";
  process.commandLine = arguments;
  process.host = "build-7";
  process.kernel = "Linux 6.1.0";
  process.startedUnix = 1'700'000'000'000'000'000;
  process.dumpedUnix = 1'700'000'100'000'000'000;
  process.dumpNumber = 2;
  process.consistency = Consistency::kClone;
  process.source = "openclaw-runtime";
  process.generator = "test";
  process.requested = "control socket, uid 1000";
  encoder->process(process);
  const std::uint8_t buildId[] = {0xde, 0xad, 0xbe, 0xef};
  const ModuleRecord modules[] = {
      {"/usr/bin/openclaw", buildId, 0x5555'0000'0000, 0x5555'0000'0000, 0x5555'0020'0000}};
  encoder->modules(modules);

  const FieldRecord serverFields[] = {{"sessions_", 8, Strength::kStrong, "Array<Session>"},
                                      {"recent_", 16, Strength::kWeak, "Session"}};
  const FieldRecord sessionFields[] = {{"user_", 8, Strength::kStrong, "String"},
                                       {"next_", 16, Strength::kStrong, "Session"}};
  const FieldRecord element[] = {{"", 0, Strength::kStrong, "Session"}};
  TypeRecord types[4];
  types[kServerType].name = "Server";
  types[kServerType].fields = serverFields;
  types[kArrayType].name = "Array<Session>";
  types[kArrayType].elementSize = 8;
  types[kArrayType].elementFields = element;
  types[kSessionType].name = "Session";
  types[kSessionType].fields = sessionFields;
  types[kStringType].name = "String";
  types[kStringType].pointerFree = types[kStringType].isText = true;
  encoder->types(types);
  SiteRecord sites[4];
  sites[kStartSite] = {"src/main.cc", 12, 0, "main", 2, 192, Certainty::kExact};
  sites[kOpenSite] = {"src/session.cc", 41, 0, "openSession", 900, 86'400, Certainty::kExact};
  sites[kTextSite] = {"src/text.cc", 7, 0, "", 0, 0, Certainty::kLowerBound};
  encoder->sites(sites);
  encoder->arenas(arenas);
  encoder->regions(regions);
  encoder->floating(floating);
  const ThreadRecord threads[] = {
      {4712, "worker-0", "stopped by signal", 0x7ffc'0000'0000, 0x7ffc'0080'0000}};
  encoder->threads(threads);
  const std::uint64_t pcs[] = {0x5555'0000'1234, 0x5555'0000'5678};
  StackRecord stack;
  stack.pcs = pcs;
  stack.site = kOpenSite;
  stack.samples = 2;
  stack.truncated = true;
  encoder->stacks(512 << 10, {&stack, 1});
  const PhaseRecord shortPhases[] = {{"stop", 100'000}, {"mark", 300'000}},
                    longPhases[] = {{"stop", 1'200'000}, {"mark", 10'800'000}};
  PauseRecord pauses[2];
  pauses[0].number = 1;
  pauses[0].kind = "collect";
  pauses[0].cause = "allocation";
  pauses[0].duration = 400'000;
  pauses[0].phases = shortPhases;
  pauses[1].number = 2;
  pauses[1].kind = "collect";
  pauses[1].cause = "occtl gc run";
  pauses[1].duration = 12'000'000;
  pauses[1].phases = longPhases;
  pauses[0].allocatedSinceLast = pauseAllocated[0];
  pauses[1].allocatedSinceLast = pauseAllocated[1];
  pauses[1].threads = 4;
  pauses[1].signalled = 1;
  pauses[1].runDelay = 4'000'000;
  pauses[1].majorFaults = 2;
  encoder->pauses(2, pauses);
  encoder->counters(counters);

  for (std::size_t i = 0; i < objects.size(); ++i) {
    encoder->object(objects[i]);
    for (const std::uint64_t slot : slots[i]) encoder->reference(slot);
    if (flushEachObject) encoder->flush();
  }
  encoder->roots(roots);
  EndRecord end;
  end.stopNanoseconds = 1'420'000;
  end.roots = roots.size();
  end.regions = regions.size();
  end.losses = losses;
  encoder->end(end);
  OPENCLAW_CHECK(encoder->status() == EncodeStatus::kOk, encoder->status());
  const CodeFrameRecord frames[] = {{"makeSession", "src/session.h", 9, true},
                                    {"openSession", "src/session.cc", 41, false}};
  const SymbolRecord symbols[] = {{0x5555'0000'1234, frames, 0}};
  return withIndex(encoder.sink.bytes, symbols);
}

}  // namespace openclaw::test
