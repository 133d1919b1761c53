// The real window, used as a person uses it: keys and clicks on visible widgets, and what then stands on the screen.
// Runs offscreen, and once more on a real X server (run_under_xvfb.sh).
#include <chrono>
#include <memory>

#include <QAbstractItemModelTester>
#include <QApplication>
#include <QClipboard>
#include <QComboBox>
#include <QElapsedTimer>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QProgressBar>
#include <QPushButton>
#include <QScrollBar>
#include <QSignalSpy>
#include <QTableView>
#include <QTest>
#include <QTreeView>

#include <gtest/gtest.h>

#include "gui/main_window.h"
#include "gui/models/dominator_model.h"
#include "gui/models/histogram_model.h"
#include "gui/numbers.h"
#include "gui/theme.h"
#include "gui/views/charts.h"
#include "gui/views/flame_canvas.h"
#include "gui/views/map_canvas.h"
#include "gui/views/view.h"
#include "tests/analyzer/block_heap.h"
#include "tests/gui/printing.h"
#include "tests/gui/test_dumps.h"
#include "tests/gui/watchdog.h"

namespace openclaw::gui {
namespace {

using namespace std::chrono_literals;
using test::DumpFiles;
using test::EventLoopWatchdog;

// Larger than any wait on a loaded machine under sanitizers; nothing waits for it when all is well.
constexpr int kPatience = 60'000;

// Dumps that several journeys open; written once.
DumpFiles& files() {
  static DumpFiles instance;
  return instance;
}
const QString& serviceDump() {
  static const QString path = files().write("service.bin", {.sessions = 120, .wideChildren = 2500});
  return path;
}
const QString& millionObjectDump() {
  static const QString path = files().write("million.bin", {.sessions = 45'000, .messages = 12});
  return path;
}

class Journey : public testing::Test {
 protected:
  void SetUp() override { start(); }

  void start() {
    window_ = std::make_unique<MainWindow>();
    window_->resize(1600, 1000);
    window_->show();
    window_->activateWindow();
    ASSERT_TRUE(QTest::qWaitForWindowActive(window_.get()));
  }
  void open(const QString& path) {
    window_->openDump(path);
    ASSERT_TRUE(QTest::qWaitFor([&] { return !window_->loading(); }, kPatience));
  }
  // A widget that can be seen; fails the test otherwise.
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
  // Without the marks where a long name may break.
  QString textOf(const char* name) { return see<QLabel>(name).text().remove(QChar(0x200b)); }
  // A picture of the window into $OPENCLAW_GUI_PICTURES, when that is set: for documents, and to be looked at.
  void picture(const char* name) {
    const QString folder = qEnvironmentVariable("OPENCLAW_GUI_PICTURES");
    if (folder.isEmpty()) return;
    QCoreApplication::processEvents();
    QCoreApplication::processEvents();
    EXPECT_TRUE(window_->grab().save(folder + '/' + QLatin1String(name) + ".png"));
  }
  void press(Qt::Key key, Qt::KeyboardModifiers modifiers = Qt::NoModifier) {
    QWidget* target = QApplication::focusWidget();
    QTest::keyClick(target != nullptr ? target : window_.get(), key, modifiers);
  }
  void type(const QString& text) { QTest::keyClicks(QApplication::focusWidget(), text); }
  static void click(QWidget& widget) { QTest::mouseClick(&widget, Qt::LeftButton); }
  static void clickRow(QAbstractItemView& view, const QModelIndex& index) {
    view.scrollTo(index);
    QTest::mouseClick(view.viewport(), Qt::LeftButton, Qt::NoModifier, view.visualRect(index).center());
  }
  static void doubleClickRow(QAbstractItemView& view, const QModelIndex& index) {
    clickRow(view, index);
    QTest::mouseDClick(view.viewport(), Qt::LeftButton, Qt::NoModifier, view.visualRect(index).center());
  }
  View& currentView() {
    for (const MainWindow::Place& place : window_->places())
      if (place.view->isVisible()) return *place.view;
    throw std::runtime_error("no view is visible");
  }
  QTreeView& owners() { return see<QTreeView>("dominators"); }
  QTableView& types() { return see<QTableView>("histogram"); }
  QString cell(const QAbstractItemView& view, int row, int column) { return view.model()->index(row, column).data().toString(); }

  std::unique_ptr<MainWindow> window_;
};

// ---- states ---------------------------------------------------------------------------------------------------------

TEST_F(Journey, AnEmptyWindowSaysWhatToDoNext) {
  for (std::size_t i = 0; i < window_->places().size(); ++i) {
    press(static_cast<Qt::Key>(Qt::Key_1 + i), Qt::AltModifier);
    EXPECT_EQ(currentView().state(), View::State::kEmpty);
    EXPECT_EQ(textOf("messageTitle"), "No dump is open");
    EXPECT_TRUE(textOf("messageText").contains("Ctrl+O"));
    EXPECT_TRUE(see<QPushButton>("nextStep").isEnabled());
  }
  picture("empty");
  EXPECT_EQ(textOf("status"), "No dump is open");
}

TEST_F(Journey, ADumpOpensOnTheOverviewWithItsFacts) {
  open(serviceDump());
  EXPECT_EQ(currentView().state(), View::State::kData);
  EXPECT_TRUE(textOf("facts").contains("openclaw, process 4242 on build-7")) << textOf("facts").toStdString();
  EXPECT_TRUE(textOf("facts").contains("stood still for 940 us")) << textOf("facts").toStdString();
  EXPECT_TRUE(textOf("status").contains("objects · ")) << textOf("status").toStdString();
  EXPECT_TRUE(textOf("status").endsWith("exact")) << textOf("status").toStdString();
  EXPECT_FALSE(seen("strip"));
  EXPECT_TRUE(textOf("ledgerAnswer").contains("every byte is accounted for")) << textOf("ledgerAnswer").toStdString();
  EXPECT_TRUE(textOf("pausesAnswer").contains("longest 31.8 ms")) << textOf("pausesAnswer").toStdString();
  EXPECT_TRUE(textOf("pauseText").contains("mark 31.3 ms")) << textOf("pauseText").toStdString();
  EXPECT_TRUE(textOf("sitesAnswer").contains("7 sites")) << textOf("sitesAnswer").toStdString();
}

TEST_F(Journey, TheLedgerOfTheOverviewAddsUpToCommitted) {
  open(serviceDump());
  auto& table = see<QTableView>("ledgerTable");
  const int rows = table.model()->rowCount();
  ASSERT_GT(rows, 4);
  qint64 sum = 0;
  for (int row = 0; row + 1 < rows; ++row) sum += table.model()->index(row, 1).data(kRawRole).toLongLong();
  EXPECT_EQ(cell(table, rows - 1, 0), "= committed");
  EXPECT_EQ(sum, table.model()->index(rows - 1, 1).data(kRawRole).toLongLong());
}

TEST_F(Journey, BytesThatNobodyExplainsAreShown) {
  open(files().write("unexplained.bin", {.sessions = 20, .unexplained = 3 << 20}));
  EXPECT_TRUE(textOf("ledgerAnswer").contains("3.00 MiB of it is unexplained")) << textOf("ledgerAnswer").toStdString();
  picture("unexplained");
}

TEST_F(Journey, ADamagedDumpOpensWithAStripThatSaysWhatIsMissing) {
  open(files().writeCut("cut.bin", serviceDump(), 0.6));
  ASSERT_TRUE(window_->answers());
  EXPECT_TRUE(textOf("strip").startsWith("⚠ Incomplete dump: ")) << textOf("strip").toStdString();
  EXPECT_TRUE(textOf("strip").contains("%")) << textOf("strip").toStdString();
  EXPECT_TRUE(textOf("status").contains("incomplete"));
  // What was lost is not said to be absent.
  EXPECT_TRUE(textOf("ownersAnswer").startsWith("Not in the part")) << textOf("ownersAnswer").toStdString();
  EXPECT_TRUE(textOf("pausesAnswer").startsWith("Not in the part")) << textOf("pausesAnswer").toStdString();
  picture("damaged");
  open(serviceDump());
  EXPECT_FALSE(seen("strip"));
}

TEST_F(Journey, AFileThatIsNoDumpSaysSoAndOffersAnother) {
  open(files().writeBytes("notes.txt", "dear diary, this is not a heap dump at all"));
  EXPECT_EQ(currentView().state(), View::State::kError);
  EXPECT_EQ(textOf("messageTitle"), "notes.txt cannot be opened");
  EXPECT_TRUE(textOf("messageText").contains("damaged")) << textOf("messageText").toStdString();
  EXPECT_TRUE(see<QPushButton>("nextStep").text().contains("another"));
  picture("error");
  ASSERT_TRUE(window_->error());
  EXPECT_EQ(window_->error()->code, ErrorCode::kDamaged);
  open(files().path("nothing-here.bin"));
  EXPECT_EQ(currentView().state(), View::State::kError);
  open(serviceDump());
  EXPECT_EQ(currentView().state(), View::State::kData);
}

TEST_F(Journey, ADumpWithoutObjectsSaysSoInEveryView) {
  open(files().writeGraph("empty.bin", ""));
  ASSERT_TRUE(window_->answers());
  press(Qt::Key_2, Qt::AltModifier);
  EXPECT_EQ(currentView().state(), View::State::kEmpty);
  EXPECT_EQ(textOf("messageTitle"), "No objects");
  picture("no-objects");
  press(Qt::Key_3, Qt::AltModifier);
  EXPECT_EQ(currentView().state(), View::State::kEmpty);
  press(Qt::Key_1, Qt::AltModifier);
  picture("no-objects-overview");
  EXPECT_TRUE(textOf("typesAnswer").contains("no objects")) << textOf("typesAnswer").toStdString();
}

TEST_F(Journey, AHeapWithoutRootsHasTypesButNoOwners) {
  open(files().writeGraph("garbage.bin", "a:Lost*64->b; b:Lost*32"));
  press(Qt::Key_3, Qt::AltModifier);
  EXPECT_EQ(textOf("messageTitle"), "Nothing is held");
  press(Qt::Key_2, Qt::AltModifier);
  EXPECT_EQ(cell(types(), 0, HistogramModel::kType), "Lost");
}

// ---- types ----------------------------------------------------------------------------------------------------------

TEST_F(Journey, TypesAreFilteredFromTheKeyboard) {
  open(serviceDump());
  press(Qt::Key_2, Qt::AltModifier);
  const int all = types().model()->rowCount();
  press(Qt::Key_F, Qt::ControlModifier);
  ASSERT_EQ(QApplication::focusWidget(), &see<QLineEdit>("typeFilter"));
  type("session");
  press(Qt::Key_Return);
  EXPECT_EQ(QApplication::focusWidget(), &types());
  ASSERT_EQ(types().model()->rowCount(), 2);
  EXPECT_TRUE(textOf("histogramSums").startsWith("Total: 2 of ")) << textOf("histogramSums").toStdString();

  press(Qt::Key_F, Qt::ControlModifier);
  type("/(/");
  press(Qt::Key_Return);
  EXPECT_TRUE(textOf("filterProblem").contains("Not a pattern"));
  picture("filter");
  EXPECT_EQ(types().model()->rowCount(), 2);
  see<QLineEdit>("typeFilter").setFocus();
  press(Qt::Key_Escape);
  EXPECT_EQ(types().model()->rowCount(), all);
  EXPECT_FALSE(seen("filterProblem"));
}

TEST_F(Journey, AClickOnAHeaderSortsByItsValues) {
  open(serviceDump());
  press(Qt::Key_2, Qt::AltModifier);
  QHeaderView& header = *types().horizontalHeader();
  const auto clickHeader = [&](int column) {
    const int x = header.sectionViewportPosition(column) + header.sectionSize(column) / 2;
    QTest::mouseClick(header.viewport(), Qt::LeftButton, Qt::NoModifier, QPoint(x, header.height() / 2));
  };
  const auto column = [&](int c) {
    std::vector<quint64> values;
    for (int row = 0; row < types().model()->rowCount(); ++row) values.push_back(types().model()->index(row, c).data(kRawRole).toULongLong());
    return values;
  };
  clickHeader(HistogramModel::kObjects);
  auto values = column(HistogramModel::kObjects);
  const bool descending = values.front() > values.back();
  EXPECT_TRUE(descending ? std::ranges::is_sorted(values, std::greater()) : std::ranges::is_sorted(values));
  press(Qt::Key_2, Qt::AltModifier);  // the keyboard does the same
  types().setFocus();
  press(Qt::Key_2, Qt::ControlModifier);
  values = column(HistogramModel::kObjects);
  EXPECT_TRUE(descending ? std::ranges::is_sorted(values) : std::ranges::is_sorted(values, std::greater()));
}

TEST_F(Journey, CopyGivesExactValues) {
  open(serviceDump());
  press(Qt::Key_2, Qt::AltModifier);
  clickRow(types(), types().model()->index(0, 0));
  press(Qt::Key_C, Qt::ControlModifier);
  const QStringList cells = QApplication::clipboard()->text().trimmed().split('\t');
  ASSERT_EQ(cells.size(), HistogramModel::kColumns);
  const HistogramRow& row = window_->answers()->histogram.front();
  EXPECT_EQ(cells[HistogramModel::kObjects], QString::number(row.objects));
  EXPECT_EQ(cells[HistogramModel::kOwnSize], QString::number(row.shallow.value));
}

TEST_F(Journey, ATypeOfTheOverviewLeadsToItsRow) {
  open(serviceDump());
  auto& table = see<QTableView>("typesTable");
  const QString name = cell(table, 2, 0);
  doubleClickRow(table, table.model()->index(2, 0));
  EXPECT_EQ(types().currentIndex().siblingAtColumn(0).data().toString(), name);
  EXPECT_EQ(textOf("inspectorTitle"), name);
}

// ---- owners ---------------------------------------------------------------------------------------------------------

TEST_F(Journey, OwnersOpenWithTheArrowKeys) {
  open(serviceDump());
  press(Qt::Key_3, Qt::AltModifier);
  QTreeView& tree = owners();
  const QModelIndex first = tree.model()->index(0, 0);
  clickRow(tree, first);
  press(Qt::Key_Right);
  EXPECT_TRUE(tree.isExpanded(first));
  press(Qt::Key_Down);
  EXPECT_EQ(tree.currentIndex().parent(), first);
  EXPECT_EQ(textOf("inspectorTitle"), tree.currentIndex().siblingAtColumn(0).data().toString());
  press(Qt::Key_Left);
  press(Qt::Key_Left);
  EXPECT_FALSE(tree.isExpanded(first));
}

TEST_F(Journey, EnterOnTheRowOfTheRestShowsTheNextPage) {
  open(serviceDump());
  press(Qt::Key_3, Qt::AltModifier);
  QTreeView& tree = owners();
  QModelIndex wide;
  for (int row = 0; row < tree.model()->rowCount(); ++row)
    if (cell(tree, row, 0) == "wide::Array") wide = tree.model()->index(row, 0);
  ASSERT_TRUE(wide.isValid());
  clickRow(tree, wide);
  press(Qt::Key_Asterisk);
  ASSERT_EQ(tree.model()->rowCount(wide), 1001);
  clickRow(tree, tree.model()->index(1000, 0, wide));
  press(Qt::Key_Return);
  EXPECT_EQ(tree.model()->rowCount(wide), 2001);
  EXPECT_EQ(tree.currentIndex().row(), 1000);
  picture("wide-owner");
}

TEST_F(Journey, AnObjectTenThousandDeepIsShownWithoutOpeningItsPath) {
  open(files().write("deep.bin", {.sessions = 5, .logDepth = 10'000}));
  const Snapshot& s = *window_->answers()->snapshot;
  ObjectIndex deepest(0);
  unsigned depth = 0;
  for (std::uint32_t i = 0; i < s.objectCount() && depth == 0; ++i)
    if (s.types()[s.type(ObjectIndex(i))].name == "service::LogRecord" && s.dominatedBy(ObjectIndex(i)).size() == 1) {
      deepest = ObjectIndex(i);
      for (auto up = s.dominator(deepest); up; up = s.dominator(*up)) ++depth;
    }
  ASSERT_EQ(depth, 9'999u);
  press(Qt::Key_3, Qt::AltModifier);
  press(Qt::Key_F, Qt::ControlModifier);
  type(numbers::address(s.address(deepest)));
  const EventLoopWatchdog watchdog;
  press(Qt::Key_Return);
  QTest::qWait(50);
  EXPECT_LE(watchdog.longestBlock(), 250ms);
  EXPECT_EQ(owners().model()->rowCount(), 1);
  EXPECT_EQ(textOf("inspectorTitle"), "service::LogRecord");
  picture("deep");
  click(see<QPushButton>("showAllOwners"));
  EXPECT_GT(owners().model()->rowCount(), 1);
}

TEST_F(Journey, AnAddressThatIsNoneIsRefusedInWords) {
  open(serviceDump());
  press(Qt::Key_3, Qt::AltModifier);
  press(Qt::Key_F, Qt::ControlModifier);
  type("here");
  press(Qt::Key_Return);
  EXPECT_TRUE(textOf("ownersExplanation").contains("hexadecimal"));
  see<QLineEdit>("goToAddress").clear();
  type("0x10");
  press(Qt::Key_Return);
  EXPECT_TRUE(textOf("ownersExplanation").contains("No object covers 0x10"));
}

TEST_F(Journey, AnOwnerOfTheOverviewLeadsToTheTreeAndBackAndForward) {
  open(serviceDump());
  auto& table = see<QTableView>("ownersTable");
  const QString name = cell(table, 0, 0);
  doubleClickRow(table, table.model()->index(0, 0));
  EXPECT_EQ(owners().currentIndex().siblingAtColumn(0).data().toString(), name);
  EXPECT_EQ(textOf("inspectorTitle"), name);
  press(Qt::Key_Left, Qt::AltModifier);
  EXPECT_TRUE(seen("overview"));
  press(Qt::Key_Right, Qt::AltModifier);
  EXPECT_EQ(owners().currentIndex().siblingAtColumn(0).data().toString(), name);
}

TEST_F(Journey, TheInspectorWalksAlongReferences) {
  open(serviceDump());
  press(Qt::Key_3, Qt::AltModifier);
  QTreeView& tree = owners();
  int row = 0;
  while (cell(tree, row, 0) == "wide::Array") ++row;
  clickRow(tree, tree.model()->index(row, 0));
  auto& fields = see<QTableView>("inspectorFields");
  const QString target = fields.model()->index(1, 1).data().toString();
  doubleClickRow(fields, fields.model()->index(1, 0));
  EXPECT_EQ(textOf("inspectorTitle"), target);
  EXPECT_GE(see<QTableView>("inspectorHolders").model()->rowCount(), 1);
  picture("inspector");
}

// ---- holes ----------------------------------------------------------------------------------------------------------

TEST_F(Journey, TheMapNamesWhatTheMouseIsOnAndAClickInspectsIt) {
  open(serviceDump());
  press(Qt::Key_5, Qt::AltModifier);
  EXPECT_EQ(currentView().state(), View::State::kData);
  EXPECT_TRUE(textOf("holesVerdict").contains("committed is in holes")) << textOf("holesVerdict").toStdString();
  auto& map = see<MapCanvas>("map");
  EXPECT_EQ(QApplication::focusWidget(), &map);
  for (int i = 0; i < 6; ++i) press(Qt::Key_Plus);
  // The first place with an object, from the middle on.
  std::optional<QPoint> place;
  for (int y = map.height() / 2; y < map.height() && !place; y += 3)
    for (int x = map.width() / 2; x < map.width() && !place; x += 3)
      if (const auto spot = map.spotAt(QPointF(x, y)); spot && spot->object) place = QPoint(x, y);
  ASSERT_TRUE(place);
  QTest::mouseMove(&map, *place);
  const ObjectIndex object = map.spotAt(QPointF(*place))->object;
  const Snapshot& s = *window_->answers()->snapshot;
  ASSERT_TRUE(QTest::qWaitFor([&] { return textOf("mapPointed").startsWith(numbers::address(s.address(object))); }, kPatience)) << textOf("mapPointed").toStdString();
  EXPECT_TRUE(textOf("mapPointed").contains(numbers::text(s.types()[s.type(object)].name)));
  EXPECT_TRUE(textOf("mapPointed").contains("filled")) << textOf("mapPointed").toStdString();
  QTest::mouseClick(&map, Qt::LeftButton, Qt::NoModifier, *place);
  EXPECT_EQ(textOf("inspectorTitle"), numbers::text(s.types()[s.type(object)].name));
  picture("map-near");
  // Back to it after a look at the types.
  press(Qt::Key_2, Qt::AltModifier);
  press(Qt::Key_Left, Qt::AltModifier);
  EXPECT_EQ(textOf("inspectorTitle"), numbers::text(s.types()[s.type(object)].name));
  EXPECT_TRUE(seen("map"));
}

TEST_F(Journey, TheMapIsUsedFromTheKeyboard) {
  open(serviceDump());
  press(Qt::Key_5, Qt::AltModifier);
  auto& map = see<MapCanvas>("map");
  const double whole = map.blockPixels();
  press(Qt::Key_Right);
  for (int i = 0; i < 8; ++i) press(Qt::Key_Plus);
  EXPECT_GT(map.blockPixels(), whole * 10);
  for (int i = 0; i < 3; ++i) press(Qt::Key_Right);
  ASSERT_TRUE(map.cursor() && map.cursor()->object);
  const QString name = textOf("inspectorTitle");
  picture("map-objects");
  press(Qt::Key_Return);
  EXPECT_EQ(owners().currentIndex().siblingAtColumn(0).data().toString(), name);
  press(Qt::Key_5, Qt::AltModifier);
  press(Qt::Key_0);
  EXPECT_TRUE(map.sight().whole);
  EXPECT_LT(map.blockPixels(), whole * 2);
  auto& lens = see<QComboBox>("mapLens");
  lens.setFocus();
  press(Qt::Key_Down);
  EXPECT_EQ(map.lens(), MapLens::kAge);
  press(Qt::Key_Down);
  EXPECT_EQ(map.lens(), MapLens::kType);
  picture("map-types");
}

TEST_F(Journey, ADumpWithoutRegionsHasNoMapAndSaysWhy) {
  open(files().writeBareGraph("noregions.bin", "root->a; a:Session*128->b"));
  press(Qt::Key_5, Qt::AltModifier);
  EXPECT_EQ(currentView().state(), View::State::kEmpty);
  EXPECT_EQ(textOf("messageTitle"), "No regions");
}

// ---- stacks ---------------------------------------------------------------------------------------------------------

TEST_F(Journey, ABoxOfTheFlameGraphIsNamedZoomedAndFound) {
  open(serviceDump());
  press(Qt::Key_4, Qt::AltModifier);
  EXPECT_EQ(currentView().state(), View::State::kData);
  auto& canvas = see<FlameCanvas>("flame");
  EXPECT_EQ(QApplication::focusWidget(), &canvas);
  const FlameGraph& flame = window_->answers()->flames[0];
  ASSERT_GT(flame.nodes[0].childCount, 1u);
  const std::uint32_t child = flame.nodes[0].firstChild;
  const QPoint place = canvas.rectOf(child).center().toPoint();
  QTest::mouseMove(&canvas, place);
  ASSERT_TRUE(QTest::qWaitFor([&] { return textOf("flamePointed").startsWith(numbers::text(flame.name(child))); }, kPatience)) << textOf("flamePointed").toStdString();
  picture("flame");
  QTest::mouseClick(&canvas, Qt::LeftButton, Qt::NoModifier, place);
  EXPECT_EQ(canvas.zoom(), child);
  EXPECT_DOUBLE_EQ(canvas.rectOf(child).width(), canvas.width());
  picture("flame-zoomed");
  press(Qt::Key_0);
  EXPECT_EQ(canvas.zoom(), FlameGraph::kRoot);
  press(Qt::Key_F, Qt::ControlModifier);
  ASSERT_EQ(QApplication::focusWidget(), &see<QLineEdit>("flameSearch"));
  type("service");
  EXPECT_TRUE(textOf("flameFound").contains("of the width")) << textOf("flameFound").toStdString();
  picture("flame-search");
  type("nothing is called so");
  EXPECT_EQ(textOf("flameFound"), "no function or file matches");
  press(Qt::Key_Escape);
  EXPECT_EQ(textOf("flameFound"), "");
  // Other widths are other graphs.
  auto& weight = see<QComboBox>("flameWeight");
  weight.setFocus();
  press(Qt::Key_Down);
  EXPECT_EQ(canvas.flame(), &window_->answers()->flames[1]);
  EXPECT_TRUE(textOf("flameNote").contains("allocated")) << textOf("flameNote").toStdString();
}

TEST_F(Journey, TheFlameGraphIsWalkedWithTheKeys) {
  open(serviceDump());
  press(Qt::Key_4, Qt::AltModifier);
  auto& canvas = see<FlameCanvas>("flame");
  const FlameGraph& flame = window_->answers()->flames[0];
  press(Qt::Key_Down);
  ASSERT_TRUE(canvas.selected());
  EXPECT_EQ(*canvas.selected(), flame.nodes[0].firstChild);
  press(Qt::Key_Right);
  EXPECT_EQ(*canvas.selected(), flame.nodes[0].firstChild + 1);
  press(Qt::Key_Return);
  EXPECT_EQ(canvas.zoom(), flame.nodes[0].firstChild + 1);
  EXPECT_TRUE(see<QPushButton>("flameWhole").isEnabled());
  press(Qt::Key_Backspace);
  EXPECT_EQ(canvas.zoom(), FlameGraph::kRoot);
  press(Qt::Key_Up);
  EXPECT_EQ(*canvas.selected(), FlameGraph::kRoot);
}

TEST_F(Journey, BackAndForwardRestoreWhereOneWasInTheMapAndTheGraph) {
  open(serviceDump());
  press(Qt::Key_4, Qt::AltModifier);
  auto& canvas = see<FlameCanvas>("flame");
  press(Qt::Key_Down);
  press(Qt::Key_Return);
  const std::uint32_t zoomed = canvas.zoom();
  ASSERT_NE(zoomed, FlameGraph::kRoot);
  press(Qt::Key_5, Qt::AltModifier);
  auto& map = see<MapCanvas>("map");
  for (int i = 0; i < 5; ++i) press(Qt::Key_Plus);
  press(Qt::Key_PageDown);
  const MapCanvas::Sight sight = map.sight();
  press(Qt::Key_7, Qt::AltModifier);
  press(Qt::Key_5, Qt::AltModifier);
  press(Qt::Key_0);
  press(Qt::Key_4, Qt::AltModifier);
  press(Qt::Key_0);
  EXPECT_EQ(canvas.zoom(), FlameGraph::kRoot);
  for (int i = 0; i < 3; ++i) press(Qt::Key_Left, Qt::AltModifier);
  EXPECT_TRUE(seen("map"));
  EXPECT_DOUBLE_EQ(map.sight().blockPixels, sight.blockPixels);
  EXPECT_EQ(map.sight().origin, sight.origin);
  press(Qt::Key_Left, Qt::AltModifier);
  EXPECT_EQ(canvas.zoom(), zoomed);
  for (int i = 0; i < 4; ++i) press(Qt::Key_Right, Qt::AltModifier);
  EXPECT_TRUE(seen("flame"));
  EXPECT_EQ(canvas.zoom(), FlameGraph::kRoot);
}

// ---- generations and pauses -----------------------------------------------------------------------------------------

TEST_F(Journey, GenerationsAddUpToWhatIsLive) {
  open(serviceDump());
  press(Qt::Key_6, Qt::AltModifier);
  EXPECT_EQ(currentView().state(), View::State::kData);
  EXPECT_TRUE(textOf("generationsVerdict").contains("younger than two collections")) << textOf("generationsVerdict").toStdString();
  auto& table = see<QTableView>("generationsTable");
  ASSERT_EQ(table.model()->rowCount(), 8);
  quint64 objects = 0, bytes = 0;
  for (int row = 0; row < 8; ++row) {
    objects += table.model()->index(row, 1).data(kRawRole).toULongLong();
    bytes += table.model()->index(row, 2).data(kRawRole).toULongLong();
  }
  EXPECT_EQ(objects, window_->answers()->totals.reachableObjects);
  EXPECT_EQ(bytes, window_->answers()->totals.reachableBytes.value);
  picture("generations");
  // What died leads to its type.
  auto& dying = see<QTableView>("dying");
  ASSERT_GT(dying.model()->rowCount(), 0);
  const QString name = cell(dying, 0, 0);
  doubleClickRow(dying, dying.model()->index(0, 0));
  EXPECT_EQ(types().currentIndex().siblingAtColumn(0).data().toString(), name);
}

TEST_F(Journey, AHeapThatNeverCollectedHasNoGenerations) {
  open(files().writeBareGraph("young.bin", "root->a; a->b"));
  press(Qt::Key_6, Qt::AltModifier);
  EXPECT_EQ(currentView().state(), View::State::kEmpty);
  EXPECT_EQ(textOf("messageTitle"), "No ages");
  press(Qt::Key_7, Qt::AltModifier);
  EXPECT_EQ(currentView().state(), View::State::kEmpty);
  EXPECT_EQ(textOf("messageTitle"), "No pauses");
}

TEST_F(Journey, APauseIsTakenApartIntoItsPhases) {
  open(serviceDump());
  press(Qt::Key_7, Qt::AltModifier);
  EXPECT_EQ(currentView().state(), View::State::kData);
  EXPECT_TRUE(textOf("pausesVerdict").contains("The longest")) << textOf("pausesVerdict").toStdString();
  EXPECT_TRUE(textOf("pauseTitle").contains("31.8 ms")) << textOf("pauseTitle").toStdString();
  auto& phases = see<QTableView>("pausePhases");
  const auto& pauses = window_->answers()->snapshot->pauses();
  const auto expectPause = [&](const PauseInfo& pause) {
    EXPECT_TRUE(textOf("pauseTitle").startsWith("Pause " + numbers::count(pause.number) + ",")) << textOf("pauseTitle").toStdString();
    quint64 sum = 0;
    for (int row = 0; row < phases.model()->rowCount(); ++row) sum += phases.model()->index(row, 1).data(kRawRole).toULongLong();
    EXPECT_GE(sum, pause.duration);
  };
  const std::size_t longest = window_->answers()->pauses.longest.front();
  expectPause(pauses[longest]);
  picture("pauses");
  EXPECT_EQ(QApplication::focusWidget(), &see<PauseChart>("pausesChart"));
  press(Qt::Key_Home);
  expectPause(pauses[0]);
  auto& table = see<QTableView>("longestPauses");
  clickRow(table, table.model()->index(1, 0));
  expectPause(pauses[window_->answers()->pauses.longest[1]]);
}

// ---- findings -------------------------------------------------------------------------------------------------------

TEST_F(Journey, AFindingLeadsToItsObjectInTheInspector) {
  open(files().writeGraph("leads.bin", "root->a:Cache*64; a->b:Blob*4194304"));
  const auto& findings = window_->answers()->findings.findings;
  const auto withObject = std::ranges::find_if(findings, [](const Finding& f) { return !f.objects.empty(); });
  ASSERT_NE(withObject, findings.end());
  const Snapshot& s = *window_->answers()->snapshot;
  click(see<QPushButton>("showEvidence"));
  const ObjectIndex object = withObject->objects.front().object;
  EXPECT_EQ(textOf("inspectorTitle"), numbers::text(s.types()[s.type(object)].name));
  EXPECT_TRUE(textOf("inspectorFacts").contains(numbers::address(s.address(object))));
}

// ---- inspector ------------------------------------------------------------------------------------------------------

TEST_F(Journey, TheInspectorShowsHowRootsKeepAnObjectAlive) {
  open(files().writeGraph("paths.bin", "root->a:Index*64 b:Log*64; a->x:Document*128; b->c:Entry*48; c->x"));
  const Snapshot& s = *window_->answers()->snapshot;
  press(Qt::Key_3, Qt::AltModifier);
  for (int row = 0; row < owners().model()->rowCount(); ++row)
    if (cell(owners(), row, 0) == "Document") clickRow(owners(), owners().model()->index(row, 0));
  ASSERT_EQ(textOf("inspectorTitle"), "Document");
  auto& paths = see<QTableView>("inspectorPaths");
  ASSERT_TRUE(QTest::qWaitFor([&] { return !window_->busy(); }, kPatience));
  QStringList objects, titles;
  for (int row = 0; row < paths.model()->rowCount(); ++row) {
    if (const QString object = cell(paths, row, 1); !object.isEmpty()) objects.push_back(object);
    else titles.push_back(cell(paths, row, 0));
  }
  EXPECT_EQ(objects, QStringList({"Index", "Document", "Log", "Entry", "Document"})) << objects.join(' ').toStdString();
  EXPECT_EQ(titles, QStringList({"Shortest: 2 objects", "Another: 3 objects", "there is no other path"})) << titles.join('|').toStdString();
  EXPECT_EQ(s.objectCount(), 4u);
  // A step of a path leads to its object.
  doubleClickRow(paths, paths.model()->index(1, 0));
  EXPECT_EQ(textOf("inspectorTitle"), "Index");
  press(Qt::Key_Left, Qt::AltModifier);
}

TEST_F(Journey, ALongPathShowsBothEndsAndCountsTheMiddle) {
  std::string graph = "root->n0:Link*32";
  for (int i = 1; i < 40; ++i) graph += "; n" + std::to_string(i - 1) + "->n" + std::to_string(i) + (i == 39 ? ":Last*32" : ":Link*32");
  open(files().writeGraph("chain.bin", graph));
  press(Qt::Key_3, Qt::AltModifier);
  press(Qt::Key_F, Qt::ControlModifier);
  type(numbers::address(window_->answers()->snapshot->address(ObjectIndex(39))));
  press(Qt::Key_Return);
  ASSERT_EQ(textOf("inspectorTitle"), "Last");
  ASSERT_TRUE(QTest::qWaitFor([&] { return !window_->busy(); }, kPatience));
  auto& paths = see<QTableView>("inspectorPaths");
  // Heading, eight objects, how many are between, eight objects, and that there is no other path.
  ASSERT_EQ(paths.model()->rowCount(), 1 + 8 + 1 + 8 + 1);
  EXPECT_EQ(cell(paths, 0, 0), "Shortest: 40 objects");
  EXPECT_EQ(cell(paths, 9, 0), "… 24 objects more");
  EXPECT_EQ(cell(paths, 17, 1), "Last");
}

// ---- loading --------------------------------------------------------------------------------------------------------

TEST_F(Journey, LoadingShowsProgressAndEscapeEndsItWithinAHundredMilliseconds) {
  window_->openDump(millionObjectDump());
  EXPECT_EQ(currentView().state(), View::State::kLoading);
  ASSERT_TRUE(QTest::qWaitFor([&] { return !window_->loading() || see<QProgressBar>("loadingBar").value() > 0; }, kPatience));
  ASSERT_TRUE(window_->loading()) << "loaded before the first progress";
  picture("loading");
  EXPECT_TRUE(textOf("loadingStage").contains(" % · ")) << textOf("loadingStage").toStdString();
  QElapsedTimer timer;
  timer.start();
  press(Qt::Key_Escape);
  EXPECT_FALSE(window_->loading());
  EXPECT_EQ(currentView().state(), View::State::kEmpty);
  EXPECT_LE(timer.elapsed(), 100);
  EXPECT_EQ(textOf("messageTitle"), "Stopped reading million.bin");
  press(Qt::Key_F5);
  ASSERT_TRUE(QTest::qWaitFor([&] { return !window_->loading(); }, kPatience));
  EXPECT_EQ(currentView().state(), View::State::kData);
}

TEST_F(Journey, TheWindowClosesWhileItLoads) {
  window_->openDump(millionObjectDump());
  ASSERT_TRUE(QTest::qWaitFor([&] { return !window_->loading() || see<QProgressBar>("loadingBar").value() > 0; }, kPatience));
  ASSERT_TRUE(window_->loading());
  QElapsedTimer timer;
  timer.start();
  window_.reset();
  // The loader looks at its stop token every 100 ms; the rest is room for a loaded machine.
  EXPECT_LE(timer.elapsed(), 500);
}

TEST_F(Journey, TheDumpOpenedLastIsTheOneShown) {
  window_->openDump(millionObjectDump());
  window_->openDump(serviceDump());
  ASSERT_TRUE(QTest::qWaitFor([&] { return !window_->loading(); }, kPatience));
  QTest::qWait(0);
  ASSERT_TRUE(window_->answers());
  EXPECT_EQ(window_->answers()->snapshot->path(), serviceDump().toStdString());
  EXPECT_TRUE(window_->windowTitle().startsWith("service.bin"));
}

TEST_F(Journey, TheEventLoopIsNeverBlockedWhileAMillionObjectsLoad) {
  (void)millionObjectDump();
  const EventLoopWatchdog watchdog;
  open(millionObjectDump());
  ASSERT_TRUE(window_->answers());
  EXPECT_GT(window_->answers()->totals.objects, 1'000'000u);
  for (const Qt::Key place : {Qt::Key_2, Qt::Key_3, Qt::Key_4, Qt::Key_5, Qt::Key_6, Qt::Key_7, Qt::Key_1}) {
    press(place, Qt::AltModifier);
    QTest::qWait(20);
  }
  open(serviceDump());  // lets go of the large one
  QTest::qWait(20);
  EXPECT_GT(watchdog.ticks(), 5);
  EXPECT_LE(watchdog.longestBlock(), 250ms) << "the event loop was away for " << watchdog.longestBlock().count() << " ms";
  RecordProperty("longest_block_ms", std::to_string(watchdog.longestBlock().count()));
}

// ---- all views ------------------------------------------------------------------------------------------------------

TEST_F(Journey, ModelsOfTheLiveWindowAreSound) {
  open(serviceDump());
  std::vector<std::unique_ptr<QAbstractItemModelTester>> testers;
  for (QAbstractItemView* view : window_->findChildren<QAbstractItemView*>())
    if (view->model() != nullptr)
      testers.push_back(std::make_unique<QAbstractItemModelTester>(view->model(), QAbstractItemModelTester::FailureReportingMode::Fatal));
  EXPECT_GE(testers.size(), 8u);
  for (const Qt::Key place : {Qt::Key_2, Qt::Key_3, Qt::Key_4, Qt::Key_5, Qt::Key_6, Qt::Key_7, Qt::Key_1}) press(place, Qt::AltModifier);
  open(files().writeGraph("small.bin", "root->a; a->b"));
  press(Qt::Key_W, Qt::ControlModifier);
  EXPECT_FALSE(window_->answers());
}

TEST_F(Journey, TabReachesEveryControlAndEachHasAName) {
  open(serviceDump());
  for (const Qt::Key place : {Qt::Key_1, Qt::Key_2, Qt::Key_3, Qt::Key_4, Qt::Key_5, Qt::Key_6, Qt::Key_7}) {
    press(place, Qt::AltModifier);
    QSet<QWidget*> reached;
    for (int i = 0; i < 60; ++i) {
      press(Qt::Key_Tab);
      if (QApplication::focusWidget() != nullptr) reached.insert(QApplication::focusWidget());
    }
    for (QWidget* widget : currentView().findChildren<QWidget*>()) {
      if (qobject_cast<QHeaderView*>(widget) != nullptr) continue;  // sorting is in the table's menu
      const bool control = qobject_cast<QAbstractItemView*>(widget) != nullptr || qobject_cast<QLineEdit*>(widget) != nullptr ||
                           qobject_cast<QPushButton*>(widget) != nullptr || qobject_cast<QComboBox*>(widget) != nullptr ||
                           widget->inherits("openclaw::gui::PauseChart") || widget->inherits("openclaw::gui::MapCanvas") || widget->inherits("openclaw::gui::FlameCanvas");
      if (qobject_cast<QComboBox*>(widget->parentWidget()) != nullptr) continue;  // its list, which opens with it
      if (!control || !widget->isVisible() || !widget->isEnabled()) continue;
      EXPECT_TRUE(reached.contains(widget)) << widget->metaObject()->className() << " " << widget->objectName().toStdString();
      if (const auto* button = qobject_cast<QPushButton*>(widget)) EXPECT_FALSE(button->text().isEmpty());
      else EXPECT_FALSE(widget->accessibleName().isEmpty()) << widget->objectName().toStdString();
    }
  }
}

TEST_F(Journey, AShareOfTheRestIsWhatIsLeft) {
  open(serviceDump());
  for (const char* name : {"typesTable", "sitesTable", "ownersTable"}) {
    auto& table = see<QTableView>(name);
    const int share = table.model()->columnCount() - 1;
    double sum = 0;
    for (int row = 0; row < table.model()->rowCount(); ++row) sum += table.model()->index(row, share).data(kRawRole).toDouble();
    EXPECT_NEAR(sum, 1.0, 1e-9) << name;
  }
}

TEST_F(Journey, DarkColoursReachPaintedParts) {
  open(serviceDump());
  const QPalette before = QApplication::palette();
  const QColor light = window_->grab().toImage().pixelColor(700, 990);
  QApplication::setPalette(theme::darkPalette());
  QCoreApplication::processEvents();
  picture("dark");
  const QColor dark = window_->grab().toImage().pixelColor(700, 990);
  const bool factsCanBeRead = see<QLabel>("facts").palette().color(QPalette::WindowText).lightness() > 100;
  EXPECT_TRUE(factsCanBeRead);
  const bool isDark = theme::isDark(see<QLabel>("facts").palette());
  QApplication::setPalette(before);
  QCoreApplication::processEvents();
  EXPECT_GT(light.lightness(), 128);
  EXPECT_LT(dark.lightness(), 128);
  EXPECT_TRUE(isDark);
}

TEST_F(Journey, ASmallWindowStillShowsEveryView) {
  open(serviceDump());
  window_->resize(1024, 768);
  for (const Qt::Key place : {Qt::Key_1, Qt::Key_2, Qt::Key_3, Qt::Key_4, Qt::Key_5, Qt::Key_6, Qt::Key_7}) {
    press(place, Qt::AltModifier);
    QCoreApplication::processEvents();
    EXPECT_GE(currentView().width(), 400);
    picture(qPrintable(QStringLiteral("small-%1").arg(place - Qt::Key_0)));
  }
  EXPECT_LE(window_->width(), 1024);
}

// Blocks of three arenas in turn, as arenas grow beside each other: the map shows each arena on its own below its name.
TEST_F(Journey, TheMapOfSeveralArenasHasAHeadingForEach) {
  openclaw::test::BlockHeap heap(5, 400);
  heap.arenas = {"main", "sessions of the eastern region", "index"};
  heap.arenaCommitted.assign(3, 0);
  for (std::size_t i = 0; i < heap.regions.size(); ++i) {
    RegionRecord& region = heap.regions[i];
    region.arena = static_cast<decltype(region.arena)>(i % 7 == 0 ? 2 : i % 3 == 0 ? 1 : 0);
    heap.arenaCommitted[region.arena] += region.bytes;
  }
  const std::vector<std::byte> bytes = heap.encode();
  open(files().writeBytes("arenas.bin", QByteArray(reinterpret_cast<const char*>(bytes.data()), static_cast<qsizetype>(bytes.size()))));
  ASSERT_TRUE(window_->answers());
  press(Qt::Key_5, Qt::AltModifier);
  auto& map = see<MapCanvas>("map");
  ASSERT_TRUE(QTest::qWaitFor([&] { return map.settled(); }, kPatience));
  picture("arenas");
  const auto checkHeadings = [&](std::size_t least) {
    const auto headings = map.headings();
    EXPECT_GE(headings.size(), least);
    for (std::size_t i = 0; i < headings.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) EXPECT_FALSE(headings[i].room.intersects(headings[j].room)) << headings[i].text.toStdString();
      // No block is drawn where a heading stands.
      for (const RegionRow& region : window_->answers()->fragmentation.regions)
        if (const auto at = map.pixelOf(region.base)) {
          EXPECT_FALSE(headings[i].room.intersects(QRectF(*at, QSizeF(std::max(1.0, map.blockPixels() - 2), std::max(1.0, map.blockPixels() - 2)))))
              << headings[i].text.toStdString();
        }
    }
    return headings;
  };
  const auto headings = checkHeadings(3);
  ASSERT_EQ(headings.size(), 3u);
  for (std::size_t i = 0; i < headings.size(); ++i) {
    EXPECT_TRUE(headings[i].text.startsWith("arena " + QString::fromStdString(heap.arenas[i]) + " · ")) << headings[i].text.toStdString();
    EXPECT_TRUE(headings[i].text.contains(numbers::size(Bytes(heap.arenaCommitted[i])))) << headings[i].text.toStdString();
  }
  map.zoomBy(3, {0, 0});
  checkHeadings(1);
  picture("arenas-near");
  window_->resize(900, 560);
  map.fitAll();
  checkHeadings(3);
  picture("arenas-small");
}

TEST_F(Journey, NamesOfOwnersKeepTheirRoomInASmallWindow) {
  open(serviceDump());
  press(Qt::Key_3, Qt::AltModifier);
  for (const QSize size : {QSize(1600, 1000), QSize(1280, 800), QSize(1000, 700), QSize(1600, 1000)}) {
    window_->resize(size);
    QCoreApplication::processEvents();
    const QHeaderView& header = *owners().header();
    EXPECT_GE(header.sectionSize(DominatorModel::kObject), 20 * window_->fontMetrics().horizontalAdvance('0')) << size.width();
    EXPECT_GT(header.sectionSize(DominatorModel::kRetained), 0) << size.width();
    EXPECT_FALSE(owners().horizontalScrollBar()->isVisible()) << size.width();
    if (size.width() == 1600) {
      EXPECT_EQ(header.hiddenSectionCount(), 0);  // they come back
    }
  }
}

}  // namespace
}  // namespace openclaw::gui
