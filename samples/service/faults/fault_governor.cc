#include "samples/service/faults/fault_governor.h"

#include <algorithm>
#include <new>

#include "runtime/lock.h"

namespace openclaw::service {
namespace {

constexpr std::uint64_t kLeastBound = 8u << 20;
constexpr double kBoundOverFault = 1.15;
constexpr double kFirstGuess = 1000;      // bytes a message, until a collection has counted
constexpr int kMostUnits = 2000;          // that one request leaves behind: spreads a jump over several requests

}  // namespace

std::unique_ptr<Fault> plantFault(Heap& heap, FaultKind kind) {
  switch (kind) {
    case FaultKind::kListeners: return plantListeners(heap);
    case FaultKind::kUnboundedCache: return plantUnboundedCache(heap);
    case FaultKind::kLargeBetweenSmall: return plantLargeBetweenSmall(heap);
    case FaultKind::kDeepList: return plantDeepList(heap);
    case FaultKind::kNone: break;
  }
  return nullptr;
}

FaultGovernor::FaultGovernor(Heap& heap, Store& store, ContextCache& cache, const FaultPlan& plan)
    : heap_(heap), store_(store), cache_(cache), plan_(plan), fault_(plantFault(heap, plan.kind)), bytesPerMessage_(kFirstGuess) {}

void FaultGovernor::readLastCollection(std::uint64_t messages, std::uint64_t cacheBytes) {
  const control::PausesReply pauses = heap_.pauses(4);
  const control::PauseRow* newest = nullptr;
  for (const control::PauseRow& row : pauses.rows)
    if (row.bytesMarked != 0 && (newest == nullptr || row.number > newest->number)) newest = &row;
  if (newest == nullptr || newest->number == lastPause_ || messages < 100) return;
  lastPause_ = newest->number;
  const std::uint64_t known = cacheBytes + (fault_ ? fault_->objectBytes() : 0);
  if (newest->bytesMarked > known) bytesPerMessage_ = static_cast<double>(newest->bytesMarked - known) / static_cast<double>(messages);
}

std::uint64_t FaultGovernor::wantedBytes(double others) const {
  const double share = plan_.sharePercent / 100.0;
  const bool holdsThem = !fault_ || fault_->shareBytes() == fault_->objectBytes();
  // A fault whose objects are its share: share = f / (others + f). One that makes holes: share = holes / (others + objects).
  return static_cast<std::uint64_t>(holdsThem ? others * share / (1 - share) : (others + static_cast<double>(fault_->objectBytes())) * share);
}

void FaultGovernor::afterRequest(std::string_view id, std::string_view target, std::string_view body) noexcept {
  try {
    MutexGuard lock(heap_, mutex_);
    const std::uint64_t messages = store_.messages();
    const CacheCounts cache = cache_.counts();
    readLastCollection(messages, cache.bytes);
    const double others = bytesPerMessage_ * static_cast<double>(messages) + static_cast<double>(cache.bytes);
    const std::uint64_t wanted = wantedBytes(others);
    if (plan_.boundFollows)
      cache_.setBound(std::max({kLeastBound, cache.bound, static_cast<std::uint64_t>(kBoundOverFault * static_cast<double>(wanted))}));
    for (int i = 0; fault_ && i < kMostUnits && fault_->shareBytes() < wanted; ++i) fault_->leak(id, target, body);
  } catch (const std::bad_alloc&) {
    // The request is answered; only the fault stays as it is.
  }
}

}  // namespace openclaw::service
