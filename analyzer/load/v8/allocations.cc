#include "analyzer/load/v8/allocations.h"

#include <algorithm>
#include <array>

namespace openclaw::v8 {

std::uint64_t Allocations::readFunctions(JsonReader& json, const Layout::Functions& layout) {
  if (layout.stride == 0 || !json.accept('[')) {
    json.skipValue();
    return 1;
  }
  NumberRows rows(json, layout.stride);
  std::uint64_t bad = 0;
  const auto field = [&](int index) {
    const std::uint64_t value = index < 0 || (rows.bad() >> index & 1) != 0 ? 0 : rows.value(static_cast<unsigned>(index));
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(value, UINT32_MAX));
  };
  while (rows.next()) {
    bad += rows.bad() != 0;
    functions_.push_back({field(layout.name), field(layout.scriptName), field(layout.line)});
  }
  return bad + (rows.ended() ? 0 : 1);
}

// Flat lists in lists: [id, function, count, size, [children: id, function, …], id, …].
std::uint64_t Allocations::readTree(JsonReader& json, const Layout::Traces& layout) {
  constexpr unsigned kFields = 5;
  struct Level {
    unsigned field = 0;
    std::array<std::uint64_t, kFields> values{};
    std::uint32_t parent = 0;   // index + 1
  };
  const auto fieldOf = [](int field) { return field >= 0 && field < static_cast<int>(kFields) ? static_cast<std::size_t>(field) : 0; };
  std::uint64_t bad = 0;
  std::vector<Level> levels;
  if (!json.accept('[')) {
    json.skipValue();
    return 1;
  }
  levels.emplace_back();
  while (!levels.empty()) {
    const int c = json.peekToken();
    if (c == JsonReader::kEnd) return bad + 1;
    Level& level = levels.back();
    if (c == '[') {
      json.skip();
      const auto& v = level.values;
      const std::uint64_t function = v[fieldOf(layout.function)];
      traces_.push_back({level.parent, static_cast<std::uint32_t>(std::min<std::uint64_t>(function, UINT32_MAX)),
                         v[fieldOf(layout.count)], v[fieldOf(layout.size)]});
      const auto current = static_cast<std::uint32_t>(traces_.size());
      traceOfId_.emplace(v[fieldOf(layout.id)], current - 1);
      level.field = 0;
      level.values = {};
      levels.emplace_back().parent = current;
    } else if (c == ']') {
      json.skip();
      levels.pop_back();
    } else if (c == ',') {
      json.skip();
    } else if (c >= '0' && c <= '9') {
      std::uint64_t value = 0;
      for (int digit = c; digit >= '0' && digit <= '9'; digit = json.peek()) {
        value = value * 10 + static_cast<unsigned>(digit - '0');
        json.skip();
      }
      if (level.field < kFields) level.values[level.field++] = value;
      else ++bad;
    } else if (c == '"' || c == '}') {
      return bad + 1;   // the brackets do not match: the next key begins
    } else {
      json.skip();
      ++bad;
    }
  }
  return bad;
}

std::uint64_t Allocations::place(SnapshotState& state, const Buffer<std::uint32_t>& traceIds, const StringTable& strings,
                                 std::uint64_t fileBytes) const {
  state.sitesTable.emplace_back();   // 0: unknown
  const std::uint32_t objects = state.objects;
  std::vector<std::uint32_t> stackOf(traces_.size());   // index + 1
  std::unordered_map<std::uint32_t, std::uint32_t> siteOf;
  std::uint64_t frames = 0;
  const std::uint64_t mostFrames = std::max<std::uint64_t>(fileBytes / 16, 4096);
  const auto describe = [&](std::uint32_t function, auto& row) {
    if (function >= functions_.size()) return;
    const Function& f = functions_[function];
    row.function = strings[f.name];
    if (row.function.empty()) row.function = "(anonymous)";
    row.file = strings[f.scriptName];
    row.line = f.line;
  };
  const auto stackIndexOf = [&](std::uint32_t trace) {
    if (stackOf[trace] != 0) return stackOf[trace] - 1;
    StackInfo& stack = state.stacks.emplace_back();
    const std::size_t deepest = frames < mostFrames ? 64 : 4;   // V8 keeps 64 itself
    std::uint32_t at = trace + 1;
    for (; at != 0 && stack.pcs.size() < deepest; at = traces_[at - 1].parent) {
      const Trace& t = traces_[at - 1];
      if (t.parent == 0 && at != trace + 1) break;   // the tree's own root is no function
      const std::uint64_t pc = std::uint64_t{t.function} + 1;
      stack.pcs.push_back(pc);
      auto& symbol = state.symbols[pc];
      if (symbol.empty()) describe(t.function, symbol.emplace_back());
    }
    stack.truncated = at != 0 && traces_[at - 1].parent != 0;
    frames += stack.pcs.size();
    const auto [site, added] = siteOf.emplace(traces_[trace].function, static_cast<std::uint32_t>(state.sitesTable.size()));
    if (added) describe(site->first, state.sitesTable.emplace_back());
    stack.site = SiteIndex(site->second);
    stack.allocatedObjects = traces_[trace].count;
    stack.allocatedBytes = traces_[trace].size;
    state.sitesTable[stack.site].allocatedObjects += stack.allocatedObjects;
    state.sitesTable[stack.site].allocatedBytes += stack.allocatedBytes;
    stackOf[trace] = static_cast<std::uint32_t>(state.stacks.size());
    return stackOf[trace] - 1;
  };

  std::uint64_t lost = 0;
  Buffer<std::uint32_t> words(traceIds.empty() ? 0 : objects);
  for (std::uint32_t object = 0; object < words.size(); ++object) {
    if (traceIds[object] == 0) continue;
    const auto trace = traceOfId_.find(traceIds[object]);
    if (trace == traceOfId_.end()) ++lost;
    else words[object] = kSiteIsStack | stackIndexOf(trace->second);
  }
  // What was allocated and is gone tells of churn.
  for (std::uint32_t trace = 0; trace < traces_.size(); ++trace)
    if (traces_[trace].count != 0) (void)stackIndexOf(trace);

  if (words.empty() || state.stacks.size() <= 0x8000) {
    Buffer<std::uint16_t> narrow(objects);
    for (std::uint32_t object = 0; object < words.size(); ++object)
      if (words[object] != 0) narrow[object] = static_cast<std::uint16_t>(0x8000u | (words[object] & 0x7fffu));
    state.sites = NarrowColumn(Column<std::uint16_t>::owning(std::move(narrow)));
  } else {
    state.sites = NarrowColumn(Column<std::uint32_t>::owning(std::move(words)));
  }
  return lost;
}

}  // namespace openclaw::v8
