#include "gui/views/charts.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <QHelpEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>

#include "gui/numbers.h"
#include "gui/theme.h"

namespace openclaw::gui {
namespace {

// Room for one line of text.
int lineHeight(const QWidget& widget) { return widget.fontMetrics().height() + 2; }

void drawFocus(QPainter& painter, const QWidget& widget, const theme::Colors& colors) {
  if (!widget.hasFocus()) return;
  painter.setPen(QPen(colors.accent, 2));
  painter.setBrush(Qt::NoBrush);
  painter.drawRect(widget.rect().adjusted(1, 1, -1, -1));
}

}  // namespace

// ---- StackedBar -----------------------------------------------------------------------------------------------------

StackedBar::StackedBar(QWidget* parent) : QWidget(parent) { setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed); }

void StackedBar::setParts(std::vector<BarPart> parts) {
  parts_ = std::move(parts);
  std::erase_if(parts_, [](const BarPart& p) { return p.bytes == 0; });
  QString words;
  for (const BarPart& part : parts_) words += part.name + QLatin1Char(' ') + numbers::size(Bytes(part.bytes)) + QLatin1String(", ");
  setAccessibleDescription(words);
  update();
}

QSize StackedBar::sizeHint() const { return {400, fontMetrics().height() + 12}; }

std::vector<int> StackedBar::edges() const {
  std::uint64_t whole = 0;
  for (const BarPart& part : parts_) whole += part.bytes;
  std::vector<int> edges = {0};
  std::uint64_t sum = 0;
  const int spare = width() - static_cast<int>(parts_.size());  // every part has one pixel for sure
  for (const BarPart& part : parts_) {
    sum += part.bytes;
    edges.push_back(static_cast<int>(std::lround(numbers::fraction(sum, whole) * spare)) + static_cast<int>(edges.size()));
  }
  return edges;
}

std::optional<std::size_t> StackedBar::partAt(int x) const {
  const std::vector<int> at = edges();
  for (std::size_t i = 0; i < parts_.size(); ++i)
    if (x >= at[i] && x < at[i + 1]) return i;
  return std::nullopt;
}

void StackedBar::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  const theme::Colors colors = theme::colorsOf(palette());
  const std::vector<int> at = edges();
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const QRect rect(at[i], 0, at[i + 1] - at[i], height());
    painter.fillRect(rect, parts_[i].color);
    if (parts_[i].hatched) painter.fillRect(rect, QBrush(colors.base, Qt::BDiagPattern));
    if (i > 0) painter.fillRect(QRect(at[i], 0, 1, height()), colors.base);
    const QString label = parts_[i].name + QLatin1Char(' ') + numbers::size(Bytes(parts_[i].bytes));
    if (fontMetrics().horizontalAdvance(label) + 12 > rect.width()) continue;
    if (parts_[i].hatched)  // hatching behind letters makes them hard to read
      painter.fillRect(QRect(rect.left() + 3, 2, fontMetrics().horizontalAdvance(label) + 6, height() - 4), parts_[i].color);
    // Black or white, whichever reads better on the part's colour.
    painter.setPen(qGray(parts_[i].color.rgb()) > 128 && !parts_[i].hatched ? Qt::black : Qt::white);
    painter.drawText(rect.adjusted(6, 0, -4, 0), Qt::AlignVCenter | Qt::AlignLeft, label);
  }
  painter.setPen(colors.line);
  painter.drawRect(rect().adjusted(0, 0, -1, -1));
}

bool StackedBar::event(QEvent* event) {
  if (event->type() == QEvent::ToolTip) {
    const auto* help = static_cast<QHelpEvent*>(event);
    if (const auto part = partAt(help->pos().x()))
      QToolTip::showText(help->globalPos(), tr("%1: %2, %3 bytes").arg(parts_[*part].name, numbers::size(Bytes(parts_[*part].bytes)), numbers::count(parts_[*part].bytes)), this);
    else QToolTip::hideText();
    return true;
  }
  return QWidget::event(event);
}

// ---- ColumnChart ----------------------------------------------------------------------------------------------------

ColumnChart::ColumnChart(QWidget* parent) : QWidget(parent) { setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Preferred); }

void ColumnChart::setColumns(std::vector<Column> columns, const QString& axis) {
  columns_ = std::move(columns);
  axis_ = axis;
  QString words;
  for (const Column& column : columns_) words += column.label + QLatin1String(": ") + column.value + QLatin1String(", ");
  setAccessibleDescription(words);
  update();
}

QSize ColumnChart::sizeHint() const { return {400, lineHeight(*this) * 3 + 70}; }

QRect ColumnChart::columnRect(std::size_t column) const {
  const int count = static_cast<int>(columns_.size()), i = static_cast<int>(column);
  const int left = width() * i / count, right = width() * (i + 1) / count;
  return QRect(left + 4, 0, right - left - 8, height());
}

