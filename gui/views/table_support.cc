#include "gui/views/table_support.h"

#include <algorithm>
#include <utility>

#include <QAction>
#include <QApplication>
#include <QClipboard>
#include <QEvent>
#include <QHeaderView>
#include <QItemSelectionModel>
#include <QKeyEvent>
#include <QPainter>
#include <QResizeEvent>
#include <QStringList>

#include "gui/theme.h"

namespace openclaw::gui {
namespace {

// From this many digits' width on a table shows its optional column.
constexpr int kRoomyWidth = 72;

}  // namespace

void BarDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const {
  const QVariant fraction = index.data(kFractionRole);
  if (fraction.toDouble() > 0 && !(option.state & QStyle::State_Selected)) {
    const double length = std::clamp(fraction.toDouble(), 0.0, 1.0);
    QRect bar = option.rect.adjusted(4, 2, -4, -2);
    bar.setWidth(std::max(1, static_cast<int>(bar.width() * length + 0.5)));
    painter->fillRect(bar, theme::colorsOf(option.palette).bar);
  }
  QStyledItemDelegate::paint(painter, option, index);
}

QSize BarDelegate::sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const {
  QSize size = QStyledItemDelegate::sizeHint(option, index);
  size.setHeight(option.fontMetrics.height() + 5);
  return size;
}

void BarDelegate::initStyleOption(QStyleOptionViewItem* option, const QModelIndex& index) const {
  QStyledItemDelegate::initStyleOption(option, index);
  if (index.data(kMutedRole).toBool()) {
    const QColor muted = theme::colorsOf(option->palette).muted;
    option->palette.setColor(QPalette::Text, muted);
  }
}

QString selectedRowsAsText(const QAbstractItemView& view) {
  const QItemSelectionModel* selection = view.selectionModel();
  if (selection == nullptr) return {};
  QModelIndexList rows = selection->selectedRows();
  if (rows.isEmpty() && view.currentIndex().isValid()) rows.push_back(view.currentIndex().siblingAtColumn(0));
  std::ranges::sort(rows, {}, [](const QModelIndex& i) { return i.row(); });
  QString text;
  for (const QModelIndex& row : rows) {
    QStringList cells;
    for (int column = 0; column < row.model()->columnCount(row.parent()); ++column)
      cells.push_back(row.siblingAtColumn(column).data(kRawRole).toString());
    text += cells.join(QLatin1Char('\t')) + QLatin1Char('\n');
  }
  return text;
}

void copySelectedRows(const QAbstractItemView& view) {
  const QString text = selectedRowsAsText(view);
  if (!text.isEmpty()) QApplication::clipboard()->setText(text);
}

void equip(QAbstractItemView& view) {
  view.setItemDelegate(new BarDelegate(&view));
  view.setSelectionBehavior(QAbstractItemView::SelectRows);
  view.setEditTriggers(QAbstractItemView::NoEditTriggers);
  view.setTextElideMode(Qt::ElideMiddle);
  view.setTabKeyNavigation(false);
  auto* copy = new QAction(QObject::tr("&Copy rows with exact values"), &view);
  copy->setShortcut(QKeySequence::Copy);
  copy->setShortcutContext(Qt::WidgetShortcut);
  QObject::connect(copy, &QAction::triggered, &view, [&view] { copySelectedRows(view); });
  view.addAction(copy);
  view.setContextMenuPolicy(Qt::ActionsContextMenu);
}

RowsTable::RowsTable(std::vector<ColumnSpec> columns, QWidget* parent)
    : QTableView(parent), model_(new RowsModel(std::move(columns), this)) {
  setModel(model_);
  equip(*this);
  verticalHeader()->hide();
  verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
  horizontalHeader()->setHighlightSections(false);
  horizontalHeader()->setSectionsClickable(false);
  setShowGrid(false);
  setWordWrap(false);
  setFrameShape(QFrame::NoFrame);
  setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  connect(this, &QAbstractItemView::doubleClicked, this, &RowsTable::activate);
  fitHeight();
}

void RowsTable::setStretched(std::vector<int> columns) { stretched_ = std::move(columns); }

void RowsTable::setWidth(int column, int characters) { widths_.emplace_back(column, characters); }

void RowsTable::setFitsRows(bool fits) {
  fitsRows_ = fits;
  setVerticalScrollBarPolicy(fits ? Qt::ScrollBarAlwaysOff : Qt::ScrollBarAsNeeded);
  fitHeight();
}

void RowsTable::setRows(std::vector<Row> rows) {
  model_->setRows(std::move(rows));
  const int columns = model_->columnCount();
  for (int column = 0; column < columns; ++column) {
    const bool stretched = std::ranges::find(stretched_, column) != stretched_.end();
    const bool bars = model_->rowCount() > 0 && model_->index(0, column).data(kFractionRole).isValid();
    horizontalHeader()->setSectionResizeMode(column, stretched ? QHeaderView::Stretch
                                                     : bars    ? QHeaderView::Fixed
                                                               : QHeaderView::ResizeToContents);
    // Bars need some length to be compared.
    if (bars) horizontalHeader()->resizeSection(column, fontMetrics().horizontalAdvance(QLatin1Char('0')) * 15);
  }
  for (const auto& [column, characters] : widths_) {
    horizontalHeader()->setSectionResizeMode(column, QHeaderView::Fixed);
    horizontalHeader()->resizeSection(column, fontMetrics().horizontalAdvance(QLatin1Char('0')) * characters);
  }
  fitHeight();
}

void RowsTable::fitHeight() {
  const int rowHeight = fontMetrics().height() + 5;
  verticalHeader()->setMinimumSectionSize(rowHeight);
  verticalHeader()->setDefaultSectionSize(rowHeight);
  if (!fitsRows_) {
    setMinimumHeight(0);
    setMaximumHeight(QWIDGETSIZE_MAX);
    return;
  }
  setFixedHeight(horizontalHeader()->sizeHint().height() + rowHeight * model_->rowCount() + 2 * frameWidth() + 1);
}

void RowsTable::resizeEvent(QResizeEvent* event) {
  if (optional_ >= 0) setColumnHidden(optional_, event->size().width() < kRoomyWidth * fontMetrics().horizontalAdvance(QLatin1Char('0')));
  QTableView::resizeEvent(event);
}

void RowsTable::activate(const QModelIndex& index) {
  if (const QVariant object = index.data(kObjectRole); object.isValid()) Q_EMIT objectActivated(object.toUInt());
  else if (const QVariant type = index.data(kTypeRole); type.isValid()) Q_EMIT typeActivated(type.toUInt());
}

void RowsTable::keyPressEvent(QKeyEvent* event) {
  if ((event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter) && currentIndex().isValid()) {
    activate(currentIndex());
    return;
  }
  QTableView::keyPressEvent(event);
}

void RowsTable::currentChanged(const QModelIndex& current, const QModelIndex& previous) {
  QTableView::currentChanged(current, previous);
  if (const QVariant object = current.data(kObjectRole); object.isValid() && hasFocus()) Q_EMIT objectSelected(object.toUInt());
}

void RowsTable::changeEvent(QEvent* event) {
  QTableView::changeEvent(event);
  if (event->type() == QEvent::FontChange || event->type() == QEvent::StyleChange) fitHeight();
}

}  // namespace openclaw::gui
