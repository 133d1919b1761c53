// One scope for all views, used as a person uses it: menus, labels, keys, back and forward. Runs offscreen, and once more on
// a real X server (run_under_xvfb.sh).
#include <memory>

#include <QAbstractItemModelTester>
#include <QAction>
#include <QApplication>
#include <QElapsedTimer>
#include <QLabel>
#include <QMenu>
#include <QPushButton>
#include <QSignalSpy>
#include <QTableView>
#include <QTest>
#include <QToolButton>
#include <QTreeView>

#include <gtest/gtest.h>

#include "analyzer/graph/merged_paths.h"
#include "gui/main_window.h"
#include "gui/models/dominator_model.h"
#include "gui/models/histogram_model.h"
#include "gui/models/merged_paths_model.h"
#include "gui/numbers.h"
#include "gui/views/flame_canvas.h"
#include "gui/views/map_canvas.h"
#include "gui/views/view.h"
#include "tests/gui/printing.h"
#include "tests/gui/test_dumps.h"

namespace openclaw::gui {
namespace {

constexpr int kPatience = 60'000;

class ScopeJourney : public testing::Test {
 protected:
  void SetUp() override {
    static test::DumpFiles files;
    static const QString dump = files.write("scope.bin", {.sessions = 120, .wideChildren = 50});
    window_ = std::make_unique<MainWindow>();
    window_->resize(1600, 1000);
    window_->show();
    window_->activateWindow();
    ASSERT_TRUE(QTest::qWaitForWindowActive(window_.get()));
    window_->openDump(dump);
    settle();
    ASSERT_TRUE(window_->answers());
  }
  void settle() { ASSERT_TRUE(QTest::qWaitFor([&] { return !window_->loading(); }, kPatience)); }
  const Answers& answers() { return *window_->answers(); }
  const Snapshot& snapshot() { return *answers().snapshot; }

  template <class T>
  T& see(const char* name) {
    for (T* widget : window_->findChildren<T*>(QLatin1String(name)))
      if (widget->isVisible()) return *widget;
    throw std::runtime_error(std::string("not to be seen: ") + name);
  }
  bool seen(const char* name) {
    for (const QWidget* widget : window_->findChildren<QWidget*>(QLatin1String(name)))
      if (widget->isVisible()) return true;
    return false;
  }
  QString textOf(const char* name) { return see<QLabel>(name).text().remove(QChar(0x200b)); }
  void press(Qt::Key key, Qt::KeyboardModifiers modifiers = Qt::NoModifier) {
    QWidget* target = QApplication::focusWidget();
    QTest::keyClick(target != nullptr ? target : window_.get(), key, modifiers);
  }
  void place(int number) { press(static_cast<Qt::Key>(Qt::Key_0 + number), Qt::AltModifier); }
  QTableView& types() { return see<QTableView>("histogram"); }
  QTreeView& owners() { return see<QTreeView>("dominators"); }
  QTreeView& waitForPaths() {
    EXPECT_TRUE(QTest::qWaitFor([&] { return seen("mergedPaths") && !window_->busy(); }, kPatience));
    return see<QTreeView>("mergedPaths");
  }
  // The right button on a row, then an entry of the menu that comes up.
  void choose(QAbstractItemView& view, const QModelIndex& row, const char* action) {
    view.setCurrentIndex(row);
    view.scrollTo(row);
    QContextMenuEvent event(QContextMenuEvent::Mouse, view.visualRect(row).center(), view.viewport()->mapToGlobal(view.visualRect(row).center()));
    QApplication::sendEvent(view.viewport(), &event);
    trigger(action);
  }
  void trigger(const char* action) {
    auto* menu = qobject_cast<QMenu*>(QApplication::activePopupWidget());
    ASSERT_NE(menu, nullptr) << "no menu came up for " << action;
    for (QAction* entry : menu->actions()) {
      if (entry->objectName() != QLatin1String(action)) continue;
      ASSERT_TRUE(entry->isEnabled()) << action;
      QTest::mouseClick(menu, Qt::LeftButton, Qt::NoModifier, menu->actionGeometry(entry).center());
      settle();
      backInTheWindow();
      return;
    }
    menu->close();
    FAIL() << "the menu has no " << action;
  }
  // Without a window manager nobody gives the window the keys back when a menu has gone.
  void backInTheWindow() {
    ASSERT_TRUE(QTest::qWaitFor([] { return QApplication::activePopupWidget() == nullptr; }, kPatience));
    window_->activateWindow();
    ASSERT_TRUE(QTest::qWaitForWindowActive(window_.get()));
  }
  // What a scope selects, counted over the objects.
  std::uint64_t countByHand(const std::function<bool(ObjectIndex)>& in) {
    std::uint64_t count = 0;
    for (std::uint32_t i = 0; i < snapshot().objectCount(); ++i) count += in(ObjectIndex(i));
    return count;
  }

