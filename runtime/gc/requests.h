// Which request allocated which addresses: when a thread's request changes or its buffer ends, the part that was
// filled for that request becomes a segment here. Young objects only: a collection clears the ring.
#pragma once

#include <atomic>
#include <cstdint>

#include "format/records.h"

namespace openclaw::gc {

// Threads: add() from any registered thread inside its critical section; the rest in a stopped world.
class RequestLog {
 public:
  static constexpr std::uint64_t kCapacity = 1u << 16;

  RequestLog();
  ~RequestLog();
  RequestLog(const RequestLog&) = delete;
  void add(std::uint64_t low, std::uint64_t high, std::uint64_t request) noexcept;
  void clear() noexcept;                    // a collection
  std::uint64_t size() const noexcept;
  const RequestRecord& at(std::uint64_t index) const noexcept;   // oldest first
  std::uint64_t lost() const noexcept;      // since the process began

 private:
  RequestRecord* records_;
  std::atomic<std::uint64_t> next_{0};
  std::uint64_t lostBefore_ = 0;
};

}  // namespace openclaw::gc
