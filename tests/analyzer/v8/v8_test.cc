// V8 heap snapshots: every manner of writing gives the same heap, policies count as they say, and damage costs what it hit.
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>
#include <set>

#include "analyzer/load/v8/json_reader.h"
#include "analyzer/load/v8/row_blocks.h"
#include "analyzer/report/reports.h"
#include "analyzer/snapshot.h"
#include "analyzer/verify.h"
#include "tests/analyzer/v8/v8_text.h"
#include "tests/support/seed.h"

namespace openclaw {
namespace {

using test::V8Text;

Result<std::shared_ptr<const Snapshot>> tryLoad(const std::string& json, Policy policy = Policy::kStrict, unsigned threads = 1) {
  return loadSnapshot(std::as_bytes(std::span(json)), "test.heapsnapshot", {.threads = threads, .policy = policy});
}
std::shared_ptr<const Snapshot> load(const std::string& json, Policy policy = Policy::kStrict) {
  auto loaded = tryLoad(json, policy);
  if (!loaded) {
    ADD_FAILURE() << toText(loaded.error());
    return nullptr;
  }
  for (const BrokenInvariant& broken : verify(**loaded)) ADD_FAILURE() << broken.name << ": " << broken.detail;
  return *loaded;
}

// (root) -> (GC roots) -> (Global handles) -> list -> three items, one of them shared with a second list; a weak one; a dead one.
V8Text lists() {
  V8Text text;
  const auto root = text.node("synthetic", "", 1, 0), gc = text.node("synthetic", "(GC roots)", 3, 0);
  const auto handles = text.node("synthetic", "(Global handles)", 5, 0), first = text.node("object", "List", 7, 24);
  const auto items = text.node("array", "(object elements)", 9, 40), a = text.node("string", "an item \"in quotes\"", 11, 32);
  const auto b = text.node("object", "Item", 13, 48), shared = text.node("object", "Item", 15, 56), second = text.node("object", "List", 17, 24);
  const auto weak = text.node("closure", "later", 19, 64), dead = text.node("code", "system / Code", 21, 128);
  text.edge(root, "element", 1, gc);
  text.edge(gc, "element", 1, handles);
  text.edge(handles, "element", 4, first);
  text.edge(handles, "element", 5, second);
  text.edge(first, "internal", "elements", items);
  text.edge(items, "element", 17, a);
  text.edge(items, "element", 18, b);
  text.edge(items, "hidden", 3, shared);
  text.edge(second, "property", "only", shared);
  text.edge(second, "weak", "cache", weak);
  text.edge(b, "context", "owner", first);
  text.edge(dead, "property", "self", dead);
  return text;
}

// All that a snapshot says, objects by id.
std::map<std::uint64_t, std::string> contentsOf(const Snapshot& s) {
  std::map<std::uint64_t, std::string> out;
  for (std::uint32_t i = 0; i < s.objectCount(); ++i) {
    const ObjectIndex object(i);
    std::string line = s.types()[s.type(object)].name + " " + s.description(object) + " " + std::to_string(s.size(object).value) + " " +
                       std::to_string(s.retained(object).value) + (s.reachable(object) ? " r" : " -") + (s.isRoot(object) ? "R" : "");
    line += " <" + (s.dominator(object) ? std::to_string(s.address(*s.dominator(object)).value) : "none") + ">";
    std::multiset<std::string> edges;
    for (EdgeCursor e = s.edgesFrom(object); e; e.next())
      edges.insert(" " + s.labelOf(object, e.slot()) + "=" + std::to_string(s.address(e.target()).value) +
                   (s.strengthOf(object, e.slot()) == Strength::kStrong ? "" : "?"));
    for (const std::string& edge : edges) line += edge;
    out[s.address(object).value] = line;
  }
  return out;
}

TEST(V8, ObjectsHaveTheirClassesSizesAndOwners) {
  const auto s = load(lists().json());
  ASSERT_TRUE(s);
  EXPECT_TRUE(s->report().complete()) << s->report().sentence();
  EXPECT_EQ(s->kind(), DumpKind::kV8);
  EXPECT_FALSE(s->idsAreAddresses());
  const auto contents = contentsOf(*s);
  EXPECT_EQ(contents.at(7), "List  24 144 rR <none> (elements)=9");
  EXPECT_EQ(contents.at(9), "(array) (object elements) 40 120 r <7> (hidden 3)=15 [17]=11 [18]=13");
  EXPECT_EQ(contents.at(11), "(string) \"an item \"in quotes\"\" 32 32 r <9>");
  EXPECT_EQ(contents.at(13), "Item  48 48 r <9> context var owner=7");
  EXPECT_EQ(contents.at(15), "Item  56 56 r <none>");
  EXPECT_EQ(contents.at(17), "List  24 24 rR <none> only=15 weak cache=19?");
  EXPECT_EQ(contents.at(19), "Function later 64 0 - <none>");
  EXPECT_EQ(contents.at(21), "(compiled code) system / Code 128 0 - <none> self=21");
}

TEST(V8, RootsAreNamedByTheirCategory) {
  const auto s = load(lists().json());
  ASSERT_TRUE(s);
  std::map<std::uint64_t, std::string> labels;
  for (const RootInfo& root : s->roots()) labels[s->address(root.object).value] = root.label;
  EXPECT_EQ(labels.at(7), "(Global handles)");
  EXPECT_EQ(labels.at(17), "(Global handles)");
  EXPECT_EQ(labels.size(), 5u);   // and the three categories themselves
}

TEST(V8, TheMannerOfWritingChangesNothing) {
  const auto expected = contentsOf(*load(lists().json()));
  const auto expectSame = [&](const V8Text& text, const char* manner) {
    const auto s = load(text.json());
    ASSERT_TRUE(s) << manner;
    EXPECT_EQ(contentsOf(*s), expected) << manner;
    EXPECT_TRUE(s->report().complete()) << manner << ": " << s->report().sentence();
  };
  V8Text text = lists();
  text.space = V8Text::Space::kNone;
  expectSame(text, "one line");
  text.space = V8Text::Space::kPretty;
  expectSame(text, "a number a line");
  text = lists();
  text.nodeFields = {"type", "name", "id", "self_size", "edge_count"};
  expectSame(text, "five fields, as V8 had them in 2013");
  text.nodeFields = {"edge_count", "later", "self_size", "name", "id", "type", "and", "more", "fields"};
  text.edgeFields = {"to_node", "unknown", "type", "name_or_index"};
  expectSame(text, "fields in another order");
  text = lists();
  text.sections = {"snapshot", "nodes", "edges", "strings"};
  expectSame(text, "no arrays behind");
  text.sections = {"strings", "edges", "nodes", "snapshot"};
  expectSame(text, "sections backwards");
  text.sections = {"snapshot", "edges", "something_new", "strings", "nodes"};
  expectSame(text, "edges before nodes, a section that nobody knows");
  text = lists();
  text.edgeFields = {"type", "name_or_index", "to_node", "from_node"};
  text.edgesShuffled = true;
  expectSame(text, "references in any order, with their sources");
}

// As an editor or another program would write it again: every token of its own, `space` around each.
std::string spread(const std::string& json, std::string_view space) {
  std::string out;
  bool quoted = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    if (json[i] == '"' && (i == 0 || json[i - 1] != '\\')) quoted = !quoted;
    const bool token = !quoted && std::string_view("{}[]:,").find(json[i]) != std::string_view::npos;
    if (token) out += space;
    if (quoted || json[i] != '\n') out += json[i];
    if (token) out += space;
  }
  return out;
}

TEST(V8, JsonThatWasWrittenAgainSaysTheSame) {
  const auto expected = contentsOf(*load(lists().json()));
  for (const std::string_view space : {"", " ", "\n", "\r\n", "\t", "\r\n      ", "                                                   "}) {
    const auto s = load(spread(lists().json(), space));
    ASSERT_TRUE(s);
    EXPECT_EQ(contentsOf(*s), expected) << '"' << space << '"';
    EXPECT_TRUE(s->report().complete()) << '"' << space << "\": " << s->report().sentence();
  }
  // Keys of the description in another order, as programs sort them.
  std::string json = lists().json();
  const std::size_t meta = json.find("\"meta\""), counts = json.find("\"node_count\""), end = json.find("},", counts);
  json = json.substr(0, meta) + json.substr(counts, end - counts) + "," + json.substr(meta, counts - 1 - meta) + json.substr(end);
  const auto s = load(json);
  ASSERT_TRUE(s);
  EXPECT_EQ(contentsOf(*s), expected) << json;
  EXPECT_TRUE(s->report().complete());
}

TEST(V8, WritersThatKnowLittleGiveWhatTheyKnow) {
  // No kinds, names, sizes or ids: still a graph.
  const auto bare = load(R"({"snapshot":{"meta":{"node_fields":["edge_count"],"edge_fields":["to_node"]}},"nodes":[2,1,0,0],"edges":[1,2,3]})");
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->objectCount(), 4u);
  EXPECT_EQ(bare->edgeCount(), 3u);
  EXPECT_EQ(bare->address(ObjectIndex(3)).value, 3u);
  EXPECT_EQ(bare->dominator(ObjectIndex(3)), std::optional(ObjectIndex(1)));
  // As Hermes and Bun: one line, kinds of their own, nothing about traces and positions, floats, positions that nobody knows.
  const auto own = load(
      R"({"snapshot":{"meta":{"node_fields":["type","name","id","self_size","edge_count","trace_node_id","detachedness"],)"
      R"("node_types":[["object","Cell","synthetic"],"string","number","number","number","number","number"],)"
      R"("edge_fields":["type","name_or_index","to_node"],"edge_types":[["element","property","handle"],"string_or_number","node"],)"
      R"("location_fields":["object_index","script_id","line","column"]},"node_count":3,"edge_count":3},)"
      R"("nodes":[2,0,1,0,2,0,0,0,1,3,24.0,1,0,0,1,2,5,1.6e1,0,0,0],"edges":[1,3,7,2,2,14,0,0,14],)"
      R"("locations":[7,-1,-1,-1],"strings":["","Thing","a cell","first"]})");
  ASSERT_TRUE(own);
  EXPECT_TRUE(own->report().complete()) << own->report().sentence();
  EXPECT_EQ(own->types()[own->type(ObjectIndex(1))].name, "Thing");
  EXPECT_EQ(own->types()[own->type(ObjectIndex(2))].name, "(Cell)");
  EXPECT_EQ(own->size(ObjectIndex(1)).value + own->size(ObjectIndex(2)).value, 40u);
  EXPECT_EQ(own->labelOf(ObjectIndex(0), 0), "first");
  EXPECT_EQ(own->strengthOf(ObjectIndex(0), 1), Strength::kStrong);   // a kind that nobody knows keeps alive
}

