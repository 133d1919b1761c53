// The panel at the right: the selected object or type. What it is, three different paths by which roots keep it alive,
// its owners, who holds it, what it holds, where it came from.
// Looks only at a bounded number of slots and referrers, so that a step with the arrow keys stays immediate; paths are
// searched off the GUI thread and arrive when they are found.
#pragma once

#include <memory>
#include <vector>

#include <QTimer>
#include <QWidget>

#include "analyzer/graph/paths.h"
#include "gui/answers.h"
#include "gui/jobs/job_runner.h"
#include "gui/views/view.h"

class QLabel;
class QTabWidget;
class QToolButton;

namespace openclaw::gui {

class RowsTable;
struct Row;

class Inspector : public QWidget {
  Q_OBJECT

 public:
  static constexpr std::size_t kRowsShown = 100;
  static constexpr std::size_t kPaths = 3;

  explicit Inspector(QWidget* parent = nullptr);
  void setAnswers(std::shared_ptr<const Answers> answers);
  void showObject(ObjectIndex object);
  void showType(TypeIndex type);
  // Whether paths are being searched.
  bool busy() const { return pathsWanted_.isActive() || paths_.busy(); }

 Q_SIGNALS:
  void objectActivated(quint32 object);
  void scopeRequested(const openclaw::ScopePart& part, openclaw::gui::ScopeWish wish);

 private:
  void clear();
  void offerParts(std::vector<ScopePart> parts);
  void wantPaths(ObjectIndex object);
  void findPaths();
  void setPathRows(std::vector<Row> rows);
  void showPaths(ObjectIndex object, const DifferentPaths& found);
  void showOwners(ObjectIndex object);
  void showHolders(ObjectIndex object);
  void showFields(ObjectIndex object);
  void showOrigin(ObjectIndex object);

  std::shared_ptr<const Answers> answers_;
  QLabel* title_;
  QLabel* facts_;
  QToolButton* scope_;
  std::vector<ScopePart> parts_;  // of what is shown
  QTabWidget* keepers_;
  RowsTable* pathTable_;
  RowsTable* owners_;
  QLabel* holdersTitle_;
  RowsTable* holders_;
  QLabel* fieldsTitle_;
  RowsTable* fields_;
  QLabel* originTitle_;
  RowsTable* origin_;
  QTimer pathsWanted_;
  ObjectIndex wanted_ = ObjectIndex::none();
  JobRunner paths_;  // last: its end waits for a search
};

}  // namespace openclaw::gui
