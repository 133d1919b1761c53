// What the benchmarks share: medians of interleaved runs, peak memory, a seeded generator.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace openclaw::bench {

inline double secondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

inline double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

// The value below which `share` of the values lie (nearest rank).
inline double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const auto rank = static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) + 0.999999);
  return values[std::min(rank, values.size() - 1)];
}

// xorshift64*: the same numbers everywhere.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15ull + 1) {}
  std::uint64_t next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545f4914f6cdd1dull;
  }
  std::uint64_t below(std::uint64_t n) { return static_cast<std::uint64_t>((static_cast<unsigned __int128>(next()) * n) >> 64); }

 private:
  std::uint64_t state_;
};

// --name=value or --name value; the default when it is not there.
inline std::string textOption(int argc, char** argv, const char* name, const char* otherwise) {
  const std::string prefix = std::string("--") + name;
  for (int i = 1; i < argc; ++i) {
    if (argv[i] == prefix && i + 1 < argc) return argv[i + 1];
    if (std::strncmp(argv[i], (prefix + "=").c_str(), prefix.size() + 1) == 0) return argv[i] + prefix.size() + 1;
  }
  return otherwise;
}
inline std::uint64_t numberOption(int argc, char** argv, const char* name, std::uint64_t otherwise) {
  const std::string text = textOption(argc, argv, name, "");
  return text.empty() ? otherwise : std::strtoull(text.c_str(), nullptr, 0);
}

// VmHWM of this process, bytes; 0 when /proc is not there.
inline std::uint64_t peakMemory() {
  std::FILE* status = std::fopen("/proc/self/status", "r");
  if (status == nullptr) return 0;
  char line[256];
  unsigned long long kib = 0;
  while (std::fgets(line, sizeof line, status) != nullptr)
    if (std::sscanf(line, "VmHWM: %llu kB", &kib) == 1) break;
  std::fclose(status);
  return kib * 1024;
}

// Keeps the optimizer from removing what leads to `value`.
template <class T>
inline void keep(const T& value) { asm volatile("" : : "r,m"(value) : "memory"); }

}  // namespace openclaw::bench
