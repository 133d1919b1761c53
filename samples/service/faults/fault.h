// The faults that the service can carry on request, so that a dump of it has something to explain: --fault KIND.
//
//   auto fault = plantFault(heap, FaultKind::kListeners);
//   fault->leak("00000000000000ff", "/sessions/s1/messages", body);   // what one more request leaves behind
//
// They are ordinary code with an ordinary mistake in it; each stands in a file of its own. How much they hold is
// fault_governor.h's business.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "runtime/openclaw.h"

namespace openclaw::service {

enum class FaultKind : std::uint8_t {
  kNone,               // only the decoy: the cache of documents
  kListeners,          // a listener a request on an emitter that lives as long as the service; nobody removes them
  kUnboundedCache,     // a map that only grows
  kLargeBetweenSmall,  // small objects that stay, each behind a larger one that goes: holes that nothing fits
  kDeepList,           // a list that grows at its head
};

// Threads: registered ones, one at a time. Owns: the root of what it keeps.
class Fault {
 public:
  virtual ~Fault() = default;
  // Leaves behind what one more request would. std::bad_alloc leaves the fault as it was.
  virtual void leak(std::string_view requestId, std::string_view target, std::string_view body) = 0;
  // The bytes of its objects.
  virtual std::uint64_t objectBytes() const = 0;
  // What counts as its share: its objects, or the free bytes that they make unusable.
  virtual std::uint64_t shareBytes() const { return objectBytes(); }
};

// Null for kNone. Registered threads only.
std::unique_ptr<Fault> plantFault(Heap& heap, FaultKind kind);

std::unique_ptr<Fault> plantListeners(Heap& heap);
std::unique_ptr<Fault> plantUnboundedCache(Heap& heap);
std::unique_ptr<Fault> plantLargeBetweenSmall(Heap& heap);
std::unique_ptr<Fault> plantDeepList(Heap& heap);

}  // namespace openclaw::service
