// One pass over the file in its order: layout, nodes, edges, allocation traces, strings. A section that comes before what it
// needs (edges before nodes) is remembered and read at the end. What cannot be read is counted and left out.
#include "analyzer/load/v8/v8.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "analyzer/graph/edge_builder.h"
#include "analyzer/load/v8/allocations.h"
#include "analyzer/load/v8/classes.h"
#include "analyzer/load/v8/edges_that_count.h"
#include "analyzer/load/v8/json_reader.h"
#include "analyzer/load/v8/layout.h"
#include "analyzer/load/v8/row_blocks.h"
#include "analyzer/load/v8/texts.h"
#include "analyzer/snapshot_state.h"

namespace openclaw {
namespace {

using namespace v8;

// Shares of the time on a snapshot of 13 M nodes.
constexpr double kReadEnd = 0.35, kPolicyEnd = 0.42;
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 46;   // of one object: more is damage

// x / divisor by a multiplication, exact for x < 2^32.
class Divider {
 public:
  explicit Divider(unsigned divisor) : divisor_(divisor), factor_(~std::uint64_t{0} / divisor + 1) {}
  std::uint64_t quotient(std::uint64_t x) const {
    if (divisor_ == 1) return x;
    if (x > UINT32_MAX) return x / divisor_;
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>((static_cast<Wide>(x) * factor_) >> 64);
  }
  // The quotient if nothing remains.
  std::optional<std::uint64_t> exact(std::uint64_t x) const {
    const std::uint64_t q = quotient(x);
    return q * divisor_ == x ? std::optional(q) : std::nullopt;
  }

 private:
  unsigned divisor_;
  std::uint64_t factor_;
};

class V8Loader {
 public:
  V8Loader(const SourceBytes& bytes, const LoadOptions& options, const LoadStages& stages, SnapshotState& state)
      : bytes_(bytes), options_(options), stages_(stages), state_(state), reading_(stages.stage("reading", 0, kReadEnd)),
        json_(bytes, [this](std::uint64_t position) {
          reading_.throwIfStopped();
          reading_.report(static_cast<double>(position) / static_cast<double>(std::max<std::uint64_t>(json_.size(), 1)));
        }) {}

  void run() {
    readSections();
    if (!layout_) {
      layout_ = usualLayout();
      lose("description of the fields (snapshot.meta) that could not be read", 1);
    }
    for (const auto& [key, position] : deferred_) {
      json_.seek(position);
      readSection(key);
    }
    if (!nodesRead_) lose("table of nodes that is not there", 1);
    finishNodes();
    if (!edgesPlaced_) finishWithoutEdges();
    if (!stringsRead_) lose("table of strings that is not there", 1);
    const Work work = stages_.stage("references", kReadEnd, kPolicyEnd);
    graph_.names.labels.finish();
    nameTypes(graph_, types_, layout_->nodes.kindNames, std::move(detachedness_), state_, work);
    if (edgesSkipped_) dropEdges();
    else state_.edgeCount += applyPolicy(graph_, options_.policy, work);
    placeRoots();
    if (!options_.references) dropEdges();
    placeColumns();
    if (options_.references) computeGraph(state_, options_, stages_, kPolicyEnd, 1);
    writeReport();
  }

 private:
  void lose(std::string_view name, std::uint64_t count) {
    if (count == 0) return;
    for (auto& [known, times] : losses_)
      if (known == name) {
        times += count;
        return;
      }
    losses_.emplace_back(name, count);
  }

  // ---- sections ----------------------------------------------------------------------------------------------------------
  void readSections() {
    std::string key;
    for (int c = json_.peek(); c == 0xef || c == 0xbb || c == 0xbf; c = json_.peek()) json_.skip();   // a byte order mark
    if (!json_.accept('{')) findKey();
    for (;;) {
      const int c = json_.peekToken();
      if (c == JsonReader::kEnd) break;
      if (c == ',') {
        json_.skip();
        continue;
      }
      if (c == '}') {
        json_.skip();
        if (json_.peekToken() == JsonReader::kEnd) {
          closed_ = true;
          break;
        }
      } else if (c == '"' && json_.readString(key).ended && json_.accept(':')) {
        const std::uint64_t position = json_.position();
        const bool waits = (key == "nodes" && !layout_) || (key == "edges" && (!layout_ || !nodesRead_)) ||
                           ((key == "trace_function_infos" || key == "trace_tree") && !layout_) || (key == "locations" && !nodesRead_);
        if (!waits) {
          readSection(key);
        } else {
          deferred_.emplace_back(key, position);
          json_.skipValue();
        }
        continue;
      }
      lose("stretches of the file that belong to nothing", 1);
      findKey();
    }
    // Nodes first among what waited.
    std::sort(deferred_.begin(), deferred_.end(),
                     [](const auto& a, const auto& b) { return a.first == "nodes" && b.first != "nodes"; });
    end_ = json_.position();
  }

