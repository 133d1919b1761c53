// Allocation sites as 32-bit numbers. A std::source_location is a pointer to a static row {file, function, line,
// column}; its raw id is that pointer, in units of 8 bytes, moved into one space where every module (program, shared
// library, plug-in) has its own range. Making an id costs a load, a shift and an add; 0 = unknown.
//
//   std::uint32_t id = siteOf(std::source_location::current());
//   SourceSite site = resolveSite(id);      // site.file, site.line; no allocation
#pragma once

#include <cstdint>
#include <source_location>
#include <string_view>

namespace openclaw::gc {

struct SourceSite {
  std::string_view file, function;
  std::uint32_t line = 0, column = 0;
};

// Where a module's ids begin: id = first + (row address - low) / 8 for rows in [low, high).
struct SiteModule {
  std::uintptr_t low, high;
  std::uint32_t first;
};

// Slow path of siteOf: gives the module of `row` its range and keeps it from being unloaded. Returns the bias to add,
// or 0 when there is no more room (then counted in sitesLost()).
std::uint32_t registerSiteModule(const void* row) noexcept;
// Empty for 0, for ids nobody made, and for sampled stacks. No allocation, no locks.
SourceSite resolveSite(std::uint32_t id) noexcept;
// Modules so far; row i. No allocation.
std::uint32_t siteModuleCount() noexcept;
SiteModule siteModule(std::uint32_t index) noexcept;
std::uint64_t sitesLost() noexcept;

namespace internal {
// One per module: hidden symbols are not shared between them. 0 = not registered yet.
__attribute__((visibility("hidden"))) inline constinit std::uint32_t moduleSiteBias = 0;
}  // namespace internal

inline __attribute__((visibility("hidden"))) std::uint32_t siteOf(const std::source_location& location) noexcept {
  static_assert(sizeof(location) == sizeof(void*), "source_location is one pointer in libstdc++");
  const void* row = __builtin_bit_cast(const void*, location);
  if (row == nullptr) return 0;
  std::uint32_t bias = __atomic_load_n(&internal::moduleSiteBias, __ATOMIC_RELAXED);
  if (bias == 0) [[unlikely]] {
    bias = registerSiteModule(row);
    if (bias == 0) return 0;
    __atomic_store_n(&internal::moduleSiteBias, bias, __ATOMIC_RELAXED);
  }
  return (static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(row) >> 3) + bias) & 0x7fff'ffffu;
}

}  // namespace openclaw::gc
