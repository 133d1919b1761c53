// Which messages hold which word, for the sessions of one shard.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/openclaw.h"
#include "samples/service/model/message.h"

namespace openclaw::service {

// One word in one message. `message` is null once the message was deleted: closing the gap each time would make
// deleting a common word quadratic, so gaps are closed when they are the half (search.h).
struct Posting {
  Member<Message> message;
  std::uint64_t number = 0;   // of the message, kept here so that a search does not touch messages it passes over
  std::uint32_t count = 0;    // how often the word stands in it
  OPENCLAW_TYPE(Posting, message)
};

// Invariant: items are sorted by number; `deleted` of them have no message; deleted < items.size().
struct Postings {
  Member<String> term;
  Vector<Posting> items;
  std::size_t deleted = 0;
  OPENCLAW_TYPE(Postings, term, items)
};

struct SearchIndex {
  HashMap<Member<String>, Member<Postings>> terms;
  OPENCLAW_TYPE(SearchIndex, terms)
};

}  // namespace openclaw::service
