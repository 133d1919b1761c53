#include "gui/main_window.h"

#include <algorithm>
#include <new>
#include <utility>

#include <QAction>
#include <QActionGroup>
#include <QApplication>
#include <QDragEnterEvent>
#include <QFileDialog>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QListWidget>
#include <QMenu>
#include <QMenuBar>
#include <QMessageBox>
#include <QMimeData>
#include <QSplitter>
#include <QStackedWidget>
#include <QStatusBar>
#include <QToolButton>
#include <QUrl>
#include <QVBoxLayout>

#include "analyzer/policy_text.h"
#include "gui/jobs/open_dump.h"
#include "gui/numbers.h"
#include "gui/theme.h"
#include "gui/views/ages_view.h"
#include "gui/views/dominator_view.h"
#include "gui/views/flame_view.h"
#include "gui/views/histogram_view.h"
#include "gui/views/holes_view.h"
#include "gui/views/inspector.h"
#include "gui/views/overview.h"
#include "gui/views/paths_view.h"
#include "gui/views/pauses_view.h"
#include "gui/views/scope_bar.h"
#include "openclaw/version.h"

namespace openclaw::gui {
namespace {

constexpr std::size_t kStepsRemembered = 100;
// A bit an object each, and the tables.
constexpr std::size_t kScopesKept = 6;

}  // namespace

MainWindow::MainWindow(QWidget* parent) : QMainWindow(parent) {
  setObjectName(QStringLiteral("mainWindow"));
  setWindowTitle(tr("OpenClaw Memory"));
  setAcceptDrops(true);
  resize(1400, 900);

  strip_ = new QLabel(this);
  strip_->setObjectName(QStringLiteral("strip"));
  strip_->setTextFormat(Qt::PlainText);
  strip_->setWordWrap(true);
  strip_->setAutoFillBackground(true);
  strip_->setContentsMargins(12, 6, 12, 6);
  strip_->setTextInteractionFlags(Qt::TextSelectableByMouse);
  strip_->hide();
  scopeBar_ = new ScopeBar(this);
  connect(scopeBar_, &ScopeBar::removed, this, [this](const ScopePart& part) { setScope(scope_.without(part)); });
  connect(scopeBar_, &ScopeBar::cleared, this, [this] { setScope({}); });
  stack_ = new QStackedWidget(this);
  auto* middle = new QWidget(this);
  auto* column = new QVBoxLayout(middle);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(0);
  notice_ = new QFrame(this);
  notice_->setAutoFillBackground(true);
  noticeText_ = new QLabel(notice_);
  noticeText_->setObjectName(QStringLiteral("notice"));
  noticeText_->setTextFormat(Qt::PlainText);
  noticeText_->setWordWrap(true);
  noticeText_->setMinimumWidth(1);
  noticeText_->setTextInteractionFlags(Qt::TextSelectableByMouse);
  auto* read = new QToolButton(notice_);
  read->setObjectName(QStringLiteral("closeNotice"));
  read->setText(QStringLiteral("✕"));
  read->setToolTip(tr("Close this line (Esc)"));
  read->setAccessibleName(tr("Close the notice"));
  read->setAutoRaise(true);
  read->setFocusPolicy(Qt::StrongFocus);
  connect(read, &QToolButton::clicked, notice_, &QWidget::hide);
  auto* noticeRow = new QHBoxLayout(notice_);
  noticeRow->setContentsMargins(12, 4, 6, 4);
  noticeRow->addWidget(noticeText_, 1);
  noticeRow->addWidget(read, 0, Qt::AlignTop);
  notice_->hide();
  column->addWidget(scopeBar_);
  column->addWidget(strip_);
  column->addWidget(notice_);
  column->addWidget(stack_, 1);

  placeList_ = new QListWidget(this);
  placeList_->setObjectName(QStringLiteral("places"));
  placeList_->setAccessibleName(tr("Places"));
  placeList_->setFrameShape(QFrame::NoFrame);
  placeList_->setSpacing(3);
  inspector_ = new Inspector(this);
  connect(inspector_, &Inspector::objectActivated, this, &MainWindow::goToObject);
  connect(inspector_, &Inspector::scopeRequested, this, &MainWindow::narrow);

  auto* splitter = new QSplitter(this);
  splitter->addWidget(placeList_);
  splitter->addWidget(middle);
  splitter->addWidget(inspector_);
  splitter->setStretchFactor(1, 1);
  splitter->setCollapsible(1, false);
  const int character = fontMetrics().horizontalAdvance(QLatin1Char('0'));
  placeList_->setMinimumWidth(character * 12);
  inspector_->setMinimumWidth(character * 30);
  splitter->setSizes({character * 18, 1000, character * 46});
  setCentralWidget(splitter);

  status_ = new QLabel(this);
  status_->setObjectName(QStringLiteral("status"));
  status_->setMinimumWidth(1);  // a long text does not widen the window
  statusBar()->addWidget(status_, 1);
  policyButton_ = new QToolButton(this);
  policyButton_->setObjectName(QStringLiteral("policy"));
  policyButton_->setPopupMode(QToolButton::InstantPopup);
  policyButton_->setFocusPolicy(Qt::StrongFocus);
  policyButton_->setAutoRaise(true);
  statusBar()->addPermanentWidget(policyButton_);

  addViews();
  addActions();
  connect(placeList_, &QListWidget::currentRowChanged, this, [this](int row) {
    if (row >= 0) showPlace(static_cast<std::size_t>(row));
  });
  connect(&runner_, &JobRunner::progressed, this, [this](const QString& stage, double fraction) {
    for (const Place& place : places_) place.view->setProgress(stage, fraction, runner_.elapsed());
    status_->setText((answers_ ? tr("Showing a part of %1: %2, %3 %") : tr("Reading %1: %2, %3 %"))
                         .arg(QFileInfo(path_).fileName(), stage)
                         .arg(static_cast<int>(fraction * 100)));
  });
  colorStrip();
  closeDump();
  showPlace(0);
}

MainWindow::~MainWindow() = default;

void MainWindow::addViews() {
  places_ = {{"overview", tr("Overview"), new Overview(this)},
             {"histogram", tr("Types"), new HistogramView(this)},
             {"dominators", tr("Owners"), new DominatorView(this)},
             {"flamegraph", tr("Stacks"), new FlameView(this)},
             {"fragmentation", tr("Holes"), new HolesView(this)},
             {"generations", tr("Generations"), new AgesView(this)},
             {"pauses", tr("Pauses"), new PausesView(this)},
             {"paths", tr("Paths"), new PathsView(this)}};
  for (std::size_t i = 0; i < places_.size(); ++i) {
    const Place& place = places_[i];
    stack_->addWidget(place.view);
    auto* item = new QListWidgetItem(place.title, placeList_);
    item->setToolTip(tr("Alt+%1").arg(i + 1));
    item->setSizeHint(QSize(0, fontMetrics().height() + 14));
    connect(place.view, &View::cancelRequested, this, &MainWindow::cancelLoading);
    connect(place.view, &View::nextStepRequested, this, &MainWindow::chooseDump);
    connect(place.view, &View::objectSelected, this, [this](quint32 object) {
      selected_ = ObjectIndex(object);
      inspector_->showObject(selected_);
      remember();
    });
    connect(place.view, &View::typeSelected, this, [this](quint32 type) { inspector_->showType(TypeIndex(type)); });
    connect(place.view, &View::objectActivated, this, &MainWindow::goToObject);
    connect(place.view, &View::typeActivated, this, &MainWindow::goToType);
    connect(place.view, &View::scopeRequested, this, &MainWindow::narrow);
  }
}

void MainWindow::addActions() {
  QMenu* file = menuBar()->addMenu(tr("&File"));
  file->addAction(tr("&Open a dump…"), QKeySequence::Open, this, &MainWindow::chooseDump);
  reload_ = file->addAction(tr("&Reload"), QKeySequence(Qt::Key_F5), this, &MainWindow::reload);
  policyMenu_ = file->addMenu(tr("&Policy: what keeps alive"));
  addPolicies(*policyMenu_);
  close_ = file->addAction(tr("&Close the dump"), QKeySequence(Qt::CTRL | Qt::Key_W), this, &MainWindow::closeDump);
  file->addSeparator();
  file->addAction(tr("&Quit"), QKeySequence(Qt::CTRL | Qt::Key_Q), this, &QWidget::close);

  QMenu* view = menuBar()->addMenu(tr("&View"));
  for (std::size_t i = 0; i < places_.size(); ++i)
    view->addAction(places_[i].title, QKeySequence(Qt::ALT | static_cast<Qt::Key>(Qt::Key_1 + i)), this, [this, i] { showPlace(i); });
  view->addSeparator();
  find_ = view->addAction(tr("&Find in this view"), QKeySequence::Find, this, [this] { currentView().focusSearch(); });
  QAction* places = view->addAction(tr("&Places"), QKeySequence(Qt::Key_F9), placeList_, &QWidget::setVisible);
  inspectorShown_ = view->addAction(tr("&Inspector"), QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_I), this,
                                    [this](bool shown) { inspector_->setVisible(shown && currentView().wantsInspector()); });
  for (QAction* toggle : {places, inspectorShown_}) {
    toggle->setCheckable(true);
    toggle->setChecked(true);
  }

