// How a loader fills an EdgeTable: the slots of each object once, objects in any order, from any number of threads.
//
//   EdgeTableBuilder builder(objectCount);
//   EdgeTableBuilder::Writer& writer = builder.writer();     // one a thread
//   writer.begin(object);                                    // each object once; those that never begin have no slots
//   writer.slot(target);  writer.null();  writer.slot(target, Strength::kWeak);
//   writer.end();
//   state.edgeCount = builder.finish(state.edges, work).edges;   // writers are gone afterwards
//
// Slots are numbered as they come, null ones included: slot n names the n-th declared field. How they are kept is no
// business of loaders. An object whose slots come in several places of a file is written in pieces, each with the number of
// its first slot; a piece that leaves a hole behind the ones before it is dropped, and counted.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "analyzer/buffer.h"
#include "analyzer/graph/byte_streams.h"
#include "analyzer/graph/common_targets.h"
#include "analyzer/graph/edge_table.h"
#include "analyzer/graph/work.h"
#include "format/records.h"

namespace openclaw {

// Threads: writer() from any; each Writer from one; finish() when all are done. Throws std::length_error past kMostObjects.
class EdgeTableBuilder {
 public:
  explicit EdgeTableBuilder(std::uint64_t objects);
  ~EdgeTableBuilder();
  EdgeTableBuilder(const EdgeTableBuilder&) = delete;
  // Without labels nobody asks for EdgeTable::firstSlot: saves a quarter of a byte an object.
  void leaveSlotsUnnumbered() { numberSlots_ = false; }

  // Memory: about what the finished lists need, and 3 bytes an object that has slots; half a mebibyte.
  class Writer {
   public:
    // Slots of `object` from number `firstSlot` on. `object` < objects.
    void begin(std::uint32_t object, std::uint32_t firstSlot = 0);
    void slot(std::uint32_t target) { add(target + 1, EdgeTable::kAsDeclared); }
    void slot(std::uint32_t target, Strength strength) { add(target + 1, static_cast<std::uint8_t>(strength)); }
    void null() { add(0, EdgeTable::kAsDeclared); }
    // Of the slot written last, a null one too. 0 = none, which is what slots without a call have.
    void strength(std::uint8_t strength);  // a Strength, or EdgeTable::kAsDeclared
    void label(std::uint32_t label);
    void end();

    explicit Writer(std::size_t pages) : records_(pages), slotsOfPages_(pages) {}

   private:
    friend class EdgeTableBuilder;
    void add(std::uint32_t entry, std::uint8_t strength);
    std::uint32_t object_ = 0, firstSlot_ = 0;
    std::vector<std::uint32_t> slots_, labels_;  // of the object that is being written; labels_: empty, or one a slot
    std::vector<std::uint8_t> strengths_;        // empty, or one a slot
    std::vector<std::uint8_t> record_;           // scratch
    ByteStreams records_;                        // by page of objects
    std::vector<std::uint64_t> slotsOfPages_;
    TargetSample sample_;
    std::uint64_t edges_ = 0;
    bool anyStrengths_ = false, anyLabels_ = false;
  };
  Writer& writer();

  struct Totals {
    std::uint64_t slots = 0, edges = 0;  // edges: slots that are not null
    std::uint64_t droppedSlots = 0;      // behind a hole, or written twice
  };
  // Fills what `edges` says of slots and strengths; types and declarations are the loader's. `labels`, when given: empty, or a
  // label a slot, as EdgeTable::firstSlot counts them. Throws Cancelled, std::bad_alloc.
  Totals finish(EdgeTable& edges, const Work& work, Buffer<std::uint32_t>* labels = nullptr);

 private:
  struct PageBench;
  void finishPage(std::size_t page, PageBench& bench, CompressedListsBuilder& lists, const CommonCodes& common, EdgeTable& edges,
                  Buffer<std::uint32_t>* labels, Totals& totals);

  const std::uint64_t objects_;
  bool numberSlots_ = true;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Writer>> writers_;  // guarded by mutex_
};

// For loaders that had to work on plain rows first: the slots of object i are [first.begin(i), first.end(i)), index + 1 or 0 for
// null; `strengths`: empty, or a Strength a slot, kStrong counting as "as declared". Rows go back to the system as they are read.
EdgeTableBuilder::Totals fillFromRows(EdgeTable& edges, const PagedOffsets& first, Buffer<std::uint32_t> slots,
                                      Buffer<std::uint8_t> strengths, const Work& work);

}  // namespace openclaw
