#include "analyzer/memory_limit.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <map>
#include <mutex>
#include <stop_token>
#include <thread>
#include <unordered_map>
#include <utility>

#include "analyzer/buffer.h"
#include "format/check.h"
#include "format/units.h"

namespace openclaw {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kLeastInFile = 64 << 10;  // smaller tables are not worth a look
constexpr std::size_t kLeastOwnFile = 4 << 20;  // smaller ones share a file of kSlab
constexpr std::size_t kSlab = 64 << 20;
constexpr std::size_t kTakeOutStep = 8 << 20;
constexpr std::size_t kPrepareStep = 16 << 20;
constexpr std::uint64_t kTmpfsMagic = 0x01021994, kRamfsMagic = 0x858458f6;

constexpr std::size_t upToPage(std::size_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }

struct Resident {
  std::uint64_t all = 0;        // pages of this process in memory, files included: what VmHWM is the highest value of
  std::uint64_t anonymous = 0;  // of these, what is no file's
};
Resident resident() {
  char text[64];
  const int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  const ssize_t got = read(file, text, sizeof text - 1);
  close(file);
  if (got <= 0) return {};
  text[got] = 0;
  unsigned long long size = 0, all = 0, ofFiles = 0;
  if (std::sscanf(text, "%llu %llu %llu", &size, &all, &ofFiles) != 3) return {};
  return {all * kPage, (all - std::min(all, ofFiles)) * kPage};
}
std::uint64_t residentBytes() { return resident().all; }

std::string defaultDirectory() {
  if (const char* named = std::getenv("TMPDIR"); named != nullptr && *named != '\0') return named;
  return access("/var/tmp", W_OK | X_OK) == 0 ? "/var/tmp" : "/tmp";
}

// A file without a name: whatever happens to this process, nothing is left behind.
int fileWithoutName(const std::string& directory) {
  const int file = open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)) return file;
  std::string name = directory + "/openclaw-spill-XXXXXX";  // file systems without O_TMPFILE
  const int named = mkostemp(name.data(), O_CLOEXEC);
  if (named >= 0) unlink(name.c_str());
  return named;
}

// One mapping of a file: a large table, or a slab that small ones share.
struct FileMapping {
  std::size_t bytes = 0;
  int file = -1;          // open while the disk's room is claimed step by step
  std::size_t claimed = 0;
  bool slab = false;
  bool adopted = false;   // of a file that is not ours
  std::size_t pieces = 0;  // of a slab
};

// Never destroyed: tables may outlive main().
class Spill {
 public:
  Result<void> set(const MemoryLimitOptions& options) {
    std::string directory = options.spillDirectory.empty() ? defaultDirectory() : options.spillDirectory;
    if (options.bytes != 0)
      if (const Result<void> usable = checkDirectory(directory, !options.spillDirectory.empty()); !usable) return usable;
    const std::lock_guard lock(mutex_);
    limit_ = options.bytes;
    directory_ = std::move(directory);
    spill_ = options.spill;
    if (limit_ != 0) {
      high_ = limit_ - marginOf(limit_);
      low_ = high_ - high_ / 12;
      // Half of what is left for tables read at random; the other half for the parts of files that are in use.
      const std::uint64_t now = residentBytes(), others = anonymous_ < now ? now - anonymous_ : 0;
      const std::uint64_t left = high_ > others ? high_ - others : 0;
      anonymousMost_ = spill_ ? left / 2 : left;
    }
    takenOut_ = 0;
    inFilesMost_ = inFiles_;
    exceeded_ = false;
    if (limit_ != 0 && !files_.empty()) startWatch();
    internal::memoryLimited = limit_ != 0 || !files_.empty() || anonymous_ != 0;
    return {};
  }

  void* map(std::size_t bytes, PageSize pageSize, bool bound) {
    if (bytes < kLeastInFile) return internal::mapAnonymousPages(bytes, pageSize);
    {
      const std::lock_guard lock(mutex_);
      const bool random = pageSize == PageSize::kHuge;
      const bool uncounted = limit_ == 0 || (!spill_ && bound);
      if (uncounted || ((random || !spill_) && !bound && anonymous_ + bytes <= anonymousMost_)) {
        void* const pages = internal::mapAnonymousPages(bytes, pageSize);
        if (pages != nullptr && !uncounted) {
          anonymousTables_[at(pages)] = bytes;
          anonymous_ += bytes;
        }
        return pages;
      }
    }
    holdNow();
    return bytes < kLeastOwnFile && !bound ? mapPiece(upToPage(bytes)) : mapFile(bytes, bound, false);
  }

