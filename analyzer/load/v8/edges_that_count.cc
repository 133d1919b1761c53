#include "analyzer/load/v8/edges_that_count.h"

#include <algorithm>
#include <bit>
#include <stdexcept>
#include <type_traits>

namespace openclaw::v8 {
namespace {

constexpr auto kWeakByte = static_cast<std::uint8_t>(Strength::kWeak), kEphemeronByte = static_cast<std::uint8_t>(Strength::kEphemeron);

// A set of objects or names.
class Bits {
 public:
  explicit Bits(std::size_t size) : words_((size + 63) / 64) {}
  bool operator[](std::size_t i) const { return (words_[i / 64] >> (i % 64) & 1) != 0; }
  void set(std::size_t i) { words_[i / 64] |= std::uint64_t{1} << (i % 64); }

 private:
  Buffer<std::uint64_t> words_;
};

// visit(source, edge, target) for every reference that is there.
template <class Visit>
void forEachEdge(const Graph& graph, const Work& work, Visit visit) {
  std::uint64_t edge = 0;
  for (std::uint32_t source = 0; source < graph.objects; ++source) {
    const std::uint64_t end = graph.first.end(source);
    for (; edge < end; ++edge) {
      if ((edge & (kStepsBetweenChecks - 1)) == 0) work.throwIfStopped();
      if (const std::uint32_t target = graph.slots[edge]; target != 0) visit(source, edge, target - 1);
    }
  }
}

// "12 / part of key (Foo @345) -> value (Bar @67) pair in WeakMap (table @89)": the table's id. 0 = no such name.
// As DevTools' expression: ^\d+ / part of key \(.*? @\d+\) -> value \(.*? @\d+\) pair in WeakMap \(table @(\d+)\)$
std::uint64_t ephemeronTable(std::string_view name) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  constexpr std::string_view kKey = " / part of key (", kValue = ") -> value (", kTable = ") pair in WeakMap (table @";
  std::size_t at = 0;
  while (at < name.size() && digit(name[at])) ++at;
  if (at == 0 || name.substr(at, kKey.size()) != kKey) return 0;
  const std::size_t keyAt = at + kKey.size();
  if (name.back() != ')' || name.find_first_of("\n\r") != std::string_view::npos) return 0;
  const std::size_t tableAt = name.rfind(kTable);
  if (tableAt == std::string_view::npos) return 0;
  std::uint64_t table = 0;
  std::size_t i = tableAt + kTable.size();
  for (; i < name.size() && digit(name[i]); ++i) table = table * 10 + static_cast<unsigned>(name[i] - '0');
  if (i + 1 != name.size() || i == tableAt + kTable.size()) return 0;
  // " @digits" in front of `end`, not before `from`.
  const auto endsWithId = [&](std::size_t from, std::size_t end) {
    std::size_t start = end;
    while (start > from && digit(name[start - 1])) --start;
    return start < end && start >= from + 2 && name[start - 1] == '@' && name[start - 2] == ' ';
  };
  for (std::size_t valueAt = name.find(kValue, keyAt); valueAt != std::string_view::npos && valueAt < tableAt;
       valueAt = name.find(kValue, valueAt + 1))
    if (endsWithId(keyAt, valueAt) && endsWithId(valueAt + kValue.size(), tableAt)) return table;
  return 0;
}

// A value of a WeakMap is held by its table and its key together; the file has a reference from each. Either would do to lose
// it, so only the key's counts: a table is kept for ever by whoever made it, the key says why the value is still there.
void weakenTables(Graph& graph, const Work& work) {
  const StringTable& strings = graph.names.strings;
  Bits isEphemeron(strings.size());
  std::unordered_map<std::uint64_t, std::uint64_t> tables;
  for (std::uint32_t name = 0; name < strings.size(); ++name) {
    if ((name & (kStepsBetweenChecks - 1)) == 0) work.throwIfStopped();
    const std::string_view text = strings[name];
    if (text.empty() || text[0] < '0' || text[0] > '9') continue;
    if (const std::uint64_t table = ephemeronTable(text); table != 0) {
      isEphemeron.set(name);
      tables.emplace(name, table);
    }
  }
  if (tables.empty()) return;
  forEachEdge(graph, work, [&](std::uint32_t source, std::uint64_t edge, std::uint32_t) {
    if (graph.names.labels.kind(edge) != EdgeKind::kInternal) return;
    const std::uint64_t name = graph.names.labels.at(edge).nameOrIndex;
    if (name < strings.size() && isEphemeron[name] && tables.at(name) == graph.ids[source]) graph.strengths[edge] = kEphemeronByte;
  });
}

bool isDocumentTrees(const Graph& graph, std::uint32_t object) {
  return graph.kind(object) == NodeKind::kSynthetic && graph.name(object) == "(Document DOM trees)";
}

// Everything that those waiting reach over references for which follow(edge) holds, added to `reached`.
template <class Follow>
void reach(const Graph& graph, std::vector<std::uint32_t>& waiting, Bits& reached, const Work& work, Follow follow) {
  std::uint32_t steps = 0;
  while (!waiting.empty()) {
    const std::uint32_t source = waiting.back();
    waiting.pop_back();
    const std::uint64_t end = graph.first.end(source);
    for (std::uint64_t edge = graph.first.begin(source); edge < end; ++edge) {
      if ((++steps & (kStepsBetweenChecks - 1)) == 0) work.throwIfStopped();
      const std::uint32_t target = graph.slots[edge];
      if (target == 0 || reached[target - 1] || !follow(edge)) continue;
      reached.set(target - 1);
      waiting.push_back(target - 1);
    }
  }
}

// What belongs to the page and not to the debugger. DevTools begins at the root's shortcuts and the trees of documents; memlab
// means to, but skips exactly these and begins at all others.
Bits pageOwned(const Graph& graph, Policy policy, const Work& work) {
  Bits owned(graph.objects);
  std::vector<std::uint32_t> waiting;
  for (std::uint64_t edge = graph.first.begin(graph.root); edge < graph.first.end(graph.root); ++edge) {
    if (graph.slots[edge] == 0) continue;
    const std::uint32_t target = graph.slots[edge] - 1;
    const EdgeKind kind = graph.names.labels.kind(edge);
    const bool entry = kind == EdgeKind::kShortcut || (kind == EdgeKind::kElement && isDocumentTrees(graph, target));
    if (entry != (policy == Policy::kV8Devtools)) continue;
    owned.set(target);
    waiting.push_back(target);
  }
  reach(graph, waiting, owned, work, [&](std::uint64_t edge) { return graph.names.labels.kind(edge) != EdgeKind::kWeak; });
  return owned;
}

// Both tools: weak never; shortcuts only from the root, where they mark the page's global objects; nothing of others into what
// the page owns.
void weakenInessential(Graph& graph, Policy policy, const Work& work) {
  const Bits owned = pageOwned(graph, policy, work);
  forEachEdge(graph, work, [&](std::uint32_t source, std::uint64_t edge, std::uint32_t target) {
    if (source == graph.root || graph.strengths[edge] != 0) return;
    if (graph.names.labels.kind(edge) == EdgeKind::kShortcut || (owned[target] && !owned[source])) graph.strengths[edge] = kWeakByte;
  });
}

// Both tools run Lengauer-Tarjan from the root, then give the rest to the root in two steps:
//  1. each object that only inessential references lead to, in order, with what it reaches in turn;
//  2. what is left (rings): each object by itself. It dominates nothing. A reference from it into what was reached counts if
//     the object's semi-dominator became the root, which is so when no essential reference leads to it, or one from such an
//     object further behind does: vertices are processed from the last to the first.
// The same answer comes out when the root has references to these objects, and to the targets named in 2.
std::uint64_t hangUnderRoot(Graph& graph, Policy policy, const Work& work) {
  Bits reached(graph.objects), hasReferrer(graph.objects), essentiallyReferred(graph.objects);
  forEachEdge(graph, work, [&](std::uint32_t source, std::uint64_t edge, std::uint32_t target) {
    const bool essential = graph.strengths[edge] == 0 && source != target;
    if (essential) essentiallyReferred.set(target);
    const EdgeKind kind = graph.names.labels.kind(edge);
    if (policy == Policy::kV8Devtools ? essential : kind != EdgeKind::kWeak && kind != EdgeKind::kShortcut) hasReferrer.set(target);
  });
  const auto essential = [&](std::uint64_t edge) { return graph.strengths[edge] == 0; };
  std::vector<std::uint32_t> waiting{graph.root};
  reached.set(graph.root);
  reach(graph, waiting, reached, work, essential);
  std::vector<std::uint32_t> hung;   // targets of the root's new references
  for (std::uint32_t object = 0; object < graph.objects; ++object) {
    if (reached[object] || hasReferrer[object]) continue;
    hung.push_back(object);
    reached.set(object);
    waiting.push_back(object);
    reach(graph, waiting, reached, work, essential);
  }
  const std::size_t first = hung.size();
  for (std::uint32_t object = 0; object < graph.objects; ++object)
    if (!reached[object]) hung.push_back(object);
  const std::size_t rings = hung.size();
  Bits rootedReferrer(graph.objects);
  for (std::size_t i = rings; i-- > first;) {   // from the last to the first
    const std::uint32_t object = hung[i];
    const bool rooted = !essentiallyReferred[object] || rootedReferrer[object];
    for (std::uint64_t edge = graph.first.begin(object); edge < graph.first.end(object); ++edge) {
      const std::uint32_t target = graph.slots[edge];
      if (target == 0 || !essential(edge) || target - 1 == object) continue;
      if (rooted) {
        rootedReferrer.set(target - 1);
        if (reached[target - 1]) hung.push_back(target - 1);
      }
      graph.strengths[edge] = kWeakByte;
    }
  }
  // The new references stand behind the root's own.
  std::sort(hung.begin(), hung.end());
  hung.erase(std::unique(hung.begin(), hung.end()), hung.end());
  hung.erase(std::remove(hung.begin(), hung.end(), graph.root), hung.end());
  if (hung.empty()) return 0;
  const std::uint64_t at = graph.first.end(graph.root), count = hung.size(), total = graph.slots.size() + count;
  PagedOffsets offsets(graph.objects);
  for (std::uint32_t object = 0; object < graph.objects; ++object)
    offsets.countWhileBuilding(object) = graph.first.count(object) + (object == graph.root ? static_cast<std::uint32_t>(count) : 0);
  if (!offsets.tryFinish()) throw std::length_error("more than 2^32 references in 65,536 neighbouring objects");
  graph.first = std::move(offsets);
  const auto widen = [&](auto& column, const auto& fill) {
    std::remove_reference_t<decltype(column)> wide(total);
    std::copy_n(column.data(), at, wide.data());
    for (std::size_t i = 0; i < count; ++i) wide[at + i] = fill(i);
    std::copy_n(column.data() + at, column.size() - at, wide.data() + at + count);
    column = std::move(wide);
  };
  widen(graph.slots, [&](std::size_t i) { return hung[i] + 1; });
  widen(graph.strengths, [](std::size_t) { return std::uint8_t{0}; });
  graph.names.labels.insert(at, count, EdgeKind::kOther, graph.names.strings.size());
  graph.names.strings.add("(not reached from the root)");
  return count;
}

// DevTools gives the bytes of backing stores to the only object that holds them.
void moveSizesToOwners(Graph& graph, const Work& work) {
  bool userRoots = false;
  for (std::uint64_t edge = graph.first.begin(graph.root); edge < graph.first.end(graph.root); ++edge)
    if (const std::uint32_t target = graph.slots[edge]; target != 0)
      userRoots = userRoots || graph.kind(target - 1) != NodeKind::kSynthetic || isDocumentTrees(graph, target - 1);
  if (!userRoots) return;   // written with internals exposed: DevTools shows it as it is
  constexpr std::uint32_t kNobody = 0xffff'ffffu, kSeveral = 0xffff'fffeu;
  Buffer<std::uint32_t> owner(graph.objects);
  std::vector<std::uint32_t> waiting;
  for (std::uint32_t object = 0; object < graph.objects; ++object) {
    const NodeKind kind = graph.kind(object);
    const bool ownable = kind == NodeKind::kHidden || kind == NodeKind::kArray ||
                         (kind == NodeKind::kNative && graph.name(object) == "system / ExternalStringData");
    owner[object] = ownable ? kNobody : object;
    if (!ownable) waiting.push_back(object);
  }
  std::uint32_t steps = 0;
  while (!waiting.empty()) {
    const std::uint32_t source = waiting.back(), own = owner[source];
    waiting.pop_back();
    for (std::uint64_t edge = graph.first.begin(source); edge < graph.first.end(source); ++edge) {
      if ((++steps & (kStepsBetweenChecks - 1)) == 0) work.throwIfStopped();
      if (graph.slots[edge] == 0 || graph.names.labels.kind(edge) == EdgeKind::kWeak) continue;
      const std::uint32_t target = graph.slots[edge] - 1, now = owner[target];
      if (now == target || now == own || now == kSeveral) continue;
      owner[target] = now == kNobody ? own : kSeveral;
      waiting.push_back(target);
    }
  }
  for (std::uint32_t object = 0; object < graph.objects; ++object) {
    const std::uint32_t to = owner[object];
    if (to == kNobody || to == kSeveral || to == object || to == graph.root || graph.kind(to) == NodeKind::kSynthetic) continue;
    graph.sizes.set(to, graph.sizes[to] + graph.sizes[object]);
    graph.sizes.set(object, 0);
  }
}

}  // namespace

