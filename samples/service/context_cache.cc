#include "samples/service/context_cache.h"

#include <algorithm>
#include <array>
#include <functional>
#include <string>
#include <vector>

#include "runtime/lock.h"
#include "samples/service/faults/cell_bytes.h"
#include "samples/service/tokenizer.h"

namespace openclaw::service {
namespace {

constexpr std::size_t kMostReferences = 4;       // of one message
constexpr std::uint64_t kDocuments = 1u << 18;   // there are so many in the library

// Where the library would be asked: the same key gives the same text.
std::string documentText(std::uint64_t key) {
  constexpr std::array<std::string_view, 8> kPhrases{"the weather on the way, ", "a table of departures, ", "what was agreed before, ",
      "prices of the last quarter, ", "notes on the method, ", "an answer from the archive, ", "terms of the contract, ", "a list of names, "};
  const std::size_t size = 2000 + key * 2654435761u % 4000;
  std::string text;
  text.reserve(size + 32);
  for (std::uint64_t bits = key; text.size() < size; bits = bits * 6364136223846793005u + 1442695040888963407u) text += kPhrases[bits >> 61];
  return text;
}

std::uint64_t bytesOf(const ContextDocument& document) {
  return cellBytes(sizeof(ContextDocument)) + textCellBytes(document.title->size()) + textCellBytes(document.text->size());
}

}  // namespace

ContextCache::ContextCache(Heap& heap, std::uint64_t boundBytes) : heap_(heap), documents_(heap, make<ContextDocuments>(heap)) {
  counts_.bound = boundBytes;
}

void ContextCache::refer(std::string_view text) {
  const std::vector<TermCount> terms = termCounts(text);
  MutexGuard lock(heap_, mutex_);
  for (std::size_t i = 0; i + 1 < std::min(terms.size(), kMostReferences + 1); ++i) {
    const std::uint64_t key = std::hash<std::string>()(terms[i].term + ' ' + terms[i + 1].term) % kDocuments;
    if (Member<ContextDocument>* known = documents_->byKey.find(key)) {
      ++counts_.hits;
      use(known->get());
    } else {
      ++counts_.misses;
      load(key);
    }
  }
}

void ContextCache::setBound(std::uint64_t bytes) {
  MutexGuard lock(heap_, mutex_);
  counts_.bound = bytes;
}

CacheCounts ContextCache::counts() {
  MutexGuard lock(heap_, mutex_);
  CacheCounts counts = counts_;
  counts.documents = documents_->byKey.size();
  counts.bytes += documents_->byKey.capacity() * sizeof(HashMapEntry<std::uint64_t, Member<ContextDocument>>);
  return counts;
}

void ContextCache::load(std::uint64_t key) {
  ContextDocument* document = make<ContextDocument>(heap_);
  document->key = key;
  document->title = String::make(heap_, "document " + std::to_string(key));
  document->text = String::make(heap_, documentText(key));
  documents_->byKey.insert(heap_, key, document);
  putFirst(document);
  counts_.bytes += bytesOf(*document);
  while (counts_.bytes > counts_.bound && documents_->oldest.get() != document) evictOldest();
}

void ContextCache::use(ContextDocument* document) {
  if (documents_->newest.get() == document) return;
  unlink(document);
  putFirst(document);
}

void ContextCache::evictOldest() {
  ContextDocument* oldest = documents_->oldest.get();
  unlink(oldest);
  documents_->byKey.erase(oldest->key);
  counts_.bytes -= bytesOf(*oldest);
  ++counts_.evictions;
}

void ContextCache::unlink(ContextDocument* document) {
  (document->newer ? document->newer->older : documents_->newest) = document->older.get();
  (document->older ? document->older->newer : documents_->oldest) = document->newer.get();
}

void ContextCache::putFirst(ContextDocument* document) {
  document->newer = nullptr;
  document->older = documents_->newest.get();
  (documents_->newest ? documents_->newest->newer : documents_->oldest) = document;
  documents_->newest = document;
}

}  // namespace openclaw::service
