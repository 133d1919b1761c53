// The mistake: an audit trail whose entries point to the one before, and nobody cuts it off.
#include "samples/service/faults/cell_bytes.h"
#include "samples/service/faults/fault.h"

namespace openclaw::service {

constexpr std::size_t kMostExcerpt = 160;

struct AuditEntry {
  Member<AuditEntry> previous;
  Member<String> requestId, excerpt;
  std::uint64_t number = 0;
  OPENCLAW_TYPE(AuditEntry, previous, requestId, excerpt)
};

struct AuditTrail {
  Member<AuditEntry> newest;
  OPENCLAW_TYPE(AuditTrail, newest)
};

namespace {

class DeepList : public Fault {
 public:
  explicit DeepList(Heap& heap) : heap_(heap), trail_(heap, make<AuditTrail>(heap)) {}

  void leak(std::string_view requestId, std::string_view, std::string_view body) override {
    const std::string_view excerpt = body.substr(0, kMostExcerpt);
    AuditEntry* entry = make<AuditEntry>(heap_);
    entry->requestId = String::make(heap_, requestId);
    entry->excerpt = String::make(heap_, excerpt);
    entry->number = trail_->newest ? trail_->newest->number + 1 : 1;
    entry->previous = trail_->newest.get();
    trail_->newest = entry;
    bytes_ += cellBytes(sizeof(AuditEntry)) + textCellBytes(requestId.size()) + textCellBytes(excerpt.size());
  }
  std::uint64_t objectBytes() const override { return bytes_; }

 private:
  Heap& heap_;
  Root<AuditTrail> trail_;
  std::uint64_t bytes_ = 0;
};

}  // namespace

std::unique_ptr<Fault> plantDeepList(Heap& heap) { return std::make_unique<DeepList>(heap); }

}  // namespace openclaw::service
