// What type an object has: the name under which DevTools' summary lists it. Constructors by name, everything else by kind:
// "(string)", "(array)", "(compiled code)", "Function"; elements of a page without their attributes, "<div>"; what is no longer
// in a page as "Detached <div>".
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "analyzer/load/v8/edges_that_count.h"

namespace openclaw::v8 {

// A node's detachedness, as the file says it.
inline constexpr std::uint8_t kUnknown = 0, kAttached = 1, kDetached = 2;

// Gives numbers to types while nodes arrive and names are not known yet. Threads: one at a time.
class TypeNumbers {
 public:
  // `kindNumber`: as the file counts it, for the name of kinds that are unknown.
  std::uint32_t of(NodeKind kind, std::uint32_t kindNumber, std::uint32_t name);
  struct Key {
    NodeKind kind;
    std::uint32_t kindNumber, name;   // name: of objects and natives only
    bool detached = false;
  };
  const std::vector<Key>& keys() const { return keys_; }

 private:
  struct Recent {
    std::uint64_t key = 0;
    std::uint32_t number = 0;         // + 1
  };
  std::vector<Key> keys_;
  std::unordered_map<std::uint64_t, std::uint32_t> numberOf_;
  Recent recent_[256] = {};
};

// Gives `graph.types` their final numbers and `state.types` their names (equal names of a kind are one type), with `states` (a
// node's detachedness, or empty) spread through native nodes as DevTools spreads it.
void nameTypes(Graph& graph, const TypeNumbers& numbers, const std::vector<std::string>& kindNames, Buffer<std::uint8_t> states,
               SnapshotState& state, const Work& work);

}  // namespace openclaw::v8
