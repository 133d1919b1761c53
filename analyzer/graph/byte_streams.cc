#include "analyzer/graph/byte_streams.h"

#include <algorithm>

namespace openclaw {

std::uint64_t ByteStreams::totalSize() const {
  std::uint64_t sum = 0;
  for (const Stream& s : streams_) sum += s.size;
  return sum;
}

void ByteStreams::appendInPieces(Stream& s, const std::uint8_t* bytes, std::size_t count) {
  while (count != 0) {
    if (s.at == s.end) {
      s.at = freshChunk();
      s.end = s.at + kChunk;
      s.chunks.push_back(s.at);
    }
    const std::size_t piece = std::min(count, static_cast<std::size_t>(s.end - s.at));
    std::memcpy(s.at, bytes, piece);
    s.at += piece;
    bytes += piece;
    count -= piece;
  }
}

std::uint8_t* ByteStreams::freshChunk() {
  if (usedOfSlab_ == kSlab) {
    slabs_.emplace_back(kSlab, PageSize::kSmall);
    usedOfSlab_ = 0;
  }
  usedOfSlab_ += kChunk;
  return slabs_.back().data() + usedOfSlab_ - kChunk;
}

void ByteStreams::take(std::size_t stream, std::vector<std::uint8_t>& into) {
  Stream s = std::move(streams_[stream]);
  streams_[stream] = Stream{};
  std::uint64_t left = s.size;
  into.reserve(into.size() + left);
  for (std::uint8_t* const chunk : s.chunks) {
    const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(left, kChunk));
    into.insert(into.end(), chunk, chunk + piece);
    left -= piece;
    internal::releasePages(chunk, 0, kChunk);
  }
}

}  // namespace openclaw
