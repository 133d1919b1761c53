// The window: places at the left, the view in the middle, the selected object at the right, above them the scope that all
// views show, a strip for dumps that are not whole, a status line. It opens dumps off the GUI thread and hands the answers to the views; views know nothing of
// each other, so a further one is a class derived from View and a line in addViews().
//
//   MainWindow window;
//   window.openDump("heap.bin");
//   connect(&window, &MainWindow::settled, …);            // loaded, failed or cancelled
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <QMainWindow>
#include <QVariant>

#include "format/result.h"
#include "gui/answers.h"
#include "gui/jobs/job_runner.h"
#include "gui/whereabouts.h"

class QAction;
class QActionGroup;
class QFrame;
class QMenu;
class QToolButton;
class QLabel;
class QListWidget;
class QStackedWidget;

namespace openclaw::gui {

class Inspector;
class ScopeBar;
class View;
enum class ScopeWish : std::uint8_t;

class MainWindow : public QMainWindow {
  Q_OBJECT

 public:
  struct Place {
    std::string id;       // "overview", as --grab names it
    QString title;
    View* view = nullptr;
  };

  explicit MainWindow(QWidget* parent = nullptr);
  ~MainWindow() override;

  // Returns at once. A dump that is still loading is given up.
  void openDump(const QString& path, Policy policy = Policy::kStrict);
  // The same file once more, with another policy or as it is on disk now. Scope, view and selection stay as far as they are
  // still there; what is gone is said in a line above the view.
  void reload() { reopen(policy_); }
  void setPolicy(Policy policy);
  Policy policy() const { return policy_; }
  void cancelLoading();
  bool loading() const { return runner_.busy(); }
  // Something is still being searched for what is in sight.
  bool busy() const;
  const std::shared_ptr<const Answers>& answers() const { return answers_; }
  // Which objects all views show. The answers of a scope are computed off the GUI thread; until they are there the views
  // show that they wait, never what was before. Esc gives up and stays with the scope before.
  void setScope(const Scope& scope);
  const Scope& scope() const { return scope_; }
  // Why the last dump could not be opened.
  const std::optional<Error>& error() const { return error_; }

  const std::vector<Place>& places() const { return places_; }
  void showPlace(std::size_t place);

 Q_SIGNALS:
  void settled();

 protected:
  void keyPressEvent(QKeyEvent* event) override;
  void dragEnterEvent(QDragEnterEvent* event) override;
  void dropEvent(QDropEvent* event) override;
  void changeEvent(QEvent* event) override;

 private:
  // Where the person was: a view of a scope, and what was selected there.
  struct Step {
    std::size_t place = 0;
    ObjectIndex object = ObjectIndex::none();
    Scope scope;
    QVariant position;  // noted when the person leaves
    bool at(const Step& other) const { return place == other.place && object == other.object && scope == other.scope; }
  };

  // The same in names, which another load understands.
  struct NamedStep {
    std::size_t place = 0;
    Whereabouts where;
    QVariant position;
  };
  struct Left {
    std::vector<NamedStep> history;
    std::size_t at = 0;
  };

  void addViews();
  void addActions();
  void addPolicies(QMenu& menu);
  void reopen(Policy policy);
  std::optional<Left> leave();
  void comeBack(const Left& left);
  void showPolicy();
  void showNotice(const QString& text);
  void showAnswers(const std::shared_ptr<const Answers>& answers);
  // `step`: of the history, to go to when the answers are there; none: stays where it is and adds a step.
  void enterScope(const Scope& scope, std::optional<std::size_t> step);
  void showScoped(const std::shared_ptr<const Answers>& answers, std::optional<std::size_t> step);
  void arriveAt(std::size_t step);
  void narrow(const ScopePart& part, ScopeWish wish);
  void stayWithScope();
  void removeLastLabel();
  void showScopeBar();
  void showError(const Error& error);
  void closeDump();
  void chooseDump();
  void showStatus();
  void colorStrip();
  void showShortcuts();
  void showAbout();
  View& currentView() const;
  void goToObject(quint32 object);
  void goToType(quint32 type);
  void remember();
  void notePosition();
  void go(int direction);
  void updateActions();

  std::vector<Place> places_;
  QListWidget* placeList_ = nullptr;
  QStackedWidget* stack_ = nullptr;
  Inspector* inspector_ = nullptr;
  ScopeBar* scopeBar_ = nullptr;
  QLabel* strip_ = nullptr;
  QLabel* status_ = nullptr;
  QFrame* notice_ = nullptr;
  QLabel* noticeText_ = nullptr;
  QMenu* policyMenu_ = nullptr;
  QActionGroup* policies_ = nullptr;
  QToolButton* policyButton_ = nullptr;
  QAction *back_ = nullptr, *forward_ = nullptr, *reload_ = nullptr, *close_ = nullptr, *find_ = nullptr,
          *inspectorShown_ = nullptr, *removeLabel_ = nullptr, *wholeDump_ = nullptr;

  QString path_;
  Policy policy_ = Policy::kStrict;         // wanted
  std::optional<Left> left_;                // where to go when the dump that is being read is there
  std::shared_ptr<const Answers> answers_;  // of scope_
  std::shared_ptr<const Answers> whole_;    // of the whole dump
  std::vector<std::shared_ptr<const Answers>> recent_;  // of scopes before, the latest last: going back is immediate
  Scope scope_;                             // wanted; answers_ may not be there yet
  std::optional<Error> error_;
  ObjectIndex selected_ = ObjectIndex::none();
  std::vector<Step> history_;
  std::size_t historyAt_ = 0;
  bool travelling_ = false;
  QVariant sight_;                          // of the view in which the last scope was asked for
  const View* sightOf_ = nullptr;
  std::optional<std::size_t> goingTo_;      // step of the history, while its scope is computed

  JobRunner runner_;  // last: its end waits for work that refers to the rest
};

}  // namespace openclaw::gui
