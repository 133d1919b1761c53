#include "samples/service/search.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "format/check.h"

namespace openclaw::service {
namespace {

// Null: the term does not hold the message.
const Posting* findPosting(const Postings& postings, std::uint64_t number) {
  const Posting* found = std::lower_bound(postings.items.begin(), postings.items.end(), number,
                                          [](const Posting& posting, std::uint64_t n) { return posting.number < n; });
  return found != postings.items.end() && found->number == number && found->message ? found : nullptr;
}

void closeGaps(Postings& postings) {
  Posting* kept = std::remove_if(postings.items.begin(), postings.items.end(), [](const Posting& p) { return !p.message; });
  while (postings.items.end() != kept) postings.items.pop_back();
  postings.deleted = 0;
}

}  // namespace

void addMessage(Heap& heap, SearchIndex& index, Message* message, std::span<const TermCount> terms) {
  for (const TermCount& term : terms) {
    Member<Postings>* known = index.terms.find(term.term);
    Postings* postings = known != nullptr ? known->get() : openclaw::make<Postings>(heap);
    Posting posting;
    posting.message = message;
    posting.number = message->number;
    posting.count = term.count;
    postings->items.push_back(heap, posting);
    if (known != nullptr) continue;
    // Last, so that an empty list never stands in the index when memory runs out.
    postings->term = String::make(heap, term.term);
    index.terms.insert(heap, postings->term, postings);
  }
}

void removeMessage(SearchIndex& index, std::uint64_t number, std::span<const TermCount> terms) {
  for (const TermCount& term : terms) {
    Member<Postings>* known = index.terms.find(term.term);
    if (known == nullptr) continue;
    Postings& postings = **known;
    auto* posting = const_cast<Posting*>(findPosting(postings, number));
    if (posting == nullptr) continue;
    posting->message = nullptr;
    ++postings.deleted;
    if (postings.deleted == postings.items.size()) index.terms.erase(term.term);
    else if (postings.deleted * 2 > postings.items.size()) closeGaps(postings);
  }
}

SearchHits* SearchHits::make(Heap& heap, std::size_t limit) {
  SearchHits* hits = openclaw::make<SearchHits>(heap);
  hits->items = Array<Hit>::make(heap, limit);
  return hits;
}

void SearchHits::add(Message* message, std::uint64_t score) {
  ++total;
  std::size_t place = size;
  while (place > 0 && !items->at(place - 1).betterThan(score, message->number)) --place;
  if (place == items->size()) return;
  if (size < items->size()) ++size;
  for (std::size_t i = size - 1; i > place; --i) items->at(i) = items->at(i - 1);
  Hit& hit = items->at(place);
  hit.message = message;
  hit.score = score;
  hit.number = message->number;
}

void searchIndex(const SearchIndex& index, std::span<const TermCount> terms, SearchHits& hits) {
  OPENCLAW_CHECK(!terms.empty() && terms.size() <= kMostQueryTerms, terms.size());
  std::array<const Postings*, kMostQueryTerms> lists{};  // on the stack, where raw pointers may be
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const Member<Postings>* known = index.terms.find(terms[i].term);
    if (known == nullptr) return;
    lists[i] = known->get();
  }
  std::size_t count = terms.size();
  std::sort(lists.begin(), lists.begin() + count, [](const Postings* a, const Postings* b) { return a->items.size() < b->items.size(); });
  for (const Posting& posting : lists[0]->items) {
    if (!posting.message) continue;
    std::uint64_t score = posting.count;
    bool all = true;
    for (std::size_t i = 1; all && i < count; ++i) {
      const Posting* other = findPosting(*lists[i], posting.number);
      all = other != nullptr;
      if (all) score += other->count;
    }
    if (all) hits.add(posting.message.get(), score);
  }
}

std::vector<std::string> verifyIndex(SearchIndex& index) {
  std::vector<std::string> broken;
  for (auto& entry : index.terms) {
    Postings& postings = *entry.value;
    std::string term(entry.key->view());
    std::size_t deleted = 0;
    for (std::size_t i = 0; i < postings.items.size(); ++i) {
      const Posting& posting = postings.items[i];
      if (!posting.message) ++deleted;
      if (posting.message && posting.message->number != posting.number) broken.push_back(fmt::format("posting-number: term '{}', item {}", term, i));
      if (i > 0 && postings.items[i - 1].number >= posting.number) broken.push_back(fmt::format("postings-sorted: term '{}', item {}", term, i));
    }
    if (postings.term.get() != entry.key.get()) broken.push_back(fmt::format("term-key: '{}'", term));
    if (deleted != postings.deleted) broken.push_back(fmt::format("postings-deleted: term '{}' counts {}, has {}", term, postings.deleted, deleted));
    if (deleted >= postings.items.size()) broken.push_back(fmt::format("postings-empty: term '{}'", term));
  }
  return broken;
}

}  // namespace openclaw::service
