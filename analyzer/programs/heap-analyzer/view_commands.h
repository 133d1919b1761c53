// The commands that show a view: sites, flamegraph, fragmentation, generations, pauses, ledger. What they take on the
// command line, and the report they write.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "analyzer/report/view_reports.h"

namespace CLI {
class App;
}

namespace openclaw {

enum class ViewCommand { kSites, kFlamegraph, kFragmentation, kGenerations, kPauses, kLedger };
enum class FlameFormat { kFolded, kSvg, kHtml };

struct ViewOptions {
  ViewCommand command = ViewCommand::kSites;
  bool stacks = false;                 // sites
  std::string sort = "live";           // sites
  std::string weight = "live";         // flamegraph
  std::string format;                  // flamegraph; empty: as the output is called, else folded
  std::string output;                  // flamegraph; empty: standard output
  bool force = false;
  std::string map = "fit", block;      // fragmentation
  std::string mostlyEmpty = "25%";
  bool lines = false;
  // Read from the texts above by checkViewOptions.
  std::optional<Address> blockAddress;
  double mostlyEmptyShare = 0.25;
  FlameFormat flameFormat = FlameFormat::kFolded;
};

// The subcommands' names, for the one place that tells them from a dump.
inline constexpr std::string_view kViewCommands[] = {"sites", "flamegraph", "fragmentation", "generations", "pauses", "ledger"};

// `add(name, what, example)` makes a subcommand with what all have; `takeDump` and `takeTop` add their arguments.
struct ViewCommandHooks {
  std::function<CLI::App*(const char* name, const char* what, const char* example)> add;
  std::function<void(CLI::App*)> takeDump;
  std::function<void(CLI::App*, const char*)> takeTop;
  std::function<void(CLI::App*)> takeScope;                       // --type, --site, …
  std::function<void(CLI::App*, const char* why)> refuseScope;    // the same words, answered by why it has none
};
void addViewCommands(ViewOptions& options, const ViewCommandHooks& hooks);
// kInvalidArgument when a text among the options is no address, share or format.
Result<void> checkViewOptions(ViewOptions& options);

// What to print; when `path` is set, into that file, and `text` is what to say about it.
struct ViewOutput {
  std::string text;
  std::string path, file;
  std::string note;  // for standard error: nothing to say, in a format that has no place for it
};
Result<ViewOutput> runViewCommand(const Snapshot& snapshot, const ViewOptions& options, const ScopeSelection* scope, std::optional<std::size_t> top,
                                  bool json, std::stop_token stop);
// Writes `file` to `path`: a new one, unless forced.
Result<void> writeOutput(const ViewOutput& output, bool force);

}  // namespace openclaw
