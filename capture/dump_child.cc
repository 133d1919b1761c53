#include "capture/dump_child.h"

#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

namespace openclaw {
namespace {

constexpr std::size_t kRegionBatch = 1024, kRootBatch = 4096, kLossBatch = WalkProgress::kMaxLosses;
constexpr std::uint64_t kProgressEvery = 4096;

// The numbering of 64 granules: which of them begin an object, and how many objects begin before the first.
// `rank` counts only where bits is not 0.
struct RankWord {
  std::uint64_t bits, rank;
};

// Stands at the start of a workspace. All offsets are bytes from the start of the mapping.
//   header | encoder | region batch | root batch | loss batch | touched words (1 bit a word) | words
struct WorkspaceHeader {
  std::uint64_t low, high;
  std::uint32_t granule, granuleShift;
  std::uint64_t wordCount;
  std::size_t encoder, encoderBytes, regions, roots, losses, touched, words, total;
};

constexpr std::size_t roundUp(std::size_t value, std::size_t to) { return (value + to - 1) / to * to; }

WorkspaceHeader layoutOf(std::uint64_t low, std::uint64_t high, std::uint32_t granule) {
  WorkspaceHeader h{};
  h.low = low;
  h.high = high;
  h.granule = granule;
  h.granuleShift = static_cast<std::uint32_t>(std::countr_zero(granule));
  h.wordCount = high > low ? (((high - 1) >> h.granuleShift) - (low >> h.granuleShift)) / 64 + 1 : 0;
  constexpr std::size_t kPage = 4096;
  h.encoder = kPage;
  h.encoderBytes = FrameEncoder::workspaceBytes();
  h.regions = roundUp(h.encoder + h.encoderBytes, kPage);
  h.roots = roundUp(h.regions + kRegionBatch * sizeof(RegionRecord), kPage);
  h.losses = roundUp(h.roots + kRootBatch * sizeof(RootRecord), kPage);
  h.touched = roundUp(h.losses + kLossBatch * sizeof(LossRecord), kPage);
  h.words = roundUp(h.touched + (h.wordCount + 63) / 64 * sizeof(std::uint64_t), kPage);
  h.total = roundUp(h.words + h.wordCount * sizeof(RankWord), kPage);
  return h;
}

std::uint64_t monotonicNanoseconds() noexcept {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);  // answered by the vDSO: no system call, so seccomp does not see it
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(t.tv_nsec);
}

// From payload address to object index, in two loads. Writes happen in ascending order only.
class Numbering {
 public:
  Numbering(const WorkspaceHeader& header, std::byte* memory)
      : low_(header.low), high_(header.high), shift_(header.granuleShift), first_(header.low >> header.granuleShift),
        words_(reinterpret_cast<RankWord*>(memory + header.words)),
        touched_(reinterpret_cast<std::uint64_t*>(memory + header.touched)), wordCount_(header.wordCount) {}

  void setOffset(std::uint32_t objectOffset) { remainder_ = objectOffset & ((1u << shift_) - 1); }
  std::uint64_t count() const { return count_; }

  // False: outside [low, high), off the granule, or not above the one before.
  bool add(std::uint64_t address) noexcept {
    if (!mayStart(address) || (count_ != 0 && address <= last_)) return false;
    const std::uint64_t granule = (address >> shift_) - first_;
    RankWord& word = words_[granule / 64];
    if (word.bits == 0) {
      word.rank = count_;
      touched_[granule / 64 / 64] |= 1ull << (granule / 64 % 64);
    }
    word.bits |= 1ull << (granule % 64);
    last_ = address;
    ++count_;
    return true;
  }

  // What find(address) will read, for a prefetch; any address. (A function that does nothing but prefetch counts as one
  // without effect for GCC 12, which leaves out its calls.)
  const void* readBy(std::uint64_t address) const noexcept {
    return address >= low_ && address < high_ ? words_ + ((address >> shift_) - first_) / 64 : words_;
  }

