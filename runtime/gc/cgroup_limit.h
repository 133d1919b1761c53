// The memory limit of this process's control group, v1 or v2: the heap limit never exceeds it.
#pragma once

#include <cstdint>
#include <string>

namespace openclaw::gc {

// The least limit on the way from the process's group to the root. `groupsFile` is /proc/self/cgroup, `mount`
// /sys/fs/cgroup (tests pass recorded trees). All ones when there is none.
std::uint64_t cgroupMemoryLimit(const std::string& groupsFile, const std::string& mount);

}  // namespace openclaw::gc
