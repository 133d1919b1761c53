#include "gui/views/view.h"

#include <initializer_list>

#include <QLabel>
#include <QProgressBar>
#include <QPushButton>
#include <QVBoxLayout>

namespace openclaw::gui {
namespace {

constexpr int kProgressSteps = 1000;
// Narrow enough to read, wide enough for a path.
constexpr int kMessageWidth = 620;

QLabel* makeLabel(QWidget* parent, const char* name, double size, bool bold) {
  auto* label = new QLabel(parent);
  label->setObjectName(QLatin1String(name));
  label->setWordWrap(true);
  label->setTextFormat(Qt::PlainText);
  label->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
  label->setFocusPolicy(Qt::NoFocus);
  QFont font = label->font();
  font.setPointSizeF(font.pointSizeF() * size);
  font.setBold(bold);
  label->setFont(font);
  return label;
}

// As high as the text needs at the column's width; layouts that centre do not ask.
void write(QLabel& label, const QString& text) {
  label.setText(text);
  label.setFixedHeight(label.heightForWidth(kMessageWidth));
}

// A column of a fixed width in the middle of the page.
void center(QWidget* page, std::initializer_list<QWidget*> lines, QPushButton* button) {
  auto* column = new QWidget(page);
  column->setFixedWidth(kMessageWidth);
  auto* layout = new QVBoxLayout(column);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(10);
  for (QWidget* line : lines) layout->addWidget(line);
  layout->addSpacing(6);
  layout->addWidget(button, 0, Qt::AlignHCenter);
  auto* outer = new QVBoxLayout(page);
  outer->addStretch(2);
  outer->addWidget(column, 0, Qt::AlignHCenter);
  outer->addStretch(3);
}

}  // namespace

View::View(QWidget* parent) : QStackedWidget(parent) {
  messagePage_ = makeMessagePage();
  loadingPage_ = makeLoadingPage();
  addWidget(messagePage_);
  addWidget(loadingPage_);
}

QWidget* View::makeMessagePage() {
  auto* page = new QWidget(this);
  messageTitle_ = makeLabel(page, "messageTitle", 1.5, true);
  messageText_ = makeLabel(page, "messageText", 1.0, false);
  messageButton_ = new QPushButton(page);
  messageButton_->setObjectName(QStringLiteral("nextStep"));
  connect(messageButton_, &QPushButton::clicked, this, &View::nextStep);
  center(page, {messageTitle_, messageText_}, messageButton_);
  return page;
}

QWidget* View::makeLoadingPage() {
  auto* page = new QWidget(this);
  loadingTitle_ = makeLabel(page, "loadingTitle", 1.5, true);
  loadingStage_ = makeLabel(page, "loadingStage", 1.0, false);
  loadingBar_ = new QProgressBar(page);
  loadingBar_->setObjectName(QStringLiteral("loadingBar"));
  loadingBar_->setRange(0, kProgressSteps);
  loadingBar_->setTextVisible(false);
  auto* cancel = new QPushButton(tr("&Cancel (Esc)"), page);
  cancel->setObjectName(QStringLiteral("cancelLoading"));
  connect(cancel, &QPushButton::clicked, this, [this] {
    if (!cancelWork()) Q_EMIT cancelRequested();
  });
  center(page, {loadingTitle_, loadingBar_, loadingStage_}, cancel);
  return page;
}

void View::showMessage(State state, const QString& title, const QString& text, const QString& button) {
  state_ = state;
  write(*messageTitle_, title);
  write(*messageText_, text);
  messageButton_->setText(button);
  messageButton_->setVisible(!button.isEmpty());
  setCurrentWidget(messagePage_);
}

void View::showEmpty(const QString& title, const QString& next, const QString& button) {
  showMessage(State::kEmpty, title, next, button);
}

void View::showError(const QString& title, const QString& reason, const QString& button) {
  showMessage(State::kError, title, reason, button);
}

void View::showLoading(const QString& file) { showWorking(tr("Reading %1").arg(file)); }

void View::showWorking(const QString& title, const QString& stage) {
  state_ = State::kLoading;
  ownWork_ = !stage.isEmpty();
  write(*loadingTitle_, title);
  write(*loadingStage_, ownWork_ ? stage : tr("opening"));
  loadingBar_->setRange(0, ownWork_ ? 0 : kProgressSteps);  // without an end it only says that something goes on
  loadingBar_->setValue(0);
  setCurrentWidget(loadingPage_);
}

void View::setProgress(const QString& stage, double fraction, std::chrono::milliseconds elapsed) {
  if (state_ != State::kLoading || ownWork_) return;
  loadingBar_->setValue(static_cast<int>(fraction * kProgressSteps));
  const double seconds = static_cast<double>(elapsed.count()) / 1000;
  QString text = tr("%1 · %2 % · %3 s").arg(stage).arg(static_cast<int>(fraction * 100)).arg(seconds, 0, 'f', 1);
  // A forecast from the first tenth would jump about.
  if (fraction > 0.1 && fraction < 1)
    text += tr(" · about %1 s left").arg(seconds * (1 - fraction) / fraction, 0, 'f', 1);
  loadingStage_->setText(text);
}

void View::setContent(QWidget* content) {
  content_ = content;
  addWidget(content);
}

void View::showData() {
  state_ = State::kData;
  setCurrentWidget(content_);
}

}  // namespace openclaw::gui
