#include "runtime/source/site_rows.h"

#include <sys/mman.h>

#include <new>

#include "runtime/gc/sites.h"

namespace openclaw {
namespace {

constexpr std::size_t kPlacesBytes = std::size_t{SiteRows::kMostRows} * 2 * 8;
constexpr std::size_t kBytes = kPlacesBytes + std::size_t{SiteRows::kMostRows} * sizeof(SiteRecord);

}  // namespace

SiteRows::SiteRows() {
  static_assert(sizeof(Place) == 8 && kPlaces == 1u << 19);
  void* memory = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  places_ = static_cast<Place*>(memory);
  rows_ = reinterpret_cast<SiteRecord*>(static_cast<std::byte*>(memory) + kPlacesBytes);
  new (&rows_[0]) SiteRecord();
}

SiteRows::~SiteRows() { ::munmap(places_, kBytes); }

void SiteRows::reset() {
  if (count_ == 1 && lost_ == 0) return;
  ::madvise(places_, kBytes, MADV_DONTNEED);
  new (&rows_[0]) SiteRecord();
  count_ = 1;
  lastRaw_ = lastRow_ = 0;
  lost_ = 0;
}

void SiteRows::restartSums() noexcept {
  for (std::uint32_t i = 0; i < count_; ++i) rows_[i].allocatedObjects = rows_[i].allocatedBytes = 0;
}

void SiteRows::setCertainty(Certainty certainty) noexcept {
  certainty_ = certainty;
  for (std::uint32_t i = 0; i < count_; ++i) rows_[i].countsCertainty = certainty;
}

std::uint32_t SiteRows::find(std::uint32_t rawSite) noexcept {
  std::size_t i = (rawSite * 0x9e37'79b9u) >> (32 - 19);   // the upper bits are the mixed ones
  for (; places_[i].raw != 0; i = (i + 1) & (kPlaces - 1))
    if (places_[i].raw == rawSite) return places_[i].row;
  gc::SourceSite site = gc::resolveSite(rawSite);
  if (count_ == kMostRows) {
    ++lost_;
    return 0;
  }
  places_[i] = {rawSite, count_};
  SiteRecord* row = new (&rows_[count_]) SiteRecord();
  row->file = site.file;
  row->function = site.function;
  row->line = site.line;
  row->column = site.column;
  row->countsCertainty = certainty_;
  return count_++;
}

}  // namespace openclaw
