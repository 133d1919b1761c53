#include "analyzer/report/text_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analyzer/graph/paths.h"
#include "analyzer/report/numbers.h"

namespace openclaw {

std::string scopeText(const Snapshot& s, const ScopeSelection* scope) {
  if (scope == nullptr) return {};
  std::string out = fmt::format("scope: {}\n", labelOf(s, scope->scope));
  if (scope->objects == 0) return out + "  no object of the dump lies in it\n";
  out += fmt::format("  {} ({} of the dump), {} ({})", counted(scope->objects, "object", "objects"), percentText(scope->objects, scope->allObjects),
                     bytesText(s, scope->bytes, Certainty::kExact), percentText(scope->bytes.value, scope->allBytes.value));
  if (scope->objects != scope->reachableObjects) out += fmt::format(", {} of them unreachable", withSeparators(scope->objects - scope->reachableObjects));
  return out + fmt::format("; all of them together retain {}\n", bytesText(s, scope->retained, scope->retainedCertainty));
}

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

namespace {

// "a Root handle → Server .sessions_ → Array<Session> [1] → Session". The ends of a long chain tell where it
// hangs and where it leads; the middle is counted.
std::string ownerText(const Snapshot& s, const std::vector<OwnerStep>& path) {
  constexpr std::size_t kHead = 5, kTail = 3;
  std::string text;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path.size() > kHead + kTail + 1 && i == kHead) {
      text += fmt::format(" → … {} more …", path.size() - kHead - kTail);
      i = path.size() - kTail;
    }
    const OwnerStep& step = path[i];
    if (!step.object) {
      text += step.label;
      continue;
    }
    if (!text.empty()) text += step.label.empty() ? " → " : fmt::format(" {} → ", accessText(step.label));
    text += typeText(s, s.type(step.object));
  }
  return text;
}

// The innermost functions, one a program counter, that have a name.
std::string stackText(const Snapshot& s, StackIndex stack) {
  constexpr std::size_t kShown = 5;
  std::vector<std::string> names;
  for (const std::uint64_t pc : s.stacks()[stack].pcs)
    for (const CodeFrame& frame : s.symbol(pc))
      if (names.size() < kShown && !frame.function.empty()) names.push_back(frame.function);
  return fmt::format("{}", fmt::join(names, " ← "));
}

}  // namespace

std::string findingText(const Snapshot& s, const Finding& f) {
  std::string out = fmt::format("  [{}] {}\n", toText(f.severity), f.verdict);
  if (!f.ownerPath.empty()) out += fmt::format("      held by  {}\n", ownerText(s, f.ownerPath));
  for (const SiteIndex site : f.sites) out += fmt::format("      made at  {}\n", siteText(s, site));
  if (!f.stacks.empty())
    if (const std::string stack = stackText(s, f.stacks.front()); !stack.empty())
      out += fmt::format("      sampled  {}\n", stack);
  out += fmt::format("      because  {} (confidence {:.0f} %)\n", f.because, f.confidence * 100);
  out += fmt::format("      next     {}\n", f.next);
  return out;
}

const char* fillText(double share) {
  static constexpr const char* kLevels[] = {"·", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  if (!(share > 0)) return kLevels[0];
  return kLevels[std::clamp(static_cast<int>(std::ceil(std::min(share, 1.0) * 8)), 1, 8)];
}

}  // namespace openclaw
