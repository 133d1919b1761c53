#include "analyzer/graph/merged_paths.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "analyzer/graph/edge_table.h"
#include "analyzer/graph/shortest_path_tree.h"
#include "analyzer/report/numbers.h"
#include "analyzer/snapshot_state.h"

namespace openclaw {
namespace {

// What makes two places stand in one row below the same row: the type, and the field that leads there. A field is a
// slot number of the parent's type, all elements taken as the first, or a label of an import; below the roots it
// is kind and site of the root.
struct RowKey {
  std::uint32_t kind, field, type;
  auto operator<=>(const RowKey&) const = default;
};

struct Group {
  std::vector<std::uint32_t> places;
  std::uint64_t members = 0, bytes = 0;
  std::string label;
};
using Groups = std::map<RowKey, Group>;

class Merger {
 public:
  Merger(const Snapshot& snapshot, const MergedPathsOptions& options, const std::stop_token& stop)
      : s_(snapshot), state_(SnapshotBuilder::stateOf(snapshot)), options_(options), stop_(stop), tree_(snapshot, stop) {}

  MergedPaths run(const std::function<bool(ObjectIndex)>& isMember) {
    const std::uint32_t places = tree_.size();
    members_ = Buffer<std::uint32_t>(places);
    bytes_ = Buffer<std::uint64_t>(places);
    std::uint64_t asked = 0;
    for (std::uint32_t i = 0; i < s_.objectCount(); ++i) {
      if ((i & 0xffff) == 0 && stop_.stop_requested()) return {};
      asked += isMember(ObjectIndex(i));
    }
    for (std::uint32_t place = 0; place < places; ++place) {
      const ObjectIndex object = tree_.object(place);
      if (!isMember(object)) continue;
      ++members_[place];
      bytes_[place] += s_.size(object).value;
      ++merged_.members;
      merged_.memberBytes += s_.size(object);
    }
    merged_.unreachable = asked - merged_.members;
    for (std::uint32_t place = places; place-- > 0;) {
      const std::uint32_t parent = tree_.parent(place);
      if (parent == ShortestPathTree::kNoPlace) continue;
      members_[parent] += members_[place];
      bytes_[parent] += bytes_[place];
    }
    Groups roots;
    for (std::uint32_t place = 0; place < tree_.rootHeld(); ++place) {
      if (members_[place] == 0) continue;
      const RootInfo& root = rootOf(tree_.object(place));
      add(roots, {static_cast<std::uint32_t>(root.kind), root.site.value, s_.type(root.object).value}, place,
          [&] {
            RootInfo any = root;  // one row for all roots of this kind and site: without what only this one has
            any.slot = {};
            any.thread = kNoThread;
            return rootText(s_, any);
          });
    }
    show(std::move(roots), 0);
    if (stop_.stop_requested()) return {};
    return std::move(merged_);
  }

 private:
  const RootInfo& rootOf(ObjectIndex object) const {
    return *std::lower_bound(s_.roots().begin(), s_.roots().end(), object,
                             [](const RootInfo& root, ObjectIndex wanted) { return root.object < wanted; });
  }

  template <class Label>
  void add(Groups& groups, const RowKey& key, std::uint32_t place, Label label) const {
    Group& group = groups[key];
    if (group.places.empty()) group.label = label();
    group.places.push_back(place);
    group.members += members_[place];
    group.bytes += bytes_[place];
  }

