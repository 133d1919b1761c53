// Keeps a planted fault at its share of the live bytes while requests come in, and the decoy above it.
//
//   FaultGovernor governor(heap, store, cache, {FaultKind::kListeners, 20}, ContextCacheSize::kAutomatic);
//   governor.afterRequest(id, target, body);   // what this request leaves behind
//
// How many bytes live is known exactly after a collection only. In between it is estimated: the fault and the cache count
// their own bytes, and the rest grows with the number of messages, at the rate that the last collection found.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>

#include "runtime/openclaw.h"
#include "samples/service/context_cache.h"
#include "samples/service/faults/fault.h"
#include "samples/service/store.h"

namespace openclaw::service {

struct FaultPlan {
  FaultKind kind = FaultKind::kNone;
  unsigned sharePercent = 20;         // of the live bytes
  bool boundFollows = true;           // the cache's bound is kept a little above what the fault holds
};

// Threads: afterRequest from registered threads, many at once. Owns: the fault.
class FaultGovernor {
 public:
  FaultGovernor(Heap& heap, Store& store, ContextCache& cache, const FaultPlan& plan);
  FaultGovernor(const FaultGovernor&) = delete;

  // Never throws: at the heap's limit the fault stops growing.
  void afterRequest(std::string_view id, std::string_view target, std::string_view body) noexcept;

 private:
  void readLastCollection(std::uint64_t messages, std::uint64_t cacheBytes);
  std::uint64_t wantedBytes(double others) const;

  Heap& heap_;
  Store& store_;
  ContextCache& cache_;
  const FaultPlan plan_;
  std::mutex mutex_;
  // Guarded by mutex_.
  std::unique_ptr<Fault> fault_;   // null: none
  std::uint64_t lastPause_ = 0;
  double bytesPerMessage_;
};

}  // namespace openclaw::service