// Words wider than their column are cut with dots, so that they cannot run into those beside them.
std::vector<ColumnChart::Text> ColumnChart::texts() const {
  const int line = lineHeight(*this);
  const int bottom = height() - 2 * line, top = line;
  std::vector<Text> texts;
  const auto put = [&](QRect room, const QString& words, bool muted) {
    const QString shown = fontMetrics().elidedText(words, Qt::ElideRight, room.width());
    const int wide = std::min(room.width(), fontMetrics().horizontalAdvance(shown));
    texts.push_back({QRect(room.left() + (room.width() - wide) / 2, room.top(), wide, room.height()), shown, muted});
  };
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const QRect slot = columnRect(i).adjusted(-3, 0, 3, 0);
    const Column& column = columns_[i];
    put(QRect(slot.left(), bottom - tallOf(i, bottom - top) - line, slot.width(), line), column.value, column.height <= 0);
    put(QRect(slot.left(), bottom + 1, slot.width(), line - 1), column.label, false);
  }
  put(QRect(0, height() - line, width(), line), axis_, true);
  return texts;
}

std::vector<QRect> ColumnChart::textRects() const {
  std::vector<QRect> rects;
  for (const Text& text : texts()) rects.push_back(text.rect);
  return rects;
}

int ColumnChart::tallOf(std::size_t column, int room) const {
  const double height = columns_[column].height;
  const int tall = static_cast<int>(std::lround(height * room));
  return height > 0 ? std::max(tall, 1) : tall;
}

void ColumnChart::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  const theme::Colors colors = theme::colorsOf(palette());
  const int line = lineHeight(*this);
  const int bottom = height() - 2 * line, top = line;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const QRect slot = columnRect(i);
    const int tall = tallOf(i, bottom - top);
    painter.fillRect(QRect(slot.left(), bottom - tall, slot.width(), tall), colors.category(0));
  }
  for (const Text& text : texts()) {
    painter.setPen(text.muted ? colors.muted : colors.text);
    painter.drawText(text.rect, Qt::AlignCenter | Qt::TextDontClip, text.words);
  }
  painter.setPen(colors.line);
  painter.drawLine(0, bottom, width(), bottom);
}

bool ColumnChart::event(QEvent* event) {
  if (event->type() == QEvent::ToolTip) {
    const auto* help = static_cast<QHelpEvent*>(event);
    for (std::size_t i = 0; i < columns_.size(); ++i)
      if (columnRect(i).contains(help->pos())) QToolTip::showText(help->globalPos(), columns_[i].toolTip, this);
    return true;
  }
  return QWidget::event(event);
}

// ---- PauseChart -----------------------------------------------------------------------------------------------------

PauseChart::PauseChart(QWidget* parent) : QWidget(parent) {
  setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Preferred);
  setFocusPolicy(Qt::StrongFocus);
}

void PauseChart::setPauses(std::vector<PauseBar> pauses, std::optional<std::uint64_t> targetNanoseconds) {
  pauses_ = std::move(pauses);
  target_ = targetNanoseconds;
  longest_ = 0;
  selected_.reset();
  for (std::size_t i = 0; i < pauses_.size(); ++i)
    if (pauses_[i].duration > longest_) {
      longest_ = pauses_[i].duration;
      selected_ = i;
    }
  update();
}

void PauseChart::select(std::size_t pause) {
  if (pause >= pauses_.size()) return;
  selected_ = pause;
  setAccessibleDescription(tr("pause %1, %2").arg(numbers::count(pauses_[pause].number), numbers::duration(pauses_[pause].duration)));
  update();
  Q_EMIT pauseSelected(static_cast<int>(pause));
}

QSize PauseChart::sizeHint() const { return {400, 96}; }

QRect PauseChart::plotRect() const {
  const int gutter = fontMetrics().horizontalAdvance(QStringLiteral("000.0 ms"));
  const int line = lineHeight(*this);
  return rect().adjusted(gutter + 6, line / 2 + 2, -4, -line);
}

double PauseChart::heightOf(std::uint64_t nanoseconds) const {
  const std::uint64_t top = std::max<std::uint64_t>(1, std::max(longest_, target_ && *target_ < 2 * longest_ ? *target_ : 0));
  return std::sqrt(numbers::fraction(nanoseconds, top)) * std::max(0, plotRect().height());
}

QRectF PauseChart::barRect(std::size_t pause) const {
  const QRect plot = plotRect();
  // Few pauses stand as bars of a sensible width at the left, many share the room.
  const double step = std::min(14.0, static_cast<double>(plot.width()) / static_cast<double>(std::max<std::size_t>(1, pauses_.size())));
  const double height = std::max(1.0, heightOf(pauses_[pause].duration));
  return QRectF(plot.left() + step * static_cast<double>(pause), plot.bottom() - height + 1, std::max(1.0, step - (step > 3 ? 1 : 0)), height);
}