  QMenu* walk = menuBar()->addMenu(tr("&Go"));
  back_ = walk->addAction(tr("&Back"), QKeySequence(Qt::ALT | Qt::Key_Left), this, [this] { go(-1); });
  forward_ = walk->addAction(tr("&Forward"), QKeySequence(Qt::ALT | Qt::Key_Right), this, [this] { go(+1); });

  walk->addSeparator();
  removeLabel_ = walk->addAction(tr("&Remove the last label of the scope"), this, &MainWindow::removeLastLabel);
  wholeDump_ = walk->addAction(tr("Show the &whole dump"), QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_Backspace), this, [this] { setScope({}); });

  QMenu* help = menuBar()->addMenu(tr("&Help"));
  help->addAction(tr("&Keys"), QKeySequence(Qt::Key_F1), this, &MainWindow::showShortcuts);
  help->addAction(tr("&About"), this, &MainWindow::showAbout);
}

// All there are, those of the dump's kind shown; the button of the status line opens the same menu.
void MainWindow::addPolicies(QMenu& menu) {
  menu.setToolTipsVisible(true);
  policies_ = new QActionGroup(this);
  for (const Policy policy : kPolicies) {
    QAction* action = menu.addAction(tr("%1: %2").arg(numbers::text(toText(policy)), numbers::text(explain(policy))), this, [this, policy] { setPolicy(policy); });
    action->setObjectName(QStringLiteral("policy.%1").arg(numbers::text(toText(policy))));
    action->setCheckable(true);
    action->setData(static_cast<int>(policy));
    policies_->addAction(action);
  }
  policyButton_->setMenu(&menu);
  policyButton_->setToolTip(tr("What counts as keeping an object alive, and whose bytes are whose. Another policy reads the file again."));
}

