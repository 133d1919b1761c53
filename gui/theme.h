// The colours of painted parts, derived from the palette in use, light or dark. A colour means one thing in all views;
// nothing is told by colour alone. Categories are Okabe and Ito's set, which colour-blind readers can tell apart.
//
//   const theme::Colors colors = theme::colorsOf(widget->palette());
//   painter.fillRect(rect, colors.category(row));
#pragma once

#include <array>
#include <cstddef>

#include <QColor>

class QApplication;
class QPalette;

namespace openclaw::gui::theme {

struct Colors {
  bool dark = false;
  QColor text, muted, line, base, card;
  QColor bar;            // behind numbers: neutral, because big is not bad
  QColor accent;         // the selected or longest thing
  QColor stripBack, stripText;          // what is incomplete
  QColor critical, warning, note, fine;  // severities, beside their words
  QColor unexplained;
  std::array<QColor, 8> categories;
  const QColor& category(std::size_t i) const { return categories[i % categories.size()]; }
};

Colors colorsOf(const QPalette& palette);
bool isDark(const QPalette& palette);

// Fusion style, the same on every desktop. Keeps the desktop's font, size and light or dark palette.
void apply(QApplication& application);
// The dark palette for --dark and tests; the desktop's own is used otherwise.
QPalette darkPalette();

}  // namespace openclaw::gui::theme
