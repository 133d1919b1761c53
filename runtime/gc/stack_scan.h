// What a stopped thread holds: its registers and stack words, each of which may be a pointer. Used by the marker, and by
// a dump to name stack roots. No allocation; may read /proc/self/maps through a raw descriptor for coroutine stacks.
#pragma once

#include <cstdint>

#include "runtime/gc/thread_context.h"
#include "runtime/pool/pool.h"

namespace openclaw::gc {

// Called for every aligned word that is an address inside the reservation. `slot` is where it stands, 0 = a copy of a
// register or of a blocked thread's frame.
class WordVisitor {
 public:
  virtual void word(std::uintptr_t value, std::uintptr_t slot) noexcept = 0;

 protected:
  ~WordVisitor() = default;
};

// Copies words above thread.scanLow (registers were pushed there) that are addresses inside the reservation into
// thread.blockedWords: the first 4 KiB. By the thread itself. Returns how many.
std::uint32_t copyFrameWords(ThreadContext& thread, const pool::Pool& pool) noexcept;

// World stopped, or `thread` is the caller's and published. Returns the words looked at.
std::uint64_t scanThread(const ThreadContext& thread, const pool::Pool& pool, WordVisitor& visitor) noexcept;

// The payload address of the object that `word` points to, into or one past, if it may be used by the mutator: any
// started object that is not known to be dead. 0 = none. `second`: when the word is one past the end of an object
// and also the first byte of the next cell, the other one; else 0.
pool::Address conservativeTarget(const pool::Pool& pool, std::uint8_t colour, std::uintptr_t word, pool::Address* second) noexcept;

}  // namespace openclaw::gc
