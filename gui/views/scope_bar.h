// The scope as labels that go with a click, and what it selects: which part of the dump all views are showing.
//
//   bar->show(snapshot, scope, "12,301 objects …");
//   connect(bar, &ScopeBar::removed, …);  connect(bar, &ScopeBar::cleared, …);
//
// Hidden without a scope. Tab reaches every label; Enter, Space and Delete remove it.
#pragma once

#include <vector>

#include <QFrame>

#include "analyzer/views/scope.h"

class QLabel;
class QToolButton;

namespace openclaw::gui {

class ScopeBar : public QFrame {
  Q_OBJECT

 public:
  explicit ScopeBar(QWidget* parent = nullptr);
  // The labels of `scope`; of none the bar hides.
  void showScope(const Snapshot& snapshot, const Scope& scope);
  // What it selects; and how it applies to the view in sight, may be empty.
  void showShare(const QString& share, const QString& note);
  const Scope& scope() const { return scope_; }

 Q_SIGNALS:
  void removed(const openclaw::ScopePart& part);
  void cleared();

 protected:
  bool eventFilter(QObject* watched, QEvent* event) override;
  void changeEvent(QEvent* event) override;

 private:
  void color();
  Scope scope_;
  QLayout* labels_;
  QLabel* title_;
  std::vector<QToolButton*> buttons_;  // as scope_.parts
  QToolButton* clear_;
  QLabel* share_;
};

}  // namespace openclaw::gui
