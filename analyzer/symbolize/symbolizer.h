// Which function, file and line an address of a dumped process belongs to, with the functions that were inlined there.
//
//   Symbolizer symbolizer(modules);
//   Symbol symbol = symbolizer.lookup(pc, true);     // symbol.frames, innermost first
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace openclaw {

// A module as the dump names it.
struct ModuleFile {
  std::string path;
  std::vector<std::uint8_t> buildId;
  std::uint64_t base = 0, low = 0, high = 0;
};

struct CodeFrame {
  std::string function;   // demangled, with parameters; empty = unknown
  std::string file;       // as the compiler saw it; empty = unknown
  std::uint32_t line = 0;
  bool inlined = false;   // into the frame that follows
};

struct Symbol {
  static constexpr std::uint32_t kNoModule = 0xffff'ffffu;
  std::uint64_t pc = 0;
  std::vector<CodeFrame> frames;   // innermost inlined frame first; empty = nothing is known
  std::uint32_t module = kNoModule;
};

// Threads: one at a time. Owns: open files of the modules it was asked about; they are opened when first needed.
class Symbolizer {
 public:
  explicit Symbolizer(std::vector<ModuleFile> modules);
  Symbolizer(Symbolizer&&) noexcept;
  ~Symbolizer();

  // `returnAddress`: look at the call before pc, not at what follows it.
  // Cost: tens of microseconds; the first address of a compilation unit reads its debug information.
  Symbol lookup(std::uint64_t pc, bool returnAddress);
  // Why module number i gives no names ("cannot be opened", "build id differs"), "" when it does or was not asked.
  const std::string& problem(std::uint32_t module) const;
  const std::vector<ModuleFile>& modules() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// "libdw 0.188".
std::string symbolizerName();

}  // namespace openclaw