  static constexpr std::string_view kKeys[] = {"snapshot", "nodes", "edges", "trace_function_infos", "trace_tree", "samples", "locations", "strings"};

  // Goes on to the next place that looks like the key of a section: quoted, and followed by a colon and a bracket.
  void findKey() {
    const auto isKey = [&](std::string_view key) {
      for (std::size_t i = 0; i < key.size(); ++i)
        if (json_.peekAhead(1 + i) != static_cast<unsigned char>(key[i])) return false;
      std::size_t at = key.size() + 1;
      if (json_.peekAhead(at) != '"') return false;
      const auto skipSpaces = [&] {
        do ++at;
        while (at < 64 && (json_.peekAhead(at) == ' ' || json_.peekAhead(at) == '\n' || json_.peekAhead(at) == '\r' || json_.peekAhead(at) == '\t'));
        return json_.peekAhead(at);
      };
      if (skipSpaces() != ':') return false;
      const int open = skipSpaces();
      return open == '[' || open == '{';
    };
    for (int c = json_.peek(); c != JsonReader::kEnd; c = json_.peek()) {
      if (c == '"' && std::any_of(std::begin(kKeys), std::end(kKeys), isKey)) return;
      json_.skip();
    }
  }

  void readSection(const std::string& key) {
    const auto once = [&](bool& done) {
      if (!std::exchange(done, true)) return true;
      lose("sections that come twice", 1);
      json_.skipValue();
      return false;
    };
    if (key == "snapshot") {
      if (!once(snapshotRead_)) return;
      layout_ = readLayout(json_);
      if (layout_->assumed) lose("description of the fields (snapshot.meta) that could not be read", 1);
    } else if (key == "nodes") {
      if (once(nodesRead_)) readNodes();
    } else if (key == "edges") {
      if (once(edgesRead_)) readEdges();
    } else if (key == "strings") {
      if (once(stringsRead_)) readStrings();
    } else if (key == "trace_function_infos") {
      if (once(functionsRead_) && !emptyArray())
        lose("functions of allocation traces that could not be read", allocations_.readFunctions(json_, layout_->functions));
    } else if (key == "trace_tree") {
      if (once(treeRead_)) lose("allocation traces that could not be read", allocations_.readTree(json_, layout_->traces));
    } else if (key == "locations") {
      if (once(locationsRead_)) readLocations();
    } else {
      json_.skipValue();   // samples, scopes, what newer writers add
    }
  }

  bool emptyArray() {
    if (json_.peekToken() != '[' || json_.peekAhead(1) != ']') return false;
    json_.skip();
    json_.skip();
    return true;
  }

  // Rows of `stride` numbers that the rest of the file can hold: what a file announces is believed no further.
  std::uint64_t rowsLeft(unsigned stride) const { return (json_.size() - json_.position()) / (2 * stride) + 1; }

  bool openArray() {
    if (json_.accept('[')) return true;
    lose("sections that could not be read", 1);
    json_.skipValue();
    return false;
  }

  // ---- nodes -------------------------------------------------------------------------------------------------------------
  void readNodes() {
    const Layout::Nodes& fields = layout_->nodes;
    if (!openArray()) return;
    const std::size_t expected = std::min({layout_->nodeCount, rowsLeft(fields.stride), kMostObjects});
    if (readNodesInBlocks(expected)) return;
    nodeNames_ = Growing<std::uint32_t>(expected);
    types32_ = Growing<std::uint32_t>(expected);
    ids_ = Growing<std::uint32_t>(expected);
    edgeCounts_ = Growing<std::uint32_t>(expected);
    graph_.sizes = SizeColumn(expected);
    NumberRows rows(json_, fields.stride);
    std::uint64_t damaged = 0, damagedValues = 0;
    const auto has = [&](int field) { return field >= 0 && (rows.bad() >> field & 1) == 0; };
    const auto at = [&](int field) { return rows.value(static_cast<unsigned>(field)); };
    while (rows.next()) {
      const std::size_t node = types32_.size();
      if (node >= kMostObjects) throw std::length_error("more than 2^32 - 3 objects");
      if (rows.bad() != 0) {
        ++(rows.bad() == NumberRows::kAllBad ? damaged : damagedValues);
        if (fields.edgeCount >= 0 && !has(fields.edgeCount)) edgeCountsLost_.push_back(static_cast<std::uint32_t>(node));
      }
      const std::uint64_t type = has(fields.type) ? at(fields.type) : fields.kinds.size();
      const auto kindNumber = static_cast<std::uint32_t>(std::min<std::uint64_t>(type, fields.kinds.size()));
      const NodeKind kind = kindNumber < fields.kinds.size() ? fields.kinds[kindNumber] : NodeKind::kOther;
      if (type >= fields.kinds.size() && has(fields.type)) ++damagedValues;
      const std::uint32_t name = has(fields.name) ? narrow(at(fields.name)) : kNoName;
      types32_.push(types_.of(kind, kindNumber, name));
      nodeNames_.push(name);
      pushId(node, has(fields.id) ? at(fields.id) : fields.id < 0 ? node : 0);
      std::uint64_t size = has(fields.selfSize) ? at(fields.selfSize) : 0;
      if (size > kMostBytes) size = 0, ++damagedValues;
      graph_.sizes.push(size);
      edgeCounts_.push(has(fields.edgeCount) ? narrow(at(fields.edgeCount)) : 0);
      if (has(fields.traceNodeId) && at(fields.traceNodeId) != 0) setSparse(traceIds_, node, expected, narrow(at(fields.traceNodeId)));
      if (has(fields.detachedness) && at(fields.detachedness) != 0)
        setSparse(detachedness_, node, expected, static_cast<std::uint8_t>(std::min<std::uint64_t>(at(fields.detachedness), 3)));
    }
    lose("rows of nodes that could not be read", damaged);
    lose("values of nodes that could not be read", damagedValues);
    const std::uint64_t read = types32_.size();
    if (layout_->nodeCount > read) state_.report.objectsMissing = layout_->nodeCount - read;
    if (layout_->nodeCount != 0 && layout_->nodeCount < read) lose("nodes past the announced number", read - layout_->nodeCount);
  }

