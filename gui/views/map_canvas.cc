#include "gui/views/map_canvas.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstring>
#include <numeric>
#include <utility>

#include <QContextMenuEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QWheelEvent>

#include "gui/numbers.h"
#include "gui/theme.h"

namespace openclaw::gui {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kTileBytes = kLineBytes * kLinesOfBlock;
constexpr int kRows = 16;                                   // of a tile; each of 16 lines
constexpr std::uint64_t kRowBytes = kTileBytes / kRows;     // 4 KiB
constexpr std::uint64_t kGranule = 16;
constexpr int kGranulesOfRow = static_cast<int>(kRowBytes / kGranule);
constexpr int kLinesOfRow = 16;

constexpr double kLinesFrom = 24, kGranulesFrom = 192, kObjectsFrom = 1024;
constexpr double kSmallest = 2, kLargest = 65'536;          // pixels of a block
constexpr double kRevealed = 1536;                          // an object is brought into sight at this scale
// Of a frame of 16.7 ms: what may go into finer tiles.
constexpr std::chrono::milliseconds kTileBudget(5);
constexpr std::size_t kLineTilesKept = 16'384, kGranuleTilesKept = 1'024;
constexpr std::size_t kNamedTypes = 7;
constexpr int kLabels = 400;
constexpr int kDragPixels = 4;

// Viridis at eight steps: reads in the right order in grey and for colour-blind eyes.
constexpr std::array<QRgb, 8> kAgeColors = {0xfffde725, 0xffaadc32, 0xff5cc863, 0xff27ad81, 0xff21918c, 0xff2c728e, 0xff3b528b, 0xff472d7b};

QRgb mix(QRgb a, QRgb b, double shareOfB) {
  const int k = static_cast<int>(std::clamp(shareOfB, 0.0, 1.0) * 256);
  const auto part = [&](int x, int y) { return x + (y - x) * k / 256; };
  return qRgb(part(qRed(a), qRed(b)), part(qGreen(a), qGreen(b)), part(qBlue(a), qBlue(b)));
}

}  // namespace

MapCanvas::MapCanvas(QWidget* parent) : QWidget(parent) {
  setFocusPolicy(Qt::StrongFocus);
  setMouseTracking(true);
  setAttribute(Qt::WA_OpaquePaintEvent);
  setMinimumSize(200, 120);
  refine_.setSingleShot(true);
  refine_.setInterval(0);
  connect(&refine_, &QTimer::timeout, this, qOverload<>(&QWidget::update));
  colorsChanged();
}

void MapCanvas::setAnswers(std::shared_ptr<const Answers> answers) {
  if (answers_ && answers && answers_->snapshot == answers->snapshot) {
    answers_ = std::move(answers);
    colorsChanged();
    return;
  }
  answers_ = std::move(answers);
  hover_.reset();
  cursor_.reset();
  firstTile_.clear();
  regionOfTile_.clear();
  sections_.clear();
  if (answers_) {
    std::vector<std::uint32_t> order(regions().size());
    std::iota(order.begin(), order.end(), 0u);
    std::ranges::stable_sort(order, {}, [this](std::uint32_t r) { return regions()[r].arena; });
    firstTile_.resize(order.size());
    for (const std::uint32_t r : order) {
      const auto first = static_cast<std::uint32_t>(regionOfTile_.size());
      if (sections_.empty() || sections_.back().arena != regions()[r].arena) sections_.push_back({regions()[r].arena, first, 0, 0});
      firstTile_[r] = first;
      const std::uint64_t tiles = std::max<std::uint64_t>(1, (regions()[r].bytes.value + kTileBytes - 1) / kTileBytes);
      regionOfTile_.insert(regionOfTile_.end(), tiles, r);
      sections_.back().tiles += static_cast<std::uint32_t>(tiles);
    }
  }
  colorsChanged();
  fitAll();
}

void MapCanvas::setLens(MapLens lens) {
  lens_ = lens;
  colorsChanged();
}

// Tiles carry colours, so they go with them.
void MapCanvas::colorsChanged() {
  const theme::Colors colors = theme::colorsOf(palette());
  back_ = palette().color(QPalette::Window).rgb();
  hole_ = colors.dark ? qRgb(0x3a, 0x3f, 0x45) : qRgb(0xe3, 0xe7, 0xea);
  empty_ = mix(back_, hole_, 0.5);
  live_ = colors.accent.rgb();
  garbage_ = colors.unexplained.rgb();
  outside_ = mix(hole_, colors.muted.rgb(), 0.35);
  lines_.clear();
  granules_.clear();
  namedTypes_.clear();
  typeColors_.clear();
  if (answers_) {
    // Category 5 is the grey: for all types without a colour of their own.
    typeColors_.assign(answers_->snapshot->types().size(), colors.category(5).rgb());
    for (const HistogramRow& row : answers_->histogram) {
      if (namedTypes_.size() == kNamedTypes) break;
      const std::size_t category = namedTypes_.size() < 5 ? namedTypes_.size() : namedTypes_.size() + 1;
      typeColors_[row.type.value] = colors.category(category).rgb();
      namedTypes_.push_back(row.type);
    }
  }
  update();
}

