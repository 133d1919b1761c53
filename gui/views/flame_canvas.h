// A flame graph, callers above callees: every box is a function on allocation stacks, as wide as the bytes below it. Only
// boxes that a pixel can show are drawn; the rest of a row stands as one grey box of its true width, so widths add up.
//
//   canvas->setFlame(&flame);            // borrowed, until the next setFlame()
//   canvas->setSearch("store");          // marks functions and files that contain it
//   connect(canvas, &FlameCanvas::pointedAt, …);
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <QRectF>
#include <QString>
#include <QWidget>

#include "analyzer/views/flame.h"

namespace openclaw::gui {

class FlameCanvas : public QWidget {
  Q_OBJECT

 public:
  explicit FlameCanvas(QWidget* parent = nullptr);
  // Null: nothing to draw.
  void setFlame(const FlameGraph* flame);
  const FlameGraph* flame() const { return flame_; }

  // The box that fills the width; its callers stand above it.
  std::uint32_t zoom() const { return zoom_; }
  void zoomTo(std::uint32_t node);
  std::optional<std::uint32_t> selected() const { return selected_; }
  void select(std::uint32_t node);
  // What the mouse is on, else what is selected.
  std::optional<std::uint32_t> pointed() const { return hover_ ? hover_ : selected_; }

  // Functions or files that contain the text, whatever the case; empty: none is marked.
  void setSearch(const QString& text);
  // Bytes of boxes that match, each counted once with all below it.
  std::uint64_t matchedBytes() const { return matchedBytes_; }
  std::size_t matchedNames() const { return matchedNames_; }

  std::optional<std::uint32_t> nodeAt(QPointF pixel) const;
  // Where a node is drawn; empty when it is outside of the zoom or too narrow to be seen.
  QRectF rectOf(std::uint32_t node) const;
  int rowHeight() const;
  QSize sizeHint() const override;

 Q_SIGNALS:
  void pointedAt();
  void zoomed();
  // The context menu of a box, by mouse or key; where on the screen.
  void menuWanted(std::uint32_t node, QPoint at);

 protected:
  void paintEvent(QPaintEvent* event) override;
  void mouseMoveEvent(QMouseEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  void leaveEvent(QEvent* event) override;
  void contextMenuEvent(QContextMenuEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override;
  void focusInEvent(QFocusEvent* event) override;
  void focusOutEvent(QFocusEvent* event) override;

 private:
  bool isAbove(std::uint32_t node) const;  // the zoomed one or one of its callers
  QColor colorOf(std::uint32_t node) const;
  void drawBelow(QPainter& painter, std::uint32_t node, const QRect& seen) const;
  void drawBox(QPainter& painter, const QRectF& box, std::uint32_t node) const;

  const FlameGraph* flame_ = nullptr;
  std::vector<std::uint64_t> start_;   // of each node, in bytes from the left
  std::vector<std::uint8_t> matches_;  // by name
  bool searching_ = false;
  std::uint64_t matchedBytes_ = 0;
  std::size_t matchedNames_ = 0;
  std::uint32_t zoom_ = FlameGraph::kRoot;
  std::optional<std::uint32_t> hover_, selected_;
};

}  // namespace openclaw::gui
