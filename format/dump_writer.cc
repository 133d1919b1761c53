#include "format/dump_writer.h"

#include <capnp/serialize.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <vector>

#include "format/check.h"
#include "format/frame_scan.h"
#include "format/heap.capnp.h"

namespace openclaw {

using namespace internal;

namespace {

std::unexpected<Error> systemError(ErrorCode code, const std::string& path, std::string_view what, int number) {
  std::string advice;
  if (number == ENOSPC || number == EDQUOT) advice = "; free some space or write to another disk";
  if (number == EACCES || number == EPERM || number == EROFS) advice = "; choose a folder that you may write to";
  return fail(code, fmt::format("{}: {}{}", what, std::strerror(number), advice), {path, 0, 0, false, false});
}

// Writes at its own position, which lets a file be extended without a thought to where its descriptor stands.
class FileSink final : public ByteSink {
 public:
  FileSink(int descriptor, std::uint64_t offset) : descriptor_(descriptor), offset_(offset) {}
  int write(const std::byte* data, std::size_t size) noexcept override {
    while (size > 0) {
      ssize_t n = ::pwrite(descriptor_, data, size, static_cast<off_t>(offset_));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return errno;
      if (n == 0) return ENOSPC;
      data += n;
      size -= static_cast<std::size_t>(n);
      offset_ += static_cast<std::uint64_t>(n);
    }
    return 0;
  }
  std::uint64_t offset() const { return offset_; }

 private:
  int descriptor_;
  std::uint64_t offset_;
};

Result<void> encoderResult(const FrameEncoder& encoder, const std::string& path) {
  switch (encoder.status()) {
    case EncodeStatus::kOk: return {};
    case EncodeStatus::kSinkFailed:
      return systemError(ErrorCode::kNotFinished, path, "the dump could not be written", encoder.sinkError());
    default: return fail(ErrorCode::kNotFinished, toText(encoder.status()), {path, 0, 0, false, false});
  }
}

// An encoder with its own memory, for ordinary code. The memory is touched only as far as frames fill it.
struct OwnedEncoder {
  std::unique_ptr<std::byte[]> workspace = std::make_unique_for_overwrite<std::byte[]>(FrameEncoder::workspaceBytes());
  FrameEncoder encoder;
  explicit OwnedEncoder(ByteSink& sink) : encoder({workspace.get(), FrameEncoder::workspaceBytes()}, sink) {}
};

}  // namespace

// --- PendingFile ----------------------------------------------------------------------------------------------------

struct PendingFile::State {
  std::string path, temporary;
  bool overwrite = false;
  int descriptor = -1;
  bool committed = false;
  ~State() {
    if (descriptor >= 0) ::close(descriptor);
    if (descriptor >= 0 && !committed) ::unlink(temporary.c_str());
  }
};

PendingFile::PendingFile() : state_(std::make_unique<State>()) {}
PendingFile::PendingFile(PendingFile&&) noexcept = default;
PendingFile& PendingFile::operator=(PendingFile&&) noexcept = default;
PendingFile::~PendingFile() = default;
int PendingFile::descriptor() const { return state_->descriptor; }
const std::string& PendingFile::finalPath() const { return state_->path; }
const std::string& PendingFile::temporaryPath() const { return state_->temporary; }
void PendingFile::unlinkFromSignal() const noexcept {
  if (!state_->committed) ::unlink(state_->temporary.c_str());
}

Result<PendingFile> PendingFile::create(std::string path, bool overwrite) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) {
    if (!S_ISREG(status.st_mode))
      return fail(ErrorCode::kInvalidArgument,
                  S_ISDIR(status.st_mode) ? "this is a folder; name a file" : "this is no regular file; name another one",
                  {path, 0, 0, false, false});
    if (!overwrite)
      return fail(ErrorCode::kAlreadyExists, "the file exists; choose another name or use --force", {path, 0, 0, false, false});
  }
  PendingFile file;
  State& state = *file.state_;
  state.path = std::move(path);
  state.overwrite = overwrite;
  for (int attempt = 0; attempt < 8; ++attempt) {
    std::uint64_t random = 0;
    if (::getrandom(&random, sizeof(random), 0) != sizeof(random))
      return systemError(ErrorCode::kIo, state.path, "no random number", errno);
    state.temporary = fmt::format("{}.{}-{:016x}.tmp", state.path, ::getpid(), random);
    state.descriptor = ::open(state.temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (state.descriptor >= 0) return file;
    if (errno != EEXIST) break;
  }
  return systemError(ErrorCode::kNotFinished, state.path, "no file can be made beside it", errno);
}

