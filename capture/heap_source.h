// What a dump is made from: a heap that holds still, described through this interface. The runtime, the native agent,
// a core file and the tests' hand-made heaps implement it; dump_child.h turns any of them into frames.
//
// The walk (writeDump in dump_child.h) calls, in this order:
//   visitStarts (numbers the objects) - tables - visitObjects (rows and slots) - visitRegions - visitFloating -
//   visitRoots - lateTables (sites and losses, which the walk itself may have gathered)
// All of it runs in a stopped world or in a forked child: noexcept, no allocation, no locks, no system calls.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "format/records.h"

namespace openclaw {

// Metadata that is ready as rows. Borrowed until the walk ends.
struct SourceTables {
  ProcessRecord process;
  std::span<const ModuleRecord> modules;
  std::span<const TypeRecord> types;
  std::span<const ArenaRecord> arenas;
  std::span<const ThreadRecord> threads;
  std::uint64_t stackMeanInterval = 0;
  std::span<const StackRecord> stacks;
  std::uint64_t pausesTotal = 0;
  std::span<const PauseRecord> pauses;
  std::span<const SettingRecord> settings;
  std::span<const SettingChangeRecord> settingChanges;
  std::span<const CounterRecord> counters;
  std::span<const RequestRecord> requests;
  std::uint64_t requestsLost = 0;
};
struct LateTables {
  std::span<const SiteRecord> sites;   // row 0 is "unknown"
  std::span<const LossRecord> losses;
};

class StartVisitor {
 public:
  // Payload addresses, ascending over all calls.
  virtual void starts(std::span<const std::uint64_t> addresses) noexcept = 0;
 protected:
  ~StartVisitor() = default;
};
class ObjectVisitor {
 public:
  // Rows in the same order as visitStarts gave them; record.referenceCount slots follow in one or more slots() calls
  // (none when it is 0).
  virtual void object(const ObjectRecord& record) noexcept = 0;
  // Values of the object's pointer slots: payload addresses of objects of this heap, 0 = null. An address where no
  // object starts is counted as a loss ("dangling references") and written as null.
  virtual void slots(std::span<const std::uint64_t> targets) noexcept = 0;
 protected:
  ~ObjectVisitor() = default;
};
class RegionVisitor {
 public:
  virtual void region(const RegionRecord& record) noexcept = 0;  // ascending base; firstObject and objectCount are filled in by the walk
 protected:
  ~RegionVisitor() = default;
};
class RootVisitor {
 public:
  virtual void root(std::uint64_t targetAddress, const RootRecord& record) noexcept = 0;  // record.object is filled in by the walk
 protected:
  ~RootVisitor() = default;
};

class HeapSource {
 public:
  // Every object's payload address lies in [low, high) and is objectOffset() more than a multiple of granule().
  virtual std::uint64_t lowAddress() const noexcept = 0;
  virtual std::uint64_t highAddress() const noexcept = 0;
  virtual std::uint32_t granule() const noexcept = 0;
  virtual std::uint32_t objectOffset() const noexcept = 0;

  virtual const SourceTables& tables() noexcept = 0;
  virtual void visitStarts(StartVisitor& visitor) noexcept = 0;
  virtual void visitObjects(ObjectVisitor& visitor) noexcept = 0;
  virtual void visitRegions(RegionVisitor& visitor) noexcept = 0;
  virtual std::span<const FloatingRecord> floating() noexcept = 0;
  virtual void visitRoots(RootVisitor& visitor) noexcept = 0;
  virtual LateTables lateTables() noexcept = 0;

 protected:
  ~HeapSource() = default;
};

}  // namespace openclaw