TEST(V8, FunctionsSayWhereTheyStand) {
  V8Text text;
  const auto root = text.node("synthetic", "", 1, 0), outer = text.node("closure", "outer", 3, 32), inner = text.node("closure", "", 5, 32);
  const auto shared = text.node("code", "outer", 7, 56), script = text.node("code", "/srv/app/lib/server.js", 9, 80);
  const auto page = text.node("native", "system / Script / https://example.org/a/page.js?v=2#x", 11, 80);
  const auto builtin = text.node("closure", "now", 13, 32), object = text.node("object", "Widget", 15, 24);
  for (const auto function : {outer, inner, builtin, object}) text.edge(root, "element", function, function);
  text.edge(outer, "internal", "shared", shared);
  text.edge(shared, "internal", "script_or_debug_info", script);
  const auto at = [](std::uint32_t node) { return std::to_string(7 * node); };
  text.locations = at(outer) + ",4,182592,25\n," + at(inner) + ",5,0,0\n," + at(object) + ",5,1,1\n," + at(builtin) + ",-1,-1,-1\n";
  auto s = load(text.json());
  ASSERT_TRUE(s);
  EXPECT_EQ(s->description(ObjectIndex(outer)), "outer (server.js:182593:26)");
  EXPECT_EQ(s->description(ObjectIndex(inner)), "");   // nothing leads to its script
  EXPECT_EQ(s->description(ObjectIndex(builtin)), "now");
  EXPECT_TRUE(s->report().complete()) << s->report().sentence();
  // Chromium names the script itself; sections come in any order.
  text.locationFields = {"object_index", "script_id", "script_object_index", "line", "column"};
  text.locations = at(inner) + ",5," + at(page) + ",9,2," + at(99) + ",5," + at(page) + ",9,2";
  for (const bool first : {false, true}) {
    if (first) text.sections = {"locations", "strings", "snapshot", "edges", "nodes"};
    s = load(text.json());
    ASSERT_TRUE(s);
    EXPECT_EQ(s->description(ObjectIndex(inner)), " (page.js:10:3)");
    ASSERT_EQ(s->report().losses.size(), 1u);
    EXPECT_EQ(s->report().losses[0], (std::pair<std::string, std::uint64_t>("script positions that could not be read", 1)));
  }
}

