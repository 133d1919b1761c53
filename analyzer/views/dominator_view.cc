#include "analyzer/views/dominator_view.h"

#include <algorithm>
#include <map>

namespace openclaw {
namespace {

class Builder {
 public:
  Builder(const Snapshot& snapshot, const DominatorViewOptions& options, std::stop_token stop, const ScopeSelection* scope)
      : snapshot_(snapshot), options_(options), stop_(std::move(stop)), scope_(scope) {
    view_.scope = scope;
  }

  DominatorView run() {
    const auto top = childrenOf(std::nullopt);
    for (const std::uint32_t object : top) view_.total += snapshot_.retained(ObjectIndex(object));
    if (options_.byType) {
      addGroups({top.begin(), top.end()}, 0);
    } else {
      addChildren(std::nullopt, 0);
    }
    if (stop_.stop_requested()) view_.rows.clear();
    return std::move(view_);
  }

 private:
  std::span<const std::uint32_t> childrenOf(std::optional<ObjectIndex> parent) const {
    if (!parent && scope_ != nullptr) return scope_->tops;
    return snapshot_.dominatedBy(parent);
  }
  double shareOf(Bytes bytes) const {
    return view_.total.value == 0 ? 0
                                  : static_cast<double>(bytes.value) / static_cast<double>(view_.total.value);
  }
  bool small(Bytes retained) const { return shareOf(retained) < options_.minimumShare; }

  void addChildren(std::optional<ObjectIndex> parent, unsigned depth) {
    if (depth >= options_.depth || stop_.stop_requested()) return;
    const auto children = childrenOf(parent);
    std::size_t shown = 0;
    for (; shown < children.size() && shown < options_.top; ++shown) {
      const ObjectIndex child(children[shown]);
      const Bytes retained = snapshot_.retained(child);
      if (small(retained)) break;  // they come by retained size
      DominatorViewRow row;
      row.depth = depth;
      row.object = child;
      row.type = snapshot_.type(child);
      row.shallow = snapshot_.size(child);
      row.retained = retained;
      row.share = shareOf(retained);
      row.dominated = snapshot_.dominatedBy(child).size();
      view_.rows.push_back(row);
      addChildren(child, depth + 1);
    }
    DominatorViewRow rest;
    rest.depth = depth;
    rest.objects = 0;
    for (std::size_t i = shown; i < children.size(); ++i) {
      ++rest.objects;
      rest.shallow += snapshot_.size(ObjectIndex(children[i]));
      rest.retained += snapshot_.retained(ObjectIndex(children[i]));
    }
    addRest(rest);
  }

  void addRest(DominatorViewRow& rest) {
    if (rest.objects == 0) return;
    rest.share = shareOf(rest.retained);
    view_.rows.push_back(rest);
  }

  // The objects of one level, together with their kin of the same type, and below each group what its members
  // dominate, again by type.
  void addGroups(std::vector<std::uint32_t> objects, unsigned depth) {
    if (depth >= options_.depth || stop_.stop_requested()) return;
    std::map<std::uint32_t, std::pair<DominatorViewRow, std::vector<std::uint32_t>>> groups;
    for (const std::uint32_t object : objects) {
      const TypeIndex type = snapshot_.type(ObjectIndex(object));
      auto& [row, members] = groups[type.value];
      if (members.empty()) {
        row.depth = depth;
        row.type = type;
        row.objects = 0;
      }
      ++row.objects;
      row.shallow += snapshot_.size(ObjectIndex(object));
      row.retained += snapshot_.retained(ObjectIndex(object));
      members.push_back(object);
    }
    objects = {};
    std::vector<std::pair<DominatorViewRow, std::vector<std::uint32_t>>> sorted;
    for (auto& [type, group] : groups) sorted.push_back(std::move(group));
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const auto& a, const auto& b) { return a.first.retained > b.first.retained; });
    DominatorViewRow rest;
    rest.depth = depth;
    rest.objects = 0;
    std::size_t shown = 0;
    for (auto& [row, members] : sorted) {
      if (shown >= options_.top || small(row.retained)) {
        rest.objects += row.objects;
        rest.shallow += row.shallow;
        rest.retained += row.retained;
        continue;
      }
      ++shown;
      row.share = shareOf(row.retained);
      std::vector<std::uint32_t> below;
      for (const std::uint32_t member : members) {
        // An object that retains only itself dominates nothing.
        if (snapshot_.retained(ObjectIndex(member)) == snapshot_.size(ObjectIndex(member))) continue;
        const auto children = snapshot_.dominatedBy(ObjectIndex(member));
        below.insert(below.end(), children.begin(), children.end());
      }
      row.dominated = below.size();
      view_.rows.push_back(row);
      addGroups(std::move(below), depth + 1);
    }
    addRest(rest);
  }

  const Snapshot& snapshot_;
  const DominatorViewOptions& options_;
  const std::stop_token stop_;
  const ScopeSelection* scope_;
  DominatorView view_;
};

}  // namespace

DominatorView computeDominatorView(const Snapshot& snapshot, const DominatorViewOptions& options,
                                   std::stop_token stop, const ScopeSelection* scope) {
  return Builder(snapshot, options, std::move(stop), scope).run();
}

}  // namespace openclaw
