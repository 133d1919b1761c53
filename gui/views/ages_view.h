// How old is the heap, what survives, what died young, and what is gone again? By collections survived, by type for what
// is dead and still there, by site for what was freed.
#pragma once

#include <memory>

#include "gui/views/view.h"

class QLabel;
class QScrollArea;

namespace openclaw::gui {

class ColumnChart;
class RowsTable;

class AgesView : public View {
  Q_OBJECT

 public:
  explicit AgesView(QWidget* parent = nullptr);
  void showAnswers(std::shared_ptr<const Answers> answers) override;
  void showNoDump() override;
  QWidget* mainWidget() override;
  bool wantsInspector() const override { return false; }
  QString scopeNote() const override;

 private:
  void showVerdict();
  void showAges();
  void showDying();
  void showGone();

  std::shared_ptr<const Answers> answers_;
  QLabel* verdict_;
  ColumnChart* chart_;
  RowsTable* ages_;
  QLabel* dyingTitle_;
  RowsTable* dying_;
  QLabel* goneTitle_;
  RowsTable* gone_;
};

}  // namespace openclaw::gui