  // kNullReference where no object starts.
  std::uint64_t find(std::uint64_t address) const noexcept {
    if (!mayStart(address)) return kNullReference;
    const std::uint64_t granule = (address >> shift_) - first_;
    const RankWord& word = words_[granule / 64];
    const std::uint64_t bit = 1ull << (granule % 64);
    if ((word.bits & bit) == 0) return kNullReference;
    return word.rank + static_cast<std::uint64_t>(std::popcount(word.bits & (bit - 1)));
  }

  // Index of the first object at or above `address`; count() when there is none.
  // Cost: one look when the address's word has objects, else a scan of the bits of touched words.
  std::uint64_t lowerBound(std::uint64_t address) const noexcept {
    if (address <= low_) return 0;
    // Behind the last object lies only address space: looking through its bits to the end of the reservation costs more than the rest of the walk.
    if (count_ == 0 || address > last_) return count_;
    // The first granule whose object would lie at or above the address.
    std::uint64_t granule = (address >> shift_) - first_;
    if ((address & ((1ull << shift_) - 1)) > remainder_) ++granule;
    std::uint64_t word = granule / 64;
    if (word >= wordCount_) return count_;
    if (const RankWord& w = words_[word]; w.bits != 0) {
      const std::uint64_t below = (1ull << (granule % 64)) - 1;
      return w.rank + static_cast<std::uint64_t>(std::popcount(w.bits & below));
    }
    const std::uint64_t groups = (wordCount_ + 63) / 64;
    std::uint64_t group = word / 64;
    std::uint64_t bits = touched_[group] & (~0ull << (word % 64));
    while (bits == 0) {
      if (++group >= groups) return count_;
      bits = touched_[group];
    }
    return words_[group * 64 + static_cast<std::uint64_t>(std::countr_zero(bits))].rank;
  }

 private:
  bool mayStart(std::uint64_t address) const noexcept {
    return address >= low_ && address < high_ && (address & ((1ull << shift_) - 1)) == remainder_;
  }

  std::uint64_t low_, high_;
  std::uint32_t shift_;
  std::uint64_t first_;
  RankWord* words_;
  std::uint64_t* touched_;
  std::uint64_t wordCount_;
  std::uint64_t remainder_ = 0, count_ = 0, last_ = 0;
};

// Counts what reaches the file: bytes, so that a watchdog sees the walk move even inside one large table, and frames,
// whose headers it follows through the stream.
class CountingSink final : public ByteSink {
 public:
  CountingSink(ByteSink& under, WalkProgress& progress) : under_(under), progress_(progress) {}
  int write(const std::byte* data, std::size_t size) noexcept override {
    const int error = under_.write(data, size);
    if (error != 0) return error;
    progress_.bytesWritten.fetch_add(size, std::memory_order_relaxed);
    while (size != 0) {
      if (skip_ != 0) {
        const std::size_t step = std::min<std::size_t>(skip_, size);
        skip_ -= step, data += step, size -= step;
        continue;
      }
      const std::size_t step = std::min(FrameHeader::kBytes - have_, size);
      std::memcpy(head_ + have_, data, step);
      have_ += step, data += step, size -= step;
      if (have_ < FrameHeader::kBytes) break;
      have_ = 0;
      FrameHeader frame;
      if (!decode(head_, frame)) continue;
      skip_ = frame.storedSize;
      progress_.frames.fetch_add(1, std::memory_order_relaxed);
    }
    return 0;
  }

 private:
  ByteSink& under_;
  WalkProgress& progress_;
  std::byte head_[FrameHeader::kBytes];
  std::size_t have_ = 0;
  std::uint64_t skip_ = FileHeader::kBytes;
};

class Walk final : public StartVisitor, public ObjectVisitor, public RegionVisitor, public RootVisitor {
 public:
  Walk(const WorkspaceHeader& header, std::byte* memory, ByteSink& sink, WalkProgress& progress)
      : progress_(progress), sink_(sink, progress), encoder_({memory + header.encoder, header.encoderBytes}, sink_),
        numbering_(header, memory), regionRows_(reinterpret_cast<RegionRecord*>(memory + header.regions)),
        rootRows_(reinterpret_cast<RootRecord*>(memory + header.roots)),
        lossRows_(reinterpret_cast<LossRecord*>(memory + header.losses)) {}