void MainWindow::showPolicy() {
  const bool open = answers_ != nullptr;
  for (QAction* action : policies_->actions()) {
    const auto policy = static_cast<Policy>(action->data().toInt());
    action->setVisible(open && fits(policy, answers_->snapshot->kind()));
    action->setChecked(policy == policy_);
  }
  policyMenu_->setEnabled(open);
  policyButton_->setVisible(open);
  policyButton_->setText(tr("policy %1").arg(numbers::text(toText(policy_))));
  policyButton_->setAccessibleName(tr("Policy %1: %2").arg(numbers::text(toText(policy_)), numbers::text(explain(policy_))));
}

View& MainWindow::currentView() const { return *places_[static_cast<std::size_t>(stack_->currentIndex())].view; }

// ---- a dump comes and goes ------------------------------------------------------------------------------------------

void MainWindow::openDump(const QString& path, Policy policy) {
  if (path.isEmpty()) return;
  closeDump();
  path_ = path;
  policy_ = policy;
  const QString name = QFileInfo(path).fileName();
  setWindowTitle(tr("%1 — OpenClaw Memory").arg(name));
  for (const Place& place : places_) place.view->showLoading(name);
  status_->setText(tr("Reading %1").arg(name));
  runner_.start([this, file = path.toStdString(), policy](JobContext& job) -> JobRunner::Delivery {
    // Shared, because a delivery is copied on its way to the GUI thread.
    auto opened = std::make_shared<Result<std::shared_ptr<const Answers>>>(openDumpFile(file, policy, job));
    return [this, opened] { *opened ? showAnswers(**opened) : showError(opened->error()); };
  });
  updateActions();
}

