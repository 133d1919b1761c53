#include "gui/grab.h"

#include <chrono>

#include <QApplication>
#include <QDir>
#include <QElapsedTimer>
#include <QEventLoop>
#include <QPixmap>

#include <fmt/format.h>

#include "gui/main_window.h"
#include "gui/numbers.h"
#include "gui/views/view.h"

namespace openclaw::gui {
namespace {

constexpr std::chrono::milliseconds kPatience(10'000);

QElapsedTimer startedTimer() {
  QElapsedTimer timer;
  timer.start();
  return timer;
}

std::string viewNames(const MainWindow& window) {
  std::string names;
  for (const MainWindow::Place& place : window.places()) names += place.id + ", ";
  return names + "all";
}

}  // namespace

GrabResult grabViews(MainWindow& window, const std::string& view, const std::string& folder, const std::string& dump, const ScopeWords& scope, Policy policy,
                     QSize size) {
  GrabResult result;
  bool known = view == "all";
  for (const MainWindow::Place& place : window.places()) known = known || place.id == view;
  if (!known) return {2, {}, fmt::format("no view is called '{}'; there are {}", view, viewNames(window))};
  const QDir directory(numbers::text(folder));
  if (!directory.mkpath(QStringLiteral("."))) return {5, {}, fmt::format("cannot create the folder {}", folder)};

  window.resize(size);
  QEventLoop loop;
  QObject::connect(&window, &MainWindow::settled, &loop, &QEventLoop::quit);
  window.openDump(numbers::text(dump), policy);
  window.show();
  loop.exec();
  if (window.error()) return {exitCodeOf(window.error()->code), {}, toText(*window.error())};
  if (!scope.empty()) {
    const Result<Scope> resolved = resolveScope(*window.answers()->snapshot, scope);
    if (!resolved) return {exitCodeOf(resolved.error().code), {}, toText(resolved.error())};
    window.setScope(*resolved);
    if (window.loading()) loop.exec();
  }

  for (std::size_t i = 0; i < window.places().size(); ++i) {
    const MainWindow::Place& place = window.places()[i];
    if (view != "all" && view != place.id) continue;
    window.showPlace(i);
    // Layouts settle and are painted once before the picture is taken.
    QApplication::processEvents();
    QApplication::processEvents();
    // Fine parts may take a few frames more.
    for (QElapsedTimer waited = startedTimer(); (!place.view->settled() || window.busy()) && waited.elapsed() < kPatience.count();) QApplication::processEvents();
    const QString file = directory.filePath(numbers::text(place.id) + QStringLiteral(".png"));
    if (!window.grab().save(file, "PNG")) {
      result.exitCode = 5;
      result.problem = fmt::format("cannot write {}", file.toStdString());
      return result;
    }
    result.files.push_back(file.toStdString());
  }
  const LoadReport& report = window.answers()->snapshot->report();
  if (!report.complete()) {
    // Losses that the dumped process counted are shown, but only a damaged file is a damaged input.
    result.problem = report.sentence();
    if (!window.answers()->readWhole()) result.exitCode = 3;
  }
  return result;
}

}  // namespace openclaw::gui
