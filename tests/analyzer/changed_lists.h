// Reference lists with a fault in them, for tests of what finds faults.
#pragma once

#include <cstdint>
#include <utility>

#include "analyzer/graph/edge_builder.h"

namespace openclaw::test {

// The same lists, but for the first entry (index + 1) of the first that has one, which becomes change(entry), not 0.
template <class Change>
CompressedLists withFirstEntry(const CompressedLists& lists, Change change) {
  EdgeTableBuilder builder(lists.rows());
  EdgeTableBuilder::Writer& writer = builder.writer();
  bool done = false;
  for (std::uint32_t row = 0; row < lists.rows(); ++row) {
    writer.begin(row);
    for (SlotReader slots = lists.slots(row); slots.next();) {
      std::uint32_t entry = slots.entry();
      if (entry != 0 && !done) entry = change(entry), done = true;
      entry == 0 ? writer.null() : writer.slot(entry - 1);
    }
    writer.end();
  }
  EdgeTable table;
  builder.finish(table, Work{.threads = 1, .stop = {}, .progress = {}});
  return std::move(table.lists);
}

}  // namespace openclaw::test