std::vector<MapCanvas::LegendEntry> MapCanvas::legend() const {
  std::vector<LegendEntry> entries;
  if (!answers_) return entries;
  switch (lens_) {
    case MapLens::kOccupancy:
      entries = {{QColor(live_), tr("live")}, {QColor(garbage_), tr("unreachable")}};
      break;
    case MapLens::kAge:
      for (std::size_t age = 0; age < kAgeColors.size(); ++age) entries.push_back({QColor(kAgeColors[age]), numbers::age(static_cast<double>(age))});
      break;
    case MapLens::kType:
      for (const TypeIndex type : namedTypes_) entries.push_back({QColor(typeColors_[type.value]), numbers::text(answers_->snapshot->types()[type].name)});
      if (answers_->histogram.size() > namedTypes_.size()) entries.push_back({theme::colorsOf(palette()).category(5), tr("other types")});
      break;
  }
  if (answers_->scope) entries.push_back({QColor(outside_), tr("not in the scope")});
  entries.push_back({QColor(hole_), tr("no live object")});
  return entries;
}

// ---- where things are -----------------------------------------------------------------------------------------------

MapCanvas::Range MapCanvas::rangeOf(std::uint32_t tile) const {
  const std::uint32_t r = regionOfTile_[tile];
  const RegionRow& row = regions()[r];
  const std::uint64_t low = row.base.value + std::uint64_t{tile - firstTile_[r]} * kTileBytes;
  return {Address(low), Address(std::min(low + kTileBytes, row.base.value + row.bytes.value))};
}

std::optional<std::uint32_t> MapCanvas::tileOf(Address address) const {
  if (!answers_) return std::nullopt;
  const auto region = regionAt(*answers_->snapshot, address);
  if (!region || region->value >= regions().size()) return std::nullopt;
  const std::uint64_t offset = (address.value - regions()[region->value].base.value) / kTileBytes;
  return firstTile_[region->value] + static_cast<std::uint32_t>(offset);
}

std::optional<MapCanvas::Spot> MapCanvas::spotOf(Address address) const {
  const auto tile = tileOf(address);
  if (!tile) return std::nullopt;
  Spot spot{.tile = *tile, .region = RegionIndex(regionOfTile_[*tile]), .address = address, .object = ObjectIndex::none()};
  forEachObjectIn(*answers_->snapshot, address, address + Bytes(1), [&](ObjectIndex object) {
    spot.object = object;
    return false;
  });
  return spot;
}

MapCanvas::Cell MapCanvas::cellOfTile(std::uint32_t tile) const {
  const auto after = std::ranges::upper_bound(sections_, tile, {}, &Section::firstTile);
  const Section& section = *std::prev(after);
  return {section.firstRow + (tile - section.firstTile) / columns_, (tile - section.firstTile) % columns_};
}

// None: a heading, or behind the last tile of a section.
std::optional<std::uint32_t> MapCanvas::tileAt(std::uint64_t row, std::uint32_t column) const {
  const auto after = std::ranges::upper_bound(sections_, row, {}, &Section::firstRow);
  if (after == sections_.begin()) return std::nullopt;
  const Section& section = *std::prev(after);
  const std::uint64_t local = (row - section.firstRow) * columns_ + column;
  if (local >= section.tiles) return std::nullopt;
  return section.firstTile + static_cast<std::uint32_t>(local);
}

std::uint32_t MapCanvas::placeSections(std::uint32_t columns, std::uint32_t headingRows) {
  std::uint32_t row = 0;
  for (Section& section : sections_) {
    if (sections_.size() > 1) row += headingRows;
    section.firstRow = row;
    row += (section.tiles + columns - 1) / columns;
  }
  return std::max(1u, row);
}

QRect MapCanvas::rectOf(std::uint32_t tile) const {
  const auto [row, column] = cellOfTile(tile);
  const auto edge = [&](double block, double origin) { return static_cast<int>(std::lround((block - origin) * scale_)); };
  const int left = edge(column, origin_.x()), right = edge(column + 1.0, origin_.x());
  const int top = edge(row, origin_.y()), bottom = edge(row + 1.0, origin_.y());
  const int gap = scale_ >= 48 ? 2 : scale_ >= 6 ? 1 : 0;  // between blocks
  return QRect(left, top, std::max(1, right - left - gap), std::max(1, bottom - top - gap));
}

