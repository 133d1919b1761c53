#include "gui/views/dominator_view.h"

#include <utility>
#include <vector>

#include <QAction>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QVBoxLayout>

#include "gui/numbers.h"
#include "gui/object_names.h"
#include "gui/views/scope_menu.h"
#include "gui/views/table_support.h"

namespace openclaw::gui {
namespace {

constexpr int kFewChildren = 12;
constexpr int kLeastName = 30;  // characters of an object's name, before other columns go

}  // namespace

void OwnerTree::keyPressEvent(QKeyEvent* event) {
  const QModelIndex index = currentIndex();
  switch (event->key()) {
    case Qt::Key_Return:
    case Qt::Key_Enter:
      if (index.isValid()) Q_EMIT rowEntered(index);
      return;
    case Qt::Key_Asterisk:
      // Qt would open the whole subtree, which may be millions of rows and thousands of levels.
      if (index.isValid()) expandRecursively(index, 1);
      return;
    default: QTreeView::keyPressEvent(event);
  }
}

void OwnerTree::setOptional(std::vector<int> columns, int leastCharacters) {
  optional_ = std::move(columns);
  least_ = leastCharacters;
  fitColumns();
}

void OwnerTree::fitColumns() {
  if (optional_.empty()) return;
  for (const int column : optional_) setColumnHidden(column, false);
  const int least = least_ * fontMetrics().horizontalAdvance(QLatin1Char('0'));
  // A hidden section has no size.
  const auto room = [this] {
    int others = 0;
    for (int column = 1; column < header()->count(); ++column) others += header()->sectionSize(column);
    return viewport()->width() - others;
  };
  for (const int column : optional_) {
    if (room() >= least) break;
    setColumnHidden(column, true);
  }
}

void OwnerTree::resizeEvent(QResizeEvent* event) {
  fitColumns();
  QTreeView::resizeEvent(event);
}

DominatorView::DominatorView(QWidget* parent) : View(parent), model_(new DominatorModel(this)) {
  auto* content = new QWidget(this);
  explanation_ = new QLabel(content);
  explanation_->setObjectName(QStringLiteral("ownersExplanation"));
  explanation_->setWordWrap(true);
  explanation_->setMinimumWidth(1);
  showAll_ = new QPushButton(tr("Show &all owners"), content);
  showAll_->setObjectName(QStringLiteral("showAllOwners"));
  connect(showAll_, &QPushButton::clicked, this, [this] { setTop(std::nullopt); });
  address_ = new QLineEdit(content);
  address_->setObjectName(QStringLiteral("goToAddress"));
  address_->setAccessibleName(tr("Go to address"));
  address_->setPlaceholderText(tr("Go to address: 0x…      (Ctrl+F)"));
  address_->setClearButtonEnabled(true);
  address_->setFixedWidth(fontMetrics().horizontalAdvance(QLatin1Char('0')) * 34);
  connect(address_, &QLineEdit::returnPressed, this, &DominatorView::goToAddress);

  tree_ = new OwnerTree(content);
  tree_->setObjectName(QStringLiteral("dominators"));
  tree_->setAccessibleName(tr("Owners by retained size"));
  tree_->setModel(model_);
  equip(*tree_);
  tree_->setUniformRowHeights(true);
  tree_->setAlternatingRowColors(true);
  tree_->setSelectionMode(QAbstractItemView::SingleSelection);
  tree_->setExpandsOnDoubleClick(false);
  QHeaderView* header = tree_->header();
  header->setStretchLastSection(false);
  header->setSectionResizeMode(DominatorModel::kObject, QHeaderView::Stretch);
  const int character = fontMetrics().horizontalAdvance(QLatin1Char('0'));
  const auto width = [&](int column, int characters) { header->resizeSection(column, character * characters); };
  width(DominatorModel::kHeldBy, 26);
  width(DominatorModel::kRetained, 11);
  width(DominatorModel::kShare, 16);
  width(DominatorModel::kOwnSize, 11);
  width(DominatorModel::kOwned, 10);
  width(DominatorModel::kAge, 6);
  width(DominatorModel::kAddress, 17);
  connect(tree_, &OwnerTree::rowEntered, this, &DominatorView::enter);
  connect(tree_, &QTreeView::doubleClicked, this, &DominatorView::enter);
  connect(tree_->selectionModel(), &QItemSelectionModel::currentRowChanged, this, [this] { announceSelection(); });
  auto* focus = new QAction(tr("Show only this &subtree"), tree_);
  connect(focus, &QAction::triggered, this, [this] {
    if (const auto object = model_->objectAt(tree_->currentIndex())) setTop(object);
  });
  tree_->addAction(focus);
  offerScope(*tree_, [this] { return answers_.get(); }, [this](const ScopePart& part, ScopeWish wish) { Q_EMIT scopeRequested(part, wish); });

  auto* top = new QHBoxLayout;
  top->addWidget(explanation_, 1);
  top->addWidget(showAll_);
  top->addWidget(address_);
  auto* layout = new QVBoxLayout(content);
  layout->setContentsMargins(10, 10, 10, 10);
  layout->addLayout(top);
  layout->addWidget(tree_, 1);
  setContent(content);
  showNoDump();
}

void DominatorView::showAnswers(std::shared_ptr<const Answers> answers) {
  answers_ = std::move(answers);
  model_->setAnswers(answers_);
  if (answers_->scope && answers_->topOwners().empty()) {
    showEmpty(tr("Nothing of the scope is held"), tr("No root reaches any object of the scope. Esc removes its last label."));
    return;
  }
  if (answers_->snapshot->dominatedBy(std::nullopt).empty()) {
    showEmpty(tr("Nothing is held"), answers_->totals.objects == 0
                                         ? tr("The dump holds no objects. Take one while the program holds some: occtl memory dump")
                                         : answers_->readWhole() ? tr("No object is reachable from a root, so nobody owns anything. Types (Alt+2) lists what is there.")
                                         : tr("The roots or the references are not in the part of the dump that could be read. Types (Alt+2) lists what "
                                              "is there; for owners, take the dump again."));
    return;
  }
  const bool addresses = answers_->snapshot->idsAreAddresses();
  address_->setPlaceholderText(addresses ? tr("Go to address: 0x…      (Ctrl+F)") : tr("Go to id: @…      (Ctrl+F)"));
  address_->setAccessibleName(addresses ? tr("Go to address") : tr("Go to id"));
  const bool ages = answers_->snapshot->kind() == DumpKind::kOpenclaw;
  tree_->setColumnHidden(DominatorModel::kAge, !ages);
  std::vector<int> optional{DominatorModel::kOwned, DominatorModel::kOwnSize};
  if (ages) optional.insert(optional.begin() + 1, DominatorModel::kAge);
  optional.push_back(DominatorModel::kAddress);
  tree_->setOptional(std::move(optional), kLeastName);
  setTop(std::nullopt);
  openFirstOwner();
  showData();
}

void DominatorView::showNoDump() {
  answers_.reset();
  model_->setAnswers(nullptr);
  showEmpty(tr("No dump is open"), tr("Open one with Ctrl+O, or drop a file here. To take one: occtl memory dump --output heap.bin"),
            tr("&Open a dump…"));
}

QWidget* DominatorView::mainWidget() { return tree_; }

QString DominatorView::scopeNote() const { return tr("Objects of the scope that no other of it keeps alive; below them all that they own."); }

void DominatorView::focusSearch() {
  address_->setFocus(Qt::ShortcutFocusReason);
  address_->selectAll();
}

void DominatorView::announceSelection() {
  if (const auto object = model_->objectAt(tree_->currentIndex())) Q_EMIT objectSelected(object->value);
}

void DominatorView::setTop(std::optional<ObjectIndex> top) {
  const auto selected = model_->objectAt(tree_->currentIndex());
  model_->setTop(top);
  showAll_->setVisible(top.has_value());
  const Snapshot& s = *answers_->snapshot;
  if (top) {
    explanation_->setText(tr("Only %1 at %2 and what it owns.").arg(nameOf(s, *top), idOf(s, *top)));
    tree_->expand(model_->index(0, 0));
    select(model_->index(0, 0));
    return;
  }
  if (answers_->scope)
    explanation_->setText(tr("Retained: what would be freed if the row were freed. %1 of the scope on the first level, %2 live in all.")
                              .arg(numbers::counted(answers_->topOwners().size(), tr("object"), tr("objects")), numbers::size(answers_->totals.reachableBytes)));
  else explanation_->setText(tr("Retained: what would be freed if the row were freed. %1 directly below the roots, %2 live.")
                            .arg(numbers::counted(s.dominatedBy(std::nullopt).size(), tr("object"), tr("objects")),
                                 numbers::size(answers_->totals.reachableBytes)));
  if (selected)
    if (const QModelIndex index = model_->indexOf(*selected); index.isValid()) select(index);
}

// Owners with few children are open from the start, so that a lone root shows what is below it; wide ones stay shut,
// because their children would push the other owners out of sight.
void DominatorView::openFirstOwner() {
  const Snapshot& s = *answers_->snapshot;
  QModelIndex index = model_->index(0, 0);
  select(index);
  for (int depth = 0; depth < 4 && model_->hasChildren(index) && model_->rowCount(index) <= kFewChildren; ++depth) {
    tree_->expand(index);
    const QModelIndex child = model_->index(0, 0, index);
    const auto object = model_->objectAt(child), owner = model_->objectAt(index);
    if (!object || !owner || s.retained(*object).value < s.retained(*owner).value / 2) break;
    index = child;
  }
}

void DominatorView::select(const QModelIndex& index) {
  tree_->setCurrentIndex(index);
  tree_->scrollTo(index);
}

void DominatorView::enter(const QModelIndex& index) {
  if (model_->isMore(index)) {
    const QModelIndex parent = index.parent();
    const int row = index.row();
    model_->showMore(index.siblingAtColumn(0));
    select(model_->index(row, 0, parent));
    return;
  }
  const QModelIndex first = index.siblingAtColumn(0);
  tree_->setExpanded(first, !tree_->isExpanded(first));
}

bool DominatorView::reveal(ObjectIndex object) {
  if (!answers_ || !answers_->snapshot->reachable(object)) return false;
  const Snapshot& s = *answers_->snapshot;
  if (model_->top()) setTop(std::nullopt);
  std::vector<ObjectIndex> path;  // the object and its owners, innermost first
  std::optional<ObjectIndex> step = object;
  while (step && path.size() <= static_cast<std::size_t>(kDeepestOpened)) {
    path.push_back(*step);
    if (model_->isFirstLevel(*step)) {
      step.reset();
      break;
    }
    step = s.dominator(*step);
  }
  bool shown = !step;  // too deep otherwise
  for (const ObjectIndex on : path) shown = shown && model_->indexOf(on).isValid();
  if (!shown) {
    setTop(object);
    return true;
  }
  for (auto owner = path.rbegin(); owner != path.rend(); ++owner)
    if (*owner != object) tree_->expand(model_->indexOf(*owner));
  const QModelIndex index = model_->indexOf(object);
  tree_->setCurrentIndex(index);
  tree_->scrollTo(index, QAbstractItemView::PositionAtCenter);
  return true;
}

void DominatorView::goToAddress() {
  const Snapshot& s = *answers_->snapshot;
  const bool addresses = s.idsAreAddresses();
  bool isNumber = false;
  QString text = address_->text().trimmed();
  // As reports print them: 0x7f31c2004a80, or @17.
  const bool id = text.startsWith(QLatin1Char('@'));
  if (id) text = text.mid(1);
  else if (text.startsWith(QLatin1String("0x"), Qt::CaseInsensitive)) text = text.mid(2);
  const quint64 value = text.toULongLong(&isNumber, id || !addresses ? 10 : 16);
  if (!isNumber) {
    explanation_->setText(addresses ? tr("“%1” is not an address: write it in hexadecimal, as in 0x7f31c2004a80.").arg(address_->text())
                                    : tr("“%1” is not an id: write it as in @102551.").arg(address_->text()));
    return;
  }
  const auto object = s.objectAt(Address(value));
  if (!object) {
    explanation_->setText(addresses ? tr("No object covers %1.").arg(idOf(s, Address(value))) : tr("No object has the id %1.").arg(idOf(s, Address(value))));
    return;
  }
  if (!reveal(*object)) {
    explanation_->setText(tr("The object at %1 is unreachable, so nobody owns it.").arg(idOf(s, *object)));
    Q_EMIT objectSelected(object->value);
    return;
  }
  tree_->setFocus();
}

}  // namespace openclaw::gui
