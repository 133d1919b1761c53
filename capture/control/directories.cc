#include "capture/control/directories.h"

#include <dirent.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>

namespace openclaw::internal {
namespace {

constexpr const char* kSystemFolder = "/run/openclaw";

std::string temporaryFolder(uid_t uid) { return "/tmp/openclaw-" + std::to_string(uid); }

std::string runtimeFolder() {
  const char* base = std::getenv("XDG_RUNTIME_DIR");
  return base != nullptr && base[0] == '/' ? std::string(base) + "/openclaw" : std::string();
}

std::string onlyFolder() {
  const char* folder = std::getenv("OPENCLAW_SOCKET_DIR");
  return folder != nullptr ? folder : "";
}

// Makes the folder private, or says why it cannot be trusted: somebody else could answer in our name in it.
std::string privateFolderProblem(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return path + ": " + std::strerror(errno);
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return path + ": " + std::strerror(errno);
  if (!S_ISDIR(info.st_mode)) return path + " is no folder; remove it";
  if (info.st_uid != ::geteuid()) return path + " belongs to " + userText(info.st_uid) + "; remove it";
  if ((info.st_mode & 077) != 0) return path + " is open to others; chmod 700 it";
  return "";
}

void append(std::vector<std::string>& folders, std::string folder) {
  if (!folder.empty() && std::find(folders.begin(), folders.end(), folder) == folders.end())
    folders.push_back(std::move(folder));
}

std::vector<std::string> entriesOf(const std::string& folder) {
  std::vector<std::string> names;
  if (DIR* directory = ::opendir(folder.c_str())) {
    while (const dirent* entry = ::readdir(directory)) names.emplace_back(entry->d_name);
    ::closedir(directory);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

Result<std::string> socketDirectory() {
  if (const std::string only = onlyFolder(); !only.empty()) {
    if (std::string problem = privateFolderProblem(only); !problem.empty())
      return fail(ErrorCode::kNotFinished, "no folder for the control socket (OPENCLAW_SOCKET_DIR): " + problem);
    return only;
  }
  if (const std::string folder = runtimeFolder(); !folder.empty() && privateFolderProblem(folder).empty()) return folder;
  if (::access(kSystemFolder, W_OK | X_OK) == 0) return std::string(kSystemFolder);
  const std::string folder = temporaryFolder(::geteuid());
  if (std::string problem = privateFolderProblem(folder); !problem.empty())
    return fail(ErrorCode::kNotFinished, "no folder for the control socket: " + problem);
  return folder;
}

std::vector<std::string> directoriesOf(uid_t uid) {
  std::vector<std::string> folders;
  if (const std::string only = onlyFolder(); !only.empty()) return {only};
  append(folders, "/run/user/" + std::to_string(uid) + "/openclaw");
  append(folders, kSystemFolder);
  append(folders, temporaryFolder(uid));
  return folders;
}

std::vector<std::string> searchDirectories() {
  std::vector<std::string> folders;
  if (const std::string only = onlyFolder(); !only.empty()) return {only};
  append(folders, runtimeFolder());
  append(folders, kSystemFolder);
  append(folders, temporaryFolder(::geteuid()));
  if (::geteuid() != 0) return folders;
  for (const std::string& name : entriesOf("/run/user"))
    if (name[0] != '.') append(folders, "/run/user/" + name + "/openclaw");
  for (const std::string& name : entriesOf("/tmp"))
    if (name.starts_with("openclaw-")) append(folders, "/tmp/" + name);
  return folders;
}

std::optional<std::uint32_t> pidOfSocket(const std::string& fileName) {
  if (!fileName.ends_with(".sock")) return std::nullopt;
  std::uint32_t pid = 0, copy = 0;
  const char* const end = fileName.data() + fileName.size() - 5;
  auto [at, error] = std::from_chars(fileName.data(), end, pid);
  if (error != std::errc()) return std::nullopt;
  if (at != end && *at == '-') {
    const auto more = std::from_chars(at + 1, end, copy);
    if (more.ec != std::errc()) return std::nullopt;
    at = more.ptr;
  }
  return at == end ? std::optional(pid) : std::nullopt;
}

std::optional<uid_t> ownerOfProcess(std::uint32_t pid) {
  struct stat info{};
  if (::stat(("/proc/" + std::to_string(pid)).c_str(), &info) != 0) return std::nullopt;
  return info.st_uid;
}

std::string userText(uid_t uid) {
  char buffer[4096];
  passwd entry{};
  passwd* found = nullptr;
  const std::string number = "uid " + std::to_string(uid);
  if (::getpwuid_r(uid, &entry, buffer, sizeof buffer, &found) == 0 && found != nullptr)
    return std::string(found->pw_name) + " (" + number + ")";
  return number;
}

}  // namespace openclaw::internal
