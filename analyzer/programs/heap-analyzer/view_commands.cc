#include "analyzer/programs/heap-analyzer/view_commands.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>

#include <CLI/CLI.hpp>

#include "analyzer/report/numbers.h"
#include "analyzer/report/text_parts.h"

namespace openclaw {
namespace {

constexpr FlameWeight kWeights[] = {FlameWeight::kLiveBytes, FlameWeight::kAllocatedBytes, FlameWeight::kFreedBytes,
                                    FlameWeight::kRetainedBytes};
constexpr const char* kWeightNames[] = {"live", "allocated", "freed", "retained"};

FlameWeight weightNamed(const std::string& name) {
  for (std::size_t i = 0; i < std::size(kWeights); ++i)
    if (name == kWeightNames[i]) return kWeights[i];
  return FlameWeight::kLiveBytes;
}

SitesOrder orderNamed(const std::string& name) {
  if (name == "objects") return SitesOrder::kObjects;
  if (name == "allocated") return SitesOrder::kAllocated;
  return name == "freed" ? SitesOrder::kFreed : SitesOrder::kLive;
}

Result<ViewOutput> flame(const Snapshot& s, const ViewOptions& options, const ScopeSelection* scope, bool json, const std::stop_token& stop) {
  if (!knownOf(scope, weightNamed(options.weight)))
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("--weight {}: counted by site and stack alone, so it is known of the whole dump and of --site, not of this scope", options.weight));
  ViewOutput out;
  const FlameGraph graph = computeFlameGraph(s, weightNamed(options.weight), stop, scope);
  // The graph itself has no place for it.
  if (scope != nullptr && !json) out.note = scopeText(s, scope);
  if (graph.empty())
    out.note += fmt::format("heap-analyzer: {}: nothing to draw: the dump knows no {}\n", s.path(), toText(graph.weight));
  if (json) {
    out.text = jsonOf(s, graph, scope);
    return out;
  }
  switch (options.flameFormat) {
    case FlameFormat::kFolded:
      out.file = foldedText(graph);
      break;
    case FlameFormat::kSvg:
      out.file = flameSvg(s, graph);
      break;
    case FlameFormat::kHtml: {
      std::vector<FlameGraph> all;
      all.push_back(graph);
      for (const FlameWeight weight : kWeights)
        if (weight != graph.weight && knownOf(scope, weight)) all.push_back(computeFlameGraph(s, weight, stop, scope));
      out.file = flameHtml(s, all);
      break;
    }
  }
  if (options.output.empty()) {
    out.text = std::move(out.file);
    return out;
  }
  out.path = options.output;
  out.text = fmt::format("{}  {}, {}{} of {} in {}\n", out.path, toText(Bytes(out.file.size())), certaintyPrefix(graph.totalCertainty),
                         toText(Bytes(graph.nodes.front().total)), toText(graph.weight), counted(graph.nodes.size() - 1, "frame", "frames"));
  return out;
}

}  // namespace

