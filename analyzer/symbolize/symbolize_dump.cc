#include "analyzer/symbolize/symbolize_dump.h"

#include <algorithm>
#include <map>
#include <utility>

#include "format/dump_reader.h"

namespace openclaw {
namespace {

struct Addresses {
  std::vector<ModuleFile> modules;
  std::map<std::uint64_t, bool> pcs;  // -> is a return address
  std::uint64_t damagedFrames = 0;
  bool alreadySymbolized = false;
};

Addresses readAddresses(const DumpReader& reader) {
  Addresses out;
  out.damagedFrames = reader.report().damagedFrames;
  for (const FrameInfo& frame : reader.frames()) {
    if (frame.kind == FrameKind::kSymbols) out.alreadySymbolized = true;
    if (frame.kind != FrameKind::kModules && frame.kind != FrameKind::kStacks) continue;
    const auto decoded = reader.decode(frame);
    if (!decoded) {
      ++out.damagedFrames;
      continue;
    }
    if (frame.kind == FrameKind::kModules) {
      decoded->forEachModule([&](const ModuleRecord& m) {
        out.modules.push_back({std::string(m.path), {m.buildId.begin(), m.buildId.end()}, m.base, m.low, m.high});
      });
    } else {
      decoded->forEachStack([&](StackIndex, const StackRecord& stack) {
        for (std::size_t i = 0; i < stack.pcs.size(); ++i) out.pcs[stack.pcs[i]] |= i != 0;
      });
    }
  }
  return out;
}

void count(const Symbol& symbol, SymbolizeReport& report) {
  if (symbol.module == Symbol::kNoModule) ++report.outside;
  else if (symbol.frames.empty()) ++report.unnamed;
  else if (symbol.frames.front().line != 0) ++report.withLine;
  else ++report.nameOnly;
  if (!symbol.frames.empty()) report.inlinedFrames += symbol.frames.size() - 1;
}

Result<DumpSymbols> symbolize(Result<DumpReader> reader, const std::function<bool(std::size_t, std::size_t)>& progress) {
  if (!reader) return std::unexpected(std::move(reader).error());
  Addresses addresses = readAddresses(*reader);
  SymbolizeReport report;
  report.damagedFrames = addresses.damagedFrames;
  report.alreadySymbolized = addresses.alreadySymbolized;
  std::vector<Symbol> symbols;
  if (!addresses.alreadySymbolized) {
    Symbolizer symbolizer(std::move(addresses.modules));
    std::map<std::uint32_t, std::size_t> unnamedByModule;
    for (const auto& [pc, returnAddress] : addresses.pcs) {
      if (progress && !progress(symbols.size(), addresses.pcs.size()))
        return fail(ErrorCode::kCancelled, "symbolizing was cancelled");
      Symbol symbol = symbolizer.lookup(pc, returnAddress);
      count(symbol, report);
      if (symbol.module != Symbol::kNoModule && !symbolizer.problem(symbol.module).empty()) ++unnamedByModule[symbol.module];
      symbols.push_back(std::move(symbol));
    }
    report.addresses = symbols.size();
    for (const auto& [module, lost] : unnamedByModule)
      report.problems.push_back({symbolizer.modules()[module].path, symbolizer.problem(module), lost});
    std::stable_sort(report.problems.begin(), report.problems.end(),
                     [](const auto& a, const auto& b) { return a.addresses > b.addresses; });
  }
  return DumpSymbols(std::move(symbols), std::move(report));
}

}  // namespace

DumpSymbols::DumpSymbols(std::vector<Symbol> symbols, SymbolizeReport report)
    : symbols_(std::move(symbols)), report_(std::move(report)) {
  std::size_t total = 0;
  for (const Symbol& symbol : symbols_) total += symbol.frames.size();
  frames_.reserve(total);  // records borrow from it: it must not grow
  records_.reserve(symbols_.size());
  for (const Symbol& symbol : symbols_) {
    const std::size_t first = frames_.size();
    for (const CodeFrame& frame : symbol.frames) frames_.push_back({frame.function, frame.file, frame.line, frame.inlined});
    records_.push_back({symbol.pc, std::span(frames_).subspan(first), symbol.module});
  }
}

Result<DumpSymbols> symbolizeDump(const std::string& path, const std::function<bool(std::size_t, std::size_t)>& progress) {
  return symbolize(DumpReader::open(path), progress);
}

Result<DumpSymbols> symbolizeDump(int descriptor, const std::string& name,
                                  const std::function<bool(std::size_t, std::size_t)>& progress) {
  auto reader = DumpReader::open("/proc/self/fd/" + std::to_string(descriptor));
  if (!reader) {
    Error error = std::move(reader).error();
    error.where.file = name;
    return std::unexpected(std::move(error));
  }
  return symbolize(std::move(reader), progress);
}

}  // namespace openclaw
