#include "analyzer/views/flame.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>

#include "analyzer/graph/dominator_tree.h"
#include "analyzer/report/numbers.h"
#include "analyzer/views/sites.h"

namespace openclaw {
namespace {

constexpr const char* kNoStack = "[no stack sampled]";

// A function on a stack. Two frames are one when function and file agree: lines of one function stand together.
struct Frame {
  std::uint32_t name;
  bool inlined;
  friend auto operator<=>(const Frame&, const Frame&) = default;
};

// Interns functions and turns program counters into frames, each once.
class Names {
 public:
  Names(const Snapshot& snapshot, FlameGraph& flame) : s_(snapshot), flame_(flame) {}

  std::uint32_t intern(const std::string& name, const std::string& file, std::uint32_t line) {
    const auto [found, fresh] = numbers_.try_emplace({name, file}, Known{static_cast<std::uint32_t>(flame_.names.size()), line});
    if (fresh) {
      flame_.names.push_back(name);
      flame_.places.push_back(file.empty() || line == 0 ? file : fmt::format("{}:{}", file, line));
    } else if (found->second.line != line) {
      flame_.places[found->second.number] = file;  // several lines of it: none of them is its place
    }
    return found->second.number;
  }
  // Outermost function first: inlined ones lie inside.
  const std::vector<Frame>& frames(std::uint64_t pc) {
    const auto [found, fresh] = byPc_.try_emplace(pc);
    if (!fresh) return found->second;
    const std::span<const CodeFrame> code = s_.symbol(pc);
    for (auto frame = code.rbegin(); frame != code.rend(); ++frame)
      found->second.push_back({intern(frame->function.empty() ? toText(Address(pc)) : frame->function, frame->file, frame->line), frame->inlined});
    if (code.empty()) found->second.push_back({intern(codeText(s_, pc).front(), "", 0), false});
    return found->second;
  }
  std::uint32_t site(SiteIndex site) {
    const SiteInfo& info = s_.sites()[site];
    return intern(site.value == 0 || siteText(s_, site) == "unknown" ? "unknown site" : siteText(s_, site), info.file, info.line);
  }
  // Whether a stack's innermost frames show the line of its site; if not (calls at the end of a function leave no
  // frame), the site is a frame of its own.
  bool showsSite(const StackInfo& stack, SiteIndex site) const {
    constexpr std::size_t kInnermost = 3;
    const SiteInfo& info = s_.sites()[site];
    if (info.file.empty()) return true;
    const auto nameOf = [](const std::string& path) { return std::string_view(path).substr(path.find_last_of('/') + 1); };
    for (std::size_t i = 0; i < stack.pcs.size() && i < kInnermost; ++i)
      for (const CodeFrame& frame : s_.symbol(stack.pcs[i]))
        if (frame.line == info.line && nameOf(frame.file) == nameOf(info.file)) return true;
    return false;
  }

 private:
  struct Known {
    std::uint32_t number, line;
  };
  const Snapshot& s_;
  FlameGraph& flame_;
  std::map<std::pair<std::string, std::string>, Known> numbers_;
  std::unordered_map<std::uint64_t, std::vector<Frame>> byPc_;
};

// The tree while it grows; laid out level by level at the end.
struct Growing {
  std::map<Frame, std::uint32_t> children;
  std::uint32_t parent = 0;
  Frame frame{};
  std::uint64_t self = 0, objects = 0;
  SiteIndex site;
};

class Tree {
 public:
  Tree() { nodes_.emplace_back(); }
  std::uint32_t child(std::uint32_t parent, Frame frame) {
    const auto [found, fresh] = nodes_[parent].children.try_emplace(frame, static_cast<std::uint32_t>(nodes_.size()));
    const std::uint32_t number = found->second;
    if (fresh) {
      nodes_.emplace_back();
      nodes_.back().parent = parent;
      nodes_.back().frame = frame;
    }
    return number;
  }
  void add(std::uint32_t node, std::uint64_t bytes, std::uint64_t objects, SiteIndex site) {
    nodes_[node].self += bytes;
    nodes_[node].objects += objects;
    nodes_[node].site = site;
  }
  void layOut(FlameGraph& flame) const;