void SizeColumn::push(std::uint64_t size) {
  if (size >= kBig) big_[static_cast<std::uint32_t>(low_.size())] = size;
  low_.push(static_cast<std::uint32_t>(std::min<std::uint64_t>(size, kBig)));
}
void SizeColumn::set(std::uint32_t object, std::uint64_t size) {
  low_[object] = static_cast<std::uint32_t>(std::min<std::uint64_t>(size, kBig));
  if (size >= kBig) big_[object] = size;
}

ShallowSizes SizeColumn::take() {
  const auto objects = static_cast<std::uint32_t>(low_.size());
  std::uint64_t bits = 0;
  for (std::uint32_t object = 0; object < objects; ++object) bits |= (*this)[object];
  ShallowSizes sizes;
  sizes.unitShift = bits == 0 ? 0 : std::min(31u, static_cast<unsigned>(std::countr_zero(bits)));
  std::size_t past16 = 0;
  for (std::uint32_t object = 0; object < objects; ++object) past16 += (*this)[object] >> sizes.unitShift >= 0xffff;
  const bool narrow = past16 <= objects / 16;   // a row in the side table costs 16 bytes
  sizes.sideMark = narrow ? 0xffffu : 0xffff'ffffu;
  Buffer<std::uint16_t> units16(narrow ? objects : 0);
  Buffer<std::uint32_t> units32(narrow ? 0 : objects);
  for (std::uint32_t object = 0; object < objects; ++object) {
    const std::uint64_t size = (*this)[object], units = std::min<std::uint64_t>(size >> sizes.unitShift, sizes.sideMark);
    if (units == sizes.sideMark) sizes.side.emplace_back(object, size);
    if (narrow) units16[object] = static_cast<std::uint16_t>(units);
    else units32[object] = static_cast<std::uint32_t>(units);
  }
  sizes.units = narrow ? NarrowColumn(Column<std::uint16_t>::owning(std::move(units16)))
                       : NarrowColumn(Column<std::uint32_t>::owning(std::move(units32)));
  low_ = Growing<std::uint32_t>();
  big_.clear();
  return sizes;
}

