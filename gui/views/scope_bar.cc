#include "gui/views/scope_bar.h"

#include <algorithm>
#include <utility>

#include <QKeyEvent>
#include <QLabel>
#include <QLayout>
#include <QStyle>
#include <QToolButton>
#include <QVBoxLayout>

#include "gui/answers.h"
#include "gui/numbers.h"
#include "gui/theme.h"

namespace openclaw::gui {
namespace {

constexpr int kLongest = 64;  // characters of a label

// Items beside each other, and in a further line what has no room. Qt has none of its own.
class FlowLayout : public QLayout {
 public:
  explicit FlowLayout(QWidget* parent) : QLayout(parent) { setContentsMargins(0, 0, 0, 0); }
  ~FlowLayout() override {
    while (QLayoutItem* item = takeAt(0)) delete item;
  }
  void addItem(QLayoutItem* item) override { items_.push_back(item); }
  int count() const override { return static_cast<int>(items_.size()); }
  QLayoutItem* itemAt(int i) const override { return i >= 0 && i < count() ? items_[static_cast<std::size_t>(i)] : nullptr; }
  QLayoutItem* takeAt(int i) override {
    QLayoutItem* item = itemAt(i);
    if (item != nullptr) items_.erase(items_.begin() + i);
    return item;
  }
  bool hasHeightForWidth() const override { return true; }
  int heightForWidth(int width) const override { return place(QRect(0, 0, width, 0), false); }
  QSize sizeHint() const override { return minimumSize(); }
  QSize minimumSize() const override {
    int height = 0;
    for (const QLayoutItem* item : items_) height = std::max(height, item->minimumSize().height());
    return {100, height};
  }
  void setGeometry(const QRect& rect) override {
    QLayout::setGeometry(rect);
    place(rect, true);
  }
  Qt::Orientations expandingDirections() const override { return {}; }

 private:
  int place(const QRect& rect, bool move) const {
    constexpr int kGap = 6;
    int x = rect.x(), y = rect.y(), line = 0;
    for (QLayoutItem* item : items_) {
      if (item->isEmpty()) continue;
      QSize size = item->sizeHint();
      size.setWidth(std::min(size.width(), rect.width()));
      if (x > rect.x() && x + size.width() > rect.x() + rect.width()) {
        x = rect.x();
        y += line + kGap;
        line = 0;
      }
      if (move) item->setGeometry(QRect(QPoint(x, y), size));
      x += size.width() + kGap;
      line = std::max(line, size.height());
    }
    return y + line - rect.y();
  }
  std::vector<QLayoutItem*> items_;
};

QString shortened(const QString& text) {
  return text.size() <= kLongest ? text : text.left(kLongest / 2 - 1) + QChar(0x2026) + text.right(kLongest / 2);
}

// The last part of the path and the function's own name: the middle of a long site is what tells it from others.
QString labelText(const Snapshot& s, const ScopePart& part) {
  if (part.kind == ScopeKind::kSite)
    if (const std::string site = siteText(s, SiteIndex(part.value)); !site.empty()) return QObject::tr("site %1").arg(numbers::text(site));
  return numbers::text(labelOf(s, part));
}

}  // namespace

ScopeBar::ScopeBar(QWidget* parent) : QFrame(parent) {
  setObjectName(QStringLiteral("scopeBar"));
  setAutoFillBackground(true);
  QSizePolicy policy(QSizePolicy::Preferred, QSizePolicy::Minimum);
  policy.setHeightForWidth(true);
  setSizePolicy(policy);
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(12, 6, 12, 6);
  column->setSpacing(4);
  auto* row = new QWidget(this);
  labels_ = new FlowLayout(row);
  title_ = new QLabel(tr("Only"), row);
  QFont bold = title_->font();
  bold.setBold(true);
  title_->setFont(bold);
  labels_->addWidget(title_);
  clear_ = new QToolButton(row);
  clear_->setObjectName(QStringLiteral("clearScope"));
  clear_->setText(tr("Whole dump"));
  clear_->setToolTip(tr("Removes all labels (Ctrl+Shift+Backspace)"));
  clear_->setAutoRaise(true);
  clear_->setFocusPolicy(Qt::StrongFocus);
  connect(clear_, &QToolButton::clicked, this, &ScopeBar::cleared);
  labels_->addWidget(clear_);
  title_->setMinimumHeight(clear_->sizeHint().height());  // on one line with the labels
  share_ = new QLabel(this);
  share_->setObjectName(QStringLiteral("scopeShare"));
  share_->setTextFormat(Qt::PlainText);
  share_->setWordWrap(true);
  share_->setMinimumWidth(1);
  column->addWidget(row);
  column->addWidget(share_);
  color();
  hide();
}

void ScopeBar::showScope(const Snapshot& snapshot, const Scope& scope) {
  scope_ = scope;
  // The label that was clicked may be among those that go, so not at once.
  for (QToolButton* button : std::exchange(buttons_, {})) {
    labels_->removeWidget(button);
    button->hide();
    button->deleteLater();
  }
  labels_->removeWidget(clear_);
  for (std::size_t i = 0; i < scope_.parts.size(); ++i) {
    const ScopePart part = scope_.parts[i];
    const QString label = numbers::text(labelOf(snapshot, part));
    auto* button = new QToolButton(title_->parentWidget());
    button->setObjectName(QStringLiteral("scopeLabel%1").arg(i));
    button->setText(tr("%1  ✕").arg(shortened(labelText(snapshot, part))).replace(QLatin1Char('&'), QLatin1String("&&")));
    button->setToolTip(i + 1 == scope_.parts.size() ? tr("Remove “%1” (Esc)").arg(label) : tr("Remove “%1”").arg(label));
    button->setAccessibleName(tr("Remove %1 from the scope").arg(label));
    button->setFocusPolicy(Qt::StrongFocus);
    button->installEventFilter(this);
    connect(button, &QToolButton::clicked, this, [this, part] { Q_EMIT removed(part); });
    labels_->addWidget(button);
    button->show();
    buttons_.push_back(button);
  }
  labels_->addWidget(clear_);
  setVisible(!scope_.empty());
  updateGeometry();
}

void ScopeBar::showShare(const QString& share, const QString& note) {
  share_->setText(note.isEmpty() ? share : tr("%1  ·  %2").arg(share, note));
}

bool ScopeBar::eventFilter(QObject* watched, QEvent* event) {
  if (event->type() == QEvent::KeyPress) {
    const int key = static_cast<QKeyEvent*>(event)->key();
    if (auto* button = qobject_cast<QToolButton*>(watched); button != nullptr && (key == Qt::Key_Delete || key == Qt::Key_Return || key == Qt::Key_Enter)) {
      button->click();
      return true;
    }
  }
  return QFrame::eventFilter(watched, event);
}

void ScopeBar::changeEvent(QEvent* event) {
  QFrame::changeEvent(event);
  if (event->type() == QEvent::PaletteChange && share_ != nullptr) color();
}

// A tint of the accent: the bar says that less than everything is in sight.
void ScopeBar::color() {
  const theme::Colors colors = theme::colorsOf(palette());
  const QColor base = colors.base, accent = colors.accent;
  const auto part = [](int a, int b) { return a + (b - a) * 14 / 100; };
  const QColor back(part(base.red(), accent.red()), part(base.green(), accent.green()), part(base.blue(), accent.blue()));
  QPalette own = this->palette();
  if (own.color(QPalette::Window) == back) return;
  own.setColor(QPalette::Window, back);
  own.setColor(QPalette::WindowText, colors.text);
  setPalette(own);
}

}  // namespace openclaw::gui
