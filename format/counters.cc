#include "format/counters.h"

namespace openclaw {

std::span<const CounterInfo> allCounters() {
  static constexpr CounterInfo kCounters[] = {
#define COUNTER(identifier, name, unit, help) {#identifier, name, #unit, help, &HeapCounters::identifier},
#include "format/counters.def"
#undef COUNTER
  };
  return kCounters;
}

}  // namespace openclaw
