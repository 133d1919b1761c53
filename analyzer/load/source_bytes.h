// The bytes of a foreign dump, wherever they are: a file read in pieces (pages of a mapping would count as the analyzer's
// memory), or memory (tests, fuzzing).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "format/result.h"

namespace openclaw {

// Threads: read() from any number.
class SourceBytes {
 public:
  virtual ~SourceBytes() = default;
  virtual std::uint64_t size() const = 0;
  // Fills as much of `into` as there is at `offset`; fewer bytes only at the end or when the system fails (then nothing more
  // can be had there). Returns how many.
  virtual std::size_t read(std::uint64_t offset, std::span<std::byte> into) const = 0;
  const std::string& name() const { return name_; }   // for errors

 protected:
  explicit SourceBytes(std::string name) : name_(std::move(name)) {}

 private:
  std::string name_;
};

// Errors: kIo (not there, not readable, a directory).
Result<std::unique_ptr<SourceBytes>> openFileSource(const std::string& path);
// `bytes` outlive the source.
std::unique_ptr<SourceBytes> memorySource(std::span<const std::byte> bytes, std::string name);

}  // namespace openclaw
