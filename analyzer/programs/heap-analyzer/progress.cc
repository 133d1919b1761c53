#include "analyzer/programs/heap-analyzer/progress.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>

namespace openclaw {
namespace {

sigset_t interruptSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

ProgressBar::ProgressBar() : terminal_(isatty(STDERR_FILENO) != 0) {}

void ProgressBar::show(const LoadProgress& progress) {
  using namespace std::chrono_literals;
  const Clock::time_point now = Clock::now();
  if (!terminal_ || now - started_ < 1s || now - lastDrawn_ < 100ms) return;
  constexpr int kWidth = 30;
  const int done = static_cast<int>(progress.fraction * kWidth);
  fmt::print(stderr, "\r[{:#<{}}{:.<{}}] {:3.0f} % {:<16}", "", done, "", kWidth - done,
             progress.fraction * 100, progress.stage);
  std::fflush(stderr);
  lastDrawn_ = now;
  drawn_ = true;
}

void ProgressBar::clear() {
  if (drawn_) fmt::print(stderr, "\r{:<70}\r", "");
  drawn_ = false;
}

InterruptWatch::InterruptWatch() {
  const sigset_t set = interruptSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  waiter_ = std::jthread([this](const std::stop_token& over) {
    const sigset_t signals = interruptSignals();
    int received = 0;
    while (sigwait(&signals, &received) == 0) {
      if (over.stop_requested()) return;  // the destructor's own wake-up
      if (!stop_.request_stop()) _exit(130);
    }
  });
}

InterruptWatch::~InterruptWatch() {
  waiter_.request_stop();
  pthread_kill(waiter_.native_handle(), SIGINT);
}

}  // namespace openclaw
