// What occtl prints: aligned tables, JSON, a progress bar, colour where there is a terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "format/control_messages.h"

namespace openclaw::occtl {

// Escape sequences when standard output is a terminal and NO_COLOR is not set, else nothing.
std::string bold(std::string_view text);
std::string dim(std::string_view text);
std::string warning(std::string_view text);

// Columns with two spaces between; numbers to the right. Trailing blanks are cut.
class Table {
 public:
  enum class Align : std::uint8_t { kLeft, kRight };
  explicit Table(std::vector<Align> columns, std::size_t indent = 0);
  void row(std::vector<std::string> cells);
  void header(std::vector<std::string> cells);   // dim
  std::string text() const;

 private:
  std::vector<Align> columns_;
  std::size_t indent_;
  struct Row { std::vector<std::string> cells; bool isHeader; };
  std::vector<Row> rows_;
};

// A JSON text, written in order. Keys and values alternate inside objects.
class Json {
 public:
  Json& beginObject();
  Json& endObject();
  Json& beginArray();
  Json& endArray();
  Json& key(std::string_view name);
  Json& value(std::string_view text);
  Json& value(const char* text) { return value(std::string_view(text)); }
  Json& value(std::uint64_t number);
  Json& value(std::uint32_t number) { return value(std::uint64_t{number}); }
  Json& value(bool flag);
  Json& null();
  template <class T>
  Json& field(std::string_view name, const T& what) { return key(name).value(what); }
  const std::string& text() const { return out_; }

 private:
  void separate();
  std::string out_;
  bool first_ = true, afterKey_ = false;
};

// A line on standard error that replaces itself, when that is a terminal and the work takes over half a second.
class ProgressBar {
 public:
  ~ProgressBar();
  void show(std::string_view what, std::uint64_t done, std::uint64_t total, std::string_view detail);
  void clear();

 private:
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now(), shown_{};
  bool visible_ = false;
};

void print(std::string_view text);        // standard output
void complain(std::string_view text);     // standard error, "occtl: " in front, newline behind

std::string ppmText(std::uint64_t ppm);   // "1.25 %"
std::string percentText(std::uint64_t part, std::uint64_t whole);
std::string nanosecondsText(std::uint64_t nanoseconds);

}  // namespace openclaw::occtl
