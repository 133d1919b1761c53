// Who allocated what, in snapshots that were taken while V8 tracked allocations: the functions and the tree of their calls
// (trace_function_infos, trace_tree) as stacks. A function has no program counter here, so one is invented: its number + 1.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "analyzer/load/v8/layout.h"
#include "analyzer/load/v8/texts.h"

namespace openclaw::v8 {

class Allocations {
 public:
  // The values of these keys, the reader standing behind ':'. Return how many rows could not be read.
  std::uint64_t readFunctions(JsonReader& json, const Layout::Functions& layout);
  std::uint64_t readTree(JsonReader& json, const Layout::Traces& layout);

  // Fills sites, stacks and symbols of `state`, and the site of each object by its trace_node_id (`traceIds`: one an object, or
  // empty). `fileBytes` bounds the memory. Returns how many objects name a trace that is not there.
  std::uint64_t place(SnapshotState& state, const Buffer<std::uint32_t>& traceIds, const StringTable& strings,
                      std::uint64_t fileBytes) const;

 private:
  struct Function {
    std::uint32_t name, scriptName, line;
  };
  struct Trace {
    std::uint32_t parent, function;   // parent: index + 1, 0 = none
    std::uint64_t count, size;
  };
  std::vector<Function> functions_;
  std::vector<Trace> traces_;
  std::unordered_map<std::uint64_t, std::uint32_t> traceOfId_;
};

}  // namespace openclaw::v8
