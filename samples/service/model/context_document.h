// A document that a conversation refers to, kept for the next one that does.
#pragma once

#include <cstdint>

#include "runtime/openclaw.h"

namespace openclaw::service {

struct ContextDocument {
  Member<String> title, text;
  Member<ContextDocument> newer, older;  // in order of use
  std::uint64_t key = 0;
  OPENCLAW_TYPE(ContextDocument, title, text, newer, older)
};

// Guarded by ContextCache's lock.
struct ContextDocuments {
  HashMap<std::uint64_t, Member<ContextDocument>> byKey;
  Member<ContextDocument> newest, oldest;
  OPENCLAW_TYPE(ContextDocuments, byKey, newest, oldest)
};

}  // namespace openclaw::service