  // Several threads read a large section in blocks, if it is as V8 writes it and every value as usual. False: it is not; json_
  // still stands at its beginning.
  Work blocksFrom(std::uint64_t begin) const {
    return {.threads = stages_.threads(), .stop = stages_.stop(), .progress = [this, begin](double fraction) {
      const double from = static_cast<double>(begin), to = static_cast<double>(json_.size());
      reading_.report((from + fraction * (to - from)) / to);
    }};
  }

  bool readNodesInBlocks(std::size_t expected) {
    const Layout::Nodes& fields = layout_->nodes;
    if (expected == 0 || expected != layout_->nodeCount || fields.kinds.size() > UINT8_MAX) return false;
    for (const int field : {fields.type, fields.name, fields.id, fields.selfSize, fields.edgeCount})
      if (field < 0) return false;
    Growing<std::uint32_t> kinds(expected), names(expected), ids(expected), edgeCounts(expected);
    SizeColumn sizes(expected);
    Buffer<std::uint32_t> traces(fields.traceNodeId < 0 ? 0 : expected);
    Buffer<std::uint8_t> detachedness(fields.detachedness < 0 ? 0 : expected);
    std::atomic<bool> anyTrace{false}, anyDetachedness{false};
    std::uint32_t* const kindOf = kinds.rows(expected);
    std::uint32_t* const nameOf = names.rows(expected);
    std::uint32_t* const idOf = ids.rows(expected);
    std::uint32_t* const sizeOf = sizes.rows(expected);
    std::uint32_t* const edgesOf = edgeCounts.rows(expected);
    const std::uint64_t begin = json_.position();
    const auto read = readRowBlocks(bytes_, begin, fields.stride, blocksFrom(begin), [&](unsigned, std::uint64_t node, const std::uint64_t* values) {
      const auto at = [&](int field) { return values[static_cast<unsigned>(field)]; };
      const std::uint64_t kind = at(fields.type), widest = at(fields.name) | at(fields.id) | at(fields.selfSize) | at(fields.edgeCount);
      if (node >= expected || kind >= fields.kinds.size() || widest >= UINT32_MAX) return false;
      kindOf[node] = static_cast<std::uint32_t>(kind);
      nameOf[node] = static_cast<std::uint32_t>(at(fields.name));
      idOf[node] = static_cast<std::uint32_t>(at(fields.id));
      sizeOf[node] = static_cast<std::uint32_t>(at(fields.selfSize));
      edgesOf[node] = static_cast<std::uint32_t>(at(fields.edgeCount));
      if (fields.traceNodeId >= 0 && at(fields.traceNodeId) != 0) {
        traces[node] = narrow(at(fields.traceNodeId));
        anyTrace.store(true, std::memory_order_relaxed);
      }
      if (fields.detachedness >= 0 && at(fields.detachedness) != 0) {
        detachedness[node] = static_cast<std::uint8_t>(std::min<std::uint64_t>(at(fields.detachedness), 3));
        anyDetachedness.store(true, std::memory_order_relaxed);
      }
      return true;
    });
    if (!read || read->rows != expected) return false;
    // Types are numbered as they first appear, whoever read them first.
    for (std::size_t node = 0; node < expected; ++node) {
      if ((node & (kStepsBetweenChecks - 1)) == 0) reading_.throwIfStopped();
      kindOf[node] = types_.of(fields.kinds[kindOf[node]], kindOf[node], nameOf[node]);
    }
    types32_ = std::move(kinds), nodeNames_ = std::move(names), ids_ = std::move(ids), edgeCounts_ = std::move(edgeCounts);
    graph_.sizes = std::move(sizes);
    if (anyTrace) traceIds_ = std::move(traces);
    if (anyDetachedness) detachedness_ = std::move(detachedness);
    json_.seek(read->end);
    return true;
  }

