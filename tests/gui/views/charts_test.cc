#include "gui/views/charts.h"

#include <QSignalSpy>
#include <QTest>

#include <gtest/gtest.h>

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
