// Many byte streams that are written in turn and each read once, whole: the pigeonholes of a sort. Memory goes back to the
// system stream by stream as they are read, so what is made of them can grow in its place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "analyzer/buffer.h"

namespace openclaw {

// Threads: append() from one; then take() of different streams from any number. Throws std::bad_alloc.
class ByteStreams {
 public:
  explicit ByteStreams(std::size_t streams) : streams_(streams) {}

  void append(std::size_t stream, const std::uint8_t* bytes, std::size_t count) {
    Stream& s = streams_[stream];
    s.size += count;
    if (static_cast<std::size_t>(s.end - s.at) >= count) [[likely]] {
      std::memcpy(s.at, bytes, count);
      s.at += count;
      return;
    }
    appendInPieces(s, bytes, count);
  }
  std::uint64_t size(std::size_t stream) const { return streams_[stream].size; }
  std::uint64_t totalSize() const;
  // Appends the stream's bytes to `into` and forgets them.
  void take(std::size_t stream, std::vector<std::uint8_t>& into);

 private:
  static constexpr std::size_t kChunk = 16 << 10, kSlab = 64 << 20;
  struct Stream {
    std::uint8_t* at = nullptr;
    std::uint8_t* end = nullptr;
    std::uint64_t size = 0;
    std::vector<std::uint8_t*> chunks;
  };
  void appendInPieces(Stream& s, const std::uint8_t* bytes, std::size_t count);
  std::uint8_t* freshChunk();

  std::vector<Stream> streams_;
  std::vector<Buffer<std::uint8_t>> slabs_;
  std::size_t usedOfSlab_ = kSlab;
};

}  // namespace openclaw
