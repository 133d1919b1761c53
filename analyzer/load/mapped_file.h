// A file mapped for reading whose pages can be let go as soon as they were used: peak memory counts mapped pages too.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "format/result.h"

namespace openclaw {

// Threads: const from any number. Owns: the mapping.
class MappedFile {
 public:
  // kInvalidArgument: no such file, or a folder; kIo: cannot be read. An empty file gives no bytes.
  static Result<MappedFile> open(const std::string& path);
  MappedFile(MappedFile&& o) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;
  ~MappedFile();
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  MappedFile() = default;
  std::span<const std::byte> bytes_;
};

// Gives back the whole pages inside `range`, which lies in a mapped file; they are read again when touched.
void releasePages(std::span<const std::byte> range);

}  // namespace openclaw
