// Rows of text in columns that line up, for the terminal.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace openclaw {

// How many columns of a terminal a text takes: code points, none of ours are wide.
std::size_t displayWidth(std::string_view text);

class TextTable {
 public:
  enum class Align { kLeft, kRight };
  struct ColumnSpec {
    std::string title;
    Align align = Align::kLeft;
  };
  explicit TextTable(std::vector<ColumnSpec> columns);
  void add(std::vector<std::string> row);  // as many texts as columns
  // Each line indented and ended by a newline; the title line is left out when all titles are empty.
  std::string text(std::size_t indent = 2) const;

 private:
  std::vector<ColumnSpec> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace openclaw