Result<void> PendingFile::commit() {
  State& state = *state_;
  OPENCLAW_CHECK(!state.committed && state.descriptor >= 0);
  if (::fsync(state.descriptor) != 0)
    return systemError(ErrorCode::kNotFinished, state.path, "its bytes did not reach the disk", errno);
  if (state.overwrite) {
    if (::rename(state.temporary.c_str(), state.path.c_str()) != 0)
      return systemError(ErrorCode::kNotFinished, state.path, "it could not be given its name", errno);
  } else {
    int problem = ::renameat2(AT_FDCWD, state.temporary.c_str(), AT_FDCWD, state.path.c_str(), RENAME_NOREPLACE) == 0 ? 0 : errno;
    if (problem == EINVAL || problem == ENOSYS) {  // a file system without it: a link refuses an existing name, too
      problem = ::link(state.temporary.c_str(), state.path.c_str()) == 0 ? 0 : errno;
      if (problem == 0) ::unlink(state.temporary.c_str());
    }
    if (problem == EEXIST)
      return fail(ErrorCode::kAlreadyExists, "a file of this name appeared meanwhile; choose another one or use --force",
                  {state.path, 0, 0, false, false});
    if (problem != 0) return systemError(ErrorCode::kNotFinished, state.path, "it could not be given its name", problem);
  }
  state.committed = true;
  // The name itself reaches the disk with its folder. A folder that cannot be opened for reading may still be fine.
  auto slash = state.path.find_last_of('/');
  std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : state.path.substr(0, slash);
  if (int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); descriptor >= 0) {
    int problem = ::fsync(descriptor) == 0 ? 0 : errno;
    ::close(descriptor);
    if (problem != 0 && problem != EINVAL && problem != EROFS)
      return systemError(ErrorCode::kIo, state.path, "it stands, but its folder did not reach the disk", problem);
  }
  return {};
}

// --- DumpWriter -----------------------------------------------------------------------------------------------------

struct DumpWriter::State {
  PendingFile file;
  Options options;
  FileSink sink;
  OwnedEncoder owned;
  State(PendingFile&& pending, Options o)
      : file(std::move(pending)), options(o), sink(file.descriptor(), 0), owned(sink) {}
};

DumpWriter::DumpWriter() = default;
DumpWriter::DumpWriter(DumpWriter&&) noexcept = default;
DumpWriter::~DumpWriter() = default;
FrameEncoder& DumpWriter::encoder() { return state_->owned.encoder; }

Result<DumpWriter> DumpWriter::create(std::string path, Options options) {
  OPENCLAW_TRY(PendingFile file, PendingFile::create(std::move(path), options.overwrite));
  DumpWriter writer;
  writer.state_ = std::make_unique<State>(std::move(file), options);
  return writer;
}

Result<void> DumpWriter::commit() {
  State& state = *state_;
  state.owned.encoder.flush();
  OPENCLAW_TRY_VOID(encoderResult(state.owned.encoder, state.file.finalPath()));
  if (state.options.index)
    OPENCLAW_TRY_VOID(appendSymbolsAndIndex(state.file.descriptor(), state.file.finalPath(), {}, {}));
  return state.file.commit();
}

// --- symbols, index, trailer ----------------------------------------------------------------------------------------

namespace {

// Which objects a frame holds, from the numbers at the head of its message. A frame that cannot be read is listed
// without: the reader will say what is wrong with it.
void describe(const ByteSource& source, const FoundFrame& frame, schema::IndexEntry::Builder entry) {
  if (frame.kind != FrameKind::kObjects && frame.kind != FrameKind::kReferences) return;
  auto head = readMessageHead(source, frame, 256);
  if (!head) return;
  // As if the message ended here: the numbers of the root struct are all in reach, its columns are not.
  std::uint32_t table[2] = {0, static_cast<std::uint32_t>(head->size() - 1)};
  std::memcpy(head->begin(), table, sizeof(table));
  try {
    capnp::FlatArrayMessageReader reader(*head);
    if (frame.kind == FrameKind::kReferences) {
      entry.setFirstObject(reader.getRoot<schema::References>().getFirstObject());
      return;
    }
    auto objects = reader.getRoot<schema::Objects>();
    entry.setFirstObject(objects.getFirstIndex());
    entry.setObjectCount(objects.getCount());
    entry.setLowAddress(objects.getFirstAddress());
    entry.setHighAddress(objects.getEndAddress());
  } catch (const kj::Exception&) {
  }
}

Result<std::vector<std::byte>> indexFrame(const ByteSource& source, std::span<const FoundFrame> frames,
                                          std::uint32_t sequence) {
  capnp::MallocMessageBuilder builder;
  auto entries = builder.initRoot<schema::FileIndex>().initEntries(static_cast<unsigned>(frames.size()));
  for (unsigned i = 0; i < entries.size(); ++i) {
    auto entry = entries[i];
    entry.setKind(static_cast<std::uint16_t>(frames[i].kind));
    entry.setSequence(frames[i].sequence);
    entry.setOffset(frames[i].offset);
    entry.setStoredSize(frames[i].storedSize);
    entry.setRawSize(frames[i].rawSize);
    describe(source, frames[i], entry);
  }
  kj::Array<capnp::word> flat = capnp::messageToFlatArray(builder);
  auto raw = flat.asBytes();
  if (raw.size() > FrameHeader::kMaxRawBytes)
    return fail(ErrorCode::kUnsupported, fmt::format("{} frames are too many for an index", frames.size()),
                {source.name(), 0, 0, false, false});
  std::vector<std::byte> out(FrameHeader::kBytes + ZSTD_compressBound(raw.size()));
  std::size_t size = ZSTD_compress(out.data() + FrameHeader::kBytes, out.size() - FrameHeader::kBytes, raw.begin(), raw.size(), 1);
  OPENCLAW_CHECK(!ZSTD_isError(size), size);  // the buffer is as large as zstd asks for
  out.resize(FrameHeader::kBytes + size);
  FrameHeader header{FrameKind::kIndex, 0, sequence, static_cast<std::uint32_t>(raw.size()), static_cast<std::uint32_t>(size), 0};
  header.storedCrc = crc32(out.data() + FrameHeader::kBytes, size);
  encode(header, out.data());
  return out;
}

Result<std::uint64_t> sizeOfFile(int descriptor, const std::string& name) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return systemError(ErrorCode::kIo, name, "it cannot be examined", errno);
  return static_cast<std::uint64_t>(status.st_size);
}

