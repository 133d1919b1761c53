// The heap from inside: its parts, its colour, its collections. Heap (runtime/heap.h) is the face of it.
//
// Reading order: pool/layout.h (bytes), pool/pool.h (chunks), gc/thread_context.h, gc/safepoint.h (stops),
// gc/allocator.h (who gets memory), gc/marker.h, gc/sweeper.h, gc/destructors.h, gc/counters.h, gc/verifier.h.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "capture/stacks/recorder.h"
#include "format/counters.h"
#include "format/result.h"
#include "runtime/config/settings_state.h"
#include "runtime/gc/allocator.h"
#include "runtime/gc/destructors.h"
#include "runtime/gc/dump_hooks.h"
#include "runtime/gc/marker.h"
#include "runtime/gc/pauses.h"
#include "runtime/gc/requests.h"
#include "runtime/gc/root_table.h"
#include "runtime/gc/safepoint.h"
#include "runtime/gc/sweeper.h"
#include "runtime/pool/pool.h"

namespace openclaw {
struct HeapOptions;
class HeapControl;
}  // namespace openclaw

namespace openclaw::gc {

class HeapImpl {
 public:
  static Result<std::unique_ptr<HeapImpl>> create(const HeapOptions& options);
  ~HeapImpl();
  HeapImpl(const HeapImpl&) = delete;

  // Stops the world, marks, restarts. Any thread. `cause` stands in the pause record.
  PauseEntry collect(std::string_view cause);
  // The same unless another collection came first: `seen` is what `collections` was when the need arose. Whether it ran.
  bool collectOnce(std::string_view cause, std::uint64_t seen);
  // One small step of background work on the control thread: destructors, a few blocks of sweeping, giving empty
  // chunks back. True while there is more to do at once.
  bool idleStep();
  // Takes effect as settings.def says; the caller has checked the range and stores the value. kInvalidArgument: a
  // heap limit below what stays committed after a collection.
  Result<void> checkSetting(SettingId id, std::uint64_t value);
  void settingChanged(SettingId id, std::uint64_t before, std::uint64_t after);

  // Limit of committed bytes: the setting, the cgroup's limit seen at start, the reservation; whichever is least.
  std::uint64_t effectiveLimit() const;
  std::uint64_t setting(SettingId id) const { return settings.get(id); }

  // Constant after construction.
  std::unique_ptr<pool::Pool> poolOwner;
  pool::Pool& pool;
  std::uint64_t cgroupLimit = ~std::uint64_t{0};
  std::uint64_t startedUnix = 0;

  SettingsState settings;
  StackRecorder recorder;
  RootTable roots;
  Safepoint safepoint;
  Allocator allocator;
  Marker marker;
  Sweeper sweeper;
  Destructors destructors;
  PauseLog pauses;
  RequestLog requests;
  DumpHooks dumps;
  std::unique_ptr<HeapControl> control;        // null before Heap::create has finished and in ~Heap

  HeapLock poolLock;                           // guards the pool's table, chunk masks and summaries, and the allocator's cursors
  // The colour of objects that the last collection found. Written in a stopped world.
  std::uint8_t colour() const { return colour_.load(std::memory_order_relaxed); }
  void setColour(std::uint8_t colour) { colour_.store(colour, std::memory_order_relaxed); }

  // Totals; threads add theirs when they give a buffer back (their own part: ThreadContext::allocated...).
  std::atomic<std::uint64_t> allocatedBytes{0}, allocatedObjects{0};   // large objects and threads that have left
  std::atomic<std::uint64_t> freedBytes{0}, freedObjects{0};
  std::atomic<std::uint64_t> externalBytes{0};
  std::atomic<std::uint64_t> collections{0};
  std::atomic<std::uint64_t> allocatedSinceCollection{0};
  // What the last mark found, and how much of it sweeping has met since. Bytes and objects of all kinds.
  std::atomic<std::uint64_t> markedBytes{0}, markedObjects{0}, sweptLiveBytes{0}, sweptLiveObjects{0};
  std::atomic<std::uint64_t> verifyFailures{0};   // of stress-verify; each also aborts
  std::atomic<std::uint64_t> allocationsRefused{0};   // in destructors and on unregistered threads

 private:
  HeapImpl(std::unique_ptr<pool::Pool> pool, const HeapOptions& options);
  std::atomic<std::uint8_t> colour_{pool::kFirstColour};
  void collectStopped(PauseBuilder& pause) noexcept;
  void releaseAfterCollection() noexcept;
};

// The heap whose reservation holds `address`, or null. Lock-free; for destructors of fields inside heap objects.
HeapImpl* heapOf(const void* address) noexcept;

}  // namespace openclaw::gc
