// Many dumps of a process that is busy with malloc and the loader: nothing may pile up.
#include <dlfcn.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "capture/snapshotter.h"
#include "fake_heap.h"

#if defined(__SANITIZE_THREAD__)
// The loader's own locks are invisible to ThreadSanitizer: what one dlopen allocated and another dlclose frees looks
// like a race to it.
extern "C" const char* __tsan_default_suppressions() { return "called_from_lib:ld-linux-x86-64.so.2\n"; }
#endif

namespace openclaw::test {
namespace {

// Eight threads that never rest: allocate, free, open and close a library.
class BusyThreads {
 public:
  BusyThreads() {
    for (unsigned i = 0; i < 8; ++i) threads_.emplace_back([this, i] { work(i); });
  }
  ~BusyThreads() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
  }
  std::uint64_t rounds() const { return rounds_; }

 private:
  void work(unsigned seed) {
    std::mt19937 random(seed);
    std::vector<void*> blocks(200, nullptr);
    while (!stop_) {
      for (int i = 0; i < 500; ++i) {
        void*& block = blocks[random() % blocks.size()];
        std::free(block);
        block = std::malloc(1 + random() % 4000);
      }
      if (seed % 2 == 0)
        if (void* handle = ::dlopen("libm.so.6", RTLD_NOW | RTLD_LOCAL)) ::dlclose(handle);
      if (seed % 4 == 1)
        if (void* handle = ::dlopen("libresolv.so.2", RTLD_NOW | RTLD_LOCAL)) ::dlclose(handle);
      ++rounds_;
    }
    for (void* block : blocks) std::free(block);
  }
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> rounds_{0};
  std::vector<std::thread> threads_;
};

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
// Shadow memory makes clones ten times dearer, and the runtimes map memory as they like.
constexpr int kDumps = 20;
constexpr bool kCountAllMappings = false;
#else
constexpr int kDumps = 100;
constexpr bool kCountAllMappings = true;
#endif

// Memory shared with children: a snapshotter is the only one here that maps any.
std::size_t sharedMappings() {
  std::ifstream in("/proc/self/maps");
  std::size_t count = 0;
  for (std::string line; std::getline(in, line);) count += line.find("/dev/zero (deleted)") != std::string::npos;
  return count;
}

TEST(Soak, ManyDumpsOfABusyProcessLeaveNothingBehind) {
  const char* given = std::getenv("OPENCLAW_SOAK_DUMPS");
  const int dumps = given != nullptr ? std::atoi(given) : kDumps;
  FakeHeap heap = FakeHeap::random(51, 2000);
  FakeHost host(heap);
  Snapshotter snapshotter(host);
  TemporaryFolder folder;
  const std::string path = folder.file("heap.bin");
  DumpOptions options;
  options.seccomp = true;
  const auto dump = [&] {
    const int out = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    auto done = snapshotter.dump(out, options, {}, {});
    ::close(out);
    ASSERT_TRUE(done) << toText(done.error());
    ASSERT_EQ(done->consistency, "clone");
  };
  dump();
  const std::size_t descriptors = descriptorCount(), mappings = mappingCount(), shared = sharedMappings();
  {
    BusyThreads busy;
    while (busy.rounds() < 8) std::this_thread::yield();
    for (int i = 0; i < dumps; ++i) {
      dump();
      if (HasFatalFailure()) return;
      host.calls.clear();
    }
    EXPECT_GT(busy.rounds(), 8u);
    EXPECT_EQ(difference(heap, readBack(path)), "");
  }
  EXPECT_TRUE(childProcesses().empty());
  EXPECT_EQ(descriptorCount(), descriptors);
  // The threads' own stacks and malloc arenas stay cached (at most two mappings each and a heap's pieces), whatever the
  // number of dumps; a leak of one mapping a dump would be seen.
  if (kCountAllMappings) {
    EXPECT_LT(mappingCount(), mappings + 64);
  }
  EXPECT_EQ(sharedMappings(), shared);
}

}  // namespace
}  // namespace openclaw::test
