#include "gui/command_line.h"

#include <charconv>
#include <tuple>
#include <utility>

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

std::optional<std::pair<int, int>> sizeIn(std::string_view text) {
  int width = 0, height = 0;
  const char* const end = text.data() + text.size();
  const auto wide = std::from_chars(text.data(), end, width);
  if (wide.ec != std::errc() || wide.ptr == end || *wide.ptr != 'x') return std::nullopt;
  const auto high = std::from_chars(wide.ptr + 1, end, height);
  if (high.ec != std::errc() || high.ptr != end || width < 640 || height < 400 || width > 7680 || height > 4320) return std::nullopt;
  return std::pair(width, height);
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
    } else if (word == "--size") {
      const auto size = i + 1 == words.size() ? std::nullopt : sizeIn(words[i + 1]);
      if (!size) return fail(ErrorCode::kInvalidArgument, "--size needs WIDTHxHEIGHT of 640x400 to 7680x4320, as 1280x800");
      std::tie(line.width, line.height) = *size;
      ++i;
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

  VIEW       overview, histogram, dominators, flamegraph, fragmentation, generations, pauses or paths
  --scope KIND=VALUE  show only a part of the dump: type=NAME, site=FILE:LINE, arena=NAME, age=2-5, retained-by=ADDR;
             several of one kind: one or the other; of several kinds: both
  --policy NAME  what keeps alive and whose bytes are whose: strict, or as another tool counts (POLICIES.md): visualvm or mat
             for Java, v8-devtools or memlab for V8
  --size WxH of pictures; 1600x1000 unless said
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