void addViewCommands(ViewOptions& options, const ViewCommandHooks& hooks) {
  const auto command = [&](const char* name, const char* what, const char* example, ViewCommand value) {
    CLI::App* sub = hooks.add(name, what, example);
    sub->parse_complete_callback([&options, value] { options.command = value; });
    return sub;
  };
  CLI::App* sites = command("sites", "who allocated what is there, and what is gone again", "heap-analyzer sites --stacks --sort freed heap.bin", ViewCommand::kSites);
  sites->add_flag("--stacks", options.stacks, "by sampled stack instead of by source line");
  sites->add_option("--sort", options.sort, "live, objects, allocated or freed (default live)")
      ->check(CLI::IsMember({"live", "objects", "allocated", "freed"}));
  hooks.takeTop(sites, "rows shown (default 20)");
  hooks.takeScope(sites);
  hooks.takeDump(sites);

  CLI::App* flamegraph = command("flamegraph", "the allocation stacks as a flame graph", "heap-analyzer flamegraph --output flame.html heap.bin", ViewCommand::kFlamegraph);
  flamegraph->add_option("--weight", options.weight, "live, allocated, freed or retained bytes (default live)")
      ->check(CLI::IsMember({"live", "allocated", "freed", "retained"}));
  flamegraph->add_option("--format", options.format, "folded, svg or html, which has all weights (default: as --output ends, else folded)")
      ->check(CLI::IsMember({"folded", "svg", "html"}));
  flamegraph->add_option("--output", options.output, "the file to write (default: standard output)");
  flamegraph->add_flag("--force", options.force, "replace the file when there is one");
  hooks.takeScope(flamegraph);
  hooks.takeDump(flamegraph);

  CLI::App* fragmentation = command("fragmentation", "where the holes are, what keeps them, what a defragmentation would give back",
                                    "heap-analyzer fragmentation heap.bin\n         heap-analyzer fragmentation --block 0x7f31c2000000 heap.bin", ViewCommand::kFragmentation);
  fragmentation->add_option("--block", options.block, "only the block at this address, line by line, with its objects");
  fragmentation->add_option("--map", options.map, "fit: scaled to a screen; all: a character for every block (default fit)")->check(CLI::IsMember({"fit", "all"}));
  fragmentation->add_option("--mostly-empty", options.mostlyEmpty, "blocks filled up to this share count as mostly empty (default 25%)");
  fragmentation->add_flag("--lines", options.lines, "with --json: the bytes of every line");
  hooks.takeTop(fragmentation, "groups of pinning objects shown, or objects of the block (default 10)");
  hooks.takeScope(fragmentation);
  hooks.takeDump(fragmentation);

  CLI::App* generations = command("generations", "how old the heap is, what survives, what died young", "heap-analyzer generations heap.bin", ViewCommand::kGenerations);
  hooks.takeTop(generations, "types and stacks shown (default 10)");
  hooks.takeScope(generations);
  hooks.takeDump(generations);

  CLI::App* pauses = command("pauses", "how long the program stood still, and why", "heap-analyzer pauses --top 50 heap.bin", ViewCommand::kPauses);
  hooks.takeTop(pauses, "pauses listed, longest first (default 10)");
  hooks.refuseScope(pauses, "the whole process stands still in a pause");
  hooks.takeDump(pauses);

  CLI::App* ledger = command("ledger", "from the objects to the resident set, adding up", "heap-analyzer ledger heap.bin", ViewCommand::kLedger);
  hooks.refuseScope(ledger, "the ledger adds up to the whole process");
  hooks.takeDump(ledger);
}

Result<void> checkViewOptions(ViewOptions& options) {
  const Result<double> share = parseRatio(options.mostlyEmpty);
  if (!share || *share < 0 || *share > 1)
    return fail(ErrorCode::kInvalidArgument, fmt::format("--mostly-empty: \"{}\" is no share from 0% to 100%", options.mostlyEmpty));
  options.mostlyEmptyShare = *share;
  if (!options.block.empty()) {
    const std::string& text = options.block;
    const bool hex = text.starts_with("0x") || text.starts_with("0X");
    std::uint64_t value = 0;
    const char* begin = text.data() + (hex ? 2 : 0);
    const char* end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(begin, end, value, hex ? 16 : 10);
    if (error != std::errc{} || stopped != end || begin == end)
      return fail(ErrorCode::kInvalidArgument, fmt::format("--block: \"{}\" is no address; write 0x7f31c2004a80, or a decimal number", text));
    options.blockAddress = Address(value);
  }
  std::string format = options.format;
  if (format.empty() && options.output.ends_with(".svg")) format = "svg";
  if (format.empty() && (options.output.ends_with(".html") || options.output.ends_with(".htm"))) format = "html";
  options.flameFormat = format == "svg" ? FlameFormat::kSvg : format == "html" ? FlameFormat::kHtml : FlameFormat::kFolded;
  return {};
}

