#include "gui/object_names.h"

#include <QObject>

#include "analyzer/report/numbers.h"
#include "gui/numbers.h"

namespace openclaw::gui {
namespace {

constexpr qsizetype kLongestDescription = 80;  // characters

}  // namespace

QString nameOf(const Snapshot& snapshot, ObjectIndex object) {
  const QString type = numbers::text(typeText(snapshot, snapshot.type(object)));
  QString which = numbers::text(snapshot.description(object)).simplified();
  if (which.isEmpty() || which == type) return type;
  if (which.size() > kLongestDescription) which = which.left(kLongestDescription) + QChar(0x2026);
  return type + QLatin1Char(' ') + which;
}

QString idOf(const Snapshot& snapshot, ObjectIndex object) { return numbers::text(idText(snapshot, object)); }

QString idOf(const Snapshot& snapshot, Address id) { return snapshot.idsAreAddresses() ? numbers::address(id) : QStringLiteral("@%1").arg(id.value); }

QString idWord(const Snapshot& snapshot) { return snapshot.idsAreAddresses() ? QObject::tr("Address") : QObject::tr("Id"); }

QString strengthMark(Strength strength) {
  if (strength == Strength::kStrong) return {};
  return QStringLiteral(" (%1)").arg(QLatin1String(openclaw::toText(strength)));
}

}  // namespace openclaw::gui
