// Where the numbers of a V8 snapshot stand and what they mean, as the file's own `snapshot.meta` says: how many fields a node
// and an edge have, in what order, and the names behind type numbers. Writers differ (V8's versions, Chrome, Julia, Hermes, …),
// so nothing about it is assumed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/load/v8/json_reader.h"

namespace openclaw::v8 {

enum class NodeKind : std::uint8_t {
  kHidden, kArray, kString, kObject, kCode, kClosure, kRegExp, kNumber, kNative, kSynthetic,
  kConsString, kSlicedString, kSymbol, kBigint, kObjectShape, kWasmObject, kOther,
};
// Three bits of a label.
enum class EdgeKind : std::uint8_t { kContext, kElement, kProperty, kInternal, kHidden, kShortcut, kWeak, kOther };
// Does the edge's name_or_index count strings? Otherwise it is a number.
constexpr bool hasTextName(EdgeKind kind) { return kind != EdgeKind::kElement && kind != EdgeKind::kHidden; }

struct Layout {
  static constexpr int kAbsent = -1;
  struct Nodes {
    unsigned stride = 0;
    int type = kAbsent, name = kAbsent, id = kAbsent, selfSize = kAbsent, edgeCount = kAbsent, traceNodeId = kAbsent,
        detachedness = kAbsent;
    std::vector<NodeKind> kinds;           // by type number
    std::vector<std::string> kindNames;    // the same, as the file calls them
  } nodes;
  struct Edges {
    unsigned stride = 0;
    int type = kAbsent, nameOrIndex = kAbsent, toNode = kAbsent;
    int fromNode = kAbsent;                // there: edges stand in any order; V8 does without
    std::vector<EdgeKind> kinds;
  } edges;
  struct Functions {                       // trace_function_infos
    unsigned stride = 0;
    int name = kAbsent, scriptName = kAbsent, line = kAbsent;
  } functions;
  struct Traces {                          // nodes of trace_tree
    int id = 0, function = 1, count = 2, size = 3;
  } traces;

  struct Locations {                       // where functions stand in their scripts
    unsigned stride = 0;
    int object = kAbsent, script = kAbsent, line = kAbsent, column = kAbsent;   // script: a node; older writers have none
  } locations;

  std::uint64_t nodeCount = 0, edgeCount = 0;   // announced, 0 = not
  std::uint64_t rootIndex = 0;                  // in the flat array of nodes
  bool assumed = false;                         // meta was damaged or missing: V8's usual order of fields
};

// Reads the value of the key "snapshot". Always gives a layout that can be read with (strides within bounds, the fields without
// which there is no graph present).
Layout readLayout(JsonReader& json);
// V8's own of today, for files without a readable one.
Layout usualLayout();

}  // namespace openclaw::v8
