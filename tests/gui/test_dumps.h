// Answers and files for tests of the window.
//
//   auto answers = answersOf("root->a; a:Session*128->b");
//   DumpFiles files;  window.openDump(files.service());
#pragma once

#include <memory>
#include <string_view>

#include <QString>
#include <QTemporaryDir>

#include "gui/answers.h"
#include "tests/gui/service_dump.h"

namespace openclaw::gui::test {

// Of a graph in the language of tests/support/dump_model.h.
std::shared_ptr<const Answers> answersOf(std::string_view graph);
std::shared_ptr<const Answers> answersOf(const openclaw::test::ServiceShape& shape);

// Dumps in a folder of their own that goes with them.
class DumpFiles {
 public:
  QString write(const QString& name, const openclaw::test::ServiceShape& shape);
  QString writeGraph(const QString& name, std::string_view graph);
  // Objects, edges and roots only: no process, regions, pauses or counters.
  QString writeBareGraph(const QString& name, std::string_view graph);
  QString writeBytes(const QString& name, const QByteArray& bytes);
  // The first `fraction` of another file.
  QString writeCut(const QString& name, const QString& of, double fraction);
  QString path(const QString& name) const { return folder_.filePath(name); }
  QString service() { return write("service.bin", {}); }

 private:
  QTemporaryDir folder_;
};

}  // namespace openclaw::gui::test
