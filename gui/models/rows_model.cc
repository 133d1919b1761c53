#include "gui/models/rows_model.h"

#include <utility>

#include <QFont>

namespace openclaw::gui {

QVariant headerAnswer(const ColumnSpec& column, int role) {
  switch (role) {
    case Qt::DisplayRole: return column.title;
    case Qt::ToolTipRole: return column.explanation.isEmpty() ? QVariant() : QVariant(column.explanation);
    case Qt::TextAlignmentRole: return QVariant::fromValue(Qt::Alignment(column.alignment | Qt::AlignVCenter));
    default: return {};
  }
}

RowsModel::RowsModel(std::vector<ColumnSpec> columns, QObject* parent)
    : QAbstractTableModel(parent), columns_(std::move(columns)) {}

void RowsModel::setRows(std::vector<Row> rows) {
  beginResetModel();
  rows_ = std::move(rows);
  endResetModel();
}

int RowsModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : static_cast<int>(rows_.size());
}

int RowsModel::columnCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : static_cast<int>(columns_.size());
}

QVariant RowsModel::data(const QModelIndex& index, int role) const {
  if (!index.isValid()) return {};
  const Row& row = rows_[static_cast<std::size_t>(index.row())];
  const auto column = static_cast<std::size_t>(index.column());
  if (column >= row.cells.size()) return {};
  const RowCell& cell = row.cells[column];
  switch (role) {
    case Qt::DisplayRole: return cell.text;
    case Qt::ToolTipRole: return cell.toolTip.isEmpty() ? QVariant(cell.text) : QVariant(cell.toolTip);
    case Qt::TextAlignmentRole: return QVariant::fromValue(Qt::Alignment(columns_[column].alignment | Qt::AlignVCenter));
    case kRawRole: return cell.raw.isValid() ? cell.raw : QVariant(cell.text);
    case kFractionRole: return cell.fraction ? QVariant(*cell.fraction) : QVariant();
    case kObjectRole: return row.object ? QVariant(quint32(row.object.value)) : QVariant();
    case kTypeRole: return row.type ? QVariant(quint32(row.type.value)) : QVariant();
    case kSiteRole: return row.site ? QVariant(quint32(row.site.value)) : QVariant();
    case kAgeRole: return row.age ? QVariant(quint32(*row.age)) : QVariant();
    case kMutedRole: return row.muted;
    case Qt::DecorationRole: return cell.swatch.isValid() ? QVariant(cell.swatch) : QVariant();
    case Qt::FontRole: {
      if (!row.bold) return {};
      QFont font;
      font.setBold(true);
      return font;
    }
    default: return {};
  }
}

QVariant RowsModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal || section < 0 || section >= columnCount()) return {};
  return headerAnswer(columns_[static_cast<std::size_t>(section)], role);
}

}  // namespace openclaw::gui
