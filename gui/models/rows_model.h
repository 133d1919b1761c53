// A small table that is given as finished rows: what the overview and the inspector show. Every cell has the text a
// person reads and the raw value that copying gives; a cell may carry a bar.
//
//   RowsModel model({{"Type"}, {"Own size", "Bytes of the objects themselves", Qt::AlignRight}});
//   model.setRows({{{.text = "Session", .raw = "Session"}, {.text = "412 MiB", .raw = 432013312ull}}});
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <QAbstractTableModel>
#include <QColor>
#include <QString>
#include <QVariant>

#include "format/ids.h"

namespace openclaw::gui {

// Roles beyond Qt's, the same in all models of the window.
enum Role : int {
  kRawRole = Qt::UserRole + 1,  // exact value: bytes, counts, text; for copying, sorting and tests
  kFractionRole,                // 0 to 1: length of the bar behind the number; invalid = no bar
  kObjectRole,                  // quint32: the object that the row stands for; invalid = none
  kTypeRole,                    // quint32: the type that the row stands for; invalid = none
  kSiteRole,                    // quint32: the allocation site that the row stands for; invalid = none
  kAgeRole,                     // quint32: the age that the row stands for; invalid = none
  kMutedRole,                   // bool: a row that stands for the rest, or a note
};

struct ColumnSpec {
  QString title;
  QString explanation = {};  // whole sentences, shown as the header's tooltip
  Qt::Alignment alignment = Qt::AlignLeft;
};

struct RowCell {
  QString text;
  QVariant raw = {};
  std::optional<double> fraction = {};
  QString toolTip = {};
  QColor swatch = {};  // a coloured square before the text, as in the picture beside the table
};

struct Row {
  std::vector<RowCell> cells;
  ObjectIndex object = ObjectIndex::none();
  TypeIndex type = TypeIndex::none();
  SiteIndex site = SiteIndex::none();
  std::optional<std::uint32_t> age = {};
  bool muted = false;
  bool bold = false;
};

class RowsModel : public QAbstractTableModel {
  Q_OBJECT

 public:
  explicit RowsModel(std::vector<ColumnSpec> columns, QObject* parent = nullptr);
  void setRows(std::vector<Row> rows);

  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

 private:
  std::vector<ColumnSpec> columns_;
  std::vector<Row> rows_;
};

// Header answers that all models of the window share.
QVariant headerAnswer(const ColumnSpec& column, int role);

}  // namespace openclaw::gui
