#include "capture/stacks/module_list.h"

#include <elf.h>
#include <link.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace openclaw {
namespace {

std::string executablePath() {
  char path[4096];
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof path);
  return length > 0 ? std::string(path, static_cast<std::size_t>(length)) : std::string();
}

// The NT_GNU_BUILD_ID note of a mapped module, empty when it has none.
std::vector<std::uint8_t> buildIdOf(const dl_phdr_info& info) {
  for (int i = 0; i < info.dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = info.dlpi_phdr[i];
    if (segment.p_type != PT_NOTE) continue;
    const auto* at = reinterpret_cast<const std::uint8_t*>(info.dlpi_addr + segment.p_vaddr);
    const std::size_t align = segment.p_align == 8 ? 8 : 4;
    std::size_t left = segment.p_memsz;
    while (left >= sizeof(ElfW(Nhdr))) {
      ElfW(Nhdr) note;
      std::memcpy(&note, at, sizeof note);
      const std::size_t name = (note.n_namesz + 3u) & ~std::size_t{3};
      const std::size_t whole = (sizeof note + name + note.n_descsz + align - 1) & ~(align - 1);
      if (sizeof note + name + note.n_descsz > left) break;
      const std::uint8_t* description = at + sizeof note + name;
      if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && std::memcmp(at + sizeof note, "GNU", 4) == 0)
        return {description, description + note.n_descsz};
      if (whole >= left) break;
      at += whole;
      left -= whole;
    }
  }
  return {};
}

}  // namespace

ModuleList ModuleList::current() {
  ModuleList list;
  struct Context { std::vector<Entry>* entries; } context{&list.entries_};
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        Entry entry;
        entry.base = info->dlpi_addr;
        entry.low = ~0ull;
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          const ElfW(Phdr)& segment = info->dlpi_phdr[i];
          if (segment.p_type != PT_LOAD) continue;
          entry.low = std::min<std::uint64_t>(entry.low, info->dlpi_addr + segment.p_vaddr);
          entry.high = std::max<std::uint64_t>(entry.high, info->dlpi_addr + segment.p_vaddr + segment.p_memsz);
        }
        if (entry.high == 0) return 0;  // nothing is mapped, nothing can be looked up
        entry.path = info->dlpi_name != nullptr ? info->dlpi_name : "";
        entry.buildId = buildIdOf(*info);
        static_cast<Context*>(data)->entries->push_back(std::move(entry));
        return 0;
      },
      &context);
  // The loader lists the program itself first and without a name.
  if (!list.entries_.empty() && list.entries_.front().path.empty()) list.entries_.front().path = executablePath();
  std::sort(list.entries_.begin(), list.entries_.end(), [](const Entry& a, const Entry& b) { return a.low < b.low; });
  list.records_.reserve(list.entries_.size());
  for (const Entry& entry : list.entries_)
    list.records_.push_back({entry.path, entry.buildId, entry.base, entry.low, entry.high});
  return list;
}

}  // namespace openclaw