std::optional<MapCanvas::Spot> MapCanvas::spotAt(QPointF pixel) const {
  if (regionOfTile_.empty()) return std::nullopt;
  // By the middle of the pixel: edges of tiles are rounded to whole ones.
  const double x = origin_.x() + (std::floor(pixel.x()) + 0.5) / scale_, y = origin_.y() + (std::floor(pixel.y()) + 0.5) / scale_;
  if (x < 0 || y < 0 || x >= columns_) return std::nullopt;
  if (y >= rows_) return std::nullopt;
  const auto there = tileAt(static_cast<std::uint64_t>(y), static_cast<std::uint32_t>(x));
  if (!there) return std::nullopt;
  const std::uint32_t tile = *there;
  // As the tile is drawn: the gap at its right and bottom belongs to nothing.
  const QRect rect = rectOf(tile);
  const int px = static_cast<int>(std::floor(pixel.x())) - rect.left(), py = static_cast<int>(std::floor(pixel.y())) - rect.top();
  if (px < 0 || py < 0 || px >= rect.width() || py >= rect.height()) return std::nullopt;
  const auto row = static_cast<std::uint64_t>(py) * kRows / static_cast<std::uint64_t>(rect.height());
  const auto granule = static_cast<std::uint64_t>(px) * kGranulesOfRow / static_cast<std::uint64_t>(rect.width());
  const Range range = rangeOf(tile);
  const Address address(range.low.value + row * kRowBytes + granule * kGranule);
  if (address >= range.high) return std::nullopt;
  return spotOf(address);
}

std::optional<QPointF> MapCanvas::pixelOf(Address address) const {
  const auto tile = tileOf(address);
  if (!tile) return std::nullopt;
  const QRect rect = rectOf(*tile);
  const std::uint64_t offset = address.value - rangeOf(*tile).low.value;
  const auto granule = static_cast<double>(offset % kRowBytes) / kGranule;
  return QPointF(rect.left() + std::ceil(granule * rect.width() / kGranulesOfRow),
                 rect.top() + std::ceil(static_cast<double>(offset / kRowBytes) * rect.height() / kRows));
}

// ---- moving about ---------------------------------------------------------------------------------------------------

void MapCanvas::fitAll() {
  const double tiles = static_cast<double>(std::max<std::size_t>(1, regionOfTile_.size()));
  // The largest square so that all of them fit, in whole columns.
  double best = 0;
  const double ideal = std::sqrt(width() * static_cast<double>(height()) / tiles);
  const auto columnsAtMost = static_cast<std::uint32_t>(std::max(1.0, std::ceil(width() / std::max(1.0, ideal)) + 2));
  const double heading = fontMetrics().height() + 6;
  // With headings the rows depend on the scale and the scale on the rows.
  const std::uint32_t fewest = columnsAtMost > 5 && sections_.size() <= 1 ? columnsAtMost - 5 : 1;
  for (std::uint32_t columns = fewest; columns <= columnsAtMost; ++columns) {
    std::uint32_t headingRows = 0;
    double scale = 0;
    for (int pass = 0; pass < 3; ++pass) {
      const double rows = placeSections(columns, headingRows);
      scale = std::min(static_cast<double>(width()) / columns, height() / rows);
      if (sections_.size() <= 1) break;
      headingRows = std::max(headingRows, static_cast<std::uint32_t>(std::ceil(heading / std::max(scale, kSmallest))));
    }
    if (scale <= best) continue;
    best = scale;
    columns_ = columns;
    headingRows_ = headingRows;
  }
  scale_ = std::clamp(best, kSmallest, 256.0);
  // Smaller than two pixels a block nothing could be told apart: then the map is higher than the window.
  if (best < kSmallest) columns_ = static_cast<std::uint32_t>(std::max(1.0, width() / kSmallest));
  rows_ = placeSections(columns_, headingRows_);
  origin_ = {0, 0};
  fitted_ = true;
  clampView();
  update();
  Q_EMIT zoomed();
}

void MapCanvas::clampView() {
  const double rows = rows_;
  // The map may be dragged until its edge is in the middle, no further.
  const double halfWidth = width() / scale_ / 2, halfHeight = height() / scale_ / 2;
  const bool wide = columns_ * scale_ > width(), high = rows * scale_ > height();
  origin_.setX(wide ? std::clamp(origin_.x(), -halfWidth, columns_ - halfWidth) : 0);
  origin_.setY(high ? std::clamp(origin_.y(), fitted_ ? 0 : -halfHeight, rows - halfHeight) : 0);
}

void MapCanvas::zoomBy(double factor, QPointF around) {
  const QPointF held(origin_.x() + around.x() / scale_, origin_.y() + around.y() / scale_);
  const double scale = std::clamp(scale_ * factor, kSmallest, kLargest);
  if (scale == scale_) return;
  scale_ = scale;
  fitted_ = false;
  origin_ = {held.x() - around.x() / scale_, held.y() - around.y() / scale_};
  clampView();
  update();
  Q_EMIT zoomed();
}

void MapCanvas::panBy(QPointF pixels) {
  origin_ += pixels / scale_;
  fitted_ = false;
  clampView();
  update();
}

