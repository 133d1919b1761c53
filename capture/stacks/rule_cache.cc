#include "capture/stacks/rule_cache.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <pthread.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "capture/stacks/libunwind_bridge.h"

extern "C" void* __libc_stack_end;   // where the main thread's stack began, set by the loader

// Reads stacks as memory, past what the sanitizers think a function may touch.
#define OPENCLAW_RAW_READER gnu::no_sanitize("address", "thread", "undefined")

namespace openclaw::internal {

using Shape = FrameRule::Shape;

// Invariant: `rule` belongs to `address` whenever `address` is the same before and after reading it. Writers clear the
// rule, change the address, then set the rule.
struct alignas(32) RuleCache::Place {
  std::atomic<std::uint64_t> address;
  std::atomic<std::uint64_t> rule;
  std::atomic<std::uint32_t> caller;   // the place that a walk went to from here last: a guess that is checked
};

// One load of one module. A slot that gets another module gets another generation, which ends all rules of the one before.
struct RuleCache::Module {
  std::atomic<std::uint32_t> sequence;     // odd while it is written
  std::atomic<std::uint32_t> generation;
  std::atomic<std::uintptr_t> low, high, linkMap, frameTables;
  std::atomic<std::uintptr_t> buildId;     // where it stands in memory; 0 = the program itself, which stays
  std::atomic<std::uint32_t> buildIdBytes;
  std::atomic<std::uint64_t> buildIdWords[3];
};

// What a walk holds besides where it is.
struct RuleCache::Walk {
  Place* last = nullptr;                   // of the frame before, if its rule was known
  // The modules that this walk has asked for, and their generations.
  std::uint64_t known[kModules / 64] = {};
  std::uint16_t generation[kModules];
  std::uintptr_t interrupted = 0;          // registers of the last signal that libunwind's cursor has not seen
  LibunwindCursor cursor;
};

// `address` is what is looked up: one less than a return address, the pc itself where a signal interrupted.
struct RuleCache::Frame {
  std::uintptr_t pc, sp, rbp, address, end;
};

namespace {

constexpr std::size_t kProbes = 8;
constexpr std::uintptr_t kRedZone = 128;
constexpr std::uint32_t kLastGeneration = (1u << FrameRule::kGenerationBits) - 1;
constexpr std::size_t kMostIdBytes = 24;

[[OPENCLAW_RAW_READER]] inline std::uintptr_t loadWord(std::uintptr_t address) noexcept {
  return *reinterpret_cast<const volatile std::uintptr_t*>(address);
}

// Stacks grow down: a caller's frame lies higher. What says otherwise is damage, not a frame.
inline bool isInside(std::uintptr_t at, std::uintptr_t sp, std::uintptr_t end) noexcept { return at >= sp && at < end - 7; }
// In an interrupted epilogue a popped register's place lies in the red zone, where signal frames leave it alone.
inline bool isSaved(std::uintptr_t at, std::uintptr_t sp, std::uintptr_t end) noexcept { return at + kRedZone >= sp && at < end - 7; }

// Where the stack that `sp` lies on ends, as far as that can be known without asking anybody: glibc puts a thread's
// control block over its stack. A coroutine's stack has no end here but the next such block.
std::uintptr_t stackEnd(std::uintptr_t sp) noexcept {
  const auto block = static_cast<std::uintptr_t>(::pthread_self());
  if (sp < block) return block;
  const auto main = reinterpret_cast<std::uintptr_t>(__libc_stack_end);
  return sp < main ? main : ~std::uintptr_t{0} - 4096;
}

struct Identity {
  std::uintptr_t low = 0, high = 0, linkMap = 0, frameTables = 0;
};

bool identityAt(std::uintptr_t address, Identity& identity) noexcept {
  dl_find_object found;
  if (::_dl_find_object(reinterpret_cast<void*>(address), &found) != 0) return false;
  identity = {reinterpret_cast<std::uintptr_t>(found.dlfo_map_start), reinterpret_cast<std::uintptr_t>(found.dlfo_map_end),
              reinterpret_cast<std::uintptr_t>(found.dlfo_link_map), reinterpret_cast<std::uintptr_t>(found.dlfo_eh_frame)};
  return true;
}

struct BuildId {
  std::uintptr_t address = 0;
  std::uint32_t bytes = 0;
  std::uint64_t words[3] = {};
};

void readId(std::uintptr_t address, std::uint32_t bytes, std::uint64_t (&words)[3]) noexcept {
  words[0] = words[1] = words[2] = 0;
  std::memcpy(words, reinterpret_cast<const void*>(address), bytes);
}

// The build id note of a mapped module; no bytes when it has none.
BuildId buildIdOf(const Identity& module) noexcept {
  BuildId id;
  const auto* header = reinterpret_cast<const ElfW(Ehdr)*>(module.low);
  if (std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return id;
  const auto* segments = reinterpret_cast<const ElfW(Phdr)*>(module.low + header->e_phoff);
  const std::uintptr_t base = reinterpret_cast<const link_map*>(module.linkMap)->l_addr;
  for (int i = 0; i < header->e_phnum; ++i) {
    if (segments[i].p_type != PT_NOTE) continue;
    const std::uintptr_t align = segments[i].p_align == 8 ? 8 : 4;
    std::uintptr_t at = base + segments[i].p_vaddr, left = segments[i].p_memsz;
    if (at < module.low || at > module.high || left > module.high - at) continue;
    while (left >= sizeof(ElfW(Nhdr))) {
      ElfW(Nhdr) note;
      std::memcpy(&note, reinterpret_cast<const void*>(at), sizeof note);
      const std::uintptr_t text = sizeof note + ((note.n_namesz + std::uintptr_t{3}) & ~std::uintptr_t{3});
      const std::uintptr_t whole = (text + note.n_descsz + align - 1) & ~(align - 1);
      if (text + note.n_descsz > left) break;
      if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && note.n_descsz >= 8 &&
          std::memcmp(reinterpret_cast<const void*>(at + sizeof note), "GNU", 4) == 0) {
        id.address = at + text;
        id.bytes = static_cast<std::uint32_t>(std::min<std::size_t>(note.n_descsz, kMostIdBytes));
        readId(id.address, id.bytes, id.words);
        return id;
      }
      if (whole >= left) break;
      at += whole;
      left -= whole;
    }
  }
  return id;
}

bool isTheProgram(const Identity& module) noexcept {
  const auto* map = reinterpret_cast<const link_map*>(module.linkMap);
  return map->l_prev == nullptr && map->l_name != nullptr && map->l_name[0] == 0;
}

}  // namespace

RuleCache::RuleCache(std::size_t capacity) {
  capacity_ = std::bit_ceil(std::clamp<std::size_t>(capacity, kProbes, std::size_t{1} << 24));
  shift_ = 64u - static_cast<unsigned>(std::countr_zero(capacity_));
  const std::size_t bytes = capacity_ * sizeof(Place) + kModules * sizeof(Module);
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return;
  // Zero bytes are what default construction of the atomics would leave.
  places_ = static_cast<Place*>(memory);
  modules_ = reinterpret_cast<Module*>(static_cast<std::byte*>(memory) + capacity_ * sizeof(Place));
}

RuleCache::~RuleCache() {
  if (places_ != nullptr) ::munmap(places_, capacity_ * sizeof(Place) + kModules * sizeof(Module));
}

inline RuleCache::Place* RuleCache::find(std::uintptr_t address) const noexcept {
  const std::size_t first = (address * 0x9e37'79b9'7f4a'7c15ull) >> shift_;
  for (std::size_t i = 0; i < kProbes; ++i) {
    Place& place = places_[(first + i) & (capacity_ - 1)];
    const std::uintptr_t there = place.address.load(std::memory_order_acquire);
    if (there == address) return &place;
    if (there == 0) break;
  }
  return nullptr;
}

// Is the module in this slot the one that is mapped at `address`?
bool RuleCache::stillLoaded(std::uint32_t number, std::uintptr_t address, std::uint16_t& generation) const noexcept {
  const Module& module = modules_[number];
  Identity now;
  if (!identityAt(address, now)) return false;
  constexpr auto relaxed = std::memory_order_relaxed;
  const std::uint32_t sequence = module.sequence.load(std::memory_order_acquire);
  if ((sequence & 1) != 0 || module.low.load(relaxed) != now.low || module.high.load(relaxed) != now.high ||
      module.linkMap.load(relaxed) != now.linkMap || module.frameTables.load(relaxed) != now.frameTables)
    return false;
  generation = static_cast<std::uint16_t>(module.generation.load(relaxed));
  const std::uintptr_t id = module.buildId.load(relaxed);
  const std::uint32_t bytes = module.buildIdBytes.load(relaxed);
  std::uint64_t before[3];
  for (std::size_t i = 0; i < 3; ++i) before[i] = module.buildIdWords[i].load(relaxed);
  std::atomic_thread_fence(std::memory_order_acquire);
  if (module.sequence.load(relaxed) != sequence) return false;
  if (id == 0) return true;
  std::uint64_t there[3];
  readId(id, bytes, there);
  return std::memcmp(before, there, sizeof there) == 0;
}

// Guarded by writing_. The slot of the module at `address`, which gets one when it has none. False: not to be remembered.
bool RuleCache::moduleOf(std::uintptr_t address, std::uint32_t& number, std::uint32_t& generation) noexcept {
  constexpr auto relaxed = std::memory_order_relaxed;
  Identity now;
  if (!identityAt(address, now)) return false;
  std::uint32_t slot = kModules;
  for (std::uint32_t i = 0; i < modulesUsed_ && slot == kModules; ++i)
    if (modules_[i].low.load(relaxed) < now.high && now.low < modules_[i].high.load(relaxed)) slot = i;
  std::uint16_t current = 0;
  if (slot != kModules && stillLoaded(slot, address, current)) {
    number = slot;
    generation = current;
    return true;
  }
  const BuildId id = buildIdOf(now);
  if (id.bytes == 0 && !isTheProgram(now)) return false;
  if (slot == kModules) slot = modulesUsed_ < kModules ? modulesUsed_ : recycled_++ % kModules;
  Module& module = modules_[slot];
  const bool fresh = slot == modulesUsed_;
  const std::uint32_t next = module.generation.load(relaxed) + (fresh ? 0 : 1);
  if (next > kLastGeneration) return false;   // 65 535 loads in this place: the next one would wake rules of the first
  if (fresh) ++modulesUsed_;
  const std::uint32_t sequence = module.sequence.load(relaxed);
  module.sequence.store(sequence + 1, relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  module.generation.store(next, relaxed);
  module.low.store(now.low, relaxed);
  module.high.store(now.high, relaxed);
  module.linkMap.store(now.linkMap, relaxed);
  module.frameTables.store(now.frameTables, relaxed);
  module.buildId.store(id.bytes != 0 ? id.address : 0, relaxed);
  module.buildIdBytes.store(id.bytes, relaxed);
  for (std::size_t i = 0; i < 3; ++i) module.buildIdWords[i].store(id.words[i], relaxed);
  module.sequence.store(sequence + 2, std::memory_order_release);
  modulesSeen_.fetch_add(1, relaxed);
  number = slot;
  generation = next;
  return true;
}

void RuleCache::remember(std::uintptr_t address, FrameRule rule) noexcept {
  if (places_ == nullptr || writing_.test_and_set(std::memory_order_acquire)) return;
  std::uint32_t module = 0, generation = 0;
  if (moduleOf(address, module, generation)) {
    const std::size_t first = (address * 0x9e37'79b9'7f4a'7c15ull) >> shift_;
    Place* place = nullptr;
    for (std::size_t i = 0; i < kProbes && place == nullptr; ++i) {
      Place& candidate = places_[(first + i) & (capacity_ - 1)];
      const std::uintptr_t there = candidate.address.load(std::memory_order_relaxed);
      if (there == address || there == 0) place = &candidate;
    }
    if (place == nullptr) {
      place = &places_[(first + address % kProbes) & (capacity_ - 1)];
      rulesDisplaced_.fetch_add(1, std::memory_order_relaxed);
    }
    place->rule.store(0, std::memory_order_release);
    place->address.store(address, std::memory_order_release);
    place->rule.store(rule.in(module, generation).word(), std::memory_order_release);
  }
  writing_.clear(std::memory_order_release);
}

[[gnu::noinline]] FrameRule RuleCache::make(std::uintptr_t address) noexcept {
  const FrameTable table = findFrameTable(address);
  const FrameRule rule = table.fde != nullptr ? frameRule(table.fde, table.functionStart, address) : FrameRule::make(Shape::kNoTables);
  rulesMade_.fetch_add(1, std::memory_order_relaxed);
  remember(address, rule);
  return rule;
}

// A frame's rule says where the return address stands, and only that address says whose rule is next: about twenty
// cycles a frame in which nothing else can be done. The guess of the caller's place lets the processor run ahead.
[[gnu::always_inline, OPENCLAW_RAW_READER]] inline FrameRule RuleCache::ruleFor(std::uintptr_t address, Walk& walk) noexcept {
  if (places_ == nullptr) return make(address);
  Place* const before = std::exchange(walk.last, nullptr);
  Place* place = before != nullptr ? &places_[before->caller.load(std::memory_order_relaxed)] : nullptr;
  if (place == nullptr || place->address.load(std::memory_order_acquire) != address) {
    place = find(address);
    if (place == nullptr) return make(address);
    if (before != nullptr) before->caller.store(static_cast<std::uint32_t>(place - places_), std::memory_order_relaxed);
  }
  const FrameRule rule(place->rule.load(std::memory_order_acquire));
  if (rule.shape() == Shape::kNone || place->address.load(std::memory_order_relaxed) != address) return make(address);
  const std::uint32_t module = rule.module();
  std::uint64_t& known = walk.known[module / 64];
  if ((known >> (module % 64) & 1) == 0) {
    if (!stillLoaded(module, address, walk.generation[module])) return make(address);
    known |= 1ull << (module % 64);
  }
  if (walk.generation[module] != rule.generation()) return make(address);
  walk.last = place;
  return rule;
}

// The shapes that are seldom met. False: the walk ends.
[[gnu::noinline, OPENCLAW_RAW_READER]] bool RuleCache::rareStep(FrameRule rule, Walk& walk, Frame& frame) noexcept {
  switch (rule.shape()) {
    case Shape::kRealigned: {
      const std::uintptr_t at = frame.rbp + static_cast<std::uintptr_t>(rule.cfaOffset());
      const std::uintptr_t rbpAt = frame.rbp + static_cast<std::uintptr_t>(rule.rbpOffset());
      if (!isSaved(at, frame.sp, frame.end) || !isSaved(rbpAt, frame.sp, frame.end)) return false;
      const std::uintptr_t cfa = loadWord(at);
      if (!isInside(cfa - 8, frame.sp, frame.end)) return false;
      frame.rbp = loadWord(rbpAt);
      frame.pc = loadWord(cfa - 8);
      frame.address = frame.pc - 1;
      frame.sp = cfa;
      return true;
    }
    case Shape::kSignal: {
      const std::uintptr_t registers = frame.sp;
      if (!isInside(registers + kSignalRip, frame.sp, frame.end)) return false;
      walk.interrupted = registers + kSignalRegisters;
      frame.pc = frame.address = loadWord(registers + kSignalRip);
      frame.rbp = loadWord(registers + kSignalRbp);
      frame.sp = loadWord(registers + kSignalRsp);
      frame.end = stackEnd(frame.sp);   // the handler may have had a stack of its own
      return true;
    }
    case Shape::kStep: {
      // libunwind's cursor comes after us, from where it was last or from the signal that we have come through.
      std::uintptr_t ahead = 0;
      if (walk.interrupted != 0) {
        if (!walk.cursor.startAtSignal(reinterpret_cast<const std::uint64_t*>(walk.interrupted))) return false;
        walk.interrupted = 0;
        ahead = 1;
      }
      for (; walk.cursor.pc() != frame.pc + ahead || walk.cursor.sp() != frame.sp; ahead = 0)
        if (!walk.cursor.step()) return false;
      steps_.fetch_add(1, std::memory_order_relaxed);
      if (!walk.cursor.step()) return false;
      const std::uintptr_t sp = walk.cursor.sp(), pc = walk.cursor.pc();
      frame = {pc, sp, walk.cursor.rbp(), pc - 1, stackEnd(sp)};
      return true;
    }
    default: return false;
  }
}

// The frame pointer of this function is where the walk begins, so it has one.
[[gnu::noinline, OPENCLAW_RAW_READER]] std::size_t RuleCache::unwind(std::span<std::uint64_t> pcs, std::size_t skip) noexcept {
  const auto own = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  std::uintptr_t sp = own + 16, rbp = loadWord(own), pc = loadWord(own + 8), address = pc - 1, end = stackEnd(sp);
  Walk walk;
  std::uint64_t* out = pcs.data();
  std::uint64_t* const outEnd = out + pcs.size();
  while (pc != 0) {
    const FrameRule rule = ruleFor(address, walk);
    if (rule.shape() == Shape::kNoTables || out == outEnd) break;
    if (skip != 0) [[unlikely]] --skip;
    else *out++ = pc;

    if (rule.shape() <= Shape::kFramePointer) [[likely]] {
      std::uintptr_t cfa = rbp;
      // A jump, not a choice of values: then rsp's chain need not wait for rbp's.
      if (rule.shape() == Shape::kStackPointer) [[likely]] {
        asm("mov %1, %0" : "=r"(cfa) : "r"(sp));
      }
      cfa += static_cast<std::uintptr_t>(rule.cfaOffset());
      if (!isInside(cfa - 8, sp, end)) break;
      if (const std::int64_t offset = rule.rbpOffset(); offset != 0) {
        const std::uintptr_t at = cfa + static_cast<std::uintptr_t>(offset);
        if (!isSaved(at, sp, end)) break;
        rbp = loadWord(at);
      }
      pc = loadWord(cfa - 8);
      address = pc - 1;
      sp = cfa;
      continue;
    }
    // libunwind's cursor reads the frame that it starts in: this one, which stays.
    if (rule.shape() == Shape::kStep && walk.interrupted == 0 && !walk.cursor.started() && !walk.cursor.start()) break;
    Frame frame{pc, sp, rbp, address, end};
    if (!rareStep(rule, walk, frame)) break;
    pc = frame.pc;
    sp = frame.sp;
    rbp = frame.rbp;
    address = frame.address;
    end = frame.end;
  }
  return static_cast<std::size_t>(out - pcs.data());
}

RuleCacheCounts RuleCache::counts() const noexcept {
  constexpr auto relaxed = std::memory_order_relaxed;
  return {rulesMade_.load(relaxed), rulesDisplaced_.load(relaxed), steps_.load(relaxed), modulesSeen_.load(relaxed)};
}

}  // namespace openclaw::internal