  // The children of a place that members are reached through, each with its key.
  template <class See>
  void forChildren(std::uint32_t place, See see) const {
    std::uint32_t child = tree_.firstChild(place);
    const std::uint32_t last = tree_.lastChild(place);
    const ObjectIndex object = tree_.object(place);
    const TypeIndex type = s_.type(object);
    const auto fields = static_cast<std::uint32_t>(s_.types()[type].fields.size());
    const auto elementFields = static_cast<std::uint32_t>(s_.types()[type].elementFields.size());
    const std::uint64_t firstLabel = state_.labels.empty() ? 0 : state_.edges.firstSlot(object.value);
    // Children come in the order of the slots that found them, so one walk over the slots names them all.
    for (EdgeCursor edge = s_.edgesFrom(object); edge && child < last; edge.next()) {
      if (edge.target() != tree_.object(child) || !keepsAlive(s_.strengthOf(object, edge))) continue;
      if (members_[child] != 0) {
        std::uint32_t field = edge.slot();
        if (!state_.labels.empty())
          field = state_.labels[firstLabel + edge.slot()];
        else if (field >= fields && elementFields != 0)
          field = fields + (field - fields) % elementFields;
        see(RowKey{0, field, s_.type(edge.target()).value}, child, object, edge.slot());
      }
      ++child;
    }
  }

  // "[17].value" → "[*].value".
  std::string fieldName(ObjectIndex source, std::uint32_t slot) const {
    const std::string label = s_.labelOf(source, slot);
    const std::size_t close = label.find(']');
    return label.starts_with('[') && close != std::string::npos ? "[*" + label.substr(close) : label;
  }

  void show(Groups groups, unsigned depth) {
    std::vector<std::pair<const RowKey, Group>*> order;
    for (auto& entry : groups) order.push_back(&entry);
    std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
      return std::tie(a->second.members, a->second.bytes) > std::tie(b->second.members, b->second.bytes);
    });
    MergedPathRow rest;
    std::size_t shown = 0;
    for (auto* entry : order) {
      Group& group = entry->second;
      const bool small =
          static_cast<double>(group.members) < options_.minimumShare * static_cast<double>(merged_.members);
      if (stop_.stop_requested()) return;
      if (depth >= options_.depth || shown >= options_.top || small) {
        rest.objects += group.places.size();
        rest.members += group.members;
        rest.memberBytes += Bytes(group.bytes);
        continue;
      }
      ++shown;
      row(entry->first, group, depth);
    }
    if (rest.members != 0) {
      rest.depth = depth;
      merged_.rows.push_back(rest);
    }
  }

  void row(const RowKey& key, Group& group, unsigned depth) {
    MergedPathRow row;
    row.depth = depth;
    row.label = std::move(group.label);
    row.type = TypeIndex(key.type);
    row.members = group.members;
    row.memberBytes = Bytes(group.bytes);
    Groups below;
    // Objects that hang in their like stay in the row: the list of places grows while it is read.
    std::vector<std::uint32_t>& places = group.places;
    std::size_t levelEnd = places.size();
    for (std::size_t i = 0; i < places.size(); ++i) {
      if (i == levelEnd) {
        ++row.levels;
        levelEnd = places.size();
      }
      row.membersHere += members_[places[i]];
      forChildren(places[i], [&](const RowKey& child, std::uint32_t place, ObjectIndex source, std::uint32_t slot) {
        row.membersHere -= members_[place];
        if (child.type == key.type) {
          places.push_back(place);
          return;
        }
        add(below, child, place, [&] { return fieldName(source, slot); });
      });
    }
    row.objects = places.size();
    if (places.size() == 1) row.single = tree_.object(places.front());
    places = {};
    merged_.rows.push_back(std::move(row));
    show(std::move(below), depth + 1);
  }

  const Snapshot& s_;
  const SnapshotState& state_;
  const MergedPathsOptions& options_;
  const std::stop_token& stop_;
  const ShortestPathTree tree_;
  Buffer<std::uint32_t> members_;  // by place: asked objects in its subtree
  Buffer<std::uint64_t> bytes_;
  MergedPaths merged_;
};

}  // namespace

MergedPaths computeMergedPaths(const Snapshot& snapshot, const std::function<bool(ObjectIndex)>& isMember,
                               const MergedPathsOptions& options, std::stop_token stop) {
  return Merger(snapshot, options, stop).run(isMember);
}

}  // namespace openclaw
