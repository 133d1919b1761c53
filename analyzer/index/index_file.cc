#include "analyzer/index/index_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <vector>

#include "analyzer/index/state_archive.h"
#include "analyzer/load/source_bytes.h"
#include "openclaw/version.h"

namespace openclaw {
namespace {

constexpr std::uint32_t kIndexVersion = 3;   // goes up with every change of what state_archive.cc writes
constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kPiece = std::uint64_t{4} << 20;   // of a column, with a sum of its own
constexpr std::uint64_t upToPage(std::uint64_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }

struct Part {
  std::uint64_t at = 0, bytes = 0, sum = 0;
};
// As it stands in the file; all zero where nothing is said.
struct Header {
  char magic[8] = {};
  std::uint32_t version = 0, policy = 0;
  char program[64] = {};   // version and commit
  std::uint64_t dumpBytes = 0;
  std::int64_t dumpSeconds = 0, dumpNanoseconds = 0;
  std::uint64_t dumpSamples = 0;
  std::uint64_t fileBytes = 0;
  Part tables, directory;
  std::uint64_t seal = 0;   // over all before it
};
static_assert(sizeof(Header) <= kPage && std::is_trivially_copyable_v<Header>);
constexpr char kMagic[8] = {'O', 'C', 'M', '-', 'I', 'D', 'X', '\n'};

std::uint64_t sealOf(const Header& header, const Seal& seal) {
  return seal.over(std::as_bytes(std::span(&header, 1)).first(offsetof(Header, seal)));
}

Header headerFor(const DumpIdentity& dump, Policy policy) {
  Header header;
  std::copy(std::begin(kMagic), std::end(kMagic), header.magic);
  header.version = kIndexVersion;
  header.policy = static_cast<std::uint32_t>(policy);
  const std::string program = fmt::format("{} {}", OPENCLAW_VERSION, OPENCLAW_COMMIT);
  std::copy_n(program.data(), std::min(program.size(), sizeof(header.program) - 1), header.program);
  header.dumpBytes = dump.bytes;
  header.dumpSeconds = dump.changedSeconds;
  header.dumpNanoseconds = dump.changedNanoseconds;
  header.dumpSamples = dump.samples;
  return header;
}

// A column in the file. Sums of its pieces follow each other in the order of the columns.
struct ColumnPlace {
  std::uint64_t at, bytes;
  std::uint64_t pieces() const { return (bytes + kPiece - 1) / kPiece; }
};

class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  int descriptor() const { return descriptor_; }
  bool read(std::uint64_t at, std::span<std::byte> into) const {
    while (!into.empty()) {
      const ssize_t got = ::pread(descriptor_, into.data(), into.size(), static_cast<off_t>(at));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      into = into.subspan(static_cast<std::size_t>(got));
      at += static_cast<std::uint64_t>(got);
    }
    return true;
  }

 private:
  int descriptor_;
};

// Thrown by the sink; writeIndex turns it into an error.
struct WriteFailed {
  int error;
};

class IndexWriter final : public ColumnSink {
 public:
  IndexWriter(int descriptor, const Seal& seal, const std::stop_token& stop) : descriptor_(descriptor), seal_(seal), stop_(stop) {}
  void column(std::span<const std::byte> bytes) override {
    at_ = upToPage(at_);
    columns_.push_back({at_, bytes.size()});
    for (std::size_t from = 0; from < bytes.size(); from += kPiece) {
      if (stop_.stop_requested()) throw Cancelled{};
      const auto piece = bytes.subspan(from, std::min<std::size_t>(kPiece, bytes.size() - from));
      sums_.push_back(seal_.over(piece));
      write(at_, piece);
      at_ += piece.size();
    }
  }
  Part part(std::span<const std::byte> bytes) {
    at_ = upToPage(at_);
    const Part part{at_, bytes.size(), seal_.over(bytes)};
    write(at_, bytes);
    at_ += bytes.size();
    return part;
  }
  Part directory() {
    std::vector<std::uint64_t> words{columns_.size()};
    for (const ColumnPlace& column : columns_) words.insert(words.end(), {column.at, column.bytes});
    words.insert(words.end(), sums_.begin(), sums_.end());
    return part(std::as_bytes(std::span(words)));
  }
  void write(std::uint64_t at, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t put = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(at));
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0) throw WriteFailed{put < 0 ? errno : EIO};
      bytes = bytes.subspan(static_cast<std::size_t>(put));
      at += static_cast<std::uint64_t>(put);
    }
  }
  std::uint64_t end() const { return at_; }

 private:
  const int descriptor_;
  const Seal& seal_;
  const std::stop_token& stop_;
  std::uint64_t at_ = kPage;
  std::vector<ColumnPlace> columns_;
  std::vector<std::uint64_t> sums_;
};

