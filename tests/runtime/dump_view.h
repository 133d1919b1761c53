// A whole dump in memory, resolved as far as tests need it: objects by address, edges with labels, sums over its own
// tables. Read through format's DumpReader alone, so that it is independent of the analyzer.
//
//   DumpView dump = DumpView::read("heap.bin");          // ADD_FAILUREs when anything is missing or damaged
//   const DumpView::Object* object = dump.at(address);
//   dump.typeName(*object); object->edges[0].label;
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "format/counters.h"
#include "format/records.h"

namespace openclaw::test {

struct DumpView {
  static constexpr std::uint64_t kNull = ~0ull;
  struct Field { std::string name; std::uint32_t offset; Strength strength; std::string target; };
  struct Type {
    std::string name;
    std::uint32_t size, elementSize, elementOffset;
    std::vector<Field> fields, elementFields;
    bool hasDestructor, pointerFree, isText;
    std::int32_t externalOffset;
  };
  struct Site {
    std::string file, function;
    std::uint32_t line;
    std::uint64_t allocatedObjects = 0, allocatedBytes = 0;
    Certainty certainty = Certainty::kLowerBound;
  };
  struct Edge { std::string label; Strength strength; std::uint64_t target; };  // target: address, or kNull
  struct Object {
    std::uint64_t address, size, external;
    std::uint32_t type, site, firstSlot, slots;
    std::uint8_t age, flags;
    std::uint64_t bound = 0;
  };
  struct Root { std::uint64_t target; RootRecord row; std::string label; };
  struct Stack { std::vector<std::uint64_t> pcs; StackRecord row; };
  struct Thread { std::string name, state; std::uint32_t tid; std::uint64_t low, high; };
  struct Pause { PauseRecord row; std::string kind, cause; std::vector<std::pair<std::string, std::uint64_t>> phases; };
  struct Process {
    std::uint32_t pid = 0, dumpNumber = 0, granule = 0;
    std::string executable, source, requested, generator;
    Consistency consistency{};
    std::vector<std::uint8_t> dumpId, previousDumpId;
  };

  Process process;
  std::vector<Type> types;
  std::vector<Site> sites;
  std::vector<Object> objects;             // ascending addresses
  std::vector<std::uint64_t> slotTargets;  // addresses, kNull
  std::vector<ArenaRecord> arenas;
  std::vector<std::string> arenaNames;
  std::vector<RegionRecord> regions;
  std::vector<FloatingRecord> floating;
  std::vector<Root> roots;
  std::vector<Thread> threads;
  std::uint64_t stackMeanInterval = 0;
  std::vector<Stack> stacks;
  std::uint64_t pausesTotal = 0;
  std::vector<Pause> pauses;
  std::map<std::string, std::vector<std::string>> settings;                  // name: value, default, origin
  std::vector<std::vector<std::string>> changes;                             // name, before, after, by
  std::map<std::string, std::uint64_t> counters;
  std::vector<RequestRecord> requests;
  std::uint64_t requestsLost = 0;
  std::size_t modules = 0, modulesWithBuildId = 0;
  EndRecord end;
  std::map<std::string, std::uint64_t> losses;

  static DumpView read(const std::string& path);
  static DumpView fromBytes(std::span<const std::byte> bytes);

  const Object* at(std::uint64_t address) const;   // null: no object starts there
  const std::string& typeName(const Object& object) const { return types[object.type].name; }
  // Raw: without labels. Addresses or kNull.
  std::span<const std::uint64_t> targets(const Object& object) const {
    return std::span(slotTargets).subspan(object.firstSlot, object.slots);
  }
  // With labels; null slots included.
  std::vector<Edge> edges(const Object& object) const;
  // The site of an object, through its stack when it was sampled.
  const Site& siteOf(const Object& object) const;
  std::uint64_t counter(const std::string& name) const;
};

// Everything a dump says about itself that must agree with itself: regions add up, cover their objects and lie side
// by side, sums over regions and objects are the counters, line maps match the objects, types' slot counts match.
// ADD_FAILUREs by name.
void expectDumpAddsUp(const DumpView& dump);

}  // namespace openclaw::test