Result<ViewOutput> runViewCommand(const Snapshot& s, const ViewOptions& options, const ScopeSelection* scope, std::optional<std::size_t> top, bool json,
                                  std::stop_token stop) {
  const auto write = [&](const auto& report) { return ViewOutput{json ? jsonOf(s, report) : textOf(s, report), {}, {}, {}}; };
  switch (options.command) {
    case ViewCommand::kSites:
      return write(computeSitesReport(s, options.stacks, orderNamed(options.sort), top.value_or(20), stop, scope));
    case ViewCommand::kFlamegraph:
      if (json && !(options.output.empty() && options.format.empty()))
        return fail(ErrorCode::kInvalidArgument, "--json prints the frames and writes no file: leave out --output and --format");
      return flame(s, options, scope, json, stop);
    case ViewCommand::kFragmentation: {
      if (scope != nullptr && options.blockAddress)
        return fail(ErrorCode::kInvalidArgument, "--block shows all objects of one block: leave out --type, --site, --arena, --age and --retained-by");
      const std::size_t groups = std::max<std::size_t>(top.value_or(10), 20);
      FragmentationReport report{computeFragmentation(s, {options.mostlyEmptyShare, groups}, stop), top.value_or(10), options.map == "all",
                                 options.lines, std::nullopt, scope, {}};
      if (scope != nullptr) report.scoped = computeScopeInRegions(s, report.view, *scope, stop);
      if (stop.stop_requested()) return ViewOutput{};
      if (options.blockAddress && report.view.known) {
        report.block = regionAt(s, *options.blockAddress);
        if (!report.block)
          return fail(ErrorCode::kInvalidArgument, fmt::format("no block at {}: it lies outside the heap", toText(*options.blockAddress)), Where{.file = s.path()});
      }
      return write(report);
    }
    case ViewCommand::kGenerations:
      return write(GenerationsReport{computeGenerations(s, stop, scope), top.value_or(10), scope});
    case ViewCommand::kPauses:
      return write(PausesReport{computePauses(s, top.value_or(10))});
    case ViewCommand::kLedger: {
      LedgerReport report{computeLedger(s), {}};
      report.resident = computeResidentLedger(s, report.heap);
      return write(report);
    }
  }
  return fail(ErrorCode::kInvalidArgument, "no such command");
}

Result<void> writeOutput(const ViewOutput& output, bool force) {
  // What is replaced stays until its successor is whole. A device, a pipe or a link is written to and never replaced.
  struct stat there {};
  const bool replace = force && ::lstat(output.path.c_str(), &there) == 0 && S_ISREG(there.st_mode);
  const bool stream = force && !replace && there.st_mode != 0;
  const std::string path = replace ? fmt::format("{}.{}.tmp", output.path, ::getpid()) : output.path;
  std::FILE* file = std::fopen(path.c_str(), stream ? "wbe" : "wbxe");
  if (file == nullptr) {
    const int problem = errno;
    if (problem == EEXIST)
      return fail(ErrorCode::kInvalidArgument, replace ? "left by another run: remove it" : "the file exists; --force replaces it", Where{.file = path});
    return fail(ErrorCode::kIo, std::strerror(problem), Where{.file = path});
  }
  int problem = std::fwrite(output.file.data(), 1, output.file.size(), file) == output.file.size() ? 0 : errno;
  if (std::fclose(file) != 0 && problem == 0) problem = errno;
  if (problem == 0 && replace && std::rename(path.c_str(), output.path.c_str()) != 0) problem = errno;
  if (problem == 0) return {};
  if (!stream) std::remove(path.c_str());
  return fail(ErrorCode::kIo, fmt::format("could not be written: {}", std::strerror(problem)), Where{.file = output.path});
}

}  // namespace openclaw
