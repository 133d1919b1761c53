// The seed of a random test: OPENCLAW_TEST_SEED, or a fixed one; printed so that a failure can be run again.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace openclaw::test {

inline std::uint64_t randomSeed(std::uint64_t usual = 20260101) {
  const char* text = std::getenv("OPENCLAW_TEST_SEED");
  std::uint64_t seed = text != nullptr ? std::strtoull(text, nullptr, 10) : usual;
  std::printf("seed %llu (OPENCLAW_TEST_SEED)\n", static_cast<unsigned long long>(seed));
  return seed;
}

}  // namespace openclaw::test