  EncodeStatus run(HeapSource& source, const FileHeader& header, std::uint64_t stopNanoseconds) noexcept {
    const std::uint64_t began = monotonicNanoseconds();
    numbering_.setOffset(source.objectOffset());
    enter(WalkPhase::kNumbering);
    source.visitStarts(*this);
    progress_.objectsTotal.store(numbering_.count(), std::memory_order_relaxed);
    if (failed()) return status();

    enter(WalkPhase::kTables);
    encoder_.begin(header);
    tables(source.tables());
    if (failed()) return status();

    enter(WalkPhase::kObjects);
    encoder_.expectObjects(numbering_.count());
    source.visitObjects(*this);
    encodePending();
    if (open_ != 0 || objects_ != numbering_.count()) inconsistent_ = true;
    progress_.objectsDone.store(objects_, std::memory_order_relaxed);
    encoder_.flush();
    if (failed()) return status();

    enter(WalkPhase::kRegions);
    source.visitRegions(*this);
    flushRegions();
    if (const auto rows = source.floating(); !rows.empty()) encoder_.floating(rows);

    enter(WalkPhase::kRoots);
    source.visitRoots(*this);
    flushRoots();

    const LateTables late = source.lateTables();
    if (!late.sites.empty()) encoder_.sites(late.sites);
    const std::uint64_t took = monotonicNanoseconds() - began;
    finish(late, stopNanoseconds, took);
    if (!failed()) enter(WalkPhase::kFinished);
    return status();
  }

  int sinkError() const { return encoder_.sinkError(); }

  void starts(std::span<const std::uint64_t> addresses) noexcept override {
    for (const std::uint64_t address : addresses)
      if (!numbering_.add(address)) inconsistent_ = true;
    // Seen by the watchdog; exact once the numbering is done.
    progress_.objectsTotal.store(numbering_.count(), std::memory_order_relaxed);
  }

  void object(const ObjectRecord& record) noexcept override {
    // The rows must be those that were numbered, or every reference in the file would be off.
    if (open_ != 0 || numbering_.find(record.address) != objects_) inconsistent_ = true;
    if (inconsistent_) return;
    open_ = record.referenceCount;
    if (pendingRecords_ == kPendingRecords) encodePending();
    records_[pendingRecords_++] = record;
    if (++objects_ % kProgressEvery == 0) progress_.objectsDone.store(objects_, std::memory_order_relaxed);
  }

  void slots(std::span<const std::uint64_t> targets) noexcept override {
    if (targets.size() > open_) inconsistent_ = true;
    if (inconsistent_) return;
    open_ -= targets.size();
    for (const std::uint64_t target : targets) {
      if (pendingTargets_ == kPendingTargets) encodePending();
      targets_[pendingTargets_++] = target;
      __builtin_prefetch(numbering_.readBy(target));
    }
  }

  void region(const RegionRecord& record) noexcept override {
    RegionRecord& row = regionRows_[regionCount_++] = record;
    row.firstObject = numbering_.lowerBound(record.base);
    row.objectCount = static_cast<std::uint32_t>(numbering_.lowerBound(record.base + record.bytes) - row.firstObject);
    ++regions_;
    progress_.regions.store(regions_, std::memory_order_relaxed);  // the watchdog looks
    if (regionCount_ == kRegionBatch) flushRegions();
  }

  void root(std::uint64_t targetAddress, const RootRecord& record) noexcept override {
    const std::uint64_t index = numbering_.find(targetAddress);
    if (index == kNullReference) {
      ++danglingRoots_;
      return;
    }
    RootRecord& row = rootRows_[rootCount_++] = record;
    row.object = index;
    ++roots_;
    if (rootCount_ == kRootBatch) flushRoots();
  }

 private:
  void enter(WalkPhase phase) noexcept {
    progress_.phase.store(static_cast<std::uint32_t>(phase), std::memory_order_relaxed);
  }
  EncodeStatus status() const noexcept {
    if (encoder_.status() != EncodeStatus::kOk) return encoder_.status();
    return inconsistent_ ? EncodeStatus::kOutOfOrder : EncodeStatus::kOk;
  }
  bool failed() const noexcept { return status() != EncodeStatus::kOk; }