  static constexpr std::uint32_t kNoName = 0xffff'ffffu;
  static std::uint32_t narrow(std::uint64_t value) { return static_cast<std::uint32_t>(std::min<std::uint64_t>(value, UINT32_MAX)); }

  // Columns that most snapshots leave at zero: no memory until the first value.
  template <class T>
  void setSparse(Buffer<T>& column, std::size_t node, std::size_t expected, T value) {
    if (column.size() <= node) {
      Buffer<T> wider(std::max({expected, node + 1, column.size() + column.size() / 2}));
      std::copy_n(column.data(), column.size(), wider.data());
      column = std::move(wider);
    }
    column[node] = value;
  }

  // V8's ids fit 32 bits; other writers use addresses.
  void pushId(std::size_t node, std::uint64_t id) {
    if (id > UINT32_MAX && !idsAreWide_) {
      idsAreWide_ = true;
      for (std::size_t i = 0; i < node; ++i) wideIds_.push(ids_[i]);
      ids_ = Growing<std::uint32_t>();
    }
    if (idsAreWide_) wideIds_.push(id);
    else ids_.push(static_cast<std::uint32_t>(id));
  }

  void finishNodes() {
    graph_.objects = static_cast<std::uint32_t>(types32_.size());
    graph_.types = types32_.take();
    graph_.names.ofNodes = nodeNames_.take();
    std::ranges::sort(places_, {}, &ScriptPlace::function);
    graph_.names.places = std::move(places_);
    for (const TypeNumbers::Key& key : types_.keys()) graph_.names.kindOfType.push_back(key.kind);
    if (idsAreWide_) {
      graph_.ids.wide = Column<std::uint64_t>::owning(wideIds_.take());
    } else {
      graph_.ids.units = Column<std::uint32_t>::owning(ids_.take());
      graph_.ids.segments = {{0, 0}};
    }
    const auto fit = [&](auto& column) {
      if (column.empty() || column.size() == graph_.objects) return;
      std::remove_reference_t<decltype(column)> fitted(graph_.objects);
      std::copy_n(column.data(), std::min<std::size_t>(column.size(), graph_.objects), fitted.data());
      column = std::move(fitted);
    };
    fit(traceIds_);
    fit(detachedness_);
    if (const auto root = Divider(layout_->nodes.stride).exact(layout_->rootIndex); root && *root < graph_.objects)
      graph_.root = static_cast<std::uint32_t>(*root);
  }

  // ---- edges -------------------------------------------------------------------------------------------------------------
  void readEdges() {
    const Layout::Edges& fields = layout_->edges;
    if (!openArray()) return;
    if (!options_.references && options_.policy != Policy::kV8Devtools) {   // DevTools moves bytes along references
      edgesSkipped_ = true;
      const std::uint8_t *const states = detachedness_.data(), *const statesEnd = states + detachedness_.size();
      if (std::find(states, statesEnd, kDetached) == statesEnd) {
        if (!json_.skipNumbers()) lose("table of references that is cut", 1);
        return;
      }
      if (readNativeEdges()) return;
      edgesSkipped_ = false;
    }
    nodes_ = Divider(layout_->nodes.stride);
    const std::uint64_t begin = json_.position(), possible = rowsLeft(fields.stride);
    if (fields.fromNode >= 0) countBySource(begin);
    else if (!edgeCountsLost_.empty()) inferLostCounts();
    layOutEdges(possible);
    if (readEdgesInBlocks(begin)) return;
    layOutEdges(possible);   // empty again

    Placement where;
    if (fields.fromNode >= 0) where.next = Buffer<std::uint32_t>(types32_.size());
    NumberRows rows(json_, fields.stride);
    while (rows.next()) placeEdge(rows, where);
    lose("rows of references that could not be read", where.damaged);
    lose("references to missing objects", where.toMissing);
    lose("references of missing objects", where.withoutSource);
    lose("references of an unknown kind", where.unknownKinds);
    if (layout_->edgeCount > where.rows) lose("references announced and not there", layout_->edgeCount - where.rows);
    state_.edgeCount = where.placed;
    edgesPlaced_ = true;
    countObjectsWithout(where.rows);
  }

