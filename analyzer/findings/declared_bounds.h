// What programs promised: an object that declares a bound (runtime/declared_bound.h), and what it really keeps.
//
//   if (const auto use = boundAbove(snapshot, holder, stop)) use->past() ? alarm() : fine();
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "analyzer/snapshot.h"

namespace openclaw {

struct BoundUse {
  ObjectIndex object;      // that promised
  DeclaredBoundInfo bound;
  std::uint64_t used = 0;  // in the unit of the bound
  // Bytes are what the object retains, tables and headers included, which programs rarely count: half more is still within. Of
  // objects, entries on their way out may be a tenth.
  bool past() const;
  std::string text() const;   // "64 MiB" of "40.1 MiB of the 64 MiB", "12,001 of 10,000 objects"
};

// What one object uses of its promise. Objects: the most numerous kind of like objects (type and site) that hang below it,
// through bare arrays and through like objects (lists, trees). Cost: O(1) for bytes, O(those objects) otherwise.
BoundUse useOf(const Snapshot& snapshot, ObjectIndex object, DeclaredBoundInfo bound, const std::stop_token& stop = {});

// The promise of the nearest object that made one: `object` or what dominates it. Cost: O(depth), O(1) without promises.
std::optional<BoundUse> boundAbove(const Snapshot& snapshot, ObjectIndex object, const std::stop_token& stop = {});

}  // namespace openclaw
