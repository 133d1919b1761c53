#include "tests/analyzer/foreign_dumps.h"

#include <iterator>
#include <sstream>
#include <utility>

#include "tests/analyzer/hprof/hprof_writer.h"
#include "tests/analyzer/snapshot_text.h"
#include "tests/analyzer/v8/v8_text.h"

namespace openclaw::test {

std::vector<std::byte> randomJavaDump(std::uint32_t seed) {
  Random random(seed);
  HprofWriter w(seed % 2 == 0 ? 8 : 4);
  std::uint64_t name = 1;
  for (const char* text : {"java/lang/Object", "java/lang/Class", "app/Node", "[Ljava/lang/Object;", "left", "right", "java/lang/String", "value", "[B"}) w.utf8(name++, text);
  for (const auto& [id, n] : {std::pair{0x1000, 1}, {0x1100, 2}, {0x1200, 3}, {0x1300, 4}, {0x1400, 7}, {0x1500, 9}})
    w.loadClass(static_cast<std::uint32_t>(id >> 8), static_cast<std::uint64_t>(id), static_cast<std::uint64_t>(n));
  w.frame(70, 1, 2, 1, 42);
  w.trace(5, 9, {70});
  w.beginSegment();
  w.classDump({.id = 0x1000});
  w.classDump({.id = 0x1100, .super = 0x1000});
  w.classDump({.id = 0x1200, .super = 0x1000, .statics = {{5, HprofWriter::kObject, 0x10000}}, .fields = {{5}, {6}}});
  w.classDump({.id = 0x1300, .super = 0x1000});
  w.classDump({.id = 0x1400, .super = 0x1000, .fields = {{8}}});
  w.classDump({.id = 0x1500, .super = 0x1000});
  const std::uint32_t count = 300 + random() % 1000;
  const auto id = [](std::uint64_t i) { return 0x10000 + 32 * i; };
  const auto any = [&] { return random() % 10 == 0 ? 0 : id(random() % (count + 3)); };   // dangling ones too
  for (int i = 0; i < 9; ++i) w.root(0x01, id(random() % count));
  for (std::uint32_t i = 0; i < count; ++i) {
    if (i % 5 == 0) w.objectArray(id(i), 0x1300, std::vector<std::uint64_t>(random() % 40, any()));
    else if (i % 7 == 0) w.primitiveArray(id(i), HprofWriter::kByte, 6, "abcdef");
    else if (i % 11 == 0) w.instance(id(i), 0x1400, {id(i / 7 * 7)});
    else w.instance(id(i), 0x1200, {any(), any()});
  }
  w.endSegment();
  w.end();
  const std::vector<std::byte> bytes = w.bytes();
  return seed % 3 == 0 ? gzipped(bytes, 4096) : bytes;
}

std::string randomV8Snapshot(std::uint32_t seed) {
  Random random(seed);
  V8Text text;
  const char* types[] = {"object", "array", "string", "closure", "native", "hidden", "code", "concatenated string"};
  const char* edges[] = {"property", "context", "internal", "weak", "shortcut"};
  const auto root = text.node("synthetic", "", 1, 0), handles = text.node("synthetic", "(Global handles)", 3, 0);
  text.edge(root, "element", 1, handles);
  const std::uint32_t count = 100 + random() % 400;
  for (std::uint32_t i = 0; i < count; ++i)
    text.node(types[random() % std::size(types)], "name " + std::to_string(random() % 50), seed % 2 == 0 ? 5 + 2 * i : 5 + 2 * (count - i), 8 * (random() % 30));
  for (int i = 0; i < 9; ++i) text.edge(handles, "element", static_cast<std::uint64_t>(i), 2 + random() % count);
  for (std::uint32_t i = 0; i < 3 * count; ++i) {
    const std::uint32_t from = 2 + random() % count, to = 2 + random() % count;
    if (random() % 3 == 0) text.edge(from, random() % 2 == 0 ? "element" : "hidden", std::uint64_t{random() % 7}, to);
    else text.edge(from, edges[random() % std::size(edges)], "edge " + std::to_string(random() % 20), to);
  }
  return text.json();
}

std::string answersOf(const Snapshot& s) {
  std::ostringstream out;
  out << textOfSnapshot(s) << "\n" << toText(s.kind()) << " " << toText(s.policy()) << " " << s.idsAreAddresses() << "\n";
  for (std::uint32_t i = 0; i < s.objectCount(); ++i) {
    const ObjectIndex o(i);
    out << i << " " << s.description(o) << " slots " << s.slotCount(o);
    for (std::uint32_t slot = 0; slot < s.slotCount(o); ++slot) out << " " << s.labelOf(o, slot) << "/" << int(s.strengthOf(o, slot));
    out << " from";
    for (EdgeCursor e = s.edgesTo(o); e; e.next()) out << " " << e.target().value;
    out << " dominates";
    for (const std::uint32_t child : s.dominatedBy(o)) out << " " << child;
    if (const auto bound = s.declaredBound(o)) out << " bound " << bound->most << bound->inObjects;
    out << "\n";
  }
  for (const PauseInfo& p : s.pauses()) {
    out << p.ownedCause << " " << p.predicted << " " << p.runDelay << " " << p.throttled;
    for (const auto& [phase, ns] : p.ownedPhases) out << " " << phase << " " << ns;
    out << "\n";
  }
  for (const SettingChangeInfo& c : s.settingChanges()) out << c.unixTime << c.name << c.before << c.after << c.by << "\n";
  for (const TypeInfo& t : s.types())
    for (const FieldInfo& f : t.fields) out << t.name << "." << f.name << "+" << f.offset << " " << int(f.strength) << " " << f.targetType << "\n";
  const ProcessInfo& p = s.process();
  out << p.host << p.kernel << p.source << p.generator << p.requested << p.startedUnix << p.dumpedUnix << " " << s.stopNanoseconds() << " "
      << s.hasDeclaredBounds() << "\n";
  return out.str();
}

std::string originOf(const Snapshot& s) {
  std::ostringstream out;
  out << s.path() << " " << s.process().dumpId << " " << s.process().previousDumpId << "\n";
  const LoadReport& report = s.report();
  out << report.sentence() << " " << report.file.fileBytes << " " << report.file.bytesRead << " " << report.file.endSeen << report.file.indexUsed
      << report.lossesWhileLoading << " " << report.referencesMissing << " " << report.objectsMissing << "\n";
  for (const auto& [name, count] : report.losses) out << name << " " << count << "\n";
  for (const auto* faults : {&report.file.faults, &report.contradictions})
    for (const FileFault& fault : *faults) out << fault.name << " " << fault.detail << " " << fault.times << "\n";
  return out.str();
}

}  // namespace openclaw::test
