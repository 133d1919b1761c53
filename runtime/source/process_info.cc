#include "runtime/source/process_info.h"

#include <fmt/format.h>
#include <limits.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "openclaw/version.h"

namespace openclaw {
namespace {

std::string readFile(const char* path) {
  std::string text;
  std::FILE* file = std::fopen(path, "rb");
  if (file == nullptr) return text;
  char buffer[4096];
  while (std::size_t n = std::fread(buffer, 1, sizeof buffer, file)) text.append(buffer, n);
  std::fclose(file);
  return text;
}

// Field 22 of /proc/self/stat (ticks since boot) plus btime of /proc/stat.
std::uint64_t startedUnixNanoseconds() {
  std::string stat = readFile("/proc/self/stat"), boot = readFile("/proc/stat");
  std::size_t afterName = stat.rfind(')'), line = boot.find("btime ");
  if (afterName == std::string::npos || line == std::string::npos) return 0;
  const char* at = stat.c_str() + afterName + 1;
  for (int field = 2; field < 22 && at != nullptr; ++field) at = std::strchr(at + 1, ' ');
  if (at == nullptr) return 0;
  std::uint64_t ticks = std::strtoull(at, nullptr, 10);
  std::uint64_t bootSeconds = std::strtoull(boot.c_str() + line + 6, nullptr, 10);
  std::uint64_t perSecond = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  return bootSeconds * 1'000'000'000u + ticks * (1'000'000'000u / perSecond);
}

}  // namespace

ProcessInfo ProcessInfo::current() {
  ProcessInfo info;
  info.pid = static_cast<std::uint32_t>(::getpid());
  char path[PATH_MAX];
  if (ssize_t n = ::readlink("/proc/self/exe", path, sizeof path); n > 0)
    info.executable.assign(path, static_cast<std::size_t>(n));
  std::string words = readFile("/proc/self/cmdline");
  for (std::size_t begin = 0; begin < words.size();) {
    std::size_t end = words.find('\0', begin);
    if (end == std::string::npos) end = words.size();
    info.commandLine.push_back(words.substr(begin, end - begin));
    begin = end + 1;
  }
  if (utsname name{}; ::uname(&name) == 0) {
    info.host = name.nodename;
    info.kernel = fmt::format("{} {}", name.sysname, name.release);
  }
  info.generator = fmt::format("openclaw {} ({})", OPENCLAW_VERSION, OPENCLAW_COMMIT);
  info.startedUnix = startedUnixNanoseconds();
  return info;
}

ProcessRecord ProcessInfo::record() {
  commandLineViews_.assign(commandLine.begin(), commandLine.end());
  ProcessRecord row;
  row.pid = pid;
  row.executable = executable;
  row.commandLine = commandLineViews_;
  row.host = host;
  row.kernel = kernel;
  row.startedUnix = startedUnix;
  row.generator = generator;
  row.pageSize = static_cast<std::uint32_t>(::sysconf(_SC_PAGESIZE));
  return row;
}

}  // namespace openclaw