  // True: it was one of ours, and is gone.
  bool unmap(void* pages) {
    const std::lock_guard lock(mutex_);
    if (const auto table = anonymousTables_.find(at(pages)); table != anonymousTables_.end()) {
      munmap(pages, table->second);
      anonymous_ -= table->second;
      anonymousTables_.erase(table);
      return true;
    }
    if (const auto piece = pieces_.find(at(pages)); piece != pieces_.end()) {
      const auto slab = fileOf(at(pages));
      (void)madvise(pages, piece->second, MADV_DONTNEED);
      pieces_.erase(piece);
      OPENCLAW_CHECK(slab != files_.end() && slab->second.slab, at(pages));
      if (--slab->second.pieces == 0) drop(slab);
      return true;
    }
    const auto file = files_.find(at(pages));
    if (file == files_.end() || file->second.slab) return false;
    drop(file);
    return true;
  }

  // Gives back [from, to) of a table. `cut`: nobody will touch it again.
  void release(void* pages, std::size_t from, std::size_t to, bool cut) {
    char* const begin = static_cast<char*>(pages) + from;
    const std::lock_guard lock(mutex_);
    if (const auto table = anonymousTables_.find(at(pages)); cut && table != anonymousTables_.end()) {
      munmap(begin, to - from);
      anonymous_ -= table->second - from;
      table->second = from;
      return;
    }
    const auto file = fileOf(at(pages));
    if (file == files_.end()) {
      cut ? void(munmap(begin, to - from)) : void(madvise(begin, to - from, MADV_DONTNEED));
      return;
    }
    // The memory, not the disk: a hole in a file (MADV_REMOVE) waits until its neighbours are written. The disk's room comes back
    // with the whole table.
    (void)madvise(begin, to - from, MADV_DONTNEED);
    if (!cut) return;
    if (const auto piece = pieces_.find(at(pages)); piece != pieces_.end()) {
      piece->second = from;
      return;
    }
    if (file->second.slab || file->first != at(pages)) return;
    munmap(begin, to - from);
    inFiles_ -= file->second.bytes - from;
    file->second.bytes = from;
    if (file->second.file >= 0) {
      (void)ftruncate(file->second.file, static_cast<off_t>(from));
      close(std::exchange(file->second.file, -1));
    }
  }

  // A table that lies in a file of the user's, where nobody writes to it.
  void adopt(void* pages, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    if (limit_ == 0) return;
    files_[at(pages)] = {.bytes = upToPage(bytes), .claimed = upToPage(bytes), .adopted = true};
    inFiles_ += upToPage(bytes);
    inFilesMost_ = std::max(inFilesMost_, inFiles_);
    startWatch();
  }

  void prepare(void* pages, std::size_t to) {
    const std::lock_guard lock(mutex_);
    const auto file = files_.find(at(pages));
    if (file == files_.end() || file->second.file < 0 || to <= file->second.claimed) return;
    const std::size_t wanted = std::min(file->second.bytes, (to + kPrepareStep - 1) / kPrepareStep * kPrepareStep);
    claim(file->second.file, file->second.claimed, wanted - file->second.claimed);
    file->second.claimed = wanted;
  }

  // Takes pages out of the process when it is near its limit. Throws when that does not suffice.
  void hold() {
    const std::int64_t now = std::chrono::steady_clock::now().time_since_epoch().count();
    std::int64_t last = lastLook_.load(std::memory_order_relaxed);
    if (now - last >= 1'000'000 && lastLook_.compare_exchange_strong(last, now, std::memory_order_relaxed)) holdNow();
    if (exceeded_.load(std::memory_order_relaxed)) throw MemoryLimitExceeded(limit_.load(), residentBytes());
  }

  MemoryUse use() {
    const std::lock_guard lock(mutex_);
    return {limit_, residentBytes(), anonymous_, inFiles_, inFilesMost_, takenOut_};
  }
  std::string directory() {
    const std::lock_guard lock(mutex_);
    return directory_.empty() ? defaultDirectory() : directory_;
  }

 private:
  static std::uintptr_t at(const void* pages) { return reinterpret_cast<std::uintptr_t>(pages); }
  using Files = std::map<std::uintptr_t, FileMapping>;

  // Kept free below the limit: what threads can touch between two looks.
  static std::uint64_t marginOf(std::uint64_t limit) { return std::min<std::uint64_t>(std::max<std::uint64_t>(limit / 8, 32 << 20), limit / 2); }