void MainWindow::chooseDump() {
  const QString path = QFileDialog::getOpenFileName(this, tr("Open a dump"), QFileInfo(path_).path(),
                                                    tr("Heap dumps (*.bin);;All files (*)"));
  if (!path.isEmpty()) openDump(path);
}

void MainWindow::showAnswers(const std::shared_ptr<const Answers>& answers) {
  answers_ = whole_ = answers;
  const LoadReport& report = answers_->snapshot->report();
  if (!report.complete()) {
    strip_->setText(tr("⚠ Incomplete dump: %1").arg(numbers::text(report.sentence())));
    QStringList losses;
    for (const auto& [name, count] : report.losses) losses.push_back(tr("%1: %2").arg(numbers::text(name), numbers::count(count)));
    strip_->setToolTip(losses.join(QLatin1Char('\n')));
    strip_->show();
  }
  inspector_->setAnswers(answers_);
  // Views that select a row at once are not steps of the person.
  travelling_ = true;
  for (const Place& place : places_) place.view->showAnswers(answers_);
  travelling_ = false;
  selected_ = ObjectIndex::none();
  inspector_->setAnswers(answers_);
  if (const auto top = answers_->snapshot->dominatedBy(std::nullopt); !top.empty()) inspector_->showObject(ObjectIndex(top.front()));
  showStatus();
  if (left_) return comeBack(*std::exchange(left_, std::nullopt));
  remember();
  updateActions();
  currentView().mainWidget()->setFocus();
  Q_EMIT settled();
}

// ---- the same dump once more ----------------------------------------------------------------------------------------

void MainWindow::setPolicy(Policy policy) {
  if (policy != policy_) reopen(policy);
  showPolicy();
}

void MainWindow::reopen(Policy policy) {
  if (path_.isEmpty()) return;
  std::optional<Left> left = leave();
  openDump(path_, policy);
  left_ = std::move(left);
}

// The history in names. While a dump is still being read, or was given up: what was to be found in it.
std::optional<MainWindow::Left> MainWindow::leave() {
  if (!answers_ || history_.empty()) return std::move(left_);
  notePosition();
  std::vector<Step> steps = history_;
  std::size_t at = goingTo_.value_or(historyAt_);
  // A scope that was asked for and is not there yet.
  if (!goingTo_ && steps[at].scope != scope_) steps[at] = Step{static_cast<std::size_t>(stack_->currentIndex()), selected_, scope_, sight_};
  Left left;
  left.at = at;
  for (const Step& step : steps) left.history.push_back({step.place, nameOf(*whole_->snapshot, step.scope, step.object), step.position});
  return left;
}

