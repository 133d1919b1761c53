// Loads any bytes as a Java heap dump under each policy, verifies what came of it and asks for names and texts: what a file may
// say must never break what the analyzer relies on, nor cost memory that its length does not explain. Ids that are no addresses
// may overlap; everything else must hold.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string_view>
#include <vector>

#include "analyzer/snapshot.h"
#include "analyzer/verify.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace openclaw;
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  constexpr Policy kJava[] = {Policy::kStrict, Policy::kVisualvm, Policy::kMat};
  LoadOptions options;
  options.threads = 1;
  options.policy = kJava[size % 3];
  options.dominators = size % 8 != 0;
  options.references = size % 16 != 8;   // counting alone
  options.dump = size % 16 == 1 ? 1 : 0;
  const auto loaded = loadSnapshot(bytes, "/nowhere/fuzz", options);
  if (!loaded || (*loaded)->kind() != DumpKind::kHprof) return 0;
  const Snapshot& s = **loaded;
  // What was only counted has no graph to verify.
  for (const BrokenInvariant& broken : options.references ? verify(s) : std::vector<BrokenInvariant>())
    if (broken.name != "addresses-ascend-without-overlap") {
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
