#include "runtime/gc/marker.h"

#include <emmintrin.h>
#include <sys/mman.h>

#include <algorithm>
#include <new>

#include "runtime/gc/heap_impl.h"
#include "runtime/gc/stack_scan.h"
#include "runtime/pool/walk.h"
#include "runtime/type_table.h"

namespace openclaw::gc {

using pool::Address;

WordStack::WordStack(std::uint64_t reservedBytes) : bytes_(reservedBytes) {
  void* memory = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  // A heap of weak references touches hundreds of megabytes here: in huge pages that is a hundred faults, not a hundred thousand.
  ::madvise(memory, bytes_, MADV_HUGEPAGE);
  ::madvise(memory, bytes_, MADV_DONTFORK);   // empty between collections: a dump's child has no use for it
  base_ = top_ = static_cast<std::uintptr_t*>(memory);
}

WordStack::~WordStack() { ::munmap(base_, bytes_); }

void WordStack::trim() noexcept {
  constexpr std::size_t kPage = pool::kPageBytes;
  const auto reached = [](std::size_t words) { return (words * sizeof(std::uintptr_t) + kPage - 1) & ~(kPage - 1); };
  const std::size_t keep = reached(high_), touched = reached(touched_);
  if (touched > keep) ::madvise(reinterpret_cast<char*>(base_) + keep, touched - keep, MADV_DONTNEED);
  touched_ = high_;
  high_ = 0;
}

FoundBits::FoundBits(Address base, std::uint64_t reservedBytes) : base_(base), bytes_(reservedBytes / pool::kGranule / 8) {
  void* memory = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  ::madvise(memory, bytes_, MADV_HUGEPAGE);
  ::madvise(memory, bytes_, MADV_DONTFORK);   // all zero between collections
  words_ = static_cast<std::uint64_t*>(memory);
}

FoundBits::~FoundBits() { ::munmap(words_, bytes_); }

// 16 mark bytes a step. The destructor thread may be reading mark bytes of dead objects beside these; a byte that was
// not found is written as it was.
[[gnu::no_sanitize("thread")]] void FoundBits::publish(Address chunk, std::uint8_t colour) noexcept {
  std::uint64_t* words = words_ + wordOf(chunk);
  auto* marks = reinterpret_cast<__m128i*>(pool::markByteOf(chunk));
  const __m128i bitOfByte = _mm_set1_epi64x(static_cast<long long>(0x8040'2010'0804'0201ull)), ageMask = _mm_set1_epi8(static_cast<char>(0xe0)),
                older = _mm_set1_epi8(1 << pool::kAgeShift), end = _mm_set1_epi8(pool::kEnd), state = _mm_set1_epi8(static_cast<char>(colour));
  for (std::size_t word = 0; word < pool::kMarkBytes / 64; ++word) {
    std::uint64_t bits = words[word];
    if (bits == 0) continue;
    words[word] = 0;
    for (std::size_t part = word * 4; bits != 0; ++part, bits >>= 16) {
      if ((bits & 0xffff) == 0) continue;
      // Each of the 16 bits spread over its byte: the low eight over the low half.
      __m128i spread = _mm_cvtsi32_si128(static_cast<int>(bits & 0xffff));
      spread = _mm_unpacklo_epi8(spread, spread);
      spread = _mm_shuffle_epi32(_mm_shufflelo_epi16(spread, 0x50), 0x50);
      const __m128i mine = _mm_cmpeq_epi8(_mm_and_si128(spread, bitOfByte), bitOfByte);
      const __m128i before = _mm_load_si128(marks + part);
      // Saturating at 7: past it the sum is 255, whose age bits are 7.
      const __m128i age = _mm_and_si128(_mm_adds_epu8(_mm_and_si128(before, ageMask), older), ageMask);
      const __m128i after = _mm_or_si128(_mm_or_si128(age, state), _mm_and_si128(before, end));
      _mm_store_si128(marks + part, _mm_or_si128(_mm_and_si128(mine, after), _mm_andnot_si128(mine, before)));
    }
  }
}

// There is at most one weak slot per 8 bytes: as much address space as the heap has is always enough, and push needs no check.
Marker::Marker(HeapImpl& heap, std::uint64_t reservationBytes)
    : heap_(heap), edges_(heap.pool.low(), heap.pool.reservedBytes()), weakSlots_(reservationBytes), found_(heap.pool.low(), heap.pool.reservedBytes()) {}

MarkTotals Marker::mark(std::uint8_t colour, PauseBuilder& pause) noexcept {
  colour_ = colour;
  totals_ = {};
  pause.phase("roots");
  heap_.roots.beginScan();
  edges_.begin(std::uint64_t{heap_.pool.chunksUsed()} << pool::kChunkShift);
  scanRoots();
  pause.phase("stacks");
  scanStacks();
  pause.phase("marking");
  drain();
  publish();
  pause.phase("weak");
  clearWeakSlots();
  heap_.roots.endScan();
  edges_.end();
  weakSlots_.trim();
  return totals_;
}

void Marker::scanRoots() noexcept {
  const std::uint32_t high = heap_.roots.high();
  PendingEdges::Access edges(edges_);
  for (std::uint32_t i = 0; i < high; ++i) {
    const std::uintptr_t target = heap_.roots.slot(i).target.load(std::memory_order_seq_cst);
    if (target == 0) continue;
    edges.putUnlessNull(target);
    ++totals_.rootsScanned;
  }
}

void Marker::offerConservative(std::uintptr_t word) noexcept {
  Address second = 0;
  const Address first = conservativeTarget(heap_.pool, heap_.colour(), word, &second);
  PendingEdges::Access edges(edges_);
  edges.putUnlessNull(first);
  edges.putUnlessNull(second);
}

void Marker::scanStacks() noexcept {
  struct Visitor final : WordVisitor {
    explicit Visitor(Marker& owner) : marker(owner) {}
    void word(std::uintptr_t value, std::uintptr_t) noexcept override { marker.offerConservative(value); }
    Marker& marker;
  } visitor(*this);
  heap_.safepoint.forEachThread([&](const ThreadContext& thread) {
    totals_.stackWords += scanThread(thread, heap_.pool, visitor);
  });
}

[[gnu::always_inline]] inline void Marker::scanFields(Address payload, std::uint64_t header, PendingEdges::Access& edges) noexcept {
  const TraceMap& map = TypeTable::traceMap(header & 0xffff);
  auto load = [](Address slot) { return __atomic_load_n(reinterpret_cast<const std::uintptr_t*>(slot), __ATOMIC_RELAXED); };
  for (std::uint32_t i = 0; i < map.strongCount; ++i)
    edges.putUnlessNull(load(payload + map.strong[i]));
  for (std::uint32_t i = 0; i < map.weakCount; ++i) {
    const Address slot = payload + map.strong[map.strongCount + i];
    if (load(slot) != 0) weakSlots_.push(slot);
  }
  if (map.elementSize == 0) [[likely]] return;
  // The length may not be set yet; it never says more than the cell holds.
  const std::uint64_t room = (pool::headerOf(payload)->payloadBytes() - map.elementOffset) / map.elementSize;
  std::uint64_t count = load(payload + map.lengthOffset);
  if (count > room) count = room;
  const Address first = payload + map.elementOffset;
  for (std::uint32_t f = 0; f < map.elementStrong; ++f) {
    Address slot = first + map.element[f];
    for (std::uint64_t i = 0; i < count; ++i, slot += map.elementSize)
      edges.putUnlessNull(load(slot));
  }
  for (std::uint32_t f = 0; f < map.elementWeak; ++f) {
    Address slot = first + map.element[map.elementStrong + f];
    for (std::uint64_t i = 0; i < count; ++i, slot += map.elementSize)
      if (load(slot) != 0) weakSlots_.push(slot);
  }
}

// In rounds: a batch of edges is looked up, and while the objects that were new in the round before are scanned, those that are
// new in this one have their first line asked for, one by one, as the processor takes no more than a dozen requests at a
// time. So every miss has a round's work to hide behind, and which edge leads to a new object, which nobody can predict, moves
// the end of an array instead of being a branch. The lookups' own lines are near: the batch is of one region.
void Marker::drain() noexcept {
  constexpr std::size_t kBatch = 64;
  Address targets[kBatch], objects[2 * kBatch];   // those that wait to be scanned, then the new ones
  std::size_t waiting = 0, end, taken;
  std::uint64_t count = 0, bytes = 0;
  PendingEdges::Access edges(edges_);
  do {
    taken = edges.take(targets, kBatch);
    end = waiting;
    for (std::size_t i = 0; i < taken; ++i) {
      objects[end] = targets[i];
      end += found_.set(targets[i]) ? 1 : 0;
    }
    // Header and first fields; most objects have both in one line. It is read once: not to push found bits out of the
    // second-level cache.
    std::size_t asked = waiting;
    const auto ask = [&] { __builtin_prefetch(reinterpret_cast<const void*>(objects[asked++] - pool::kHeaderBytes), 0, 0); };
    if (taken < kBatch) {
      // There are no more: new objects have only each other to hide behind, and a single one, as in a chain, nothing at all.
      if (end - asked > 1) while (asked < end) ask();
      asked = waiting = end;
    }
    for (std::size_t i = 0; i < waiting; ++i) {
      if (asked < end) ask();
      const Address payload = objects[i];
      const std::uint64_t header = pool::headerOf(payload)->load();
      const std::uint64_t granules = (header >> 16) & 0x7ff;
      bytes += granules != 0 ? granules << pool::kGranuleShift : pool::headerOf(payload)->largeBytes();
      scanFields(payload, header, edges);
    }
    while (asked < end) ask();
    count += waiting;
    std::copy(objects + waiting, objects + end, objects);
    waiting = end - waiting;
  } while (end != 0 || taken != 0);   // what was scanned last may have put edges in
  totals_.objects += count;
  totals_.bytes += bytes;
}

void Marker::publish() noexcept {
  const std::uint32_t count = heap_.pool.chunksUsed();
  for (std::uint32_t i = 0; i < count; ++i) {
    switch (heap_.pool.entry(i).kind) {
      case pool::ChunkKind::kBlocks:
      case pool::ChunkKind::kLarge:
      case pool::ChunkKind::kHugeHead: found_.publish(heap_.pool.chunkAddress(i), colour_); break;
      default: break;   // no object starts there
    }
  }
}

void Marker::clearWeakSlots() noexcept {
  weakSlots_.noteHigh();
  while (!weakSlots_.empty()) {
    const Address slot = weakSlots_.pop();
    const Address target = __atomic_load_n(reinterpret_cast<std::uintptr_t*>(slot), __ATOMIC_RELAXED);
    if (pool::stateOf(__atomic_load_n(pool::markByteOf(target), __ATOMIC_RELAXED)) == colour_) continue;
    __atomic_store_n(reinterpret_cast<std::uintptr_t*>(slot), std::uintptr_t{0}, __ATOMIC_RELEASE);
    ++totals_.weakCleared;
  }
}

}  // namespace openclaw::gc
