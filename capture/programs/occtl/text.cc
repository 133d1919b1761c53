#include "capture/programs/occtl/text.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "format/units.h"

namespace openclaw::occtl {
namespace {

bool coloured() {
  static const bool yes = ::isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
  return yes;
}

std::string painted(std::string_view text, const char* code) {
  return coloured() ? fmt::format("\033[{}m{}\033[0m", code, text) : std::string(text);
}

}  // namespace

std::string bold(std::string_view text) { return painted(text, "1"); }
std::string dim(std::string_view text) { return painted(text, "2"); }
std::string warning(std::string_view text) { return painted(text, "33"); }

Table::Table(std::vector<Align> columns, std::size_t indent) : columns_(std::move(columns)), indent_(indent) {}

void Table::row(std::vector<std::string> cells) { rows_.push_back({std::move(cells), false}); }
void Table::header(std::vector<std::string> cells) { rows_.push_back({std::move(cells), true}); }

std::string Table::text() const {
  std::vector<std::size_t> widths(columns_.size(), 0);
  for (const Row& row : rows_)
    for (std::size_t i = 0; i < row.cells.size(); ++i) widths[i] = std::max(widths[i], row.cells[i].size());
  std::string out;
  for (const Row& row : rows_) {
    std::string line(indent_, ' ');
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      if (i != 0) line += "  ";
      const std::string pad(widths[i] - row.cells[i].size(), ' ');
      line += columns_[i] == Align::kRight ? pad + row.cells[i] : row.cells[i] + pad;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += (row.isHeader ? dim(line) : line) + "\n";
  }
  return out;
}

void Json::separate() {
  if (!std::exchange(afterKey_, false) && !first_) out_ += ',';
  first_ = false;
}

Json& Json::beginObject() { return separate(), out_ += '{', first_ = true, *this; }
Json& Json::endObject() { return out_ += '}', first_ = false, *this; }
Json& Json::beginArray() { return separate(), out_ += '[', first_ = true, *this; }
Json& Json::endArray() { return out_ += ']', first_ = false, *this; }

Json& Json::key(std::string_view name) {
  value(name);
  out_ += ':';
  afterKey_ = true;
  return *this;
}

Json& Json::value(std::string_view text) {
  separate();
  out_ += '"';
  for (const char c : text) {
    switch (c) {
      case '"': out_ += "\\\""; break;
      case '\\': out_ += "\\\\"; break;
      case '\n': out_ += "\\n"; break;
      case '\t': out_ += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) out_ += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        else out_ += c;
    }
  }
  out_ += '"';
  return *this;
}

Json& Json::value(std::uint64_t number) { return separate(), out_ += std::to_string(number), *this; }
Json& Json::value(bool flag) { return separate(), out_ += flag ? "true" : "false", *this; }
Json& Json::null() { return separate(), out_ += "null", *this; }

ProgressBar::~ProgressBar() { clear(); }

void ProgressBar::show(std::string_view what, std::uint64_t done, std::uint64_t total, std::string_view detail) {
  using namespace std::chrono_literals;
  static const bool terminal = ::isatty(STDERR_FILENO) != 0;
  const auto now = std::chrono::steady_clock::now();
  if (!terminal || now - began_ < 500ms || now - shown_ < 100ms) return;
  shown_ = now;
  constexpr std::size_t kWidth = 24;
  const std::size_t full = total == 0 ? 0 : static_cast<std::size_t>(std::min(done, total) * kWidth / total);
  fmt::print(stderr, "\r\033[K{:<12} [{}{}] {:>3}%  {}", what, std::string(full, '#'), std::string(kWidth - full, '.'),
             total == 0 ? 0 : std::min(done, total) * 100 / total, detail);
  std::fflush(stderr);
  visible_ = true;
}

void ProgressBar::clear() {
  if (!std::exchange(visible_, false)) return;
  fmt::print(stderr, "\r\033[K");
  std::fflush(stderr);
}

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }
void complain(std::string_view text) { fmt::print(stderr, "occtl: {}\n", text); }

std::string ppmText(std::uint64_t ppm) { return fmt::format("{:.2f} %", static_cast<double>(ppm) / 1e4); }

std::string percentText(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? "" : fmt::format("{:.1f} %", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

std::string nanosecondsText(std::uint64_t nanoseconds) { return toText(std::chrono::nanoseconds(nanoseconds)); }

}  // namespace openclaw::occtl
