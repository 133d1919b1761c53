// Loads any bytes as a dump, verifies what came of it and writes every report about it: what a file may say must never
// break what the analyzer relies on. Invariants that speak of the file (regions and their objects) may be broken;
// those that the loader makes true itself may not.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "analyzer/report/leaks_report.h"
#include "analyzer/report/paths_report.h"
#include "analyzer/report/reports.h"
#include "analyzer/report/view_reports.h"
#include "analyzer/snapshot.h"
#include "analyzer/verify.h"
#include "tests/fuzz/dump_bytes.h"

namespace {

using namespace openclaw;

std::uint64_t sum = 0;  // every byte that is shown is touched
void touch(const std::string& text) {
  for (const char c : text) sum += static_cast<unsigned char>(c);
}

void show(const Snapshot& s) {
  const auto both = [&](const auto& report, const auto&... options) {
    touch(textOf(s, report, options...));
    touch(jsonOf(s, report, options...));
  };
  both(computeSummary(s, 3));
  both(computeSortedHistogram(s, HistogramOrder::kRetained, 0));
  both(computeDominatorView(s, {}), DominatorViewOptions{});
  both(computeLeaks(s, {}, 5));
  for (const bool stacks : {false, true}) both(computeSitesReport(s, stacks, SitesOrder::kFreed, 5));
  both(FragmentationReport{computeFragmentation(s, {}), 5, true, true, std::nullopt});
  both(GenerationsReport{computeGenerations(s), 5});
  both(PausesReport{computePauses(s, 5)});
  LedgerReport ledger{computeLedger(s), {}};
  ledger.resident = computeResidentLedger(s, ledger.heap);
  both(ledger);
  for (const FlameWeight weight : {FlameWeight::kLiveBytes, FlameWeight::kFreedBytes}) {
    const FlameGraph graph = computeFlameGraph(s, weight);
    touch(foldedText(graph));
    touch(jsonOf(s, graph));
  }
  for (std::uint32_t i = 0; i < s.objectCount(); i += 1 + s.objectCount() / 3) {
    const Address address = s.address(ObjectIndex(i));
    if (const auto inspection = inspectObject(s, address, 5)) both(*inspection);
    if (const auto paths = computeObjectPaths(s, address, 3)) both(*paths);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto* begin = reinterpret_cast<const std::byte*>(data);
  std::vector<std::byte> file(begin, begin + size);
  fuzz::repairChecksums(file);
  const auto loaded = loadSnapshot(file, "fuzz", {.threads = 1, .dominators = size % 8 != 0});
  if (!loaded) return 0;
  const Snapshot& s = **loaded;
  for (const BrokenInvariant& broken : verify(s))
    if (!broken.name.starts_with("regions-") && broken.name != "addresses-ascend-without-overlap") {
      std::fprintf(stderr, "%s: %s\n", broken.name.c_str(), broken.detail.c_str());
      std::abort();
    }
  const Validation validation = computeValidation(s);
  touch(textOf(s, validation));
  touch(jsonOf(s, validation));
  if (s.objectCount() <= 4096) show(s);
  return 0;
}
