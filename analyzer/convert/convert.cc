#include "analyzer/convert/convert.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "format/dump_writer.h"

namespace openclaw {
namespace {

constexpr std::uint32_t kRowsBetweenChecks = 4096;

struct Hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

// Numbers of slot names as the file has them.
class LabelNumbers {
 public:
  std::uint32_t of(const std::string& text) {
    const auto [at, isNew] = numbers_.try_emplace(text, static_cast<std::uint32_t>(texts_.size()));
    if (isNew) texts_.push_back(at->first);
    return at->second;
  }
  std::span<const std::string_view> texts() const { return texts_; }

 private:
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> numbers_;
  std::vector<std::string_view> texts_;
};

class Converter {
 public:
  Converter(const Snapshot& s, FrameEncoder& encoder, const ConvertOptions& options, const std::function<void(double)>& progress,
            const std::stop_token& stop)
      : s_(s), encoder_(encoder), options_(options), progress_(progress), stop_(stop) {}

  // False: stopped, or the encoder's status says why.
  bool run() {
    encoder_.begin(header());
    writeProcess();
    writeTables();
    if (!writeObjects()) return false;
    encoder_.labels(labels_.texts());
    writeRoots();
    if (!writeNames()) return false;
    writeEnd();
    return encoder_.status() == EncodeStatus::kOk;
  }
  bool stopped() const { return stopped_; }

 private:
  FileHeader header() {
    FileHeader header;
    (void)::getrandom(dumpId_.data(), dumpId_.size(), 0);
    header.dumpId = dumpId_;
    header.dumpedUnix = s_.process().dumpedUnix;
    return header;
  }

  void writeProcess() {
    const ProcessInfo& p = s_.process();
    std::vector<std::string_view> arguments(p.commandLine.begin(), p.commandLine.end());
    encoder_.process({.pid = p.pid,
                      .executable = p.executable,
                      .commandLine = arguments,
                      .host = p.host,
                      .kernel = p.kernel,
                      .startedUnix = p.startedUnix,
                      .dumpedUnix = p.dumpedUnix,
                      .dumpedMonotonic = p.dumpedMonotonic,
                      .dumpId = dumpId_,
                      .previousDumpId = {},
                      .dumpNumber = p.dumpNumber,
                      .consistency = p.consistency,
                      .source = p.source,
                      .generator = p.generator,
                      .requested = p.requested,
                      .convertedFrom = s_.kind() == DumpKind::kV8 ? "v8" : "hprof",
                      .policy = toText(s_.policy())});
  }

  void writeTables() {
    std::vector<std::vector<FieldRecord>> fields;
    const auto records = [&](const std::vector<FieldInfo>& infos) -> std::span<const FieldRecord> {
      std::vector<FieldRecord>& row = fields.emplace_back();
      for (const FieldInfo& f : infos) row.push_back({f.name, f.offset, f.strength, f.targetType});
      return row;
    };
    fields.reserve(2 * s_.types().size());
    std::vector<TypeRecord> types;
    for (const TypeInfo& t : s_.types())
      types.push_back({.name = t.name,
                       .size = t.size,
                       .fields = records(t.fields),
                       .elementSize = t.elementSize,
                       .elementOffset = t.elementOffset,
                       .elementFields = records(t.elementFields),
                       .hasDestructor = t.hasDestructor,
                       .pointerFree = t.pointerFree,
                       .isText = t.isText,
                       .externalOffset = t.externalOffset,
                       .module = {}});
    encoder_.types(types);
    std::vector<SiteRecord> sites;
    for (const SiteInfo& x : s_.sites())
      sites.push_back({x.file, x.line, 0, x.function, x.allocatedObjects, x.allocatedBytes, x.countsCertainty});
    encoder_.sites(sites);
    std::vector<ThreadRecord> threads;
    for (const ThreadInfo& t : s_.threads()) threads.push_back({t.tid, t.name, t.state, t.stackLow.value, t.stackHigh.value});
    encoder_.threads(threads);
    std::vector<StackRecord> stacks;
    std::vector<std::uint64_t> pcs;
    for (const StackInfo& k : s_.stacks()) {
      stacks.push_back({k.pcs, k.site.value, k.allocatedObjects, k.allocatedBytes, k.freedObjects, k.freedBytes, k.samples, k.truncated});
      pcs.insert(pcs.end(), k.pcs.begin(), k.pcs.end());
    }
    encoder_.stacks(s_.stackMeanInterval(), stacks);
    std::sort(pcs.begin(), pcs.end());
    pcs.erase(std::unique(pcs.begin(), pcs.end()), pcs.end());
    std::vector<std::vector<CodeFrameRecord>> code;
    std::vector<SymbolRecord> symbols;
    code.reserve(pcs.size());
    for (const std::uint64_t pc : pcs) {
      std::vector<CodeFrameRecord>& row = code.emplace_back();
      for (const CodeFrame& f : s_.symbol(pc)) row.push_back({f.function, f.file, f.line, f.inlined});
      if (!row.empty()) symbols.push_back({pc, row});
    }
    encoder_.symbols(symbols, s_.process().generator);
    std::vector<CounterRecord> counters;
    for (const auto& [name, value] : s_.counters()) counters.push_back({name, value});
    encoder_.counters(counters);
  }

  // What the reader shows for a slot without a label.
  static std::string declaredLabel(const TypeInfo& type, std::uint32_t slot) {
    if (slot < type.fields.size()) return type.fields[slot].name;
    return fmt::format("[{}]", slot - type.fields.size());
  }

