// All addresses of a dump's stacks, named: the rows that appendSymbolsAndIndex (format/dump_writer.h) takes.
//
//   OPENCLAW_TRY(DumpSymbols symbols, symbolizeDump("heap.bin"));
//   OPENCLAW_TRY_VOID(appendSymbolsAndIndex(descriptor, "heap.bin", symbols.records(), symbolizerName()));
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "analyzer/symbolize/symbolizer.h"
#include "format/records.h"
#include "format/result.h"

namespace openclaw {

// What came of it; the four sums add up to `addresses`.
struct SymbolizeReport {
  std::size_t addresses = 0;
  std::size_t withLine = 0, nameOnly = 0, unnamed = 0, outside = 0;  // outside: in no module of the dump
  std::size_t inlinedFrames = 0;
  struct ModuleProblem {
    std::string path, what;
    std::size_t addresses = 0;
  };
  std::vector<ModuleProblem> problems;   // modules that gave no names, by addresses lost
  std::uint64_t damagedFrames = 0;       // frames of the dump that could not be read; their stacks are missing
  bool alreadySymbolized = false;        // the dump holds symbols; records() is empty then
};

// Rows and what they borrow from. Threads: const members from any number.
class DumpSymbols {
 public:
  explicit DumpSymbols(std::vector<Symbol> symbols, SymbolizeReport report);
  DumpSymbols(DumpSymbols&&) noexcept = default;
  DumpSymbols& operator=(DumpSymbols&&) noexcept = default;
  // Ascending pc, one row an address.
  std::span<const SymbolRecord> records() const { return records_; }
  const std::vector<Symbol>& symbols() const { return symbols_; }
  const SymbolizeReport& report() const { return report_; }

 private:
  std::vector<Symbol> symbols_;
  std::vector<CodeFrameRecord> frames_;
  std::vector<SymbolRecord> records_;
  SymbolizeReport report_;
};

// Reads stacks and modules of the dump and looks every address up on this host. `progress` (may be empty) is told how
// many addresses are done of how many, and answers false to stop (kCancelled).
// Errors: those of opening a dump.
Result<DumpSymbols> symbolizeDump(const std::string& path,
                                  const std::function<bool(std::size_t done, std::size_t total)>& progress = {});
// The same for a dump open on a descriptor; `name` stands in errors.
Result<DumpSymbols> symbolizeDump(int descriptor, const std::string& name,
                                  const std::function<bool(std::size_t done, std::size_t total)>& progress = {});

}  // namespace openclaw
