// The counters of a heap as one struct, generated from counters.def.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace openclaw {

struct HeapCounters {
#define COUNTER(identifier, name, unit, help) std::uint64_t identifier = 0;
#include "format/counters.def"
#undef COUNTER
};

struct CounterInfo {
  std::string_view identifier, name, unit, help;
  std::uint64_t HeapCounters::*member;
};
// In the order of counters.def. Static.
std::span<const CounterInfo> allCounters();

}  // namespace openclaw