 private:
  std::vector<Growing> nodes_;
};

void Tree::layOut(FlameGraph& flame) const {
  // Parents were made before children.
  std::vector<std::uint64_t> totals(nodes_.size()), objects(nodes_.size());
  for (std::size_t i = nodes_.size(); i-- > 0;) {
    totals[i] += nodes_[i].self;
    objects[i] += nodes_[i].objects;
    if (i == 0) continue;
    totals[nodes_[i].parent] += totals[i];
    objects[nodes_[i].parent] += objects[i];
  }
  flame.nodes.assign(1, {});
  flame.nodes[0].total = totals[0];
  flame.nodes[0].self = nodes_[0].self;
  flame.nodes[0].objects = objects[0];
  std::vector<std::uint32_t> source{0};  // number here, by number in the flame
  for (std::uint32_t at = 0; at < flame.nodes.size(); ++at) {
    const Growing& grown = nodes_[source[at]];
    std::vector<std::uint32_t> children;
    for (const auto& [frame, child] : grown.children)
      if (totals[child] != 0) children.push_back(child);
    std::sort(children.begin(), children.end(), [&](std::uint32_t a, std::uint32_t b) {
      if (totals[a] != totals[b]) return totals[a] > totals[b];
      const Frame &fa = nodes_[a].frame, &fb = nodes_[b].frame;
      const int order = flame.names[fa.name].compare(flame.names[fb.name]);
      return order != 0 ? order < 0 : fa < fb;
    });
    flame.nodes[at].firstChild = static_cast<std::uint32_t>(flame.nodes.size());
    flame.nodes[at].childCount = static_cast<std::uint32_t>(children.size());
    for (const std::uint32_t child : children) {
      FlameNode node;
      node.name = nodes_[child].frame.name;
      node.inlined = nodes_[child].frame.inlined;
      node.parent = at;
      node.depth = flame.nodes[at].depth + 1;
      node.self = nodes_[child].self;
      node.total = totals[child];
      node.objects = objects[child];
      node.site = nodes_[child].site;
      flame.deepest = std::max(flame.deepest, node.depth);
      flame.nodes.push_back(node);
      source.push_back(child);
    }
  }
}

// What the objects of each site retain: those that no other of the same site dominates.
std::vector<std::uint64_t> retainedBySite(const Snapshot& s, const std::stop_token& stop, const ScopeSelection* scope) {
  std::vector<std::uint64_t> bytes(s.sites().size());
  if (s.dominatedBy(std::nullopt).empty()) return bytes;
  std::vector<std::uint32_t> above(bytes.size());
  std::uint32_t steps = 0;
  bool stopped = false;
  DominatorTree(s).walk(
      [&](std::uint32_t object, unsigned) {
        if (inScope(scope, ObjectIndex(object))) {
          const std::uint32_t site = s.site(ObjectIndex(object)).value;
          if (above[site]++ == 0) bytes[site] += s.retained(ObjectIndex(object)).value;
        }
        if ((++steps & 0xffff) == 0) stopped = stop.stop_requested();
        return !stopped;
      },
      [&](std::uint32_t object) {
        if (inScope(scope, ObjectIndex(object))) --above[s.site(ObjectIndex(object)).value];
      });
  return bytes;
}

}  // namespace

const char* toText(FlameWeight weight) {
  switch (weight) {
    case FlameWeight::kLiveBytes:
      return "live bytes";
    case FlameWeight::kAllocatedBytes:
      return "allocated bytes";
    case FlameWeight::kFreedBytes:
      return "freed bytes";
    case FlameWeight::kRetainedBytes:
      return "retained bytes";
  }
  return "live bytes";
}

bool knownOf(const ScopeSelection* scope, FlameWeight weight) {
  return scope == nullptr || scope->churnKnown || weight == FlameWeight::kLiveBytes || weight == FlameWeight::kRetainedBytes;
}

FlameGraph computeFlameGraph(const Snapshot& snapshot, FlameWeight weight, std::stop_token stop, const ScopeSelection* scope) {
  FlameGraph flame;
  flame.weight = weight;
  if (scope != nullptr) flame.scope = labelOf(snapshot, scope->scope);
  Names names(snapshot, flame);
  names.intern("all", "", 0);
  flame.nodes.emplace_back();
  if (!knownOf(scope, weight)) {
    flame.note = fmt::format("{} are counted by site and stack alone, so of a scope of anything else they are not known.",
                             weight == FlameWeight::kAllocatedBytes ? "Allocated bytes" : "Freed bytes");
    return flame;
  }
  const std::vector<StackRow> stacks = computeStacks(snapshot, stop, scope);
  const std::vector<SiteRow> sites = computeSites(snapshot, stop, true, scope);
  std::vector<std::uint64_t> retained;
  if (weight == FlameWeight::kRetainedBytes) retained = retainedBySite(snapshot, stop, scope);
  if (stop.stop_requested()) return flame;

  // A site's whole, and the weights of its stacks that split it.
  std::vector<std::vector<const StackRow*>> stacksOf(snapshot.sites().size());
  for (const StackRow& row : stacks) stacksOf[row.site.value].push_back(&row);
  Tree tree;
  std::uint32_t noStack = 0;
  bool sampled = false;
  for (const SiteRow& row : sites) {
    std::uint64_t whole = 0;
    Certainty certainty = Certainty::kExact;
    switch (weight) {
      case FlameWeight::kLiveBytes:
        whole = row.shallow.value;
        break;
      case FlameWeight::kAllocatedBytes:
        whole = row.churn.allocatedBytes.value;
        certainty = row.churn.allocatedCertainty;
        break;
      case FlameWeight::kFreedBytes:
        whole = row.churn.freedBytes.value;
        certainty = row.churn.freedCertainty;
        break;
      case FlameWeight::kRetainedBytes:
        whole = retained[row.site.value];
        certainty = Certainty::kLowerBound;
        break;
    }
    if (whole == 0) continue;
    flame.totalCertainty = std::max(flame.totalCertainty, certainty);
    const std::vector<const StackRow*>& own = stacksOf[row.site.value];
    std::vector<double> weights;
    for (const StackRow* stack : own) {
      switch (weight) {
        case FlameWeight::kLiveBytes:
        case FlameWeight::kRetainedBytes:
          weights.push_back(static_cast<double>(stack->liveBytes.value));
          break;
        case FlameWeight::kAllocatedBytes:
          weights.push_back(static_cast<double>(stack->churn.allocatedBytes.value));
          break;
        case FlameWeight::kFreedBytes:
          weights.push_back(static_cast<double>(stack->churn.freedBytes.value));
          break;
      }
    }
    const std::vector<std::uint64_t> parts = splitInProportion(whole, weights);
    std::uint64_t split = 0;
    for (std::size_t i = 0; i < own.size(); ++i) {
      split += parts[i];
      if (parts[i] == 0) continue;
      sampled = true;
      const StackInfo& info = snapshot.stacks()[own[i]->stack];
      std::uint32_t node = FlameGraph::kRoot;
      if (info.truncated) node = tree.child(node, {names.intern("[deeper frames not recorded]", "", 0), false});
      for (auto pc = info.pcs.rbegin(); pc != info.pcs.rend(); ++pc)
        for (const Frame& frame : names.frames(*pc)) node = tree.child(node, frame);
      if (!names.showsSite(info, row.site)) node = tree.child(node, {names.site(row.site), false});
      const bool live = weight == FlameWeight::kLiveBytes || weight == FlameWeight::kRetainedBytes;
      tree.add(node, parts[i], live ? own[i]->sampledObjects : own[i]->samples, row.site);
    }
    if (split == whole) continue;
    // No sample tells who called this site.
    if (noStack == 0) noStack = tree.child(FlameGraph::kRoot, {names.intern(kNoStack, "", 0), false});
    tree.add(tree.child(noStack, {names.site(row.site), false}), whole - split, 0, row.site);
    flame.withoutStack += whole - split;
  }
  tree.layOut(flame);
  if (!snapshot.report().complete()) flame.totalCertainty = std::max(flame.totalCertainty, Certainty::kLowerBound);
  flame.splitCertainty = sampled ? Certainty::kSampled : flame.totalCertainty;
  flame.note = fmt::format("A site's {} are split over its stacks in proportion to their samples{}; {} of all has no stack, only its site.",
                           toText(weight),
                           snapshot.stackMeanInterval() == 0 ? "" : fmt::format(" (one in {} allocated)", toText(Bytes(snapshot.stackMeanInterval()))),
                           percentText(flame.withoutStack, flame.nodes.front().total));
  if (weight == FlameWeight::kRetainedBytes)
    flame.note += " Memory that one site keeps alive through another counts at both.";
  return flame;
}

}  // namespace openclaw
