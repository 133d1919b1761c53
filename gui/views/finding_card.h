// One finding as a card: how severe, the verdict, the next step (selectable, to be pasted into a terminal), how sure.
#pragma once

#include <QFrame>

#include "analyzer/findings/finding.h"

namespace openclaw::gui {

class FindingCard : public QFrame {
  Q_OBJECT

 public:
  FindingCard(const Finding& finding, QWidget* parent = nullptr);

 Q_SIGNALS:
  // The first object of the evidence was asked for.
  void objectActivated(quint32 object);

 protected:
  void paintEvent(QPaintEvent* event) override;

 private:
  Severity severity_;
};

}  // namespace openclaw::gui
