#include "runtime/gc/marker.h"

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
  // A deep graph touches hundreds of megabytes here: in huge pages that is a hundred faults, not a hundred thousand.
  ::madvise(memory, bytes_, MADV_HUGEPAGE);
  base_ = top_ = static_cast<std::uintptr_t*>(memory);
  end_ = base_ + bytes_ / sizeof(std::uintptr_t);
}

WordStack::~WordStack() { ::munmap(base_, bytes_); }

void WordStack::trim(std::size_t keepBytes) noexcept {
  noteHigh();
  // The height was noted now and then; it cannot have grown by more than this in between, but for long arrays, which note theirs.
  constexpr std::size_t kMargin = 2u << 20;
  const std::size_t used = std::min(high_ * sizeof(std::uintptr_t) + kMargin, static_cast<std::size_t>(bytes_));
  if (used > keepBytes) ::madvise(reinterpret_cast<char*>(base_) + keepBytes, ((used - keepBytes) + 4095) & ~std::size_t{4095}, MADV_DONTNEED);
  high_ = 0;
}

// The stack may hold one entry per pointer slot of the heap, and there is at most one slot per 8 bytes: as much address
// space as the heap has is always enough, and push needs no check. Weak slots likewise.
Marker::Marker(HeapImpl& heap, std::uint64_t reservationBytes)
    : heap_(heap), stack_(reservationBytes), weakSlots_(reservationBytes) {}

MarkTotals Marker::mark(std::uint8_t colour, PauseBuilder& pause) noexcept {
  colour_ = colour;
  totals_ = {};
  pause.phase("roots");
  heap_.roots.beginScan();
  scanRoots();
  pause.phase("stacks");
  scanStacks();
  pause.phase("marking");
  drain();
  pause.phase("weak");
  clearWeakSlots();
  heap_.roots.endScan();
  constexpr std::size_t kKeepBytes = 16u << 20;
  stack_.trim(kKeepBytes);
  weakSlots_.trim(kKeepBytes);
  return totals_;
}

void Marker::scanRoots() noexcept {
  const std::uint32_t high = heap_.roots.high();
  for (std::uint32_t i = 0; i < high; ++i) {
    const std::uintptr_t target = heap_.roots.slot(i).target.load(std::memory_order_seq_cst);
    if (target == 0) continue;
    stack_.push(target);
    ++totals_.rootsScanned;
  }
}

void Marker::offerConservative(std::uintptr_t word) noexcept {
  Address second = 0;
  const Address first = conservativeTarget(heap_.pool, heap_.colour(), word, &second);
  if (first != 0) stack_.push(first);
  if (second != 0) stack_.push(second);
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

// Two queues. Every edge waits in the first for its target's mark byte; only targets that were not marked yet wait in
// the second for their header and fields. On a random graph most edges end at the mark byte, and cost one cache miss.
void Marker::drain() noexcept {
  constexpr std::size_t kQueue = 16;
  Address edges[kQueue] = {}, objects[kQueue] = {};
  std::size_t edgeAt = 0, edgesQueued = 0, objectAt = 0, objectsQueued = 0;
  const std::uint8_t colour = colour_;
  std::uint64_t count = 0, bytes = 0;
  for (;;) {
    Address incoming = 0;
    if (!stack_.empty()) {
      incoming = stack_.pop();
      __builtin_prefetch(pool::markByteOf(incoming), 1);
      ++edgesQueued;
    } else if (edgesQueued == 0 && objectsQueued == 0) {
      break;
    }
    const Address edge = edges[edgeAt];
    edges[edgeAt] = incoming;
    edgeAt = (edgeAt + 1) % kQueue;
    Address fresh = 0;
    if (edge != 0) {
      --edgesQueued;
      // Relaxed atomics: the destructor thread may be reading other bytes of the same word.
      std::uint8_t* mark = pool::markByteOf(edge);
      const std::uint8_t before = __atomic_load_n(mark, __ATOMIC_RELAXED);
      if (pool::stateOf(before) == colour) continue;
      const unsigned age = pool::ageOf(before) < 7 ? pool::ageOf(before) + 1u : 7u;
      __atomic_store_n(mark, static_cast<std::uint8_t>((before & pool::kEnd) | colour | age << pool::kAgeShift), __ATOMIC_RELAXED);
      // Header and first fields; most objects have both in one line.
      __builtin_prefetch(reinterpret_cast<const void*>(edge - pool::kHeaderBytes));
      fresh = edge;
      ++objectsQueued;
    } else if (incoming != 0 || edgesQueued != 0) {
      continue;   // the first queue is filling or emptying: nothing for the second yet
    }
    const Address payload = objects[objectAt];
    objects[objectAt] = fresh;
    objectAt = (objectAt + 1) % kQueue;
    if (payload == 0) continue;
    --objectsQueued;
    const std::uint64_t header = pool::headerOf(payload)->load();
    ++count;
    const std::uint64_t granules = (header >> 16) & 0x7ff;
    bytes += granules != 0 ? granules << pool::kGranuleShift : pool::headerOf(payload)->largeBytes();
    scanFields(payload, header);
    if (count % 1024 == 0) stack_.noteHigh();
  }
  totals_.objects += count;
  totals_.bytes += bytes;
}

inline void Marker::scanFields(Address payload, std::uint64_t header) noexcept {
  const TraceMap& map = TypeTable::traceMap(header & 0xffff);
  auto load = [](Address slot) { return __atomic_load_n(reinterpret_cast<const std::uintptr_t*>(slot), __ATOMIC_RELAXED); };
  for (std::uint32_t i = 0; i < map.strongCount; ++i)
    if (const std::uintptr_t target = load(payload + map.strong[i]); target != 0) stack_.push(target);
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
      if (const std::uintptr_t target = load(slot); target != 0) stack_.push(target);
  }
  for (std::uint32_t f = 0; f < map.elementWeak; ++f) {
    Address slot = first + map.element[map.elementStrong + f];
    for (std::uint64_t i = 0; i < count; ++i, slot += map.elementSize)
      if (load(slot) != 0) weakSlots_.push(slot);
  }
  stack_.noteHigh();
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
