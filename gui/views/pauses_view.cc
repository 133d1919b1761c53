#include "gui/views/pauses_view.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <QGridLayout>
#include <QItemSelectionModel>
#include <QLabel>
#include <QScrollArea>
#include <QVBoxLayout>

#include "gui/numbers.h"
#include "gui/views/charts.h"
#include "gui/views/table_support.h"

namespace openclaw::gui {
namespace {

constexpr int kChartHeight = 230;

RowCell timeCell(std::chrono::nanoseconds time) {
  return {.text = numbers::duration(static_cast<std::uint64_t>(time.count())), .raw = QVariant::fromValue<quint64>(static_cast<quint64>(time.count())),
          .toolTip = QObject::tr("%1 ns").arg(numbers::count(static_cast<std::uint64_t>(time.count())))};
}
RowCell timeCell(std::uint64_t nanoseconds) { return timeCell(std::chrono::nanoseconds(static_cast<std::int64_t>(nanoseconds))); }
RowCell countCell(std::uint64_t count) { return {.text = numbers::count(count), .raw = QVariant::fromValue<quint64>(count)}; }
RowCell shareCell(std::uint64_t part, std::uint64_t whole) {
  return {.text = numbers::share(part, whole), .raw = numbers::fraction(part, whole), .fraction = numbers::fraction(part, whole)};
}
RowCell nothingCell() { return {.text = numbers::unknown(), .raw = QString()}; }

QString machineText(const PauseInfo& pause) {
  QStringList parts;
  if (pause.runDelay != 0) parts.push_back(QObject::tr("waited %1").arg(numbers::duration(pause.runDelay)));
  if (pause.throttled != 0) parts.push_back(QObject::tr("throttled %1").arg(numbers::duration(pause.throttled)));
  if (pause.preemptions != 0) parts.push_back(QObject::tr("preempted %1").arg(numbers::counted(pause.preemptions, QObject::tr("time"), QObject::tr("times"))));
  if (pause.majorFaults != 0) parts.push_back(numbers::counted(pause.majorFaults, QObject::tr("fault from disk"), QObject::tr("faults from disk")));
  return parts.isEmpty() ? QObject::tr("nothing noted") : parts.join(QStringLiteral(", "));
}

QLabel* makeLabel(QWidget* parent, const char* name, bool bold) {
  auto* label = new QLabel(parent);
  label->setObjectName(QLatin1String(name));
  label->setTextFormat(Qt::PlainText);
  label->setWordWrap(true);
  label->setMinimumWidth(1);
  label->setTextInteractionFlags(Qt::TextSelectableByMouse);
  QFont font = label->font();
  font.setBold(bold);
  label->setFont(font);
  return label;
}

}  // namespace

PausesView::PausesView(QWidget* parent) : View(parent) {
  auto* scroll = new QScrollArea(this);  // the tables are as high as their rows
  scroll->setWidgetResizable(true);
  scroll->setFrameShape(QFrame::NoFrame);
  scroll->setFocusPolicy(Qt::NoFocus);
  scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  auto* content = new QWidget(scroll);
  scroll->setWidget(content);
  const Qt::Alignment right = Qt::AlignRight;
  verdict_ = makeLabel(content, "pausesVerdict", false);
  chart_ = new PauseChart(content);
  chart_->setObjectName(QStringLiteral("pausesChart"));
  chart_->setAccessibleName(tr("Pauses in order"));
  chart_->setFixedHeight(kChartHeight);
  pauseTitle_ = makeLabel(content, "pauseTitle", true);
  pauseText_ = makeLabel(content, "pauseWhy", false);
  phases_ = new RowsTable({{tr("Phase of this pause")}, {tr("Time"), {}, right}, {tr("% of it"), tr("Share of this pause."), right}}, content);
  phases_->setObjectName(QStringLiteral("pausePhases"));
  phases_->setAccessibleName(tr("Phases of the selected pause"));
  longestTitle_ = makeLabel(content, "longestTitle", true);
  longest_ = new RowsTable({{tr("Pause"), {}, right},
                            {tr("Time"), {}, right},
                            {tr("Predicted"), tr("What the collector expected."), right},
                            {tr("Marked"), tr("Objects marked."), right},
                            {tr("Kind")},
                            {tr("Cause")},
                            {tr("Before the dump"), {}, right},
                            {tr("The machine meanwhile"), tr("Time without a processor, faults from disk.")}},
                           content);
  longest_->setObjectName(QStringLiteral("longestPauses"));
  longest_->setAccessibleName(tr("Longest pauses"));
  longest_->setStretched({7});
  kinds_ = new RowsTable({{tr("Kind")}, {tr("Pauses"), {}, right}, {tr("Total"), {}, right}, {tr("Median"), {}, right}, {tr("Longest"), {}, right}}, content);
  kinds_->setObjectName(QStringLiteral("pauseKinds"));
  kinds_->setAccessibleName(tr("Kinds of pauses"));
  allPhases_ = new RowsTable({{tr("Phase of all pauses")}, {tr("Pauses"), {}, right}, {tr("Total"), {}, right}, {tr("% of all"), tr("Share of the time stopped."), right},
                              {tr("Longest"), {}, right}},
                             content);
  allPhases_->setObjectName(QStringLiteral("allPhases"));
  allPhases_->setAccessibleName(tr("Phases of all pauses"));
  connect(chart_, &PauseChart::pauseSelected, this, &PausesView::showPause);
  connect(longest_->selectionModel(), &QItemSelectionModel::currentRowChanged, this, [this](const QModelIndex& now) {
    if (answers_ && now.isValid() && static_cast<std::size_t>(now.row()) < answers_->pauses.longest.size())
      chart_->select(answers_->pauses.longest[static_cast<std::size_t>(now.row())]);
  });

  auto* grid = new QGridLayout;
  grid->setHorizontalSpacing(24);
  grid->setColumnStretch(0, 1);
  grid->setColumnStretch(1, 1);
  auto* left = new QVBoxLayout;
  left->addWidget(pauseTitle_);
  left->addWidget(pauseText_);
  left->addWidget(phases_);
  left->addStretch(1);
  auto* middle = new QVBoxLayout;
  middle->addWidget(kinds_);
  middle->addWidget(allPhases_);
  middle->addStretch(1);
  grid->addLayout(left, 0, 0);
  grid->addLayout(middle, 0, 1);
  auto* layout = new QVBoxLayout(content);
  layout->setContentsMargins(12, 10, 12, 10);
  layout->setSpacing(8);
  layout->addWidget(verdict_);
  layout->addWidget(chart_);
  layout->addLayout(grid);
  layout->addWidget(longestTitle_);
  layout->addWidget(longest_);
  layout->addStretch(1);
  setContent(scroll);
  showNoDump();
}

void PausesView::showAnswers(std::shared_ptr<const Answers> answers) {
  answers_ = std::move(answers);
  const PauseView& view = answers_->pauses;
  if (view.recorded == 0) {
    const DumpKind kind = answers_->snapshot->kind();
    showEmpty(tr("No pauses"), kind == DumpKind::kHprof  ? tr("Java's heap dumps say nothing of pauses. The virtual machine logs them with -Xlog:gc,safepoint")
                               : kind == DumpKind::kV8   ? tr("V8's heap snapshots say nothing of pauses. node prints them with --trace-gc")
                               : !answers_->readWhole() ? tr("Pauses are not in the part of the dump that could be read; take the dump again.")
                               : view.happened == 0   ? tr("This dump's source records no pauses, or none has happened yet. Collections are recorded: occtl gc run")
                                                      : tr("%1 happened, but no record of them is in the dump.").arg(numbers::counted(view.happened, tr("pause"), tr("pauses"))));
    return;
  }
  showVerdict();
  showSums();
  showLongest();
  showChart();
  showData();
}

void PausesView::showNoDump() {
  answers_.reset();
  showEmpty(tr("No dump is open"), tr("Open one with Ctrl+O, or drop a file here. To take one: occtl memory dump --output heap.bin"),
            tr("&Open a dump…"));
}

QWidget* PausesView::mainWidget() { return chart_; }

QVariant PausesView::position() const {
  if (state() != State::kData || !chart_->selected()) return {};
  return QVariant::fromValue<quint64>(answers_->snapshot->pauses()[*chart_->selected()].number);
}

void PausesView::restore(const QVariant& position) {
  if (state() != State::kData) return;
  const auto& pauses = answers_->snapshot->pauses();
  const auto found = std::ranges::find(pauses, position.toULongLong(), &PauseInfo::number);
  if (found != pauses.end()) chart_->select(static_cast<std::size_t>(found - pauses.begin()));
}

void PausesView::showVerdict() {
  const PauseView& view = answers_->pauses;
  QString text = tr("%1 in all").arg(numbers::counted(std::max(view.happened, view.recorded), tr("pause"), tr("pauses")));
  if (view.happened > view.recorded) text += tr(", the newest %1 on record").arg(numbers::count(view.recorded));
  text += tr(": %1 stopped, 95 % of them up to %2. The longest: %3")
              .arg(numbers::duration(static_cast<std::uint64_t>(view.total.count())), numbers::duration(static_cast<std::uint64_t>(view.p95.count())),
                   numbers::text(view.verdict));
  for (const std::size_t change : view.changesBefore) {
    const SettingChangeInfo& c = answers_->snapshot->settingChanges()[change];
    text += tr(" In the minute before, %1 was changed from %2 to %3 by %4.").arg(numbers::text(c.name), numbers::text(c.before), numbers::text(c.after), numbers::text(c.by));
  }
  verdict_->setText(text);
}

void PausesView::showChart() {
  std::vector<PauseBar> bars;
  for (const PauseInfo& pause : answers_->snapshot->pauses())
    bars.push_back({.number = pause.number, .duration = pause.duration, .dump = pause.ownedKind == "dump"});
  chart_->setPauses(std::move(bars), answers_->pauseTarget);
  showPause(static_cast<int>(chart_->selected().value_or(0)));
}

void PausesView::showPause(int pause) {
  if (!answers_) return;
  const PauseInfo& p = answers_->snapshot->pauses()[static_cast<std::size_t>(pause)];
  QString title = tr("Pause %1, %2: %3").arg(numbers::count(p.number), numbers::text(p.ownedKind), numbers::duration(p.duration));
  if (!p.ownedCause.empty() && p.ownedCause != p.ownedKind) title += tr(", for %1").arg(numbers::text(p.ownedCause));
  pauseTitle_->setText(title);
  QString text = numbers::text(verdictOfPause(p));
  if (p.predicted > 0) text += tr(" Predicted %1.").arg(numbers::duration(p.predicted));
  text += tr(" The machine meanwhile: %1.").arg(machineText(p));
  pauseText_->setText(text);
  auto phases = p.ownedPhases;
  std::ranges::sort(phases, [](const auto& a, const auto& b) { return a.second > b.second; });
  std::vector<Row> rows;
  std::uint64_t sum = 0;
  for (const auto& [name, time] : phases) {
    sum += time;
    rows.push_back({.cells = {{.text = numbers::text(name)}, timeCell(time), shareCell(time, p.duration)}});
  }
  if (sum < p.duration)
    rows.push_back({.cells = {{.text = tr("in no phase")}, timeCell(p.duration - sum), shareCell(p.duration - sum, p.duration)}, .muted = true});
  phases_->setRows(std::move(rows));
}

void PausesView::showLongest() {
  const Snapshot& s = *answers_->snapshot;
  std::vector<Row> rows;
  for (const std::size_t index : answers_->pauses.longest) {
    const PauseInfo& p = s.pauses()[index];
    const auto before = beforeDump(s, p);
    rows.push_back({.cells = {countCell(p.number), timeCell(p.duration), p.predicted == 0 ? nothingCell() : timeCell(p.predicted),
                              p.objectsMarked == 0 ? nothingCell() : countCell(p.objectsMarked), {.text = numbers::text(p.ownedKind)},
                              {.text = numbers::text(p.ownedCause)}, before ? timeCell(*before) : nothingCell(), {.text = machineText(p)}}});
  }
  longestTitle_->setText(tr("The longest %1").arg(numbers::count(rows.size())));
  longest_->setRows(std::move(rows));
}

void PausesView::showSums() {
  const PauseView& view = answers_->pauses;
  std::vector<Row> kinds, phases;
  for (const PauseKindRow& row : view.kinds)
    kinds.push_back({.cells = {{.text = numbers::text(row.kind)}, countCell(row.count), timeCell(row.total), timeCell(row.median), timeCell(row.longest)}});
  for (const PausePhaseRow& row : view.phases)
    phases.push_back({.cells = {{.text = numbers::text(row.phase)}, countCell(row.count), timeCell(row.total),
                                shareCell(static_cast<std::uint64_t>(row.total.count()), static_cast<std::uint64_t>(view.total.count())), timeCell(row.longest)}});
  kinds_->setRows(std::move(kinds));
  allPhases_->setVisible(!phases.empty());
  allPhases_->setRows(std::move(phases));
}

}  // namespace openclaw::gui