void MapCanvas::setSight(const Sight& sight) {
  if (sight.whole) return fitAll();
  fitted_ = false;
  scale_ = std::clamp(sight.blockPixels, kSmallest, kLargest);
  origin_ = sight.origin;
  clampView();
  update();
  Q_EMIT zoomed();
}

bool MapCanvas::reveal(ObjectIndex object) {
  if (!answers_ || object.value >= answers_->snapshot->objectCount()) return false;
  const auto spot = spotOf(cellOf(*answers_->snapshot, object));
  if (!spot) return false;
  cursor_ = spot;
  cursor_->object = object;
  if (scale_ < kRevealed) zoomBy(kRevealed / scale_, {0, 0});
  showCursor();
  update();
  Q_EMIT pointedAt();
  return true;
}

void MapCanvas::moveCursor(const Spot& spot) {
  cursor_ = spot;
  hover_.reset();
  update();
  Q_EMIT pointedAt();
  if (spot.object) Q_EMIT objectSelected(spot.object.value);
}

// Scrolls until the cursor is well inside.
void MapCanvas::showCursor() {
  const auto at = pixelOf(cursor_->address);
  if (!at) return;
  const double margin = std::min({scale_ / 2, width() / 4.0, height() / 4.0});
  QPointF move;
  if (at->x() < margin || at->x() > width() - margin) move.setX(at->x() - width() / 2.0);
  if (at->y() < margin || at->y() > height() - margin) move.setY(at->y() - height() / 2.0);
  if (!move.isNull()) panBy(move);
}

void MapCanvas::stepCursor(int key) {
  if (regionOfTile_.empty()) return;
  if (!cursor_) {
    const auto first = spotOf(rangeOf(0).low);
    if (first) moveCursor(*first);
    return;
  }
  const Snapshot& s = *answers_->snapshot;
  const auto tiles = static_cast<std::int64_t>(regionOfTile_.size());
  std::optional<Spot> next;
  if (scale_ < kGranulesFrom) {
    // Block by block.
    std::int64_t tile = cursor_->tile + std::int64_t{key == Qt::Key_Right} - std::int64_t{key == Qt::Key_Left};
    if (key == Qt::Key_Up || key == Qt::Key_Down) {
      // Over headings and the empty ends of sections.
      const Cell cell = cellOfTile(cursor_->tile);
      std::optional<std::uint32_t> there;
      for (std::int64_t row = std::int64_t{cell.row} + (key == Qt::Key_Up ? -1 : 1); row >= 0 && row < rows_ && !there; row += key == Qt::Key_Up ? -1 : 1)
        there = tileAt(static_cast<std::uint64_t>(row), cell.column);
      tile = there ? std::int64_t{*there} : -1;
    }
    if (tile >= 0 && tile < tiles) next = spotOf(rangeOf(static_cast<std::uint32_t>(tile)).low);
  } else if (key == Qt::Key_Left || key == Qt::Key_Right) {
    // Object by object, over holes.
    const std::uint32_t after = firstObjectAt(s, cursor_->address + Bytes(1));
    std::uint32_t object = cursor_->object ? cursor_->object.value : after;
    if (key == Qt::Key_Right) object = cursor_->object ? object + 1 : after;
    else if (object-- == 0) return;
    if (object < s.objectCount()) next = spotOf(cellOf(s, ObjectIndex(object)));
  } else {
    const std::uint64_t step = kRowBytes, at = cursor_->address.value;
    next = spotOf(Address(key == Qt::Key_Up ? at - std::min(at, step) : at + step));
    if (!next) {
      const std::int64_t tile = cursor_->tile + (key == Qt::Key_Up ? -1 : 1);
      if (tile >= 0 && tile < tiles) next = spotOf(rangeOf(static_cast<std::uint32_t>(tile)).low);
    }
  }
  if (!next) return;
  moveCursor(*next);
  showCursor();
}

void MapCanvas::keyPressEvent(QKeyEvent* event) {
  const QPointF middle = cursor_ && pixelOf(cursor_->address) && rect().contains(pixelOf(cursor_->address)->toPoint())
                             ? *pixelOf(cursor_->address) : QPointF(width() / 2.0, height() / 2.0);
  if (event->modifiers() == Qt::ShiftModifier) {
    switch (event->key()) {
      case Qt::Key_Left: return panBy({-width() / 4.0, 0});
      case Qt::Key_Right: return panBy({width() / 4.0, 0});
      case Qt::Key_Up: return panBy({0, -height() / 4.0});
      case Qt::Key_Down: return panBy({0, height() / 4.0});
      default: break;
    }
  }
  switch (event->key()) {
    case Qt::Key_Plus:
    case Qt::Key_Equal: return zoomBy(2, middle);
    case Qt::Key_Minus: return zoomBy(0.5, middle);
    case Qt::Key_0: return fitAll();
    case Qt::Key_PageUp: return panBy({0, -height() * 0.9});
    case Qt::Key_PageDown: return panBy({0, height() * 0.9});
    case Qt::Key_Left:
    case Qt::Key_Right:
    case Qt::Key_Up:
    case Qt::Key_Down:
      if (event->modifiers() == Qt::NoModifier) return stepCursor(event->key());
      break;
    case Qt::Key_Return:
    case Qt::Key_Enter:
      if (cursor_ && cursor_->object) Q_EMIT objectActivated(cursor_->object.value);
      return;
    default: break;
  }
  QWidget::keyPressEvent(event);
}