TEST(V8, TheRootMayBeTheLastNode) {
  V8Text text;
  const auto b = text.node("object", "B", 5, 20), a = text.node("object", "A", 3, 10);
  const auto root = text.node("synthetic", "", 1, 0);
  text.edge(root, "element", 1, a);
  text.edge(a, "property", "b", b);
  text.rootOrdinal = root;
  for (const Policy policy : {Policy::kStrict, Policy::kV8Devtools}) {
    const auto s = load(text.json(), policy);
    ASSERT_TRUE(s);
    EXPECT_EQ(s->retained(ObjectIndex(a)).value, 30u);
    EXPECT_TRUE(s->isRoot(ObjectIndex(root)));
  }
}

TEST(V8, NumbersPast32BitsAreKept) {
  V8Text text;
  const auto root = text.node("synthetic", "", 1, 0), big = text.node("object", "Big", 0x7f00'1234'5678, 0x1'0000'0010);
  const auto small = text.node("object", "Small", 0x7f00'1234'0000, 3);
  text.edge(root, "element", 0xffff'ffff'ff, big);
  text.edge(big, "element", 0x1fff'ffff, small);
  const auto s = load(text.json());
  ASSERT_TRUE(s);
  EXPECT_EQ(s->address(ObjectIndex(big)).value, 0x7f00'1234'5678u);
  EXPECT_EQ(s->size(ObjectIndex(big)).value, 0x1'0000'0010u);
  EXPECT_EQ(s->retained(ObjectIndex(big)).value, 0x1'0000'0013u);
  EXPECT_EQ(s->labelOf(ObjectIndex(root), 0), "[1099511627775]");
  EXPECT_EQ(s->labelOf(ObjectIndex(big), 0), "[536870911]");
}

TEST(V8, NumbersOfEveryLengthAreExactInEveryMannerOfWriting) {
  std::mt19937_64 random(17);
  for (const char* const end : {"\n,", ",", ", ", ",\n"}) {
    std::vector<std::uint64_t> expected;
    std::string text = "[";
    for (unsigned row = 0; row < 70'000; ++row) {   // past a block of the reader
      for (unsigned field = 0; field < 3; ++field) {
        const unsigned digits = 1 + static_cast<unsigned>(random() % 20);
        std::string number;
        while (number.size() < digits) number.push_back(static_cast<char>('0' + random() % 10));
        if (digits == 20) number.replace(0, 2, "17");   // below 2^64
        expected.push_back(std::stoull(number));
        text += number + (field < 2 ? "," : "");
      }
      text += row + 1 < 70'000 ? end : "]";
    }
    const auto bytes = memorySource(std::as_bytes(std::span(text)), "numbers");
    JsonReader json(*bytes, nullptr);
    ASSERT_TRUE(json.accept('['));
    NumberRows rows(json, 3);
    std::size_t at = 0;
    for (; rows.next(); at += 3) {
      ASSERT_EQ(rows.bad(), 0u) << "row " << at / 3;
      for (unsigned field = 0; field < 3; ++field) ASSERT_EQ(rows.value(field), expected.at(at + field)) << "row " << at / 3;
    }
    EXPECT_EQ(at, expected.size());
    EXPECT_TRUE(rows.ended());
  }
}

TEST(V8, StringsComeOutAsUtf8WhateverTheyHold) {
  V8Text text;
  const auto root = text.node("synthetic", "", 1, 0);
  for (std::uint64_t i = 0; i < 7; ++i) text.edge(root, "element", i, text.node("string", std::string(1, static_cast<char>('a' + i)), 3 + 2 * i, 16));
  text.rawStrings = "\"\",\n\"\\u0041\\n\\u20ac\\ud83d\\ude00\",\n\"alone \\ud83d\",\n\"turned \\ude00\\ud83d x\",\n\"raw \xed\xa0\xbd\",\n"
                    "\"pair \\ud83d\\ud83d\\ude00\",\n\"bad \xff\xc3(\",\n\"caf\xc3\xa9 \\/\\\\\\\"\"";
  const auto s = load(text.json());
  ASSERT_TRUE(s);
  const auto description = [&](std::uint32_t node) { return s->description(ObjectIndex(node)); };
  EXPECT_EQ(description(1), "\"A €😀\"");
  EXPECT_EQ(description(2), "\"alone \xef\xbf\xbd\"");
  EXPECT_EQ(description(3), "\"turned \xef\xbf\xbd\xef\xbf\xbd x\"");
  EXPECT_EQ(description(4), "\"raw \xef\xbf\xbd\"");
  EXPECT_EQ(description(5), "\"pair \xef\xbf\xbd😀\"");
  EXPECT_EQ(description(6), "\"bad \xef\xbf\xbd\xef\xbf\xbd(\"");
  EXPECT_EQ(description(7), "\"caf\xc3\xa9 /\\\"\"");
  EXPECT_TRUE(s->report().complete());
}

TEST(V8, ConcatenatedStringsAndPlainObjectsSayWhatTheyHold) {
  V8Text text;
  const auto root = text.node("synthetic", "", 1, 0), whole = text.node("concatenated string", "(concatenated string)", 3, 32);
  const auto left = text.node("string", "Hello, ", 5, 24), right = text.node("sliced string", "world", 7, 24);
  const auto plain = text.node("object", "Object", 9, 40);
  text.edge(root, "element", 1, whole);
  text.edge(root, "element", 2, plain);
  text.edge(whole, "internal", "second", right);
  text.edge(whole, "internal", "first", left);
  text.edge(plain, "property", "__proto__", whole);
  text.edge(plain, "property", "name", left);
  text.edge(plain, "property", "next", plain);
  const auto s = load(text.json());
  ASSERT_TRUE(s);
  EXPECT_EQ(s->description(ObjectIndex(whole)), "\"Hello, world\"");
  EXPECT_EQ(s->description(ObjectIndex(plain)), "{name, next}");
}

// A page: a kept and a lost element, what they share, and what lies beyond a wrapper.
struct PageNodes {
  std::uint32_t kept, lost, child, both, wrapper, beyond;
};
V8Text page(PageNodes& nodes) {
  V8Text text;
  const auto root = text.node("synthetic", "", 1, 0), kept = text.node("native", "<div id=\"kept\">", 2, 100), lost = text.node("native", "<div class=\"x\">", 4, 100);
  const auto child = text.node("native", "<p>", 6, 50), both = text.node("native", "<b>", 8, 10), wrapper = text.node("object", "HTMLElement", 9, 20);
  const auto beyond = text.node("native", "<i>", 10, 10);
  for (const auto node : {kept, lost}) text.edge(root, "element", node, node);
  text.edge(lost, "property", "child", child);
  text.edge(lost, "property", "shared", both);
  text.edge(kept, "property", "shared", both);
  text.edge(lost, "property", "wrapper", wrapper);
  text.edge(wrapper, "property", "element", beyond);   // not through JavaScript
  text.nodes[kept].detachedness = 1;
  text.nodes[lost].detachedness = 2;
  nodes = {kept, lost, child, both, wrapper, beyond};
  return text;
}

TEST(V8, DetachedElementsAreATypeOfTheirOwn) {
  PageNodes nodes;
  const auto s = load(page(nodes).json());
  ASSERT_TRUE(s);
  const auto type = [&](std::uint32_t node) { return s->types()[s->type(ObjectIndex(node))].name; };
  EXPECT_EQ(type(nodes.kept), "<div>");
  EXPECT_EQ(type(nodes.lost), "Detached <div>");
  EXPECT_EQ(type(nodes.child), "Detached <p>");
  EXPECT_EQ(type(nodes.both), "<b>");
  EXPECT_EQ(type(nodes.wrapper), "HTMLElement");
  EXPECT_EQ(type(nodes.beyond), "<i>");
}

TEST(V8, AllocationStacksNameFunctionsAndCallers) {
  V8Text text;
  text.extraStrings = {"", "makeLeaf", "makeTree", "app.js"};
  const auto root = text.node("synthetic", "", 1, 0), leaf = text.node("object", "Leaf", 3, 24), other = text.node("object", "Other", 5, 24);
  text.edge(root, "element", 1, leaf);
  text.edge(root, "element", 2, other);
  text.functions = "0,0,0,0,-1,-1\n,1,1,3,7,12,5\n,2,2,3,7,20,9\n";
  text.tree = "1,0,0,0,[2,2,1,40,[3,1,10,240,[],4,2,0,0,[]]]";
  text.nodes[leaf].trace = 3;
  text.nodes[other].trace = 77;   // not in the tree
  const auto s = load(text.json());
  ASSERT_TRUE(s);
  const auto stack = s->stack(ObjectIndex(leaf));
  ASSERT_TRUE(stack);
  const StackInfo& info = s->stacks()[*stack];
  ASSERT_EQ(info.pcs.size(), 2u);
  EXPECT_EQ(s->symbol(info.pcs[0])[0].function, "makeLeaf");
  EXPECT_EQ(s->symbol(info.pcs[0])[0].line, 12u);
  EXPECT_EQ(s->symbol(info.pcs[1])[0].function, "makeTree");
  EXPECT_EQ(info.allocatedObjects, 10u);
  EXPECT_EQ(info.allocatedBytes, 240u);
  EXPECT_EQ(s->sites()[s->site(ObjectIndex(leaf))].file, "app.js");
  EXPECT_EQ(s->stacks().size(), 2u);   // makeTree allocated as well; the third trace did not
  EXPECT_FALSE(s->stack(ObjectIndex(other)));
  ASSERT_EQ(s->report().losses.size(), 1u);
  EXPECT_EQ(s->report().losses[0].first, "objects whose allocation trace is not there");
}

// A WeakMap's value is held by its key; the table's reference counts nowhere but in memlab.
TEST(V8, ValuesOfWeakMapsBelongToTheirKeys) {
  V8Text text;
  const auto root = text.node("synthetic", "", 1, 0), table = text.node("array", "table", 3, 8), key = text.node("object", "Key", 5, 16);
  const auto value = text.node("object", "Value", 7, 32);
  const std::string name = " / part of key (Key @5) -> value (Value (1) @7) pair in WeakMap (table @3)";
  text.edge(root, "element", 1, table);
  text.edge(root, "element", 2, key);
  text.edge(table, "internal", "2" + name, value);
  text.edge(key, "internal", "3" + name, value);
  const auto retained = [&](Policy policy) { return load(text.json(), policy)->retained(ObjectIndex(key)).value; };
  EXPECT_EQ(retained(Policy::kStrict), 48u);
  EXPECT_EQ(retained(Policy::kV8Devtools), 48u);
  EXPECT_EQ(retained(Policy::kMemlab), 16u);
  EXPECT_EQ(load(text.json())->strengthOf(ObjectIndex(table), 0), Strength::kEphemeron);
}

TEST(V8, DevToolsMovesBackingStoresToTheirOnlyOwner) {
  V8Text text;
  const auto root = text.node("synthetic", "", 1, 0), map = text.node("object", "Map", 3, 16), store = text.node("array", "", 5, 100);
  const auto inner = text.node("hidden", "system / Table", 7, 10), shared = text.node("array", "", 9, 1000), other = text.node("object", "Map", 11, 16);
  text.edge(root, "shortcut", "1", map);
  text.edge(root, "shortcut", "2", other);
  text.edge(map, "internal", "table", store);
  text.edge(store, "internal", "next", inner);
  text.edge(map, "internal", "shared", shared);
  text.edge(other, "internal", "shared", shared);
  const auto s = load(text.json(), Policy::kV8Devtools);
  ASSERT_TRUE(s);
  const auto size = [&](std::uint32_t node) { return s->size(ObjectIndex(node)).value; };
  EXPECT_EQ(size(map), 126u);
  EXPECT_EQ(size(store), 0u);
  EXPECT_EQ(size(inner), 0u);
  EXPECT_EQ(size(shared), 1000u);
  EXPECT_EQ(s->retained(ObjectIndex(root)).value, 1142u);
  EXPECT_EQ(load(text.json(), Policy::kMemlab)->size(ObjectIndex(map)).value, 16u);
}

TEST(V8, OtherToolsHangWhatNobodyReachesUnderTheRoot) {
  V8Text text = lists();
  const auto x = text.node("object", "Ring", 31, 5), y = text.node("object", "Ring", 33, 6);
  text.edge(x, "property", "y", y);
  text.edge(y, "property", "x", x);
  for (const Policy policy : {Policy::kV8Devtools, Policy::kMemlab}) {
    const auto s = load(text.json(), policy);
    ASSERT_TRUE(s);
    for (const std::uint64_t id : {19u, 21u, 31u, 33u}) {
      const auto object = s->objectAt(Address(id));
      ASSERT_TRUE(object);
      EXPECT_EQ(s->dominator(*object), ObjectIndex(0)) << id << " under " << toText(policy);
      EXPECT_EQ(s->retained(*object), s->size(*object));
    }
    std::uint64_t all = 0;
    for (const auto& node : text.nodes) all += node.size;
    EXPECT_EQ(s->retained(ObjectIndex(0)).value, all);
  }
  EXPECT_FALSE(load(text.json())->reachable(*load(text.json())->objectAt(Address(31))));
}

// ---- damage ----------------------------------------------------------------------------------------------------------------
// Objects by id: type and size.
std::map<std::uint64_t, std::pair<std::string, std::uint64_t>> countedIn(const Snapshot& s, bool detachedApart) {
  std::map<std::uint64_t, std::pair<std::string, std::uint64_t>> out;
  for (std::uint32_t i = 0; i < s.objectCount(); ++i) {
    const ObjectIndex object(i);
    std::string name = s.types()[s.type(object)].name;
    if (!detachedApart && name.starts_with("Detached ")) name.erase(0, 9);
    out[s.address(object).value] = {name, s.size(object).value};
  }
  return out;
}
void expectCountedAlike(const std::string& json, Policy policy, const std::string& what, bool detachedApart = true) {
  const auto all = tryLoad(json, policy);
  const auto counted = loadSnapshot(std::as_bytes(std::span(json)), "test.heapsnapshot",
                                    {.threads = 2, .dominators = false, .references = false, .policy = policy});
  ASSERT_EQ(all.has_value(), counted.has_value()) << what;
  if (!all) return;
  const Snapshot &a = **all, &c = **counted;
  ASSERT_EQ(countedIn(a, detachedApart), countedIn(c, detachedApart)) << what;
  EXPECT_FALSE(c.knowsRetained());
  EXPECT_EQ(c.edgeCount(), 0u);
  for (std::uint32_t i = 0; i < c.objectCount(); ++i)
    ASSERT_FALSE(c.edgesFrom(ObjectIndex(i)) || c.edgesTo(ObjectIndex(i)) || c.slotCount(ObjectIndex(i)) != 0) << what;
}

TEST(V8, WithoutReferencesObjectsAreStillCounted) {
  V8Text text = lists();
  const std::string json = text.json();
  for (const Policy policy : {Policy::kStrict, Policy::kV8Devtools, Policy::kMemlab}) expectCountedAlike(json, policy, "whole");
  text.space = V8Text::Space::kNone;
  expectCountedAlike(text.json(), Policy::kStrict, "without white space");
  PageNodes nodes;
  V8Text detached = page(nodes);
  for (const V8Text::Space space : {V8Text::Space::kV8, V8Text::Space::kNone}) {
    detached.space = space;
    expectCountedAlike(detached.json(), Policy::kStrict, "a page");
  }
  // Detached trees in a file of many blocks, between other nodes.
  for (const V8Text::Space space : {V8Text::Space::kV8, V8Text::Space::kNone}) {
    const std::uint64_t seed = test::seedFromEnvironment();
    SCOPED_TRACE("OPENCLAW_SEED=" + std::to_string(seed));
    std::mt19937_64 random(seed);
    V8Text large;
    large.space = space;
    constexpr std::uint32_t kNodes = 60'000;
    large.node("synthetic", "", 1, 0);
    for (std::uint32_t i = 1; i < kNodes; ++i) {
      const bool native = random() % 20 == 0;
      const auto node = large.node(native ? "native" : "object", native ? "<div>" : "Thing", 2 * i + 1, 10 + random() % 100);
      if (native && random() % 50 == 0) large.nodes[node].detachedness = 1 + static_cast<unsigned>(random() % 2);
    }
    for (std::uint32_t i = 0; i < 4 * kNodes; ++i)
      large.edge(static_cast<std::uint32_t>(random() % kNodes), random() % 8 == 0 ? "weak" : "element", i, static_cast<std::uint32_t>(random() % kNodes));
    const auto counted = load(large.json());
    ASSERT_TRUE(counted);
    std::size_t detachedNodes = 0;
    for (std::uint32_t i = 0; i < counted->objectCount(); ++i)
      detachedNodes += counted->types()[counted->type(ObjectIndex(i))].name == "Detached <div>";
    EXPECT_GT(detachedNodes, 20u);
    expectCountedAlike(large.json(), Policy::kStrict, "many blocks");
  }
  // A root that is a native node itself.
  V8Text odd = page(nodes);
  odd.nodes[0].type = "native";
  expectCountedAlike(odd.json(), Policy::kStrict, "a native root");
  // Nothing but the references is skipped, whatever stands among them, and wherever the file ends.
  detached.space = V8Text::Space::kV8;
  for (const std::string& whole : {json, detached.json()}) {
    const std::size_t begin = whole.find("\"edges\""), end = whole.find("\"trace_function_infos\"");
    ASSERT_TRUE(begin != std::string::npos && end != std::string::npos && begin < end);
    for (std::size_t at = begin; at < end; ++at) {
      expectCountedAlike(whole.substr(0, at), Policy::kStrict, "cut at " + std::to_string(at));
      for (const char byte : {'7', ',', ']', '{', '\n'}) {
        std::string damaged = whole;
        damaged[at] = byte;
        // A row that is not looked into costs none behind it: more may be known to be detached than by reading all.
        expectCountedAlike(damaged, Policy::kStrict, "byte " + std::to_string(at) + " is " + byte, false);
        if (HasFailure()) return;
      }
    }
  }
}

TEST(V8, EveryCutGivesWhatIsThereAndSaysWhatIsNot) {
  const std::string whole = lists().json();
  std::uint32_t before = 0;
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const auto cut = tryLoad(whole.substr(0, length));
    if (!cut) continue;   // too short to be told as one
    EXPECT_FALSE((*cut)->report().complete()) << length;
    for (const BrokenInvariant& broken : verify(**cut)) ADD_FAILURE() << length << ": " << broken.name << ": " << broken.detail;
    EXPECT_GE((*cut)->objectCount(), before) << length;
    before = (*cut)->objectCount();
    (void)jsonOf(**cut, computeSummary(**cut, 3));
  }
  EXPECT_EQ(before, 11u);
}