  void tables(const SourceTables& t) noexcept {
    encoder_.process(t.process);
    if (!t.modules.empty()) encoder_.modules(t.modules);
    if (!t.types.empty()) encoder_.types(t.types);
    if (!t.arenas.empty()) encoder_.arenas(t.arenas);
    if (!t.threads.empty()) encoder_.threads(t.threads);
    // Also without rows: the interval says whether stacks were sampled at all, the total how many pauses are gone.
    encoder_.stacks(t.stackMeanInterval, t.stacks);
    encoder_.pauses(t.pausesTotal, t.pauses);
    encoder_.settings(t.settings, t.settingChanges);
    if (!t.counters.empty()) encoder_.counters(t.counters);
    encoder_.requests(t.requests, t.requestsLost);
  }

  // Objects and slots wait here until there are hundreds, so that the numbering's memory, which every slot reads at
  // another place, comes while others are gathered. In the order they were given; a last object whose slots have not all
  // come stays open in the encoder.
  void encodePending() noexcept {
    std::size_t record = 0, target = 0;
    for (;;) {
      const std::size_t some = static_cast<std::size_t>(std::min<std::uint64_t>(encoderOpen_, pendingTargets_ - target));
      for (const std::size_t end = target + some; target != end; ++target) {
        std::uint64_t index = kNullReference;
        if (targets_[target] != 0) {
          index = numbering_.find(targets_[target]);
          if (index == kNullReference) ++dangling_;
          else ++references_;
        }
        encoder_.reference(index);
      }
      encoderOpen_ -= some;
      if (encoderOpen_ != 0 || record == pendingRecords_) break;
      encoder_.object(records_[record]);
      encoderOpen_ = records_[record].referenceCount;
      ++record;
    }
    pendingRecords_ = pendingTargets_ = 0;
  }

  void flushRegions() noexcept {
    if (regionCount_ != 0) encoder_.regions({regionRows_, regionCount_});
    regionCount_ = 0;
  }
  void flushRoots() noexcept {
    if (rootCount_ != 0) encoder_.roots({rootRows_, rootCount_});
    rootCount_ = 0;
  }

  // The source's losses, then the walk's own. Both kinds of danglers are written even when 0: a reader sees that
  // somebody looked.
  void finish(const LateTables& late, std::uint64_t stopNanoseconds, std::uint64_t took) noexcept {
    std::size_t count = 0;
    constexpr std::size_t kOwn = 3;
    std::uint64_t unlisted = 0;
    for (const LossRecord& loss : late.losses) {
      if (count + kOwn < kLossBatch) lossRows_[count++] = loss;
      else unlisted += loss.count;
    }
    lossRows_[count++] = {"dangling references", dangling_};
    lossRows_[count++] = {"dangling roots", danglingRoots_};
    if (unlisted != 0) lossRows_[count++] = {"further losses", unlisted};
    EndRecord end;
    end.objects = objects_;
    end.references = references_;
    end.roots = roots_;
    end.regions = regions_;
    end.stopNanoseconds = stopNanoseconds;
    end.walkNanoseconds = took;
    end.losses = {lossRows_, count};
    encoder_.end(end);
    progress_.objectsDone.store(objects_, std::memory_order_relaxed);
    progress_.references.store(references_, std::memory_order_relaxed);
    progress_.roots.store(roots_, std::memory_order_relaxed);
    progress_.regions.store(regions_, std::memory_order_relaxed);
    progress_.danglingReferences.store(dangling_, std::memory_order_relaxed);
    progress_.walkNanoseconds.store(took, std::memory_order_relaxed);
    for (std::size_t i = 0; i < count; ++i) {
      WalkProgress::NamedLoss& loss = progress_.losses[i];
      const std::size_t length = std::min(lossRows_[i].name.size(), sizeof loss.name - 1);
      std::memcpy(loss.name, lossRows_[i].name.data(), length);
      loss.name[length] = 0;
      loss.count = lossRows_[i].count;
    }
    progress_.lossCount.store(static_cast<std::uint32_t>(count), std::memory_order_relaxed);
  }

