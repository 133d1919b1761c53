// The text reports of one small dump, kept whole: a change of wording is a change of this file.
// OPENCLAW_UPDATE_GOLDEN=1 writes them anew.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "analyzer/report/numbers.h"
#include "analyzer/report/reports.h"
#include "analyzer/report/text_table.h"
#include "tests/analyzer/small_heap.h"

namespace openclaw {
namespace {

using test::SmallHeap;

std::shared_ptr<const Snapshot> smallHeap(unsigned threads = 1) {
  auto snapshot = loadSnapshot(SmallHeap().encode(), "small.bin", {.threads = threads, .dominators = true});
  EXPECT_TRUE(snapshot.has_value());
  return *snapshot;
}

void expectGolden(const std::string& name, const std::string& text) {
  const std::string path = std::string(OPENCLAW_GOLDEN_DIR) + "/" + name;
  if (std::getenv("OPENCLAW_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
  std::ifstream file(path);
  ASSERT_TRUE(file) << path;
  std::ostringstream expected;
  expected << file.rdbuf();
  EXPECT_EQ(text, expected.str()) << "differs from " << path;
}

TEST(Text, SummaryOfASmallDump) {
  const auto s = smallHeap();
  expectGolden("summary.txt", textOf(*s, computeSummary(*s, 10)));
}
TEST(Text, HistogramOfASmallDump) {
  const auto s = smallHeap();
  expectGolden("histogram.txt", textOf(*s, computeSortedHistogram(*s, HistogramOrder::kRetained, 3)));
}
TEST(Text, DominatorsOfASmallDump) {
  const auto s = smallHeap();
  const DominatorViewOptions options{.depth = 3, .top = 2, .minimumShare = 0, .byType = false};
  expectGolden("dominators.txt", textOf(*s, computeDominatorView(*s, options), options));
}
TEST(Text, InspectionOfAnObjectWithAStack) {
  const auto s = smallHeap();
  const auto in = inspectObject(*s, s->address(ObjectIndex(SmallHeap::kSessionB)), 20);
  ASSERT_TRUE(in.has_value());
  expectGolden("inspect.txt", textOf(*s, *in));
}
TEST(Text, ValidationOfABrokenDump) {
  SmallHeap heap;
  heap.regions[0].holeBytes += 32;
  heap.counter("root_count") = 2;
  heap.losses = {{"dangling references", 2}};
  const auto s = loadSnapshot(heap.encode(), "small.bin", {.threads = 1, .dominators = true});
  ASSERT_TRUE(s.has_value());
  expectGolden("validate.txt", textOf(**s, computeValidation(**s)));
}

TEST(Text, TheSameDumpGivesTheSameBytes) {
  const auto one = smallHeap(1), two = smallHeap(4);
  EXPECT_EQ(textOf(*one, computeSummary(*one, 10)), textOf(*two, computeSummary(*two, 10)));
  EXPECT_EQ(jsonOf(*one, computeSummary(*one, 10)), jsonOf(*two, computeSummary(*two, 10)));
}

TEST(Numbers, ReadAsPeopleWriteThem) {
  EXPECT_EQ(percentText(0, 10), "0 %");
  EXPECT_EQ(percentText(1, 100'000), "<0.1 %");
  EXPECT_EQ(percentText(1, 3), "33.3 %");
  EXPECT_EQ(percentText(99'999, 100'000), ">99.9 %");
  EXPECT_EQ(percentText(1, 0), "–");
  EXPECT_EQ(counted(1, "object", "objects"), "1 object");
  EXPECT_EQ(counted(12'301, "object", "objects"), "12,301 objects");
  EXPECT_EQ(unixText(1'700'000'100'000'000'000), "2023-11-14 22:15:00 UTC");
  EXPECT_EQ(ageText(90'061'000'000'000), "1 d 1 h");
  EXPECT_EQ(ageText(3'720'000'000'000), "1 h 2 min");
  EXPECT_EQ(accessText("next_"), ".next_");
  EXPECT_EQ(accessText("[3].value"), "[3].value");
}

TEST(TextTable, LinesUpBeyondAscii) {
  TextTable table({{"name"}, {"n", TextTable::Align::kRight}});
  table.add({"–", "≥ 7"});
  table.add({"abc", "1"});
  EXPECT_EQ(table.text(0), "name    n\n–     ≥ 7\nabc     1\n");
}

}  // namespace
}  // namespace openclaw
