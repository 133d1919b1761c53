// The overview: seven questions in the order in which they help. What is wrong? Where is the memory? Who owns it?
// Which types? Who allocated it? How old is it? How did collection behave? Rows lead to the view that says more.
#pragma once

#include <memory>
#include <vector>

#include "gui/views/view.h"

class QLabel;
class QScrollArea;
class QVBoxLayout;

namespace openclaw::gui {

class ColumnChart;
class PauseChart;
class RowsTable;
class StackedBar;

class Overview : public View {
  Q_OBJECT

 public:
  explicit Overview(QWidget* parent = nullptr);
  void showAnswers(std::shared_ptr<const Answers> answers) override;
  void showNoDump() override;
  QWidget* mainWidget() override;
  bool wantsInspector() const override { return false; }
  QString scopeNote() const override;

 protected:
  void changeEvent(QEvent* event) override;

 private:
  // A question with its one-line answer, and room below.
  struct Block {
    QWidget* widget = nullptr;
    QLabel* answer = nullptr;
    QVBoxLayout* body = nullptr;
  };
  Block addBlock(const QString& question, const char* name);
  void showFindings();
  void showLedger();
  void showOwners();
  void showTypes();
  void showSites();
  void showAges();
  void showPauses();
  void showPause(int pause);
  void showFacts();

  std::shared_ptr<const Answers> answers_;
  bool allFindings_ = false;
  QScrollArea* scroll_ = nullptr;
  QLabel* facts_ = nullptr;
  Block findings_, ledger_, owners_, types_, sites_, ages_, pauses_;
  QWidget* findingList_ = nullptr;
  StackedBar* ledgerBar_ = nullptr;
  RowsTable* ledgerTable_ = nullptr;
  RowsTable* ownersTable_ = nullptr;
  RowsTable* typesTable_ = nullptr;
  RowsTable* sitesTable_ = nullptr;
  ColumnChart* ageChart_ = nullptr;
  PauseChart* pauseChart_ = nullptr;
  QLabel* pauseText_ = nullptr;
};

}  // namespace openclaw::gui
