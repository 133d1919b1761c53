// A view of the window with its four states: empty, loading, data, error. Each says what to do next; the states are
// drawn here once, a view only draws data.
//
//   class HistogramView : public View { ... void showAnswers(std::shared_ptr<const Answers>) override; };
//   view->showLoading("heap.bin");  view->setProgress("reading", 0.4, 1200ms);
//   view->showAnswers(answers);     // data, or empty with the reason
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include <QStackedWidget>
#include <QString>
#include <QVariant>

#include "gui/answers.h"

class QLabel;
class QProgressBar;
class QPushButton;

namespace openclaw::gui {

// What is wanted of a part of the dump: it in place of the other parts of its kind, beside them, or the paths that keep it.
enum class ScopeWish : std::uint8_t { kOnly, kBeside, kPaths };

class View : public QStackedWidget {
  Q_OBJECT

 public:
  enum class State { kEmpty, kLoading, kData, kError };

  explicit View(QWidget* parent = nullptr);
  State state() const { return state_; }

  // Data, or empty with the reason. The views may be asked for a dump without objects.
  virtual void showAnswers(std::shared_ptr<const Answers> answers) = 0;
  // No dump is open. Lets go of the last one.
  virtual void showNoDump() = 0;
  // Keyboard focus goes here when the view comes up.
  virtual QWidget* mainWidget() = 0;
  // Says again what is selected here: the view has come up.
  virtual void announceSelection() {}
  // Whether what is in sight is drawn in full; a view may refine over several frames.
  virtual bool settled() const { return true; }
  // Whether the inspector stands beside this view.
  virtual bool wantsInspector() const { return true; }
  // Ctrl+F; nothing where a view has no search.
  virtual void focusSearch() {}
  // Brings an object or type into sight; false when this view cannot.
  virtual bool reveal(ObjectIndex) { return false; }
  virtual bool revealType(TypeIndex) { return false; }

  // How a scope applies here, in a sentence; empty where all that is shown is of the scope.
  virtual QString scopeNote() const { return {}; }

  // Where in the view the person is beyond the selected object (zoom, place, what the widths mean), for back and forward;
  // opaque outside. Nothing when the view has no such thing.
  virtual QVariant position() const { return {}; }
  virtual void restore(const QVariant&) {}

  void showEmpty(const QString& title, const QString& next, const QString& button = {});
  void showLoading(const QString& file);
  // As showLoading, for work on a dump that is open; with `stage` for work of the view's own, of which nobody knows how far it is.
  void showWorking(const QString& title, const QString& stage = {});
  // Whether the view itself is searching for what it shows; cancelWork() gives that up, and says whether there was anything.
  virtual bool searching() const { return false; }
  virtual bool cancelWork() { return false; }
  void setProgress(const QString& stage, double fraction, std::chrono::milliseconds elapsed);
  void showError(const QString& title, const QString& reason, const QString& button);

 Q_SIGNALS:
  // The button of the empty or error state: open another dump, or try again.
  void nextStepRequested();
  void cancelRequested();
  void objectSelected(quint32 object);
  void typeSelected(quint32 type);
  void objectActivated(quint32 object);
  void typeActivated(quint32 type);
  // A part for the scope: in place of those of its kind, or beside them.
  void scopeRequested(const openclaw::ScopePart& part, openclaw::gui::ScopeWish wish);

 protected:
  // The button of the empty or error state.
  virtual void nextStep() { Q_EMIT nextStepRequested(); }
  // The widget of the data state.
  void setContent(QWidget* content);
  void showData();

 private:
  QWidget* makeMessagePage();
  QWidget* makeLoadingPage();
  void showMessage(State state, const QString& title, const QString& text, const QString& button);

  State state_ = State::kEmpty;
  bool ownWork_ = false;
  QWidget* messagePage_ = nullptr;
  QLabel* messageTitle_ = nullptr;
  QLabel* messageText_ = nullptr;
  QPushButton* messageButton_ = nullptr;
  QWidget* loadingPage_ = nullptr;
  QLabel* loadingTitle_ = nullptr;
  QLabel* loadingStage_ = nullptr;
  QProgressBar* loadingBar_ = nullptr;
  QWidget* content_ = nullptr;
};

}  // namespace openclaw::gui
