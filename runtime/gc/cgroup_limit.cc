#include "runtime/gc/cgroup_limit.h"

#include <algorithm>
#include <fstream>
#include <sstream>

namespace openclaw::gc {
namespace {

constexpr std::uint64_t kNone = ~std::uint64_t{0};

std::uint64_t readLimit(const std::string& path) {
  std::ifstream file(path);
  std::string text;
  if (!(file >> text) || text == "max" || text.empty()) return kNone;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return kNone;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  // v1 says "no limit" as the largest multiple of the page size.
  return value >= (std::uint64_t{1} << 62) ? kNone : value;
}

// `path` and all groups above it. Inside a container the path may not exist below the mount: then the mount's own file.
std::uint64_t leastLimit(const std::string& root, std::string path, const char* file) {
  std::uint64_t least = readLimit(root + "/" + file);
  while (!path.empty() && path != "/") {
    least = std::min(least, readLimit(root + path + "/" + file));
    path.resize(path.find_last_of('/'));
  }
  return least;
}

}  // namespace

std::uint64_t cgroupMemoryLimit(const std::string& groupsFile, const std::string& mount) {
  std::uint64_t least = kNone;
  std::ifstream file(groupsFile);
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) {
      least = std::min(least, leastLimit(mount, path, "memory.max"));
      continue;
    }
    std::istringstream names(controllers);
    for (std::string name; std::getline(names, name, ',');)
      if (name == "memory") least = std::min(least, leastLimit(mount + "/memory", path, "memory.limit_in_bytes"));
  }
  return least;
}

}  // namespace openclaw::gc
