#include "capture/stacks/recorder.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstring>
#include <new>

#include "capture/stacks/libunwind_bridge.h"
#include "capture/stacks/rule_cache.h"

namespace openclaw {
namespace {

constexpr std::size_t kPcsPerStack = 32;  // reserved on average; touched only as used
constexpr int kInsertTries = 64;

// Sums of estimates are kept in 256ths of an object or byte: room for 2^56, and 2^-9 is the most that one sample is off.
constexpr double kUnit = 256;
std::uint64_t toUnits(double amount) noexcept { return static_cast<std::uint64_t>(std::llround(amount * kUnit)); }
std::uint64_t fromUnits(const std::atomic<std::uint64_t>& sum) noexcept {
  return (sum.load(std::memory_order_relaxed) + static_cast<std::uint64_t>(kUnit) / 2) / static_cast<std::uint64_t>(kUnit);
}

// Written once under the insert lock before its number is published; only the counters move later.
struct Row {
  std::uint64_t hash;
  std::uint64_t firstPc;   // index into the pool
  std::uint32_t site;
  std::uint16_t depth;
  bool truncated;
  std::atomic<std::uint64_t> allocatedObjects, allocatedBytes, freedObjects, freedBytes;   // in units
  std::atomic<std::uint64_t> samples;
};

template <class T>
T* reserve(std::size_t count) {
  void* memory = ::mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<T*>(memory);
}

// Four sums that do not wait for each other.
std::uint64_t hashOf(std::uint32_t site, std::span<const std::uint64_t> pcs) noexcept {
  constexpr std::uint64_t kFactor = 0xff51afd7ed558ccdull;
  std::uint64_t sums[4] = {0x9e3779b97f4a7c15ull ^ site, 0xbf58476d1ce4e5b9ull, 0x94d049bb133111ebull, pcs.size()};
  const std::size_t whole = pcs.size() & ~std::size_t{3};
  for (std::size_t i = 0; i < whole; i += 4)
    for (std::size_t lane = 0; lane < 4; ++lane) sums[lane] = std::rotl((sums[lane] ^ pcs[i + lane]) * kFactor, 29);
  for (std::size_t i = whole; i < pcs.size(); ++i) sums[i & 3] = std::rotl((sums[i & 3] ^ pcs[i]) * kFactor, 29);
  std::uint64_t hash = 0;
  for (const std::uint64_t sum : sums) {
    hash = (hash ^ sum) * kFactor;
    hash ^= hash >> 32;
  }
  return hash;
}

}  // namespace

// The first pc is a return address like all others here, but the dump's rule is that only the others are: one less
// lies inside the call instruction, so that a symbolizer finds the call's line without knowing.
[[gnu::noinline]] std::size_t unwindHere(std::span<std::uint64_t> pcs, std::size_t skip) noexcept {
  const std::size_t count = internal::unwindThroughLibunwind(pcs, skip + 1);
  if (count != 0) --pcs[0];
  return count;
}

struct StackRecorder::State {
  internal::RuleCache rules;

  // Constant after construction.
  std::uint32_t capacity = 0, reservedRows = 0;  // capacity is 0 when there was no address space
  std::uint64_t poolCapacity = 0, mask = 0;
  Row* rows = nullptr;
  std::uint64_t* pool = nullptr;
  std::atomic<std::uint32_t>* table = nullptr;  // row number + 1; 0 = free

  std::atomic<std::uint32_t> size{0};
  std::atomic<std::uint64_t> samples{0}, lost{0};
  std::atomic_flag inserting;
  std::uint64_t poolUsed = 0;  // guarded by inserting

  // Row number, or kLost when it is not there; `slot` is where the search ended.
  std::uint32_t find(std::uint64_t hash, std::uint32_t site, std::span<const std::uint64_t> pcs, std::uint64_t& slot) const noexcept {
    for (slot = hash & mask;; slot = (slot + 1) & mask) {
      const std::uint32_t entry = table[slot].load(std::memory_order_acquire);
      if (entry == 0) return kLost;
      const Row& row = rows[entry - 1];
      if (row.hash == hash && row.site == site && row.depth == pcs.size() &&
          std::memcmp(pool + row.firstPc, pcs.data(), pcs.size_bytes()) == 0)
        return entry - 1;
    }
  }

