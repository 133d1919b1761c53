#include "analyzer/report/text_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analyzer/graph/paths.h"
#include "analyzer/report/numbers.h"

namespace openclaw {

std::string ownerPathText(const Snapshot& s, ObjectIndex object) {
  constexpr std::size_t kHead = 4, kTail = 3;
  const std::vector<PathStep> path = findPathToRoot(s, object);
  if (path.empty()) return "nothing: no root reaches it";
  std::string text = "a root";
  for (const RootInfo& root : s.roots())
    if (root.object == path[0].object) {
      text = rootText(s, root);
      break;
    }
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path.size() > kHead + kTail + 1 && i == kHead) {
      text += fmt::format(" → … {} more …", path.size() - kHead - kTail);
      i = path.size() - kTail;
    }
    if (i > 0) text += " " + accessText(s.labelOf(path[i - 1].object, path[i].slot));
    text += " → " + typeText(s, s.type(path[i].object));
  }
  return text;
}

const char* fillText(double share) {
  static constexpr const char* kLevels[] = {"·", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  if (!(share > 0)) return kLevels[0];
  return kLevels[std::clamp(static_cast<int>(std::ceil(share * 8)), 1, 8)];
}

}  // namespace openclaw
