#include "samples/service/worker_pool.h"

#include <fmt/format.h>

#include <utility>

namespace openclaw::service {

WorkerPool::WorkerPool(Heap& heap, unsigned threads, std::size_t mostWaiting) : heap_(heap), mostWaiting_(mostWaiting) {
  for (unsigned number = 1; number <= threads; ++number)
    threads_.emplace_back([this, number] { work(number); });
  // Ready means all of them: who asks for the heap's threads next sees them.
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return registered_ == threads; });
}

bool WorkerPool::trySubmit(Job&& job) {
  {
    std::lock_guard lock(mutex_);
    if (stopping_ || jobs_.size() >= mostWaiting_) return false;
    jobs_.push_back(std::move(job));
  }
  changed_.notify_one();
  return true;
}

void WorkerPool::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

std::size_t WorkerPool::waiting() const {
  std::lock_guard lock(mutex_);
  return jobs_.size();
}

bool WorkerPool::takeJob(Job& job) {
  BlockingScope blocking(heap_);  // outside the lock: leaving it may wait for a collection, and nobody may wait for us
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
  if (jobs_.empty()) return false;
  job = std::move(jobs_.front());
  jobs_.pop_front();
  return true;
}

void WorkerPool::work(unsigned number) {
  ThreadScope thread(heap_, fmt::format("worker-{}", number));
  {
    BlockingScope blocking(heap_);
    std::lock_guard lock(mutex_);
    ++registered_;
    changed_.notify_all();
  }
  for (Job job; takeJob(job); job = nullptr) job();
}

}  // namespace openclaw::service