// The longest pause, the target and a tick between. The first two always have their words: where their lines are closer than
// a line of text is high, the lower one's words go below those of the upper. The tick goes where it would be in the way.
std::vector<PauseChart::Level> PauseChart::levels() const {
  if (longest_ == 0) return {};
  const QRect plot = plotRect();
  const int line = lineHeight(*this);
  const auto at = [&](std::uint64_t nanoseconds, bool target) {
    const int y = plot.bottom() - static_cast<int>(std::lround(heightOf(nanoseconds)));
    const int wide = std::min(plot.left() - 6, fontMetrics().horizontalAdvance(numbers::duration(nanoseconds)));
    return Level{nanoseconds, target, y, QRect(plot.left() - 6 - wide, y - line / 2, wide, line)};
  };
  std::vector<Level> levels{at(longest_, false)};
  if (target_ && *target_ < 2 * longest_) levels.push_back(at(*target_, true));
  std::ranges::stable_sort(levels, {}, &Level::y);
  if (levels.size() == 2 && levels[0].text.bottom() >= levels[1].text.top()) levels[1].text.moveTop(levels[0].text.bottom() + 1);
  const Level tick = at(longest_ / 4, false);
  if (std::ranges::none_of(levels, [&](const Level& level) { return level.text.intersects(tick.text) || std::abs(level.y - tick.y) < line; })) levels.push_back(tick);
  // In a chart too low for them the words go; the lines stay, and the target's has a colour of its own.
  for (Level& level : levels)
    if (!rect().contains(level.text)) level.text = {};
  return levels;
}

std::vector<QRect> PauseChart::textRects() const {
  std::vector<QRect> rects;
  for (const Level& level : levels())
    if (!level.text.isEmpty()) rects.push_back(level.text);
  return rects;
}

void PauseChart::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  const theme::Colors colors = theme::colorsOf(palette());
  const QRect plot = plotRect();
  for (const Level& level : levels()) {
    painter.setPen(QPen(level.target ? colors.critical : colors.muted, 1, level.target ? Qt::DashLine : Qt::DotLine));
    painter.drawLine(plot.left(), level.y, plot.right(), level.y);
    if (!level.text.isEmpty()) painter.drawText(level.text, Qt::AlignRight | Qt::AlignVCenter | Qt::TextDontClip, numbers::duration(level.nanoseconds));
  }
  painter.setPen(Qt::NoPen);
  for (std::size_t i = 0; i < pauses_.size(); ++i) {
    const QRectF bar = barRect(i);
    const bool over = target_ && pauses_[i].duration > *target_;
    painter.fillRect(bar, over ? colors.critical : pauses_[i].dump ? colors.category(2) : colors.category(1));
  }
  if (selected_) {
    const QRectF bar = barRect(*selected_).adjusted(-1, -1, 1, 0);
    painter.setPen(QPen(colors.text, 1));
    painter.drawRect(bar);
    // A small mark under the bar, which also shows a bar one pixel wide.
    const double middle = bar.center().x();
    const QPointF mark[] = {{middle - 4, plot.bottom() + 8.0}, {middle + 4, plot.bottom() + 8.0}, {middle, plot.bottom() + 2.0}};
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setBrush(colors.text);
    painter.drawPolygon(mark, 3);
    painter.setRenderHint(QPainter::Antialiasing, false);
  }
  painter.setPen(colors.line);
  painter.drawLine(plot.left(), plot.bottom() + 1, plot.right(), plot.bottom() + 1);
  drawFocus(painter, *this, colors);
}

void PauseChart::mousePressEvent(QMouseEvent* event) {
  if (pauses_.empty()) return;
  std::size_t nearest = 0;
  double best = 1e9;
  for (std::size_t i = 0; i < pauses_.size(); ++i) {
    const double distance = std::abs(barRect(i).center().x() - event->position().x());
    if (distance < best) {
      best = distance;
      nearest = i;
    }
  }
  select(nearest);
}

void PauseChart::keyPressEvent(QKeyEvent* event) {
  if (pauses_.empty() || event->modifiers() != Qt::NoModifier) return QWidget::keyPressEvent(event);
  const std::size_t at = selected_.value_or(0);
  switch (event->key()) {
    case Qt::Key_Left: return select(at == 0 ? 0 : at - 1);
    case Qt::Key_Right: return select(std::min(at + 1, pauses_.size() - 1));
    case Qt::Key_Home: return select(0);
    case Qt::Key_End: return select(pauses_.size() - 1);
    default: QWidget::keyPressEvent(event);
  }
}

void PauseChart::focusInEvent(QFocusEvent* event) {
  QWidget::focusInEvent(event);
  update();
}

void PauseChart::focusOutEvent(QFocusEvent* event) {
  QWidget::focusOutEvent(event);
  update();
}

}  // namespace openclaw::gui
