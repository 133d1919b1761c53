#include "gui/theme.h"

#include <QApplication>
#include <QPalette>
#include <QStyle>
#include <QStyleFactory>

namespace openclaw::gui::theme {
namespace {

QColor mixed(const QColor& a, const QColor& b, double shareOfB) {
  const auto blend = [&](int x, int y) { return static_cast<int>(x + (y - x) * shareOfB + 0.5); };
  return QColor(blend(a.red(), b.red()), blend(a.green(), b.green()), blend(a.blue(), b.blue()));
}

}  // namespace

bool isDark(const QPalette& palette) { return palette.color(QPalette::Window).lightness() < 128; }

Colors colorsOf(const QPalette& palette) {
  Colors c;
  c.dark = isDark(palette);
  c.text = palette.color(QPalette::WindowText);
  c.base = palette.color(QPalette::Base);
  c.muted = mixed(c.text, palette.color(QPalette::Window), 0.38);
  c.line = mixed(c.text, palette.color(QPalette::Window), 0.80);
  c.card = c.base;
  c.bar = c.dark ? QColor(0x35, 0x50, 0x6b) : QColor(0xcf, 0xe2, 0xf3);
  c.accent = c.dark ? QColor(0x56, 0xb4, 0xe9) : QColor(0x00, 0x72, 0xb2);
  c.stripBack = c.dark ? QColor(0x5c, 0x4a, 0x0a) : QColor(0xff, 0xf3, 0xc4);
  c.stripText = c.dark ? QColor(0xff, 0xee, 0xb5) : QColor(0x4d, 0x3a, 0x00);
  c.critical = c.dark ? QColor(0xff, 0x8a, 0x65) : QColor(0xb7, 0x2b, 0x00);
  c.warning = c.dark ? QColor(0xf0, 0xb4, 0x29) : QColor(0x9a, 0x5b, 0x00);
  c.note = c.dark ? QColor(0x7f, 0xc4, 0xef) : QColor(0x00, 0x5a, 0x8c);
  c.fine = c.dark ? QColor(0x5f, 0xcf, 0xa5) : QColor(0x00, 0x6b, 0x4e);
  c.unexplained = QColor(0xd5, 0x5e, 0x00);
  c.categories = {QColor(0x00, 0x72, 0xb2), QColor(0x56, 0xb4, 0xe9), QColor(0xe6, 0x9f, 0x00), QColor(0xf0, 0xe4, 0x42),
                  QColor(0x00, 0x9e, 0x73), QColor(0xb9, 0xc4, 0xcc), QColor(0xcc, 0x79, 0xa7), QColor(0x7a, 0x6c, 0x9c)};
  if (c.dark)
    for (QColor& color : c.categories) color = mixed(color, QColor(0x20, 0x20, 0x20), 0.12);
  return c;
}

void apply(QApplication& application) { application.setStyle(QStyleFactory::create(QStringLiteral("Fusion"))); }

QPalette darkPalette() {
  QPalette p;
  const QColor window(0x2b, 0x2e, 0x33), base(0x1f, 0x22, 0x26), text(0xe6, 0xe6, 0xe6), disabled(0x85, 0x8a, 0x90);
  p.setColor(QPalette::Window, window);
  p.setColor(QPalette::WindowText, text);
  p.setColor(QPalette::Base, base);
  p.setColor(QPalette::AlternateBase, QColor(0x25, 0x28, 0x2d));
  p.setColor(QPalette::Text, text);
  p.setColor(QPalette::Button, QColor(0x36, 0x3a, 0x40));
  p.setColor(QPalette::ButtonText, text);
  p.setColor(QPalette::ToolTipBase, base);
  p.setColor(QPalette::ToolTipText, text);
  p.setColor(QPalette::PlaceholderText, disabled);
  p.setColor(QPalette::Highlight, QColor(0x2a, 0x6f, 0xa8));
  p.setColor(QPalette::HighlightedText, Qt::white);
  p.setColor(QPalette::Link, QColor(0x7f, 0xc4, 0xef));
  for (const QPalette::ColorRole role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText})
    p.setColor(QPalette::Disabled, role, disabled);
  return p;
}

}  // namespace openclaw::gui::theme
