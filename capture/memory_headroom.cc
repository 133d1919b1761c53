#include "capture/memory_headroom.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <optional>
#include <string_view>
#include <vector>

namespace openclaw {
namespace {

std::optional<std::string> readText(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return std::nullopt;
  std::string text;
  char buffer[4096];
  ssize_t got = 0;
  while ((got = ::read(descriptor, buffer, sizeof buffer)) > 0) text.append(buffer, static_cast<std::size_t>(got));
  ::close(descriptor);
  if (got < 0) return std::nullopt;
  return text;
}

// nullopt for "max" too: no number, no limit.
std::optional<std::uint64_t> leadingNumber(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> readNumber(const std::string& path) {
  const auto text = readText(path);
  return text ? leadingNumber(*text) : std::nullopt;
}

// The number after `key` at the beginning of a line.
std::optional<std::uint64_t> field(std::string_view text, std::string_view key) {
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = text.find('\n', at);
    if (end == std::string_view::npos) end = text.size();
    const std::string_view line = text.substr(at, end - at);
    if (line.starts_with(key)) return leadingNumber(line.substr(key.size()));
    at = end + 1;
  }
  return std::nullopt;
}

struct CgroupFiles {
  const char *limit, *usage, *droppable;
};
constexpr CgroupFiles kVersion2{"memory.max", "memory.current", "inactive_file "};
constexpr CgroupFiles kVersion1{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file "};

void consider(MemoryHeadroom& best, std::uint64_t limit, std::uint64_t free, std::string scope) {
  if (limit == 0) return;
  const bool tighter = best.limit == 0 || static_cast<double>(free) / static_cast<double>(limit) <
                                              static_cast<double>(best.free) / static_cast<double>(best.limit);
  if (tighter) best = {limit, free, std::move(scope)};
}

// The group and all its parents up to the mount: each of them may have a limit.
void considerGroups(MemoryHeadroom& best, const std::string& mount, std::string path, const CgroupFiles& files,
                    std::uint64_t machine) {
  for (;;) {
    const std::string folder = mount + path;
    if (const auto limit = readNumber(folder + "/" + files.limit); limit && *limit < machine) {
      const std::uint64_t used = readNumber(folder + "/" + files.usage).value_or(0);
      const auto statistics = readText(folder + "/memory.stat");
      const std::uint64_t cache = statistics ? field(*statistics, files.droppable).value_or(0) : 0;
      const std::uint64_t working = used > cache ? used - cache : 0;
      consider(best, *limit, *limit > working ? *limit - working : 0, "cgroup " + (path.empty() ? std::string("/") : path));
    }
    if (path.empty()) return;
    path.resize(path.rfind('/'));
  }
}

}  // namespace

MemoryHeadroom measureHeadroom(const std::string& root) {
  MemoryHeadroom best;
  std::uint64_t machine = ~0ull;
  if (const auto info = readText(root + "/proc/meminfo")) {
    const auto total = field(*info, "MemTotal:"), available = field(*info, "MemAvailable:");
    if (total && available) {
      machine = *total * 1024;
      consider(best, machine, *available * 1024, "machine");
    }
  }
  const auto groups = readText(root + "/proc/self/cgroup");
  if (!groups) return best;
  std::string_view rest = *groups;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    std::string path(line.substr(second + 1));
    // A cgroup outside this namespace reads as /../..; what is mounted is the namespace's root then.
    if (path == "/" || path.starts_with("/..")) path.clear();
    if (controllers.empty()) {
      considerGroups(best, root + "/sys/fs/cgroup", path, kVersion2, machine);
      considerGroups(best, root + "/sys/fs/cgroup/unified", path, kVersion2, machine);
    } else if (("," + std::string(controllers) + ",").find(",memory,") != std::string::npos) {
      considerGroups(best, root + "/sys/fs/cgroup/memory", path, kVersion1, machine);
    }
  }
  return best;
}

}  // namespace openclaw
