#include "tests/analyzer/v8/v8_text.h"

#include <algorithm>
#include <map>

namespace openclaw::test {
namespace {

const std::vector<std::string> kNodeTypes{"hidden", "array", "string", "object", "code", "closure", "regexp", "number", "native", "synthetic",
                                          "concatenated string", "sliced string", "symbol", "bigint", "object shape", "wasm object"};
const std::vector<std::string> kEdgeTypes{"context", "element", "property", "internal", "hidden", "shortcut", "weak"};

std::size_t indexIn(const std::vector<std::string>& names, const std::string& name) {
  return static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') out += "\\n";
    else out += c;
  }
  return out + "\"";
}
std::string listOf(const std::vector<std::string>& names) {
  std::string out = "[";
  for (const std::string& name : names) out += (out.size() > 1 ? "," : "") + quoted(name);
  return out + "]";
}

}  // namespace

std::string V8Text::json() const {
  std::vector<std::string> strings = extraStrings;
  std::map<std::string, std::size_t> known;
  for (std::size_t i = 0; i < strings.size(); ++i) known.emplace(strings[i], i);
  const auto stringOf = [&](const std::string& text) {
    const auto [at, added] = known.emplace(text, strings.size());
    if (added) strings.push_back(text);
    return at->second;
  };
  std::vector<std::uint64_t> edgesOf(nodes.size());
  for (const Edge& e : edges) ++edgesOf[e.from];
  using Row = std::vector<std::uint64_t>;
  std::vector<Row> nodeRows, edgeRows;
  for (std::uint32_t i = 0; i < nodes.size(); ++i) {
    const Node& n = nodes[i];
    Row row;
    for (const std::string& field : nodeFields)
      row.push_back(field == "type" ? indexIn(kNodeTypes, n.type)
                    : field == "name" ? stringOf(n.name)
                    : field == "id" ? n.id
                    : field == "self_size" ? n.size
                    : field == "edge_count" ? edgesOf[i]
                    : field == "trace_node_id" ? n.trace
                    : field == "detachedness" ? n.detachedness
                                              : 99);
    nodeRows.push_back(row);
  }
  std::vector<Edge> ordered = edges;
  if (edgesShuffled) std::reverse(ordered.begin(), ordered.end());
  else std::stable_sort(ordered.begin(), ordered.end(), [](const Edge& a, const Edge& b) { return a.from < b.from; });
  for (const Edge& e : ordered) {
    Row row;
    for (const std::string& field : edgeFields)
      row.push_back(field == "type" ? indexIn(kEdgeTypes, e.type)
                    : field == "name_or_index" ? (e.type == "element" || e.type == "hidden" ? e.index : stringOf(e.name))
                    : field == "to_node" ? e.to * nodeFields.size()
                    : field == "from_node" ? e.from * nodeFields.size()
                                           : 99);
    edgeRows.push_back(row);
  }
  const auto rowsText = [&](const std::vector<Row>& rows) {
    std::string out;
    for (std::size_t r = 0; r < rows.size(); ++r)
      for (std::size_t f = 0; f < rows[r].size(); ++f) {
        const bool first = r == 0 && f == 0, rowStart = f == 0;
        if (space == Space::kPretty) out += std::string(first ? "" : ",") + "\n    ";
        else if (space == Space::kV8 && rowStart && !first) out += "\n,";
        else if (!first) out += ",";
        out += std::to_string(rows[r][f]);
      }
    if (space == Space::kV8 && !rows.empty()) out += "\n";
    return "[" + out + (space == Space::kPretty ? "\n  ]" : "]");
  };
  std::string out = "{";
  const std::string colon = space == Space::kPretty ? " : " : ":";
  for (const std::string& section : sections) {
    if (out.size() > 1) out += space == Space::kNone ? "," : ",\n";
    out += quoted(section) + colon;
    if (section == "snapshot") {
      out += "{\"meta\":{\"node_fields\":" + listOf(nodeFields) + ",\"node_types\":[";
      for (std::size_t f = 0; f < nodeFields.size(); ++f) out += (f != 0 ? "," : "") + (nodeFields[f] == "type" ? listOf(kNodeTypes) : quoted("number"));
      out += "],\"edge_fields\":" + listOf(edgeFields) + ",\"edge_types\":[";
      for (std::size_t f = 0; f < edgeFields.size(); ++f) out += (f != 0 ? "," : "") + (edgeFields[f] == "type" ? listOf(kEdgeTypes) : quoted("number"));
      out += "],\"trace_function_info_fields\":[\"function_id\",\"name\",\"script_name\",\"script_id\",\"line\",\"column\"],"
             "\"trace_node_fields\":[\"id\",\"function_info_index\",\"count\",\"size\",\"children\"],\"location_fields\":" + listOf(locationFields) + "},";
      if (rootOrdinal != 0) out += "\"root_index\":" + std::to_string(rootOrdinal * nodeFields.size()) + ",";
      out += "\"node_count\":" + std::to_string(nodes.size()) + ",\"edge_count\":" + std::to_string(edges.size()) + ",\"trace_function_count\":0}";
    } else if (section == "nodes") {
      out += rowsText(nodeRows);
    } else if (section == "edges") {
      out += rowsText(edgeRows);
    } else if (section == "trace_function_infos") {
      out += "[" + functions + "]";
    } else if (section == "trace_tree") {
      out += "[" + tree + "]";
    } else if (section == "locations") {
      out += "[" + locations + "]";
    } else if (section == "strings") {
      std::string table;
      for (const std::string& text : strings) table += (table.empty() ? "" : space == Space::kV8 ? ",\n" : ",") + quoted(text);
      out += "[" + (rawStrings.empty() ? table : rawStrings) + "]";
    } else {
      out += "[]";
    }
  }
  return out + "}";
}

}  // namespace openclaw::test
