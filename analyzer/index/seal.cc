#include "analyzer/index/seal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace openclaw {
namespace {

using Key = std::array<std::byte, Seal::kKeyBytes>;

struct Descriptor {
  int value;
  ~Descriptor() {
    if (value >= 0) ::close(value);
  }
};

Result<Key> readKey(const std::string& path) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
  if (file.value < 0) return fail(ErrorCode::kIo, std::strerror(errno), Where{.file = path});
  struct stat is {};
  if (::fstat(file.value, &is) != 0 || !S_ISREG(is.st_mode) || is.st_uid != ::geteuid() || (is.st_mode & 077) != 0)
    return fail(ErrorCode::kIo, "is not this user's own, or others may read it", Where{.file = path});
  Key key;
  if (::read(file.value, key.data(), key.size()) != static_cast<ssize_t>(key.size()))
    return fail(ErrorCode::kIo, "is too short; remove it", Where{.file = path});
  return key;
}

// Under a name of its own first: of two programs that start together, one makes the key and both use it.
void makeKey(const std::string& path) {
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  Key key;
  if (::getrandom(key.data(), key.size(), 0) != static_cast<ssize_t>(key.size())) return;
  std::string temporary = path + ".XXXXXX";
  const Descriptor file{::mkostemp(temporary.data(), O_CLOEXEC)};   // 0600
  if (file.value < 0) return;
  if (::write(file.value, key.data(), key.size()) == static_cast<ssize_t>(key.size())) (void)::link(temporary.c_str(), path.c_str());
  (void)::unlink(temporary.c_str());
}

}  // namespace

Result<Seal> Seal::ofUser() {
  const char* const cache = std::getenv("XDG_CACHE_HOME");
  const char* const home = std::getenv("HOME");
  std::string folder;
  if (cache != nullptr && cache[0] == '/') folder = cache;
  else if (home != nullptr && home[0] == '/') folder = std::string(home) + "/.cache";
  else return fail(ErrorCode::kIo, "neither HOME nor XDG_CACHE_HOME says where the key of indexes is");
  const std::string path = folder + "/openclaw/index.key";
  if (::access(path.c_str(), F_OK) != 0) makeKey(path);
  OPENCLAW_TRY(const Key key, readKey(path));
  return Seal(key);
}

std::uint64_t Seal::over(std::span<const std::byte> bytes) const {
  return XXH3_64bits_withSecret(bytes.data(), bytes.size(), key_.data(), key_.size());
}

}  // namespace openclaw
