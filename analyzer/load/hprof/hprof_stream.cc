#include "analyzer/load/hprof/hprof_stream.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <exception>
#include <mutex>
#include <new>
#include <stop_token>
#include <thread>
#include <utility>

namespace openclaw::hprof {
namespace {

constexpr int kGzipWindow = 15 + 16;  // largest window, gzip wrapper
constexpr std::size_t kInput = std::size_t{1} << 17;

}  // namespace

bool beginsLikeGzip(std::span<const std::byte> head) {
  return head.size() >= 3 && head[0] == std::byte{0x1f} && head[1] == std::byte{0x8b} && head[2] == std::byte{8};
}

// One gzip file as a run of inflated bytes. Between members only zeros (padding of tapes and block devices) are passed over;
// anything else ends the run and counts as a failure.
struct HprofStream::Inflater {
  const SourceBytes& source;
  z_stream z{};
  std::vector<std::byte> in = std::vector<std::byte>(kInput);
  std::uint64_t inAt = 0;  // file offset behind what is in `in`
  bool inMember = false, ended = false, failed = false;
  std::uint64_t inflated = 0;
  std::vector<GzipMember> members{};

  explicit Inflater(const SourceBytes& from) : source(from) {
    if (inflateInit2(&z, kGzipWindow) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&z); }
  Inflater(const Inflater&) = delete;

  std::uint64_t taken() const { return inAt - z.avail_in; }
  bool refill() {
    if (z.avail_in != 0) return true;
    const std::size_t got = source.read(inAt, in);
    inAt += got;
    z.next_in = reinterpret_cast<Bytef*>(in.data());
    z.avail_in = static_cast<uInt>(got);
    return got != 0;
  }
  // False: no further member.
  bool nextMember() {
    do {
      if (!refill()) return false;
      while (z.avail_in != 0 && *z.next_in == 0) ++z.next_in, --z.avail_in;
    } while (z.avail_in == 0);
    if (*z.next_in != 0x1f) {
      failed = true;
      return false;
    }
    members.push_back({taken(), inflated});
    inflateReset(&z);
    return inMember = true;
  }
  std::size_t read(std::span<std::byte> into) {
    std::size_t done = 0;
    while (done < into.size() && !ended) {
      if (!inMember && !nextMember()) {
        ended = true;
        break;
      }
      if (!refill()) {
        ended = failed = true;  // the file ends inside a member
        break;
      }
      z.next_out = reinterpret_cast<Bytef*>(into.data() + done);
      z.avail_out = static_cast<uInt>(std::min<std::size_t>(into.size() - done, 1u << 30));
      const uInt room = z.avail_out;
      const int result = inflate(&z, Z_NO_FLUSH);
      inflated += room - z.avail_out;
      done += room - z.avail_out;
      if (result == Z_STREAM_END) {
        inMember = false;
      } else if (result != Z_OK && result != Z_BUF_ERROR) {
        ended = failed = true;
      }
    }
    return done;
  }
};

// Has an inflater work on its own thread, a few blocks before what is read. Threads: one that reads. The inflater is the thread's
// until finished() says that it is done.
class HprofStream::ReadAhead {
 public:
  explicit ReadAhead(Inflater& from) : inflater_(from), thread_([this](const std::stop_token& stop) { work(stop); }) {}
  ~ReadAhead() {
    thread_.request_stop();
    changed_.notify_all();
  }
  // As Inflater::read.
  std::size_t read(std::span<std::byte> into) {
    std::size_t done = 0;
    while (done < into.size()) {
      if (at_ == current_.size && !next()) break;
      const std::size_t piece = std::min(into.size() - done, current_.size - at_);
      std::memcpy(into.data() + done, current_.bytes.data() + at_, piece);
      at_ += piece;
      done += piece;
    }
    return done;
  }
  std::uint64_t taken() const { return current_.taken; }  // up to the end of the block that is read
  bool finished() const { return finished_; }