  std::uint32_t insert(std::uint64_t hash, std::uint32_t site, std::span<const std::uint64_t> pcs, bool truncated) noexcept {
    int tries = kInsertTries;
    while (inserting.test_and_set(std::memory_order_acquire))
      if (--tries == 0) return kLost;
    std::uint64_t slot = 0;
    std::uint32_t number = find(hash, site, pcs, slot);  // somebody may have been quicker
    const std::uint32_t next = size.load(std::memory_order_relaxed);
    if (number == kLost && next < capacity && pcs.size() <= poolCapacity - poolUsed) {
      number = next;
      std::memcpy(pool + poolUsed, pcs.data(), pcs.size_bytes());
      Row& row = *new (&rows[number]) Row{};
      row.hash = hash;
      row.firstPc = poolUsed;
      row.site = site;
      row.depth = static_cast<std::uint16_t>(pcs.size());
      row.truncated = truncated;
      poolUsed += pcs.size();
      size.store(next + 1, std::memory_order_release);
      table[slot].store(number + 1, std::memory_order_release);
    }
    inserting.clear(std::memory_order_release);
    return number;
  }
};

StackRecorder::StackRecorder(std::uint32_t maxStacks) : state_(new State) {
  State& s = *state_;
  const std::uint32_t capacity = std::clamp<std::uint32_t>(maxStacks, 16, 1u << 28);
  const std::uint64_t slots = std::bit_ceil(std::uint64_t{capacity} * 2);
  s.rows = reserve<Row>(capacity);
  s.poolCapacity = capacity * kPcsPerStack;  // at least 16 * 32 > kMaxDepth
  s.pool = reserve<std::uint64_t>(s.poolCapacity);
  s.table = reserve<std::atomic<std::uint32_t>>(slots);
  s.mask = slots - 1;
  s.capacity = s.reservedRows = capacity;
  // Without address space nothing is recorded; record() counts every sample as lost.
  if (s.rows == nullptr || s.pool == nullptr || s.table == nullptr) s.capacity = 0;
}

StackRecorder::~StackRecorder() {
  State& s = *state_;
  if (s.rows != nullptr) ::munmap(s.rows, s.reservedRows * sizeof(Row));
  if (s.pool != nullptr) ::munmap(s.pool, s.poolCapacity * sizeof(std::uint64_t));
  if (s.table != nullptr) ::munmap(s.table, (s.mask + 1) * sizeof(std::atomic<std::uint32_t>));
  delete state_;
}

[[gnu::noinline]] std::uint32_t StackRecorder::record(std::uint32_t site, double estimatedObjects, double estimatedBytes,
                                                      std::size_t skip) noexcept {
  State& s = *state_;
  s.samples.fetch_add(1, std::memory_order_relaxed);
  std::uint64_t buffer[kMaxDepth + 1];  // one more: whether the stack goes on
  std::size_t depth = s.rules.unwind(buffer, skip + 1);
  if (depth != 0) --buffer[0];   // inside its call instruction, as in unwindHere()
  const bool truncated = depth > kMaxDepth;
  depth = std::min(depth, kMaxDepth);
  const std::span<const std::uint64_t> pcs(buffer, depth);
  std::uint32_t number = kLost;
  if (s.capacity != 0 && depth != 0) {
    const std::uint64_t hash = hashOf(site, pcs);
    std::uint64_t slot = 0;
    number = s.find(hash, site, pcs, slot);
    if (number == kLost) number = s.insert(hash, site, pcs, truncated);
  }
  if (number == kLost) {
    s.lost.fetch_add(1, std::memory_order_relaxed);
    return kLost;
  }
  Row& row = s.rows[number];
  row.allocatedObjects.fetch_add(toUnits(estimatedObjects), std::memory_order_relaxed);
  row.allocatedBytes.fetch_add(toUnits(estimatedBytes), std::memory_order_relaxed);
  row.samples.fetch_add(1, std::memory_order_relaxed);
  return number;
}

void StackRecorder::addFreed(std::uint32_t stack, double objects, double bytes) noexcept {
  if (stack >= size()) return;  // kLost: the sample was never counted as allocated either
  state_->rows[stack].freedObjects.fetch_add(toUnits(objects), std::memory_order_relaxed);
  state_->rows[stack].freedBytes.fetch_add(toUnits(bytes), std::memory_order_relaxed);
}

std::uint32_t StackRecorder::size() const noexcept { return state_->size.load(std::memory_order_acquire); }
std::uint64_t StackRecorder::samples() const noexcept { return state_->samples.load(std::memory_order_relaxed); }
std::uint64_t StackRecorder::lost() const noexcept { return state_->lost.load(std::memory_order_relaxed); }
internal::RuleCacheCounts StackRecorder::ruleCounts() const noexcept { return state_->rules.counts(); }

StackRecord StackRecorder::row(std::uint32_t stack) const noexcept {
  StackRecord record;
  if (stack >= size()) return record;
  const Row& row = state_->rows[stack];
  record.pcs = {state_->pool + row.firstPc, row.depth};
  record.site = row.site;
  record.allocatedObjects = fromUnits(row.allocatedObjects);
  record.allocatedBytes = fromUnits(row.allocatedBytes);
  record.freedObjects = fromUnits(row.freedObjects);
  record.freedBytes = fromUnits(row.freedBytes);
  record.samples = row.samples.load(std::memory_order_relaxed);
  record.truncated = row.truncated;
  return record;
}

}  // namespace openclaw
