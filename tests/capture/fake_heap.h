// A hand-made heap for the tests of capture: rows in vectors, nothing behind the addresses. Random graphs over several
// regions with a printed seed, and a host that counts what a snapshotter asks of it.
//
//   FakeHeap heap = FakeHeap::random(seed, 10'000);
//   FakeHost host(heap);
//   Snapshotter(host).dump(file.descriptor(), {}, {}, {});
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "capture/heap_source.h"
#include "capture/snapshotter.h"

namespace openclaw::test {

struct FakeObject {
  ObjectRecord row;
  std::vector<std::uint64_t> slots;  // payload addresses, 0 = null
};

class FakeHeap final : public HeapSource {
 public:
  static constexpr std::uint32_t kGranule = 16, kOffset = 8;
  static constexpr std::uint64_t kLow = 0x7000'0000'0000;

  // Objects of 16 to 512 bytes in blocks with gaps, large ones in regions of their own, wide empty ranges between.
  // References go anywhere; a tenth is null. Some objects are roots.
  static FakeHeap random(std::uint64_t seed, std::size_t objects);

  std::vector<FakeObject> objects;        // ascending addresses
  std::vector<RegionRecord> regions;      // ascending bases
  std::vector<std::pair<std::uint64_t, RootRecord>> roots;  // target address
  std::vector<TypeRecord> types;
  std::vector<SiteRecord> sites;
  std::vector<LossRecord> losses;
  std::vector<FloatingRecord> floatingRows;
  SourceTables tablesRow;
  std::uint64_t high = kLow;
  // Called by visitObjects before object number `first`: tests stop, crash or look there.
  std::size_t hookAt = ~std::size_t{0};
  void (*hook)(void*) = nullptr;
  void* hookArgument = nullptr;

  std::uint64_t lowAddress() const noexcept override { return kLow; }
  std::uint64_t highAddress() const noexcept override { return high; }
  std::uint32_t granule() const noexcept override { return kGranule; }
  std::uint32_t objectOffset() const noexcept override { return kOffset; }
  const SourceTables& tables() noexcept override;
  void visitStarts(StartVisitor& visitor) noexcept override;
  void visitObjects(ObjectVisitor& visitor) noexcept override;
  void visitRegions(RegionVisitor& visitor) noexcept override;
  std::span<const FloatingRecord> floating() noexcept override { return floatingRows; }
  void visitRoots(RootVisitor& visitor) noexcept override;
  LateTables lateTables() noexcept override { return {sites, losses}; }
};

class FakeHost final : public SnapshotHost {
 public:
  explicit FakeHost(FakeHeap& heap) : heap_(heap) {}
  std::vector<std::string> calls;      // "prepare clone", "stop", "resume child", "gone", …
  double headroom = 0;
  std::uint64_t committed = 1 << 20;
  std::function<void()> onResume;      // what the program does right after it may run again
  std::string note;

  void prepare(bool willClone) override { calls.push_back(willClone ? "prepare clone" : "prepare"); }
  std::uint64_t stop() override { return calls.push_back("stop"), 1; }
  std::uint64_t resume(bool childAlive) override {
    calls.push_back(childAlive ? "resume child" : "resume");
    if (onResume) onResume();
    return 1000;
  }
  std::string childGone() override { return calls.push_back("gone"), note; }
  HeapSource& source() override { return heap_; }
  double requiredHeadroom() const override { return headroom; }
  std::uint64_t committedBytes() const override { return committed; }

 private:
  FakeHeap& heap_;
};

// What a dump says, read back through DumpReader.
struct ReadBack {
  std::vector<ObjectRecord> objects;
  std::vector<std::vector<std::uint64_t>> targets;  // per object, object indexes or kNullReference
  std::vector<RegionRecord> regions;
  std::vector<RootRecord> roots;                    // without label
  std::vector<FloatingRecord> floating;
  std::vector<std::string> types, rootLabels;
  std::vector<std::pair<std::string, std::uint64_t>> losses, counters;
  ProcessRecord process;                            // only numbers
  std::string requested;
  std::vector<std::uint8_t> dumpId, previousDumpId;
  EndRecord end;
  std::size_t sites = 0, stacks = 0, modules = 0, symbols = 0;
  bool complete = false, indexUsed = false;
  std::string problem;                              // "" = read
};
ReadBack readBack(const std::string& path);
ReadBack readBack(std::span<const std::byte> bytes);
// "" when `dump` holds exactly the objects, edges, regions and roots of `heap`, else the first difference.
std::string difference(const FakeHeap& heap, const ReadBack& dump);

// Own descriptors, child processes and mappings, for leak checks.
std::size_t descriptorCount();
std::vector<int> childProcesses();
std::size_t mappingCount();

// A temporary folder that removes itself.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
 private:
  std::string path_;
};

}  // namespace openclaw::test
