// A seeded heap of any size with the shape of real ones, written as a heap.bin: containers of power-law
// sizes, most references to neighbours in memory, some to a few popular objects, some objects that no root
// reaches.
//
//   OPENCLAW_TRY_VOID(generateDump("/tmp/heap.bin", {.objects = 10'000'000, .seed = 1}));
#pragma once

#include <cstdint>
#include <string>

#include "format/result.h"

namespace openclaw::bench {

struct GeneratorOptions {
  std::uint64_t objects = 10'000'000;
  std::uint64_t seed = 1;
  double references = 3;  // not null, on average an object
  double nulls = 0.3;     // null slots on average an object
  bool random = false;    // true: references lead anywhere, the worst case for caches
};

// Overwrites `path`. The same bytes for the same options. Memory: 16 bytes an object.
Result<void> generateDump(const std::string& path, const GeneratorOptions& options);

}  // namespace openclaw::bench
