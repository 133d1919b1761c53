// The mistake: while a request is parsed, a small token that stays is made after each larger node that goes. When the
// nodes are gone, every hole between two tokens is below what the allocator hands out (256 bytes), so nothing fits.
#include "samples/service/faults/cell_bytes.h"
#include "samples/service/faults/fault.h"

namespace openclaw::service {

constexpr std::size_t kNodes = 32;   // of one request

struct ParseNode {
  std::uint64_t places[26] = {};
  OPENCLAW_TYPE(ParseNode)
};
static_assert(cellBytes(sizeof(ParseNode)) < pool::kMinimumHole);

struct ParseToken {
  std::uint64_t hash = 0, place = 0;
  OPENCLAW_TYPE(ParseToken)
};

struct TokenHistory {
  Vector<Member<ParseToken>> tokens;
  OPENCLAW_TYPE(TokenHistory, tokens)
};

namespace {

class LargeBetweenSmall : public Fault {
 public:
  explicit LargeBetweenSmall(Heap& heap) : heap_(heap), history_(heap, make<TokenHistory>(heap)) {}

  void leak(std::string_view requestId, std::string_view, std::string_view body) override {
    keep(requestId.size(), 0);
    for (std::size_t i = 0; i < kNodes; ++i) {
      ParseNode* node = make<ParseNode>(heap_);
      for (std::size_t at = 0; at < 26; ++at) node->places[at] = body.empty() ? at : static_cast<unsigned char>(body[(i * 26 + at) % body.size()]);
      std::uint64_t hash = 0;
      for (std::uint64_t place : node->places) hash = hash * 31 + place;
      keep(hash, i);
      holes_ += cellBytes(sizeof(ParseNode));
    }
  }
  std::uint64_t objectBytes() const override {
    return history_->tokens.size() * cellBytes(sizeof(ParseToken)) + textCellBytes(history_->tokens.capacity() * 8);
  }
  std::uint64_t shareBytes() const override { return holes_; }

 private:
  void keep(std::uint64_t hash, std::size_t place) {
    ParseToken* token = make<ParseToken>(heap_);
    token->hash = hash;
    token->place = place;
    history_->tokens.push_back(heap_, token);
  }

  Heap& heap_;
  Root<TokenHistory> history_;
  std::uint64_t holes_ = 0;
};

}  // namespace

std::unique_ptr<Fault> plantLargeBetweenSmall(Heap& heap) { return std::make_unique<LargeBetweenSmall>(heap); }

}  // namespace openclaw::service