  // Those of native nodes alone: they tell which nodes are detached (classes.h), which has a type of its own. False: to be found
  // out by reading all.
  bool readNativeEdges() {
    const Layout::Edges& fields = layout_->edges;
    if (fields.fromNode >= 0 || fields.type < 0 || !edgeCountsLost_.empty()) return false;
    const Divider nodes(layout_->nodes.stride);
    const std::size_t objects = types32_.size();
    std::vector<RowRange> natives;
    std::uint64_t rows = 0, kept = 0;
    graph_.first = PagedOffsets(objects);
    for (std::size_t node = 0; node < objects; ++node) {
      const std::uint32_t count = edgeCounts_[node];
      const bool native = count != 0 && types_.keys()[types32_[node]].kind == NodeKind::kNative;
      if (native) natives.push_back({rows, count});
      graph_.first.countWhileBuilding(node) = native ? count : 0;
      kept += native ? count : 0;
      rows += count;
    }
    if (kept > rowsLeft(fields.stride) || !graph_.first.tryFinish()) return false;
    graph_.slots = Buffer<std::uint32_t>(kept);
    graph_.names.labels = EdgeLabels(kept);
    std::vector<std::uint64_t> firstKept(natives.size());
    for (std::size_t i = 1; i < natives.size(); ++i) firstKept[i] = firstKept[i - 1] + natives[i - 1].count;
    const std::uint64_t begin = json_.position();
    const auto read = readChosenRows(bytes_, begin, fields.stride, natives, blocksFrom(begin),
                                     [&](unsigned, std::size_t range, std::uint64_t row, const std::uint64_t* values) {
      const auto at = [&](int field) { return values[static_cast<unsigned>(field)]; };
      const auto target = nodes.exact(at(fields.toNode));
      if (at(fields.type) >= fields.kinds.size() || !target || *target >= objects) return false;
      graph_.slots[firstKept[range] + row] = static_cast<std::uint32_t>(*target) + 1;
      graph_.names.labels.set(firstKept[range] + row, fields.kinds[at(fields.type)], 0);
      return true;
    });
    if (!read || read->rows != rows) return false;
    json_.seek(read->end);
    edgeCounts_ = Growing<std::uint32_t>();
    edgesPlaced_ = true;
    return true;
  }

  struct Placement {
    std::uint64_t rows = 0, placed = 0, damaged = 0, toMissing = 0, withoutSource = 0, unknownKinds = 0;
    Buffer<std::uint32_t> next;      // with from_node: how many references of each object were placed
  };

  void placeEdge(const NumberRows& rows, Placement& where) {
    const Layout::Edges& fields = layout_->edges;
    std::uint64_t edge = where.rows++;
    const auto has = [&](int field) { return field >= 0 && (rows.bad() >> field & 1) == 0; };
    const auto at = [&](int field) { return rows.value(static_cast<unsigned>(field)); };
    where.damaged += rows.bad() != 0;
    if (fields.fromNode >= 0) {
      const auto source = has(fields.fromNode) ? nodes_.exact(at(fields.fromNode)) : std::nullopt;
      if (!source || *source >= types32_.size() || where.next[*source] >= graph_.first.count(*source)) {
        ++where.withoutSource;
        return;
      }
      edge = graph_.first.begin(*source) + where.next[*source]++;
    } else if (edge >= graph_.slots.size()) {
      ++where.withoutSource;
      return;
    }
    EdgeKind kind = EdgeKind::kOther;
    if (has(fields.type)) {
      const std::uint64_t number = at(fields.type);
      if (number < fields.kinds.size()) kind = fields.kinds[number];
      else ++where.unknownKinds;
    }
    graph_.names.labels.set(edge, kind, has(fields.nameOrIndex) ? at(fields.nameOrIndex) : kNoName);
    if (kind == EdgeKind::kWeak) graph_.strengths[edge] = static_cast<std::uint8_t>(Strength::kWeak);
    if (!has(fields.toNode)) return;
    const auto target = nodes_.exact(at(fields.toNode));
    if (!target || *target >= types32_.size()) {
      ++where.toMissing;
      return;
    }
    graph_.slots[edge] = static_cast<std::uint32_t>(*target) + 1;
    ++where.placed;
  }

