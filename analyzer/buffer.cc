#include "analyzer/buffer.h"

#include <sys/mman.h>

namespace openclaw::internal {

void* mapPages(std::size_t bytes) noexcept {
  void* pages =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (pages == MAP_FAILED) return nullptr;
  // Random access over gigabytes misses the TLB on every step with 4 KiB pages. Where huge pages are off this
  // call fails, which changes only the speed.
  if (bytes >= (4u << 20)) (void)madvise(pages, bytes, MADV_HUGEPAGE);
  return pages;
}

void unmapPages(void* pages, std::size_t bytes) noexcept { (void)munmap(pages, bytes); }

}  // namespace openclaw::internal
