// The long-lived side of a heap: its control thread, the socket it serves, the dumps it takes and the work it does
// when idle. One per heap, made by Heap::create, ended before the heap's memory goes.
//
//   impl.control = std::make_unique<HeapControl>(heap, options);
//   impl.control->start();
//   control->dump("heap.bin", false);          // runs on the control thread, waits
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "format/control_messages.h"
#include "format/result.h"
#include "runtime/heap.h"

namespace openclaw {

// Threads: all members from any thread, registered with the heap or not; a registered caller counts as blocked while
// it waits for a dump.
class HeapControl {
 public:
  HeapControl(Heap& heap, const HeapOptions& options);
  // Starts the control thread, once the heap knows this object. A socket that cannot be made is no error: problem()
  // says why. Throws std::system_error when the system has no thread left.
  void start();
  // Waits for a dump under way, joins the thread, unlinks the socket.
  ~HeapControl();
  HeapControl(const HeapControl&) = delete;

  // Heap::dump, see heap.h.
  Result<control::DumpDoneReply> dump(const std::string& path, bool overwrite);
  Result<control::DumpDoneReply> dump(int descriptor, const control::DumpRequest& request, const std::string& by,
                                      const std::function<void(const control::DumpProgressReply&)>& progress,
                                      std::stop_token stop);
  // After each collection, world stopped or not: counts towards stress-dump. Sets a flag, no lock, no allocation; the
  // control thread takes the dump in its next idle turn.
  void collectionFinished() noexcept;

  // Tests: dump children may call only write, pwrite64, exit_group, madvise and prctl; anything else ends them.
  void confineChildren(bool on);
  // Tests: a folder that stands before /proc and /sys when a dump looks at the memory that is free. Before dumps.
  void readMemoryFrom(std::string root);

  const std::string& socketPath() const;   // empty: none
  const std::string& problem() const;      // why there is none

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace openclaw
