// The heap of the runtime as a HeapSource: what a dump of it is made from. Sees a heap that holds still, in the stopped
// process or in its clone; every number comes from the mark bytes, headers and pointer maps themselves, so that the
// dump checks the counters that stand beside it.
//
//   RuntimeSource source(impl);
//   source.prepare("control socket, uid 1000");     // before the stop: rows that need memory
//   ... stop; writeDump(source, ...) or clone ...
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "capture/heap_source.h"

namespace openclaw {

namespace gc {
class HeapImpl;
struct ResidentSet;
}

// Threads: the dumping one. Owns: rows gathered by prepare() and mapped memory that the walk fills.
// All visit functions: no allocation, no locks, no system calls.
class RuntimeSource final : public HeapSource {
 public:
  explicit RuntimeSource(gc::HeapImpl& heap);
  ~RuntimeSource();
  RuntimeSource(const RuntimeSource&) = delete;

  // Gathers what needs memory or /proc: process, modules, settings and their history, pause records, types so far.
  // Types, threads, stacks and sites that appear between this and the stop are in the dump too.
  void prepare();
  // What the kernel said is in memory, for the dump's counters; before the stop.
  void setResident(const gc::ResidentSet& resident);

  std::uint64_t lowAddress() const noexcept override;
  std::uint64_t highAddress() const noexcept override;
  std::uint32_t granule() const noexcept override;
  std::uint32_t objectOffset() const noexcept override;
  const SourceTables& tables() noexcept override;
  void visitStarts(StartVisitor& visitor) noexcept override;
  void visitObjects(ObjectVisitor& visitor) noexcept override;
  void visitRegions(RegionVisitor& visitor) noexcept override;
  std::span<const FloatingRecord> floating() noexcept override;
  void visitRoots(RootVisitor& visitor) noexcept override;
  LateTables lateTables() noexcept override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace openclaw