  bool readEdgesInBlocks(std::uint64_t begin) {
    const Layout::Edges& fields = layout_->edges;
    const std::uint64_t edges = graph_.slots.size();
    if (fields.fromNode >= 0 || fields.type < 0 || fields.nameOrIndex < 0 || unsure_ || edges == 0) return false;
    if (layout_->edgeCount != 0 && layout_->edgeCount != edges) return false;
    const std::uint64_t objects = types32_.size();
    std::vector<EdgeLabels::Side> sides(std::max(1u, stages_.threads()));
    const auto read = readRowBlocks(bytes_, begin, fields.stride, blocksFrom(begin), [&](unsigned worker, std::uint64_t edge, const std::uint64_t* values) {
      const auto at = [&](int field) { return values[static_cast<unsigned>(field)]; };
      const auto target = nodes_.exact(at(fields.toNode));
      if (edge >= edges || at(fields.type) >= fields.kinds.size() || !target || *target >= objects) return false;
      const EdgeKind kind = fields.kinds[at(fields.type)];
      graph_.names.labels.set(edge, kind, at(fields.nameOrIndex), sides[worker]);
      if (kind == EdgeKind::kWeak) graph_.strengths[edge] = static_cast<std::uint8_t>(Strength::kWeak);
      graph_.slots[edge] = static_cast<std::uint32_t>(*target) + 1;
      return true;
    });
    if (!read || read->rows != edges) return false;
    for (const EdgeLabels::Side& side : sides) graph_.names.labels.takeSide(side);
    json_.seek(read->end);
    state_.edgeCount = edges;
    edgesPlaced_ = true;
    countObjectsWithout(edges);
    return true;
  }

  // With from_node references stand in any order: counted in a first pass over them, placed in a second.
  void countBySource(std::uint64_t begin) {
    for (std::size_t node = 0; node < edgeCounts_.size(); ++node) edgeCounts_[node] = 0;
    const Layout::Edges& fields = layout_->edges;
    NumberRows rows(json_, fields.stride);
    while (rows.next()) {
      if ((rows.bad() >> fields.fromNode & 1) != 0) continue;
      const auto source = nodes_.exact(rows.value(static_cast<unsigned>(fields.fromNode)));
      if (source && *source < edgeCounts_.size() && edgeCounts_[*source] != UINT32_MAX) ++edgeCounts_[*source];
    }
    json_.seek(begin);
  }

  // References follow each other without a mark between objects. If one object's count was lost, it is what the announced total
  // leaves; if several were, nobody can say whose the references between the first and the last of them are.
  void inferLostCounts() {
    std::uint64_t known = 0;
    for (std::size_t node = 0; node < edgeCounts_.size(); ++node) known += edgeCounts_[node];
    const std::uint64_t left = layout_->edgeCount > known ? layout_->edgeCount - known : 0;
    if (left > UINT32_MAX) return;
    const std::uint32_t last = edgeCountsLost_.back();
    if (edgeCountsLost_.size() == 1) {
      edgeCounts_[last] = static_cast<std::uint32_t>(left);
      return;
    }
    std::uint64_t unsure = left;   // laid out as if all were the last one's, then dropped
    for (std::size_t node = edgeCountsLost_.front(); node < last; ++node) {
      unsure += edgeCounts_[node];
      state_.report.referencesMissing += std::exchange(edgeCounts_[node], 0) != 0;
    }
    unsureObject_ = last;
    unsure_ = true;
    edgeCounts_[last] = narrow(unsure);
    state_.report.referencesMissing += edgeCountsLost_.size();
  }

  void layOutEdges(std::uint64_t possible) {
    const std::size_t objects = edgeCounts_.size();
    graph_.first = PagedOffsets(objects);
    std::uint64_t total = 0;
    for (std::size_t node = 0; node < objects; ++node) {
      const std::uint64_t count = std::min<std::uint64_t>(edgeCounts_[node], possible - total);
      graph_.first.countWhileBuilding(node) = static_cast<std::uint32_t>(count);
      total += count;
    }
    if (!graph_.first.tryFinish()) throw std::length_error("more than 2^32 references in 65,536 neighbouring objects");
    graph_.slots.reset();
    graph_.strengths.reset();
    graph_.names.labels = EdgeLabels();
    graph_.slots = Buffer<std::uint32_t>(total);
    graph_.strengths = Buffer<std::uint8_t>(total);
    graph_.names.labels = EdgeLabels(total);
  }

  // Objects that say they have references that did not come; references that may be of several objects are nobody's.
  void countObjectsWithout(std::uint64_t rows) {
    if (unsure_) {
      std::uint64_t dropped = 0;
      for (std::uint64_t edge = graph_.first.begin(unsureObject_); edge < graph_.first.end(unsureObject_); ++edge)
        dropped += std::exchange(graph_.slots[edge], 0) != 0;
      state_.edgeCount -= dropped;
      lose("references whose object is not known", dropped);
    }
    if (layout_->edges.fromNode < 0)
      for (std::size_t node = edgeCounts_.size(); node-- > 0;) {
        const bool whole = graph_.first.end(node) <= rows && graph_.first.count(node) == edgeCounts_[node];
        if (whole && edgeCounts_[node] != 0) break;   // so is everything before
        state_.report.referencesMissing += !whole;
      }
    edgeCounts_ = Growing<std::uint32_t>();
  }

