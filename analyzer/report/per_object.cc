#include "analyzer/report/per_object.h"

#include <fmt/format.h>

#include <iterator>
#include <string>

namespace openclaw {
namespace {

std::string escaped(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (c == '\t') text += "\\t";
    else if (c == '\n') text += "\\n";
    else if (c == '\\') text += "\\\\";
    else text += c;
  }
  return text;
}

}  // namespace

bool exportPerObject(const Snapshot& snapshot, const std::function<bool(std::string_view)>& write, std::stop_token stop) {
  constexpr std::size_t kPiece = 1u << 20;
  std::vector<std::string> types;
  for (const TypeInfo& type : snapshot.types()) types.push_back(escaped(type.name));
  std::string piece = "id\ttype\tshallow\tretained\tdominator\treachable\n";
  const auto end = std::back_inserter(piece);
  const bool hexadecimal = snapshot.idsAreAddresses();
  const auto putId = [&](ObjectIndex object) {
    const std::uint64_t id = snapshot.address(object).value;
    if (hexadecimal) fmt::format_to(end, "{:#x}", id);
    else fmt::format_to(end, "{}", id);
  };
  for (std::uint32_t i = 0; i < snapshot.objectCount(); ++i) {
    const ObjectIndex object(i);
    putId(object);
    fmt::format_to(end, "\t{}\t{}\t{}\t", types[snapshot.type(object).value], snapshot.size(object).value, snapshot.retained(object).value);
    if (const auto dominator = snapshot.dominator(object)) putId(*dominator);
    else piece += '0';
    piece += snapshot.reachable(object) ? "\t1\n" : "\t0\n";
    if (piece.size() >= kPiece) {
      if (stop.stop_requested() || !write(piece)) return false;
      piece.clear();
    }
  }
  return write(piece) && !stop.stop_requested();
}

}  // namespace openclaw
