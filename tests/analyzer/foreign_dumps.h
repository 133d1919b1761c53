// Random dumps of Java and V8, small, with everything that such files have; and all that a snapshot of any dump answers, as
// text: two snapshots that answer the same give the same text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "analyzer/snapshot.h"

namespace openclaw::test {

struct Random {
  explicit Random(std::uint32_t seed) : engine(seed) {}
  std::uint32_t operator()() { return static_cast<std::uint32_t>(engine()); }
  std::mt19937 engine;
};

// 4- or 8-byte ids, plain or in gzip, dangling references, by seed.
std::vector<std::byte> randomJavaDump(std::uint32_t seed);
// Ids ascend or descend, by seed.
std::string randomV8Snapshot(std::uint32_t seed);

// Objects, references with labels and strengths, dominators, tables.
std::string answersOf(const Snapshot& snapshot);
// The file it came from, and what reading it lost.
std::string originOf(const Snapshot& snapshot);

}  // namespace openclaw::test