  // No references came at all, or nobody wants them.
  void finishWithoutEdges() {
    if (edgesRead_ == false && nodesRead_) lose("table of references that is not there", 1);
    for (std::size_t node = 0; !edgesSkipped_ && node < edgeCounts_.size(); ++node) state_.report.referencesMissing += edgeCounts_[node] != 0;
    edgeCounts_ = Growing<std::uint32_t>();
    graph_.first = PagedOffsets(graph_.objects);
    (void)graph_.first.tryFinish();
  }

  // They told what they had to.
  void dropEdges() {
    graph_.first = PagedOffsets(graph_.objects);
    (void)graph_.first.tryFinish();
    graph_.slots.reset();
    graph_.strengths.reset();
    graph_.names.labels = EdgeLabels();
    state_.edgeCount = 0;
  }

  // ---- script positions --------------------------------------------------------------------------------------------------
  // V8 writes one for each function and, for plain objects, that of their constructor: only the first are kept.
  void readLocations() {
    const Layout::Locations& fields = layout_->locations;
    if (fields.stride == 0 || types32_.size() == 0) {
      json_.skipValue();
      return;
    }
    if (!openArray()) return;
    const Divider nodes(layout_->nodes.stride);
    const auto nodeAt = [&](std::uint64_t index) {
      const auto node = nodes.exact(index);
      return node && *node < types32_.size() ? node : std::nullopt;
    };
    std::uint64_t damaged = 0;
    NumberRows rows(json_, fields.stride);
    while (rows.next()) {
      const auto has = [&](int field) { return field >= 0 && (rows.bad() >> field & 1) == 0; };
      const auto at = [&](int field) { return rows.value(static_cast<unsigned>(field)); };
      const auto function = has(fields.object) ? nodeAt(at(fields.object)) : std::nullopt;
      if (!function || !has(fields.line)) {
        ++damaged;
        continue;
      }
      if (types_.keys()[types32_[*function]].kind != NodeKind::kClosure) continue;
      const std::uint64_t column = has(fields.column) ? at(fields.column) : 0;
      if (at(fields.line) > INT32_MAX || column > INT32_MAX) continue;   // -1: the writer does not know
      const auto script = has(fields.script) ? nodeAt(at(fields.script)) : std::nullopt;
      places_.push_back({static_cast<std::uint32_t>(*function), script ? static_cast<std::uint32_t>(*script) + 1 : 0,
                         static_cast<std::uint32_t>(at(fields.line)), static_cast<std::uint32_t>(column)});
    }
    lose("script positions that could not be read", damaged);
  }

  // ---- strings -----------------------------------------------------------------------------------------------------------
  void readStrings() {
    if (!openArray()) return;
    StringTable& strings = graph_.names.strings;
    std::string text;
    std::uint64_t damaged = 0, cut = 0;
    bool byLines = false;   // V8 writes a string a line, so that a damaged one costs no other
    for (;;) {
      bool newline = false;
      int c = json_.peek();
      for (; c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == ','; c = json_.peek()) {
        newline = newline || c == '\n';
        json_.skip();
      }
      if (strings.size() == 1) byLines = newline;
      if (c == JsonReader::kEnd) {
        lose("table of strings that is cut", 1);
        break;
      }
      if (c == ']') {
        json_.skip();
        break;
      }
      if (strings.size() == UINT32_MAX - 1) throw std::length_error("2^32 strings");
      if (c != '"') {
        skipLine(byLines);
        strings.add({});
        ++damaged;
        continue;
      }
      const JsonReader::Text read = json_.readString(text, byLines);
      cut += read.cut;
      damaged += !read.ended;
      if (const int after = json_.peek(); read.ended && byLines && after != '\n' && after != ']' && after != ',' && after != '\r' &&
                                          after != ' ' && after != JsonReader::kEnd) {
        skipLine(true);        // a quote inside: the rest of the line belongs to this string
        ++damaged;
      }
      strings.add(text);
    }
    lose("strings that could not be read", damaged);
    lose("strings cut at a mebibyte", cut);
  }

  void skipLine(bool byLines) {
    for (int c = json_.peek(); c != JsonReader::kEnd; c = json_.peek()) {
      if (byLines ? c == '\n' : c == ',' || c == ']' || c == '"') return;
      json_.skip();
    }
  }

  // ---- what every snapshot has -------------------------------------------------------------------------------------------
  void placeRoots() {
    for (const GraphRoot& root : rootsOf(graph_, options_.policy)) {
      RootInfo& info = state_.roots.emplace_back();
      info.object = ObjectIndex(root.object);
      info.site = SiteIndex(0);
      std::string category(graph_.name(root.category));
      info.kind = kindOfRoot(category);
      if (category.empty()) category = "(root)";
      info.label = *state_.rootLabels.insert(std::move(category)).first;
    }
  }
  static RootKind kindOfRoot(std::string_view category) {
    const auto speaksOf = [&](std::string_view word) { return category.find(word) != std::string_view::npos; };
    if (speaksOf("Stack")) return RootKind::kStack;
    if (speaksOf("andle") || speaksOf("ersistent")) return RootKind::kHandle;
    return category.empty() ? RootKind::kOther : RootKind::kRuntime;
  }

