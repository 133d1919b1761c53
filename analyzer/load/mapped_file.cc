#include "analyzer/load/mapped_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

namespace openclaw {

Result<MappedFile> MappedFile::open(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    const int reason = errno;
    if (reason == ENOENT || reason == ENOTDIR)
      return fail(ErrorCode::kInvalidArgument, "there is no such file; check the path", Where{.file = path});
    return fail(ErrorCode::kIo, fmt::format("cannot be opened: {}", std::strerror(reason)), Where{.file = path});
  }
  struct stat status{};
  MappedFile file;
  if (fstat(descriptor, &status) != 0) {
    const int reason = errno;
    close(descriptor);
    return fail(ErrorCode::kIo, fmt::format("cannot be read: {}", std::strerror(reason)), Where{.file = path});
  }
  if (!S_ISREG(status.st_mode)) {
    close(descriptor);
    return fail(ErrorCode::kInvalidArgument, "is not a regular file; name a dump", Where{.file = path});
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size != 0) {
    void* pages = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    const int reason = errno;
    close(descriptor);
    if (pages == MAP_FAILED)
      return fail(ErrorCode::kIo, fmt::format("cannot be mapped: {}", std::strerror(reason)), Where{.file = path});
    file.bytes_ = {static_cast<const std::byte*>(pages), size};
  } else {
    close(descriptor);
  }
  return file;
}

MappedFile::MappedFile(MappedFile&& o) noexcept : bytes_(std::exchange(o.bytes_, {})) {}
MappedFile::~MappedFile() {
  if (!bytes_.empty()) (void)munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void releasePages(std::span<const std::byte> range) {
  constexpr std::uintptr_t kPage = 4096;
  const auto begin = (reinterpret_cast<std::uintptr_t>(range.data()) + kPage - 1) & ~(kPage - 1);
  const auto end = (reinterpret_cast<std::uintptr_t>(range.data()) + range.size()) & ~(kPage - 1);
  if (begin < end) (void)madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace openclaw
