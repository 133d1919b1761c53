// The window: places at the left, the view in the middle, the selected object at the right, a strip for dumps that are
// not whole, a status line. It opens dumps off the GUI thread and hands the answers to the views; views know nothing of
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

class QAction;
class QLabel;
class QListWidget;
class QStackedWidget;

namespace openclaw::gui {

class Inspector;
class View;

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
  void openDump(const QString& path);
  void cancelLoading();
  bool loading() const { return runner_.busy(); }
  // Something is still being searched for what is in sight.
  bool busy() const;
  const std::shared_ptr<const Answers>& answers() const { return answers_; }
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
  // Where the person was: a view, and what was selected there.
  struct Step {
    std::size_t place = 0;
    ObjectIndex object = ObjectIndex::none();
    QVariant position;  // noted when the person leaves
    bool at(const Step& other) const { return place == other.place && object == other.object; }
  };

  void addViews();
  void addActions();
  void showAnswers(const std::shared_ptr<const Answers>& answers);
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
  QLabel* strip_ = nullptr;
  QLabel* status_ = nullptr;
  QAction *back_ = nullptr, *forward_ = nullptr, *reload_ = nullptr, *close_ = nullptr, *find_ = nullptr,
          *inspectorShown_ = nullptr;

  QString path_;
  std::shared_ptr<const Answers> answers_;
  std::optional<Error> error_;
  ObjectIndex selected_ = ObjectIndex::none();
  std::vector<Step> history_;
  std::size_t historyAt_ = 0;
  bool travelling_ = false;

  JobRunner runner_;  // last: its end waits for work that refers to the rest
};

}  // namespace openclaw::gui
