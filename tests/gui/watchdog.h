// Measures how long the event loop was away: a 10 ms timer notes the longest gap between two of its ticks, less what the
// machine itself withheld meanwhile, so that a busy machine is not blamed on the window: how long this thread was ready and
// waited for a processor (Linux: /proc/thread-self/schedstat), or how late a second thread that only sleeps was.
//
//   EventLoopWatchdog watchdog;
//   … run the event loop …
//   EXPECT_LE(watchdog.longestBlock(), 250ms);
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <stop_token>
#include <thread>

#include <QObject>
#include <QTimer>

namespace openclaw::gui::test {

class EventLoopWatchdog {
 public:
  using Milliseconds = std::chrono::duration<double, std::milli>;

  EventLoopWatchdog() {
    timer_.setInterval(10);
    QObject::connect(&timer_, &QTimer::timeout, &timer_, [this] { tick(); });
    last_ = Clock::now();
    lastWaited_ = waitedForProcessor();
    timer_.start();
  }
  // The longest gap less what the machine withheld in it.
  Milliseconds longestBlock() const { return longest_; }
  int ticks() const { return ticks_; }

 private:
  using Clock = std::chrono::steady_clock;
  // Of this thread since it began, ns; 0 where the system does not say.
  static std::int64_t waitedForProcessor() {
    std::int64_t ran = 0, waited = 0;
    std::ifstream("/proc/thread-self/schedstat") >> ran >> waited;
    return waited;
  }
  void tick() {
    const auto now = Clock::now();
    const std::int64_t waited = waitedForProcessor();
    const auto late = std::chrono::nanoseconds(std::max(machineLate_.exchange(0), waited - lastWaited_));
    lastWaited_ = waited;
    const Milliseconds gap = now - last_ - late;
    if (gap > longest_) longest_ = gap;
    last_ = now;
    ++ticks_;
  }

  QTimer timer_;
  Clock::time_point last_;
  std::int64_t lastWaited_ = 0;
  Milliseconds longest_{0};
  int ticks_ = 0;
  std::atomic<std::int64_t> machineLate_ = 0;  // longest since the last tick, ns
  std::jthread sleeper_{[this](const std::stop_token& stop) {
    constexpr std::chrono::milliseconds kNap(5);
    while (!stop.stop_requested()) {
      const auto before = Clock::now();
      std::this_thread::sleep_for(kNap);
      const std::int64_t late = std::chrono::nanoseconds(Clock::now() - before - kNap).count();
      std::int64_t seen = machineLate_;
      while (late > seen && !machineLate_.compare_exchange_weak(seen, late)) {}
    }
  }};
};

}  // namespace openclaw::gui::test
