#include "analyzer/load/source_bytes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace openclaw {
namespace {

class FileSource final : public SourceBytes {
 public:
  FileSource(std::string path, int descriptor, std::uint64_t size)
      : SourceBytes(std::move(path)), descriptor_(descriptor), size_(size) {}
  ~FileSource() override { ::close(descriptor_); }
  FileSource(const FileSource&) = delete;
  std::uint64_t size() const override { return size_; }
  std::size_t read(std::uint64_t offset, std::span<std::byte> into) const override {
    std::size_t done = 0;
    while (done < into.size()) {
      const ssize_t got = ::pread(descriptor_, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

 private:
  int descriptor_;
  std::uint64_t size_;
};

class MemorySource final : public SourceBytes {
 public:
  MemorySource(std::span<const std::byte> bytes, std::string name) : SourceBytes(std::move(name)), bytes_(bytes) {}
  std::uint64_t size() const override { return bytes_.size(); }
  std::size_t read(std::uint64_t offset, std::span<std::byte> into) const override {
    if (offset >= bytes_.size()) return 0;
    const std::size_t count = std::min<std::uint64_t>(into.size(), bytes_.size() - offset);
    std::memcpy(into.data(), bytes_.data() + offset, count);
    return count;
  }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace

Result<std::unique_ptr<SourceBytes>> openFileSource(const std::string& path) {
  const auto problem = [&](const char* what) {
    return fail(ErrorCode::kIo, std::string(what) + ": " + std::strerror(errno), Where{.file = path});
  };
  // Not blocking: a pipe in place of the file would wait for its writer.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (descriptor < 0) return problem("cannot be opened");
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) {
    auto error = problem("cannot be examined");
    ::close(descriptor);
    return error;
  }
  if (!S_ISREG(status.st_mode)) {
    ::close(descriptor);
    return fail(ErrorCode::kIo, S_ISDIR(status.st_mode) ? "this is a folder, not a dump" : "this is no regular file; copy the dump to one",
                Where{.file = path});
  }
  ::posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL);
  return std::make_unique<FileSource>(path, descriptor, static_cast<std::uint64_t>(status.st_size));
}

std::unique_ptr<SourceBytes> memorySource(std::span<const std::byte> bytes, std::string name) {
  return std::make_unique<MemorySource>(bytes, std::move(name));
}

}  // namespace openclaw
