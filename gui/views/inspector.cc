#include "gui/views/inspector.h"

#include <chrono>
#include <memory>
#include <utility>

#include <QLabel>
#include <QMenu>
#include <QTabWidget>
#include <QToolButton>
#include <QVBoxLayout>

#include "gui/numbers.h"
#include "gui/object_names.h"
#include "gui/theme.h"
#include "gui/views/scope_menu.h"
#include "gui/views/table_support.h"

namespace openclaw::gui {
namespace {

// Slots of one holder searched for the one that points here.
constexpr std::uint32_t kSlotsSearched = 20'000;
constexpr std::size_t kOwnersShown = 12;
constexpr std::size_t kFramesShown = 12;
// Rows passed with a key held down start no search.
constexpr std::chrono::milliseconds kSearchDelay(100);
// Of a long path, so many objects at either end.
constexpr std::size_t kStepsAtAnEnd = 8;
// Longer tables share what height is left and scroll.
constexpr std::size_t kRowsWithoutScrolling = 8;

RowCell sizeCell(Bytes bytes) {
  return {.text = numbers::size(bytes), .raw = QVariant::fromValue<quint64>(bytes.value),
          .toolTip = QObject::tr("%1 bytes").arg(numbers::count(bytes.value))};
}

RowCell objectCell(const Snapshot& s, ObjectIndex object) {
  const QString name = nameOf(s, object);
  return {.text = name, .toolTip = QStringLiteral("%1\n%2").arg(name, idOf(s, object))};
}

// What `holder` calls its reference to `object`.
QString labelBetween(const Snapshot& s, ObjectIndex holder, ObjectIndex object) {
  std::uint32_t searched = 0;
  for (EdgeCursor e = s.edgesFrom(holder); e && searched < kSlotsSearched; e.next(), ++searched)
    if (e.target() == object)
      return numbers::text(s.labelOf(holder, e.slot())) + strengthMark(s.strengthOf(holder, e));
  return QObject::tr("one of %1 slots").arg(numbers::count(s.slotCount(holder)));
}

QString flagsText(std::uint8_t flags) {
  QStringList words;
  if (flags & kObjectPinned) words.push_back(QObject::tr("pinned"));
  if (flags & kObjectLarge) words.push_back(QObject::tr("large"));
  if (flags & kObjectHasDestructor) words.push_back(QObject::tr("has a destructor"));
  if (flags & kObjectUnderConstruction) words.push_back(QObject::tr("under construction"));
  return words.join(QStringLiteral(", "));
}

// Lets a long C++ name break over lines where a person would break it. Only for labels that are not copied from.
QString breakable(QString name) {
  const QChar breakHere(0x200b);
  for (const QLatin1String after : {QLatin1String("::"), QLatin1String("<"), QLatin1String(",")}) name.replace(after, after + breakHere);
  return name;
}

QLabel* makeTitle(QWidget* parent) {
  auto* label = new QLabel(parent);
  QFont font = label->font();
  font.setBold(true);
  label->setFont(font);
  label->setTextFormat(Qt::PlainText);
  label->setWordWrap(true);
  label->setMinimumWidth(1);
  return label;
}

QLabel* makeText(QWidget* parent) {
  auto* label = new QLabel(parent);
  label->setTextFormat(Qt::PlainText);
  label->setWordWrap(true);
  label->setMinimumWidth(1);
  label->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
  label->setFocusPolicy(Qt::NoFocus);
  return label;
}

}  // namespace

Inspector::Inspector(QWidget* parent) : QWidget(parent) {
  setObjectName(QStringLiteral("inspector"));
  title_ = makeTitle(this);
  title_->setObjectName(QStringLiteral("inspectorTitle"));
  facts_ = makeText(this);
  facts_->setObjectName(QStringLiteral("inspectorFacts"));
  scope_ = new QToolButton(this);
  scope_->setObjectName(QStringLiteral("inspectorScope"));
  scope_->setText(tr("Show &only …   "));
  scope_->setAccessibleName(tr("Show only objects like this one in all views"));
  scope_->setToolTip(tr("Show only objects of this type, site, arena or age, or only what this retains, in all views"));
  scope_->setPopupMode(QToolButton::InstantPopup);
  scope_->setFocusPolicy(Qt::StrongFocus);
  scope_->setMenu(new QMenu(scope_));
  connect(scope_->menu(), &QMenu::aboutToShow, this, [this] {
    scope_->menu()->clear();
    if (answers_) addScopeActions(*scope_->menu(), *answers_, parts_, [this](const ScopePart& part, ScopeWish wish) { Q_EMIT scopeRequested(part, wish); });
  });
  const std::vector<ColumnSpec> columns = {{tr("Reference")}, {tr("Object")}, {tr("Retained"), {}, Qt::AlignRight}};
  pathTable_ = new RowsTable(columns, this);
  pathTable_->setObjectName(QStringLiteral("inspectorPaths"));
  pathTable_->setAccessibleName(tr("Paths to roots"));
  owners_ = new RowsTable(columns, this);
  owners_->setObjectName(QStringLiteral("inspectorOwners"));
  owners_->setAccessibleName(tr("Owners"));
  keepers_ = new QTabWidget(this);
  keepers_->setObjectName(QStringLiteral("inspectorKeepers"));
  keepers_->setDocumentMode(true);
  keepers_->addTab(pathTable_, tr("Paths to roots"));
  keepers_->addTab(owners_, tr("Owners"));
  keepers_->setTabToolTip(0, tr("The shortest chain of references from a root, and others that share as little as possible with it"));
  keepers_->setTabToolTip(1, tr("Who alone keeps it alive, from here up to the root"));
  holdersTitle_ = makeTitle(this);
  holders_ = new RowsTable(columns, this);
  holders_->setObjectName(QStringLiteral("inspectorHolders"));
  fieldsTitle_ = makeTitle(this);
  fields_ = new RowsTable(columns, this);
  fields_->setObjectName(QStringLiteral("inspectorFields"));
  originTitle_ = makeTitle(this);
  origin_ = new RowsTable({{tr("Function")}, {tr("Where")}}, this);
  origin_->setObjectName(QStringLiteral("inspectorOrigin"));
  for (RowsTable* table : {pathTable_, owners_, holders_, fields_, origin_}) {
    table->setStretched({0, 1});
    table->setAlternatingRowColors(true);
    connect(table, &RowsTable::objectActivated, this, &Inspector::objectActivated);
    offerScope(*table, [this] { return answers_.get(); }, [this](const ScopePart& part, ScopeWish wish) { Q_EMIT scopeRequested(part, wish); });
  }
  for (RowsTable* table : {pathTable_, owners_}) table->setFitsRows(false);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(8, 10, 10, 10);
  layout->setSpacing(4);
  layout->addWidget(title_);
  layout->addWidget(facts_);
  layout->addWidget(scope_, 0, Qt::AlignLeft);
  layout->addSpacing(6);
  layout->addWidget(keepers_, 5);
  layout->addSpacing(4);
  layout->addWidget(holdersTitle_);
  layout->addWidget(holders_, 4);
  layout->addSpacing(4);
  layout->addWidget(fieldsTitle_);
  layout->addWidget(fields_, 6);
  layout->addSpacing(4);
  layout->addWidget(originTitle_);
  layout->addWidget(origin_);
  layout->addStretch(1);
  pathsWanted_.setSingleShot(true);
  pathsWanted_.setInterval(kSearchDelay);
  connect(&pathsWanted_, &QTimer::timeout, this, &Inspector::findPaths);
  clear();
}

void Inspector::setAnswers(std::shared_ptr<const Answers> answers) {
  answers_ = std::move(answers);
  clear();
}

void Inspector::clear() {
  pathsWanted_.stop();
  paths_.cancel();
  title_->setText(tr("Nothing selected"));
  facts_->setText(answers_ ? tr("Select a row: its object stands here, with who holds it and what it holds.")
                           : tr("Open a dump, then select a row."));
  for (QWidget* widget : std::initializer_list<QWidget*>{keepers_, holdersTitle_, holders_, fieldsTitle_, fields_,
                                                         originTitle_, origin_})
    widget->hide();
  offerParts({});
}

void Inspector::offerParts(std::vector<ScopePart> parts) {
  parts_ = std::move(parts);
  scope_->setVisible(!parts_.empty());
}

void Inspector::showObject(ObjectIndex object) {
  if (!answers_ || object.value >= answers_->snapshot->objectCount()) return;
  const Snapshot& s = *answers_->snapshot;
  title_->setText(breakable(nameOf(s, object)));
  QStringList facts;
  facts.push_back(tr("%1  %2").arg(idWord(s), idOf(s, object)));
  facts.push_back(s.size(object) < 1_KiB ? tr("Own size  %1").arg(numbers::size(s.size(object)))
                                         : tr("Own size  %1 (%2 bytes)").arg(numbers::size(s.size(object)), numbers::count(s.size(object).value)));
  if (const Bytes external = s.external(object); external.value > 0)
    facts.push_back(tr("Owns outside the heap  %1").arg(numbers::size(external)));
  if (s.reachable(object))
    facts.push_back(tr("Retained  %1, %2 of live").arg(numbers::size(s.retained(object)), numbers::share(s.retained(object).value, answers_->totals.reachableBytes.value)));
  else
    facts.push_back(s.kind() == DumpKind::kOpenclaw ? tr("Unreachable: the next collection that looks here frees it")
                                                    : tr("Unreachable: under policy %1 no root keeps it alive").arg(numbers::text(toText(s.policy()))));
  if (s.kind() == DumpKind::kOpenclaw)
    facts.push_back(answers_->agesKnown ? tr("Age  %1 (collections survived)").arg(numbers::age(s.age(object))) : tr("Age  not known: no collection has run"));
  if (const QString flags = flagsText(s.flags(object)); !flags.isEmpty()) facts.push_back(tr("Flags  %1").arg(flags));
  if (answers_->scope) facts.push_back(answers_->inScope(object) ? tr("In the scope") : tr("Not in the scope"));
  facts_->setText(facts.join(QLatin1Char('\n')));
  offerParts(scopePartsOf(*answers_, object));
  keepers_->setVisible(s.reachable(object));
  showOwners(object);
  wantPaths(object);
  showHolders(object);
  showFields(object);
  showOrigin(object);
}

void Inspector::showOwners(ObjectIndex object) {
  const Snapshot& s = *answers_->snapshot;
  std::vector<Row> rows;
  std::size_t more = 0;
  std::optional<ObjectIndex> at = object;
  for (; at && s.reachable(*at); at = s.dominator(*at)) {
    if (rows.size() == kOwnersShown) {
      ++more;
      continue;
    }
    const auto label = tryHolderLabel(s, *at, kSlotsSearched);
    RowCell held{.text = label ? numbers::text(*label) : tr("several owners")};
    rows.push_back({.cells = {held, objectCell(s, *at), sizeCell(s.retained(*at))},
                    .object = *at});
  }
  if (more > 0)
    rows.push_back({.cells = {{.text = tr("%1 more up to the root").arg(numbers::count(more))}, {.text = QString()}, {.text = QString()}}, .muted = true});
  owners_->setRows(std::move(rows));
}

void Inspector::wantPaths(ObjectIndex object) {
  pathsWanted_.stop();
  paths_.cancel();
  if (!answers_->snapshot->reachable(object)) return setPathRows({});
  setPathRows({{.cells = {{.text = tr("searching…")}, {.text = QString()}, {.text = QString()}}, .muted = true}});
  wanted_ = object;
  pathsWanted_.start();
}

void Inspector::findPaths() {
  if (!answers_) return;
  paths_.start([this, answers = answers_, object = wanted_](JobContext& job) -> JobRunner::Delivery {
    auto found = std::make_shared<const DifferentPaths>(findDifferentPaths(*answers->snapshot, object, kPaths, job.stopToken()));
    return [this, object, found] { showPaths(object, *found); };
  });
}

// A heading for each path, the root's words and the object it holds, then reference by reference.
void Inspector::showPaths(ObjectIndex object, const DifferentPaths& found) {
  const Snapshot& s = *answers_->snapshot;
  std::vector<Row> rows;
  const auto note = [&rows](const QString& text, bool bold) { rows.push_back({.cells = {{.text = text}, {.text = QString()}, {.text = QString()}}, .muted = !bold, .bold = bold}); };
  for (std::size_t i = 0; i < found.paths.size(); ++i) {
    const DifferentPath& path = found.paths[i];
    QString title = i == 0 ? tr("Shortest") : tr("Another");
    title += tr(": %1").arg(numbers::counted(path.steps.size(), tr("object"), tr("objects")));
    if (path.sharedInner > 0) title += tr(", %1 as above").arg(numbers::count(path.sharedInner));
    note(title, true);
    for (std::size_t step = 0; step < path.steps.size(); ++step) {
      if (path.steps.size() > 2 * kStepsAtAnEnd + 1 && step == kStepsAtAnEnd) {
        const std::size_t left = path.steps.size() - 2 * kStepsAtAnEnd;
        note(tr("… %1 more").arg(numbers::counted(left, tr("object"), tr("objects"))), false);
        step += left;
      }
      const ObjectIndex at = path.steps[step].object;
      QString label;
      if (step > 0) label = numbers::text(s.labelOf(path.steps[step - 1].object, path.steps[step].slot));
      else if (const auto roots = rootsOf(s, at); !roots.empty()) label = numbers::text(rootText(s, roots.front()));
      rows.push_back({.cells = {{.text = label}, objectCell(s, at), sizeCell(s.retained(at))},
                      .object = at == object ? ObjectIndex::none() : at});
    }
  }
  if (found.paths.empty()) note(tr("no path was found"), false);
  else if (found.gaveUp) note(tr("the search was ended early: other paths may differ more"), false);
  else if (found.paths.size() < kPaths) note(tr("there is no other path"), false);
  std::vector<int> notes;
  for (std::size_t row = 0; row < rows.size(); ++row)
    if (rows[row].cells[1].text.isEmpty()) notes.push_back(static_cast<int>(row));
  setPathRows(std::move(rows));
  for (const int row : notes) pathTable_->setSpan(row, 0, 1, pathTable_->model()->columnCount());
}

void Inspector::setPathRows(std::vector<Row> rows) {
  pathTable_->clearSpans();
  pathTable_->setRows(std::move(rows));
}

void Inspector::showHolders(ObjectIndex object) {
  const Snapshot& s = *answers_->snapshot;
  std::vector<Row> rows;
  for (const RootInfo& root : rootsOf(s, object)) {
    if (rows.size() == kRowsShown) break;
    rows.push_back({.cells = {{.text = numbers::text(rootText(s, root))}, {.text = tr("root")}, {.text = QString()}}});
  }
  EdgeCursor e = s.edgesTo(object);
  for (; e && rows.size() < kRowsShown; e.next()) {
    const ObjectIndex holder = e.target();
    rows.push_back({.cells = {{.text = labelBetween(s, holder, object)}, objectCell(s, holder),
                              sizeCell(s.retained(holder))},
                    .object = holder});
  }
  holdersTitle_->setText(rows.empty() ? tr("Referred to by nothing")
                         : e          ? tr("Referred to by: the first %1").arg(numbers::count(rows.size()))
                                      : tr("Referred to by (%1)").arg(numbers::count(rows.size())));
  holdersTitle_->show();
  holders_->setVisible(!rows.empty());
  holders_->setFitsRows(rows.size() <= kRowsWithoutScrolling);
  holders_->setRows(std::move(rows));
}

void Inspector::showFields(ObjectIndex object) {
  const Snapshot& s = *answers_->snapshot;
  std::vector<Row> rows;
  EdgeCursor e = s.edgesFrom(object);
  for (; e && rows.size() < kRowsShown; e.next()) {
    const ObjectIndex target = e.target();
    const QString label = numbers::text(s.labelOf(object, e.slot())) + strengthMark(s.strengthOf(object, e));
    rows.push_back({.cells = {{.text = label}, objectCell(s, target), sizeCell(s.retained(target))},
                    .object = target});
  }
  fieldsTitle_->setText(rows.empty() ? tr("Holds no other object")
                        : e          ? tr("Holds: the first %1 of %2 slots").arg(numbers::count(rows.size()), numbers::count(s.slotCount(object)))
                                     : tr("Holds (%1)").arg(numbers::count(rows.size())));
  fieldsTitle_->show();
  fields_->setVisible(!rows.empty());
  fields_->setFitsRows(rows.size() <= kRowsWithoutScrolling);
  fields_->setRows(std::move(rows));
}

void Inspector::showOrigin(ObjectIndex object) {
  const Snapshot& s = *answers_->snapshot;
  std::vector<Row> rows;
  const auto where = [](const std::string& file, std::uint32_t line) -> RowCell {
    if (file.empty()) return {.text = numbers::unknown()};
    const QString path = QStringLiteral("%1:%2").arg(numbers::text(file)).arg(line);
    return {.text = path.mid(path.lastIndexOf(QLatin1Char('/')) + 1), .raw = path, .toolTip = path};
  };
  const auto function = [](const std::string& name) -> RowCell {
    return {.text = numbers::text(shortFunction(name)), .raw = numbers::text(name), .toolTip = numbers::text(name)};
  };
  const auto stack = s.stack(object);
  std::size_t hidden = 0;
  if (stack) {
    for (const std::uint64_t pc : s.stacks()[*stack].pcs) {
      if (rows.size() >= kFramesShown) {
        ++hidden;
        continue;
      }
      const auto frames = s.symbol(pc);
      if (frames.empty()) rows.push_back({.cells = {{.text = numbers::address(Address(pc))}, {.text = tr("not symbolized")}}});
      for (const CodeFrame& frame : frames)
        rows.push_back({.cells = {function(frame.function), where(frame.file, frame.line)}});
    }
  } else if (const SiteIndex site = s.site(object); site.value != 0 && site.value < s.sites().size()) {
    rows.push_back({.cells = {function(s.sites()[site].function), where(s.sites()[site].file, s.sites()[site].line)}});
  }
  originTitle_->setText(rows.empty()  ? tr("The dump does not say where it was allocated")
                        : !stack      ? tr("Allocated at")
                        : hidden == 0 ? tr("Allocated at (sampled stack)")
                                      : tr("Allocated at (sampled stack; %1 outer frames not shown)").arg(numbers::count(hidden)));
  originTitle_->show();
  origin_->setVisible(!rows.empty());
  origin_->setRows(std::move(rows));
}

void Inspector::showType(TypeIndex type) {
  if (!answers_ || type.value >= answers_->snapshot->types().size()) return;
  clear();
  const TypeInfo& info = answers_->snapshot->types()[type];
  title_->setText(breakable(numbers::text(info.name)));
  QStringList facts;
  // V8 gives every object a size of its own.
  if (info.size > 0 || info.elementSize > 0)
    facts.push_back(tr("Size  %1 bytes%2").arg(numbers::count(info.size), info.elementSize > 0 ? tr(" and %1 for each element").arg(numbers::count(info.elementSize)) : QString()));
  for (const HistogramRow& row : answers_->histogram) {
    if (row.type != type) continue;
    facts.push_back((answers_->scope ? tr("Of the scope:  %1 objects, %2 of them unreachable") : tr("Objects  %1, %2 of them unreachable")).arg(numbers::count(row.objects), numbers::count(row.unreachableObjects)));
    facts.push_back(tr("Own size  %1, %2 an object on average").arg(numbers::size(row.shallow), numbers::size(Bytes(row.objects == 0 ? 0 : row.shallow.value / row.objects))));
    facts.push_back(tr("Retained  %1").arg(numbers::size(row.retained, row.retainedCertainty)));
  }
  if (info.pointerFree) facts.push_back(tr("Holds no references"));
  if (info.hasDestructor) facts.push_back(tr("Has a destructor"));
  offerParts({ScopePart::type(type)});
  facts_->setText(facts.join(QLatin1Char('\n')));
  std::vector<Row> rows;
  const auto add = [&](const std::vector<FieldInfo>& fields, const QString& prefix) {
    for (const FieldInfo& field : fields)
      rows.push_back({.cells = {{.text = prefix + numbers::text(field.name) + strengthMark(field.strength)},
                                {.text = field.targetType.empty() ? numbers::unknown() : numbers::text(field.targetType)},
                                {.text = QString()}}});
  };
  add(info.fields, {});
  add(info.elementFields, QStringLiteral("[…]."));
  fieldsTitle_->setText(rows.empty() && answers_->snapshot->kind() == DumpKind::kV8 ? tr("Types of this kind of dump declare no fields")
                        : rows.empty() ? tr("Declares no references") : tr("Declares references (%1)").arg(numbers::count(rows.size())));
  fieldsTitle_->show();
  fields_->setVisible(!rows.empty());
  fields_->setFitsRows(rows.size() <= kRowsWithoutScrolling);
  fields_->setRows(std::move(rows));
}

}  // namespace openclaw::gui
