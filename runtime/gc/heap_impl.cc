#include "runtime/gc/heap_impl.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <mutex>

#include "format/check.h"
#include "format/units.h"
#include "runtime/control_host/heap_control.h"
#include "runtime/gc/cgroup_limit.h"
#include "runtime/gc/verifier.h"
#include "runtime/heap.h"

namespace openclaw::gc {
namespace {

constexpr std::uint32_t kMaxRoots = 1u << 26;   // 1 GiB of address space, touched as used
constexpr std::uint64_t kDestructorsPerStep = 1024;
constexpr int kBlocksPerStep = 64;

// Heaps of this process, for heapOf. A row is claimed and given up by its heap.
struct HeapRow {
  std::atomic<std::uintptr_t> low{0}, high{0};
  std::atomic<HeapImpl*> heap{nullptr};
};
constexpr std::size_t kMaxHeaps = 64;
constinit std::array<HeapRow, kMaxHeaps> gHeaps;

bool claimHeapRow(HeapImpl& heap) {
  for (HeapRow& row : gHeaps) {
    HeapImpl* none = nullptr;
    if (!row.heap.compare_exchange_strong(none, &heap, std::memory_order_acq_rel)) continue;
    row.high.store(heap.pool.high(), std::memory_order_release);
    row.low.store(heap.pool.low(), std::memory_order_release);
    return true;
  }
  return false;
}

void giveUpHeapRow(HeapImpl& heap) {
  for (HeapRow& row : gHeaps) {
    if (row.heap.load(std::memory_order_acquire) != &heap) continue;
    row.low.store(0, std::memory_order_release);
    row.high.store(0, std::memory_order_release);
    row.heap.store(nullptr, std::memory_order_release);
  }
}

std::uint64_t processStart() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace

HeapImpl* heapOf(const void* address) noexcept {
  const auto a = reinterpret_cast<std::uintptr_t>(address);
  for (HeapRow& row : gHeaps)
    if (a >= row.low.load(std::memory_order_acquire) && a < row.high.load(std::memory_order_acquire))
      return row.heap.load(std::memory_order_acquire);
  return nullptr;
}

Result<std::unique_ptr<HeapImpl>> HeapImpl::create(const HeapOptions& options) {
  OPENCLAW_TRY(auto pool, pool::Pool::create(options.reservationBytes));
  std::unique_ptr<HeapImpl> heap;
  try {
    heap.reset(new HeapImpl(std::move(pool), options));
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::kNotFinished, "no address space for the heap's tables; a smaller reservation needs less");
  }
  OPENCLAW_TRY_VOID(heap->settings.start(options.settings, options.settingsOrigin));
  heap->pool.setHugePages(heap->setting(SettingId::hugePages) != 0);
  heap->pauses.resize(heap->setting(SettingId::pauseLog));
  heap->allocator.settingsChanged();
  if (!claimHeapRow(*heap)) return fail(ErrorCode::kNotFinished, fmt::format("more than {} heaps in one process", kMaxHeaps));
  HeapImpl* raw = heap.get();
  raw->settings.observe([raw](SettingId id, std::uint64_t before, std::uint64_t after) { raw->settingChanged(id, before, after); });
  return heap;
}

HeapImpl::HeapImpl(std::unique_ptr<pool::Pool> owner, const HeapOptions& options)
    : poolOwner(std::move(owner)),
      pool(*poolOwner),
      cgroupLimit(cgroupMemoryLimit("/proc/self/cgroup", "/sys/fs/cgroup")),
      startedUnix(processStart()),
      roots(kMaxRoots),
      safepoint(*this),
      allocator(*this),
      marker(*this, options.reservationBytes),
      sweeper(*this),
      destructors(*this),
      pauses(settingInfo(SettingId::pauseLog).defaultValue),
      dumps(*this) {}

HeapImpl::~HeapImpl() {
  OPENCLAW_CHECK(safepoint.threadCount() == 0, safepoint.threadCount());
  destructors.runAll();
  giveUpHeapRow(*this);
}

std::uint64_t HeapImpl::effectiveLimit() const {
  return std::min({setting(SettingId::heapLimit), cgroupLimit, pool.reservedBytes()});
}

PauseEntry HeapImpl::collect(std::string_view cause) {
  PauseBuilder& pause = safepoint.stop(StopKind::kCollect, cause);
  collectStopped(pause);
  const PauseEntry entry = safepoint.resume();
  releaseAfterCollection();
  return entry;
}

bool HeapImpl::collectOnce(std::string_view cause, std::uint64_t seen) {
  PauseBuilder* pause = safepoint.stopUnless(collections, seen, StopKind::kCollect, cause);
  if (pause == nullptr) return false;
  collectStopped(*pause);
  safepoint.resume();
  releaseAfterCollection();
  return true;
}

// Chunks that were still empty when the collection began were not needed for a whole cycle. Off the pause: giving
// memory back takes the system a while.
void HeapImpl::releaseAfterCollection() noexcept {
  CriticalScope critical;
  std::lock_guard guard(poolLock);
  if (!dumps.childAlive()) allocator.releaseEmptyChunks();
}

void HeapImpl::collectStopped(PauseBuilder& pause) noexcept {
  pause.phase("finish-sweep");
  safepoint.forEachThread([&](ThreadContext& thread) { allocator.retire(thread); });
  sweeper.finish();

  const std::uint8_t next = pool::nextColour(colour());
  const MarkTotals totals = marker.mark(next, pause);

  pause.phase("prepare-sweep");
  setColour(next);
  markedObjects.store(totals.objects, std::memory_order_relaxed);
  markedBytes.store(totals.bytes, std::memory_order_relaxed);
  sweptLiveObjects.store(0, std::memory_order_relaxed);
  sweptLiveBytes.store(0, std::memory_order_relaxed);
  sweeper.setLeft(allocator.restartSearch());
  requests.clear();
  allocatedSinceCollection.store(0, std::memory_order_relaxed);
  collections.fetch_add(1, std::memory_order_relaxed);
  if (dumps.childAlive()) dumps.collectionsWithChild.fetch_add(1, std::memory_order_relaxed);
  pause.entry.objectsMarked = totals.objects;
  pause.entry.bytesMarked = totals.bytes;
  pause.entry.rootsScanned = totals.rootsScanned;
  pause.entry.stackWords = totals.stackWords;
  pause.entry.weakCleared = totals.weakCleared;
  if (setting(SettingId::stressVerify) != 0) {
    pause.phase("verify");
    Verifier verifier(*this);
    if (verifier.run() != 0) {
      verifyFailures.fetch_add(1, std::memory_order_relaxed);
      verifier.writeTo(STDERR_FILENO);
      OPENCLAW_CHECK(false && "stress-verify found a broken invariant", collections.load());
    }
  }
  if (control != nullptr) control->collectionFinished();
}

bool HeapImpl::idleStep() {
  const bool ranDestructors = destructors.run(kDestructorsPerStep) != 0;
  bool more = destructors.pending() != 0 && ranDestructors;
  // Sweeping writes mark bytes, which a dump child shares: it can wait.
  if (dumps.childAlive()) return more;
  if (setting(SettingId::backgroundSweep) != 0) {
    int steps = 0;
    while (steps < kBlocksPerStep && sweeper.step()) ++steps;
    more = more || steps == kBlocksPerStep;
  }
  if (!sweeper.anyLeft()) {
    std::lock_guard sweepGuard(sweeper.lock);
    std::lock_guard guard(poolLock);
    allocator.releaseEmptyChunks();
  }
  return more;
}

Result<void> HeapImpl::checkSetting(SettingId id, std::uint64_t value) {
  OPENCLAW_TRY_VOID(SettingsState::check(id, value));
  if (id != SettingId::heapLimit || value >= pool.committedBytes()) return {};
  // Below what is committed: give back what can be had, then see.
  collect("heap limit lowered");
  StoppedWorld world(*this, StopKind::kResize, "heap limit lowered");
  world.pause().phase("resize");
  sweeper.finish();
  allocator.releaseEmptyChunks();
  pool.trim(0);
  if (value >= pool.committedBytes()) return {};
  const std::uint64_t committed = pool.committedBytes();
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("memory heap-limit: {} is below the {} that stay in use after a collection",
                          settingText(id, value), toText(Bytes(committed))));
}

void HeapImpl::settingChanged(SettingId id, std::uint64_t, std::uint64_t after) {
  switch (id) {
    case SettingId::hugePages: pool.setHugePages(after != 0); break;
    case SettingId::pauseLog: pauses.resize(after); break;
    case SettingId::spareChunks: {
      CriticalScope critical;
      std::lock_guard guard(poolLock);
      if (!dumps.childAlive()) pool.trim(after);
      break;
    }
    case SettingId::stressCollect:
    case SettingId::sampleInterval: {
      // The next allocation of every thread takes the slow path, which takes up the new value.
      StoppedWorld world(*this, StopKind::kResize, "settings");
      allocator.settingsChanged();
      safepoint.forEachThread([](ThreadContext& thread) { thread.tlab.limit = thread.tlab.cursor; });
      break;
    }
    default: break;   // read where they are used
  }
}

}  // namespace openclaw::gc
