// The same dump once more, as it is on disk now or with another policy: the person stays where they were, and is told what is
// no longer there. Runs offscreen, and once more on a real X server (run_under_xvfb.sh).
#include <memory>

#include <QAction>
#include <QApplication>
#include <QLabel>
#include <QMenu>
#include <QTableView>
#include <QTest>
#include <QToolButton>
#include <QTreeView>

#include <gtest/gtest.h>

#include "gui/main_window.h"
#include "gui/models/dominator_model.h"
#include "gui/models/histogram_model.h"
#include "gui/numbers.h"
#include "gui/views/charts.h"
#include "gui/views/flame_canvas.h"
#include "gui/views/view.h"
#include "gui/whereabouts.h"
#include "tests/analyzer/hprof/hprof_writer.h"
#include "tests/analyzer/v8/v8_text.h"
#include "tests/gui/printing.h"
#include "tests/gui/test_dumps.h"

namespace openclaw::gui {
namespace {

constexpr int kPatience = 60'000;

class ReloadJourney : public testing::Test {
 protected:
  void SetUp() override {
    window_ = std::make_unique<MainWindow>();
    window_->resize(1600, 1000);
    window_->show();
    window_->activateWindow();
    ASSERT_TRUE(QTest::qWaitForWindowActive(window_.get()));
  }
  void settle() { ASSERT_TRUE(QTest::qWaitFor([&] { return !window_->loading(); }, kPatience)); }
  void open(const QString& path) {
    window_->openDump(path);
    settle();
    ASSERT_TRUE(window_->answers());
  }
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
  std::size_t placeNow() {
    for (std::size_t i = 0; i < window_->places().size(); ++i)
      if (window_->places()[i].view->isVisible()) return i + 1;
    return 0;
  }
  void reload() {
    press(Qt::Key_F5);
    ASSERT_TRUE(window_->loading());
    settle();
    ASSERT_TRUE(window_->answers());
  }
  QTableView& types() { return see<QTableView>("histogram"); }
  QTreeView& owners() { return see<QTreeView>("dominators"); }
  static QString object(const QModelIndex& row) { return row.siblingAtColumn(DominatorModel::kAddress).data().toString(); }
  TypeIndex typeNamed(std::string_view name) {
    for (std::uint32_t i = 0; i < snapshot().types().size(); ++i)
      if (snapshot().types()[TypeIndex(i)].name == name) return TypeIndex(i);
    return TypeIndex::none();
  }
  // The policy's entry in the menu of the status line, clicked.
  void choosePolicy(const char* name) {
    auto& button = see<QToolButton>("policy");
    QTimer::singleShot(0, window_.get(), [name] {
      auto* menu = qobject_cast<QMenu*>(QApplication::activePopupWidget());
      ASSERT_NE(menu, nullptr);
      for (QAction* entry : menu->actions()) {
        if (entry->objectName() != QLatin1String("policy.") + QLatin1String(name)) continue;
        ASSERT_TRUE(entry->isVisible());
        QTest::mouseClick(menu, Qt::LeftButton, Qt::NoModifier, menu->actionGeometry(entry).center());
        return;
      }
      menu->close();
      FAIL() << "no entry for " << name;
    });
    QTest::mouseClick(&button, Qt::LeftButton);  // returns when the menu has gone
    settle();
    // Without a window manager nobody gives the window the keys back when a menu has gone.
    ASSERT_TRUE(QTest::qWaitFor([] { return QApplication::activePopupWidget() == nullptr; }, kPatience));
    window_->activateWindow();
    ASSERT_TRUE(QTest::qWaitForWindowActive(window_.get()));
    QCoreApplication::processEvents();
  }
  QStringList policiesOffered() {
    QStringList names;
    for (const QAction* action : see<QToolButton>("policy").menu()->actions())
      if (action->isVisible()) names.push_back(action->objectName().mid(7));
    return names;
  }

