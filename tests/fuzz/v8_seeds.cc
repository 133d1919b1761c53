// Writes a corpus of small V8 heap snapshots for fuzz_v8:  fuzz_v8_seeds FOLDER
#include <fstream>
#include <string>

#include "tests/analyzer/v8/v8_text.h"

int main(int count, char** arguments) {
  using openclaw::test::V8Text;
  if (count != 2) return 2;
  V8Text text;
  const auto root = text.node("synthetic", "", 1, 0), handles = text.node("synthetic", "(Global handles)", 3, 0);
  const auto list = text.node("object", "List", 5, 24), items = text.node("array", "(object elements)", 7, 40), value = text.node("native", "<p id=1>", 8, 9);
  const auto half = text.node("concatenated string", "(concatenated string)", 11, 32), word = text.node("string", "a word", 13, 20);
  const std::string ephemeron = " / part of key (List @5) -> value (<p id=1> @8) pair in WeakMap (table @7)";
  text.edge(root, "element", 1, handles);
  text.edge(root, "shortcut", "global", list);
  text.edge(handles, "element", 2, list);
  text.edge(list, "internal", "elements", items);
  text.edge(list, "internal", "3" + ephemeron, value);
  text.edge(items, "internal", "4" + ephemeron, value);
  text.edge(items, "hidden", 3, half);
  text.edge(half, "internal", "first", word);
  text.edge(value, "weak", "cache", list);
  text.edge(value, "context", "self", value);
  text.functions = "0,0,0,0,-1,-1\n,1,1,3,7,12,5\n";
  text.tree = "1,0,0,0,[2,1,1,40,[3,1,10,240,[]]]";
  text.nodes[list].trace = 3;
  text.nodes[value].detachedness = 2;
  int number = 0;
  const auto write = [&] {
    std::string json = text.json();
    for (int policy = 0; policy < 3; ++policy, json += ' ')   // the fuzzer takes its policy from the length
      std::ofstream(std::string(arguments[1]) + "/v8-" + std::to_string(number++), std::ios::binary) << json;
  };
  for (const auto space : {V8Text::Space::kV8, V8Text::Space::kNone, V8Text::Space::kPretty}) {
    text.space = space;
    write();
  }
  text.sections = {"strings", "edges", "trace_tree", "nodes", "snapshot"};
  write();
  text.edgeFields = {"from_node", "type", "name_or_index", "to_node"};
  text.edgesShuffled = true;
  write();
  return 0;
}
