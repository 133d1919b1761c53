#include "tests/support/dump_model.h"

#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <stdexcept>

#include "format/check.h"
#include "format/counters.h"
#include "format/dump_writer.h"
#include "format/settings.h"

namespace openclaw::test {

int MemorySink::write(const std::byte* data, std::size_t size) noexcept {
  if (bytes.size() + size > limit) return error != 0 ? error : ENOSPC;
  bytes.insert(bytes.end(), data, data + size);
  return 0;
}

MemoryEncoder::MemoryEncoder() : workspace_(FrameEncoder::workspaceBytes()), encoder_(workspace_, sink) {}

std::uint64_t DumpModel::indexOf(std::string_view name) const {
  auto found = std::find_if(objects.begin(), objects.end(), [&](const ModelObject& o) { return o.name == name; });
  OPENCLAW_CHECK(found != objects.end());
  return static_cast<std::uint64_t>(found - objects.begin());
}
std::uint64_t DumpModel::totalBytes() const {
  std::uint64_t total = 0;
  for (const ModelObject& object : objects) total += object.size;
  return total;
}

// --- the language ---------------------------------------------------------------------------------------------------

namespace {

constexpr std::uint64_t kBase = 0x7f31'c200'0000;
constexpr std::uint64_t kHeader = 8;  // the payload begins so far behind the cell

class GraphParser {
 public:
  explicit GraphParser(std::string_view text) : rest_(text), all_(text) {
    model_.types = {"Node"};
    model_.sites = {{"", 0, "", 0, 0}};
  }

  DumpModel run() {
    while (skipBlanks(), !rest_.empty()) {
      statement();
      skipBlanks();
      if (!rest_.empty() && !take(";")) fail("';'");
    }
    std::uint64_t at = kBase;
    for (ModelObject& object : model_.objects) {
      object.address = at + kHeader;
      at += object.size;
    }
    return std::move(model_);
  }