// One past the highest number of a file, copies and conflicting frames included.
std::uint32_t nextSequence(std::span<const FoundFrame> frames) {
  return std::max_element(frames.begin(), frames.end(), [](auto& a, auto& b) { return a.sequence < b.sequence; })->sequence + 1;
}

Result<void> appendAt(int descriptor, const std::string& name, std::uint64_t offset, std::uint32_t sequence,
                      std::span<const SymbolRecord> symbols, std::string_view symbolizer) {
  FileSink sink(descriptor, offset);
  if (!symbols.empty()) {
    OwnedEncoder owned(sink);
    owned.encoder.continueAt(sequence);
    owned.encoder.symbols(symbols, symbolizer);
    OPENCLAW_TRY_VOID(encoderResult(owned.encoder, name));
  }
  ByteSource source(descriptor, false, sink.offset(), name);
  OPENCLAW_TRY(Scan scan, scanFile(source));
  if (!symbols.empty()) sequence = nextSequence(scan.inFile);
  OPENCLAW_TRY(auto index, indexFrame(source, scan.inFile, sequence));
  std::byte trailer[Trailer::kBytes];
  encode(Trailer{sink.offset(), sink.offset() + index.size() + Trailer::kBytes}, trailer);
  int problem = sink.write(index.data(), index.size());
  if (problem == 0) problem = sink.write(trailer, sizeof(trailer));
  if (problem != 0) return systemError(ErrorCode::kNotFinished, name, "symbols and index could not be written", problem);
  return {};
}

}  // namespace

Result<void> appendSymbolsAndIndex(int descriptor, const std::string& name, std::span<const SymbolRecord> symbols,
                                   std::string_view symbolizer) {
  OPENCLAW_TRY(std::uint64_t size, sizeOfFile(descriptor, name));
  ByteSource source(descriptor, false, size, name);
  OPENCLAW_TRY(Scan scan, scanFile(source));
  if (scan.frames.empty()) return fail(ErrorCode::kDamaged, "there is no whole frame in this dump", {name, 0, 0, false, false});
  std::uint32_t sequence = nextSequence(scan.inFile);

  // What stands behind the last frame is kept, except an index with its trailer (or with the part of one that got
  // written), and a frame that was cut: it would swallow what follows. The number of such a frame of the dumped process
  // stays free, which shows as missing.
  const std::vector<FoundFrame>& frames = scan.inFile;
  std::uint64_t end = size;
  if (scan.cut && scan.cut->offset >= frames.back().end()) {
    end = scan.cut->offset;
    bool ours = scan.cut->kind == FrameKind::kIndex || scan.cut->kind == FrameKind::kSymbols;
    if (!ours) sequence = std::max(sequence, scan.cut->sequence + 1);
  } else if (frames.back().kind == FrameKind::kIndex && size - frames.back().end() <= Trailer::kBytes) {
    end = frames.back().offset;
    if (frames.back().sequence + 1 == sequence) --sequence;
  }
  if (end != size && ::ftruncate(descriptor, static_cast<off_t>(end)) != 0)
    return systemError(ErrorCode::kNotFinished, name, "its old end could not be removed", errno);
  auto appended = appendAt(descriptor, name, end, sequence, symbols, symbolizer);
  if (!appended && ::ftruncate(descriptor, static_cast<off_t>(end)) != 0)
    appended.error().what += "; and what was written of them could not be removed";
  return appended;
}

}  // namespace openclaw
