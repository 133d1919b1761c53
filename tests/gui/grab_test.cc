// heap-analyzer-gui as a program: pictures of views without a display, exit codes, help without a display.
#include <set>

#include <QFileInfo>
#include <QImage>
#include <QProcess>
#include <QTemporaryDir>

#include <gtest/gtest.h>

#include "tests/gui/printing.h"
#include "tests/gui/test_dumps.h"

namespace openclaw::gui {
namespace {

using test::DumpFiles;

struct Outcome {
  int exitCode = -1;
  QString out, err;
};

// Without a display, as on a build machine.
Outcome run(const QStringList& arguments) {
  QProcess process;
  QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
  for (const char* name : {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"}) environment.remove(QLatin1String(name));
  process.setProcessEnvironment(environment);
  process.start(QStringLiteral(HEAP_ANALYZER_GUI), arguments);
  if (!process.waitForFinished(120'000)) {
    process.kill();
    process.waitForFinished();
    return {};
  }
  return {process.exitStatus() == QProcess::NormalExit ? process.exitCode() : -2, QString::fromUtf8(process.readAllStandardOutput()),
          QString::fromUtf8(process.readAllStandardError())};
}

// How many colours a part of a picture has: a blank part has one, text and lines have dozens.
std::size_t colours(const QImage& image, const QRect& part) {
  std::set<QRgb> seen;
  for (int y = part.top(); y <= part.bottom(); ++y)
    for (int x = part.left(); x <= part.right(); ++x) seen.insert(image.pixel(x, y));
  return seen.size();
}

TEST(Grab, AllWritesEveryViewAndNamesTheFiles) {
  DumpFiles files;
  QTemporaryDir folder;
  const Outcome grabbed = run({"--grab", "all", folder.filePath("new/pictures"), files.service()});
  EXPECT_EQ(grabbed.exitCode, 0) << grabbed.err.toStdString();
  EXPECT_EQ(grabbed.err, "");
  const QStringList names = grabbed.out.trimmed().split('\n');
  ASSERT_EQ(names.size(), 8) << grabbed.out.toStdString();
  std::set<QByteArray> different;
  for (const QString& name : names) {
    const QImage image(name);
    ASSERT_FALSE(image.isNull()) << name.toStdString();
    EXPECT_EQ(image.size(), QSize(1600, 1000));
    // Places, the middle of the view, the status line: each is painted, with text.
    EXPECT_GT(colours(image, QRect(0, 20, 140, 80)), 10u) << name.toStdString();
    EXPECT_GT(colours(image, QRect(160, 20, 800, 400)), 30u) << name.toStdString();
    EXPECT_GT(colours(image, QRect(0, 975, 600, 24)), 10u) << name.toStdString();
    different.insert(QByteArray(reinterpret_cast<const char*>(image.constBits()), image.sizeInBytes()));
  }
  EXPECT_EQ(different.size(), 8u);
}

TEST(Grab, OneViewWritesOnePicture) {
  DumpFiles files;
  QTemporaryDir folder;
  const Outcome grabbed = run({"--grab", "histogram", folder.path(), files.service()});
  EXPECT_EQ(grabbed.exitCode, 0) << grabbed.err.toStdString();
  EXPECT_EQ(grabbed.out, folder.filePath("histogram.png") + "\n");
  EXPECT_TRUE(QFileInfo::exists(folder.filePath("histogram.png")));
  EXPECT_FALSE(QFileInfo::exists(folder.filePath("overview.png")));
}

TEST(Grab, OfAScopeSaysSoInThePicture) {
  DumpFiles files;
  QTemporaryDir folder;
  const QString dump = files.service();
  const Outcome whole = run({"--grab", "histogram", folder.filePath("whole"), dump});
  const Outcome part = run({"--grab", "histogram", folder.filePath("part"), "--scope", "age=3+", dump});
  EXPECT_EQ(whole.exitCode, 0) << whole.err.toStdString();
  EXPECT_EQ(part.exitCode, 0) << part.err.toStdString();
  EXPECT_NE(QImage(folder.filePath("whole/histogram.png")), QImage(folder.filePath("part/histogram.png")));
  const Outcome nothing = run({"--grab", "histogram", folder.filePath("none"), "--scope", "type=nothing is called so", dump});
  EXPECT_EQ(nothing.exitCode, 2);
  EXPECT_TRUE(nothing.err.contains("no type")) << nothing.err.toStdString();
  EXPECT_EQ(nothing.out, "");
}

TEST(Grab, DarkPicturesAreDark) {
  DumpFiles files;
  QTemporaryDir folder;
  const Outcome grabbed = run({"--dark", "--grab", "overview", folder.path(), files.service()});
  EXPECT_EQ(grabbed.exitCode, 0) << grabbed.err.toStdString();
  EXPECT_LT(qGray(QImage(folder.filePath("overview.png")).pixel(1590, 500)), 128);
}

TEST(Grab, ADamagedDumpGivesPicturesOfWhatWasReadAndExitCode3) {
  DumpFiles files;
  QTemporaryDir folder;
  const QString cut = files.writeCut("cut.bin", files.service(), 0.6);
  const Outcome grabbed = run({"--grab", "all", folder.path(), cut});
  EXPECT_EQ(grabbed.exitCode, 3);
  EXPECT_EQ(grabbed.out.trimmed().split('\n').size(), 8) << grabbed.out.toStdString();
  EXPECT_TRUE(grabbed.err.contains("%")) << grabbed.err.toStdString();
  // The strip across the top of the view is yellow.
  const QColor strip = QImage(folder.filePath("histogram.png")).pixelColor(900, 24);
  EXPECT_GT(strip.red() - strip.blue(), 20) << strip.name().toStdString();
}

TEST(Grab, AFileThatIsNoDumpGivesNoPictureAndExitCode3) {
  DumpFiles files;
  QTemporaryDir folder;
  const Outcome grabbed = run({"--grab", "all", folder.path(), files.writeBytes("notes.txt", "this is no dump, whatever it may be")});
  EXPECT_EQ(grabbed.exitCode, 3);
  EXPECT_EQ(grabbed.out, "");
  EXPECT_TRUE(grabbed.err.contains("notes.txt")) << grabbed.err.toStdString();
}

TEST(Grab, WordsThatAreOffExitWith2AndAFolderThatRefusesWith5) {
  DumpFiles files;
  const QString dump = files.service();
  EXPECT_EQ(run({"--grab", "all"}).exitCode, 2);
  EXPECT_EQ(run({"--bogus"}).exitCode, 2);
  const Outcome view = run({"--grab", "pie", files.path("pictures"), dump});
  EXPECT_EQ(view.exitCode, 2);
  EXPECT_TRUE(view.err.contains("overview, histogram, dominators, flamegraph, fragmentation, generations, pauses, paths, all")) << view.err.toStdString();
  EXPECT_EQ(run({"--grab", "all", dump + "/below-a-file", dump}).exitCode, 5);
}

TEST(Program, HelpAndVersionNeedNoDisplayAndAWindowSaysThatItDoes) {
  const Outcome help = run({"--help"});
  EXPECT_EQ(help.exitCode, 0);
  EXPECT_TRUE(help.out.contains("--grab")) << help.out.toStdString();
  const Outcome version = run({"--version"});
  EXPECT_EQ(version.exitCode, 0);
  EXPECT_TRUE(version.out.contains("format 1")) << version.out.toStdString();
  const Outcome window = run({});
  EXPECT_EQ(window.exitCode, 5);
  EXPECT_TRUE(window.err.contains("no display")) << window.err.toStdString();
}

}  // namespace
}  // namespace openclaw::gui
