// What the heap does for a dump: memory that a child does not share, and huge pages before and after.
//
//   dumps.prepare();            // withholds chunks; before the stop
//   PauseBuilder& pause = heap.safepoint.stop(StopKind::kDump, "dump");
//   ...clone...
//   dumps.cloned(childAlive);   // world still stopped: withheld chunks open for allocation
//   heap.safepoint.resume();
//   dumps.unshareBusy();        // now and then while the child lives
//   dumps.childGone();          // they are shared again
//   dumps.restoreHugePages();   // MADV_COLLAPSE chunk by chunk
//
// While a child lives: new blocks come from chunks it does not share, background sweeping rests (it would only copy
// pages), collections stay legal and are counted. Invariant: no object lies in a MADV_DONTFORK chunk at the clone.
#pragma once

#include <atomic>
#include <cstdint>

namespace openclaw::gc {

class HeapImpl;

struct HugePageReport {
  bool supported = true;             // false: the kernel has no MADV_COLLAPSE (before 6.1)
  std::uint64_t chunks = 0, collapsed = 0, failed = 0;
  std::uint64_t totalNanoseconds = 0, longestNanoseconds = 0;  // the longest a mutator may have stalled on one chunk
};
struct HugePageShare {
  std::uint64_t residentBytes = 0, hugeBytes = 0;  // of the reservation; 0 / 0 when /proc/self/smaps cannot be read
  double share() const { return residentBytes == 0 ? 1.0 : static_cast<double>(hugeBytes) / static_cast<double>(residentBytes); }
};

// Threads: the control thread, one dump at a time.
class DumpHooks {
 public:
  explicit DumpHooks(HeapImpl& heap) : heap_(heap) {}
  // Withholds chunks for what threads may allocate while a child lives: an eighth of the committed bytes, 4 chunks at
  // least, as far as the heap limit allows. Returns how many.
  std::uint32_t prepare();
  void cloned(bool childAlive) noexcept;   // world stopped
  void childGone();
  bool childAlive() const { return childAlive_.load(std::memory_order_relaxed); }

  // Copies for the program what it is about to copy for itself anyway. The first write to a shared huge page splits it;
  // from then on every 4 KiB written costs a fault and an interrupt to the other cores (10 to 20 µs with two busy
  // threads), and every access a translation of a small page. A range of 2 MiB of which the program has copied 32 pages
  // is collapsed into a huge page of its own in one go. Ranges that nobody writes stay shared. Needs
  // /proc/self/pagemap and MADV_COLLAPSE; without them it does nothing. Returns how many ranges were copied. A round over
  // the heap that takes longer than `nanoseconds` ends behind a range, and the next call goes on there.
  // Cost: a look at the page table, 10 ms a GiB of split pages; 1 to 10 ms a range copied.
  std::uint64_t unshareBusy(std::uint64_t nanoseconds);
  bool unshareUnfinished() const { return nextToUnshare_ != 0; }
  HugePageReport restoreHugePages();
  HugePageShare hugePageShare() const;     // reads /proc/self/smaps: milliseconds; not in a stopped world

  // Collections and blocks swept while a child lived: they make the child's pages be copied.
  std::atomic<std::uint64_t> collectionsWithChild{0}, blocksSweptWithChild{0};
  std::atomic<std::uint64_t> dumps{0}, dumpsFailed{0};   // counted by whoever takes dumps

 private:
  HeapImpl& heap_;
  std::atomic<bool> childAlive_{false};
  // The control thread's. Refused: for this dump.
  bool collapseRefused_ = false;
  std::uint64_t nextToUnshare_ = 0;   // range of 2 MiB, from the reservation's start
};

}  // namespace openclaw::gc