void MapCanvas::contextMenuEvent(QContextMenuEvent* event) {
  if (event->reason() == QContextMenuEvent::Mouse) {
    if (const auto spot = spotAt(event->pos())) Q_EMIT menuWanted(*spot, event->globalPos());
    return;
  }
  if (!cursor_) return;
  const QRect tile = rectOf(cursor_->tile) & rect();
  Q_EMIT menuWanted(*cursor_, mapToGlobal(tile.isEmpty() ? rect().center() : tile.center()));
}

void MapCanvas::wheelEvent(QWheelEvent* event) {
  // One notch is 120: half as large again.
  zoomBy(std::pow(1.5, event->angleDelta().y() / 120.0), event->position());
  event->accept();
}

void MapCanvas::mousePressEvent(QMouseEvent* event) {
  if (event->button() != Qt::LeftButton) return QWidget::mousePressEvent(event);
  pressed_ = event->position();
  dragging_ = false;
}

void MapCanvas::mouseMoveEvent(QMouseEvent* event) {
  if (pressed_ && (event->buttons() & Qt::LeftButton) != 0) {
    const QPointF moved = *pressed_ - event->position();
    if (!dragging_ && moved.manhattanLength() < kDragPixels) return;
    dragging_ = true;
    panBy(moved);
    pressed_ = event->position();
    return;
  }
  const auto spot = spotAt(event->position());
  if (spot == hover_) return;
  hover_ = spot;
  update();
  Q_EMIT pointedAt();
}

void MapCanvas::mouseReleaseEvent(QMouseEvent* event) {
  if (!pressed_) return;
  pressed_.reset();
  if (std::exchange(dragging_, false)) return;
  if (const auto spot = spotAt(event->position())) moveCursor(*spot);
}

void MapCanvas::mouseDoubleClickEvent(QMouseEvent* event) { zoomBy(4, event->position()); }

void MapCanvas::leaveEvent(QEvent* event) {
  QWidget::leaveEvent(event);
  if (!hover_) return;
  hover_.reset();
  update();
  Q_EMIT pointedAt();
}

void MapCanvas::resizeEvent(QResizeEvent* event) {
  QWidget::resizeEvent(event);
  if (fitted_) fitAll();
  else clampView();
}

void MapCanvas::changeEvent(QEvent* event) {
  QWidget::changeEvent(event);
  if (event->type() == QEvent::PaletteChange) colorsChanged();
}

void MapCanvas::focusInEvent(QFocusEvent* event) {
  QWidget::focusInEvent(event);
  update();
}

void MapCanvas::focusOutEvent(QFocusEvent* event) {
  QWidget::focusOutEvent(event);
  update();
}

// ---- drawing --------------------------------------------------------------------------------------------------------

QRgb MapCanvas::colorOf(ObjectIndex object) const {
  const Snapshot& s = *answers_->snapshot;
  if (!answers_->inScope(object)) return outside_;
  switch (lens_) {
    case MapLens::kOccupancy: return s.reachable(object) ? live_ : garbage_;
    case MapLens::kAge: return kAgeColors[std::min<std::size_t>(s.age(object), kAgeColors.size() - 1)];
    case MapLens::kType: return typeColors_[s.type(object).value];
  }
  return live_;
}

// A region in one colour: of what fills it, as strong as it is full.
QRgb MapCanvas::coarse(const RegionRow& row) const {
  if (row.objects == 0) return row.deadBytes.value > 0 ? hole_ : empty_;
  QRgb color = live_;
  if (answers_->scope && row.region.value < answers_->inRegions.regions.size()) {
    const RegionShare& share = answers_->inRegions.regions[row.region.value];
    if (lens_ == MapLens::kAge) color = kAgeColors[static_cast<std::size_t>(std::clamp(std::lround(share.meanAge), 0l, 7l))];
    if (lens_ == MapLens::kType && share.mostBytesType && share.mostBytesType.value < typeColors_.size()) color = typeColors_[share.mostBytesType.value];
    const QRgb others = mix(hole_, outside_, 0.15 + 0.85 * numbers::fraction(row.objectBytes.value, row.bytes.value));
    // A single object of the scope can still be told.
    return share.objects == 0 ? others : mix(others, color, 0.2 + 0.8 * numbers::fraction(share.bytes.value, row.bytes.value));
  }
  if (lens_ == MapLens::kAge) color = kAgeColors[static_cast<std::size_t>(std::clamp(std::lround(row.meanAge()), 0l, 7l))];
  if (lens_ == MapLens::kType && row.mostBytesType && row.mostBytesType.value < typeColors_.size()) color = typeColors_[row.mostBytesType.value];
  const double full = numbers::fraction(row.objectBytes.value, row.bytes.value);
  // What holds anything can be told from what holds nothing.
  return mix(hole_, color, 0.15 + 0.85 * full);
}