class IndexColumns final : public ColumnSource {
 public:
  IndexColumns(int descriptor, std::vector<ColumnPlace> columns) : descriptor_(descriptor), columns_(std::move(columns)) {}
  Place next() override {
    if (at_ == columns_.size()) throw BrokenArchive{};
    const ColumnPlace& column = columns_[at_++];
    return {descriptor_, column.at, column.bytes};
  }
  bool atEnd() const { return at_ == columns_.size(); }

 private:
  const int descriptor_;
  const std::vector<ColumnPlace> columns_;
  std::size_t at_ = 0;
};

// A part read and held against its sum; empty optional: damaged.
std::optional<std::vector<std::byte>> readPart(const File& file, const Part& part, std::uint64_t fileBytes, const Seal& seal) {
  if (part.at > fileBytes || part.bytes > fileBytes - part.at) return std::nullopt;
  std::vector<std::byte> bytes(static_cast<std::size_t>(part.bytes));
  if (!file.read(part.at, bytes) || seal.over(bytes) != part.sum) return std::nullopt;
  return bytes;
}

struct Directory {
  std::vector<ColumnPlace> columns;
  std::vector<std::uint64_t> sums;
};
std::optional<Directory> directoryOf(std::span<const std::byte> bytes, std::uint64_t fileBytes) {
  std::vector<std::uint64_t> words(bytes.size() / sizeof(std::uint64_t));
  if (words.empty()) return std::nullopt;
  std::memcpy(words.data(), bytes.data(), words.size() * sizeof(std::uint64_t));
  if (words[0] > (words.size() - 1) / 2) return std::nullopt;
  Directory directory;
  std::uint64_t pieces = 0;
  for (std::size_t i = 0; i < words[0]; ++i) {
    const ColumnPlace column{words[1 + 2 * i], words[2 + 2 * i]};
    if (column.at % kPage != 0 || column.at > fileBytes || column.bytes > fileBytes - column.at) return std::nullopt;
    pieces += column.pieces();
    directory.columns.push_back(column);
  }
  directory.sums.assign(words.begin() + static_cast<std::ptrdiff_t>(1 + 2 * words[0]), words.end());
  if (directory.sums.size() != pieces) return std::nullopt;
  return directory;
}

// Every piece of every column, read past the mapping so that it costs no memory of ours.
bool columnsAreSound(const File& file, const Directory& directory, const Seal& seal, const Work& work) {
  struct Piece {
    std::uint64_t at, bytes;
  };
  std::vector<Piece> pieces;
  pieces.reserve(directory.sums.size());
  for (const ColumnPlace& column : directory.columns)
    for (std::uint64_t from = 0; from < column.bytes; from += kPiece)
      pieces.push_back({column.at + from, std::min(kPiece, column.bytes - from)});
  std::atomic<bool> sound{true};
  std::vector<std::vector<std::byte>> buffers(std::max(1u, work.threads));
  forEachItem(work, pieces.size(), [&](unsigned worker, std::size_t item) {
    if (!sound.load(std::memory_order_relaxed)) return;
    buffers[worker].resize(kPiece);
    const std::span<std::byte> bytes(buffers[worker].data(), static_cast<std::size_t>(pieces[item].bytes));
    if (!file.read(pieces[item].at, bytes) || seal.over(bytes) != directory.sums[item]) sound.store(false, std::memory_order_relaxed);
  });
  return sound.load();
}

}  // namespace

std::string indexPathOf(const std::string& dump, Policy policy) {
  return policy == Policy::kStrict ? dump + ".idx" : fmt::format("{}.{}.idx", dump, toText(policy));
}

