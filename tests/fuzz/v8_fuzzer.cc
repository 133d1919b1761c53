// Loads any bytes as a V8 heap snapshot under each policy, verifies what came of it and asks for names and texts: what a file may
// say must never break what the analyzer relies on, nor cost memory that its length does not explain.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <vector>

#include "analyzer/snapshot.h"
#include "analyzer/verify.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace openclaw;
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  constexpr Policy kV8[] = {Policy::kStrict, Policy::kV8Devtools, Policy::kMemlab};
  LoadOptions options;
  options.threads = 1;
  options.policy = kV8[size % 3];
  options.dominators = size % 8 != 0;
  options.references = size % 16 != 8;   // counting alone
  const auto loaded = loadSnapshot(bytes, "/nowhere/fuzz", options);
  if (!loaded || (*loaded)->kind() != DumpKind::kV8) return 0;
  const Snapshot& s = **loaded;
  // What was only counted has no graph to verify.
  for (const BrokenInvariant& broken : options.references ? verify(s) : std::vector<BrokenInvariant>()) {
    std::fprintf(stderr, "%s: %s\n", broken.name.c_str(), broken.detail.c_str());
    std::abort();
  }
  std::uint64_t sum = 0;
  for (std::uint32_t i = 0; i < s.objectCount(); i += 1 + s.objectCount() / 64) {
    sum += s.description(ObjectIndex(i)).size() + s.size(ObjectIndex(i)).value + s.types()[s.type(ObjectIndex(i))].name.size();
    std::uint32_t slots = 0;
    for (EdgeCursor edge = s.edgesFrom(ObjectIndex(i)); edge && slots < 64; edge.next(), ++slots)
      sum += s.labelOf(ObjectIndex(i), edge.slot()).size();
  }
  return sum == UINT64_MAX ? 1 : 0;
}
