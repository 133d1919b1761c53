// The block map: what is drawn at a place is what the analyzer says lies there, at every zoom.
#include "gui/views/map_canvas.h"

#include <array>
#include <map>
#include <random>

#include <QSignalSpy>
#include <QTest>
#include <QWheelEvent>

#include <gtest/gtest.h>

#include "gui/numbers.h"
#include "tests/gui/printing.h"
#include "tests/gui/test_dumps.h"

namespace openclaw::gui {
namespace {

std::shared_ptr<const Answers> service() {
  static const auto answers = test::answersOf(openclaw::test::ServiceShape{.sessions = 60});
  return answers;
}

class MapCanvasTest : public testing::Test {
 protected:
  void SetUp() override {
    canvas_.resize(700, 500);
    canvas_.setAnswers(service());
  }
  // The picture once no coarser tile stands in.
  QImage picture() {
    QImage image = canvas_.grab().toImage();
    for (int i = 0; i < 10'000 && !canvas_.settled(); ++i) image = canvas_.grab().toImage();
    EXPECT_TRUE(canvas_.settled());
    return image;
  }
  const Snapshot& snapshot() const { return *service()->snapshot; }
  // Naive: of all objects, the one whose cell covers the address.
  ObjectIndex objectCovering(Address address) const {
    for (std::uint32_t i = 0; i < snapshot().objectCount(); ++i) {
      const Address cell = cellOf(snapshot(), ObjectIndex(i));
      if (cell <= address && address < cell + snapshot().size(ObjectIndex(i))) return ObjectIndex(i);
    }
    return ObjectIndex::none();
  }

  MapCanvas canvas_;
};

TEST_F(MapCanvasTest, TheWholeHeapIsInSightAtFirst) {
  for (const RegionRow& row : service()->fragmentation.regions) {
    const auto first = canvas_.pixelOf(row.base);
    ASSERT_TRUE(first);
    EXPECT_TRUE(canvas_.rect().contains(first->toPoint())) << first->x() << " " << first->y();
  }
}

TEST_F(MapCanvasTest, APlaceNamesTheObjectThatCoversIt) {
  std::mt19937 random(7);
  for (const double zoom : {1.0, 3.0, 20.0, 400.0}) {
    canvas_.fitAll();
    canvas_.zoomBy(zoom, {200, 200});
    int objects = 0;
    for (int i = 0; i < 60; ++i) {
      const QPointF pixel(static_cast<double>(random() % 700), static_cast<double>(random() % 500));
      const auto spot = canvas_.spotAt(pixel);
      if (!spot) continue;
      EXPECT_EQ(spot->object, objectCovering(spot->address)) << "zoom " << zoom;
      objects += spot->object ? 1 : 0;
    }
    EXPECT_GT(objects, 0) << "zoom " << zoom;
  }
}

TEST_F(MapCanvasTest, EachOfSeveralArenasStandsBelowAHeading) {
  auto answers = std::make_shared<Answers>(*service());
  auto& regions = answers->fragmentation.regions;
  ASSERT_GT(regions.size(), 6u);
  for (std::size_t i = 0; i < regions.size(); ++i) regions[i].arena = static_cast<std::uint16_t>(i % 3);
  MapCanvas canvas;
  canvas.resize(700, 500);
  canvas.setAnswers(answers);
  for (const double zoom : {1.0, 5.0}) {
    canvas.zoomBy(zoom, {0, 0});
    std::array<double, 3> top{1e9, 1e9, 1e9}, bottom{-1e9, -1e9, -1e9};
    for (const RegionRow& row : regions) {
      const auto at = canvas.pixelOf(row.base);
      ASSERT_TRUE(at);
      top[row.arena] = std::min(top[row.arena], at->y());
      bottom[row.arena] = std::max(bottom[row.arena], at->y() + canvas.blockPixels());
      // Pointing there finds it again, where it is in sight.
      if (!canvas.rect().contains((*at + QPointF(1, 1)).toPoint())) continue;
      const auto spot = canvas.spotAt(*at + QPointF(1, 1));
      ASSERT_TRUE(spot) << at->x() << " " << at->y();
      EXPECT_EQ(regions[spot->region.value].base, row.base);
    }
    const double line = canvas.fontMetrics().height();
    EXPECT_GE(top[0], line);
    EXPECT_GE(top[1], bottom[0] + line - 1);
    EXPECT_GE(top[2], bottom[1] + line - 1);
    // Nothing can be pointed at in a heading.
    for (const double y : {top[0] - line / 2, top[1] - line / 2})
      if (y >= 0 && y < canvas.height()) {
        EXPECT_FALSE(canvas.spotAt({20, y})) << y;
      }
  }
}

TEST_F(MapCanvasTest, OutsideOfAScopeIsDimmed) {
  const TypeIndex type = service()->histogram.front().type;
  const auto scoped = computeScopedAnswers(service(), Scope{{ScopePart::type(type)}}, {}, [](std::string_view, double) {});
  const QColor live = canvas_.legend().front().color;
  canvas_.setAnswers(scoped);
  const QColor outside = canvas_.legend()[canvas_.legend().size() - 2].color;
  ASSERT_NE(live, outside);
  int inside = 0, dimmed = 0;
  for (std::uint32_t i = 0; i < snapshot().objectCount() && (inside < 5 || dimmed < 5); ++i) {
    const ObjectIndex object(i);
    if (!snapshot().reachable(object) || snapshot().size(object) < Bytes(64)) continue;
    int& seen = snapshot().type(object) == type ? inside : dimmed;
    if (seen == 5) continue;
    ++seen;
    ASSERT_TRUE(canvas_.reveal(object));
    canvas_.zoomBy(20, *canvas_.pixelOf(cellOf(snapshot(), object)));
    const QPointF pixel = *canvas_.pixelOf(cellOf(snapshot(), object)) + QPointF(4, 4);
    // The lower part of the cell has neither text nor outline.
    EXPECT_EQ(canvas_.spotAt(pixel)->object, object);
    const QImage image = picture();
    std::map<QRgb, int> colors;
    for (int x = 4; x < 60; ++x)
      for (int y = 4; y < 20; ++y)
        if (const QPointF at = pixel + QPointF(x, y); image.rect().contains(at.toPoint()) && canvas_.spotAt(at) && canvas_.spotAt(at)->object == object)
          ++colors[image.pixel(at.toPoint())];
    const auto most = std::ranges::max_element(colors, {}, &std::pair<const QRgb, int>::second);
    ASSERT_NE(most, colors.end());
    EXPECT_EQ(QColor(most->first), snapshot().type(object) == type ? live : outside);
  }
  EXPECT_EQ(inside, 5);
  EXPECT_EQ(dimmed, 5);
}

TEST_F(MapCanvasTest, AnObjectCanBePointedAtWhereItIsDrawn) {
  std::mt19937 random(11);
  for (int i = 0; i < 50; ++i) {
    const ObjectIndex object(static_cast<std::uint32_t>(random() % snapshot().objectCount()));
    ASSERT_TRUE(canvas_.reveal(object));
    const auto pixel = canvas_.pixelOf(cellOf(snapshot(), object));
    ASSERT_TRUE(pixel);
    ASSERT_TRUE(canvas_.rect().contains(pixel->toPoint()));
    const auto spot = canvas_.spotAt(*pixel);
    ASSERT_TRUE(spot);
    EXPECT_EQ(spot->object, object);
  }
}

// What a person sees is what is there: live colour where an object is, hole colour where none is.
TEST_F(MapCanvasTest, PixelsTellObjectsFromHoles) {
  canvas_.zoomBy(300 / canvas_.blockPixels(), {0, 0});
  const QImage image = picture();
  const QRgb live = canvas_.legend().front().color.rgb(), garbage = canvas_.legend()[1].color.rgb();
  int objects = 0, holes = 0;
  for (int y = 3; y < 500; y += 7)
    for (int x = 3; x < 700; x += 7) {
      const auto spot = canvas_.spotAt(QPointF(x, y));
      if (!spot) continue;
      const QRgb pixel = image.pixel(x, y);
      if (spot->object) EXPECT_EQ(pixel, snapshot().reachable(spot->object) ? live : garbage) << x << "," << y;
      else EXPECT_TRUE(pixel != live && pixel != garbage) << x << "," << y;
      ++(spot->object ? objects : holes);
    }
  EXPECT_GT(objects, 100);
  EXPECT_GT(holes, 10);
}

TEST_F(MapCanvasTest, ColoursOfAgesAndTypesAreThoseOfTheLegend) {
  canvas_.zoomBy(300 / canvas_.blockPixels(), {0, 0});
  for (const MapLens lens : {MapLens::kAge, MapLens::kType}) {
    canvas_.setLens(lens);
    const QImage image = picture();
    const auto legend = canvas_.legend();
    for (int y = 5; y < 500; y += 31)
      for (int x = 5; x < 700; x += 31) {
        const auto spot = canvas_.spotAt(QPointF(x, y));
        if (!spot || !spot->object) continue;
        const QString words = lens == MapLens::kAge ? numbers::age(snapshot().age(spot->object))
                                                    : numbers::text(snapshot().types()[snapshot().type(spot->object)].name);
        QColor expected;
        for (const auto& entry : legend)
          if (entry.words == words || (!expected.isValid() && entry.words == "other types")) expected = entry.color;
        EXPECT_EQ(image.pixelColor(x, y), expected) << words.toStdString() << " at " << x << "," << y;
      }
  }
}

TEST_F(MapCanvasTest, ZoomKeepsWhatIsUnderTheMouse) {
  canvas_.zoomBy(40, {350, 250});
  const auto before = canvas_.spotAt({350, 250});
  ASSERT_TRUE(before);
  for (const double factor : {1.5, 2.0, 0.7}) {
    canvas_.zoomBy(factor, {350, 250});
    const auto after = canvas_.spotAt({350, 250});
    ASSERT_TRUE(after);
    const auto distance = after->address.value > before->address.value ? after->address.value - before->address.value
                                                                       : before->address.value - after->address.value;
    EXPECT_LE(distance, 2 * 4096u) << factor;  // a row of granules at most, for what rounding does
  }
}

TEST_F(MapCanvasTest, WheelAndKeysZoomAndDraggingMoves) {
  const double before = canvas_.blockPixels();
  QWheelEvent wheel(QPointF(300, 200), canvas_.mapToGlobal(QPointF(300, 200)), {}, QPoint(0, 120), Qt::NoButton, Qt::NoModifier, Qt::NoScrollPhase, false);
  QCoreApplication::sendEvent(&canvas_, &wheel);
  EXPECT_DOUBLE_EQ(canvas_.blockPixels(), before * 1.5);
  QTest::keyClick(&canvas_, Qt::Key_Plus);
  EXPECT_DOUBLE_EQ(canvas_.blockPixels(), before * 3);
  QTest::keyClick(&canvas_, Qt::Key_Minus);
  EXPECT_DOUBLE_EQ(canvas_.blockPixels(), before * 1.5);
  canvas_.zoomBy(30, {300, 200});
  const auto spot = canvas_.spotAt({300, 200});
  ASSERT_TRUE(spot);
  QTest::mousePress(&canvas_, Qt::LeftButton, {}, QPoint(300, 200));
  QTest::mouseMove(&canvas_, QPoint(340, 230));
  QMouseEvent move(QEvent::MouseMove, QPointF(340, 230), canvas_.mapToGlobal(QPointF(340, 230)), Qt::NoButton, Qt::LeftButton, Qt::NoModifier);
  QCoreApplication::sendEvent(&canvas_, &move);
  QTest::mouseRelease(&canvas_, Qt::LeftButton, {}, QPoint(340, 230));
  const auto moved = canvas_.spotAt({340, 230});
  ASSERT_TRUE(moved);
  EXPECT_EQ(moved->tile, spot->tile);
  EXPECT_FALSE(canvas_.cursor()) << "a drag is no click";
  QTest::keyClick(&canvas_, Qt::Key_0);
  EXPECT_DOUBLE_EQ(canvas_.blockPixels(), before);
}

TEST_F(MapCanvasTest, ArrowsWalkFromObjectToObject) {
  ASSERT_TRUE(canvas_.reveal(ObjectIndex(5)));
  QSignalSpy selected(&canvas_, &MapCanvas::objectSelected);
  for (std::uint32_t i = 6; i < 30; ++i) {
    QTest::keyClick(&canvas_, Qt::Key_Right);
    ASSERT_TRUE(canvas_.cursor());
    EXPECT_EQ(canvas_.cursor()->object, ObjectIndex(i));
    const auto pixel = canvas_.pixelOf(canvas_.cursor()->address);
    ASSERT_TRUE(pixel);
    EXPECT_TRUE(canvas_.rect().contains(pixel->toPoint()));
  }
  QTest::keyClick(&canvas_, Qt::Key_Left);
  EXPECT_EQ(canvas_.cursor()->object, ObjectIndex(28));
  EXPECT_EQ(selected.count(), 25);
}

TEST_F(MapCanvasTest, WithoutADumpNothingIsThere) {
  canvas_.setAnswers(nullptr);
  EXPECT_FALSE(canvas_.spotAt({10, 10}));
  for (const Qt::Key key : {Qt::Key_Right, Qt::Key_Plus, Qt::Key_0, Qt::Key_Return}) QTest::keyClick(&canvas_, key);
  EXPECT_FALSE(canvas_.grab().isNull());
}

}  // namespace
}  // namespace openclaw::gui
