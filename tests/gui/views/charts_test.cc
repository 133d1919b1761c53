#include "gui/views/charts.h"

#include <QSignalSpy>
#include <QTest>

#include <gtest/gtest.h>

#include "tests/support/dump_model.h"
#include "tests/support/seed.h"

namespace openclaw::gui {
namespace {

TEST(StackedBar, PartsFillTheWidthAndNoneVanishes) {
  StackedBar bar;
  bar.resize(500, 24);
  bar.setParts({{"large", 1'000'000, Qt::blue}, {"nothing", 0, Qt::red}, {"tiny", 1, Qt::green}, {"middle", 300'000, Qt::gray}});
  int changes = 0;
  std::optional<std::size_t> before;
  std::vector<int> pixels(3);
  for (int x = 0; x < bar.width(); ++x) {
    const auto part = bar.partAt(x);
    ASSERT_TRUE(part) << "no part at " << x;
    ++pixels[*part];
    if (before && *part != *before) ++changes;
    before = part;
  }
  EXPECT_EQ(changes, 2);
  EXPECT_GE(pixels[1], 1);
  EXPECT_NEAR(pixels[0], 500.0 * 1'000'000 / 1'300'001, 3);
}

TEST(PauseChart, BeginsAtTheLongestAndArrowKeysWalk) {
  PauseChart chart;
  chart.resize(400, 100);
  chart.setPauses({{1, 1'000'000}, {2, 9'000'000}, {3, 2'000'000}}, std::nullopt);
  EXPECT_EQ(chart.selected(), 1u);
  QSignalSpy selected(&chart, &PauseChart::pauseSelected);
  QTest::keyClick(&chart, Qt::Key_Right);
  EXPECT_EQ(chart.selected(), 2u);
  QTest::keyClick(&chart, Qt::Key_Right);
  EXPECT_EQ(chart.selected(), 2u);
  QTest::keyClick(&chart, Qt::Key_Home);
  EXPECT_EQ(chart.selected(), 0u);
  EXPECT_EQ(selected.count(), 3);
}

// Longest pause and target anywhere, in charts of any height: what is written never stands on what is written.
TEST(PauseChart, NoTwoWordsOfTheScaleMeetOnRandomPauses) {
  const std::uint64_t seed = openclaw::test::seedFromEnvironment();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  openclaw::test::Random random(seed);
  std::size_t bothWritten = 0, close = 0;
  for (int round = 0; round < 3000; ++round) {
    PauseChart chart;
    // A quarter of the charts are so low that not even one line of text finds room.
    chart.resize(300 + static_cast<int>(random.below(900)), 1 + static_cast<int>(random.below(random.below(4) == 0 ? 40 : 320)));
    const std::uint64_t longest = 1 + random.below(std::uint64_t{1} << (8 + random.below(30)));
    // Half of the targets lie close to one of the other two levels.
    const std::uint64_t target = random.below(2) == 0 ? 1 + random.below(3 * longest)
                                                      : std::max<std::uint64_t>(1, (random.below(2) == 0 ? longest : longest / 4) * (80 + random.below(40)) / 100);
    chart.setPauses({{1, longest / 3, false}, {2, longest, false}}, target);
    const std::vector<QRect> rects = chart.textRects();
    for (std::size_t a = 0; a < rects.size(); ++a) {
      EXPECT_TRUE(chart.rect().contains(rects[a])) << "longest " << longest << ", target " << target << ", height " << chart.height();
      for (std::size_t b = 0; b < a; ++b)
        EXPECT_FALSE(rects[a].intersects(rects[b])) << "longest " << longest << ", target " << target << ", height " << chart.height();
    }
    // In a chart of a sensible height longest and target are always both there.
    if (chart.height() < 90 || target >= 2 * longest) continue;
    EXPECT_GE(rects.size(), 2u);
    ++bothWritten;
    close += rects.size() == 2;
  }
  EXPECT_GT(bothWritten, 500u);
  EXPECT_GT(close, 100u);  // the tick did give way
}

TEST(ColumnChart, NoTwoWordsMeetHoweverNarrowTheColumns) {
  const std::uint64_t seed = openclaw::test::seedFromEnvironment();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  openclaw::test::Random random(seed);
  for (int round = 0; round < 500; ++round) {
    ColumnChart chart;
    chart.resize(120 + static_cast<int>(random.below(1200)), 100 + static_cast<int>(random.below(200)));
    std::vector<Column> columns;
    for (std::uint64_t i = 0; i < 1 + random.below(10); ++i)
      columns.push_back({QString::number(i), QStringLiteral("%1 MiB").arg(random.below(100'000)), static_cast<double>(random.below(101)) / 100, {}});
    chart.setColumns(columns, "collections survived");
    const std::vector<QRect> rects = chart.textRects();
    for (std::size_t a = 0; a < rects.size(); ++a) {
      EXPECT_TRUE(chart.rect().contains(rects[a]));
      for (std::size_t b = 0; b < a; ++b) EXPECT_FALSE(rects[a].intersects(rects[b])) << chart.width() << " x " << chart.height();
    }
  }
}

TEST(PauseChart, WithoutPausesNothingIsSelected) {
  PauseChart chart;
  chart.resize(400, 100);
  chart.setPauses({}, 100'000'000);
  EXPECT_FALSE(chart.selected());
  QTest::keyClick(&chart, Qt::Key_Right);
  QTest::mouseClick(&chart, Qt::LeftButton);
  EXPECT_FALSE(chart.selected());
  EXPECT_FALSE(chart.grab().isNull());
}

}  // namespace
}  // namespace openclaw::gui
