// Which types hold the memory: the histogram with a filter row above and sums below.
#pragma once

#include <memory>

#include <QTimer>

#include "gui/models/histogram_model.h"
#include "gui/views/view.h"

class QLabel;
class QLineEdit;
class QTableView;

namespace openclaw::gui {

class HistogramView : public View {
  Q_OBJECT

 public:
  explicit HistogramView(QWidget* parent = nullptr);
  void showAnswers(std::shared_ptr<const Answers> answers) override;
  void showNoDump() override;
  QWidget* mainWidget() override;
  void focusSearch() override;
  void announceSelection() override;
  QVariant position() const override;  // the selected type's name
  void restore(const QVariant& position) override;
  bool revealType(TypeIndex type) override;

 protected:
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  void applyFilter();
  void showSums();
  void select(int row);
  void addSortActions();

  std::shared_ptr<const Answers> answers_;
  HistogramModel* model_;
  QTableView* table_;
  QLineEdit* filter_;
  QLabel* problem_;
  QLabel* sums_;
  QTimer filterTimer_;
};

}  // namespace openclaw::gui