void MapCanvas::makeGranules(std::uint32_t tile, std::vector<QRgb>& granules) const {
  const Snapshot& s = *answers_->snapshot;
  const RegionRow& row = regions()[regionOfTile_[tile]];
  const Range range = rangeOf(tile);
  granules.assign(static_cast<std::size_t>(kRows) * kGranulesOfRow, row.objects == 0 && row.deadBytes.value == 0 ? empty_ : hole_);
  const std::size_t inRegion = static_cast<std::size_t>((range.high.value - range.low.value + kGranule - 1) / kGranule);
  std::fill(granules.begin() + static_cast<std::ptrdiff_t>(inRegion), granules.end(), back_);
  forEachObjectIn(s, range.low, range.high, [&](ObjectIndex object) {
    const std::uint64_t cell = cellOf(s, object).value, end = cell + s.size(object).value;
    const std::uint64_t from = cell <= range.low.value ? 0 : (cell - range.low.value) / kGranule;
    const std::uint64_t upTo = std::min<std::uint64_t>((end - range.low.value + kGranule - 1) / kGranule, inRegion);
    if (from < upTo) std::fill(granules.begin() + static_cast<std::ptrdiff_t>(from), granules.begin() + static_cast<std::ptrdiff_t>(upTo), colorOf(object));
    return true;
  });
}

const MapCanvas::TileImage* MapCanvas::tileImage(std::uint32_t tile, bool granules, bool mayMake) {
  auto& kept = granules ? granules_ : lines_;
  if (const auto found = kept.find(tile); found != kept.end()) {
    found->second.usedAt = frameNumber_;
    return &found->second;
  }
  if (!mayMake) return nullptr;
  if (kept.size() >= (granules ? kGranuleTilesKept : kLineTilesKept))
    std::erase_if(kept, [this](const auto& entry) { return entry.second.usedAt + 1 < frameNumber_; });
  std::vector<QRgb> pixels;
  makeGranules(tile, pixels);
  if (!granules) {
    // A line is the mean of its granules, so that half-filled lines look half filled.
    constexpr int kOfLine = kGranulesOfRow / kLinesOfRow;
    std::vector<QRgb> lines(static_cast<std::size_t>(kRows) * kLinesOfRow);
    for (std::size_t line = 0; line < lines.size(); ++line) {
      int red = 0, green = 0, blue = 0;
      for (std::size_t g = 0; g < kOfLine; ++g) {
        const QRgb pixel = pixels[line * kOfLine + g];
        red += qRed(pixel), green += qGreen(pixel), blue += qBlue(pixel);
      }
      lines[line] = qRgb(red / kOfLine, green / kOfLine, blue / kOfLine);
    }
    pixels = std::move(lines);
  }
  return &kept.emplace(tile, TileImage{std::move(pixels), frameNumber_}).first->second;
}

void MapCanvas::blit(const QRect& rect, const TileImage& tile, int columns) {
  const QRect seen = rect & QRect(0, 0, frame_.width(), frame_.height());
  if (seen.isEmpty()) return;
  int lastRow = -1;
  const QRgb* before = nullptr;
  for (int y = seen.top(); y <= seen.bottom(); ++y) {
    const int row = static_cast<int>(std::int64_t{y - rect.top()} * kRows / rect.height());
    auto* out = reinterpret_cast<QRgb*>(frame_.scanLine(y)) + seen.left();
    if (row == lastRow) {
      std::memcpy(out, before, sizeof(QRgb) * static_cast<std::size_t>(seen.width()));
      continue;
    }
    const QRgb* in = tile.pixels.data() + static_cast<std::ptrdiff_t>(row) * columns;
    for (int x = 0; x < seen.width(); ++x)
      out[x] = in[std::int64_t{x + seen.left() - rect.left()} * columns / rect.width()];
    lastRow = row;
    before = out;
  }
}

