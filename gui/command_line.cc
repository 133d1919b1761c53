#include "gui/command_line.h"

#include <fmt/format.h>

#include "analyzer/snapshot.h"
#include "openclaw/version.h"

namespace openclaw::gui {
namespace {

std::string policyNames() {
  std::string names;
  for (const Policy policy : kPolicies) names += (names.empty() ? "" : ", ") + std::string(toText(policy));
  return names;
}

}  // namespace

Result<CommandLine> parseCommandLine(const std::vector<std::string>& words) {
  CommandLine line;
  std::vector<std::string> rest;
  bool optionsEnded = false, policyGiven = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (optionsEnded || word.empty() || word.front() != '-') rest.push_back(word);
    else if (word == "--") optionsEnded = true;
    else if (word == "--help" || word == "-h") line.action = CommandLine::Action::kHelp;
    else if (word == "--version") line.action = CommandLine::Action::kVersion;
    else if (word == "--dark") line.dark = true;
    else if (word == "--scope") {
      if (i + 1 == words.size()) return fail(ErrorCode::kInvalidArgument, "--scope needs KIND=VALUE; for example --scope type=Session");
      if (const Result<void> added = addScopeWord(line.scope, words[++i]); !added) return std::unexpected(added.error());
    } else if (word == "--policy") {
      const auto policy = i + 1 == words.size() ? std::nullopt : policyNamed(words[i + 1]);
      if (!policy) return fail(ErrorCode::kInvalidArgument, "--policy needs one of " + policyNames());
      line.policy = *policy;
      policyGiven = true;
      ++i;
    } else if (word == "--grab") line.action = CommandLine::Action::kGrab;
    else return fail(ErrorCode::kInvalidArgument, fmt::format("unknown option {}; heap-analyzer-gui --help lists them", word));
  }
  if (line.action == CommandLine::Action::kGrab) {
    if (rest.size() != 3)
      return fail(ErrorCode::kInvalidArgument, fmt::format("--grab needs VIEW DIR DUMP, {} given; for example --grab all pictures heap.bin",
                                                           rest.size()));
    line.view = rest[0];
    line.folder = rest[1];
    line.dump = rest[2];
  } else if (rest.size() > 1) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("one dump a window: {} given", rest.size()));
  } else if (!rest.empty()) {
    line.dump = rest[0];
  }
  if (!line.scope.empty() && line.dump.empty() && (line.action == CommandLine::Action::kOpen))
    return fail(ErrorCode::kInvalidArgument, "--scope is of a dump: name it too");
  if (policyGiven && line.dump.empty() && line.action == CommandLine::Action::kOpen)
    return fail(ErrorCode::kInvalidArgument, "--policy is for a dump: name it too");
  return line;
}

std::string helpText() {
  return R"(heap-analyzer-gui [DUMP]                    show a heap dump in a window
heap-analyzer-gui --grab VIEW|all DIR DUMP  write views as pictures, DIR/VIEW.png; needs no display

  VIEW       overview, histogram, dominators, flamegraph, fragmentation, generations or pauses
  --scope KIND=VALUE  show only a part of the dump: type=NAME, site=FILE:LINE, arena=NAME, age=2-5, retained-by=ADDR;
             several of one kind: one or the other; of several kinds: both
  --policy NAME  what keeps alive and whose bytes are whose: strict, or as another tool counts (POLICIES.md): visualvm or mat
             for Java, v8-devtools or memlab for V8
  --dark     dark colours
  --help     this text
  --version  version, commit and format version

Example: heap-analyzer-gui --grab all pictures heap.bin
         heap-analyzer-gui --scope age=5+ --scope type=Session heap.bin
         heap-analyzer-gui --policy visualvm server.hprof

Exit codes: 0 fine; 2 usage; 3 the dump is damaged (pictures of the part that could be read are written);
5 not finished (no display, folder refused, out of memory, cannot read the file).
)";
}

std::string versionText() {
  return fmt::format("heap-analyzer-gui {} (commit {}, format {})\n", OPENCLAW_VERSION, OPENCLAW_COMMIT, kFormatVersion);
}

}  // namespace openclaw::gui
