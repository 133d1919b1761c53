// The mistake: answers are kept under a key that holds the request's id, so none is ever found again and none ever goes.
#include <fmt/format.h>

#include <string>

#include "samples/service/faults/cell_bytes.h"
#include "samples/service/faults/fault.h"

namespace openclaw::service {

constexpr std::size_t kScores = 48;

struct Suggestion {
  Member<String> text;
  Member<Array<double>> scores;
  OPENCLAW_TYPE(Suggestion, text, scores)
};

struct SuggestionDesk {
  HashMap<Member<String>, Member<Suggestion>> byQuestion;
  OPENCLAW_TYPE(SuggestionDesk, byQuestion)
};

namespace {

class UnboundedCache : public Fault {
 public:
  explicit UnboundedCache(Heap& heap) : heap_(heap), desk_(heap, make<SuggestionDesk>(heap)) {}

  void leak(std::string_view requestId, std::string_view target, std::string_view body) override {
    const std::string question = fmt::format("{} {} {}", target, requestId, desk_->byQuestion.size());
    if (desk_->byQuestion.contains(question)) return;
    const std::string_view text = body.substr(0, 200);
    Suggestion* suggestion = make<Suggestion>(heap_);
    suggestion->text = String::make(heap_, text);
    suggestion->scores = Array<double>::make(heap_, kScores);
    for (std::size_t i = 0; i < kScores; ++i) suggestion->scores->at(i) = 1.0 / static_cast<double>(i + question.size());
    desk_->byQuestion.insert(heap_, question, suggestion);
    bytes_ += cellBytes(sizeof(Suggestion)) + textCellBytes(text.size()) + textCellBytes(kScores * sizeof(double)) + textCellBytes(question.size());
  }
  std::uint64_t objectBytes() const override {
    return bytes_ + textCellBytes(desk_->byQuestion.capacity() * sizeof(HashMapEntry<Member<String>, Member<Suggestion>>));
  }

 private:
  Heap& heap_;
  Root<SuggestionDesk> desk_;
  std::uint64_t bytes_ = 0;
};

}  // namespace

std::unique_ptr<Fault> plantUnboundedCache(Heap& heap) { return std::make_unique<UnboundedCache>(heap); }

}  // namespace openclaw::service