TEST(V8, NodesWithoutTheirTablesAreStillCounted) {
  const std::string whole = lists().json();
  const auto s = load(whole.substr(0, whole.find("\"strings\"")));
  ASSERT_TRUE(s);
  EXPECT_EQ(s->objectCount(), 11u);
  EXPECT_EQ(s->edgeCount(), 12u);
  EXPECT_EQ(s->retained(ObjectIndex(3)).value, 144u);
  const auto nodes = load(whole.substr(0, whole.find("\"edges\"")));
  ASSERT_TRUE(nodes);
  EXPECT_EQ(nodes->objectCount(), 11u);
  EXPECT_EQ(nodes->report().referencesMissing, 8u);   // objects that say they have references
}

TEST(V8, ADamagedByteNeverCostsMoreThanItsRow) {
  const std::string whole = lists().json();
  const std::size_t nodesAt = whole.find("\"nodes\":[") + 9, nodesEnd = whole.find("\n]", nodesAt);
  const auto expected = contentsOf(*load(whole));
  for (std::size_t at = nodesAt; at < nodesEnd; ++at)
    for (const char byte : {'x', ',', '\n', ']', '"', '-', ' ', '{', '\0'}) {
      std::string damaged = whole;
      if (damaged[at] == byte) continue;
      damaged[at] = byte;
      const auto loaded = tryLoad(damaged);
      ASSERT_TRUE(loaded) << at << " " << byte;
      const Snapshot& s = **loaded;
      for (const BrokenInvariant& broken : verify(s)) ADD_FAILURE() << at << " " << byte << ": " << broken.name << ": " << broken.detail;
      if (byte == '"') continue;   // looks like the end of the array
      if (byte == '\n' && s.objectCount() == 12) {   // in place of a digit it makes two rows of one: told by the announced number
        EXPECT_FALSE(s.report().complete());
        continue;
      }
      ASSERT_EQ(s.objectCount(), 11u) << at << " " << byte << "\n" << damaged.substr(at > 20 ? at - 20 : 0, 40);
      // A byte between two rows may cost both their counts: then the references of these two are nobody's, and counted.
      std::uint64_t nobodys = 0;
      for (const auto& [name, count] : s.report().losses) nobodys += name == "references whose object is not known" ? count : 0;
      EXPECT_EQ(s.edgeCount() + nobodys, 12u) << at << " " << byte;
      // A minus in place of a digit is a number, as another digit would be.
      EXPECT_FALSE(s.report().complete() && byte != ' ' && byte != '-') << at << " " << byte;
      // Two rows at most lose something of their own (the byte may stand between them).
      std::size_t differ = 0;
      const auto contents = contentsOf(s);
      for (const auto& [id, line] : expected) {
        const auto found = contents.find(id);
        differ += found == contents.end();
      }
      EXPECT_LE(differ, 2u) << at << " " << byte;
    }
}

