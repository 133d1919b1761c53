// What all tables and trees of the window share: bars behind numbers, copying raw values, and a small table that is
// as high as its rows.
//
//   equip(*tree);                                   // delegate, elision, Ctrl+C, context menu
//   auto* table = new RowsTable({{"Type"}, {"Own size", "…", Qt::AlignRight}});
//   table->setRows(std::move(rows));
#pragma once

#include <utility>
#include <vector>

#include <QStyledItemDelegate>
#include <QTableView>

#include "gui/models/rows_model.h"

class QAbstractItemView;

namespace openclaw::gui {

// Draws a neutral bar behind cells that have kFractionRole, and muted rows muted.
class BarDelegate : public QStyledItemDelegate {
  Q_OBJECT

 public:
  using QStyledItemDelegate::QStyledItemDelegate;
  void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override;
  QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;

 protected:
  void initStyleOption(QStyleOptionViewItem* option, const QModelIndex& index) const override;
};

// The selected rows with their raw values, tabs between cells, a line each; the current row when none is selected.
QString selectedRowsAsText(const QAbstractItemView& view);
void copySelectedRows(const QAbstractItemView& view);

// Delegate, row selection, Ctrl+C and a context menu with Copy.
void equip(QAbstractItemView& view);

// A table that is as high as its rows, for few rows.
class RowsTable : public QTableView {
  Q_OBJECT

 public:
  explicit RowsTable(std::vector<ColumnSpec> columns, QWidget* parent = nullptr);
  void setRows(std::vector<Row> rows);
  // false: scrolls inside the height it is given.
  void setFitsRows(bool fits);
  // Columns that share the room that the others leave; the first one unless said. For the next setRows().
  void setStretched(std::vector<int> columns);
  // A column of this many digits' width; the others are as wide as their widest text. For the next setRows().
  void setWidth(int column, int characters);
  // A column that goes when the table is too narrow for all.
  void setOptional(int column) { optional_ = column; }
  const RowsModel& rowsModel() const { return *model_; }

 Q_SIGNALS:
  // Enter or double click on a row that stands for one.
  void objectActivated(quint32 object);
  void typeActivated(quint32 type);
  void objectSelected(quint32 object);

 protected:
  void keyPressEvent(QKeyEvent* event) override;
  void changeEvent(QEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;
  void currentChanged(const QModelIndex& current, const QModelIndex& previous) override;

 private:
  void activate(const QModelIndex& index);
  void fitHeight();
  RowsModel* model_;
  bool fitsRows_ = true;
  int optional_ = -1;
  std::vector<int> stretched_ = {0};
  std::vector<std::pair<int, int>> widths_;  // column, characters
};

}  // namespace openclaw::gui
