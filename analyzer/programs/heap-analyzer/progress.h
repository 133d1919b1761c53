// The progress of a long load on a terminal, and Ctrl-C as a stop token.
#pragma once

#include <chrono>
#include <stop_token>
#include <thread>

#include "analyzer/snapshot.h"

namespace openclaw {

// Draws a bar on standard error when that is a terminal and the work has taken over a second. Threads: one.
class ProgressBar {
 public:
  ProgressBar();
  ~ProgressBar() { clear(); }
  ProgressBar(const ProgressBar&) = delete;
  void show(const LoadProgress& progress);
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  const bool terminal_;
  const Clock::time_point started_ = Clock::now();
  Clock::time_point lastDrawn_{};
  bool drawn_ = false;
};

// While it lives, SIGINT and SIGTERM request a stop instead of ending the process; a second one ends it at
// once with 130. Make it before other threads, which inherit the blocked signals.
class InterruptWatch {
 public:
  InterruptWatch();
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  std::stop_token token() const { return stop_.get_token(); }

 private:
  std::stop_source stop_;
  std::jthread waiter_;
};

}  // namespace openclaw
