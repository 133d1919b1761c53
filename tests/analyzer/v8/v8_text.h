// Writes V8 heap snapshots for tests: any graph, in the layout and manner of any writer.
//
//   V8Text text;
//   const auto root = text.node("synthetic", "", 1, 0), list = text.node("object", "List", 3, 24);
//   text.edge(root, "element", 1, list);
//   load(text.json());
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace openclaw::test {

class V8Text {
 public:
  struct Node {
    std::string type, name;
    std::uint64_t id, size;
    std::uint64_t trace = 0, detachedness = 0;
  };
  struct Edge {
    std::uint32_t from;
    std::string type;
    std::string name;        // of context, property, internal, shortcut, weak
    std::uint64_t index = 0; // of element, hidden
    std::uint32_t to = 0;
  };
  std::uint32_t node(std::string type, std::string name, std::uint64_t id, std::uint64_t size) {
    nodes.push_back({std::move(type), std::move(name), id, size});
    return static_cast<std::uint32_t>(nodes.size() - 1);
  }
  void edge(std::uint32_t from, std::string type, std::string name, std::uint32_t to) { edges.push_back({from, std::move(type), std::move(name), 0, to}); }
  void edge(std::uint32_t from, std::string type, std::uint64_t index, std::uint32_t to) { edges.push_back({from, std::move(type), "", index, to}); }

  // The manner of writing.
  std::vector<std::string> nodeFields{"type", "name", "id", "self_size", "edge_count", "trace_node_id", "detachedness"};
  std::vector<std::string> edgeFields{"type", "name_or_index", "to_node"};
  std::vector<std::string> sections{"snapshot", "nodes", "edges", "trace_function_infos", "trace_tree", "samples", "locations", "strings"};
  enum class Space { kV8, kNone, kPretty } space = Space::kV8;   // a row a line; one line; a number a line
  bool edgesShuffled = false;   // with from_node
  std::uint32_t rootOrdinal = 0;
  std::string functions, tree, locations;  // contents of these arrays
  std::vector<std::string> locationFields{"object_index", "script_id", "line", "column"};
  std::vector<std::string> extraStrings;   // numbers from 0 on
  std::string rawStrings;       // instead of the table's contents, when not empty

  std::string json() const;

  std::vector<Node> nodes;
  std::vector<Edge> edges;
};

}  // namespace openclaw::test