  test::DumpFiles files_;
  std::unique_ptr<MainWindow> window_;
};

// A holder with a node that a soft reference leads to: whether that is alive is the policies' question.
std::vector<std::byte> javaDump() {
  openclaw::test::HprofWriter w;
  const char* names[] = {"java/lang/Object", "java/lang/Class", "app/Holder", "soft", "plain", "java/lang/ref/Reference", "referent", "java/lang/ref/SoftReference", "app/Node"};
  std::uint64_t name = 1;
  for (const char* text : names) w.utf8(name++, text);
  const std::uint64_t objects = 0x1000, classes = 0x1100, holder = 0x1200, reference = 0x1300, soft = 0x1400, node = 0x1500;
  w.loadClass(1, objects, 1);
  w.loadClass(2, classes, 2);
  w.loadClass(3, holder, 3);
  w.loadClass(4, reference, 6);
  w.loadClass(5, soft, 8);
  w.loadClass(6, node, 9);
  w.beginSegment();
  w.classDump({.id = objects});
  w.classDump({.id = classes, .super = objects});
  w.classDump({.id = holder, .super = objects, .fields = {{4}, {5}}});
  w.classDump({.id = reference, .super = objects, .fields = {{7}}});
  w.classDump({.id = soft, .super = reference});
  w.classDump({.id = node, .super = objects, .fields = {{5}}});
  w.root(0xff, 0x100000);
  w.instance(0x100000, holder, {0x100020, 0x100040});
  w.instance(0x100020, soft, {0x100060});
  w.instance(0x100040, node, {0});
  w.instance(0x100060, node, {0});
  w.endSegment();
  w.end();
  return w.bytes();
}

std::string v8Dump() {
  openclaw::test::V8Text text;
  const auto root = text.node("synthetic", "", 1, 0), gc = text.node("synthetic", "(GC roots)", 3, 0), handles = text.node("synthetic", "(Global handles)", 5, 0);
  const auto list = text.node("object", "List", 17, 24), item = text.node("object", "Item", 19, 4000), word = text.node("string", "hello, world", 21, 40);
  text.edge(root, "element", 1, gc);
  text.edge(gc, "element", 1, handles);
  text.edge(handles, "element", 1, list);
  text.edge(list, "property", "first", item);
  text.edge(item, "property", "name", word);
  return text.json();
}

QByteArray arrayOf(std::span<const std::byte> bytes) { return QByteArray(reinterpret_cast<const char*>(bytes.data()), static_cast<qsizetype>(bytes.size())); }

TEST_F(ReloadJourney, ReloadingStaysWithScopeViewAndSelection) {
  open(files_.write("service.bin", {.sessions = 120, .wideChildren = 50}));
  place(2);
  const QString type = types().model()->index(2, 0).data().toString();
  window_->setScope(Scope{{ScopePart::type(TypeIndex(types().model()->index(2, 0).data(kTypeRole).toUInt()))}});
  settle();
  const std::uint64_t selected = answers().scopeTotals.objects;
  place(3);
  owners().setCurrentIndex(owners().model()->index(3, 0));
  const QString address = object(owners().currentIndex()), title = textOf("inspectorTitle");
  reload();
  EXPECT_EQ(placeNow(), 3u);
  ASSERT_EQ(window_->scope().parts.size(), 1u);
  EXPECT_EQ(QString::fromStdString(snapshot().types()[TypeIndex(window_->scope().parts[0].value)].name), type);
  EXPECT_EQ(answers().scopeTotals.objects, selected);
  EXPECT_EQ(object(owners().currentIndex()), address);
  EXPECT_EQ(textOf("inspectorTitle"), title);
  EXPECT_FALSE(seen("notice")) << textOf("notice").toStdString();
  // The way back is still known.
  press(Qt::Key_Left, Qt::AltModifier);
  settle();
  EXPECT_EQ(placeNow(), 2u);
  press(Qt::Key_Left, Qt::AltModifier);
  settle();
  EXPECT_TRUE(window_->scope().empty());
}

TEST_F(ReloadJourney, WhatIsGoneFromTheReloadedDumpIsNamed) {
  open(files_.writeGraph("graph.bin", "root->a b; a:Session*64->c; b:Cache*128; c:Text*32"));
  place(3);
  const auto cache = typeNamed("Cache");
  ASSERT_TRUE(cache);
  window_->setScope(Scope{{ScopePart::type(cache)}});
  settle();
  const QString address = object(owners().currentIndex());
  files_.writeGraph("graph.bin", "root->a; a:Session*64->c; c:Text*32");
  reload();
  EXPECT_TRUE(window_->scope().empty());
  EXPECT_EQ(placeNow(), 3u);
  EXPECT_EQ(textOf("notice"), "No longer in the dump: type Cache; the selected Cache " + address + ". The whole dump is shown.");
  press(Qt::Key_Escape);
  EXPECT_FALSE(seen("notice"));
  EXPECT_EQ(owners().model()->rowCount(), 1);
}

TEST_F(ReloadJourney, OfTwoTypesInTheScopeTheOneThatIsStillThereStays) {
  open(files_.writeGraph("graph.bin", "root->a b; a:Session*64->c; b:Cache*128; c:Text*32"));
  window_->setScope(Scope{{ScopePart::type(typeNamed("Cache")), ScopePart::type(typeNamed("Text"))}});
  settle();
  EXPECT_EQ(answers().scopeTotals.objects, 2u);
  files_.writeGraph("graph.bin", "root->a; a:Session*64->c; c:Text*32");
  reload();
  EXPECT_EQ(window_->scope(), Scope{{ScopePart::type(typeNamed("Text"))}});
  EXPECT_EQ(answers().scopeTotals.objects, 1u);
  EXPECT_TRUE(textOf("notice").contains("type Cache")) << textOf("notice").toStdString();
  EXPECT_TRUE(textOf("notice").contains("The rest of the scope is kept")) << textOf("notice").toStdString();
}

TEST_F(ReloadJourney, TypePauseAndBoxOfTheGraphAreSelectedAgain) {
  open(files_.write("service.bin", {.sessions = 120}));
  place(4);
  auto& flame = see<FlameCanvas>("flame");
  ASSERT_GT(flame.flame()->nodes.size(), 5u);
  flame.zoomTo(3);
  const std::string box = flame.flame()->name(3);
  place(7);
  see<PauseChart>("pausesChart").select(11);
  const QString pause = textOf("pauseTitle");
  place(2);
  types().setCurrentIndex(types().model()->index(4, 0));
  const QString type = types().currentIndex().data().toString();
  reload();
  EXPECT_EQ(types().currentIndex().siblingAtColumn(0).data().toString(), type);
  EXPECT_EQ(textOf("inspectorTitle"), type);
  press(Qt::Key_Left, Qt::AltModifier);
  EXPECT_EQ(placeNow(), 7u);
  EXPECT_EQ(textOf("pauseTitle"), pause);
  press(Qt::Key_Left, Qt::AltModifier);
  EXPECT_EQ(placeNow(), 4u);
  EXPECT_EQ(flame.flame()->name(flame.zoom()), box);
}

TEST_F(ReloadJourney, AReloadGivenUpIsTakenUpAgainWhereItWas) {
  open(files_.write("service.bin", {.sessions = 120, .wideChildren = 50}));
  window_->setScope(Scope{{ScopePart::type(typeNamed("wide::Array"))}});
  settle();
  place(6);
  press(Qt::Key_F5);
  press(Qt::Key_Escape);
  EXPECT_FALSE(window_->loading());
  EXPECT_EQ(textOf("messageTitle"), "Stopped reading service.bin");
  reload();
  EXPECT_EQ(placeNow(), 6u);
  EXPECT_EQ(window_->scope(), Scope{{ScopePart::type(typeNamed("wide::Array"))}});
}

TEST_F(ReloadJourney, AnotherDumpBeginsAnew) {
  open(files_.write("service.bin", {.sessions = 60}));
  window_->setScope(Scope{{ScopePart::type(TypeIndex(0))}});
  settle();
  open(files_.writeGraph("graph.bin", "root->a; a:Session*64"));
  EXPECT_TRUE(window_->scope().empty());
  EXPECT_FALSE(seen("notice"));
}

TEST_F(ReloadJourney, TheWindowOffersThePoliciesOfTheDumpsKind) {
  open(files_.writeGraph("graph.bin", "root->a; a:Session*64"));
  EXPECT_EQ(policiesOffered(), QStringList({"strict"}));
  open(files_.writeBytes("java.hprof", arrayOf(javaDump())));
  EXPECT_EQ(policiesOffered(), QStringList({"strict", "visualvm", "mat"}));
  open(files_.writeBytes("page.heapsnapshot", QByteArray::fromStdString(v8Dump())));
  EXPECT_EQ(policiesOffered(), QStringList({"strict", "v8-devtools", "memlab"}));
  EXPECT_EQ(see<QToolButton>("policy").text(), "policy strict");
}

TEST_F(ReloadJourney, AnotherPolicyReadsTheDumpAgainAndStaysWithScopeViewAndSelection) {
  open(files_.writeBytes("java.hprof", arrayOf(javaDump())));
  const auto soft = snapshot().objectAt(Address(0x100060));
  ASSERT_TRUE(soft);
  EXPECT_FALSE(snapshot().reachable(*soft));
  window_->setScope(Scope{{ScopePart::type(typeNamed("app.Node"))}});
  settle();
  place(3);
  const QString address = object(owners().currentIndex());
  EXPECT_EQ(answers().scopeTotals.reachableObjects, 1u);
  choosePolicy("mat");
  EXPECT_EQ(snapshot().policy(), Policy::kMat);
  EXPECT_EQ(window_->policy(), Policy::kMat);
  EXPECT_EQ(see<QToolButton>("policy").text(), "policy mat");
  EXPECT_EQ(answers().scopeTotals.reachableObjects, 2u);  // MAT lets a soft reference keep its object
  EXPECT_EQ(window_->scope(), Scope{{ScopePart::type(typeNamed("app.Node"))}});
  EXPECT_EQ(placeNow(), 3u);
  EXPECT_EQ(object(owners().currentIndex()), address);
  place(1);
  EXPECT_TRUE(textOf("facts").contains("policy mat")) << textOf("facts").toStdString();
  reload();  // stays with the policy
  EXPECT_EQ(snapshot().policy(), Policy::kMat);
}

TEST_F(ReloadJourney, APolicyForAnotherKindOfDumpIsRefusedWithAReason) {
  window_->openDump(files_.writeBytes("java.hprof", arrayOf(javaDump())), Policy::kMemlab);
  settle();
  EXPECT_FALSE(window_->answers());
  EXPECT_TRUE(textOf("messageText").contains("policy memlab is not for a Java HPROF")) << textOf("messageText").toStdString();
}

}  // namespace
}  // namespace openclaw::gui
