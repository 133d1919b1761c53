// Who owns the memory: the dominator tree, opened page by page.
#pragma once

#include <memory>
#include <vector>

#include <QTreeView>

#include "gui/models/dominator_model.h"
#include "gui/views/view.h"

class QLabel;
class QLineEdit;
class QPushButton;

namespace openclaw::gui {

// A tree that never opens more than a person asked for: `*` opens one level of at most a page.
class OwnerTree : public QTreeView {
  Q_OBJECT

 public:
  using QTreeView::QTreeView;
  // Columns that go when the first one would have less room than so many characters; the foremost goes first. A column that
  // does not apply is not among them.
  void setOptional(std::vector<int> columns, int leastCharacters);

 Q_SIGNALS:
  void rowEntered(const QModelIndex& index);

 protected:
  void keyPressEvent(QKeyEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;

 private:
  void fitColumns();
  std::vector<int> optional_;
  int least_ = 0;
};

class DominatorView : public View {
  Q_OBJECT

 public:
  // Deeper than this a path is not opened level by level; the tree starts at the object instead.
  static constexpr int kDeepestOpened = 32;

  explicit DominatorView(QWidget* parent = nullptr);
  void showAnswers(std::shared_ptr<const Answers> answers) override;
  void showNoDump() override;
  QWidget* mainWidget() override;
  void focusSearch() override;
  void announceSelection() override;
  QString scopeNote() const override;
  bool reveal(ObjectIndex object) override;

 private:
  void enter(const QModelIndex& index);
  void goToAddress();
  void setTop(std::optional<ObjectIndex> top);
  void openFirstOwner();
  void select(const QModelIndex& index);

  std::shared_ptr<const Answers> answers_;
  DominatorModel* model_;
  OwnerTree* tree_;
  QLineEdit* address_;
  QLabel* explanation_;
  QPushButton* showAll_;
};

}  // namespace openclaw::gui
