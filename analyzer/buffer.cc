#include "analyzer/buffer.h"

#include <sys/mman.h>

namespace openclaw::internal {

void* mapAnonymousPages(std::size_t bytes, PageSize pageSize) noexcept {
  void* pages =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (pages == MAP_FAILED) return nullptr;
  // Random access over gigabytes misses the TLB on every step with 4 KiB pages. Where huge pages are off this
  // call fails, which changes only the speed.
  if (pageSize == PageSize::kSmall)
    (void)madvise(pages, bytes, MADV_NOHUGEPAGE);
  else if (bytes >= (4u << 20))
    (void)madvise(pages, bytes, MADV_HUGEPAGE);
  return pages;
}

void* mapFilePages(int descriptor, std::uint64_t offset, std::size_t bytes) noexcept {
  void* pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, descriptor, static_cast<off_t>(offset));
  return pages == MAP_FAILED ? nullptr : pages;
}

}  // namespace openclaw::internal
