#include "gui/models/dominator_model.h"

#include <chrono>

#include <QAbstractItemModelTester>
#include <QSignalSpy>

#include <gtest/gtest.h>

#include "tests/gui/printing.h"
#include "tests/gui/test_dumps.h"

namespace openclaw::gui {
namespace {

using test::answersOf;
using Mode = QAbstractItemModelTester::FailureReportingMode;

// a owns b and c; d is reached through both, so a owns it as well; z is garbage.
constexpr std::string_view kDiamond = "root->a; a:Top*64->b c; b:Left*48->d; c:Right*32->d; d:Join*128; z:Lost*16";

QString text(const QModelIndex& index, int column) { return index.siblingAtColumn(column).data().toString(); }

TEST(DominatorModel, IsAModelAsQtWantsItThroughAllChanges) {
  DominatorModel model;
  QAbstractItemModelTester tester(&model, Mode::Fatal);
  model.setAnswers(answersOf(kDiamond));
  model.setTop(ObjectIndex(1));
  model.setTop(std::nullopt);
  model.setAnswers(answersOf({.sessions = 30, .wideChildren = 2500}));
  // Of scopes: of a type that is everywhere, and of what is retained somewhere.
  const auto whole = answersOf({.sessions = 30, .wideChildren = 2500});
  for (const Scope& scope : {Scope{{ScopePart::type(whole->histogram.front().type)}}, Scope{{ScopePart::ages(1, 7)}},
                             Scope{{ScopePart::retainedBy(ObjectIndex(whole->snapshot->dominatedBy(std::nullopt).front()))}}})
    model.setAnswers(computeScopedAnswers(whole, scope, {}, [](std::string_view, double) {}));
  model.setAnswers(nullptr);
  EXPECT_EQ(model.rowCount(), 0);
}

TEST(DominatorModel, OfAScopeBeginsWithItsObjectsThatNoOtherOfItOwns) {
  // x1 owns x2 through y; x3 stands elsewhere; the scope is of all X.
  const auto whole = answersOf("root->t; t:Top*64->x1 z; x1:X*64->y; y:Y*32->x2; x2:X*32; z:Z*16->x3; x3:X*128->w; w:W*16");
  const Snapshot& s = *whole->snapshot;
  const auto type = std::ranges::find_if(whole->histogram, [&](const HistogramRow& row) { return s.types()[row.type].name == "X"; })->type;
  DominatorModel model;
  model.setAnswers(computeScopedAnswers(whole, Scope{{ScopePart::type(type)}}, {}, [](std::string_view, double) {}));
  ASSERT_EQ(model.rowCount(), 2);
  const QModelIndex first = model.index(0, 0), second = model.index(1, 0);
  EXPECT_EQ(text(first, DominatorModel::kObject), "X");  // x3 with w retains 144, x1 with y and x2 128
  EXPECT_EQ(text(first, DominatorModel::kRetained), "144 B");
  EXPECT_EQ(text(second, DominatorModel::kRetained), "128 B");
  EXPECT_EQ(text(model.index(0, 0, first), DominatorModel::kObject), "W");  // what they own is there, in the scope or not
  const QModelIndex y = model.index(0, 0, second), x2 = model.index(0, 0, y);
  EXPECT_EQ(text(x2, DominatorModel::kObject), "X");
  EXPECT_EQ(model.parent(x2), y);
  EXPECT_EQ(model.parent(second), QModelIndex());
  EXPECT_EQ(model.indexOf(*model.objectAt(x2)), x2);
  // Top owns them all and is no row: it is not in the scope.
  EXPECT_FALSE(model.indexOf(ObjectIndex(s.dominatedBy(std::nullopt).front())).isValid());
}

TEST(DominatorModel, JoinOfADiamondStandsBelowItsTop) {
  DominatorModel model;
  model.setAnswers(answersOf(kDiamond));
  ASSERT_EQ(model.rowCount(), 1);
  const QModelIndex top = model.index(0, 0);
  EXPECT_EQ(text(top, DominatorModel::kObject), "Top");
  EXPECT_EQ(text(top, DominatorModel::kRetained), "272 B");
  EXPECT_EQ(text(top, DominatorModel::kShare), "100.0 %");
  EXPECT_EQ(text(top, DominatorModel::kOwned), "3");
  ASSERT_EQ(model.rowCount(top), 3);
  const QModelIndex join = model.index(0, 0, top);
  EXPECT_EQ(text(join, DominatorModel::kObject), "Join");
  EXPECT_EQ(text(join, DominatorModel::kHeldBy), "several owners");
  EXPECT_EQ(join.siblingAtColumn(DominatorModel::kRetained).data(kRawRole).toULongLong(), 128u);
  EXPECT_EQ(join.parent(), top);
  EXPECT_FALSE(model.hasChildren(join));
}

TEST(DominatorModel, ChildrenSayWhichFieldHoldsThem) {
  DominatorModel model;
  const auto answers = answersOf({.sessions = 5, .messages = 4});
  model.setAnswers(answers);
  QModelIndex table;
  for (int row = 0; row < model.rowCount(); ++row)
    if (text(model.index(row, 0), DominatorModel::kHeldBy) == "global sessions_") table = model.index(row, 0);
  ASSERT_TRUE(table.isValid());
  const QModelIndex session = model.index(0, 0, table);
  ASSERT_EQ(text(session, DominatorModel::kObject), "service::Session");
  QStringList fields;
  for (int row = 0; row < model.rowCount(session); ++row) fields.push_back(text(model.index(row, 0, session), DominatorModel::kHeldBy));
  EXPECT_TRUE(fields.contains("messages_")) << fields.join(' ').toStdString();
  EXPECT_TRUE(fields.contains("id_")) << fields.join(' ').toStdString();
}

TEST(DominatorModel, AWideOwnerShowsAPageAndThenTheRest) {
  DominatorModel model;
  QAbstractItemModelTester tester(&model, Mode::Fatal);
  const auto answers = answersOf({.sessions = 3, .messages = 1, .wideChildren = 2500});
  model.setAnswers(answers);
  const QModelIndex wide = model.index(0, 0);
  ASSERT_EQ(text(wide, DominatorModel::kObject), "wide::Array");
  ASSERT_EQ(model.rowCount(wide), 1001);
  const auto rest = [&] { return model.index(model.rowCount(wide) - 1, 0, wide); };
  ASSERT_TRUE(model.isMore(rest()));
  EXPECT_TRUE(text(rest(), 0).contains("1,500 more")) << text(rest(), 0).toStdString();
  // Shown and rest add up to what the owner retains below itself.
  quint64 sum = 0;
  for (int row = 0; row < model.rowCount(wide); ++row)
    sum += model.index(row, DominatorModel::kRetained, wide).data(kRawRole).toULongLong();
  const Snapshot& s = *answers->snapshot;
  const ObjectIndex array = *model.objectAt(wide);
  EXPECT_EQ(sum, (s.retained(array) - s.size(array)).value);

  QSignalSpy inserted(&model, &QAbstractItemModel::rowsInserted), removed(&model, &QAbstractItemModel::rowsRemoved);
  model.showMore(rest());
  EXPECT_EQ(model.rowCount(wide), 2001);
  model.showMore(rest());
  EXPECT_EQ(model.rowCount(wide), 2500);
  EXPECT_EQ(inserted.count(), 2);
  EXPECT_EQ(removed.count(), 2);
  EXPECT_FALSE(model.isMore(rest()));
}

TEST(DominatorModel, EveryShownObjectIsFoundAgainAtItsIndex) {
  DominatorModel model;
  model.setAnswers(answersOf({.sessions = 40, .messages = 3, .wideChildren = 1500}));
  int checked = 0;
  const auto check = [&](const auto& self, const QModelIndex& parent) -> void {
    for (int row = 0; row < model.rowCount(parent); ++row) {
      const QModelIndex index = model.index(row, 0, parent);
      ASSERT_EQ(index.parent(), parent);
      if (const auto object = model.objectAt(index)) {
        ASSERT_EQ(model.indexOf(*object), index);
        ++checked;
      }
      self(self, index);
    }
  };
  check(check, {});
  EXPECT_GT(checked, 1000);
}

TEST(DominatorModel, WhatIsNotShownHasNoIndex) {
  DominatorModel model;
  const auto answers = answersOf(kDiamond);
  model.setAnswers(answers);
  EXPECT_FALSE(model.indexOf(ObjectIndex(4)).isValid());  // garbage
  EXPECT_FALSE(model.indexOf(ObjectIndex(99)).isValid());
  model.setTop(ObjectIndex(1));
  EXPECT_EQ(model.rowCount(), 1);
  EXPECT_TRUE(model.indexOf(ObjectIndex(1)).isValid());
  EXPECT_FALSE(model.indexOf(ObjectIndex(0)).isValid());
  EXPECT_FALSE(model.index(0, 0).parent().isValid());
}

TEST(DominatorModel, AMillionChildrenCostTheirFirstPage) {
  const auto answers = answersOf({.sessions = 2, .messages = 1, .wideChildren = 1'000'000, .pauses = 3});
  DominatorModel model;
  const auto start = std::chrono::steady_clock::now();
  model.setAnswers(answers);
  const QModelIndex wide = model.index(0, 0);
  ASSERT_EQ(model.rowCount(wide), 1001);
  for (int row = 0; row < 50; ++row)
    for (int column = 0; column < DominatorModel::kColumns; ++column) (void)text(model.index(row, 0, wide), column);
  const double milliseconds = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  EXPECT_LT(milliseconds, 1000);  // budget 100 ms on an idle machine
}

}  // namespace
}  // namespace openclaw::gui
