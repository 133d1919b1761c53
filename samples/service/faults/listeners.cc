// The mistake: subscribe() without unsubscribe(). Each listener captures what its request was about.
#include <string>

#include "samples/service/faults/cell_bytes.h"
#include "samples/service/faults/fault.h"

namespace openclaw::service {

constexpr std::size_t kMostCaptured = 400;

struct DeliveryContext {
  Member<String> requestId, target, excerpt;
  OPENCLAW_TYPE(DeliveryContext, requestId, target, excerpt)
};

struct DeliveryListener {
  Member<DeliveryContext> context;
  std::uint64_t number = 0;
  OPENCLAW_TYPE(DeliveryListener, context)
};

struct DeliveryEvents {
  Vector<Member<DeliveryListener>> listeners;
  OPENCLAW_TYPE(DeliveryEvents, listeners)
};

namespace {

class Listeners : public Fault {
 public:
  explicit Listeners(Heap& heap) : heap_(heap), events_(heap, make<DeliveryEvents>(heap)) {}

  void leak(std::string_view requestId, std::string_view target, std::string_view body) override {
    const std::string_view excerpt = body.substr(body.size() > kMostCaptured ? events_->listeners.size() % (body.size() - kMostCaptured) : 0, kMostCaptured);
    DeliveryContext* context = make<DeliveryContext>(heap_);
    context->requestId = String::make(heap_, requestId);
    context->target = String::make(heap_, target);
    context->excerpt = String::make(heap_, excerpt);
    DeliveryListener* listener = make<DeliveryListener>(heap_);
    listener->context = context;
    listener->number = events_->listeners.size();
    events_->listeners.push_back(heap_, listener);
    bytes_ += cellBytes(sizeof(DeliveryContext)) + cellBytes(sizeof(DeliveryListener)) + textCellBytes(requestId.size()) +
              textCellBytes(target.size()) + textCellBytes(excerpt.size());
  }
  std::uint64_t objectBytes() const override { return bytes_ + textCellBytes(events_->listeners.capacity() * 8); }

 private:
  Heap& heap_;
  Root<DeliveryEvents> events_;
  std::uint64_t bytes_ = 0;
};

}  // namespace

std::unique_ptr<Fault> plantListeners(Heap& heap) { return std::make_unique<Listeners>(heap); }

}  // namespace openclaw::service
