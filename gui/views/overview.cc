#include "gui/views/overview.h"

#include <algorithm>
#include <array>
#include <utility>

#include <QEvent>
#include <QGridLayout>
#include <QLabel>
#include <QPushButton>
#include <QScrollArea>
#include <QVBoxLayout>

#include "analyzer/policy_text.h"
#include "analyzer/views/pauses.h"
#include "gui/numbers.h"
#include "gui/object_names.h"
#include "gui/theme.h"
#include "gui/views/charts.h"
#include "gui/views/finding_card.h"
#include "gui/views/scope_menu.h"
#include "gui/views/table_support.h"

namespace openclaw::gui {
namespace {

constexpr std::size_t kRowsShown = 8;
constexpr std::size_t kFindingsShown = 3;
constexpr std::uint32_t kSlotsLookedAt = 100'000;
constexpr int kChartHeight = 170;

QLabel* makeAnswer(QWidget* parent) {
  auto* label = new QLabel(parent);
  label->setTextFormat(Qt::PlainText);
  label->setWordWrap(true);
  label->setMinimumWidth(1);  // long words do not widen the window
  label->setTextInteractionFlags(Qt::TextSelectableByMouse);
  return label;
}

void paint(QLabel& label, const QColor& color) {
  QPalette palette = label.palette();
  palette.setColor(QPalette::WindowText, color);
  label.setPalette(palette);
}

RowCell number(const QString& text, std::uint64_t raw, const QString& toolTip = {}) {
  return {.text = text, .raw = QVariant::fromValue<quint64>(raw), .toolTip = toolTip};
}

RowCell sizeCell(Bytes bytes, Certainty certainty = Certainty::kExact) {
  return number(numbers::size(bytes, certainty), bytes.value,
                QObject::tr("%1 bytes, %2").arg(numbers::count(bytes.value), numbers::words(certainty)));
}

RowCell shareCell(std::uint64_t part, std::uint64_t whole) {
  return {.text = numbers::share(part, whole), .raw = numbers::fraction(part, whole), .fraction = numbers::fraction(part, whole)};
}

RowCell textCell(const QString& text) { return {.text = text, .raw = text}; }

// How the heap was held still, in words.
QString words(Consistency consistency) {
  switch (consistency) {
    case Consistency::kClone: return QObject::tr("from a clone");
    case Consistency::kStopTheWorld: return QObject::tr("with the world stopped");
    case Consistency::kBarrier: return QObject::tr("behind a barrier");
    case Consistency::kOffline: return QObject::tr("offline");
  }
  return {};
}

// What is empty in an incomplete dump may only be lost.
QString notRead() { return QObject::tr("Not in the part of the dump that could be read; take the dump again."); }

QString fileName(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return numbers::text(slash == std::string::npos ? path : path.substr(slash + 1));
}

}  // namespace

Overview::Overview(QWidget* parent) : View(parent) {
  scroll_ = new QScrollArea(this);
  scroll_->setObjectName(QStringLiteral("overview"));
  scroll_->setWidgetResizable(true);
  scroll_->setFrameShape(QFrame::NoFrame);
  scroll_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  auto* page = new QWidget(scroll_);
  scroll_->setWidget(page);

  facts_ = makeAnswer(page);
  facts_->setObjectName(QStringLiteral("facts"));

  findings_ = addBlock(tr("What is wrong?"), "findingsAnswer");
  ledger_ = addBlock(tr("Where is the memory?"), "ledgerAnswer");
  owners_ = addBlock(tr("Who owns it?"), "ownersAnswer");
  types_ = addBlock(tr("Which types?"), "typesAnswer");
  sites_ = addBlock(tr("Who allocated it?"), "sitesAnswer");
  ages_ = addBlock(tr("How old is it?"), "agesAnswer");
  pauses_ = addBlock(tr("How did collection behave?"), "pausesAnswer");

  const Qt::Alignment right = Qt::AlignRight;
  ledgerBar_ = new StackedBar(page);
  ledgerBar_->setObjectName(QStringLiteral("ledgerBar"));
  ledgerBar_->setAccessibleName(tr("Committed memory by use"));
  ledgerTable_ = new RowsTable({{tr("Part")},
                                {tr("Size"), tr("Bytes, counted by the part's own source."), right},
                                {tr("% of committed"), tr("Share of the bytes that the heap has from the system."), right},
                                {tr("Counted from"), tr("Where the number comes from. No line is the difference of others.")}},
                               page);
  ledgerTable_->setStretched({3});
  ledgerTable_->setOptional(3);
  ledgerTable_->setObjectName(QStringLiteral("ledgerTable"));
  ledger_.body->addWidget(ledgerBar_);
  ledger_.body->addWidget(ledgerTable_);

  ownersTable_ = new RowsTable({{tr("Owner")},
                                {tr("Held by"), tr("The root that leads here.")},
                                {tr("Retained"), tr("What would be freed if this object were freed."), right},
                                {tr("% of live"), tr("Retained bytes as a share of all reachable objects."), right}},
                               page);
  ownersTable_->setStretched({0, 1});
  ownersTable_->setObjectName(QStringLiteral("ownersTable"));
  owners_.body->addWidget(ownersTable_);
  typesTable_ = new RowsTable({{tr("Type")},
                               {tr("Objects"), {}, right},
                               {tr("Own size"), tr("Bytes of the objects themselves."), right},
                               {tr("% of heap"), tr("Own size as a share of all objects in the dump."), right}},
                              page);
  typesTable_->setObjectName(QStringLiteral("typesTable"));
  types_.body->addWidget(typesTable_);
  sitesTable_ = new RowsTable({{tr("Site")},
                               {tr("Mostly"), tr("The type that holds most of the bytes made here.")},
                               {tr("Objects"), tr("Objects of this site that are in the dump."), right},
                               {tr("Own size"), tr("Bytes of these objects."), right},
                               {tr("% of heap"), tr("Own size as a share of all objects in the dump."), right}},
                              page);
  sitesTable_->setWidth(1, 22);
  sitesTable_->setOptional(1);
  sitesTable_->setObjectName(QStringLiteral("sitesTable"));
  sites_.body->addWidget(sitesTable_);
  for (RowsTable* table : {ledgerTable_, ownersTable_, typesTable_, sitesTable_}) {
    table->setAccessibleName(table->rowsModel().headerData(0, Qt::Horizontal, Qt::DisplayRole).toString());
    offerScope(*table, [this] { return answers_.get(); }, [this](const ScopePart& part, ScopeWish wish) { Q_EMIT scopeRequested(part, wish); });
    connect(table, &RowsTable::objectActivated, this, &View::objectActivated);
    connect(table, &RowsTable::objectSelected, this, &View::objectSelected);
    connect(table, &RowsTable::typeActivated, this, &View::typeActivated);
  }

  ageChart_ = new ColumnChart(page);
  ageChart_->setObjectName(QStringLiteral("ageChart"));
  ageChart_->setAccessibleName(tr("Bytes by age"));
  ageChart_->setFixedHeight(kChartHeight);
  ages_.body->addWidget(ageChart_);
  pauseChart_ = new PauseChart(page);
  pauseChart_->setObjectName(QStringLiteral("pauseChart"));
  pauseChart_->setAccessibleName(tr("Pauses"));
  pauseText_ = makeAnswer(page);
  pauseText_->setObjectName(QStringLiteral("pauseText"));
  pauseChart_->setFixedHeight(kChartHeight);
  pauses_.body->addWidget(pauseChart_);
  pauses_.body->addWidget(pauseText_);
  connect(pauseChart_, &PauseChart::pauseSelected, this, &Overview::showPause);

  auto* grid = new QGridLayout(page);
  grid->setContentsMargins(12, 10, 12, 10);
  grid->setHorizontalSpacing(24);
  grid->setVerticalSpacing(12);
  grid->setColumnStretch(0, 1);
  grid->setColumnStretch(1, 1);
  grid->setColumnMinimumWidth(0, 200);
  grid->setColumnMinimumWidth(1, 200);
  grid->addWidget(facts_, 0, 0, 1, 2);
  grid->addWidget(findings_.widget, 1, 0, 1, 2);
  grid->addWidget(ledger_.widget, 2, 0);
  grid->addWidget(owners_.widget, 2, 1);
  grid->addWidget(types_.widget, 3, 0);
  grid->addWidget(sites_.widget, 3, 1);
  grid->addWidget(ages_.widget, 4, 0);
  grid->addWidget(pauses_.widget, 4, 1);
  grid->setRowStretch(4, 1);
  grid->setRowStretch(5, 1000);  // what the charts do not take
  setContent(scroll_);
  showNoDump();
}

Overview::Block Overview::addBlock(const QString& question, const char* name) {
  Block block;
  block.widget = new QWidget(scroll_->widget());
  auto* layout = new QVBoxLayout(block.widget);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(4);
  auto* title = new QLabel(question, block.widget);
  QFont font = title->font();
  font.setBold(true);
  font.setPointSizeF(font.pointSizeF() * 1.15);
  title->setFont(font);
  block.answer = makeAnswer(block.widget);
  block.answer->setObjectName(QLatin1String(name));
  layout->addWidget(title);
  layout->addWidget(block.answer);
  block.body = new QVBoxLayout;
  block.body->setSpacing(4);
  layout->addLayout(block.body, 1);
  layout->addStretch(0);
  return block;
}

void Overview::showAnswers(std::shared_ptr<const Answers> answers) {
  answers_ = std::move(answers);
  allFindings_ = false;
  showFacts();
  showFindings();
  showLedger();
  showOwners();
  showTypes();
  showSites();
  showAges();
  showPauses();
  scroll_->ensureVisible(0, 0);
  showData();
}

void Overview::showNoDump() {
  answers_.reset();
  showEmpty(tr("No dump is open"),
            tr("Open one with Ctrl+O, or drop a file here. To take one: occtl memory dump --output heap.bin"), tr("&Open a dump…"));
}

QWidget* Overview::mainWidget() { return scroll_; }

QString Overview::scopeNote() const { return tr("Owners, types, sites and ages are of the scope; findings, ledger and pauses of the whole process."); }

void Overview::changeEvent(QEvent* event) {
  View::changeEvent(event);
  // Cards and swatches carry colours of the palette.
  if (event->type() == QEvent::PaletteChange && answers_) {
    showFacts();
    showFindings();
    showLedger();
  }
}

void Overview::showFacts() {
  const Snapshot& s = *answers_->snapshot;
  const ProcessInfo& process = s.process();
  QStringList facts;
  if (s.kind() != DumpKind::kOpenclaw) {
    facts.push_back(tr("%1, read with policy %2 (%3)")
                        .arg(numbers::text(process.source.empty() ? std::string(toText(s.kind())) : process.source), numbers::text(toText(s.policy())),
                             numbers::text(explain(s.policy()))));
    if (process.dumpedUnix != 0) facts.push_back(tr("dumped %1").arg(numbers::time(process.dumpedUnix)));
    facts_->setText(facts.join(QStringLiteral("  ·  ")));
    paint(*facts_, theme::colorsOf(palette()).muted);
    return;
  }
  const QString program = process.executable.empty() ? tr("unknown program") : fileName(process.executable);
  facts.push_back(process.pid == 0 ? program : tr("%1, process %2").arg(program).arg(process.pid));
  if (!process.host.empty()) facts.back() += tr(" on %1").arg(numbers::text(process.host));
  if (process.dumpedUnix != 0) facts.push_back(tr("dumped %1").arg(numbers::time(process.dumpedUnix)));
  if (process.startedUnix != 0 && process.dumpedUnix > process.startedUnix)
    facts.push_back(tr("up for %1").arg(numbers::duration(process.dumpedUnix - process.startedUnix)));
  QString how = words(process.consistency);
  if (process.dumpNumber != 0) how += tr(", dump %1 of the process").arg(process.dumpNumber);
  facts.push_back(how);
  facts.push_back(s.stopNanoseconds() == 0 ? tr("pause not recorded")
                                           : tr("the process stood still for %1").arg(numbers::duration(s.stopNanoseconds())));
  facts_->setText(facts.join(QStringLiteral("  ·  ")));
  paint(*facts_, theme::colorsOf(palette()).muted);
}

void Overview::showFindings() {
  delete findingList_;
  findingList_ = new QWidget(findings_.widget);
  auto* list = new QVBoxLayout(findingList_);
  list->setContentsMargins(0, 0, 0, 0);
  list->setSpacing(4);
  const auto& all = answers_->findings.findings;
  const auto& fine = answers_->findings.checkedAndFine;
  const std::size_t shown = allFindings_ ? all.size() : std::min(all.size(), kFindingsShown);
  for (std::size_t i = 0; i < shown; ++i) {
    auto* card = new FindingCard(all[i], findingList_);
    connect(card, &FindingCard::objectActivated, this, &View::objectActivated);
    list->addWidget(card);
  }
  if (shown < all.size()) {
    auto* more = new QPushButton(tr("Show all %1").arg(numbers::counted(all.size(), tr("finding"), tr("findings"))), findingList_);
    more->setObjectName(QStringLiteral("showAllFindings"));
    connect(more, &QPushButton::clicked, this, [this] {
      allFindings_ = true;
      // The button that was clicked goes with the list, so not from within its own signal.
      QMetaObject::invokeMethod(this, &Overview::showFindings, Qt::QueuedConnection);
    });
    list->addWidget(more, 0, Qt::AlignLeft);
  }
  findings_.body->addWidget(findingList_);

  QStringList fineNames;
  for (const std::string& id : fine) fineNames.push_back(numbers::text(id));
  const QString checks = numbers::counted(fine.size(), tr("check"), tr("checks"));
  findings_.answer->setText(all.empty() ? tr("Nothing that is checked today: %1 found nothing.").arg(checks)
                                        : tr("%1; %2 found nothing.").arg(numbers::counted(all.size(), tr("finding"), tr("findings")), checks));
  findings_.answer->setToolTip(fineNames.join(QLatin1Char('\n')));
  paint(*findings_.answer, all.empty() ? theme::colorsOf(palette()).fine : theme::colorsOf(palette()).text);
}

void Overview::showLedger() {
  const theme::Colors colors = theme::colorsOf(palette());
  const Ledger& ledger = answers_->ledger;
  std::vector<BarPart> parts;
  std::vector<Row> rows;
  std::size_t used = 0;
  for (const LedgerLine& line : ledger.lines) {
    const QColor color = colors.category(used++);
    parts.push_back({numbers::text(line.name), line.bytes.value, color, used > colors.categories.size()});
    RowCell name = textCell(numbers::text(line.name));
    name.swatch = color;
    rows.push_back({.cells = {name, sizeCell(line.bytes, line.certainty), shareCell(line.bytes.value, ledger.committed.value),
                              textCell(numbers::text(line.source))},
                    .muted = line.bytes.value == 0});
  }
  if (ledger.known) {
    const auto magnitude = static_cast<std::uint64_t>(ledger.unexplained < 0 ? -ledger.unexplained : ledger.unexplained);
    RowCell name = textCell(tr("unexplained"));
    name.swatch = colors.unexplained;
    RowCell size = sizeCell(Bytes(magnitude));
    if (ledger.unexplained < 0) size.text.prepend(QStringLiteral("−"));
    size.raw = QVariant::fromValue<qint64>(ledger.unexplained);
    rows.push_back({.cells = {name, size, shareCell(magnitude, ledger.committed.value),
                              textCell(tr("committed less the lines above"))},
                    .muted = ledger.unexplained == 0, .bold = ledger.unexplained != 0});
    rows.push_back({.cells = {textCell(tr("= committed")), sizeCell(ledger.committed), textCell(numbers::share(1, 1)),
                              textCell(tr("counters of the process"))},
                    .bold = true});
    if (ledger.unexplained > 0) parts.push_back({tr("unexplained"), magnitude, colors.unexplained, true});
  }
  QString answer;
  bool wrong = false;
  if (!ledger.known) {
    answer = tr("This kind of dump has no pool: holes and slack are not known.");
  } else if (ledger.unexplained == 0) {
    answer = tr("%1 committed; every byte is accounted for.").arg(numbers::size(ledger.committed));
  } else {
    wrong = true;
    const auto magnitude = static_cast<std::uint64_t>(ledger.unexplained < 0 ? -ledger.unexplained : ledger.unexplained);
    answer = ledger.unexplained > 0 ? tr("%1 committed; %2 of it is unexplained.").arg(numbers::size(ledger.committed), numbers::size(Bytes(magnitude)))
                                    : tr("%1 committed, but the parts add up to %2 more.").arg(numbers::size(ledger.committed), numbers::size(Bytes(magnitude)));
  }
  if (ledger.external.value > 0) answer += tr(" Objects own %1 more outside the heap.").arg(numbers::size(ledger.external));
  if (!answers_->readWhole()) {
    wrong = true;
    answer += tr(" The dump is incomplete, so what is live and what is not is uncertain.");
  }
  for (const std::string& disagreement : ledger.disagreements) {
    wrong = true;
    answer += tr(" Disagrees: %1.").arg(numbers::text(disagreement));
  }
  ledger_.answer->setText(answer);
  paint(*ledger_.answer, wrong ? colors.critical : colors.text);
  ledgerBar_->setVisible(std::ranges::any_of(parts, [](const BarPart& part) { return part.bytes > 0; }));
  ledgerBar_->setParts(std::move(parts));
  ledgerTable_->setVisible(!ledger.lines.empty());
  ledgerTable_->setColumnHidden(2, !ledger.known);  // a share of what nobody knows
  ledgerTable_->setRows(std::move(rows));
}

void Overview::showOwners() {
  const Snapshot& s = *answers_->snapshot;
  const auto owners = answers_->topOwners();
  const std::uint64_t live = answers_->totals.reachableBytes.value;
  Bytes all;  // what the first level retains
  if (answers_->scope)
    for (const std::uint32_t i : owners) all += s.retained(ObjectIndex(i));
  else all = Bytes(live);
  std::vector<Row> rows;
  Bytes listed;
  const std::size_t shown = std::min(owners.size(), kRowsShown);
  for (const std::uint32_t i : owners.first(shown)) {
    const ObjectIndex object(i);
    const Bytes retained = s.retained(object);
    listed += retained;
    const auto label = tryHolderLabel(s, object, kSlotsLookedAt);
    rows.push_back({.cells = {textCell(nameOf(s, object)),
                              textCell(label ? numbers::text(*label) : tr("several owners")), sizeCell(retained),
                              shareCell(retained.value, live)},
                    .object = object});
  }
  if (shown < owners.size()) {
    const Bytes rest = all - listed;
    rows.push_back({.cells = {textCell(tr("%1 others").arg(numbers::count(owners.size() - shown))), textCell({}), sizeCell(rest),
                              shareCell(rest.value, live)},
                    .muted = true});
  }
  if (answers_->scope)
    owners_.answer->setText(owners.empty() ? tr("No root reaches any object of the scope.")
                                           : tr("%1 of the scope that no other of it keeps alive retain %2.")
                                                 .arg(numbers::counted(owners.size(), tr("object"), tr("objects")), numbers::size(all)));
  else owners_.answer->setText(owners.empty() ? (answers_->readWhole() ? tr("No object is reachable from a root.") : notRead())
                                         : tr("%1 directly below the roots keep %2 alive.")
                                               .arg(numbers::counted(owners.size(), tr("object"), tr("objects")),
                                                    numbers::size(Bytes(live))));
  ownersTable_->setVisible(!rows.empty());
  ownersTable_->setRows(std::move(rows));
}

void Overview::showTypes() {
  const Snapshot& s = *answers_->snapshot;
  const auto& histogram = answers_->histogram;
  const std::uint64_t heap = answers_->totals.bytes.value;
  std::vector<Row> rows;
  const std::size_t shown = std::min(histogram.size(), kRowsShown);
  std::uint64_t objects = 0;
  Bytes listed;
  for (std::size_t i = 0; i < shown; ++i) {
    const HistogramRow& row = histogram[i];
    objects += row.objects;
    listed += row.shallow;
    rows.push_back({.cells = {textCell(numbers::text(s.types()[row.type].name)), number(numbers::count(row.objects), row.objects),
                              sizeCell(row.shallow), shareCell(row.shallow.value, heap)},
                    .type = row.type});
  }
  if (shown < histogram.size()) {
    const Totals& totals = answers_->scopeTotals;
    rows.push_back({.cells = {textCell(tr("%1 other types").arg(numbers::count(histogram.size() - shown))),
                              number(numbers::count(totals.objects - objects), totals.objects - objects),
                              sizeCell(totals.bytes - listed), shareCell((totals.bytes - listed).value, heap)},
                    .muted = true});
  }
  types_.answer->setText(histogram.empty() && answers_->scope ? tr("No object of the dump lies in the scope.")
                           : histogram.empty() ? tr("The dump holds no objects. Take one while the program holds some: occtl memory dump")
                                           : tr("%1 of %2, %3 in all.")
                                                 .arg(numbers::counted(answers_->scopeTotals.objects, tr("object"), tr("objects")),
                                                      numbers::counted(histogram.size(), tr("type"), tr("types")), numbers::size(answers_->scopeTotals.bytes)));
  typesTable_->setVisible(!rows.empty());
  typesTable_->setRows(std::move(rows));
}

void Overview::showSites() {
  const Snapshot& s = *answers_->snapshot;
  const std::uint64_t heap = answers_->totals.bytes.value, shown = answers_->scopeTotals.bytes.value;
  std::vector<Row> rows;
  std::size_t sites = 0;
  SiteRow others, unknown;
  for (const SiteRow& site : answers_->sites) {
    if (site.site.value == 0) {
      unknown = site;
      continue;
    }
    ++sites;
    if (rows.size() == kRowsShown) {
      others.objects += site.objects;
      others.shallow += site.shallow;
      continue;
    }
    RowCell name = textCell(numbers::text(siteText(s, site.site)));
    const SiteInfo& info = s.sites()[site.site];
    name.toolTip = QStringLiteral("%1\n%2:%3").arg(numbers::text(info.function), numbers::text(info.file)).arg(info.line);
    rows.push_back({.cells = {name, textCell(site.mostBytesType ? numbers::text(s.types()[site.mostBytesType].name) : QString()),
                              number(numbers::count(site.objects), site.objects), sizeCell(site.shallow),
                              shareCell(site.shallow.value, heap)},
                    .site = site.site});
  }
  sites_.answer->setText(rows.empty() && answers_->snapshot->kind() != DumpKind::kOpenclaw ? tr("This dump does not say where its objects were made.")
                         : rows.empty() ? tr("No object says where it was made. Programs that allocate with openclaw::make record it.")
                                      : (answers_->scope ? tr("%1 made what is in the scope; sites are known for %2 of the bytes.") : tr("%1 made what the dump holds; sites are known for %2 of the bytes."))
                                            .arg(numbers::counted(sites, tr("site"), tr("sites")),
                                                 numbers::share(shown - unknown.shallow.value, shown)));
  const auto addRest = [&](const QString& name, const SiteRow& rest) {
    if (rest.objects == 0) return;
    rows.push_back({.cells = {textCell(name), textCell({}), number(numbers::count(rest.objects), rest.objects), sizeCell(rest.shallow),
                              shareCell(rest.shallow.value, heap)},
                    .muted = true});
  };
  if (!rows.empty()) {
    addRest(tr("%1 other sites").arg(numbers::count(sites - rows.size())), others);
    addRest(tr("site unknown"), unknown);
  }
  sitesTable_->setVisible(!rows.empty());
  sitesTable_->setRows(std::move(rows));
}

void Overview::showAges() {
  const std::uint64_t live = answers_->scopeTotals.reachableBytes.value;
  std::uint64_t largest = 1;
  for (const AgeRow& age : answers_->ages) largest = std::max(largest, age.shallow.value);
  std::vector<Column> columns;
  for (std::size_t i = 0; i < answers_->ages.size(); ++i) {
    const AgeRow& age = answers_->ages[i];
    columns.push_back({.label = numbers::age(static_cast<double>(i)),
                       .value = numbers::size(age.shallow),
                       .height = numbers::fraction(age.shallow.value, largest),
                       .toolTip = (answers_->scope ? tr("%1, %2 of what is live in the scope") : tr("%1, %2 of live")).arg(numbers::counted(age.objects, tr("object"), tr("objects")),
                                                           numbers::share(age.shallow.value, live))});
  }
  ageChart_->setColumns(std::move(columns), tr("collections survived"));
  ageChart_->setVisible(answers_->agesKnown && live > 0);
  const bool ours = answers_->snapshot->kind() == DumpKind::kOpenclaw;
  ages_.answer->setText(!ours ? tr("This kind of dump does not say how old an object is.")
                        : !answers_->readWhole() && (!answers_->agesKnown || live == 0) ? notRead()
                        : !answers_->agesKnown ? tr("No collection has run yet, so nothing has an age. Run one: occtl gc run")
                        : live == 0          ? tr("No object is reachable from a root.")
                                             : (answers_->scope ? tr("Of what is live in the scope, %1 has survived no collection, %2 seven or more.") : tr("Of what is live, %1 has survived no collection, %2 seven or more."))
                                                   .arg(numbers::share(answers_->ages.front().shallow.value, live),
                                                        numbers::share(answers_->ages.back().shallow.value, live)));
}

void Overview::showPauses() {
  const auto& pauses = answers_->snapshot->pauses();
  std::vector<PauseBar> bars;
  std::vector<std::uint64_t> durations;
  for (const PauseInfo& pause : pauses) {
    bars.push_back({pause.number, pause.duration, pause.ownedKind == "dump"});
    durations.push_back(pause.duration);
  }
  std::ranges::sort(durations);
  const auto percentile = [&](double p) {
    return durations[static_cast<std::size_t>(p * static_cast<double>(durations.size() - 1) + 0.5)];
  };
  pauseChart_->setVisible(!pauses.empty());
  pauseText_->setVisible(!pauses.empty());
  if (pauses.empty()) {
    pauses_.answer->setText(answers_->snapshot->kind() != DumpKind::kOpenclaw ? tr("This kind of dump says nothing of collections.")
                            : answers_->readWhole() ? tr("The process had not stopped for a collection. Run one: occtl gc run") : notRead());
    return;
  }
  const std::uint64_t total = std::max<std::uint64_t>(answers_->snapshot->pausesTotal(), pauses.size());
  QString answer = total == pauses.size() ? numbers::counted(total, tr("pause"), tr("pauses"))
                                          : tr("The last %1 of %2 pauses").arg(numbers::count(pauses.size()), numbers::count(total));
  answer += tr(": half under %1, 95 % under %2, longest %3.").arg(numbers::duration(percentile(0.5)), numbers::duration(percentile(0.95)), numbers::duration(durations.back()));
  const auto target = answers_->pauseTarget;
  if (target) {
    const auto over = static_cast<std::uint64_t>(durations.end() - std::ranges::upper_bound(durations, *target));
    answer += over == 0 ? tr(" None over the target of %1.").arg(numbers::duration(*target))
                        : tr(" %1 over the target of %2.").arg(numbers::count(over), numbers::duration(*target));
  }
  pauses_.answer->setText(answer);
  pauseChart_->setPauses(std::move(bars), target);
  showPause(static_cast<int>(pauseChart_->selected().value_or(0)));
}

void Overview::showPause(int pause) {
  const PauseInfo& p = answers_->snapshot->pauses()[static_cast<std::size_t>(pause)];
  QString text = tr("Pause %1 (%2").arg(numbers::count(p.number), numbers::text(p.ownedKind));
  if (!p.ownedCause.empty() && p.ownedCause != p.ownedKind) text += tr(", %1").arg(numbers::text(p.ownedCause));
  text += tr("), %1: %2").arg(numbers::duration(p.duration), numbers::text(explainPause(p)));
  if (p.objectsMarked > 0) text += tr("; %1 marked").arg(numbers::counted(p.objectsMarked, tr("object"), tr("objects")));
  pauseText_->setText(text);
}

}  // namespace openclaw::gui