  static Result<void> checkDirectory(const std::string& directory, bool named) {
    struct statfs system {};
    if (statfs(directory.c_str(), &system) == 0 && !named) {
      const auto type = static_cast<std::uint64_t>(system.f_type);
      if (type == kTmpfsMagic || type == kRamfsMagic)
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("tables that do not fit would go to {}, which lies in memory itself (tmpfs); name a folder on a disk "
                                "with --spill-directory or TMPDIR", directory));
    }
    const int file = fileWithoutName(directory);
    if (file < 0)
      return fail(ErrorCode::kIo, fmt::format("no file can be made in {}, where tables would go that do not fit: {}; name another folder "
                                              "with --spill-directory", directory, std::strerror(errno)));
    close(file);
    return {};
  }

  [[noreturn]] void refuse(std::size_t bytes, int error) const {
    const char* const next = error == EMFILE || error == ENFILE ? "raise the number of open files (ulimit -n)"
                                                                : "make room there, name another folder with --spill-directory, or raise --memory-limit";
    throw SpillFailed(fmt::format("{} more of tables do not fit into {}, where they go because of the memory limit: {}; {}",
                                  toText(Bytes(bytes)), directory_, std::strerror(error), next));
  }

  // The disk's room is taken before the first byte is written: a mapping has no way to say later that the disk is full.
  void claim(int file, std::size_t from, std::size_t bytes) const {
    if (bytes == 0) return;
    rlimit most{};
    if (getrlimit(RLIMIT_FSIZE, &most) == 0 && from + bytes > most.rlim_cur) refuse(bytes, EFBIG);
    int error;
    do error = posix_fallocate(file, static_cast<off_t>(from), static_cast<off_t>(bytes));
    while (error == EINTR);
    if (error != 0) refuse(bytes, error);
  }

  void* mapFile(std::size_t bytes, bool bound, bool slab) {
    std::unique_lock lock(mutex_, std::defer_lock);
    if (!slab) lock.lock();
    const std::size_t whole = upToPage(bytes);
    const int file = fileWithoutName(directory_);
    if (file < 0) refuse(bytes, errno);
    rlimit most{};
    if (getrlimit(RLIMIT_FSIZE, &most) == 0 && whole > most.rlim_cur) {
      close(file);
      refuse(bytes, EFBIG);
    }
    void* pages = MAP_FAILED;
    try {
      if (ftruncate(file, static_cast<off_t>(whole)) != 0) refuse(bytes, errno);
      if (!bound) claim(file, 0, whole);
      pages = mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file, 0);
      if (pages == MAP_FAILED) refuse(bytes, errno);
      files_[at(pages)] = {.bytes = whole, .file = bound ? file : -1, .claimed = bound ? 0 : whole, .slab = slab};
    } catch (...) {
      if (pages != MAP_FAILED) munmap(pages, whole);
      close(file);
      throw;
    }
    if (!bound) close(file);  // the mapping keeps it
    inFiles_ += whole;
    inFilesMost_ = std::max(inFilesMost_, inFiles_);
    startWatch();
    return pages;
  }

  void* mapPiece(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    if (slab_ == 0 || slabUsed_ + bytes > kSlab) {
      slab_ = 0;   // the one before goes with its last piece
      slab_ = at(mapFile(kSlab, false, true));
      slabUsed_ = 0;
    }
    const std::uintptr_t piece = slab_ + slabUsed_;
    pieces_[piece] = bytes;
    ++files_[slab_].pieces;
    slabUsed_ += bytes;
    return reinterpret_cast<void*>(piece);
  }

  // Under the mutex: the place may be anybody's afterwards.
  void drop(Files::iterator file) {
    munmap(reinterpret_cast<void*>(file->first), file->second.bytes);
    if (file->second.file >= 0) close(file->second.file);
    inFiles_ -= file->second.bytes;
    if (file->first == slab_) slab_ = 0;
    files_.erase(file);
  }

  Files::iterator fileOf(std::uintptr_t address) {
    auto after = files_.upper_bound(address);
    if (after == files_.begin()) return files_.end();
    --after;
    return address - after->first < after->second.bytes ? after : files_.end();
  }

  void holdNow() {
    if (limit_.load(std::memory_order_relaxed) == 0 || residentBytes() <= high_.load(std::memory_order_relaxed)) return;
    const std::lock_guard lock(mutex_);
    Resident now = resident();
    if (limit_ == 0 || now.all <= high_) return;
    // Once around all files, in pieces, beginning behind the last one that was taken out: what is in use comes back for the
    // price of a fault, and is last in the next round.
    std::uint64_t left = inFiles_;
    while (now.all > low_ && left > 0 && !files_.empty()) {
      auto file = files_.upper_bound(hand_);
      if (file != files_.begin() && hand_ - std::prev(file)->first < std::prev(file)->second.bytes) --file;
      if (file == files_.end()) file = files_.begin();
      std::uintptr_t from = std::max(hand_, file->first);
      if (from >= file->first + file->second.bytes) from = file->first;
      const std::size_t bytes = std::min<std::size_t>(kTakeOutStep, file->first + file->second.bytes - from);
      // Of a shared mapping the file keeps what was written; of a private one only this call does.
      (void)madvise(reinterpret_cast<void*>(from), bytes, file->second.adopted ? MADV_PAGEOUT : MADV_DONTNEED);
      takenOut_ += bytes;
      left -= std::min<std::uint64_t>(left, bytes);
      hand_ = from + bytes;
      now = resident();
    }
    // Files' pages go next time, or the time after; what is no file's does not go.
    if (now.anonymous > high_ + (limit_ - high_) / 2) exceeded_ = true;
  }

  // Loops look themselves, but not all, and not often enough in each. Runs while tables lie in files.
  void startWatch() {
    if (watching_) return;
    watching_ = true;
    std::thread([this] {
      using namespace std::chrono_literals;
      for (;;) {
        std::this_thread::sleep_for(2ms);
        {
          const std::lock_guard lock(mutex_);
          if (files_.empty() || limit_ == 0) {
            watching_ = false;
            return;
          }
        }
        holdNow();
      }
    }).detach();
  }

  std::mutex mutex_;
  std::atomic<std::uint64_t> limit_{0}, high_{0};  // written under mutex_
  std::atomic<bool> exceeded_{false};
  std::atomic<std::int64_t> lastLook_{0};
  // Guarded by mutex_.
  std::string directory_;
  bool spill_ = true, watching_ = false;
  std::uint64_t low_ = 0, anonymousMost_ = 0;
  std::uint64_t anonymous_ = 0, inFiles_ = 0, inFilesMost_ = 0, takenOut_ = 0;
  std::unordered_map<std::uintptr_t, std::size_t> anonymousTables_, pieces_;
  Files files_;
  std::uintptr_t slab_ = 0, hand_ = 0;
  std::size_t slabUsed_ = 0;
};

