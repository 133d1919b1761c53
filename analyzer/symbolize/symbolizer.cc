#include "analyzer/symbolize/symbolizer.h"

#include <cxxabi.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwelf.h>
#include <elfutils/libdwfl.h>
#include <elfutils/version.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <unordered_map>
#include <utility>

namespace openclaw {
namespace {

const Dwfl_Callbacks kCallbacks = {
    .find_elf = dwfl_build_id_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,
    .section_address = dwfl_offline_section_address,
    .debuginfo_path = nullptr,
};

std::string demangled(const char* name) {
  if (name == nullptr) return {};
  if (name[0] != '_' || name[1] != 'Z') return name;
  int status = 0;
  char* text = abi::__cxa_demangle(name, nullptr, nullptr, &status);
  if (status != 0 || text == nullptr) return name;
  std::string result = text;
  std::free(text);
  return result;
}

const char* linkageName(Dwarf_Die* die) {
  Dwarf_Attribute attribute;
  for (const unsigned which : {DW_AT_linkage_name, DW_AT_MIPS_linkage_name})
    if (const char* name = dwarf_formstring(dwarf_attr_integrate(die, which, &attribute))) return name;
  return nullptr;
}

std::uint32_t unsignedAttribute(Dwarf_Die* die, unsigned which) {
  Dwarf_Attribute attribute;
  Dwarf_Word value = 0;
  if (dwarf_formudata(dwarf_attr(die, which, &attribute), &value) != 0) return 0;
  return static_cast<std::uint32_t>(value);
}

struct FunctionRange {
  Dwarf_Addr low, high;
  Dwarf_Die die;
};
struct UnitRange {
  Dwarf_Addr low, high;
  std::size_t unit;
};

template <class F>
void forEachRange(Dwarf_Die* die, F&& visit) {
  Dwarf_Addr base = 0, low = 0, high = 0;
  for (std::ptrdiff_t offset = 0; (offset = dwarf_ranges(die, offset, &base, &low, &high)) > 0;)
    if (low < high) visit(low, high);
}

// A compilation unit with its functions, read when the first address falls into it. Addresses are those of the file.
struct Unit {
  Dwarf_Die die;
  bool read = false;
  std::vector<FunctionRange> functions;  // by low; of nested ones the innermost is found by its smaller range
  // "a::B::" of functions without a linkage name (C, local to a file or a function), by the DIE that declares them.
  std::unordered_map<Dwarf_Off, std::string> scopes;

  void readFunctions() {
    if (std::exchange(read, true)) return;
    collect(&die, "");
    std::sort(functions.begin(), functions.end(), [](const auto& a, const auto& b) { return a.low < b.low; });
  }

  // Functions stand in the unit, its namespaces and classes, and (local classes, lambdas) inside other functions.
  void collect(Dwarf_Die* parent, const std::string& scope) {
    Dwarf_Die child;
    if (dwarf_child(parent, &child) != 0) return;
    do {
      switch (dwarf_tag(&child)) {
        case DW_TAG_subprogram:
          forEachRange(&child, [&](Dwarf_Addr low, Dwarf_Addr high) { functions.push_back({low, high, child}); });
          if (!scope.empty() && linkageName(&child) == nullptr) scopes.emplace(dwarf_dieoffset(&child), scope);
          collect(&child, scope);
          break;
        case DW_TAG_namespace:
        case DW_TAG_class_type:
        case DW_TAG_structure_type:
        case DW_TAG_union_type:
        case DW_TAG_module: {
          const char* name = dwarf_diename(&child);
          collect(&child, scope + (name != nullptr ? name : dwarf_tag(&child) == DW_TAG_namespace ? "(anonymous namespace)" : "(unnamed)") + "::");
          break;
        }
        case DW_TAG_lexical_block: collect(&child, scope); break;
        default: break;
      }
    } while (dwarf_siblingof(&child, &child) == 0);
  }

  std::string functionName(Dwarf_Die* function) {
    if (const char* name = linkageName(function)) return demangled(name);
    const char* name = dwarf_diename(function);
    if (name == nullptr) return {};
    // From an inlined or out-of-line instance to the declaration inside its class or namespace.
    Dwarf_Die at = *function, next;
    Dwarf_Attribute attribute;
    for (int steps = 0; steps < 8; ++steps) {
      if (const auto found = scopes.find(dwarf_dieoffset(&at)); found != scopes.end()) return found->second + name;
      Dwarf_Attribute* origin = dwarf_attr(&at, DW_AT_abstract_origin, &attribute);
      if (origin == nullptr) origin = dwarf_attr(&at, DW_AT_specification, &attribute);
      if (origin == nullptr || dwarf_formref_die(origin, &next) == nullptr) break;
      at = next;
    }
    return name;
  }

