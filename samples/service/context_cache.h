// Documents that messages refer to, in a cache with a bound in bytes: the least recently used ones go. Healthy on purpose:
// it is larger than any planted fault (faults/fault.h) and must not be taken for one.
//
//   ContextCache cache(heap, 64u << 20);
//   cache.refer("words of a message");   // loads or finds the documents that its words point to
#pragma once

#include <cstdint>
#include <mutex>
#include <string_view>

#include "runtime/openclaw.h"
#include "samples/service/model/context_document.h"

namespace openclaw::service {

struct CacheCounts {
  std::uint64_t documents = 0, bytes = 0, bound = 0, hits = 0, misses = 0, evictions = 0;
};

// Threads: all members from registered threads, many at once. Owns: the root of the documents.
// Errors: std::bad_alloc past the heap limit; the cache is then as it was before the document.
class ContextCache {
 public:
  ContextCache(Heap& heap, std::uint64_t boundBytes);
  ContextCache(const ContextCache&) = delete;

  void refer(std::string_view text);
  // Takes effect with the next document.
  void setBound(std::uint64_t bytes);
  CacheCounts counts();

 private:
  void use(ContextDocument* document);
  void load(std::uint64_t key);
  void evictOldest();
  void unlink(ContextDocument* document);
  void putFirst(ContextDocument* document);

  Heap& heap_;
  std::mutex mutex_;
  // Guarded by mutex_.
  Root<ContextDocuments> documents_;
  CacheCounts counts_;
};

}  // namespace openclaw::service
