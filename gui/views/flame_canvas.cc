#include "gui/views/flame_canvas.h"

#include <algorithm>

#include <QContextMenuEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>

#include "gui/answers.h"
#include "gui/numbers.h"
#include "gui/theme.h"

namespace openclaw::gui {
namespace {

constexpr double kNarrowest = 1;  // pixels of a box that is drawn by itself
constexpr int kLabelCharacters = 4;

QColor blend(const QColor& a, const QColor& b, double shareOfB) {
  const auto part = [&](int x, int y) { return static_cast<int>(x + (y - x) * shareOfB); };
  return QColor(part(a.red(), b.red()), part(a.green(), b.green()), part(a.blue(), b.blue()));
}

}  // namespace

FlameCanvas::FlameCanvas(QWidget* parent) : QWidget(parent) {
  setFocusPolicy(Qt::StrongFocus);
  setMouseTracking(true);
  setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
}

void FlameCanvas::setFlame(const FlameGraph* flame) {
  flame_ = flame;
  zoom_ = FlameGraph::kRoot;
  hover_.reset();
  selected_.reset();
  matches_.clear();
  searching_ = false;
  matchedBytes_ = 0;
  matchedNames_ = 0;
  start_.clear();
  if (flame_ != nullptr) {
    // Parents come before children, siblings beside each other.
    start_.assign(flame_->nodes.size(), 0);
    for (std::uint32_t node = 0; node < flame_->nodes.size(); ++node) {
      std::uint64_t at = start_[node];
      for (const std::uint32_t child : flame_->children(node)) {
        start_[child] = at;
        at += flame_->nodes[child].total;
      }
    }
  }
  setMinimumHeight(flame_ == nullptr ? 0 : static_cast<int>(flame_->deepest + 1) * rowHeight() + 2);
  update();
  Q_EMIT zoomed();
  Q_EMIT pointedAt();
}

int FlameCanvas::rowHeight() const { return fontMetrics().height() + 6; }

QSize FlameCanvas::sizeHint() const { return {900, minimumHeight()}; }

bool FlameCanvas::isAbove(std::uint32_t node) const {
  for (std::uint32_t at = zoom_;; at = flame_->nodes[at].parent) {
    if (at == node) return true;
    if (at == FlameGraph::kRoot) return false;
  }
}

QRectF FlameCanvas::rectOf(std::uint32_t node) const {
  if (flame_ == nullptr || flame_->empty()) return {};
  const FlameNode& n = flame_->nodes[node];
  const double top = static_cast<double>(n.depth) * rowHeight();
  if (isAbove(node)) return QRectF(0, top, width(), rowHeight());
  const FlameNode& whole = flame_->nodes[zoom_];
  if (whole.total == 0 || n.depth <= whole.depth || start_[node] < start_[zoom_] || start_[node] + n.total > start_[zoom_] + whole.total) return {};
  const double scale = width() / static_cast<double>(whole.total);
  const QRectF box(static_cast<double>(start_[node] - start_[zoom_]) * scale, top, static_cast<double>(n.total) * scale, rowHeight());
  return box.width() < kNarrowest ? QRectF() : box;
}

std::optional<std::uint32_t> FlameCanvas::nodeAt(QPointF pixel) const {
  if (flame_ == nullptr || flame_->empty() || pixel.x() < 0 || pixel.y() < 0 || pixel.x() >= width()) return std::nullopt;
  const auto depth = static_cast<std::uint32_t>(pixel.y() / rowHeight());
  std::uint32_t at = zoom_;
  if (depth <= flame_->nodes[zoom_].depth) {
    while (flame_->nodes[at].depth > depth) at = flame_->nodes[at].parent;
    return at;
  }
  const auto bytes = start_[zoom_] + static_cast<std::uint64_t>(pixel.x() / width() * static_cast<double>(flame_->nodes[zoom_].total));
  while (flame_->nodes[at].depth < depth) {
    const FlameGraph::Range range = flame_->children(at);
    // Starts ascend among siblings.
    const auto first = start_.begin() + range.first, last = start_.begin() + range.last;
    const auto after = std::upper_bound(first, last, bytes);
    if (after == first) return std::nullopt;
    const auto child = static_cast<std::uint32_t>(after - start_.begin() - 1);
    if (bytes >= start_[child] + flame_->nodes[child].total) return std::nullopt;  // bytes of the caller itself
    at = child;
  }
  return rectOf(at).isEmpty() ? std::nullopt : std::optional(at);
}

void FlameCanvas::zoomTo(std::uint32_t node) {
  if (flame_ == nullptr || node >= flame_->nodes.size() || flame_->nodes[node].total == 0) return;
  zoom_ = node;
  update();
  Q_EMIT zoomed();
}

void FlameCanvas::select(std::uint32_t node) {
  if (flame_ == nullptr || node >= flame_->nodes.size()) return;
  selected_ = node;
  hover_.reset();
  update();
  Q_EMIT pointedAt();
}

void FlameCanvas::setSearch(const QString& text) {
  matches_.clear();
  matchedBytes_ = 0;
  matchedNames_ = 0;
  searching_ = !text.trimmed().isEmpty() && flame_ != nullptr;
  if (searching_) {
    const QString wanted = text.trimmed();
    matches_.assign(flame_->names.size(), 0);
    for (std::size_t i = 0; i < flame_->names.size(); ++i)
      if (numbers::text(flame_->names[i]).contains(wanted, Qt::CaseInsensitive) || numbers::text(flame_->places[i]).contains(wanted, Qt::CaseInsensitive)) {
        matches_[i] = 1;
        ++matchedNames_;
      }
    // A box inside of a matching one is counted with it.
    std::vector<std::uint8_t> inside(flame_->nodes.size(), 0);
    for (std::uint32_t node = 0; node < flame_->nodes.size(); ++node) {
      const FlameNode& n = flame_->nodes[node];
      inside[node] = static_cast<std::uint8_t>(node != FlameGraph::kRoot && inside[n.parent] != 0);
      if (matches_[n.name] == 0 || inside[node] != 0) continue;
      matchedBytes_ += n.total;
      inside[node] = 1;
    }
  }
  update();
}

QColor FlameCanvas::colorOf(std::uint32_t node) const {
  const theme::Colors colors = theme::colorsOf(palette());
  const FlameNode& n = flame_->nodes[node];
  if (searching_) return matches_[n.name] != 0 ? colors.category(2) : blend(colors.line, colors.base, 0.5);
  if (node == FlameGraph::kRoot || (n.depth == 1 && flame_->name(node).starts_with('['))) return blend(colors.line, colors.base, 0.3);
  // The same function has the same colour everywhere; neighbours differ mostly.
  const std::size_t hash = std::hash<std::string>()(flame_->name(node));
  return blend(colors.category(hash % 5 == 3 ? 6 : hash % 5), colors.base, 0.55 + 0.04 * static_cast<double>(hash / 5 % 5));
}

void FlameCanvas::drawBox(QPainter& painter, const QRectF& box, std::uint32_t node) const {
  const QColor color = colorOf(node);
  const QRectF inner = box.adjusted(0, 0, box.width() > 3 ? -1 : 0, -1);
  painter.fillRect(inner, color);
  const int room = static_cast<int>(inner.width()) - 6;
  if (room < fontMetrics().averageCharWidth() * kLabelCharacters) return;
  painter.setPen(qGray(color.rgb()) > 128 ? Qt::black : Qt::white);
  // A site or an unknown place is no function and has nothing to shorten.
  const std::string& whole = flame_->name(node);
  const QString name = numbers::text(whole.find('(') == std::string::npos ? whole : shortFunction(whole));
  painter.drawText(inner.adjusted(3, 0, -3, 0), Qt::AlignVCenter | Qt::AlignLeft, fontMetrics().elidedText(name, Qt::ElideRight, room));
}

void FlameCanvas::drawBelow(QPainter& painter, std::uint32_t node, const QRect& seen) const {
  const double scale = width() / static_cast<double>(flame_->nodes[zoom_].total);
  const double top = (flame_->nodes[node].depth + 1.0) * rowHeight();
  if (top > seen.bottom()) return;
  const FlameGraph::Range range = flame_->children(node);
  for (std::uint32_t child = range.first; child < range.last; ++child) {
    const double left = static_cast<double>(start_[child] - start_[zoom_]) * scale, wide = static_cast<double>(flame_->nodes[child].total) * scale;
    if (wide < kNarrowest) {
      // The largest come first, so all that follow are too narrow as well.
      const std::uint32_t last = range.last - 1;
      const double right = static_cast<double>(start_[last] + flame_->nodes[last].total - start_[zoom_]) * scale;
      painter.fillRect(QRectF(left, top, std::max(0.5, right - left), rowHeight() - 1), theme::colorsOf(palette()).muted);
      return;
    }
    const QRectF box(left, top, wide, rowHeight());
    if (box.bottom() >= seen.top()) drawBox(painter, box, child);
    drawBelow(painter, child, seen);
  }
}

void FlameCanvas::paintEvent(QPaintEvent* event) {
  QPainter painter(this);
  const theme::Colors colors = theme::colorsOf(palette());
  painter.fillRect(event->rect(), colors.base);
  if (flame_ == nullptr || flame_->empty()) return;
  for (std::uint32_t at = zoom_;; at = flame_->nodes[at].parent) {
    drawBox(painter, QRectF(0, static_cast<double>(flame_->nodes[at].depth) * rowHeight(), width(), rowHeight()), at);
    if (at == FlameGraph::kRoot) break;
  }
  drawBelow(painter, zoom_, event->rect());
  painter.setBrush(Qt::NoBrush);
  if (hover_ && hover_ != selected_)
    if (const QRectF box = rectOf(*hover_); !box.isEmpty()) {
      painter.setPen(QPen(colors.warning, 2));
      painter.drawRect(box.adjusted(1, 1, -1, -1));
    }
  if (selected_)
    if (const QRectF box = rectOf(*selected_); !box.isEmpty()) {
      painter.setPen(QPen(hasFocus() ? colors.accent : colors.text, 2));
      painter.drawRect(box.adjusted(1, 1, -1, -1));
    }
}

void FlameCanvas::mouseMoveEvent(QMouseEvent* event) {
  const auto node = nodeAt(event->position());
  if (node == hover_) return;
  hover_ = node;
  update();
  Q_EMIT pointedAt();
}

void FlameCanvas::mousePressEvent(QMouseEvent* event) {
  if (event->button() != Qt::LeftButton) return QWidget::mousePressEvent(event);
  if (const auto node = nodeAt(event->position())) {
    select(*node);
    zoomTo(*node);
  }
}

void FlameCanvas::leaveEvent(QEvent* event) {
  QWidget::leaveEvent(event);
  if (!hover_) return;
  hover_.reset();
  update();
  Q_EMIT pointedAt();
}

void FlameCanvas::keyPressEvent(QKeyEvent* event) {
  if (flame_ == nullptr || flame_->empty() || event->modifiers() != Qt::NoModifier) return QWidget::keyPressEvent(event);
  const std::uint32_t at = selected_.value_or(zoom_);
  const FlameNode& n = flame_->nodes[at];
  const FlameNode& parent = flame_->nodes[n.parent];
  switch (event->key()) {
    case Qt::Key_Up:
      // Above the zoomed box the view follows.
      if (at == FlameGraph::kRoot) return select(at);
      return select(n.parent);
    case Qt::Key_Down:
      if (n.childCount > 0 && flame_->nodes[n.firstChild].total > 0) select(n.firstChild);
      return;
    case Qt::Key_Left:
      if (at != FlameGraph::kRoot && at > parent.firstChild) select(at - 1);
      return;
    case Qt::Key_Right:
      if (at != FlameGraph::kRoot && at + 1 < parent.firstChild + parent.childCount) select(at + 1);
      return;
    case Qt::Key_Return:
    case Qt::Key_Enter: return zoomTo(at);
    case Qt::Key_Backspace:
      return zoomTo(flame_->nodes[zoom_].parent);
    case Qt::Key_0: return zoomTo(FlameGraph::kRoot);
    default: QWidget::keyPressEvent(event);
  }
}

void FlameCanvas::contextMenuEvent(QContextMenuEvent* event) {
  if (event->reason() == QContextMenuEvent::Mouse) {
    if (const auto node = nodeAt(event->pos())) Q_EMIT menuWanted(*node, event->globalPos());
    return;
  }
  const std::uint32_t node = selected_.value_or(zoom_);
  const QRectF box = rectOf(node);
  Q_EMIT menuWanted(node, mapToGlobal(box.isEmpty() ? rect().center() : box.toRect().center()));
}

void FlameCanvas::focusInEvent(QFocusEvent* event) {
  QWidget::focusInEvent(event);
  update();
}

void FlameCanvas::focusOutEvent(QFocusEvent* event) {
  QWidget::focusOutEvent(event);
  update();
}

}  // namespace openclaw::gui
