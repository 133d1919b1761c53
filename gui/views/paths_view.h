// By which ways the roots reach the objects of the scope, all their shortest paths laid on each other: what `heap-analyzer paths
// --type …` prints. Searched off the GUI thread when somebody looks at it, and given up with Esc.
#pragma once

#include <memory>

#include "analyzer/graph/merged_paths.h"
#include "gui/jobs/job_runner.h"
#include "gui/views/view.h"

class QLabel;
class QModelIndex;
class QTreeView;

namespace openclaw::gui {

class MergedPathsModel;

class PathsView : public View {
  Q_OBJECT

 public:
  explicit PathsView(QWidget* parent = nullptr);
  ~PathsView() override;
  void showAnswers(std::shared_ptr<const Answers> answers) override;
  void showNoDump() override;
  QWidget* mainWidget() override;
  void announceSelection() override;
  bool settled() const override { return !searching_; }
  bool searching() const override { return searching_; }
  bool cancelWork() override;

 protected:
  void showEvent(QShowEvent* event) override;
  void nextStep() override;

 private:
  void search();
  void show(const MergedPaths& paths);
  void enter(const QModelIndex& index);

  std::shared_ptr<const Answers> answers_;
  bool wanted_ = false;      // not searched for these answers yet
  bool searching_ = false;
  bool stopped_ = false;     // the person gave up
  MergedPathsModel* model_;
  QLabel* explanation_;
  QTreeView* tree_;
  JobRunner runner_;  // last: its end waits for a search
};

}  // namespace openclaw::gui
