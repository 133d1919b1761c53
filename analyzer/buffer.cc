#include "analyzer/buffer.h"

#include <sys/mman.h>

namespace openclaw::internal {
namespace {

constexpr std::size_t kPage = 4096;  // of the target; with larger ones less is given back early
constexpr std::size_t upToPage(std::size_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }

}  // namespace

void* mapPages(std::size_t bytes, bool huge) noexcept {
  void* pages =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (pages == MAP_FAILED) return nullptr;
  // Random access over gigabytes misses the TLB on every step with 4 KiB pages. Where huge pages are off this
  // call fails, which changes only the speed.
  if (!huge)
    (void)madvise(pages, bytes, MADV_NOHUGEPAGE);
  else if (bytes >= (4u << 20))
    (void)madvise(pages, bytes, MADV_HUGEPAGE);
  return pages;
}

void* mapFile(int descriptor, std::uint64_t offset, std::size_t bytes) noexcept {
  void* pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, descriptor, static_cast<off_t>(offset));
  return pages == MAP_FAILED ? nullptr : pages;
}

void unmapPages(void* pages, std::size_t bytes) noexcept { (void)munmap(pages, bytes); }

void unmapTail(void* pages, std::size_t bytes, std::size_t from) noexcept {
  const std::size_t first = upToPage(from);
  if (first < bytes) (void)munmap(static_cast<char*>(pages) + first, bytes - first);
}

void releasePages(void* pages, std::size_t from, std::size_t to) noexcept {
  const std::size_t first = upToPage(from), last = to / kPage * kPage;
  if (first < last) (void)madvise(static_cast<char*>(pages) + first, last - first, MADV_DONTNEED);
}

}  // namespace openclaw::internal
