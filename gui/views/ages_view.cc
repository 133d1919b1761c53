#include "gui/views/ages_view.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <QGridLayout>
#include <QLabel>
#include <QVBoxLayout>

#include "gui/numbers.h"
#include "gui/views/charts.h"
#include "gui/views/scope_menu.h"
#include "gui/views/table_support.h"

namespace openclaw::gui {
namespace {

constexpr std::size_t kRowsShown = 200;
constexpr int kChartHeight = 210;

RowCell sizeCell(Bytes bytes, Certainty certainty = Certainty::kExact) {
  return {.text = numbers::size(bytes, certainty), .raw = QVariant::fromValue<quint64>(bytes.value),
          .toolTip = QObject::tr("%1 bytes, %2").arg(numbers::count(bytes.value), numbers::words(certainty))};
}
RowCell countCell(std::uint64_t count) { return {.text = numbers::count(count), .raw = QVariant::fromValue<quint64>(count)}; }
RowCell shareCell(std::uint64_t part, std::uint64_t whole) {
  return {.text = numbers::share(part, whole), .raw = numbers::fraction(part, whole), .fraction = numbers::fraction(part, whole)};
}
RowCell nothingCell() { return {.text = numbers::unknown(), .raw = QString()}; }

// Of a share whose whole is as sure as `certainty`: too large a whole makes the share too small.
QString shareMark(Certainty certainty) {
  switch (certainty) {
    case Certainty::kExact: return {};
    case Certainty::kConservative: return QStringLiteral("≥ ");
    case Certainty::kLowerBound: return QStringLiteral("≤ ");
    default: return QStringLiteral("≈ ");
  }
}

QLabel* makeLabel(QWidget* parent, const char* name, bool bold) {
  auto* label = new QLabel(parent);
  label->setObjectName(QLatin1String(name));
  label->setTextFormat(Qt::PlainText);
  label->setWordWrap(true);
  label->setMinimumWidth(1);
  QFont font = label->font();
  font.setBold(bold);
  label->setFont(font);
  return label;
}

}  // namespace

AgesView::AgesView(QWidget* parent) : View(parent) {
  auto* content = new QWidget(this);
  const Qt::Alignment right = Qt::AlignRight;
  verdict_ = makeLabel(content, "generationsVerdict", false);
  chart_ = new ColumnChart(content);
  chart_->setObjectName(QStringLiteral("generationsChart"));
  chart_->setAccessibleName(tr("Reachable bytes by collections survived"));
  chart_->setFixedHeight(kChartHeight);
  ages_ = new RowsTable({{tr("Age"), tr("Collections that traced the object; ≥ 7 stands for seven or more.")},
                         {tr("Objects"), {}, right},
                         {tr("Bytes"), tr("Of reachable objects."), right},
                         {tr("% of live"), tr("Of what is live of the objects shown: of the dump, or of the scope."), right},
                         {tr("Not found garbage"), tr("Unreachable objects of this age that no collection has found yet."), right},
                         {tr("Allocated then"), tr("What was allocated between the two collections, from the pause records."), right},
                         {tr("Still there"), tr("Of what was allocated then: alive today."), right},
                         {tr("Against age before"), tr("What a collection at this age keeps: the share still there over that of the age before. The two are "
                                                       "different cohorts, so this is an estimate."), right}},
                        content);
  ages_->setStretched({0, 1, 2, 4, 5, 7});
  for (const int bars : {3, 6}) ages_->setWidth(bars, 16);
  ages_->setObjectName(QStringLiteral("generationsTable"));
  ages_->setAccessibleName(tr("Generations"));
  dyingTitle_ = makeLabel(content, "dyingTitle", true);
  dying_ = new RowsTable({{tr("Type")},
                          {tr("Not found"), tr("Unreachable bytes that no collection has found yet."), right},
                          {tr("Objects"), {}, right},
                          {tr("Died young"), tr("Of the objects not found: those that no collection had traced."), right},
                          {tr("Not swept"), tr("Bytes found dead and not yet given back."), right}},
                         content);
  dying_->setObjectName(QStringLiteral("dying"));
  dying_->setAccessibleName(tr("Dead and still there, by type"));
  goneTitle_ = makeLabel(content, "goneTitle", true);
  gone_ = new RowsTable({{tr("Made at")},
                         {tr("Freed"), tr("From samples of this stack."), right},
                         {tr("Allocated"), tr("From samples of this stack."), right},
                         {tr("Gone"), tr("Freed as a share of allocated."), right}},
                        content);
  gone_->setObjectName(QStringLiteral("gone"));
  gone_->setAccessibleName(tr("Freed again, by stack"));
  for (RowsTable* table : {dying_, gone_}) table->setFitsRows(false);
  connect(dying_, &RowsTable::typeActivated, this, &View::typeActivated);
  for (RowsTable* table : {ages_, dying_, gone_})
    offerScope(*table, [this] { return answers_.get(); }, [this](const ScopePart& part, ScopeWish wish) { Q_EMIT scopeRequested(part, wish); });

  auto* below = new QGridLayout;
  below->setHorizontalSpacing(24);
  below->addWidget(dyingTitle_, 0, 0);
  below->addWidget(dying_, 1, 0);
  below->addWidget(goneTitle_, 0, 1);
  below->addWidget(gone_, 1, 1);
  below->setColumnStretch(0, 1);
  below->setColumnStretch(1, 1);
  below->setRowStretch(1, 1);
  auto* layout = new QVBoxLayout(content);
  layout->setContentsMargins(12, 10, 12, 10);
  layout->setSpacing(8);
  layout->addWidget(verdict_);
  layout->addWidget(chart_);
  layout->addWidget(ages_);
  layout->addLayout(below, 1);
  setContent(content);
  showNoDump();
}

void AgesView::showAnswers(std::shared_ptr<const Answers> answers) {
  answers_ = std::move(answers);
  if (answers_->scopeTotals.objects == 0 && answers_->scope) {
    showEmpty(tr("No object lies in the scope"), tr("Esc removes its last label."));
    return;
  }
  if (answers_->totals.objects == 0) {
    showEmpty(tr("No objects"), tr("The dump holds no objects. Take one while the program holds some: occtl memory dump"));
    return;
  }
  if (!answers_->generations.known || !answers_->agesKnown) {
    showEmpty(tr("No ages"), answers_->generations.known
                                 ? tr("No collection has run in this program yet, so all objects are of one age. Take a dump after some: occtl gc run")
                                 : tr("This dump has no ages: its source does not count the collections that an object survives."));
    return;
  }
  showVerdict();
  showAges();
  showDying();
  showGone();
  showData();
}

void AgesView::showNoDump() {
  answers_.reset();
  showEmpty(tr("No dump is open"), tr("Open one with Ctrl+O, or drop a file here. To take one: occtl memory dump --output heap.bin"),
            tr("&Open a dump…"));
}

QWidget* AgesView::mainWidget() { return ages_; }

QString AgesView::scopeNote() const { return tr("What was allocated and survived is counted for the whole process, so it is not shown of a scope."); }

void AgesView::showVerdict() {
  const GenerationsView& view = answers_->generations;
  const Bytes young = view.ages[0].bytes + view.ages[1].bytes, old = view.ages[7].bytes;
  QString text = tr("%1 of %2 live is younger than two collections, %3 has survived seven or more")
                     .arg(numbers::share(young.value, view.reachable.value), numbers::size(view.reachable), numbers::share(old.value, view.reachable.value));
  text += view.collections > 0 ? tr("; %1 ran.").arg(numbers::counted(view.collections, tr("collection"), tr("collections"))) : QStringLiteral(".");
  if (view.allocatedTotal && view.allocatedTotal->value > 0) {
    text += tr(" Of %1 allocated since the start, %2 is live").arg(numbers::size(*view.allocatedTotal), numbers::share(view.reachable.value, view.allocatedTotal->value));
    text += view.freedTotal ? tr("; %1 were freed.").arg(numbers::size(*view.freedTotal)) : QStringLiteral(".");
  }
  verdict_->setText(text);
}

void AgesView::showAges() {
  const GenerationsView& view = answers_->generations;
  std::uint64_t most = 1;
  for (const GenerationRow& row : view.ages) most = std::max(most, row.bytes.value);
  std::vector<Column> columns;
  std::vector<Row> rows;
  for (std::size_t age = 0; age < view.ages.size(); ++age) {
    const GenerationRow& row = view.ages[age];
    const QString name = numbers::age(static_cast<double>(age));
    columns.push_back({name, numbers::size(row.bytes), numbers::fraction(row.bytes.value, most),
                       tr("age %1: %2, %3").arg(name, numbers::counted(row.objects, tr("object"), tr("objects")), numbers::size(row.bytes))});
    RowCell still = nothingCell(), step = nothingCell();
    if (row.survival) still = {.text = shareMark(row.certainty) + QString::number(*row.survival * 100, 'f', 1) + QStringLiteral(" %"), .raw = *row.survival,
                               .fraction = std::min(1.0, *row.survival)};
    if (row.step) step = {.text = QStringLiteral("≈ × ") + QString::number(*row.step, 'f', 2), .raw = *row.step};
    rows.push_back({.cells = {{.text = name, .raw = QVariant::fromValue<quint64>(age)}, countCell(row.objects), sizeCell(row.bytes),
                              shareCell(row.bytes.value, view.reachable.value), sizeCell(row.unreachableBytes),
                              row.allocated ? sizeCell(*row.allocated, row.certainty) : nothingCell(), still, step},
                    .age = static_cast<std::uint32_t>(age)});
  }
  chart_->setColumns(std::move(columns), tr("collections survived"));
  ages_->setRows(std::move(rows));
}

void AgesView::showDying() {
  const Snapshot& s = *answers_->snapshot;
  const GenerationsView& view = answers_->generations;
  std::vector<Row> rows;
  for (const DeadTypeRow& row : view.dying) {
    if (rows.size() == kRowsShown) break;
    rows.push_back({.cells = {{.text = numbers::text(s.types()[row.type].name)}, sizeCell(row.unreachableBytes), countCell(row.unreachableObjects),
                              row.unreachableObjects == 0 ? nothingCell() : shareCell(row.youngObjects, row.unreachableObjects), sizeCell(row.deadBytes)},
                    .type = row.type});
  }
  dyingTitle_->setText(tr("Dead and still there: %1 not found yet, %2 found and not swept").arg(numbers::size(view.unreachable), view.deadKnown ? numbers::size(view.dead) : tr("an unknown part of what was")));
  dying_->setVisible(!rows.empty());
  dying_->setRows(std::move(rows));
}

void AgesView::showGone() {
  const Snapshot& s = *answers_->snapshot;
  const GenerationsView& view = answers_->generations;
  std::vector<Row> rows;
  for (const ChurnRow& row : view.churn) {
    if (rows.size() == kRowsShown) break;
    const std::string site = siteText(s, s.stacks()[row.stack].site);
    rows.push_back({.cells = {{.text = site.empty() ? tr("stack %1").arg(row.stack.value) : numbers::text(site), .toolTip = tr("stack %1").arg(row.stack.value)},
                              sizeCell(row.freed, Certainty::kSampled), sizeCell(row.allocated, Certainty::kSampled), shareCell(row.freed.value, row.allocated.value)},
                    .site = s.stacks()[row.stack].site.value != 0 ? s.stacks()[row.stack].site : SiteIndex::none()});
  }
  goneTitle_->setText(rows.empty() && answers_->scope && !answers_->scope->churnKnown ? tr("Freed again: counted by stack, so known of a scope of sites alone")
                     : rows.empty()                   ? tr("Freed again: no freed sample is in the dump") : tr("Freed again, by sampled stack"));
  gone_->setVisible(!rows.empty());
  gone_->setRows(std::move(rows));
}

}  // namespace openclaw::gui