Spill& spill() {
  static Spill& only = *new Spill;
  return only;
}

}  // namespace

Result<void> setMemoryLimit(const MemoryLimitOptions& options) { return spill().set(options); }
MemoryUse memoryUse() { return spill().use(); }
std::string spillDirectory() { return spill().directory(); }

namespace internal {

std::atomic<bool> memoryLimited{false};
void holdMemoryLimit() { spill().hold(); }

void* mapPages(std::size_t bytes, PageSize pageSize, bool bound) {
  return memoryLimited.load(std::memory_order_acquire) ? spill().map(bytes, pageSize, bound) : mapAnonymousPages(bytes, pageSize);
}
void unmapPages(void* pages, std::size_t bytes) noexcept {
  if (!memoryLimited.load(std::memory_order_acquire) || !spill().unmap(pages)) (void)munmap(pages, bytes);
}
void unmapTail(void* pages, std::size_t bytes, std::size_t from) noexcept {
  const std::size_t first = upToPage(from);
  if (first >= bytes) return;
  if (memoryLimited.load(std::memory_order_acquire)) return spill().release(pages, first, upToPage(bytes), true);
  (void)munmap(static_cast<char*>(pages) + first, bytes - first);
}
void releasePages(void* pages, std::size_t from, std::size_t to) noexcept {
  const std::size_t first = upToPage(from), last = to / kPage * kPage;
  if (first >= last) return;
  if (memoryLimited.load(std::memory_order_acquire)) return spill().release(pages, first, last, false);
  (void)madvise(static_cast<char*>(pages) + first, last - first, MADV_DONTNEED);
}
void* mapFile(int descriptor, std::uint64_t offset, std::size_t bytes) noexcept {
  void* const pages = mapFilePages(descriptor, offset, bytes);
  if (pages != nullptr && memoryLimited.load(std::memory_order_acquire)) spill().adopt(pages, bytes);
  return pages;
}
void preparePages(void* pages, std::size_t to) {
  if (memoryLimited.load(std::memory_order_acquire)) spill().prepare(pages, to);
}

}  // namespace internal
}  // namespace openclaw
