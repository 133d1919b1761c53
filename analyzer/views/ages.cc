#include "analyzer/views/ages.h"

namespace openclaw {

std::array<AgeRow, 8> computeAges(const Snapshot& snapshot, const ScopeSelection* scope) {
  std::array<AgeRow, 8> rows{};
  for (std::uint32_t i = 0; i < snapshot.objectCount(); ++i) {
    const ObjectIndex object(i);
    if (!inScope(scope, object) || !snapshot.reachable(object)) continue;
    AgeRow& row = rows[snapshot.age(object)];
    ++row.objects;
    row.shallow += snapshot.size(object);
  }
  return rows;
}

}  // namespace openclaw