  void placeColumns() {
    const std::uint32_t objects = graph_.objects;
    state_.objects = objects;
    state_.addressesAscend = false;
    state_.addresses = std::move(graph_.ids);
    state_.sizes = graph_.sizes.take();
    lose("objects whose allocation trace is not there", allocations_.place(state_, traceIds_, graph_.names.strings, json_.size()));
    traceIds_.reset();
    state_.ageAndFlags = Column<std::uint8_t>::owning(Buffer<std::uint8_t>(objects));
    if (stringsRead_) {
      std::uint64_t nameless = 0;
      for (std::uint32_t object = 0; object < objects; ++object) nameless += graph_.names.ofNodes[object] >= graph_.names.strings.size();
      if (layout_->nodes.name >= 0) lose("objects whose name is not there", nameless);
    }

    EdgeTable& edges = state_.edges;
    const Work filling{.threads = stages_.threads(), .stop = stages_.stop(), .progress = {}};
    fillFromRows(edges, graph_.first, std::move(graph_.slots), std::move(graph_.strengths), filling);
    graph_.first = PagedOffsets();
    if (state_.types.size() < 0x10000) {
      Buffer<std::uint16_t> narrowTypes(objects);
      for (std::uint32_t object = 0; object < objects; ++object) narrowTypes[object] = static_cast<std::uint16_t>(graph_.types[object]);
      edges.types = NarrowColumn(Column<std::uint16_t>::owning(std::move(narrowTypes)));
      graph_.types.reset();
    } else {
      edges.types = NarrowColumn(Column<std::uint32_t>::owning(std::move(graph_.types)));
    }
    edges.declare(std::vector<DeclaredStrengths>(state_.types.size()));
    const auto names = std::make_shared<const Names>(std::move(graph_.names));
    state_.objectTexts = objectTexts(names, state_);
    state_.slotTexts = slotTexts(names, state_);
    state_.process.source = "V8 heap snapshot";
  }

  void writeReport() {
    LoadReport& report = state_.report;
    report.file.fileBytes = json_.size();
    report.file.bytesRead = end_;
    report.file.endSeen = closed_;
    for (const auto& [name, count] : losses_) {
      report.losses.emplace_back(name, count);
      report.lossesWhileLoading += count;
    }
  }

  // Constant after construction.
  const SourceBytes& bytes_;
  const LoadOptions& options_;
  const LoadStages& stages_;
  SnapshotState& state_;
  const Work reading_;

  JsonReader json_;
  std::optional<Layout> layout_;
  std::vector<std::pair<std::string, std::uint64_t>> deferred_;   // key, position of its value
  bool closed_ = false, snapshotRead_ = false, nodesRead_ = false, edgesRead_ = false, stringsRead_ = false, functionsRead_ = false,
       treeRead_ = false, locationsRead_ = false, edgesPlaced_ = false, edgesSkipped_ = false, idsAreWide_ = false;
  std::uint64_t end_ = 0;
  std::vector<std::pair<std::string_view, std::uint64_t>> losses_;

  Graph graph_;
  TypeNumbers types_;
  Growing<std::uint32_t> types32_, nodeNames_, ids_, edgeCounts_;
  Growing<std::uint64_t> wideIds_;
  Buffer<std::uint32_t> traceIds_;
  Buffer<std::uint8_t> detachedness_;
  std::vector<ScriptPlace> places_;
  std::vector<std::uint32_t> edgeCountsLost_;   // ascending nodes
  std::uint32_t unsureObject_ = 0;
  bool unsure_ = false;
  Divider nodes_{1};
  Allocations allocations_;
};

}  // namespace

bool looksLikeV8Snapshot(std::span<const std::byte> head) {
  std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const std::size_t open = text.find_first_not_of(" \t\r\n");
  if (open == std::string_view::npos || text[open] != '{') return false;
  const std::size_t key = text.find_first_not_of(" \t\r\n", open + 1);
  if (key == std::string_view::npos) return false;
  for (const std::string_view name : {"\"snapshot\"", "\"nodes\"", "\"edges\"", "\"strings\""})
    if (text.substr(key).starts_with(name)) return true;
  return text.find("\"node_fields\"") != std::string_view::npos;
}

void loadV8Snapshot(const SourceBytes& bytes, const LoadOptions& options, const LoadStages& stages, SnapshotState& state) {
  V8Loader(bytes, options, stages, state).run();
}

}  // namespace openclaw
