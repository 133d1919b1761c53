#include "gui/views/paths_view.h"

#include <utility>

#include <QHeaderView>
#include <QLabel>
#include <QTreeView>
#include <QVBoxLayout>

#include "gui/models/merged_paths_model.h"
#include "gui/numbers.h"
#include "gui/views/dominator_view.h"
#include "gui/views/scope_menu.h"
#include "gui/views/table_support.h"

namespace openclaw::gui {

PathsView::PathsView(QWidget* parent) : View(parent), model_(new MergedPathsModel(this)) {
  auto* content = new QWidget(this);
  explanation_ = new QLabel(content);
  explanation_->setObjectName(QStringLiteral("pathsExplanation"));
  explanation_->setTextFormat(Qt::PlainText);
  explanation_->setWordWrap(true);
  explanation_->setMinimumWidth(1);
  auto* tree = new OwnerTree(content);
  tree_ = tree;
  tree_->setObjectName(QStringLiteral("mergedPaths"));
  tree_->setAccessibleName(tr("Merged paths to roots"));
  tree_->setModel(model_);
  equip(*tree_);
  tree_->setUniformRowHeights(true);
  tree_->setAlternatingRowColors(true);
  tree_->setSelectionMode(QAbstractItemView::SingleSelection);
  tree_->setExpandsOnDoubleClick(false);
  QHeaderView* header = tree_->header();
  header->setStretchLastSection(false);
  header->setSectionResizeMode(MergedPathsModel::kObjects, QHeaderView::Stretch);
  const int character = fontMetrics().horizontalAdvance(QLatin1Char('0'));
  header->resizeSection(MergedPathsModel::kHeldBy, character * 26);
  for (const int column : {MergedPathsModel::kCount, MergedPathsModel::kMembers, MergedPathsModel::kBytes, MergedPathsModel::kHere}) header->resizeSection(column, character * 11);
  header->resizeSection(MergedPathsModel::kShare, character * 14);
  tree->setOptional({MergedPathsModel::kHere, MergedPathsModel::kBytes, MergedPathsModel::kCount}, 34);
  offerScope(*tree_, [this] { return answers_.get(); }, [this](const ScopePart& part, ScopeWish wish) { Q_EMIT scopeRequested(part, wish); });
  connect(tree_->selectionModel(), &QItemSelectionModel::currentChanged, this, &PathsView::announceSelection);
  connect(tree, &OwnerTree::rowEntered, this, &PathsView::enter);
  connect(tree_, &QAbstractItemView::doubleClicked, this, &PathsView::enter);
  auto* layout = new QVBoxLayout(content);
  layout->setContentsMargins(10, 10, 10, 8);
  layout->addWidget(explanation_);
  layout->addWidget(tree_, 1);
  setContent(content);
  showNoDump();
}

PathsView::~PathsView() = default;

void PathsView::showAnswers(std::shared_ptr<const Answers> answers) {
  // Nothing new: the person went away and came back.
  if (answers == answers_ && !wanted_ && !stopped_ && state() == State::kData) return;
  runner_.cancel();
  searching_ = stopped_ = false;
  answers_ = std::move(answers);
  model_->setPaths(nullptr, nullptr);
  wanted_ = false;
  if (answers_->scopeTotals.objects == 0 && answers_->scope) return showEmpty(tr("No object lies in the scope"), tr("Esc removes its last label."));
  if (answers_->scopeTotals.reachableObjects == 0)
    return showEmpty(tr("Nothing is held"), answers_->readWhole() ? tr("No object here is reachable from a root, so no path leads to any. Types (Alt+2) lists what is there.")
                                                                  : tr("The roots or the references are not in the part of the dump that could be read; take the dump again."));
  wanted_ = true;
  showWorking(tr("Laying paths on each other"), tr("searched when this view is looked at"));
  if (isVisible()) search();
}

void PathsView::showNoDump() {
  runner_.cancel();
  searching_ = wanted_ = stopped_ = false;
  answers_.reset();
  model_->setPaths(nullptr, nullptr);
  showEmpty(tr("No dump is open"), tr("Open one with Ctrl+O, or drop a file here. To take one: occtl memory dump --output heap.bin"), tr("&Open a dump…"));
}

QWidget* PathsView::mainWidget() { return tree_; }

void PathsView::showEvent(QShowEvent* event) {
  View::showEvent(event);
  if (wanted_ && answers_) search();
}

void PathsView::search() {
  wanted_ = stopped_ = false;
  searching_ = true;
  const QString what = answers_->scope ? numbers::text(labelOf(*answers_->snapshot, answers_->scope->scope)) : tr("the whole dump");
  showWorking(tr("Laying the paths to %1 on each other").arg(numbers::counted(answers_->scopeTotals.reachableObjects, tr("object"), tr("objects"))),
              tr("%1 · Esc gives up").arg(what));
  runner_.start([this, answers = answers_](JobContext& job) -> JobRunner::Delivery {
    std::shared_ptr<const MergedPaths> paths;
    try {
      paths = std::make_shared<const MergedPaths>(computeMergedPaths(
          *answers->snapshot, [selection = answers->selection()](ObjectIndex object) { return openclaw::inScope(selection, object); }, {}, job.stopToken()));
    } catch (const std::bad_alloc&) {
      return [this] {
        searching_ = false;
        showError(tr("Not searched"), tr("There is not enough memory: the search takes 24 bytes an object."), tr("&Search again"));
        stopped_ = true;
      };
    }
    return [this, paths] {
      searching_ = false;
      model_->setPaths(answers_->snapshot, paths);
      show(*paths);
    };
  });
}

void PathsView::show(const MergedPaths& paths) {
  QString text = tr("%1, %2, by their shortest paths from the roots; paths through like fields and types are one row.")
                     .arg(numbers::counted(paths.members, answers_->scope ? tr("object of the scope") : tr("object"), answers_->scope ? tr("objects of the scope") : tr("objects")),
                          numbers::size(paths.memberBytes));
  if (!answers_->scope) text += tr(" For the paths to one type or site, show only that (menu key on its row).");
  if (paths.unreachable > 0) text += tr(" %1 more no root reaches.").arg(numbers::count(paths.unreachable));
  explanation_->setText(text);
  tree_->expandAll();  // the analyzer has left out what few lead through
  showData();
  const QModelIndex first = model_->index(0, 0);
  tree_->setCurrentIndex(first);
  tree_->scrollToTop();
  if (isVisible()) tree_->setFocus();
}

bool PathsView::cancelWork() {
  if (!searching_) return false;
  runner_.cancel();
  searching_ = false;
  stopped_ = true;
  showEmpty(tr("The search was given up"), tr("Nothing was found that could be shown as an answer."), tr("&Search again"));
  return true;
}

void PathsView::nextStep() {
  if (stopped_ && answers_) return search();
  View::nextStep();
}

void PathsView::announceSelection() {
  const MergedPathRow* row = model_->rowAt(tree_->currentIndex());
  if (state() != State::kData || row == nullptr || !row->type) return;
  if (row->single) Q_EMIT objectSelected(row->single->value);
  else Q_EMIT typeSelected(row->type.value);
}

void PathsView::enter(const QModelIndex& index) {
  const MergedPathRow* row = model_->rowAt(index);
  if (row == nullptr) return;
  if (row->single) Q_EMIT objectActivated(row->single->value);
  else tree_->setExpanded(index.siblingAtColumn(0), !tree_->isExpanded(index.siblingAtColumn(0)));
}

}  // namespace openclaw::gui
