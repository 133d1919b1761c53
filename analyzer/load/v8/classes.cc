#include "analyzer/load/v8/classes.h"

#include <fmt/format.h>

#include <algorithm>

namespace openclaw::v8 {
namespace {

std::string className(const TypeNumbers::Key& key, const StringTable& strings, const std::vector<std::string>& kindNames) {
  switch (key.kind) {
    case NodeKind::kHidden: return "(system)";
    case NodeKind::kCode: return "(compiled code)";
    case NodeKind::kClosure: return "Function";
    case NodeKind::kRegExp: return "RegExp";
    case NodeKind::kObject:
    case NodeKind::kNative: {
      std::string name = key.detached ? "Detached " : "";
      name += strings[key.name];
      const std::size_t tag = name.starts_with('<') ? 0 : name.starts_with("Detached <") ? 10 : std::string::npos;
      if (tag != std::string::npos)
        if (const std::size_t space = name.find(' ', tag); space != std::string::npos) name = name.substr(0, space) + ">";
      for (char& c : name)
        if (static_cast<unsigned char>(c) < 0x20) c = ' ';
      return name.empty() ? "(no name)" : name;
    }
    default:
      return key.kindNumber < kindNames.size() ? fmt::format("({})", kindNames[key.kindNumber]) : "(kind lost)";
  }
}

// Attached wins over detached; a state goes from native node to native node and never through JavaScript, whose wrappers know
// their own.
void spread(const Graph& graph, Buffer<std::uint8_t>& states, const Work& work) {
  Buffer<std::uint8_t> visited(graph.objects);
  std::vector<std::uint32_t> attached, detached;
  const auto take = [&](std::uint32_t object, std::uint8_t state) {
    if (visited[object] != 0) return;
    visited[object] = 1;
    if (graph.kind(object) != NodeKind::kNative) return;
    states[object] = state;
    if (state == kAttached) attached.push_back(object);
    if (state == kDetached) detached.push_back(object);
  };
  const auto give = [&](std::uint32_t object, std::uint8_t state) {
    for (std::uint64_t edge = graph.first.begin(object); edge < graph.first.end(object); ++edge) {
      const EdgeKind kind = graph.names.labels.kind(edge);
      if (graph.slots[edge] != 0 && kind != EdgeKind::kHidden && kind != EdgeKind::kWeak) take(graph.slots[edge] - 1, state);
    }
  };
  const auto popped = [](std::vector<std::uint32_t>& from) {
    const std::uint32_t object = from.back();
    from.pop_back();
    return object;
  };
  for (std::uint32_t object = 0; object < graph.objects; ++object)
    if (states[object] != kUnknown) take(object, states[object]);
  work.throwIfStopped();
  while (!attached.empty()) give(popped(attached), kAttached);
  work.throwIfStopped();
  while (!detached.empty())
    if (const std::uint32_t object = popped(detached); states[object] != kAttached) give(object, kDetached);
}

}  // namespace

std::uint32_t TypeNumbers::of(NodeKind kind, std::uint32_t kindNumber, std::uint32_t name) {
  const bool byName = kind == NodeKind::kObject || kind == NodeKind::kNative;
  const std::uint64_t key = std::uint64_t{kindNumber} << 32 | (byName ? name : 0);
  Recent& recent = recent_[(key ^ key >> 32) & 255];
  if (recent.number != 0 && recent.key == key) return recent.number - 1;
  const auto [at, added] = numberOf_.emplace(key, static_cast<std::uint32_t>(keys_.size()));
  if (added) keys_.push_back({kind, kindNumber, byName ? name : 0});
  recent = {key, at->second + 1};
  return at->second;
}

void nameTypes(Graph& graph, const TypeNumbers& numbers, const std::vector<std::string>& kindNames, Buffer<std::uint8_t> states,
               SnapshotState& state, const Work& work) {
  const std::vector<TypeNumbers::Key>& keys = numbers.keys();
  if (!states.empty()) spread(graph, states, work);
  std::unordered_map<std::string, std::uint32_t> typeNamed;
  std::vector<NodeKind> kinds;
  const auto typeOf = [&](const TypeNumbers::Key& key) {
    std::string name = className(key, graph.names.strings, kindNames);
    // Policies and texts ask for the kind: objects whose constructor is called "Function" are a type of their own.
    const auto [at, added] =
        typeNamed.emplace(fmt::format("{}\n{}", static_cast<int>(key.kind), name), static_cast<std::uint32_t>(state.types.size()));
    if (added) {
      TypeInfo& type = state.types.emplace_back();
      type.name = std::move(name);
      type.isText = key.kind == NodeKind::kString || key.kind == NodeKind::kConsString || key.kind == NodeKind::kSlicedString;
      kinds.push_back(key.kind);
    }
    return at->second;
  };
  constexpr std::uint32_t kNone = 0xffff'ffffu;
  std::vector<std::uint32_t> plain(keys.size(), kNone), detached(keys.size(), kNone);
  for (std::uint32_t object = 0; object < graph.objects; ++object) {
    if ((object & (kStepsBetweenChecks - 1)) == 0) work.throwIfStopped();
    std::uint32_t& type = graph.types[object];
    const bool isDetached = !states.empty() && states[object] == kDetached && keys[type].kind == NodeKind::kNative;
    std::uint32_t& known = isDetached ? detached[type] : plain[type];
    if (known == kNone) {
      TypeNumbers::Key key = keys[type];
      key.detached = isDetached;
      known = typeOf(key);
    }
    type = known;
  }
  graph.names.kindOfType = std::move(kinds);
}

}  // namespace openclaw::v8
