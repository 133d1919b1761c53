#include "tests/analyzer/snapshot_text.h"

#include <sstream>

namespace openclaw::test {

std::string textOfSnapshot(const Snapshot& s) {
  std::ostringstream out;
  for (std::uint32_t i = 0; i < s.objectCount(); ++i) {
    const ObjectIndex o(i);
    out << i << " at " << s.address(o).value << " size " << s.size(o).value << " type " << s.types()[s.type(o)].name << " site "
        << s.sites()[s.site(o)].file << ":" << s.sites()[s.site(o)].line << " stack " << (s.stack(o) ? s.stack(o)->value + 1 : 0) << " age "
        << int(s.age(o)) << " flags " << int(s.flags(o)) << " external " << s.external(o).value << " reachable " << s.reachable(o)
        << " dominator " << (s.dominator(o) ? std::int64_t{s.dominator(o)->value} : -1) << " retained " << s.retained(o).value;
    for (EdgeCursor e = s.edgesFrom(o); e; e.next())
      out << " [" << e.slot() << " " << s.labelOf(o, e.slot()) << " " << int(s.strengthOf(o, e.slot())) << " -> " << e.target().value << "]";
    out << "\n";
  }
  for (const TypeInfo& t : s.types()) out << "type " << t.name << " " << t.size << " " << t.fields.size() << " " << t.elementSize << "\n";
  for (const SiteInfo& t : s.sites()) out << "site " << t.file << ":" << t.line << " " << t.function << " " << t.allocatedBytes << "\n";
  for (const StackInfo& t : s.stacks()) {
    out << "stack of site " << t.site.value << " samples " << t.samples << " freed " << t.freedBytes;
    for (const std::uint64_t pc : t.pcs) {
      out << " " << pc;
      for (const CodeFrame& frame : s.symbol(pc)) out << " " << frame.function << ":" << frame.line;
    }
    out << "\n";
  }
  for (const RootInfo& r : s.roots())
    out << "root " << r.object.value << " " << int(r.kind) << " " << r.conservative << " " << r.slot.value << " " << r.site.value << " " << r.label << "\n";
  for (const ArenaInfo& a : s.arenas()) out << "arena " << a.ownedName << " " << a.committed << "\n";
  for (const RegionRecord& r : s.regions())
    out << "region " << r.base << " " << r.bytes << " " << r.firstObject << " " << r.objectCount << " " << r.objectBytes << " " << r.holeBytes << "\n";
  for (const FloatingInfo& f : s.floating()) out << "floating " << f.type.value << " " << f.objects << " " << f.bytes << "\n";
  for (const ThreadInfo& t : s.threads()) out << "thread " << t.tid << " " << t.name << "\n";
  for (const PauseInfo& p : s.pauses()) out << "pause " << p.number << " " << p.ownedKind << " " << p.duration << "\n";
  for (const auto& [name, value] : s.counters()) out << name << " = " << value << "\n";
  for (const SettingInfoRow& row : s.settings()) out << row.name << " = " << row.value << "\n";
  for (const ModuleInfo& m : s.modules()) out << "module " << m.path << " " << m.base.value << "\n";
  out << s.process().executable << " " << s.process().pid << " " << s.pausesTotal() << " " << s.stackMeanInterval() << " " << s.edgeCount();
  return out.str();
}

}  // namespace openclaw::test
