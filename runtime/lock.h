// Locks around code that allocates. A thread that waits for a mutex inside the heap would hold up a collection until the
// signal reaches it; this guard says that it waits.
//
//   MutexGuard guard(heap, mutex_);        // try_lock, else BlockingScope + lock
#pragma once

#include <mutex>

#include "runtime/heap.h"

namespace openclaw {

template <class Mutex = std::mutex>
class MutexGuard {
 public:
  MutexGuard(Heap& heap, Mutex& mutex) : mutex_(mutex) {
    if (mutex_.try_lock()) return;
    BlockingScope blocked(heap);
    mutex_.lock();
  }
  ~MutexGuard() { mutex_.unlock(); }
  MutexGuard(const MutexGuard&) = delete;

 private:
  Mutex& mutex_;
};

}  // namespace openclaw
