// Who allocates? The flame graph of what is live, was allocated, was freed or is retained, with search and zoom, and in
// words what the mouse or the keys are on.
#pragma once

#include <memory>

#include "gui/views/view.h"

class QComboBox;
class QLabel;
class QLineEdit;
class QPushButton;
class QScrollArea;

namespace openclaw::gui {

class FlameCanvas;

class FlameView : public View {
  Q_OBJECT

 public:
  explicit FlameView(QWidget* parent = nullptr);
  void showAnswers(std::shared_ptr<const Answers> answers) override;
  void showNoDump() override;
  QWidget* mainWidget() override;
  void focusSearch() override;
  QString scopeNote() const override;
  bool wantsInspector() const override { return false; }
  QVariant position() const override;
  void restore(const QVariant& position) override;

 protected:
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  void showWeight(int weight);
  void showPointed();
  void offerSites(std::uint32_t node, QPoint at);
  void search();

  std::shared_ptr<const Answers> answers_;
  QLabel* note_;
  QComboBox* weight_;
  QLineEdit* search_;
  QLabel* found_;
  QPushButton* whole_;
  QScrollArea* scroll_;
  FlameCanvas* canvas_;
  QLabel* pointed_;
};

}  // namespace openclaw::gui
