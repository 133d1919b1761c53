// The pictures of the overview, painted with QPainter: a bar that adds up, ages, pauses. Each stands beside a table or
// a line with the same numbers; arrow keys move what the mouse points at; nothing is told by colour alone.
//
//   ledger->setParts({{"live objects", 1 << 20, colors.category(0)}, …});
//   pauses->setPauses({{.number = 1, .duration = 1'420'000, .kind = "young"}}, targetNanoseconds);
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <QColor>
#include <QString>
#include <QWidget>

namespace openclaw::gui {

struct BarPart {
  QString name;
  std::uint64_t bytes = 0;
  QColor color;
  bool hatched = false;
};

// One horizontal bar whose parts add up to the whole. Parts too thin to see still get a pixel's width of their own.
class StackedBar : public QWidget {
  Q_OBJECT

 public:
  explicit StackedBar(QWidget* parent = nullptr);
  void setParts(std::vector<BarPart> parts);
  QSize sizeHint() const override;
  // The part at x, for tooltips and tests.
  std::optional<std::size_t> partAt(int x) const;

 protected:
  void paintEvent(QPaintEvent* event) override;
  bool event(QEvent* event) override;

 private:
  // Left edges of the parts and the right edge of the last, in pixels.
  std::vector<int> edges() const;
  std::vector<BarPart> parts_;
};

struct Column {
  QString label;      // under the column
  QString value;      // above it
  double height = 0;  // 0 to 1
  QString toolTip;
};

// A few columns with their values written out.
class ColumnChart : public QWidget {
  Q_OBJECT

 public:
  explicit ColumnChart(QWidget* parent = nullptr);
  void setColumns(std::vector<Column> columns, const QString& axis);
  QSize sizeHint() const override;
  // Where text stands: no two of these meet.
  std::vector<QRect> textRects() const;

 protected:
  void paintEvent(QPaintEvent* event) override;
  bool event(QEvent* event) override;

 private:
  struct Text {
    QRect rect;
    QString words;
    bool muted = false;
  };
  QRect columnRect(std::size_t column) const;
  std::vector<Text> texts() const;
  int tallOf(std::size_t column, int room) const;  // pixels
  std::vector<Column> columns_;
  QString axis_;
};

struct PauseBar {
  std::uint64_t number = 0;
  std::uint64_t duration = 0;  // ns
  bool dump = false;           // not a collection: the stop of a dump
};

// Pauses in order, each a bar; heights by square root, so that one long pause leaves the others visible.
class PauseChart : public QWidget {
  Q_OBJECT

 public:
  explicit PauseChart(QWidget* parent = nullptr);
  void setPauses(std::vector<PauseBar> pauses, std::optional<std::uint64_t> targetNanoseconds);
  std::optional<std::size_t> selected() const { return selected_; }
  void select(std::size_t pause);
  QSize sizeHint() const override;
  // Where the words of the scale stand: no two of these meet, and each stands beside its line or just below it.
  std::vector<QRect> textRects() const;

 Q_SIGNALS:
  void pauseSelected(int pause);

 protected:
  void paintEvent(QPaintEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override;
  void focusInEvent(QFocusEvent* event) override;
  void focusOutEvent(QFocusEvent* event) override;

 private:
  // A line across the chart and its words at the left.
  struct Level {
    std::uint64_t nanoseconds = 0;
    bool target = false;
    int y = 0;
    QRect text;
  };
  QRect plotRect() const;
  std::vector<Level> levels() const;
  QRectF barRect(std::size_t pause) const;
  double heightOf(std::uint64_t nanoseconds) const;

  std::vector<PauseBar> pauses_;
  std::optional<std::uint64_t> target_;
  std::uint64_t longest_ = 0;
  std::optional<std::size_t> selected_;
};

}  // namespace openclaw::gui
