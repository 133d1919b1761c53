// Takes a dump of a running heap: stop, clone, resume; the child walks and writes. Falls back to a walk in the stopped
// world where a clone is impossible (no memory headroom, refused by the system) or was asked for.
//
//   Snapshotter snapshotter(host);
//   OPENCLAW_TRY(DumpOutcome outcome, snapshotter.dump(descriptor, options, onProgress, stopToken));
//
// Sequence and traps: DESIGN.md section 2. The child is made by SYS_clone from the calling thread, which must be
// long-lived (PDEATHSIG follows it): the control thread.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "capture/dump_child.h"
#include "capture/heap_source.h"
#include "format/control_messages.h"
#include "format/result.h"

namespace openclaw {

// What the owner of the heap does for a dump. Called on the dumping thread, in this order:
// prepare - stop - [clone] - resume - [childLives, several times] - childGone. Threads: one dump at a time.
class SnapshotHost {
 public:
  // Before the stop: fill slow tables, restore huge pages when the huge share is low, withhold chunks (MADV_DONTFORK)
  // for allocation while a child lives when `willClone`. May allocate and lock.
  virtual void prepare(bool willClone) = 0;
  // Stops all mutators; on return the source may be walked. Returns the monotonic time of the request in ns.
  virtual std::uint64_t stop() = 0;
  // Restarts them. Returns the length of the stop in ns. After it, with a child alive, withheld chunks are released
  // for allocation and sweeping/collecting is held off as far as the host needs.
  virtual std::uint64_t resume(bool childAlive) = 0;
  // Again and again while the child lives: every 50 ms, or at once after it answered true (there is more to do). Meanwhile nobody
  // looks at the memory that is left, at cancellation or at the child: to be back within 100 ms or so.
  virtual bool childLives() { return false; }
  // The child has ended (or there was none): MADV_DOFORK, MADV_COLLAPSE chunk by chunk. Returns a note for the user or "".
  virtual std::string childGone() = 0;
  virtual HeapSource& source() = 0;
  // Free share the memory limit must keep for a clone, as a fraction; 0 = do not look.
  virtual double requiredHeadroom() const = 0;
  // Bytes a child may make the machine copy at worst: the heap's committed bytes.
  virtual std::uint64_t committedBytes() const = 0;

 protected:
  ~SnapshotHost() = default;
};

enum class SnapshotMethod : std::uint8_t { kAutomatic, kClone, kStopTheWorld };

struct DumpOptions {
  SnapshotMethod method = SnapshotMethod::kAutomatic;
  std::string requestedBy;                       // stands in the dump
  std::uint64_t noProgressMilliseconds = 10000;  // the child is ended when nothing moves for so long
  std::string memoryRoot;                        // tests: stands before /proc and /sys when headroom is looked at
  // Tests: the child may call only write, pwrite64, exit_group, madvise, prctl. Builds with sanitizers cannot (their
  // runtimes make calls of their own): they go without, and the reply's note says so.
  bool seccomp = false;
};

using DumpProgress = std::function<void(const control::DumpProgressReply&)>;

class Snapshotter {
 public:
  explicit Snapshotter(SnapshotHost& host);
  ~Snapshotter();
  Snapshotter(const Snapshotter&) = delete;
  // Writes a complete dump (no symbols, no index) to `descriptor`, from its current offset. Errors: kNotFinished (disk
  // full, child killed, no progress), kCancelled. Leaves no child, descriptor or mapping behind in any case.
  Result<control::DumpDoneReply> dump(int descriptor, const DumpOptions& options, const DumpProgress& progress,
                                      std::stop_token stop);

 private:
  struct State;
  State* state_;
};

}  // namespace openclaw