void MainWindow::comeBack(const Left& left) {
  const Snapshot& s = *whole_->snapshot;
  history_.clear();
  QStringList gone;
  std::size_t at = 0;
  for (std::size_t i = 0; i < left.history.size(); ++i) {
    const NamedStep& step = left.history[i];
    const FoundAgain found = findAgain(s, step.where);
    if (i == left.at) {
      at = history_.size();
      for (const std::string& label : found.gone) gone.push_back(numbers::text(label));
      if (found.objectGone) gone.push_back(tr("the selected %1").arg(numbers::text(step.where.objectLabel)));
    } else if (!found.gone.empty()) {
      continue;  // a stop that is no more
    }
    history_.push_back({step.place, found.object, found.scope, step.position});
  }
  historyAt_ = at;
  if (!gone.isEmpty()) {
    QString text = tr("No longer in the dump: %1.").arg(gone.join(QStringLiteral("; ")));
    if (!left.history[left.at].where.parts.empty() && history_[at].scope.parts.size() != left.history[left.at].where.parts.size())
      text += history_[at].scope.empty() ? tr(" The whole dump is shown.") : tr(" The rest of the scope is kept.");
    showNotice(text);
  }
  if (!history_[at].scope.empty()) return enterScope(history_[at].scope, at);
  arriveAt(at);
  if (currentView().state() == View::State::kData) currentView().mainWidget()->setFocus();
  Q_EMIT settled();
}

void MainWindow::showNotice(const QString& text) {
  noticeText_->setText(text);
  notice_->setVisible(!text.isEmpty());
}

void MainWindow::showError(const Error& error) {
  error_ = error;
  const QString what = numbers::text(toText(error));
  for (const Place& place : places_)
    place.view->showError(tr("%1 cannot be opened").arg(QFileInfo(path_).fileName()), what, tr("&Open another dump…"));
  status_->setText(tr("Not opened: %1").arg(what));
  updateActions();
  Q_EMIT settled();
}

void MainWindow::cancelLoading() {
  if (!runner_.busy()) return;
  runner_.cancel();
  if (answers_) return stayWithScope();
  const QString name = QFileInfo(path_).fileName();
  for (const Place& place : places_)
    place.view->showEmpty(tr("Stopped reading %1").arg(name), tr("F5 starts again; Ctrl+O opens another dump."), tr("&Open a dump…"));
  status_->setText(tr("Stopped reading %1").arg(name));
  updateActions();
  Q_EMIT settled();
}

void MainWindow::closeDump() {
  runner_.cancel();
  error_.reset();
  for (const Place& place : places_) place.view->showNoDump();
  inspector_->setAnswers(nullptr);
  releaseOffThread(std::exchange(answers_, nullptr));
  releaseOffThread(std::exchange(whole_, nullptr));
  for (auto& scoped : std::exchange(recent_, {})) releaseOffThread(std::move(scoped));
  left_.reset();
  notice_->hide();
  scope_ = {};
  goingTo_.reset();
  scopeBar_->hide();
  strip_->hide();
  history_.clear();
  historyAt_ = 0;
  selected_ = ObjectIndex::none();
  setWindowTitle(tr("OpenClaw Memory"));
  status_->setText(tr("No dump is open"));
  updateActions();
}

bool MainWindow::busy() const { return runner_.busy() || (inspector_->isVisible() && inspector_->busy()) || currentView().searching(); }

void MainWindow::showStatus() {
  const Totals& totals = answers_->totals;
  QString text = tr("%1 objects · %2 live").arg(numbers::shortCount(totals.objects), numbers::size(totals.reachableBytes));
  if (totals.bytes != totals.reachableBytes) text += tr(" · %1 unreachable").arg(numbers::size(totals.bytes - totals.reachableBytes));
  if (answers_->scope)
    text += tr(" · in the scope %1, %2").arg(numbers::counted(answers_->scopeTotals.objects, tr("object"), tr("objects")), numbers::size(answers_->scopeTotals.bytes));
  // References that lead nowhere leave the objects themselves counted.
  const bool onlyReferences = answers_->snapshot->kind() != DumpKind::kOpenclaw && answers_->readWhole();
  text += answers_->exact() ? tr(" · exact") : onlyReferences ? tr(" · incomplete: retained sizes are lower bounds") : tr(" · incomplete: numbers are lower bounds");
  status_->setText(text);
  status_->setToolTip(numbers::text(answers_->snapshot->report().index));
}

// ---- one scope for all views ----------------------------------------------------------------------------------------

