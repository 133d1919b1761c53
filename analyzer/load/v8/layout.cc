#include "analyzer/load/v8/layout.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <utility>

namespace openclaw::v8 {
namespace {

// The little of JSON that describes a snapshot, as a tree. Bounded: a hostile file gets no more than kMostValues.
struct Value {
  std::string text;                                  // of strings
  double number = 0;
  std::vector<Value> items;                          // of arrays
  std::vector<std::string> keys;                     // of objects
  std::vector<Value> members;

  const Value* member(std::string_view name) const {
    for (std::size_t i = 0; i < keys.size(); ++i)
      if (keys[i] == name) return &members[i];
    return nullptr;
  }
};
constexpr unsigned kDeepest = 16;
constexpr std::size_t kMostValues = 1u << 16;

Value readValue(JsonReader& json, unsigned depth, std::size_t& values) {
  Value value;
  const int c = json.peekToken();
  if (depth > kDeepest || ++values > kMostValues) {
    json.skipValue();
    return value;
  }
  if (c == '"') {
    json.readString(value.text);
  } else if (c == '[' || c == '{') {
    const char close = c == '[' ? ']' : '}';
    json.skip();
    while (json.peekToken() != JsonReader::kEnd && !json.accept(close)) {
      const std::uint64_t before = json.position();
      if (c == '[') {
        value.items.push_back(readValue(json, depth + 1, values));
      } else {
        std::string key;
        const bool keyed = json.readString(key).ended && json.accept(':');
        Value member = readValue(json, depth + 1, values);
        if (keyed) {
          value.keys.push_back(std::move(key));
          value.members.push_back(std::move(member));
        }
      }
      json.accept(',');
      if (json.position() == before && json.peek() != JsonReader::kEnd) json.skip();   // neither a value nor the end
    }
  } else {
    std::string token;
    for (int next = c; next != JsonReader::kEnd && (std::isalnum(next) != 0 || next == '-' || next == '+' || next == '.');
         next = json.peek()) {
      json.skip();
      if (token.size() < 32) token.push_back(static_cast<char>(next));
    }
    value.number = std::strtod(token.c_str(), nullptr);
  }
  return value;
}

std::uint64_t countIn(const Value* value) {
  return value != nullptr && value->number > 0 && value->number < 0x1p52 ? static_cast<std::uint64_t>(value->number) : 0;
}

int indexOf(const Value& fields, std::string_view name) {
  for (std::size_t i = 0; i < fields.items.size(); ++i)
    if (fields.items[i].text == name) return static_cast<int>(i);
  return Layout::kAbsent;
}
unsigned strideOf(const Value& fields) {
  return static_cast<unsigned>(std::min<std::size_t>(fields.items.size(), NumberRows::kMostFields + 1));
}

constexpr std::pair<std::string_view, NodeKind> kNodeKinds[] = {
    {"hidden", NodeKind::kHidden}, {"array", NodeKind::kArray}, {"string", NodeKind::kString}, {"object", NodeKind::kObject},
    {"code", NodeKind::kCode}, {"closure", NodeKind::kClosure}, {"regexp", NodeKind::kRegExp}, {"number", NodeKind::kNumber},
    {"native", NodeKind::kNative}, {"synthetic", NodeKind::kSynthetic}, {"concatenated string", NodeKind::kConsString},
    {"sliced string", NodeKind::kSlicedString}, {"symbol", NodeKind::kSymbol}, {"bigint", NodeKind::kBigint},
    {"object shape", NodeKind::kObjectShape}, {"wasm object", NodeKind::kWasmObject}};
constexpr std::pair<std::string_view, EdgeKind> kEdgeKinds[] = {
    {"context", EdgeKind::kContext}, {"element", EdgeKind::kElement}, {"property", EdgeKind::kProperty},
    {"internal", EdgeKind::kInternal}, {"hidden", EdgeKind::kHidden}, {"shortcut", EdgeKind::kShortcut}, {"weak", EdgeKind::kWeak}};

template <class Kind, std::size_t n>
Kind kindNamed(const std::pair<std::string_view, Kind> (&known)[n], std::string_view name) {
  for (const auto& [text, kind] : known)
    if (text == name) return kind;
  return Kind::kOther;
}

void setNodeKinds(Layout& layout, std::vector<std::string> names) {
  layout.nodes.kinds.clear();
  for (const std::string& name : names) layout.nodes.kinds.push_back(kindNamed(kNodeKinds, name));
  layout.nodes.kindNames = std::move(names);
}
void setEdgeKinds(Layout& layout, const std::vector<std::string>& names) {
  layout.edges.kinds.clear();
  for (const std::string& name : names) layout.edges.kinds.push_back(kindNamed(kEdgeKinds, name));
}

// The names behind the numbers of field `field`: types[field] is a list of them.
std::vector<std::string> namesOf(const Value* types, int field) {
  std::vector<std::string> names;
  if (types == nullptr || field < 0 || static_cast<std::size_t>(field) >= types->items.size()) return names;
  for (const Value& name : types->items[static_cast<std::size_t>(field)].items) names.push_back(name.text);
  return names;
}

bool readable(const Layout& layout) {
  const auto within = [](unsigned stride) { return stride != 0 && stride <= NumberRows::kMostFields; };
  return within(layout.nodes.stride) && within(layout.edges.stride) && layout.edges.toNode >= 0 &&
         (layout.nodes.edgeCount >= 0 || layout.edges.fromNode >= 0);
}

}  // namespace

Layout usualLayout() {
  Layout layout;
  layout.assumed = true;
  layout.nodes.stride = 7;
  layout.nodes.type = 0, layout.nodes.name = 1, layout.nodes.id = 2, layout.nodes.selfSize = 3, layout.nodes.edgeCount = 4;
  layout.nodes.traceNodeId = 5, layout.nodes.detachedness = 6;
  std::vector<std::string> names, edgeNames;
  for (const auto& [name, kind] : kNodeKinds) names.emplace_back(name);
  for (const auto& [name, kind] : kEdgeKinds) edgeNames.emplace_back(name);
  setNodeKinds(layout, std::move(names));
  setEdgeKinds(layout, edgeNames);
  layout.edges.stride = 3;
  layout.edges.type = 0, layout.edges.nameOrIndex = 1, layout.edges.toNode = 2;
  layout.functions = {.stride = 6, .name = 1, .scriptName = 2, .line = 4};
  layout.locations = {.stride = 4, .object = 0, .line = 2, .column = 3};
  return layout;
}

Layout readLayout(JsonReader& json) {
  std::size_t values = 0;
  const Value snapshot = readValue(json, 0, values);
  Layout layout;
  if (const Value* meta = snapshot.member("meta"); meta != nullptr) {
    if (const Value* fields = meta->member("node_fields"); fields != nullptr) {
      Layout::Nodes& nodes = layout.nodes;
      nodes.stride = strideOf(*fields);
      nodes.type = indexOf(*fields, "type"), nodes.name = indexOf(*fields, "name"), nodes.id = indexOf(*fields, "id");
      nodes.selfSize = indexOf(*fields, "self_size"), nodes.edgeCount = indexOf(*fields, "edge_count");
      nodes.traceNodeId = indexOf(*fields, "trace_node_id"), nodes.detachedness = indexOf(*fields, "detachedness");
      setNodeKinds(layout, namesOf(meta->member("node_types"), nodes.type));
    }
    if (const Value* fields = meta->member("edge_fields"); fields != nullptr) {
      Layout::Edges& edges = layout.edges;
      edges.stride = strideOf(*fields);
      edges.type = indexOf(*fields, "type"), edges.nameOrIndex = indexOf(*fields, "name_or_index");
      edges.toNode = indexOf(*fields, "to_node"), edges.fromNode = indexOf(*fields, "from_node");
      setEdgeKinds(layout, namesOf(meta->member("edge_types"), edges.type));
    }
    if (const Value* fields = meta->member("trace_function_info_fields"); fields != nullptr)
      layout.functions = {.stride = strideOf(*fields), .name = indexOf(*fields, "name"),
                          .scriptName = indexOf(*fields, "script_name"), .line = indexOf(*fields, "line")};
    if (const Value* fields = meta->member("trace_node_fields"); fields != nullptr)
      layout.traces = {.id = indexOf(*fields, "id"), .function = indexOf(*fields, "function_info_index"),
                       .count = indexOf(*fields, "count"), .size = indexOf(*fields, "size")};
    if (const Value* fields = meta->member("location_fields"); fields != nullptr)
      layout.locations = {.stride = strideOf(*fields), .object = indexOf(*fields, "object_index"),
                          .script = indexOf(*fields, "script_object_index"), .line = indexOf(*fields, "line"),
                          .column = indexOf(*fields, "column")};
  }
  if (!readable(layout)) layout = usualLayout();
  if (layout.locations.stride > NumberRows::kMostFields || layout.locations.object < 0 || layout.locations.line < 0)
    layout.locations = {};
  if (layout.functions.stride > NumberRows::kMostFields) layout.functions = {};
  layout.nodeCount = countIn(snapshot.member("node_count"));
  layout.edgeCount = countIn(snapshot.member("edge_count"));
  layout.rootIndex = countIn(snapshot.member("root_index"));
  return layout;
}

}  // namespace openclaw::v8
