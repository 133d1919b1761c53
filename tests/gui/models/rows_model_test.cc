#include "gui/models/rows_model.h"

#include <QAbstractItemModelTester>

#include <gtest/gtest.h>

#include "tests/gui/printing.h"

namespace openclaw::gui {
namespace {

TEST(RowsModel, GivesTextToReadAndRawValuesToCopy) {
  RowsModel model({{"Part"}, {"Size", "Bytes", Qt::AlignRight}});
  QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
  model.setRows({{.cells = {{.text = "holes"}, {.text = "1.00 KiB", .raw = quint64{1024}, .fraction = 0.5}}, .object = ObjectIndex(7)}});
  const QModelIndex size = model.index(0, 1);
  EXPECT_EQ(size.data().toString(), "1.00 KiB");
  EXPECT_EQ(size.data(kRawRole).toULongLong(), 1024u);
  EXPECT_EQ(size.data(kFractionRole).toDouble(), 0.5);
  EXPECT_EQ(size.data(kObjectRole).toUInt(), 7u);
  EXPECT_FALSE(size.data(kTypeRole).isValid());
  EXPECT_TRUE(size.data(Qt::TextAlignmentRole).value<Qt::Alignment>() & Qt::AlignRight);
  EXPECT_EQ(model.index(0, 0).data(kRawRole).toString(), "holes");
  EXPECT_EQ(model.headerData(1, Qt::Horizontal, Qt::ToolTipRole).toString(), "Bytes");
}

}  // namespace
}  // namespace openclaw::gui
