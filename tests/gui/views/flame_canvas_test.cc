// The flame graph: widths add up, what is drawn is what is pointed at, a search counts each byte once.
#include "gui/views/flame_canvas.h"

#include <random>

#include <QSignalSpy>
#include <QTest>

#include <gtest/gtest.h>

#include "tests/gui/printing.h"

namespace openclaw::gui {
namespace {

// A random tree of stacks in the analyzer's layout: children beside each other, largest first.
FlameGraph randomFlame(unsigned seed) {
  std::mt19937 random(seed);
  FlameGraph flame;
  flame.names = {"all"};
  for (int i = 0; i < 40; ++i) flame.names.push_back("ns::function" + std::to_string(i) + "()");
  flame.places.assign(flame.names.size(), "file.cc");
  flame.nodes.push_back({.name = 0, .total = 1'000'000});
  for (std::uint32_t node = 0; node < flame.nodes.size() && flame.nodes.size() < 3'000; ++node) {
    const FlameNode parent = flame.nodes[node];
    std::vector<std::uint64_t> parts;
    std::uint64_t left = parent.total;
    for (std::uint64_t children = node == 0 ? 4 : random() % 6; children > 0 && left > 1 && parent.depth < 30; --children) {
      parts.push_back(1 + random() % left);
      left -= parts.back();
    }
    std::ranges::sort(parts, std::greater());
    flame.nodes[node].self = left;
    flame.nodes[node].firstChild = static_cast<std::uint32_t>(flame.nodes.size());
    flame.nodes[node].childCount = static_cast<std::uint32_t>(parts.size());
    for (const std::uint64_t part : parts)
      flame.nodes.push_back({.name = 1 + static_cast<std::uint32_t>(random() % 40), .parent = node, .depth = parent.depth + 1, .self = part, .total = part});
    flame.deepest = std::max(flame.deepest, parts.empty() ? parent.depth : parent.depth + 1);
  }
  return flame;
}

class FlameCanvasTest : public testing::TestWithParam<unsigned> {
 protected:
  void SetUp() override {
    canvas_.setFlame(&flame_);
    canvas_.resize(1200, canvas_.minimumHeight());
  }
  FlameGraph flame_ = randomFlame(GetParam());
  FlameCanvas canvas_;
};

TEST_P(FlameCanvasTest, ABoxIsPointedAtWhereItIsDrawn) {
  std::mt19937 random(GetParam());
  for (int round = 0; round < 20; ++round) {
    canvas_.zoomTo(round == 0 ? 0 : static_cast<std::uint32_t>(random() % flame_.nodes.size()));
    int seen = 0;
    for (std::uint32_t node = 0; node < flame_.nodes.size(); ++node) {
      const QRectF box = canvas_.rectOf(node);
      if (box.width() < 2) continue;
      ++seen;
      EXPECT_EQ(canvas_.nodeAt(box.center()), node) << "zoom " << canvas_.zoom();
    }
    EXPECT_GT(seen, 0);
  }
}

TEST_P(FlameCanvasTest, ChildrenLieInTheirParentAsWideAsTheirBytes) {
  for (std::uint32_t node = 1; node < flame_.nodes.size(); ++node) {
    const QRectF box = canvas_.rectOf(node), parent = canvas_.rectOf(flame_.nodes[node].parent);
    if (box.isEmpty()) continue;
    EXPECT_GE(box.left(), parent.left() - 1e-6);
    EXPECT_LE(box.right(), parent.right() + 1e-6);
    EXPECT_NEAR(box.width(), 1200.0 * static_cast<double>(flame_.nodes[node].total) / 1'000'000, 1e-6);
  }
}

// Naive: of every byte's chain of callers, whether any matches.
TEST_P(FlameCanvasTest, ASearchCountsEachByteOnce) {
  for (const QString text : {"function7()", "FUNCTION1", "file", "no such"}) {
    canvas_.setSearch(text);
    std::uint64_t expected = 0;
    for (std::uint32_t node = 0; node < flame_.nodes.size(); ++node) {
      bool matches = false;
      for (std::uint32_t at = node;; at = flame_.nodes[at].parent) {
        matches = matches || QString::fromStdString(flame_.name(at)).contains(text, Qt::CaseInsensitive) ||
                  QString::fromStdString(flame_.place(at)).contains(text, Qt::CaseInsensitive);
        if (at == 0) break;
      }
      if (matches) expected += flame_.nodes[node].self;
    }
    EXPECT_EQ(canvas_.matchedBytes(), expected) << text.toStdString();
  }
}

TEST_P(FlameCanvasTest, AClickZoomsAndTheColumnsOfThePictureAreFilled) {
  const std::uint32_t child = flame_.nodes[0].firstChild;
  ASSERT_GT(flame_.nodes[0].childCount, 0u);
  QTest::mouseClick(&canvas_, Qt::LeftButton, Qt::NoModifier, canvas_.rectOf(child).center().toPoint());
  EXPECT_EQ(canvas_.zoom(), child);
  // Where children cover the zoomed box, no pixel of the row below shows the background.
  const FlameNode& n = flame_.nodes[child];
  const QImage image = canvas_.grab().toImage();
  const int covered = static_cast<int>(1200.0 * static_cast<double>(n.total - n.self) / static_cast<double>(n.total)) - 2;
  const QRgb background = canvas_.palette().color(QPalette::Base).rgb();
  const int y = static_cast<int>(n.depth + 1) * canvas_.rowHeight() + 2;
  int empty = 0;
  for (int x = 0; x < covered; ++x) empty += image.pixel(x, y) == background ? 1 : 0;
  // Between two boxes there is a pixel of background.
  EXPECT_LE(empty, static_cast<int>(n.childCount));
}

INSTANTIATE_TEST_SUITE_P(Seeds, FlameCanvasTest, testing::Values(1u, 2u, 3u, 4u));

TEST(FlameCanvas, WithoutAGraphNothingIsThere) {
  FlameCanvas canvas;
  canvas.resize(300, 200);
  EXPECT_FALSE(canvas.nodeAt({10, 10}));
  for (const Qt::Key key : {Qt::Key_Down, Qt::Key_Return, Qt::Key_0}) QTest::keyClick(&canvas, key);
  canvas.setSearch("x");
  EXPECT_EQ(canvas.matchedBytes(), 0u);
  EXPECT_FALSE(canvas.grab().isNull());
}

}  // namespace
}  // namespace openclaw::gui
