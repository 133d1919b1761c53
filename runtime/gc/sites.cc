#include "runtime/gc/sites.h"

#include <dlfcn.h>
#include <link.h>

#include <atomic>
#include <mutex>

namespace openclaw::gc {
namespace {

constexpr std::uint32_t kMaxModules = 1024;
constinit std::mutex gMutex;
constinit SiteModule gModules[kMaxModules] = {};
constinit std::atomic<std::uint32_t> gCount{0};
constinit std::atomic<std::uint64_t> gLost{0};
constexpr std::uint32_t kRegistered = 0x8000'0000u;   // keeps a bias from being 0

// libstdc++'s row behind a source_location.
struct SourceRow {
  const char* file;
  const char* function;
  unsigned line;
  unsigned column;
};

std::uint32_t biasOf(const SiteModule& module) {
  return ((module.first - static_cast<std::uint32_t>(module.low >> 3)) & 0x7fff'ffffu) | kRegistered;
}

}  // namespace

std::uint32_t registerSiteModule(const void* row) noexcept {
  const std::uintptr_t address = reinterpret_cast<std::uintptr_t>(row);
  dl_find_object found{};
  if (_dl_find_object(const_cast<void*>(row), &found) != 0) {
    gLost.fetch_add(1, std::memory_order_relaxed);
    return 0;
  }
  const std::uintptr_t low = reinterpret_cast<std::uintptr_t>(found.dlfo_map_start) & ~std::uintptr_t{7};
  const std::uintptr_t high = reinterpret_cast<std::uintptr_t>(found.dlfo_map_end);
  // Rows are read as long as there are dumps: a module with sites stays.
  if (found.dlfo_link_map != nullptr && found.dlfo_link_map->l_name[0] != 0)
    ::dlopen(found.dlfo_link_map->l_name, RTLD_NOLOAD | RTLD_LAZY | RTLD_NODELETE);

  std::lock_guard lock(gMutex);
  const std::uint32_t count = gCount.load(std::memory_order_relaxed);
  std::uint64_t first = 1;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (address >= gModules[i].low && address < gModules[i].high) return biasOf(gModules[i]);
    first = gModules[i].first + ((gModules[i].high - gModules[i].low) >> 3) + 1;
  }
  if (count == kMaxModules || first + ((high - low) >> 3) >= kRegistered) {
    gLost.fetch_add(1, std::memory_order_relaxed);
    return 0;
  }
  gModules[count] = {low, high, static_cast<std::uint32_t>(first)};
  gCount.store(count + 1, std::memory_order_release);
  return biasOf(gModules[count]);
}

SourceSite resolveSite(std::uint32_t id) noexcept {
  const std::uint32_t count = gCount.load(std::memory_order_acquire);
  for (std::uint32_t i = 0; i < count; ++i) {
    const SiteModule& module = gModules[i];
    if (id < module.first) break;
    const std::uintptr_t address = module.low + (static_cast<std::uintptr_t>(id - module.first) << 3);
    if (address + sizeof(SourceRow) > module.high) continue;
    const auto* row = reinterpret_cast<const SourceRow*>(address);
    return {row->file == nullptr ? "" : row->file, row->function == nullptr ? "" : row->function, row->line, row->column};
  }
  return {};
}

std::uint32_t siteModuleCount() noexcept { return gCount.load(std::memory_order_acquire); }
SiteModule siteModule(std::uint32_t index) noexcept { return gModules[index]; }
std::uint64_t sitesLost() noexcept { return gLost.load(std::memory_order_relaxed); }

}  // namespace openclaw::gc
