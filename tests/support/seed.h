// The seed of a test that draws its input: one name for all of them.
//
//   OPENCLAW_SEED=7        the input of a failure again
//   OPENCLAW_SEED=random   a fresh one for each test: OPENCLAW_SEED=random ctest --test-dir build/dev --repeat until-fail:20
//   not set                always the same, so that a red run is about the change and not about the day
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string_view>

namespace openclaw::test {

// Prints it, whichever it is.
inline std::uint64_t seedFromEnvironment() {
  const char* text = std::getenv("OPENCLAW_SEED");
  std::uint64_t seed = 20260101;
  if (text != nullptr && std::string_view(text) == "random") {
    std::random_device device;
    seed = device();
  } else if (text != nullptr) {
    seed = std::strtoull(text, nullptr, 0);
  }
  std::printf("OPENCLAW_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

}  // namespace openclaw::test
