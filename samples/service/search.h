// The operations on a SearchIndex: add and remove a message, and find the best messages for some words.
//
// Threads: callers hold the lock of the index's shard. Registered threads only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "samples/service/model/search_index.h"
#include "samples/service/tokenizer.h"

namespace openclaw::service {

inline constexpr std::size_t kMostQueryTerms = 16;

// std::bad_alloc leaves some terms added: removeMessage with the same terms undoes them. The message's number must be
// above those of all messages that the index holds.
void addMessage(Heap& heap, SearchIndex& index, Message* message, std::span<const TermCount> terms);
// Allocates nothing. Terms that do not hold the message are passed over.
void removeMessage(SearchIndex& index, std::uint64_t number, std::span<const TermCount> terms);

// One message that holds all words, and how often.
struct Hit {
  Member<Message> message;
  std::uint64_t score = 0, number = 0;
  bool betterThan(std::uint64_t otherScore, std::uint64_t otherNumber) const {
    return score != otherScore ? score > otherScore : number > otherNumber;  // of equal ones the newest
  }
  OPENCLAW_TYPE(Hit, message)
};

// The best hits of several indexes, best first.
struct SearchHits {
  Member<Array<Hit>> items;  // `limit` places
  std::size_t size = 0;
  std::uint64_t total = 0;   // all messages that hold the words
  OPENCLAW_TYPE(SearchHits, items)

  static SearchHits* make(Heap& heap, std::size_t limit);
  void add(Message* message, std::uint64_t score);
};

// Adds the messages that hold all of `terms` (at most kMostQueryTerms, at least one). Cost: the rarest term's postings,
// times a binary search in each other's.
void searchIndex(const SearchIndex& index, std::span<const TermCount> terms, SearchHits& hits);

// "name: what": every broken invariant of the index, for tests. Empty = all hold.
std::vector<std::string> verifyIndex(SearchIndex& index);

}  // namespace openclaw::service
