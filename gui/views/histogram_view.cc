#include "gui/views/histogram_view.h"

#include <algorithm>
#include <utility>

#include <QAction>
#include <QHeaderView>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QTableView>
#include <QVBoxLayout>

#include "gui/numbers.h"
#include "gui/theme.h"
#include "gui/views/scope_menu.h"
#include "gui/views/table_support.h"

namespace openclaw::gui {
namespace {

// Long enough to type on, short enough to feel immediate.
constexpr std::chrono::milliseconds kFilterDelay{120};

}  // namespace

HistogramView::HistogramView(QWidget* parent) : View(parent), model_(new HistogramModel(this)) {
  auto* content = new QWidget(this);
  filter_ = new QLineEdit(content);
  filter_->setObjectName(QStringLiteral("typeFilter"));
  filter_->setAccessibleName(tr("Filter types"));
  filter_->setPlaceholderText(tr("Filter types: part of a name, or /pattern/      (Ctrl+F)"));
  filter_->setClearButtonEnabled(true);
  filter_->installEventFilter(this);
  problem_ = new QLabel(content);
  problem_->setObjectName(QStringLiteral("filterProblem"));
  problem_->hide();

  table_ = new QTableView(content);
  table_->setObjectName(QStringLiteral("histogram"));
  table_->setAccessibleName(tr("Types by size"));
  table_->setModel(model_);
  equip(*table_);
  table_->setSelectionMode(QAbstractItemView::ExtendedSelection);
  table_->verticalHeader()->hide();
  table_->verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
  table_->verticalHeader()->setMinimumSectionSize(fontMetrics().height() + 6);
  table_->verticalHeader()->setDefaultSectionSize(fontMetrics().height() + 6);
  table_->setShowGrid(false);
  table_->setWordWrap(false);
  table_->setAlternatingRowColors(true);
  table_->installEventFilter(this);
  QHeaderView* header = table_->horizontalHeader();
  header->setHighlightSections(false);
  header->setSectionResizeMode(HistogramModel::kType, QHeaderView::Stretch);
  const int digits = fontMetrics().horizontalAdvance(QStringLiteral("0000000000000000"));
  for (int column = HistogramModel::kObjects; column < HistogramModel::kColumns; ++column) header->resizeSection(column, digits);
  header->resizeSection(HistogramModel::kShare, digits * 5 / 4);
  addSortActions();
  offerScope(*table_, [this] { return answers_.get(); }, [this](const ScopePart& part, ScopeWish wish) { Q_EMIT scopeRequested(part, wish); });
  table_->setSortingEnabled(true);
  table_->sortByColumn(HistogramModel::kOwnSize, Qt::DescendingOrder);

  sums_ = new QLabel(content);
  sums_->setObjectName(QStringLiteral("histogramSums"));
  sums_->setContentsMargins(4, 3, 4, 3);
  sums_->setWordWrap(true);
  sums_->setMinimumWidth(1);

  auto* layout = new QVBoxLayout(content);
  layout->setContentsMargins(10, 10, 10, 6);
  layout->addWidget(filter_);
  layout->addWidget(problem_);
  layout->addWidget(table_, 1);
  layout->addWidget(sums_);
  setContent(content);

  filterTimer_.setSingleShot(true);
  filterTimer_.setInterval(kFilterDelay);
  connect(filter_, &QLineEdit::textChanged, &filterTimer_, qOverload<>(&QTimer::start));
  connect(filter_, &QLineEdit::returnPressed, this, [this] {
    applyFilter();
    table_->setFocus();
    if (!table_->currentIndex().isValid()) select(0);
  });
  connect(&filterTimer_, &QTimer::timeout, this, &HistogramView::applyFilter);
  connect(table_->selectionModel(), &QItemSelectionModel::currentRowChanged, this, &HistogramView::announceSelection);
  showNoDump();
}

// Headers take no keyboard focus, so sorting is in the table's menu too: Ctrl+1 for the first column, and so on; once
// more turns the order round.
void HistogramView::addSortActions() {
  for (int column = 0; column < HistogramModel::kColumns; ++column) {
    const QString title = model_->headerData(column, Qt::Horizontal, Qt::DisplayRole).toString();
    auto* sort = new QAction(tr("Sort by %1").arg(title.toLower()), table_);
    sort->setShortcut(QKeySequence(Qt::CTRL | static_cast<Qt::Key>(Qt::Key_1 + column)));
    sort->setShortcutContext(Qt::WidgetShortcut);
    connect(sort, &QAction::triggered, this, [this, column] {
      const QHeaderView* header = table_->horizontalHeader();
      const bool again = header->sortIndicatorSection() == column;
      const Qt::SortOrder natural = column == HistogramModel::kType ? Qt::AscendingOrder : Qt::DescendingOrder;
      const Qt::SortOrder other = header->sortIndicatorOrder() == Qt::AscendingOrder ? Qt::DescendingOrder : Qt::AscendingOrder;
      table_->sortByColumn(column, again ? other : natural);
    });
    table_->addAction(sort);
  }
}

void HistogramView::showAnswers(std::shared_ptr<const Answers> answers) {
  // Another part of the same dump: the person stays on the type.
  const QVariant selected = answers_ && answers_->snapshot == answers->snapshot ? table_->currentIndex().data(kTypeRole) : QVariant();
  answers_ = std::move(answers);
  model_->setAnswers(answers_);
  if (answers_->scope && answers_->histogram.empty()) {
    showEmpty(tr("No object lies in the scope"), tr("Esc removes its last label."));
    return;
  }
  if (answers_->histogram.empty()) {
    showEmpty(tr("No objects"), tr("The dump holds no objects. Take one while the program holds some: occtl memory dump"));
    return;
  }
  table_->setColumnHidden(HistogramModel::kMedianAge, answers_->snapshot->kind() != DumpKind::kOpenclaw);
  showSums();
  const int row = selected.isValid() ? model_->rowOf(TypeIndex(selected.toUInt())) : -1;
  select(std::max(0, row));
  showData();
}

void HistogramView::showNoDump() {
  answers_.reset();
  model_->setAnswers(nullptr);
  showEmpty(tr("No dump is open"), tr("Open one with Ctrl+O, or drop a file here. To take one: occtl memory dump --output heap.bin"),
            tr("&Open a dump…"));
}

QWidget* HistogramView::mainWidget() { return table_; }

void HistogramView::focusSearch() {
  filter_->setFocus(Qt::ShortcutFocusReason);
  filter_->selectAll();
}

void HistogramView::announceSelection() {
  if (const QVariant type = table_->currentIndex().data(kTypeRole); type.isValid()) Q_EMIT typeSelected(type.toUInt());
}

QVariant HistogramView::position() const {
  const QModelIndex at = table_->currentIndex();
  return state() == State::kData && at.isValid() ? at.siblingAtColumn(HistogramModel::kType).data(kRawRole) : QVariant();
}

void HistogramView::restore(const QVariant& position) {
  if (state() != State::kData) return;
  for (int row = 0; row < model_->rowCount(); ++row)
    if (model_->index(row, HistogramModel::kType).data(kRawRole) == position) {
      select(row);
      break;
    }
  announceSelection();
}

bool HistogramView::revealType(TypeIndex type) {
  if (!answers_) return false;
  int row = model_->rowOf(type);
  if (row < 0 && !model_->filter().isEmpty()) {
    // The row is only filtered out: being shown it is what was asked for.
    filter_->clear();
    applyFilter();
    row = model_->rowOf(type);
  }
  if (row < 0) return false;
  select(row);
  return true;
}

void HistogramView::select(int row) {
  if (row >= model_->rowCount()) return;
  const QModelIndex index = model_->index(row, 0);
  table_->setCurrentIndex(index);
  table_->scrollTo(index, QAbstractItemView::PositionAtCenter);
}

bool HistogramView::eventFilter(QObject* watched, QEvent* event) {
  if (event->type() == QEvent::KeyPress) {
    const auto* key = static_cast<QKeyEvent*>(event);
    if (watched == filter_ && key->key() == Qt::Key_Escape && !filter_->text().isEmpty()) {
      filter_->clear();
      applyFilter();
      return true;
    }
    if (watched == filter_ && key->key() == Qt::Key_Down) {
      table_->setFocus();
      if (!table_->currentIndex().isValid()) select(0);
      return true;
    }
    if (watched == table_ && key->text() == QLatin1String("/")) {
      focusSearch();
      return true;
    }
  }
  return View::eventFilter(watched, event);
}

void HistogramView::applyFilter() {
  filterTimer_.stop();
  if (filter_->text() == model_->filter()) {
    problem_->hide();
    return;
  }
  const QVariant selected = table_->currentIndex().data(kTypeRole);
  const auto problem = model_->setFilter(filter_->text());
  problem_->setVisible(problem.has_value());
  if (problem) {
    problem_->setText(tr("Not a pattern: %1. The rows below are those of the last filter.").arg(*problem));
    QPalette palette = problem_->palette();
    palette.setColor(QPalette::WindowText, theme::colorsOf(this->palette()).critical);
    problem_->setPalette(palette);
    return;
  }
  showSums();
  if (selected.isValid())
    if (const int row = model_->rowOf(TypeIndex(selected.toUInt())); row >= 0) select(row);
}

void HistogramView::showSums() {
  const HistogramModel::Sums& sums = model_->sums();
  QString text = sums.rows == sums.allRows
                     ? tr("Total: %1").arg(numbers::counted(sums.allRows, tr("type"), tr("types")))
                     : tr("Total: %1 of %2").arg(numbers::count(sums.rows), numbers::counted(sums.allRows, tr("type"), tr("types")));
  text += tr(" · %1 · %2 own size, %3 of the heap")
              .arg(numbers::counted(sums.objects, tr("object"), tr("objects")), numbers::size(sums.ownSize),
                   numbers::share(sums.ownSize.value, answers_->totals.bytes.value));
  if (sums.rows == 0) text += tr(" · no type matches; Esc in the filter shows all");
  sums_->setText(text);
}

}  // namespace openclaw::gui