void MainWindow::setScope(const Scope& scope) {
  if (!answers_ || scope == scope_) return;
  notePosition();
  if (currentView().state() == View::State::kData) {
    sightOf_ = &currentView();
    sight_ = currentView().position();
  }
  enterScope(scope, std::nullopt);
}

void MainWindow::narrow(const ScopePart& part, ScopeWish wish) {
  if (!answers_) return;
  if (wish == ScopeWish::kPaths)
    for (std::size_t i = 0; i < places_.size(); ++i)
      if (places_[i].id == "paths") {
        // One stop: the way back leads to where this was asked.
        const bool known = scope_ == scope_.only(part);
        notePosition();
        travelling_ = !known;
        showPlace(i);
        travelling_ = false;
        sight_.clear();
      }
  setScope(wish == ScopeWish::kBeside ? scope_.with(part) : scope_.only(part));
}

// What was shown before the last scope was wanted is still there.
void MainWindow::stayWithScope() {
  goingTo_.reset();
  scope_ = answers_->scope ? answers_->scope->scope : Scope{};
  showScoped(answers_, std::nullopt);
}

void MainWindow::removeLastLabel() {
  if (!scope_.empty()) setScope(scope_.without(scope_.parts.back()));
}

void MainWindow::enterScope(const Scope& scope, std::optional<std::size_t> step) {
  runner_.cancel();
  goingTo_ = step;
  scope_ = scope;
  if (scope.empty()) return showScoped(whole_, step);
  const auto known = std::ranges::find_if(recent_, [&](const auto& scoped) { return scoped->scope->scope == scope; });
  if (known != recent_.end()) return showScoped(*known, step);
  scopeBar_->showScope(*whole_->snapshot, scope_);
  scopeBar_->showShare(tr("selecting… (Esc gives up)"), {});
  const QString title = tr("Selecting %1").arg(numbers::text(labelOf(*whole_->snapshot, scope)));
  for (const Place& place : places_) {
    place.view->cancelWork();
    place.view->showWorking(title);
  }
  inspector_->setAnswers(whole_);  // it said whether its object is in the scope
  runner_.start([this, whole = whole_, scope, step](JobContext& job) -> JobRunner::Delivery {
    std::shared_ptr<const Answers> scoped;
    try {
      scoped = computeScopedAnswers(whole, scope, job.stopToken(), [&](std::string_view stage, double fraction) { job.report(stage, fraction); });
    } catch (const std::bad_alloc&) {
      return [this] {
        stayWithScope();
        status_->setText(tr("Not selected: there is not enough memory"));
      };
    }
    return [this, scoped, step] {
      if (scoped) showScoped(scoped, step);
    };
  });
  updateActions();
}

void MainWindow::showScoped(const std::shared_ptr<const Answers>& answers, std::optional<std::size_t> step) {
  answers_ = answers;
  if (answers_->scope) {
    std::erase(recent_, answers_);
    recent_.push_back(answers_);
    if (recent_.size() > kScopesKept) {
      releaseOffThread(std::move(recent_.front()));
      recent_.erase(recent_.begin());
    }
  }
  const ObjectIndex selected = selected_;
  // Views that select a row of theirs are not steps of the person.
  travelling_ = true;
  for (const Place& place : places_) place.view->showAnswers(answers_);
  inspector_->setAnswers(answers_);
  travelling_ = false;
  showScopeBar();
  showStatus();
  if (step) {
    arriveAt(*step);
  } else {
    // The selected object stays selected where it is still to be seen.
    travelling_ = true;
    selected_ = ObjectIndex::none();
    if (currentView().state() == View::State::kData && currentView().wantsInspector()) {
      if (selected && answers_->inScope(selected) && currentView().reveal(selected)) selected_ = selected;
      else currentView().announceSelection();
      // The person stays where they were looking.
      if (sight_.isValid() && sightOf_ == &currentView()) currentView().restore(sight_);
    }
    travelling_ = false;
    if (selected_) inspector_->showObject(selected_);
    remember();
  }
  updateActions();
  if (currentView().state() == View::State::kData && !placeList_->hasFocus()) currentView().mainWidget()->setFocus();
  Q_EMIT settled();
}