  Dwarf_Die* functionAt(Dwarf_Addr address) {
    auto at = std::upper_bound(functions.begin(), functions.end(), address,
                               [](Dwarf_Addr a, const FunctionRange& f) { return a < f.low; });
    // Ranges may nest or (cold parts) interleave; a few steps back are enough in practice, all the way is correct.
    FunctionRange* best = nullptr;
    for (int steps = 0; at != functions.begin() && (best == nullptr || steps < 8); ++steps) {
      --at;
      if (address >= at->high) continue;
      if (best == nullptr || at->high - at->low < best->high - best->low) best = &*at;
    }
    return best != nullptr ? &best->die : nullptr;
  }
};

// From a function down to the address: every inlined call on the way, outermost first.
void collectInlined(Dwarf_Die* parent, Dwarf_Addr address, std::vector<Dwarf_Die>& chain) {
  Dwarf_Die child;
  if (dwarf_child(parent, &child) != 0) return;
  do {
    const int tag = dwarf_tag(&child);
    if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_lexical_block) continue;
    if (dwarf_haspc(&child, address) <= 0) continue;
    if (tag == DW_TAG_inlined_subroutine) chain.push_back(child);
    collectInlined(&child, address, chain);
    return;
  } while (dwarf_siblingof(&child, &child) == 0);
}

// One module with its own Dwfl session, so that opening one late does not disturb the others.
class Module {
 public:
  Module() = default;
  Module(const Module&) = delete;
  ~Module() {
    if (dwfl_ != nullptr) dwfl_end(dwfl_);
  }

  const std::string& problem() const { return problem_; }

  void open(const ModuleFile& file) {
    if (std::exchange(opened_, true)) return;
    if (!file.path.starts_with('/')) {
      problem_ = "is no file on disk";
      return;
    }
    const int descriptor = ::open(file.path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
      problem_ = std::string("cannot be opened: ") + std::strerror(errno);
      return;
    }
    if (!hasBuildId(descriptor, file.buildId)) {
      ::close(descriptor);
      return;
    }
    dwfl_ = dwfl_begin(&kCallbacks);
    if (dwfl_ != nullptr) {
      dwfl_report_begin(dwfl_);
      module_ = dwfl_report_elf(dwfl_, file.path.c_str(), file.path.c_str(), descriptor, file.base, true);
      dwfl_report_end(dwfl_, nullptr, nullptr);
    }
    if (module_ == nullptr) {
      problem_ = std::string("cannot be read: ") + dwfl_errmsg(-1);
      ::close(descriptor);
      return;
    }
    readUnits();
  }

  std::vector<CodeFrame> framesAt(std::uint64_t address) {
    std::vector<CodeFrame> frames;
    if (module_ == nullptr) return frames;
    if (Unit* unit = unitAt(address - bias_)) fromUnit(*unit, address - bias_, frames);
    // The symbol table knows the function where debug information does not, and its scope and parameters where that has
    // only the bare name (-g1, functions local to a file).
    const char* name = dwfl_module_addrname(module_, address);
    if (name == nullptr) return frames;
    if (frames.empty()) frames.emplace_back();
    std::string text = demangled(name);
    CodeFrame& outermost = frames.back();
    if (text.size() > outermost.function.size() && text.find(outermost.function) != std::string::npos) outermost.function = std::move(text);
    return frames;
  }

 private:
  // Sets problem_ when they differ. A module or file without an id is taken as it is: there is nothing to compare.
  bool hasBuildId(int descriptor, const std::vector<std::uint8_t>& wanted) {
    if (wanted.empty()) return true;
    elf_version(EV_CURRENT);
    Elf* elf = elf_begin(descriptor, ELF_C_READ_MMAP, nullptr);
    const void* id = nullptr;
    const ssize_t size = elf != nullptr ? dwelf_elf_gnu_build_id(elf, &id) : -1;
    const bool same = size == static_cast<ssize_t>(wanted.size()) && std::memcmp(id, wanted.data(), wanted.size()) == 0;
    if (elf != nullptr) elf_end(elf);
    if (!same) problem_ = size > 0 ? "was replaced since the dump (its build id differs)" : "has no build id to compare with the dump's";
    return same;
  }