Result<DumpIdentity> identityOf(const std::string& dump, const Seal& seal) {
  constexpr std::uint64_t kSamples = 64, kSampleBytes = 4096;
  OPENCLAW_TRY(const std::unique_ptr<SourceBytes> source, openFileSource(dump));
  struct stat is {};
  if (::stat(dump.c_str(), &is) != 0) return fail(ErrorCode::kIo, std::strerror(errno), Where{.file = dump});
  DumpIdentity identity{.bytes = source->size(), .changedSeconds = is.st_mtim.tv_sec, .changedNanoseconds = is.st_mtim.tv_nsec, .samples = 0};
  std::vector<std::byte> samples(kSamples * kSampleBytes);
  std::size_t read = 0;
  const std::uint64_t last = identity.bytes > kSampleBytes ? identity.bytes - kSampleBytes : 0;
  for (std::uint64_t i = 0; i < kSamples; ++i)
    read += source->read(last / (kSamples - 1) * i + last % (kSamples - 1) * i / (kSamples - 1), std::span(samples).subspan(read, kSampleBytes));
  identity.samples = seal.over(std::span(samples).first(read));
  return identity;
}

IndexAnswer readIndex(const std::string& path, const DumpIdentity& dump, Policy policy, const Seal& seal, const LoadStages& stages,
                      SnapshotState& state) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.descriptor() < 0) return {false, errno == ENOENT ? "" : std::strerror(errno)};
  struct stat is {};
  if (::fstat(file.descriptor(), &is) != 0 || !S_ISREG(is.st_mode)) return {false, "it is no file"};
  const auto fileBytes = static_cast<std::uint64_t>(is.st_size);
  Header header;
  if (!file.read(0, std::as_writable_bytes(std::span(&header, 1))) || !std::equal(std::begin(kMagic), std::end(kMagic), header.magic))
    return {false, "it is no index"};
  const Header expected = headerFor(dump, policy);
  if (header.version != expected.version || std::memcmp(header.program, expected.program, sizeof(header.program)) != 0)
    return {false, "another version of heap-analyzer wrote it"};
  if (header.seal != sealOf(header, seal)) return {false, "it is damaged, or another user wrote it"};
  if (header.policy != expected.policy) return {false, "it is of another policy"};
  if (header.dumpBytes != expected.dumpBytes || header.dumpSeconds != expected.dumpSeconds ||
      header.dumpNanoseconds != expected.dumpNanoseconds || header.dumpSamples != expected.dumpSamples)
    return {false, "the dump has changed since"};
  if (header.fileBytes != fileBytes) return {false, "it was cut off"};
  const auto tables = readPart(file, header.tables, fileBytes, seal);
  const auto directoryBytes = readPart(file, header.directory, fileBytes, seal);
  const auto directory = directoryBytes ? directoryOf(*directoryBytes, fileBytes) : std::nullopt;
  if (!tables || !directory || !columnsAreSound(file, *directory, seal, stages.stage("checking the index", 0, 0.9)))
    return {false, "it is damaged"};
  const Work mapping = stages.stage("opening the index", 0.9, 1);
  try {
    IndexColumns columns(file.descriptor(), directory->columns);
    ArchiveReader archive(*tables, columns);
    readState(archive, state);
    if (!columns.atEnd()) throw BrokenArchive{};
  } catch (const BrokenArchive&) {
    return {false, "it does not fit this version of heap-analyzer"};
  }
  mapping.report(1);
  return {true, {}};
}

Result<Bytes> writeIndex(const std::string& path, const DumpIdentity& dump, Policy policy, const Seal& seal, const LoadStages& stages,
                         const SnapshotState& state) {
  const auto notFinished = [&](int error) {
    return fail(ErrorCode::kNotFinished, std::strerror(error), Where{.file = path});
  };
  std::string temporary = path + ".XXXXXX";
  const File file(::mkostemp(temporary.data(), O_CLOEXEC));   // 0600: an index says as much as its dump
  if (file.descriptor() < 0) return notFinished(errno);
  struct Removed {
    const std::string* path;
    ~Removed() {
      if (path != nullptr) (void)::unlink(path->c_str());
    }
  } removed{&temporary};
  try {
    const Work work = stages.stage("writing the index", 1, 1);
    IndexWriter writer(file.descriptor(), seal, work.stop);
    ArchiveWriter archive(writer);
    writeState(archive, state);
    Header header = headerFor(dump, policy);
    header.tables = writer.part(archive.bytes());
    header.directory = writer.directory();
    header.fileBytes = writer.end();
    header.seal = sealOf(header, seal);
    writer.write(0, std::as_bytes(std::span(&header, 1)));
    // No fsync: what a crash of the machine loses, the sums tell.
    if (::rename(temporary.c_str(), path.c_str()) != 0) return notFinished(errno);
    removed.path = nullptr;
    return Bytes(header.fileBytes);
  } catch (const WriteFailed& failed) {
    return notFinished(failed.error);
  }
}

}  // namespace openclaw