// The bar says what the scope selects, and how the view in sight takes it.
void MainWindow::showScopeBar() {
  if (!answers_ || !whole_ || loading()) return;
  scopeBar_->showScope(*answers_->snapshot, scope_);
  if (!answers_->scope) return;
  const ScopeSelection& selection = *answers_->scope;
  QString share;
  if (selection.objects == 0) share = tr("No object of the dump lies in it.");
  else
    share = tr("%1, %2, %3 of the dump; together they retain %4")
                .arg(numbers::counted(selection.objects, tr("object"), tr("objects")), numbers::size(selection.bytes),
                     numbers::share(selection.bytes.value, selection.allBytes.value), numbers::size(selection.retained, selection.retainedCertainty));
  if (selection.objects != selection.reachableObjects) share += tr("; %1 unreachable").arg(numbers::count(selection.objects - selection.reachableObjects));
  scopeBar_->showShare(share, currentView().scopeNote());
}

// ---- moving about ---------------------------------------------------------------------------------------------------

void MainWindow::showPlace(std::size_t place) {
  if (place >= places_.size()) return;
  notePosition();
  stack_->setCurrentWidget(places_[place].view);
  placeList_->setCurrentRow(static_cast<int>(place));
  if (inspectorShown_ != nullptr) inspector_->setVisible(inspectorShown_->isChecked() && places_[place].view->wantsInspector());
  if (places_[place].view->state() == View::State::kData) {
    if (!placeList_->hasFocus()) places_[place].view->mainWidget()->setFocus();
    places_[place].view->announceSelection();
  }
  showScopeBar();
  remember();
}

void MainWindow::goToObject(quint32 object) {
  if (!answers_) return;
  notePosition();
  for (std::size_t i = 0; i < places_.size(); ++i) {
    if (places_[i].view->state() != View::State::kData) continue;
    travelling_ = true;  // one step, not one for the view and one for the row
    const bool shown = places_[i].view->reveal(ObjectIndex(object));
    if (shown) showPlace(i);
    travelling_ = false;
    if (shown) break;
  }
  selected_ = ObjectIndex(object);
  inspector_->showObject(selected_);
  remember();
}

void MainWindow::goToType(quint32 type) {
  if (!answers_) return;
  for (std::size_t i = 0; i < places_.size(); ++i)
    if (places_[i].view->state() == View::State::kData && places_[i].view->revealType(TypeIndex(type))) return showPlace(i);
}

void MainWindow::remember() {
  if (travelling_ || !answers_) return;
  if (loading()) return;  // where this leads is not there yet
  const Step step{static_cast<std::size_t>(stack_->currentIndex()), selected_, scope_, {}};
  if (!history_.empty() && history_[historyAt_].at(step)) return;
  // Rows passed with the arrow keys in one view are one stop: going back should leave the view, not replay keys.
  const bool sameView = !history_.empty() && history_[historyAt_].place == step.place && history_[historyAt_].scope == step.scope;
  if (!history_.empty()) history_.resize(historyAt_ + 1);
  if (sameView) history_.back() = step;
  else history_.push_back(step);
  if (history_.size() > kStepsRemembered) history_.erase(history_.begin());
  historyAt_ = history_.size() - 1;
  updateActions();
}

void MainWindow::notePosition() {
  // While travelling the step is already the one that is gone to.
  if (travelling_ || loading() || history_.empty() || history_[historyAt_].place != static_cast<std::size_t>(stack_->currentIndex())) return;
  history_[historyAt_].position = currentView().position();
}

void MainWindow::go(int direction) {
  const std::size_t from = goingTo_.value_or(historyAt_);
  if (!answers_ || (direction < 0 && from == 0) || (direction > 0 && from + 1 >= history_.size())) return;
  notePosition();
  const std::size_t to = direction < 0 ? from - 1 : from + 1;
  if (history_[to].scope != scope_ || loading()) return enterScope(history_[to].scope, to);
  arriveAt(to);
}

