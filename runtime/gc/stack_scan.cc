// Compiled without sanitizers (CMakeLists.txt): it reads stacks of other threads word by word, red zones included.
#include "runtime/gc/stack_scan.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/pool/walk.h"

namespace openclaw::gc {
namespace {

using pool::Address;

struct Range { Address low, high; };

// The mapping that holds `address`, from /proc/self/maps, read with raw calls into a buffer on the stack.
Range mappingOf(Address address) noexcept {
  const int file = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC));
  if (file < 0) return {0, 0};
  Range found{0, 0};
  Address low = 0, high = 0;
  enum { kLow, kHigh, kRest } part = kLow;
  char buffer[4096];
  for (;;) {
    const long length = ::syscall(SYS_read, file, buffer, sizeof buffer);
    if (length <= 0) break;
    for (long i = 0; i < length; ++i) {
      const char c = buffer[i];
      if (part == kRest) {
        if (c == '\n') {
          part = kLow;
          low = high = 0;
        }
        continue;
      }
      if (c == '-') {
        part = kHigh;
      } else if (c == ' ') {
        part = kRest;
        if (address >= low && address < high) found = {low, high};
      } else {
        const Address digit = static_cast<Address>(c >= 'a' ? c - 'a' + 10 : c - '0');
        Address& number = part == kLow ? low : high;
        number = number * 16 + digit;
      }
    }
  }
  ::syscall(SYS_close, file);
  return found;
}

std::uint64_t scanRange(Address low, Address high, const pool::Pool& pool, WordVisitor& visitor) noexcept {
  low = (low + 7) & ~Address{7};
  std::uint64_t words = 0;
  for (Address at = low; at + 8 <= high; at += 8, ++words) {
    const std::uintptr_t value = *reinterpret_cast<const volatile std::uintptr_t*>(at);
    // One past the end of the last object may be one past the reservation.
    if (value - pool.low() <= pool.reservedBytes()) visitor.word(value, at);
  }
  return words;
}

// Where the own stack was left when the thread went to a foreign one: that stack holds (in a signal frame, a saved
// context) the stack pointer of then, so the least word in it that is an address of the own stack is a safe bound.
Address ownStackLow(const ThreadContext& thread, Address low, Address high) noexcept {
  Address least = thread.stackHigh;
  for (Address at = (low + 7) & ~Address{7}; at + 8 <= high; at += 8) {
    const std::uintptr_t value = *reinterpret_cast<const volatile std::uintptr_t*>(at);
    if (value >= thread.stackLow && value < least) least = value;
  }
  constexpr Address kRedZone = 128;
  if (least != thread.stackHigh) {
    const Address bound = least > thread.stackLow + kRedZone ? least - kRedZone : thread.stackLow;
    const Range mapped = mappingOf(thread.stackHigh - 8);
    return bound > mapped.low ? bound : mapped.low;
  }
  return mappingOf(thread.stackHigh - 8).low;
}

}  // namespace

std::uint32_t copyFrameWords(ThreadContext& thread, const pool::Pool& pool) noexcept {
  Address high = thread.scanLow + ThreadContext::kBlockedWords * 8;
  const Address end = thread.foreignHigh == 0 ? thread.stackHigh : thread.foreignHigh;
  if (thread.foreignHigh == ~Address{0}) high = thread.scanLow + 512;   // a coroutine stack of unknown size
  if (high > end) high = end;
  std::uint32_t count = 0;
  for (Address at = (thread.scanLow + 7) & ~Address{7}; at + 8 <= high; at += 8) {
    const std::uintptr_t value = *reinterpret_cast<const volatile std::uintptr_t*>(at);
    if (value - pool.low() <= pool.reservedBytes()) thread.blockedWords[count++] = value;
  }
  return count;
}

std::uint64_t scanThread(const ThreadContext& thread, const pool::Pool& pool, WordVisitor& visitor) noexcept {
  std::uint64_t words = 0;
  Address low = thread.scanLow;
  if (thread.foreignHigh != 0) {
    Address high = thread.foreignHigh;
    if (high == ~Address{0}) high = mappingOf(low).high;
    words += scanRange(low, high, pool, visitor);
    low = ownStackLow(thread, low, high);
  }
  words += scanRange(low, thread.stackHigh, pool, visitor);
  for (std::uint32_t i = 0; i < thread.blockedCount; ++i) visitor.word(thread.blockedWords[i], 0);
  return words + thread.blockedCount;
}

Address conservativeTarget(const pool::Pool& pool, std::uint8_t colour, std::uintptr_t word, Address* second) noexcept {
  auto lookUp = [&](Address address) -> Address {
    bool unswept = false;
    pool::ObjectHeader* header = pool::findObject(pool, address, &unswept);
    if (header == nullptr) return 0;
    const std::uint8_t mark = __atomic_load_n(pool::markByteOf(reinterpret_cast<Address>(header)), __ATOMIC_RELAXED);
    return pool::isLiveMark(mark, colour, unswept) ? header->payload() : 0;
  };
  *second = 0;
  const Address first = lookUp(word);
  // One past the end: the byte before belongs to the object.
  if (word % pool::kGranule == 0) {
    const Address before = lookUp(word - 1);
    if (before != 0 && before != first) {
      if (first == 0) return before;
      *second = before;
    }
  }
  return first;
}

}  // namespace openclaw::gc
