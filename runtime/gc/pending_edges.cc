#include "runtime/gc/pending_edges.h"

#include <emmintrin.h>
#include <sys/mman.h>

#include <bit>
#include <new>

namespace openclaw::gc {

using pool::Address;

namespace {

constexpr std::uint64_t kForRoots = 1ull << 30;   // 250 million references from roots and stacks

}  // namespace

PendingEdges::PendingEdges(Address low, std::uint64_t reservedBytes) : low_(low), bytes_(reservedBytes + kForRoots) {
  void* memory = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  ::madvise(memory, bytes_, MADV_HUGEPAGE);    // one fault for 500 segments
  ::madvise(memory, bytes_, MADV_DONTFORK);    // empty between collections: a dump's child has no use for it
  memory_ = static_cast<std::uint32_t*>(memory);
}

PendingEdges::~PendingEdges() { ::munmap(memory_, bytes_); }

void PendingEdges::begin(std::uint64_t usedBytes) noexcept {
  shift_ = pool::kChunkShift;
  while (usedBytes > (std::uint64_t{kRegions} << shift_)) ++shift_;
  mask_ = (std::uint64_t{1} << shift_) - 1;
  regions_ = std::max<std::uint64_t>(1, (usedBytes + mask_) >> shift_);
  current_ = count_ = 0;
  segments_ = free_ = 0;
  active_.fill(0);
  // Regions' tops begin at different lines of their pages, else all of them would share a few sets of the first-level cache:
  // a graph without order fills them at one pace.
  constexpr std::uint32_t kLineWords = 16, kLines = kSegmentWords / kLineWords;
  for (std::uint32_t region = 0; region < regions_; ++region) top_[region] = begin(0, kFirstWord + region % (kLines - 1) * kLineWords);
  top_[regions_] = null_.data() + 1;
}

void PendingEdges::end() noexcept {
  if (kept_ > segments_)
    ::madvise(wordsOf(segments_), std::size_t{kept_ - segments_} * kSegmentBytes, MADV_DONTNEED);
  kept_ = segments_;
}

std::uint32_t* PendingEdges::begin(std::uint32_t previous, std::uint32_t first) noexcept {
  std::uint32_t number;
  if (free_ != 0) {
    number = free_ - 1;
    free_ = reinterpret_cast<const Segment*>(wordsOf(number))->previous;
  } else {
    number = segments_++;
  }
  *reinterpret_cast<Segment*>(wordsOf(number)) = {previous, first};
  return wordsOf(number) + first;
}

std::uint32_t* PendingEdges::behind(std::uint32_t* end) noexcept { return begin(numberOf(segmentOf(end - 1)) + 1, kFirstWord); }

// Which of 64 regions have targets, perhaps; a bit each.
std::uint64_t PendingEdges::activeAmong(std::size_t block) const noexcept {
  const auto* bytes = reinterpret_cast<const __m128i*>(active_.data() + block * 64);
  std::uint64_t none = 0;
  for (unsigned part = 0; part < 4; ++part)
    none |= static_cast<std::uint64_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_load_si128(bytes + part), _mm_setzero_si128()))) << (16 * part);
  return ~none;
}

void PendingEdges::turn() noexcept {
  // From the current one on, then from the first. The byte behind the last region's is null's, those after it are zero.
  std::size_t block = current_ / 64;
  std::uint64_t active = activeAmong(block) & (~std::uint64_t{0} << current_ % 64);
  for (;;) {
    if (active != 0) {
      const std::size_t next = block * 64 + static_cast<std::size_t>(std::countr_zero(active));
      if (next < regions_) {
        current_ = next;
        return;
      }
    }
    if (++block * 64 >= regions_) block = 0;
    active = activeAmong(block);
  }
}

void PendingEdges::take(Address* out, std::size_t count) noexcept {
  for (Address* const end = out + count;;) {
    std::uint32_t* top = top_[current_];
    Segment* segment = &segmentOf(top);
    std::uint32_t* bottom = reinterpret_cast<std::uint32_t*>(segment) + segment->first;
    if (top == bottom && segment->previous != 0) {
      const std::uint32_t before = segment->previous - 1;
      segment->previous = free_;
      free_ = numberOf(*segment) + 1;
      top = wordsOf(before) + kSegmentWords;
      bottom = wordsOf(before) + reinterpret_cast<const Segment*>(wordsOf(before))->first;
    }
    const Address base = low_ + (current_ << shift_) + pool::kHeaderBytes;
    for (std::size_t here = std::min<std::size_t>(static_cast<std::size_t>(end - out), static_cast<std::size_t>(top - bottom)); here > 0; --here)
      *out++ = base + (static_cast<Address>(*--top) << pool::kGranuleShift);
    top_[current_] = top;
    if (out == end) return;
    if (segmentOf(top).previous != 0) continue;   // of the same region
    active_[current_] = 0;
    turn();
  }
}

}  // namespace openclaw::gc