void MapCanvas::drawTiles() {
  frame_.fill(back_);
  settled_ = true;
  if (regionOfTile_.empty()) return;
  const bool fine = scale_ >= kLinesFrom, granules = scale_ >= kGranulesFrom;
  const auto firstColumn = static_cast<std::uint32_t>(std::max(0.0, std::floor(origin_.x())));
  const auto lastColumn = static_cast<std::uint32_t>(std::clamp(std::floor(origin_.x() + width() / scale_), 0.0, columns_ - 1.0));
  const auto firstRow = static_cast<std::uint32_t>(std::max(0.0, std::floor(origin_.y())));
  const auto lastRow = static_cast<std::uint32_t>(std::max(0.0, std::floor(origin_.y() + height() / scale_)));
  const auto until = Clock::now() + kTileBudget;
  bool inTime = true;
  const QRect whole(0, 0, frame_.width(), frame_.height());
  for (std::uint32_t row = firstRow; row <= lastRow && row < rows_; ++row)
    for (std::uint32_t column = firstColumn; column <= lastColumn; ++column) {
      const auto there = tileAt(row, column);
      if (!there) break;
      const std::uint32_t tile = *there;
      const QRect rect = rectOf(tile);
      if (fine) {
        const TileImage* image = tileImage(tile, granules, inTime);
        if (image != nullptr) {
          inTime = inTime && Clock::now() < until;
          blit(rect, *image, granules ? kGranulesOfRow : kLinesOfRow);
          continue;
        }
        settled_ = false;
        // What there is of it until its turn comes.
        if (granules)
          if (const TileImage* lines = tileImage(tile, false, false)) {
            blit(rect, *lines, kLinesOfRow);
            continue;
          }
      }
      const QRgb color = coarse(regions()[regionOfTile_[tile]]);
      const QRect seen = rect & whole;
      for (int y = seen.top(); y <= seen.bottom(); ++y) {
        auto* out = reinterpret_cast<QRgb*>(frame_.scanLine(y));
        std::fill(out + seen.left(), out + seen.right() + 1, color);
      }
    }
}

// At the bottom of the rows above each section.
std::vector<MapCanvas::Heading> MapCanvas::headings() const {
  std::vector<Heading> headings;
  if (sections_.size() <= 1) return headings;
  const int line = fontMetrics().height();
  for (const Section& section : sections_) {
    const double bottom = (section.firstRow - origin_.y()) * scale_;
    if (bottom < line || bottom - line > height()) continue;
    QString text = tr("arena %1").arg(section.arena);
    if (section.arena < answers_->snapshot->arenas().size()) {
      const ArenaInfo& arena = answers_->snapshot->arenas()[section.arena];
      if (!arena.ownedName.empty()) text = tr("arena %1").arg(numbers::text(arena.ownedName));
      text += tr(" · %1").arg(numbers::size(Bytes(arena.committed)));
    }
    if (section.arena < answers_->fragmentation.arenas.size())
      text += tr(" · %1 in holes that nobody can use").arg(numbers::share(answers_->fragmentation.arenas[section.arena].unusableBytes.value,
                                                                          answers_->fragmentation.arenas[section.arena].committed.value));
    headings.push_back({QRectF(2, bottom - line - 2, width() - 4, line), text});
  }
  return headings;
}

void MapCanvas::drawHeadings(QPainter& painter) const {
  painter.setPen(theme::colorsOf(palette()).text);
  for (const Heading& heading : headings())
    painter.drawText(heading.room, Qt::AlignLeft | Qt::AlignBottom, fontMetrics().elidedText(heading.text, Qt::ElideRight, static_cast<int>(heading.room.width())));
}

