// Which limit counts: cgroup v1 and v2 with their parents, and the machine, from made-up /proc and /sys files.
#include "capture/memory_headroom.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "fake_heap.h"

namespace openclaw::test {
namespace {

class Files {
 public:
  void write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = folder_.path() + name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  MemoryHeadroom measure() const { return measureHeadroom(folder_.path()); }

 private:
  TemporaryFolder folder_;
};

constexpr const char* kMachine = "MemTotal:       16777216 kB\nMemFree:  1 kB\nMemAvailable:    8388608 kB\n";

TEST(MemoryHeadroom, WithoutCgroupsItIsTheMachine) {
  Files files;
  files.write("/proc/meminfo", kMachine);
  const MemoryHeadroom room = files.measure();
  EXPECT_EQ(room.limit, 16ull << 30);
  EXPECT_EQ(room.free, 8ull << 30);
  EXPECT_EQ(room.scope, "machine");
}

TEST(MemoryHeadroom, TheTightestParentOfAVersion2GroupCounts) {
  Files files;
  files.write("/proc/meminfo", kMachine);
  files.write("/proc/self/cgroup", "0::/pod/app\n");
  files.write("/sys/fs/cgroup/pod/app/memory.max", "max\n");
  files.write("/sys/fs/cgroup/pod/memory.max", "1000000\n");
  files.write("/sys/fs/cgroup/pod/memory.current", "950000\n");
  files.write("/sys/fs/cgroup/pod/memory.stat", "anon 5\ninactive_file 150000\n");
  const MemoryHeadroom room = files.measure();
  EXPECT_EQ(room.limit, 1'000'000u);
  EXPECT_EQ(room.free, 200'000u);
  EXPECT_EQ(room.scope, "cgroup /pod");
}

TEST(MemoryHeadroom, Version1GroupsAreReadToo) {
  Files files;
  files.write("/proc/meminfo", kMachine);
  files.write("/proc/self/cgroup", "12:cpu,cpuacct:/x\n5:memory:/docker/abc\n0::/\n");
  files.write("/sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "2000000\n");
  files.write("/sys/fs/cgroup/memory/docker/abc/memory.usage_in_bytes", "1900000\n");
  files.write("/sys/fs/cgroup/memory/docker/abc/memory.stat", "cache 1\ntotal_inactive_file 0\n");
  const MemoryHeadroom room = files.measure();
  EXPECT_EQ(room.limit, 2'000'000u);
  EXPECT_EQ(room.free, 100'000u);
}

TEST(MemoryHeadroom, InAContainerTheGroupIsTheRootOfTheMount) {
  Files files;
  files.write("/proc/meminfo", kMachine);
  files.write("/proc/self/cgroup", "0::/../../elsewhere\n");
  files.write("/sys/fs/cgroup/memory.max", "4000\n");
  files.write("/sys/fs/cgroup/memory.current", "3000\n");
  EXPECT_EQ(files.measure().limit, 4000u);
  EXPECT_EQ(files.measure().free, 1000u);
}

TEST(MemoryHeadroom, ALimitAboveTheMachineIsNone) {
  Files files;
  files.write("/proc/meminfo", kMachine);
  files.write("/proc/self/cgroup", "5:memory:/\n");
  files.write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(files.measure().scope, "machine");
}

TEST(MemoryHeadroom, NothingToReadIsNoAnswer) { EXPECT_EQ(Files().measure().limit, 0u); }

}  // namespace
}  // namespace openclaw::test
