// The door of the runtime: a garbage-collected heap for C++ objects that can dump itself.
//
//   struct Node {
//     Member<Node> next;                       // pointers between heap objects
//     WeakMember<Node> twin;
//     std::uint64_t value = 0;
//     OPENCLAW_TYPE(Node, next, twin)          // pointer map with field names (type_table.h)
//   };
//   auto heap = *Heap::create({});
//   ThreadScope thread(*heap, "worker");       // every thread that touches heap objects
//   Root<Node> list(*heap, make<Node>(*heap)); // handles for globals, malloc memory, other threads
//   list->next = make<Node>(*heap);            // raw pointers are fine on the stack and in registers
//   heap->dump("heap.bin");
//
// Rules. Raw pointers to heap objects only on stacks of registered threads and in registers; elsewhere Root. Member
// only inside heap objects. A destructor must not touch other heap objects: it runs later, on another thread. While a
// thread waits (locks, system calls) it says so with BlockingScope, or the collector stops it with a signal.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "format/control_messages.h"
#include "format/counters.h"
#include "format/result.h"
#include "format/settings.h"

namespace openclaw {

namespace gc {
class HeapImpl;
class ThreadContext;
}  // namespace gc

struct HeapOptions {
  std::uint64_t reservationBytes = 64ull << 30;  // address space, multiple of 4 MiB
  std::vector<std::pair<SettingId, std::uint64_t>> settings;  // over the defaults; checked by create()
  std::string settingsOrigin = "program";        // "flag", "file": stands in dumps and `show`
  bool control = true;                           // serve the control socket
  std::string controlDirectory;                  // empty: the first usable of the three
  std::string dumpDirectory;                     // where dumps go that name no path; opened at start
};

// Threads: all members from any thread, registered or not, unless said. One process may have several heaps; a thread
// is registered with one at a time.
class Heap {
 public:
  // kInvalidArgument: a setting out of range; kNotFinished: no address space. A control socket that cannot be made is
  // no error: controlProblem() says why.
  static Result<std::unique_ptr<Heap>> create(HeapOptions options);
  // All threads must have left; runs the destructors of all objects.
  ~Heap();
  Heap(const Heap&) = delete;

  // A stop-the-world collection now. Returns its pause record.
  control::PauseRow collect(std::string_view cause);
  // Lets a pending stop happen; costs a load and a branch when there is none. Registered threads only.
  void poll();

  // Counted at a safepoint: stops the world for it. `arenas` may be null.
  HeapCounters counters(std::vector<control::ArenaRow>* arenas = nullptr);
  control::PausesReply pauses(std::uint32_t newest = 0) const;

  // Writes a complete dump with index (no symbols) under `path`: a temporary name first, then rename.
  Result<control::DumpDoneReply> dump(const std::string& path, bool overwrite = false);
  // The same to an open descriptor, without index; what the control socket uses.
  Result<control::DumpDoneReply> dump(int descriptor, const control::DumpRequest& request, const std::string& by,
                                      const std::function<void(const control::DumpProgressReply&)>& progress,
                                      std::stop_token stop);

  std::uint64_t setting(SettingId id) const;
  // kInvalidArgument when out of range; nothing changes then. Takes effect as settings.def says; logged with its time.
  Result<void> set(SettingId id, std::uint64_t value, const std::string& origin, const std::string& by);
  std::string configText() const;                // memory.toml of all settings

  // Checks every invariant in a stopped world. Empty = all hold; else one line each: "name: what, where".
  std::vector<std::string> verify();

  std::string controlSocket() const;             // empty: none
  std::string controlProblem() const;            // why there is none
  gc::HeapImpl& impl() { return *impl_; }

 private:
  explicit Heap(std::unique_ptr<gc::HeapImpl> impl);
  std::unique_ptr<gc::HeapImpl> impl_;
};

// The calling thread may allocate and hold raw pointers while this lives. `name` stands in dumps. Not copyable, on the stack.
class ThreadScope {
 public:
  explicit ThreadScope(Heap& heap, std::string_view name = {});
  ~ThreadScope();
  ThreadScope(const ThreadScope&) = delete;
 private:
  gc::ThreadContext* context_;
};

// The thread promises not to touch heap memory while this lives (raw pointers may stay on its stack): a collection
// need not wait for it. Leaving waits while the world is stopped. Nests.
class BlockingScope {
 public:
  explicit BlockingScope(Heap& heap);
  ~BlockingScope();
  BlockingScope(const BlockingScope&) = delete;
 private:
  gc::ThreadContext* context_;
};

// Allocations of this thread belong to request `id` while this lives; a dump maps young addresses to it. Nests.
class RequestScope {
 public:
  RequestScope(Heap& heap, std::uint64_t id);
  ~RequestScope();
  RequestScope(const RequestScope&) = delete;
 private:
  gc::ThreadContext* context_;
  std::uint64_t previous_;
};

}  // namespace openclaw
