#include "analyzer/programs/heap-analyzer/command_line.h"

#include <fmt/format.h>

#include <charconv>
#include <CLI/CLI.hpp>
#include <map>
#include <sstream>

#include "analyzer/report/reports.h"
#include "format/frame.h"
#include "openclaw/version.h"

namespace openclaw {
namespace {

constexpr std::string_view kSubcommands[] = {"summary", "histogram", "dominators", "inspect", "paths", "leaks", "validate", "export", "convert"};

constexpr const char* kExitCodes =
    "Exit codes: 0 fine; 1 validate found something broken and nothing missing; 2 usage; 3 the file is damaged (what could be "
    "read is\n"
    "reported in full); 5 the file could not be read; 130 interrupted.";

Result<Address> parseAddress(const std::string& text) {
  std::string_view digits = text;
  int base = 10;
  if (digits.starts_with("0x") || digits.starts_with("0X")) {
    digits.remove_prefix(2);
    base = 16;
  } else if (digits.starts_with('@')) {  // an id that is no address, as reports print it
    digits.remove_prefix(1);
  }
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc{} || end != digits.data() + digits.size() || digits.empty())
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("\"{}\" is no address; write 0x7f31c2004a80, or a decimal number", text));
  return Address(value);
}

}  // namespace

Parsed parseCommandLine(int argc, const char* const* argv) {
  // A dump alone means its summary: "heap-analyzer DUMP" reads as "heap-analyzer summary DUMP".
  std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].starts_with('-') && arguments[i] != "--") continue;
    const auto among = [&](const auto& names) { return std::find(std::begin(names), std::end(names), arguments[i]) != std::end(names); };
    if (!among(kSubcommands) && !among(kViewCommands))
      arguments.insert(arguments.begin(), "summary");
    break;
  }
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 takes vectors

  CLI::App app(
      "Explains a heap dump: who allocated it, who keeps it alive, where the holes are, why it paused.",
      "heap-analyzer");
  CommandLine line;
  app.set_version_flag("--version", fmt::format("heap-analyzer {} (commit {}, heap.bin format {})",
                                                OPENCLAW_VERSION, OPENCLAW_COMMIT, kFormatVersion));
  app.require_subcommand(1);
  app.footer(
      fmt::format("Example: heap-analyzer heap.bin        the summary of a dump\n"
                  "         heap-analyzer histogram --sort retained heap.bin\n{}",
                  kExitCodes));

  std::vector<std::string> policies;
  for (const Policy each : kPolicies) policies.emplace_back(toText(each));
  std::string policy{toText(Policy::kStrict)};
  std::string addressText, sort = "shallow", minimum, index, memoryLimit = "auto";
  std::optional<std::size_t> top;
  const auto command = [&](const char* name, const char* what, const char* example, Command value) {
    CLI::App* sub = app.add_subcommand(name, what);
    sub->footer(fmt::format("Example: {}\n{}", example, kExitCodes));
    sub->add_flag("--json", line.json, "the report as JSON; its shape stands in JSON.md");
    sub->add_option("--threads", line.threads, "threads to load with (default: as the machine has)")
        ->check(CLI::Range(1u, 1024u));
    sub->add_option("--policy", policy, "what keeps alive and whose bytes are whose: strict, or as another tool counts (POLICIES.md): visualvm or mat for Java, "
                                        "v8-devtools or memlab for V8")
        ->check(CLI::IsMember(policies));
    sub->add_option("--index", index, "DUMP.idx, which lets the next open map what this one worked out: auto (used where there is one, written when loading "
                                      "took 3 s; the default), write (always), off")
        ->check(CLI::IsMember({"auto", "write", "off"}));
    sub->add_option("--dump", line.dumpNumber, "which dump of a Java file that holds several, from 1 (default: the last)")
        ->check(CLI::Range(1u, 1'000'000'000u));
    sub->add_option("--memory-limit", memoryLimit, "memory of this program at most, as 2GiB: tables that do not fit lie in files. auto (the default): what is "
                                                   "free, where the dump needs more; none");
    sub->add_option("--spill-directory", line.spillDirectory, "where these files lie, without a name (default: $TMPDIR, else /var/tmp)");
    sub->callback([&line, value] { line.command = value; });
    return sub;
  };
  const auto takeDump = [&](CLI::App* sub) {
    sub->add_option("DUMP", line.dump, "a heap.bin, or a dump of Java (.hprof) or V8 (.heapsnapshot)")->required()->check(CLI::ExistingFile);
  };
  const auto takeTop = [&](CLI::App* sub, const char* what) {
    sub->add_option("--top", top, what)->check(CLI::Range(1ull, 1'000'000'000ull));
  };

  // Every command knows the words of a scope: those that cannot obey them say why.
  std::vector<std::pair<CLI::App*, const char*>> refused;
  const auto addScope = [&](CLI::App* sub, const std::string& group) {
    sub->add_option("--type", line.scope.types, "only objects of this type (repeat: or of that one)")->group(group)->allow_extra_args(false);
    sub->add_option("--site", line.scope.sites, "only objects made here: FILE:LINE, FILE or a function")->group(group)->allow_extra_args(false);
    sub->add_option("--arena", line.scope.arenas, "only objects in this arena: a name or a number")->group(group)->allow_extra_args(false);
    sub->add_option("--age", line.scope.ages, "only objects of this age: 3, 2-5 or 5+ collections, 7 = seven or more")->group(group)->allow_extra_args(false);
    sub->add_option("--retained-by", line.scope.retainedBy, "only what this object keeps alive alone: its address")->group(group);
  };
  const auto takeScope = [&](CLI::App* sub) { addScope(sub, "Scope (parts of one kind: or; kinds: and)"); };
  const auto refuseScope = [&](CLI::App* sub, const char* why) {
    addScope(sub, "");
    refused.emplace_back(sub, why);
  };

  CLI::App* summary =
      command("summary", "what the dump says, on a page", "heap-analyzer heap.bin", Command::kSummary);
  takeTop(summary, "rows of each table (default 10)");
  refuseScope(summary, "it is of the whole dump");
  takeDump(summary);

  CLI::App* histogram =
      command("histogram", "objects and bytes by type",
              "heap-analyzer histogram --top 20 --sort retained heap.bin", Command::kHistogram);
  histogram->add_option("--sort", sort, "shallow, retained, objects or name (default shallow)")
      ->check(CLI::IsMember({"shallow", "retained", "objects", "name"}));
  bool noRetained = false;
  histogram->add_flag("--no-retained", noRetained, "only count: leaves out what is retained and what is unreachable, for speed");
  takeTop(histogram, "types shown (default: all)");
  takeScope(histogram);
  takeDump(histogram);

  CLI::App* dominators =
      command("dominators", "who retains how much, from the roots down",
              "heap-analyzer dominators --depth 4 --min 1% heap.bin", Command::kDominators);
  dominators->add_option("--depth", line.dominators.depth, "levels (default 3)")
      ->check(CLI::Range(1u, 1000u));
  takeTop(dominators, "children shown of each (default 10)");
  dominators->add_option("--min", minimum, "leave out what retains less than this share of all (default 0%)");
  dominators->add_flag("--by-type", line.dominators.byType, "put children of one type together");
  takeScope(dominators);
  takeDump(dominators);

  CLI::App* inspect = command("inspect", "one object: what it is, who made it, what keeps it alive",
                              "heap-analyzer inspect 0x7f31c2004a80 heap.bin", Command::kInspect);
  inspect->add_option("ADDR", addressText, "an address of the object or inside it")->required();
  takeTop(inspect, "slots, referrers and dominators shown (default 20)");
  refuseScope(inspect, "it is about one object");
  takeDump(inspect);

  std::vector<std::string> pathWords;
  CLI::App* paths = command("paths", "what keeps an object alive, or all objects of a scope, from the roots",
                            "heap-analyzer paths 0x7f31c2004a80 heap.bin\n"
                            "         heap-analyzer paths --site session.cc:41 heap.bin",
                            Command::kPaths);
  paths->add_option("ADDR DUMP", pathWords, "an address of the object or inside it (without a scope); a heap.bin")
      ->required()
      ->expected(1, 2);
  takeScope(paths);
  paths->add_option("--count", line.paths, "paths of one object, each as different as can be (default 3)")
      ->check(CLI::Range(1u, 100u));
  paths->add_option("--depth", line.mergedPaths.depth, "merged: rows below each other (default 16)")
      ->check(CLI::Range(1u, 1000u));
  paths->add_option("--min", minimum, "merged: leave out what fewer than this share go through (default 1%)");
  takeTop(paths, "merged: rows shown below each (default 5)");

  CLI::App* leaks = command("leaks", "groups of like objects that grow and let nothing go, with what speaks for and against",
                            "heap-analyzer leaks heap.bin", Command::kLeaks);
  takeTop(leaks, "groups shown (default 20)");
  refuseScope(leaks, "every group is weighed against the whole heap");
  leaks->add_option("--min", minimum, "judge groups that keep at least this share of the live bytes (default 1%)");
  takeDump(leaks);

  CLI::App* validate = command("validate", "checks the file and every invariant of the heap in it",
                               "heap-analyzer validate heap.bin", Command::kValidate);
  refuseScope(validate, "it checks the whole file");
  bool listInvariants = false;
  validate->add_flag("--list", listInvariants, "print every invariant with a sentence, instead of checking a dump");
  validate->add_option("DUMP", line.dump, "a heap.bin")->check(CLI::ExistingFile);

  CLI::App* exported = command("export", "every object as a line of text, to join with what another tool says",
                               "heap-analyzer export --per-object --output objects.tsv heap.bin", Command::kExport);
  exported->add_flag("--per-object", line.exported.perObject, "id, type, shallow and retained size, immediate dominator, reachable; tab-separated")->required();
  exported->add_option("--output", line.exported.output, "a file instead of standard output");
  exported->add_flag("--force", line.exported.force, "replace the file");
  refuseScope(exported, "it writes all objects");
  takeDump(exported);

  bool noTexts = false;
  CLI::App* converted = command("convert", "a dump of Java or V8 as a heap.bin, which says the same",
                                "heap-analyzer convert app.hprof heap.bin", Command::kConvert);
  converted->add_flag("--force", line.convert.overwrite, "replace the file");
  converted->add_flag("--no-texts", noTexts, "leave out what tells one object from another: beginnings of strings, names of functions and threads");
  refuseScope(converted, "it writes all objects");
  takeDump(converted);
  converted->add_option("HEAP.BIN", line.converted, "the file to write")->required();

  addViewCommands(line.view, {[&](const char* name, const char* what, const char* example) { return command(name, what, example, Command::kView); },
                              takeDump, takeTop, takeScope, refuseScope});

  Parsed parsed;
  const auto usage = [&](std::string problem) {
    parsed.err = fmt::format("heap-analyzer: {}\nTry heap-analyzer --help.\n", problem);
    parsed.exitCode = exitCodeOf(ErrorCode::kInvalidArgument);
    return parsed;
  };
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::Success& asked) {  // --help, --version
    std::ostringstream out, err;
    app.exit(asked, out, err);
    parsed.out = out.str();
    return parsed;
  } catch (const CLI::ParseError& error) {
    return usage(error.what());
  }
  for (const auto& [sub, why] : refused)
    if (sub->parsed() && !line.scope.empty())
      return usage(fmt::format("{} takes no scope: {}; histogram, dominators, paths, sites, flamegraph, fragmentation and generations do",
                               sub->get_name(), why));
  static const std::map<std::string, HistogramOrder> kOrders{{"shallow", HistogramOrder::kShallow},
                                                             {"retained", HistogramOrder::kRetained},
                                                             {"objects", HistogramOrder::kObjects},
                                                             {"name", HistogramOrder::kName}};
  line.order = kOrders.at(sort);
  line.retained = !noRetained;
  if (noRetained && line.order == HistogramOrder::kRetained) return usage("histogram: --sort retained needs what --no-retained leaves out");
  if (noRetained && !line.scope.retainedBy.empty()) return usage("histogram: --retained-by needs what --no-retained leaves out");
  line.policy = *policyNamed(policy);
  if (memoryLimit == "none") {
    line.memoryLimit = 0;
  } else if (memoryLimit != "auto") {
    const Result<Bytes> bytes = parseBytes(memoryLimit);
    if (!bytes || bytes->value == 0) return usage(fmt::format("--memory-limit: \"{}\" is no size; write 2GiB, auto or none", memoryLimit));
    line.memoryLimit = bytes->value;
  }
  line.index = index == "off" ? IndexUse::kOff : index == "write" ? IndexUse::kWrite : IndexUse::kAuto;
  line.indexAsked = !index.empty();
  line.convert.texts = !noTexts;
  if (line.command == Command::kConvert && line.json) return usage("convert writes a file: leave out --json");
  if (line.command == Command::kExport && line.json) return usage("export writes tab-separated lines: leave out --json");
  if (minimum.empty()) minimum = line.command == Command::kPaths || line.command == Command::kLeaks ? "1%" : "0%";
  const Result<double> share = parseRatio(minimum);
  if (!share) return usage(fmt::format("--min: {}", share.error().what));
  line.dominators.minimumShare = *share;
  line.leaks.leastShare = *share;
  const std::size_t defaultTop = line.command == Command::kHistogram ? 0
                                 : line.command == Command::kInspect || line.command == Command::kLeaks ? 20
                                                                     : 10;
  line.top = top.value_or(defaultTop);
  line.givenTop = top;
  if (const Result<void> checked = checkViewOptions(line.view); !checked) return usage(checked.error().what);
  line.dominators.top = line.top;
  if (line.command == Command::kValidate) {
    if (listInvariants) {
      parsed.out = line.json ? invariantListJson() : invariantListText();
      return parsed;
    }
    if (line.dump.empty()) return usage("validate: DUMP is required, or --list");
  }
  if (line.command == Command::kPaths) {
    line.mergedPaths.minimumShare = *share;
    line.mergedPaths.top = top.value_or(line.mergedPaths.top);
    const bool merged = !line.scope.empty();
    if (pathWords.size() != (merged ? 1u : 2u))
      return usage(merged ? "paths: give a scope (--type, --site, …) or an address, not both"
                          : "paths: give an address and a dump, or a scope (--type, --site, …) and a dump");
    line.dump = pathWords.back();
    if (const std::string problem = CLI::ExistingFile(line.dump); !problem.empty()) return usage("DUMP: " + problem);
    if (!merged) addressText = pathWords.front();
  }
  if (!addressText.empty()) {
    const Result<Address> address = parseAddress(addressText);
    if (!address) return usage(address.error().what);
    line.address = *address;
  }
  parsed.command = std::move(line);
  return parsed;
}

}  // namespace openclaw
