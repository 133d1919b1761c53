#include "analyzer/views/ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace openclaw {
namespace {

struct FromTables {
  std::uint64_t live = 0, unreachable = 0, objects = 0, external = 0;  // object columns
  std::uint64_t dead = 0, deadCount = 0, holes = 0, unusable = 0, tails = 0, empty = 0,
                rounding = 0;                               // region table
  std::uint64_t metadata = 0, committed = 0, overflow = 0;  // arena table
};

// A block without any object is empty as a whole; what an occupied region has as slack is rounding.
bool isEmpty(const RegionRecord& region) {
  return region.objectCount == 0 && region.floatingCount == 0 && region.kind != RegionKind::kHugeObject;
}

FromTables sum(const Snapshot& snapshot) {
  FromTables t;
  t.objects = snapshot.objectCount();
  for (std::uint32_t i = 0; i < snapshot.objectCount(); ++i) {
    const ObjectIndex object(i);
    (snapshot.reachable(object) ? t.live : t.unreachable) += snapshot.size(object).value;
    t.external += snapshot.external(object).value;
  }
  for (const RegionRecord& region : snapshot.regions()) {
    t.dead += region.floatingBytes;
    t.deadCount += region.floatingCount;
    t.holes += region.holeBytes;
    t.unusable += region.unusableHoleBytes;
    t.tails += region.tlabTailBytes;
    (isEmpty(region) ? t.empty : t.rounding) += region.slackBytes;
  }
  for (const ArenaInfo& arena : snapshot.arenas()) {
    t.metadata += arena.metadataBytes;
    t.committed += arena.committed;
    t.overflow += arena.overflow;
  }
  return t;
}

// whole - parts, where tables of a damaged dump may say anything: at most +-(2^63 - 1).
std::int64_t beyond(std::uint64_t whole, std::uint64_t parts) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  return whole >= parts ? static_cast<std::int64_t>(std::min(whole - parts, kMost)) : -static_cast<std::int64_t>(std::min(parts - whole, kMost));
}
// Not past 2^64 - 1: a sum that went round would look as if all added up.
std::uint64_t plus(std::uint64_t a, std::uint64_t b) {
  std::uint64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<std::uint64_t>::max() : sum;
}

}  // namespace

Ledger computeLedger(const Snapshot& snapshot) {
  const FromTables t = sum(snapshot);
  Ledger ledger;
  ledger.external = Bytes(t.external);
  ledger.committed = Bytes(snapshot.counter("committed_bytes").value_or(t.committed));
  ledger.known = ledger.committed.value != 0;
  const auto line = [&](const char* name, std::uint64_t bytes, const char* source) {
    const bool lost = std::string_view(source) == "object columns" && snapshot.report().objectsMissing != 0;
    ledger.lines.push_back({name, Bytes(bytes), source, lost ? Certainty::kLowerBound : Certainty::kExact});
  };
  line("live objects", t.live, "object columns");
  line("unreachable objects", t.unreachable, "object columns");
  if (!ledger.known) return ledger;
  line("dead, not swept", t.dead, "region table");
  line("holes", t.holes, "region table");
  line("TLAB tails", t.tails, "region table");
  line("empty blocks", t.empty, "region table");
  line("large-object rounding", t.rounding, "region table");
  line("metadata", t.metadata, "arena table");
  std::uint64_t total = 0;
  for (const LedgerLine& entry : ledger.lines) total = plus(total, entry.bytes.value);
  ledger.unexplained = beyond(ledger.committed.value, total);

  const auto compare = [&](std::string_view name, std::uint64_t own) {
    const auto process = snapshot.counter(name);
    if (process && *process != own)
      ledger.disagreements.push_back(
          fmt::format("{}: process {}, dump {}", name, withSeparators(*process), withSeparators(own)));
  };
  compare("object_bytes", t.live + t.unreachable);
  compare("object_count", t.objects);
  compare("floating_bytes", t.dead);
  compare("floating_count", t.deadCount);
  compare("hole_bytes", t.holes);
  compare("unusable_hole_bytes", t.unusable);
  compare("tlab_tail_bytes", t.tails);
  compare("empty_block_bytes", t.empty);
  compare("large_slack_bytes", t.rounding);
  compare("metadata_bytes", t.metadata);
  compare("overflow_bytes", t.overflow);
  // The process counts what an object owns until its destructor has run; the object columns know the living alone.
  const auto external = snapshot.counter("external_bytes");
  if (!external || t.deadCount == 0 || *external < t.external) compare("external_bytes", t.external);
  if (!snapshot.arenas().empty()) compare("committed_bytes", t.committed);
  std::uint64_t handles = 0;
  for (const RootInfo& root : snapshot.roots()) handles += root.kind == RootKind::kHandle;
  compare("root_count", handles);
  return ledger;
}

ResidentLedger computeResidentLedger(const Snapshot& snapshot, const Ledger& ledger) {
  ResidentLedger r;
  const auto resident = snapshot.counter("resident_bytes");
  if (!resident || *resident == 0) {
    r.why = snapshot.counters().empty() ? "the dump's source counts nothing outside its heap"
                                        : "the dump does not carry the resident set (an older program, or /proc could not be read)";
    return r;
  }
  r.known = true;
  r.resident = Bytes(*resident);
  std::uint64_t total = 0;
  const auto line = [&](const char* name, const char* counter, const char* source) {
    const std::uint64_t bytes = snapshot.counter(counter).value_or(0);
    r.lines.push_back({name, Bytes(bytes), source, Certainty::kExact});
    total = plus(total, bytes);
    return bytes;
  };
  const std::uint64_t heap = line("heap", "resident_heap_bytes", "smaps of the reservation");
  line("collector's tables", "resident_table_bytes", "smaps of mark stacks and bits");
  line("stacks of heap threads", "resident_stack_bytes", "mincore of each");
  line("programs and libraries", "resident_file_bytes", "smaps of file mappings");
  line("malloc and other", "resident_other_bytes", "smaps of other mappings");
  r.mallocUsed = Bytes(snapshot.counter("malloc_used_bytes").value_or(0));
  r.mallocFree = Bytes(snapshot.counter("malloc_free_bytes").value_or(0));
  r.untouched = Bytes(ledger.committed.value - std::min(heap, ledger.committed.value));
  r.unexplained = beyond(r.resident.value, total);
  return r;
}

}  // namespace openclaw
