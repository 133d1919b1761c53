// The bytes of an HPROF in order, plain or inside gzip members, through one buffer of fixed size: how does a dump of many
// gigabytes pass by without being in memory?
//
//   HprofStream stream(bytes);
//   while (stream.need(9)) { use(stream.data()); stream.consume(9); }
//
// Positions count inflated bytes. The JDK writes .gz as members of 1 MiB each, so a place in it is found again through the
// member that holds it (HprofStream(bytes, members, position, buffer)).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "analyzer/load/source_bytes.h"

namespace openclaw::hprof {

inline std::uint16_t load16(const std::byte* p) {
  return static_cast<std::uint16_t>(static_cast<unsigned>(p[0]) << 8 | static_cast<unsigned>(p[1]));
}
inline std::uint32_t load32(const std::byte* p) {
  std::uint32_t v;
  __builtin_memcpy(&v, p, 4);
  return __builtin_bswap32(v);
}
inline std::uint64_t load64(const std::byte* p) {
  std::uint64_t v;
  __builtin_memcpy(&v, p, 8);
  return __builtin_bswap64(v);
}
inline std::uint64_t loadId(const std::byte* p, unsigned idSize) { return idSize == 8 ? load64(p) : load32(p); }

bool beginsLikeGzip(std::span<const std::byte> head);

// Where a gzip member begins, in the file and in what it inflates to. Ascending.
struct GzipMember {
  std::uint64_t compressed = 0, inflated = 0;
  template <class A, class Self>
  static void archive(A& a, Self& self) {
    a(self.compressed, self.inflated);
  }
};

// Threads: one. Owns: its buffer; the source outlives it. Throws std::bad_alloc.
class HprofStream {
 public:
  static constexpr std::size_t kBuffer = std::size_t{1} << 20, kMostNeed = std::size_t{1} << 24;

  // `ahead`: gzip is inflated on a thread of its own, a few megabytes before what is read.
  explicit HprofStream(const SourceBytes& source, bool ahead = false);
  // From `position` on; for gzip the members that an earlier stream has seen. Cost: inflating from the member's beginning.
  HprofStream(const SourceBytes& source, std::span<const GzipMember> members, std::uint64_t position, std::size_t buffer);
  ~HprofStream();
  HprofStream(const HprofStream&) = delete;

  // True: `bytes` (at most kMostNeed) can be read at data(). False: the end comes first; what is left stays readable.
  bool need(std::size_t bytes) { return end_ - begin_ >= bytes || fill(bytes); }
  const std::byte* data() const { return buffer_.data() + begin_; }
  std::size_t available() const { return end_ - begin_; }
  // `bytes` are available.
  void consume(std::size_t bytes) { begin_ += bytes; }
  // Returns how many there were.
  std::uint64_t skip(std::uint64_t bytes);
  std::uint64_t position() const { return bufferAt_ + begin_; }
  // Of the inflated bytes; nullopt in gzip, whose length nobody knows before its end.
  std::optional<std::uint64_t> size() const;
  bool isGzip() const { return inflater_ != nullptr; }
  // Bytes of the file, those of them that were taken in, and whether something in it could not be inflated.
  std::uint64_t fileBytes() const { return source_.size(); }
  std::uint64_t fileBytesTaken() const;
  // Once the end was reached.
  bool inflatingFailed() const;
  const std::vector<GzipMember>& members() const;

 private:
  struct Inflater;
  class ReadAhead;
  bool fill(std::size_t bytes);
  std::size_t readMore(std::span<std::byte> into);

  const SourceBytes& source_;
  std::unique_ptr<Inflater> inflater_;  // null: plain
  std::unique_ptr<ReadAhead> ahead_;    // of the inflater; null: it is asked on this thread
  std::uint64_t sourceAt_ = 0;          // of the next byte to read, plain
  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0, end_ = 0;
  std::uint64_t bufferAt_ = 0;  // position of buffer_[0]
};

}  // namespace openclaw::hprof
