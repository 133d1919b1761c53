#include "capture/child_process.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <iterator>

namespace openclaw {
namespace {

// clone3 is answered with ENOSYS by the seccomp profiles of containers; clone has all that is needed.
#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif
constexpr idtype_t kByPidfd = static_cast<idtype_t>(3);  // P_PIDFD, missing in older headers
// A third of a normal thread's weight. SCHED_IDLE looks kinder and is not: while a child lives every first write to a
// page of the program is copied and collections wait, and next to eight busy threads on two processors a dump that
// needs a millisecond took 1250 ms at SCHED_IDLE, 1090 at nice 19, 235 at 10, 120 at 5 and 53 at 0.
constexpr int kNice = 5;
constexpr std::size_t kKernelSignalBytes = 8;            // sizeof of the kernel's sigset_t

// Runs in the child, so: raw system calls, no errno that anybody else reads, no allocation.
void closeAllBut(int keep) noexcept {
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
  bool refused = false;
  if (keep > 0) refused = ::syscall(SYS_close_range, 0u, static_cast<unsigned>(keep - 1), 0u) != 0;
  refused |= ::syscall(SYS_close_range, static_cast<unsigned>(keep + 1), ~0u, 0u) != 0;
  if (!refused) return;
  rlimit limit{};
  ::syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, nullptr, &limit);
  const int end = limit.rlim_cur < 65536 ? static_cast<int>(limit.rlim_cur) : 65536;
  for (int descriptor = 0; descriptor < end; ++descriptor)
    if (descriptor != keep) ::syscall(SYS_close, descriptor);
}

#if defined(__x86_64__)
constexpr std::uint32_t kAuditArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kAuditArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "seccomp: unknown processor"
#endif

// Everything else kills the child (SIGSYS), which the parent reports by name.
bool enterSeccomp() noexcept {
#define OPENCLAW_ALLOW(call) \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kAuditArchitecture, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      OPENCLAW_ALLOW(SYS_write),   OPENCLAW_ALLOW(SYS_pwrite64), OPENCLAW_ALLOW(SYS_exit_group),
      OPENCLAW_ALLOW(SYS_madvise), OPENCLAW_ALLOW(SYS_prctl),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
  };
#undef OPENCLAW_ALLOW
  const sock_fprog program{static_cast<unsigned short>(std::size(filter)), filter};
  return ::syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::syscall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

[[noreturn]] void runChild(int (*body)(void*) noexcept, void* argument, const ChildOptions& options, pid_t parent) noexcept {
  ::syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  int status = ChildProcess::kParentGone;
  // The parent may have died before the line above; then nobody would end this child.
  if (::syscall(SYS_getppid) == parent) {
    ::syscall(SYS_prctl, PR_SET_NAME, "openclaw-dump", 0, 0, 0);
    const rlimit noCore{0, 0};
    ::syscall(SYS_prlimit64, 0, RLIMIT_CORE, &noCore, nullptr);
    closeAllBut(options.keepDescriptor);
    // The threads that were stopped go first: where there are fewer processors than threads, a child that started to
    // work now would lengthen the stop that they feel by a slice of the scheduler's.
    const timespec aMoment{0, 3'000'000};
    ::syscall(SYS_nanosleep, &aMoment, nullptr);
    if (options.seccomp && !enterSeccomp()) status = ChildProcess::kSeccompRefused;
    else status = body(argument);
  }
  for (;;) ::syscall(SYS_exit_group, status);
}

}  // namespace

int ChildProcess::start(int (*body)(void*) noexcept, void* argument, const ChildOptions& options) noexcept {
  // All signals, those of libc included: a handler that ran in the child would act on a copy of the program.
  const std::uint64_t all = ~0ull;
  std::uint64_t before = 0;
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, kKernelSignalBytes);
  const pid_t parent = static_cast<pid_t>(::syscall(SYS_getpid));
  int pidfd = -1;
#if defined(__x86_64__)
  const long pid = ::syscall(SYS_clone, static_cast<unsigned long>(CLONE_PIDFD), nullptr, &pidfd, nullptr, 0ul);
#else
  const long pid = ::syscall(SYS_clone, static_cast<unsigned long>(CLONE_PIDFD), nullptr, &pidfd, 0ul, nullptr);
#endif
  if (pid == 0) runChild(body, argument, options, parent);
  const int error = pid < 0 ? errno : 0;
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, nullptr, kKernelSignalBytes);
  if (error != 0) return error;
  pid_ = static_cast<pid_t>(pid);
  pidfd_ = pidfd;
  return 0;
}

ChildProcess::~ChildProcess() {
  if (!alive()) return;
  kill();
  while (!wait(std::chrono::milliseconds(1000))) kill();
}

bool ChildProcess::wait(std::chrono::milliseconds atMost) {
  if (!alive()) return true;
  pollfd poll{pidfd_, POLLIN, 0};
  if (::poll(&poll, 1, static_cast<int>(atMost.count())) <= 0) return false;
  siginfo_t info{};
  // A child whose exit signal is not SIGCHLD is only seen with __WALL.
  while (::waitid(kByPidfd, static_cast<id_t>(pidfd_), &info, WEXITED | __WALL) != 0) {
    if (errno == EINTR) continue;
    // Somebody else reaped it (a program that waits for any child with __WALL): ended, but nobody knows how.
    info.si_code = CLD_KILLED;
    info.si_status = 0;
    break;
  }
  end_.exited = info.si_code == CLD_EXITED;
  (end_.exited ? end_.status : end_.signal) = info.si_status;
  ::close(pidfd_);
  pidfd_ = -1;
  return true;
}

void ChildProcess::kill() noexcept {
  if (alive()) ::syscall(SYS_pidfd_send_signal, pidfd_, SIGKILL, nullptr, 0u);
}

std::string ChildProcess::makeHumble() {
  std::string failed;
  const sched_param none{};
  if (::sched_setscheduler(pid_, SCHED_BATCH, &none) != 0 || ::setpriority(PRIO_PROCESS, static_cast<id_t>(pid_), kNice) != 0)
    if (errno != ESRCH) failed += std::string("the child kept the program's priority: ") + std::strerror(errno);
  char path[64];
  std::snprintf(path, sizeof path, "/proc/%d/oom_score_adj", pid_);
  const int descriptor = ::open(path, O_WRONLY | O_CLOEXEC);
  bool written = descriptor >= 0 && ::write(descriptor, "1000", 4) == 4;
  const int error = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (!written && error != ENOENT && error != ESRCH)
    failed += (failed.empty() ? "" : "; ") + std::string("the child is not the first to die when memory runs out: ") + std::strerror(error);
  return failed;
}

}  // namespace openclaw
