#include <fmt/format.h>

#include <cstdlib>

#include "analyzer/report/numbers.h"
#include "analyzer/report/reports.h"
#include "analyzer/report/text_parts.h"
#include "analyzer/report/text_table.h"
#include "analyzer/report/view_reports.h"

namespace openclaw {

std::string textOf(const Snapshot& s, const LedgerReport& report) {
  using Align = TextTable::Align;
  const ResidentLedger& r = report.resident;
  std::string out = lossText(s);
  if (!report.heap.known) out += "This dump's source has no pool: only its objects can be counted.\n";
  out += ledgerText(s, report.heap).substr(1);  // without the empty line before its title
  out += "\nFrom there to the process's resident set\n";
  if (!r.known) return out + fmt::format("  not known: {}\n", r.why);
  TextTable table({{""}, {"", Align::kRight}, {"", Align::kRight}, {"", Align::kRight}, {""}});
  const auto row = [&](std::string name, std::uint64_t bytes, std::string source) {
    table.add({std::move(name), toText(Bytes(bytes)), fmt::format("{} B", withSeparators(bytes)), percentText(bytes, r.resident.value), std::move(source)});
  };
  for (const LedgerLine& line : r.lines) row(line.name, line.bytes.value, line.source);
  if (r.unexplained != 0)
    row(r.unexplained > 0 ? "unexplained" : "counted twice", static_cast<std::uint64_t>(std::abs(r.unexplained)), "difference");
  row("= resident set", r.resident.value, "statm, just before the stop");
  out += table.text();
  if (r.untouched.value != 0)
    out += fmt::format("  of the heap's {} committed, {} were never touched and take no memory\n", toText(report.heap.committed), toText(r.untouched));
  if (r.mallocUsed.value + r.mallocFree.value != 0)
    out += fmt::format("  malloc says: {} in use, {} free and kept (touched or not){}\n", toText(r.mallocUsed), toText(r.mallocFree),
                       report.heap.external.value == 0 ? "" : fmt::format("; of it heap objects say they own {}", toText(report.heap.external)));
  return out;
}

}  // namespace openclaw
