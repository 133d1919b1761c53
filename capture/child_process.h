// The dump child as a process: made by SYS_clone, looked after through its pidfd. Nothing here knows what the child does.
//
//   ChildProcess child = ChildProcess::clone(body, argument, options);   // body runs in the child and never returns here
//   if (child.wait(50ms)) use(child.end());
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>

namespace openclaw {

// Sanitizers' runtimes make system calls of their own (UBSan asks by pipe() whether memory may be read, TSan maps trace
// memory): in such builds the filter would kill every child, and is left out.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
inline constexpr bool kSeccompUsable = false;
#else
inline constexpr bool kSeccompUsable = true;
#endif

struct ChildOptions {
  int keepDescriptor = -1;  // the only descriptor that stays open in the child
  bool seccomp = false;     // only write, pwrite64, exit_group, madvise, prctl
};

// How a child ended.
struct ChildEnd {
  bool exited = false;    // else: killed by `signal`
  int status = 0;         // of exit_group
  int signal = 0;
};

// Owns: the process and its pidfd; the destructor kills and reaps. Threads: the cloning thread only (PDEATHSIG follows it).
class ChildProcess {
 public:
  // Exit statuses of a child whose set-up failed; the body's own results stay below them.
  static constexpr int kSeccompRefused = 120, kParentGone = 121;

  // Copies this process without handlers at fork, without SIGCHLD (exit signal 0). In the child: all signals stay blocked (so no handler
  // of the program can run and SIGPIPE and SIGXFSZ become errno values), it dies with the calling thread, every
  // descriptor but one is closed, no core is written. Then body(argument) runs and its result is the exit status.
  // 0 on success, else an errno.
  int start(int (*body)(void*) noexcept, void* argument, const ChildOptions& options) noexcept;

  ChildProcess() = default;
  ChildProcess(const ChildProcess&) = delete;
  ~ChildProcess();

  pid_t pid() const { return pid_; }
  bool alive() const { return pidfd_ >= 0; }
  // True once it has ended and was reaped.
  bool wait(std::chrono::milliseconds atMost);
  const ChildEnd& end() const { return end_; }
  void kill() noexcept;
  // Gives it a smaller share of the processor than the program's threads have, and makes it the first to die when
  // memory runs out.
  // Returns what could not be set, or "".
  std::string makeHumble();

 private:
  pid_t pid_ = -1;
  int pidfd_ = -1;
  ChildEnd end_;
};

}  // namespace openclaw
