#include "tests/gui/test_dumps.h"

#include <stdexcept>

#include <QFile>

#include "tests/support/dump_model.h"

namespace openclaw::gui::test {
namespace {

std::shared_ptr<const Answers> answersOf(Result<std::shared_ptr<const Snapshot>> snapshot) {
  if (!snapshot) throw std::runtime_error(toText(snapshot.error()));
  return computeAnswers(*snapshot, {}, [](std::string_view, double) {});
}

QByteArray arrayOf(const std::vector<std::byte>& bytes) {
  return QByteArray(reinterpret_cast<const char*>(bytes.data()), static_cast<qsizetype>(bytes.size()));
}

}  // namespace

std::shared_ptr<const Answers> answersOf(std::string_view graph) {
  return answersOf(loadSnapshot(openclaw::test::dumpOf(graph), "graph", {}));
}

std::shared_ptr<const Answers> answersOf(const openclaw::test::ServiceShape& shape) {
  DumpFiles files;
  return answersOf(loadSnapshot(files.write("shape.bin", shape).toStdString(), {}, {}, {}));
}

QString DumpFiles::write(const QString& name, const openclaw::test::ServiceShape& shape) {
  const auto written = openclaw::test::writeServiceDump(path(name).toStdString(), shape);
  if (!written) throw std::runtime_error(toText(written.error()));
  return path(name);
}

QString DumpFiles::writeGraph(const QString& name, std::string_view graph) { return writeBytes(name, arrayOf(openclaw::test::dumpOf(graph))); }

QString DumpFiles::writeBareGraph(const QString& name, std::string_view graph) {
  return writeBytes(name, arrayOf(openclaw::test::dumpOf(graph, {.metadata = false})));
}

QString DumpFiles::writeBytes(const QString& name, const QByteArray& bytes) {
  QFile file(path(name));
  if (!file.open(QIODevice::WriteOnly) || file.write(bytes) != bytes.size()) throw std::runtime_error("cannot write a test dump");
  return path(name);
}

QString DumpFiles::writeCut(const QString& name, const QString& of, double fraction) {
  QFile file(of);
  if (!file.open(QIODevice::ReadOnly)) throw std::runtime_error("cannot read a test dump");
  const QByteArray bytes = file.readAll();
  return writeBytes(name, bytes.left(static_cast<qsizetype>(static_cast<double>(bytes.size()) * fraction)));
}

}  // namespace openclaw::gui::test