  bool writeObjects() {
    addresses_ = s_.idsAreAddresses();   // else made-up ones, and the source's numbers among the names
    encoder_.expectObjects(s_.objectCount());
    std::uint64_t madeUp = 1;
    struct Slot {
      std::uint64_t target = kNullReference;
      std::uint32_t label = kNoLabel;
      Strength strength = static_cast<Strength>(0xff);   // as declared
    };
    std::vector<Slot> slots;
    for (std::uint32_t i = 0; i < s_.objectCount(); ++i) {
      if (i % kRowsBetweenChecks == 0 && !goOn(0.7 * i / s_.objectCount())) return false;
      const ObjectIndex o(i);
      const std::uint64_t size = s_.size(o).value;
      slots.assign(s_.slotCount(o), {});
      const TypeInfo& type = s_.types()[s_.type(o)];
      bool labelled = false;
      for (EdgeCursor e = s_.edgesFrom(o); e; e.next()) {
        Slot& slot = slots[e.slot()];
        slot.target = e.target().value;
        const Strength declared = e.slot() < type.fields.size() ? type.fields[e.slot()].strength : Strength::kStrong;
        if (const Strength own = s_.strengthOf(o, e); own != declared) slot.strength = own, labelled = true;
      }
      for (std::uint32_t n = 0; n < slots.size(); ++n) {
        const std::string label = s_.labelOf(o, n);
        if (label == declaredLabel(type, n)) continue;
        slots[n].label = labels_.of(label);
        labelled = true;
      }
      const std::uint32_t site = s_.stack(o) ? kSiteIsStack | s_.stack(o)->value : s_.site(o).value;
      encoder_.object({.address = addresses_ ? s_.address(o).value : madeUp,
                       .size = size,
                       .type = s_.type(o).value,
                       .site = site,
                       .referenceCount = static_cast<std::uint32_t>(slots.size()),
                       .age = s_.age(o),
                       .flags = s_.flags(o),
                       .external = s_.external(o).value});
      madeUp += std::max<std::uint64_t>(size, 1);
      for (const Slot& slot : slots)
        labelled ? encoder_.reference(slot.target, slot.label, slot.strength) : encoder_.reference(slot.target);
      if (encoder_.status() != EncodeStatus::kOk) return false;
    }
    encoder_.flush();
    return true;
  }

  void writeRoots() {
    std::vector<RootRecord> roots;
    for (const RootInfo& r : s_.roots())
      roots.push_back({r.object.value, r.kind, r.conservative, r.thread, r.slot.value, r.site.value, r.label});
    encoder_.roots(roots);
  }

  bool writeNames() {
    if (addresses_ && !options_.texts) return true;
    std::vector<std::string> texts(kRowsBetweenChecks);
    std::vector<NameRecord> rows;
    for (std::uint32_t first = 0; first < s_.objectCount(); first += kRowsBetweenChecks) {
      if (!goOn(0.7 + 0.3 * first / s_.objectCount())) return false;
      rows.clear();
      for (std::uint32_t i = first; i < s_.objectCount() && i - first < kRowsBetweenChecks; ++i) {
        std::string& text = texts[i - first];
        text = options_.texts ? s_.description(ObjectIndex(i)) : std::string();
        rows.push_back({s_.address(ObjectIndex(i)).value, text});
      }
      encoder_.names(rows, !addresses_);
      if (encoder_.status() != EncodeStatus::kOk) return false;
    }
    return true;
  }

  void writeEnd() {
    const LoadReport& report = s_.report();
    std::vector<std::pair<std::string, std::uint64_t>> lost = report.losses;
    lost.emplace_back("objects missing before conversion", report.objectsMissing);
    lost.emplace_back("objects without their references before conversion", report.referencesMissing);
    lost.emplace_back("bytes of the converted file not read",
                      report.file.fileBytes > report.file.bytesRead ? report.file.fileBytes - report.file.bytesRead : 0);
    if (!report.file.endSeen) lost.emplace_back("converted from a file that was cut off", 1);
    std::vector<LossRecord> losses;
    for (const auto& [name, count] : lost)
      if (count != 0) losses.push_back({name, count});
    EndRecord end;
    end.objects = s_.objectCount();
    end.roots = s_.roots().size();
    end.losses = losses;
    encoder_.end(end);
  }

  bool goOn(double fraction) {
    if (progress_) progress_(fraction);
    stopped_ = stop_.stop_requested();
    return !stopped_;
  }

  const Snapshot& s_;
  FrameEncoder& encoder_;
  const ConvertOptions& options_;
  const std::function<void(double)>& progress_;
  const std::stop_token& stop_;
  std::array<std::uint8_t, 16> dumpId_{};
  LabelNumbers labels_;
  bool addresses_ = true, stopped_ = false;
};

}  // namespace

Result<void> convert(const Snapshot& snapshot, const std::string& output, const ConvertOptions& options,
                     const std::function<void(double)>& progress, std::stop_token stop) {
  if (snapshot.kind() == DumpKind::kOpenclaw)
    return fail(ErrorCode::kInvalidArgument, "this is a heap.bin already", Where{.file = snapshot.path()});
  OPENCLAW_TRY(DumpWriter writer, DumpWriter::create(output, {.overwrite = options.overwrite}));
  Converter converter(snapshot, writer.encoder(), options, progress, stop);
  if (!converter.run()) {
    if (converter.stopped()) return fail(ErrorCode::kCancelled, "interrupted", Where{.file = output});
    // The writer's commit says what its file said.
  }
  OPENCLAW_TRY_VOID(writer.commit());
  if (progress) progress(1);
  return {};
}

}  // namespace openclaw
