#include <fmt/format.h>

#include "analyzer/report/numbers.h"
#include "analyzer/report/paths_report.h"
#include "analyzer/report/reports.h"
#include "analyzer/report/text_parts.h"
#include "analyzer/report/text_table.h"

namespace openclaw {
namespace {

// The ends of a long chain tell where it hangs and where it leads; the middle is counted.
constexpr std::size_t kHead = 12, kTail = 6;

std::string objectLine(const Snapshot& s, ObjectIndex object) {
  return fmt::format("{} {}", typeText(s, s.type(object)), idText(s, object));
}

}  // namespace

std::string textOf(const Snapshot& s, const ObjectPaths& report) {
  std::string out = lossText(s);
  out += fmt::format("{}, {} shallow, {} retained\n", objectLine(s, report.object), toText(s.size(report.object)),
                     toText(s.retained(report.object)));
  if (report.paths.paths.empty()) {
    out += "  nothing keeps it alive: no root reaches it over edges that do\n";
  }
  for (std::size_t number = 0; number < report.paths.paths.size(); ++number) {
    const DifferentPath& path = report.paths.paths[number];
    out += fmt::format("\nPath {}, {}{}\n", number + 1, counted(path.steps.size(), "object", "objects"),
                       number == 0
                           ? ", the shortest"
                           : fmt::format(", shares {} with those before",
                                         counted(path.sharedInner, "inner object", "inner objects")));
    for (std::size_t i = 0; i < path.steps.size(); ++i) {
      if (path.steps.size() > kHead + kTail + 1 && i == kHead) {
        out += fmt::format("  … {} more …\n", withSeparators(path.steps.size() - kHead - kTail));
        i = path.steps.size() - kTail;
      }
      if (i == 0)
        for (const RootInfo& root : s.roots())
          if (root.object == path.steps[0].object) {
            out += fmt::format("  {}\n", rootText(s, root));
            break;
          }
      const std::string label =
          i == 0 ? "" : accessText(s.labelOf(path.steps[i - 1].object, path.steps[i].slot)) + " ";
      out += fmt::format("  {}→ {}\n", label, objectLine(s, path.steps[i].object));
    }
  }
  if (report.paths.gaveUp)
    out += "\nThe search was ended after four million steps a path: other paths may differ more from the first, and there may be more.\n";
  else if (!report.paths.paths.empty() && report.paths.paths.size() < report.asked)
    out += fmt::format("\nThere {} no other.\n", report.paths.paths.size() == 1 ? "is" : "are");
  if (report.weakReferences != 0)
    out += fmt::format("\n{} to it that do{} not keep it alive (weak, ephemeron, cache); no path leads over them.\n",
                       counted(report.weakReferences, "reference", "references"),
                       report.weakReferences == 1 ? "es" : "");
  return out;
}

std::string textOf(const Snapshot& s, const MembersPaths& report) {
  const MergedPaths& merged = report.merged;
  std::string out = lossText(s) + scopeText(s, report.scope);
  out += fmt::format("{} of the scope, {} shallow, kept alive through\n", counted(merged.members, "object", "objects"), toText(merged.memberBytes));
  TextTable table({{"of them", TextTable::Align::kRight},
                   {"share", TextTable::Align::kRight},
                   {"bytes", TextTable::Align::kRight},
                   {"path"}});
  for (const MergedPathRow& row : merged.rows) {
    std::string name(2 * std::size_t{row.depth}, ' ');
    if (!row.type) {
      name += fmt::format("… through {}", counted(row.objects, "other object", "other objects"));
    } else {
      name += row.depth == 0 ? fmt::format("{} → ", row.label)
                             : fmt::format("{} → ", accessText(row.label));
      name += row.single ? objectLine(s, *row.single)
                         : fmt::format("{} × {}", withSeparators(row.objects), typeText(s, row.type));
      if (row.levels > 1) name += fmt::format(", up to {} below each other", withSeparators(row.levels));
      if (row.membersHere != 0 && row.members != row.membersHere)
        name += fmt::format("  ({} of them here)", withSeparators(row.membersHere));
    }
    table.add({withSeparators(row.members), percentText(row.members, merged.members), toText(row.memberBytes),
               std::move(name)});
  }
  if (!merged.rows.empty()) out += table.text();
  if (merged.members == 0) out += "  nothing: no root reaches any\n";
  if (merged.unreachable != 0)
    out += fmt::format("{} more that no root reaches\n", withSeparators(merged.unreachable));
  return out;
}

}  // namespace openclaw