// White space behind the bracket makes the arrays be read row by row.
std::string rowByRow(std::string json) {
  for (const char* const key : {"\"nodes\":[", "\"edges\":["})
    if (const std::size_t at = json.find(key); at != std::string::npos) json.insert(at + 9, " ");
  return json;
}
void expectSameReport(const Snapshot& s, const Snapshot& twin, const std::string& what) {
  EXPECT_EQ(s.report().losses, twin.report().losses) << what;
  EXPECT_EQ(s.report().objectsMissing, twin.report().objectsMissing) << what;
  EXPECT_EQ(s.report().referencesMissing, twin.report().referencesMissing) << what;
  EXPECT_EQ(s.edgeCount(), twin.edgeCount()) << what;
}

TEST(V8, ArraysReadInBlocksSayWhatTheySayRowByRowWhateverByteIsWrong) {
  for (const V8Text::Space space : {V8Text::Space::kV8, V8Text::Space::kNone}) {
    V8Text text = lists();
    text.space = space;
    text.functions = "0,0,0,0,-1,-1\n,1,1,3,7,12,5\n";
    text.tree = "1,0,0,0,[2,1,1,40,[3,1,10,240,[]]]";
    text.nodes[3].trace = 2;
    text.nodes[9].detachedness = 2;
    text.edges[3].index = 0x2345'6789;   // past what stands in a label
    const std::string whole = text.json();
    // Inside the arrays: a digit behind the bracket makes the slow way doubt it, which blocks that end as announced have no
    // reason to.
    std::vector<std::size_t> places;
    for (const char* const key : {"\"nodes\":[", "\"edges\":["})
      for (std::size_t at = whole.find(key) + 9; whole[at - 1] != ']'; ++at) places.push_back(at);
    for (const std::size_t at : places)
      for (const char byte : {'7', ',', '\n', ']', '-'}) {
        std::string damaged = whole;
        damaged[at] = byte;
        const auto s = tryLoad(damaged), twin = tryLoad(rowByRow(damaged));
        ASSERT_TRUE(s && twin);
        ASSERT_EQ(contentsOf(**s), contentsOf(**twin)) << at << " " << byte << "\n" << damaged;
        expectSameReport(**s, **twin, damaged);
        if (HasFailure()) return;
      }
  }
}

