#include "capture/stacks/libunwind_bridge.h"

#include <dlfcn.h>
#include <elf.h>
#include <libunwind.h>
#include <link.h>

#include <cstring>
#include <iterator>

// The private copy's names (stacks/CMakeLists.txt makes them).
extern "C" {
int openclaw_unw_init_local(unw_cursor_t*, unw_context_t*);
int openclaw_unw_step(unw_cursor_t*);
int openclaw_unw_get_reg(unw_cursor_t*, unw_regnum_t, unw_word_t*);
int openclaw_unw_get_proc_info(unw_cursor_t*, unw_proc_info_t*);
int openclaw_unwind_iterate_modules(int (*callback)(dl_phdr_info*, std::size_t, void*), void* data);
}

// Stands in for dl_iterate_phdr in the private copy. The original takes the loader's lock on every call: a thread
// parked inside dlopen would block the sampler for as long as the world is stopped. glibc's _dl_find_object is
// lock-free, but answers for one address, so the address is taken from the caller's data: LLVM 14 passes
//   struct dl_iterate_cb_data { LocalAddressSpace* addressSpace; UnwindInfoSections* sects; uintptr_t targetAddr; };
// The archive's version is pinned by the build, and a test compares the stacks with those of backtrace(). An address
// that no module holds ends the walk, as it does with the original.
int openclaw_unwind_iterate_modules(int (*callback)(dl_phdr_info*, std::size_t, void*), void* data) {
  struct CallbackData { void* addressSpace; void* sections; std::uintptr_t target; };
  void* const target = reinterpret_cast<void*>(static_cast<CallbackData*>(data)->target);
  dl_find_object found{};
  if (_dl_find_object(target, &found) != 0) return 0;
  const auto* header = static_cast<const ElfW(Ehdr)*>(found.dlfo_map_start);
  if (std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return 0;
  dl_phdr_info info{};
  info.dlpi_addr = found.dlfo_link_map->l_addr;
  info.dlpi_name = found.dlfo_link_map->l_name;
  info.dlpi_phdr = reinterpret_cast<const ElfW(Phdr)*>(static_cast<const char*>(found.dlfo_map_start) + header->e_phoff);
  info.dlpi_phnum = header->e_phnum;
  return callback(&info, sizeof info, data);
}

namespace openclaw::internal {

[[gnu::noinline]] std::size_t unwindThroughLibunwind(std::span<std::uint64_t> pcs, std::size_t skip) noexcept {
  unw_context_t context;
  unw_cursor_t cursor;
  if (openclaw_unw_getcontext(&context) != 0 || openclaw_unw_init_local(&cursor, &context) != 0) return 0;
  std::size_t count = 0;
  while (count < pcs.size() && openclaw_unw_step(&cursor) > 0) {
    unw_word_t pc = 0;
    if (openclaw_unw_get_reg(&cursor, UNW_REG_IP, &pc) != 0 || pc == 0) break;
    if (skip != 0) --skip;
    else pcs[count++] = pc;
  }
  return count;
}

namespace {

// The words of unw_context_t: LLVM's Registers_x86_64.
enum : std::size_t { kRax, kRbx, kRcx, kRdx, kRdi, kRsi, kRbp, kRsp, kR8, kR9, kR10, kR11, kR12, kR13, kR14, kR15, kRip };

}  // namespace

// libunwind looks a table up for the instruction pointer of a cursor, so it gets one made up.
FrameTable findFrameTable(std::uintptr_t address) noexcept {
  unw_context_t context{};
  unw_cursor_t cursor;
  context.data[kRip] = address;
  unw_proc_info_t info{};
  if (openclaw_unw_init_local(&cursor, &context) != 0 || openclaw_unw_get_proc_info(&cursor, &info) != 0) return {};
  if (address < info.start_ip || address >= info.end_ip || info.unwind_info == 0) return {};
  return {reinterpret_cast<const std::uint8_t*>(info.unwind_info), info.start_ip};
}

namespace {

std::uintptr_t registerOf(std::uint64_t* cursor, unw_regnum_t number) noexcept {
  unw_word_t value = 0;
  return openclaw_unw_get_reg(reinterpret_cast<unw_cursor_t*>(cursor), number, &value) == 0 ? value : 0;
}

}  // namespace

bool LibunwindCursor::init() noexcept {
  static_assert(sizeof(unw_context_t) <= sizeof context_ && sizeof(unw_cursor_t) <= sizeof cursor_);
  return openclaw_unw_init_local(reinterpret_cast<unw_cursor_t*>(cursor_), reinterpret_cast<unw_context_t*>(context_)) == 0;
}
bool LibunwindCursor::startAt(std::uintptr_t pc, std::uintptr_t sp, std::uintptr_t rbp) noexcept {
  std::memset(context_, 0, sizeof context_);
  context_[kRip] = pc;
  context_[kRsp] = sp;
  context_[kRbp] = rbp;
  return started_ = init();
}
bool LibunwindCursor::startAtSignal(const std::uint64_t* registers) noexcept {
  // The kernel's order, as in ucontext_t.
  constexpr std::size_t kOrder[] = {kR8, kR9, kR10, kR11, kR12, kR13, kR14, kR15, kRdi, kRsi, kRbp, kRbx, kRdx, kRax, kRcx, kRsp, kRip};
  std::memset(context_, 0, sizeof context_);
  for (std::size_t i = 0; i < std::size(kOrder); ++i) context_[kOrder[i]] = registers[i];
  ++context_[kRip];
  return started_ = init();
}
bool LibunwindCursor::step() noexcept { return openclaw_unw_step(reinterpret_cast<unw_cursor_t*>(cursor_)) > 0; }
std::uintptr_t LibunwindCursor::pc() noexcept { return registerOf(cursor_, UNW_REG_IP); }
std::uintptr_t LibunwindCursor::sp() noexcept { return registerOf(cursor_, UNW_REG_SP); }
std::uintptr_t LibunwindCursor::rbp() noexcept { return registerOf(cursor_, UNW_X86_64_RBP); }

}  // namespace openclaw::internal