std::uint64_t applyPolicy(Graph& graph, Policy policy, const Work& work) {
  if (graph.objects == 0) return 0;
  if (policy != Policy::kMemlab) weakenTables(graph, work);
  if (policy == Policy::kStrict) {
    // A shortcut stands for a way that the file shows as well.
    forEachEdge(graph, work, [&](std::uint32_t, std::uint64_t edge, std::uint32_t) {
      if (graph.names.labels.kind(edge) == EdgeKind::kShortcut) graph.strengths[edge] = kWeakByte;
    });
    return 0;
  }
  weakenInessential(graph, policy, work);
  if (policy == Policy::kV8Devtools) moveSizesToOwners(graph, work);
  return hangUnderRoot(graph, policy, work);
}

std::vector<GraphRoot> rootsOf(const Graph& graph, Policy policy) {
  if (graph.objects == 0) return {};
  std::vector<GraphRoot> roots{{graph.root, graph.root}};
  if (policy != Policy::kStrict) return roots;
  // From the root through synthetic nodes: categories. What they hold are the roots that a collector sees.
  std::vector<std::uint32_t> waiting{graph.root};
  Bits isCategory(graph.objects);
  isCategory.set(graph.root);
  while (!waiting.empty()) {
    const std::uint32_t category = waiting.back();
    waiting.pop_back();
    for (std::uint64_t edge = graph.first.begin(category); edge < graph.first.end(category); ++edge) {
      if (graph.slots[edge] == 0 || graph.strengths[edge] != 0) continue;
      const std::uint32_t target = graph.slots[edge] - 1;
      if (isCategory[target]) continue;
      roots.push_back({target, category});
      if (graph.kind(target) != NodeKind::kSynthetic) continue;
      isCategory.set(target);
      waiting.push_back(target);
    }
  }
  // One object in one category many times (a handle each) is one root.
  const auto pair = [](const GraphRoot& root) { return std::pair(root.object, root.category); };
  std::sort(roots.begin(), roots.end(), [&](const GraphRoot& a, const GraphRoot& b) { return pair(a) < pair(b); });
  roots.erase(std::unique(roots.begin(), roots.end(), [&](const GraphRoot& a, const GraphRoot& b) { return pair(a) == pair(b); }),
              roots.end());
  return roots;
}

}  // namespace openclaw::v8
