// Private to format/: finds the frames of a file, whole or damaged, and reads them. What DumpReader shows and what
// appendSymbolsAndIndex() needs.
#pragma once

#include <capnp/common.h>
#include <kj/array.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "format/dump_reader.h"
#include "format/frame.h"
#include "format/result.h"

namespace openclaw::internal {

// The bytes of a dump: a file (borrowed or owned descriptor) or memory. Threads: any number.
class ByteSource {
 public:
  ByteSource(std::span<const std::byte> memory, std::string name);
  ByteSource(int descriptor, bool owned, std::uint64_t size, std::string name);
  ~ByteSource();
  ByteSource(const ByteSource&) = delete;

  std::uint64_t size() const { return size_; }
  const std::string& name() const { return name_; }
  // The bytes [offset, offset + size), in memory or in `buffer`. kIo when the file cannot be read or has shrunk.
  Result<std::span<const std::byte>> read(std::uint64_t offset, std::size_t size, std::vector<std::byte>& buffer) const;

 private:
  std::span<const std::byte> memory_;
  int descriptor_ = -1;
  bool owned_ = false;
  std::uint64_t size_ = 0;
  std::string name_;
};

struct FoundFrame : FrameInfo {
  std::uint16_t flags = 0;
  std::uint32_t storedCrc = 0;
  std::uint64_t end() const { return offset + FrameHeader::kBytes + storedSize; }
};

// Everything that open() learns. `frames` by sequence, without duplicates.
struct Scan {
  FileHeader header;
  ReadReport report;
  std::vector<FoundFrame> frames;
  std::vector<FoundFrame> inFile;  // all whole frames in the order of the file, copies too: what an index lists
  // A frame that the file ends in the middle of. Bytes appended behind it would be taken for its own.
  std::optional<FoundFrame> cut;
  std::optional<std::uint64_t> trailer;  // where the walk met the last one; not set when the index was used
};

// kDamaged: no heap.bin; kUnsupported: a newer version. Cost: one pass over the headers, and over damaged stretches.
Result<Scan> scanFile(const ByteSource& source);

// The message of one frame: read, checked, decompressed. Memory: stored size + raw size.
Result<kj::Array<capnp::word>> readMessage(const ByteSource& source, const FoundFrame& frame);
// Its first bytes, at most `size`: enough for the numbers at the head of an objects frame. The checksum is checked.
Result<kj::Array<capnp::word>> readMessageHead(const ByteSource& source, const FoundFrame& frame, std::size_t size);

bool hasItsChecksum(const ByteSource& source, const FoundFrame& frame);

std::unexpected<Error> damagedFrame(const ByteSource& source, const FrameInfo& frame, std::string what);

}  // namespace openclaw::internal
