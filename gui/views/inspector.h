// The panel at the right: the selected object or type. What it is, who holds it, what it holds, where it came from.
// Looks only at a bounded number of slots and referrers, so that a step with the arrow keys stays immediate.
#pragma once

#include <memory>

#include <QWidget>

#include "gui/answers.h"

class QLabel;

namespace openclaw::gui {

class RowsTable;

class Inspector : public QWidget {
  Q_OBJECT

 public:
  static constexpr std::size_t kRowsShown = 100;

  explicit Inspector(QWidget* parent = nullptr);
  void setAnswers(std::shared_ptr<const Answers> answers);
  void showObject(ObjectIndex object);
  void showType(TypeIndex type);

 Q_SIGNALS:
  void objectActivated(quint32 object);

 private:
  void clear();
  void showOwners(ObjectIndex object);
  void showHolders(ObjectIndex object);
  void showFields(ObjectIndex object);
  void showOrigin(ObjectIndex object);

  std::shared_ptr<const Answers> answers_;
  QLabel* title_;
  QLabel* facts_;
  QLabel* ownersTitle_;
  RowsTable* owners_;
  QLabel* holdersTitle_;
  RowsTable* holders_;
  QLabel* fieldsTitle_;
  RowsTable* fields_;
  QLabel* originTitle_;
  RowsTable* origin_;
};

}  // namespace openclaw::gui
