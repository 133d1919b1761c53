#include "analyzer/report/text_table.h"

#include <algorithm>
#include <string_view>

#include "format/check.h"

namespace openclaw {

std::size_t displayWidth(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

TextTable::TextTable(std::vector<ColumnSpec> columns) : columns_(std::move(columns)) {}

void TextTable::add(std::vector<std::string> row) {
  OPENCLAW_CHECK(row.size() == columns_.size(), row.size(), columns_.size());
  rows_.push_back(std::move(row));
}

std::string TextTable::text(std::size_t indent) const {
  std::vector<std::size_t> widths;
  bool titled = false;
  for (const ColumnSpec& column : columns_) {
    widths.push_back(displayWidth(column.title));
    titled |= !column.title.empty();
  }
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], displayWidth(row[i]));
  std::string out;
  const auto line = [&](auto textOf) {
    std::string text(indent, ' ');
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string& cell = textOf(i);
      const std::string padding(widths[i] - displayWidth(cell), ' ');
      if (i > 0) text += "  ";
      text += columns_[i].align == Align::kRight ? padding + cell : cell + padding;
    }
    while (!text.empty() && text.back() == ' ') text.pop_back();
    out += text + '\n';
  };
  if (titled) line([&](std::size_t i) -> const std::string& { return columns_[i].title; });
  for (const auto& row : rows_) line([&](std::size_t i) -> const std::string& { return row[i]; });
  return out;
}

}  // namespace openclaw
