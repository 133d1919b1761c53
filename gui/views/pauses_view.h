// Why did it stand still? Every recorded pause as a bar; the selected one taken apart into its phases; what all pauses
// were spent on; the longest ones with what the machine did meanwhile.
#pragma once

#include <memory>

#include "gui/views/view.h"

class QLabel;

namespace openclaw::gui {

class PauseChart;
class RowsTable;

class PausesView : public View {
  Q_OBJECT

 public:
  explicit PausesView(QWidget* parent = nullptr);
  void showAnswers(std::shared_ptr<const Answers> answers) override;
  void showNoDump() override;
  QWidget* mainWidget() override;
  QVariant position() const override;  // the selected pause's number
  void restore(const QVariant& position) override;
  bool wantsInspector() const override { return false; }
  QString scopeNote() const override { return tr("Not affected by the scope: a pause stops the whole process."); }

 private:
  void showVerdict();
  void showChart();
  void showPause(int pause);
  void showLongest();
  void showSums();

  std::shared_ptr<const Answers> answers_;
  QLabel* verdict_;
  PauseChart* chart_;
  QLabel* pauseTitle_;
  QLabel* pauseText_;
  RowsTable* phases_;
  QLabel* longestTitle_;
  RowsTable* longest_;
  RowsTable* kinds_;
  RowsTable* allPhases_;
};

}  // namespace openclaw::gui