  void readUnits() {
    Dwarf_Die* die = nullptr;
    while ((die = dwfl_module_nextcu(module_, die, &bias_)) != nullptr) {
      const std::size_t number = units_.size();
      units_.push_back({*die, false, {}, {}});
      forEachRange(die, [&](Dwarf_Addr low, Dwarf_Addr high) { ranges_.push_back({low, high, number}); });
    }
    std::sort(ranges_.begin(), ranges_.end(), [](const auto& a, const auto& b) { return a.low < b.low; });
  }

  Unit* unitAt(Dwarf_Addr address) {
    const auto at = std::upper_bound(ranges_.begin(), ranges_.end(), address,
                                     [](Dwarf_Addr a, const UnitRange& r) { return a < r.low; });
    if (at == ranges_.begin() || address >= (at - 1)->high) return nullptr;
    return &units_[(at - 1)->unit];
  }

  static void fromUnit(Unit& unit, Dwarf_Addr address, std::vector<CodeFrame>& frames) {
    unit.readFunctions();
    CodeFrame here;
    if (Dwarf_Line* line = dwarf_getsrc_die(&unit.die, address)) {
      int number = 0;
      if (const char* file = dwarf_linesrc(line, nullptr, nullptr)) here.file = file;
      if (dwarf_lineno(line, &number) == 0) here.line = static_cast<std::uint32_t>(number);
    }
    Dwarf_Die* function = unit.functionAt(address);
    std::vector<Dwarf_Die> inlined;
    if (function != nullptr) collectInlined(function, address, inlined);
    Dwarf_Files* files = nullptr;
    std::size_t fileCount = 0;
    dwarf_getsrcfiles(&unit.die, &files, &fileCount);
    // Innermost first. Each inlined call says where it stood in the function around it.
    for (auto at = inlined.rbegin(); at != inlined.rend(); ++at) {
      here.function = unit.functionName(&*at);
      here.inlined = true;
      frames.push_back(std::move(here));
      here = {};
      here.line = unsignedAttribute(&*at, DW_AT_call_line);
      const std::uint32_t file = unsignedAttribute(&*at, DW_AT_call_file);
      if (files != nullptr && file < fileCount)
        if (const char* name = dwarf_filesrc(files, file, nullptr, nullptr)) here.file = name;
    }
    if (function != nullptr) here.function = unit.functionName(function);
    if (function != nullptr || !here.file.empty()) frames.push_back(std::move(here));
  }

  bool opened_ = false;
  std::string problem_;
  Dwfl* dwfl_ = nullptr;
  Dwfl_Module* module_ = nullptr;
  Dwarf_Addr bias_ = 0;
  std::vector<Unit> units_;
  std::vector<UnitRange> ranges_;
};

}  // namespace

struct Symbolizer::State {
  std::vector<ModuleFile> files;
  std::vector<std::unique_ptr<Module>> modules;  // same order
  std::vector<std::uint32_t> byLow;              // numbers of files, ascending low
};

Symbolizer::Symbolizer(std::vector<ModuleFile> modules) : state_(std::make_unique<State>()) {
  state_->files = std::move(modules);
  for (std::uint32_t i = 0; i < state_->files.size(); ++i) {
    state_->modules.push_back(std::make_unique<Module>());
    state_->byLow.push_back(i);
  }
  std::sort(state_->byLow.begin(), state_->byLow.end(),
            [&](std::uint32_t a, std::uint32_t b) { return state_->files[a].low < state_->files[b].low; });
}
Symbolizer::Symbolizer(Symbolizer&&) noexcept = default;
Symbolizer::~Symbolizer() = default;

Symbol Symbolizer::lookup(std::uint64_t pc, bool returnAddress) {
  Symbol symbol;
  symbol.pc = pc;
  const std::uint64_t address = returnAddress && pc != 0 ? pc - 1 : pc;
  const auto at = std::upper_bound(state_->byLow.begin(), state_->byLow.end(), address,
                                   [&](std::uint64_t a, std::uint32_t i) { return a < state_->files[i].low; });
  if (at == state_->byLow.begin() || address >= state_->files[*(at - 1)].high) return symbol;
  symbol.module = *(at - 1);
  Module& module = *state_->modules[symbol.module];
  module.open(state_->files[symbol.module]);
  symbol.frames = module.framesAt(address);
  return symbol;
}

const std::string& Symbolizer::problem(std::uint32_t module) const { return state_->modules[module]->problem(); }
const std::vector<ModuleFile>& Symbolizer::modules() const { return state_->files; }

std::string symbolizerName() { return std::string("libdw ") + dwfl_version(nullptr); }

}  // namespace openclaw
