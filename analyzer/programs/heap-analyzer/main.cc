// heap-analyzer: loads a dump, prints one report about it. Text for people, --json for programs.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>
#include <optional>

#include "analyzer/load/forecast.h"
#include "analyzer/memory_limit.h"
#include "analyzer/programs/heap-analyzer/command_line.h"
#include "analyzer/programs/heap-analyzer/progress.h"
#include "analyzer/report/reports.h"

namespace openclaw {
namespace {

struct Output {
  std::string text;
  int exitCode = 0;
  ViewOutput view;  // what a view command writes beside the text
};

Result<Output> report(const Snapshot& snapshot, const CommandLine& line, const std::stop_token& stop) {
  std::optional<ScopeSelection> selection;
  if (!line.scope.empty()) {
    OPENCLAW_TRY(const Scope words, resolveScope(snapshot, line.scope));
    selection = computeScope(snapshot, words, stop);
  }
  const ScopeSelection* scope = selection ? &*selection : nullptr;
  const auto write = [&](const auto& report, const auto&... options) {
    return line.json ? jsonOf(snapshot, report, options...) : textOf(snapshot, report, options...);
  };
  const LoadReport& load = snapshot.report();
  const bool damaged = !load.file.complete() || load.objectsMissing != 0 || load.referencesMissing != 0;
  const int exitCode = damaged ? exitCodeOf(ErrorCode::kDamaged) : 0;
  switch (line.command) {
    case Command::kSummary:
      return Output{write(computeSummary(snapshot, line.top, stop)), exitCode, {}};
    case Command::kHistogram:
      return Output{write(computeSortedHistogram(snapshot, line.order, line.top, stop, scope)), exitCode, {}};
    case Command::kDominators:
      return Output{write(computeDominatorView(snapshot, line.dominators, stop, scope), line.dominators), exitCode, {}};
    case Command::kInspect: {
      OPENCLAW_TRY(const Inspection inspection, inspectObject(snapshot, line.address, line.top, stop));
      return Output{write(inspection), exitCode, {}};
    }
    case Command::kPaths: {
      if (scope == nullptr) {
        OPENCLAW_TRY(const ObjectPaths paths, computeObjectPaths(snapshot, line.address, line.paths, stop));
        return Output{write(paths), exitCode, {}};
      }
      return Output{write(computeMembersPaths(snapshot, *scope, line.mergedPaths, stop)), exitCode, {}};
    }
    case Command::kLeaks:
      return Output{write(computeLeaks(snapshot, line.leaks, line.top, stop)), exitCode, {}};
    case Command::kView: {
      OPENCLAW_TRY(ViewOutput view, runViewCommand(snapshot, line.view, scope, line.givenTop, line.json, stop));
      std::string text = std::move(view.text);
      return Output{std::move(text), exitCode, std::move(view)};
    }
    case Command::kExport:
      OPENCLAW_TRY_VOID(runExport(snapshot, line.exported, stop));
      return Output{{}, exitCode, {}};
    case Command::kConvert: {
      ProgressBar bar;
      OPENCLAW_TRY_VOID(convert(snapshot, line.converted, line.convert, [&](double f) { bar.show({"writing", f}); }, stop));
      return Output{{}, exitCode, {}};
    }
    case Command::kValidate: {
      const Validation validation = computeValidation(snapshot, stop);
      return Output{write(validation), exitCode != 0 ? exitCode : validation.fine() ? 0 : 1, {}};
    }
  }
  return fail(ErrorCode::kInvalidArgument, "no such command");
}

// Where nobody waits it is said only when it matters: reports read by programs go with what they always had.
void announce(const MemoryPlan& plan, bool json) {
  constexpr std::uint64_t kWorthALine = 512ull << 20;
  const bool terminal = ::isatty(STDERR_FILENO) != 0;
  if (plan.limit != 0 ? plan.spill : terminal && !json && plan.forecast.peak >= kWorthALine) fmt::print(stderr, "{}; reading…\n", plan.sentence);
}

Result<Output> run(const CommandLine& line, const std::stop_token& stop) try {
  LoadOptions options;
  options.threads = line.threads;
  options.policy = line.policy;
  options.index = line.command == Command::kValidate && line.index == IndexUse::kAuto ? IndexUse::kOff : line.index;   // it checks the file itself
  options.dump = line.dumpNumber;
  options.dominators = options.references = line.retained;
  if (!line.retained) options.index = IndexUse::kOff;  // the same answer with and without one
  // These ask nobody who points to an object; an index, which has all that anybody asks, is then used but not written.
  options.referrers = line.index == IndexUse::kWrite ||
                      (line.command != Command::kHistogram && line.command != Command::kDominators && line.command != Command::kExport);
  std::shared_ptr<const Snapshot> snapshot;
  {
    ProgressBar bar;
    options.memoryLimit = line.memoryLimit;
    options.spillDirectory = line.spillDirectory;
    options.announce = [&](const MemoryPlan& plan) { announce(plan, line.json); };
    OPENCLAW_TRY(snapshot, loadSnapshot(
                               line.dump, options, [&](const LoadProgress& p) { bar.show(p); }, stop));
  }
  const std::string& index = snapshot->report().index;
  if (!index.empty() && (line.indexAsked || ::isatty(STDERR_FILENO) != 0)) fmt::print(stderr, "{}\n", index);
  OPENCLAW_TRY(Output output, report(*snapshot, line, stop));
  // A view that was stopped half way must not look like an answer.
  if (stop.stop_requested()) return fail(ErrorCode::kCancelled, "interrupted", Where{.file = line.dump});
  if (!output.view.path.empty()) OPENCLAW_TRY_VOID(writeOutput(output.view, line.view.force));
  return output;
} catch (const SpillFailed& failure) {   // reports have tables too
  return fail(ErrorCode::kNotFinished, failure.message, Where{.file = line.dump});
} catch (const MemoryLimitExceeded& exceeded) {
  return fail(ErrorCode::kNotFinished, fmt::format("the report needs more than the memory limit of {}", toText(Bytes(exceeded.limit))), Where{.file = line.dump});
} catch (const std::bad_alloc&) {
  return fail(ErrorCode::kNotFinished, "memory did not suffice for the report", Where{.file = line.dump});
}

int main(int argc, char** argv) {
  const Parsed parsed = parseCommandLine(argc, argv);
  std::fputs(parsed.out.c_str(), stdout);
  std::fputs(parsed.err.c_str(), stderr);
  if (!parsed.command) return parsed.exitCode;
  InterruptWatch interrupts;
  const Result<Output> output = run(*parsed.command, interrupts.token());
  if (!output) {
    fmt::print(stderr, "heap-analyzer: {}\n", toText(output.error()));
    return exitCodeOf(output.error().code);
  }
  std::fputs(output->view.note.c_str(), stderr);
  if (std::fwrite(output->text.data(), 1, output->text.size(), stdout) != output->text.size() ||
      std::fflush(stdout) != 0) {
    fmt::print(stderr, "heap-analyzer: the report could not be written: {}\n", std::strerror(errno));
    return exitCodeOf(ErrorCode::kIo);
  }
  return output->exitCode;
}

}  // namespace
}  // namespace openclaw

int main(int argc, char** argv) { return openclaw::main(argc, argv); }
