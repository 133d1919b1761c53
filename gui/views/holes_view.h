// Where are the holes, what keeps them open, and what would come back? The block map with its colours and legend, what
// the mouse or the cursor is on in words, and the groups of objects that stand beside most of the waste.
#pragma once

#include <memory>

#include "gui/views/view.h"

class QComboBox;
class QLabel;

namespace openclaw::gui {

class MapCanvas;
class MapLegend;
class RowsTable;

class HolesView : public View {
  Q_OBJECT

 public:
  explicit HolesView(QWidget* parent = nullptr);
  void showAnswers(std::shared_ptr<const Answers> answers) override;
  void showNoDump() override;
  QWidget* mainWidget() override;
  void announceSelection() override;
  bool reveal(ObjectIndex object) override;
  QVariant position() const override;
  void restore(const QVariant& position) override;
  bool settled() const override;
  QString scopeNote() const override;

 protected:
  void changeEvent(QEvent* event) override;

 private:
  void showVerdict();
  void showPins();
  void showPointed();
  void showLegend();
  void offerSpot(const openclaw::ScopePart* arena, ObjectIndex object, QPoint at);

  std::shared_ptr<const Answers> answers_;
  QLabel* verdict_;
  QComboBox* lens_;
  MapLegend* legend_;
  MapCanvas* map_;
  QLabel* pointed_;
  QLabel* pinsTitle_;
  RowsTable* pins_;
};

}  // namespace openclaw::gui
