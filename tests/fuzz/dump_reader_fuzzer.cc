// Reads any bytes as a dump, every row of every frame. Frames that are read must keep the reader's promises.
#include <cstdint>
#include <vector>

#include "format/check.h"
#include "format/dump_reader.h"
#include "format/frame.h"
#include "tests/fuzz/dump_bytes.h"

namespace {

using namespace openclaw;

std::uint64_t sum = 0;  // every byte that is shown is touched
void touch(std::string_view text) {
  for (char c : text) sum += static_cast<unsigned char>(c);
}

void readRows(const DecodedFrame& frame) {
  auto fields = [](auto& list) {
    for (auto& field : list) touch(field.name), touch(field.targetType);
  };
  switch (frame.info().kind) {
    case FrameKind::kProcess:
      frame.process([](const ProcessRecord& r) {
        touch(r.executable);
        for (auto argument : r.commandLine) touch(argument);
      });
      break;
    case FrameKind::kModules: frame.forEachModule([](const ModuleRecord& r) { touch(r.path); }); break;
    case FrameKind::kTypes:
      frame.forEachType([&](TypeIndex, const TypeRecord& r) { touch(r.name), fields(r.fields), fields(r.elementFields); });
      break;
    case FrameKind::kSites: frame.forEachSite([](SiteIndex, const SiteRecord& r) { touch(r.file), touch(r.function); }); break;
    case FrameKind::kArenas: frame.forEachArena([](const ArenaRecord& r) { touch(r.name); }); break;
    case FrameKind::kRegions: frame.forEachRegion([](RegionIndex, const RegionRecord& r) { sum += r.lineMap[3]; }); break;
    case FrameKind::kFloating: frame.forEachFloating([](const FloatingRecord& r) { sum += r.bytes; }); break;
    case FrameKind::kRoots: frame.forEachRoot([](const RootRecord& r) { touch(r.label); }); break;
    case FrameKind::kThreads: frame.forEachThread([](const ThreadRecord& r) { touch(r.name), touch(r.state); }); break;
    case FrameKind::kStacks:
      sum += frame.stackMeanInterval();
      frame.forEachStack([](StackIndex, const StackRecord& r) {
        for (auto pc : r.pcs) sum += pc;
      });
      break;
    case FrameKind::kPauses:
      sum += frame.pausesTotal();
      frame.forEachPause([](const PauseRecord& r) {
        touch(r.kind), touch(r.cause);
        for (auto& phase : r.phases) touch(phase.name);
      });
      break;
    case FrameKind::kSettings:
      frame.forEachSetting([](const SettingRecord& r) { touch(r.name), touch(r.value); });
      frame.forEachSettingChange([](const SettingChangeRecord& r) { touch(r.name), touch(r.by); });
      break;
    case FrameKind::kCounters: frame.forEachCounter([](const CounterRecord& r) { touch(r.name); }); break;
    case FrameKind::kRequests:
      sum += frame.requestsLost();
      frame.forEachRequest([](const RequestRecord& r) { sum += r.low; });
      break;
    case FrameKind::kLabels: frame.forEachLabel([](std::uint32_t, std::string_view text) { touch(text); }); break;
    case FrameKind::kNames:
      frame.forEachName([](std::uint64_t object, std::optional<std::uint64_t> id, std::string_view text) { sum += object + id.value_or(0), touch(text); });
      break;
    case FrameKind::kSymbols:
      frame.forEachSymbol([](const SymbolRecord& r) {
        for (auto& code : r.frames) touch(code.function), touch(code.file);
      });
      break;
    case FrameKind::kEnd:
      frame.end([](const EndRecord& r) {
        for (auto& loss : r.losses) touch(loss.name);
      });
      break;
    case FrameKind::kTaken: frame.taken([](const TakenRecord& r) { touch(r.note); }); break;
    case FrameKind::kIndex: break;
    case FrameKind::kObjects:
      if (auto columns = frame.objects()) {
        std::size_t n = columns->address.size();
        OPENCLAW_CHECK(n > 0 && n <= 65536, n);
        OPENCLAW_CHECK(columns->size.size() == n && columns->type.size() == n && columns->site.size() == n &&
                       columns->referenceCount.size() == n && columns->age.size() == n && columns->flags.size() == n);
        for (std::size_t i = 1; i < n; ++i) OPENCLAW_CHECK(columns->address[i - 1] < columns->address[i], i);
        for (auto [row, bytes] : columns->external) OPENCLAW_CHECK(row < n, row, bytes);
      }
      break;
    case FrameKind::kReferences:
      if (auto columns = frame.references()) {
        std::size_t n = columns->delta.size();
        OPENCLAW_CHECK(columns->label.empty() || columns->label.size() == n);
        OPENCLAW_CHECK(columns->strength.empty() || columns->strength.size() == n);
      }
      break;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto* begin = reinterpret_cast<const std::byte*>(data);
  std::vector<std::byte> file(begin, begin + size);
  if (size == 0 || data[size - 1] % 16 != 0) fuzz::repairChecksums(file);
  auto reader = DumpReader::fromMemory(file, "fuzz");
  if (!reader) return 0;
  OPENCLAW_CHECK(reader->report().bytesRead <= reader->report().fileBytes);
  for (const FrameInfo& frame : reader->frames())
    if (auto decoded = reader->decode(frame)) readRows(*decoded);
  return 0;
}
