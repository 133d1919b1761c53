#include "gui/views/scope_menu.h"

#include <algorithm>
#include <utility>

#include <QAbstractItemView>
#include <QAction>
#include <QMenu>

#include "gui/models/rows_model.h"
#include "gui/numbers.h"

namespace openclaw::gui {
namespace {

constexpr int kLongest = 60;  // characters of a name in a menu

QString shortened(QString text) {
  if (text.size() > kLongest) text = text.left(kLongest / 2 - 1) + QChar(0x2026) + text.right(kLongest / 2);
  return text.replace(QLatin1Char('&'), QLatin1String("&&"));
}

// What the part is called in a sentence: "this type: Session".
QString what(const Snapshot& s, const ScopePart& part) {
  const QString label = shortened(numbers::text(labelOf(s, part)).section(QLatin1Char(' '), 1));
  switch (part.kind) {
    case ScopeKind::kType: return QObject::tr("this type: %1").arg(label);
    case ScopeKind::kSite: return QObject::tr("this site: %1").arg(shortened(numbers::text(siteText(s, SiteIndex(part.value)))));
    case ScopeKind::kArena: return QObject::tr("this arena: %1").arg(label);
    case ScopeKind::kAge: return QObject::tr("this age: %1").arg(label);
    case ScopeKind::kRetainedBy: return QObject::tr("what this retains: %1").arg(numbers::size(s.retained(ObjectIndex(part.value))));
  }
  return {};
}

}  // namespace

std::vector<ScopePart> scopePartsOf(const Answers& answers, ObjectIndex object) {
  const Snapshot& s = *answers.snapshot;
  if (object.value >= s.objectCount()) return {};
  std::vector<ScopePart> parts{ScopePart::type(s.type(object))};
  if (s.site(object).value != 0) parts.push_back(ScopePart::site(s.site(object)));
  if (const auto arena = arenaOf(s, object)) parts.push_back(ScopePart::arena(*arena));
  if (answers.agesKnown) parts.push_back(ScopePart::ages(s.age(object), s.age(object)));
  if (s.reachable(object)) parts.push_back(ScopePart::retainedBy(object));
  return parts;
}

std::vector<ScopePart> scopePartsOf(const Answers& answers, const QModelIndex& row) {
  if (!row.isValid()) return {};
  const QVariant object = row.data(kObjectRole), type = row.data(kTypeRole), site = row.data(kSiteRole), age = row.data(kAgeRole);
  std::vector<ScopePart> parts;
  const auto add = [&](const ScopePart& part) {
    // What the row says of itself goes before what its object is.
    if (std::ranges::find(parts, part.kind, &ScopePart::kind) == parts.end()) parts.push_back(part);
  };
  if (type.isValid()) add(ScopePart::type(TypeIndex(type.toUInt())));
  if (site.isValid()) add(ScopePart::site(SiteIndex(site.toUInt())));
  if (age.isValid()) add(ScopePart::ages(age.toUInt(), age.toUInt()));
  if (object.isValid())
    for (const ScopePart& part : scopePartsOf(answers, ObjectIndex(object.toUInt()))) add(part);
  return parts;
}

void addScopeActions(QMenu& menu, const Answers& answers, const std::vector<ScopePart>& parts, const ScopeAsker& ask) {
  static const Scope kWhole;
  const Scope& scope = answers.scope ? answers.scope->scope : kWhole;
  for (const ScopePart& part : parts) {
    const QString words = what(*answers.snapshot, part);
    const auto add = [&](const QString& text, const char* name, ScopeWish wish) {
      QAction* action = menu.addAction(text);
      action->setObjectName(QStringLiteral("%1.%2").arg(QLatin1String(name), QLatin1String(toText(part.kind))));
      QObject::connect(action, &QAction::triggered, &menu, [ask, part, wish] { ask(part, wish); });
      return action;
    };
    const bool there = std::ranges::find(scope.parts, part) != scope.parts.end();
    // Nothing would change.
    add(QObject::tr("Only %1").arg(words), "scopeOnly", ScopeWish::kOnly)->setEnabled(!there || scope.only(part).parts.size() != scope.parts.size());
    if (scope.has(part.kind) && !there && part.kind != ScopeKind::kRetainedBy) add(QObject::tr("Or %1").arg(words), "scopeOr", ScopeWish::kBeside);
  }
  bool separated = false;
  for (const ScopePart& part : parts) {
    if (part.kind != ScopeKind::kType && part.kind != ScopeKind::kSite) continue;
    if (!std::exchange(separated, true)) menu.addSeparator();
    QAction* action = menu.addAction(QObject::tr("Merged paths to %1").arg(what(*answers.snapshot, part)));
    action->setObjectName(QStringLiteral("mergedPaths.%1").arg(QLatin1String(toText(part.kind))));
    QObject::connect(action, &QAction::triggered, &menu, [ask, part] { ask(part, ScopeWish::kPaths); });
  }
}

void offerScope(QAbstractItemView& view, std::function<const Answers*()> answers, ScopeAsker ask) {
  view.setContextMenuPolicy(Qt::CustomContextMenu);
  QObject::connect(&view, &QWidget::customContextMenuRequested, &view, [&view, answers = std::move(answers), ask = std::move(ask)](const QPoint& at) {
    QModelIndex row = view.indexAt(at);
    if (!row.isValid()) row = view.currentIndex();  // asked by key, beside the rows
    auto* menu = new QMenu(&view);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    menu->addActions(view.actions());
    if (const Answers* known = answers()) {
      const auto parts = scopePartsOf(*known, row);
      if (!parts.empty()) menu->addSeparator();
      addScopeActions(*menu, *known, parts, ask);
    }
    menu->popup(view.viewport()->mapToGlobal(at));
  });
}

}  // namespace openclaw::gui
