#include <gtest/gtest.h>

#include <algorithm>

#include "analyzer/findings/finding.h"
#include "tests/analyzer/small_heap.h"
#include "tests/support/dump_model.h"

namespace openclaw {
namespace {

using test::SmallHeap;

Findings findingsOf(std::span<const std::byte> bytes) {
  auto snapshot = loadSnapshot(bytes, "small.bin", {.threads = 1, .dominators = true});
  EXPECT_TRUE(snapshot.has_value());
  return computeFindings(**snapshot);
}
const Finding* find(const Findings& findings, std::string_view id) {
  for (const Finding& f : findings.findings)
    if (f.id == id) return &f;
  return nullptr;
}
bool fine(const Findings& findings, std::string_view id) {
  return std::find(findings.checkedAndFine.begin(), findings.checkedAndFine.end(), id) !=
         findings.checkedAndFine.end();
}

TEST(Findings, AHealthyHeapHasNone) {
  const Findings findings = findingsOf(test::dumpOf("root->a b; a->c; b; c", {.metadata = false}));
  EXPECT_TRUE(findings.findings.empty()) << findings.findings.front().verdict;
  EXPECT_EQ(findings.checkedAndFine.size(), 10u);
}

TEST(Findings, ALargeOwnerIsANoteWithItsPath) {
  const Findings findings = findingsOf(SmallHeap().encode());
  const Finding* f = find(findings, "owner.large");
  ASSERT_TRUE(f);
  EXPECT_EQ(f->severity, Severity::kNote);
  // All the way down to the string that is the weight itself.
  ASSERT_FALSE(f->objects.empty());
  EXPECT_EQ(f->objects[0].object, ObjectIndex(SmallHeap::kBig));
  EXPECT_EQ(f->objects[1].object, ObjectIndex(SmallHeap::kServer));
  ASSERT_EQ(f->ownerPath.size(), 5u);
  EXPECT_FALSE(f->ownerPath[0].object);
  EXPECT_EQ(f->ownerPath[2].label, "sessions_");
  EXPECT_EQ(f->ownerPath[4].label, "user_");
  EXPECT_TRUE(fine(findings, "ledger.does-not-add-up"));
}

TEST(Findings, ALedgerThatDoesNotAddUpIsNamedWithItsBytes) {
  SmallHeap heap;
  heap.counter("committed_bytes") += 4096;
  heap.arenas[0].committed += 4096;
  const Finding* f = find(findingsOf(heap.encode()), "ledger.does-not-add-up");
  const Findings findings = findingsOf(heap.encode());
  f = find(findings, "ledger.does-not-add-up");
  ASSERT_TRUE(f);
  EXPECT_NE(f->verdict.find("4.00 KiB"), std::string::npos) << f->verdict;
  EXPECT_TRUE(fine(findings, "ledger.counters-disagree"));
}

TEST(Findings, ADisagreeingCounterIsNamedWithBothValues) {
  SmallHeap heap;
  heap.counter("tlab_tail_bytes") = 5;
  const Findings findings = findingsOf(heap.encode());
  const Finding* f = find(findings, "ledger.counters-disagree");
  ASSERT_TRUE(f);
  EXPECT_NE(f->verdict.find("tlab_tail_bytes: process 5, dump 1,024"), std::string::npos) << f->verdict;
}

TEST(Findings, MuchGarbageIsAWarning) {
  SmallHeap heap;
  heap.setGarbageBytes(64 << 20);
  const Findings findings = findingsOf(heap.encode());
  const Finding* f = find(findings, "garbage.uncollected");
  ASSERT_TRUE(f);
  EXPECT_EQ(f->severity, Severity::kWarning);
  EXPECT_NE(f->next.find("occtl gc run --pid 4711"), std::string::npos);
  EXPECT_TRUE(fine(findings, "ledger.does-not-add-up"));
  EXPECT_EQ(findings.findings.front().id, "garbage.uncollected");
}

TEST(Findings, LostRecordsOfTheProcessAreAWarning) {
  SmallHeap heap;
  heap.losses = {{"pause records", 12}};
  const Findings findings = findingsOf(heap.encode());
  const Finding* f = find(findings, "loss.records");
  ASSERT_TRUE(f);
  EXPECT_NE(f->verdict.find("pause records: 12"), std::string::npos) << f->verdict;
  EXPECT_TRUE(fine(findings, "loss.incomplete-file"));
}

TEST(Findings, ACutFileIsTheFirstThingSaid) {
  SmallHeap heap;
  heap.flushEachObject = true;
  const auto bytes = heap.encode();
  const Findings findings = findingsOf(std::span(bytes).first(bytes.size() / 2));
  ASSERT_FALSE(findings.findings.empty());
  EXPECT_EQ(findings.findings.front().id, "loss.incomplete-file");
  EXPECT_EQ(findings.findings.front().severity, Severity::kCritical);
}

}  // namespace
}  // namespace openclaw