TEST(V8, LargeArraysReadByThreadsSayWhatTheySayRowByRow) {
  std::mt19937_64 random(29);
  V8Text text;
  constexpr std::uint32_t kNodes = 60'000;
  text.node("synthetic", "", 1, 0);
  for (std::uint32_t i = 1; i < kNodes; ++i) {
    text.node(i % 3 == 0 ? "object" : i % 5 == 0 ? "native" : "closure", "n" + std::to_string(random() % 500), 2 * i + 1, random() % 200);
    if (i % 1000 == 0) text.nodes.back().detachedness = random() % 4;
    if (i % 2 == 0) text.edge(static_cast<std::uint32_t>(random() % i), "property", "p" + std::to_string(random() % 300), i);
  }
  for (std::uint32_t i = 0; i < 150'000; ++i) {
    const auto from = static_cast<std::uint32_t>(random() % kNodes), to = static_cast<std::uint32_t>(random() % kNodes);
    if (i % 7 == 0) text.edge(from, "weak", "w", to);
    else text.edge(from, "element", i % 1000 == 0 ? random() >> 20 : random() % 1000, to);
  }
  for (const V8Text::Space space : {V8Text::Space::kV8, V8Text::Space::kNone}) {
    text.space = space;
    const std::string whole = text.json();
    ASSERT_GT(whole.find("\"trace_function_infos") - whole.find("\"edges"), 2 * v8::RowBlocks::kBytes);
    for (const bool damaged : {false, true}) {
      std::string json = whole;
      if (damaged) json[json.find("\"trace_function_infos") - 700'000] = 'x';   // in the last blocks of the references
      const auto s = tryLoad(json, Policy::kStrict, 3), twin = tryLoad(rowByRow(json));
      ASSERT_TRUE(s && twin);
      EXPECT_EQ((*s)->report().complete(), !damaged);
      EXPECT_EQ(contentsOf(**s), contentsOf(**twin));
      expectSameReport(**s, **twin, damaged ? "damaged" : "whole");
    }
  }
}

TEST(V8, ReferencesBehindADamagedRowStayWithTheirObjects) {
  std::string damaged = lists().json();
  const std::size_t edges = damaged.find("\"edges\":[") + 9, second = damaged.find("\n,", edges) + 2;
  damaged[second + 1] = 'x';   // the comma behind the kind
  const auto s = load(damaged);
  ASSERT_TRUE(s);
  EXPECT_EQ(s->edgeCount(), 11u);
  EXPECT_EQ(contentsOf(*s).at(13), "Item  48 0 - <none> context var owner=7");   // unreachable: the way to it was lost
  EXPECT_EQ(s->report().losses[0].first, "rows of references that could not be read");
}

TEST(V8, RandomBytesNeverBreakAnInvariant) {
  const std::uint64_t seed = test::seedFromEnvironment();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  V8Text text = lists();
  text.functions = "0,0,0,0,-1,-1\n,1,1,3,7,12,5\n";
  text.tree = "1,0,0,0,[2,1,1,40,[3,1,10,240,[]]]";
  text.nodes[3].trace = 2;
  text.nodes[9].detachedness = 2;
  for (int round = 0; round < 3000; ++round) {
    text.space = static_cast<V8Text::Space>(random() % 3);
    std::string bytes = text.json();
    const std::size_t changes = 1 + random() % 8;
    for (std::size_t i = 0; i < changes; ++i) {
      const std::size_t at = random() % bytes.size();
      switch (random() % 4) {
        case 0: bytes[at] = static_cast<char>(random()); break;
        case 1: bytes.erase(at, random() % 40); break;
        case 2: bytes.insert(at, bytes.substr(random() % bytes.size(), random() % 60)); break;
        default: bytes[at] = "0123456789,]}[{\"\n- "[random() % 19]; break;
      }
      if (bytes.empty()) bytes = "{";
    }
    const auto policy = std::array{Policy::kStrict, Policy::kV8Devtools, Policy::kMemlab}[random() % 3];
    const auto loaded = tryLoad(bytes, policy);
    if (!loaded) continue;
    for (const BrokenInvariant& broken : verify(**loaded)) FAIL() << round << ": " << broken.name << ": " << broken.detail << "\n" << bytes;
    (void)textOf(**loaded, computeSummary(**loaded, 3));
  }
}

TEST(V8, HostileNumbersCostNoMemory) {
  std::string json = lists().json();
  const auto replace = [&](const std::string& from, const std::string& to) { json.replace(json.find(from), from.size(), to); };
  replace("\"node_count\":11", "\"node_count\":4000000000000");
  replace("\"edge_count\":12", "\"edge_count\":4000000000000");
  replace("\n,9,1,3,0,1,0,0", "\n,9,1,3,0,4294967295,0,0");
  const auto s = load(json);
  ASSERT_TRUE(s);
  EXPECT_EQ(s->objectCount(), 11u);
  EXPECT_GT(s->report().objectsMissing, 3'000'000'000'000u);
  EXPECT_LT(s->memoryBytes(), 1u << 20);
}

// Lengauer-Tarjan as these tools run it, on random graphs: the vertices that the root does not reach included. A transcription
// of the rule, by removal: v's dominator is the nearest vertex without which the root does not reach v.
TEST(V8, DominatorsOfRandomGraphsAreThoseOfTheToolsRule) {
  const std::uint64_t seed = test::seedFromEnvironment();
  SCOPED_TRACE(seed);
  std::mt19937 random(static_cast<std::uint32_t>(seed));
  for (int round = 0; round < 300; ++round) {
    const auto draw = [&](std::uint32_t below) { return static_cast<std::uint32_t>(random() % below); };
    const std::uint32_t nodes = 2 + draw(14);
    V8Text text;
    text.node("synthetic", "", 1, 1);
    for (std::uint32_t i = 1; i < nodes; ++i) text.node("object", "O", 2 * i + 1, 1u << i);
    const std::uint32_t edges = draw(2 * nodes);
    for (std::uint32_t i = 0; i < edges; ++i) {
      const std::uint32_t from = draw(nodes), to = draw(nodes);
      if (random() % 5 == 0) text.edge(from, "weak", "w", to);
      else if (random() % 7 == 0) text.edge(from, "shortcut", "s", to);
      else text.edge(from, "property", "p", to);
    }
    const auto s = load(text.json());
    ASSERT_TRUE(s);
    // strict: the root's strong targets are roots; no shortcut counts.
    const auto reachWithout = [&](std::uint32_t removed) {
      std::vector<bool> reached(nodes);
      std::vector<std::uint32_t> waiting;
      if (removed != 0) reached[0] = true, waiting.push_back(0);
      else
        for (const auto& e : text.edges)
          if (e.from == 0 && e.type == "property" && !reached[e.to] && e.to != 0) reached[e.to] = true, waiting.push_back(e.to);
      while (!waiting.empty()) {
        const std::uint32_t v = waiting.back();
        waiting.pop_back();
        for (const auto& e : text.edges)
          if (e.from == v && e.type == "property" && e.to != removed && !reached[e.to]) reached[e.to] = true, waiting.push_back(e.to);
      }
      return reached;
    };
    const auto all = reachWithout(nodes);
    for (std::uint32_t v = 0; v < nodes; ++v) {
      ASSERT_EQ(s->reachable(ObjectIndex(v)), all[v]) << text.json();
      std::uint64_t retained = 0;
      const auto without = reachWithout(v);
      for (std::uint32_t w = 0; w < nodes; ++w)
        if (all[w] && (w == v || !without[w])) retained += text.nodes[w].size;
      EXPECT_EQ(s->retained(ObjectIndex(v)).value, all[v] ? retained : 0) << "node " << v << " of " << text.json();
    }
  }
}

TEST(V8, OtherJsonIsNotASnapshot) {
  for (const char* json : {R"({"version":3,"type":"GCDebugging","nodes":[0,0,0,0],"nodeClassNames":["<root>"],"edges":[]})",   // JavaScriptCore's own
                           "{}", "[1,2,3]", "{\"name\":\"x\"}", "{", ""}) EXPECT_FALSE(tryLoad(json)) << json;
}

TEST(V8, PoliciesOfOtherDumpsAreRefused) {
  const auto refused = tryLoad(lists().json(), Policy::kVisualvm);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace openclaw
