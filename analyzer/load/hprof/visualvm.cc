#include "analyzer/load/hprof/visualvm.h"

#include <algorithm>
#include <utility>

#include "analyzer/graph/edge_builder.h"

namespace openclaw::hprof {
namespace {

constexpr std::string_view kFromUnreached = "VisualVM: also referenced from where no root leads";

}  // namespace

void applyVisualvm(SnapshotState& state, std::span<const std::uint32_t> rootsInOrder,
                   std::span<const std::uint32_t> classObjectOfType, Details& details, const Work& work) {
  const std::uint32_t objects = state.objects;
  const EdgeTable& edges = state.edges;
  Buffer<std::uint8_t> reached(objects);
  std::vector<std::uint32_t> level(rootsInOrder.begin(), rootsInOrder.end()), next;
  for (const std::uint32_t root : rootsInOrder) reached[root] = 1;
  std::vector<std::uint8_t> classSeen(state.types.size());
  std::vector<std::pair<std::uint32_t, std::uint32_t>> extra;  // (object, its class)
  std::vector<std::uint8_t> isClassObject(objects);
  for (const auto& [object, number] : details.classObjects) isClassObject[object] = 1;

  // Breadth first; references of an object in the order of the file, then its class, if it is the first of it.
  std::uint64_t steps = 0;
  while (!level.empty()) {
    next.clear();
    for (const std::uint32_t object : level) {
      if (++steps % kStepsBetweenChecks == 0) work.throwIfStopped();
      const std::uint32_t type = edges.types[object];
      const bool all = edges.mixed[type] == 0;
      for (SlotReader slots = edges.slots(object); slots.next();) {
        const std::uint32_t target = slots.entry();
        if (target == 0 || reached[target - 1] != 0) continue;
        if (!all && !keepsAlive(edges.declared[type].of(slots.slot()))) continue;
        reached[target - 1] = 1;
        next.push_back(target - 1);
      }
      const std::uint32_t cls = classObjectOfType[type];
      if (cls == AddressSet::kMissing || std::exchange(classSeen[type], std::uint8_t{1}) != 0 || reached[cls] != 0) continue;
      reached[cls] = 1;
      next.push_back(cls);
      bool declared = false;
      for (SlotReader slots = edges.slots(object); isClassObject[object] == 0 && slots.next();) declared |= slots.entry() == cls + 1;
      if (!declared) extra.emplace_back(object, cls);
    }
    level.swap(next);
  }

  // Among reached objects every reference counts for dominators, those of java.lang.ref.* too. A reference from elsewhere
  // makes its target belong to nobody.
  std::sort(extra.begin(), extra.end());
  auto added = extra.begin();
  std::vector<std::uint32_t> fromElsewhere;
  EdgeTableBuilder builder(objects);
  EdgeTableBuilder::Writer& writer = builder.writer();
  for (std::uint32_t object = 0; object < objects; ++object) {
    if (object % kStepsBetweenChecks == 0) work.throwIfStopped();
    writer.begin(object);
    for (SlotReader slots = edges.slots(object); slots.next();) {
      const std::uint32_t target = slots.entry();
      if (target == 0) {
        writer.null();
      } else if (reached[object] != 0 && reached[target - 1] == 0) {
        writer.slot(target - 1, Strength::kWeak);
      } else {
        writer.slot(target - 1);
        if (reached[object] == 0 && reached[target - 1] != 0) fromElsewhere.push_back(target - 1);
      }
    }
    for (; added != extra.end() && added->first == object; ++added) {
      writer.slot(added->second);
      details.extraSlots.push_back({object, "<class>"});
    }
    writer.end();
  }
  state.edgeCount = builder.finish(state.edges, work).edges;
  for (TypeInfo& type : state.types)
    for (FieldInfo& field : type.fields) field.strength = Strength::kStrong;

  std::sort(fromElsewhere.begin(), fromElsewhere.end());
  fromElsewhere.erase(std::unique(fromElsewhere.begin(), fromElsewhere.end()), fromElsewhere.end());
  const auto label = state.rootLabels.emplace(kFromUnreached).first;
  for (const std::uint32_t object : fromElsewhere) {
    RootInfo root;
    root.object = ObjectIndex(object);
    root.kind = RootKind::kOther;
    root.label = *label;
    root.site = SiteIndex(0);
    state.roots.push_back(root);
  }
  std::stable_sort(state.roots.begin(), state.roots.end(),
                   [](const RootInfo& a, const RootInfo& b) { return a.object < b.object; });
}

}  // namespace openclaw::hprof