 private:
  [[noreturn]] void fail(const char* expected) const {
    throw std::invalid_argument(std::string("graph: expected ") + expected + " at \"" + std::string(rest_.substr(0, 20)) +
                                "\" of \"" + std::string(all_) + "\"");
  }
  void skipBlanks() {
    while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\n')) rest_.remove_prefix(1);
  }
  bool take(std::string_view token) {
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  std::string_view word() {
    std::size_t n = 0;
    while (n < rest_.size() && (std::isalnum(static_cast<unsigned char>(rest_[n])) || rest_[n] == '_' || rest_[n] == '<' ||
                                (rest_[n] == '>' && n > 0 && rest_[n - 1] != '-')))
      ++n;
    if (n == 0) fail("a name");
    auto result = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return result;
  }
  std::uint64_t number() {
    std::size_t n = 0;
    std::uint64_t value = 0;
    while (n < rest_.size() && rest_[n] >= '0' && rest_[n] <= '9') value = value * 10 + static_cast<std::uint64_t>(rest_[n++] - '0');
    if (n == 0) fail("a number");
    rest_.remove_prefix(n);
    return value;
  }

  // NAME[:TYPE][*SIZE][@SITE] -> index
  std::uint64_t object() {
    std::string name(word());
    auto [place, isNew] = index_.try_emplace(name, model_.objects.size());
    if (isNew) {
      model_.objects.push_back({});
      model_.objects.back().name = name;
      model_.objects.back().size = 32;
    }
    ModelObject& object = model_.objects[place->second];
    if (take(":")) {
      std::string type(word());
      auto found = std::find(model_.types.begin(), model_.types.end(), type);
      object.type = static_cast<std::uint32_t>(found - model_.types.begin());
      if (found == model_.types.end()) model_.types.push_back(type);
    }
    if (take("*")) object.size = number();
    if (take("@")) {
      object.site = static_cast<std::uint32_t>(number());
      for (std::uint32_t i = static_cast<std::uint32_t>(model_.sites.size()); i <= object.site; ++i)
        model_.sites.push_back({"site" + std::to_string(i) + ".cc", i, "make" + std::to_string(i), 0, 0});
    }
    return place->second;
  }

  void statement() {
    bool isRoot = rest_.starts_with("root") && (rest_.size() == 4 || !std::isalnum(static_cast<unsigned char>(rest_[4])));
    std::uint64_t source = 0;
    if (isRoot)
      take("root");
    else
      source = object();
    skipBlanks();
    if (!take("->")) return;
    for (skipBlanks(); !rest_.empty() && rest_[0] != ';'; skipBlanks()) {
      ModelSlot slot;
      if (!take("-")) {
        if (take("~")) slot.strength = Strength::kWeak;
        slot.target = object();
      }
      if (isRoot)
        model_.roots.push_back({slot.target, RootKind::kHandle, false, 0, "root"});
      else
        model_.objects[source].slots.push_back(slot);
    }
  }

  std::string_view rest_, all_;
  DumpModel model_;
  std::map<std::string, std::uint64_t> index_;
};

}  // namespace

DumpModel modelOf(std::string_view graph) { return GraphParser(graph).run(); }

std::uint64_t Random::next() {
  std::uint64_t z = (state_ += 0x9e37'79b9'7f4a'7c15ull);
  z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11ebull;
  return z ^ (z >> 31);
}

DumpModel randomModel(std::uint64_t seed, std::size_t objects) {
  Random random(seed);
  DumpModel model;
  for (std::uint8_t& byte : model.dumpId) byte = static_cast<std::uint8_t>(random.next());
  std::size_t types = 1 + random.below(20);
  for (std::size_t i = 0; i < types; ++i) model.types.push_back("ns::Type" + std::to_string(i) + "<int>");
  model.sites.push_back({"", 0, "", 0, 0});
  for (std::size_t i = 1; i < 1 + random.below(30); ++i)
    model.sites.push_back({"src/file" + std::to_string(i % 7) + ".cc", static_cast<std::uint32_t>(random.below(5000)),
                           "function" + std::to_string(i), random.below(1000), random.below(100000)});
  bool weakHeap = random.oneIn(2);
  std::uint64_t at = kBase;
  for (std::size_t i = 0; i < objects; ++i) {
    ModelObject object;
    object.type = static_cast<std::uint32_t>(random.below(types));
    object.site = static_cast<std::uint32_t>(random.below(model.sites.size()));
    if (random.oneIn(16)) object.site = kSiteIsStack | static_cast<std::uint32_t>(random.below(2));
    object.size = 16 * (1 + random.below(random.oneIn(20) ? 4096 : 12));
    if (random.oneIn(500)) object.size = (std::uint64_t{1} << 32) - 16 + 16 * random.below(3) + random.below(1u << 20) * 4096;
    object.age = static_cast<std::uint8_t>(random.below(8));
    object.flags = random.oneIn(10) ? static_cast<std::uint8_t>(random.below(32)) : 0;
    if (random.oneIn(30)) object.external = random.next() >> random.below(64);
    if (random.oneIn(300)) at += std::uint64_t{1} << (20 + random.below(20));  // another region, maybe out of 32 bits
    if (random.oneIn(8)) at += 16 * random.below(100);
    object.address = at + kHeader;
    at += object.size;
    std::size_t slots = random.oneIn(200) ? random.below(2000) : random.below(6);
    for (std::size_t s = 0; s < slots; ++s) {
      ModelSlot slot;
      if (!random.oneIn(5)) slot.target = random.below(objects);
      if (weakHeap && random.oneIn(6)) slot.strength = static_cast<Strength>(random.below(5));
      object.slots.push_back(slot);
    }
    model.objects.push_back(std::move(object));
  }
  for (std::size_t i = 0; objects > 0 && i < 1 + random.below(50); ++i)
    model.roots.push_back({random.below(objects), static_cast<RootKind>(random.below(8)), random.oneIn(3),
                           static_cast<std::uint32_t>(random.below(model.sites.size())),
                           random.oneIn(2) ? "" : "global" + std::to_string(i % 5)});
  return model;
}

// --- encoding -------------------------------------------------------------------------------------------------------

void encodeObjects(const DumpModel& model, FrameEncoder& encoder, bool strengths) {
  bool weak = strengths && std::any_of(model.objects.begin(), model.objects.end(), [](const ModelObject& object) {
    return std::any_of(object.slots.begin(), object.slots.end(),
                       [](const ModelSlot& slot) { return slot.strength != Strength::kStrong; });
  });
  encoder.expectObjects(model.objects.size());
  if (weak) {
    std::string_view labels[] = {"slot"};
    encoder.labels(labels);
  }
  for (const ModelObject& object : model.objects) {
    encoder.object({object.address, object.size, object.type, object.site,
                    static_cast<std::uint32_t>(object.slots.size()), object.age, object.flags, object.external, object.bound});
    for (const ModelSlot& slot : object.slots) {
      if (weak)
        encoder.reference(slot.target, 0, slot.strength);
      else
        encoder.reference(slot.target);
    }
  }
  encoder.flush();
}

namespace {

void encodeTypesAndSites(const DumpModel& model, FrameEncoder& encoder) {
  FieldRecord slot{"slot", 0, Strength::kStrong, ""};
  std::vector<TypeRecord> types;
  for (const std::string& name : model.types) {
    TypeRecord type;
    type.name = name;
    type.elementSize = 8;  // as many slots as an object happens to have
    type.elementFields = {&slot, 1};
    types.push_back(type);
  }
  encoder.types(types);
  std::vector<SiteRecord> sites;
  for (const ModelSite& site : model.sites)
    sites.push_back({site.file, site.line, 0, site.function, site.allocatedObjects, site.allocatedBytes,
                     site.allocatedObjects != 0 ? Certainty::kExact : Certainty::kLowerBound});
  encoder.sites(sites);
}

void encodeRoots(const DumpModel& model, FrameEncoder& encoder) {
  std::vector<RootRecord> roots;
  for (const ModelRoot& root : model.roots)
    roots.push_back({root.object, root.kind, root.conservative, kNoThread, 0, root.site, root.label});
  encoder.roots(roots);
}

}  // namespace

void encodeMetadata(const DumpModel& model, FrameEncoder& encoder) {
  ProcessRecord process;
  std::string_view arguments[] = {"openclaw", "--arena-size", "64MiB"};
  std::uint8_t previous[16] = {1, 2, 3};
  process.pid = 4711;
  process.executable = "/usr/bin/openclaw";
  process.commandLine = arguments;
  process.host = "build-7";
  process.kernel = "6.1.0";
  process.startedUnix = 1'700'000'000'000'000'000;
  process.dumpedUnix = 1'700'000'100'000'000'000;
  process.dumpedMonotonic = 5'000'000'000;
  process.dumpId = model.dumpId;
  process.previousDumpId = previous;
  process.dumpNumber = 2;
  process.consistency = Consistency::kStopTheWorld;
  process.source = "openclaw-runtime";
  process.generator = "test";
  process.requested = "openclaw::dumpHeap";
  encoder.process(process);

  std::uint8_t buildId[] = {0xde, 0xad, 0xbe, 0xef};
  ModuleRecord modules[] = {{"/usr/bin/openclaw", buildId, 0x5555'0000'0000, 0x5555'0000'0000, 0x5555'0010'0000}};
  encoder.modules(modules);
  ArenaRecord arena;
  arena.name = "main";
  arena.softLimit = 64u << 20;
  arena.objectCount = model.objects.size();
  arena.objectBytes = model.totalBytes();
  arena.chunks = 1;
  encoder.arenas({&arena, 1});
  ThreadRecord threads[] = {{4711, "main", "running", 0x7ffc'0000'0000, 0x7ffc'0080'0000}};
  encoder.threads(threads);
  std::uint64_t pcs[] = {0x5555'0000'1234, 0x5555'0000'5678};
  const std::uint32_t stackSite = model.sites.size() > 1 ? 1 : 0;
  StackRecord stacks[] = {{pcs, stackSite, 100, 6400, 10, 640, 2, false}, {std::span(pcs, 1), 0, 5, 320, 0, 0, 1, true}};
  encoder.stacks(512u << 10, stacks);
  PhaseRecord phases[] = {{"stop", 200'000}, {"mark", 1'000'000}};
  PauseRecord pause;
  pause.number = 7;
  pause.kind = "collect";
  pause.cause = "allocation";
  pause.startMonotonic = 4'000'000'000;
  pause.duration = 1'200'000;
  pause.phases = phases;
  pause.threads = 3;
  encoder.pauses(7, {&pause, 1});
  SettingRecord settings[] = {{"growth", "150%", "100%", "control"}};
  SettingChangeRecord changes[] = {{1'700'000'050'000'000'000, "growth", "100%", "150%", "uid 1000"}};
  encoder.settings(settings, changes);
  CounterRecord counters[] = {{"object_count", model.objects.size()}, {"object_bytes", model.totalBytes()}};
  encoder.counters(counters);
  RequestRecord requests[] = {{kBase, kBase + 4096, 99, 4'500'000'000}};
  encoder.requests(requests, 3);
}

namespace {

void encodeRegionsOf(const DumpModel& model, FrameEncoder& encoder) {
  std::vector<RegionRecord> regions;
  for (std::size_t i = 0; i < model.objects.size();) {  // a region ends where a gap begins
    RegionRecord region;
    region.base = model.objects[i].address - kHeader;
    region.firstObject = i;
    region.state = RegionState::kSwept;
    std::uint64_t end = region.base;
    for (; i < model.objects.size() && model.objects[i].address - kHeader == end; ++i) {
      end += model.objects[i].size;
      ++region.objectCount;
    }
    region.bytes = region.objectBytes = end - region.base;
    region.lineMap[0] = 0xff;
    regions.push_back(region);
  }
  encoder.regions(regions);
  FloatingRecord floating[] = {{0, 3, 96}};
  encoder.floating(floating);
}

}  // namespace

std::vector<std::byte> encodeDump(const DumpModel& model, EncodeOptions options) {
  MemoryEncoder encoder;
  FileHeader header;
  header.dumpId = model.dumpId;
  header.dumpedUnix = 1'700'000'100'000'000'000;
  encoder->begin(header);
  encodeTypesAndSites(model, *encoder);
  if (options.metadata) encodeMetadata(model, *encoder);
  encodeObjects(model, *encoder, options.strengths);
  if (options.metadata) encodeRegionsOf(model, *encoder);
  encodeRoots(model, *encoder);
  LossRecord losses[] = {{"dangling references", 2}};
  EndRecord end;
  end.stopNanoseconds = 900'000;
  end.walkNanoseconds = 12'000'000;
  if (options.metadata) end.losses = losses;
  encoder->end(end);
  OPENCLAW_CHECK(encoder->status() == EncodeStatus::kOk, encoder->status());
  if (!options.index) return std::move(encoder.sink.bytes);
  CodeFrameRecord frames[] = {{"std::make_unique<Session>", "memory.h", 120, true}, {"handle", "server.cc", 88, false}};
  SymbolRecord symbols[] = {{0x5555'0000'1234, frames, 0}};
  return withIndex(encoder.sink.bytes, options.metadata ? std::span<const SymbolRecord>(symbols) : std::span<const SymbolRecord>());
}

std::vector<std::byte> dumpOf(std::string_view graph, EncodeOptions options) { return encodeDump(modelOf(graph), options); }

std::vector<std::byte> withIndex(std::span<const std::byte> dump, std::span<const SymbolRecord> symbols) {
  int file = ::memfd_create("dump", MFD_CLOEXEC);
  OPENCLAW_CHECK(file >= 0);
  for (std::size_t done = 0; done < dump.size();) {
    ssize_t n = ::write(file, dump.data() + done, dump.size() - done);
    OPENCLAW_CHECK(n > 0);
    done += static_cast<std::size_t>(n);
  }
  auto appended = appendSymbolsAndIndex(file, "memory", symbols, "test");
  OPENCLAW_CHECK(appended.has_value());
  off_t size = ::lseek(file, 0, SEEK_END);
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  for (std::size_t done = 0; done < bytes.size();) {
    ssize_t n = ::pread(file, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    OPENCLAW_CHECK(n > 0);
    done += static_cast<std::size_t>(n);
  }
  ::close(file);
  return bytes;
}

}  // namespace openclaw::test
