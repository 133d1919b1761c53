// The block map: every block of the heap a tile, in it its 256 lines, in them the objects, as one picture that is zoomed
// and dragged like a map. Only what is in sight is drawn, at the detail that its size on the screen can show, so a frame
// costs the same for ten thousand objects and ten million.
//
//   canvas->setAnswers(answers);                 // answers->fragmentation lists the regions
//   canvas->zoomBy(2, canvas->rect().center());  // wheel, + and -
//   connect(canvas, &MapCanvas::pointedAt, …);   // what the mouse or the arrow keys are on
//
// A block (64 KiB) is 16 rows of 16 lines; a line is 16 granules of 16 B. Larger regions take as many tiles in a row.
// Where there are several arenas, the tiles of each stand together below a heading with its name and size.
//
// Level of detail, by pixels of a block: under 24 one colour of the region; up to 192 its lines; above, granules, and
// from 1,024 the borders and names of objects. Finer tiles are made in a few milliseconds of each frame and kept; until a
// tile is there the coarser one stands in.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include <QColor>
#include <QImage>
#include <QPointF>
#include <QTimer>
#include <QWidget>

#include "gui/answers.h"

namespace openclaw::gui {

enum class MapLens : std::uint8_t { kOccupancy, kAge, kType };

class MapCanvas : public QWidget {
  Q_OBJECT

 public:
  // One place of the map.
  struct Spot {
    std::uint32_t tile = 0;
    RegionIndex region;
    Address address;
    ObjectIndex object;  // whose cell covers it; none: no live object does
    friend bool operator==(const Spot&, const Spot&) = default;
  };
  struct LegendEntry {
    QColor color;
    QString words;
  };

  explicit MapCanvas(QWidget* parent = nullptr);
  // Null: nothing to draw. Shows the whole heap; of another scope of the same dump what was in sight stays there.
  // Objects outside of the scope are dimmed.
  void setAnswers(std::shared_ptr<const Answers> answers);
  void setLens(MapLens lens);
  MapLens lens() const { return lens_; }
  std::vector<LegendEntry> legend() const;

  void fitAll();
  // Keeps what is at `around`, in pixels of the widget, where it is.
  void zoomBy(double factor, QPointF around);
  void panBy(QPointF pixels);
  double blockPixels() const { return scale_; }

  std::optional<Spot> spotAt(QPointF pixel) const;
  // Top left pixel of an address; outside of the widget when it is not in sight.
  std::optional<QPointF> pixelOf(Address address) const;
  const std::optional<Spot>& cursor() const { return cursor_; }
  // Brings an object into sight, near enough to be seen, and puts the cursor on it; false when no region holds it.
  bool reveal(ObjectIndex object);

  // What is in sight, for going back to it.
  struct Sight {
    double blockPixels = 0;
    QPointF origin;  // in blocks
    bool whole = true;
  };
  Sight sight() const { return {scale_, origin_, fitted_}; }
  void setSight(const Sight& sight);

  // Of several arenas, the names of those in sight and where they are written.
  struct Heading {
    QRectF room;
    QString text;
  };
  std::vector<Heading> headings() const;

  // Whether the last frame had all its tiles, none stood in by a coarser one.
  bool settled() const { return settled_; }
  // How long the last frame took to draw, and how many tiles it made.
  std::chrono::nanoseconds frameTime() const { return frameTime_; }

  QSize sizeHint() const override { return {900, 600}; }

 Q_SIGNALS:
  void pointedAt();       // see pointed()
  void objectSelected(quint32 object);
  void objectActivated(quint32 object);
  void zoomed();
  // The context menu of a place, by mouse or key; where on the screen.
  void menuWanted(const openclaw::gui::MapCanvas::Spot& spot, QPoint at);

 public:
  // What the mouse is on, else the cursor.
  std::optional<Spot> pointed() const { return hover_ ? hover_ : cursor_; }

 protected:
  void paintEvent(QPaintEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;
  void changeEvent(QEvent* event) override;
  void wheelEvent(QWheelEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  void mouseMoveEvent(QMouseEvent* event) override;
  void mouseReleaseEvent(QMouseEvent* event) override;
  void mouseDoubleClickEvent(QMouseEvent* event) override;
  void leaveEvent(QEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override;
  void contextMenuEvent(QContextMenuEvent* event) override;
  void focusInEvent(QFocusEvent* event) override;
  void focusOutEvent(QFocusEvent* event) override;

 private:
  struct TileImage {
    std::vector<QRgb> pixels;      // of 16 rows: 16 lines, or 256 granules
    std::uint64_t usedAt = 0;      // frame
  };
  struct Range {
    Address low, high;
  };

  Range rangeOf(std::uint32_t tile) const;
  std::optional<std::uint32_t> tileOf(Address address) const;
  std::optional<Spot> spotOf(Address address) const;
  QRect rectOf(std::uint32_t tile) const;
  QRgb colorOf(ObjectIndex object) const;
  QRgb coarse(const RegionRow& row) const;
  void colorsChanged();
  void makeGranules(std::uint32_t tile, std::vector<QRgb>& granules) const;
  const TileImage* tileImage(std::uint32_t tile, bool granules, bool mayMake);
  void drawTiles();
  void blit(const QRect& rect, const TileImage& tile, int columns);
  void drawObjects(QPainter& painter) const;
  void outline(QPainter& painter, const Spot& spot, const QColor& color) const;
  void clampView();
  void moveCursor(const Spot& spot);
  void stepCursor(int key);
  void showCursor();
  const std::vector<RegionRow>& regions() const { return answers_->fragmentation.regions; }

  std::shared_ptr<const Answers> answers_;
  // The tiles of an arena, in whole rows. A single one has no heading.
  struct Section {
    std::uint16_t arena = 0;
    std::uint32_t firstTile = 0, tiles = 0;
    std::uint32_t firstRow = 0;            // of the map; the heading stands in the rows above
  };
  struct Cell {
    std::uint32_t row = 0, column = 0;
  };
  Cell cellOfTile(std::uint32_t tile) const;
  std::optional<std::uint32_t> tileAt(std::uint64_t row, std::uint32_t column) const;
  // Gives each section its rows; answers how many there are in all.
  std::uint32_t placeSections(std::uint32_t columns, std::uint32_t headingRows);
  void drawHeadings(QPainter& painter) const;

  std::vector<std::uint32_t> firstTile_;   // of each region
  std::vector<Section> sections_;
  std::uint32_t rows_ = 0, headingRows_ = 0;
  std::vector<std::uint32_t> regionOfTile_;
  MapLens lens_ = MapLens::kOccupancy;
  std::vector<QRgb> typeColors_;           // by type
  std::vector<TypeIndex> namedTypes_;      // that have a colour of their own
  QRgb hole_ = 0, empty_ = 0, back_ = 0, live_ = 0, garbage_ = 0, outside_ = 0;

  std::uint32_t columns_ = 1;
  double scale_ = 1;                       // pixels of a block
  QPointF origin_;                         // of the widget, in blocks
  bool fitted_ = true;

  QImage frame_;
  std::unordered_map<std::uint32_t, TileImage> lines_, granules_;
  std::uint64_t frameNumber_ = 0;
  bool settled_ = true;
  std::chrono::nanoseconds frameTime_{};

  std::optional<Spot> hover_, cursor_;
  std::optional<QPointF> pressed_;
  bool dragging_ = false;
  QTimer refine_;
};

}  // namespace openclaw::gui