void MainWindow::arriveAt(std::size_t to) {
  goingTo_.reset();
  if (to >= history_.size()) return;
  historyAt_ = to;
  const Step step = history_[historyAt_];
  travelling_ = true;
  showPlace(step.place);
  if (step.object) places_[step.place].view->reveal(step.object);
  selected_ = step.object;
  if (step.object) inspector_->showObject(step.object);
  // Last: a view that selects no objects says what the inspector shows.
  if (step.position.isValid()) places_[step.place].view->restore(step.position);
  travelling_ = false;
  updateActions();
}

void MainWindow::updateActions() {
  if (back_ == nullptr) return;
  const std::size_t at = goingTo_.value_or(historyAt_);
  back_->setEnabled(answers_ != nullptr && at > 0);
  forward_->setEnabled(answers_ != nullptr && at + 1 < history_.size());
  removeLabel_->setEnabled(!scope_.empty());
  wholeDump_->setEnabled(!scope_.empty());
  reload_->setEnabled(!path_.isEmpty());
  close_->setEnabled(answers_ != nullptr || error_.has_value());
  find_->setEnabled(answers_ != nullptr);
  showPolicy();
}

void MainWindow::keyPressEvent(QKeyEvent* event) {
  if (event->key() == Qt::Key_Escape && loading()) return cancelLoading();
  if (event->key() == Qt::Key_Escape && currentView().cancelWork()) return;
  if (event->key() == Qt::Key_Escape && notice_->isVisible()) return notice_->hide();
  if (event->key() == Qt::Key_Escape && !scope_.empty()) return removeLastLabel();
  QMainWindow::keyPressEvent(event);
}

void MainWindow::dragEnterEvent(QDragEnterEvent* event) {
  const auto urls = event->mimeData()->urls();
  if (urls.size() == 1 && urls.front().isLocalFile()) event->acceptProposedAction();
}

void MainWindow::dropEvent(QDropEvent* event) {
  event->acceptProposedAction();
  openDump(event->mimeData()->urls().front().toLocalFile());
}

void MainWindow::changeEvent(QEvent* event) {
  QMainWindow::changeEvent(event);
  if (event->type() == QEvent::PaletteChange && strip_ != nullptr) colorStrip();
}

void MainWindow::colorStrip() {
  const theme::Colors colors = theme::colorsOf(palette());
  QPalette stripPalette = strip_->palette();
  if (stripPalette.color(QPalette::Window) == colors.stripBack) return;
  stripPalette.setColor(QPalette::Window, colors.stripBack);
  stripPalette.setColor(QPalette::WindowText, colors.stripText);
  strip_->setPalette(stripPalette);
  stripPalette.setColor(QPalette::ButtonText, colors.stripText);
  notice_->setPalette(stripPalette);
}

void MainWindow::showShortcuts() {
  QStringList lines;
  for (const QAction* menu : menuBar()->actions())
    for (const QAction* action : menu->menu()->actions())
      if (!action->shortcut().isEmpty())
        lines.push_back(QStringLiteral("%1\t%2").arg(action->shortcut().toString(QKeySequence::NativeText), action->text().remove(QLatin1Char('&'))));
  lines += {tr("Esc\tStop reading a dump or selecting; clear the filter of types; remove the last label of the scope"), tr("Menu key\tShow only this type, site, arena, age, or what this retains"), tr("Enter\tOpen the row, or show the next rows"),
            tr("*\tOpen one level below the row"), tr("/\tFilter types"), tr("Ctrl+C\tCopy rows with exact values")};
  QMessageBox::information(this, tr("Keys"), lines.join(QLatin1Char('\n')));
}

void MainWindow::showAbout() {
  QMessageBox::about(this, tr("About OpenClaw Memory"),
                     tr("heap-analyzer-gui %1 (%2)\nHeap dumps that explain themselves.\nApache License 2.0")
                         .arg(QLatin1String(OPENCLAW_VERSION), QLatin1String(OPENCLAW_COMMIT)));
}

}  // namespace openclaw::gui
