#include "gui/views/finding_card.h"

#include <QGridLayout>
#include <QLabel>
#include <QPainter>
#include <QPushButton>

#include "gui/numbers.h"
#include "gui/theme.h"

namespace openclaw::gui {
namespace {

constexpr int kButtons = 2;

QColor colorOf(Severity severity, const theme::Colors& colors) {
  switch (severity) {
    case Severity::kCritical: return colors.critical;
    case Severity::kWarning: return colors.warning;
    case Severity::kNote: return colors.note;
  }
  return colors.note;
}

QLabel* makeLabel(const QString& text, QWidget* parent) {
  auto* label = new QLabel(text, parent);
  label->setTextFormat(Qt::PlainText);
  label->setWordWrap(true);
  label->setMinimumWidth(1);
  label->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
  return label;
}

QString evidenceText(const Finding& finding) {
  QStringList lines;
  for (const EvidenceNumber& number : finding.numbers) {
    QString value;
    const auto whole = static_cast<std::uint64_t>(number.value < 0 ? 0 : number.value);
    if (number.unit == "bytes") value = numbers::size(Bytes(whole), number.certainty);
    else if (number.unit == "ns") value = numbers::mark(number.certainty) + numbers::duration(whole);
    else if (number.unit == "ratio") value = numbers::mark(number.certainty) + QString::number(number.value * 100, 'f', 1) + QStringLiteral(" %");
    else value = numbers::mark(number.certainty) + numbers::count(whole) + QLatin1Char(' ') + numbers::text(number.unit);
    lines.push_back(numbers::text(number.name) + QStringLiteral(": ") + value);
  }
  return lines.join(QLatin1Char('\n'));
}

}  // namespace

FindingCard::FindingCard(const Finding& finding, QWidget* parent) : QFrame(parent), severity_(finding.severity) {
  setObjectName(QStringLiteral("finding"));
  setAccessibleName(numbers::text(finding.verdict));
  const theme::Colors colors = theme::colorsOf(palette());

  auto* severity = new QLabel(numbers::text(toText(finding.severity)), this);
  QFont bold = severity->font();
  bold.setBold(true);
  severity->setFont(bold);
  QPalette severityPalette = severity->palette();
  severityPalette.setColor(QPalette::WindowText, colorOf(severity_, colors));
  severity->setPalette(severityPalette);
  severity->setToolTip(numbers::text(finding.id));

  auto* verdict = makeLabel(numbers::text(finding.verdict), this);
  verdict->setObjectName(QStringLiteral("verdict"));
  verdict->setFont(bold);
  verdict->setToolTip(evidenceText(finding));

  QString how = QString::number(finding.confidence * 100, 'f', 0) + QStringLiteral(" % sure");
  if (!finding.because.empty()) how += QStringLiteral(": ") + numbers::text(finding.because);
  auto* because = makeLabel(how, this);
  QPalette muted = because->palette();
  muted.setColor(QPalette::WindowText, colors.muted);
  because->setPalette(muted);

  auto* grid = new QGridLayout(this);
  grid->setContentsMargins(14, 5, 8, 5);
  grid->setHorizontalSpacing(10);
  grid->setVerticalSpacing(2);
  grid->setColumnStretch(1, 1);
  grid->addWidget(severity, 0, 0, Qt::AlignTop);
  grid->addWidget(verdict, 0, 1);
  int row = 1;
  if (!finding.next.empty()) {
    auto* nextWord = new QLabel(tr("Next"), this);
    nextWord->setPalette(muted);
    auto* next = makeLabel(numbers::text(finding.next), this);
    next->setObjectName(QStringLiteral("next"));
    grid->addWidget(nextWord, row, 0, Qt::AlignTop);
    grid->addWidget(next, row, 1);
    ++row;
  }
  grid->addWidget(because, row, 1);
  // Each object of the evidence leads to its place among the owners, with the inspector beside it.
  int buttons = 0;
  for (const EvidenceObject& evidence : finding.objects) {
    if (buttons == kButtons || !evidence.object) break;
    const QString role = numbers::text(evidence.role);
    auto* show = new QPushButton(role.isEmpty() ? tr("Show object") : role == QLatin1String("accumulating") ? tr("Show the largest") : tr("Show %1").arg(role), this);
    show->setObjectName(QStringLiteral("showEvidence"));
    const quint32 object = evidence.object.value;
    connect(show, &QPushButton::clicked, this, [this, object] { Q_EMIT objectActivated(object); });
    grid->addWidget(show, buttons++, 2, Qt::AlignTop);
  }
}

void FindingCard::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  const theme::Colors colors = theme::colorsOf(palette());
  painter.fillRect(rect(), colors.card);
  painter.fillRect(QRect(0, 0, 4, height()), colorOf(severity_, colors));
  painter.setPen(colors.line);
  painter.drawRect(rect().adjusted(0, 0, -1, -1));
}

}  // namespace openclaw::gui
