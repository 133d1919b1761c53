// A call stack of 30 frames through three shared objects and the program, without frame pointers: by remembered rules,
// beside glibc's backtrace() and libunwind's own loop over unw_step, interleaved in one run. CPU time of the thread.
// Also what recording a sample costs (unwind, find the stack in the table, add), and a walk whose rules are not known.
//
//   stack_bench [--frames 30] [--stacks 20000] [--rounds 15]
#include <execinfo.h>
#include <time.h>

#include <array>

#include "capture/stacks/recorder.h"
#include "capture/stacks/rule_cache.h"
#include "tests/bench/bench_support.h"

extern "C" {
void openclawStackOne(int variant, void (*function)(void*), void* data);
void openclawStackTwo(int variant, void (*function)(void*), void* data);
void openclawStackThree(int variant, void (*function)(void*), void* data);
}

namespace {
using namespace openclaw;
using namespace openclaw::bench;

double cpuSeconds() {
  timespec now;
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

struct Job {
  std::uint64_t frames, stacks, rounds, made = 0;
  std::vector<double> rules, backtraces, steps, records, cold;
  std::uint64_t depths[3] = {};
};

template <class F>
double nanosecondsEach(std::uint64_t count, F&& one) {
  const double start = cpuSeconds();
  for (std::uint64_t i = 0; i < count; ++i) one();
  return (cpuSeconds() - start) * 1e9 / static_cast<double>(count);
}

[[gnu::noinline]] void measure(Job& job) {
  internal::RuleCache rules;
  StackRecorder recorder;
  std::array<std::uint64_t, 256> pcs;
  std::array<void*, 256> addresses;
  const std::size_t frames = job.frames;   // both buffers end there: the same 30 frames for everybody
  const auto byRules = [&] { job.depths[0] = rules.unwind({pcs.data(), frames}, 0); };
  const auto byBacktrace = [&] { job.depths[1] = static_cast<std::uint64_t>(::backtrace(addresses.data(), static_cast<int>(frames))); };
  const auto bySteps = [&] { job.depths[2] = unwindHere({pcs.data(), frames}, 0); };
  byBacktrace();
  for (std::uint64_t round = 0; round < job.rounds; ++round) {
    {
      internal::RuleCache fresh;
      job.cold.push_back(nanosecondsEach(1, [&] { keep(fresh.unwind({pcs.data(), frames}, 0)); }));
    }
    byRules();
    job.rules.push_back(nanosecondsEach(job.stacks, byRules));
    job.backtraces.push_back(nanosecondsEach(job.stacks / 10, byBacktrace));
    job.steps.push_back(nanosecondsEach(job.stacks / 10, bySteps));
    recorder.record(1, 1, 1, 0);
    job.records.push_back(nanosecondsEach(job.stacks, [&] { keep(recorder.record(1, 1, 1, 0)); }));
  }
  job.made = rules.counts().rulesMade;
}

struct Descent {
  Job& job;
  std::uint64_t left;
};

// Two frames a step: the library's entry and one of its functions; this one is the third.
void descend(void* data) {
  auto& d = *static_cast<Descent*>(data);
  if (d.left == 0) return measure(d.job);
  const std::uint64_t step = d.left--;
  const int variant = static_cast<int>(step * 7 % 13);
  if (step % 3 == 0) openclawStackOne(variant, descend, data);
  else if (step % 3 == 1) openclawStackTwo(variant, descend, data);
  else openclawStackThree(variant, descend, data);
  asm volatile("" ::: "memory");
}
}  // namespace

int main(int argc, char** argv) {
  Job job{numberOption(argc, argv, "frames", 30), numberOption(argc, argv, "stacks", 20'000), numberOption(argc, argv, "rounds", 15), 0, {}, {}, {}, {}, {}, {}};
  Descent descent{job, job.frames / 3 + 1};
  descend(&descent);
  std::printf("a stack of %llu frames, three shared objects and the program, no frame pointers; %llu stacks a round, %llu rounds, CPU ns a stack\n",
              static_cast<unsigned long long>(job.frames), static_cast<unsigned long long>(job.stacks), static_cast<unsigned long long>(job.rounds));
  const auto line = [](const char* name, const std::vector<double>& values) {
    std::printf("  %-34s %9.0f median (%.0f to %.0f)\n", name, median(values), percentile(values, 0), percentile(values, 1));
  };
  line("remembered rules", job.rules);
  line("backtrace()", job.backtraces);
  line("libunwind, a loop over unw_step", job.steps);
  line("recorder: unwind, find, add", job.records);
  line("rules not known yet (first walk)", job.cold);
  std::printf("  frames seen %llu, %llu, %llu; rules made %llu; backtrace / rules %.1f, unw_step / rules %.1f\n",
              static_cast<unsigned long long>(job.depths[0]), static_cast<unsigned long long>(job.depths[1]), static_cast<unsigned long long>(job.depths[2]),
              static_cast<unsigned long long>(job.made), median(job.backtraces) / median(job.rules), median(job.steps) / median(job.rules));
}