// Borders and names of the objects in sight.
void MapCanvas::drawObjects(QPainter& painter) const {
  const Snapshot& s = *answers_->snapshot;
  const int line = fontMetrics().height();
  int labels = 0;
  painter.setPen(QColor(back_));
  for (std::uint32_t row = static_cast<std::uint32_t>(std::max(0.0, origin_.y())); row < rows_ && row <= origin_.y() + height() / scale_; ++row)
    for (std::uint32_t column = static_cast<std::uint32_t>(std::max(0.0, origin_.x())); column < columns_ && column <= origin_.x() + width() / scale_; ++column) {
      const auto there = tileAt(row, column);
      if (!there) break;
      const std::uint32_t tile = *there;
      const QRect rect = rectOf(tile);
      const Range range = rangeOf(tile);
      const double rowHeight = static_cast<double>(rect.height()) / kRows, granuleWidth = static_cast<double>(rect.width()) / kGranulesOfRow;
      const auto firstRow = static_cast<std::uint64_t>(std::clamp(std::floor(-rect.top() / rowHeight), 0.0, kRows - 1.0));
      const auto lastRow = static_cast<std::uint64_t>(std::clamp(std::floor((height() - rect.top()) / rowHeight), 0.0, kRows - 1.0));
      for (std::uint64_t r = firstRow; r <= lastRow; ++r) {
        const int top = rect.top() + static_cast<int>(std::ceil(static_cast<double>(r) * rowHeight));
        const int bottom = rect.top() + static_cast<int>(std::ceil(static_cast<double>(r + 1) * rowHeight)) - 1;
        painter.setPen(QColor(back_));
        painter.drawLine(rect.left(), bottom, rect.right(), bottom);
        // The part of the row that is in sight.
        const double from = std::max(0.0, std::floor(-rect.left() / granuleWidth)), upTo = std::min<double>(kGranulesOfRow, std::ceil((width() - rect.left()) / granuleWidth));
        if (from >= upTo) continue;
        const Address base(range.low.value + r * kRowBytes);
        const Address low(base.value + static_cast<std::uint64_t>(from) * kGranule);
        const Address high(std::min(range.high.value, base.value + static_cast<std::uint64_t>(upTo) * kGranule));
        if (low >= high) continue;
        forEachObjectIn(s, low, high, [&](ObjectIndex object) {
          const std::uint64_t cell = cellOf(s, object).value, end = cell + s.size(object).value;
          const double begins = cell <= base.value ? 0 : static_cast<double>(cell - base.value) / kGranule;
          const double ends = std::min<double>(kGranulesOfRow, static_cast<double>(end - base.value) / kGranule);
          const int left = rect.left() + static_cast<int>(std::ceil(begins * granuleWidth)), right = rect.left() + static_cast<int>(std::ceil(ends * granuleWidth)) - 1;
          painter.setPen(QColor(back_));
          painter.drawLine(right, top, right, bottom);
          const int shownLeft = std::max(left, 0), shownRight = std::min(right, width());
          if (shownRight - shownLeft < 64 || bottom - top < line + 4 || ++labels > kLabels) return true;
          const QRgb color = colorOf(object);
          painter.setPen(qGray(color) > 128 ? Qt::black : Qt::white);
          const QRect room(shownLeft + 4, top + 2, shownRight - shownLeft - 8, line);
          painter.drawText(room, Qt::AlignLeft | Qt::AlignVCenter,
                           fontMetrics().elidedText(numbers::text(s.types()[s.type(object)].name), Qt::ElideLeft, room.width()));
          if (bottom - top > 2 * line + 8)
            painter.drawText(room.translated(0, line), Qt::AlignLeft | Qt::AlignVCenter,
                             fontMetrics().elidedText(numbers::size(s.size(object)), Qt::ElideRight, room.width()));
          return true;
        });
      }
    }
}

// The object of a spot, row by row of its tiles; the block when it is too small to be seen.
void MapCanvas::outline(QPainter& painter, const Spot& spot, const QColor& color) const {
  painter.setPen(QPen(color, 2));
  painter.setBrush(Qt::NoBrush);
  const QRect tileRect = rectOf(spot.tile);
  if (!spot.object || scale_ < kGranulesFrom) {
    if (spot.object == ObjectIndex::none() && scale_ >= kGranulesFrom) {
      if (const auto at = pixelOf(spot.address)) painter.drawRect(QRectF(at->x(), at->y(), std::max(3.0, scale_ / kGranulesOfRow), scale_ / kRows));
      return;
    }
    painter.drawRect(tileRect.adjusted(-1, -1, 1, 1));
    return;
  }
  const Snapshot& s = *answers_->snapshot;
  const std::uint64_t cell = cellOf(s, spot.object).value, end = cell + s.size(spot.object).value;
  // Of an object over many tiles, the rows of the tile that is pointed at.
  const Range range = rangeOf(spot.tile);
  const std::uint64_t low = std::max(cell, range.low.value), high = std::min(end, range.high.value);
  for (std::uint64_t at = low; at < high;) {
    const std::uint64_t offset = at - range.low.value, rowEnd = std::min(high - range.low.value, (offset / kRowBytes + 1) * kRowBytes);
    const double left = static_cast<double>(offset % kRowBytes) / kGranule * tileRect.width() / kGranulesOfRow;
    const double wide = static_cast<double>(rowEnd - offset) / kGranule * tileRect.width() / kGranulesOfRow;
    const double top = static_cast<double>(offset / kRowBytes) * tileRect.height() / kRows;
    painter.drawRect(QRectF(tileRect.left() + left, tileRect.top() + top, std::max(2.0, wide), std::max(2.0, static_cast<double>(tileRect.height()) / kRows)));
    at = range.low.value + rowEnd;
  }
}

void MapCanvas::paintEvent(QPaintEvent*) {
  const auto begin = Clock::now();
  ++frameNumber_;
  if (frame_.size() != size()) frame_ = QImage(size(), QImage::Format_RGB32);
  drawTiles();
  QPainter painter(this);
  painter.drawImage(0, 0, frame_);
  const theme::Colors colors = theme::colorsOf(palette());
  if (answers_ && !regionOfTile_.empty()) {
    if (scale_ >= kObjectsFrom) drawObjects(painter);
    drawHeadings(painter);
    if (cursor_) outline(painter, *cursor_, colors.text);
    if (hover_ && hover_ != cursor_) outline(painter, *hover_, colors.warning);
  }
  if (hasFocus()) {
    painter.setPen(QPen(colors.accent, 1));
    painter.setBrush(Qt::NoBrush);
    painter.drawRect(rect().adjusted(0, 0, -1, -1));
  }
  frameTime_ = Clock::now() - begin;
  if (!settled_) refine_.start();
}

}  // namespace openclaw::gui
