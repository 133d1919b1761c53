// The threads that touch the heap: registered, named worker-1.., fed by one bounded queue.
//
//   WorkerPool pool(heap, 4, 1024);
//   if (!pool.trySubmit([=]() mutable { reply.fulfill(api.handle(request)); })) answer503();
//
// A job holds plain values or Root handles, never raw heap pointers: it lies in malloc memory while it waits, where
// no collection looks. Waiting for work is a BlockingScope, so that an idle worker delays no collection.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/heap.h"

namespace openclaw::service {

// Threads: trySubmit from any; stop and the destructor from the owner. Owns: its threads.
class WorkerPool {
 public:
  using Job = std::move_only_function<void()>;  // must not throw

  WorkerPool(Heap& heap, unsigned threads, std::size_t mostWaiting);
  ~WorkerPool() { stop(); }
  WorkerPool(const WorkerPool&) = delete;

  // False: the queue is full or the pool has stopped; the job was not taken.
  bool trySubmit(Job&& job);
  // Finishes the jobs that wait, then ends the threads. Idempotent.
  void stop();
  std::size_t waiting() const;

 private:
  void work(unsigned number);
  bool takeJob(Job& job);

  Heap& heap_;
  const std::size_t mostWaiting_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  unsigned registered_ = 0;  // threads known to the heap
  std::deque<Job> jobs_;
  bool stopping_ = false;
  // Touched by the owner alone.
  std::vector<std::thread> threads_;
};

}  // namespace openclaw::service