  WalkProgress& progress_;
  CountingSink sink_;
  FrameEncoder encoder_;
  Numbering numbering_;
  RegionRecord* regionRows_;
  RootRecord* rootRows_;
  LossRecord* lossRows_;
  std::size_t regionCount_ = 0, rootCount_ = 0, open_ = 0;
  std::uint64_t objects_ = 0, references_ = 0, dangling_ = 0, roots_ = 0, danglingRoots_ = 0, regions_ = 0;
  bool inconsistent_ = false;
  // See encodePending.
  static constexpr std::size_t kPendingRecords = 256, kPendingTargets = 512;
  std::size_t pendingRecords_ = 0, pendingTargets_ = 0;
  std::uint64_t encoderOpen_ = 0;   // slots that the encoder waits for
  ObjectRecord records_[kPendingRecords];
  std::uint64_t targets_[kPendingTargets];
};

}  // namespace

const char* toText(WalkPhase phase) {
  switch (phase) {
    case WalkPhase::kNumbering: return "numbering";
    case WalkPhase::kTables: return "tables";
    case WalkPhase::kObjects: return "objects";
    case WalkPhase::kRegions: return "regions";
    case WalkPhase::kRoots: return "roots";
    case WalkPhase::kFinished: return "finished";
  }
  return "unknown";
}

Result<DumpWorkspace> DumpWorkspace::create(std::uint64_t lowAddress, std::uint64_t highAddress,
                                            std::uint32_t granule) {
#if defined(__POPCNT__)
  if (!__builtin_cpu_supports("popcnt"))
    return fail(ErrorCode::kUnsupported, "dumps need a processor that counts bits (popcnt, x86-64-v2)");
#endif
  if (!std::has_single_bit(granule) || highAddress < lowAddress)
    return fail(ErrorCode::kInvalidArgument, "dump workspace: the granule is no power of two, or the range is reversed");
  const WorkspaceHeader header = layoutOf(lowAddress, highAddress, granule);
  void* memory = ::mmap(nullptr, header.total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    return fail(ErrorCode::kNotFinished, "dump workspace: no address space for " + toText(Bytes(header.total)) + ": " +
                                             std::strerror(errno));
  // A large heap's numbering is read at random: in huge pages it needs few translations. Without them it works too.
  ::madvise(static_cast<std::byte*>(memory) + header.words, header.total - header.words, MADV_HUGEPAGE);
  new (memory) WorkspaceHeader(header);
  return DumpWorkspace({static_cast<std::byte*>(memory), header.total});
}

DumpWorkspace::DumpWorkspace(DumpWorkspace&& other) noexcept : memory_(std::exchange(other.memory_, {})) {}

DumpWorkspace& DumpWorkspace::operator=(DumpWorkspace&& other) noexcept {
  std::swap(memory_, other.memory_);
  return *this;
}

DumpWorkspace::~DumpWorkspace() {
  if (!memory_.empty()) ::munmap(memory_.data(), memory_.size());
}

void DumpWorkspace::release() noexcept {
  if (memory_.empty()) return;
  // All but the first page, where the layout stands. The numbering must read as zero afterwards: private anonymous
  // pages do after MADV_DONTNEED.
  constexpr std::size_t kFirst = 4096;
  ::madvise(memory_.data() + kFirst, memory_.size() - kFirst, MADV_DONTNEED);
}

EncodeStatus writeDump(HeapSource& source, DumpWorkspace& workspace, const FileHeader& header, ByteSink& sink,
                       WalkProgress& progress, std::uint64_t stopNanoseconds) noexcept {
  std::byte* const memory = workspace.memory().data();
  const WorkspaceHeader& layout = *reinterpret_cast<const WorkspaceHeader*>(memory);
  EncodeStatus status = EncodeStatus::kOutOfOrder;
  int sinkError = 0;
  // A source that grew past the range the workspace was made for cannot be numbered.
  if (source.lowAddress() >= layout.low && source.highAddress() <= layout.high && source.granule() == layout.granule) {
    Walk walk(layout, memory, sink, progress);
    status = walk.run(source, header, stopNanoseconds);
    sinkError = walk.sinkError();
  }
  progress.status.store(static_cast<std::uint32_t>(status), std::memory_order_relaxed);
  progress.sinkError.store(sinkError, std::memory_order_relaxed);
  progress.finished.store(1, std::memory_order_release);
  return status;
}

}  // namespace openclaw
