// heap-analyzer-gui: wires the command line, Qt and the window.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <QApplication>
#include <QFontDatabase>

#include "gui/command_line.h"
#include "gui/grab.h"
#include "gui/main_window.h"
#include "gui/numbers.h"
#include "gui/theme.h"

using openclaw::gui::CommandLine;

namespace {

bool hasDisplay() {
  for (const char* name : {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"})
    if (const char* value = std::getenv(name); value != nullptr && *value != '\0') return true;
  return false;
}

// Remarks of Qt's offscreen platform about itself, of no use to anybody.
void dropPlatformRemarks(QtMsgType, const QMessageLogContext&, const QString& text) {
  if (text.contains(QLatin1String("propagateSizeHints")) || text.contains(QLatin1String("XDG_RUNTIME_DIR")) ||
      text.contains(QLatin1String("runtime directory"))) return;
  std::fprintf(stderr, "%s\n", qPrintable(text));
}

int fail(int code, const std::string& text) {
  std::fprintf(stderr, "heap-analyzer-gui: %s\n", text.c_str());
  return code;
}

int grab(openclaw::gui::MainWindow& window, const CommandLine& line) {
  if (QFontDatabase::families().isEmpty())
    return fail(5, "no fonts are installed, so pictures would have no text; install fonts-dejavu-core");
  const auto result = openclaw::gui::grabViews(window, line.view, line.folder, line.dump, line.scope, line.policy,
                                                  line.width > 0 ? QSize(line.width, line.height) : QSize(openclaw::gui::kPictureWidth, openclaw::gui::kPictureHeight));
  for (const std::string& file : result.files) std::printf("%s\n", file.c_str());
  return result.problem.empty() ? result.exitCode : fail(result.exitCode, result.problem);
}

}  // namespace

int main(int argc, char** argv) {
  const auto line = openclaw::gui::parseCommandLine(std::vector<std::string>(argv + 1, argv + argc));
  if (!line) return fail(openclaw::exitCodeOf(line.error().code), line.error().what);
  switch (line->action) {
    case CommandLine::Action::kHelp: std::fputs(openclaw::gui::helpText().c_str(), stdout); return 0;
    case CommandLine::Action::kVersion: std::fputs(openclaw::gui::versionText().c_str(), stdout); return 0;
    case CommandLine::Action::kGrab: 
      qputenv("QT_QPA_PLATFORM", "offscreen");
      qInstallMessageHandler(dropPlatformRemarks);
      break;
    case CommandLine::Action::kOpen:
      if (!hasDisplay())
        return fail(5, "no display: set DISPLAY or WAYLAND_DISPLAY, or write pictures with --grab all DIR DUMP");
  }
  QApplication application(argc, argv);
  QApplication::setApplicationName(QStringLiteral("heap-analyzer-gui"));
  openclaw::gui::theme::apply(application);
  if (line->dark) QApplication::setPalette(openclaw::gui::theme::darkPalette());
  openclaw::gui::MainWindow window;
  if (line->action == CommandLine::Action::kGrab) return grab(window, *line);
  window.show();
  if (!line->scope.empty())
    QObject::connect(&window, &openclaw::gui::MainWindow::settled, &window, [&window, &line] {
      if (!window.answers()) return;
      const auto scope = openclaw::resolveScope(*window.answers()->snapshot, line->scope);
      if (scope) window.setScope(*scope);
      else fail(2, openclaw::toText(scope.error()));
    }, Qt::SingleShotConnection);
  if (!line->dump.empty()) window.openDump(openclaw::gui::numbers::text(line->dump), line->policy);
  return QApplication::exec();
}
