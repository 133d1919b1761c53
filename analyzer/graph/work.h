// How the long computations say how far they are, hear that they are no longer wanted, and use several cores.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "analyzer/memory_limit.h"

namespace openclaw {

// Thrown inside the analyzer when the stop token fires; loadSnapshot turns it into ErrorCode::kCancelled.
struct Cancelled {};

// What a computation needs besides its input. `progress` gets 0..1 of this computation, on the calling thread
// only.
struct Work {
  unsigned threads = 1;
  std::stop_token stop;
  std::function<void(double)> progress;

  void report(double fraction) const {
    if (progress) progress(fraction);
  }
  void throwIfStopped() const {
    if (stop.stop_requested()) throw Cancelled{};
    holdMemoryLimit();
  }
};

// Steps between two looks at the stop token: well under 100 ms of the slowest loop. Under a memory limit a step may bring a page
// back: 32 MiB at most between two looks, which is what a limit keeps free.
inline constexpr std::uint32_t kStepsBetweenChecks = 1u << 13;

// Calls run(worker, item) for every item of [0, items), each once, on `work.threads` threads; worker 0 is the
// calling thread and reports progress. The first exception ends the rest and is thrown again here.
template <class Run>
void forEachItem(const Work& work, std::size_t items, Run run) {
  std::atomic<std::size_t> next{0}, done{0};
  std::mutex mutex;
  std::exception_ptr failure;  // guarded by mutex
  auto body = [&](unsigned worker) {
    try {
      for (std::size_t item; (item = next.fetch_add(1)) < items;) {
        work.throwIfStopped();
        run(worker, item);
        const std::size_t finished = done.fetch_add(1) + 1;
        if (worker == 0) work.report(static_cast<double>(finished) / static_cast<double>(items));
      }
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
      next.store(items);
    }
  };
  {
    std::vector<std::jthread> others;
    for (unsigned worker = 1; worker < work.threads && worker < items; ++worker)
      others.emplace_back(body, worker);
    body(0);
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace openclaw
