// Counts the heap at a safepoint, from block and chunk summaries: O(blocks), no allocation.
#pragma once

#include <cstdint>

#include "format/counters.h"
#include "format/records.h"

namespace openclaw::gc {

class HeapImpl;

// World stopped. Also fills the row of arena `main` when asked (its name is static text).
void computeCounters(HeapImpl& heap, HeapCounters& counters, ArenaRecord* arena = nullptr) noexcept;

}  // namespace openclaw::gc