 private:
  static constexpr std::size_t kBlock = std::size_t{1} << 20, kBlocks = 4;
  struct Block {
    std::vector<std::byte> bytes;
    std::size_t size = 0;
    std::uint64_t taken = 0;
  };
  // False: that was all.
  bool next() {
    std::unique_lock lock(mutex_);
    if (!current_.bytes.empty()) free_.push_back(std::move(current_.bytes));
    current_.size = at_ = 0;
    changed_.notify_all();
    changed_.wait(lock, [&] { return !filled_.empty() || over_; });
    if (filled_.empty()) {
      finished_ = true;
      if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
      return false;
    }
    current_ = std::move(filled_.front());
    filled_.pop_front();
    return true;
  }
  void work(const std::stop_token& stop) {
    try {
      for (;;) {
        Block block;
        {
          std::unique_lock lock(mutex_);
          if (!changed_.wait(lock, stop, [&] { return filled_.size() < kBlocks; })) break;
          if (!free_.empty()) {
            block.bytes = std::move(free_.back());
            free_.pop_back();
          }
        }
        block.bytes.resize(kBlock);
        block.size = inflater_.read(block.bytes);
        block.taken = inflater_.taken();
        if (block.size == 0) break;
        const std::lock_guard lock(mutex_);
        filled_.push_back(std::move(block));
        changed_.notify_all();
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      failure_ = std::current_exception();
    }
    const std::lock_guard lock(mutex_);
    over_ = true;
    changed_.notify_all();
  }

  Inflater& inflater_;
  Block current_;
  std::size_t at_ = 0;
  bool finished_ = false;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Block> filled_;                  // guarded by mutex_
  std::vector<std::vector<std::byte>> free_;  // guarded by mutex_
  bool over_ = false;                         // guarded by mutex_
  std::exception_ptr failure_;                // guarded by mutex_
  std::jthread thread_;                       // last: it uses all of the above
};

HprofStream::HprofStream(const SourceBytes& source, bool ahead) : source_(source), buffer_(kBuffer) {
  std::array<std::byte, 3> head;
  if (!beginsLikeGzip({head.data(), source.read(0, head)})) return;
  inflater_ = std::make_unique<Inflater>(source);
  if (ahead) ahead_ = std::make_unique<ReadAhead>(*inflater_);
}

HprofStream::HprofStream(const SourceBytes& source, std::span<const GzipMember> members, std::uint64_t position,
                         std::size_t buffer)
    : source_(source), buffer_(buffer) {
  if (members.empty()) {
    sourceAt_ = bufferAt_ = position;
    return;
  }
  auto member = std::upper_bound(members.begin(), members.end(), position,
                                 [](std::uint64_t wanted, const GzipMember& m) { return wanted < m.inflated; });
  if (member != members.begin()) --member;
  inflater_ = std::make_unique<Inflater>(source);
  inflater_->inAt = member->compressed;
  inflater_->inflated = member->inflated;
  bufferAt_ = member->inflated;
  skip(position - member->inflated);
}

HprofStream::~HprofStream() = default;

std::size_t HprofStream::readMore(std::span<std::byte> into) {
  if (ahead_ != nullptr) return ahead_->read(into);
  if (inflater_ != nullptr) return inflater_->read(into);
  const std::size_t got = source_.read(sourceAt_, into);
  sourceAt_ += got;
  return got;
}

bool HprofStream::fill(std::size_t bytes) {
  if (bytes > kMostNeed) return false;
  if (begin_ != 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    bufferAt_ += begin_;
    end_ -= begin_;
    begin_ = 0;
  }
  while (end_ < bytes) {
    // Grows with what is there, not with what is asked for: a length in a damaged file costs no memory.
    if (end_ == buffer_.size()) buffer_.resize(std::min(buffer_.size() * 2, kMostNeed));
    const std::size_t got = readMore(std::span(buffer_).subspan(end_));
    if (got == 0) return false;
    end_ += got;
  }
  return true;
}

std::uint64_t HprofStream::skip(std::uint64_t bytes) {
  std::uint64_t done = std::min<std::uint64_t>(bytes, available());
  begin_ += static_cast<std::size_t>(done);
  if (done == bytes) return done;
  bufferAt_ += end_;
  begin_ = end_ = 0;
  if (inflater_ == nullptr) {
    const std::uint64_t left = source_.size() > sourceAt_ ? source_.size() - sourceAt_ : 0;
    const std::uint64_t jump = std::min(bytes - done, left);
    sourceAt_ += jump;
    bufferAt_ += jump;
    return done + jump;
  }
  while (done < bytes) {
    const std::size_t got =
        readMore(std::span(buffer_).first(std::min<std::uint64_t>(buffer_.size(), bytes - done)));
    if (got == 0) break;
    bufferAt_ += got;
    done += got;
  }
  return done;
}

std::optional<std::uint64_t> HprofStream::size() const {
  if (inflater_ != nullptr) return std::nullopt;
  return source_.size();
}
std::uint64_t HprofStream::fileBytesTaken() const {
  if (ahead_ != nullptr) return ahead_->taken();
  return inflater_ != nullptr ? inflater_->taken() : sourceAt_;
}
bool HprofStream::inflatingFailed() const { return inflater_ != nullptr && inflater_->failed; }
const std::vector<GzipMember>& HprofStream::members() const {
  static const std::vector<GzipMember> none;
  return inflater_ != nullptr ? inflater_->members : none;
}

}  // namespace openclaw::hprof
