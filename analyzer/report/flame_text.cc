#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "analyzer/report/numbers.h"
#include "analyzer/report/text_parts.h"
#include "analyzer/report/view_reports.h"

namespace openclaw {
namespace {

constexpr double kWidth = 1200, kMargin = 10, kRow = 17, kNarrowest = 1.0 / 3, kCharacter = 6.6;
constexpr double kTop = 60, kBottom = 40;

// XML text: markup escaped; what XML 1.0 cannot hold at all (control characters, broken UTF-8) becomes U+FFFD.
std::string xmlText(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t length = byte < 0x80 ? 1 : byte >= 0xc2 && byte < 0xe0 ? 2 : byte >= 0xe0 && byte < 0xf0 ? 3 : byte >= 0xf0 && byte < 0xf5 ? 4 : 0;
    bool valid = length != 0 && i + length <= text.size() && (byte >= 0x20 || byte == '\t');
    for (std::size_t k = 1; valid && k < length; ++k) valid = (static_cast<unsigned char>(text[i + k]) & 0xc0) == 0x80;
    if (valid && length > 1) {
      std::uint32_t code = byte & (0x7fu >> length);
      for (std::size_t k = 1; k < length; ++k) code = code << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3f);
      constexpr std::array<std::uint32_t, 5> kLeast{0, 0, 0x80, 0x800, 0x10000};
      valid = code >= kLeast[length] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) && code != 0xfffe && code != 0xffff;
    }
    if (!valid) {
      out += "\xef\xbf\xbd";
      ++i;
      continue;
    }
    switch (text[i]) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out.append(text, i, length);
    }
    i += length;
  }
  return out;
}

// Where the first `points` code points end.
std::size_t endOf(const std::string& text, std::size_t points) {
  std::size_t end = 0;
  for (; end < text.size() && points > 0; --points) {
    ++end;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) ++end;
  }
  return end;
}

// At most `width` code points; what is cut ends in two dots.
std::string cutTo(const std::string& text, std::size_t width) {
  if (endOf(text, width) == text.size()) return text;
  return width < 3 ? "" : text.substr(0, endOf(text, width - 2)) + "..";
}

// Warm colours that depend on the name only, so that a function looks the same in every picture.
std::string colourOf(const std::string& name, bool inlined) {
  std::uint32_t hash = 2166136261u;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  const unsigned red = 205 + hash % 50, green = 90 + (hash >> 8) % 110, blue = (hash >> 16) % 60;
  return inlined ? fmt::format("rgb({},{},{})", red - 30, green + 40, blue + 70) : fmt::format("rgb({},{},{})", red, green, blue);
}

std::string foldedName(const std::string& name) {
  std::string out = name;
  for (char& c : out) {
    if (c == ';') c = ':';
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return out.empty() ? "?" : out;
}

}  // namespace

std::string foldedText(const FlameGraph& flame) {
  std::vector<std::string> stacks(flame.nodes.size()), lines;
  for (std::uint32_t i = 0; i < flame.nodes.size(); ++i) {
    const FlameNode& node = flame.nodes[i];
    // The root's name is not a frame; what stands at the root itself has no frame at all.
    if (i != FlameGraph::kRoot)
      stacks[i] = (node.parent == FlameGraph::kRoot ? "" : stacks[node.parent] + ';') + foldedName(flame.name(i));
    if (node.self != 0) lines.push_back(fmt::format("{} {}\n", i == FlameGraph::kRoot ? "?" : stacks[i], node.self));
  }
  std::sort(lines.begin(), lines.end());
  std::string out;
  for (const std::string& line : lines) out += line;
  return out;
}

std::string flameSvg(const Snapshot& s, const FlameGraph& flame) {
  const std::uint64_t total = flame.nodes.front().total;
  const double height = kTop + kBottom + kRow * (flame.deepest + 1.0);
  std::string body;
  std::vector<double> left(flame.nodes.size());
  std::uint64_t narrow = 0;
  const double scale = total == 0 ? 0 : (kWidth - 2 * kMargin) / static_cast<double>(total);
  for (std::uint32_t i = 0; i < flame.nodes.size() && total != 0; ++i) {
    const FlameNode& node = flame.nodes[i];
    if (i == FlameGraph::kRoot) left[i] = kMargin;
    double at = left[i];
    for (const std::uint32_t child : flame.children(i)) {
      left[child] = at;
      at += static_cast<double>(flame.nodes[child].total) * scale;
    }
    const double width = static_cast<double>(node.total) * scale;
    if (width < kNarrowest) {
      ++narrow;
      continue;
    }
    const double y = height - kBottom - kRow * (node.depth + 1.0);
    const Certainty certainty = i == FlameGraph::kRoot ? flame.totalCertainty : flame.splitCertainty;
    const std::string label = cutTo(flame.name(i), static_cast<std::size_t>(std::max(0.0, (width - 6) / kCharacter)));
    body += fmt::format("<g><title>{}{}{} — {}{} ({} B, {}){}</title><rect x=\"{:.2f}\" y=\"{:.0f}\" width=\"{:.2f}\" height=\"{:.0f}\" fill=\"{}\" rx=\"1\"/>",
                        xmlText(flame.name(i)), flame.place(i).empty() ? "" : "  " + xmlText(flame.place(i)), node.inlined ? "  (inlined)" : "",
                        certaintyPrefix(certainty), toText(Bytes(node.total)), withSeparators(node.total), xmlText(percentText(node.total, total)),
                        node.objects == 0 ? "" : fmt::format(", {}", counted(node.objects, "sample", "samples")), left[i], y, std::max(width - 0.3, kNarrowest), kRow - 1,
                        i == FlameGraph::kRoot ? "#d8d4cc" : colourOf(flame.name(i), node.inlined));
    if (!label.empty()) body += fmt::format("<text x=\"{:.2f}\" y=\"{:.0f}\">{}</text>", left[i] + 3, y + kRow - 5, xmlText(label));
    body += "</g>\n";
  }
  std::string out = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" viewBox=\"0 0 {0:.0f} {1:.0f}\" font-family=\"DejaVu Sans Mono, monospace\" font-size=\"11\">\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"#fffdf8\"/>\n"
      "<text x=\"{2:.0f}\" y=\"22\" font-size=\"15\">{3}</text>\n<text x=\"{2:.0f}\" y=\"40\" fill=\"#666\">{4}</text>\n",
      kWidth, height, kMargin,
      xmlText(fmt::format("{}{}: {}{}", toText(flame.weight), flame.scope.empty() ? "" : " of " + cutTo(flame.scope, 100), certaintyPrefix(flame.totalCertainty), toText(Bytes(total)))),
      xmlText(cutTo(fmt::format("{}  {}", s.path().substr(s.path().find_last_of('/') + 1), flame.note), 170)));
  out += body;
  if (total == 0) out += fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\">nothing to show: the dump knows no {}</text>\n", kMargin, kTop, toText(flame.weight));
  if (narrow != 0)
    out += fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" fill=\"#666\">{} too narrow to draw</text>\n", kMargin, height - 14, counted(narrow, "frame is", "frames are"));
  return out + "</svg>\n";
}

}  // namespace openclaw