  std::unique_ptr<MainWindow> window_;
};

TEST_F(ScopeJourney, OnlyThisTypeNarrowsEveryViewAndItsLabelGoesWithAClick) {
  EXPECT_FALSE(seen("scopeBar"));
  place(2);
  const int all = types().model()->rowCount();
  const QString name = types().model()->index(1, 0).data().toString();
  const TypeIndex type(types().model()->index(1, 0).data(kTypeRole).toUInt());
  const quint64 objects = types().model()->index(1, HistogramModel::kObjects).data(kRawRole).toULongLong();
  choose(types(), types().model()->index(1, 0), "scopeOnly.type");

  EXPECT_EQ(window_->scope(), Scope{{ScopePart::type(type)}});
  EXPECT_EQ(types().model()->rowCount(), 1);
  EXPECT_EQ(types().model()->index(0, HistogramModel::kObjects).data(kRawRole).toULongLong(), objects);
  EXPECT_TRUE(see<QToolButton>("scopeLabel0").text().contains(name.right(12)));
  EXPECT_TRUE(textOf("scopeShare").startsWith(numbers::count(objects))) << textOf("scopeShare").toStdString();
  EXPECT_TRUE(textOf("status").contains("in the scope"));
  // Owners: the first level is of that type alone.
  place(3);
  for (int row = 0; row < owners().model()->rowCount(); ++row)
    if (const QVariant object = owners().model()->index(row, 0).data(kObjectRole); object.isValid()) {
      EXPECT_EQ(snapshot().type(ObjectIndex(object.toUInt())), type);
    }
  EXPECT_EQ(answers().flames[0].nodes.front().total, answers().scopeTotals.bytes.value);
  place(6);
  quint64 ages = 0;
  auto& table = see<QTableView>("generationsTable");
  for (int row = 0; row < table.model()->rowCount(); ++row) ages += table.model()->index(row, 1).data().toString().remove(QLatin1Char(',')).toULongLong();
  EXPECT_EQ(ages, answers().scopeTotals.reachableObjects);
  place(7);
  EXPECT_TRUE(textOf("scopeShare").contains("Not affected by the scope")) << textOf("scopeShare").toStdString();

  QTest::mouseClick(&see<QToolButton>("scopeLabel0"), Qt::LeftButton);
  settle();
  EXPECT_TRUE(window_->scope().empty());
  EXPECT_FALSE(seen("scopeBar"));
  place(2);
  EXPECT_EQ(types().model()->rowCount(), all);
}

TEST_F(ScopeJourney, PartsAddUpAndEscapeTakesTheLastAway) {
  place(2);
  const auto typeAt = [&](int row) { return TypeIndex(types().model()->index(row, 0).data(kTypeRole).toUInt()); };
  const TypeIndex first = typeAt(0);
  choose(types(), types().model()->index(0, 0), "scopeOnly.type");
  place(6);
  auto& ages = see<QTableView>("generationsTable");
  int oldest = 0;
  for (int row = 0; row < ages.model()->rowCount(); ++row)
    if (ages.model()->index(row, 1).data().toString() != "0") oldest = row;
  choose(ages, ages.model()->index(oldest, 0), "scopeOnly.age");
  EXPECT_EQ(window_->scope(), (Scope{{ScopePart::type(first), ScopePart::ages(static_cast<std::uint32_t>(oldest), static_cast<std::uint32_t>(oldest))}}));
  EXPECT_EQ(answers().scopeTotals.objects, countByHand([&](ObjectIndex o) { return snapshot().type(o) == first && snapshot().age(o) == oldest; }));
  EXPECT_TRUE(seen("scopeLabel1"));
  press(Qt::Key_Escape);
  settle();
  EXPECT_EQ(window_->scope(), Scope{{ScopePart::type(first)}});
  EXPECT_FALSE(seen("scopeLabel1"));
  press(Qt::Key_Escape);
  settle();
  EXPECT_TRUE(window_->scope().empty());
  press(Qt::Key_Escape);  // nothing is left to take away
  EXPECT_TRUE(window_->scope().empty());
}

TEST_F(ScopeJourney, WhatAnObjectRetainsIsAScope) {
  place(3);
  const QModelIndex row = owners().model()->index(0, 0);
  const ObjectIndex owner(row.data(kObjectRole).toUInt());
  choose(owners(), row, "scopeOnly.retained-by");
  EXPECT_EQ(window_->scope(), Scope{{ScopePart::retainedBy(owner)}});
  EXPECT_EQ(answers().scopeTotals.bytes, snapshot().retained(owner));
  EXPECT_EQ(owners().model()->rowCount(), 1);
  // The objects below are still there, and the selection has stayed.
  EXPECT_EQ(owners().currentIndex().data(kObjectRole).toUInt(), owner.value);
  EXPECT_TRUE(textOf("inspectorFacts").contains("In the scope"));
  EXPECT_TRUE(owners().model()->hasChildren(owners().model()->index(0, 0)));
}

TEST_F(ScopeJourney, BackAndForwardRestoreViewScopeAndSelection) {
  place(2);
  const TypeIndex type(types().model()->index(0, 0).data(kTypeRole).toUInt());
  choose(types(), types().model()->index(0, 0), "scopeOnly.type");
  place(3);
  owners().setCurrentIndex(owners().model()->index(std::min(3, owners().model()->rowCount() - 1), 0));
  const quint32 selected = owners().currentIndex().data(kObjectRole).toUInt();
  const Scope one = window_->scope();
  choose(owners(), owners().currentIndex(), "scopeOnly.retained-by");
  const Scope two = window_->scope();
  ASSERT_NE(one, two);
  place(6);

  press(Qt::Key_Left, Qt::AltModifier);  // from the generations to the owners of the same scope
  settle();
  EXPECT_EQ(window_->scope(), two);
  EXPECT_TRUE(seen("dominators"));
  press(Qt::Key_Left, Qt::AltModifier);
  settle();
  EXPECT_EQ(window_->scope(), one);
  EXPECT_EQ(answers().scope->scope, one);
  EXPECT_TRUE(seen("dominators"));
  EXPECT_EQ(owners().currentIndex().data(kObjectRole).toUInt(), selected);
  press(Qt::Key_Left, Qt::AltModifier);
  settle();
  EXPECT_TRUE(seen("histogram"));
  EXPECT_EQ(window_->scope(), one);
  press(Qt::Key_Left, Qt::AltModifier);
  settle();
  EXPECT_TRUE(window_->scope().empty());
  EXPECT_FALSE(answers().scope);
  EXPECT_EQ(types().currentIndex().data(kTypeRole).toUInt(), type.value);
  for (int i = 0; i < 4; ++i) {
    press(Qt::Key_Right, Qt::AltModifier);
    settle();
  }
  EXPECT_EQ(window_->scope(), two);
  EXPECT_TRUE(seen("generationsTable"));
}

TEST_F(ScopeJourney, WhileAScopeIsComputedNoViewShowsTheOneBefore) {
  place(2);
  const int rows = types().model()->rowCount();
  window_->setScope(Scope{{ScopePart::ages(0, 0)}});
  ASSERT_TRUE(window_->loading());
  for (const MainWindow::Place& place : window_->places()) EXPECT_EQ(place.view->state(), View::State::kLoading) << place.id;
  EXPECT_TRUE(textOf("scopeShare").contains("selecting"));
  // A further wish replaces it; only the last one is ever shown.
  QSignalSpy settled(window_.get(), &MainWindow::settled);
  window_->setScope(Scope{{ScopePart::ages(1, 7)}});
  settle();
  EXPECT_EQ(settled.count(), 1);
  EXPECT_EQ(answers().scope->scope, (Scope{{ScopePart::ages(1, 7)}}));
  EXPECT_EQ(answers().scopeTotals.objects, countByHand([&](ObjectIndex o) { return snapshot().age(o) >= 1; }));

  // Esc gives up and stays with what was there.
  window_->setScope(Scope{{ScopePart::type(TypeIndex(1))}});
  ASSERT_TRUE(window_->loading());
  press(Qt::Key_Escape);
  EXPECT_FALSE(window_->loading());
  EXPECT_EQ(window_->scope(), (Scope{{ScopePart::ages(1, 7)}}));
  EXPECT_EQ(types().model()->rowCount() > 0, rows > 0);
  QCoreApplication::processEvents();  // a late result changes nothing
  EXPECT_EQ(window_->scope(), (Scope{{ScopePart::ages(1, 7)}}));
}

TEST_F(ScopeJourney, ThePaintedViewsHaveTheMenuToo) {
  place(5);
  auto& map = see<MapCanvas>("map");
  ObjectIndex object = ObjectIndex::none();
  for (std::uint32_t i = 0; i < snapshot().objectCount() && !object; ++i)
    if (snapshot().size(ObjectIndex(i)) >= Bytes(256) && snapshot().reachable(ObjectIndex(i))) object = ObjectIndex(i);
  ASSERT_TRUE(map.reveal(object));
  const MapCanvas::Sight before = map.sight();
  QContextMenuEvent byKey(QContextMenuEvent::Keyboard, {}, map.mapToGlobal(map.rect().center()));
  QApplication::sendEvent(&map, &byKey);
  trigger("scopeOnly.type");
  EXPECT_EQ(window_->scope(), Scope{{ScopePart::type(snapshot().type(object))}});
  // What was in sight stays there, and the legend says what is dimmed.
  EXPECT_EQ(map.sight().blockPixels, before.blockPixels);
  EXPECT_EQ(map.legend()[map.legend().size() - 2].words, "not in the scope");
  QApplication::sendEvent(&map, &byKey);
  trigger("scopeOnly.arena");
  EXPECT_TRUE(window_->scope().has(ScopeKind::kArena));
  window_->setScope({});

  place(4);
  auto& flame = see<FlameCanvas>("flame");
  std::uint32_t leaf = FlameGraph::kRoot;
  while (answers().flames[0].nodes[leaf].childCount > 0) leaf = answers().flames[0].nodes[leaf].firstChild;
  const SiteIndex site = answers().flames[0].nodes[leaf].site;
  ASSERT_TRUE(site);
  flame.select(leaf);
  QContextMenuEvent onFlame(QContextMenuEvent::Keyboard, {}, flame.mapToGlobal(flame.rect().center()));
  QApplication::sendEvent(&flame, &onFlame);
  trigger("scopeOnly.site");
  EXPECT_EQ(window_->scope(), Scope{{ScopePart::site(site)}});
  EXPECT_EQ(answers().scopeTotals.objects, countByHand([&](ObjectIndex o) { return snapshot().site(o) == site; }));
}

TEST_F(ScopeJourney, TheInspectorOffersWhatItsObjectIs) {
  place(3);
  owners().setCurrentIndex(owners().model()->index(0, 0));
  const ObjectIndex object(owners().currentIndex().data(kObjectRole).toUInt());
  auto& button = see<QToolButton>("inspectorScope");
  QTimer::singleShot(0, window_.get(), [&] {
    auto* menu = qobject_cast<QMenu*>(QApplication::activePopupWidget());
    ASSERT_NE(menu, nullptr);
    QAction* only = menu->findChild<QAction*>(QStringLiteral("scopeOnly.type"));
    ASSERT_NE(only, nullptr);
    QTest::mouseClick(menu, Qt::LeftButton, Qt::NoModifier, menu->actionGeometry(only).center());
  });
  QTest::mouseClick(&button, Qt::LeftButton);
  settle();
  EXPECT_EQ(window_->scope(), Scope{{ScopePart::type(snapshot().type(object))}});
}

TEST_F(ScopeJourney, AlternativesOfOneKindStandBesideEachOther) {
  place(2);
  const TypeIndex first(types().model()->index(0, 0).data(kTypeRole).toUInt()), second(types().model()->index(1, 0).data(kTypeRole).toUInt());
  window_->setScope(Scope{{ScopePart::type(first)}});
  settle();
  // The other type is no row any more; an object of it can be met in the inspector, or typed into an address.
  window_->setScope(window_->scope().with(ScopePart::type(second)));
  settle();
  EXPECT_EQ(types().model()->rowCount(), 2);
  EXPECT_EQ(answers().scopeTotals.objects, countByHand([&](ObjectIndex o) { return snapshot().type(o) == first || snapshot().type(o) == second; }));
  // Delete on a label removes that one.
  auto& label = see<QToolButton>("scopeLabel0");
  label.setFocus();
  QTest::keyClick(&label, Qt::Key_Delete);
  settle();
  EXPECT_EQ(window_->scope(), Scope{{ScopePart::type(second)}});
  press(Qt::Key_Backspace, Qt::ControlModifier | Qt::ShiftModifier);
  settle();
  EXPECT_TRUE(window_->scope().empty());
}

TEST_F(ScopeJourney, AnEmptyScopeSaysSoInEveryView) {
  // Two conditions that exclude each other: of a type, and what an object of another one retains that holds nothing.
  place(2);
  const TypeIndex type(types().model()->index(0, 0).data(kTypeRole).toUInt());
  ObjectIndex other = ObjectIndex::none();
  for (std::uint32_t i = 0; i < snapshot().objectCount() && !other; ++i)
    if (const ObjectIndex o(i); snapshot().reachable(o) && snapshot().type(o) != type && snapshot().dominatedBy(o).empty()) other = o;
  ASSERT_TRUE(other);
  window_->setScope(Scope{{ScopePart::type(type), ScopePart::retainedBy(other)}});
  settle();
  EXPECT_EQ(answers().scopeTotals.objects, 0u);
  EXPECT_TRUE(textOf("scopeShare").contains("No object of the dump lies in it"));
  for (const int number : {2, 3, 4, 6}) {
    place(number);
    EXPECT_TRUE(seen("messageTitle")) << number;
    EXPECT_TRUE(textOf("messageText").contains("Esc")) << number;
  }
  press(Qt::Key_Escape);
  settle();
  EXPECT_GT(answers().scopeTotals.objects, 0u);
}

// ---- merged paths ---------------------------------------------------------------------------------------------------

TEST_F(ScopeJourney, MergedPathsToATypeComeFromItsRowAndSayWhatTheAnalyzerSays) {
  place(2);
  const QModelIndex row = types().model()->index(1, 0);
  const TypeIndex type(row.data(kTypeRole).toUInt());
  choose(types(), row, "mergedPaths.type");
  EXPECT_EQ(window_->scope(), Scope{{ScopePart::type(type)}});
  auto& tree = waitForPaths();
  // The same rows, in the same order, as the analyzer has for objects of that type.
  const MergedPaths expected = computeMergedPaths(snapshot(), [&](ObjectIndex o) { return snapshot().type(o) == type; }, {});
  ASSERT_FALSE(expected.rows.empty());
  std::vector<quint64> depths, members, bytes;
  const std::function<void(const QModelIndex&, quint64)> walk = [&](const QModelIndex& parent, quint64 depth) {
    for (int i = 0; i < tree.model()->rowCount(parent); ++i) {
      const QModelIndex index = tree.model()->index(i, 0, parent);
      EXPECT_TRUE(tree.model()->rowCount(index) == 0 || tree.isExpanded(index));
      depths.push_back(depth);
      members.push_back(index.siblingAtColumn(MergedPathsModel::kMembers).data(kRawRole).toULongLong());
      bytes.push_back(index.siblingAtColumn(MergedPathsModel::kBytes).data(kRawRole).toULongLong());
      walk(index, depth + 1);
    }
  };
  walk({}, 0);
  ASSERT_EQ(members.size(), expected.rows.size());
  for (std::size_t i = 0; i < members.size(); ++i) {
    EXPECT_EQ(depths[i], expected.rows[i].depth) << i;
    EXPECT_EQ(members[i], expected.rows[i].members) << i;
    EXPECT_EQ(bytes[i], expected.rows[i].memberBytes.value) << i;
  }
  EXPECT_TRUE(textOf("pathsExplanation").startsWith(numbers::count(expected.members) + " object")) << textOf("pathsExplanation").toStdString();
  QAbstractItemModelTester tester(tree.model(), QAbstractItemModelTester::FailureReportingMode::Fatal);

  // A row of one object leads to its place among the owners; back leads here, and once more to the types.
  QModelIndex single = tree.model()->index(0, 0);
  while (single.isValid() && !single.data(kObjectRole).isValid()) single = tree.indexBelow(single);
  ASSERT_TRUE(single.isValid());
  tree.setFocus();
  tree.setCurrentIndex(single);
  const ObjectIndex object(single.data(kObjectRole).toUInt());
  press(Qt::Key_Return);
  EXPECT_FALSE(seen("mergedPaths"));
  EXPECT_EQ(textOf("inspectorTitle").toStdString(), snapshot().types()[snapshot().type(object)].name);
  press(Qt::Key_Left, Qt::AltModifier);
  settle();
  EXPECT_GT(waitForPaths().model()->rowCount(), 0);
  press(Qt::Key_Left, Qt::AltModifier);
  settle();
  EXPECT_TRUE(seen("histogram"));
  EXPECT_TRUE(window_->scope().empty());
}

TEST_F(ScopeJourney, MergedPathsFollowTheScope) {
  place(8);
  auto& tree = waitForPaths();
  EXPECT_TRUE(textOf("pathsExplanation").startsWith(numbers::count(answers().totals.reachableObjects))) << textOf("pathsExplanation").toStdString();
  const TypeIndex type = snapshot().type(ObjectIndex(snapshot().dominatedBy(std::nullopt)[0]));
  window_->setScope(Scope{{ScopePart::type(type)}});
  settle();
  waitForPaths();
  EXPECT_TRUE(textOf("pathsExplanation").startsWith(numbers::count(answers().scopeTotals.reachableObjects))) << textOf("pathsExplanation").toStdString();
  EXPECT_GT(tree.model()->rowCount(), 0);
  // The way back shows the whole again, not what was left over.
  press(Qt::Key_Escape);
  settle();
  waitForPaths();
  EXPECT_TRUE(textOf("pathsExplanation").startsWith(numbers::count(answers().totals.reachableObjects))) << textOf("pathsExplanation").toStdString();
}

TEST_F(ScopeJourney, ASearchForPathsIsGivenUpWithEscapeAndTakenUpAgain) {
  static test::DumpFiles files;
  window_->openDump(files.write("million.bin", {.sessions = 30'000, .messages = 12}));
  settle();
  ASSERT_GT(answers().totals.objects, 500'000u);
  place(8);
  ASSERT_TRUE(window_->busy());
  EXPECT_TRUE(textOf("loadingStage").contains("Esc gives up")) << textOf("loadingStage").toStdString();
  QElapsedTimer timer;
  timer.start();
  press(Qt::Key_Escape);
  EXPECT_LE(timer.elapsed(), 100);
  EXPECT_FALSE(window_->places()[7].view->searching());
  EXPECT_EQ(textOf("messageTitle"), "The search was given up");
  EXPECT_TRUE(window_->answers());
  QTest::mouseClick(&see<QPushButton>("nextStep"), Qt::LeftButton);
  EXPECT_GT(waitForPaths().model()->rowCount(), 0);
}

}  // namespace
}  // namespace openclaw::gui
